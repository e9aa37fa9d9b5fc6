/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* opts.h: reading libbpf's option structs, which carry their size: a caller that was compiled
 * against another version passes a shorter or a longer one. */
#ifndef BPFMAP_COMPAT_OPTS_H
#define BPFMAP_COMPAT_OPTS_H

#include <stddef.h>

/* 1 if the field is within the caller's struct. */
#define OPTS_HAS(opts, field) \
	((opts) && (opts)->sz >= offsetof(__typeof__(*(opts)), field) + sizeof((opts)->field))

/* The field, or zero. */
#define OPTS(opts, field) (OPTS_HAS(opts, field) ? (opts)->field : (__typeof__((opts)->field))0)

#define OPTS_PUT(opts, field, value)             \
	do {                                     \
		if (OPTS_HAS(opts, field))       \
			(opts)->field = (value); \
	} while (0)

/* No struct, or one whose bytes beyond what this version knows are zero. */
#define OPTS_OK(opts, type) (!(opts) || opts_tail_zero((opts), (opts)->sz, sizeof(struct type)))

static inline int opts_tail_zero(const void *opts, size_t size, size_t known)
{
	const char *bytes = opts;

	if (size < sizeof(size_t))
		return 0;
	for (size_t i = known; i < size; i++)
		if (bytes[i])
			return 0;
	return 1;
}

#endif
