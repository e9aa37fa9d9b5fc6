/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* absl.cc: Abseil's flat_hash_map, reserved for all elements, with absl::Hash. No concurrency of any kind:
 * a bound, not a peer.
 */
#include "peer.h"

#include <absl/container/flat_hash_map.h>
#include <cstdlib>

namespace
{
struct hasher {
	size_t operator()(const struct key &key) const
	{
		if (KEY_WORDS == 1)
			return absl::Hash<uint64_t>()(key.w[0]);
		return absl::Hash<std::pair<uint64_t, uint64_t>>()(
			{key.w[0], key.w[KEY_WORDS - 1]});
	}
};

struct equal {
	bool operator()(const struct key &a, const struct key &b) const
	{
		return key_equal(&a, &b);
	}
};

struct table {
	absl::flat_hash_map<struct key, struct value, hasher, equal> map;
};

inline uint64_t table_get(struct table *t, const struct key *key)
{
	auto at = t->map.find(*key);

	return at != t->map.end() ? at->second.w[0] : 0;
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
#include "loop.h"

void *absl_open(const struct table_spec *spec)
{
	if (spec->threads > 1)
		return nullptr;
	struct table *t = new struct table;

	t->map.reserve(spec->entries);
	return t;
}

void absl_close(void *table)
{
	delete static_cast<struct table *>(table);
}
} // namespace

extern "C" const struct peer peer_absl = {"absl",
					  OP_BIT(OP_LOOP) | OP_BIT(OP_HIT) | OP_BIT(OP_DEPENDENT) |
						  OP_BIT(OP_MISS) | OP_BIT(OP_UPDATE) |
						  OP_BIT(OP_CHURN) | OP_BIT(OP_MIXED),
					  absl_open,
					  absl_close,
					  nullptr,
					  nullptr,
					  nullptr,
					  loop_run,
					  nullptr};
