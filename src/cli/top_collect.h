/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top_collect.h: one look at all maps of both worlds. It keeps no map open, so that maps go when
 * their users do. */
#ifndef BPFMAP_CLI_TOP_COLLECT_H
#define BPFMAP_CLI_TOP_COLLECT_H

#include "cli/places.h"
#include "cli/top_model.h"
#include "kernel/counter.h"

struct top_collector {
	bool look_at[TOP_WORLDS];
	struct counter *counter; /* of the kernel's maps; NULL: none */
	struct places kernel_places;
	uint64_t kernel_places_next_ns; /* when they are looked up again */
	int kernel_err;			/* why the kernel's maps could not be listed; 0 */
	int other_pid;	  /* another process of ours, whose descriptors do not count; or 0 */
	uint64_t cost_ns; /* of a look */
};

extern const struct backend *const top_backend[TOP_WORLDS];

void top_collect_begin(struct top_collector *collector);
void top_collect(struct top_collector *collector, struct top_model *model);
void top_collect_end(struct top_collector *collector);

/* Add a line to lines. */
void top_list_add(char **list, const char *item);

/* True if a full map of the type refuses updates. */
bool top_full_hurts(uint32_t map_type);

/* top_user.c: the maps in user space. */
void top_user_collect(const struct top_collector *collector, struct top_model *model);

#endif
