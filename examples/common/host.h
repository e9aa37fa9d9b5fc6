/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* host.h: a small host for eBPF programs, on libbpf alone. Linked with libbpfmap-compat in front,
 * its programs and maps live in this process, without privileges; linked without, in the kernel.
 * Results: 0 or more, or a negative errno; what failed has been said on stderr.
 */
#ifndef EXAMPLES_COMMON_HOST_H
#define EXAMPLES_COMMON_HOST_H

#include <bpf/libbpf.h>
#include <stddef.h>
#include <stdint.h>

#define HOST_FRAME_MIN 14 /* bytes; the kernel runs no program on fewer */

/* Open and load an object file. */
int host_load(const char *path, struct bpf_object **ret_object);

/* The same, but its map of that name is the one behind map_fd. */
int host_load_sharing(const char *path, const char *map, int map_fd,
		      struct bpf_object **ret_object);

/* Descriptors of a program and of a map by name. */
int host_prog(const struct bpf_object *object, const char *name);
int host_map(const struct bpf_object *object, const char *name);

/* Give a packet to the program: its verdict. */
int host_run(int prog_fd, const void *packet, size_t size);

/* Call a SEC("syscall") program: its return value. */
int host_call(int prog_fd, void *ctx, size_t size);

/* A number of the command line between min and max, or -EINVAL. */
long host_number(const char *name, const char *text, long min, long max);

/* Say that something failed: "sentence: reason". Returns err. */
int host_failed(int err, const char *sentence);

#endif
