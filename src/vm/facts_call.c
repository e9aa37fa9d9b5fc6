/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* facts_call.c: what calls need, change and give back.
 *
 * Helpers     each argument by its kind in helpers.def, as helpers.c checks it. A helper that
 *             traits_of() does not know may do everything.
 * Callbacks   are entered with what the helper promises. Afterwards holds what holds if they never
 *             ran, less what they may do (struct effect).
 * Calls       are entered with R1 to R5; what is known there is joined over all calls. Addresses in
 *             the caller's frame stay addresses, one level further up. A callee's own frame ends
 *             with it, so addresses in it are numbers afterwards.
 *
 * A function reference that is not a constant could be that of any subprogram, even of one that the
 * program never names: then all of them may run, with anything in their registers.
 */
#include "vm/facts_prove.h"
#include "vm/helpers.h"

#define ARG_COUNT   5
#define SIZE_MAX_OK (1u << 29) /* helpers.c refuses larger sizes of memory */
#define LOOPS_MAX   (1u << 23) /* bpf_loop() does not run more often */

enum trait {
	TRAIT_GIVES_VALUE = 1,	/* of the map in R1, or NULL */
	TRAIT_MOVES_PACKET = 2, /* its ends */
	TRAIT_READS_ANY = 4,	/* strings wherever its arguments point to */
	TRAIT_GIVES_U32 = 8,
	TRAIT_GIVES_U16 = 16,
	TRAIT_UNKNOWN = 32,
};

static uint32_t traits_of(int32_t id)
{
	switch (id) {
	case BPF_FUNC_map_lookup_elem:
	case BPF_FUNC_map_lookup_percpu_elem: return TRAIT_GIVES_VALUE;
	case BPF_FUNC_xdp_adjust_head:
	case BPF_FUNC_xdp_adjust_meta:
	case BPF_FUNC_xdp_adjust_tail: return TRAIT_MOVES_PACKET;
	case BPF_FUNC_trace_printk:
	case BPF_FUNC_trace_vprintk:
	case BPF_FUNC_snprintf: return TRAIT_READS_ANY;
	case BPF_FUNC_get_prandom_u32:
	case BPF_FUNC_get_smp_processor_id:
	case BPF_FUNC_xdp_get_buff_len: return TRAIT_GIVES_U32;
	case BPF_FUNC_csum_diff: return TRAIT_GIVES_U16;
	case BPF_FUNC_map_update_elem:
	case BPF_FUNC_map_delete_elem:
	case BPF_FUNC_map_push_elem:
	case BPF_FUNC_map_pop_elem:
	case BPF_FUNC_map_peek_elem:
	case BPF_FUNC_ktime_get_ns:
	case BPF_FUNC_ktime_get_boot_ns:
	case BPF_FUNC_ktime_get_coarse_ns:
	case BPF_FUNC_ktime_get_tai_ns:
	case BPF_FUNC_skb_store_bytes:
	case BPF_FUNC_skb_load_bytes:
	case BPF_FUNC_skb_load_bytes_relative:
	case BPF_FUNC_l3_csum_replace:
	case BPF_FUNC_l4_csum_replace:
	case BPF_FUNC_xdp_load_bytes:
	case BPF_FUNC_xdp_store_bytes:
	case BPF_FUNC_spin_lock:
	case BPF_FUNC_spin_unlock:
	case BPF_FUNC_for_each_map_elem:
	case BPF_FUNC_loop: return 0;
	default: return TRAIT_UNKNOWN;
	}
}

/* A call and its arguments as they were before it. */
struct call {
	struct step *s;
	const struct vm_helper *helper;
	struct value args[ARG_COUNT];
	const struct bpfmap *map; /* NULL: not certain */
	uint32_t map_index;
	uint8_t sure; /* bits */
};

/* ---- effects ---- */

static void move_packet(struct step *s)
{
	state_forget_packet(s->state);
	if (s->sub->effect.moves_packet)
		return;
	s->sub->effect.moves_packet = 1;
	prover_effect_grown(s->p, s->sub);
}

static struct target frame_target(uint32_t level, struct extent extent)
{
	return (struct target){
		.place = VM_PLACE_STACK, .level = level, .lo = extent.lo, .hi = extent.hi};
}

/* Of a subprogram that ran in the next frame. */
static void apply_effect(struct step *s, const struct effect *effect)
{
	for (uint32_t level = 1; level < VM_MAX_FRAMES; level++) {
		struct target reads = frame_target(level - 1, effect->reads[level]);
		struct target writes = frame_target(level - 1, effect->writes[level]);

		if (reads.lo != reads.hi)
			access_read(s, &reads);
		if (writes.lo != writes.hi)
			access_written(s, &writes);
	}
	if (effect->moves_packet)
		move_packet(s);
}

static void apply_any_effect(struct step *s)
{
	const struct target anywhere = {.place = VM_PLACE_UNKNOWN};

	access_read(s, &anywhere);
	access_written(s, &anywhere);
	move_packet(s);
}

/* ---- entering subprograms ---- */

/* A packet pointer that a callback gets may be old when it runs again. */
static struct value argument_for(const struct value *v, bool callback)
{
	struct value arg = *v;

	if (callback && (v->kind == VALUE_PACKET || v->kind == VALUE_META || v->kind == VALUE_END))
		return value_any();
	if (v->kind != VALUE_STACK)
		return arg;
	if (v->index + 1u == VM_MAX_FRAMES)
		return value_any();
	arg.index++;
	return arg;
}

static void enter(struct step *s, uint32_t start, const struct value args[ARG_COUNT], bool callback)
{
	struct state *entry = &s->p->work[WORK_CALLEE];

	state_clear(entry);
	for (uint32_t i = 0; i < ARG_COUNT; i++)
		entry->at[1 + i] = argument_for(&args[i], callback);
	entry->next_id = s->state->next_id;
	prover_flow(s->p, start, entry);
}

static void enter_any(struct step *s)
{
	struct value args[ARG_COUNT];

	for (uint32_t i = 0; i < ARG_COUNT; i++)
		args[i] = value_any();
	s->p->calls_any = 1;
	for (uint32_t i = 0; i < s->p->sub_count; i++)
		enter(s, s->p->subs[i].start, args, true);
	apply_any_effect(s);
}

/* bpf_loop(count, callback, ctx): callback(index, ctx) */
static bool loop_arguments(const struct call *call, struct value args[ARG_COUNT])
{
	struct number count = call->args[0].n;
	uint64_t most = LOOPS_MAX;

	if (call->args[0].kind == VALUE_NUMBER) {
		count = number_low32(&count);
		most = count.umax < most ? count.umax : most;
	}
	if (!most)
		return false;
	args[0] = value_number(number_between(0, most - 1));
	args[1] = call->args[2];
	return true;
}

/* bpf_for_each_map_elem(map, callback, ctx, 0): callback(map, key, value, ctx) */
static bool each_arguments(const struct call *call, struct value args[ARG_COUNT])
{
	if (call->map) {
		args[0] = value_pointer(VALUE_MAP, call->map_index, 0);
		args[1] = value_pointer(VALUE_KEY, call->map_index, 0);
		args[2] = value_of_map(call->map_index, 0);
	}
	args[3] = call->args[2];
	return true;
}

static void run_callback(struct call *call, const struct value *func)
{
	struct step *s = call->s;
	struct value args[ARG_COUNT];
	bool runs = false;

	for (uint32_t i = 0; i < ARG_COUNT; i++)
		args[i] = value_any();
	if (func->kind != VALUE_FUNC ||
	    (call->helper->id != BPF_FUNC_loop && call->helper->id != BPF_FUNC_for_each_map_elem)) {
		enter_any(s);
		return;
	}
	s->fact->func_plus1 = (uint32_t)func->off + 1;
	if (call->helper->id == BPF_FUNC_loop)
		runs = loop_arguments(call, args);
	else
		runs = each_arguments(call, args);
	if (!runs)
		return;
	enter(s, (uint32_t)func->off, args, true);
	apply_effect(s, &prover_subprog(s->p, (uint32_t)func->off)->effect);
}

/* ---- arguments ---- */

/* Argument arg points to memory of so many bytes, at most. True: certainly. */
static bool argument_memory(struct call *call, uint32_t arg, uint64_t bytes, uint32_t how)
{
	struct access access = {.base = &call->args[arg], .bytes = bytes, .how = how};
	struct target t = {.place = VM_PLACE_UNKNOWN};

	if (!bytes)
		return true;
	if (bytes <= SIZE_MAX_OK)
		t = access_target(call->s->p, &access);
	if (t.place == VM_PLACE_CONTEXT)
		t.place = VM_PLACE_UNKNOWN;
	if (how & VM_READ)
		access_read(call->s, &t);
	if (how & VM_WRITE)
		access_written(call->s, &t);
	return t.place != VM_PLACE_UNKNOWN;
}

static bool argument_sized(struct call *call, uint32_t arg, uint32_t how)
{
	const struct value *size = &call->args[arg + 1];

	return argument_memory(call, arg, size->kind == VALUE_NUMBER ? size->n.umax : UINT64_MAX,
			       how);
}

static bool argument_element(struct call *call, uint32_t arg, bool is_key, uint32_t how)
{
	uint64_t bytes = UINT64_MAX;

	if (call->map)
		bytes = is_key ? call->map->spec.key_size : call->map->spec.value_size;
	return argument_memory(call, arg, bytes, how);
}

static bool argument_map(struct call *call)
{
	const struct value *v = &call->args[0];
	const struct vm_map *ref = &call->s->p->prog->maps[v->index];

	if (v->kind != VALUE_MAP || !(ref->takes >> call->helper->on_map & 1))
		return false;
	call->map = ref->map;
	call->map_index = v->index;
	call->s->fact->map_plus1 = (uint8_t)(v->index + 1);
	return true;
}

/* NULL: it may be any map. */
static uint32_t peek_access(const struct bpfmap *map)
{
	if (!map)
		return VM_READ | VM_WRITE;
	return map->ops->pop ? VM_WRITE : VM_READ;
}

static bool argument_sure(struct call *call, uint32_t arg)
{
	const struct value *v = &call->args[arg];

	switch (call->helper->args[arg]) {
	case VM_ARG_NONE:
	case VM_ARG_ANY:
	case VM_ARG_LOCK:
	case VM_ARG_SIZE0: return true;
	case VM_ARG_SIZE: return v->kind == VALUE_NUMBER && v->n.umin > 0;
	case VM_ARG_MAP: return argument_map(call);
	case VM_ARG_KEY: return argument_element(call, arg, true, VM_READ);
	case VM_ARG_VALUE: return argument_element(call, arg, false, VM_READ);
	case VM_ARG_VALUE_OUT: return argument_element(call, arg, false, VM_WRITE);
	case VM_ARG_VALUE_PEEK: return argument_element(call, arg, false, peek_access(call->map));
	case VM_ARG_MEM:
	case VM_ARG_MEM_OR_NULL: return argument_sized(call, arg, VM_READ);
	case VM_ARG_MEM_OUT:
	case VM_ARG_MEM_OUT_OR_NULL: return argument_sized(call, arg, VM_WRITE);
	case VM_ARG_CTX: return v->kind == VALUE_CTX && !v->off;
	case VM_ARG_FUNC: return v->kind == VALUE_FUNC;
	/* A string may lie in memory that others change, so where it ends is seen when it is
	 * read. */
	default: access_read(call->s, &(struct target){.place = VM_PLACE_UNKNOWN}); return false;
	}
}

/* ---- results ---- */

static struct value helper_result(const struct call *call, uint32_t traits)
{
	struct value v;

	if (traits & TRAIT_GIVES_U32)
		return value_number(number_between(0, UINT32_MAX));
	if (traits & TRAIT_GIVES_U16)
		return value_number(number_between(0, UINT16_MAX));
	if (!(traits & TRAIT_GIVES_VALUE) || !call->map)
		return value_any();
	v = value_of_map(call->map_index, 0);
	v.maybe_null = 1;
	v.id = state_new_id(call->s->state);
	return v;
}

static void after_call(struct step *s, struct value result)
{
	s->state->at[0] = result;
	for (uint32_t reg = 1; reg <= ARG_COUNT; reg++)
		s->state->at[reg] = value_any();
}

void step_helper(struct step *s)
{
	struct call call = {.s = s, .helper = (const struct vm_helper *)(uintptr_t)s->insn->imm};
	uint32_t traits = traits_of(call.helper->id);

	for (uint32_t arg = 0; arg < ARG_COUNT; arg++)
		call.args[arg] = s->state->at[1 + arg];
	for (uint32_t arg = 0; arg < ARG_COUNT; arg++)
		call.sure |= (uint8_t)(argument_sure(&call, arg) << arg);
	s->fact->sure_args = call.sure;
	for (uint32_t arg = 0; arg < ARG_COUNT; arg++)
		if (call.helper->args[arg] == VM_ARG_FUNC)
			run_callback(&call, &call.args[arg]);
	if (traits & TRAIT_UNKNOWN)
		apply_any_effect(s);
	if (traits & TRAIT_READS_ANY)
		s->p->reads_any = 1;
	if (traits & TRAIT_MOVES_PACKET)
		move_packet(s);
	after_call(s, helper_result(&call, traits));
}

bool step_call_local(struct step *s)
{
	struct subprog *callee =
		prover_subprog(s->p, (uint32_t)((int64_t)s->at + 1 + s->insn->off));
	struct value result;

	enter(s, callee->start, &s->state->at[1], false);
	/* Also of one that never comes back: what it reads of this frame must be cleared. */
	apply_effect(s, &callee->effect);
	if (!callee->effect.returns)
		return false;
	result = callee->effect.result;
	if (result.id)
		result.id = state_new_id(s->state);
	after_call(s, result);
	return true;
}

void step_packet_load(struct step *s)
{
	unsigned int bits = 8 * insn_access_bytes(vm_insn_rows[s->insn->op].code);
	struct value zero = value_number(number_const(0));

	/* Outside the packet it is an exit. */
	prover_return(s, &zero);
	after_call(s, value_number(number_between(0, UINT64_MAX >> (64 - bits))));
}
