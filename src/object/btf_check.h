/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* btf_check.h: what libbpf believes of an object's BTF without looking. */
#ifndef BPFMAP_OBJECT_BTF_CHECK_H
#define BPFMAP_OBJECT_BTF_CHECK_H

#include <stdbool.h>

struct btf;

/* True if every name and every type that a type refers to is there. libbpf takes that for granted
 * in object files. */
bool btf_refs_are_sound(const struct btf *btf);

#endif
