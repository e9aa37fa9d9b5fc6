/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* engines.c: see engines.h. */
#include "engines.h"

#include "base/error.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_ROOM  256
#define BUF_BYTES  4096
#define TAIL_ROOM  320
#define ETH_LEN	   14
#define PACKET_MAX 3000 /* one page in the kernel */

/* ---- the object ---- */

static uint32_t lock_plus1(const struct btf *btf, uint32_t type_id)
{
	const struct btf_type *type = btf__type_by_id(btf, type_id);
	const struct btf_member *member;

	if (!type || !btf_is_struct(type))
		return 0;
	member = btf_members(type);
	for (int i = 0; i < btf_vlen(type); i++, member++) {
		const struct btf_type *of = btf__type_by_id(btf, member->type);

		if (of && !strcmp(btf__name_by_offset(btf, of->name_off), "bpf_spin_lock"))
			return member->offset / 8 + 1;
	}
	return 0;
}

static int map_note(struct engine_object *object, const struct bpf_map *map)
{
	struct engine_map *to = &object->maps[object->map_cnt];
	uint32_t size = sizeof(to->info), zero = 0;
	int err;

	if (object->map_cnt == ENGINE_MAPS)
		return -E2BIG;
	to->kernel_fd = bpf_map__fd(map);
	snprintf(to->name, sizeof(to->name), "%s", bpf_map__name(map));
	err = bpf_obj_get_info_by_fd(to->kernel_fd, &to->info, &size);
	if (err)
		return err;
	to->spin_lock_plus1 =
		lock_plus1(bpf_object__btf(object->bpf), bpf_map__btf_value_type_id(map));
	object->map_cnt++;
	if (!strchr(bpf_map__name(map), '.'))
		return 0;
	to->first = malloc(to->info.value_size);
	return bpf_map_lookup_elem(to->kernel_fd, &zero, to->first);
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list args)
{
	(void)level, (void)fmt, (void)args;
	return 0;
}

int engine_open(const char *path, struct engine_object *ret_object)
{
	const struct bpf_map *map;
	int err;

	memset(ret_object, 0, sizeof(*ret_object));
	libbpf_set_print(quiet);
	ret_object->bpf = bpf_object__open_file(path, NULL);
	if (!ret_object->bpf)
		return -errno;
	err = bpf_object__load(ret_object->bpf);
	if (!err)
		bpf_object__for_each_map(map, ret_object->bpf) err =
			err ? err : map_note(ret_object, map);
	if (!err)
		return 0;
	printf("# %s: the kernel: %s\n", path, strerror(-err));
	engine_close(ret_object);
	return err;
}

void engine_close(struct engine_object *object)
{
	for (uint32_t i = 0; i < object->map_cnt; i++)
		free(object->maps[i].first);
	bpf_object__close(object->bpf);
}

/* ---- our side ---- */

static int map_make(const struct engine_map *map, struct bpfmap **ret_map)
{
	const struct bpf_map_info *info = &map->info;
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = info->type,
					  .key_size = info->key_size,
					  .value_size = info->value_size,
					  .max_entries = info->max_entries,
					  .map_flags = info->map_flags,
					  .map_extra = info->map_extra,
					  .spin_lock_plus1 = map->spin_lock_plus1,
					  .memory = BPFMAP_MEMORY_PRIVATE};
	const uint32_t zero = 0;
	int err = bpfmap_create(&opts, ret_map);

	return err || !map->first ? err : bpfmap_update(*ret_map, &zero, map->first, BPF_ANY);
}

static int source_get(void *arg, int map_fd, struct bpfmap **ret_map)
{
	const struct engine_user *user = arg;

	for (uint32_t i = 0; i < user->object->map_cnt; i++) {
		if (user->object->maps[i].kernel_fd == map_fd) {
			*ret_map = user->maps[i];
			return 0;
		}
	}
	return -EBADF;
}

static void source_put(void *arg, struct bpfmap *map)
{
	(void)arg, (void)map;
}

static int prog_make(struct engine_user *user, const struct bpf_program *prog,
		     enum vm_jit_mode mode)
{
	struct vm_load load = {.prog_type = bpf_program__type(prog),
			       .insns = bpf_program__insns(prog),
			       .insn_cnt = (uint32_t)bpf_program__insn_cnt(prog),
			       .name = bpf_program__name(prog),
			       .maps = {.get = source_get, .put = source_put, .arg = user}};
	int err = vm_load(&load, &user->prog);

	return err ? err : vm_prog_compile(user->prog, mode);
}

int engine_user_open(struct engine_object *object, const struct bpf_program *prog,
		     enum vm_jit_mode mode, struct engine_user *ret_user)
{
	int err = 0;

	*ret_user = (struct engine_user){.object = object};
	for (uint32_t i = 0; i < object->map_cnt && !err; i++)
		err = map_make(&object->maps[i], &ret_user->maps[i]);
	if (!err)
		err = prog_make(ret_user, prog, mode);
	if (!err)
		return 0;
	printf("# %s here: %s\n", bpf_program__name(prog), error_sentence());
	engine_user_close(ret_user);
	return err;
}

void engine_user_close(struct engine_user *user)
{
	vm_free(user->prog);
	for (uint32_t i = 0; i < user->object->map_cnt; i++)
		bpfmap_close(user->maps[i]);
}

int engine_user_run(const struct engine_user *user, uint8_t *bytes, uint32_t *len,
		    uint32_t *ret_verdict)
{
	static _Thread_local uint8_t buf[BUF_BYTES];
	uint32_t pull = user->prog->prog_type == BPF_PROG_TYPE_SOCKET_FILTER ? ETH_LEN : 0;
	struct vm_packet packet = {.buf = buf,
				   .buf_size = BUF_BYTES - TAIL_ROOM,
				   .off = HEAD_ROOM + pull,
				   .len = *len - pull,
				   .mac_len = pull};
	int err;

	memcpy(buf + HEAD_ROOM, bytes, *len);
	err = vm_run_packet(user->prog, NULL, &packet, NULL, 0, ret_verdict);
	if (err)
		return err;
	memcpy(bytes + pull, buf + packet.off, packet.len);
	*len = packet.len + pull;
	return 0;
}

int engine_kernel_run(const struct bpf_program *prog, uint8_t *bytes, uint32_t *len,
		      uint32_t *ret_verdict)
{
	uint8_t out[BUF_BYTES];
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = bytes, .data_size_in = *len, .data_out = out,
		    .data_size_out = sizeof(out), .repeat = 1);
	int err = bpf_prog_test_run_opts(bpf_program__fd(prog), &run);

	if (err)
		return err;
	*ret_verdict = run.retval;
	if (bpf_program__type(prog) != BPF_PROG_TYPE_SOCKET_FILTER) {
		*len = run.data_size_out;
		memcpy(bytes, out, *len);
	}
	return 0;
}

/* ---- packets ---- */

/* The classic format in this machine's byte order, which is what the tree's sample is. <pcap/pcap.h> and
 * <linux/bpf.h> exclude each other. */
int engine_capture_read(const char *path, struct engine_capture *ret_capture)
{
	uint32_t head[6], record[4];
	FILE *file = fopen(path, "rb");

	memset(ret_capture, 0, sizeof(*ret_capture));
	if (!file || fread(head, sizeof(head), 1, file) != 1 || head[0] != 0xa1b2c3d4)
		return -EINVAL;
	while (fread(record, sizeof(record), 1, file) == 1 && record[2] <= 262144) {
		uint8_t *bytes = malloc(record[2]);

		if (fread(bytes, record[2], 1, file) != 1 || record[2] < ETH_LEN ||
		    record[2] > PACKET_MAX) {
			free(bytes);
			continue;
		}
		ret_capture->packets =
			realloc(ret_capture->packets,
				(ret_capture->count + 1) * sizeof(*ret_capture->packets));
		ret_capture->packets[ret_capture->count++] =
			(struct engine_packet){bytes, record[2]};
	}
	fclose(file);
	return 0;
}

void engine_capture_free(struct engine_capture *capture)
{
	for (uint32_t i = 0; i < capture->count; i++)
		free(capture->packets[i].bytes);
	free(capture->packets);
}
