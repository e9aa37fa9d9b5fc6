/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* film.c: see film.h. Reading a hole through a mapping would fill it: so only pages that the file system
 * says to have data are looked at. */
#include "film.h"
#include "harness.h"
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEPS_MAX 2000000u

/* The file that is filmed. */
struct scene {
	int fd;
	size_t size;
	const uint8_t *region;
	uint32_t pages;
	uint32_t *numbers; /* of the pages with data, as last looked for */
};

static void scene_close(struct scene *scene)
{
	if (scene->region != MAP_FAILED)
		munmap((void *)scene->region, scene->size);
	if (scene->fd >= 0)
		close(scene->fd);
	free(scene->numbers);
}

static int scene_open(struct scene *scene, const char *path)
{
	struct stat st;

	*scene = (struct scene){.fd = open(path, O_RDONLY | O_CLOEXEC), .region = MAP_FAILED};
	if (scene->fd >= 0 && fstat(scene->fd, &st) == 0 && st.st_size > 0) {
		scene->size = (size_t)st.st_size;
		scene->region = mmap(NULL, scene->size, PROT_READ, MAP_SHARED, scene->fd, 0);
		scene->numbers = calloc(scene->size / FRAME_PAGE + 1, sizeof(*scene->numbers));
	}
	if (scene->region != MAP_FAILED && scene->numbers)
		return 0;
	verdict_fail("cannot film %s: %s", path, strerror(errno));
	scene_close(scene);
	return -1;
}

static void scene_look(struct scene *scene)
{
	off_t end = (off_t)scene->size, data = 0, hole;

	scene->pages = 0;
	while (data < end && (data = lseek(scene->fd, data, SEEK_DATA)) >= 0 && data < end) {
		hole = lseek(scene->fd, data, SEEK_HOLE);
		for (; data < hole; data += FRAME_PAGE)
			scene->numbers[scene->pages++] = (uint32_t)(data / FRAME_PAGE);
	}
}

static const uint8_t *scene_page(const struct scene *scene, uint32_t i)
{
	return scene->region + (size_t)scene->numbers[i] * FRAME_PAGE;
}

static int frame_differs(const struct frame *frame, const struct scene *scene)
{
	if (frame->pages != scene->pages ||
	    memcmp(frame->numbers, scene->numbers, frame->pages * sizeof(*frame->numbers)) != 0)
		return 1;
	for (uint32_t i = 0; i < frame->pages; i++)
		if (memcmp(frame->bytes + (size_t)i * FRAME_PAGE, scene_page(scene, i),
			   FRAME_PAGE) != 0)
			return 1;
	return 0;
}

static void frame_keep(struct film *film, const struct scene *scene)
{
	struct frame *frame;

	if (film->count == film->room) {
		film->room = film->room ? film->room * 2 : 64;
		film->frames = realloc(film->frames, film->room * sizeof(*film->frames));
	}
	frame = &film->frames[film->count++];
	frame->step = film->steps;
	frame->pages = scene->pages;
	frame->numbers = malloc(scene->pages * sizeof(*frame->numbers) + 1);
	frame->bytes = malloc((size_t)scene->pages * FRAME_PAGE + 1);
	memcpy(frame->numbers, scene->numbers, scene->pages * sizeof(*frame->numbers));
	for (uint32_t i = 0; i < scene->pages; i++)
		memcpy(frame->bytes + (size_t)i * FRAME_PAGE, scene_page(scene, i), FRAME_PAGE);
}

int film_still(struct film *film, const char *path)
{
	struct scene scene;

	memset(film, 0, sizeof(*film));
	if (scene_open(&scene, path) != 0)
		return -1;
	film->size = scene.size;
	scene_look(&scene);
	frame_keep(film, &scene);
	scene_close(&scene);
	return 0;
}

int film_record(struct film *film, pid_t pid, const char *path)
{
	struct scene scene;

	memset(film, 0, sizeof(*film));
	if (scene_open(&scene, path) != 0)
		return -1;
	film->size = scene.size;
	scene_look(&scene);
	frame_keep(film, &scene);
	while (film->steps < STEPS_MAX && runner_step(pid, 1) == 1) {
		film->steps++;
		scene_look(&scene);
		if (frame_differs(&film->frames[film->count - 1], &scene))
			frame_keep(film, &scene);
	}
	scene_close(&scene);
	if (!verdict_failed() && runner_ended(pid))
		return 0;
	verdict_fail("the operation that is filmed did not end well");
	film_free(film);
	return -1;
}

void film_free(struct film *film)
{
	for (uint32_t i = 0; i < film->count; i++) {
		free(film->frames[i].numbers);
		free(film->frames[i].bytes);
	}
	free(film->frames);
	memset(film, 0, sizeof(*film));
}

int frame_write(const struct film *film, const struct frame *frame, const char *path)
{
	int fd, err;

	unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	err = fd < 0 || ftruncate(fd, (off_t)film->size) != 0;
	for (uint32_t i = 0; i < frame->pages && !err; i++)
		err = pwrite(fd, frame->bytes + (size_t)i * FRAME_PAGE, FRAME_PAGE,
			     (off_t)frame->numbers[i] * FRAME_PAGE) != FRAME_PAGE;
	if (err)
		verdict_fail("cannot write a frame: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
	return err ? -1 : 0;
}
