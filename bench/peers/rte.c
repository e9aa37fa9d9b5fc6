/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* rte.c: DPDK's rte_hash with lock-free readers, many writers, an extendable table and reclamation by
 * quiescent states, which each thread reports every QUIESCENT operations. A value of one word is the
 * entry's data pointer; larger ones lie in an array by the entry's position and are written in place, so
 * readers may see mixtures of two updates.
 */
#include "peer.h"

#include <errno.h>
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_rcu_qsbr.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define QUIESCENT 64u
#define ONE_WORD  (VALUE_WORDS == 1)

struct table {
	struct rte_hash *hash;
	struct rte_rcu_qsbr *qsbr;
	struct value *values;
	size_t values_size;
	size_t allocated_before;
};

static __thread unsigned int rte_worker;
static __thread uint32_t rte_since;

static inline void rte_quiescent(struct table *t)
{
	if (++rte_since % QUIESCENT == 0)
		rte_rcu_qsbr_quiescent(t->qsbr, rte_worker);
}

static inline uint64_t table_get(struct table *t, const struct key *key)
{
	uint64_t word = 0;
	void *data;
	int32_t at;

	if (ONE_WORD) {
		if (rte_hash_lookup_data(t->hash, key, &data) >= 0)
			word = (uint64_t)(uintptr_t)data;
	} else {
		at = rte_hash_lookup(t->hash, key);
		if (at >= 0)
			word = t->values[at].w[0];
	}
	rte_quiescent(t);
	return word;
}

static inline uint64_t table_bulk(struct table *t, const struct key *keys)
{
	const void *at[BULK];
	int32_t positions[BULK];
	void *data[BULK];
	uint64_t hits, sum = 0;

	for (uint32_t i = 0; i < BULK; i++)
		at[i] = &keys[i];
	if (ONE_WORD) {
		rte_hash_lookup_bulk_data(t->hash, at, BULK, &hits, data);
		for (uint32_t i = 0; i < BULK; i++)
			sum += hits >> i & 1 ? (uint64_t)(uintptr_t)data[i] : 0;
	} else {
		rte_hash_lookup_bulk(t->hash, at, BULK, positions);
		for (uint32_t i = 0; i < BULK; i++)
			sum += positions[i] >= 0 ? t->values[positions[i]].w[0] : 0;
	}
	rte_rcu_qsbr_quiescent(t->qsbr, rte_worker);
	return sum;
}

static inline int32_t rte_add(struct table *t, const struct key *key, const struct value *value)
{
	int32_t at;

	if (ONE_WORD)
		return rte_hash_add_key_data(t->hash, key, (void *)(uintptr_t)value->w[0]);
	at = rte_hash_add_key(t->hash, key);
	if (at >= 0)
		t->values[at] = *value;
	return at;
}

static inline void table_put(struct table *t, const struct key *key, const struct value *value)
{
	int32_t at;

	/* Full of deleted entries: they come free once the other thread has run again. */
	while ((at = rte_add(t, key, value)) == -ENOSPC) {
		rte_rcu_qsbr_quiescent(t->qsbr, rte_worker);
		sched_yield();
	}
	if (at < 0) {
		fprintf(stderr, "rte_hash: insert: %s\n", rte_strerror(-at));
		exit(1);
	}
	rte_quiescent(t);
}

static inline void table_remove(struct table *t, const struct key *key)
{
	if (rte_hash_del_key(t->hash, key) < 0) {
		fprintf(stderr, "rte_hash: the oldest key has gone\n");
		exit(1);
	}
	rte_quiescent(t);
}

#define TABLE_PUT
#define TABLE_REMOVE
#define TABLE_BULK
#include "loop.h"

/* Once in a process. 4 KiB pages like everybody's, no devices, no files. */
static int rte_begin(void)
{
	static char *words[] = {
		"bench", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry",
		"-m",	 "6144",      "-l",	  "0",		 "--log-level=lib.eal:error",
		NULL};
	static int begun;
	cpu_set_t cpus;
	int err;

	if (begun)
		return 0;
	sched_getaffinity(0, sizeof(cpus), &cpus);
	err = rte_eal_init((int)(sizeof(words) / sizeof(words[0])) - 1, words);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	begun = err >= 0;
	return err < 0 ? -1 : 0;
}

static void rte_enter(void *table, uint32_t worker)
{
	struct table *t = table;

	/* Writers keep free entries by lcore number. */
	if (rte_lcore_id() == LCORE_ID_ANY && rte_thread_register()) {
		fprintf(stderr, "rte_hash: rte_thread_register: %s\n", rte_strerror(rte_errno));
		exit(1);
	}
	rte_worker = rte_lcore_id();
	rte_rcu_qsbr_thread_register(t->qsbr, rte_worker);
	rte_rcu_qsbr_thread_online(t->qsbr, rte_worker);
}

static void rte_leave(void *table, uint32_t worker)
{
	struct table *t = table;

	rte_rcu_qsbr_thread_offline(t->qsbr, rte_worker);
	rte_rcu_qsbr_thread_unregister(t->qsbr, rte_worker);
}

static void rte_values(struct table *t)
{
	if (ONE_WORD)
		return;
	t->values_size = ((size_t)rte_hash_max_key_id(t->hash) + 1) * sizeof(struct value);
	t->values = mmap(NULL, t->values_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			 -1, 0);
	if (t->values == MAP_FAILED)
		abort();
}

static size_t rte_allocated(void)
{
	struct rte_malloc_socket_stats stats;

	return rte_malloc_get_socket_stats(0, &stats) ? 0 : stats.heap_allocsz_bytes;
}

static uint64_t rte_bytes(void *table)
{
	struct table *t = table;

	return rte_allocated() - t->allocated_before + t->values_size;
}

static void *rte_open(const struct table_spec *spec)
{
	static unsigned int number;
	char name[RTE_HASH_NAMESIZE];
	struct rte_hash_parameters parameters = {
		.name = name,
		/* Deleted entries are free again only later. */
		.entries = spec->entries + spec->entries / 8 + 1024,
		.key_len = sizeof(struct key),
		.hash_func = rte_hash_crc,
		.extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF |
			      RTE_HASH_EXTRA_FLAGS_MULTI_WRITER_ADD |
			      RTE_HASH_EXTRA_FLAGS_EXT_TABLE};
	struct rte_hash_rcu_config rcu = {.mode = RTE_HASH_QSBR_MODE_DQ};
	struct table *t = calloc(1, sizeof(*t));

	if (!t || rte_begin()) {
		fprintf(stderr, "rte_hash: no EAL: %s\n", rte_strerror(rte_errno));
		free(t);
		return NULL;
	}
	snprintf(name, sizeof(name), "bench%u", number++);
	t->allocated_before = rte_allocated();
	t->hash = rte_hash_create(&parameters);
	t->qsbr = rte_zmalloc(NULL, rte_rcu_qsbr_get_memsize(RTE_MAX_LCORE), RTE_CACHE_LINE_SIZE);
	rcu.v = t->qsbr;
	if (!t->hash || !t->qsbr || rte_rcu_qsbr_init(t->qsbr, RTE_MAX_LCORE) ||
	    rte_hash_rcu_qsbr_add(t->hash, &rcu)) {
		fprintf(stderr, "rte_hash: %s\n", rte_strerror(rte_errno));
		exit(1);
	}
	rte_values(t);
	return t;
}

static void rte_close(void *table)
{
	struct table *t = table;

	rte_hash_free(t->hash);
	rte_free(t->qsbr);
	if (t->values)
		munmap(t->values, t->values_size);
	free(t);
}

const struct peer peer_rte = {.name = "rte_hash",
			      .ops = OP_BIT(OP_LOOP) | OP_BIT(OP_HIT) | OP_BIT(OP_DEPENDENT) |
				     OP_BIT(OP_MISS) | OP_BIT(OP_BULK) | OP_BIT(OP_UPDATE) |
				     OP_BIT(OP_CHURN) | OP_BIT(OP_MIXED),
			      .open = rte_open,
			      .close = rte_close,
			      .enter = rte_enter,
			      .leave = rte_leave,
			      .run = loop_run,
			      .bytes = rte_bytes};
