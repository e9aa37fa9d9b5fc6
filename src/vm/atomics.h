/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* atomics.h: a program's atomic instructions, on words that hold no lock or structure of ours. The
 * wrappers of sync/atomics.h are for shared fields with an owner; here the program is the owner and
 * chooses the partner, so these functions are their own file.
 *
 * Orderings are the instruction set's: operations with BPF_FETCH, xchg and cmpxchg are fully
 * ordered; without fetch they are relaxed; load_acquire and store_release are what they say.
 */
#ifndef BPFMAP_VM_ATOMICS_H
#define BPFMAP_VM_ATOMICS_H

#include "sync/atomics.h"
#include "vm/insn.h"

#define ATOMIC_RMW(bits)                                                                          \
	/* Returns the word's former value; imm is the instruction's, r0 is for cmpxchg. */       \
	static inline uint##bits##_t word_rmw##bits(uint##bits##_t *word, uint32_t imm,           \
						    uint##bits##_t value, uint##bits##_t r0)      \
	{                                                                                         \
		switch (imm) {                                                                    \
		case BPF_ADD: return __atomic_fetch_add(word, value, __ATOMIC_RELAXED);           \
		case BPF_OR: return __atomic_fetch_or(word, value, __ATOMIC_RELAXED);             \
		case BPF_AND: return __atomic_fetch_and(word, value, __ATOMIC_RELAXED);           \
		case BPF_XOR: return __atomic_fetch_xor(word, value, __ATOMIC_RELAXED);           \
		case BPF_ADD | BPF_FETCH:                                                         \
			return __atomic_fetch_add(word, value, __ATOMIC_SEQ_CST);                 \
		case BPF_OR | BPF_FETCH: return __atomic_fetch_or(word, value, __ATOMIC_SEQ_CST); \
		case BPF_AND | BPF_FETCH:                                                         \
			return __atomic_fetch_and(word, value, __ATOMIC_SEQ_CST);                 \
		case BPF_XOR | BPF_FETCH:                                                         \
			return __atomic_fetch_xor(word, value, __ATOMIC_SEQ_CST);                 \
		case BPF_XCHG: return __atomic_exchange_n(word, value, __ATOMIC_SEQ_CST);         \
		default:                                                                          \
			CAS_EXPECTED(&r0);                                                        \
			__atomic_compare_exchange_n(word, &r0, value, 0, __ATOMIC_SEQ_CST,        \
						    __ATOMIC_SEQ_CST);                            \
			return r0;                                                                \
		}                                                                                 \
	}

ATOMIC_RMW(32)
ATOMIC_RMW(64)
#undef ATOMIC_RMW

static inline uint64_t word_load_acquire(const void *word, uint32_t bytes)
{
	switch (bytes) {
	case 1: return __atomic_load_n((const uint8_t *)word, __ATOMIC_ACQUIRE);
	case 2: return __atomic_load_n((const uint16_t *)word, __ATOMIC_ACQUIRE);
	case 4: return __atomic_load_n((const uint32_t *)word, __ATOMIC_ACQUIRE);
	default: return __atomic_load_n((const uint64_t *)word, __ATOMIC_ACQUIRE);
	}
}

static inline void word_store_release(void *word, uint32_t bytes, uint64_t value)
{
	switch (bytes) {
	case 1: __atomic_store_n((uint8_t *)word, (uint8_t)value, __ATOMIC_RELEASE); break;
	case 2: __atomic_store_n((uint16_t *)word, (uint16_t)value, __ATOMIC_RELEASE); break;
	case 4: __atomic_store_n((uint32_t *)word, (uint32_t)value, __ATOMIC_RELEASE); break;
	default: __atomic_store_n((uint64_t *)word, value, __ATOMIC_RELEASE); break;
	}
}

#endif
