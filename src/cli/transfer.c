/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* transfer.c: see transfer.h. Maps in user space are read and written through bpfmap.h, which knows
 * lengths and Bloom filters' bits; the kernel's through bpf(2), in batches where it can. */
#include "cli/transfer.h"

#include "base/clock.h"
#include "base/error.h"
#include "cli/records.h"
#include "cli/text.h"
#include "map/age.h"
#include "map/bloom.h"
#include "map/hold.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Words of a Bloom filter at a time. */
#define BLOOM_WORDS 8192
/* Elements of one bpf(2) call. */
#define BATCH 256
/* Within so much time all writers must be held, and within so much all elements be read: after a
 * second writers would give up. */
#define HOLD_NS 400000000ull
#define READ_NS 400000000ull
/* Elements between two looks at the clock. */
#define READ_STEP 1024

/* ---- out of a map ---- */

struct reading {
	struct transfer_read *how;
	struct bpfmap *map;
	record_fn *record;
	void *arg;
	bool doubtful; /* the map is damaged: what is found is looked up */
	void *room;    /* for the value of such a look */
	size_t value_bytes;
	uint32_t key_size;
};

static int emit(struct reading *reading, const struct record *record)
{
	reading->how->ret_count++;
	if (reading->how->progress)
		progress_at(reading->how->progress, reading->how->ret_count);
	return reading->record(reading->arg, record);
}

/* An element that lies where its key does not lead is one of a damaged page. */
static bool is_lost(struct reading *reading, const struct record *record)
{
	return reading->doubtful && bpfmap_read(reading->map, record->key, reading->room) &&
	       ++reading->how->ret_lost;
}

static int fixed_each(struct reading *reading, struct bpfmap_iter *iter)
{
	struct record record = {.key_len = reading->key_size,
				.value_len = (uint32_t)reading->value_bytes};
	int err;

	while ((err = bpfmap_iter_next(iter, &record.key, &record.value)) == 1) {
		if (is_lost(reading, &record))
			continue;
		err = emit(reading, &record);
		if (err)
			break;
	}
	return err;
}

static int variable_each(struct reading *reading, struct bpfmap_iter *iter)
{
	struct record record;
	int err;

	while ((err = bpfmap_var_next(iter, &record.key, &record.key_len, &record.value,
				      &record.value_len)) == 1) {
		err = emit(reading, &record);
		if (err)
			break;
	}
	return err;
}

static int bloom_each(struct reading *reading)
{
	struct bloom_image image;
	uint64_t *words = must_realloc(NULL, BLOOM_WORDS * sizeof(*words));
	int err = 0;

	bloom_get_image(reading->map, &image);
	for (uint64_t at = 0; !err && at < image.words; at += BLOOM_WORDS) {
		uint64_t n = image.words - at < BLOOM_WORDS ? image.words - at : BLOOM_WORDS;
		struct record record = {.value = words, .value_len = (uint32_t)(n * 8)};

		bloom_words_read(reading->map, at, n, words);
		err = emit(reading, &record);
	}
	free(words);
	return err;
}

static int elements_each(struct reading *reading)
{
	struct bpfmap_iter *iter;
	int err;

	if (reading->map->spec.type == BPF_MAP_TYPE_BLOOM_FILTER)
		return bloom_each(reading);
	err = bpfmap_iter_new(reading->map, &iter);
	if (err)
		return err;
	err = reading->map->spec.map_flags & BPFMAP_F_VARIABLE ? variable_each(reading, iter)
							       : fixed_each(reading, iter);
	bpfmap_iter_free(iter);
	return err;
}

/* Elements are kept in memory first, in an LRU map with their ages. */
struct keeping {
	struct bpfmap *map;
	struct map_ages *ages;
	struct records records;
	uint64_t deadline_ns; /* 0: none */
};

static int keep(void *arg, const struct record *record)
{
	struct keeping *keeping = arg;

	records_add(&keeping->records, record);
	if (keeping->deadline_ns && keeping->records.count % READ_STEP == 0 &&
	    clock_now_ns() > keeping->deadline_ns)
		return fail(ETIMEDOUT,
			    "the map is too large, or the machine too busy, to read it in one "
			    "moment: %zu elements in %llu ms; freeze the map or stop its writers, "
			    "and leave out the word consistent",
			    keeping->records.count, READ_NS / 1000000);
	if (keeping->ages)
		records_rank(&keeping->records,
			     map_age_of(keeping->map, keeping->ages, record->key));
	return 0;
}

static int kept_emit(struct reading *reading, struct keeping *keeping)
{
	int err = 0;

	if (keeping->ages)
		records_sort_by_rank(&keeping->records);
	reading->how->ret_by_age = keeping->ages != NULL;
	reading->how->ret_count = 0;
	for (size_t i = 0; !err && i < keeping->records.count; i++) {
		struct record record;

		records_get(&keeping->records, i, &record);
		err = emit(reading, &record);
	}
	return err;
}

/* While writers wait, memory should be there. */
static void room_make(const struct reading *reading, struct records *records)
{
	struct bpfmap_info info;

	if (!bpfmap_get_info(reading->map, &info))
		records_reserve(records, info.entries + info.entries / 16 + READ_STEP,
				reading->key_size + reading->value_bytes);
}

/* Of one moment: read while nobody can write. In order of age: read with the order of the
 * beginning. */
static int kept_each(struct reading *reading)
{
	struct keeping keeping = {.map = reading->map};
	struct reading inner = *reading;
	struct progress *progress = reading->how->progress;
	int err = 0;

	inner.record = keep;
	inner.arg = &keeping;
	if (reading->how->one_moment) {
		room_make(reading, &keeping.records);
		err = map_hold(reading->map, HOLD_NS);
		keeping.deadline_ns = clock_now_ns() + READ_NS;
	}
	if (err) {
		records_free(&keeping.records);
		return err;
	}
	reading->how->progress = NULL;
	err = map_ages(reading->map, &keeping.ages);
	if (!err)
		err = elements_each(&inner);
	if (reading->how->one_moment)
		map_let_go(reading->map);
	reading->how->progress = progress;
	if (!err)
		err = kept_emit(reading, &keeping);
	free(keeping.ages);
	records_free(&keeping.records);
	return err;
}

/* Without permission to write, or of a damaged map, a read-only handle does. */
static int user_open(const struct mapref *ref, bool must_write, struct bpfmap **ret_map)
{
	int err = bpfmap_open_fd(ref->fd, 0, ret_map);

	if (err == -ENOMEM || !err || must_write)
		return err;
	return bpfmap_open_fd(ref->fd, BPFMAP_OPEN_RDONLY, ret_map);
}

static int user_each(const struct mapref *ref, struct transfer_read *how, record_fn *record,
		     void *arg)
{
	struct reading reading = {.how = how, .record = record, .arg = arg};
	int err = user_open(ref, how->one_moment, &reading.map);

	if (err)
		return err;
	reading.key_size = ref->info.key_size;
	reading.value_bytes = bpfmap_value_bytes(reading.map);
	reading.room = must_realloc(NULL, reading.value_bytes);
	reading.doubtful = reading.map->region->readonly && reading.map->ops->read &&
			   shm_u32_load_relaxed(&reading.map->region->header->unclean);
	if (how->one_moment || backend_is_lru(ref->info.type))
		err = kept_each(&reading);
	else
		err = elements_each(&reading);
	free(reading.room);
	bpfmap_close(reading.map);
	return err;
}

/* The kernel's: a value that could not be read was deleted meanwhile. */
static int live_element(void *arg, const void *key, const void *value, int err)
{
	struct reading *reading = arg;
	struct record record = {.key = key,
				.value = value,
				.key_len = reading->key_size,
				.value_len = (uint32_t)reading->value_bytes};

	if (value)
		return emit(reading, &record);
	return err == -ENOENT ? 0 : err;
}

int transfer_each(const struct mapref *ref, struct transfer_read *how, record_fn *record, void *arg)
{
	struct reading reading = {.how = how,
				  .record = record,
				  .arg = arg,
				  .key_size = ref->info.key_size,
				  .value_bytes = backend_value_size(&ref->info)};

	how->ret_by_age = false;
	how->ret_count = 0;
	how->ret_lost = 0;
	if (ref->backend == &backend_user)
		return user_each(ref, how, record, arg);
	if (how->one_moment)
		return fail(ENOTSUP, "the kernel's maps cannot be held still");
	return ref->backend->map_walk(ref->fd, &ref->info, live_element, &reading);
}

uint64_t transfer_expect(const struct mapref *ref)
{
	struct backend_stats stats;

	if (backend_is_array(ref->info.type))
		return ref->info.max_entries;
	if (ref->backend->map_stats(ref->fd, &stats) || !stats.counted)
		return 0;
	return stats.entries;
}

/* ---- into a map ---- */

struct target {
	const struct backend *backend;
	int fd;
	struct bpfmap *map; /* in user space */
	struct shape from;
	struct bpf_map_info info;
	size_t value_bytes; /* of the target */
	uint8_t *keys;
	uint8_t *values;
	uint32_t pending;
	bool one_by_one; /* the kernel knows no batches of this type */
	uint64_t count;
	uint64_t words; /* of a Bloom filter */
};

int target_open(const struct backend *backend, int fd, const struct shape *from,
		struct target **ret_target)
{
	struct mapref ref = {.backend = backend, .fd = fd};
	struct target *t;
	struct shape to;
	int err = backend_map_info(backend, fd, &ref.info);

	if (!err)
		err = shape_of_map(&ref, &to);
	if (!err)
		err = shape_fits(from, &to);
	if (err)
		return err;
	t = must_realloc(NULL, sizeof(*t));
	*t = (struct target){.backend = backend, .fd = fd, .from = *from, .info = ref.info};
	t->value_bytes = backend_value_size(&ref.info);
	t->keys = must_realloc(NULL, (size_t)BATCH * ref.info.key_size);
	t->values = must_realloc(NULL, BATCH * t->value_bytes);
	if (backend == &backend_user)
		err = bpfmap_open_fd(fd, 0, &t->map);
	if (err)
		target_close(t);
	else
		*ret_target = t;
	return err;
}

static int refused(const struct target *t, int err)
{
	if (err == -E2BIG)
		return fail(E2BIG, "the map is full after %" PRIu64 " elements (max_entries %u)",
			    t->count, t->info.max_entries);
	return err;
}

static bool no_batches(int err)
{
	return err == -EOPNOTSUPP || err == -E524 || err == -EINVAL;
}

static int flush_one_by_one(struct target *t)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < t->pending; i++) {
		err = backend_map_update(t->backend, t->fd, t->keys + (size_t)i * t->info.key_size,
					 t->values + i * t->value_bytes, BPF_ANY);
		t->count += !err;
	}
	return err;
}

int target_flush(struct target *t)
{
	uint32_t count = t->pending;
	int err = 0;

	if (count && !t->one_by_one) {
		err = backend_map_update_batch(t->backend, t->fd, t->keys, t->values, &count);
		t->one_by_one = no_batches(err);
		t->count += t->one_by_one ? 0 : count;
	}
	if (t->one_by_one)
		err = flush_one_by_one(t);
	t->pending = 0;
	return refused(t, err);
}

/* What the target has no CPUs for must be 0. */
static int values_copy(const struct target *t, const struct record *record, uint8_t *to)
{
	const uint8_t *from = record->value;
	size_t have = record->value_len;

	memset(to, 0, t->value_bytes);
	memcpy(to, from, have < t->value_bytes ? have : t->value_bytes);
	for (size_t i = t->value_bytes; i < have; i++)
		if (from[i])
			return fail(EINVAL,
				    "the elements have values of %u CPUs, this machine has %u, and "
				    "the surplus ones are not 0",
				    t->from.cpus, backend_cpus());
	return 0;
}

static int live_put(struct target *t, const struct record *record)
{
	uint8_t *key = t->keys + (size_t)t->pending * t->info.key_size;
	uint8_t *value = t->values + t->pending * t->value_bytes;
	int err = values_copy(t, record, value);

	if (err)
		return err;
	memcpy(key, record->key, t->info.key_size);
	t->pending++;
	return t->pending == BATCH ? target_flush(t) : 0;
}

static int bits_put(struct target *t, const struct record *record)
{
	struct bloom_image image;
	uint64_t n = record->value_len / 8;
	uint64_t *words;
	int err;

	bloom_get_image(t->map, &image);
	if (n > image.words - t->words)
		return fail(EINVAL, "there are more bits than the filter has");
	/* The record's bytes need not be aligned. */
	words = must_realloc(NULL, record->value_len);
	memcpy(words, record->value, record->value_len);
	err = bloom_words_add(t->map, t->words, n, words);
	free(words);
	t->words += n;
	t->count++;
	return err;
}

int target_put(void *arg, const struct record *record)
{
	struct target *t = arg;
	int err;

	if (!t->map)
		return live_put(t, record);
	if (shape_is_bloom(&t->from))
		return bits_put(t, record);
	if (t->map->spec.map_flags & BPFMAP_F_VARIABLE) {
		err = bpfmap_var_update(t->map, record->key, record->key_len, record->value,
					record->value_len, BPF_ANY);
	} else {
		err = values_copy(t, record, t->values);
		if (!err)
			err = bpfmap_update(t->map, record->key, t->values, BPF_ANY);
	}
	t->count += !err;
	return refused(t, err);
}

uint64_t target_count(const struct target *target)
{
	return target->count;
}

void target_close(struct target *target)
{
	bpfmap_close(target->map);
	free(target->keys);
	free(target->values);
	free(target);
}
