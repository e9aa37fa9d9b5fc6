/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* data.h: DATA, a key or value on the command line. */
#ifndef BPFMAP_CLI_DATA_H
#define BPFMAP_CLI_DATA_H

#include "cli/args.h"

struct btf;

/* What is to be read. */
struct data_want {
	const char *what; /* "key", "value": for sentences */
	size_t size;	  /* bytes */
	const struct btf *btf;
	uint32_t type_id; /* 0: there is no type */
};

/* DATA := [hex] BYTE... | NUMBER | TYPED. Bytes are as bpftool takes them, but checked; one number
 * alone fills 2, 4 or 8 bytes without a type; a typed value is one word or, when it begins with a
 * brace, the words up to the closing one. ret_data holds size bytes. 0 or an exit code, the
 * sentence printed. */
int data_parse(struct args *args, const struct data_want *want, void *ret_data);

/* DATA of a length of its own, at most want->size: [hex] BYTE... | TEXT | "TEXT". One word is text;
 * in quotes it may begin with a digit, and \\ goes before a quote or a backslash. */
int data_parse_variable(struct args *args, const struct data_want *want, void *ret_data,
			uint32_t *ret_len);

#endif
