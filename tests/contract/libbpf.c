/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* libbpf.c: the fd-level functions of <bpf/bpf.h> by name: result and errno. */
#include "semantics.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* "result, errno": both are part of the convention. Descriptors are printed as "fd". */
#define CALL(name, expression)                                           \
	do {                                                             \
		char text[64];                                           \
		errno = 0;                                               \
		long got = (expression);                                 \
		int error = errno;                                       \
		snprintf(text, sizeof(text), "%s, %s", result_name(got), \
			 got < 0 ? result_name(-error) : "-");           \
		row_text(text, "libbpf.%s", name);                       \
	} while (0)

static int open_map(enum bpf_map_type type)
{
	int fd = bpf_map_create(type, "contract", 4, 8, 4, NULL);
	uint64_t value = 5;
	uint32_t key = 1;

	bpf_map_update_elem(fd, &key, &value, BPF_ANY);
	return fd;
}

static void creation(void)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	struct {
		struct bpf_map_create_opts opts;
		char later[1000 - sizeof(opts)]; /* fields that this libbpf does not know */
	} newer = {.opts.sz = sizeof(newer), .later = {1}};
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "contract", 4, 8, 4, NULL);
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info);

	CALL("info", bpf_obj_get_info_by_fd(fd, &info, &len));
	row_text(info.name, "libbpf.name");
	close(fd);
	row_fd(bpf_map_create(BPF_MAP_TYPE_HASH, NULL, 4, 8, 4, &opts),
	       "libbpf.create_no_prealloc");
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, "a.name.that.is.longer.than.15", 4, 8, 4, NULL);
	len = sizeof(info);
	bpf_obj_get_info_by_fd(fd, &info, &len);
	row_text(info.name, "libbpf.long_name");
	close(fd);
	CALL("create_no_entries", bpf_map_create(BPF_MAP_TYPE_HASH, NULL, 4, 8, 0, NULL));
	CALL("create_huge", bpf_map_create(BPF_MAP_TYPE_HASH, NULL, 4, 8, 1u << 31, NULL));
	CALL("create_unknown", bpf_map_create(1000, NULL, 4, 8, 4, NULL));
	CALL("create_bad_name", bpf_map_create(BPF_MAP_TYPE_HASH, "a/b", 4, 8, 4, NULL));
	CALL("create_bad_opts_size", bpf_map_create(BPF_MAP_TYPE_HASH, NULL, 4, 8, 4, &newer.opts));
	opts.sz = 2;
	CALL("create_short_opts", bpf_map_create(BPF_MAP_TYPE_HASH, NULL, 4, 8, 4, &opts));
}

static void elements(void)
{
	int fd = open_map(BPF_MAP_TYPE_HASH), array = open_map(BPF_MAP_TYPE_ARRAY);
	uint32_t key = 1, absent = 9, next;
	uint64_t value = 1;

	CALL("lookup", bpf_map_lookup_elem(fd, &key, &value));
	CALL("lookup_absent", bpf_map_lookup_elem(fd, &absent, &value));
	CALL("lookup_flags", bpf_map_lookup_elem_flags(fd, &key, &value, 0));
	CALL("lookup_flags_bad", bpf_map_lookup_elem_flags(fd, &key, &value, 1));
	CALL("lookup_closed", bpf_map_lookup_elem(-1, &key, &value));
	CALL("lookup_null", bpf_map_lookup_elem(fd, NULL, &value));
	CALL("update", bpf_map_update_elem(fd, &key, &value, BPF_EXIST));
	CALL("update_noexist", bpf_map_update_elem(fd, &key, &value, BPF_NOEXIST));
	CALL("update_exist", bpf_map_update_elem(fd, &absent, &value, BPF_EXIST));
	CALL("update_bad", bpf_map_update_elem(fd, &key, &value, 77));
	CALL("update_index", bpf_map_update_elem(array, &absent, &value, 0));
	CALL("next_key", bpf_map_get_next_key(fd, NULL, &next));
	CALL("next_key_end", bpf_map_get_next_key(fd, &next, &next));
	CALL("lookup_and_delete", bpf_map_lookup_and_delete_elem(fd, &key, &value));
	CALL("lookup_and_delete_absent", bpf_map_lookup_and_delete_elem(fd, &key, &value));
	CALL("lookup_and_delete_flags",
	     bpf_map_lookup_and_delete_elem_flags(fd, &key, &value, BPF_F_LOCK));
	CALL("lookup_and_delete_array", bpf_map_lookup_and_delete_elem(array, &key, &value));
	CALL("delete", bpf_map_delete_elem(fd, &key));
	CALL("delete_array", bpf_map_delete_elem(array, &key));
	CALL("freeze", bpf_map_freeze(fd));
	CALL("freeze_again", bpf_map_freeze(fd));
	CALL("update_frozen", bpf_map_update_elem(fd, &key, &value, 0));
	close(fd);
	close(array);
}

static void batches(void)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	int fd = open_map(BPF_MAP_TYPE_HASH);
	uint32_t keys[4] = {1, 2, 3, 4}, count = 4;
	uint64_t values[4] = {1, 2, 3, 4};
	uint32_t cursor = 0;

	CALL("update_batch", bpf_map_update_batch(fd, keys, values, &count, &opts));
	row(count, "libbpf.update_batch_count");
	CALL("lookup_batch", bpf_map_lookup_batch(fd, NULL, &cursor, keys, values, &count, &opts));
	row(count, "libbpf.lookup_batch_count");
	count = 2;
	CALL("delete_batch", bpf_map_delete_batch(fd, keys, &count, NULL));
	row(count, "libbpf.delete_batch_count");
	count = 4;
	CALL("lookup_and_delete_batch",
	     bpf_map_lookup_and_delete_batch(fd, NULL, &cursor, keys, values, &count, NULL));
	row(count, "libbpf.lookup_and_delete_batch_count");
	opts.elem_flags = BPF_NOEXIST;
	count = 1;
	CALL("update_batch_flag", bpf_map_update_batch(fd, keys, values, &count, &opts));
	close(fd);
}

static void objects(void)
{
	const char *path = pin_path("libbpf");
	int fd = open_map(BPF_MAP_TYPE_HASH), again;
	struct bpf_map_info info = {0};
	uint32_t len = sizeof(info), id = 0;

	CALL("pin", bpf_obj_pin(fd, path));
	CALL("pin_again", bpf_obj_pin(fd, path));
	CALL("pin_closed", bpf_obj_pin(-1, pin_path("other")));
	again = bpf_obj_get(path);
	row(again >= 0 && map_id(again) == map_id(fd), "libbpf.get");
	close(again);
	pin_remove(path);
	CALL("get_missing", bpf_obj_get(path));
	CALL("info_by_fd", bpf_obj_get_info_by_fd(fd, &info, &len));
	row(len > 0 && len <= sizeof(info), "libbpf.info_length");
	CALL("info_closed", bpf_obj_get_info_by_fd(-1, &info, &len));
	again = bpf_map_get_fd_by_id(info.id);
	row(again >= 0 && map_id(again) == info.id, "libbpf.fd_by_id");
	close(again);
	CALL("fd_by_id_unknown", bpf_map_get_fd_by_id(0));
	CALL("next_id", bpf_map_get_next_id(0, &id));
	CALL("next_id_end", bpf_map_get_next_id(0x7ffffffe, &id));
	CALL("next_id_bad", bpf_map_get_next_id(0x7fffffff, &id));
	close(fd);
}

void section_libbpf(void)
{
	creation();
	elements();
	batches();
	objects();
}
