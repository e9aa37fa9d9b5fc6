/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* insn.c: finding an instruction's row in insn.def, and its text. */
#include "vm/insn.h"

#include <stdio.h>
#include <string.h>

const struct vm_insn_row vm_insn_rows[VM_OP_COUNT] = {
#define INSN(ID, code, variant, class, text) [VM_OP_##ID] = {code, VM_CLASS_##class, variant, text},
#include "vm/insn.def"
#undef INSN
};

static int variant_of(const struct bpf_insn *insn, uint8_t class)
{
	switch (class) {
	case VM_CLASS_ALU_K:
	case VM_CLASS_ALU_X: return insn->off;
	case VM_CLASS_END:
	case VM_CLASS_ATOMIC:
	case VM_CLASS_LOAD_ACQ:
	case VM_CLASS_STORE_REL: return insn->imm;
	case VM_CLASS_CALL: return insn->src_reg;
	default: return 0;
	}
}

int insn_op(const struct bpf_insn *insn)
{
	for (int op = 0; op < VM_OP_COUNT; op++) {
		const struct vm_insn_row *row = &vm_insn_rows[op];

		if (row->code == insn->code && row->variant == variant_of(insn, row->class))
			return op;
	}
	return -1;
}

static int text_field(const struct bpf_insn *insn, uint32_t at, char what, char *buf, size_t size)
{
	int distance = insn->off;

	switch (what) {
	case 'd': return snprintf(buf, size, "%u", insn->dst_reg);
	case 's': return snprintf(buf, size, "%u", insn->src_reg);
	case 'i': return snprintf(buf, size, "%d", insn->imm);
	case 'o': return snprintf(buf, size, "%+d", insn->off);
	case 't':
		if (insn->code == (BPF_JMP32 | BPF_JA) || insn->code == (BPF_JMP | BPF_CALL))
			distance = insn->imm;
		return snprintf(buf, size, "insn %lld", (long long)at + 1 + distance);
	default: return snprintf(buf, size, "%c", what);
	}
}

const char *insn_text(const struct bpf_insn *insn, uint32_t at, char *buf, size_t size)
{
	int op = insn_op(insn);
	size_t len = 0;
	const char *p;

	if (op < 0) {
		snprintf(buf, size, "opcode 0x%02x", insn->code);
		return buf;
	}
	buf[0] = '\0';
	for (p = vm_insn_rows[op].text; *p && len + 1 < size; p++) {
		if (*p == '%') {
			len += (size_t)text_field(insn, at, *++p, buf + len, size - len);
			continue;
		}
		buf[len++] = *p;
		buf[len] = '\0';
	}
	return buf;
}
