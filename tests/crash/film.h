/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* film.h: every state of a region's bytes that a death could leave behind.
 *
 * A tracee is single-stepped and the region looked at after each instruction: whenever the bytes have
 * changed, they are kept as a frame, together with the writers' diaries. Two deaths between the same
 * two stores leave the same bytes, so the frames are all that can be left by a death at any
 * instruction. Put into a new file, a frame is the region as its survivors would find it: the kernel's
 * part of a death, the release of the dead process's file locks, is true of the new file as well.
 */
#ifndef BPFMAP_TESTS_FILM_H
#define BPFMAP_TESTS_FILM_H

#include "model.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Of the writer that dies first, and of its heir. */
struct diaries {
	struct diary dead;
	struct diary heir;
};

struct frame {
	uint32_t step; /* the first instruction after which the bytes were so */
	struct diaries diaries;
	uint8_t *bytes;
};

struct film {
	size_t size; /* bytes of the region */
	uint32_t steps;
	uint32_t count;
	uint32_t room;
	struct frame *frames;
};

/* Steps the stopped tracee until it ends. region: a mapping of the file that it works on. */
void film_record(struct film *film, pid_t pid, const uint8_t *region, size_t size,
		 const struct diaries *diaries);
void film_free(struct film *film);

/* A new file at path with the frame's bytes; 0 or -1 with a failed verdict. */
int frame_write(const struct film *film, const struct frame *frame, const char *path);

#endif
