/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* tbb.cc: oneTBB's concurrent_hash_map, whose accessors lock one element; buckets for all elements. */
#include "peer.h"

#include <cstdlib>
#include <oneapi/tbb/concurrent_hash_map.h>

namespace
{
struct hash_compare {
	static size_t hash(const struct key &key)
	{
		return key_hash(&key);
	}
	static bool equal(const struct key &a, const struct key &b)
	{
		return key_equal(&a, &b);
	}
};

using tbb_map = oneapi::tbb::concurrent_hash_map<struct key, struct value, hash_compare>;

struct table {
	tbb_map map;
};

inline uint64_t table_get(struct table *t, const struct key *key)
{
	tbb_map::const_accessor at;

	return t->map.find(at, *key) ? at->second.w[0] : 0;
}

inline void table_put(struct table *t, const struct key *key, const struct value *value)
{
	tbb_map::accessor at;

	t->map.insert(at, *key);
	at->second = *value;
}

inline void table_remove(struct table *t, const struct key *key)
{
	if (!t->map.erase(*key))
		abort();
}

#define TABLE_PUT
#define TABLE_REMOVE
#include "loop.h"

void *tbb_open(const struct table_spec *spec)
{
	struct table *t = new struct table;

	t->map.rehash(spec->entries);
	return t;
}

void tbb_close(void *table)
{
	delete static_cast<struct table *>(table);
}
} // namespace

extern "C" const struct peer peer_tbb = {"tbb",
					 OP_BIT(OP_LOOP) | OP_BIT(OP_HIT) | OP_BIT(OP_DEPENDENT) |
						 OP_BIT(OP_MISS) | OP_BIT(OP_UPDATE) |
						 OP_BIT(OP_CHURN) | OP_BIT(OP_MIXED),
					 tbb_open,
					 tbb_close,
					 nullptr,
					 nullptr,
					 nullptr,
					 loop_run,
					 nullptr};
