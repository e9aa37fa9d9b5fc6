/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* btf_parse.h: reading BTF that nobody vouches for. */
#ifndef BPFMAP_BPF_BTF_PARSE_H
#define BPFMAP_BPF_BTF_PARSE_H

#include <stdint.h>

struct map_spec;

#define BTF_SIZE_MAX (16u << 20) /* the kernel's limit */

/* Is this well-formed BTF? Header, sections, every type, name and reference. 0; EINVAL, E2BIG or
 * ENOTSUP with a sentence, as the kernel answers BPF_BTF_LOAD. */
int btf_check(const void *bytes, uint32_t size);

/* Do the types fit a map as it is to be created? bytes has passed btf_check(). *ret_lock_plus1:
 * byte offset of the value's struct bpf_spin_lock, plus 1; 0: it has none. EINVAL, E2BIG, EACCES,
 * E524, EOPNOTSUPP. */
int btf_map_check(const void *bytes, uint32_t size, uint32_t key_type, uint32_t value_type,
		  const struct map_spec *spec, uint32_t *ret_lock_plus1);

#endif
