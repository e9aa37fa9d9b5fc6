/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* catalog.h: all maps of both worlds with their figures, as they are at one moment. */
#ifndef BPFMAP_EXPORT_CATALOG_H
#define BPFMAP_EXPORT_CATALOG_H

#include "cli/mapref.h"
#include "kernel/counter.h"

struct catalog_map {
	const struct backend *backend;
	struct bpf_map_info info;
	bool counted; /* entries is known, */
	uint64_t entries;
	double age_seconds; /* and was so long ago; 0: now */
	bool at_least;	    /* counting took too long: there are more */
	bool frozen;
	uint64_t memory_bytes;
	/* What only maps in user space count. */
	bool has_figures;
	struct bpfmap_info figures;
};

struct catalog {
	struct catalog_map *map; /* user space first, each in order of id */
	size_t count;
	bool kernel_permitted; /* the kernel's maps could be listed */
};

/* counter: of the kernel's maps; NULL: there is none, and their elements are not counted. */
void catalog_take(struct counter *counter, struct catalog *ret_catalog);
void catalog_free(struct catalog *catalog);

/* One map's figures. 0 or -errno. */
int catalog_map_read(struct counter *counter, const struct backend *backend, int fd,
		     struct catalog_map *ret_map);

#endif
