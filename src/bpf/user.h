/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* user.h: the caller's memory, by the numbers in the attribute block. Bad addresses are EFAULT, as
 * in the kernel, never a signal. user.c explains how and what it costs. */
#ifndef BPFMAP_BPF_USER_H
#define BPFMAP_BPF_USER_H

#include <stddef.h>
#include <stdint.h>

/* Scratch space for one value or key: small ones on the stack, big ones from malloc. */
struct user_buf {
	uint8_t small[256];
	void *big; /* NULL while small suffices */
};

/* The buffer for size bytes, or NULL (no memory). Ends with user_buf_free(). */
void *user_buf_get(struct user_buf *buf, size_t size);
void user_buf_free(struct user_buf *buf);

/* Copy size bytes from or to the caller. 0 or -EFAULT with a sentence that calls the memory
 * what. */
int user_copy_in(void *dst, uint64_t src, size_t size, const char *what);
int user_copy_out(uint64_t dst, const void *src, size_t size, const char *what);

/* 1 if the bytes are all zero, 0 if one is not; -EFAULT if what cannot be read comes before such a
 * one, as the kernel finds it. */
int user_all_zero(uint64_t addr, size_t size, const char *what);

/* 1 if all of [addr, addr + size) is known, without a system call, to be mapped and writable, so
 * that it may be used in place; 0 if it has to be copied. */
int user_is_plain(uint64_t addr, size_t size);

/* Bytes [addr, addr + size) of the caller for reading: *ret_ptr is addr itself or a copy in buf.
 * 0, -EFAULT, -ENOMEM. buf must outlive the use and be freed. */
int user_read(struct user_buf *buf, uint64_t addr, size_t size, const char *what,
	      const void **ret_ptr);

/* The caller's zero-terminated string, at most size bytes with its end. -EFAULT, -ENAMETOOLONG. */
int user_string(char *dst, uint64_t src, size_t size, const char *what);

#endif
