/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* interp.c: the interpreter. Threaded: each step (step.h) holds the address of its handler, and
 * each handler ends with a jump to the next step's. insn.def and step.def name them, so a new row
 * without a handler does not compile. What a step costs: docs/interpreter.md.
 *
 * Registers   r[], local to steps_run(); R10 is the top of the current frame
 * Frames      one piece of memory, growing down; run->stack is the part in use, zeroed on entry. A
 *             program without R10 has none
 * Memory      R10 plus a constant is in the frame, which straight.c has proved. Any other address
 *             is compared with what may be touched: first the window (the packet, or a syscall
 *             program's context), the last value, or the stack, as step.c guesses; then the rest of
 *             run.h's list
 * Budget      `limit` is where the budget would end if the program went straight on: what is left
 *             is limit - step. A jump moves both. A run ends at the first transfer after its budget
 *             is used up, so a straight piece of code always completes
 * Failure     handlers set run->pc and call something that records the fault; steps_run() returns
 *             run->err and the frames are abandoned with the run
 * Arithmetic  the instruction set's: wrapping, shifts masked, x / 0 = 0, x % 0 = x, and the one
 *             overflowing signed division wraps. All of it is written with unsigned types
 */
#include "sync/vcpu.h"
#include "vm/access.h"
#include "vm/atomics.h"
#include "vm/helpers.h"
#include "vm/native.h"
#include "vm/run.h"
#include "vm/step.h"

#include <endian.h>
#include <string.h>

/* More than any run can use up; as bytes of steps it leaves room for an address. */
#define MAX_BUDGET ((int64_t)1 << 57)

#define STEP_BYTES ((int64_t)sizeof(struct vm_step))

static void frame_open(struct vm_run *run, uint32_t depth)
{
	uint64_t top = (uint64_t)(uintptr_t)run->frame_memory + sizeof(run->frame_memory);

	run->depth = depth;
	run->stack.lo = top - (uint64_t)(depth + 1) * VM_STACK_FRAME;
	run->stack.bytes = run->prog->uses_stack ? top - run->stack.lo : 0;
}

static void frame_clear(struct vm_run *run)
{
	if (run->stack.bytes)
		memory_clear((void *)(uintptr_t)run->stack.lo, VM_STACK_FRAME);
}

static uint64_t frame_enter(struct vm_run *run, uint32_t depth)
{
	frame_open(run, depth);
	frame_clear(run);
	return run->stack.lo + VM_STACK_FRAME;
}

/* clang 14 loses the step, which it keeps in a register that the processor's division writes to, if
 * divisions stand in the flat function. */
#ifdef __clang__
#define APART __attribute__((noinline))
#else
#define APART
#endif

static APART uint64_t udiv64(uint64_t a, uint64_t b)
{
	return b ? a / b : 0;
}

static APART uint64_t umod64(uint64_t a, uint64_t b)
{
	return b ? a % b : a;
}

static APART uint32_t udiv32(uint32_t a, uint32_t b)
{
	return b ? a / b : 0;
}

static APART uint32_t umod32(uint32_t a, uint32_t b)
{
	return b ? a % b : a;
}

static APART uint64_t sdiv64(uint64_t a, uint64_t b)
{
	if (b == 0)
		return 0;
	return b == UINT64_MAX ? -a : (uint64_t)((int64_t)a / (int64_t)b);
}

static APART uint64_t smod64(uint64_t a, uint64_t b)
{
	if (b == 0)
		return a;
	return b == UINT64_MAX ? 0 : (uint64_t)((int64_t)a % (int64_t)b);
}

static APART uint32_t sdiv32(uint32_t a, uint32_t b)
{
	if (b == 0)
		return 0;
	return b == UINT32_MAX ? -a : (uint32_t)((int32_t)a / (int32_t)b);
}

static APART uint32_t smod32(uint32_t a, uint32_t b)
{
	if (b == 0)
		return a;
	return b == UINT32_MAX ? 0 : (uint32_t)((int32_t)a % (int32_t)b);
}

/* The memory that most accesses of a program go to: the packet, or the context of a syscall
 * program. */
struct window {
	uint64_t lo;
	uint64_t words; /* addresses at which 8 bytes are inside */
};

static inline struct window window_of(const struct vm_run *run)
{
	uint64_t lo = run->pkt ? run->packet.lo : run->ctx;
	uint64_t bytes = run->pkt ? run->packet.bytes : run->ctx_bytes;

	if (bytes < 8 || (run->pkt && run->packet.may != (VM_READ | VM_WRITE)))
		return (struct window){0};
	return (struct window){lo, bytes - 7};
}

static bool atomic_exec(struct vm_run *run, const struct vm_insn *insn, uint64_t *r, uint32_t bytes)
{
	uint32_t imm = (uint32_t)insn->imm;
	void *word =
		access_atomic(run, r[insn->dst] + (uint64_t)insn->off, bytes, VM_READ | VM_WRITE);
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
	const void *word = access_atomic(run, r[insn->src] + (uint64_t)insn->off, bytes, VM_READ);

	if (!word)
		return false;
	r[insn->dst] = word_load_acquire(word, bytes);
	return true;
}

static bool store_release(struct vm_run *run, const struct vm_insn *insn, const uint64_t *r,
			  uint32_t bytes)
{
	void *word = access_atomic(run, r[insn->dst] + (uint64_t)insn->off, bytes, VM_WRITE);

	if (!word)
		return false;
	word_store_release(word, bytes, r[insn->src]);
	return true;
}

/* What access_packet() returns. */
static int load_packet(struct vm_run *run, uint64_t *r, int32_t off, uint32_t bytes)
{
	int found = access_packet(run, off, bytes, r[6], &r[0]);

	memset(&r[1], 0, 5 * sizeof(r[0]));
	return found;
}

#define DST  r[step->dst]
#define SRC  r[step->src]
#define OFF  (uint64_t)(int64_t) step->off
#define IMM  step->imm
#define DST4 (uint32_t) DST
#define SRC4 (uint32_t) SRC
#define IMM4 (uint32_t) IMM

/* The instruction of the step, for everything that may fail. */
#define AT_INSN() \
	(run->pc = (const struct vm_insn *)(uintptr_t)((uint64_t)(uintptr_t)step + to_insn))

/* What is left of the budget once this step is charged. */
#define LEFT() ((limit - (int64_t)(uintptr_t)(step + 1)) / STEP_BYTES)

#define DISPATCH() goto * step->handler
/* The empty asm keeps gcc from computing the next step's successor ahead of every jump. */
#define NEXT()                            \
	do {                              \
		__asm__("" : "+r"(step)); \
		step++;                   \
		DISPATCH();               \
	} while (0)

/* Leave this step for the one that is so many bytes behind the next. */
#define TRANSFER(bytes)                                                                          \
	do {                                                                                     \
		int64_t by = (bytes);                                                            \
		__asm__("" : "+r"(step));                                                        \
		step = (const struct vm_step *)(uintptr_t)((int64_t)(uintptr_t)(step + 1) + by); \
		limit += by;                                                                     \
		if (__builtin_expect(limit < (int64_t)(uintptr_t)step, 0))                       \
			goto out_of_budget;                                                      \
		DISPATCH();                                                                      \
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

#define JUMP_IF(label, cond) label: if (cond) TRANSFER(step->off * STEP_BYTES); NEXT();

#define JUMP(ID, sign, t64, t32)                                                                   \
	JUMP_IF(L_##ID##64_K, (t64)DST sign (t64)IMM)                                              \
	JUMP_IF(L_##ID##64_X, (t64)DST sign (t64)SRC)                                              \
	JUMP_IF(L_##ID##32_K, (t32)DST sign (t32)IMM)                                              \
	JUMP_IF(L_##ID##32_X, (t32)DST sign (t32)SRC)

/* Where an access is looked for first; what is found here may be read and written. */
#define IN_WINDOW(n) (addr - window.lo < window.words)
#define IN_STACK(n)  (addr - run->stack.lo <= run->stack.bytes - (n))
#define IN_VALUE(n)  (range_holds(&run->recent, addr, n) && run->recent.may == (VM_READ | VM_WRITE))

#define FETCH(from, utype, stype)                                                                  \
	do {                                                                                       \
		utype value;                                                                       \
		memcpy(&value, (const void *)(uintptr_t)(from), sizeof(value));                    \
		DST = (uint64_t)(stype)value;                                                      \
		NEXT();                                                                            \
	} while (0)

#define LOAD_FROM(label, utype, stype, first)                                                      \
	label: {                                                                                   \
		uint64_t addr = SRC + OFF;                                                         \
		if (__builtin_expect(first(sizeof(utype)), 1))                                     \
			FETCH(addr, utype, stype);                                                 \
		if (memory_inline(run, addr, sizeof(utype), VM_READ))                              \
			FETCH(addr, utype, stype);                                                 \
		AT_INSN();                                                                         \
		if (!access_load(run, addr, sizeof(utype), &DST))                                    \
			goto failed;                                                               \
		if ((stype)-1 < (stype)1) /* signed; else a context pointer must stay whole */     \
			DST = (uint64_t)(stype)DST;                                                \
		NEXT();                                                                            \
	}

#define LOAD(ID, utype, stype)                                                                     \
	L_##ID##_FRAME: FETCH(r[10] + OFF, utype, stype);                                          \
	LOAD_FROM(L_##ID, utype, stype, IN_WINDOW)                                                 \
	LOAD_FROM(L_##ID##_STACK, utype, stype, IN_STACK)                                          \
	LOAD_FROM(L_##ID##_VALUE, utype, stype, IN_VALUE)

#define PUT(to, type, operand)                                                                     \
	do {                                                                                       \
		type value = (type)(operand);                                                      \
		memcpy((void *)(uintptr_t)(to), &value, sizeof(value));                            \
		NEXT();                                                                            \
	} while (0)

#define STORE_TO(label, type, operand, first)                                                      \
	label: {                                                                                   \
		uint64_t addr = DST + OFF;                                                         \
		if (__builtin_expect(first(sizeof(type)), 1))                                      \
			PUT(addr, type, operand);                                                  \
		if (memory_inline(run, addr, sizeof(type), VM_WRITE))                              \
			PUT(addr, type, operand);                                                  \
		AT_INSN();                                                                         \
		if (!access_store(run, addr, sizeof(type), (type)(operand)))                         \
			goto failed;                                                               \
		NEXT();                                                                            \
	}

#define STORE(ID, type, operand)                                                                   \
	L_##ID##_FRAME: PUT(r[10] + OFF, type, operand);                                           \
	STORE_TO(L_##ID, type, operand, IN_WINDOW)                                                 \
	STORE_TO(L_##ID##_STACK, type, operand, IN_STACK)                                          \
	STORE_TO(L_##ID##_VALUE, type, operand, IN_VALUE)

#define CHECKED(label, call)                                                                       \
	label: insn = AT_INSN(); if (!(call)) goto failed; NEXT();

#define PACKET(label, off, bytes)                                                                  \
	label:                                                                                     \
	AT_INSN();                                                                                 \
	switch (load_packet(run, r, (int32_t)(off), bytes)) {                                      \
	case 1: NEXT();                                                                            \
	case 0: goto L_EXIT;                                                                       \
	default: goto failed;                                                                      \
	}

/* What the parts of a pair do. */
#define DO_MOV64_X  DST = SRC
#define DO_ADD64_K  DST += (uint64_t)IMM
#define DO_ADD64_X  DST += SRC
#define DO_AND64_K  DST &= (uint64_t)IMM
#define DO_OR64_X   DST |= SRC
#define DO_XOR64_X  DST ^= SRC
#define DO_LSH64_K  DST <<= (IMM & 63)
#define DO_RSH64_K  DST >>= (IMM & 63)
#define DO_ARSH64_K DST = (uint64_t)((int64_t)DST >> (IMM & 63))
#define DO_JA       TRANSFER(IMM * STEP_BYTES)
#define DO_JEQ64_K  if (DST == (uint64_t)IMM) TRANSFER(step->off * STEP_BYTES)
#define DO_JNE64_K  if (DST != (uint64_t)IMM) TRANSFER(step->off * STEP_BYTES)
#define DO_JGT64_X  if (DST > SRC) TRANSFER(step->off * STEP_BYTES)

/* R1 to R5 are not readable after a call. */
#define CALLED(result)                                                                             \
	do {                                                                                       \
		r[0] = (result);                                                                   \
		memset(&r[1], 0, 5 * sizeof(r[0]));                                                \
		NEXT();                                                                            \
	} while (0)

/* gcc's manual advises against this pass with computed gotos: it would compute the step after the
 * next ahead of every jump. */
#ifdef __clang__
#define THREADED
#else
#define THREADED __attribute__((optimize("no-gcse")))
#endif

/* The one flat function: a handler per row of insn.def and step.def. Without a run it only tells
 * their addresses. */
static THREADED int steps_run(struct vm_run *run, const struct vm_insn *entry, const uint64_t args[5],
		     uint64_t *ret_r0, const void *const **ret_labels)
{
	static const void *const labels[VM_STEP_COUNT] = {
#define INSN(ID, code, variant, class, text) [VM_STEP_##ID] = &&L_##ID,
#include "vm/insn.def"
#undef INSN
#define MEMORY_OP(ID)                                                                              \
	[VM_STEP_##ID##_FRAME] = &&L_##ID##_FRAME, [VM_STEP_##ID##_STACK] = &&L_##ID##_STACK,      \
	[VM_STEP_##ID##_VALUE] = &&L_##ID##_VALUE,
#define STEP(ID)	    [VM_STEP_##ID] = &&L_##ID,
#define PAIR(FIRST, SECOND) [VM_STEP_##FIRST##__##SECOND] = &&L_##FIRST##__##SECOND,
#include "vm/step.def"
	};
	const struct vm_step *step;
	const struct vm_insn *insn;
	struct window window;
	int64_t limit;
	uint64_t to_insn; /* bytes from a step to its instruction */
	uint32_t base;	  /* the frame that the exit to the C caller leaves */
	uint64_t r[11];

	if (!run) {
		*ret_labels = labels;
		return 0;
	}
	step = run->prog->steps + (entry - run->prog->code);
	to_insn = (uint64_t)(uintptr_t)run->prog->code - (uint64_t)(uintptr_t)run->prog->steps;
	window = window_of(run);
	if (run->budget > MAX_BUDGET)
		run->budget = MAX_BUDGET;
	limit = (int64_t)(uintptr_t)step + run->budget * STEP_BYTES;
	base = run->depth;
	r[0] = 0;
	/* By itself: R1 was stored alone a moment ago, and a wider load would have to wait for
	 * that. */
	r[1] = args[0];
	memcpy(&r[2], &args[1], 4 * sizeof(r[0]));
	memset(&r[6], 0, 4 * sizeof(r[0]));
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
	DIVIDE(DIV, udiv)
	DIVIDE(MOD, umod)
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
	L_JA: L_JA32: TRANSFER(IMM * STEP_BYTES);

	L_LD_IMM64: DST = step[1].value; step += 2; DISPATCH();
	LOAD(LDX_B, uint8_t, uint8_t)
	LOAD(LDX_H, uint16_t, uint16_t)
	LOAD(LDX_W, uint32_t, uint32_t)
	LOAD(LDX_DW, uint64_t, uint64_t)
	LOAD(LDSX_B, uint8_t, int8_t)
	LOAD(LDSX_H, uint16_t, int16_t)
	LOAD(LDSX_W, uint32_t, int32_t)
	STORE(ST_B, uint8_t, IMM)
	STORE(ST_H, uint16_t, IMM)
	STORE(ST_W, uint32_t, IMM)
	STORE(ST_DW, uint64_t, IMM)
	STORE(STX_B, uint8_t, SRC)
	STORE(STX_H, uint16_t, SRC)
	STORE(STX_W, uint32_t, SRC)
	STORE(STX_DW, uint64_t, SRC)

	L_ATOMIC_ADD32: L_ATOMIC_OR32: L_ATOMIC_AND32: L_ATOMIC_XOR32:
	L_ATOMIC_FETCH_ADD32: L_ATOMIC_FETCH_OR32: L_ATOMIC_FETCH_AND32: L_ATOMIC_FETCH_XOR32:
	L_ATOMIC_XCHG32:
	CHECKED(L_ATOMIC_CMPXCHG32, atomic_exec(run, insn, r, 4))
	L_ATOMIC_ADD64: { /* what counts in a value */
		uint64_t addr = DST + OFF;
		if (IN_VALUE(8) && !(addr & 7)) {
			word_rmw64((uint64_t *)(uintptr_t)addr, BPF_ADD, SRC, 0);
			NEXT();
		}
	}
	L_ATOMIC_OR64: L_ATOMIC_AND64: L_ATOMIC_XOR64:
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

	L_CTX_DATA:
	if (SRC != run->ctx)
		goto L_LDX_W;
	DST = (uint64_t)(uintptr_t)run->pkt->buf + run->pkt->off;
	NEXT();
	L_CTX_DATA_END:
	if (SRC != run->ctx)
		goto L_LDX_W;
	DST = run->packet.lo + run->packet.bytes;
	NEXT();
	L_CTX_VALUE:
	if (SRC != run->ctx)
		goto L_LDX_W;
	FETCH((uintptr_t)&run->fields + OFF, uint32_t, uint32_t);

	L_CALL:
	run->budget = LEFT(); /* a callback must see what is left */
	insn = AT_INSN();
	if (run->budget < 0)
		goto out_of_budget;
	r[0] = helper_call(run, (const struct vm_helper *)(uintptr_t)insn->imm, &r[1]);
	if (__builtin_expect(run->err, 0))
		goto failed;
	limit = (int64_t)(uintptr_t)(step + 1) + run->budget * STEP_BYTES;
	window = window_of(run);
	CALLED(r[0]);

	L_CALL_SURE:
	insn = AT_INSN();
	if (__builtin_expect(run->locked_map || limit < (int64_t)(uintptr_t)(step + 1), 0))
		goto L_CALL;
	r[0] = ((const struct vm_helper *)(uintptr_t)insn->imm)->fn(run, r[1], r[2], r[3], r[4], r[5]);
	if (__builtin_expect(run->err, 0))
		goto failed;
	CALLED(r[0]);

	L_CALL_LOOKUP:
	if (__builtin_expect(run->locked_map || limit < (int64_t)(uintptr_t)(step + 1), 0))
		goto L_CALL;
	CALLED(helper_map_lookup_elem(run, r[1], r[2], 0, 0, 0));

#define PAIR(FIRST, SECOND) L_##FIRST##__##SECOND: DO_##FIRST; step++; DO_##SECOND; NEXT();
#include "vm/step.def"

	L_CALL_LOCAL:
	AT_INSN();
	if (run->depth + 1 == VM_MAX_FRAMES) {
		fault_calls_too_deep(run);
		goto failed;
	}
	memcpy(run->frames[run->depth + 1].saved, &r[6], sizeof(run->frames[0].saved));
	run->frames[run->depth + 1].ret = step + 1;
	r[10] = frame_enter(run, run->depth + 1);
	TRANSFER(IMM * STEP_BYTES);

	L_EXIT:
	if (run->depth == base) {
		if (__builtin_expect(run->locked_map != NULL, 0))
			goto exit_locked;
		run->budget = LEFT();
		if (run->budget < 0)
			goto out_of_budget;
		*ret_r0 = r[0];
		return 0;
	}
	memcpy(&r[6], run->frames[run->depth].saved, sizeof(run->frames[0].saved));
	memset(&r[1], 0, 5 * sizeof(r[0]));
	frame_open(run, run->depth - 1);
	r[10] = run->stack.lo + VM_STACK_FRAME;
	TRANSFER((int64_t)(uintptr_t)run->frames[run->depth + 1].ret - (int64_t)(uintptr_t)(step + 1));

exit_locked:
	AT_INSN();
	fault_exit_locked(run);
	goto failed;
out_of_budget:
	AT_INSN();
	fault_out_of_budget(run);
failed:
	return run->err;
}
/* clang-format on */

const void *const *interp_handlers(void)
{
	const void *const *labels;

	steps_run(NULL, NULL, NULL, NULL, &labels);
	return labels;
}

static int interp_run(struct vm_run *run, const struct vm_insn *entry, const uint64_t args[5],
		      uint64_t *ret_r0)
{
	return steps_run(run, entry, args, ret_r0, NULL);
}

/* The frame is open. Compiled code clears of it what it may read. */
static int enter(struct vm_run *run, const struct vm_insn *entry, const uint64_t args[5],
		 uint64_t *ret_r0)
{
	const struct vm_native *native = native_running(run->prog);

	if (native)
		return native->entries[entry - run->prog->code](run, args, ret_r0);
	frame_clear(run);
	return interp_run(run, entry, args, ret_r0);
}

int interp_start(struct vm_run *run, const struct vm_insn *entry, const uint64_t args[5],
		 uint64_t *ret_r0)
{
	run->cpu = vcpu_place.number_plus1 - 1;
	frame_open(run, 0);
	return enter(run, entry, args, ret_r0);
}

int interp_callback(struct vm_run *run, const struct vm_insn *entry, const uint64_t args[5],
		    uint64_t *ret_r0)
{
	const struct vm_insn *pc = run->pc;
	int err;

	if (run->depth + 1 == VM_MAX_FRAMES)
		return fault_callbacks_too_deep(run);
	frame_open(run, run->depth + 1);
	err = enter(run, entry, args, ret_r0);
	if (err)
		return err;
	frame_open(run, run->depth - 1);
	run->pc = pc;
	return 0;
}
