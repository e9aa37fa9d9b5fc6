/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* helpers.c: the helper table, and the check of arguments that all helpers share.
 *
 * The kernel's verifier proves at load that a helper gets what it expects. Here every argument is
 * compared with its kind at each call, and a mismatch ends the run with a sentence.
 */
#include "vm/helpers.h"

#include "base/error.h"

#include <errno.h>
#include <stdio.h>

#define PT_XDP	   1
#define PT_CLS	   2
#define PT_FILTER  4
#define PT_SYSCALL 8
#define ALL	   (PT_XDP | PT_CLS | PT_FILTER | PT_SYSCALL)

/* Larger than any buffer that exists here; keeps sums of address and size from wrapping. */
#define MAX_SIZE (1u << 29)

static const struct vm_helper helpers[] = {
#define HELPER(id, name, prog_types, on_map, a1, a2, a3, a4, a5)            \
	{id,                                                                \
	 prog_types,                                                        \
	 ON_MAP_##on_map,                                                   \
	 {VM_ARG_##a1, VM_ARG_##a2, VM_ARG_##a3, VM_ARG_##a4, VM_ARG_##a5}, \
	 #name,                                                             \
	 helper_##name},
#include "vm/helpers.def"
#undef HELPER
};

static const char *const kernel_names[] = {
#define KERNEL_NAME(name) #name
	__BPF_FUNC_MAPPER(KERNEL_NAME)
#undef KERNEL_NAME
};

const struct vm_helper *helper_find(int32_t id)
{
	for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++)
		if (helpers[i].id == id)
			return &helpers[i];
	return NULL;
}

const char *helper_kernel_name(int32_t id)
{
	if (id <= 0 || (size_t)id >= sizeof(kernel_names) / sizeof(kernel_names[0]))
		return NULL;
	return kernel_names[id];
}

static const struct {
	uint32_t type;
	uint8_t bit;
	const char *word;
} prog_types[] = {
	{BPF_PROG_TYPE_XDP, PT_XDP, "xdp"},
	{BPF_PROG_TYPE_SCHED_CLS, PT_CLS, "sched_cls"},
	{BPF_PROG_TYPE_SOCKET_FILTER, PT_FILTER, "socket_filter"},
	{BPF_PROG_TYPE_SYSCALL, PT_SYSCALL, "syscall"},
};

#define PROG_TYPES (sizeof(prog_types) / sizeof(prog_types[0]))

uint8_t helper_type_bit(uint32_t prog_type)
{
	for (size_t i = 0; i < PROG_TYPES; i++)
		if (prog_types[i].type == prog_type)
			return prog_types[i].bit;
	return 0;
}

const char *helper_type_words(const struct vm_helper *helper, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < PROG_TYPES && len < size; i++)
		if (helper->prog_types & prog_types[i].bit)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "",
						prog_types[i].word);
	return buf;
}

enum {
	TAKES_KEY = 1,
	TAKES_VALUE = 2,
	WRITES = 4,
};

static const uint8_t on_map_uses[ON_MAP_COUNT] = {
	[ON_MAP_LOOKUP] = TAKES_KEY,
	[ON_MAP_LOOKUP_CPU] = TAKES_KEY,
	[ON_MAP_UPDATE] = TAKES_KEY | TAKES_VALUE | WRITES,
	[ON_MAP_DELETE] = TAKES_KEY | WRITES,
	[ON_MAP_PUSH] = TAKES_VALUE | WRITES,
	[ON_MAP_POP] = TAKES_VALUE | WRITES,
	[ON_MAP_PEEK] = TAKES_VALUE,
};

static bool type_has(const struct map_ops *ops, uint8_t on_map)
{
	switch (on_map) {
	case ON_MAP_LOOKUP: return ops->lookup;
	case ON_MAP_LOOKUP_CPU: return ops->lookup_cpu;
	case ON_MAP_UPDATE: return ops->update;
	case ON_MAP_DELETE: return ops->delete_elem;
	case ON_MAP_PUSH: return ops->push;
	case ON_MAP_POP: return ops->pop;
	case ON_MAP_PEEK: return ops->peek;
	case ON_MAP_EACH: return ops->lookup && (ops->read_bucket || ops->next_key);
	default: return true;
	}
}

/* In the order of the kernel's verifier: arguments, the map's flags, the type. */
static int refusal_of(uint8_t on_map, const struct bpfmap *map)
{
	uint8_t uses = on_map_uses[on_map];

	if (((uses & TAKES_KEY) && !map->spec.key_size) ||
	    ((uses & TAKES_VALUE) && !map->spec.value_size))
		return EACCES;
	if ((uses & WRITES) && (map->spec.map_flags & BPF_F_RDONLY_PROG))
		return EACCES;
	if (!type_has(map->ops, on_map))
		return on_map == ON_MAP_EACH ? E524 : EINVAL;
	if ((uses & WRITES) && map->region && map->region->readonly)
		return EPERM;
	return 0;
}

uint32_t helper_map_takes(const struct bpfmap *map)
{
	uint32_t takes = 0;

	for (uint8_t on_map = 0; on_map < ON_MAP_COUNT; on_map++)
		takes |= (uint32_t)!refusal_of(on_map, map) << on_map;
	return takes;
}

int helper_check_map(const struct vm_helper *helper, const struct bpfmap *map)
{
	const char *word = map_type_word(map->spec.type);
	int err = refusal_of(helper->on_map, map);

	if (!err)
		return 0;
	if (err == EPERM)
		return fail(
			err,
			"bpf_%s() writes to a map that was opened read-only; open it for writing",
			helper->name);
	if (map->spec.map_flags & BPF_F_RDONLY_PROG && err == EACCES)
		return fail(err,
			    "bpf_%s() writes to a map that is read-only for programs; create it "
			    "without BPF_F_RDONLY_PROG",
			    helper->name);
	return fail(err, "bpf_%s() is not possible on a map of type %s", helper->name,
		    word ? word : "unknown");
}

static bool bad_argument(struct vm_run *run, const struct vm_helper *helper, int arg,
			 const char *what)
{
	vm_fault(run, EINVAL, "argument %d of bpf_%s() is not %s", arg + 1, helper->name, what);
	return false;
}

static bool check_map(struct vm_run *run, const struct vm_helper *helper, uint64_t value)
{
	const struct vm_map *ref = prog_map_ref(run->prog, value);

	if (!ref)
		return bad_argument(run, helper, 0, "a map of this program");
	if (ref->takes >> helper->on_map & 1)
		return true;
	vm_fault(run, -helper_check_map(helper, ref->map), "%s", error_sentence());
	return false;
}

static bool check_memory(struct vm_run *run, uint64_t addr, uint64_t bytes, uint32_t how)
{
	return !bytes || memory_access(run, addr, bytes, how);
}

/* A pointer argument whose size is the next one. */
static bool check_sized(struct vm_run *run, const struct vm_helper *helper, int arg,
			const uint64_t args[5], uint32_t how)
{
	if (args[arg + 1] > MAX_SIZE)
		return bad_argument(run, helper, arg + 1, "a size that any memory here has");
	return check_memory(run, args[arg], args[arg + 1], how);
}

static bool check_string(struct vm_run *run, uint64_t addr)
{
	const char *at;

	do {
		at = memory_access(run, addr++, 1, VM_READ);
	} while (at && *at);
	return at;
}

static bool check_arg(struct vm_run *run, const struct vm_helper *helper, int arg,
		      const uint64_t args[5])
{
	const struct vm_map *ref = (const struct vm_map *)(uintptr_t)args[0];
	uint64_t value = args[arg];

	switch (helper->args[arg]) {
	case VM_ARG_MAP: return check_map(run, helper, value);
	case VM_ARG_KEY: return check_memory(run, value, ref->map->spec.key_size, VM_READ);
	case VM_ARG_VALUE: return check_memory(run, value, ref->map->spec.value_size, VM_READ);
	case VM_ARG_VALUE_OUT: return check_memory(run, value, ref->map->spec.value_size, VM_WRITE);
	case VM_ARG_VALUE_PEEK:
		return check_memory(run, value, ref->map->spec.value_size,
				    ref->map->ops->pop ? VM_WRITE : VM_READ);
	case VM_ARG_MEM:
	case VM_ARG_MEM_OR_NULL: return check_sized(run, helper, arg, args, VM_READ);
	case VM_ARG_MEM_OUT:
	case VM_ARG_MEM_OUT_OR_NULL: return check_sized(run, helper, arg, args, VM_WRITE);
	case VM_ARG_SIZE: return value || bad_argument(run, helper, arg, "a size of at least 1");
	case VM_ARG_STR: return check_string(run, value);
	case VM_ARG_CTX:
		return value == run->ctx || bad_argument(run, helper, arg, "the program's context");
	case VM_ARG_FUNC:
		return prog_func_ref(run->prog, value) ||
		       bad_argument(run, helper, arg, "a function of this program");
	default: return true;
	}
}

uint64_t helper_call(struct vm_run *run, const struct vm_helper *helper, const uint64_t args[5])
{
	if (__builtin_expect(run->locked_map != NULL, 0) && helper->fn != helper_spin_unlock) {
		vm_fault(run, EINVAL,
			 "bpf_%s() while holding a bpf_spin_lock, where only bpf_spin_unlock() may "
			 "be called",
			 helper->name);
		return 0;
	}
	for (int arg = 0; arg < 5 && helper->args[arg] != VM_ARG_NONE; arg++)
		if (!check_arg(run, helper, arg, args))
			return 0;
	return helper->fn(run, args[0], args[1], args[2], args[3], args[4]);
}
