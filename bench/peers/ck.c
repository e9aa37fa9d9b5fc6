/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* ck.c: Concurrency Kit's ck_ht: many readers, one writer, so writers share a lock. Keys and values of one
 * word lie in the table; others in elements that it points to, and a replaced element is used again after
 * DELAY others, in place of the reclamation that ck leaves to its users. No churn: deletion leaves
 * tombstones, which only a pass over the table (ck_ht_gc) clears.
 */
#include "peer.h"

#include <ck_ht.h>
#include <ck_spinlock.h>
#include <stdlib.h>

#define DIRECT (KEY_WORDS == 1 && VALUE_WORDS == 1)
#define DELAY  1024u

struct element {
	struct key key;
	struct value value;
};

struct table {
	ck_ht_t ht;
	ck_spinlock_t lock;
	struct element *old[DELAY];
	uint32_t oldest;
};

static void *ck_allocate(size_t size)
{
	return malloc(size);
}

static void ck_release(void *p, size_t size, bool defer)
{
	free(p);
}

static struct ck_malloc ck_memory = {.malloc = ck_allocate, .free = ck_release};

static void ck_hash(ck_ht_hash_t *ret_hash, const void *key, size_t length, uint64_t seed)
{
	ret_hash->value = key_hash(key);
}

#if DIRECT
static inline uint64_t table_get(struct table *t, const struct key *key)
{
	ck_ht_entry_t entry;
	ck_ht_hash_t hash = {.value = key_hash(key)};

	ck_ht_entry_key_set_direct(&entry, key->w[0]);
	return ck_ht_get_spmc(&t->ht, hash, &entry) ? ck_ht_entry_value_direct(&entry) : 0;
}

static inline void table_put(struct table *t, const struct key *key, const struct value *value)
{
	ck_ht_entry_t entry;
	ck_ht_hash_t hash = {.value = key_hash(key)};

	ck_ht_entry_set_direct(&entry, hash, key->w[0], value->w[0]);
	ck_spinlock_lock(&t->lock);
	if (!ck_ht_set_spmc(&t->ht, hash, &entry))
		abort();
	ck_spinlock_unlock(&t->lock);
}
#else
static inline uint64_t table_get(struct table *t, const struct key *key)
{
	ck_ht_entry_t entry;
	ck_ht_hash_t hash = {.value = key_hash(key)};
	const struct element *element;

	ck_ht_entry_key_set(&entry, key, sizeof(*key));
	if (!ck_ht_get_spmc(&t->ht, hash, &entry))
		return 0;
	element = ck_ht_entry_value(&entry);
	return element->value.w[0];
}

static struct element *element_new(struct table *t)
{
	struct element *element = t->old[t->oldest];

	t->old[t->oldest] = NULL;
	if (!element)
		element = malloc(sizeof(*element));
	if (!element)
		abort();
	return element;
}

static inline void table_put(struct table *t, const struct key *key, const struct value *value)
{
	ck_ht_entry_t entry;
	ck_ht_hash_t hash = {.value = key_hash(key)};
	struct element *element;

	ck_spinlock_lock(&t->lock);
	element = element_new(t);
	element->key = *key;
	element->value = *value;
	ck_ht_entry_set(&entry, hash, &element->key, sizeof(*key), element);
	if (!ck_ht_set_spmc(&t->ht, hash, &entry))
		abort();
	if (!ck_ht_entry_empty(&entry)) {
		t->old[t->oldest] = ck_ht_entry_value(&entry);
		t->oldest = (t->oldest + 1) % DELAY;
	}
	ck_spinlock_unlock(&t->lock);
}
#endif

#define TABLE_PUT
#include "loop.h"

static void *ck_open(const struct table_spec *spec)
{
	struct table *t = calloc(1, sizeof(*t));
	unsigned int mode = DIRECT ? CK_HT_MODE_DIRECT : CK_HT_MODE_BYTESTRING;

	/* ck_ht grows when it is half full; this is where it would arrive. */
	if (!t || !ck_ht_init(&t->ht, mode, ck_hash, &ck_memory, 2ull * spec->entries, 1))
		abort();
	return t;
}

static void ck_close(void *table)
{
	struct table *t = table;
	ck_ht_iterator_t at = CK_HT_ITERATOR_INITIALIZER;
	ck_ht_entry_t *entry;

	while (!DIRECT && ck_ht_next(&t->ht, &at, &entry))
		free(ck_ht_entry_value(entry));
	for (uint32_t i = 0; i < DELAY; i++)
		free(t->old[i]);
	ck_ht_destroy(&t->ht);
	free(t);
}

const struct peer peer_ck = {.name = "ck_ht",
			     .ops = OP_BIT(OP_LOOP) | OP_BIT(OP_HIT) | OP_BIT(OP_DEPENDENT) |
				    OP_BIT(OP_MISS) | OP_BIT(OP_UPDATE) | OP_BIT(OP_MIXED),
			     .open = ck_open,
			     .close = ck_close,
			     .run = loop_run};
