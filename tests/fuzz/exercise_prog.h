/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* exercise_prog.h: an eBPF program that does to a map what programs can do, whatever its bytes hold. */
#ifndef BPFMAP_TESTS_EXERCISE_PROG_H
#define BPFMAP_TESTS_EXERCISE_PROG_H

#include "bpfmap/bpfmap.h"

/* Descriptor of an XDP program for the map, -errno if the map cannot be opened anew or asks for more
 * stack than there is. The caller closes it. */
int exercise_prog_load(struct bpfmap *map, const struct bpfmap_info *info);

/* Runs it on a packet whose first byte is the key's. 0 or -errno. */
int exercise_prog_run(int prog_fd, uint8_t key);

#endif
