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

static long blob_load(struct engine *e, struct blob *b, const char *names, uint32_t names_size)
{
	union bpf_attr attr;

	b->header = (struct btf_header){.magic = BTF_MAGIC,
					.version = BTF_VERSION,
					.hdr_len = sizeof(b->header),
					.type_len = b->count * 4,
					.str_off = b->count * 4,
					.str_len = names_size};
	memcpy(b->words + b->count, names, names_size);
	memset(&attr, 0, sizeof(attr));
	attr.btf = (uintptr_t)b;
	attr.btf_size = (uint32_t)sizeof(b->header) + b->count * 4 + names_size;
	return e->call(BPF_BTF_LOAD, &attr, sizeof(attr));
}

/* struct { u32 a[off / 4]; struct bpf_spin_lock lock; u32 b[rest]; } */
long btf_of_lock(struct engine *e, uint32_t lock_off, uint32_t value_size)
{
	static const char names[] = "\0u32\0bpf_spin_lock\0val\0a\0b";
	uint32_t rest = (value_size - lock_off) / 4 - 1, members = 1 + (lock_off > 0) + (rest > 0);
	struct blob b = {.count = 0};

	ADD(&b, 1, BTF_KIND_INT << 24, 4, 32);			 /* 1: u32 */
	ADD(&b, 5, BTF_KIND_STRUCT << 24 | 1, 4, 19, 1, 0);	 /* 2: the lock */
	ADD(&b, 0, BTF_KIND_ARRAY << 24, 0, 1, 1, lock_off / 4); /* 3 */
	ADD(&b, 0, BTF_KIND_ARRAY << 24, 0, 1, 1, rest);	 /* 4 */
	ADD(&b, 0, BTF_KIND_STRUCT << 24 | members, value_size); /* 5: the value */
	if (lock_off)
		ADD(&b, 23, 3, 0);
	ADD(&b, 19, 2, lock_off * 8);
	if (rest)
		ADD(&b, 25, 4, (lock_off + 4) * 8);
	return blob_load(e, &b, names, sizeof(names));
}

/* static int f(void) is type 3 */
long btf_of_function(struct engine *e)
{
	static const char names[] = "\0int\0f";
	struct blob b = {.count = 0};

	ADD(&b, 1, BTF_KIND_INT << 24, 4, BTF_INT_SIGNED << 24 | 32);
	ADD(&b, 0, BTF_KIND_FUNC_PROTO << 24, 1);
	ADD(&b, 5, BTF_KIND_FUNC << 24 | BTF_FUNC_STATIC, 2);
	return blob_load(e, &b, names, sizeof(names));
}
