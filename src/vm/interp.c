/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* interp.c: the interpreter. Threaded: each operation ends with a jump through the table of labels
 * that insn.def gives, so a new row without a handler does not compile.
 *
 * Registers   r[], local to interp_run(); R10 is the top of the current frame
 * Frames      one piece of memory, growing down; run->stack is the part in use, zeroed on entry
 * Budget      counted when control is transferred: the slots since the last transfer are subtracted.
 *             A run ends at the first transfer after its budget is used up, so a straight piece of
 *             code always completes
 * Failure     handlers set run->pc and call something that records the fault; interp_run() returns
 *             run->err and the frames are abandoned with the run
 * Arithmetic  the instruction set's: wrapping, shifts masked, x / 0 = 0, x % 0 = x, and the one
 *             overflowing signed division wraps. All of it is written with unsigned types
 */
#include "vm/atomics.h"
#include "vm/helpers.h"
#include "vm/native.h"
#include "vm/run.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define SYNC_BUDGET() (run->budget -= insn + 1 - block)

static void frame_open(struct vm_run *run, uint32_t depth)
{
	uint64_t top = (uint64_t)(uintptr_t)run->frame_memory + sizeof(run->frame_memory);

	run->depth = depth;
	run->stack.bytes = (uint64_t)(depth + 1) * VM_STACK_FRAME;
	run->stack.lo = top - run->stack.bytes;
}

static uint64_t frame_enter(struct vm_run *run, uint32_t depth)
{
	frame_open(run, depth);
	memory_clear((void *)(uintptr_t)run->stack.lo, VM_STACK_FRAME);
	return run->stack.lo + VM_STACK_FRAME;
}

static uint64_t sdiv64(uint64_t a, uint64_t b)
{
	if (b == 0)
		return 0;
	return b == UINT64_MAX ? -a : (uint64_t)((int64_t)a / (int64_t)b);
}

static uint64_t smod64(uint64_t a, uint64_t b)
{
	if (b == 0)
		return a;
	return b == UINT64_MAX ? 0 : (uint64_t)((int64_t)a % (int64_t)b);
}

static uint32_t sdiv32(uint32_t a, uint32_t b)
{
	if (b == 0)
		return 0;
	return b == UINT32_MAX ? -a : (uint32_t)((int32_t)a / (int32_t)b);
}

static uint32_t smod32(uint32_t a, uint32_t b)
{
	if (b == 0)
		return a;
	return b == UINT32_MAX ? 0 : (uint32_t)((int32_t)a % (int32_t)b);
}

/* A load of any width that is not the inline case. */
static bool load_slow(struct vm_run *run, uint64_t addr, uint32_t bytes, uint64_t *ret_value)
{
	const void *from;

	*ret_value = 0;
	if (ctx_holds(run, addr))
		return ctx_load(run, addr, bytes, ret_value);
	from = memory_find(run, addr, bytes, VM_READ);
	if (!from)
		return false;
	memcpy(ret_value, from, bytes);
	return true;
}

static bool store_slow(struct vm_run *run, uint64_t addr, uint32_t bytes, uint64_t value)
{
	void *to;

	if (ctx_holds(run, addr))
		return ctx_store(run, addr, bytes, value);
	to = memory_find(run, addr, bytes, VM_WRITE);
	if (!to)
		return false;
	memcpy(to, &value, bytes);
	return true;
}

static void *atomic_word(struct vm_run *run, uint64_t addr, uint32_t bytes, uint32_t how)
{
	if (ctx_holds(run, addr) || range_holds(&run->packet, addr, 1)) {
		vm_fault(run, EACCES, "atomic access to the %s, which is not shared memory",
			 ctx_holds(run, addr) ? "context" : "packet");
		return NULL;
	}
	if (addr % bytes) {
		vm_fault(run, EINVAL,
			 "atomic access of %u bytes at 0x%llx, which is not a multiple of %u",
			 bytes, (unsigned long long)addr, bytes);
		return NULL;
	}
	return memory_access(run, addr, bytes, how);
}

static bool atomic_exec(struct vm_run *run, const struct vm_insn *insn, uint64_t *r, uint32_t bytes)
{
	uint32_t imm = (uint32_t)insn->imm;
	void *word =
		atomic_word(run, r[insn->dst] + (uint64_t)insn->off, bytes, VM_READ | VM_WRITE);
	uint64_t old;

	if (!word)
		return false;
	if (bytes == 4)
		old = word_rmw32(word, imm, (uint32_t)r[insn->src], (uint32_t)r[0]);
	else
		old = word_rmw64(word, imm, r[insn->src], r[0]);
	if (imm == BPF_CMPXCHG)
		r[0] = old;
	else if (imm & BPF_FETCH)
		r[insn->src] = old;
	return true;
}

static bool load_acquire(struct vm_run *run, const struct vm_insn *insn, uint64_t *r,
			 uint32_t bytes)
{
	const void *word = atomic_word(run, r[insn->src] + (uint64_t)insn->off, bytes, VM_READ);

	if (!word)
		return false;
	r[insn->dst] = word_load_acquire(word, bytes);
	return true;
}

static bool store_release(struct vm_run *run, const struct vm_insn *insn, const uint64_t *r,
			  uint32_t bytes)
{
	void *word = atomic_word(run, r[insn->dst] + (uint64_t)insn->off, bytes, VM_WRITE);

	if (!word)
		return false;
	word_store_release(word, bytes, r[insn->src]);
	return true;
}

/* LD_ABS, LD_IND: 1 and R0 set; 0: outside the packet, which ends the (sub)program with R0 = 0;
 * -1: the run has failed. */
static int load_packet(struct vm_run *run, const struct vm_insn *insn, uint64_t *r, int32_t off,
		       uint32_t bytes)
{
	uint8_t raw[4];

	if (run->locked_map) {
		vm_fault(run, EINVAL,
			 "LD_ABS and LD_IND are not possible while holding a bpf_spin_lock");
		return -1;
	}
	if (r[6] != run->ctx) {
		vm_fault(run, EINVAL, "LD_ABS and LD_IND need the context in R6");
		return -1;
	}
	memset(&r[1], 0, 5 * sizeof(r[0]));
	r[0] = 0;
	if (!skb_classic_bytes(run, off, raw, bytes))
		return 0;
	for (uint32_t i = 0; i < bytes; i++)
		r[0] = r[0] << 8 | raw[i];
	return 1;
}

#define DST  r[insn->dst]
#define SRC  r[insn->src]
#define IMM  insn->imm
#define DST4 (uint32_t) DST
#define SRC4 (uint32_t) SRC
#define IMM4 (uint32_t) IMM

#define DISPATCH() goto *labels[insn->op]
#define NEXT()              \
	do {                \
		insn++;     \
		DISPATCH(); \
	} while (0)

/* Leave insn for target; everything up to insn is charged. */
#define TRANSFER(target)                                  \
	do {                                              \
		SYNC_BUDGET();                            \
		insn = (target);                          \
		block = insn;                             \
		if (__builtin_expect(run->budget < 0, 0)) \
			goto out_of_budget;               \
		DISPATCH();                               \
	} while (0)

/* clang-format off */
#define ALU(ID, expr64_k, expr64_x, expr32_k, expr32_x)                                            \
	L_##ID##64_K: DST = (expr64_k); NEXT();                                                    \
	L_##ID##64_X: DST = (expr64_x); NEXT();                                                    \
	L_##ID##32_K: DST = (uint32_t)(expr32_k); NEXT();                                          \
	L_##ID##32_X: DST = (uint32_t)(expr32_x); NEXT();

#define BINARY(ID, sign)                                                                           \
	ALU(ID, DST sign (uint64_t)IMM, DST sign SRC, DST4 sign IMM4, DST4 sign SRC4)

#define DIVIDE(ID, fn) ALU(ID, fn##64(DST, (uint64_t)IMM), fn##64(DST, SRC), \
			   fn##32(DST4, IMM4), fn##32(DST4, SRC4))

#define JUMP_IF(label, cond) label: if (cond) TRANSFER(insn + 1 + insn->off); NEXT();

#define JUMP(ID, sign, t64, t32)                                                                   \
	JUMP_IF(L_##ID##64_K, (t64)DST sign (t64)IMM)                                              \
	JUMP_IF(L_##ID##64_X, (t64)DST sign (t64)SRC)                                              \
	JUMP_IF(L_##ID##32_K, (t32)DST sign (t32)IMM)                                              \
	JUMP_IF(L_##ID##32_X, (t32)DST sign (t32)SRC)

#define LOAD(ID, utype, stype)                                                                     \
	L_##ID: {                                                                                  \
		uint64_t addr = SRC + (uint64_t)(int64_t)insn->off;                                \
		const void *from = memory_inline(run, addr, sizeof(utype), VM_READ);               \
		utype value;                                                                       \
		if (from) {                                                                        \
			memcpy(&value, from, sizeof(value));                                       \
			DST = (uint64_t)(stype)value;                                              \
			NEXT();                                                                    \
		}                                                                                  \
		run->pc = insn;                                                                    \
		if (!load_slow(run, addr, sizeof(utype), &DST))                                    \
			goto failed;                                                               \
		if ((stype)-1 < (stype)1) /* signed; else a context pointer must stay whole */     \
			DST = (uint64_t)(stype)DST;                                                \
		NEXT();                                                                            \
	}

#define STORE(label, type, operand)                                                                \
	label: {                                                                                   \
		uint64_t addr = DST + (uint64_t)(int64_t)insn->off;                                \
		void *to = memory_inline(run, addr, sizeof(type), VM_WRITE);                       \
		type value = (type)(operand);                                                      \
		if (to) {                                                                          \
			memcpy(to, &value, sizeof(value));                                         \
			NEXT();                                                                    \
		}                                                                                  \
		run->pc = insn;                                                                    \
		if (!store_slow(run, addr, sizeof(type), value))                                   \
			goto failed;                                                               \
		NEXT();                                                                            \
	}

#define CHECKED(label, call)                                                                       \
	label: run->pc = insn; if (!(call)) goto failed; NEXT();

#define PACKET(label, off, bytes)                                                                  \
	label:                                                                                     \
	run->pc = insn;                                                                            \
	switch (load_packet(run, insn, r, (int32_t)(off), bytes)) {                                \
	case 1: NEXT();                                                                            \
	case 0: goto L_EXIT;                                                                       \
	default: goto failed;                                                                      \
	}

/* The one flat function: a handler per row of insn.def. */
static int interp_run(struct vm_run *run, const struct vm_insn *entry, const uint64_t args[5],
		      uint64_t *ret_r0)
{
	static const void *const labels[VM_OP_COUNT] = {
#define INSN(ID, code, variant, class, text) [VM_OP_##ID] = &&L_##ID,
#include "vm/insn.def"
#undef INSN
	};
	const struct vm_insn *insn = entry;
	const struct vm_insn *block = entry; /* first instruction that is not charged yet */
	uint32_t base = run->depth;	     /* the frame that the exit to the C caller leaves */
	uint64_t r[11] = {0, args[0], args[1], args[2], args[3], args[4]};

	r[10] = run->stack.lo + VM_STACK_FRAME;
	DISPATCH();

	BINARY(ADD, +)
	BINARY(SUB, -)
	BINARY(MUL, *)
	BINARY(OR, |)
	BINARY(AND, &)
	BINARY(XOR, ^)
	ALU(LSH, DST << (IMM & 63), DST << (SRC & 63), DST4 << (IMM & 31), DST4 << (SRC & 31))
	ALU(RSH, DST >> (IMM & 63), DST >> (SRC & 63), DST4 >> (IMM & 31), DST4 >> (SRC & 31))
	ALU(ARSH, (uint64_t)((int64_t)DST >> (IMM & 63)), (uint64_t)((int64_t)DST >> (SRC & 63)),
	    (int32_t)DST >> (IMM & 31), (int32_t)DST >> (SRC & 31))
	ALU(MOV, (uint64_t)IMM, SRC, IMM4, SRC4)
	ALU(DIV, DST / (uint64_t)IMM, SRC ? DST / SRC : 0,
	    DST4 / IMM4, SRC4 ? DST4 / SRC4 : 0)
	ALU(MOD, DST % (uint64_t)IMM, SRC ? DST % SRC : DST,
	    DST4 % IMM4, SRC4 ? DST4 % SRC4 : DST4)
	DIVIDE(SDIV, sdiv)
	DIVIDE(SMOD, smod)

	L_MOVSX64_8: DST = (uint64_t)(int8_t)SRC; NEXT();
	L_MOVSX64_16: DST = (uint64_t)(int16_t)SRC; NEXT();
	L_MOVSX64_32: DST = (uint64_t)(int32_t)SRC; NEXT();
	L_MOVSX32_8: DST = (uint32_t)(int8_t)SRC; NEXT();
	L_MOVSX32_16: DST = (uint32_t)(int16_t)SRC; NEXT();
	L_NEG64: DST = -DST; NEXT();
	L_NEG32: DST = -DST4; NEXT();
	L_LE16: DST = le16toh((uint16_t)DST); NEXT();
	L_LE32: DST = le32toh(DST4); NEXT();
	L_LE64: DST = le64toh(DST); NEXT();
	L_BE16: DST = be16toh((uint16_t)DST); NEXT();
	L_BE32: DST = be32toh(DST4); NEXT();
	L_BE64: DST = be64toh(DST); NEXT();
	L_BSWAP16: DST = __builtin_bswap16((uint16_t)DST); NEXT();
	L_BSWAP32: DST = __builtin_bswap32(DST4); NEXT();
	L_BSWAP64: DST = __builtin_bswap64(DST); NEXT();

	JUMP(JEQ, ==, uint64_t, uint32_t)
	JUMP(JNE, !=, uint64_t, uint32_t)
	JUMP(JGT, >, uint64_t, uint32_t)
	JUMP(JGE, >=, uint64_t, uint32_t)
	JUMP(JLT, <, uint64_t, uint32_t)
	JUMP(JLE, <=, uint64_t, uint32_t)
	JUMP(JSET, &, uint64_t, uint32_t)
	JUMP(JSGT, >, int64_t, int32_t)
	JUMP(JSGE, >=, int64_t, int32_t)
	JUMP(JSLT, <, int64_t, int32_t)
	JUMP(JSLE, <=, int64_t, int32_t)
	L_JA: L_JA32: TRANSFER(insn + 1 + insn->off);

	L_LD_IMM64: DST = (uint64_t)IMM; insn += 2; DISPATCH();
	LOAD(LDX_B, uint8_t, uint8_t)
	LOAD(LDX_H, uint16_t, uint16_t)
	LOAD(LDX_W, uint32_t, uint32_t)
	LOAD(LDX_DW, uint64_t, uint64_t)
	LOAD(LDSX_B, uint8_t, int8_t)
	LOAD(LDSX_H, uint16_t, int16_t)
	LOAD(LDSX_W, uint32_t, int32_t)
	STORE(L_ST_B, uint8_t, IMM)
	STORE(L_ST_H, uint16_t, IMM)
	STORE(L_ST_W, uint32_t, IMM)
	STORE(L_ST_DW, uint64_t, IMM)
	STORE(L_STX_B, uint8_t, SRC)
	STORE(L_STX_H, uint16_t, SRC)
	STORE(L_STX_W, uint32_t, SRC)
	STORE(L_STX_DW, uint64_t, SRC)

	L_ATOMIC_ADD32: L_ATOMIC_OR32: L_ATOMIC_AND32: L_ATOMIC_XOR32:
	L_ATOMIC_FETCH_ADD32: L_ATOMIC_FETCH_OR32: L_ATOMIC_FETCH_AND32: L_ATOMIC_FETCH_XOR32:
	L_ATOMIC_XCHG32:
	CHECKED(L_ATOMIC_CMPXCHG32, atomic_exec(run, insn, r, 4))
	L_ATOMIC_ADD64: L_ATOMIC_OR64: L_ATOMIC_AND64: L_ATOMIC_XOR64:
	L_ATOMIC_FETCH_ADD64: L_ATOMIC_FETCH_OR64: L_ATOMIC_FETCH_AND64: L_ATOMIC_FETCH_XOR64:
	L_ATOMIC_XCHG64:
	CHECKED(L_ATOMIC_CMPXCHG64, atomic_exec(run, insn, r, 8))
	CHECKED(L_LOAD_ACQ_B, load_acquire(run, insn, r, 1))
	CHECKED(L_LOAD_ACQ_H, load_acquire(run, insn, r, 2))
	CHECKED(L_LOAD_ACQ_W, load_acquire(run, insn, r, 4))
	CHECKED(L_LOAD_ACQ_DW, load_acquire(run, insn, r, 8))
	CHECKED(L_STORE_REL_B, store_release(run, insn, r, 1))
	CHECKED(L_STORE_REL_H, store_release(run, insn, r, 2))
	CHECKED(L_STORE_REL_W, store_release(run, insn, r, 4))
	CHECKED(L_STORE_REL_DW, store_release(run, insn, r, 8))
	PACKET(L_LD_ABS_B, IMM, 1)
	PACKET(L_LD_ABS_H, IMM, 2)
	PACKET(L_LD_ABS_W, IMM, 4)
	PACKET(L_LD_IND_B, (uint32_t)SRC + IMM4, 1)
	PACKET(L_LD_IND_H, (uint32_t)SRC + IMM4, 2)
	PACKET(L_LD_IND_W, (uint32_t)SRC + IMM4, 4)

	L_CALL:
	run->pc = insn;
	SYNC_BUDGET(); /* a callback must see what is left */
	block = insn + 1;
	if (run->budget < 0)
		goto out_of_budget;
	r[0] = helper_call(run, (const struct vm_helper *)(uintptr_t)IMM, &r[1]);
	if (__builtin_expect(run->err, 0))
		goto failed;
	memset(&r[1], 0, 5 * sizeof(r[0]));
	NEXT();

	L_CALL_LOCAL:
	run->pc = insn;
	if (run->depth + 1 == VM_MAX_FRAMES) {
		vm_fault(run, E2BIG, "calls nest more than %u frames deep", VM_MAX_FRAMES);
		goto failed;
	}
	memcpy(run->frames[run->depth + 1].saved, &r[6], sizeof(run->frames[0].saved));
	run->frames[run->depth + 1].ret = insn + 1;
	r[10] = frame_enter(run, run->depth + 1);
	TRANSFER(insn + 1 + insn->off);

	L_EXIT:
	if (run->depth == base) {
		if (__builtin_expect(run->locked_map != NULL, 0))
			goto exit_locked;
		SYNC_BUDGET();
		if (run->budget < 0)
			goto out_of_budget;
		*ret_r0 = r[0];
		return 0;
	}
	memcpy(&r[6], run->frames[run->depth].saved, sizeof(run->frames[0].saved));
	memset(&r[1], 0, 5 * sizeof(r[0]));
	frame_open(run, run->depth - 1);
	r[10] = run->stack.lo + VM_STACK_FRAME;
	TRANSFER(run->frames[run->depth + 1].ret);

exit_locked:
	run->pc = insn;
	vm_fault(run, EINVAL, "exit while holding a bpf_spin_lock; call bpf_spin_unlock() on "
			      "every path");
	goto failed;
out_of_budget:
	run->pc = insn;
	vm_fault(run, ETIMEDOUT, "the budget of %llu instructions is used up: the program does not end, or "
				 "struct vm_env needs a larger insn_budget",
		 (unsigned long long)run->budget_start);
failed:
	return run->err;
}
/* clang-format on */

/* The frame is open. */
static int enter(struct vm_run *run, const struct vm_insn *entry, const uint64_t args[5],
		 uint64_t *ret_r0)
{
	const struct vm_native *native = __atomic_load_n(&run->prog->native, __ATOMIC_ACQUIRE);

	if (native)
		return native->entries[entry - run->prog->code](run, args, ret_r0);
	return interp_run(run, entry, args, ret_r0);
}

int interp_start(struct vm_run *run, const struct vm_insn *entry, const uint64_t args[5],
		 uint64_t *ret_r0)
{
	frame_enter(run, 0);
	return enter(run, entry, args, ret_r0);
}

int interp_callback(struct vm_run *run, const struct vm_insn *entry, const uint64_t args[5],
		    uint64_t *ret_r0)
{
	const struct vm_insn *pc = run->pc;
	int err;

	if (run->depth + 1 == VM_MAX_FRAMES)
		return vm_fault(run, E2BIG, "callbacks nest more than %u frames deep",
				VM_MAX_FRAMES);
	frame_enter(run, run->depth + 1);
	err = enter(run, entry, args, ret_r0);
	if (err)
		return err;
	frame_open(run, run->depth - 1);
	run->pc = pc;
	return 0;
}
