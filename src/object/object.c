/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* object.c: bpfmap/object.h: an object file opened and loaded by the libbpf that this library
 * holds.
 *
 * libbpf and the shims of src/compat are linked into this library with their names hidden, so
 * libbpf's system calls end in bpfmap_bpf() and nobody else's do. What libbpf says while it loads
 * goes to the thread's struct report, since its callback has no argument; a failure's sentence is
 * libbpf's first line and, where a command of bpf(2) failed, that command's sentence.
 */
#include "bpfmap/object.h"

#include "bpf/command.h"
#include "compat/libbpf_bpf.h"
#include "object/btf_check.h"
#include "object/elf_check.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SENTENCE_MAX 512 /* longer ones are cut (base/error.c) */
#define SAYING_MAX   256

/* libbpf's code refers to it, and code that is not position independent cannot leave this library
 * for it. It is never used: report_keep() takes all messages. */
FILE *hidden_stderr __asm__("stderr") __attribute__((visibility("hidden")));

struct bpfmap_object {
	struct bpf_object *bpf;
	struct bpfmap_prog **progs; /* by their place in bpf; NULL: not loaded */
	struct bpfmap **maps;	    /* likewise */
	size_t prog_cnt;
	size_t map_cnt;
};

/* What libbpf says. */
struct report {
	char first[SAYING_MAX]; /* its first complaint */
	char cause[SAYING_MAX]; /* the sentence that stood then */
	char *log;
	size_t log_room;
};

static _Thread_local struct report *report;
static pthread_once_t print_once = PTHREAD_ONCE_INIT;

/* ---- sentences ---- */

__attribute__((format(printf, 2, 3), cold)) static int fail_object(int err, const char *fmt, ...)
{
	char sentence[SENTENCE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, ap);
	va_end(ap);
	return bpfmap_bpf_fail(err, sentence);
}

/* The first line, as far as there is room. */
static void start_copy(char to[SAYING_MAX], const char *from)
{
	size_t len = strcspn(from, "\n");

	len = len < SAYING_MAX ? len : SAYING_MAX - 1;
	memcpy(to, from, len);
	to[len] = 0;
}

static void line_keep(struct report *to, const char *line)
{
	size_t len = strlen(line);

	if (!to->first[0]) {
		start_copy(to->first, strncmp(line, "libbpf: ", 8) ? line : line + 8);
		start_copy(to->cause, bpfmap_last_error());
	}
	if (!to->log || len >= to->log_room)
		return;
	memcpy(to->log, line, len + 1);
	to->log += len;
	to->log_room -= len;
}

__attribute__((format(printf, 2, 0))) static int report_keep(enum libbpf_print_level level,
							     const char *fmt, va_list args)
{
	char line[2048];

	if (!report || level > LIBBPF_WARN)
		return 0;
	vsnprintf(line, sizeof(line), fmt, args);
	line_keep(report, line);
	return 0;
}

static void print_set(void)
{
	libbpf_set_print(report_keep);
}

static int load_failure(const char *path, int err)
{
	char reason[128];

	libbpf_strerror(err, reason, sizeof(reason));
	return fail_object(-err, "cannot load %s: %s%s%s", path,
			   report->first[0] ? report->first : reason, report->cause[0] ? ": " : "",
			   report->cause);
}

/* ---- what opts want ---- */

static bool prog_can_run(const struct bpf_program *prog)
{
	switch (bpf_program__type(prog)) {
	case BPF_PROG_TYPE_XDP:
	case BPF_PROG_TYPE_SCHED_CLS:
	case BPF_PROG_TYPE_SOCKET_FILTER:
	case BPF_PROG_TYPE_SYSCALL: return true;
	default: return false;
	}
}

static int progs_choose(struct bpf_object *bpf, const struct bpfmap_object_opts *opts)
{
	struct bpf_program *prog;

	bpf_object__for_each_program(prog, bpf)
		bpf_program__set_autoload(prog, !opts->progs && prog_can_run(prog));
	for (uint32_t i = 0; opts->progs && i < opts->prog_cnt; i++) {
		prog = bpf_object__find_program_by_name(bpf, opts->progs[i]);
		if (!prog)
			return fail_object(ENOENT, "the object holds no program %s",
					   opts->progs[i]);
		bpf_program__set_autoload(prog, true);
	}
	return 0;
}

static int sizes_set(struct bpf_object *bpf, const struct bpfmap_object_opts *opts)
{
	for (uint32_t i = 0; i < opts->size_cnt; i++) {
		const struct bpfmap_object_size *size = &opts->sizes[i];
		struct bpf_map *map = bpf_object__find_map_by_name(bpf, size->map);
		int err;

		if (!map)
			return fail_object(ENOENT, "the object holds no map %s", size->map);
		err = bpf_map__set_max_entries(map, size->max_entries);
		if (err)
			return fail_object(-err, "map %s cannot have %u entries", size->map,
					   size->max_entries);
	}
	return 0;
}

/* ---- variables ---- */

/* Where a global variable is. */
struct variable {
	struct bpf_map *map; /* its section */
	size_t offset;
	size_t size;
};

/* False: there is none of this name, or it is not in a map. */
static bool variable_find(const struct bpf_object *bpf, const char *name,
			  struct variable *ret_found)
{
	const struct btf *btf = bpf_object__btf(bpf);

	for (uint32_t id = 1; btf && id < btf__type_cnt(btf); id++) {
		const struct btf_type *section = btf__type_by_id(btf, id);

		for (int i = 0; btf_is_datasec(section) && i < btf_vlen(section); i++) {
			const struct btf_var_secinfo *place = &btf_var_secinfos(section)[i];
			const struct btf_type *var = btf__type_by_id(btf, place->type);

			if (strcmp(btf__name_by_offset(btf, var->name_off), name))
				continue;
			*ret_found = (struct variable){
				.map = bpf_object__find_map_by_name(
					bpf, btf__name_by_offset(btf, section->name_off)),
				.offset = place->offset,
				.size = place->size};
			return ret_found->map && ret_found->offset + ret_found->size <=
							 bpf_map__value_size(ret_found->map);
		}
	}
	return false;
}

static int values_set(struct bpf_object *bpf, const struct bpfmap_object_opts *opts)
{
	for (uint32_t i = 0; i < opts->value_cnt; i++) {
		const struct bpfmap_object_value *value = &opts->values[i];
		struct variable found;
		size_t room = 0;
		char *bytes;

		if (!variable_find(bpf, value->variable, &found))
			return fail_object(ENOENT, "the object holds no global variable %s",
					   value->variable);
		if (found.size != value->size)
			return fail_object(EINVAL, "the variable %s has %zu bytes, not %zu",
					   value->variable, found.size, value->size);
		bytes = (char *)bpf_map__initial_value(found.map, &room);
		if (!bytes || found.offset + found.size > room)
			return fail_object(EINVAL, "the variable %s has no first value",
					   value->variable);
		memcpy(bytes + found.offset, value->value, found.size);
	}
	return 0;
}

/* ---- opening ---- */

/* libbpf crashes on sections and symbols outside of the file, and on BTF that refers to what is not
 * there. */
static int file_check(const char *path)
{
	struct btf *btf;
	const char *damage;
	bool sound;

	if (access(path, R_OK))
		return fail_object(errno, "cannot open %s: %s", path, strerror(errno));
	damage = elf_check(path);
	if (damage)
		return fail_object(EINVAL, "cannot load %s: it is damaged (%s); compile it again",
				   path, damage);
	btf = btf__parse_elf(path, NULL);
	sound = !btf || btf_refs_are_sound(btf);
	btf__free(btf);
	return sound ? 0
		     : fail_object(EINVAL, "cannot load %s: its BTF is damaged; compile it again",
				   path);
}

static int opts_check(const struct bpfmap_object_opts *opts)
{
	if (opts->sz < sizeof(*opts))
		return fail_object(EINVAL,
				   "struct bpfmap_object_opts of %zu bytes: set sz = "
				   "sizeof(struct) after zeroing it",
				   opts->sz);
	for (size_t i = sizeof(*opts); i < opts->sz; i++)
		if (((const char *)opts)[i])
			return fail_object(EINVAL, "struct bpfmap_object_opts has values that this "
						   "version does not know");
	if ((!opts->sizes && opts->size_cnt) || (!opts->values && opts->value_cnt) ||
	    (!opts->progs && opts->prog_cnt) || (!opts->log && opts->log_size))
		return fail_object(EINVAL, "a count without the array that it counts");
	return 0;
}

static int handles_make(struct bpfmap_object *object)
{
	struct bpf_program *prog;
	struct bpf_map *map;
	size_t progs = 0;
	int err = 0;

	bpf_object__for_each_map(map, object->bpf) object->map_cnt++;
	bpf_object__for_each_program(prog, object->bpf) progs++;
	object->maps = calloc(object->map_cnt + 1, sizeof(struct bpfmap *));
	object->progs = calloc(progs + 1, sizeof(struct bpfmap_prog *));
	if (!object->maps || !object->progs)
		return fail_object(ENOMEM, "no memory for an object's handles");
	object->prog_cnt = progs;
	progs = 0;
	bpf_object__for_each_program(prog, object->bpf)
	{
		if (!err && bpf_program__fd(prog) >= 0)
			err = bpfmap_prog_from_fd(bpf_program__fd(prog), &object->progs[progs]);
		progs++;
	}
	progs = 0;
	bpf_object__for_each_map(map, object->bpf)
	{
		if (!err && bpf_map__fd(map) >= 0)
			err = bpfmap_bpf_map(bpf_map__fd(map), &object->maps[progs]);
		progs++;
	}
	return err;
}

static int object_load(struct bpfmap_object *object, const char *path,
		       const struct bpfmap_object_opts *opts)
{
	LIBBPF_OPTS(bpf_object_open_opts, open_opts, .pin_root_path = opts->pin_dir);
	int err = file_check(path);

	if (err)
		return err;
	bpfmap_bpf_fail(0, "");
	object->bpf = bpf_object__open_file(path, &open_opts);
	if (!object->bpf)
		return load_failure(path, -errno);
	err = progs_choose(object->bpf, opts);
	if (!err)
		err = sizes_set(object->bpf, opts);
	if (!err)
		err = values_set(object->bpf, opts);
	if (err)
		return err;
	bpfmap_bpf_fail(0, "");
	err = bpf_object__load(object->bpf);
	return err ? load_failure(path, err) : handles_make(object);
}

int bpfmap_object_open(const char *path, const struct bpfmap_object_opts *opts,
		       struct bpfmap_object **ret_object)
{
	static const struct bpfmap_object_opts defaults = {.sz = sizeof(defaults)};
	struct report *outer = report, mine = {.log = NULL};
	struct bpfmap_object *object;
	int err;

	opts = opts ? opts : &defaults;
	err = opts_check(opts);
	if (err)
		return err;
	object = calloc(1, sizeof(*object));
	if (!object)
		return fail_object(ENOMEM, "no memory for an object");
	mine.log = opts->log;
	mine.log_room = opts->log_size;
	if (opts->log_size)
		opts->log[0] = 0;
	pthread_once(&print_once, print_set);
	report = &mine;
	err = object_load(object, path, opts);
	if (err)
		bpfmap_object_close(object);
	else
		*ret_object = object;
	report = outer;
	return err;
}

void bpfmap_object_close(struct bpfmap_object *object)
{
	if (!object)
		return;
	for (size_t i = 0; object->progs && i < object->prog_cnt; i++)
		bpfmap_prog_close(object->progs[i]);
	for (size_t i = 0; object->maps && i < object->map_cnt; i++)
		bpfmap_close(object->maps[i]);
	bpf_object__close(object->bpf);
	free(object->progs);
	free(object->maps);
	free(object);
}

/* ---- what is in it ---- */

struct bpfmap_prog *bpfmap_object_prog(struct bpfmap_object *object, const char *name)
{
	struct bpf_program *prog;
	size_t i = 0;

	bpf_object__for_each_program(prog, object->bpf)
	{
		if (object->progs[i] && (!name || !strcmp(bpf_program__name(prog), name)))
			return object->progs[i];
		i++;
	}
	return NULL;
}

static struct bpfmap *map_of(const struct bpfmap_object *object, const struct bpf_map *wanted)
{
	struct bpf_map *map;
	size_t i = 0;

	bpf_object__for_each_map(map, object->bpf)
	{
		if (map == wanted)
			return object->maps[i];
		i++;
	}
	return NULL;
}

struct bpfmap *bpfmap_object_map(struct bpfmap_object *object, const char *name)
{
	return map_of(object, bpf_object__find_map_by_name(object->bpf, name));
}

void *bpfmap_object_variable(struct bpfmap_object *object, const char *name, size_t *ret_size)
{
	static const uint32_t first;
	struct variable found;
	struct bpfmap *map;
	char *value;

	if (!variable_find(object->bpf, name, &found))
		return NULL;
	map = map_of(object, found.map);
	value = map ? bpfmap_lookup(map, &first) : NULL;
	if (!value)
		return NULL;
	if (ret_size)
		*ret_size = found.size;
	return value + found.offset;
}

/* ---- pins ---- */

static int pin_path(const char *dir, const struct bpf_map *map, char *ret_path, size_t size)
{
	int len = snprintf(ret_path, size, "%s/%s", dir, bpf_map__name(map));

	return len >= 0 && (size_t)len < size
		       ? 0
		       : fail_object(ENAMETOOLONG, "the path of map %s is too long",
				     bpf_map__name(map));
}

/* Others were pinned by their name, or are for programs alone. */
static bool is_to_pin(const struct bpf_map *map)
{
	return !bpf_map__is_internal(map) && !bpf_map__is_pinned(map);
}

static void unpin_before(struct bpfmap_object *object, const char *dir, const struct bpf_map *end)
{
	char path[PATH_MAX];
	struct bpf_map *map;

	bpf_object__for_each_map(map, object->bpf)
	{
		if (map == end)
			return;
		if (is_to_pin(map) && !pin_path(dir, map, path, sizeof(path)))
			unlink(path);
	}
}

int bpfmap_object_pin(struct bpfmap_object *object, const char *dir)
{
	char path[PATH_MAX];
	struct bpf_map *map;
	size_t i = 0;

	bpf_object__for_each_map(map, object->bpf)
	{
		struct bpfmap *handle = object->maps[i++];
		int err;

		if (!is_to_pin(map))
			continue;
		err = pin_path(dir, map, path, sizeof(path));
		if (!err)
			err = bpfmap_pin(handle, path);
		if (!err)
			continue;
		unpin_before(object, dir, map);
		return err;
	}
	return 0;
}
