/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* holes.c: copies of maps that were made sparse. Where the copy left out pages of zeroes, memory that
 * creation had reserved is missing; on a full tmpfs reading such a page is a SIGBUS as well as writing
 * it. Opening must see it: it fills the holes, for readers too, or refuses with ENOMEM and a sentence. As
 * root, on a tmpfs of a few MiB in a mount namespace of each case's own.
 */
#include "apart.h"
#include "harness.h"
#include "keyless.h"
#include "shapes.h"
#include "bpfmap/bpfmap.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define VALUE_MAX (128u * 512)
#define PAGE_MAX  65536u
#define ENTRIES	  600u
/* So large that the values leave pages of zeroes in a Bloom filter, and small ones pages of 64 KiB. */
#define BLOOM_ROOM 2048u
#define SMALL_ROOM 16u

static const struct shape *shape;
static uint8_t value[VALUE_MAX];
static uint8_t page[PAGE_MAX], zero[PAGE_MAX];
static size_t page_bytes;

/* Takes all pages that are left. */
static void stuff(void)
{
	int fd = open(harness_path("stuffing"), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);

	while (fd >= 0 && write(fd, zero, page_bytes) > 0)
		;
	close(fd);
}

static int element_put(struct bpfmap *map, uint32_t key)
{
	memset(value, (int)key + 1, bpfmap_value_bytes(map));
	if (type_is_keyless(shape->type))
		return bpfmap_push(map, value, 0);
	if (shape->flags & BPFMAP_F_VARIABLE)
		return bpfmap_var_update(map, &key, sizeof(key), value, 400, BPF_ANY);
	return bpfmap_update(map, &key, value, BPF_ANY);
}

static int element_get(struct bpfmap *map, uint32_t key)
{
	uint32_t len;

	memset(value, (int)key + 1, bpfmap_value_bytes(map));
	if (type_is_keyless(shape->type))
		return bpfmap_peek(map, value);
	if (shape->flags & BPFMAP_F_VARIABLE)
		return bpfmap_var_read(map, &key, sizeof(key), value, sizeof(value), &len);
	return bpfmap_read(map, &key, value);
}

static uint32_t shape_room(void)
{
	if (shape->type == BPF_MAP_TYPE_BLOOM_FILTER)
		return BLOOM_ROOM;
	return shape->value_size < 64 ? SMALL_ROOM : 1;
}

/* A pinned map with few of its elements, and its copy without the pages of zeroes. */
static void copy_make(const char *pin, const char *copy)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = shape->type,
					  .key_size = type_is_keyless(shape->type) ? 0 : 4,
					  .value_size = shape->value_size,
					  .max_entries = ENTRIES * shape_room(),
					  .map_flags = shape->flags,
					  .memory = BPFMAP_MEMORY_SHARED};
	struct bpfmap *map;
	off_t at = 0;
	ssize_t len;
	int from, to;

	if (bpfmap_create(&opts, &map) || bpfmap_pin(map, pin))
		verdict_fail("create: %s", bpfmap_last_error());
	for (uint32_t key = 0; key < 5; key++)
		if (element_put(map, key))
			verdict_fail("update: %s", bpfmap_last_error());
	bpfmap_close(map);
	from = open(pin, O_RDONLY | O_CLOEXEC);
	to = open(copy, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	for (; (len = read(from, page, page_bytes)) > 0; at += len)
		if (memcmp(page, zero, (size_t)len) && pwrite(to, page, (size_t)len, at) != len)
			verdict_fail("copy: %s", strerror(errno));
	if (ftruncate(to, at))
		verdict_fail("copy: %s", strerror(errno));
	close(from);
	close(to);
	unlink(pin);
}

/* Everything that a handle does, on a file system without a free page. */
static void use(struct bpfmap *map, uint32_t flags)
{
	int grows = shape->flags & (BPF_F_NO_PREALLOC | BPFMAP_F_VARIABLE);
	struct bpfmap_iter *iter;
	const void *key, *at;
	int err;

	for (uint32_t i = 0; i < 5; i++)
		if (element_get(map, i))
			verdict_fail("element %u: %s", i, bpfmap_last_error());
	for (uint32_t i = 5; i < ENTRIES; i++)
		element_get(map, i);
	if (!bpfmap_iter_new(map, &iter)) {
		while (bpfmap_iter_next(iter, &key, &at) == 1)
			;
		bpfmap_iter_free(iter);
	}
	err = bpfmap_check(map);
	if (err)
		verdict_fail("check: %s", bpfmap_last_error());
	for (uint32_t i = 0; i < ENTRIES && !(flags & BPFMAP_OPEN_RDONLY); i++) {
		err = element_put(map, i);
		if (err && !(grows && err == -ENOMEM))
			verdict_fail("update %u: %d (%s)", i, err, bpfmap_last_error());
	}
}

static void refused(const char *copy, uint32_t flags)
{
	struct bpfmap *map;
	int err = bpfmap_open(copy, flags, &map);

	if (err != -ENOMEM || !bpfmap_last_error()[0])
		verdict_fail("without a free page open gives %d (%s)", err, bpfmap_last_error());
}

static void holes_judge(uint32_t flags)
{
	char pin[256], copy[256];
	struct bpfmap *map;

	apart_tmpfs("size=16m,mode=0700");
	snprintf(pin, sizeof(pin), "%s", harness_path("pin"));
	snprintf(copy, sizeof(copy), "%s", harness_path("copy"));
	copy_make(pin, copy);
	stuff();
	refused(copy, flags);
	unlink(harness_path("stuffing"));
	if (bpfmap_open(copy, flags, &map)) {
		verdict_fail("with room for them: %s", bpfmap_last_error());
		return;
	}
	stuff();
	use(map, flags);
	bpfmap_close(map);
	/* Now that it has its memory it may be opened whatever else is full. */
	if (bpfmap_open(copy, flags, &map))
		verdict_fail("again: %s", bpfmap_last_error());
	bpfmap_close(map);
}

static void as_writer(void)
{
	holes_judge(0);
}

static void as_reader(void)
{
	holes_judge(BPFMAP_OPEN_RDONLY);
}

/* One page less than there was, anywhere. */
static void punched(void)
{
	char pin[256], copy[256];
	struct bpfmap *map;
	struct stat st;
	int fd;

	apart_tmpfs("size=16m,mode=0700");
	snprintf(pin, sizeof(pin), "%s", harness_path("pin"));
	snprintf(copy, sizeof(copy), "%s", harness_path("copy"));
	copy_make(pin, copy);
	if (bpfmap_open(copy, 0, &map))
		verdict_fail("open: %s", bpfmap_last_error());
	bpfmap_close(map);
	fd = open(copy, O_RDWR | O_CLOEXEC);
	if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)page_bytes) ||
	    fstat(fd, &st))
		verdict_fail("punch: %s", strerror(errno));
	close(fd);
	stuff();
	/* The page that was punched is the one that stuffing took. */
	refused(copy, 0);
	refused(copy, BPFMAP_OPEN_RDONLY);
}

/* A hole is touched: this tmpfs does punish it. */
static void canary_work(void)
{
	const uint8_t *bytes;
	int fd;

	apart_tmpfs("size=16m,mode=0700");
	fd = open(harness_path("holey"), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (ftruncate(fd, (off_t)page_bytes))
		_exit(1);
	bytes = mmap(NULL, page_bytes, PROT_READ, MAP_SHARED, fd, 0);
	stuff();
	if (*(volatile const uint8_t *)bytes)
		_exit(1);
}

static void apart_verdict(void (*work)(void), const char *what)
{
	char sentence[128];

	snprintf(sentence, sizeof(sentence), "%s: %s", shape->word, what);
	if (apart(work))
		tap_verdict(sentence);
	else
		tap_skip(sentence, "mounting a tmpfs needs root");
}

int main(void)
{
	harness_start("holes");
	page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	page_bytes = page_bytes < PAGE_MAX ? page_bytes : PAGE_MAX;
	for (shape = shapes; shape < shapes + sizeof(shapes) / sizeof(shapes[0]); shape++) {
		apart_verdict(as_writer, "a writer of a sparse copy has its memory or is refused");
		apart_verdict(as_reader, "a reader of a sparse copy has its memory or is refused");
	}
	shape = shapes;
	apart_verdict(punched, "a single page that was punched out is missed");
	if (apart(canary_work))
		tap_canary("touching a hole of a full tmpfs is caught");
	else
		tap_skip("the canary", "mounting a tmpfs needs root");
	return tap_finish();
}
