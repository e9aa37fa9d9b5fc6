/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* types.h: every type of types.def in lock step with the live kernel and with a plain model.
 *
 * A pair is one map twice, ours (bpfmap_bpf) and the kernel's (the system call), and its model. Each
 * request goes to both with buffers of their own that end where the readable memory ends, and the
 * answers, the bytes written and, afterwards, the contents are compared with each other and with
 * what the model says. Where bpf(2) is not permitted there is no second map.
 *
 * Not compared: which of its buckets a hash walks first, what a Bloom filter says of values that were
 * never pushed, and LRU maps with the kernel once the kernel's may evict (it gives elements up in
 * groups; ours one for one, which the model knows).
 */
#ifndef TESTS_CONTRACT_TYPES_H
#define TESTS_CONTRACT_TYPES_H

#include "model_map.h"

#include <linux/bpf.h>
#include <stdbool.h>
#include <stdint.h>

#define ERR_NOTSUPP 524	      /* "not supported" inside the kernel; no name in <errno.h> */
#define ANSWER_ANY  INT32_MIN /* the model cannot tell */

enum engine { OURS, KERNEL, ENGINES };

/* What a map is created with. */
struct shape {
	uint32_t key_size;
	uint32_t value_size;
	uint32_t max_entries;
	uint32_t flags;
	uint32_t lock_plus1; /* a struct bpf_spin_lock in the value, by BTF */
	uint64_t map_extra;
};

/* Where a pointer of a request points. */
enum where {
	AT_GOOD, /* the last byte that is needed is the last one that can be accessed */
	AT_NULL,
	AT_ONE,	 /* address 1 */
	AT_HOLE, /* memory without access */
	AT_EDGE, /* the last byte cannot be accessed */
};
#define WHERES 5

enum state {
	STATE_EMPTY,
	STATE_ONE,
	STATE_PARTLY,
	STATE_FULL,
	STATE_OVERFULL, /* full, and more was tried */
	STATE_DELETED,	/* full, then every second element deleted */
	STATE_FROZEN,
	STATE_RDONLY, /* the descriptor under test is */
	STATE_WRONLY,
	STATES
};

struct pair {
	const char *word; /* the type's, as in types.def */
	const struct shape *shape;
	enum state state;
	struct model_map model;
	unsigned int engines;	  /* 2, or 1: ours only */
	int full_fd[ENGINES];	  /* may everything */
	int fd[ENGINES];	  /* under test */
	bool may_read, may_write; /* through fd, while not frozen */
	bool frozen;
	uint32_t serial; /* makes values differ */
};

/* types_pair.c */
extern bool kernel_answers;
extern uint64_t comparisons, failures, failures_shown;
void types_begin(void);
uint32_t types_cpus(void);
/* True if ours was made; a map that cannot be made is a failure that has been reported. */
bool pair_open(struct pair *p, uint32_t type, const char *word, const struct shape *shape);
void pair_close(struct pair *p);
void pair_enter_state(struct pair *p, enum state state);
/* Contents of both maps against the model. */
void pair_compare_contents(struct pair *p);
/* Forget what our LRU evicted; it must be exactly what is over max_entries. */
void pair_settle(struct pair *p);
/* An LRU pair goes on without the kernel before that could evict. */
void pair_before_insert(struct pair *p, uint32_t count);
void key_make(const struct pair *p, uint32_t number, unsigned char *key);
void value_make(struct pair *p, unsigned char *value);
/* Keys 0 .. pair_keys() - 1 are those that states use; the ones behind are absent. */
uint32_t pair_keys(const struct pair *p);
bool pair_has_lock(const struct pair *p, uint64_t flags);

/* One request of one engine. */
long engine_call(enum engine e, int cmd, union bpf_attr *attr);
/* Memory for one pointer: `bytes` bytes, of which `from` (or filler, if NULL) are set. */
enum slot { SLOT_KEY, SLOT_VALUE, SLOT_IN, SLOT_OUT, SLOTS };
uint64_t slot_at(enum engine e, enum slot slot, enum where where, const void *from, size_t bytes);
/* The same where only the first `good` bytes can be accessed. */
uint64_t slot_cut(enum engine e, enum slot slot, const void *from, size_t bytes, size_t good);

/* Compare. Each counts one comparison; a difference is printed and counted. */
void expect_answer(struct pair *p, const char *what, const long *answer, long model);
void expect_equal(struct pair *p, const char *what, const char *which, const void *got,
		  const void *want, size_t bytes);
void report(struct pair *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* types_elem.c: one element */
struct elem_request {
	int cmd;
	const void *key;
	enum where key_at;
	const void *value; /* what is passed in; NULL: the value comes out */
	enum where value_at;
	uint64_t flags;
};
void pair_elem(struct pair *p, const struct elem_request *r);
void pair_update(struct pair *p, uint32_t number, uint64_t flags);
void pair_delete(struct pair *p, uint32_t number);
void group_lookup(struct pair *p);
void group_update(struct pair *p);
void group_delete(struct pair *p);
void group_next_key(struct pair *p);
void group_take(struct pair *p);

/* types_batch.c */
void group_lookup_batch(struct pair *p);
void group_take_batch(struct pair *p);
void group_update_batch(struct pair *p);
void group_delete_batch(struct pair *p);

/* types_info.c */
void group_freeze(struct pair *p);
void group_info(struct pair *p);

/* types_contract.c: a map that evicts */
void group_evict(struct pair *p);

#endif
