/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* advise_shape.c: the rules about what a map's keys and values look like. */
#include "cli/advise.h"

#include <inttypes.h>

#define SAVING_PERCENT 25 /* less is not worth a change of the program */
#define ELEMENTS_MIN   32 /* fewer say little about the rest */

/* Is other smaller by so much that it is worth it, in the map's world, both full? */
static bool is_worth_it(const struct advise_facts *facts, const struct backend_create *other)
{
	const struct backend_create same = advise_same(facts);
	struct cost now, then;
	uint64_t a, b;

	cost_of(&same, 0, &now);
	cost_of(other, 0, &then);
	a = facts->ref->backend == &backend_user ? now.here.full : now.kernel.full;
	b = facts->ref->backend == &backend_user ? then.here.full : then.kernel.full;
	return b && b * 100 < a * (100 - SAVING_PERCENT);
}

bool advise_percpu_waste(const struct advise_facts *facts, struct advise_advice *ret)
{
	uint32_t used = facts->sampled - facts->zero;

	if (!backend_is_percpu(facts->info->type) || backend_cpus() < 2 || used < ELEMENTS_MIN ||
	    facts->one_cpu * 10ull < used * 9ull)
		return false;
	ret->has_other = true;
	ret->other = advise_same(facts);
	switch (facts->info->type) {
	case BPF_MAP_TYPE_PERCPU_ARRAY: ret->other.type = BPF_MAP_TYPE_ARRAY; break;
	case BPF_MAP_TYPE_LRU_PERCPU_HASH: ret->other.type = BPF_MAP_TYPE_LRU_HASH; break;
	default: ret->other.type = BPF_MAP_TYPE_HASH; break;
	}
	ret->confidence = ADVISE_MEDIUM;
	advise_say(ret->finding,
		   "of %u elements that are not zero %u have a value on one CPU alone, with memory "
		   "for %u CPUs",
		   used, facts->one_cpu, backend_cpus());
	advise_say(ret->advice, "%s, with atomic additions where several CPUs may meet",
		   map_type_word(ret->other.type));
	return true;
}

bool advise_dense_keys(const struct advise_facts *facts, struct advise_advice *ret)
{
	uint32_t type = facts->info->type;
	bool percpu = backend_is_percpu(type);

	if (backend_is_array(type) || !facts->index_keys || !facts->whole ||
	    facts->sampled < ELEMENTS_MIN || facts->key_max >= facts->sampled * 2ull ||
	    facts->after.deletes != facts->before.deletes || facts->gone)
		return false;
	ret->has_other = true;
	ret->other = advise_same(facts);
	ret->other.type = percpu ? BPF_MAP_TYPE_PERCPU_ARRAY : BPF_MAP_TYPE_ARRAY;
	ret->other.key_size = 4;
	ret->other.map_flags &= ~(uint32_t)(BPF_F_NO_PREALLOC | BPF_F_NO_COMMON_LRU |
					    BPF_F_ZERO_SEED | BPFMAP_F_VARIABLE);
	if (facts->key_max >= ret->other.max_entries)
		ret->other.max_entries = (uint32_t)facts->key_max + 1;
	/* Elements of an array cannot be deleted; was one ever? The kernel cannot tell. */
	ret->confidence = ADVISE_MEDIUM;
	if (facts->after.operations && !facts->after.deletes && !facts->after.evictions &&
	    facts->key_max + 1 == facts->sampled)
		ret->confidence = ADVISE_HIGH;
	advise_say(ret->finding, "the %u keys are numbers from 0 to %" PRIu64 "%s", facts->sampled,
		   facts->key_max,
		   facts->after.operations && !facts->after.deletes ? ", and none was ever deleted"
								    : "");
	advise_say(
		ret->advice,
		"%s with keys of 4 bytes; all its elements exist, so absent ones must be told by "
		"their value",
		map_type_word(ret->other.type));
	return true;
}

bool advise_sparse_array(const struct advise_facts *facts, struct advise_advice *ret)
{
	uint64_t used;

	if (!backend_is_array(facts->info->type) || facts->sampled < 1000 ||
	    facts->zero * 10ull < facts->sampled * 9ull)
		return false;
	used = (uint64_t)(facts->sampled - facts->zero) * facts->info->max_entries / facts->sampled;
	ret->has_other = true;
	ret->other = advise_same(facts);
	ret->other.type =
		backend_is_percpu(facts->info->type) ? BPF_MAP_TYPE_PERCPU_HASH : BPF_MAP_TYPE_HASH;
	ret->other.map_flags &= ~(uint32_t)(BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	ret->other.max_entries = 64;
	while (ret->other.max_entries < used * 2)
		ret->other.max_entries *= 2;
	if (!is_worth_it(facts, &ret->other))
		return false;
	ret->confidence = facts->whole ? ADVISE_MEDIUM : ADVISE_LOW;
	advise_say(ret->finding,
		   "%.1f %% of %u values are zero: about %" PRIu64 " elements are used",
		   100.0 * facts->zero / facts->sampled, facts->sampled, used);
	advise_say(ret->advice, "%s with entries %u, unless the elements are found by address",
		   map_type_word(ret->other.type), ret->other.max_entries);
	return true;
}

bool advise_wide_values(const struct advise_facts *facts, struct advise_advice *ret)
{
	uint32_t used = (facts->value_used + 7) & ~7u;

	if (facts->sampled - facts->zero < ELEMENTS_MIN || !used ||
	    used * 2 > facts->info->value_size)
		return false;
	ret->has_other = true;
	ret->other = advise_same(facts);
	ret->other.value_size = used;
	if (!is_worth_it(facts, &ret->other))
		return false;
	ret->confidence = facts->whole ? ADVISE_MEDIUM : ADVISE_LOW;
	advise_say(ret->finding, "none of %u values uses more than its first %u of %u bytes",
		   facts->sampled, facts->value_used, facts->info->value_size);
	advise_say(ret->advice, "value %u%s", used,
		   facts->info->type == BPF_MAP_TYPE_HASH
			   ? "; or flags variable, if lengths differ and no program uses the map"
			   : "");
	return true;
}
