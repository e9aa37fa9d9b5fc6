/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* helpers_lock.c: bpf_spin_lock() and bpf_spin_unlock().
 *
 * States       run->locked_map: NULL -> the map [helper_spin_lock] -> NULL [helper_spin_unlock, or
 *              spin_lock_drop at the end of any run]
 * Locks        the one in a value (map/value.h). A program holds at most one and calls nothing else
 *              meanwhile, so no other lock is taken under it.
 * If a process dies    holding it: map/value.c
 */
#include "base/error.h"
#include "map/value.h"
#include "vm/helpers.h"

#include <errno.h>

static struct value_shape shape_of(const struct bpfmap *map)
{
	return (struct value_shape){map->spec.value_size, map->spec.spin_lock_plus1};
}

/* The map in one of whose values a spin lock lies at addr, or NULL. *ret_value: that value. */
static struct bpfmap *map_with_lock_at(const struct vm_prog *prog, uint64_t addr, void **ret_value)
{
	for (uint32_t i = 0; i < prog->map_cnt; i++) {
		struct bpfmap *map = prog->maps[i].map;
		uint32_t lock_plus1 = map->spec.spin_lock_plus1;
		void *value = (void *)(uintptr_t)(addr + 1 - lock_plus1);

		if (lock_plus1 && map->ops->is_value(map, value, map->spec.value_size)) {
			*ret_value = value;
			return map;
		}
	}
	return NULL;
}

static uint64_t fault(struct vm_run *run, int err, const char *why)
{
	vm_fault(run, err, "%s", why);
	return 0;
}

uint64_t helper_spin_lock(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4,
			  uint64_t r5)
{
	void *value = NULL;
	struct bpfmap *map = map_with_lock_at(run->prog, r1, &value);
	struct value_shape shape;
	int err;

	if (!map)
		return fault(run, EINVAL,
			     "argument 1 of bpf_spin_lock() is not the bpf_spin_lock in a value of "
			     "a map of this program");
	shape = shape_of(map);
	err = value_lock(map->region, value, &shape);
	if (err)
		return fault(run, -err, error_sentence());
	run->locked_map = map;
	run->locked_value = value;
	return 0;
}

uint64_t helper_spin_unlock(struct vm_run *run, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4,
			    uint64_t r5)
{
	void *value = NULL;
	const struct bpfmap *map = map_with_lock_at(run->prog, r1, &value);

	if (!run->locked_map)
		return fault(run, EINVAL, "bpf_spin_unlock() without a bpf_spin_lock() before it");
	if (map != run->locked_map || value != run->locked_value)
		return fault(run, EINVAL,
			     "bpf_spin_unlock() of another lock than the one that is held");
	spin_lock_drop(run);
	return 0;
}

void spin_lock_drop(struct vm_run *run)
{
	struct value_shape shape;

	if (!run->locked_map)
		return;
	shape = shape_of(run->locked_map);
	value_unlock(run->locked_value, &shape);
	run->locked_map = NULL;
}
