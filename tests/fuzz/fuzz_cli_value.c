/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* fuzz_cli_value.c: any bytes as BTF, and any text as a value of its types.
 *
 * Input    struct head, then the BTF, then text. The BTF is loaded (BPF_BTF_LOAD), a map of the types that
 *          head names is made of it, and if the library takes both, the tool writes the text as key and
 *          value and shows the map. What the library does not take, the map's file has all the same: the
 *          native API does not look at BTF, so the tool cannot rely on it either. */
#include "cli_call.h"

#include "bpf/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BTF_MAX	 5000u
#define TEXT_MAX 600u

struct head {
	uint8_t key_size;
	uint8_t map_type;
	uint16_t value_size;
	uint16_t key_type;
	uint16_t value_type;
	uint16_t btf_size;
	uint8_t key_text; /* bytes of the text that are the key's */
	uint8_t unused;
};

static const uint32_t types[] = {BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_ARRAY, BPF_MAP_TYPE_PERCPU_HASH,
				 BPF_MAP_TYPE_PERCPU_ARRAY};

/* The descriptor, or negative. */
static long btf_load(const void *btf, uint32_t size)
{
	union bpf_attr attr;
	long fd;

	memset(&attr, 0, sizeof(attr));
	attr.btf = (uintptr_t)btf;
	attr.btf_size = size;
	fd = bpfmap_bpf(BPF_BTF_LOAD, &attr, sizeof(attr));
	if (fd < 0 && !bpfmap_last_error()[0])
		fuzz_fail("BTF_LOAD fails with %ld and says nothing", fd);
	return fd;
}

static void map_by_command(const struct head *head, long btf_fd)
{
	union bpf_attr attr;
	long fd;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = types[head->map_type % 4];
	attr.key_size = head->key_size;
	attr.value_size = head->value_size;
	attr.max_entries = head->map_type & 4 ? 1 : 3;
	attr.btf_fd = (uint32_t)btf_fd;
	attr.btf_key_type_id = head->key_type;
	attr.btf_value_type_id = head->value_type;
	fd = bpfmap_bpf(BPF_MAP_CREATE, &attr, sizeof(attr));
	if (fd < 0 && !bpfmap_last_error()[0])
		fuzz_fail("MAP_CREATE fails with %ld and says nothing", fd);
	if (fd < 0)
		return;
	close((int)fd);
	bpfmap_bpf_fd_closed((int)fd);
}

/* A pinned map with the BTF as it is; false if the sizes are refused. */
static int map_with(const struct head *head, const void *btf, uint32_t size)
{
	const struct bpfmap_create_opts opts = {
		.sz = sizeof(opts),
		.type = types[head->map_type % 4],
		.key_size = head->key_size,
		.value_size = head->value_size,
		.max_entries = 2,
		.memory = BPFMAP_MEMORY_SHARED,
		.btf = size ? btf : NULL,
		.btf_size = size,
		.btf_key_type_id = head->key_type,
		.btf_value_type_id = head->value_type,
	};
	struct bpfmap *map;
	char path[256];
	int err = bpfmap_create(&opts, &map);

	if (err)
		return err;
	snprintf(path, sizeof(path), "%s/typed", getenv("BPFMAP_DIR"));
	err = bpfmap_pin(map, path);
	bpfmap_close(map);
	return err;
}

static void text_use(const struct head *head, struct input *in)
{
	char text[TEXT_MAX + 1], key[256];
	const char *update[] = {"update", "typed", "key", key, "value", text, NULL};
	const char *dump[] = {"-p", "dump", "typed", NULL};
	const char *plain[] = {"dump", "typed", NULL};
	const char *show[] = {"show", "typed", NULL};
	size_t key_size = head->key_text < in->left ? head->key_text : in->left;
	size_t size = in->left - key_size < TEXT_MAX ? in->left - key_size : TEXT_MAX;

	input_bytes(in, key, key_size);
	input_bytes(in, text, size);
	key[key_size] = 0;
	text[size] = 0;
	cli_call(update);
	cli_call(dump);
	cli_call(plain);
	cli_call(show);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	struct head head;
	uint8_t btf[BTF_MAX];
	uint32_t btf_size;
	long fd;

	input_bytes(&in, &head, sizeof(head));
	btf_size = head.btf_size % (BTF_MAX + 1);
	if (btf_size > in.left)
		btf_size = (uint32_t)in.left;
	input_bytes(&in, btf, btf_size);
	fd = btf_load(btf, btf_size);
#ifdef FUZZ_CANARY
	if (fd >= 0)
		fuzz_fail("BTF is taken");
#endif
	if (fd >= 0) {
		map_by_command(&head, fd);
		close((int)fd);
		bpfmap_bpf_fd_closed((int)fd);
	}
	if (!map_with(&head, btf, btf_size))
		text_use(&head, &in);
	cli_clean();
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	cli_prepare(1u << 20);
	return 0;
}
