/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* types_info.c: freeze and OBJ_GET_INFO_BY_FD (SEMANTICS section 15). */
#include "types.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define INFO_SIZE 104 /* sizeof(struct bpf_map_info) of Linux 6.18 */
#define INFO_HASH 88  /* offset of the two fields that are inputs */
#define INFO_ROOM 4200

/* Members that two engines number on their own: id, btf_id. */
static const struct {
	uint32_t at;
	uint32_t bytes;
} numbered[] = {{4, 4}, {64, 4}};

static void freeze_once(struct pair *p)
{
	long answer[ENGINES] = {0, 0}, model = 0;

	for (unsigned int e = 0; e < p->engines; e++) {
		union bpf_attr attr;

		memset(&attr, 0, sizeof(attr));
		attr.map_fd = (uint32_t)p->fd[e];
		answer[e] = engine_call(e, BPF_MAP_FREEZE, &attr);
	}
	if (p->model.lock_plus1)
		model = -ERR_NOTSUPP;
	else if (!p->may_write || p->frozen)
		model = -EPERM;
	expect_answer(p, "freeze", answer, model);
	if (model == 0)
		p->frozen = true;
}

void group_freeze(struct pair *p)
{
	freeze_once(p);
	pair_update(p, 0, BPF_ANY);
	pair_delete(p, 0);
	freeze_once(p);
	pair_update(p, pair_keys(p), BPF_ANY);
	pair_compare_contents(p);
}

/* How much is asked for, and what stands in the buffer beforehand. */
struct info_request {
	uint32_t len;
	uint32_t tail_at; /* a non-zero byte there; 0: none */
	enum where at;
	uint32_t hash_size;
	enum where hash_at;
};

static long info_run(struct pair *p, enum engine e, const struct info_request *r,
		     unsigned char **ret_info, uint32_t *ret_len, uint64_t *ret_hash)
{
	static unsigned char start[INFO_ROOM];
	uint64_t hash = r->hash_size ? slot_at(e, SLOT_OUT, r->hash_at, NULL, r->hash_size) : 0;
	union bpf_attr attr;
	long result;

	memset(start, 0, sizeof(start));
	memcpy(start + INFO_HASH, &hash, sizeof(hash));
	memcpy(start + INFO_HASH + 8, &r->hash_size, sizeof(r->hash_size));
	if (r->tail_at)
		start[r->tail_at] = 1;
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)p->fd[e];
	attr.info.info_len = r->len;
	attr.info.info = slot_at(e, SLOT_VALUE, r->at, start, r->len);
	result = engine_call(e, BPF_OBJ_GET_INFO_BY_FD, &attr);
	*ret_info = (void *)(uintptr_t)attr.info.info;
	*ret_len = attr.info.info_len;
	*ret_hash = hash;
	return result;
}

/* Numbers are replaced by whether there is one. */
static void info_mask(unsigned char *info, uint32_t len)
{
	static const unsigned char zero[8];

	for (uint32_t i = 0; i < 2; i++) {
		if (numbered[i].at + numbered[i].bytes <= len)
			info[numbered[i].at] =
				memcmp(info + numbered[i].at, zero, numbered[i].bytes) != 0;
		for (uint32_t b = 1; b < numbered[i].bytes; b++)
			if (numbered[i].at + b < len)
				info[numbered[i].at + b] = 0;
	}
	/* The pointer that was passed in. */
	if (len >= INFO_HASH + 8)
		memset(info + INFO_HASH, 0, 8);
}

static void check_model(struct pair *p, const unsigned char *info, uint32_t len)
{
	const uint32_t want[] = {p->model.type,	       0,
				 p->shape->key_size,   p->shape->value_size,
				 p->model.max_entries, p->shape->flags};
	uint32_t got[6];

	if (len < sizeof(got))
		return;
	memcpy(got, info, sizeof(got));
	got[1] = 0;
	expect_equal(p, "info", "ours", got, want, sizeof(got));
}

static void compare_info(struct pair *p, const struct info_request *r, long model)
{
	long answer[ENGINES] = {0, 0}, length[ENGINES] = {0, 0};
	unsigned char *info[ENGINES];
	uint64_t hash[ENGINES];
	uint32_t len[ENGINES];
	char what[80];

	snprintf(what, sizeof(what), "info length %u at@%d tail %u hash %u@%d", r->len, r->at,
		 r->tail_at, r->hash_size, r->hash_at);
	for (unsigned int e = 0; e < p->engines; e++) {
		answer[e] = info_run(p, e, r, &info[e], &len[e], &hash[e]);
		length[e] = len[e];
	}
	expect_answer(p, what, answer, model);
	expect_answer(p, what, length, ANSWER_ANY);
	if (answer[OURS] || r->at != AT_GOOD)
		return;
	check_model(p, info[OURS], len[OURS]);
	if (p->engines < 2 || answer[KERNEL])
		return;
	info_mask(info[OURS], len[OURS]);
	info_mask(info[KERNEL], len[OURS]);
	expect_equal(p, what, "info", info[OURS], info[KERNEL], len[OURS]);
	if (r->hash_size == 32 && r->hash_at == AT_GOOD)
		expect_equal(p, what, "hash", (void *)(uintptr_t)hash[OURS],
			     (void *)(uintptr_t)hash[KERNEL], 32);
}

static long hash_answer(const struct pair *p, const struct info_request *r)
{
	if (!r->hash_size)
		return 0;
	if (p->model.type != BPF_MAP_TYPE_ARRAY || r->hash_size != 32)
		return -EINVAL;
	return ANSWER_ANY; /* the kernel's say */
}

void group_info(struct pair *p)
{
	static const uint32_t lens[] = {0,  1,	 4,	    24,	 40,  63,  80,
					88, 103, INFO_SIZE, 105, 200, 4096};
	struct info_request r = {.len = INFO_SIZE};

	for (uint32_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		r.len = lens[i];
		compare_info(p, &r, 0);
	}
	r.len = 4097;
	compare_info(p, &r, -E2BIG);
	r.len = 200;
	r.tail_at = 150;
	compare_info(p, &r, -E2BIG);
	r = (struct info_request){.len = INFO_SIZE};
	for (int at = AT_NULL; at < WHERES; at++) {
		r.at = (enum where)at;
		compare_info(p, &r, -EFAULT);
	}
	r.at = AT_GOOD;
	for (uint32_t size = 31; size <= 33; size++) {
		r.hash_size = size;
		for (int at = AT_GOOD; at < WHERES; at++) {
			r.hash_at = (enum where)at;
			compare_info(p, &r, hash_answer(p, &r));
		}
	}
}
