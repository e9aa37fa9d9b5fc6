/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* percpu.c: the native API for per-CPU maps (bpfmap.h). Ownership of CPUs: sync/vcpu.h. */
#include "map/map.h"

#include "base/error.h"
#include "sync/bytes.h"
#include "sync/vcpu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Private maps have no id, so the address of the lock words decides there. */
static bool cpus_equal(const struct bpfmap *a, const struct bpfmap *b)
{
	return a->vcpus->shm == b->vcpus->shm || (a->region->id && a->region->id == b->region->id);
}

static bool cpus_before(const struct bpfmap *a, const struct bpfmap *b)
{
	if (a->region->id != b->region->id)
		return a->region->id < b->region->id;
	return a->vcpus < b->vcpus;
}

/* Where the map's CPUs belong among the first n, or -1 if they are there. */
static int place_of(struct bpfmap *const *sorted, uint32_t n, const struct bpfmap *map)
{
	uint32_t at = n;

	for (uint32_t i = 0; i < n; i++)
		if (cpus_equal(sorted[i], map))
			return -1;
	while (at && cpus_before(map, sorted[at - 1]))
		at--;
	return (int)at;
}

uint32_t map_cpus_in_order(struct bpfmap *const *maps, uint32_t n, struct vcpus **ret_cpus)
{
	struct bpfmap *sorted[MAP_ORDERED_MAX];
	uint32_t found = 0;

	for (uint32_t i = 0; i < n; i++) {
		int at = maps[i]->vcpus ? place_of(sorted, found, maps[i]) : -1;

		if (at < 0)
			continue;
		memmove(sorted + at + 1, sorted + at, (found - (uint32_t)at) * sizeof(sorted[0]));
		sorted[at] = maps[i];
		found++;
	}
	for (uint32_t i = 0; i < found; i++)
		ret_cpus[i] = sorted[i]->vcpus;
	return found;
}

uint32_t bpfmap_cpus(const struct bpfmap *map)
{
	return map->vcpus ? map->vcpus->count : 1;
}

size_t bpfmap_value_bytes(const struct bpfmap *map)
{
	return map_syscall_value_size(map);
}

int bpfmap_cpu_enter(struct bpfmap *map)
{
	return map->vcpus ? vcpu_enter(&map->vcpus, 1) : 0;
}

void bpfmap_cpu_leave(struct bpfmap *map)
{
	if (map->vcpus)
		vcpu_leave(&map->vcpus, 1);
}

void *bpfmap_lookup_cpu(struct bpfmap *map, const void *key, uint32_t cpu)
{
	if (map->ops->lookup_cpu)
		return map->ops->lookup_cpu(map, key, cpu);
	return cpu ? NULL : bpfmap_lookup(map, key);
}

/* All CPUs' values, read as one: what the system call would give. Free with free(). */
static int read_all(struct bpfmap *map, const void *key, uint8_t **ret_values)
{
	uint8_t *values = malloc(map_syscall_value_size(map));
	int err;

	if (!values)
		return fail(ENOMEM, "no memory for an element's values");
	err = bpfmap_read(map, key, values);
	if (err)
		free(values);
	else
		*ret_values = values;
	return err;
}

int bpfmap_read_cpu(struct bpfmap *map, const void *key, uint32_t cpu, void *ret_value)
{
	uint8_t *values = NULL;
	int err;

	if (cpu >= bpfmap_cpus(map))
		return fail(EINVAL, "CPU %u: the map has values for CPUs 0 to %u", cpu,
			    bpfmap_cpus(map) - 1);
	err = read_all(map, key, &values);
	if (err)
		return err;
	memcpy(ret_value, values + cpu * RU8(map->spec.value_size), map->spec.value_size);
	free(values);
	return 0;
}

static uint64_t counter_at(const uint8_t *value, uint32_t size)
{
	uint64_t wide;
	uint32_t word;
	uint16_t half;

	switch (size) {
	case 1: return *value;
	case 2: memcpy(&half, value, sizeof(half)); return half;
	case 4: memcpy(&word, value, sizeof(word)); return word;
	default: memcpy(&wide, value, sizeof(wide)); return wide;
	}
}

int bpfmap_percpu_u64(struct bpfmap *map, const void *key, uint32_t off, uint32_t size,
		      struct bpfmap_percpu_u64 *ret)
{
	struct bpfmap_percpu_u64 total = {.min = UINT64_MAX};
	uint8_t *values = NULL;
	int err;

	if ((size != 1 && size != 2 && size != 4 && size != 8) || size > map->spec.value_size ||
	    off > map->spec.value_size - size)
		return fail(EINVAL,
			    "a counter of %u bytes at offset %u does not lie in a value of %u",
			    size, off, map->spec.value_size);
	err = read_all(map, key, &values);
	if (err)
		return err;
	for (uint32_t cpu = 0; cpu < bpfmap_cpus(map); cpu++) {
		uint64_t n = counter_at(values + cpu * RU8(map->spec.value_size) + off, size);

		total.sum += n;
		total.min = n < total.min ? n : total.min;
		total.max = n > total.max ? n : total.max;
	}
	free(values);
	*ret = total;
	return 0;
}
