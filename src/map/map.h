/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* map.h: the handle behind struct bpfmap, for the layers above src/map. */
#ifndef BPFMAP_MAP_MAP_H
#define BPFMAP_MAP_MAP_H

#include "bpfmap/bpfmap.h"
#include "map/ops.h"
#include "region/region.h"
#include "sync/private.h"

struct vcpus;

/* Private to this process. Everything but the region's bytes is fixed after open. */
struct bpfmap {
	/* What a lookup touches comes first. head.lookup: a special one that the type's attach may
	 * set, else ops->lookup, else one that finds nothing; never NULL. */
	struct bpfmap_head head;
	void *priv; /* the type's own geometry */
	const struct map_ops *ops;
	struct vcpus *vcpus; /* per-CPU types: the CPUs to go onto; else NULL */
	struct region *region;
	void *(*lookup_uncounted)(struct bpfmap *map, const void *key); /* see count.h */
	struct map_spec spec; /* copied and validated at open; never read again from the region */
	struct private_u32 keepers; /* map_keep(): as many calls of bpfmap_close() only let go */
};

/* One more bpfmap_close() until the handle ends: who keeps a handle that its owner may close. */
void map_keep(struct bpfmap *map);

/* Bytes of a value in the syscall's layout: value_size, or CPUs x ru8(value_size). */
size_t map_syscall_value_size(const struct bpfmap *map);

/* -EPERM with a sentence if the map is frozen or the handle read-only, -ESTALE if another map has
 * taken its place, else 0. */
int map_may_write(const struct bpfmap *map);

/* The CPUs of those of n maps that are per-CPU, in the order in which everybody goes onto them: by
 * region id, then by address. One that is there by two handles counts once. Returns how many; n at
 * most MAP_ORDERED_MAX. */
#define MAP_ORDERED_MAX 64u
uint32_t map_cpus_in_order(struct bpfmap *const *maps, uint32_t n, struct vcpus **ret_cpus);

/* A handle just opened: lookups are counted if the region says so (count.c). */
void map_adopt_lookup_count(struct bpfmap *map);

/* ENOTSUP, because the map's elements have no fixed size, or because its type `why`. */
int map_lacks(const struct bpfmap *map, const char *why);

/* What bpfmap_create() makes of opts on a machine with so many CPUs, with its errnos; nothing is
 * made. */
int map_plan(const struct bpfmap_create_opts *opts, uint32_t cpus, struct map_spec *ret_spec,
	     struct map_layout *ret_layout);
/* EINVAL: longer than 15 characters, or a character that names do not have. */
int map_check_name(const char *name);

#endif
