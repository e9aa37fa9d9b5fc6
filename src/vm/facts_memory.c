/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* facts_memory.c: where accesses go, and what they change in the state.
 *
 * Proved is an access that the checks of memory.c, context.c and interp.c would let through for
 * every address that the base register can hold. One that is not proved may still succeed, and go
 * anywhere: then all slots of this frame and of the callers' are forgotten.
 */
#include "vm/facts_prove.h"

#define FRAME_BYTES ((int64_t)VM_STACK_FRAME)
#define FAR	    ((int64_t)1 << 40) /* sums of offsets within that do not wrap */

static const struct target unknown_target = {.place = VM_PLACE_UNKNOWN};

/* Of a map's value, [lo, hi) with the right to do it and away from the spin lock. */
static bool value_holds(const struct bpfmap *map, int64_t lo, int64_t hi, uint32_t how)
{
	int64_t lock = (int64_t)map->spec.spin_lock_plus1 - 1;

	if (lo < 0 || hi > (int64_t)map->spec.value_size || (memory_map_may(map) & how) != how)
		return false;
	return lock < 0 || hi <= lock || lo >= lock + (int64_t)sizeof(struct bpf_spin_lock);
}

/* The same for whichever of the maps it is. */
static bool values_hold(const struct prover *p, const struct value *base, int64_t lo, int64_t hi,
			uint32_t how)
{
	if (base->maybe_null)
		return false;
	for (uint32_t i = 0; i < p->prog->map_cnt; i++)
		if (base->maps >> i & 1 && !value_holds(p->prog->maps[i].map, lo, hi, how))
			return false;
	return true;
}

static bool is_aligned(const struct access *a)
{
	uint64_t low = a->align ? a->align - 1 : 0;
	uint64_t off = a->base->n.value + (uint64_t)a->base->off + (uint64_t)a->off;

	return !(a->base->n.mask & low) && !(off & low);
}

static bool is_allowed(const struct prover *p, const struct access *a, int64_t lo, int64_t hi)
{
	const struct value *base = a->base;
	enum ctx_kind kind;

	switch (base->kind) {
	case VALUE_STACK: return lo >= -FRAME_BYTES && hi <= 0;
	case VALUE_PACKET:
	case VALUE_META:
		return !a->align && lo >= 0 &&
		       base->off + a->off + (int64_t)a->bytes <= base->range;
	case VALUE_VALUE: return values_hold(p, base, lo, hi, a->how);
	case VALUE_KEY:
		return !a->align && a->how == VM_READ && lo >= 0 &&
		       hi <= (int64_t)p->prog->maps[base->index].map->spec.key_size;
	case VALUE_CTX:
		return !a->align && lo >= 0 &&
		       ctx_allows(p->prog->prog_type, (uint64_t)lo, (uint32_t)a->bytes, a->how,
				  &kind);
	default: return false;
	}
}

static enum vm_place place_of(uint8_t kind)
{
	switch (kind) {
	case VALUE_STACK: return VM_PLACE_STACK;
	case VALUE_PACKET:
	case VALUE_META: return VM_PLACE_PACKET;
	case VALUE_VALUE: return VM_PLACE_VALUE;
	case VALUE_KEY: return VM_PLACE_MEMORY;
	default: return VM_PLACE_CONTEXT;
	}
}

struct target access_target(const struct prover *p, const struct access *access)
{
	const struct value *base = access->base;
	struct target t = {.level = base->index, .exact = number_is_const(&base->n)};

	if (base->kind == VALUE_NUMBER || base->n.smin < -FAR || base->n.smax > FAR ||
	    access->bytes > (uint64_t)FAR || !is_aligned(access))
		return unknown_target;
	t.lo = base->n.smin + base->off + access->off;
	t.hi = base->n.smax + base->off + access->off + (int64_t)access->bytes;
	if (!is_allowed(p, access, t.lo, t.hi))
		return unknown_target;
	t.place = place_of(base->kind);
	return t;
}

/* ---- the stack ---- */

static bool extent_add(struct extent *extent, int64_t lo, int64_t hi)
{
	struct extent was = *extent;

	if (lo < extent->lo || extent->lo == extent->hi)
		extent->lo = (int16_t)lo;
	if (hi > extent->hi || was.lo == was.hi)
		extent->hi = (int16_t)hi;
	return was.lo != extent->lo || was.hi != extent->hi;
}

static bool extents_add_all(struct extent *extents)
{
	bool grown = false;

	for (uint32_t level = 1; level < VM_MAX_FRAMES; level++)
		grown |= extent_add(&extents[level], -FRAME_BYTES, 0);
	return grown;
}

static void note_unwritten(struct step *s, int64_t lo, int64_t hi)
{
	int64_t first = state_unwritten(s->state, lo, hi);

	if (first < hi && first < s->sub->clear)
		s->sub->clear = (int16_t)first;
}

void access_read(struct step *s, const struct target *target)
{
	struct effect *effect = &s->sub->effect;

	if (target->place == VM_PLACE_UNKNOWN)
		s->p->reads_any = 1;
	if (target->place != VM_PLACE_STACK)
		return;
	if (!target->level)
		note_unwritten(s, target->lo, target->hi);
	else if (extent_add(&effect->reads[target->level], target->lo, target->hi))
		prover_effect_grown(s->p, s->sub);
}

void access_written(struct step *s, const struct target *target)
{
	struct effect *effect = &s->sub->effect;
	bool grown = false;

	if (target->place == VM_PLACE_UNKNOWN) {
		state_forget_stack(s->state, -FRAME_BYTES, 0);
		grown = extents_add_all(effect->writes);
	} else if (target->place == VM_PLACE_STACK && !target->level) {
		state_forget_stack(s->state, target->lo, target->hi);
	} else if (target->place == VM_PLACE_STACK) {
		grown = extent_add(&effect->writes[target->level], target->lo, target->hi);
	}
	if (grown)
		prover_effect_grown(s->p, s->sub);
}

/* ---- instructions ---- */

static struct target insn_target(struct step *s, uint32_t base, uint32_t how, bool atomic)
{
	uint32_t bytes = insn_access_bytes(vm_insn_rows[s->insn->op].code);
	struct access access = {
		.base = &s->state->at[base],
		.off = s->insn->off,
		.bytes = bytes,
		.how = how,
		.align = atomic ? bytes : 0,
	};
	struct target t = access_target(s->p, &access);

	/* Addresses that an atomic must not have are refused, not only found out of place. */
	if (atomic && t.place != VM_PLACE_STACK && t.place != VM_PLACE_VALUE)
		t = unknown_target;
	s->fact->place = (uint8_t)t.place;
	s->fact->in_frame = t.place == VM_PLACE_STACK && !t.level && t.exact;
	s->fact->at = s->fact->in_frame || t.place == VM_PLACE_CONTEXT ? (int32_t)t.lo : 0;
	return t;
}

static bool is_whole_slot(const struct target *t)
{
	return t->place == VM_PLACE_STACK && !t->level && t->exact && !(t->lo & 7) &&
	       t->hi - t->lo == 8;
}

static bool is_sign_extending(uint16_t op)
{
	return op == VM_OP_LDSX_B || op == VM_OP_LDSX_H || op == VM_OP_LDSX_W;
}

static struct value loaded_number(const struct vm_insn *insn)
{
	unsigned int bits = 8 * insn_access_bytes(vm_insn_rows[insn->op].code);

	if (is_sign_extending(insn->op))
		return value_number(
			number_between_signed(-(1ll << (bits - 1)), (1ll << (bits - 1)) - 1));
	return value_number(number_between(0, UINT64_MAX >> (64 - bits)));
}

/* An address that nobody has checked yet may be that of a context field that gives a whole
 * pointer. */
static struct value unchecked_load(const struct vm_insn *insn)
{
	return insn->op == VM_OP_LDX_W ? value_any() : loaded_number(insn);
}

static struct value loaded_field(const struct step *s, const struct target *t)
{
	enum ctx_kind kind = CTX_VALUE;

	ctx_allows(s->p->prog->prog_type, (uint64_t)t->lo, (uint32_t)(t->hi - t->lo), VM_READ,
		   &kind);
	if (kind == CTX_VALUE || is_sign_extending(s->insn->op))
		return loaded_number(s->insn);
	switch (kind) {
	case CTX_DATA: return value_pointer(VALUE_PACKET, 0, 0);
	case CTX_DATA_META: return value_pointer(VALUE_META, 0, 0);
	default: return value_pointer(VALUE_END, 0, 0);
	}
}

void step_load(struct step *s)
{
	struct target t = insn_target(s, s->insn->src, VM_READ, false);

	access_read(s, &t);
	if (is_whole_slot(&t))
		step_copy(s->state, s->insn->dst, slot_place(t.lo));
	else if (t.place == VM_PLACE_CONTEXT)
		s->state->at[s->insn->dst] = loaded_field(s, &t);
	else if (t.place == VM_PLACE_UNKNOWN)
		s->state->at[s->insn->dst] = unchecked_load(s->insn);
	else
		s->state->at[s->insn->dst] = loaded_number(s->insn);
}

void step_store(struct step *s)
{
	struct target t = insn_target(s, s->insn->dst, VM_WRITE, false);

	access_written(s, &t);
	if (t.place != VM_PLACE_STACK || t.level || !t.exact)
		return;
	state_write_bytes(s->state, t.lo, t.hi);
	if (!is_whole_slot(&t))
		return;
	if (vm_insn_rows[s->insn->op].class == VM_CLASS_ST)
		s->state->at[slot_place(t.lo)] = value_number(number_const((uint64_t)s->insn->imm));
	else
		step_copy(s->state, slot_place(t.lo), s->insn->src);
}

void step_atomic(struct step *s)
{
	struct target t = insn_target(s, s->insn->dst, VM_READ | VM_WRITE, true);

	access_read(s, &t);
	access_written(s, &t);
	if (s->insn->imm == BPF_CMPXCHG)
		s->state->at[0] = loaded_number(s->insn);
	else if (s->insn->imm & BPF_FETCH)
		s->state->at[s->insn->src] = loaded_number(s->insn);
}

void step_acquire(struct step *s)
{
	struct target t = insn_target(s, s->insn->src, VM_READ, true);

	access_read(s, &t);
	s->state->at[s->insn->dst] = loaded_number(s->insn);
}

void step_release(struct step *s)
{
	struct target t = insn_target(s, s->insn->dst, VM_WRITE, true);

	access_written(s, &t);
	if (t.place == VM_PLACE_STACK && !t.level && t.exact)
		state_write_bytes(s->state, t.lo, t.hi);
}
