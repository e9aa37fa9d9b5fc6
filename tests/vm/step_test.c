/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* step_test.c: the interpreter's special handlers (step.def) do what the plain ones of insn.def do.
 *
 * Random programs, most of them wrong somewhere, run twice: as loaded, and with the plain handler in every
 * step. Result, errno, sentence, packet, value and what is left of the budget must agree. How programs
 * with plain handlers behave is isa_test.c's and vm_unit.c's matter. BPFMAP_SEED names another seed.
 */
#include "isa_insn.h"

#include "base/error.h"
#include "map/map.h"
#include "vm/run.h"
#include "vm/step.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <setjmp.h>
#include <cmocka.h>

#define PROGRAMS    6000
#define BODY	    14
#define MAX_INSNS   64
#define HEAD_ROOM   64
#define PACKET	    48
#define VALUE_BYTES 12
#define COUNT(a)    (sizeof(a) / sizeof((a)[0]))

static const uint16_t memory_ops[] = {
#define MEMORY_OP(ID) VM_OP_##ID,
#include "vm/step.def"
};

static const uint16_t pair_ops[][2] = {
#define PAIR(FIRST, SECOND) {VM_OP_##FIRST, VM_OP_##SECOND},
#include "vm/step.def"
};

static struct {
	struct bpfmap *map;
	uint8_t *value; /* of its only element */
	struct vm_prog *prog;
	struct bpf_insn insns[MAX_INSNS];
	uint32_t count;
	uint64_t random;
	uint32_t seen[VM_STEP_COUNT];
} t;

struct outcome {
	int err;
	uint32_t ret;
	char sentence[400];
	uint8_t packet[HEAD_ROOM + PACKET];
	uint8_t value[VALUE_BYTES];
};

static uint32_t pick(uint32_t below)
{
	t.random ^= t.random << 13;
	t.random ^= t.random >> 7;
	t.random ^= t.random << 17;
	return (uint32_t)(t.random >> 33) % below;
}

static int map_get(void *arg, int fd, struct bpfmap **ret_map)
{
	*ret_map = t.map;
	return 0;
}

static void map_put(void *arg, struct bpfmap *map)
{
}

static int setup(void **state)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = BPF_MAP_TYPE_HASH,
					  .key_size = 4,
					  .value_size = VALUE_BYTES,
					  .max_entries = 4};

	const uint32_t key = 7;
	const uint8_t zero[VALUE_BYTES] = {0};

	memset(&t, 0, sizeof(t));
	if (bpfmap_create(&opts, &t.map) || bpfmap_update(t.map, &key, zero, BPF_ANY))
		return -1;
	t.value = bpfmap_lookup(t.map, &key);
	return t.value ? 0 : -1;
}

static int teardown(void **state)
{
	vm_free(t.prog);
	bpfmap_close(t.map);
	return 0;
}

static int load(uint32_t type, const struct bpf_insn *insns, uint32_t count)
{
	struct vm_load load = {.prog_type = type,
			       .insns = insns,
			       .insn_cnt = count,
			       .maps = {map_get, map_put, NULL}};

	vm_free(t.prog);
	t.prog = NULL;
	return vm_load(&load, &t.prog);
}

/* In the same memory each time: programs see addresses. */
static struct outcome run(uint64_t budget)
{
	static uint8_t buf[HEAD_ROOM + PACKET];
	static const uint8_t value[VALUE_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
	struct vm_packet packet = {
		.buf = buf, .buf_size = sizeof(buf), .off = HEAD_ROOM, .len = PACKET};
	struct vm_env env = {.insn_budget = budget};
	struct outcome out = {.ret = 0};

	memcpy(t.value, value, sizeof(value));
	for (uint32_t i = 0; i < sizeof(buf); i++)
		buf[i] = (uint8_t)(i * 29);
	out.err = vm_run_packet(t.prog, &env, &packet, NULL, 0, &out.ret);
	if (out.err)
		snprintf(out.sentence, sizeof(out.sentence), "%s", error_sentence());
	memcpy(out.packet, buf, sizeof(buf));
	memcpy(out.value, t.value, sizeof(out.value));
	return out;
}

static void steps_count(void)
{
	const void *const *handlers = interp_handlers();

	for (uint32_t at = 0; at < t.prog->insn_cnt; at++) {
		for (uint32_t i = 0; i < VM_STEP_COUNT; i++)
			t.seen[i] += t.prog->steps[at].handler == handlers[i];
		if (t.prog->code[at].op == VM_OP_LD_IMM64)
			at++;
	}
}

static void steps_make_plain(void)
{
	for (uint32_t at = 0; at < t.prog->insn_cnt; at++) {
		t.prog->steps[at].handler = interp_handlers()[t.prog->code[at].op];
		if (t.prog->code[at].op == VM_OP_LD_IMM64)
			at++;
	}
}

static void emit(struct bpf_insn insn)
{
	assert_true(t.count < MAX_INSNS);
	t.insns[t.count++] = insn;
}

static void emit_all(const struct bpf_insn *insns, size_t count)
{
	for (size_t i = 0; i < count; i++)
		emit(insns[i]);
}

/* R4 and R5 in the frame, R6 context, R7 packet, R8 value, R9 a number. A jump hides from the checker that
 * R2 and the map are what they are, and R4 and R5. */
static void emit_head(void)
{
	const struct bpf_insn head[] = {
		MOV_REG(R6, R1),
		LDX(BPF_W, R7, R1, offsetof(struct xdp_md, data)),
		LDX(BPF_W, R8, R6, offsetof(struct xdp_md, data_end)),
		LDX(BPF_W, R9, R6, offsetof(struct xdp_md, rx_queue_index)),
		CALL(BPF_FUNC_ktime_get_ns),
		ST(BPF_W, FP, -4, 7),
		MOV_REG(R2, FP),
		ADD_IMM(R2, -4),
		LD_MAP(R1, 0),
		pick(2) ? JA(0) : MOV_IMM(R3, 1),
		CALL(BPF_FUNC_map_lookup_elem),
		JMP_IMM(BPF_JEQ, R0, 0, 1),
		MOV_REG(R8, R0),
		MOV_REG(R5, FP),
		MOV_REG(R4, FP),
		ADD_IMM(R4, -64),
		MOV_IMM(R9, (int32_t)pick(64)),
		MOV_IMM(R0, (int32_t)pick(3)),
		JA(0),
	};

	emit_all(head, COUNT(head));
}

/* An offset at which something begins or ends. */
static int16_t near_an_edge(void)
{
	static const int16_t edges[] = {0,	-8,	    -4,	 4,  8,	   11,	12,
					PACKET, PACKET - 8, -64, 64, -512, -520};

	return (int16_t)(edges[pick(COUNT(edges))] + (int32_t)pick(4) - (pick(2) ? 3 : 0));
}

static struct bpf_insn random_insn(uint16_t op)
{
	const struct vm_insn_row *row = &vm_insn_rows[op];
	struct bpf_insn insn = RAW(row->code, pick(4), pick(10), 0, 0);

	switch (row->class) {
	case VM_CLASS_ALU_K:
		insn.src_reg = 0;
		insn.imm = (int32_t)pick(BPF_OP(row->code) == BPF_AND ? 256 : 64);
		break;
	case VM_CLASS_JMP_K:
		insn.src_reg = 0;
		insn.imm = (int32_t)pick(3);
		insn.off = (int16_t)pick(3);
		break;
	case VM_CLASS_JMP_X: insn.off = (int16_t)pick(3); break;
	case VM_CLASS_JA: insn = JA((int16_t)pick(2)); break;
	case VM_CLASS_ST:
		insn.src_reg = 0;
		insn.imm = (int32_t)pick(1000);
		insn.dst_reg = 4 + pick(7);
		insn.off = near_an_edge();
		break;
	case VM_CLASS_LDX:
		insn.src_reg = 4 + pick(7);
		insn.dst_reg = pick(4);
		insn.off = near_an_edge();
		break;
	case VM_CLASS_STX:
		insn.dst_reg = 4 + pick(7);
		insn.off = near_an_edge();
		break;
	default: break;
	}
	return insn;
}

/* An offset from one of R4 to R10 at which a load or store is allowed while it holds what it began with. */
static int16_t inside(uint32_t base)
{
	switch (base) {
	case R5:
	case FP: return (int16_t)(-8 * (int32_t)(1 + pick(64)));
	case R6: return (int16_t)(4 * pick(5));
	case R7: return (int16_t)pick(PACKET - 7);
	case R8: return (int16_t)pick(VALUE_BYTES - 7);
	default: return (int16_t)pick(57);
	}
}

/* Mostly inside. R10 itself always is, or the program is refused at load. */
static void emit_memory(void)
{
	struct bpf_insn insn = random_insn(memory_ops[pick(COUNT(memory_ops))]);
	bool is_load = BPF_CLASS(insn.code) == BPF_LDX;
	uint32_t base = is_load ? insn.src_reg : insn.dst_reg;

	if (base == FP || pick(16))
		insn.off = inside(base);
	if ((base == R9 || (base == R6 && BPF_SIZE(insn.code) != BPF_W)) && pick(8))
		return;
	emit(insn);
}

static void emit_body(void)
{
	uint32_t pair;

	switch (pick(6)) {
	case 0:
	case 1:
		pair = pick(COUNT(pair_ops));
		emit(random_insn(pair_ops[pair][0]));
		emit(random_insn(pair_ops[pair][1]));
		break;
	case 2: emit(LOCKED(BPF_DW, BPF_ADD, R8, pick(10), pick(16) ? 0 : 4)); break;
	case 3: /* another base than its place lets one guess */
		emit(JMP_IMM(BPF_JNE, R9, (int32_t)pick(2), 1));
		emit(pick(8) ? MOV_REG(R1, R2) : MOV_REG(4 + pick(6), 4 + pick(7)));
		break;
	default: emit_memory();
	}
}

static void program_make(void)
{
	t.count = 0;
	emit_head();
	for (int i = 0; i < BODY; i++)
		emit_body();
	/* Somewhere for the last jumps to go. */
	emit_all((struct bpf_insn[]){ADD_IMM(R0, 1), ADD_IMM(R0, 2), ADD_IMM(R0, 4), EXIT}, 4);
}

static void outcomes_equal(uint64_t seed, uint64_t budget)
{
	struct outcome special;
	struct outcome plain;

	special = run(budget);
	steps_make_plain();
	plain = run(budget);
	if (!memcmp(&special, &plain, sizeof(plain)))
		return;
	for (uint32_t i = 0; i < t.count; i++) {
		char text[64];

		print_message("%u: %s\n", i, insn_text(&t.insns[i], i, text, sizeof(text)));
		i += (uint32_t)insn_is_wide(&t.insns[i]);
	}
	fail_msg("seed %llu, budget %llu: %d, %u, \"%s\"; plain %d, %u, \"%s\"",
		 (unsigned long long)seed, (unsigned long long)budget, special.err, special.ret,
		 special.sentence, plain.err, plain.ret, plain.sentence);
}

static uint64_t seed_of_test(void)
{
	const char *text = getenv("BPFMAP_SEED");

	return text ? strtoull(text, NULL, 0) : 1;
}

static void step__special_handlers_do_what_plain_ones_do(void **state)
{
	uint64_t first = seed_of_test();
	uint32_t ended = 0;
	uint32_t failed = 0;

	for (uint64_t seed = first; seed < first + PROGRAMS; seed++) {
		uint64_t budget;

		t.random = seed * 0x9e3779b97f4a7c15u | 1;
		program_make();
		budget = pick(4) ? 1000 : 1 + pick(50);
		if (load(BPF_PROG_TYPE_XDP, t.insns, t.count))
			continue; /* a copy of R10, and leaves the frame */
		steps_count();
		if (run(budget).err)
			failed++;
		else
			ended++;
		outcomes_equal(seed, budget);
	}
	print_message("# %u programs ended, %u failed\n", ended, failed);
	assert_true(ended > PROGRAMS / 20 && failed > PROGRAMS / 5);
	for (uint32_t i = VM_OP_COUNT; i < VM_STEP_COUNT; i++)
		if (!t.seen[i])
			fail_msg("no program has handler %u of step.def", i - VM_OP_COUNT);
}

static void ends(int err, const char *insn, const char *why, const struct bpf_insn *insns,
		 uint32_t count, uint64_t budget)
{
	struct outcome out;

	if (load(BPF_PROG_TYPE_XDP, insns, count))
		fail_msg("load: %s", error_sentence());
	out = run(budget);
	assert_int_equal(out.err, -err);
	if (strncmp(out.sentence, insn, strlen(insn)) || !strstr(out.sentence, why))
		fail_msg("\"%s\" lacks \"%s\", \"%s\"", out.sentence, insn, why);
}

#define PROG(...) (struct bpf_insn[]){__VA_ARGS__}, COUNT(((struct bpf_insn[]){__VA_ARGS__}))

static void step__wrong_guess_is_refused_at_its_instruction(void **state)
{
	/* stack: R2 comes from R10, but is elsewhere */
	ends(EFAULT, "insn 3 ", "(above the stack)",
	     PROG(MOV_REG(R2, FP), MOV_IMM(R3, 1), ADD_REG(R2, R3), LDX(BPF_DW, R0, R2, 0), EXIT),
	     100);
	ends(EFAULT, "insn 3 ", "(below the stack frame)",
	     PROG(MOV_REG(R2, FP), MOV_IMM(R3, -513), ADD_REG(R2, R3), ST(BPF_DW, R2, 0, 1), EXIT),
	     100);
	/* value: one byte too far */
	ends(EFAULT, "insn 7 ", "outside stack, packet and map values",
	     PROG(ST(BPF_W, FP, -4, 7), MOV_REG(R2, FP), ADD_IMM(R2, -4), LD_MAP(R1, 0),
		  CALL(BPF_FUNC_map_lookup_elem), JMP_IMM(BPF_JEQ, R0, 0, 1),
		  LDX(BPF_DW, R0, R0, VALUE_BYTES - 7), EXIT),
	     100);
	ends(EINVAL, "insn 7 ", "not a multiple of 8",
	     PROG(ST(BPF_W, FP, -4, 7), MOV_REG(R2, FP), ADD_IMM(R2, -4), LD_MAP(R1, 0),
		  CALL(BPF_FUNC_map_lookup_elem), JMP_IMM(BPF_JEQ, R0, 0, 1),
		  LOCKED(BPF_DW, BPF_ADD, R0, R1, 4), EXIT),
	     100);
	/* the packet's last byte, and the one behind it */
	ends(EFAULT, "insn 2 ", "(1 bytes after the packet's end)",
	     PROG(LDX(BPF_W, R2, R1, 0), LDX(BPF_B, R0, R2, PACKET - 1),
		  LDX(BPF_B, R0, R2, PACKET + 1), EXIT),
	     100);
	ends(EFAULT, "insn 1 ", "(it crosses the packet's end)",
	     PROG(LDX(BPF_W, R2, R1, 0), STX(BPF_DW, R2, R1, PACKET - 7), EXIT), 100);
	/* the context: not the context any more */
	ends(EFAULT, "insn 1 ", "(a field of a NULL pointer)",
	     PROG(MOV_IMM(R1, 0), LDX(BPF_W, R0, R1, 4), EXIT), 100);
	ends(EACCES, "insn 1 ", "context", PROG(ADD_IMM(R1, 2), LDX(BPF_W, R0, R1, 0), EXIT), 100);
}

static void step__budget_ends_inside_pairs_and_at_sure_calls(void **state)
{
	/* R0 += -1; if R0 != 0: the loop's first instruction is where the run stops. */
	ends(ETIMEDOUT, "insn 1 ", "budget of 10 instructions",
	     PROG(MOV_IMM(R0, 100), ADD_IMM(R0, -1), JMP_IMM(BPF_JNE, R0, 0, -2), EXIT), 10);
	ends(ETIMEDOUT, "insn 2 ", "budget of 2 instructions",
	     PROG(MOV_IMM(R0, 1), MOV_IMM(R0, 2), CALL(BPF_FUNC_ktime_get_ns), EXIT), 2);
	assert_int_equal(load(BPF_PROG_TYPE_XDP, PROG(MOV_IMM(R0, 1), CALL(BPF_FUNC_ktime_get_ns),
						      MOV_IMM(R0, 5), EXIT)),
			 0);
	assert_int_equal(run(4).err, 0);
	assert_int_equal(run(3).err, -ETIMEDOUT);
}

static void step__a_call_is_sure_only_with_its_key_in_the_frame(void **state)
{
	const void *const *handlers = interp_handlers();

	assert_int_equal(load(BPF_PROG_TYPE_XDP,
			      PROG(ST(BPF_W, FP, -4, 7), MOV_REG(R2, FP), ADD_IMM(R2, -4),
				   LD_MAP(R1, 0), CALL(BPF_FUNC_map_lookup_elem), EXIT)),
			 0);
	assert_ptr_equal(t.prog->steps[5].handler, handlers[VM_STEP_CALL_LOOKUP]);
	/* across the frame's top, below its end, and not from R10 at all */
	ends(EFAULT, "insn 4 ", "read of 4 bytes",
	     PROG(MOV_REG(R2, FP), ADD_IMM(R2, -3), LD_MAP(R1, 0), CALL(BPF_FUNC_map_lookup_elem),
		  EXIT),
	     100);
	assert_ptr_equal(t.prog->steps[4].handler, handlers[VM_STEP_CALL]);
	ends(EFAULT, "insn 4 ", "(a NULL pointer)",
	     PROG(MOV_REG(R2, FP), MOV_IMM(R2, 0), LD_MAP(R1, 0), CALL(BPF_FUNC_map_lookup_elem),
		  EXIT),
	     100);
	/* a jump may bring another R2 */
	assert_int_equal(load(BPF_PROG_TYPE_XDP,
			      PROG(MOV_REG(R2, R1), JMP_IMM(BPF_JEQ, R1, 0, 2), MOV_REG(R2, FP),
				   ADD_IMM(R2, -4), LD_MAP(R1, 0), CALL(BPF_FUNC_map_lookup_elem),
				   EXIT)),
			 0);
	assert_ptr_equal(t.prog->steps[6].handler, handlers[VM_STEP_CALL]);
}

/* Stale bytes of the host's stack are there: an address that is computed from the context's must not show them. */
static void step__program_without_R10_has_no_stack(void **state)
{
	const int32_t top = (int32_t)(offsetof(struct vm_run, frame_memory) +
				      sizeof(((struct vm_run *)0)->frame_memory) -
				      offsetof(struct vm_run, fields));

	ends(EFAULT, "insn 1 ", "read of 8 bytes",
	     PROG(ADD_IMM(R1, top - 8), LDX(BPF_DW, R0, R1, 0), EXIT), 100);
	assert_int_equal(load(BPF_PROG_TYPE_XDP, PROG(ADD_IMM(R1, top - 8), MOV_REG(R2, FP),
						      LDX(BPF_DW, R0, R1, 0), EXIT)),
			 0);
	assert_int_equal(run(100).err, 0);
	assert_int_equal(run(100).ret, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(step__special_handlers_do_what_plain_ones_do),
		TEST(step__wrong_guess_is_refused_at_its_instruction),
		TEST(step__budget_ends_inside_pairs_and_at_sure_calls),
		TEST(step__a_call_is_sure_only_with_its_key_in_the_frame),
		TEST(step__program_without_R10_has_no_stack),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
