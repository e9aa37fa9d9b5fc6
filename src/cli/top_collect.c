/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top_collect.c: one look at all maps of both worlds; here those of the kernel.
 *
 * Who pins and who holds the kernel's maps is looked up seldom: opening ten thousand pins takes a
 * while, and the walk over /proc too. So a look costs little, and the rest is spread out.
 */
#include "cli/top_collect.h"

#include "base/clock.h"
#include "cli/text.h"
#include "cli/top_child.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Pins and holders are looked up again after so many times what it took, and not before two
 * seconds. */
#define PLACES_SHARE	20
#define PLACES_LEAST_NS 2000000000ull

const struct backend *const top_backend[TOP_WORLDS] = {&backend_user, &backend_kernel};

void top_list_add(char **list, const char *item)
{
	size_t len = *list ? strlen(*list) : 0, more = strlen(item);

	*list = must_realloc(*list, len + more + 2);
	if (len) {
		(*list)[len++] = '\n';
	}
	memcpy(*list + len, item, more + 1);
}

bool top_full_hurts(uint32_t map_type)
{
	return !backend_is_array(map_type) && !backend_is_lru(map_type);
}

/* ---- the kernel's maps ---- */

static void places_refresh(struct top_collector *collector)
{
	uint64_t start = clock_now_ns(), took;

	if (start < collector->kernel_places_next_ns)
		return;
	places_free(&collector->kernel_places);
	places_find(&backend_kernel, &collector->kernel_places);
	took = clock_now_ns() - start;
	collector->kernel_places_next_ns =
		start +
		(took * PLACES_SHARE > PLACES_LEAST_NS ? took * PLACES_SHARE : PLACES_LEAST_NS);
}

static void places_list(const struct top_collector *collector, struct top_facts *facts)
{
	const struct places *places = &collector->kernel_places;
	char holder[64];

	for (size_t i = 0; i < places->count; i++) {
		const struct place *place = &places->place[i];

		if (!place->pid && place->map_id == facts->id) {
			top_list_add(&facts->pins, place->path);
		} else if (place->pid && place->token.a == facts->id &&
			   place->pid != collector->other_pid) {
			snprintf(holder, sizeof(holder), "%d %s", place->pid, place->path);
			top_list_add(&facts->pids, holder);
		}
	}
}

static void entries_fill(const struct top_collector *collector, const struct bpf_map_info *info,
			 uint64_t now_ns, struct top_facts *facts)
{
	struct backend_entries counted = {.is_whole = true, .taken_ns = now_ns};

	if (backend_is_array(info->type))
		counted.entries = info->max_entries;
	else if (!collector->counter || counter_get(collector->counter, info->id, &counted))
		return;
	facts->entries_known = true;
	facts->entries = counted.entries;
	facts->entries_partial = !counted.is_whole;
	facts->entries_ns = counted.taken_ns;
}

static void kernel_map(const struct top_collector *collector, uint32_t id, struct top_model *model)
{
	struct top_facts facts = {.world = TOP_KERNEL, .id = id};
	int fd = backend_map_open_id(&backend_kernel, id);
	struct backend_stats stats;
	struct bpf_map_info info;

	if (fd < 0)
		return;
	if (!backend_map_info(&backend_kernel, fd, &info)) {
		memcpy(facts.name, info.name, sizeof(facts.name) - 1);
		facts.type = mapref_type(&info);
		facts.max_entries = info.max_entries;
		facts.full_hurts = top_full_hurts(info.type);
		facts.always_full = backend_is_array(info.type);
		facts.memory_known = !backend_kernel.map_stats(fd, &stats);
		if (facts.memory_known)
			facts.memory_bytes = stats.memory_bytes;
		entries_fill(collector, &info, model->at_ns, &facts);
		places_list(collector, &facts);
		top_model_add(model, &facts);
	}
	close(fd);
}

static void kernel_collect(struct top_collector *collector, struct top_model *model)
{
	uint32_t id = 0;
	int err;

	places_refresh(collector);
	while (!(err = backend_map_next_id(&backend_kernel, id, &id)))
		kernel_map(collector, id, model);
	collector->kernel_err = err == -ENOENT ? 0 : err;
}

/* ---- both worlds ---- */

void top_collect_begin(struct top_collector *collector)
{
	/* Without the thread the kernel's entries are not known; all else is. */
	if (collector->look_at[TOP_KERNEL] && counter_start(&collector->counter))
		collector->counter = NULL;
}

void top_collect(struct top_collector *collector, struct top_model *model)
{
	uint64_t start = clock_now_ns(), cost;

	top_model_begin(model, start);
	if (collector->look_at[TOP_USER])
		top_user_collect(collector, model);
	if (collector->look_at[TOP_KERNEL])
		kernel_collect(collector, model);
	top_model_end(model);
	/* Smoothed, so that one slow look does not change the pace. */
	cost = clock_now_ns() - start;
	collector->cost_ns = collector->cost_ns ? (3 * collector->cost_ns + cost) / 4 : cost;
}

void top_collect_end(struct top_collector *collector)
{
	counter_stop(collector->counter);
	places_free(&collector->kernel_places);
}
