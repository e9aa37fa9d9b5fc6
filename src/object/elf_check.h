/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* elf_check.h: what libbpf believes of an object file without looking. */
#ifndef BPFMAP_OBJECT_ELF_CHECK_H
#define BPFMAP_OBJECT_ELF_CHECK_H

/* NULL if libbpf may read the file, which may still be none of its kind; else what is damaged. */
const char *elf_check(const char *path);

#endif
