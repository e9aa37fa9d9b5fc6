/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* salvage.c: see salvage.h. Reads only, asks no lock and no version, and checks every index before
 * it is followed, as hash_check.c does.
 *
 * An element of a hash map is believed if its key's hash leads to where it lies: the bucket, and
 * the slot's tag or the hash that is stored beside it; 32 bits and more, so that random bytes are
 * not taken for a key. Where a chain breaks, what was behind it is found by going over the pool: an
 * element that is in no chain, in no free list and in no owner's hands was cut off. If a free list
 * is broken, too, deleted elements look the same, and nothing is taken from there.
 */
#include "map/salvage.h"

#include "base/error.h"
#include "base/hash.h"
#include "map/hash.h"
#include "map/hash_find.h"
#include "map/lru.h"
#include "map/var.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct salvage {
	struct bpfmap *map;
	map_salvage_fn *fn;
	void *arg;
	struct map_salvaged found;
	uint8_t *seen; /* a bit per pool element that is in its place, or free */
	uint8_t *key;
	uint8_t *value;
	size_t value_bytes;
};

static int emit(struct salvage *s)
{
	return s->fn(s->arg, s->key, s->map->spec.key_size, s->value, (uint32_t)s->value_bytes);
}

/* ---- hash maps ---- */

/* False: no such element, or met before. */
static bool element_first(struct salvage *s, uint32_t link)
{
	const struct hash *h = s->map->priv;
	uint8_t bit = (uint8_t)(1u << ((link - 1) % 8));

	if (link > h->g.pool_n || s->seen[(link - 1) / 8] & bit)
		return false;
	s->seen[(link - 1) / 8] |= bit;
	return true;
}

static uint64_t key_load(struct salvage *s, const uint8_t *stored)
{
	const struct hash *h = s->map->priv;

	bytes_load(s->key, (void *)stored, h->key_size);
	return hash_bytes(s->key, h->key_size, h->seed);
}

static int slots_salvage(struct salvage *s, struct bucket_shm *b, uint32_t index)
{
	const struct hash *h = s->map->priv;
	uint64_t meta = shm_u64_load_relaxed(&b->meta);
	int stop = 0;

	for (uint32_t i = 0; !stop && i < h->g.slots; i++) {
		uint8_t tag = (uint8_t)(meta >> (i * 8));
		uint64_t hash;

		if (!tag)
			continue;
		hash = key_load(s, hash_slot(h, b, i));
		if (hash_bucket_of(h, hash) != index || hash_tag(hash) != tag) {
			s->found.rejected++;
			continue;
		}
		hash_value_copy(h, hash_slot(h, b, i), 0, meta, s->value);
		stop = emit(s);
	}
	return stop;
}

/* bucket: where it was found; UINT32_MAX: in none, any will do. 1: it cannot be believed. */
static int element_salvage(struct salvage *s, uint32_t link, uint32_t bucket, uint64_t meta)
{
	const struct hash *h = s->map->priv;
	struct elem_shm *e = hash_elem(h, link - 1);
	uint64_t hash = key_load(s, hash_elem_key(e));

	if (shm_u32_load_relaxed(&e->hash) != hash_stored(h, hash) ||
	    (bucket != UINT32_MAX && hash_bucket_of(h, hash) != bucket))
		return 1;
	hash_value_copy(h, hash_elem_key(e), link, meta, s->value);
	return emit(s);
}

static int chain_salvage(struct salvage *s, struct bucket_shm *b, uint32_t index)
{
	const struct hash *h = s->map->priv;
	uint64_t meta = shm_u64_load_relaxed(&b->meta);
	uint32_t link = shm_u32_load_relaxed(&b->chain);

	while (link) {
		int stop;

		if (!element_first(s, link)) {
			s->found.rejected++;
			return 0;
		}
		stop = element_salvage(s, link, index, meta);
		if (stop < 0)
			return stop;
		s->found.rejected += stop == 1;
		link = shm_u32_load_relaxed(&hash_elem(h, link - 1)->next);
	}
	return 0;
}

/* Marks what is free. False: a list is broken. */
static bool free_mark(struct salvage *s)
{
	const struct hash *h = s->map->priv;

	for (uint32_t l = 0; l < h->g.lists; l++) {
		uint64_t heads = shm_u64_load_relaxed(&h->shm->lists[l].heads);
		uint32_t links[2] = {(uint32_t)heads, (uint32_t)(heads >> 32)};

		for (int i = 0; i < 2; i++) {
			uint32_t link = links[i];

			for (; link; link = shm_u32_load_relaxed(&hash_elem(h, link - 1)->next))
				if (!element_first(s, link))
					return false;
		}
	}
	for (uint32_t n = 0; n < owner_count(&h->region->owners); n++) {
		struct owner_shm *record = owner_record(&h->region->owners, n);
		uint32_t claim = shm_u32_load_relaxed(&record->claim);
		uint32_t release = shm_u32_load_relaxed(&record->release);

		if ((claim && !element_first(s, claim)) || (release && !element_first(s, release)))
			return false;
	}
	return true;
}

/* Elements of a list's range that were ever used and have memory behind them. */
static uint32_t range_used(const struct hash *h, uint32_t l)
{
	uint32_t bump = shm_u32_load_relaxed(&h->shm->lists[l].bump);
	uint32_t reserved = shm_u32_load_relaxed(&h->shm->lists[l].reserved);
	uint32_t used = bump < reserved ? bump : reserved;

	return used < h->g.list_span ? used : h->g.list_span;
}

static int cut_off_salvage(struct salvage *s)
{
	const struct hash *h = s->map->priv;

	if (!free_mark(s))
		return 0;
	for (uint32_t l = 0; l < h->g.lists; l++) {
		for (uint32_t i = 0; i < range_used(h, l); i++) {
			uint32_t link = l * h->g.list_span + i + 1;
			int stop;

			if (!element_first(s, link))
				continue;
			stop = element_salvage(s, link, UINT32_MAX, 0);
			if (stop < 0)
				return stop;
			s->found.cut_off += !stop;
		}
	}
	return 0;
}

static int hash_salvage(struct salvage *s)
{
	const struct hash *h = s->map->priv;
	int stop = 0;

	s->seen = calloc(1, h->g.pool_n / 8 + 1);
	if (!s->seen)
		return fail(ENOMEM, "no memory to salvage the map");
	for (uint32_t i = 0; !stop && i < h->g.n_buckets; i++) {
		struct bucket_shm *b = hash_bucket(h, i);

		if (!hash_bucket_reserved(h, i))
			continue;
		stop = slots_salvage(s, b, i);
		if (!stop)
			stop = chain_salvage(s, b, i);
	}
	if (!stop)
		stop = cut_off_salvage(s);
	free(s->seen);
	return stop;
}

/* ---- maps with elements of any length ---- */

static int records_salvage(struct salvage *s, const uint8_t *buf, uint64_t used, uint64_t bucket)
{
	const struct hash *h = s->map->priv;
	uint64_t at = 0;

	while (at < used) {
		const struct var_record *record = (const struct var_record *)(buf + at);
		uint64_t hash = hash_bytes(record->bytes, record->key_len, h->seed);
		int stop = 0;

		if (hash_bucket_of(h, hash) == bucket)
			stop = s->fn(s->arg, record->bytes, record->key_len,
				     record->bytes + RU8(record->key_len), record->value_len);
		else
			s->found.rejected++;
		if (stop)
			return stop;
		at += var_record_bytes(record->key_len, record->value_len);
	}
	return 0;
}

static int variable_salvage(struct salvage *s)
{
	uint64_t cursor = 0, used, room = 1u << 16;
	uint8_t *buf = malloc(room), *more;
	int err = 0;

	while (buf && err != -ENOENT) {
		uint64_t bucket = cursor;

		err = var_read_bucket(s->map, &cursor, buf, room, &used);
		if (err == -ENOSPC) {
			room = used + used / 2;
			more = realloc(buf, room);
			if (!more)
				break;
			buf = more;
			continue;
		}
		if (err == -EUCLEAN) {
			s->found.rejected++;
			cursor = bucket + 1;
		}
		err = err ? err : records_salvage(s, buf, used, bucket);
		if (err && err != -ENOENT && err != -EUCLEAN)
			break;
	}
	free(buf);
	if (!buf || err == -ENOSPC)
		return fail(ENOMEM, "no memory to salvage the map");
	return err == -ENOENT ? 0 : err;
}

/* ---- arrays ---- */

/* The values as they lie there: no lock and no stage is asked. */
static int array_salvage(struct salvage *s)
{
	uint32_t cpus = s->map->vcpus ? s->map->vcpus->count : 1;
	size_t size = s->map->spec.value_size;
	int stop = 0;

	for (uint32_t i = 0; !stop && i < s->map->spec.max_entries; i++) {
		memcpy(s->key, &i, sizeof(i));
		for (uint32_t cpu = 0; cpu < cpus; cpu++) {
			const void *value = s->map->vcpus ? s->map->ops->lookup_cpu(s->map, &i, cpu)
							  : s->map->ops->lookup(s->map, &i);

			if (value)
				memcpy(s->value + cpu * RU8(size), value, size);
		}
		stop = emit(s);
	}
	return stop;
}

int map_salvage(struct bpfmap *map, map_salvage_fn *fn, void *arg,
		struct map_salvaged *ret_salvaged)
{
	struct salvage s = {.map = map,
			    .fn = fn,
			    .arg = arg,
			    .value_bytes = map_syscall_value_size(map),
			    .key = malloc(map->spec.key_size + 1)};
	int err;

	s.value = calloc(1, s.value_bytes + 1);
	if (!s.key || !s.value)
		err = fail(ENOMEM, "no memory to salvage the map");
	else if (map->spec.type == BPF_MAP_TYPE_BLOOM_FILTER)
		err = fail(ENOTSUP, "a Bloom filter has no elements that could be found");
	else if (map->spec.map_flags & BPFMAP_F_VARIABLE)
		err = variable_salvage(&s);
	else if (map->spec.type == BPF_MAP_TYPE_ARRAY ||
		 map->spec.type == BPF_MAP_TYPE_PERCPU_ARRAY)
		err = array_salvage(&s);
	else
		err = hash_salvage(&s);
	free(s.key);
	free(s.value);
	if (!err)
		*ret_salvaged = s.found;
	return err;
}
