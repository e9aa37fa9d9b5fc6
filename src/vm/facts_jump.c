/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* facts_jump.c: what a conditional jump tells on its two sides.
 *
 *   numbers             bounds and bits of both operands and of whatever is known to be the same
 *   a value or NULL     compared with 0, in full width: all copies are 0, or none is
 *   packet pointers     compared with the packet's end, or metadata with the packet's start: how
 *                       many bytes lie between, for all pointers with the same variable part
 *
 * Addresses are taken for what they are, unsigned 64-bit numbers: an offset beyond 2^40 might wrap,
 * so nothing is concluded from it.
 */
#include "vm/facts_prove.h"

#define DISTANCE_MAX ((int64_t)1 << 40)
#define PACKET_MAX   ((int64_t)1 << 33) /* metadata and packet, each less than 2^32 bytes */

struct condition {
	enum number_compare compare;
	bool is64;
	uint32_t a; /* places */
	uint32_t b; /* only with by_reg */
	bool by_reg;
	struct value k; /* the second operand otherwise */
};

#define COMPARE(ID)            \
	case VM_OP_##ID##64_K: \
	case VM_OP_##ID##64_X: \
	case VM_OP_##ID##32_K: \
	case VM_OP_##ID##32_X:

static enum number_compare compare_of(uint16_t op)
{
	switch (op) {
		COMPARE(JEQ) return COMPARE_EQ;
		COMPARE(JNE) return COMPARE_NE;
		COMPARE(JGT) return COMPARE_GT;
		COMPARE(JGE) return COMPARE_GE;
		COMPARE(JLT) return COMPARE_LT;
		COMPARE(JLE) return COMPARE_LE;
		COMPARE(JSGT) return COMPARE_SGT;
		COMPARE(JSGE) return COMPARE_SGE;
		COMPARE(JSLT) return COMPARE_SLT;
		COMPARE(JSLE) return COMPARE_SLE;
	default: return COMPARE_SET;
	}
}

static struct condition condition_of(const struct vm_insn *insn)
{
	uint8_t code = vm_insn_rows[insn->op].code;

	return (struct condition){
		.compare = compare_of(insn->op),
		.is64 = BPF_CLASS(code) == BPF_JMP,
		.a = insn->dst,
		.b = insn->src,
		.by_reg = BPF_SRC(code) == BPF_X,
		.k = value_number(number_const((uint64_t)insn->imm)),
	};
}

/* ---- numbers ---- */

static void number_learned(struct state *state, uint32_t place, const struct number *n)
{
	uint32_t id = state->at[place].id;

	state->at[place].n = *n;
	for (uint32_t i = 0; i < PLACES && id; i++)
		if (state->at[i].kind == VALUE_NUMBER && state->at[i].id == id)
			state->at[i].n = *n;
}

static bool assume_numbers(struct state *state, const struct condition *c, const struct value *b)
{
	struct number x = state->at[c->a].n, y = b->n;

	if (!(c->is64 ? number_assume(c->compare, &x, &y) : number_assume32(c->compare, &x, &y)))
		return false;
	number_learned(state, c->a, &x);
	if (c->by_reg)
		number_learned(state, c->b, &y);
	return true;
}

/* ---- NULL ---- */

static void null_learned(struct state *state, uint32_t id, bool is_null)
{
	for (uint32_t i = 0; i < PLACES; i++) {
		struct value *v = &state->at[i];

		if (v->kind != VALUE_VALUE || !v->maybe_null || v->id != id)
			continue;
		if (is_null)
			*v = value_number(number_const(0));
		v->maybe_null = 0;
		v->id = 0;
	}
}

static bool is_null(const struct value *v)
{
	return v->kind == VALUE_NUMBER && number_is_const(&v->n) && !v->n.value;
}

static void assume_null(struct state *state, const struct condition *c, const struct value *a,
			const struct value *b)
{
	const struct value *v = is_null(b) ? a : b;

	if (c->compare != COMPARE_EQ && c->compare != COMPARE_NE)
		return;
	if (v->kind == VALUE_VALUE && v->maybe_null && (is_null(a) || is_null(b)))
		null_learned(state, v->id, c->compare == COMPARE_EQ);
}

/* ---- the packet ---- */

/* The packet's end is at least v + more. */
static void packet_learned(struct state *state, struct value v, int64_t more)
{
	struct number room = number_between_signed(INT64_MIN, PACKET_MAX - v.off - more);
	struct number met;

	if (v.n.smin < -DISTANCE_MAX || v.n.smax > DISTANCE_MAX)
		return;
	for (uint32_t i = 0; i < PLACES; i++) {
		struct value *other = &state->at[i];

		if (other->kind != v.kind || other->id != v.id)
			continue;
		if (other->range < v.off + more)
			other->range = v.off + more;
		met = other->n;
		if (other->id && number_meet(&met, &room))
			other->n = met;
	}
}

static bool is_start(const struct value *v)
{
	return v->kind == VALUE_PACKET && !v->id && !v->off;
}

/* a <= b, or a < b. */
static void packet_order(struct state *state, const struct value *a, const struct value *b,
			 bool strict)
{
	bool to_end = b->kind == VALUE_END && (a->kind == VALUE_PACKET || a->kind == VALUE_META);
	bool to_start = is_start(b) && a->kind == VALUE_META;

	if (to_end || to_start)
		packet_learned(state, *a, strict);
}

static void assume_packet(struct state *state, const struct condition *c, const struct value *a,
			  const struct value *b)
{
	switch (c->compare) {
	case COMPARE_LE: packet_order(state, a, b, false); break;
	case COMPARE_LT: packet_order(state, a, b, true); break;
	case COMPARE_GE: packet_order(state, b, a, false); break;
	case COMPARE_GT: packet_order(state, b, a, true); break;
	default: break;
	}
}

/* False: the condition is never true here. */
static bool assume(struct state *state, const struct condition *c)
{
	struct value a = state->at[c->a];
	struct value b = c->by_reg ? state->at[c->b] : c->k;

	if (c->by_reg && c->a == c->b)
		return true;
	if (a.kind == VALUE_NUMBER && b.kind == VALUE_NUMBER)
		return assume_numbers(state, c, &b);
	if (!c->is64)
		return true;
	assume_null(state, c, &a, &b);
	assume_packet(state, c, &a, &b);
	return true;
}

int step_jump(const struct step *s, struct state *fall, struct state *take)
{
	struct condition c = condition_of(s->insn);
	int can = 0;

	*take = *s->state;
	*fall = *s->state;
	if (assume(take, &c))
		can |= JUMP_CAN_TAKE;
	c.compare = compare_not(c.compare);
	if (assume(fall, &c))
		can |= JUMP_CAN_FALL;
	return can;
}
