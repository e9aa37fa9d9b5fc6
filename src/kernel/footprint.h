/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* footprint.h: what a map takes in the kernel, without making it. */
#ifndef BPFMAP_KERNEL_FOOTPRINT_H
#define BPFMAP_KERNEL_FOOTPRINT_H

#include "map/memory.h"

#include <linux/bpf.h>
#include <stdint.h>

/* What a map of that kind with so many elements, on a machine with so many CPUs, has for "memlock"
 * in its fdinfo, bytes; 0: not known. Exact on Linux 6.18, x86-64, for what its BPF_MAP_CREATE
 * takes. */
uint64_t footprint_bytes(const struct bpf_map_info *info, uint64_t entries, uint32_t cpus);

/* What it is for: parts that add up to that, when the map is made and with so many elements. None:
 * not known. */
void footprint_parts(const struct bpf_map_info *info, uint64_t entries, uint32_t cpus,
		     struct memory_parts *ret_parts);

#endif
