/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* memory.c: what a map would take. Each type tells the parts of its body (map_ops.parts), the
 * region has three of its own; a part is added up as the region will count it: in a file by the
 * pages that it touches and no part before it does, in private memory by its bytes.
 */
#include "map/memory.h"

#include "base/cpus.h"
#include "base/error.h"
#include "base/page.h"

#include <errno.h>
#include <string.h>

struct adding {
	struct memory_parts parts;
	bool paged;
	uint64_t next_created; /* bytes before it have been counted, to the end of a page */
	uint64_t next_full;
};

/* The bytes that [off, off + len) adds. */
static uint64_t bytes_added(const struct adding *adding, uint64_t *next, uint64_t off, uint64_t len)
{
	uint64_t first = page_floor(off), end = page_ceil(off + len);

	if (!adding->paged || !len)
		return len;
	first = first > *next ? first : *next;
	if (end <= first)
		return 0;
	*next = end;
	return end - first;
}

static struct memory_part *part_named(struct memory_parts *parts, const struct map_part *part)
{
	struct memory_part *last;

	for (uint32_t i = 0; i < parts->count; i++)
		if (!strcmp(parts->part[i].name, part->name))
			return &parts->part[i];
	/* The types tell few parts, and the array has room for more. */
	last = &parts->part[parts->count < MEMORY_PARTS_MAX ? parts->count++ : parts->count - 1];
	last->name = part->name;
	last->why = part->why;
	return last;
}

static void part_add(void *arg, const struct map_part *part)
{
	struct adding *adding = arg;
	struct memory_part *sum = part_named(&adding->parts, part);

	sum->created += bytes_added(adding, &adding->next_created, part->off, part->reserved);
	sum->full += bytes_added(adding, &adding->next_full, part->off, part->len);
}

static void region_parts(const struct bpfmap_create_opts *opts, uint64_t body_bytes,
			 struct adding *adding)
{
	uint32_t btf_size = opts->btf ? opts->btf_size : 0;
	struct region_layout layout;

	region_layout(body_bytes, btf_size, &layout);
	part_add(adding,
		 &(struct map_part){.name = "writers",
				    .why = "a page for the first 31 threads that write, what "
					   "they have in hand, and their counters",
				    .off = layout.owners_off,
				    .len = OWNER_PAGE,
				    .reserved = OWNER_PAGE});
	if (btf_size)
		part_add(adding, &(struct map_part){.name = "btf",
						    .why = "the types of key and value",
						    .off = layout.btf_off,
						    .len = btf_size,
						    .reserved = btf_size});
	part_add(adding, &(struct map_part){.name = "header",
					    .why = "a page: sizes, flags, counts, free lists",
					    .off = layout.header_off,
					    .len = REGION_HEADER_LEN,
					    .reserved = REGION_HEADER_LEN});
}

int memory_parts_for(const struct bpfmap_create_opts *opts, uint32_t cpus,
		     struct memory_parts *ret_parts)
{
	struct adding adding = {.paged = opts->memory == BPFMAP_MEMORY_SHARED};
	struct map_layout layout;
	struct map_spec spec;
	int err;

	cpus = cpus ? cpus : cpus_possible();
	if (cpus > REGION_CPUS_MAX)
		return fail(EINVAL, "%u CPUs: a map is laid out for at most %u", cpus,
			    REGION_CPUS_MAX);
	err = map_plan(opts, cpus, &spec, &layout);
	if (err)
		return err;
	map_ops_for(&spec)->parts(&spec, cpus, part_add, &adding);
	region_parts(opts, layout.body_bytes, &adding);
	*ret_parts = adding.parts;
	return 0;
}

int bpfmap_memory_for(const struct bpfmap_create_opts *opts, uint32_t cpus,
		      struct bpfmap_memory_for *ret_memory)
{
	struct bpfmap_memory_for memory = {0};
	struct memory_parts parts;
	int err = memory_parts_for(opts, cpus, &parts);

	if (err)
		return err;
	for (uint32_t i = 0; i < parts.count; i++) {
		memory.created += parts.part[i].created;
		memory.full += parts.part[i].full;
	}
	*ret_memory = memory;
	return 0;
}
