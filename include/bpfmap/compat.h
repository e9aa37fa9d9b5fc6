/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* compat.h: libbpfmap-compat, which answers bpf(2) in place of the kernel for programs written against
 * <bpf/bpf.h> and for libbpf itself. Link it before libbpf or libc, or preload it. */
#ifndef BPFMAP_COMPAT_H
#define BPFMAP_COMPAT_H

#include <bpfmap/bpfmap.h>

#ifdef __cplusplus
extern "C" {
#endif

enum bpfmap_engine {
	BPFMAP_ENGINE_USER = 0,	  /* bpfmap: the default */
	BPFMAP_ENGINE_KERNEL = 1, /* the kernel */
};

/* Who answers from now on, in every thread of this process. Call it before the first use: descriptors
 * of one engine mean nothing to the other. Returns the engine so far. */
BPFMAP_API enum bpfmap_engine bpfmap_compat_engine(enum bpfmap_engine engine);

#ifdef __cplusplus
}
#endif

#endif
