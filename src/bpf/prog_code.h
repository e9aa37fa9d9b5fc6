/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* prog_code.h: compiled code of programs behind descriptors (vm/native.h). EBADF, EINVAL: no
 * descriptor of a program here; else the errnos of native.h. */
#ifndef BPFMAP_BPF_PROG_CODE_H
#define BPFMAP_BPF_PROG_CODE_H

#include "vm/native.h"

/* vm_prog_compile() */
int prog_code_compile(int fd, enum vm_jit_mode mode);
/* vm_progs_save() */
int prog_code_save(const int *fds, uint32_t n, const char *path);
/* vm_prog_load_code() */
int prog_code_load(int fd, const char *path);

#endif
