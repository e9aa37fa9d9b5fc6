/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* age.c: see age.h. First come elements that were not used since they were looked at last,
 * PROBATION's before PROTECTED's, each from the tail; then those whose mark is set, in the same
 * order (lru.c: Policy). Before and behind all these come those that threads have in hand (lru.h:
 * struct lru_batch). A writable handle walks the lists under the policy's lock; a read-only one
 * sees them as they change, and what it then misses or meets twice gets a wrong age, not a wrong
 * place in memory. */
#include "map/age.h"

#include "base/error.h"
#include "map/hash.h"
#include "map/lru.h"
#include "sync/lock.h"

#include <errno.h>
#include <stdlib.h>

struct map_ages {
	uint32_t next;
	uint32_t rank[]; /* per pool element; 0: not met */
};

static void list_rank(const struct hash *h, uint32_t head, int used, struct map_ages *ages)
{
	uint32_t at = shm_u32_load_relaxed(&h->lru_nodes[head].prev);

	for (uint32_t hops = 0; at < h->g.pool_n && hops < h->g.pool_n; hops++) {
		if ((shm_u8_load_relaxed(&h->lru_marks[at]) != 0) == used && !ages->rank[at])
			ages->rank[at] = ages->next++;
		at = shm_u32_load_relaxed(&h->lru_nodes[at].prev);
	}
}

/* Those that threads have in hand: their next victims, or their newest elements. */
static void batch_rank(const struct hash *h, enum lru_where place, struct map_ages *ages)
{
	for (uint32_t at = 0; at < h->g.pool_n; at++)
		if ((shm_u32_load_relaxed(&h->lru_nodes[at].state) & LRU_WHERE_MASK) == place &&
		    !ages->rank[at])
			ages->rank[at] = ages->next++;
}

static void lists_rank(const struct hash *h, struct map_ages *ages)
{
	batch_rank(h, LRU_LIMBO, ages);
	for (int used = 0; used < 2; used++)
		for (uint32_t list = 0; list < 2; list++)
			list_rank(h, h->g.pool_n + list, used, ages);
	batch_rank(h, LRU_PENDING, ages);
}

static int lists_rank_locked(struct hash *h, struct map_ages *ages)
{
	struct owner_local *self;
	int err = owner_self(&h->region->owners, &self);

	if (!err)
		err = lock_acquire_nested(&h->lru->lock, &h->region->owners, self->number_plus1 - 1,
					  LRU_LOCK);
	if (err)
		return err;
	lists_rank(h, ages);
	lock_release(&h->lru->lock);
	return 0;
}

int map_ages(struct bpfmap *map, struct map_ages **ret_ages)
{
	bool is_lru = map->spec.type == BPF_MAP_TYPE_LRU_HASH ||
		      map->spec.type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
	struct hash *h = map->priv;
	struct map_ages *ages;
	int err = 0;

	*ret_ages = NULL;
	if (!is_lru)
		return 0;
	ages = calloc(1, sizeof(*ages) + h->g.pool_n * sizeof(ages->rank[0]));
	if (!ages)
		return fail(ENOMEM, "no memory for the order of %u elements", h->g.pool_n);
	ages->next = 1;
	if (map->region->readonly)
		lists_rank(h, ages);
	else
		err = lists_rank_locked(h, ages);
	if (err)
		free(ages);
	else
		*ret_ages = ages;
	return err;
}

uint32_t map_age_of(struct bpfmap *map, const struct map_ages *ages, const void *key)
{
	const struct hash *h = map->priv;
	struct found found;

	if (!hash_find(h, key, hash_key(h, key), &found) || !found.elem ||
	    found.elem > h->g.pool_n || !ages->rank[found.elem - 1])
		return UINT32_MAX;
	return ages->rank[found.elem - 1];
}
