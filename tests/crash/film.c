/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* film.c: see film.h. */
#include "film.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

static void frame_keep(struct film *film, const uint8_t *region, const struct diaries *diaries)
{
	struct frame *frame;

	if (film->count == film->room) {
		film->room = film->room ? film->room * 2 : 64;
		film->frames = realloc(film->frames, film->room * sizeof(*film->frames));
	}
	frame = &film->frames[film->count++];
	frame->step = film->steps;
	frame->diaries = *diaries;
	frame->bytes = malloc(film->size);
	memcpy(frame->bytes, region, film->size);
}

void film_record(struct film *film, pid_t pid, const uint8_t *region, size_t size,
		 const struct diaries *diaries)
{
	const struct frame *last;
	int status;

	memset(film, 0, sizeof(*film));
	film->size = size;
	frame_keep(film, region, diaries);
	while (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) == 0 && waitpid(pid, &status, 0) == pid &&
	       WIFSTOPPED(status)) {
		film->steps++;
		last = &film->frames[film->count - 1];
		if (memcmp(last->bytes, region, size) != 0 ||
		    memcmp(&last->diaries, diaries, sizeof(*diaries)) != 0)
			frame_keep(film, region, diaries);
	}
}

void film_free(struct film *film)
{
	for (uint32_t i = 0; i < film->count; i++)
		free(film->frames[i].bytes);
	free(film->frames);
	memset(film, 0, sizeof(*film));
}

int frame_write(const struct film *film, const struct frame *frame, const char *path)
{
	ssize_t written;
	int fd;

	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	written = fd < 0 ? -1 : write(fd, frame->bytes, film->size);
	if (written != (ssize_t)film->size)
		verdict_fail("cannot write a frame: %s", strerror(errno));
	close(fd);
	return written == (ssize_t)film->size ? 0 : -1;
}
