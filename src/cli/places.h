/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* places.h: where maps are known: their pins, and the processes that hold descriptors of them. */
#ifndef BPFMAP_CLI_PLACES_H
#define BPFMAP_CLI_PLACES_H

#include "cli/mapref.h"

struct places {
	const struct backend *backend;
	struct place {
		uint32_t map_id;	    /* pins */
		struct backend_token token; /* holders */
		char *path;		    /* of the pin, or the process's command name */
		int pid;		    /* of the holder, 0 for pins */
	} * place;
	size_t count;
};

/* All pins below the backend's pin directory and all holders among the processes that may be looked
 * at. */
void places_find(const struct backend *backend, struct places *ret_places);
void places_free(struct places *places);

/* The pins and holders of one map, as fields of the current object, if it has any. */
void places_print(struct cli *cli, const struct places *places, const struct mapref *ref);

#endif
