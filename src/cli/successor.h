/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* successor.h: a new map takes the place of one in user space: its pins, and the access to them. */
#ifndef BPFMAP_CLI_SUCCESSOR_H
#define BPFMAP_CLI_SUCCESSOR_H

#include "cli/places.h"

struct text;

struct successor {
	const struct mapref *ref; /* the old one */
	struct places places;
	char **pins; /* real paths */
	size_t count;
};

/* The pins of a map that the words (from MAP on) name. 0, or -ENOENT with a sentence: it has none.
 * Free it with successor_free(). */
int successor_find(const struct mapref *ref, struct args words, struct successor *ret_successor);
void successor_free(struct successor *successor);

/* 0, or -EBUSY with a sentence that names who holds the old one. Others would be told with their
 * next write; whether they can live with that only the user knows. */
int successor_holders(const struct successor *successor);

/* Where the old one's file is: where the new one's has to be made. */
void successor_directory(const struct successor *successor, struct text *ret_dir);

/* All pins lead to the new one, whose mode and owner become the old one's. */
int successor_swap(const struct successor *successor, int fd);

#endif
