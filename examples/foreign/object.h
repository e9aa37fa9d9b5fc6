/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* object.h: the instructions of a section of an eBPF object file, with its map references filled
 * in: as much of a loader as the example needs. An application has libbpf, or its virtual machine's
 * own loader.
 */
#ifndef EXAMPLES_FOREIGN_OBJECT_H
#define EXAMPLES_FOREIGN_OBJECT_H

#include <linux/bpf.h>
#include <stdint.h>

/* The 64 bits that stand for a map, by its name; 0: there is none. */
typedef uint64_t object_map_fn(void *arg, const char *name);

/* *ret_insns is the caller's to free. 0, or -1 after a sentence on stderr. */
int object_read(const char *path, const char *section, object_map_fn *map, void *arg,
		struct bpf_insn **ret_insns, uint32_t *ret_count);

#endif
