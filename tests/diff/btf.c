/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* btf.c: the two BTF objects that scripts need: a value with a spin lock, and a static function. */
#include "engine.h"

#include <linux/btf.h>
#include <string.h>

#define BLOB_WORDS 64

struct blob {
	struct btf_header header;
	uint32_t words[BLOB_WORDS];
	uint32_t count;
};

static void blob_add(struct blob *b, const uint32_t *words, uint32_t count)
{
	memcpy(b->words + b->count, words, count * sizeof(*words));
	b->count += count;
}
#define ADD(b, ...) \
	blob_add(b, (uint32_t[]){__VA_ARGS__}, sizeof((uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

/* The whole blob is *ret_size bytes from b on. */
static void blob_end(struct blob *b, const char *names, uint32_t names_size, uint32_t *ret_size)
{
	b->header = (struct btf_header){.magic = BTF_MAGIC,
					.version = BTF_VERSION,
					.hdr_len = sizeof(b->header),
					.type_len = b->count * 4,
					.str_off = b->count * 4,
					.str_len = names_size};
	memcpy(b->words + b->count, names, names_size);
	*ret_size = (uint32_t)sizeof(b->header) + b->count * 4 + names_size;
}

static long blob_load(struct engine *e, const struct blob *b, uint32_t size)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.btf = (uintptr_t)b;
	attr.btf_size = size;
	return e->call(BPF_BTF_LOAD, &attr, sizeof(attr));
}

/* struct { u32 a[off / 4]; struct bpf_spin_lock lock; u32 b[rest]; }; without a lock, u32 a[size / 4]. */
static void value_make_btf(struct blob *b, uint32_t lock_plus1, uint32_t value_size,
			   uint32_t *ret_size)
{
	static const char names[] = "\0u32\0bpf_spin_lock\0val\0a\0b";
	uint32_t lock_off = lock_plus1 ? lock_plus1 - 1 : value_size;
	uint32_t rest = lock_plus1 ? (value_size - lock_off) / 4 - 1 : 0;
	uint32_t members = (lock_plus1 > 0) + (lock_off > 0) + (rest > 0);

	ADD(b, 1, BTF_KIND_INT << 24, 4, 32);			/* 1: u32 */
	ADD(b, 5, BTF_KIND_STRUCT << 24 | 1, 4, 19, 1, 0);	/* 2: the lock */
	ADD(b, 0, BTF_KIND_ARRAY << 24, 0, 1, 1, lock_off / 4); /* 3 */
	ADD(b, 0, BTF_KIND_ARRAY << 24, 0, 1, 1, rest);		/* 4 */
	ADD(b, 0, BTF_KIND_STRUCT << 24 | members, value_size); /* 5: the value */
	if (lock_off)
		ADD(b, 23, 3, 0);
	if (lock_plus1)
		ADD(b, 19, 2, lock_off * 8);
	if (rest)
		ADD(b, 25, 4, (lock_off + 4) * 8);
	blob_end(b, names, sizeof(names), ret_size);
}

long btf_of_value(struct engine *e, const struct shape *shape)
{
	struct blob b = {.count = 0};
	uint32_t size;

	value_make_btf(&b, shape->lock_plus1, shape->value_size, &size);
	return blob_load(e, &b, size);
}

/* static int f(void) is type 3 */
long btf_of_function(struct engine *e)
{
	static const char names[] = "\0int\0f";
	struct blob b = {.count = 0};
	uint32_t size;

	ADD(&b, 1, BTF_KIND_INT << 24, 4, BTF_INT_SIGNED << 24 | 32);
	ADD(&b, 0, BTF_KIND_FUNC_PROTO << 24, 1);
	ADD(&b, 5, BTF_KIND_FUNC << 24 | BTF_FUNC_STATIC, 2);
	blob_end(&b, names, sizeof(names), &size);
	return blob_load(e, &b, size);
}

/* Types that refer to each other in circles are refused here too, but with another errno, or accepted where
 * that does no harm; and names may make a lock of what is none. Those words stay. */
static bool stays(uint32_t word)
{
	static const uint8_t words[] = {0, 8, 13, 14, 19, 20, 22, 26, 29, 32};

	return memchr(words, (int)word, sizeof(words)) != NULL;
}

long btf_spoilt(struct engine *e, int64_t at, uint8_t byte, uint32_t cut)
{
	struct blob b = {.count = 0};
	uint32_t size, byte_at;

	value_make_btf(&b, 9, 24, &size);
	byte_at = (uint32_t)((uint64_t)at % size);
	while (byte_at >= sizeof(b.header) && stays((byte_at - (uint32_t)sizeof(b.header)) / 4))
		byte_at += 4;
	if (at >= 0)
		((uint8_t *)&b)[byte_at] = byte;
	return blob_load(e, &b, size - cut % size);
}
