/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* film.h: every state of a region's bytes that a death could leave behind.
 *
 * A tracee is single-stepped and the region looked at after each instruction: whenever the bytes have
 * changed, they are kept as a frame. Two deaths between the same two stores leave the same bytes, so
 * the frames are all that can be left by a death at any instruction. Put into a new file, a frame is
 * the region as its survivors would find it: the kernel's part of a death, the release of the dead
 * process's file locks, is true of the new file as well. Pages that were never touched are none of the
 * frame's and holes in the new file.
 */
#ifndef BPFMAP_TESTS_FILM_H
#define BPFMAP_TESTS_FILM_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FRAME_PAGE 4096u

struct frame {
	uint32_t step; /* the first instruction after which the bytes were so */
	uint32_t pages;
	uint32_t *numbers; /* of the pages, ascending */
	uint8_t *bytes;
};

struct film {
	size_t size; /* bytes of the region */
	uint32_t steps;
	uint32_t count;
	uint32_t room;
	struct frame *frames;
};

/* Steps the stopped tracee until it ends. path: the region's file. 0; -1 with a failed verdict, also
 * when the tracee ended otherwise than with status 0. */
int film_record(struct film *film, pid_t pid, const char *path);
/* One frame: the file as it is. */
int film_still(struct film *film, const char *path);
void film_free(struct film *film);

/* A new file at path with the frame's bytes; 0 or -1 with a failed verdict. */
int frame_write(const struct film *film, const struct frame *frame, const char *path);

#endif
