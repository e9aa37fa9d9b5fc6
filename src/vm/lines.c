/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* lines.c: source lines of instructions. BTF is input: every offset is checked against the size
 * before use, and what does not fit is left out.
 */
#include "vm/lines.h"

#include "base/error.h"

#include <errno.h>
#include <linux/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int strings_copy(const struct vm_load *load, struct vm_lines *lines)
{
	struct btf_header hdr;
	uint64_t start;

	if (!load->btf || load->btf_size < sizeof(hdr))
		return 0;
	memcpy(&hdr, load->btf, sizeof(hdr));
	start = (uint64_t)hdr.hdr_len + hdr.str_off;
	if (hdr.magic != BTF_MAGIC || start > load->btf_size ||
	    hdr.str_len > load->btf_size - start)
		return 0;
	lines->strings = malloc((size_t)hdr.str_len + 1);
	if (!lines->strings)
		return fail(ENOMEM, "no memory for the program's source lines");
	memcpy(lines->strings, (const char *)load->btf + start, hdr.str_len);
	lines->strings[hdr.str_len] = '\0';
	lines->string_bytes = hdr.str_len;
	return 0;
}

int lines_copy(const struct vm_load *load, struct vm_lines *ret_lines)
{
	struct vm_lines lines = {0};
	int err;

	err = strings_copy(load, &lines);
	if (err)
		return err;
	if (lines.strings && load->line_info && load->line_info_cnt &&
	    load->line_info_rec_size >= sizeof(*lines.infos)) {
		lines.infos = calloc(load->line_info_cnt, sizeof(*lines.infos));
		if (!lines.infos) {
			lines_free(&lines);
			return fail(ENOMEM, "no memory for the program's source lines");
		}
		for (uint32_t i = 0; i < load->line_info_cnt; i++)
			memcpy(&lines.infos[i],
			       (const char *)load->line_info + (size_t)i * load->line_info_rec_size,
			       sizeof(*lines.infos));
		lines.info_cnt = load->line_info_cnt;
	}
	*ret_lines = lines;
	return 0;
}

void lines_free(struct vm_lines *lines)
{
	free(lines->infos);
	free(lines->strings);
	*lines = (struct vm_lines){0};
}

bool lines_name(const struct vm_lines *lines, uint32_t insn, char *buf, size_t size)
{
	const struct bpf_line_info *best = NULL;
	const char *path;
	const char *slash;

	for (uint32_t i = 0; i < lines->info_cnt; i++) {
		const struct bpf_line_info *info = &lines->infos[i];

		if (info->insn_off <= insn && (!best || info->insn_off >= best->insn_off))
			best = info;
	}
	if (!best || best->file_name_off >= lines->string_bytes)
		return false;
	path = lines->strings + best->file_name_off;
	slash = strrchr(path, '/');
	snprintf(buf, size, "%s:%u", slash ? slash + 1 : path,
		 BPF_LINE_INFO_LINE_NUM(best->line_col));
	return true;
}
