/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* btf_parse_value.h: read a value of a BTF type from a C literal or JSON. */
#ifndef BPFMAP_CLI_BTF_PARSE_VALUE_H
#define BPFMAP_CLI_BTF_PARSE_VALUE_H

#include "cli/btf_type.h"

/* text: 5, -1, 0x2c, 'c', true, ENUMERATOR, "string", { .a = 1, .b = { 2, 3 } }, {"a":1,"b":[2,3]}.
 * ret_data holds size bytes (what btf_type_bytes() says) and is overwritten where text says so: the
 * caller fills it with what omitted members shall be. EINVAL, ERANGE with a sentence that calls the
 * whole by the name what. */
int btf_parse_value(const struct btf *btf, uint32_t type_id, const char *what, const char *text,
		    void *ret_data, size_t size);

#endif
