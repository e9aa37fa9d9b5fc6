/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* advise_rules.c: the rules about how a map is used: how full, by whom, what comes and goes. Each
 * is silent unless it has seen enough; numbers are what the tests of tests/cli/advise.sh bear out.
 */
#include "cli/advise.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

/* Less is not worth a change of the program. */
#define SAVING_MIN 65536
/* Elements that must have come back, and looks at the writers, before they mean anything. */
#define RETURNED_MIN 16
#define LOOKS_MIN    100
#define LOOKUPS_MIN  1000
#define FALSE_MIN    0.02

struct backend_create advise_same(const struct advise_facts *facts)
{
	const struct bpf_map_info *info = facts->info;

	return (struct backend_create){
		.type = info->type,
		.key_size = info->key_size,
		.value_size = info->value_size,
		.max_entries = info->max_entries,
		.map_flags = info->map_flags,
		.map_extra = info->map_extra,
		.name = "",
	};
}

double advise_rate(const struct advise_facts *facts, uint64_t before, uint64_t after)
{
	return facts->seconds > 0 ? (double)(after - before) / facts->seconds : 0;
}

void advise_say(char text[static ADVISE_TEXT], const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, ADVISE_TEXT, fmt, args);
	va_end(args);
}

static bool is_hash(uint32_t type)
{
	return type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_PERCPU_HASH;
}

static bool grows(const struct bpf_map_info *info)
{
	return info->map_flags & (BPF_F_NO_PREALLOC | BPFMAP_F_VARIABLE);
}

static uint32_t power_of_two(uint64_t least)
{
	uint64_t power = 1;

	while (power < least && power < 1u << 31)
		power *= 2;
	return (uint32_t)power;
}

/* The most elements it is known to have had; the kernel remembers nothing. */
static uint64_t peak(const struct advise_facts *facts)
{
	return facts->after.counted ? facts->after.high_water : facts->entries;
}

/* Bytes by which other is smaller than the map as it is, in the map's world. */
static int64_t saving(const struct advise_facts *facts, const struct backend_create *other)
{
	const struct backend_create same = advise_same(facts);
	struct cost now, then;

	cost_of(&same, 0, &now);
	cost_of(other, 0, &then);
	if (facts->ref->backend == &backend_user)
		return (int64_t)now.here.created - (int64_t)then.here.created;
	return (int64_t)now.kernel.created - (int64_t)then.kernel.created;
}

bool advise_full(const struct advise_facts *facts, struct advise_advice *ret)
{
	uint64_t max = facts->info->max_entries, refused = facts->after.failed_updates;
	uint64_t lately = refused - facts->before.failed_updates;

	if (!is_hash(facts->info->type) || !facts->entries_known)
		return false;
	if (!refused && facts->entries < max)
		return false;
	/* It was too small once, and is not now. */
	if (!lately && facts->entries * 4 < max * 3)
		return false;
	ret->confidence = lately ? ADVISE_HIGH : ADVISE_MEDIUM;
	ret->has_other = true;
	ret->other = advise_same(facts);
	ret->other.max_entries = power_of_two(max + 1) >= max + max / 2 ? power_of_two(max + 1)
									: power_of_two(max + 1) * 2;
	advise_say(ret->finding,
		   "%" PRIu64 " of %" PRIu64 " elements are there; updates refused for lack of "
		   "room: %" PRIu64 ", %.0f a second while watched",
		   facts->entries, max, refused,
		   advise_rate(facts, facts->before.failed_updates, refused));
	advise_say(ret->advice,
		   "entries %u, or delete what is no longer needed; an lru_hash if old elements "
		   "may go",
		   ret->other.max_entries);
	return true;
}

bool advise_lru_small(const struct advise_facts *facts, struct advise_advice *ret)
{
	if (!backend_is_lru(facts->info->type) || facts->returned < RETURNED_MIN ||
	    facts->returned * 10 < facts->gone)
		return false;
	/* Users who delete and insert again are no sign of a lack of room. */
	if (facts->after.counted && facts->after.evictions == facts->before.evictions)
		return false;
	ret->confidence = facts->after.counted && facts->gone >= 100 ? ADVISE_HIGH : ADVISE_MEDIUM;
	ret->has_other = true;
	ret->other = advise_same(facts);
	ret->other.max_entries = power_of_two(facts->info->max_entries * 2ull);
	advise_say(ret->finding,
		   "of %u watched keys that were evicted, %u came back within %.1f s; %.0f "
		   "evictions a second%s",
		   facts->gone, facts->returned, facts->seconds,
		   advise_rate(facts, facts->before.evictions, facts->after.evictions),
		   facts->after.counted ? "" : " (the kernel does not count them)");
	advise_say(ret->advice, "entries %u, and watch again", ret->other.max_entries);
	return true;
}

/* The rate of a filter of so many bits with n values of k hashes. */
static double false_rate(double bits, double n, double k)
{
	return pow(1 - exp(-k * n / bits), k);
}

static double bloom_hashes(const struct bpf_map_info *info)
{
	uint64_t hashes = info->map_extra & 15;

	return hashes ? (double)hashes : 5;
}

/* The kernel's and our filters have as many bits, but for the smallest. */
static double bloom_bits(const struct bpf_map_info *info)
{
	double bits = 64, wanted = info->max_entries * bloom_hashes(info) * 7 / 5;

	while (bits < wanted && bits < 4294967296.0)
		bits *= 2;
	return bits;
}

double advise_bloom_rate(const struct bpf_map_info *info)
{
	return false_rate(bloom_bits(info), info->max_entries, bloom_hashes(info));
}

bool advise_bloom_overfilled(const struct advise_facts *facts, struct advise_advice *ret)
{
	double k = bloom_hashes(facts->info), bits = bloom_bits(facts->info), real, fill, n;

	if (facts->info->type != BPF_MAP_TYPE_BLOOM_FILTER || !facts->probes)
		return false;
	real = (double)facts->false_hits / facts->probes;
	if (real < FALSE_MIN || real < 2 * advise_bloom_rate(facts->info))
		return false;
	/* How many values were pushed follows from how many bits are set. */
	fill = pow(real, 1 / k);
	if (facts->bloom_known) {
		bits = (double)facts->bloom.bits;
		fill = (double)facts->bloom.bits_set / bits;
	}
	fill = fill < 0.9999 ? fill : 0.9999;
	n = -bits / k * log(1 - fill);
	ret->confidence = ADVISE_HIGH;
	ret->has_other = true;
	ret->other = advise_same(facts);
	ret->other.max_entries = n < 1e9 ? power_of_two((uint64_t)(n * 1.25)) : 1u << 30;
	advise_say(ret->finding,
		   "%.1f %% of %u random values were found; made for %.2g %% with %u values, the "
		   "filter holds about %.0f",
		   real * 100, facts->probes, advise_bloom_rate(facts->info) * 100,
		   facts->info->max_entries, n);
	advise_say(ret->advice,
		   "a new filter with entries %u (nothing can be taken out of this one)",
		   ret->other.max_entries);
	return true;
}

bool advise_contention(const struct advise_facts *facts, struct advise_advice *ret)
{
	static const struct {
		uint32_t type;
		uint32_t percpu;
	} kinds[] = {
		{BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_PERCPU_HASH},
		{BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_ARRAY},
		{BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH},
	};

	if (!facts->writers_known || facts->writers < 2 || facts->looks < LOOKS_MIN ||
	    facts->meetings * 50 < facts->looks)
		return false;
	ret->other = advise_same(facts);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].type == facts->info->type)
			ret->other.type = kinds[i].percpu;
	if (ret->other.type == facts->info->type || facts->info->map_flags & BPFMAP_F_VARIABLE)
		return false;
	ret->other.map_flags &= ~(uint32_t)(BPF_F_MMAPABLE | BPF_F_NUMA_NODE);
	ret->has_other = true;
	ret->confidence = facts->meetings * 10 >= facts->looks ? ADVISE_HIGH : ADVISE_MEDIUM;
	advise_say(ret->finding,
		   "%u threads write; in %u of %u looks one held or waited for another's lock",
		   facts->writers, facts->meetings, facts->looks);
	advise_say(ret->advice, "a %s, if the values can be added up by who reads them",
		   map_type_word(ret->other.type));
	return true;
}

bool advise_oversize(const struct advise_facts *facts, struct advise_advice *ret)
{
	uint64_t most = peak(facts), max = facts->info->max_entries;
	int64_t saved;

	if ((!is_hash(facts->info->type) && !backend_is_lru(facts->info->type)) ||
	    grows(facts->info) || !facts->entries_known || most * 4 > max)
		return false;
	ret->has_other = true;
	ret->other = advise_same(facts);
	ret->other.max_entries = power_of_two(most * 2 > 16 ? most * 2 : 16);
	saved = saving(facts, &ret->other);
	if (saved < SAVING_MIN)
		return false;
	ret->confidence = facts->after.counted && most ? ADVISE_MEDIUM : ADVISE_LOW;
	advise_say(ret->finding, "%s %" PRIu64 " elements, max_entries is %" PRIu64,
		   facts->after.counted ? "there were never more than"
					: "there are now (the kernel does not remember more)",
		   most, max);
	advise_say(ret->advice, "entries %u%s, if that was all its load", ret->other.max_entries,
		   is_hash(facts->info->type) ? "; or flags no_prealloc and the limit as it is"
					      : "");
	return true;
}

bool advise_prealloc_empty(const struct advise_facts *facts, struct advise_advice *ret)
{
	if (!is_hash(facts->info->type) || grows(facts->info) || !facts->after.counted ||
	    facts->entries * 10 > facts->info->max_entries ||
	    facts->after.high_water * 4 <= facts->info->max_entries)
		return false;
	ret->has_other = true;
	ret->other = advise_same(facts);
	ret->other.map_flags |= BPF_F_NO_PREALLOC;
	if (saving(facts, &ret->other) < SAVING_MIN)
		return false;
	ret->confidence = ADVISE_LOW;
	advise_say(ret->finding,
		   "%" PRIu64 " elements are there now, %" PRIu64
		   " were there once; memory is reserved for %u",
		   facts->entries, facts->after.high_water, facts->info->max_entries);
	advise_say(ret->advice, "flags no_prealloc, if such peaks are rare");
	return true;
}

bool advise_grown_full(const struct advise_facts *facts, struct advise_advice *ret)
{
	if (!is_hash(facts->info->type) || !(facts->info->map_flags & BPF_F_NO_PREALLOC) ||
	    !facts->entries_known || facts->info->max_entries < 64 ||
	    facts->entries * 4 < facts->info->max_entries * 3ull)
		return false;
	ret->has_other = true;
	ret->other = advise_same(facts);
	ret->other.map_flags &= ~(uint32_t)BPF_F_NO_PREALLOC;
	ret->confidence = ADVISE_MEDIUM;
	advise_say(ret->finding, "%" PRIu64 " of %u elements are there", facts->entries,
		   facts->info->max_entries);
	advise_say(ret->advice, "without flags no_prealloc, if it is mostly as full as that");
	return true;
}

bool advise_bloom_front(const struct advise_facts *facts, struct advise_advice *ret)
{
	uint64_t lookups = facts->after.lookups - facts->before.lookups;
	uint64_t hits = facts->after.hits - facts->before.hits;

	if (!facts->after.lookups_counted || backend_is_array(facts->info->type) ||
	    lookups < LOOKUPS_MIN || hits * 5 > lookups)
		return false;
	ret->confidence = ADVISE_MEDIUM;
	ret->has_other = ret->is_beside = true;
	ret->other = (struct backend_create){.type = BPF_MAP_TYPE_BLOOM_FILTER,
					     .value_size = facts->info->key_size,
					     .max_entries = facts->info->max_entries,
					     .name = ""};
	advise_say(ret->finding, "%.1f %% of %.0f lookups a second found something",
		   100.0 * (double)hits / (double)lookups, (double)lookups / facts->seconds);
	advise_say(ret->advice,
		   "push each key into a bloom_filter beside the map and peek there first; made "
		   "anew now and then if keys are deleted");
	return true;
}

bool advise_lru_idle(const struct advise_facts *facts, struct advise_advice *ret)
{
	const struct backend_stats *now = &facts->after;

	if (!backend_is_lru(facts->info->type) || !now->operations || !now->counted ||
	    now->evictions || !now->deletes || now->updates < facts->info->max_entries)
		return false;
	ret->confidence = ADVISE_LOW;
	ret->has_other = true;
	ret->other = advise_same(facts);
	ret->other.type = facts->info->type == BPF_MAP_TYPE_LRU_HASH ? BPF_MAP_TYPE_HASH
								     : BPF_MAP_TYPE_PERCPU_HASH;
	ret->other.map_flags &= ~(uint32_t)BPF_F_NO_COMMON_LRU;
	advise_say(ret->finding,
		   "%" PRIu64 " updates, %" PRIu64 " deletes, no eviction; at most %" PRIu64
		   " of %u elements",
		   now->updates, now->deletes, now->high_water, facts->info->max_entries);
	advise_say(ret->advice,
		   "a %s of the same size; keep the LRU if eviction is your safety net",
		   map_type_word(ret->other.type));
	return true;
}

bool advise_unread(const struct advise_facts *facts, struct advise_advice *ret)
{
	if (!facts->after.lookups_counted || facts->after.lookups ||
	    facts->after.updates == facts->before.updates)
		return false;
	ret->confidence = ADVISE_LOW;
	advise_say(ret->finding, "%.0f updates a second, and no lookup ever",
		   advise_rate(facts, facts->before.updates, facts->after.updates));
	advise_say(ret->advice,
		   "see who reads it (bpfmap show names its holders), or stop writing it");
	return true;
}

bool advise_freeze(const struct advise_facts *facts, struct advise_advice *ret)
{
	if (facts->info->type != BPF_MAP_TYPE_ARRAY || facts->after.frozen || facts->changed ||
	    !(facts->info->map_flags & BPF_F_RDONLY_PROG) || facts->zero == facts->sampled)
		return false;
	ret->confidence = ADVISE_LOW;
	advise_say(ret->finding, "flags rdonly_prog, not frozen, nothing changed in %.1f s",
		   facts->seconds);
	advise_say(ret->advice, "bpfmap freeze, before the programs that read it are loaded");
	return true;
}
