/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* cuckoo.cc: libcuckoo's cuckoohash_map, reserved for all elements. Its locks are taken by readers, too. */
#include "peer.h"

#include <cstdio>
#include <cstdlib>
#include <libcuckoo/cuckoohash_map.hh>

namespace
{
struct hasher {
	size_t operator()(const struct key &key) const
	{
		return key_hash(&key);
	}
};

struct equal {
	bool operator()(const struct key &a, const struct key &b) const
	{
		return key_equal(&a, &b);
	}
};

struct table {
	libcuckoo::cuckoohash_map<struct key, struct value, hasher, equal> map;
};

inline uint64_t table_get(struct table *t, const struct key *key)
{
	uint64_t word = 0;

	t->map.find_fn(*key, [&word](const struct value &value) { word = value.w[0]; });
	return word;
}

inline uint64_t table_read(struct table *t, const struct key *key, struct value *ret_value)
{
	return t->map.find(*key, *ret_value) ? ret_value->w[0] : 0;
}

inline void table_put(struct table *t, const struct key *key, const struct value *value)
{
	t->map.insert_or_assign(*key, *value);
}

inline void table_remove(struct table *t, const struct key *key)
{
	if (!t->map.erase(*key))
		abort();
}

#define TABLE_PUT
#define TABLE_REMOVE
#define TABLE_READ
#include "loop.h"

void *cuckoo_open(const struct table_spec *spec)
{
	struct table *t = new struct table;

	t->map.reserve(spec->entries);
	return t;
}

void cuckoo_close(void *table)
{
	delete static_cast<struct table *>(table);
}
} // namespace

extern "C" const struct peer peer_cuckoo = {
	"libcuckoo",
	OP_BIT(OP_LOOP) | OP_BIT(OP_HIT) | OP_BIT(OP_DEPENDENT) | OP_BIT(OP_MISS) |
		OP_BIT(OP_READ) | OP_BIT(OP_UPDATE) | OP_BIT(OP_CHURN) | OP_BIT(OP_MIXED),
	cuckoo_open,
	cuckoo_close,
	nullptr,
	nullptr,
	nullptr,
	loop_run,
	nullptr};
