/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* advise_watch.c: a live map watched for a while, in either world.
 *
 * At the beginning a sample of elements is taken, spread over arrays, in the order of the walk from
 * other maps (which is a random one). Meanwhile some of its keys are looked for every tenth of a
 * second, and writers every half millisecond. At the end all of the sample is read again. Nothing
 * is written, and no lookup counts as use.
 */
#include "cli/advise.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define SAMPLE_MAX   16384
#define SAMPLE_BYTES (32u << 20) /* of values that are read: fewer elements where they are large */
#define FOLLOWED_MAX 2048
#define PROBES	     4096
#define LOOK_NS	     500000
#define FOLLOW_NS    100000000
#define COUNT_NS     1000000000

struct sample {
	const struct mapref *ref;
	struct advise_facts *facts;
	uint32_t room;
	uint8_t *keys;
	uint64_t *hashes;    /* of the values */
	bool *absent;	     /* of the followed keys: was not there at the last look */
	uint8_t *value;	     /* room for one */
	size_t value_bytes;  /* of all CPUs */
	size_t value_stride; /* of one */
};

static const uint8_t *key_of(const struct sample *sample, uint32_t i)
{
	return sample->keys + (size_t)i * sample->ref->info.key_size;
}

/* ---- what an element tells ---- */

static void key_judge(struct advise_facts *facts, const uint8_t *key)
{
	uint64_t number = 0;

	if (!facts->index_keys)
		return;
	memcpy(&number, key, facts->info->key_size);
	facts->key_max = number > facts->key_max ? number : facts->key_max;
}

/* Bytes of a value up to the last one that is not zero. */
static uint32_t bytes_used(const uint8_t *value, uint32_t size)
{
	while (size && !value[size - 1])
		size--;
	return size;
}

static void value_judge(struct sample *sample, const uint8_t *value)
{
	struct advise_facts *facts = sample->facts;
	uint32_t cpus = 0;

	for (size_t off = 0; off < sample->value_bytes; off += sample->value_stride) {
		uint32_t used = bytes_used(value + off, facts->info->value_size);

		cpus += used != 0;
		facts->value_used = used > facts->value_used ? used : facts->value_used;
	}
	facts->zero += !cpus;
	facts->one_cpu += cpus == 1;
}

static int element_take(void *arg, const void *key, const void *value, int err)
{
	struct sample *sample = arg;
	struct advise_facts *facts = sample->facts;

	if (facts->sampled == sample->room) {
		facts->whole = false;
		return 1;
	}
	if (err)
		return 0;
	memcpy(sample->keys + (size_t)facts->sampled * facts->info->key_size, key,
	       facts->info->key_size);
	sample->hashes[facts->sampled++] = hash_bytes(value, sample->value_bytes, 1);
	key_judge(facts, key);
	value_judge(sample, value);
	return 0;
}

/* ---- the sample ---- */

static int sample_array(struct sample *sample)
{
	const struct mapref *ref = sample->ref;
	uint64_t n = ref->info.max_entries, count = n < sample->room ? n : sample->room;
	int err = 0;

	for (uint64_t i = 0; !err && i < count; i++) {
		uint32_t index = (uint32_t)(i * n / count);

		err = backend_map_lookup(ref->backend, ref->fd, &index, sample->value);
		if (!err)
			element_take(sample, &index, sample->value, 0);
	}
	sample->facts->whole = count == n;
	return err;
}

static int sample_take(struct sample *sample)
{
	const struct mapref *ref = sample->ref;
	int err;

	sample->facts->whole = true;
	if (backend_is_array(ref->info.type))
		return sample_array(sample);
	err = ref->backend->map_walk(ref->fd, &ref->info, element_take, sample);
	return err > 0 ? 0 : err;
}

static void sample_free(struct sample *sample)
{
	free(sample->keys);
	free(sample->hashes);
	free(sample->absent);
	free(sample->value);
}

static int sample_open(struct sample *sample)
{
	const struct bpf_map_info *info = &sample->ref->info;
	uint64_t room = SAMPLE_BYTES / (backend_value_size(info) + info->key_size);

	room = room < 64 ? 64 : room > SAMPLE_MAX ? SAMPLE_MAX : room;
	sample->room = (uint32_t)(room < info->max_entries ? room : info->max_entries);
	sample->value_bytes = backend_value_size(info);
	sample->value_stride =
		backend_is_percpu(info->type) ? (info->value_size + 7) & ~7u : sample->value_bytes;
	sample->keys = malloc((size_t)sample->room * info->key_size);
	sample->hashes = malloc(sample->room * sizeof(*sample->hashes));
	sample->absent = calloc(FOLLOWED_MAX, sizeof(*sample->absent));
	sample->value = malloc(sample->value_bytes);
	if (!sample->keys || !sample->hashes || !sample->absent || !sample->value)
		return fail(ENOMEM, "no memory for a sample of %u elements", sample->room);
	return 0;
}

/* ---- meanwhile ---- */

static void sample_follow(struct sample *sample)
{
	const struct mapref *ref = sample->ref;
	struct advise_facts *facts = sample->facts;

	if (backend_is_array(ref->info.type))
		return;
	for (uint32_t i = 0; i < facts->sampled && i < FOLLOWED_MAX; i++) {
		bool absent = backend_map_lookup(ref->backend, ref->fd, key_of(sample, i),
						 sample->value) == -ENOENT;

		facts->gone += absent && !sample->absent[i];
		facts->returned += !absent && sample->absent[i];
		sample->absent[i] = absent;
	}
}

static void sample_compare(struct sample *sample)
{
	const struct mapref *ref = sample->ref;

	for (uint32_t i = 0; i < sample->facts->sampled; i++)
		if (!backend_map_lookup(ref->backend, ref->fd, key_of(sample, i), sample->value))
			sample->facts->changed += hash_bytes(sample->value, sample->value_bytes,
							     1) != sample->hashes[i];
}

static void watch(struct sample *sample, struct advise_writers *writers, uint64_t ns)
{
	const struct timespec pause = {.tv_nsec = LOOK_NS};
	uint64_t start = clock_now_ns(), follow = start + FOLLOW_NS, now = start;

	while (now - start < ns) {
		nanosleep(&pause, NULL);
		if (writers)
			advise_writers_look(writers);
		now = clock_now_ns();
		if (now >= follow && sample->keys) {
			sample_follow(sample);
			follow = clock_now_ns() + FOLLOW_NS;
		}
	}
	sample->facts->seconds = (double)(now - start) / 1e9;
}

/* ---- Bloom filters ---- */

/* Random values that nobody has pushed, but for a chance that does not count. */
static void bloom_probe(const struct mapref *ref, struct advise_facts *facts)
{
	uint8_t *value = calloc(1, ref->info.value_size);

	for (facts->probes = 0; value && facts->probes < PROBES; facts->probes++) {
		if (getrandom(value, ref->info.value_size < 256 ? ref->info.value_size : 256, 0) <
		    0)
			break;
		facts->false_hits += !backend_map_lookup(ref->backend, ref->fd, NULL, value);
	}
	free(value);
	facts->bloom_known =
		ref->backend->map_bloom && !ref->backend->map_bloom(ref->fd, &facts->bloom);
}

/* ---- all of it ---- */

static void entries_ask(const struct mapref *ref, struct advise_facts *facts)
{
	struct backend_entries entries;

	facts->entries = facts->after.entries;
	facts->entries_known = facts->after.counted;
	if (facts->entries_known || !ref->info.key_size ||
	    ref->backend->map_entries(ref->fd, &ref->info, COUNT_NS, &entries))
		return;
	facts->entries = entries.entries;
	facts->entries_known = entries.is_whole;
}

static bool has_sample(const struct bpf_map_info *info)
{
	return info->key_size && map_ops_of(info->type) && !(info->map_flags & BPFMAP_F_VARIABLE);
}

static int watch_all(const struct mapref *ref, uint64_t ns, struct advise_facts *facts)
{
	struct sample sample = {.ref = ref, .facts = facts};
	struct advise_writers *writers = NULL;
	int err = ref->backend->map_stats(ref->fd, &facts->before);

	if (!err && has_sample(&ref->info)) {
		err = sample_open(&sample);
		if (!err)
			err = sample_take(&sample);
	}
	if (err) {
		sample_free(&sample);
		return err;
	}
	if (ref->backend == &backend_user)
		writers = advise_writers_open(ref->fd);
	watch(&sample, writers, ns);
	err = ref->backend->map_stats(ref->fd, &facts->after);
	sample_compare(&sample);
	sample_free(&sample);
	advise_writers_close(writers, facts);
	if (ref->info.type == BPF_MAP_TYPE_BLOOM_FILTER)
		bloom_probe(ref, facts);
	entries_ask(ref, facts);
	return err;
}

int advise_watch(const struct mapref *ref, double seconds, struct advise_facts *ret_facts)
{
	uint32_t size = ref->info.key_size;
	struct advise_facts facts = {
		.ref = ref,
		.info = &ref->info,
		.index_keys = size == 1 || size == 2 || size == 4 || size == 8,
	};
	int err = watch_all(ref, (uint64_t)(seconds * 1e9), &facts);

	if (err)
		return exit_failure(err, "can't watch the map");
	*ret_facts = facts;
	return 0;
}
