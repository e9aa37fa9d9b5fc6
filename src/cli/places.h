/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* places.h: where maps are known: their pins, and the processes that hold descriptors of them. */
#ifndef BPFMAP_CLI_PLACES_H
#define BPFMAP_CLI_PLACES_H

#include "cli/mapref.h"

/* Of one world. */
struct places {
	const struct backend *backend;
	struct place {
		uint32_t map_id;	    /* pins */
		struct backend_token token; /* holders */
		char *path;		    /* of the pin, or the process's command name */
		int pid;		    /* of the holder, 0 for pins */
	} * place;
	size_t count;
	size_t unseen; /* processes that may not be looked at */
};

/* All pins below the backend's pin directory; among the processes that may be looked at those that
 * have a descriptor of a map, or (in user space) have mapped it. This process is left out. */
void places_find(const struct backend *backend, struct places *ret_places);
void places_free(struct places *places);

/* True if one of the processes holds the map. */
bool places_held(const struct places *places, const struct backend_token *token);

/* The pins and holders of one map, as fields of the current object, if it has any. */
void places_print(struct cli *cli, const struct places *places, const struct mapref *ref);

#endif
