/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* mmap.c: mapping a map's descriptor (SEMANTICS section 15, "mmap"). */
#include "semantics.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE	   ((unsigned int)sysconf(_SC_PAGESIZE))
#define ENTRIES	   (4 * PAGE / STRIDE - 24) /* four pages, the last one not full */
#define VALUE_SIZE 12u
#define STRIDE	   16u

static const struct {
	const char *name;
	int prot;
} protections[] = {
	{"none", PROT_NONE},
	{"r", PROT_READ},
	{"w", PROT_WRITE},
	{"rw", PROT_READ | PROT_WRITE},
	{"x", PROT_EXEC},
	{"rx", PROT_READ | PROT_EXEC},
	{"rwx", PROT_READ | PROT_WRITE | PROT_EXEC},
};
#define PROTECTIONS 7

static int mmapable(uint32_t more_flags)
{
	return map_make(BPF_MAP_TYPE_ARRAY, 4, VALUE_SIZE, ENTRIES, BPF_F_MMAPABLE | more_flags);
}

static long try_map(int fd, size_t len, int prot, int flags, off_t off)
{
	void *p = mmap(NULL, len, prot, flags, fd, off);
	long result = p == MAP_FAILED ? -errno : 0;

	if (p != MAP_FAILED)
		munmap(p, len);
	return result;
}

static void by_protection(int fd, const char *what)
{
	struct line l;

	line_begin(&l, "mmap.%s.shared", what);
	for (int i = 0; i < PROTECTIONS; i++)
		line_add(&l, try_map(fd, PAGE, protections[i].prot, MAP_SHARED, 0), "%s",
			 protections[i].name);
	line_end(&l);
	line_begin(&l, "mmap.%s.private", what);
	for (int i = 0; i < PROTECTIONS; i++)
		line_add(&l, try_map(fd, PAGE, protections[i].prot, MAP_PRIVATE, 0), "%s",
			 protections[i].name);
	line_end(&l);
}

static void kinds(void)
{
	int fd = mmapable(0), frozen = mmapable(0), other;

	map_freeze(frozen);
	by_protection(fd, "rw");
	by_protection(frozen, "frozen");
	other = map_reopen(fd, BPF_F_RDONLY);
	by_protection(other, "rdonly_fd");
	close(other);
	other = map_reopen(fd, BPF_F_WRONLY);
	by_protection(other, "wronly_fd");
	close(other);
	close(frozen);
	close(fd);
	fd = mmapable(BPF_F_RDONLY_PROG);
	by_protection(fd, "rdonly_prog");
	map_freeze(fd);
	by_protection(fd, "rdonly_prog_frozen");
	close(fd);
	fd = mmapable(BPF_F_WRONLY_PROG);
	by_protection(fd, "wronly_prog");
	close(fd);
	fd = map_make(BPF_MAP_TYPE_ARRAY, 4, VALUE_SIZE, ENTRIES, 0);
	by_protection(fd, "array_without_flag");
	map_freeze(fd);
	by_protection(fd, "array_without_flag_frozen");
	close(fd);
	fd = map_fresh(BPF_MAP_TYPE_HASH);
	by_protection(fd, "hash");
	close(fd);
}

static void ranges(void)
{
	static const unsigned int pages[] = {0, 1, 2, 3, 4, 5, 1000};
	int fd = mmapable(0);
	struct line l;

	for (unsigned int off = 0; off < 6; off++) {
		line_begin(&l, "mmap.range.offset_%u_pages", off);
		for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
			line_add(&l,
				 try_map(fd, pages[i] * PAGE, PROT_READ, MAP_SHARED, off * PAGE),
				 "%u_pages", pages[i]);
		line_end(&l);
	}
	row(try_map(fd, 1, PROT_READ, MAP_SHARED, 0), "mmap.range.one_byte");
	row(try_map(fd, 4 * PAGE - 1, PROT_READ, MAP_SHARED, 0), "mmap.range.all_but_one_byte");
	row(try_map(fd, 4 * PAGE + 1, PROT_READ, MAP_SHARED, 0), "mmap.range.one_byte_more");
	row(try_map(fd, PAGE, PROT_READ, MAP_SHARED, 100), "mmap.range.odd_offset");
	row(try_map(fd, PAGE, PROT_READ, MAP_SHARED, -(off_t)PAGE), "mmap.range.negative_offset");
	close(fd);
}

static void contents(void)
{
	int fd = mmapable(0), bad = 0;
	unsigned char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	unsigned char value[VALUE_SIZE], got[VALUE_SIZE];

	if (p == MAP_FAILED) {
		row(-errno, "mmap.contents");
		close(fd);
		return;
	}
	for (uint32_t key = 0; key < ENTRIES; key++) {
		memset(value, (int)(key % 251) + 1, sizeof(value));
		bad += map_update(fd, &key, value, 0) != 0;
		bad += memcmp(p + key * STRIDE, value, VALUE_SIZE) != 0;
	}
	row(bad, "mmap.contents.updates_not_seen");
	bad = 0;
	for (uint32_t key = 0; key < ENTRIES; key++) {
		memset(p + key * STRIDE, (int)(key % 13) + 100, VALUE_SIZE);
		bad += map_lookup(fd, &key, got) != 0;
		bad += memcmp(p + key * STRIDE, got, VALUE_SIZE) != 0;
	}
	row(bad, "mmap.contents.stores_not_seen");
	row(p[ENTRIES * STRIDE], "mmap.contents.behind_the_last");
	row(p[4 * PAGE - 1], "mmap.contents.last_byte");
	close(fd);
	p[0] = 42;
	row(p[0], "mmap.contents.after_close");
	munmap(p, 4 * PAGE);
}

static void protections_change(void)
{
	int fd = mmapable(0);
	void *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	void *w = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	void *n = mmap(NULL, PAGE, PROT_NONE, MAP_SHARED, fd, 0);

	row(mprotect(p, PAGE, PROT_READ | PROT_WRITE) ? -errno : 0, "mmap.upgrade.r_to_rw");
	row(mprotect(n, PAGE, PROT_READ) ? -errno : 0, "mmap.upgrade.none_to_r");
	row(mprotect(n, PAGE, PROT_READ | PROT_WRITE) ? -errno : 0, "mmap.upgrade.none_to_rw");
	row(mprotect(w, PAGE, PROT_READ) ? -errno : 0, "mmap.upgrade.rw_to_r");
	row(mprotect(w, PAGE, PROT_READ | PROT_WRITE) ? -errno : 0, "mmap.upgrade.rw_to_r_to_rw");
	munmap(p, PAGE);
	munmap(w, PAGE);
	munmap(n, PAGE);
	close(fd);
}

/* The map lives as long as a mapping of it does, whether or not an fd is left. */
static void outlives_fd(void)
{
	int fd = mmapable(0), again;
	uint32_t id = map_id(fd);
	void *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	union req r;

	close(fd);
	req_clear(&r);
	r.attr.map_id = id;
	again = (int)bpf_call(BPF_MAP_GET_FD_BY_ID, &r, ATTR_SIZE);
	row_fd(again, "mmap.lifetime.id_while_mapped");
	munmap(p, PAGE);
	row(bpf_try(BPF_MAP_GET_FD_BY_ID, &r), "mmap.lifetime.id_after_unmap");
}

/* How libbpf maps global data: one element larger than a page, at offset 0. */
static void global_data(void)
{
	static const uint32_t sizes[] = {1, 4, 4095, 4096, 4097, 10000};
	struct line l;

	line_begin(&l, "mmap.one_value");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		int fd = map_make(BPF_MAP_TYPE_ARRAY, 4, sizes[i], 1, BPF_F_MMAPABLE);
		size_t len = (sizes[i] + PAGE - 1) / PAGE * PAGE;

		line_add(&l, try_map(fd, len, PROT_READ | PROT_WRITE, MAP_SHARED, 0), "%u",
			 sizes[i]);
		line_add(&l, try_map(fd, len + PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, 0),
			 "%u+page", sizes[i]);
		close(fd);
	}
	line_end(&l);
}

void section_mmap(void)
{
	kinds();
	ranges();
	contents();
	protections_change();
	outlives_fd();
	global_data();
}
