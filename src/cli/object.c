/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* object.c: an object file opened and loaded by libbpf. What libbpf has to say is kept and shown
 * as the cause when it fails. */
#include "cli/object.h"

#include "bpfmap/bpfmap.h"
#include "cli/element.h"
#include "object/btf_check.h"
#include "object/elf_check.h"
#include "cli/text.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* libbpf's callback has no argument of its own: its messages since the load began. */
static struct text messages;
static bool messages_at_once;

/* More than this of a verifier's log helps nobody on a terminal; -d shows all. */
#define MESSAGES_MAX 4000

__attribute__((format(printf, 2, 0))) static int message_keep(enum libbpf_print_level level,
							      const char *fmt, va_list args)
{
	char line[2048];

	if (messages_at_once)
		return vfprintf(stderr, fmt, args);
	if (level > LIBBPF_WARN || messages.len > MESSAGES_MAX)
		return 0;
	vsnprintf(line, sizeof(line), fmt, args);
	text_addf(&messages, "%s", line);
	return 0;
}

/* The sentence, then libbpf's own words below it. */
static int load_failure(const char *path, int err, const char *sentence, struct text *why)
{
	char reason[128];

	libbpf_strerror(err, reason, sizeof(reason));
	text_addf(why, "can't load %s: %s", path, *sentence ? sentence : reason);
	if (messages.len && messages.s[messages.len - 1] == '\n')
		messages.s[--messages.len] = 0;
	if (messages.len)
		text_addf(why, "\n%s", text_str(&messages));
	return err;
}

/* ---- the programs ---- */

static int prog_choices(const struct bpf_object *bpf, const char *path, const char *wanted,
			struct text *why)
{
	struct bpf_program *prog;
	struct text names = {0};
	int err = -ENOENT;

	bpf_object__for_each_program(prog, bpf)
		text_addf(&names, "%s%s", names.len ? ", " : "", bpf_program__name(prog));
	if (!names.len) {
		text_addf(why, "%s holds no program", path);
	} else if (wanted) {
		text_addf(why, "%s holds no program '%s'; there are: %s", path, wanted,
			  text_str(&names));
	} else {
		text_addf(why,
			  "%s holds several programs; choose one with prog NAME, or prog all: %s",
			  path, text_str(&names));
		err = OBJECT_WHICH;
	}
	text_free(&names);
	return err;
}

static bool prog_takes_packets(const struct bpf_program *prog)
{
	enum bpf_prog_type type = bpf_program__type(prog);

	return type == BPF_PROG_TYPE_XDP || type == BPF_PROG_TYPE_SCHED_CLS ||
	       type == BPF_PROG_TYPE_SOCKET_FILTER;
}

static void prog_add(struct object *object, struct bpf_program *prog)
{
	object->prog = must_realloc(object->prog, (object->prog_count + 1) * sizeof(prog));
	object->prog[object->prog_count++] = prog;
}

static int prog_needs_packets(const struct bpf_program *prog, struct text *why)
{
	const char *type = libbpf_bpf_prog_type_str(bpf_program__type(prog));

	if (prog_takes_packets(prog))
		return 0;
	text_addf(why,
		  "program %s is of type %s and takes no packets; xdp, sched_cls and "
		  "socket_filter do (SEC(\"xdp\"), SEC(\"tc\"), SEC(\"socket\"))",
		  bpf_program__name(prog), type ? type : "unknown");
	return -EINVAL;
}

/* The only one there is, or all that take packets. */
static int progs_unnamed(const char *path, enum object_unnamed unnamed, struct object *object,
			 struct text *why)
{
	struct bpf_program *prog, *last = NULL;
	size_t count = 0;

	bpf_object__for_each_program(prog, object->bpf)
	{
		if (unnamed == OBJECT_ALL && prog_takes_packets(prog))
			prog_add(object, prog);
		last = prog;
		count++;
	}
	if (object->prog_count)
		return 0;
	if (!count || (count > 1 && unnamed == OBJECT_ONLY))
		return prog_choices(object->bpf, path, NULL, why);
	prog_add(object, last);
	return prog_needs_packets(last, why);
}

static int prog_named(const char *path, const char *name, struct object *object, struct text *why)
{
	struct bpf_program *prog, *found = NULL;
	size_t matches = 0;

	bpf_object__for_each_program(prog, object->bpf)
	{
		if (!strcmp(bpf_program__name(prog), name)) {
			found = prog;
			matches++;
		}
	}
	if (matches != 1)
		return prog_choices(object->bpf, path, name, why);
	prog_add(object, found);
	return prog_needs_packets(found, why);
}

/* Choose the programs and leave the others out of the load: they need not be supported. */
static int progs_choose(const char *path, const struct object_want *want, struct object *object,
			struct text *why)
{
	struct bpf_program *prog;
	int err = want->count ? 0 : progs_unnamed(path, want->unnamed, object, why);

	for (size_t i = 0; !err && i < want->count; i++)
		err = prog_named(path, want->progs[i], object, why);
	if (err)
		return err;
	bpf_object__for_each_program(prog, object->bpf) bpf_program__set_autoload(prog, false);
	for (size_t i = 0; i < object->prog_count; i++)
		bpf_program__set_autoload(object->prog[i], true);
	return 0;
}

/* libbpf crashes on sections and symbols outside of the file, and on BTF that refers to what is not
 * there. */
static int file_check(const char *path, struct text *why)
{
	const char *damage = elf_check(path);
	struct btf *btf;
	bool sound;

	if (damage) {
		text_addf(why, "can't load %s: it is damaged (%s); compile it again", path, damage);
		return -EINVAL;
	}
	btf = btf__parse_elf(path, NULL);
	sound = !btf || btf_refs_are_sound(btf);
	btf__free(btf);
	if (sound)
		return 0;
	text_addf(why, "can't load %s: its BTF is damaged; compile it again", path);
	return -EINVAL;
}

/* libbpf first loads a trivial program, of two types in turn, and only the second one's failure is
 * heard, which is that we have no such type. If the first one fails, its sentence is the cause. */
static const char *load_sentence(void)
{
	const struct bpf_insn trivial[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K},
					   {.code = BPF_JMP | BPF_EXIT}};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, NULL, "GPL", trivial, 2, NULL);

	if (fd >= 0)
		close(fd);
	return bpfmap_last_error();
}

static int bpf_load(struct cli *cli, const char *path, const struct object_want *want,
		    struct object *object, struct text *why)
{
	int err;

	object->bpf = bpf_object__open_file(path, NULL);
	if (!object->bpf)
		return load_failure(path, -errno, "", why);
	err = progs_choose(path, want, object, why);
	if (err)
		return err;
	err = bpf_object__load(object->bpf);
	if (err == -EPERM && cli->backend->engine == BPFMAP_ENGINE_KERNEL)
		return load_failure(path, err,
				    "the kernel does not permit it; be root or have CAP_BPF, or "
				    "leave out engine kernel",
				    why);
	if (err && cli->backend->engine == BPFMAP_ENGINE_USER)
		return load_failure(path, err, load_sentence(), why);
	return err ? load_failure(path, err, bpfmap_last_error(), why) : 0;
}

int object_try(struct cli *cli, const char *path, const struct object_want *want,
	       struct object *ret_object, struct text *why)
{
	struct object object = {0};
	int err;

	messages_at_once = cli->debug;
	libbpf_set_print(message_keep);
	if (access(path, R_OK)) {
		err = -errno;
		text_addf(why, "can't open %s: %s", path, strerror(errno));
		return err;
	}
	err = file_check(path, why);
	if (err)
		return err;
	err = bpf_load(cli, path, want, &object, why);
	if (err)
		object_close(&object);
	else
		*ret_object = object;
	return err;
}

int object_load(struct cli *cli, const char *path, const struct object_want *want,
		struct object *ret_object)
{
	struct text why = {0};
	int code = 0, err = object_try(cli, path, want, ret_object, &why);

	if (err == OBJECT_WHICH)
		code = exit_usage("%s", text_str(&why));
	else if (err)
		code = exit_sentence(err, "%s", text_str(&why));
	text_free(&why);
	return code;
}

void object_close(struct object *object)
{
	bpf_object__close(object->bpf);
	free(object->prog);
	*object = (struct object){0};
	text_free(&messages);
}

/* ---- its maps ---- */

static int pin_path(const char *dir, const struct bpf_map *map, char *ret_path, size_t size)
{
	char path[MAPREF_PATH_MAX];
	size_t dir_len = strlen(dir);

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, bpf_map__name(map)) >= sizeof(path))
		return exit_usage("the path is longer than %zu characters", sizeof(path) - 1);
	for (char *p = path + dir_len; *p; p++)
		if (*p == '.')
			*p = '_';
	return mapref_pin_path(path, ret_path, size);
}

static void unpin_before(struct cli *cli, const struct object *object, const char *dir,
			 const struct bpf_map *end)
{
	char path[MAPREF_PATH_MAX], real[MAPREF_PATH_MAX];
	struct bpf_map *map;

	bpf_object__for_each_map(map, object->bpf)
	{
		if (map == end)
			return;
		if (!pin_path(dir, map, path, sizeof(path)) &&
		    !cli->backend->pin_resolve(path, real, sizeof(real)))
			unlink(real);
	}
}

int object_pin_maps(struct cli *cli, const struct object *object, const char *dir)
{
	char path[MAPREF_PATH_MAX];
	struct bpf_map *map;

	bpf_object__for_each_map(map, object->bpf)
	{
		int code = pin_path(dir, map, path, sizeof(path));
		int err;

		if (code)
			return code;
		err = backend_pin(cli->backend, bpf_map__fd(map), path);
		if (!err)
			continue;
		unpin_before(cli, object, dir, map);
		if (err == -EEXIST)
			return exit_sentence(err,
					     "can't pin map %s: %s exists, from an earlier run "
					     "perhaps; remove it or choose another directory",
					     bpf_map__name(map), path);
		return exit_failure(err, "can't pin map %s", bpf_map__name(map));
	}
	return 0;
}

static int map_print(struct cli *cli, const struct bpf_map *map)
{
	int fd = fcntl(bpf_map__fd(map), F_DUPFD_CLOEXEC, 3);
	struct backend_stats stats;
	struct mapref ref;
	int code, err = 0;

	if (fd < 0)
		return exit_sentence(-errno, "can't show map %s: %s", bpf_map__name(map),
				     strerror(errno));
	code = mapref_from_fd(cli, cli->backend, fd, &ref);
	if (code)
		return code;
	out_begin(cli->out, OUT_OBJECT, OUT_SECTION);
	out_key(cli->out, "name", "map");
	out_str(cli->out, bpf_map__name(map));
	out_key(cli->out, "type", "type");
	out_str(cli->out, mapref_type(&ref.info));
	if (!ref.backend->map_stats(fd, &stats) && stats.counted) {
		out_key(cli->out, "entries", "entries");
		out_u64(cli->out, stats.entries);
	}
	out_key(cli->out, "max_entries", "max");
	out_u64(cli->out, ref.info.max_entries);
	if (ref.info.key_size) {
		out_key(cli->out, "elements", "elements");
		err = element_print_all(cli, &ref);
	}
	out_end(cli->out);
	mapref_close(&ref);
	return err ? exit_failure(err, "can't show all of map %s", bpf_map__name(map)) : 0;
}

int object_print_maps(struct cli *cli, const struct object *object)
{
	struct bpf_map *map;
	int code = 0;

	out_begin(cli->out, OUT_ARRAY, OUT_SECTIONS);
	bpf_object__for_each_map(map, object->bpf)
	{
		const char *name = bpf_map__name(map);
		int failed;

		if (!cli->debug && (strstr(name, ".rodata") || strstr(name, ".kconfig")))
			continue;
		failed = map_print(cli, map);
		code = code ? code : failed;
	}
	out_end(cli->out);
	return code;
}
