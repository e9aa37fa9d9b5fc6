/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* compat.h: libbpfmap-compat, which answers bpf(2) in place of the kernel for programs written
 * against <bpf/bpf.h> and for libbpf itself. Link it before libbpf or libc, or preload it. */
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

/* Who answers from now on, in every thread of this process. Call it before the first use:
 * descriptors of one engine mean nothing to the other. Returns the engine so far. */
BPFMAP_API enum bpfmap_engine bpfmap_compat_engine(enum bpfmap_engine engine);

/* How a call makes sure that a descriptor's number still means what it meant before.
 *
 * ALWAYS: it asks the kernel, each time; whatever closes descriptors, and however, is noticed, as
 * by bpf(2) itself. That is most of what a call costs.
 *
 * CLOSES: a number means what it did until this process closes or replaces it by one of close,
 * dup2, dup3, close_range, closefrom, fclose or syscall, which are this library's. Correct also
 * among threads. Not noticed are closes by system calls of the program's own code (in assembly, by
 * another language's run time), by io_uring, by libc within itself (freopen, mq_close, daemon on a
 * map's number), by code bound to another libc (dlmopen), and threads that left the shared table
 * (unshare(CLONE_FILES)). A program that closes a map like this may then reach it under a number
 * that is closed or means something else; the map itself stays whole. */
enum bpfmap_fd_check {
	BPFMAP_FD_CHECK_ALWAYS = 0, /* the default */
	BPFMAP_FD_CHECK_CLOSES =
		1, /* for preloaded programs: BPFMAP_FD_CHECK=closes in the environment */
};

/* From now on, in every thread of this process. Returns the check so far. */
BPFMAP_API enum bpfmap_fd_check bpfmap_compat_fd_check(enum bpfmap_fd_check check);

#ifdef __cplusplus
}
#endif

#endif
