/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* foreign.c: the helpers as plain functions, for virtual machines that are not ours
 * (<bpfmap/helpers.h>).
 *
 * They know no run: whoever calls has checked pointers. What can be known from the map alone is
 * checked here: a type that lacks the operation, a map that programs may not write. Behaviour is
 * that of helpers_map.c.
 */
#include "bpfmap/helpers.h"

#include "base/error.h"
#include "map/count.h"
#include "sync/vcpu.h"
#include "vm/helpers.h"

#include <errno.h>
#include <string.h>

static struct bpfmap *map_of(uint64_t value)
{
	return (struct bpfmap *)(uintptr_t)value;
}

static void *pointer(uint64_t value)
{
	return (void *)(uintptr_t)value;
}

static uint64_t address(const void *at)
{
	return (uint64_t)(uintptr_t)at;
}

static uint64_t result(int err)
{
	return (uint64_t)(int64_t)err;
}

/* The kernel's verifier asks the same of the map's flags. */
static bool may_write(const struct bpfmap *map)
{
	return !(map->spec.map_flags & BPF_F_RDONLY_PROG) &&
	       !(map->region && map->region->readonly);
}

int bpfmap_helper_check(int32_t id, const struct bpfmap *map)
{
	const struct vm_helper *helper = helper_find(id);
	int err;

	if (!helper)
		return fail(EINVAL,
			    "there is no helper %d here; bpfmap_helpers() lists those that are",
			    id);
	err = helper_check_map(helper, map);
	if (!err && map->spec.spin_lock_plus1 && helper->on_map != ON_MAP_NOTHING)
		err = fail(ENOTSUP, "the map's values hold a bpf_spin_lock, which another virtual "
				    "machine cannot "
				    "take; use a map without one");
	return err;
}

int bpfmap_value_access(const struct bpfmap *map, const void *addr, size_t len)
{
	if (!map->ops->is_value || map->spec.spin_lock_plus1 || !map->ops->is_value(map, addr, len))
		return 0;
	if (!may_write(map))
		return BPFMAP_ACCESS_READ;
	return map->spec.map_flags & BPF_F_WRONLY_PROG ? BPFMAP_ACCESS_WRITE
						       : BPFMAP_ACCESS_READ | BPFMAP_ACCESS_WRITE;
}

int bpfmap_helpers_enter(struct bpfmap *const *maps, uint32_t n)
{
	struct vcpus *cpus[VM_MAX_MAPS];

	if (n > VM_MAX_MAPS)
		return fail(E2BIG, "a program has at most %u maps, not %u", VM_MAX_MAPS, n);
	return vcpu_enter(cpus, map_cpus_in_order(maps, n, cpus));
}

void bpfmap_helpers_leave(struct bpfmap *const *maps, uint32_t n)
{
	struct vcpus *cpus[VM_MAX_MAPS];

	if (n <= VM_MAX_MAPS)
		vcpu_leave(cpus, map_cpus_in_order(maps, n, cpus));
}

uint64_t bpfmap_helper_map_lookup_elem(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4,
				       uint64_t r5)
{
	return address(map_of(r1)->head.lookup(map_of(r1), pointer(r2)));
}

uint64_t bpfmap_helper_map_update_elem(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4,
				       uint64_t r5)
{
	struct bpfmap *map = map_of(r1);

	if (__builtin_expect(!map->ops->update || !may_write(map), 0))
		return result(bpfmap_helper_check(BPF_FUNC_map_update_elem, map));
	return result(map_update(map, pointer(r2), pointer(r3), r4));
}

uint64_t bpfmap_helper_map_delete_elem(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4,
				       uint64_t r5)
{
	struct bpfmap *map = map_of(r1);

	if (__builtin_expect(!map->ops->delete_elem || !may_write(map), 0))
		return result(bpfmap_helper_check(BPF_FUNC_map_delete_elem, map));
	return result(map_delete(map, pointer(r2)));
}

uint64_t bpfmap_helper_map_push_elem(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4,
				     uint64_t r5)
{
	struct bpfmap *map = map_of(r1);

	if (__builtin_expect(!map->ops->push || !may_write(map), 0))
		return result(bpfmap_helper_check(BPF_FUNC_map_push_elem, map));
	return result(map_push(map, pointer(r2), r3));
}

/* An empty queue or stack gives zeroes. */
static uint64_t taken(struct bpfmap *map, uint64_t value, int err)
{
	if (err == -ENOENT)
		memset(pointer(value), 0, map->spec.value_size);
	return result(err);
}

uint64_t bpfmap_helper_map_pop_elem(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5)
{
	struct bpfmap *map = map_of(r1);

	if (__builtin_expect(!map->ops->pop || !may_write(map), 0))
		return result(bpfmap_helper_check(BPF_FUNC_map_pop_elem, map));
	return taken(map, r2, map_pop(map, pointer(r2)));
}

uint64_t bpfmap_helper_map_peek_elem(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4,
				     uint64_t r5)
{
	struct bpfmap *map = map_of(r1);
	int err;

	if (__builtin_expect(!map->ops->peek, 0))
		return result(bpfmap_helper_check(BPF_FUNC_map_peek_elem, map));
	err = map->ops->peek(map, pointer(r2));
	/* A Bloom filter's value is input. */
	return map->ops->pop ? taken(map, r2, err) : result(err);
}

uint64_t bpfmap_helper_map_lookup_percpu_elem(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4,
					      uint64_t r5)
{
	struct bpfmap *map = map_of(r1);

	return map->ops->lookup_cpu ? address(map->ops->lookup_cpu(map, pointer(r2), (uint32_t)r3))
				    : 0;
}

/* Keys are copies, so that the callback may delete; it gets the live value. */
uint64_t bpfmap_helper_for_each_map_elem(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4,
					 uint64_t r5)
{
	bpfmap_helper_fn *callback = (bpfmap_helper_fn *)(uintptr_t)r2;
	struct bpfmap *map = map_of(r1);
	struct bpfmap_iter *iter;
	const void *key, *copy;
	uint64_t visited = 0;
	int more = bpfmap_helper_check(BPF_FUNC_for_each_map_elem, map);

	if (more || r4)
		return result(more ? more : -EINVAL);
	more = bpfmap_iter_new(map, &iter);
	if (more)
		return result(more);
	while ((more = bpfmap_iter_next(iter, &key, &copy)) > 0) {
		void *value = map->head.lookup(map, key);

		if (!value)
			continue;
		visited++;
		if (callback(r1, address(key), address(value), r3, 0))
			break;
	}
	bpfmap_iter_free(iter);
	return more < 0 ? result(more) : visited;
}

/* Helpers that look at no run. */
#define WITHOUT_RUN(name)                                                                 \
	uint64_t bpfmap_helper_##name(uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, \
				      uint64_t r5)                                        \
	{                                                                                 \
		return helper_##name(NULL, r1, r2, r3, r4, r5);                           \
	}

WITHOUT_RUN(get_smp_processor_id)
WITHOUT_RUN(get_prandom_u32)
WITHOUT_RUN(ktime_get_ns)
WITHOUT_RUN(ktime_get_boot_ns)
WITHOUT_RUN(ktime_get_coarse_ns)
WITHOUT_RUN(ktime_get_tai_ns)

#define ROW(name)                                            \
	{                                                    \
		BPF_FUNC_##name, #name, bpfmap_helper_##name \
	}

static const struct bpfmap_helper table[] = {
	ROW(map_lookup_elem),	     ROW(map_update_elem),     ROW(map_delete_elem),
	ROW(ktime_get_ns),	     ROW(get_prandom_u32),     ROW(get_smp_processor_id),
	ROW(map_push_elem),	     ROW(map_pop_elem),	       ROW(map_peek_elem),
	ROW(ktime_get_boot_ns),	     ROW(ktime_get_coarse_ns), ROW(for_each_map_elem),
	ROW(map_lookup_percpu_elem), ROW(ktime_get_tai_ns),
};

const struct bpfmap_helper *bpfmap_helpers(uint32_t *ret_count)
{
	*ret_count = sizeof(table) / sizeof(table[0]);
	return table;
}
