/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* hash_ops.h: the ops tables of the hash family: what their types have in common. */
#ifndef BPFMAP_MAP_HASH_OPS_H
#define BPFMAP_MAP_HASH_OPS_H

#include "map/hash.h"

/* hash.c */
int hash_init(struct bpfmap *map);
int hash_reserved(struct bpfmap *map, region_range_fn *fn, void *arg);
int hash_attach_writer(struct bpfmap *map);
void hash_detach(struct bpfmap *map);
int hash_update(struct bpfmap *map, const void *key, const void *value, uint64_t flags);
int hash_delete(struct bpfmap *map, const void *key);
int hash_take(struct bpfmap *map, const void *key, void *ret_value);
int hash_take_bucket(struct bpfmap *map, uint64_t *cursor, void *keys, void *values,
		     uint32_t *count);
bool hash_is_value(const struct bpfmap *map, const void *addr, size_t len);
void hash_counters(const struct bpfmap *map, struct map_counters *ret_counters);

/* hash_sized.c: the ops compiled for the map's key size if there are such, else map->ops. */
const struct map_ops *hash_sized_ops(const struct bpfmap *map);
/* A lookup for bpfmap.head, or NULL: ops->lookup will do. */
void *(*hash_sized_lookup(const struct bpfmap *map))(struct bpfmap *map, const void *key);

/* All but lookup, update and what only some types have. */
#define HASH_COMMON_OPS                                                              \
	.alloc_check = hash_alloc_check, .layout = hash_layout, .parts = hash_parts, \
	.init = hash_init, .reserved = hash_reserved, .attach = hash_attach_writer,  \
	.detach = hash_detach, .take = hash_take, .next_key = hash_next_key,         \
	.read_bucket = hash_read_bucket, .take_bucket = hash_take_bucket,            \
	.is_value = hash_is_value, .counters = hash_counters, .check = hash_check

#define HASH_FAMILY_OPS \
	HASH_COMMON_OPS, .delete_elem = hash_delete, .read = hash_read, .write = hash_update

#endif
