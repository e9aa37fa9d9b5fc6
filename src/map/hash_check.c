/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* hash_check.c: the invariants of hash.c and pool.c, verified over a whole region at rest. Reads
 * only; any bytes may be there, so every index is checked before it is followed. */
#include "map/hash.h"
#include "map/lru.h"

#include "base/error.h"
#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>

struct check {
	const struct hash *h;
	uint8_t *seen; /* a bit per pool element */
	uint8_t *key;  /* room for one */
	uint64_t live;
};

static int element_once(struct check *c, uint32_t link, const char *where, uint32_t at)
{
	if (link > c->h->g.pool_n)
		return fail(EUCLEAN, "%s %u leads to element %u of %u", where, at, link,
			    c->h->g.pool_n);
	if (c->seen[(link - 1) / 8] >> ((link - 1) % 8) & 1)
		return fail(EUCLEAN, "element %u is in two places, one of them %s %u", link, where,
			    at);
	c->seen[(link - 1) / 8] |= (uint8_t)(1u << ((link - 1) % 8));
	return 0;
}

static int hash_belongs(struct check *c, uint64_t hash, uint32_t bucket)
{
	if (hash_bucket_of(c->h, hash) != bucket)
		return fail(EUCLEAN, "bucket %u holds a key of bucket %u", bucket,
			    hash_bucket_of(c->h, hash));
	c->live++;
	return 0;
}

/* The key's hash chooses this bucket (and tag or stored hash). */
static int key_belongs(struct check *c, const uint8_t *stored, uint32_t bucket, uint64_t *ret_hash)
{
	bytes_load(c->key, (void *)stored, c->h->key_size);
	*ret_hash = hash_bytes(c->key, c->h->key_size, c->h->seed);
	return hash_belongs(c, *ret_hash, bucket);
}

/* The blocks behind the first one, each in no other place, as many as the lengths say. */
static int blocks_check(struct check *c, uint32_t elem, uint32_t n)
{
	uint32_t link = elem;

	while (n--) {
		link = shm_u32_load_relaxed(&hash_elem(c->h, link - 1)->stage);
		if (!link != !n)
			return fail(EUCLEAN, "element %u has %s blocks than its lengths need", elem,
				    link ? "more" : "fewer");
		if (link && element_once(c, link, "element", elem))
			return -EUCLEAN;
	}
	return 0;
}

static int variable_belongs(struct check *c, uint32_t elem, uint32_t bucket, uint64_t *ret_hash)
{
	uint32_t key_len, value_len;
	int err;

	if (!var_load_key(c->h, elem, c->key, &key_len, &value_len))
		return fail(EUCLEAN, "element %u says that it is longer than the map allows", elem);
	*ret_hash = hash_bytes(c->key, key_len, c->h->seed);
	err = hash_belongs(c, *ret_hash, bucket);
	return err ? err : blocks_check(c, elem, var_blocks(c->h, key_len, value_len));
}

static int slots_check(struct check *c, struct bucket_shm *b, uint32_t index)
{
	uint64_t meta = shm_u64_load_relaxed(&b->meta), hash;
	int err;

	if (c->h->g.slots < SLOTS_MAX && (uint32_t)meta >> (c->h->g.slots * 8))
		return fail(EUCLEAN, "bucket %u has a tag without a slot", index);
	for (uint32_t i = 0; i < c->h->g.slots; i++) {
		uint8_t tag = (uint8_t)(meta >> (i * 8));

		if (!tag)
			continue;
		err = key_belongs(c, hash_slot(c->h, b, i), index, &hash);
		if (err)
			return err;
		if (tag != hash_tag(hash))
			return fail(EUCLEAN, "bucket %u slot %u: tag %u, its key has %u", index, i,
				    tag, hash_tag(hash));
		for (uint32_t j = 0; j < i; j++)
			if ((uint8_t)(meta >> (j * 8)) &&
			    bytes_same((void *)hash_slot(c->h, b, i), (void *)hash_slot(c->h, b, j),
				       c->h->key_size))
				return fail(EUCLEAN, "bucket %u holds a key twice", index);
	}
	return 0;
}

/* A chain of a sound map is short; a long one of a map with seed 0 still ends, by element_once. */
static int chain_check(struct check *c, struct bucket_shm *b, uint32_t index)
{
	uint64_t meta = shm_u64_load_relaxed(&b->meta), hash;
	uint32_t link = shm_u32_load_relaxed(&b->chain);

	while (link) {
		struct elem_shm *e;
		int err = element_once(c, link, "the chain of bucket", index);

		if (err)
			return err;
		e = hash_elem(c->h, link - 1);
		err = c->h->g.blocks ? variable_belongs(c, link, index, &hash)
				     : key_belongs(c, hash_elem_key(e), index, &hash);
		if (err)
			return err;
		if (shm_u32_load_relaxed(&e->hash) != hash_stored(c->h, hash))
			return fail(EUCLEAN, "element %u stores another hash than its key's", link);
		for (uint32_t i = 0; i < c->h->g.slots; i++)
			if ((uint8_t)(meta >> (i * 8)) &&
			    bytes_same((void *)hash_slot(c->h, b, i), (void *)hash_elem_key(e),
				       c->h->key_size))
				return fail(EUCLEAN, "bucket %u holds a key twice", index);
		link = shm_u32_load_relaxed(&e->next);
	}
	return 0;
}

static int list_check(struct check *c, uint32_t l)
{
	struct pool_list_shm *list = &c->h->shm->lists[l];
	uint64_t heads = shm_u64_load_relaxed(&list->heads);
	uint32_t links[2] = {(uint32_t)heads, (uint32_t)(heads >> 32)};

	if (shm_u32_load_relaxed(&list->lock))
		return fail(EUCLEAN, "free list %u is locked although nobody uses the map", l);
	for (int i = 0; i < 2; i++) {
		uint32_t link = links[i];

		while (link) {
			int err = element_once(c, link, "free list", l);

			if (err)
				return err;
			link = shm_u32_load_relaxed(&hash_elem(c->h, link - 1)->next);
		}
	}
	return 0;
}

/* An element, or a chain of blocks, that a record names. */
static int held_check(struct check *c, uint32_t link, uint32_t owner)
{
	int err = 0;

	while (link && !err) {
		err = element_once(c, link, "the record of owner", owner);
		if (err || !c->h->g.blocks)
			break;
		link = shm_u32_load_relaxed(&hash_elem(c->h, link - 1)->stage);
	}
	return err;
}

/* What is in nobody's hands must never have been used. */
static int pool_check(struct check *c)
{
	const struct hash *h = c->h;

	for (uint32_t n = 0; n < owner_count(&h->region->owners); n++) {
		struct owner_shm *record = owner_record(&h->region->owners, n);
		uint32_t held[2] = {shm_u32_load_relaxed(&record->claim),
				    shm_u32_load_relaxed(&record->release)};

		for (int i = 0; i < 2; i++) {
			int err = held_check(c, held[i], n);

			if (err)
				return err;
		}
	}
	for (uint32_t i = 0; i < h->g.pool_n; i++) {
		uint32_t l = i / h->g.list_span;
		bool used = i - l * h->g.list_span < shm_u32_load_relaxed(&h->shm->lists[l].bump);

		if ((c->seen[i / 8] >> (i % 8) & 1) != used)
			return fail(EUCLEAN,
				    used ? "element %u is lost: in no chain and no list"
					 : "element %u is in use but was never taken",
				    i + 1);
	}
	return 0;
}

static int buckets_check(struct check *c)
{
	for (uint32_t i = 0; i < c->h->g.n_buckets; i++) {
		struct bucket_shm *b = hash_bucket(c->h, i);
		int err;

		if (!hash_bucket_reserved(c->h, i))
			continue;
		if (shm_u32_load_relaxed(&b->lock))
			return fail(EUCLEAN, "bucket %u is locked although nobody uses the map", i);
		err = slots_check(c, b, i);
		if (!err)
			err = chain_check(c, b, i);
		if (err)
			return err;
	}
	return 0;
}

static int counts_check(struct check *c, struct bpfmap *map)
{
	uint64_t entries, high = shm_u32_load_relaxed(&c->h->shm->high_water);
	struct map_counters counters;

	map->ops->counters(map, &counters);
	entries = counters.entries;
	if (entries != c->live)
		return fail(EUCLEAN, "the count says %llu elements, there are %llu",
			    (unsigned long long)entries, (unsigned long long)c->live);
	if (entries > c->h->max_entries || high > c->h->max_entries)
		return fail(EUCLEAN, "more elements than max_entries");
	return 0;
}

int hash_check(struct bpfmap *map)
{
	const struct hash *h = map->priv;
	struct check c = {
		.h = h,
		.seen = calloc(1, h->g.pool_n / 8 + 1),
		.key = malloc(h->key_size),
	};
	int err = 0;

	if (!c.seen || !c.key)
		err = fail(ENOMEM, "no memory to check the map");
	if (!err)
		err = buckets_check(&c);
	if (!err && h->lru)
		err = lru_check(h, c.seen);
	for (uint32_t l = 0; !err && l < h->g.lists; l++)
		err = list_check(&c, l);
	if (!err)
		err = pool_check(&c);
	if (!err)
		err = counts_check(&c, map);
	free(c.key);
	free(c.seen);
	return err;
}
