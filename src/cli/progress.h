/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* progress.h: how far a long verb has come, in one line on stderr that is gone when it is done.
 * Shown only to people: stderr is a terminal that can go back in a line, and the work lasts longer
 * than half a second. */
#ifndef BPFMAP_CLI_PROGRESS_H
#define BPFMAP_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	const char *verb;  /* NULL: nothing is shown */
	const char *units; /* "elements" */
	uint64_t total;	   /* 0: not known */
	uint64_t begun_ns;
	uint64_t next_ns; /* when the line is drawn next */
	uint64_t skip;	  /* the clock is read when done has reached this */
	uint64_t stride;
};

/* True if stderr is a terminal that can go back in a line. */
bool progress_can_be_seen(void);

/* The strings stay the caller's. */
void progress_begin(struct progress *progress, const char *verb, const char *units, uint64_t total);

void progress_look(struct progress *progress, uint64_t done);

/* So much is done; cheap enough to be called for each element. */
static inline void progress_at(struct progress *progress, uint64_t done)
{
	if (__builtin_expect(done >= progress->skip, 0))
		progress_look(progress, done);
}

/* Clear the line. */
void progress_end(struct progress *progress);

/* Clear the line, whoever drew it: something else is about to be written to stderr. It comes back
 * if the work goes on. */
void progress_hide(void);

#endif
