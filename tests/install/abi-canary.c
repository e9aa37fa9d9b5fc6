/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* abi-canary.c: a library with a part of the public interface and nothing behind it (abi.sh). */
#include <bpfmap/bpfmap.h>

BPFMAP_API int bpfmap_create(const struct bpfmap_create_opts *opts, struct bpfmap **ret_map)
{
	return opts->memory == BPFMAP_MEMORY_SHARED && ret_map;
}

BPFMAP_API int bpfmap_memory_for(const struct bpfmap_create_opts *opts, uint32_t cpus,
				 struct bpfmap_memory_for *ret_memory)
{
	return opts && cpus && ret_memory;
}

BPFMAP_API int bpfmap_delete(struct bpfmap *map, const void *key)
{
	return map && key;
}

BPFMAP_API int bpfmap_freeze(struct bpfmap *map)
{
	return !map;
}
