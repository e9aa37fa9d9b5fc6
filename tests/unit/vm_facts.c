/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* vm_facts.c: what is proved about programs, rule by rule, and above all what must not be.
 *
 * A test is a program and a letter for each of its accesses, in order:
 *   S at a known place of the frame   s somewhere in the frames   P packet   V value   C context   M memory
 *   U not proved                      - not reached
 */
#include "../vm/isa_insn.h"

#include "base/error.h"
#include "bpfmap/bpfmap.h"
#include "vm/facts_prove.h"
#include "vm/vm.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PROG(...) \
	((const struct bpf_insn[]){__VA_ARGS__}), COUNT(((const struct bpf_insn[]){__VA_ARGS__}))

/* Maps, by descriptor. */
enum { DATA, HASH, LOCK, RDONLY, WRONLY, MAPS };

#define DATA_BYTES 64
#define HASH_BYTES 24
#define LOCK_AT	   8

static const struct bpfmap_create_opts specs[MAPS] = {
	[DATA] = {.type = BPF_MAP_TYPE_ARRAY,
		  .key_size = 4,
		  .value_size = DATA_BYTES,
		  .max_entries = 1},
	[HASH] = {.type = BPF_MAP_TYPE_HASH,
		  .key_size = 8,
		  .value_size = HASH_BYTES,
		  .max_entries = 4},
	[LOCK] = {.type = BPF_MAP_TYPE_ARRAY,
		  .key_size = 4,
		  .value_size = 24,
		  .max_entries = 2,
		  .spin_lock_plus1 = LOCK_AT + 1},
	[RDONLY] = {.type = BPF_MAP_TYPE_ARRAY,
		    .key_size = 4,
		    .value_size = 16,
		    .max_entries = 1,
		    .map_flags = BPF_F_RDONLY_PROG},
	[WRONLY] = {.type = BPF_MAP_TYPE_ARRAY,
		    .key_size = 4,
		    .value_size = 16,
		    .max_entries = 1,
		    .map_flags = BPF_F_WRONLY_PROG},
};

static struct bpfmap *maps[MAPS];
static struct vm_prog *prog;
static struct vm_facts facts;

static int map_get(void *arg, int fd, struct bpfmap **ret_map)
{
	(void)arg;
	*ret_map = maps[fd];
	return 0;
}

static void map_put(void *arg, struct bpfmap *map)
{
	(void)arg;
	(void)map;
}

static void prove(uint32_t type, const struct bpf_insn *insns, size_t count)
{
	struct vm_load load = {.prog_type = type,
			       .insns = insns,
			       .insn_cnt = (uint32_t)count,
			       .maps = {.get = map_get, .put = map_put}};

	vm_free(prog);
	prog = NULL;
	facts_free(&facts);
	if (vm_load(&load, &prog))
		fail_msg("does not load: %s", bpfmap_last_error());
	assert_int_equal(facts_prove(prog, &facts), 0);
}

static char letter(const struct vm_fact *fact)
{
	if (!fact->reached)
		return '-';
	switch (fact->place) {
	case VM_PLACE_STACK: return fact->in_frame ? 'S' : 's';
	case VM_PLACE_PACKET: return 'P';
	case VM_PLACE_VALUE: return 'V';
	case VM_PLACE_CONTEXT: return 'C';
	case VM_PLACE_MEMORY: return 'M';
	default: return 'U';
	}
}

static void expect(const char *letters)
{
	char found[64] = "";
	size_t n = 0;

	for (uint32_t at = 0; at < prog->insn_cnt && n < sizeof(found) - 1; at++) {
		uint8_t class = vm_insn_rows[prog->code[at].op].class;

		if (class >= VM_CLASS_LDX)
			found[n++] = letter(&facts.insns[at]);
		if (class == VM_CLASS_IMM64)
			at++;
	}
	assert_string_equal(found, letters);
}

/* The fact of the n-th instruction of a class; the first is 0. */
static const struct vm_fact *nth(uint8_t class, int n)
{
	for (uint32_t at = 0; at < prog->insn_cnt; at++) {
		uint8_t is = vm_insn_rows[prog->code[at].op].class;

		if (is == class && !n--)
			return &facts.insns[at];
		if (is == VM_CLASS_IMM64)
			at++;
	}
	fail_msg("no such instruction");
	return NULL;
}

static uint8_t sure(int call)
{
	return nth(VM_CLASS_CALL, call)->sure_args;
}

#define XDP  BPF_PROG_TYPE_XDP
#define CLS  BPF_PROG_TYPE_SCHED_CLS
#define DONE MOV_IMM(R0, 0), EXIT

/* R6 context, R7 and R8 the packet's ends. */
#define PACKET		      MOV_REG(R6, R1), LDX(BPF_W, R7, R1, 0), LDX(BPF_W, R8, R1, 4)
#define NEED(reg, bytes, out) MOV_REG(R5, reg), ADD_IMM(R5, bytes), JMP_REG(BPF_JGT, R5, R8, out)
#define LOOKUP(map)                                                               \
	ST(BPF_DW, FP, -8, 0), MOV_REG(R2, FP), ADD_IMM(R2, -8), LD_MAP(R1, map), \
		CALL(BPF_FUNC_map_lookup_elem)
/* R0 becomes any 32-bit number. */
#define RANDOM CALL(BPF_FUNC_get_prandom_u32)

/* ---- the packet ---- */

static void packet__a_check_covers_its_bytes_and_no_more(void **state)
{
	prove(XDP,
	      PROG(PACKET, NEED(R7, 14, 5), LDX(BPF_B, R0, R7, 13), LDX(BPF_B, R0, R7, 14),
		   LDX(BPF_H, R0, R7, 12), LDX(BPF_H, R0, R7, 13), LDX(BPF_B, R0, R7, -1), DONE));
	expect("CCPUPUU");
}

static void packet__without_a_check_nothing_is_proved(void **state)
{
	prove(XDP, PROG(PACKET, LDX(BPF_B, R0, R7, 0), ST(BPF_B, R7, 0, 1), DONE));
	expect("CCUU");
}

static void packet__on_the_other_side_of_the_check_nothing_is_proved(void **state)
{
	prove(XDP, PROG(PACKET, NEED(R7, 14, 1), JA(1), LDX(BPF_B, R0, R7, 0), DONE));
	expect("CCU");
}

static void packet__all_forms_of_the_check(void **state)
{
	static const struct {
		struct bpf_insn jump; /* taken: enough */
		const char *letters;
	} forms[] = {
		{JMP_REG(BPF_JLE, R5, R8, 2), "CCPU"},	{JMP_REG(BPF_JGE, R8, R5, 2), "CCPU"},
		{JMP_REG(BPF_JLT, R5, R8, 2), "CCPP"},	{JMP_REG(BPF_JGT, R8, R5, 2), "CCPP"},
		{JMP_REG(BPF_JGT, R5, R8, 2), "CCUU"},	{JMP_REG(BPF_JGE, R5, R8, 2), "CCUU"},
		{JMP_REG(BPF_JLT, R8, R5, 2), "CCUU"},	{JMP_REG(BPF_JNE, R5, R8, 2), "CCUU"},
		{JMP_REG(BPF_JSLE, R5, R8, 2), "CCUU"}, {JMP32_REG(BPF_JLE, R5, R8, 2), "CCUU"},
	};

	for (size_t i = 0; i < COUNT(forms); i++) {
		prove(XDP, PROG(PACKET, MOV_REG(R5, R7), ADD_IMM(R5, 8), forms[i].jump, DONE,
				LDX(BPF_B, R0, R7, 7), LDX(BPF_B, R0, R7, 8), DONE));
		expect(forms[i].letters);
	}
}

static void packet__a_variable_part_counts_for_all_with_it(void **state)
{
	prove(XDP,
	      PROG(PACKET, NEED(R7, 1, 10), LDX(BPF_B, R2, R7, 0), MOV_REG(R3, R7), ADD_REG(R3, R2),
		   MOV_REG(R4, R3), ADD_IMM(R4, 4), NEED(R4, 4, 4), LDX(BPF_W, R0, R4, 0),
		   LDX(BPF_W, R0, R3, 4), LDX(BPF_W, R0, R3, 5), LDX(BPF_W, R0, R3, -1), DONE));
	expect("CCPPPUU");
}

static void packet__two_variable_parts_are_two(void **state)
{
	prove(XDP, PROG(PACKET, NEED(R7, 2, 10), LDX(BPF_B, R2, R7, 0), LDX(BPF_B, R4, R7, 1),
			MOV_REG(R3, R7), ADD_REG(R3, R2), ADD_REG(R4, R7), NEED(R4, 4, 2),
			LDX(BPF_W, R0, R4, 0), LDX(BPF_W, R0, R3, 0), DONE));
	expect("CCPPPU");
}

static void packet__a_negative_variable_part_is_not_proved(void **state)
{
	prove(XDP, PROG(PACKET, NEED(R7, 8, 7), LDSX(BPF_B, R2, R7, 0), MOV_REG(R3, R7),
			ADD_REG(R3, R2), NEED(R3, 4, 1), LDX(BPF_W, R0, R3, 0), DONE));
	expect("CCPU");
}

static void packet__a_bound_on_the_variable_part_is_enough(void **state)
{
	prove(XDP, PROG(PACKET, NEED(R7, 16, 6), LDX(BPF_B, R2, R7, 0), ALU64_IMM(BPF_AND, R2, 7),
			ADD_REG(R2, R7), LDX(BPF_DW, R0, R2, 1), LDX(BPF_DW, R0, R2, 2), DONE));
	expect("CCPPU");
}

static void packet__pointers_from_before_a_helper_that_moves_it(void **state)
{
	static const int32_t helpers[] = {BPF_FUNC_xdp_adjust_head, BPF_FUNC_xdp_adjust_tail,
					  BPF_FUNC_xdp_adjust_meta};

	for (size_t i = 0; i < COUNT(helpers); i++) {
		prove(XDP, PROG(PACKET, NEED(R7, 14, 6), STX(BPF_DW, FP, R7, -8), MOV_REG(R1, R6),
				MOV_IMM(R2, -4), CALL(helpers[i]), LDX(BPF_B, R0, R7, 0),
				LDX(BPF_DW, R7, FP, -8), LDX(BPF_B, R0, R7, 0), DONE));
		expect("CCSUSU");
	}
}

static void packet__a_callee_that_moves_it_moves_it_for_its_caller(void **state)
{
	prove(XDP,
	      PROG(PACKET, NEED(R7, 14, 3), MOV_REG(R1, R6), CALL_LOCAL(3), LDX(BPF_B, R0, R7, 0),
		   DONE, MOV_IMM(R2, 4), CALL(BPF_FUNC_xdp_adjust_head), EXIT));
	expect("CCU");
}

static void packet__a_callee_that_does_not_leaves_it(void **state)
{
	prove(XDP, PROG(PACKET, NEED(R7, 14, 3), MOV_REG(R1, R6), CALL_LOCAL(3),
			LDX(BPF_B, R0, R7, 0), DONE, CALL(BPF_FUNC_xdp_get_buff_len), EXIT));
	expect("CCP");
}

static void packet__metadata_is_checked_against_the_start(void **state)
{
	prove(XDP, PROG(LDX(BPF_W, R2, R1, 8), LDX(BPF_W, R3, R1, 0), MOV_REG(R4, R2),
			ADD_IMM(R4, 4), JMP_REG(BPF_JGT, R4, R3, 2), LDX(BPF_W, R0, R2, 0),
			LDX(BPF_W, R0, R2, 1), DONE));
	expect("CCPU");
}

static void packet__metadata_is_not_a_check_of_the_packet(void **state)
{
	prove(XDP, PROG(LDX(BPF_W, R2, R1, 8), LDX(BPF_W, R3, R1, 0), MOV_REG(R4, R2),
			ADD_IMM(R4, 4), JMP_REG(BPF_JGT, R4, R3, 1), LDX(BPF_W, R0, R3, 0), DONE));
	expect("CCU");
}

static void packet__offsets_that_could_wrap_tell_nothing(void **state)
{
	prove(XDP, PROG(PACKET, LD_IMM64(R2, 0x7fffffffffffffff), MOV_REG(R3, R7), ADD_REG(R3, R2),
			ADD_REG(R3, R2), NEED(R3, 4, 1), LDX(BPF_W, R0, R3, 0), DONE));
	expect("CCU");
}

static void packet__joined_offsets(void **state)
{
	/* R9 is the packet's start, or 4 behind it: what is checked of R9 holds of R9 alone. */
	prove(XDP, PROG(PACKET, RANDOM, MOV_REG(R9, R7), JMP_IMM(BPF_JEQ, R0, 0, 1), ADD_IMM(R9, 4),
			MOV_REG(R4, R9), NEED(R9, 8, 3), LDX(BPF_DW, R0, R4, 0),
			LDX(BPF_DW, R0, R7, 0), LDX(BPF_DW, R0, R4, 1), DONE));
	expect("CCPUU");
}

static void packet__pointers_that_were_equal_on_one_path_only(void **state)
{
	prove(XDP, PROG(PACKET, RANDOM, MOV_REG(R9, R7), MOV_REG(R4, R7),
			JMP_IMM(BPF_JEQ, R0, 0, 2), ADD_IMM(R9, 4), ADD_IMM(R4, 8), NEED(R9, 8, 2),
			LDX(BPF_DW, R0, R9, 0), LDX(BPF_DW, R0, R4, 0), DONE));
	expect("CCPU");
}

static void packet__a_range_that_one_path_lacks(void **state)
{
	prove(XDP, PROG(PACKET, RANDOM, JMP_IMM(BPF_JEQ, R0, 0, 3), NEED(R7, 8, 1),
			LDX(BPF_B, R0, R7, 0), DONE));
	expect("CCU");
	/* The same, the other path being looked at first. */
	prove(XDP, PROG(PACKET, RANDOM, JMP_IMM(BPF_JEQ, R0, 0, 6), NEED(R7, 8, 1),
			LDX(BPF_B, R0, R7, 0), DONE, JA(-4)));
	expect("CCU");
}

static void packet__end_minus_start_is_a_number(void **state)
{
	prove(XDP, PROG(PACKET, MOV_REG(R2, R8), ALU64_REG(BPF_SUB, R2, R7), ADD_REG(R7, R2),
			LDX(BPF_B, R0, R7, -1), DONE));
	expect("CCU");
}

static void packet__a_pointer_that_walks_in_a_loop(void **state)
{
	prove(XDP, PROG(PACKET, MOV_REG(R9, R7), NEED(R9, 4, 4), LDX(BPF_W, R0, R9, 0),
			LDX(BPF_W, R0, R9, 1), ADD_IMM(R9, 4), JA(-7), DONE));
	expect("CCPU");
}

static void packet__a_pointer_that_walks_backwards(void **state)
{
	prove(XDP, PROG(PACKET, MOV_REG(R9, R7), NEED(R9, 4, 3), LDX(BPF_W, R0, R9, 0),
			ADD_IMM(R9, -4), JA(-6), DONE));
	expect("CCU");
}

static void packet__atomics_are_refused_there(void **state)
{
	prove(XDP, PROG(PACKET, NEED(R7, 16, 2), MOV_IMM(R2, 1), LOCKED(BPF_DW, BPF_ADD, R7, R2, 0),
			DONE));
	expect("CCU");
}

/* ---- values ---- */

static void value__unchecked_it_may_be_null(void **state)
{
	prove(XDP, PROG(LOOKUP(HASH), LDX(BPF_B, R0, R0, 0), DONE));
	expect("SU");
}

static void value__checked_in_each_way(void **state)
{
	static const struct {
		struct bpf_insn jump; /* taken: there is one */
		char letter;
	} forms[] = {
		{JMP_IMM(BPF_JNE, R0, 0, 2), 'V'},   {JMP_REG(BPF_JNE, R0, R9, 2), 'V'},
		{JMP_REG(BPF_JNE, R9, R0, 2), 'V'},  {JMP_IMM(BPF_JEQ, R0, 0, 2), 'U'},
		{JMP32_IMM(BPF_JNE, R0, 0, 2), 'U'}, {JMP_IMM(BPF_JNE, R0, 1, 2), 'U'},
		{JMP_IMM(BPF_JSET, R0, -1, 2), 'U'},
	};

	for (size_t i = 0; i < COUNT(forms); i++) {
		const char letters[] = {'S', forms[i].letter, '\0'};

		prove(XDP, PROG(MOV_IMM(R9, 0), LOOKUP(HASH), forms[i].jump, DONE,
				LDX(BPF_B, R0, R0, 0), DONE));
		expect(letters);
	}
}

static void value__a_check_of_one_copy_counts_for_the_others(void **state)
{
	prove(XDP, PROG(LOOKUP(HASH), MOV_REG(R6, R0), STX(BPF_DW, FP, R0, -16),
			JMP_IMM(BPF_JEQ, R6, 0, 3), LDX(BPF_B, R1, R0, 0), LDX(BPF_DW, R2, FP, -16),
			LDX(BPF_B, R1, R2, 0), DONE));
	expect("SSVSV");
}

static void value__a_check_of_another_lookup_does_not(void **state)
{
	prove(XDP, PROG(LOOKUP(HASH), MOV_REG(R6, R0), LOOKUP(HASH), JMP_IMM(BPF_JEQ, R0, 0, 1),
			LDX(BPF_B, R1, R6, 0), DONE));
	expect("SSU");
}

static void value__from_its_first_byte_to_its_last(void **state)
{
	prove(XDP, PROG(LOOKUP(HASH), JMP_IMM(BPF_JEQ, R0, 0, 6), LDX(BPF_DW, R1, R0, 16),
			LDX(BPF_DW, R1, R0, 17), LDX(BPF_B, R1, R0, 23), LDX(BPF_B, R1, R0, 24),
			LDX(BPF_B, R1, R0, -1), ST(BPF_W, R0, 20, 1), DONE));
	expect("SVUVUUV");
}

static void value__an_index_below_a_bound(void **state)
{
	prove(XDP, PROG(RANDOM, MOV_REG(R6, R0), LD_VALUE(R1, DATA, 0), JMP_IMM(BPF_JGT, R6, 63, 3),
			ADD_REG(R1, R6), LDX(BPF_B, R0, R1, 0), LDX(BPF_H, R0, R1, 0), DONE));
	expect("VU");
}

static void value__an_index_without_bound(void **state)
{
	prove(XDP, PROG(RANDOM, LD_VALUE(R1, DATA, 0), ADD_REG(R1, R0), LDX(BPF_B, R0, R1, 0),
			ST(BPF_B, R1, 0, 0), DONE));
	expect("UU");
}

static void value__a_signed_bound_has_two_sides(void **state)
{
	static const struct {
		uint8_t class;
		bool both;
		char letter;
	} forms[] = {{BPF_JMP, false, 'U'}, {BPF_JMP, true, 'V'}};

	for (size_t i = 0; i < COUNT(forms); i++) {
		const char letters[] = {'V', forms[i].letter, '\0'};

		prove(XDP, PROG(LD_VALUE(R1, DATA, 0), LDX(BPF_DW, R6, R1, 0),
				RAW(forms[i].class | BPF_JSGT | BPF_K, R6, 0, 4, 7),
				forms[i].both ? JMP_IMM(BPF_JSLT, R6, 0, 3) : JA(0),
				ADD_REG(R1, R6), LDX(BPF_B, R0, R1, 0), JA(0), DONE));
		expect(letters);
	}
}

static void value__a_32_bit_bound_leaves_the_high_half(void **state)
{
	prove(XDP, PROG(LD_VALUE(R1, DATA, 0), LDX(BPF_DW, R6, R1, 0), JMP32_IMM(BPF_JGT, R6, 7, 4),
			MOV_REG(R2, R1), ADD_REG(R2, R6), LDX(BPF_B, R0, R2, 0), JA(0), DONE));
	expect("VU");
	prove(XDP, PROG(LD_VALUE(R1, DATA, 0), LDX(BPF_W, R6, R1, 0), JMP32_IMM(BPF_JGT, R6, 7, 4),
			MOV_REG(R2, R1), ADD_REG(R2, R6), LDX(BPF_B, R0, R2, 0), JA(0), DONE));
	expect("VV");
}

static void value__arithmetic_that_wraps(void **state)
{
	/* At most 8, but 8 - 9 is the largest number there is; in 32 bits, too. */
	prove(XDP, PROG(RANDOM, ALU64_IMM(BPF_AND, R0, 8), ALU64_IMM(BPF_SUB, R0, 9),
			LD_VALUE(R1, DATA, 0), ADD_REG(R1, R0), LDX(BPF_B, R0, R1, 0), DONE));
	expect("U");
	prove(XDP, PROG(RANDOM, ALU64_IMM(BPF_AND, R0, 8), ALU32_IMM(BPF_SUB, R0, 9),
			LD_VALUE(R1, DATA, 0), ADD_REG(R1, R0), LDX(BPF_B, R0, R1, 0), DONE));
	expect("U");
	prove(XDP, PROG(RANDOM, ALU64_IMM(BPF_AND, R0, 8), ALU32_IMM(BPF_ADD, R0, -8),
			ALU32_IMM(BPF_ADD, R0, 8), LD_VALUE(R1, DATA, 0), ADD_REG(R1, R0),
			LDX(BPF_B, R0, R1, 0), DONE));
	expect("U");
}

static void value__what_jset_tells(void **state)
{
	prove(XDP, PROG(RANDOM, JMP_IMM(BPF_JSET, R0, ~63, 4), LD_VALUE(R1, DATA, 0),
			ADD_REG(R1, R0), LDX(BPF_B, R2, R1, 0), DONE));
	expect("V");
	prove(XDP, PROG(RANDOM, JMP_IMM(BPF_JSET, R0, ~63, 2), DONE, LD_VALUE(R1, DATA, 0),
			ADD_REG(R1, R0), LDX(BPF_B, R2, R1, 0), DONE));
	expect("U");
}

static void value__its_spin_lock_is_out_of_reach(void **state)
{
	prove(XDP, PROG(LOOKUP(LOCK), JMP_IMM(BPF_JEQ, R0, 0, 6), LDX(BPF_DW, R1, R0, 0),
			LDX(BPF_DW, R1, R0, 12), LDX(BPF_W, R1, R0, 8), LDX(BPF_B, R1, R0, 11),
			LDX(BPF_H, R1, R0, 7), LDX(BPF_DW, R1, R0, 1), DONE));
	expect("SVVUUUU");
}

static void value__read_only_and_write_only(void **state)
{
	prove(XDP, PROG(LD_VALUE(R1, RDONLY, 0), LD_VALUE(R2, WRONLY, 0), LDX(BPF_W, R0, R1, 0),
			ST(BPF_W, R1, 0, 0), LDX(BPF_W, R0, R2, 0), ST(BPF_W, R2, 0, 0),
			LOCKED(BPF_W, BPF_ADD, R2, R0, 0), DONE));
	expect("VUUVU");
}

static void value__of_one_of_two_maps(void **state)
{
	prove(XDP, PROG(RANDOM, LD_VALUE(R1, DATA, 0), JMP_IMM(BPF_JEQ, R0, 0, 2),
			LD_VALUE(R1, RDONLY, 0), LDX(BPF_DW, R0, R1, 8), LDX(BPF_DW, R0, R1, 16),
			ST(BPF_DW, R1, 0, 0), DONE));
	expect("VUU");
}

static void value__or_null_after_a_join(void **state)
{
	prove(XDP,
	      PROG(RANDOM, MOV_IMM(R1, 0), JMP_IMM(BPF_JEQ, R0, 0, 2), LD_VALUE(R1, DATA, 0),
		   LDX(BPF_B, R0, R1, 0), JMP_IMM(BPF_JEQ, R1, 0, 1), LDX(BPF_B, R0, R1, 0), DONE));
	expect("UV");
}

static void value__whose_own_complement_is_added_is_not_null(void **state)
{
	/* R7 is 0 then, though R6, which was not NULL either, is an address. */
	prove(XDP,
	      PROG(RANDOM, MOV_REG(R9, R0), LD_VALUE(R6, DATA, 0), MOV_REG(R7, R6), MOV_IMM(R8, 0),
		   ALU64_REG(BPF_SUB, R8, R6), ADD_REG(R7, R8), JMP_IMM(BPF_JEQ, R9, 0, 2),
		   MOV_IMM(R6, 0), MOV_IMM(R7, 0), JMP_IMM(BPF_JNE, R7, 0, 3), MOV_REG(R1, FP),
		   ADD_REG(R1, R6), ST(BPF_DW, R1, -8, 0), DONE));
	expect("U");
}

static void value__atomics_must_be_aligned(void **state)
{
	prove(XDP,
	      PROG(RANDOM, MOV_REG(R6, R0), LD_VALUE(R1, DATA, 0), MOV_IMM(R2, 1),
		   LOCKED(BPF_DW, BPF_ADD, R1, R2, 8), LOCKED(BPF_DW, BPF_ADD, R1, R2, 4),
		   LOCKED(BPF_W, BPF_ADD, R1, R2, 4), LOCKED(BPF_W, BPF_ADD, R1, R2, 2),
		   ALU64_IMM(BPF_AND, R6, 15), ADD_REG(R1, R6), LOCKED(BPF_DW, BPF_ADD, R1, R2, 0),
		   ALU64_IMM(BPF_AND, R6, 8), LD_VALUE(R1, DATA, 0), ADD_REG(R1, R6),
		   LOCKED(BPF_DW, BPF_ADD, R1, R2, 0), DONE));
	expect("VUVUUV");
}

static void value__an_index_that_a_loop_grows(void **state)
{
	/* for (i = 0; i != 48; i += 24), then for (i = 0;; i++). */
	prove(XDP,
	      PROG(MOV_IMM(R6, 0), LD_VALUE(R1, DATA, 0), ADD_REG(R1, R6), LDX(BPF_DW, R0, R1, 16),
		   ADD_IMM(R6, 24), JMP_IMM(BPF_JNE, R6, 48, -6), DONE));
	expect("V");
	prove(XDP, PROG(MOV_IMM(R6, 0), LD_VALUE(R1, DATA, 0), ADD_REG(R1, R6),
			LDX(BPF_B, R0, R1, 0), ADD_IMM(R6, 1), JMP_IMM(BPF_JNE, R0, 7, -6), DONE));
	expect("U");
	/* A bound that the steps jump over: 20, 40, 60 ... and never 50. */
	prove(XDP,
	      PROG(MOV_IMM(R6, 0), LD_VALUE(R1, DATA, 0), ADD_REG(R1, R6), LDX(BPF_B, R0, R1, 0),
		   ADD_IMM(R6, 20), JMP_IMM(BPF_JNE, R6, 50, -6), DONE));
	expect("U");
}

static void value__a_loop_up_to_a_bound(void **state)
{
	prove(XDP, PROG(MOV_IMM(R6, 0), LD_VALUE(R1, DATA, 0), ADD_REG(R1, R6),
			LDX(BPF_B, R0, R1, 0), ADD_IMM(R6, 1), JMP_IMM(BPF_JLT, R6, 64, -6), DONE));
	expect("V");
	prove(XDP, PROG(MOV_IMM(R6, 0), LD_VALUE(R1, DATA, 0), ADD_REG(R1, R6),
			LDX(BPF_B, R0, R1, 0), ADD_IMM(R6, 1), JMP_IMM(BPF_JLE, R6, 64, -6), DONE));
	expect("U");
}

/* ---- the stack ---- */

static void stack__from_its_lowest_byte_to_r10(void **state)
{
	prove(XDP,
	      PROG(ST(BPF_DW, FP, -512, 0), LDX(BPF_DW, R0, FP, -8), LDX(BPF_B, R0, FP, -1), DONE));
	expect("SSS");
	assert_int_equal(nth(VM_CLASS_ST, 0)->at, -512);
}

static void stack__a_variable_index(void **state)
{
	prove(XDP, PROG(RANDOM, ALU64_IMM(BPF_AND, R0, 56), MOV_REG(R1, FP), ADD_REG(R1, R0),
			LDX(BPF_DW, R2, R1, -64), LDX(BPF_DW, R2, R1, -63), ST(BPF_B, R1, -512, 0),
			ADD_IMM(R1, -513), ST(BPF_B, R1, 0, 0), DONE));
	expect("sUsU");
}

#define SPILLED(...) PROG(PACKET, NEED(R7, 14, 6), STX(BPF_DW, FP, R7, -16), __VA_ARGS__)

static void stack__a_spilled_pointer_comes_back(void **state)
{
	prove(XDP,
	      SPILLED(LDX(BPF_DW, R1, FP, -16), LDX(BPF_B, R0, R1, 0), JA(2), JA(1), JA(0), DONE));
	expect("CCSSP");
}

static void stack__a_pointer_that_is_partly_overwritten(void **state)
{
	static const int16_t offs[] = {-16, -9, -12};

	for (size_t i = 0; i < COUNT(offs); i++) {
		prove(XDP, SPILLED(ST(BPF_B, FP, offs[i], 0), LDX(BPF_DW, R1, FP, -16),
				   LDX(BPF_B, R0, R1, 0), JA(1), JA(0), DONE));
		expect("CCSSSU");
	}
	prove(XDP, SPILLED(ST(BPF_DW, FP, -20, 0), LDX(BPF_DW, R1, FP, -16), LDX(BPF_B, R0, R1, 0),
			   JA(1), JA(0), DONE));
	expect("CCSSSU");
}

static void stack__a_pointer_read_from_its_middle(void **state)
{
	prove(XDP, SPILLED(LDX(BPF_DW, R1, FP, -12), LDX(BPF_B, R0, R1, 0), LDX(BPF_W, R1, FP, -16),
			   LDX(BPF_B, R0, R1, 0), JA(0), DONE));
	expect("CCSSUSU");
}

static void stack__overwritten_through_a_variable_index(void **state)
{
	prove(XDP,
	      PROG(PACKET, NEED(R7, 14, 10), STX(BPF_DW, FP, R7, -16), STX(BPF_DW, FP, R7, -64),
		   RANDOM, ALU64_IMM(BPF_AND, R0, 24), ADD_REG(R0, FP), ST(BPF_B, R0, -40, 0),
		   LDX(BPF_DW, R1, FP, -16), LDX(BPF_B, R0, R1, 0), LDX(BPF_DW, R1, FP, -64),
		   LDX(BPF_B, R0, R1, 0), DONE));
	expect("CCSSsSUSP");
}

static void stack__a_store_that_is_not_proved_may_go_there(void **state)
{
	prove(XDP, SPILLED(LDX(BPF_DW, R2, R7, 0), STX(BPF_DW, R2, R2, 0), LDX(BPF_DW, R1, FP, -16),
			   LDX(BPF_B, R0, R1, 0), JA(0), DONE));
	expect("CCSPUSU");
}

static void stack__a_helper_writes_there(void **state)
{
	prove(XDP, PROG(PACKET, NEED(R7, 14, 9), STX(BPF_DW, FP, R7, -16), MOV_REG(R1, R6),
			MOV_IMM(R2, 0), MOV_REG(R3, FP), ADD_IMM(R3, -32), MOV_IMM(R4, 17),
			CALL(BPF_FUNC_xdp_load_bytes), LDX(BPF_DW, R1, FP, -16),
			LDX(BPF_B, R0, R1, 0), DONE));
	expect("CCSSU");
}

static void stack__a_fetching_atomic_overwrites_a_slot(void **state)
{
	prove(XDP, SPILLED(LOCKED(BPF_DW, BPF_XCHG, FP, R9, -16), LDX(BPF_DW, R1, FP, -16),
			   LDX(BPF_B, R0, R1, 0), LDX(BPF_B, R0, R9, 0), JA(0), DONE));
	expect("CCSSSUU");
}

static void stack__different_pointers_join_to_nothing(void **state)
{
	prove(XDP, PROG(RANDOM, MOV_REG(R1, FP), JMP_IMM(BPF_JEQ, R0, 0, 2), LD_VALUE(R1, DATA, 0),
			ST(BPF_B, R1, 0, 0), DONE));
	expect("U");
}

/* ---- subprograms ---- */

static void calls__the_callee_uses_its_callers_slot(void **state)
{
	prove(XDP, PROG(ST(BPF_DW, FP, -8, 0), MOV_REG(R1, FP), ADD_IMM(R1, -8), CALL_LOCAL(2),
			DONE, LDX(BPF_DW, R0, R1, 0), LDX(BPF_DW, R0, R1, 1), EXIT));
	expect("SsU");
}

static void calls__the_callee_overwrites_its_callers_slot(void **state)
{
	prove(XDP, PROG(PACKET, NEED(R7, 14, 8), STX(BPF_DW, FP, R7, -16), STX(BPF_DW, FP, R7, -24),
			MOV_REG(R1, FP), CALL_LOCAL(6), LDX(BPF_DW, R1, FP, -16),
			LDX(BPF_B, R0, R1, 0), LDX(BPF_DW, R1, FP, -24), LDX(BPF_B, R0, R1, 0),
			DONE, ST(BPF_B, R1, -16, 1), MOV_IMM(R0, 0), EXIT));
	expect("CCSSSUSPs");
}

static void calls__two_levels_down(void **state)
{
	prove(XDP, PROG(PACKET, NEED(R7, 14, 5), STX(BPF_DW, FP, R7, -16), MOV_REG(R1, FP),
			CALL_LOCAL(4), LDX(BPF_DW, R1, FP, -16), LDX(BPF_B, R0, R1, 0), DONE,
			CALL_LOCAL(1), EXIT, ST(BPF_B, R1, -9, 1), MOV_IMM(R0, 0), EXIT));
	expect("CCSSUs");
}

static void calls__an_address_of_the_callees_frame_dies_with_it(void **state)
{
	prove(XDP, PROG(CALL_LOCAL(3), LDX(BPF_DW, R0, R0, -8), DONE, MOV_REG(R0, FP), EXIT));
	expect("U");
}

static void calls__arguments_are_joined_over_all_calls(void **state)
{
	prove(XDP, PROG(MOV_IMM(R1, 8), CALL_LOCAL(4), MOV_IMM(R1, 56), CALL_LOCAL(2), DONE,
			LD_VALUE(R2, DATA, 0), ADD_REG(R2, R1), LDX(BPF_DW, R0, R2, 0),
			LDX(BPF_DW, R0, R2, 1), EXIT));
	expect("VU");
}

static void calls__a_result_is_joined_over_all_exits(void **state)
{
	prove(XDP,
	      PROG(CALL_LOCAL(6), LD_VALUE(R1, DATA, 0), ADD_REG(R1, R0), LDX(BPF_B, R0, R1, 0),
		   DONE, RANDOM, JMP_IMM(BPF_JEQ, R0, 5, 2), MOV_IMM(R0, 63), EXIT, EXIT));
	expect("V");
	prove(XDP,
	      PROG(CALL_LOCAL(6), LD_VALUE(R1, DATA, 0), ADD_REG(R1, R0), LDX(BPF_B, R0, R1, 0),
		   DONE, RANDOM, JMP_IMM(BPF_JEQ, R0, 5, 2), MOV_IMM(R0, 64), EXIT, EXIT));
	expect("U");
}

static void calls__a_callback_gets_index_and_context(void **state)
{
	prove(XDP, PROG(ST(BPF_DW, FP, -8, 0), MOV_IMM(R1, 64), LD_FUNC(R2, 7), MOV_REG(R3, FP),
			ADD_IMM(R3, -8), MOV_IMM(R4, 0), CALL(BPF_FUNC_loop), DONE,
			LD_VALUE(R3, DATA, 0), ADD_REG(R3, R1), LDX(BPF_B, R0, R3, 0),
			LDX(BPF_H, R0, R3, 0), ST(BPF_DW, R2, 0, 1), ST(BPF_DW, R2, 1, 1), DONE));
	expect("SVUsU");
	assert_int_equal(sure(0), 0x1f);
	assert_int_equal(nth(VM_CLASS_CALL, 0)->func_plus1, 11);
}

static void calls__a_callback_overwrites_a_slot(void **state)
{
	prove(XDP,
	      PROG(PACKET, NEED(R7, 14, 9), STX(BPF_DW, FP, R7, -8), MOV_IMM(R1, 2), LD_FUNC(R2, 8),
		   MOV_REG(R3, FP), MOV_IMM(R4, 0), CALL(BPF_FUNC_loop), LDX(BPF_DW, R1, FP, -8),
		   LDX(BPF_B, R0, R1, 0), DONE, ST(BPF_W, R2, -8, 1), DONE));
	expect("CCSSUs");
}

static void calls__a_packet_pointer_is_old_in_the_next_round(void **state)
{
	prove(XDP, PROG(PACKET, NEED(R7, 14, 6), MOV_IMM(R1, 2), LD_FUNC(R2, 6), MOV_REG(R3, R7),
			MOV_IMM(R4, 0), CALL(BPF_FUNC_loop), DONE, LDX(BPF_B, R0, R2, 0), DONE));
	expect("CCU");
}

static void calls__elements_visited_by_a_callback(void **state)
{
	prove(XDP, PROG(LD_MAP(R1, HASH), LD_FUNC(R2, 6), MOV_IMM(R3, 0), MOV_IMM(R4, 0),
			CALL(BPF_FUNC_for_each_map_elem), DONE, JA(0), LDX(BPF_DW, R0, R2, 0),
			LDX(BPF_DW, R0, R2, 1), ST(BPF_B, R2, 0, 0), LDX(BPF_DW, R0, R3, 16),
			LDX(BPF_DW, R0, R3, 17), DONE));
	expect("MUUVU");
}

static void calls__a_function_reference_that_is_computed(void **state)
{
	/* Then anything may run: also the second function, with anything in R1. */
	prove(XDP, PROG(PACKET, NEED(R7, 14, 9), STX(BPF_DW, FP, R7, -8), RANDOM, LD_FUNC(R2, 9),
			ADD_REG(R2, R0), MOV_IMM(R1, 1), MOV_IMM(R4, 0), CALL(BPF_FUNC_loop),
			LDX(BPF_DW, R1, FP, -8), LDX(BPF_B, R0, R1, 0), DONE, MOV_IMM(R1, 0),
			LD_VALUE(R2, DATA, 0), ADD_REG(R2, R1), LDX(BPF_B, R0, R2, 0), DONE));
	expect("UUSSUV");
	assert_int_equal(sure(1) & 2, 0);
}

/* ---- the context ---- */

static void context__fields_by_program_type(void **state)
{
	prove(XDP, PROG(LDX(BPF_W, R0, R1, 12), LDX(BPF_H, R0, R1, 12), LDX(BPF_W, R0, R1, 20),
			ST(BPF_W, R1, 12, 0), ADD_IMM(R1, 4), LDX(BPF_W, R0, R1, 8), DONE));
	expect("CUUUC");
	prove(CLS, PROG(LDX(BPF_W, R0, R1, 8), ST(BPF_W, R1, 8, 1), ST(BPF_W, R1, 0, 1),
			LDX(BPF_B, R0, R1, 0), DONE));
	expect("CCUC");
}

static void context__a_variable_offset(void **state)
{
	prove(XDP, PROG(MOV_REG(R6, R1), RANDOM, ALU64_IMM(BPF_AND, R0, 4), ADD_REG(R6, R0),
			LDX(BPF_W, R0, R6, 0), DONE));
	expect("U");
}

static void context__a_narrow_or_signed_load_is_no_pointer(void **state)
{
	prove(CLS, PROG(LDSX(BPF_W, R2, R1, 76), LDX(BPF_W, R3, R1, 80), MOV_REG(R4, R2),
			ADD_IMM(R4, 4), JMP_REG(BPF_JGT, R4, R3, 1), LDX(BPF_W, R0, R2, 0), DONE));
	expect("CCU");
}

static void context__an_unchecked_load_may_give_a_whole_pointer(void **state)
{
	/* A 4-byte load of an unknown address could be of ctx->data: its result is not below 2^32. */
	prove(XDP, PROG(LD_VALUE(R2, DATA, 0), LDX(BPF_DW, R2, R2, 0), LDX(BPF_W, R3, R2, 0),
			RSH_IMM(R3, 32), LD_VALUE(R4, DATA, 0), ADD_REG(R4, R3),
			LDX(BPF_B, R0, R4, 0), DONE));
	expect("VUU");
}

/* ---- helpers' arguments ---- */

static void arguments__of_map_helpers(void **state)
{
	prove(XDP, PROG(LOOKUP(HASH), DONE));
	assert_int_equal(sure(0), 0x1f);
	assert_int_equal(nth(VM_CLASS_CALL, 0)->map_plus1, 1);
	/* A key of 8 bytes of which 7 are left; then a map that programs may only read. */
	prove(XDP, PROG(ST(BPF_DW, FP, -8, 0), MOV_REG(R2, FP), ADD_IMM(R2, -7), LD_MAP(R1, HASH),
			CALL(BPF_FUNC_map_lookup_elem), DONE));
	assert_int_equal(sure(0), 0x1d);
	prove(XDP, PROG(ST(BPF_DW, FP, -8, 0), MOV_REG(R2, FP), ADD_IMM(R2, -8), LD_MAP(R1, HASH),
			MOV_IMM(R0, 0), JMP_IMM(BPF_JEQ, R0, 0, 0), LD_VALUE(R3, DATA, 41),
			MOV_IMM(R4, 0), CALL(BPF_FUNC_map_update_elem), DONE));
	assert_int_equal(sure(0), 0x1b);
}

static void arguments__a_map_that_does_not_take_the_helper(void **state)
{
	/* Joined, so that the check at load does not see it. */
	prove(XDP, PROG(ST(BPF_DW, FP, -8, 0), ST(BPF_DW, FP, -16, 0), ST(BPF_DW, FP, -24, 0),
			MOV_REG(R2, FP), ADD_IMM(R2, -8), MOV_REG(R3, FP), ADD_IMM(R3, -24),
			MOV_IMM(R4, 0), LD_MAP(R1, RDONLY), JA(0), CALL(BPF_FUNC_map_update_elem),
			DONE));
	assert_int_equal(sure(0) & 1, 0);
	assert_int_equal(nth(VM_CLASS_CALL, 0)->map_plus1, 0);
}

static void arguments__memory_and_its_size(void **state)
{
	static const struct {
		struct bpf_insn size;
		uint8_t sure;
	} forms[] = {
		{MOV_IMM(R4, 16), 0x1f}, {MOV_IMM(R4, 17), 0x1b},
		{MOV_IMM(R4, 0), 0x17},	 {ALU64_IMM(BPF_AND, R4, 15), 0x17},
		{MOV_IMM(R4, -1), 0x1b}, {ALU64_IMM(BPF_OR, R4, 1), 0x1b},
	};

	for (size_t i = 0; i < COUNT(forms); i++) {
		prove(XDP, PROG(MOV_REG(R6, R1), RANDOM, MOV_REG(R4, R0), MOV_REG(R1, R6),
				MOV_IMM(R2, 0), MOV_REG(R3, FP), ADD_IMM(R3, -16), forms[i].size,
				CALL(BPF_FUNC_xdp_load_bytes), DONE));
		assert_int_equal(sure(1), forms[i].sure);
	}
}

static void arguments__the_context_unchanged(void **state)
{
	prove(XDP, PROG(CALL(BPF_FUNC_xdp_get_buff_len), DONE));
	assert_int_equal(sure(0), 0x1f);
	prove(XDP, PROG(ADD_IMM(R1, 4), CALL(BPF_FUNC_xdp_get_buff_len), DONE));
	assert_int_equal(sure(0), 0x1e);
}

/* ---- divisors ---- */

static void divisors__that_cannot_be_0(void **state)
{
	static const struct {
		struct bpf_insn before;
		uint8_t class;
		uint8_t nonzero;
	} forms[] = {
		{ALU64_IMM(BPF_OR, R6, 4), BPF_ALU64, 1},
		{ALU64_IMM(BPF_OR, R6, 4), BPF_ALU, 1},
		{ALU64_IMM(BPF_AND, R6, 4), BPF_ALU64, 0},
		{JMP_IMM(BPF_JEQ, R6, 0, 1), BPF_ALU64, 1},
		{JMP_IMM(BPF_JEQ, R6, 0, 1), BPF_ALU, 0},
		{JMP32_IMM(BPF_JEQ, R6, 0, 1), BPF_ALU64, 0},
		{JMP_IMM(BPF_JSET, R6, 6, 0), BPF_ALU64, 0},
		{ADD_IMM(R6, 1), BPF_ALU64, 0},
	};

	for (size_t i = 0; i < COUNT(forms); i++) {
		prove(XDP, PROG(LD_VALUE(R6, DATA, 0), LDX(BPF_DW, R6, R6, 0), MOV_IMM(R0, 9),
				forms[i].before,
				RAW(forms[i].class | BPF_DIV | BPF_X, R0, R6, 0, 0), EXIT));
		assert_int_equal(nth(VM_CLASS_ALU_X, 0)->nonzero, forms[i].nonzero);
	}
}

static void divisors__a_quotient_of_0_is_0(void **state)
{
	/* 64 / x is 0 if x is 0, and at most 64; 64 / (x | 2) at most 32. */
	prove(XDP, PROG(RANDOM, MOV_IMM(R6, 64), ALU64_REG(BPF_DIV, R6, R0), LD_VALUE(R1, DATA, 0),
			ADD_REG(R1, R6), LDX(BPF_B, R0, R1, -1), LDX(BPF_B, R0, R1, -2), DONE));
	expect("UU");
	prove(XDP, PROG(RANDOM, ALU64_IMM(BPF_OR, R0, 2), MOV_IMM(R6, 64),
			ALU64_REG(BPF_DIV, R6, R0), LD_VALUE(R1, DATA, 0), ADD_REG(R1, R6),
			LDX(BPF_B, R0, R1, 31), LDX(BPF_B, R0, R1, 32), DONE));
	expect("VU");
}

/* ---- the frame ---- */

static uint16_t clears(const struct bpf_insn *insns, size_t count)
{
	prove(XDP, insns, count);
	return facts.clear_bytes[0];
}

static void frame__what_is_written_first_need_not_be_cleared(void **state)
{
	assert_int_equal(clears(PROG(ST(BPF_DW, FP, -8, 0), LDX(BPF_DW, R0, FP, -8), EXIT)), 0);
	assert_int_equal(clears(PROG(ST(BPF_W, FP, -8, 0), LDX(BPF_DW, R0, FP, -8), EXIT)), 8);
	assert_int_equal(clears(PROG(LDX(BPF_B, R0, FP, -17), EXIT)), 24);
	assert_int_equal(clears(PROG(LOOKUP(HASH), DONE)), 0);
}

static void frame__written_on_one_path_only(void **state)
{
	assert_int_equal(clears(PROG(RANDOM, JMP_IMM(BPF_JEQ, R0, 0, 1), ST(BPF_DW, FP, -16, 0),
				     LDX(BPF_DW, R0, FP, -16), EXIT)),
			 16);
}

static void frame__read_by_a_callee(void **state)
{
	assert_int_equal(
		clears(PROG(MOV_REG(R1, FP), CALL_LOCAL(1), EXIT, LDX(BPF_DW, R0, R1, -40), EXIT)),
		40);
	assert_int_equal(clears(PROG(ST(BPF_DW, FP, -40, 0), MOV_REG(R1, FP), CALL_LOCAL(1), EXIT,
				     LDX(BPF_DW, R0, R1, -40), EXIT)),
			 0);
}

static void frame__read_by_a_callee_that_never_returns(void **state)
{
	assert_int_equal(clears(PROG(MOV_REG(R1, FP), CALL_LOCAL(1), EXIT, LDX(BPF_DW, R0, R1, -40),
				     JA(-1), EXIT)),
			 40);
}

static void frame__read_by_anything_that_is_not_proved(void **state)
{
	/* A peek in a map that is not known: a Bloom filter reads. */
	assert_int_equal(clears(PROG(LD_VALUE(R1, DATA, 0), MOV_REG(R2, FP), ADD_IMM(R2, -8),
				     CALL(BPF_FUNC_map_peek_elem), EXIT)),
			 512);
	assert_int_equal(clears(PROG(LD_VALUE(R1, DATA, 0), LDX(BPF_DW, R1, R1, 0),
				     LDX(BPF_B, R0, R1, 0), EXIT)),
			 512);
}

static void frame__a_failing_helper_has_not_written(void **state)
{
	assert_int_equal(clears(PROG(MOV_IMM(R2, 0), MOV_REG(R3, FP), ADD_IMM(R3, -16),
				     MOV_IMM(R4, 16), CALL(BPF_FUNC_xdp_load_bytes),
				     LDX(BPF_DW, R0, FP, -16), EXIT)),
			 16);
}

/* ---- control flow ---- */

static void control__what_is_not_reached(void **state)
{
	prove(XDP, PROG(MOV_IMM(R2, 5), JMP_IMM(BPF_JEQ, R2, 5, 1), LDX(BPF_B, R0, R3, 0), DONE));
	expect("-");
	prove(XDP, PROG(RANDOM, ALU64_IMM(BPF_AND, R0, 7), JMP_IMM(BPF_JLT, R0, 8, 1),
			LDX(BPF_B, R0, R3, 0), DONE));
	expect("-");
}

static void control__a_copy_is_bounded_with_its_original(void **state)
{
	prove(XDP, PROG(RANDOM, MOV_REG(R6, R0), JMP_IMM(BPF_JGT, R0, 63, 4), LD_VALUE(R1, DATA, 0),
			ADD_REG(R1, R6), LDX(BPF_B, R0, R1, 0), DONE));
	expect("V");
	/* Changed in between, it is no copy any more. */
	prove(XDP, PROG(RANDOM, MOV_REG(R6, R0), ADD_IMM(R6, 1), JMP_IMM(BPF_JGT, R0, 63, 4),
			LD_VALUE(R1, DATA, 0), ADD_REG(R1, R6), LDX(BPF_B, R0, R1, 0), DONE));
	expect("U");
	/* A copy on one of two paths is none. */
	prove(XDP, PROG(RANDOM, MOV_REG(R7, R0), RANDOM, MOV_REG(R6, R0),
			JMP_IMM(BPF_JEQ, R7, 3, 1), MOV_REG(R6, R7), JMP_IMM(BPF_JGT, R0, 63, 4),
			LD_VALUE(R1, DATA, 0), ADD_REG(R1, R6), LDX(BPF_B, R0, R1, 0), DONE));
	expect("U");
}

static void control__a_load_outside_the_packet_is_an_exit(void **state)
{
	/* LD_ABS may return 0 from the callee, which otherwise returns 64. */
	prove(CLS,
	      PROG(CALL_LOCAL(6), LD_VALUE(R2, DATA, 0), ADD_REG(R2, R0), LDX(BPF_B, R0, R2, -1),
		   DONE, MOV_REG(R6, R1), LD_ABS(BPF_B, 0), MOV_IMM(R0, 64), EXIT));
	expect("U");
}

static void control__a_program_that_is_too_large_is_not_proved(void **state)
{
	enum { JUMPS = 9000 };
	struct bpf_insn *insns = calloc(JUMPS + 2, sizeof(*insns));

	for (int i = 0; i < JUMPS; i++)
		insns[i] = JMP_IMM(BPF_JEQ, R1, i, 0);
	insns[JUMPS - 1] = ST(BPF_B, FP, -1, 0);
	insns[JUMPS] = MOV_IMM(R0, 0);
	insns[JUMPS + 1] = EXIT;
	prove(XDP, insns, JUMPS + 2);
	free(insns);
	expect("U");
	assert_int_equal(facts.insns[JUMPS].reached, 1);
	assert_int_equal(facts.clear_bytes[0], 512);
}

/* ---- numbers ---- */

static bool holds(const struct number *n, uint64_t word)
{
	return word >= n->umin && word <= n->umax && (int64_t)word >= n->smin &&
	       (int64_t)word <= n->smax && (word & ~n->mask) == n->value &&
	       (!n->stride || word % n->stride == n->rest);
}

static uint64_t seed = 1;

static uint64_t any_word(void)
{
	static const uint64_t edges[] = {0,
					 1,
					 2,
					 7,
					 8,
					 24,
					 63,
					 0x7fffffff,
					 0x80000000,
					 0xffffffff,
					 0x100000000,
					 INT64_MAX,
					 1ull << 63,
					 UINT64_MAX,
					 UINT64_MAX - 1,
					 0xffffffff80000000};

	seed = seed * 6364136223846793005u + 1442695040888963407u;
	if (seed >> 62 == 0)
		return (seed >> 8) >> (seed >> 40) % 56;
	return edges[(seed >> 33) % COUNT(edges)] + (seed >> 20) % 5 - 2;
}

/* A set with some of its words: joined, widened or with steps. */
static struct number any_number(uint64_t words[3])
{
	struct number n, m, by = number_const(8);

	words[0] = any_word();
	words[1] = seed >> 61 ? any_word() : words[0];
	words[2] = seed >> 60 & 1 ? any_word() : words[0];
	n = number_const(words[0]);
	for (int i = 1; i < 3; i++) {
		m = number_const(words[i]);
		n = seed >> 59 & 1 ? number_join(&n, &m) : number_widen(&n, &m, NULL, 0);
	}
	if (seed >> 58 & 1) {
		n = number_apply(NUMBER_LSH, &n, &by);
		for (int i = 0; i < 3; i++)
			words[i] <<= 8;
	}
	return n;
}

static uint64_t computed(enum number_op op, uint64_t a, uint64_t b)
{
	switch (op) {
	case NUMBER_ADD: return a + b;
	case NUMBER_SUB: return a - b;
	case NUMBER_MUL: return a * b;
	case NUMBER_DIV: return b ? a / b : 0;
	case NUMBER_SDIV:
		return !b ? 0 : b == UINT64_MAX ? -a : (uint64_t)((int64_t)a / (int64_t)b);
	case NUMBER_MOD: return b ? a % b : a;
	case NUMBER_SMOD: return !b ? a : b == UINT64_MAX ? 0 : (uint64_t)((int64_t)a % (int64_t)b);
	case NUMBER_OR: return a | b;
	case NUMBER_AND: return a & b;
	case NUMBER_XOR: return a ^ b;
	case NUMBER_LSH: return a << (b & 63);
	case NUMBER_RSH: return a >> (b & 63);
	default: return (uint64_t)((int64_t)a >> (b & 63));
	}
}

static uint32_t computed32(enum number_op op, uint32_t a, uint32_t b)
{
	switch (op) {
	case NUMBER_SDIV:
		return !b ? 0 : b == UINT32_MAX ? -a : (uint32_t)((int32_t)a / (int32_t)b);
	case NUMBER_SMOD: return !b ? a : b == UINT32_MAX ? 0 : (uint32_t)((int32_t)a % (int32_t)b);
	case NUMBER_LSH: return a << (b & 31);
	case NUMBER_RSH: return a >> (b & 31);
	case NUMBER_ARSH: return (uint32_t)((int32_t)a >> (b & 31));
	default: return (uint32_t)computed(op, a, b);
	}
}

static void numbers__results_are_in_the_result(void **state)
{
	for (int round = 0; round < 12000; round++) {
		uint64_t x[3], y[3];
		struct number a = any_number(x), b = any_number(y);

		for (int op = NUMBER_ADD; op <= NUMBER_ARSH; op++) {
			struct number wide = number_apply((enum number_op)op, &a, &b);
			struct number low = number_apply32((enum number_op)op, &a, &b);

			for (int i = 0; i < 9; i++) {
				uint64_t p = x[i / 3], q = y[i % 3];

				assert_true(holds(&wide, computed((enum number_op)op, p, q)));
				assert_true(holds(&low, computed32((enum number_op)op, (uint32_t)p,
								   (uint32_t)q)));
			}
		}
	}
}

static bool is_true(enum number_compare compare, uint64_t a, uint64_t b)
{
	switch (compare) {
	case COMPARE_EQ: return a == b;
	case COMPARE_NE: return a != b;
	case COMPARE_GT: return a > b;
	case COMPARE_LE: return a <= b;
	case COMPARE_GE: return a >= b;
	case COMPARE_LT: return a < b;
	case COMPARE_SET: return a & b;
	case COMPARE_CLEAR: return !(a & b);
	case COMPARE_SGT: return (int64_t)a > (int64_t)b;
	case COMPARE_SLE: return (int64_t)a <= (int64_t)b;
	case COMPARE_SGE: return (int64_t)a >= (int64_t)b;
	default: return (int64_t)a < (int64_t)b;
	}
}

/* Words for which the comparison is true stay in the sets. */
static void check_assumed(enum number_compare compare, const uint64_t x[3], const uint64_t y[3],
			  const struct number *a, const struct number *b)
{
	struct number wide_a = *a, wide_b = *b, low_a = *a, low_b = *b;
	bool can = number_assume(compare, &wide_a, &wide_b);
	bool can32 = number_assume32(compare, &low_a, &low_b);
	bool sign = compare >= COMPARE_SGT;

	for (int i = 0; i < 9; i++) {
		uint64_t p = x[i / 3], q = y[i % 3];
		uint64_t p32 = sign ? (uint64_t)(int64_t)(int32_t)p : (uint32_t)p;
		uint64_t q32 = sign ? (uint64_t)(int64_t)(int32_t)q : (uint32_t)q;

		if (is_true(compare, p, q))
			assert_true(can && holds(&wide_a, p) && holds(&wide_b, q));
		if (is_true(compare, p32, q32))
			assert_true(can32 && holds(&low_a, p) && holds(&low_b, q));
	}
}

static void numbers__a_true_comparison_keeps_its_words(void **state)
{
	for (int round = 0; round < 12000; round++) {
		uint64_t x[3], y[3];
		struct number a = any_number(x), b = any_number(y);

		for (int compare = COMPARE_EQ; compare <= COMPARE_SLT; compare++)
			check_assumed((enum number_compare)compare, x, y, &a, &b);
	}
}

static void numbers__joins_and_extensions_hold_their_words(void **state)
{
	static const int64_t stops[] = {-1, 0, 1, 8, 63, 4096};
	static const int widths[] = {8, 16, 32};

	for (int round = 0; round < 12000; round++) {
		uint64_t x[3], y[3];
		struct number a = any_number(x), b = any_number(y);
		struct number both = number_join(&a, &b),
			      wide = number_widen(&a, &b, stops, COUNT(stops));
		struct number low = number_low32(&a);

		for (int i = 0; i < 3; i++) {
			assert_true(holds(&both, x[i]) && holds(&both, y[i]));
			assert_true(holds(&wide, x[i]) && holds(&wide, y[i]));
			assert_true(holds(&low, (uint32_t)x[i]));
			for (size_t w = 0; w < COUNT(widths); w++) {
				struct number n = number_sign_extend(&a, widths[w]);
				int shift = 64 - widths[w];

				assert_true(
					holds(&n, (uint64_t)((int64_t)(x[i] << shift) >> shift)));
			}
		}
	}
}

static int setup(void **state)
{
	for (int i = 0; i < MAPS; i++) {
		struct bpfmap_create_opts opts = specs[i];

		opts.sz = sizeof(opts);
		opts.memory = BPFMAP_MEMORY_PRIVATE;
		if (bpfmap_create(&opts, &maps[i]))
			return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	vm_free(prog);
	facts_free(&facts);
	for (int i = 0; i < MAPS; i++)
		bpfmap_close(maps[i]);
	return 0;
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(packet__a_check_covers_its_bytes_and_no_more),
	cmocka_unit_test(packet__without_a_check_nothing_is_proved),
	cmocka_unit_test(packet__on_the_other_side_of_the_check_nothing_is_proved),
	cmocka_unit_test(packet__all_forms_of_the_check),
	cmocka_unit_test(packet__a_variable_part_counts_for_all_with_it),
	cmocka_unit_test(packet__two_variable_parts_are_two),
	cmocka_unit_test(packet__a_negative_variable_part_is_not_proved),
	cmocka_unit_test(packet__a_bound_on_the_variable_part_is_enough),
	cmocka_unit_test(packet__pointers_from_before_a_helper_that_moves_it),
	cmocka_unit_test(packet__a_callee_that_moves_it_moves_it_for_its_caller),
	cmocka_unit_test(packet__a_callee_that_does_not_leaves_it),
	cmocka_unit_test(packet__metadata_is_checked_against_the_start),
	cmocka_unit_test(packet__metadata_is_not_a_check_of_the_packet),
	cmocka_unit_test(packet__offsets_that_could_wrap_tell_nothing),
	cmocka_unit_test(packet__joined_offsets),
	cmocka_unit_test(packet__pointers_that_were_equal_on_one_path_only),
	cmocka_unit_test(packet__a_range_that_one_path_lacks),
	cmocka_unit_test(packet__end_minus_start_is_a_number),
	cmocka_unit_test(packet__a_pointer_that_walks_in_a_loop),
	cmocka_unit_test(packet__a_pointer_that_walks_backwards),
	cmocka_unit_test(packet__atomics_are_refused_there),
	cmocka_unit_test(value__unchecked_it_may_be_null),
	cmocka_unit_test(value__checked_in_each_way),
	cmocka_unit_test(value__a_check_of_one_copy_counts_for_the_others),
	cmocka_unit_test(value__a_check_of_another_lookup_does_not),
	cmocka_unit_test(value__from_its_first_byte_to_its_last),
	cmocka_unit_test(value__an_index_below_a_bound),
	cmocka_unit_test(value__an_index_without_bound),
	cmocka_unit_test(value__a_signed_bound_has_two_sides),
	cmocka_unit_test(value__a_32_bit_bound_leaves_the_high_half),
	cmocka_unit_test(value__arithmetic_that_wraps),
	cmocka_unit_test(value__what_jset_tells),
	cmocka_unit_test(value__its_spin_lock_is_out_of_reach),
	cmocka_unit_test(value__read_only_and_write_only),
	cmocka_unit_test(value__of_one_of_two_maps),
	cmocka_unit_test(value__or_null_after_a_join),
	cmocka_unit_test(value__whose_own_complement_is_added_is_not_null),
	cmocka_unit_test(value__atomics_must_be_aligned),
	cmocka_unit_test(value__an_index_that_a_loop_grows),
	cmocka_unit_test(value__a_loop_up_to_a_bound),
	cmocka_unit_test(stack__from_its_lowest_byte_to_r10),
	cmocka_unit_test(stack__a_variable_index),
	cmocka_unit_test(stack__a_spilled_pointer_comes_back),
	cmocka_unit_test(stack__a_pointer_that_is_partly_overwritten),
	cmocka_unit_test(stack__a_pointer_read_from_its_middle),
	cmocka_unit_test(stack__overwritten_through_a_variable_index),
	cmocka_unit_test(stack__a_store_that_is_not_proved_may_go_there),
	cmocka_unit_test(stack__a_helper_writes_there),
	cmocka_unit_test(stack__a_fetching_atomic_overwrites_a_slot),
	cmocka_unit_test(stack__different_pointers_join_to_nothing),
	cmocka_unit_test(calls__the_callee_uses_its_callers_slot),
	cmocka_unit_test(calls__the_callee_overwrites_its_callers_slot),
	cmocka_unit_test(calls__two_levels_down),
	cmocka_unit_test(calls__an_address_of_the_callees_frame_dies_with_it),
	cmocka_unit_test(calls__arguments_are_joined_over_all_calls),
	cmocka_unit_test(calls__a_result_is_joined_over_all_exits),
	cmocka_unit_test(calls__a_callback_gets_index_and_context),
	cmocka_unit_test(calls__a_callback_overwrites_a_slot),
	cmocka_unit_test(calls__a_packet_pointer_is_old_in_the_next_round),
	cmocka_unit_test(calls__elements_visited_by_a_callback),
	cmocka_unit_test(calls__a_function_reference_that_is_computed),
	cmocka_unit_test(context__fields_by_program_type),
	cmocka_unit_test(context__a_variable_offset),
	cmocka_unit_test(context__a_narrow_or_signed_load_is_no_pointer),
	cmocka_unit_test(context__an_unchecked_load_may_give_a_whole_pointer),
	cmocka_unit_test(arguments__of_map_helpers),
	cmocka_unit_test(arguments__a_map_that_does_not_take_the_helper),
	cmocka_unit_test(arguments__memory_and_its_size),
	cmocka_unit_test(arguments__the_context_unchanged),
	cmocka_unit_test(divisors__that_cannot_be_0),
	cmocka_unit_test(divisors__a_quotient_of_0_is_0),
	cmocka_unit_test(frame__what_is_written_first_need_not_be_cleared),
	cmocka_unit_test(frame__written_on_one_path_only),
	cmocka_unit_test(frame__read_by_a_callee),
	cmocka_unit_test(frame__read_by_a_callee_that_never_returns),
	cmocka_unit_test(frame__read_by_anything_that_is_not_proved),
	cmocka_unit_test(frame__a_failing_helper_has_not_written),
	cmocka_unit_test(control__what_is_not_reached),
	cmocka_unit_test(control__a_copy_is_bounded_with_its_original),
	cmocka_unit_test(control__a_load_outside_the_packet_is_an_exit),
	cmocka_unit_test(control__a_program_that_is_too_large_is_not_proved),
	cmocka_unit_test(numbers__results_are_in_the_result),
	cmocka_unit_test(numbers__a_true_comparison_keeps_its_words),
	cmocka_unit_test(numbers__joins_and_extensions_hold_their_words),
};

int main(void)
{
	return cmocka_run_group_tests(tests, setup, teardown);
}
