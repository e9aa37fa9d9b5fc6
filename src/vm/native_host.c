/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* native_host.c: what compiled code and the compiler call (native.h). Slow paths and failures do
 * what the interpreter does, by the same functions, so that results and sentences are the same.
 */
#include "vm/native.h"

#include "base/error.h"
#include "sync/bytes.h"
#include "sync/vcpu.h"
#include "vm/access.h"
#include "vm/helpers.h"

#include <errno.h>

static void at_slot(struct vm_run *run, uint64_t slot)
{
	run->pc = run->prog->code + slot;
}

static uint64_t host_load(struct vm_run *run, uint64_t slot, uint64_t a, uint64_t b, uint64_t c)
{
	at_slot(run, slot);
	return access_load(run, a, (uint32_t)b, (uint64_t *)(uintptr_t)c) ? 0 : (uint32_t)run->err;
}

static uint64_t host_store(struct vm_run *run, uint64_t slot, uint64_t a, uint64_t b, uint64_t c)
{
	at_slot(run, slot);
	return access_store(run, a, (uint32_t)b, c) ? 0 : (uint32_t)run->err;
}

static uint64_t host_atomic(struct vm_run *run, uint64_t slot, uint64_t a, uint64_t b, uint64_t c)
{
	at_slot(run, slot);
	return (uint64_t)(uintptr_t)access_atomic(run, a, (uint32_t)b, (uint32_t)c);
}

static uint64_t host_packet(struct vm_run *run, uint64_t slot, uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t r0;

	at_slot(run, slot);
	switch (access_packet(run, (int32_t)a, (uint32_t)b, c, &r0)) {
	case 1: return 1ull << 32 | r0;
	case 0: return 0;
	default: return 1ull << 33;
	}
}

static uint64_t host_call(struct vm_run *run, uint64_t slot, uint64_t a, uint64_t b, uint64_t c)
{
	(void)c;
	at_slot(run, slot);
	return helper_call(run, (const struct vm_helper *)(uintptr_t)a,
			   (const uint64_t *)(uintptr_t)b);
}

static uint64_t host_add_value(struct vm_run *run, uint64_t slot, uint64_t a, uint64_t b,
			       uint64_t c)
{
	(void)slot;
	(void)c;
	memory_add_value(run, (const struct vm_map *)(uintptr_t)a, (const void *)(uintptr_t)b);
	return 0;
}

#define ENDS(name)                                                                             \
	static uint64_t host_##name(struct vm_run *run, uint64_t slot, uint64_t a, uint64_t b, \
				    uint64_t c)                                                \
	{                                                                                      \
		(void)a, (void)b, (void)c;                                                     \
		at_slot(run, slot);                                                            \
		return (uint32_t)fault_##name(run);                                            \
	}

ENDS(out_of_budget)
ENDS(calls_too_deep)
ENDS(callbacks_too_deep)

/* run->pc is the exit's already: an entry does not know which exit of its subprogram it was. */
static uint64_t host_exit_locked(struct vm_run *run, uint64_t slot, uint64_t a, uint64_t b,
				 uint64_t c)
{
	(void)slot, (void)a, (void)b, (void)c;
	return (uint32_t)fault_exit_locked(run);
}

static vm_host_fn *const host_functions[VM_HOST_COUNT] = {
	[VM_HOST_LOAD] = host_load,
	[VM_HOST_STORE] = host_store,
	[VM_HOST_ATOMIC] = host_atomic,
	[VM_HOST_PACKET] = host_packet,
	[VM_HOST_CALL] = host_call,
	[VM_HOST_ADD_VALUE] = host_add_value,
	[VM_HOST_OUT_OF_BUDGET] = host_out_of_budget,
	[VM_HOST_CALLS_TOO_DEEP] = host_calls_too_deep,
	[VM_HOST_CALLBACKS_TOO_DEEP] = host_callbacks_too_deep,
	[VM_HOST_EXIT_LOCKED] = host_exit_locked,
};

static uint64_t fn_address(void (*fn)(void))
{
	return (uint64_t)(uintptr_t)fn;
}

static uint64_t plane_of(struct bpfmap *map, uint32_t cpu)
{
	static const uint32_t first;

	return (uint64_t)(uintptr_t)map->ops->lookup_cpu(map, &first, cpu);
}

static bool host_array(const struct bpfmap *map, struct vm_array *ret_array)
{
	struct bpfmap *of = (struct bpfmap *)map; /* looking changes nothing */
	struct vm_array array = {.cpus = map->vcpus ? map->vcpus->count : 1,
				 .max_entries = map->spec.max_entries,
				 .stride = RU8(map->spec.value_size)};
	struct bpfmap_array_view view;

	if (map->spec.type == BPF_MAP_TYPE_PERCPU_ARRAY) {
		array.values = plane_of(of, 0);
		array.plane_stride = array.cpus > 1 ? plane_of(of, 1) - array.values : 0;
	} else if (map->spec.type == BPF_MAP_TYPE_ARRAY && !bpfmap_array_get_view(of, &view)) {
		array.values = (uint64_t)(uintptr_t)view.values;
	} else {
		return false;
	}
	*ret_array = array;
	return true;
}

static uint64_t host_literal(const struct vm_prog *prog, struct vm_literal what)
{
	const struct vm_map *ref = &prog->maps[what.index % VM_MAX_MAPS];
	struct vm_array array;

	switch (what.kind) {
	case VM_LITERAL_HOST: return fn_address((void (*)(void))host_functions[what.index]);
	case VM_LITERAL_HELPER: return (uint64_t)(uintptr_t)helper_find((int32_t)what.index);
	case VM_LITERAL_HELPER_FN:
		return fn_address((void (*)(void))helper_find((int32_t)what.index)->fn);
	case VM_LITERAL_MAP_REF: return (uint64_t)(uintptr_t)ref;
	case VM_LITERAL_MAP: return (uint64_t)(uintptr_t)ref->map;
	case VM_LITERAL_LOOKUP: return fn_address((void (*)(void))ref->map->ops->lookup);
	case VM_LITERAL_VALUES: return host_array(ref->map, &array) ? array.values : 0;
	case VM_LITERAL_DIRECT: return ref->direct;
	case VM_LITERAL_CODE: return (uint64_t)(uintptr_t)&prog->code[what.index];
	default: return 0;
	}
}

const struct vm_jit_host native_host = {
	.literal = host_literal,
	.array = host_array,
	.context = ctx_allows,
	.fail = fail,
};
