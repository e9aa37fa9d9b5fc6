/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* urcu.c: liburcu's rculfhash, flavour memb, buckets for all elements from the start. An update replaces
 * the node, so that readers see no mixture; nodes are freed after a grace period.
 */
#define _LGPL_SOURCE
#include "peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <urcu/rculfhash.h>
#include <urcu/urcu-memb.h>

struct node {
	struct key key;
	struct value value;
	struct cds_lfht_node link;
	struct rcu_head head;
};

struct table {
	struct cds_lfht *ht;
};

static int node_match(struct cds_lfht_node *link, const void *key)
{
	return key_equal(&caa_container_of(link, struct node, link)->key, key);
}

static void node_free(struct rcu_head *head)
{
	free(caa_container_of(head, struct node, head));
}

static inline struct cds_lfht_node *node_find(struct table *t, const struct key *key)
{
	struct cds_lfht_iter iter;

	cds_lfht_lookup(t->ht, key_hash(key), node_match, key, &iter);
	return cds_lfht_iter_get_node(&iter);
}

static inline uint64_t table_get(struct table *t, const struct key *key)
{
	struct cds_lfht_node *link;
	uint64_t word = 0;

	urcu_memb_read_lock();
	link = node_find(t, key);
	if (link)
		word = caa_container_of(link, struct node, link)->value.w[0];
	urcu_memb_read_unlock();
	return word;
}

static inline void table_put(struct table *t, const struct key *key, const struct value *value)
{
	struct node *node = malloc(sizeof(*node));
	struct cds_lfht_node *old;

	if (!node)
		abort();
	node->key = *key;
	node->value = *value;
	cds_lfht_node_init(&node->link);
	urcu_memb_read_lock();
	old = cds_lfht_add_replace(t->ht, key_hash(key), node_match, key, &node->link);
	if (old)
		urcu_memb_call_rcu(&caa_container_of(old, struct node, link)->head, node_free);
	urcu_memb_read_unlock();
}

static inline void table_remove(struct table *t, const struct key *key)
{
	struct cds_lfht_node *link;

	urcu_memb_read_lock();
	link = node_find(t, key);
	if (!link || cds_lfht_del(t->ht, link))
		abort();
	urcu_memb_call_rcu(&caa_container_of(link, struct node, link)->head, node_free);
	urcu_memb_read_unlock();
}

#define TABLE_PUT
#define TABLE_REMOVE
#include "loop.h"

static void *urcu_open(const struct table_spec *spec)
{
	struct table *t = malloc(sizeof(*t));
	unsigned long size = 1;

	while (size < spec->entries)
		size *= 2;
	if (t)
		t->ht = cds_lfht_new_flavor(size, size, size, 0, &urcu_memb_flavor, NULL);
	if (!t || !t->ht)
		abort();
	return t;
}

static void urcu_close(void *table)
{
	struct table *t = table;
	struct cds_lfht_iter iter;
	struct node *node;

	urcu_memb_register_thread();
	urcu_memb_read_lock();
	cds_lfht_for_each_entry(t->ht, &iter, node, link) if (!cds_lfht_del(t->ht, &node->link))
		urcu_memb_call_rcu(&node->head, node_free);
	urcu_memb_read_unlock();
	urcu_memb_barrier();
	cds_lfht_destroy(t->ht, NULL);
	urcu_memb_unregister_thread();
	free(t);
}

static void urcu_enter(void *table, uint32_t worker)
{
	urcu_memb_register_thread();
}

static void urcu_leave(void *table, uint32_t worker)
{
	urcu_memb_unregister_thread();
}

const struct peer peer_urcu = {.name = "urcu",
			       .ops = OP_BIT(OP_LOOP) | OP_BIT(OP_HIT) | OP_BIT(OP_DEPENDENT) |
				      OP_BIT(OP_MISS) | OP_BIT(OP_UPDATE) | OP_BIT(OP_CHURN) |
				      OP_BIT(OP_MIXED),
			       .open = urcu_open,
			       .close = urcu_close,
			       .enter = urcu_enter,
			       .leave = urcu_leave,
			       .run = loop_run};
