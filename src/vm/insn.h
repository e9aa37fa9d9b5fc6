/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* insn.h: operations, their classes and their text; all from insn.def. */
#ifndef BPFMAP_VM_INSN_H
#define BPFMAP_VM_INSN_H

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

/* src_reg of a call: <linux/bpf.h> has no name for a plain helper call. */
#define BPF_PSEUDO_HELPER 0

enum vm_op {
#define INSN(ID, code, variant, class, text) VM_OP_##ID,
#include "vm/insn.def"
#undef INSN
	VM_OP_COUNT
};

/* Which fields an instruction uses. Fields that are not named here are reserved and must be 0. */
enum vm_class {
	VM_CLASS_ALU_K,	    /* dst, imm; off is the variant */
	VM_CLASS_ALU_X,	    /* dst, src; off is the variant */
	VM_CLASS_NEG,	    /* dst */
	VM_CLASS_END,	    /* dst; imm is the variant */
	VM_CLASS_JMP_K,	    /* dst, imm, off */
	VM_CLASS_JMP_X,	    /* dst, src, off */
	VM_CLASS_JA,	    /* off */
	VM_CLASS_JA32,	    /* imm is the jump's distance */
	VM_CLASS_CALL,	    /* imm; src is the variant */
	VM_CLASS_EXIT,	    /* none */
	VM_CLASS_IMM64,	    /* dst, src (what imm means), two slots' imm */
	VM_CLASS_ABS,	    /* imm */
	VM_CLASS_IND,	    /* src, imm */
	VM_CLASS_LDX,	    /* dst, src, off */
	VM_CLASS_ST,	    /* dst, off, imm */
	VM_CLASS_STX,	    /* dst, src, off */
	VM_CLASS_ATOMIC,    /* dst, src, off; imm is the variant */
	VM_CLASS_LOAD_ACQ,  /* as ATOMIC */
	VM_CLASS_STORE_REL, /* as ATOMIC */
	VM_CLASS_COUNT
};

struct vm_insn_row {
	uint8_t code;
	uint8_t class; /* enum vm_class */
	int16_t variant;
	const char *text;
};

/* Indexed by enum vm_op. */
extern const struct vm_insn_row vm_insn_rows[VM_OP_COUNT];

/* The instruction's row as an enum vm_op, or -1 with an unknown opcode or variant. */
int insn_op(const struct bpf_insn *insn);

/* The instruction as text, for messages; at is its number. Returns buf. */
const char *insn_text(const struct bpf_insn *insn, uint32_t at, char *buf, size_t size);

/* Bytes that a load, store or atomic touches. */
static inline uint32_t insn_access_bytes(uint8_t code)
{
	static const uint8_t bytes[4] = {4, 2, 1, 8};

	return bytes[(code >> 3) & 3];
}

#endif
