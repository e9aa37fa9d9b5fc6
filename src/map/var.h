/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* var.h: maps with BPFMAP_F_VARIABLE, for the rest of src/map. */
#ifndef BPFMAP_MAP_VAR_H
#define BPFMAP_MAP_VAR_H

#include "map/map.h"
#include "sync/bytes.h"

/* An element, copied out of a bucket. */
struct var_record {
	uint32_t key_len;
	uint32_t value_len;
	uint8_t bytes[]; /* key (padded to 8), value (padded to 8) */
};

static inline uint64_t var_record_bytes(uint32_t key_len, uint32_t value_len)
{
	return sizeof(struct var_record) + RU8(key_len) + RU8(value_len);
}

/* ENOTSUP with a sentence unless the map has BPFMAP_F_VARIABLE. */
int map_check_variable(const struct bpfmap *map);

/* The records of the elements of bucket *cursor, which moves to the next one. *ret_used: their
 * bytes. 0; -ENOSPC if they are more than room; -ENOENT past the last bucket; -EUCLEAN. */
int var_read_bucket(struct bpfmap *map, uint64_t *cursor, uint8_t *buf, uint64_t room,
		    uint64_t *ret_used);

#endif
