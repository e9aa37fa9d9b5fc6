/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* atomics.h: shared words and the only ways to touch them. The ordering is in the function's name;
 * a plain access to a shared field does not compile, because the field is a struct.
 *
 * There are no fences: ThreadSanitizer does not understand them, and on the machines we run on an
 * acquire load or a release store costs no more.
 */
#ifndef BPFMAP_SYNC_ATOMICS_H
#define BPFMAP_SYNC_ATOMICS_H

#include "sync/seam.h"

#include <stdbool.h>
#include <stdint.h>

struct shm_u32 {
	uint32_t raw;
};

struct shm_u64 {
	uint64_t raw __attribute__((aligned(8)));
};

/* A hint: it is only loaded and stored. */
struct shm_u8 {
	uint8_t raw;
};

static inline uint8_t shm_u8_load_relaxed(const struct shm_u8 *w)
{
	return __atomic_load_n(&w->raw, __ATOMIC_RELAXED);
}

static inline void shm_u8_store_relaxed(struct shm_u8 *w, uint8_t v)
{
	seam_step();
	__atomic_store_n(&w->raw, v, __ATOMIC_RELAXED);
}

/* gcc for RISC-V before 13.3 compares a whole register with a 32-bit word (its bug 114130),
 * whatever is in the upper half: what is expected is loaded anew, which extends it as it should
 * be. */
#ifdef __riscv
#define CAS_EXPECTED(expected) __asm__("" : "+m"(*(expected)))
#else
#define CAS_EXPECTED(expected) ((void)0)
#endif

_Static_assert(__atomic_always_lock_free(8, 0), "shared words need lock-free 64-bit atomics");

#define SHM_WORD_OPS(bits)                                                                         \
	static inline uint##bits##_t shm_u##bits##_load_relaxed(const struct shm_u##bits *w)       \
	{                                                                                          \
		return __atomic_load_n(&w->raw, __ATOMIC_RELAXED);                                 \
	}                                                                                          \
	static inline uint##bits##_t shm_u##bits##_load_acquire(const struct shm_u##bits *w)       \
	{                                                                                          \
		return __atomic_load_n(&w->raw, __ATOMIC_ACQUIRE);                                 \
	}                                                                                          \
	static inline void shm_u##bits##_store_relaxed(struct shm_u##bits *w, uint##bits##_t v)    \
	{                                                                                          \
		seam_step();                                                                       \
		__atomic_store_n(&w->raw, v, __ATOMIC_RELAXED);                                    \
	}                                                                                          \
	static inline void shm_u##bits##_store_release(struct shm_u##bits *w, uint##bits##_t v)    \
	{                                                                                          \
		seam_step();                                                                       \
		__atomic_store_n(&w->raw, v, __ATOMIC_RELEASE);                                    \
	}                                                                                          \
	/* *expected becomes the value found when it was another one. */                           \
	static inline bool shm_u##bits##_cas_acq_rel(struct shm_u##bits *w,                        \
						     uint##bits##_t *expected, uint##bits##_t v)   \
	{                                                                                          \
		seam_step();                                                                       \
		CAS_EXPECTED(expected);                                                            \
		return __atomic_compare_exchange_n(&w->raw, expected, v, false, __ATOMIC_ACQ_REL,  \
						   __ATOMIC_ACQUIRE);                              \
	}                                                                                          \
	static inline uint##bits##_t shm_u##bits##_add_relaxed(struct shm_u##bits *w,              \
							       uint##bits##_t v)                   \
	{                                                                                          \
		seam_step();                                                                       \
		return __atomic_fetch_add(&w->raw, v, __ATOMIC_RELAXED);                           \
	}                                                                                          \
	static inline uint##bits##_t shm_u##bits##_or_relaxed(struct shm_u##bits *w,               \
							      uint##bits##_t v)                    \
	{                                                                                          \
		seam_step();                                                                       \
		return __atomic_fetch_or(&w->raw, v, __ATOMIC_RELAXED);                            \
	}                                                                                          \
	/* Raise to at least v. */                                                                 \
	static inline void shm_u##bits##_max_relaxed(struct shm_u##bits *w, uint##bits##_t v)      \
	{                                                                                          \
		uint##bits##_t seen = __atomic_load_n(&w->raw, __ATOMIC_RELAXED);                  \
                                                                                                   \
		while (seen < v) {                                                                 \
			seam_step();                                                               \
			if (__atomic_compare_exchange_n(&w->raw, &seen, v, true, __ATOMIC_RELAXED, \
							__ATOMIC_RELAXED))                         \
				break;                                                             \
		}                                                                                  \
	}

SHM_WORD_OPS(32)
SHM_WORD_OPS(64)

/* A moment for the other hardware thread while spinning. */
#if defined(__x86_64__)
static inline void cpu_relax(void)
{
	__builtin_ia32_pause();
}
#elif defined(__aarch64__)
static inline void cpu_relax(void)
{
	__asm__ volatile("yield");
}
#else
static inline void cpu_relax(void)
{
	__asm__ volatile("" ::: "memory");
}
#endif

#endif
