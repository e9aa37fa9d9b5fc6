/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* private.h: words and pointers that the threads of one process share without a lock. Same naming
 * as sync/atomics.h (the ordering is in the function's name, its tag beside the call), but the
 * memory is this process's own: what is read is no input and may be used as it is.
 *
 * seq_cst: one total order of all accesses named so, for two threads that each store and then look
 * at what the other stored.
 */
#ifndef BPFMAP_SYNC_PRIVATE_H
#define BPFMAP_SYNC_PRIVATE_H

#include <stdint.h>

struct private_ptr {
	void *raw;
};

struct private_u32 {
	uint32_t raw;
};

#define PRIVATE_WORD_OPS(name, type)                                                           \
	static inline type private_##name##_load_relaxed(const struct private_##name *w)       \
	{                                                                                      \
		return __atomic_load_n(&w->raw, __ATOMIC_RELAXED);                             \
	}                                                                                      \
	static inline type private_##name##_load_acquire(const struct private_##name *w)       \
	{                                                                                      \
		return __atomic_load_n(&w->raw, __ATOMIC_ACQUIRE);                             \
	}                                                                                      \
	static inline type private_##name##_load_seq_cst(const struct private_##name *w)       \
	{                                                                                      \
		return __atomic_load_n(&w->raw, __ATOMIC_SEQ_CST);                             \
	}                                                                                      \
	static inline void private_##name##_store_release(struct private_##name *w, type v)    \
	{                                                                                      \
		__atomic_store_n(&w->raw, v, __ATOMIC_RELEASE);                                \
	}                                                                                      \
	static inline void private_##name##_store_seq_cst(struct private_##name *w, type v)    \
	{                                                                                      \
		__atomic_store_n(&w->raw, v, __ATOMIC_SEQ_CST);                                \
	}                                                                                      \
	/* The value before. */                                                                \
	static inline type private_##name##_exchange_relaxed(struct private_##name *w, type v) \
	{                                                                                      \
		return __atomic_exchange_n(&w->raw, v, __ATOMIC_RELAXED);                      \
	}

/* Counting up and down. The value before. */
#define PRIVATE_COUNT_OPS(name, type)                                                     \
	static inline type private_##name##_add_acq_rel(struct private_##name *w, type v) \
	{                                                                                 \
		return __atomic_fetch_add(&w->raw, v, __ATOMIC_ACQ_REL);                  \
	}

PRIVATE_WORD_OPS(u32, uint32_t)
PRIVATE_COUNT_OPS(u32, uint32_t)

PRIVATE_WORD_OPS(ptr, void *)

#endif
