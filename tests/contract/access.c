/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* access.c: what each kind of descriptor allows (SEMANTICS section 15, "fd access"). */
#include "semantics.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum origin { BY_CREATE, BY_ID, BY_PATH, ORIGINS };
static const char *const origin_names[] = {"create", "by_id", "by_path"};

static const struct {
	const char *name;
	uint32_t flags;
} modes[] = {{"rw", 0}, {"rdonly", BPF_F_RDONLY}, {"wronly", BPF_F_WRONLY}};
#define MODES 3

/* An fd of a new map that has the mode; *ret_map is the map's other fd, or -1. The pin stays until
 * the command has run. */
static int fd_make(uint32_t type, enum origin origin, uint32_t flags, int *ret_map)
{
	*ret_map = -1;
	if (origin == BY_CREATE)
		return map_fresh_flags(type, flags);
	*ret_map = map_fresh(type);
	if (origin == BY_ID)
		return map_reopen(*ret_map, flags);
	pin_fd(*ret_map, pin_path("access"));
	return (int)pin_get(pin_path("access"), flags);
}

static void commands_by_mode(const struct type *t, enum origin origin, int mode, bool frozen)
{
	struct line l;
	union req r;

	line_begin(&l, "access.%s.%s.%s%s", t->name, origin_names[origin], modes[mode].name,
		   frozen ? ".frozen" : "");
	for (unsigned int i = 0; i < command_count; i++) {
		int map;
		int fd = fd_make(t->number, origin, modes[mode].flags, &map);

		if (frozen)
			map_freeze(map >= 0 ? map : fd);
		commands[i].fill(&r, fd);
		line_add(&l, command_run(&commands[i], &r, ATTR_SIZE), "%s", commands[i].name);
		pin_remove(pin_path("access"));
		if (map >= 0)
			close(map);
		close(fd);
	}
	line_end(&l);
}

/* The flags for programs leave the syscall side alone. */
static void program_flags(const struct type *t)
{
	static const uint32_t flags[] = {BPF_F_RDONLY_PROG, BPF_F_WRONLY_PROG,
					 BPF_F_RDONLY | BPF_F_WRONLY_PROG};
	struct line l;
	union req r;

	for (size_t f = 0; f < sizeof(flags) / sizeof(flags[0]); f++) {
		line_begin(&l, "access.%s.prog_flags.0x%x", t->name, flags[f]);
		for (unsigned int i = 0; i < command_count; i++) {
			int fd = map_fresh_flags(t->number, flags[f]);

			commands[i].fill(&r, fd);
			line_add(&l, command_run(&commands[i], &r, ATTR_SIZE), "%s",
				 commands[i].name);
			close(fd);
		}
		line_end(&l);
	}
}

static void open_flags(const struct type *t)
{
	int map = map_fresh(t->number);
	struct line l;
	union req r;

	line_begin(&l, "access.%s.open_flag_bit", t->name);
	for (unsigned int bit = 0; bit < 32; bit++) {
		req_clear(&r);
		r.attr.map_id = map_id(map);
		r.attr.open_flags = 1u << bit;
		line_add(&l, bpf_try(BPF_MAP_GET_FD_BY_ID, &r), "%u", bit);
	}
	req_clear(&r);
	r.attr.map_id = map_id(map);
	r.attr.open_flags = BPF_F_RDONLY | BPF_F_WRONLY;
	line_add(&l, bpf_try(BPF_MAP_GET_FD_BY_ID, &r), "both");
	r.attr.map_id = 0;
	line_add(&l, bpf_try(BPF_MAP_GET_FD_BY_ID, &r), "both_of_unknown");
	r.attr.open_flags = 1;
	line_add(&l, bpf_try(BPF_MAP_GET_FD_BY_ID, &r), "1_of_unknown");
	line_end(&l);
	pin_fd(map, pin_path("flags"));
	line_begin(&l, "access.%s.file_flag_bit", t->name);
	for (unsigned int bit = 0; bit < 32; bit++) {
		int fd = (int)pin_get(pin_path("flags"), 1u << bit);

		/* PATH_FD makes path_fd 0 count, but an absolute path does not look at it. */
		line_add(&l, fd < 0 ? fd : 0, "%u", bit);
		if (fd >= 0)
			close(fd);
	}
	line_add(&l, pin_get(pin_path("flags"), BPF_F_RDONLY | BPF_F_WRONLY), "both");
	line_add(&l, pin_get(pin_path("none"), BPF_F_RDONLY | BPF_F_WRONLY), "both_of_missing");
	line_add(&l, pin_get(pin_path("none"), 1), "1_of_missing");
	line_end(&l);
	pin_remove(pin_path("flags"));
	close(map);
}

/* A map pinned through a read-only fd opens for writing: access is the fd's, not the map's. */
static void not_inherited(const struct type *t)
{
	int map = map_fresh(t->number);
	int reader = map_reopen(map, BPF_F_RDONLY);
	uint64_t value = 3;
	uint32_t key = 1;
	int fd;

	row(pin_fd(reader, pin_path("reader")), "access.%s.pin_of_rdonly", t->name);
	fd = (int)pin_get(pin_path("reader"), 0);
	row(map_update(fd, &key, &value, 0), "access.%s.pin_of_rdonly_then_update", t->name);
	pin_remove(pin_path("reader"));
	close(fd);
	fd = map_reopen(reader, 0);
	row(map_update(fd, &key, &value, 0), "access.%s.id_of_rdonly_then_update", t->name);
	close(fd);
	row(map_update(reader, &key, &value, 0), "access.%s.rdonly_stays", t->name);
	close(reader);
	close(map);
}

void section_access(void)
{
	for (int t = 0; t < TYPES; t++) {
		for (int origin = 0; origin < ORIGINS; origin++) {
			for (int mode = 0; mode < MODES; mode++) {
				commands_by_mode(&types[t], origin, mode, false);
				commands_by_mode(&types[t], origin, mode, true);
			}
		}
		program_flags(&types[t]);
		open_flags(&types[t]);
		not_inherited(&types[t]);
	}
}
