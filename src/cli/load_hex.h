/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* load_hex.h: elements as hexadecimal text, "key 01 00 00 00 value 05 00", on one line or several,
 * as dump prints untyped elements. */
#ifndef BPFMAP_CLI_LOAD_HEX_H
#define BPFMAP_CLI_LOAD_HEX_H

#include "cli/mapref.h"

/* Where in an element the text stands. Zero it first. */
struct load_hex {
	enum { LOAD_HEX_NOWHERE, LOAD_HEX_KEY, LOAD_HEX_VALUE } part;
	size_t have; /* bytes of that part */
};

/* One line into buffers that stay the same until an element is complete. 1: it is; 0: more lines
 * are needed; -EINVAL with a sentence. */
int load_hex(const struct mapref *ref, struct load_hex *hex, const char *line, void *key,
	     void *value);

#endif
