/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* exchange.c: region files that change between machines, of different pages or different processors. Maps of all
 * types, made on one, are judged, read, filled and mapped on the other, and judged again at home; or refused, if
 * the other one has another byte order.
 *
 * exchange PRELOAD    all of it on this machine, in $BPFMAP_DIR: PRELOAD (pages64.so) makes the other one
 * exchange make DIR, use DIR, verify DIR
 *                     one machine's part, in this order; DIR is carried from one to the other
 * exchange refuse DIR
 *                     the part of a machine of the other byte order, after make
 */
#include "keyless.h"
#include "shapes.h"
#include "bpfmap/bpfmap.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ENTRIES	   600u
#define VALUE_MAX  (512u * 512)
#define PARTS	   3
#define STRIDE(n)  (((n) + 7u) & ~7u)
#define VAR_BYTES  400u
#define COUNT(a)   (sizeof(a) / sizeof((a)[0]))
#define CANARY_ARG "canary"

static const char *directory;
static const struct shape *shape;
static uint8_t expected[VALUE_MAX], got[VALUE_MAX];
static int failures;

__attribute__((format(printf, 1, 2))) static void wrong(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fprintf(stderr, "# %s: ", shape->word);
	vfprintf(stderr, fmt, args);
	fprintf(stderr, " (%s)\n", bpfmap_last_error());
	va_end(args);
	failures++;
}

static const char *path(void)
{
	static char buffer[512];

	snprintf(buffer, sizeof(buffer), "%s/%s", directory, shape->word);
	return buffer;
}

static int is_array(void)
{
	return shape->type == BPF_MAP_TYPE_ARRAY || shape->type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

/* What element `key` holds when its part has been written; each CPU's value is padded to 8 bytes with zeroes. */
static void value_make(uint32_t bytes, uint32_t key)
{
	uint32_t stride = STRIDE(shape->value_size);

	memset(expected, 0, bytes);
	for (uint32_t at = 0; at < bytes; at++)
		if (at % stride < shape->value_size)
			expected[at] = (uint8_t)(key * 31 + at / stride + 1);
}

/* Part by part: what grows does so on both machines. */
static void part_write(struct bpfmap *map, uint32_t part)
{
	uint32_t bytes = bpfmap_value_bytes(map);

	for (uint32_t key = part * ENTRIES / PARTS; key < (part + 1) * ENTRIES / PARTS; key++) {
		int err;

		value_make(bytes, key);
		if (type_is_keyless(shape->type))
			err = bpfmap_push(map, expected, 0);
		else if (shape->flags & BPFMAP_F_VARIABLE)
			err = bpfmap_var_update(map, &key, sizeof(key), expected, VAR_BYTES,
						BPF_ANY);
		else
			err = bpfmap_update(map, &key, expected, BPF_ANY);
		if (err)
			wrong("element %u cannot be written: %d", key, err);
	}
}

static int element_read(struct bpfmap *map, uint32_t key, uint32_t bytes)
{
	uint32_t len = 0;

	if (!type_is_keyless(shape->type) && !(shape->flags & BPFMAP_F_VARIABLE))
		return bpfmap_read(map, &key, got);
	if (shape->flags & BPFMAP_F_VARIABLE)
		return bpfmap_var_read(map, &key, sizeof(key), got, sizeof(got), &len);
	memcpy(got, expected, bytes);
	return bpfmap_peek(map, got);
}

/* The first parts are there, the others are not. */
static void parts_judge(struct bpfmap *map, uint32_t parts)
{
	uint32_t bytes = bpfmap_value_bytes(map), compared = bytes;
	int err = bpfmap_check(map);

	if (err)
		wrong("check: %d", err);
	if (shape->flags & BPFMAP_F_VARIABLE)
		compared = VAR_BYTES;
	for (uint32_t key = 0; key < ENTRIES; key++) {
		int there = key < parts * ENTRIES / PARTS;

		value_make(bytes, key);
		err = element_read(map, key, bytes);
		if (there && (err || memcmp(got, expected, compared)))
			wrong("element %u is lost: %d", key, err);
		/* A Bloom filter may say that it knows what it does not, and an array has all. */
		else if (!there && !err && !is_array() && !type_is_keyless(shape->type))
			wrong("element %u is there", key);
	}
}

/* A program's own mapping, in pages of this machine: the values, and zeroes to the end of the last page. */
static void mapping_judge(struct bpfmap *map, uint32_t parts)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), stride = STRIDE(shape->value_size);
	size_t size = (ENTRIES * stride + page - 1) / page * page;
	int fd = bpfmap_fd(map);
	uint8_t *values = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (values == MAP_FAILED) {
		wrong("cannot be mapped: %s", strerror(errno));
		return;
	}
	for (uint32_t key = 0; key < parts * ENTRIES / PARTS; key++) {
		value_make((uint32_t)stride, key);
		if (memcmp(values + key * stride, expected, stride))
			wrong("element %u is another one in a mapping", key);
	}
	for (size_t at = ENTRIES * stride; at < size; at++)
		if (values[at]) {
			wrong("byte %zu, behind the values, is not 0", at);
			break;
		}
	/* The page's rest is memory, and no element's: written and cleared again. */
	memset(values + ENTRIES * stride, 1, size - ENTRIES * stride);
	memset(values + ENTRIES * stride, 0, size - ENTRIES * stride);
	munmap(values, size);
	close(fd);
}

static void map_make(void)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = shape->type,
					  .key_size = type_is_keyless(shape->type) ? 0 : 4,
					  .value_size = shape->value_size,
					  .max_entries = ENTRIES,
					  .map_flags = shape->flags,
					  .memory = BPFMAP_MEMORY_SHARED};
	struct bpfmap *map;

	if (bpfmap_create(&opts, &map)) {
		wrong("cannot be made");
		return;
	}
	part_write(map, 0);
	if (bpfmap_pin(map, path()))
		wrong("cannot be pinned");
	bpfmap_close(map);
}

/* Opened for reading, and opened for writing. */
static void map_use(uint32_t parts, uint32_t more)
{
	struct bpfmap *map;

	if (bpfmap_open(path(), BPFMAP_OPEN_RDONLY, &map)) {
		wrong("cannot be opened for reading");
	} else {
		parts_judge(map, parts);
		bpfmap_close(map);
	}
	if (bpfmap_open(path(), 0, &map)) {
		wrong("cannot be opened");
		return;
	}
	for (; more; more--)
		part_write(map, parts++);
	parts_judge(map, parts);
	if (shape->flags & BPF_F_MMAPABLE)
		mapping_judge(map, parts);
	bpfmap_close(map);
}

static void map_unmade(void)
{
	if (unlink(path()))
		wrong("cannot be removed: %s", strerror(errno));
}

static void make_part(void)
{
	map_make();
	map_use(1, 0);
}

static void use_part(void)
{
	map_use(1, 1);
}

static void verify_part(void)
{
	map_use(2, 1);
	map_unmade();
}

static void refuse_part(void)
{
	static const uint32_t flags[] = {0, BPFMAP_OPEN_RDONLY};

	for (size_t i = 0; i < COUNT(flags); i++) {
		struct bpfmap *map = NULL;
		int err = bpfmap_open(path(), flags[i], &map);

		if (err != -EUCLEAN || !strstr(bpfmap_last_error(), "other byte order"))
			wrong("is not refused for its byte order: %d", err);
		if (!err)
			bpfmap_close(map);
	}
}

#define TRAVEL 3 /* parts that make the way to the other machine and back */
static const struct {
	const char *word;
	void (*work)(void);
} parts[] = {
	{"make", make_part}, {"use", use_part}, {"verify", verify_part}, {"refuse", refuse_part}};

/* One machine's part, as a program of its own. */
static int part_run(const char *word)
{
	for (size_t i = 0; i < COUNT(parts); i++)
		for (shape = shapes; !strcmp(word, parts[i].word) && shape < shapes + COUNT(shapes);
		     shape++) {
			int before = failures;

			parts[i].work();
			printf("%s - %s: %s, pages of %ld KiB, " MACHINE "\n",
			       failures > before ? "not ok" : "ok", shape->word, word,
			       sysconf(_SC_PAGESIZE) / 1024);
		}
	return failures != 0;
}

/* Such a call is what pages64.so has to notice. */
static int canary_run(void)
{
	uint8_t *at = mmap(NULL, 1 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return munmap(at + 4096, 4096);
}

/* A machine's part, with pages64.so or without it; its status as from wait(2). */
static int machine_run(const char *self, const char *preload, const char *word)
{
	int status = -1;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		if (preload)
			setenv("LD_PRELOAD", preload, 1);
		execl(self, self, word, directory, (char *)NULL);
		_exit(127);
	}
	waitpid(child, &status, 0);
	return status;
}

/* make, use, verify: with the other machine's pages in the middle, or at both ends. */
static int all_run(const char *self, const char *preload)
{
	int bad = 0, status;

	for (int other = 0; other < 2; other++)
		for (size_t i = 0; i < TRAVEL; i++)
			bad |= machine_run(self, (i == 1) != other ? preload : NULL, parts[i].word);
	status = machine_run(self, preload, CANARY_ARG);
	bad |= !WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT;
	printf("%s - a call for a part of a page is noticed (canary)\n",
	       WIFSIGNALED(status) ? "ok" : "not ok");
	printf("1..%zu\n", 2 * TRAVEL * COUNT(shapes) + 1);
	return bad != 0;
}

int main(int argc, char **argv)
{
	directory = argc == 3 ? argv[2] : getenv("BPFMAP_DIR");
	if (argc < 2 || !directory)
		return 2;
	if (argc == 2)
		return all_run(argv[0], argv[1]);
	setenv("BPFMAP_DIR", directory, 1);
	return strcmp(argv[1], CANARY_ARG) ? part_run(argv[1]) : canary_run();
}
