/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* writer.c: makes and writes to maps for the tests of tests/save.
 *
 *   fill PATH N ROOM [lru|DIR]   a hash map with keys 0 .. N-1, whose values are { k * 7, ~(k * 7) }, and room
 *                          for ROOM more; DIR: its file is made there
 *   churn PATH N           until SIGTERM: odd keys below N are updated, each value { x, ~x } with a new x; keys
 *                          from N on come and go. Prints "writing" when it has begun. Ends with the sentence
 *                          of the first write that is refused.
 *   steps PATH             until SIGTERM: keys 0 .. 63 get the same number, one after the other, then the
 *                          next number: at any one moment the values fall at most once, by 1
 *   hold PATH              a handle that is kept open until SIGTERM, then one write is tried
 */
#include <bpfmap/bpfmap.h>

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEPS 64

struct value {
	uint64_t x;
	uint64_t not_x;
};

static volatile sig_atomic_t stopped;

static void on_term(int signal_number)
{
	(void)signal_number;
	stopped = 1;
}

static int end(const char *what, int err)
{
	printf("%s: %d: %s\n", what, -err, bpfmap_last_error());
	return 3;
}

static int put(struct bpfmap *map, uint64_t key, uint64_t x)
{
	const struct value value = {x, ~x};

	return bpfmap_update(map, &key, &value, BPF_ANY);
}

static int fill(const char *path, uint64_t n, uint64_t room, const char *how)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = BPF_MAP_TYPE_HASH,
					  .key_size = sizeof(uint64_t),
					  .value_size = sizeof(struct value),
					  .max_entries = (uint32_t)(n + room),
					  .memory = BPFMAP_MEMORY_SHARED,
					  .name = "filled"};
	struct bpfmap *map;
	int err;

	if (how && !strcmp(how, "lru"))
		opts.type = BPF_MAP_TYPE_LRU_HASH;
	else
		opts.dir = how;
	err = bpfmap_create(&opts, &map);
	for (uint64_t key = 0; !err && key < n; key++)
		err = put(map, key, key * 7);
	if (!err)
		err = bpfmap_pin(map, path);
	if (err)
		return end("fill", err);
	bpfmap_close(map);
	return 0;
}

/* A splitmix64 step: which keys are next. */
static uint64_t mix(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ull);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static int churn(struct bpfmap *map, uint64_t n)
{
	uint64_t state = (uint64_t)getpid(), writes = 0;
	int err = 0;

	while (!stopped && !err) {
		uint64_t random = mix(&state), key = n + random % 1000;

		err = n > 1 ? put(map, random % (n / 2) * 2 + 1, random) : 0;
		if (!err)
			err = put(map, key, random);
		if (!err)
			err = bpfmap_delete(map, &key);
		if (err == -ENOENT)
			err = 0;
		if (++writes == 1000) {
			puts("writing");
			fflush(stdout);
		}
	}
	return err ? end("refused", err) : 0;
}

static int steps(struct bpfmap *map)
{
	int err = 0;

	puts("writing");
	fflush(stdout);
	for (uint64_t x = 1; !stopped && !err; x++)
		for (uint64_t key = 0; !err && key < STEPS; key++)
			err = put(map, key, x);
	return err ? end("refused", err) : 0;
}

static int hold(struct bpfmap *map)
{
	uint64_t key = 0;
	struct value value;
	int err;

	puts("writing");
	fflush(stdout);
	while (!stopped)
		usleep(1000);
	err = bpfmap_read(map, &key, &value);
	if (err)
		return end("read", err);
	err = put(map, key, 1);
	return err ? end("refused", err) : 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_term};
	struct bpfmap *map;
	int err, status;

	if (argc < 3)
		return 2;
	if (!strcmp(argv[1], "fill") && argc > 4)
		return fill(argv[2], strtoull(argv[3], NULL, 0), strtoull(argv[4], NULL, 0),
			    argv[5]);
	sigaction(SIGTERM, &action, NULL);
	err = bpfmap_open(argv[2], 0, &map);
	if (err)
		return end("open", err);
	if (!strcmp(argv[1], "churn") && argc > 3)
		status = churn(map, strtoull(argv[3], NULL, 0));
	else if (!strcmp(argv[1], "steps"))
		status = steps(map);
	else
		status = hold(map);
	bpfmap_close(map);
	return status;
}
