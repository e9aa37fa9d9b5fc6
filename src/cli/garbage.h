/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* garbage.h: pins and files that nobody needs any more. */
#ifndef BPFMAP_CLI_GARBAGE_H
#define BPFMAP_CLI_GARBAGE_H

#include "cli/mapref.h"

enum garbage_kind {
	GARBAGE_PIN,	  /* of a map that no process has open or mapped and no program uses */
	GARBAGE_LEFTOVER, /* a hidden file in the runtime directory: what made it died */
	GARBAGE_WRITERS,  /* not a file: what dead writers left in a map that stays */
};

struct garbage {
	const struct backend *backend;
	struct garbage_item {
		enum garbage_kind kind;
		char *path;
		struct bpf_map_info info;
		uint64_t bytes; /* that removing it frees, 0 for a further pin of the same map */
		uint64_t age_s; /* since it was pinned or last changed */
		uint32_t dead;	/* writers, and how many of them were in the middle of something */
		uint32_t midway;
	} * item;
	size_t count;
	size_t unseen; /* processes that could not be looked at, of whom some may be holders */
};

/* Which of it is looked for. */
struct garbage_want {
	uint64_t older_s;  /* at least so many seconds old */
	const char *below; /* in this directory, as bpf(2) takes pin paths; NULL: anywhere */
};

/* What one world has. 0 or -errno with a sentence. */
int garbage_find(const struct backend *backend, const struct garbage_want *want,
		 struct garbage *ret_garbage);
void garbage_free(struct garbage *garbage);

/* Free it, or mend what writers left. -EBUSY: somebody came to need it. */
int garbage_collect(const struct garbage *garbage, const struct garbage_item *item);

#endif
