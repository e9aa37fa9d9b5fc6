/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* isa_cases.h: the programs made of isa.def, each with the inputs to run it on and what must come
 * out. A program reads and writes one element of an ARRAY, struct isa_value. */
#ifndef BPFMAP_TESTS_VM_ISA_CASES_H
#define BPFMAP_TESTS_VM_ISA_CASES_H

#include <linux/bpf.h>
#include <stdint.h>

#define ISA_PACKET 64

/* Offsets in the value; programs have them as numbers. */
#define ISA_IN	0
#define ISA_OUT 32
#define ISA_MEM 64

struct isa_value {
	uint64_t in[4];
	uint64_t out[4];
	uint64_t mem[8];
};
_Static_assert(sizeof(struct isa_value) == 128, "isa.def has cases at the value's end");

#define ISA_UNTOUCHED 0x5e5e5e5e5e5e5e5eu

struct isa_run {
	uint64_t in[4];
	uint64_t out[4]; /* all ISA_UNTOUCHED before the run */
	uint32_t ret;
};

enum isa_fate {
	ISA_RUNS,      /* both engines run it */
	ISA_RUNS_OURS, /* the kernel refuses it with some errno, ours runs it */
	ISA_REFUSES,   /* both refuse with err */
	ISA_GUARDS,    /* the kernel refuses with err; ours refuses or ends it */
};

struct isa_case {
	char name[64];
	uint32_t prog_type;
	enum isa_fate fate;
	int err; /* positive errno */
	uint32_t insn_cnt;
	struct bpf_insn *insns;
	uint32_t run_cnt;
	struct isa_run *runs;
};

struct isa_cases {
	uint32_t cnt;
	struct isa_case *at;
};

/* Where a row's literal and its C expression disagree the process ends with a message. */
void isa_cases_make(struct isa_cases *ret_cases);
void isa_cases_free(struct isa_cases *cases);

/* The 64 bytes that packet and context programs see. */
void isa_packet_fill(uint8_t packet[ISA_PACKET]);

#endif
