/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* lines.h: source lines of instructions, from BTF line_info, for messages. */
#ifndef BPFMAP_VM_LINES_H
#define BPFMAP_VM_LINES_H

#include "vm/vm.h"

#include <stdbool.h>

struct vm_lines {
	struct bpf_line_info *infos; /* sorted by insn_off as far as the input was */
	uint32_t info_cnt;
	char *strings; /* BTF's string section, NUL-terminated */
	uint32_t string_bytes;
};

/* Copy what is usable. Malformed BTF only means that messages have no lines. 0 or -ENOMEM. */
int lines_copy(const struct vm_load *load, struct vm_lines *ret_lines);
void lines_free(struct vm_lines *lines);

/* "file.c:12" for an instruction into buf; false if unknown. */
bool lines_name(const struct vm_lines *lines, uint32_t insn, char *buf, size_t size);

#endif
