/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* keyless.h: the kernel's map types without keys. For tests that make a map of any type. */
#ifndef TESTS_SUPPORT_KEYLESS_H
#define TESTS_SUPPORT_KEYLESS_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>

static inline bool type_is_keyless(uint32_t type)
{
	return type == BPF_MAP_TYPE_BLOOM_FILTER || type == BPF_MAP_TYPE_QUEUE ||
	       type == BPF_MAP_TYPE_STACK;
}

#endif
