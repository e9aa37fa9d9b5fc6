/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_create.c: make a map and pin it. */
#include "cli/map_flags.h"
#include "cli/mapref.h"
#include "cli/variable.h"

#include <bpf/libbpf.h>
#include <string.h>
#include <unistd.h>

/* The words after FILE; each may be given once. */
static const char *const keywords[] = {"type", "key",	"value",  "entries",
				       "name", "flags", "hashes", NULL};
enum keyword { TYPE, KEY, VALUE, ENTRIES, NAME, FLAGS, HASHES, KEYWORDS };

static int type_parse(const char *word, uint32_t *ret_type)
{
	for (uint32_t type = 1;; type++) {
		const char *known = libbpf_bpf_map_type_str((enum bpf_map_type)type);

		if (!known)
			return exit_usage("unrecognized map type: %s (bpfmap help create)", word);
		if (!strcmp(known, word)) {
			*ret_type = type;
			return 0;
		}
	}
}

static int size_parse(struct args *args, const char *what, uint32_t *ret_size)
{
	uint64_t number;
	int code = args_number(args, what, UINT32_MAX, &number);

	if (!code)
		*ret_size = (uint32_t)number;
	return code;
}

static int keyword_parse(struct args *args, enum keyword keyword, struct backend_create *how)
{
	const char *word;
	int code;

	switch (keyword) {
	case KEY: return size_parse(args, "key", &how->key_size);
	case VALUE: return size_parse(args, "value", &how->value_size);
	case ENTRIES: return size_parse(args, "entries", &how->max_entries);
	case HASHES: return args_number(args, "hashes", 15, &how->map_extra);
	default: break;
	}
	code = args_word(args, keywords[keyword], &word);
	if (code)
		return code;
	if (keyword == TYPE)
		return type_parse(word, &how->type);
	if (keyword == FLAGS)
		return map_flags_parse(word, &how->map_flags);
	if (strlen(word) >= BPF_OBJ_NAME_LEN)
		return exit_usage("name: '%s' is longer than %d characters", word,
				  BPF_OBJ_NAME_LEN - 1);
	how->name = word;
	return 0;
}

static bool is_keyless(uint32_t type)
{
	return type == BPF_MAP_TYPE_BLOOM_FILTER || type == BPF_MAP_TYPE_QUEUE ||
	       type == BPF_MAP_TYPE_STACK;
}

static int how_parse(struct args *args, struct backend_create *how)
{
	bool given[KEYWORDS] = {false};
	int code;

	while (args->count) {
		const char *word = args_next(args);
		int keyword = args_match(word, keywords);

		if (keyword < 0)
			return exit_usage(
				"expected type, key, value, entries, name, flags or hashes, "
				"got: '%s'",
				word);
		if (given[keyword])
			return exit_usage("%s specified multiple times", keywords[keyword]);
		given[keyword] = true;
		code = keyword_parse(args, (enum keyword)keyword, how);
		if (code)
			return code;
	}
	/* A type without keys needs none to be told. */
	given[KEY] = given[KEY] || is_keyless(how->type);
	for (int i = TYPE; i <= ENTRIES; i++)
		if (!given[i])
			return exit_usage("%s is missing: bpfmap create FILE type TYPE key SIZE "
					  "value SIZE entries N",
					  keywords[i]);
	if (given[HASHES] && how->type != BPF_MAP_TYPE_BLOOM_FILTER)
		return exit_usage("hashes: only a bloom_filter has a number of hash functions");
	return 0;
}

/* The pin's last part is a fine name unless it holds what map names may not. */
static void name_default(const char *path, char ret_name[static BPF_OBJ_NAME_LEN])
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	size_t len = strnlen(base, BPF_OBJ_NAME_LEN - 1);

	if (strspn(base, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.") < len)
		len = 0;
	memcpy(ret_name, base, len);
	ret_name[len] = 0;
}

int verb_create(struct cli *cli, struct args *args)
{
	char name[BPF_OBJ_NAME_LEN];
	struct backend_create how = {.name = name};
	struct mapref_file file;
	int code, fd, err;

	code = mapref_file(args, "FILE", &file);
	if (code)
		return code;
	name_default(file.path, name);
	code = how_parse(args, &how);
	if (code)
		return code;
	fd = how.map_flags & BPFMAP_F_VARIABLE ? variable_create(file.backend, &how)
					       : backend_map_create(file.backend, &how);
	if (fd < 0)
		return exit_failure(fd, "map create failed");
	err = backend_pin(file.backend, fd, file.path);
	close(fd);
	if (err)
		return exit_failure(err, "can't pin the map at %s", file.word);
	out_null(cli->out);
	return 0;
}
