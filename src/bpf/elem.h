/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* elem.h: checks that the single and the batch element commands share. */
#ifndef BPFMAP_BPF_ELEM_H
#define BPFMAP_BPF_ELEM_H

#include "bpf/fd.h"
#include "map/map.h"

/* An op that copies one value out. */
typedef int elem_read_op(struct bpfmap *map, const void *key, void *ret_value);

/* May the descriptor be used to read, to write? 0 or -EPERM. Writing: not frozen, too. */
int elem_may_read(const struct fd_ref *ref);
int elem_may_write(const struct fd_ref *ref);

/* BPF_F_LOCK needs a spin lock in the value. 0 or -EINVAL. */
int elem_lock_check(const struct bpfmap *map, uint64_t flags);

/* -E524: the type lacks the operation called what. -EOPNOTSUPP: only maps with BPFMAP_F_VARIABLE
 * do. */
int elem_unsupported(const struct bpfmap *map, const char *what);

/* The read op for these (checked) flags: plain, or under the value's spin lock. */
static inline elem_read_op *elem_reader(const struct bpfmap *map, uint64_t flags)
{
	return flags & BPF_F_LOCK ? map->ops->read_locked : map->ops->read;
}

#endif
