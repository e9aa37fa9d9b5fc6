/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* catalog.c: all maps of both worlds with their figures. */
#include "export/catalog.h"

#include "base/clock.h"
#include "cli/text.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static int user_read(int fd, struct catalog_map *map)
{
	struct bpfmap *handle;
	int err = bpfmap_open_fd(fd, BPFMAP_OPEN_RDONLY, &handle);

	if (err)
		return err;
	err = bpfmap_get_info(handle, &map->figures);
	bpfmap_close(handle);
	if (err)
		return err;
	map->has_figures = true;
	map->counted = backend_is_counted(map->info.type);
	map->entries = map->figures.entries;
	map->memory_bytes = map->figures.memory_bytes;
	map->frozen = map->figures.frozen;
	return 0;
}

static void entries_read(struct counter *counter, struct catalog_map *map)
{
	struct backend_entries count;

	if (backend_is_array(map->info.type)) {
		map->counted = true;
		map->entries = map->info.max_entries;
		return;
	}
	if (!counter || counter_get(counter, map->info.id, &count))
		return;
	map->counted = true;
	map->entries = count.entries;
	map->at_least = !count.is_whole;
	map->age_seconds = clock_now_seconds() - (double)count.taken_ns / 1e9;
}

static int kernel_read(struct counter *counter, int fd, struct catalog_map *map)
{
	struct backend_stats stats;
	int err = map->backend->map_stats(fd, &stats);

	if (err)
		return err;
	map->memory_bytes = stats.memory_bytes;
	map->frozen = stats.frozen;
	entries_read(counter, map);
	return 0;
}

int catalog_map_read(struct counter *counter, const struct backend *backend, int fd,
		     struct catalog_map *ret_map)
{
	struct catalog_map map = {.backend = backend};
	int err = backend_map_info(backend, fd, &map.info);

	if (!err)
		err = backend == &backend_user ? user_read(fd, &map)
					       : kernel_read(counter, fd, &map);
	if (!err)
		*ret_map = map;
	return err;
}

static int world_take(struct counter *counter, const struct backend *backend,
		      struct catalog *catalog)
{
	uint32_t id = 0;
	int err;

	while (!(err = backend_map_next_id(backend, id, &id))) {
		int fd = backend_map_open_id(backend, id);
		struct catalog_map map;

		/* Gone since its id was read, or another user's. */
		if (fd < 0)
			continue;
		if (!catalog_map_read(counter, backend, fd, &map)) {
			catalog->map =
				must_realloc(catalog->map, (catalog->count + 1) * sizeof(map));
			catalog->map[catalog->count++] = map;
		}
		close(fd);
	}
	return err == -ENOENT ? 0 : err;
}

void catalog_take(struct counter *counter, struct catalog *ret_catalog)
{
	*ret_catalog = (struct catalog){0};
	world_take(counter, &backend_user, ret_catalog);
	ret_catalog->kernel_permitted = !world_take(counter, &backend_kernel, ret_catalog);
}

void catalog_free(struct catalog *catalog)
{
	free(catalog->map);
}
