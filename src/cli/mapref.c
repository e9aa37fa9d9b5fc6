/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* mapref.c: MAP, a map named on the command line, opened and with its types. */
#include "cli/mapref.h"

#include "cli/btf_type.h"
#include "cli/data.h"
#include "cli/text.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BPFFS_ROOT "/sys/fs/bpf/"

const char *mapref_type(const struct bpf_map_info *info)
{
	const char *word = libbpf_bpf_map_type_str((enum bpf_map_type)info->type);

	return word ? word : "unknown";
}

const struct backend *mapref_world(struct args *args)
{
	const char *word = args_peek(args);
	const struct backend *backend = word ? backend_find(word) : NULL;

	if (backend)
		args_next(args);
	return backend;
}

const struct backend *mapref_path_world(const char *path)
{
	struct stat st;

	if (strncmp(path, BPFFS_ROOT, strlen(BPFFS_ROOT)) || lstat(path, &st))
		return &backend_user;
	return &backend_kernel;
}

int mapref_pin_path(const char *path, char *ret_path, size_t size)
{
	bool inside = path[0] != '/' && strncmp(path, "./", 2) && strncmp(path, "../", 3);

	if ((size_t)snprintf(ret_path, size, "%s%s", inside ? BPFFS_ROOT : "", path) >= size)
		return exit_usage("the path is longer than %zu characters", size - 1);
	return 0;
}

int mapref_file(struct args *args, const char *what, struct mapref_file *ret_file)
{
	struct mapref_file file = {.backend = mapref_world(args)};
	int code = args_word(args, what, &file.word);

	if (!code)
		code = mapref_pin_path(file.word, file.path, sizeof(file.path));
	if (code)
		return code;
	if (!file.backend)
		file.backend = mapref_path_world(file.word);
	*ret_file = file;
	return 0;
}

/* Types whose size does not match the map's would show wrong values: leave them out. */
static uint32_t type_of(const struct btf *btf, uint32_t id, size_t size)
{
	return id && btf_type_bytes(btf, id) == size && btf_type_is_sound(btf, id) ? id : 0;
}

int mapref_from_fd(struct cli *cli, const struct backend *backend, int fd, struct mapref *ret_ref)
{
	struct mapref ref = {.backend = backend, .fd = fd};
	int err = backend_map_info(backend, fd, &ref.info);

	if (err) {
		close(fd);
		return exit_failure(err, "can't get the map's info");
	}
	err = backend->map_btf(fd, &ref.info, &ref.btf);
	if (err && cli->debug)
		exit_failure(err, "elements are shown as bytes");
	if (ref.btf) {
		ref.key_type = type_of(ref.btf, ref.info.btf_key_type_id, ref.info.key_size);
		ref.value_type = type_of(ref.btf, ref.info.btf_value_type_id, ref.info.value_size);
	}
	*ret_ref = ref;
	return 0;
}

void mapref_close(struct mapref *ref)
{
	btf__free(ref->btf);
	close(ref->fd);
	ref->btf = NULL;
	ref->fd = -1;
}

/* ---- MAP ---- */

static int open_id(const struct backend *backend, struct args *args, int *ret_fd)
{
	uint64_t id;
	int code = args_number(args, "id", UINT32_MAX, &id);

	if (code)
		return code;
	*ret_fd = backend_map_open_id(backend, (uint32_t)id);
	if (*ret_fd < 0)
		return exit_failure(*ret_fd, "can't get map by id (%" PRIu64 ")", id);
	return 0;
}

/* What is left of a map on a disk can be read; who writes is refused with its next call. */
static int open_damaged(const struct backend *backend, const char *path, const char *word)
{
	struct text why = {0};
	int fd;

	text_addf(&why, "%s", bpfmap_last_error());
	fd = backend_map_open_pin_to_read(backend, path);
	if (fd >= 0)
		exit_sentence(-EUCLEAN, "%s: %s", word, text_str(&why));
	text_free(&why);
	return fd;
}

static int open_pinned(const struct backend *backend, struct args *args, int *ret_fd)
{
	char path[MAPREF_PATH_MAX];
	const char *word;
	int code = args_word(args, "the pin's path", &word);

	if (!code)
		code = mapref_pin_path(word, path, sizeof(path));
	if (code)
		return code;
	*ret_fd = backend_map_open_pin(backend, path);
	if (*ret_fd == -EUCLEAN)
		*ret_fd = open_damaged(backend, path, word);
	if (*ret_fd < 0)
		return exit_failure(*ret_fd, "can't open the pinned map %s", word);
	return 0;
}

/* A map's name is at most 15 characters long; more that are typed are not compared. */
static bool name_is(const struct bpf_map_info *info, const char *name)
{
	return !strncmp(info->name, name, BPF_OBJ_NAME_LEN - 1);
}

/* Every map of that name: its ids as text, the last one's descriptor. */
static size_t name_scan(const struct backend *backend, const char *name, struct text *ids,
			int *ret_fd)
{
	struct bpf_map_info info;
	size_t count = 0;
	uint32_t id = 0;

	while (!backend_map_next_id(backend, id, &id)) {
		int fd = backend_map_open_id(backend, id);

		/* Closed meanwhile, or another user's: not one of the maps to look among. */
		if (fd < 0)
			continue;
		if (backend_map_info(backend, fd, &info) || !name_is(&info, name)) {
			close(fd);
			continue;
		}
		text_addf(ids, "%s%u", count ? ", " : "", id);
		if (count++)
			close(*ret_fd);
		*ret_fd = fd;
	}
	return count;
}

static int open_name(const struct backend *backend, struct args *args, int *ret_fd)
{
	struct text ids = {0};
	const char *name;
	size_t count;
	int code = args_word(args, "the map's name", &name);

	if (code)
		return code;
	count = name_scan(backend, name, &ids, ret_fd);
	if (!count)
		code = exit_sentence(-ENOENT, "no map is named '%s'; bpfmap list shows all", name);
	if (count > 1) {
		close(*ret_fd);
		code = exit_usage("several maps match this handle: '%s' is the name of ids %s; "
				  "choose one with id N",
				  name, text_str(&ids));
	}
	text_free(&ids);
	return code;
}

int mapref_parse(struct cli *cli, struct args *args, struct mapref *ret_ref)
{
	static const char *const keywords[] = {"id", "pinned", "name", NULL};
	const struct backend *said = mapref_world(args), *backend = said ? said : &backend_user;
	const char *word = args_peek(args);
	int code, fd = -1;

	if (!word)
		return exit_usage("MAP is missing: id N, pinned FILE, name NAME or a path, "
				  "behind kernel if it is the kernel's");
	if (!word[0])
		return exit_usage("expected 'id', 'name', 'pinned' or a path, got an empty string");
	switch (args_match(word, keywords)) {
	case 0: args_next(args), code = open_id(backend, args, &fd); break;
	case 2: args_next(args), code = open_name(backend, args, &fd); break;
	case 1: args_next(args); /* fallthrough */
	default:
		if (!said && args->count)
			backend = mapref_path_world(args_peek(args));
		code = open_pinned(backend, args, &fd);
		break;
	}
	if (code)
		return code;
	return mapref_from_fd(cli, backend, fd, ret_ref);
}

/* ---- key and value ---- */

int mapref_key(struct args *args, const struct mapref *ref, void *ret_key)
{
	const struct data_want want = {
		.what = "key",
		.size = ref->info.key_size,
		.btf = ref->btf,
		.type_id = ref->key_type,
	};

	if (!ref->info.key_size)
		return exit_usage("a %s has no keys; its verbs are push, peek and pop",
				  mapref_type(&ref->info));
	if (ref->info.map_flags & BPFMAP_F_VARIABLE)
		return exit_usage("the map's keys have lengths of their own; its verbs are lookup, "
				  "update, delete and dump");
	return data_parse(args, &want, ret_key);
}

int mapref_value(struct args *args, const struct mapref *ref, const void *key, void *ret_value)
{
	const struct data_want want = {
		.what = "value",
		.size = ref->info.value_size,
		.btf = ref->btf,
		.type_id = ref->value_type,
	};
	size_t stride = (want.size + 7) & ~(size_t)7, size = backend_value_size(&ref->info);
	uint8_t *value = ret_value;
	int code;

	memset(value, 0, size);
	/* Variables that are not named keep their values; omitted members become 0, as in C. */
	if (key && want.type_id && btf_is_datasec(btf_type_strip(ref->btf, want.type_id, NULL)))
		backend_map_lookup(ref->backend, ref->fd, key, value);
	code = data_parse(args, &want, value);
	for (size_t off = stride; !code && backend_is_percpu(ref->info.type) && off < size;
	     off += stride)
		memcpy(value + off, value, want.size);
	return code;
}

int mapref_keyless(const struct mapref *ref, const char *instead)
{
	if (!ref->info.key_size)
		return 0;
	return exit_usage("maps of type %s have keys; use bpfmap %s", mapref_type(&ref->info),
			  instead);
}

int mapref_flags(struct args *args, uint64_t *ret_flags)
{
	/* In the order of BPF_ANY, BPF_NOEXIST, BPF_EXIST. */
	static const char *const keywords[] = {"any", "noexist", "exist", NULL};
	const char *word = args_next(args);
	int flag;

	*ret_flags = BPF_ANY;
	if (!word)
		return 0;
	flag = args_match(word, keywords);
	if (flag < 0)
		return exit_usage("expected any, exist or noexist, got: '%s'", word);
	if (args->count)
		return exit_usage("'%s' follows '%s': only one of any, exist and noexist is "
				  "possible, and it is the last word",
				  args_peek(args), word);
	*ret_flags = (uint64_t)flag;
	return 0;
}
