/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* engine.h: who answers, and the boundary where -errno becomes errno. */
#ifndef BPFMAP_COMPAT_ENGINE_H
#define BPFMAP_COMPAT_ENGINE_H

union call_attr;

/* 1 while bpfmap answers, 0 while the kernel does. */
int engine_is_user(void);

/* bpf(2) by the engine: a result or -errno. */
long engine_bpf(int cmd, void *attr, unsigned int size);

/* From now on say each refusal on stderr: libbpf shows its errno alone. */
void refusals_tell(void);

/* libc's convention: -1 and errno. */
long result_libc(long result);

/* libbpf's convention: -errno, and errno too. */
int result_libbpf(long result);

/* engine_bpf() on a whole block, in libbpf's convention. */
int libbpf_call(int cmd, union call_attr *attr);

#endif
