/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* oracle.c: see oracle.h.
 *
 * Two proofs of the same program are compared: the one that users get, for its facts, and one in which
 * every instruction is a block of its own, for the states.
 */
#include "oracle.h"

#include "random_prog.h"

#include "vm/access.h"
#include "vm/atomics.h"
#include "vm/facts_prove.h"
#include "vm/helpers.h"
#include "vm/native.h"

#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JUNK	  0xa5
#define SUBS_MAX  16
#define SPREAD	  1024 /* variable parts that are tried one after another */
#define SIZE_MOST (1u << 29)

struct oracle {
	struct vm_prog *prog;
	struct vm_native native;
	struct vm_facts facts;
	struct vm_facts block_facts;
	struct prover blocks;
	uint32_t starts[SUBS_MAX];
	uint32_t steps_left;
	uint64_t rng;
	uint8_t shadow[VM_MAX_FRAMES * VM_STACK_FRAME]; /* 1: written or cleared */
	uint32_t at;
	char violation[256];
};

/* One instruction of a run. */
struct moment {
	struct oracle *o;
	struct vm_run *run;
	uint64_t *r;
	const struct vm_insn *insn;
	const struct vm_fact *fact;
};

struct oracle_count oracle_count;
static struct oracle *current;

__attribute__((format(printf, 2, 3))) static void violated(struct oracle *o, const char *fmt, ...)
{
	char what[160], text[64];
	va_list ap;

	if (o->violation[0])
		return;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	snprintf(o->violation, sizeof(o->violation), "insn %u, %s: %s", o->at,
		 insn_text(&o->prog->insns[o->at], o->at, text, sizeof(text)), what);
}

/* ---- words and sets ---- */

static bool number_holds(const struct number *n, uint64_t word)
{
	if (word < n->umin || word > n->umax || (int64_t)word < n->smin || (int64_t)word > n->smax)
		return false;
	if ((word & ~n->mask) != n->value)
		return false;
	return !n->stride || word % n->stride == n->rest;
}

static uint64_t frame_top(const struct vm_run *run, uint32_t level)
{
	return run->stack.lo + (uint64_t)(level + 1) * VM_STACK_FRAME;
}

static bool is_value_start(const struct moment *m, uint64_t maps, uint64_t addr)
{
	for (uint32_t i = 0; i < m->o->prog->map_cnt; i++) {
		const struct bpfmap *map = m->o->prog->maps[i].map;

		if (maps >> i & 1 &&
		    map->ops->is_value(map, (const void *)(uintptr_t)addr, map->spec.value_size))
			return true;
	}
	return false;
}

static bool value_holds(const struct moment *m, const struct value *v, uint64_t word)
{
	if (!word && v->maybe_null)
		return true;
	if (v->n.smin < -SPREAD || v->n.smax > SPREAD)
		return true;
	for (int64_t by = v->n.smin; by <= v->n.smax; by++)
		if (number_holds(&v->n, (uint64_t)by) &&
		    is_value_start(m, v->maps, word - (uint64_t)by - (uint64_t)(int64_t)v->off))
			return true;
	return false;
}

static bool key_holds(const struct moment *m, const struct value *v, uint64_t word)
{
	uint64_t start = word - (uint64_t)(int64_t)v->off;

	if (!number_is_const(&v->n))
		return true;
	for (const struct vm_loan *loan = m->run->loans; loan; loan = loan->next)
		if (loan->range.lo == start - v->n.value &&
		    loan->range.bytes == m->o->prog->maps[v->index].map->spec.key_size)
			return true;
	return false;
}

/* The variable part and the packet's end. */
static bool packet_holds(const struct vm_run *run, const struct value *v, uint64_t word)
{
	uint64_t start = v->kind == VALUE_META ? run->packet.lo
					       : (uint64_t)(uintptr_t)run->pkt->buf + run->pkt->off;
	uint64_t end = run->packet.lo + run->packet.bytes;
	uint64_t n = word - start - (uint64_t)(int64_t)v->off;

	if (!number_holds(&v->n, n))
		return false;
	return v->range == RANGE_NONE || (int64_t)(end - start - n) >= v->range;
}

static bool word_is_in(const struct moment *m, const struct value *v, uint64_t word)
{
	const struct vm_run *run = m->run;
	uint64_t off = (uint64_t)(int64_t)v->off;

	switch (v->kind) {
	case VALUE_NUMBER: return number_holds(&v->n, word);
	case VALUE_STACK:
		return v->index <= run->depth &&
		       number_holds(&v->n, word - frame_top(run, v->index) - off);
	case VALUE_PACKET:
	case VALUE_META: return packet_holds(run, v, word);
	case VALUE_END: return word == run->packet.lo + run->packet.bytes;
	case VALUE_MAP: return word == (uint64_t)(uintptr_t)&m->o->prog->maps[v->index];
	case VALUE_VALUE: return value_holds(m, v, word);
	case VALUE_KEY: return key_holds(m, v, word);
	case VALUE_CTX: return word == run->ctx + off;
	case VALUE_FUNC: return word == (uint64_t)(uintptr_t)&m->o->prog->code[v->off];
	default: return false;
	}
}

static bool says_something(const struct value *v)
{
	struct number any = number_any();

	return v->kind != VALUE_NUMBER || v->id || !number_equal(&v->n, &any);
}

/* What all words with one id share, as a word. */
static uint64_t shared_by_id(const struct value *v, uint64_t word)
{
	switch (v->kind) {
	case VALUE_NUMBER: return word;
	case VALUE_VALUE: return word != 0;
	default: return word - (uint64_t)(int64_t)v->off;
	}
}

static uint64_t word_at(const struct moment *m, uint32_t place)
{
	uint64_t word;

	if (place < REG_COUNT)
		return m->r[place];
	memcpy(&word, (const uint8_t *)(uintptr_t)m->run->stack.lo + (place - REG_COUNT) * 8,
	       sizeof(word));
	return word;
}

static void state_check(const struct moment *m, const struct state *state)
{
	uint64_t shared[PLACES + 1];
	uint8_t seen[PLACES + 1] = {0};

	for (uint32_t i = 0; i < PLACES; i++) {
		const struct value *v = &state->at[i];
		uint64_t word = word_at(m, i);

		if (!says_something(v))
			continue;
		oracle_count.words++;
		if (!word_is_in(m, v, word))
			violated(m->o,
				 "place %u holds %#llx, not of kind %u off %d u[%#llx, %#llx]", i,
				 (unsigned long long)word, v->kind, v->off,
				 (unsigned long long)v->n.umin, (unsigned long long)v->n.umax);
		if (!v->id)
			continue;
		word = shared_by_id(v, word);
		if (seen[v->id] && shared[v->id] != word)
			violated(m->o, "place %u: id %u is not the same word", i, v->id);
		seen[v->id] = 1;
		shared[v->id] = word;
	}
	for (uint32_t byte = 0; byte < VM_STACK_FRAME; byte++)
		if (state->written[byte / 64] >> byte % 64 & 1 &&
		    !m->o->shadow[m->run->stack.lo + byte -
				  (uint64_t)(uintptr_t)m->run->frame_memory])
			violated(m->o, "byte %u of the frame is not written", byte);
}

/* ---- accesses ---- */

static bool is_on_stack(const struct vm_run *run, uint64_t addr, uint64_t bytes)
{
	return range_holds(&run->stack, addr, bytes);
}

static uint8_t *shadow_of(const struct moment *m, uint64_t addr)
{
	return &m->o->shadow[addr - (uint64_t)(uintptr_t)m->run->frame_memory];
}

static void shadow_read(const struct moment *m, uint64_t addr, uint64_t bytes)
{
	for (uint64_t i = 0; bytes && is_on_stack(m->run, addr, bytes) && i < bytes; i++)
		if (!shadow_of(m, addr)[i])
			violated(m->o,
				 "reads a byte of the stack that is neither written nor cleared");
}

static void shadow_write(const struct moment *m, uint64_t addr, uint64_t bytes)
{
	if (bytes && is_on_stack(m->run, addr, bytes))
		memset(shadow_of(m, addr), 1, bytes);
}

static bool is_lent(const struct vm_run *run, uint64_t addr, uint64_t bytes)
{
	for (const struct vm_loan *loan = run->loans; loan; loan = loan->next)
		if (range_holds(&loan->range, addr, bytes))
			return true;
	return false;
}

static bool is_in_value(const struct moment *m, uint64_t addr, uint64_t bytes, uint32_t how)
{
	struct vm_run *run = m->run;

	return !is_on_stack(run, addr, 1) && !range_holds(&run->packet, addr, 1) &&
	       !is_lent(run, addr, 1) && !ctx_holds(run, addr) &&
	       memory_probe(run, addr, bytes, how);
}

static bool place_is_true(const struct moment *m, uint64_t addr, uint32_t bytes, uint32_t how)
{
	const struct vm_fact *fact = m->fact;
	struct vm_run *run = m->run;
	enum ctx_kind kind;

	switch (fact->place) {
	case VM_PLACE_STACK:
		if (fact->in_frame &&
		    (addr != m->r[10] + (uint64_t)(int64_t)fact->at ||
		     fact->at < -(int32_t)VM_STACK_FRAME || fact->at + (int32_t)bytes > 0))
			return false;
		return is_on_stack(run, addr, bytes);
	case VM_PLACE_PACKET:
		return range_holds(&run->packet, addr, bytes) && (run->packet.may & how) == how;
	case VM_PLACE_VALUE: return is_in_value(m, addr, bytes, how);
	case VM_PLACE_CONTEXT:
		return addr - run->ctx == (uint64_t)(int64_t)fact->at && ctx_holds(run, addr) &&
		       ctx_allows(run->prog->prog_type, addr - run->ctx, bytes, how, &kind);
	case VM_PLACE_MEMORY: return how == VM_READ && is_lent(run, addr, bytes);
	default: return true;
	}
}

static void access_check(const struct moment *m, uint64_t addr, uint32_t how, bool atomic)
{
	uint32_t bytes = insn_access_bytes(vm_insn_rows[m->insn->op].code);

	if (m->fact->place)
		oracle_count.facts++;
	if (!place_is_true(m, addr, bytes, how) || (m->fact->place && atomic && addr % bytes))
		violated(m->o, "place %u is wrong for %#llx", m->fact->place,
			 (unsigned long long)addr);
	if (how & VM_READ)
		shadow_read(m, addr, bytes);
	if (how & VM_WRITE)
		shadow_write(m, addr, bytes);
}

/* ---- calls of helpers ---- */

static uint64_t argument_bytes(const struct moment *m, const struct vm_helper *helper, int arg,
			       const struct vm_map *ref)
{
	switch (helper->args[arg]) {
	case VM_ARG_KEY: return ref ? ref->map->spec.key_size : 0;
	case VM_ARG_VALUE:
	case VM_ARG_VALUE_OUT:
	case VM_ARG_VALUE_PEEK: return ref ? ref->map->spec.value_size : 0;
	case VM_ARG_MEM:
	case VM_ARG_MEM_OUT:
	case VM_ARG_MEM_OR_NULL:
	case VM_ARG_MEM_OUT_OR_NULL: return m->r[1 + arg + 1];
	default: return 0;
	}
}

static uint32_t argument_how(const struct vm_helper *helper, int arg, const struct vm_map *ref)
{
	switch (helper->args[arg]) {
	case VM_ARG_VALUE_OUT:
	case VM_ARG_MEM_OUT:
	case VM_ARG_MEM_OUT_OR_NULL: return VM_WRITE;
	case VM_ARG_VALUE_PEEK: return ref && !ref->map->ops->pop ? VM_READ : VM_WRITE;
	default: return VM_READ;
	}
}

static bool may_touch(struct vm_run *run, uint64_t addr, uint64_t bytes, uint32_t how)
{
	return is_on_stack(run, addr, bytes) || memory_probe(run, addr, bytes, how);
}

static bool argument_is_true(const struct moment *m, const struct vm_helper *helper, int arg,
			     const struct vm_map *ref)
{
	uint64_t word = m->r[1 + arg], bytes = argument_bytes(m, helper, arg, ref);
	const struct vm_insn *func;

	switch (helper->args[arg]) {
	case VM_ARG_MAP:
		return ref && ref->takes >> helper->on_map & 1 &&
		       m->fact->map_plus1 == ref - m->o->prog->maps + 1;
	case VM_ARG_SIZE: return word != 0;
	case VM_ARG_CTX: return word == m->run->ctx;
	case VM_ARG_FUNC:
		func = prog_func_ref(m->o->prog, word);
		return func && (!m->fact->func_plus1 ||
				m->fact->func_plus1 == (uint32_t)(func - m->o->prog->code) + 1);
	case VM_ARG_STR: return false;
	default:
		return !bytes || (bytes <= SIZE_MOST &&
				  may_touch(m->run, word, bytes, argument_how(helper, arg, ref)));
	}
}

static void helper_check(const struct moment *m, const struct vm_helper *helper, bool after)
{
	const struct vm_map *ref =
		helper->args[0] == VM_ARG_MAP ? prog_map_ref(m->o->prog, m->r[1]) : NULL;

	for (int arg = 0; arg < 5; arg++) {
		uint64_t bytes = argument_bytes(m, helper, arg, ref);
		uint32_t how = argument_how(helper, arg, ref);

		if (bytes > SIZE_MOST)
			bytes = 0;
		if (after && how == VM_WRITE)
			shadow_write(m, m->r[1 + arg], bytes);
		if (after)
			continue;
		if (how == VM_READ)
			shadow_read(m, m->r[1 + arg], bytes);
		if (!(m->fact->sure_args >> arg & 1))
			continue;
		oracle_count.facts += helper->args[arg] != VM_ARG_NONE;
		if (!argument_is_true(m, helper, arg, ref))
			violated(m->o, "argument %d of bpf_%s() is not what was proved", arg + 1,
				 helper->name);
	}
}

static bool do_helper(struct moment *m)
{
	const struct vm_helper *helper = (const struct vm_helper *)(uintptr_t)m->insn->imm;
	uint64_t result;

	helper_check(m, helper, false);
	m->run->budget = 1000000;
	result = helper_call(m->run, helper, &m->r[1]);
	if (m->run->err)
		return false;
	helper_check(m, helper, true);
	if (helper->id == BPF_FUNC_get_prandom_u32)
		result = (uint32_t)random_next(&m->o->rng);
	m->r[0] = result;
	memset(&m->r[1], 0, 5 * sizeof(m->r[0]));
	return true;
}

/* ---- arithmetic ---- */

static uint64_t divide(uint64_t a, uint64_t b, bool is64, bool sign)
{
	if (!b)
		return 0;
	if (!sign)
		return a / b;
	if (is64)
		return b == UINT64_MAX ? -a : (uint64_t)((int64_t)a / (int64_t)b);
	return (int32_t)b == -1 ? -a : (uint64_t)(int64_t)((int32_t)a / (int32_t)b);
}

static uint64_t arithmetic(uint8_t op, int16_t variant, bool is64, uint64_t a, uint64_t b)
{
	unsigned int count = (unsigned int)b & (is64 ? 63 : 31);
	uint64_t quotient;

	switch (op) {
	case BPF_ADD: return a + b;
	case BPF_SUB: return a - b;
	case BPF_MUL: return a * b;
	case BPF_DIV: return divide(a, b, is64, variant);
	case BPF_MOD: quotient = divide(a, b, is64, variant); return b ? a - quotient * b : a;
	case BPF_OR: return a | b;
	case BPF_AND: return a & b;
	case BPF_XOR: return a ^ b;
	case BPF_LSH: return a << count;
	case BPF_RSH: return a >> count;
	case BPF_ARSH:
		return is64 ? (uint64_t)((int64_t)a >> count) : (uint32_t)((int32_t)a >> count);
	default: break;
	}
	switch (variant) {
	case 8: return (uint64_t)(int64_t)(int8_t)b;
	case 16: return (uint64_t)(int64_t)(int16_t)b;
	case 32: return (uint64_t)(int64_t)(int32_t)b;
	default: return b;
	}
}

static void do_alu(struct moment *m)
{
	const struct vm_insn_row *row = &vm_insn_rows[m->insn->op];
	bool is64 = BPF_CLASS(row->code) == BPF_ALU64;
	uint64_t a = m->r[m->insn->dst];
	uint64_t b = row->class == VM_CLASS_ALU_X ? m->r[m->insn->src] : (uint64_t)m->insn->imm;

	if (!is64) {
		a = (uint32_t)a;
		b = (uint32_t)b;
	}
	if (m->fact->nonzero) {
		oracle_count.facts++;
		if (!b)
			violated(m->o, "the divisor is 0");
	}
	if (row->class == VM_CLASS_NEG)
		a = -a;
	else
		a = arithmetic(BPF_OP(row->code), row->variant, is64, a, b);
	m->r[m->insn->dst] = is64 ? a : (uint32_t)a;
}

static void do_swap(struct moment *m)
{
	const struct vm_insn_row *row = &vm_insn_rows[m->insn->op];
	uint32_t own = __BYTE_ORDER == __BIG_ENDIAN ? BPF_TO_BE : BPF_TO_LE;
	bool swaps = BPF_CLASS(row->code) == BPF_ALU64 || BPF_SRC(row->code) != own;
	uint64_t *dst = &m->r[m->insn->dst];

	switch (row->variant) {
	case 16: *dst = swaps ? __builtin_bswap16((uint16_t)*dst) : (uint16_t)*dst; break;
	case 32: *dst = swaps ? __builtin_bswap32((uint32_t)*dst) : (uint32_t)*dst; break;
	default: *dst = swaps ? __builtin_bswap64(*dst) : *dst; break;
	}
}

static bool jump_taken(const struct moment *m)
{
	const struct vm_insn_row *row = &vm_insn_rows[m->insn->op];
	uint64_t a = m->r[m->insn->dst];
	uint64_t b = row->class == VM_CLASS_JMP_X ? m->r[m->insn->src] : (uint64_t)m->insn->imm;
	bool is64 = BPF_CLASS(row->code) == BPF_JMP;
	int64_t sa = is64 ? (int64_t)a : (int32_t)a, sb = is64 ? (int64_t)b : (int32_t)b;

	if (!is64) {
		a = (uint32_t)a;
		b = (uint32_t)b;
	}
	switch (BPF_OP(row->code)) {
	case BPF_JEQ: return a == b;
	case BPF_JNE: return a != b;
	case BPF_JGT: return a > b;
	case BPF_JGE: return a >= b;
	case BPF_JLT: return a < b;
	case BPF_JLE: return a <= b;
	case BPF_JSET: return a & b;
	case BPF_JSGT: return sa > sb;
	case BPF_JSGE: return sa >= sb;
	case BPF_JSLT: return sa < sb;
	default: return sa <= sb;
	}
}

/* ---- memory ---- */

/* As the interpreter: what is inline there, then the rest. */
static bool load(struct vm_run *run, uint64_t addr, uint32_t bytes, uint64_t *ret_word)
{
	const void *from = memory_inline(run, addr, bytes, VM_READ);

	*ret_word = 0;
	if (!from)
		return access_load(run, addr, bytes, ret_word);
	memcpy(register_low(ret_word, bytes), from, bytes);
	return true;
}

static bool store(struct vm_run *run, uint64_t addr, uint32_t bytes, uint64_t word)
{
	void *to = memory_inline(run, addr, bytes, VM_WRITE);

	if (!to)
		return access_store(run, addr, bytes, word);
	memcpy(to, register_low(&word, bytes), bytes);
	return true;
}

static bool do_load(struct moment *m)
{
	uint32_t bytes = insn_access_bytes(vm_insn_rows[m->insn->op].code);
	uint64_t addr = m->r[m->insn->src] + (uint64_t)(int64_t)m->insn->off;
	uint64_t word;

	access_check(m, addr, VM_READ, false);
	if (!load(m->run, addr, bytes, &word))
		return false;
	switch (m->insn->op) {
	case VM_OP_LDSX_B: word = (uint64_t)(int64_t)(int8_t)word; break;
	case VM_OP_LDSX_H: word = (uint64_t)(int64_t)(int16_t)word; break;
	case VM_OP_LDSX_W: word = (uint64_t)(int64_t)(int32_t)word; break;
	default: break;
	}
	m->r[m->insn->dst] = word;
	return true;
}

static bool do_store(struct moment *m)
{
	const struct vm_insn_row *row = &vm_insn_rows[m->insn->op];
	uint64_t addr = m->r[m->insn->dst] + (uint64_t)(int64_t)m->insn->off;
	uint64_t word = row->class == VM_CLASS_ST ? (uint64_t)m->insn->imm : m->r[m->insn->src];

	access_check(m, addr, VM_WRITE, false);
	return store(m->run, addr, insn_access_bytes(row->code), word);
}

static bool do_atomic(struct moment *m)
{
	const struct vm_insn_row *row = &vm_insn_rows[m->insn->op];
	uint32_t bytes = insn_access_bytes(row->code), imm = (uint32_t)m->insn->imm;
	bool acquire = row->class == VM_CLASS_LOAD_ACQ, release = row->class == VM_CLASS_STORE_REL;
	uint32_t how = acquire ? VM_READ : release ? VM_WRITE : VM_READ | VM_WRITE;
	uint64_t addr =
		m->r[acquire ? m->insn->src : m->insn->dst] + (uint64_t)(int64_t)m->insn->off;
	uint64_t src = m->r[m->insn->src], old;
	void *word;

	access_check(m, addr, how, true);
	word = access_atomic(m->run, addr, bytes, how);
	if (!word)
		return false;
	if (acquire) {
		m->r[m->insn->dst] = word_load_acquire(word, bytes);
		return true;
	}
	if (release) {
		word_store_release(word, bytes, src);
		return true;
	}
	old = bytes == 4 ? word_rmw32(word, imm, (uint32_t)src, (uint32_t)m->r[0])
			 : word_rmw64(word, imm, src, m->r[0]);
	if (imm == BPF_CMPXCHG)
		m->r[0] = old;
	else if (imm & BPF_FETCH)
		m->r[m->insn->src] = old;
	return true;
}

/* ---- control ---- */

static void frame_set(struct vm_run *run, uint32_t depth)
{
	uint64_t top = (uint64_t)(uintptr_t)run->frame_memory + sizeof(run->frame_memory);

	run->depth = depth;
	run->stack.lo = top - (uint64_t)(depth + 1) * VM_STACK_FRAME;
	if (run->stack.bytes)
		run->stack.bytes = top - run->stack.lo;
}

static void frame_fill(struct oracle *o, struct vm_run *run, uint32_t start)
{
	uint8_t *frame = (uint8_t *)(uintptr_t)run->stack.lo;
	uint8_t *shadow = o->shadow + (frame - run->frame_memory);
	uint32_t clear = o->facts.clear_bytes[start];

	memset(frame, JUNK, VM_STACK_FRAME);
	memset(shadow, 0, VM_STACK_FRAME);
	memset(frame + VM_STACK_FRAME - clear, 0, clear);
	memset(shadow + VM_STACK_FRAME - clear, 1, clear);
}

static int oracle_exec(struct oracle *o, struct vm_run *run, uint32_t at, uint64_t r[11],
		       uint64_t *ret_r0);

static bool do_call(struct moment *m)
{
	uint32_t start = (uint32_t)((int64_t)m->o->at + 1 + m->insn->off), at = m->o->at;
	struct vm_run *run = m->run;
	uint64_t r[11], result;

	if (run->depth + 1 == VM_MAX_FRAMES) {
		fault_calls_too_deep(run);
		return false;
	}
	memcpy(r, m->r, sizeof(r));
	frame_set(run, run->depth + 1);
	if (oracle_exec(m->o, run, start, r, &result))
		return false;
	frame_set(run, run->depth - 1);
	m->o->at = at;
	m->r[0] = result;
	memset(&m->r[1], 0, 5 * sizeof(m->r[0]));
	return true;
}

/* LD_ABS, LD_IND: as access_packet(). */
static int do_packet(struct moment *m)
{
	const struct vm_insn_row *row = &vm_insn_rows[m->insn->op];
	uint32_t off = (uint32_t)m->insn->imm;
	uint64_t word;
	int result;

	if (row->class == VM_CLASS_IND)
		off += (uint32_t)m->r[m->insn->src];
	result = access_packet(m->run, (int32_t)off, insn_access_bytes(row->code), m->r[6], &word);
	memset(&m->r[1], 0, 5 * sizeof(m->r[0]));
	m->r[0] = word;
	return result;
}

enum outcome { GOES_ON, ENDS, FAILS };

static enum outcome do_insn(struct moment *m, uint32_t *at)
{
	const struct vm_insn *insn = m->insn;
	bool ok = true;
	int result;

	switch (vm_insn_rows[insn->op].class) {
	case VM_CLASS_ALU_K:
	case VM_CLASS_ALU_X:
	case VM_CLASS_NEG: do_alu(m); break;
	case VM_CLASS_END: do_swap(m); break;
	case VM_CLASS_JMP_K:
	case VM_CLASS_JMP_X: *at += jump_taken(m) ? (uint32_t)insn->off : 0; break;
	case VM_CLASS_JA:
	case VM_CLASS_JA32: *at += (uint32_t)insn->off; break;
	case VM_CLASS_IMM64:
		m->r[insn->dst] = (uint64_t)insn->imm;
		*at += 1;
		break;
	case VM_CLASS_CALL: ok = insn->op == VM_OP_CALL ? do_helper(m) : do_call(m); break;
	case VM_CLASS_EXIT: return ENDS;
	case VM_CLASS_ABS:
	case VM_CLASS_IND:
		result = do_packet(m);
		return result < 0 ? FAILS : result ? GOES_ON : ENDS;
	case VM_CLASS_LDX: ok = do_load(m); break;
	case VM_CLASS_ST:
	case VM_CLASS_STX: ok = do_store(m); break;
	default: ok = do_atomic(m); break;
	}
	return ok ? GOES_ON : FAILS;
}

static int oracle_exec(struct oracle *o, struct vm_run *run, uint32_t at, uint64_t r[11],
		       uint64_t *ret_r0)
{
	enum outcome outcome = GOES_ON;

	frame_fill(o, run, at);
	r[10] = run->stack.lo + VM_STACK_FRAME;
	while (outcome == GOES_ON) {
		struct moment m = {o, run, r, &o->prog->code[at], &o->facts.insns[at]};

		o->at = at;
		run->pc = m.insn;
		oracle_count.steps++;
		if (!o->steps_left--) {
			o->steps_left = 0;
			return fault_out_of_budget(run);
		}
		if (!m.fact->reached || !o->blocks.entry[at])
			violated(o, "it is reached");
		else
			state_check(&m, o->blocks.entry[at]);
		if (o->violation[0])
			return vm_fault(run, EIO, "%s", o->violation);
		at++;
		outcome = do_insn(&m, &at);
	}
	if (outcome == FAILS)
		return run->err;
	*ret_r0 = r[0];
	return 0;
}

static int oracle_enter(uint32_t index, struct vm_run *run, const uint64_t args[5],
			uint64_t *ret_r0)
{
	uint64_t r[11] = {0x5a5a5a5a5a5a5a5a,
			  args[0],
			  args[1],
			  args[2],
			  args[3],
			  args[4],
			  0x1122334455667788,
			  3,
			  0xffffffffffffff00,
			  1};
	uint32_t at = current->at;
	int err;

	err = oracle_exec(current, run, current->starts[index], r, ret_r0);
	current->at = at;
	if (!err && run->depth == 0)
		oracle_count.ends++;
	return err;
}

/* An entry does not say which one it is, so there is one for each subprogram. */
#define ENTRY(i)                                                                           \
	static int entry_##i(struct vm_run *run, const uint64_t args[5], uint64_t *ret_r0) \
	{                                                                                  \
		return oracle_enter(i, run, args, ret_r0);                                 \
	}

ENTRY(0)
ENTRY(1)
ENTRY(2)
ENTRY(3)
ENTRY(4)
ENTRY(5)
ENTRY(6)
ENTRY(7)
ENTRY(8)
ENTRY(9)
ENTRY(10)
ENTRY(11)
ENTRY(12)
ENTRY(13)
ENTRY(14)
ENTRY(15)

static vm_native_fn *const entries[SUBS_MAX] = {
	entry_0, entry_1, entry_2,  entry_3,  entry_4,	entry_5,  entry_6,  entry_7,
	entry_8, entry_9, entry_10, entry_11, entry_12, entry_13, entry_14, entry_15,
};

static void keep(struct vm_native *native)
{
	(void)native;
}

/* Every slot where an instruction begins is a block. */
static int blocks_prove(struct oracle *o)
{
	int err = prover_open(&o->blocks, o->prog, &o->block_facts);

	for (uint32_t at = 0; !err && at < o->prog->insn_cnt; at++) {
		o->blocks.block[at] |= BLOCK_START;
		if (o->prog->code[at].op == VM_OP_LD_IMM64)
			at++;
	}
	return err ? err : prover_run(&o->blocks);
}

struct oracle *oracle_open(struct vm_prog *prog)
{
	struct oracle *o = calloc(1, sizeof(*o));
	uint32_t count = 0;

	if (!o)
		return NULL;
	o->prog = prog;
	o->native = (struct vm_native){.free = keep};
	o->native.entries = calloc(prog->insn_cnt, sizeof(*o->native.entries));
	for (uint32_t at = 0; o->native.entries && at < prog->insn_cnt && count <= SUBS_MAX; at++) {
		if (!prog->is_subprog[at])
			continue;
		if (count < SUBS_MAX) {
			o->native.entries[at] = entries[count];
			o->starts[count] = at;
		}
		count++;
	}
	if (!o->native.entries || count > SUBS_MAX || facts_prove(prog, &o->facts) ||
	    blocks_prove(o) || o->blocks.err) {
		oracle_close(o);
		return NULL;
	}
	private_ptr_store_release(&prog->native, &o->native);
	return o;
}

void oracle_close(struct oracle *o)
{
	private_ptr_store_release(&o->prog->native, NULL);
	if (o->blocks.prog)
		prover_close(&o->blocks);
	facts_free(&o->facts);
	facts_free(&o->block_facts);
	free(o->native.entries);
	free(o);
}

void oracle_begin(struct oracle *o, uint32_t steps_max, uint64_t seed)
{
	o->rng = seed;
	current = o;
	o->steps_left = steps_max;
	o->violation[0] = '\0';
	oracle_count.runs++;
}

const char *oracle_violation(const struct oracle *o)
{
	return o->violation[0] ? o->violation : NULL;
}
