/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* advise_load.c: makes the situations that bpfmap advise is to find, in either world.
 *
 *   advise_load user|kernel PATH MODE FROM COUNT [USED]
 *
 * Keys (of a Bloom filter: values) are the numbers FROM to FROM + COUNT - 1; the first USED bytes (1) of a value are
 * not zero. Modes:
 *   fill       insert each key once; refused ones are no failure
 *   fill_one   the same, with a value on the first CPU alone
 *   delete     delete each key
 *   cycle      insert each key again and again
 *   churn      insert each key and delete it, again and again
 *   together   four threads insert key FROM again and again
 *   apart      four threads insert a key each
 *   lookup     have lookups counted, and look up each key again and again
 * What goes on until it is ended ends by itself after a minute. */
#include "bpfmap/bpfmap.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS 4

struct load {
	struct bpfmap *map; /* user space */
	int fd;		    /* kernel */
	uint32_t key_size;
	uint32_t value_size;
	size_t value_bytes; /* of all CPUs */
	uint64_t from;
	uint64_t count;
	uint32_t used;
	int one_cpu;
};

static int kernel_call(const struct load *load, int cmd, const void *key, const void *value)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)load->fd;
	attr.key = (uintptr_t)key;
	attr.value = (uintptr_t)value;
	return syscall(__NR_bpf, cmd, &attr, sizeof(attr)) ? -errno : 0;
}

/* A number's first bytes, or the number and zeroes. */
static void number_put(uint8_t *bytes, uint32_t size, uint64_t number)
{
	memset(bytes, 0, size);
	memcpy(bytes, &number, size < sizeof(number) ? size : sizeof(number));
}

static int insert(const struct load *load, uint64_t number, uint8_t *key, uint8_t *value)
{
	size_t stride = (load->value_size + 7) / 8 * 8;

	if (!load->key_size) {
		number_put(value, load->value_size, number);
		return load->map ? bpfmap_push(load->map, value, 0)
				 : kernel_call(load, BPF_MAP_UPDATE_ELEM, NULL, value);
	}
	number_put(key, load->key_size, number);
	memset(value, 0, load->value_bytes);
	memset(value, (int)(number % 255) + 1, load->used);
	for (size_t off = stride; !load->one_cpu && off < load->value_bytes; off += stride)
		memset(value + off, (int)(number % 255) + 1, load->used);
	return load->map ? bpfmap_update(load->map, key, value, BPF_ANY)
			 : kernel_call(load, BPF_MAP_UPDATE_ELEM, key, value);
}

static int delete_one(const struct load *load, uint64_t number, uint8_t *key)
{
	number_put(key, load->key_size, number);
	return load->map ? bpfmap_delete(load->map, key)
			 : kernel_call(load, BPF_MAP_DELETE_ELEM, key, NULL);
}

static int run(struct load *load, const char *mode)
{
	uint8_t *key = calloc(1, load->key_size + 8), *value = calloc(1, load->value_bytes + 8);
	int err = 0;

	if (!key || !value)
		return -ENOMEM;
	do {
		for (uint64_t i = load->from; i < load->from + load->count; i++) {
			if (!strcmp(mode, "delete"))
				err = delete_one(load, i, key);
			else if (!strcmp(mode, "lookup")) {
				number_put(key, load->key_size, i);
				bpfmap_lookup(load->map, key);
			} else
				err = insert(load, i, key, value);
			if (!strcmp(mode, "churn"))
				err = delete_one(load, i, key);
		}
	} while (strcmp(mode, "fill") && strcmp(mode, "fill_one") && strcmp(mode, "delete"));
	free(key);
	free(value);
	return err == -E2BIG ? 0 : err;
}

struct thread {
	struct load load;
	pthread_t id;
};

static void *thread_run(void *arg)
{
	struct thread *thread = arg;

	run(&thread->load, "cycle");
	return NULL;
}

static int threads_run(const struct load *load, int apart)
{
	static struct thread threads[THREADS];

	for (unsigned int t = 0; t < THREADS; t++) {
		threads[t].load = *load;
		threads[t].load.from += apart ? t : 0;
		threads[t].load.count = 1;
		if (pthread_create(&threads[t].id, NULL, thread_run, &threads[t]))
			return -EAGAIN;
	}
	for (unsigned int t = 0; t < THREADS; t++)
		pthread_join(threads[t].id, NULL);
	return 0;
}

static int possible_cpus(void)
{
	FILE *file = fopen("/sys/devices/system/cpu/possible", "re");
	int first = 0, last = 0;

	if (file && fscanf(file, "%d-%d", &first, &last) != 2)
		last = first;
	if (file)
		fclose(file);
	return last + 1;
}

static int open_kernel(struct load *load, const char *path)
{
	struct bpf_map_info info = {0};
	union bpf_attr open, ask;

	memset(&open, 0, sizeof(open));
	open.pathname = (uintptr_t)path;
	load->fd = (int)syscall(__NR_bpf, BPF_OBJ_GET, &open, sizeof(open));
	if (load->fd < 0)
		return -errno;
	memset(&ask, 0, sizeof(ask));
	ask.info.bpf_fd = (uint32_t)load->fd;
	ask.info.info_len = sizeof(info);
	ask.info.info = (uintptr_t)&info;
	if (syscall(__NR_bpf, BPF_OBJ_GET_INFO_BY_FD, &ask, sizeof(ask)))
		return -errno;
	load->key_size = info.key_size;
	load->value_size = info.value_size;
	load->value_bytes = info.value_size;
	if (info.type == BPF_MAP_TYPE_PERCPU_HASH || info.type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	    info.type == BPF_MAP_TYPE_LRU_PERCPU_HASH)
		load->value_bytes = (size_t)possible_cpus() * ((info.value_size + 7) / 8 * 8);
	return 0;
}

static int open_user(struct load *load, const char *path)
{
	struct bpfmap_info info;
	int err = bpfmap_open(path, 0, &load->map);

	if (!err)
		err = bpfmap_get_info(load->map, &info);
	if (err)
		return err;
	load->key_size = info.key_size;
	load->value_size = info.value_size;
	load->value_bytes = bpfmap_value_bytes(load->map);
	return 0;
}

int main(int argc, char **argv)
{
	struct load load = {.used = 1};
	int err;

	if (argc < 6)
		return 2;
	alarm(60);
	load.from = strtoull(argv[4], NULL, 0);
	load.count = strtoull(argv[5], NULL, 0);
	if (argc > 6)
		load.used = (uint32_t)strtoul(argv[6], NULL, 0);
	load.one_cpu = !strcmp(argv[3], "fill_one");
	err = !strcmp(argv[1], "user") ? open_user(&load, argv[2]) : open_kernel(&load, argv[2]);
	if (!err && !strcmp(argv[3], "lookup"))
		err = bpfmap_count_lookups(load.map);
	if (!err && (!strcmp(argv[3], "together") || !strcmp(argv[3], "apart")))
		err = threads_run(&load, !strcmp(argv[3], "apart"));
	else if (!err)
		err = run(&load, argv[3]);
	if (err)
		fprintf(stderr, "advise_load: %s: %s\n", strerror(-err), bpfmap_last_error());
	bpfmap_close(load.map);
	return err != 0;
}
