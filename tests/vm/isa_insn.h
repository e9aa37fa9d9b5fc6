/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* isa_insn.h: eBPF instructions as C initialisers, for tests that write programs by hand.
 *
 * Map references are written as indices into the engine's list of maps (isa_engine.h); each engine
 * puts its own descriptors in their place when it loads the program.
 */
#ifndef BPFMAP_TESTS_VM_ISA_INSN_H
#define BPFMAP_TESTS_VM_ISA_INSN_H

#include <linux/bpf.h>
#include <stdint.h>

/* Mode bits and modifiers that Debian 12's <linux/bpf.h> does not have yet (ISA v4). */
#define ISA_MEMSX 0x80
/* Atomics that the kernel has since 6.15. */
#define ISA_LOAD_ACQ  0x100
#define ISA_STORE_REL 0x110

#define R0 0
#define R1 1
#define R2 2
#define R3 3
#define R4 4
#define R5 5
#define R6 6
#define R7 7
#define R8 8
#define R9 9
#define FP 10

#define RAW(c, d, s, o, i) \
	((struct bpf_insn){.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)})

#define ALU64_REG(op, d, s) RAW(BPF_ALU64 | (op) | BPF_X, d, s, 0, 0)
#define ALU64_IMM(op, d, i) RAW(BPF_ALU64 | (op) | BPF_K, d, 0, 0, i)
#define ALU32_REG(op, d, s) RAW(BPF_ALU | (op) | BPF_X, d, s, 0, 0)
#define ALU32_IMM(op, d, i) RAW(BPF_ALU | (op) | BPF_K, d, 0, 0, i)
#define MOV_REG(d, s)	    ALU64_REG(BPF_MOV, d, s)
#define MOV_IMM(d, i)	    ALU64_IMM(BPF_MOV, d, i)
#define ADD_REG(d, s)	    ALU64_REG(BPF_ADD, d, s)
#define ADD_IMM(d, i)	    ALU64_IMM(BPF_ADD, d, i)
#define LSH_IMM(d, i)	    ALU64_IMM(BPF_LSH, d, i)
#define RSH_IMM(d, i)	    ALU64_IMM(BPF_RSH, d, i)
#define OR_REG(d, s)	    ALU64_REG(BPF_OR, d, s)

#define LDX(size, d, s, o)	  RAW(BPF_LDX | BPF_MEM | (size), d, s, o, 0)
#define LDSX(size, d, s, o)	  RAW(BPF_LDX | ISA_MEMSX | (size), d, s, o, 0)
#define STX(size, d, s, o)	  RAW(BPF_STX | BPF_MEM | (size), d, s, o, 0)
#define ST(size, d, o, i)	  RAW(BPF_ST | BPF_MEM | (size), d, 0, o, i)
#define LOCKED(size, op, d, s, o) RAW(BPF_STX | BPF_ATOMIC | (size), d, s, o, op)
#define LD_ABS(size, i)		  RAW(BPF_LD | BPF_ABS | (size), 0, 0, 0, i)
#define LD_IND(size, s, i)	  RAW(BPF_LD | BPF_IND | (size), 0, s, 0, i)

/* Two slots each. */
#define LD_PAIR(d, s, lo, hi) RAW(BPF_LD | BPF_IMM | BPF_DW, d, s, 0, lo), RAW(0, 0, 0, 0, hi)
#define LD_IMM64(d, v)	      LD_PAIR(d, 0, (int32_t)(uint32_t)(v), (int32_t)((uint64_t)(v) >> 32))
#define LD_MAP(d, index)      LD_PAIR(d, BPF_PSEUDO_MAP_FD, index, 0)
#define LD_VALUE(d, index, o) LD_PAIR(d, BPF_PSEUDO_MAP_VALUE, index, o)
#define LD_FUNC(d, delta)     LD_PAIR(d, BPF_PSEUDO_FUNC, delta, 0)

#define JMP_REG(op, d, s, o)   RAW(BPF_JMP | (op) | BPF_X, d, s, o, 0)
#define JMP_IMM(op, d, i, o)   RAW(BPF_JMP | (op) | BPF_K, d, 0, o, i)
#define JMP32_REG(op, d, s, o) RAW(BPF_JMP32 | (op) | BPF_X, d, s, o, 0)
#define JMP32_IMM(op, d, i, o) RAW(BPF_JMP32 | (op) | BPF_K, d, 0, o, i)
#define JA(o)		       RAW(BPF_JMP | BPF_JA, 0, 0, o, 0)
#define GOTOL(i)	       RAW(BPF_JMP32 | BPF_JA, 0, 0, 0, i)
#define CALL(helper)	       RAW(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
#define CALL_LOCAL(delta)      RAW(BPF_JMP | BPF_CALL, 0, BPF_PSEUDO_CALL, 0, delta)
#define EXIT		       RAW(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)

/* Is the instruction the first slot of a 16-byte one? */
static inline int insn_is_wide(const struct bpf_insn *insn)
{
	return insn->code == (BPF_LD | BPF_IMM | BPF_DW);
}

#endif
