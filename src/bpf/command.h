/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* command.h: bpf(2) in user space. The one entry for everything that is fd-shaped.
 *
 * bpfmap_bpf() answers the system call for our own maps, programs and BTF objects: same attribute
 * union, same commands, same order of checks, same errnos (reference: Linux 6.18). It returns what
 * the system call would return (fd or 0), or -errno; errno is not set. After a failure
 * bpfmap_last_error() has the sentence.
 */
#ifndef BPFMAP_BPF_COMMAND_H
#define BPFMAP_BPF_COMMAND_H

#include "bpfmap/compat.h"

#ifdef __cplusplus
extern "C" {
#endif

BPFMAP_API long bpfmap_bpf(int cmd, void *attr, unsigned int size);

/* The same for a block of all 168 bytes of Linux 6.18 that the library has built itself: for the
 * commands on one element it is neither copied nor looked through. */
BPFMAP_API long bpfmap_bpf_built(int cmd, void *attr);

/* To be called when a descriptor was closed or replaced (close, dup2, dup3, close_range), so that
 * the memory of a map goes with its last holder at once. The shim of src/compat does it; without it
 * the memory goes at the next bpf call. Never needed for correctness: each call verifies that the
 * descriptor still is the one it knows. */
BPFMAP_API void bpfmap_bpf_fd_closed(int fd);

/* Stand before the system call that closes descriptors and after bpfmap_bpf_fd_closed(). Needed
 * only under BPFMAP_FD_CHECK_CLOSES, where they make it safe. */
BPFMAP_API void bpfmap_bpf_fd_closing(void);
BPFMAP_API void bpfmap_bpf_fd_closing_end(void);

/* bpfmap/compat.h has the meaning. The check so far. */
BPFMAP_API enum bpfmap_fd_check bpfmap_bpf_fd_check(enum bpfmap_fd_check check);

/* Would the kernel let a map behind fd be mapped like this? 1 if so; 0 if fd is not a map at all;
 * EPERM (frozen), EACCES, EINVAL, E524, EOVERFLOW as for the kernel's maps. The mmap shim of
 * src/compat asks. */
BPFMAP_API int bpfmap_bpf_may_mmap(int fd, size_t length, int prot, int flags, uint64_t off);

/* Where a path really is. 1: it is under /sys/fs/bpf and *ret_path is its place in the runtime
 * directory. 0: it stays as it is. -ENAMETOOLONG, -EACCES. */
BPFMAP_API int bpfmap_bpf_path(const char *path, char *ret_path, size_t size);

/* The handle that this process has for the map behind fd, kept: the caller closes it with
 * bpfmap_close(), and no second one is made. Errors as bpfmap_prog_from_fd(). */
BPFMAP_API int bpfmap_bpf_map(int fd, struct bpfmap **ret_map);

/* For libraries above this one: from now on bpfmap_last_error() is this sentence. Returns -err. */
BPFMAP_API int bpfmap_bpf_fail(int err, const char *sentence);

#ifdef __cplusplus
}
#endif

#endif
