/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* facts_alu.c: arithmetic. Addresses survive being copied and having numbers added or subtracted in
 * 64 bits; whatever else is done to one gives a number of which nothing is known. */
#include "vm/facts_prove.h"

#define OFF_MAX (1 << 29) /* constant parts beyond that become variable, so that sums never wrap */

static bool has_variable_part(uint8_t kind)
{
	return kind == VALUE_STACK || kind == VALUE_PACKET || kind == VALUE_META ||
	       kind == VALUE_VALUE || kind == VALUE_KEY;
}

static bool is_small(int64_t off)
{
	return off > -OFF_MAX && off < OFF_MAX;
}

void step_copy(struct state *state, uint32_t dst, uint32_t src)
{
	struct value *from = &state->at[src];

	if (from->kind == VALUE_NUMBER && !from->id && !number_is_const(&from->n))
		from->id = state_new_id(state);
	state->at[dst] = *from;
}

/* The packet's end is at least base + n + range; of a larger variable part it is n + by that
 * counts. */
static void packet_add_variable(struct state *state, struct value *v, const struct number *by)
{
	bool bounded = is_small(by->smax) && v->range != RANGE_NONE;

	v->range = bounded ? v->range - by->smax : RANGE_NONE;
	v->id = state_new_id(state);
}

/* v + by, or v - by. */
static struct value pointer_add(struct state *state, const struct value *v, struct number by,
				enum number_op op)
{
	struct value sum = *v;
	struct number zero = number_const(0);

	if (op == NUMBER_SUB)
		by = number_apply(NUMBER_SUB, &zero, &by);
	if (v->maybe_null || (!has_variable_part(v->kind) && v->kind != VALUE_CTX))
		return value_any();
	if (number_is_const(&by) && is_small(by.smin) && is_small(v->off + by.smin)) {
		sum.off = (int32_t)(v->off + by.smin);
		return sum;
	}
	if (v->kind == VALUE_CTX)
		return value_any();
	sum.n = number_apply(NUMBER_ADD, &v->n, &by);
	if (v->kind == VALUE_PACKET || v->kind == VALUE_META)
		packet_add_variable(state, &sum, &by);
	return sum;
}

static struct value add(struct state *state, const struct value *a, const struct value *b,
			enum number_op op)
{
	if (a->kind == VALUE_NUMBER && b->kind == VALUE_NUMBER)
		return value_number(number_apply(op, &a->n, &b->n));
	if (b->kind == VALUE_NUMBER)
		return pointer_add(state, a, b->n, op);
	if (a->kind == VALUE_NUMBER && op == NUMBER_ADD)
		return pointer_add(state, b, a->n, op);
	return value_any();
}

/* What an operand is if it is taken for a number. */
static struct number as_number(const struct value *v)
{
	return v->kind == VALUE_NUMBER ? v->n : number_any();
}

static void note_divisor(struct step *s, const struct number *divisor, bool is64)
{
	struct number low = number_low32(divisor);

	s->fact->nonzero = is64 ? divisor->umin > 0 : low.umin > 0;
}

static void binary(struct step *s, enum number_op op)
{
	struct value *dst = &s->state->at[s->insn->dst];
	uint8_t code = vm_insn_rows[s->insn->op].code;
	bool is64 = BPF_CLASS(code) == BPF_ALU64, by_reg = BPF_SRC(code) == BPF_X;
	struct value operand = by_reg ? s->state->at[s->insn->src]
				      : value_number(number_const((uint64_t)s->insn->imm));
	struct number a = as_number(dst), b = as_number(&operand);

	if (by_reg &&
	    (op == NUMBER_DIV || op == NUMBER_SDIV || op == NUMBER_MOD || op == NUMBER_SMOD))
		note_divisor(s, &b, is64);
	if (!is64)
		*dst = value_number(number_apply32(op, &a, &b));
	else if (op == NUMBER_ADD || op == NUMBER_SUB)
		*dst = add(s->state, dst, &operand, op);
	else
		*dst = value_number(number_apply(op, &a, &b));
}

/* Copies of a word whose high half is 0 anyway stay copies. */
static void move32(struct step *s)
{
	struct value *src = &s->state->at[s->insn->src];
	struct number n = as_number(src);

	if (src->kind == VALUE_NUMBER && src->n.umax <= UINT32_MAX)
		step_copy(s->state, s->insn->dst, s->insn->src);
	else
		s->state->at[s->insn->dst] = value_number(number_low32(&n));
}

static void sign_extend(struct step *s, int bits, bool is64)
{
	struct value *src = &s->state->at[s->insn->src];
	struct number n = as_number(src);

	n = number_sign_extend(&n, bits);
	s->state->at[s->insn->dst] = value_number(is64 ? n : number_low32(&n));
}

static void negate(struct step *s, bool is64)
{
	struct value *dst = &s->state->at[s->insn->dst];
	struct number zero = number_const(0), n = as_number(dst);

	*dst = value_number(is64 ? number_apply(NUMBER_SUB, &zero, &n)
				 : number_apply32(NUMBER_SUB, &zero, &n));
}

/* Bytes are swapped or not, depending on the machine; the width is certain. */
static void swap(struct step *s, int bits)
{
	s->state->at[s->insn->dst] =
		value_number(number_between(0, UINT64_MAX >> (64 - (unsigned int)bits)));
}

static void move_immediate(struct step *s, bool is64)
{
	uint64_t imm = (uint64_t)s->insn->imm;

	s->state->at[s->insn->dst] = value_number(number_const(is64 ? imm : (uint32_t)imm));
}

#define BINARY(ID)             \
	case VM_OP_##ID##64_K: \
	case VM_OP_##ID##64_X: \
	case VM_OP_##ID##32_K: \
	case VM_OP_##ID##32_X: binary(s, NUMBER_##ID); break;

void step_alu(struct step *s)
{
	switch (s->insn->op) {
		BINARY(ADD)
		BINARY(SUB)
		BINARY(MUL)
		BINARY(DIV)
		BINARY(SDIV)
		BINARY(MOD)
		BINARY(SMOD)
		BINARY(OR)
		BINARY(AND)
		BINARY(XOR)
		BINARY(LSH)
		BINARY(RSH)
		BINARY(ARSH)
	case VM_OP_MOV64_K: move_immediate(s, true); break;
	case VM_OP_MOV32_K: move_immediate(s, false); break;
	case VM_OP_MOV64_X: step_copy(s->state, s->insn->dst, s->insn->src); break;
	case VM_OP_MOV32_X: move32(s); break;
	case VM_OP_MOVSX64_8: sign_extend(s, 8, true); break;
	case VM_OP_MOVSX64_16: sign_extend(s, 16, true); break;
	case VM_OP_MOVSX64_32: sign_extend(s, 32, true); break;
	case VM_OP_MOVSX32_8: sign_extend(s, 8, false); break;
	case VM_OP_MOVSX32_16: sign_extend(s, 16, false); break;
	case VM_OP_NEG64: negate(s, true); break;
	case VM_OP_NEG32: negate(s, false); break;
	case VM_OP_LE16:
	case VM_OP_BE16:
	case VM_OP_BSWAP16: swap(s, 16); break;
	case VM_OP_LE32:
	case VM_OP_BE32:
	case VM_OP_BSWAP32: swap(s, 32); break;
	default: s->state->at[s->insn->dst] = value_any(); break;
	}
}

/* Global data: the address in the only value of an array. */
static struct value global_data(const struct prover *p, uint64_t addr)
{
	for (uint32_t i = 0; i < p->prog->map_cnt; i++) {
		const struct vm_map *ref = &p->prog->maps[i];

		if (ref->direct && addr - ref->direct < ref->map->spec.value_size)
			return value_of_map(i, (int32_t)(addr - ref->direct));
	}
	return value_any();
}

void step_imm64(struct step *s)
{
	struct value *dst = &s->state->at[s->insn->dst];
	const struct vm_map *ref;

	*dst = value_number(number_const((uint64_t)s->insn->imm));
	switch (s->insn->src) {
	case BPF_PSEUDO_MAP_FD:
	case BPF_PSEUDO_MAP_IDX:
		ref = prog_map_ref(s->p->prog, (uint64_t)s->insn->imm);
		*dst = value_pointer(VALUE_MAP, (uint32_t)(ref - s->p->prog->maps), 0);
		break;
	case BPF_PSEUDO_MAP_VALUE:
	case BPF_PSEUDO_MAP_IDX_VALUE: *dst = global_data(s->p, (uint64_t)s->insn->imm); break;
	case BPF_PSEUDO_FUNC:
		*dst = value_pointer(VALUE_FUNC, 0, (int32_t)s->at + 1 + s->insn->off);
		break;
	default: break;
	}
}
