/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* spec.h: what kind of map a region holds, as asked for. The caller's memory, never shared. */
#ifndef BPFMAP_REGION_SPEC_H
#define BPFMAP_REGION_SPEC_H

#include <stdint.h>

struct map_spec {
	uint32_t type; /* BPF_MAP_TYPE_* */
	uint32_t key_size;
	uint32_t value_size;
	uint32_t max_entries;
	uint32_t map_flags;
	uint32_t numa_node;
	uint64_t map_extra;
	uint32_t spin_lock_plus1; /* byte offset of a bpf_spin_lock in the value, + 1; 0: none */
};

#endif
