/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* owner.h: who writes to a region: one record per (handle, thread), numbered, in the region.
 *
 * A lock word holds its owner's number + 1. A record says what its owner is in the middle of, so
 * that whoever finds the owner dead can finish or undo it. That the owner lives is vouched for by
 * the kernel: while it does, it holds an open-file-description lock on byte OWNER_BEACON + number
 * of the region's file, through a description of its own that no other process shares. The kernel
 * drops the lock when the process is gone, in whatever way, also across users and pid namespaces.
 * In private memory there is only one process; a record of another pid is what a fork copied, and
 * its owner does not exist here.
 */
#ifndef BPFMAP_SYNC_OWNER_H
#define BPFMAP_SYNC_OWNER_H

#include "sync/atomics.h"
#include "sync/thread.h"

#include <pthread.h>
#include <stddef.h>

#define OWNER_MAX    4096 /* fits the 12 bits of an owner in a count word */
#define OWNER_COUNTS 8
#define OWNER_BEACON ((int64_t)1 << 60) /* far behind any file's end */
/* On a disk: all who write, and who comes first: map/disk.c. */
#define OWNER_USERS (OWNER_BEACON - 1)

/* A redo record: what to do to finish the operation in progress. Meaning of the fields: map/hash.c,
 * map/array.c. Written by the owner while it holds the lock lock_at; read by who mends. */
struct owner_shm {
	struct shm_u32 state;	/* 0 free, 1 taken */
	struct shm_u32 pid;	/* of the owner; decides life and death in private memory only */
	struct shm_u32 lock_at; /* index + 1 of the lock it holds or is about to take */
	struct shm_u32 tenure;	/* how often the number has been taken: tells its holders apart */
	struct shm_u32 claim;	/* pool slot + 1 that it took and has not yet linked */
	struct shm_u32 release; /* pool slot + 1 that it unlinked and has not yet given back */
	struct shm_u32 active;	/* 1: the redo fields below are complete and in force */
	struct shm_u32 seq;	/* count-word sequence number of this operation */
	struct shm_u32 delta;	/* what to add to the count: 0, 1, or -1; see hash.c */
	struct shm_u32 link_at; /* which link to set: 0 none; see hash.c */
	struct shm_u32 link_val;
	struct shm_u32 copy_to;	   /* whose value to overwrite; see hash.c */
	struct shm_u64 meta_after; /* the bucket's meta word when done */
	/* A value's spin lock (map/value.c), or LRU elements (map/lru.c), that it has in hand. */
	struct shm_u64 aside;
	/* What the owner has done, counted by it alone: map/count.h. Never reset. */
	struct shm_u64 counts[OWNER_COUNTS];
	/* Highest sequence number of the count word known to have been applied. Others write it, so
	 * it has a line of its own. */
	struct shm_u32 acked;
	struct shm_u32 moves; /* 1: it moves the map's elements into another region: map/move.c */
	uint8_t pad[56];
};

_Static_assert(sizeof(struct owner_shm) == 192, "three cache lines per owner");

struct owner_table_shm {
	struct shm_u32 mend_lock; /* takings << 13 | owner + 1 of who mends, 0: nobody */
	struct shm_u32 reserved;  /* records [0, reserved) have memory behind them */
	uint8_t pad[56];
	struct owner_shm records[OWNER_MAX];
};

#define OWNER_TABLE_BYTES sizeof(struct owner_table_shm)
#define OWNER_PAGE	  4096 /* reserved so much at a time */

/* Mends lock number lock_index, found held by dead, in the name of me: after it, the lock's data
 * are consistent and nothing of the operation is pending. LOCK_NESTED: only the locks that are
 * taken while another one is held. LOCK_NONE: it held none; what its record names is left over.
 * LOCK_VALUE: last, free the value's spin lock that it held. Must be idempotent: who mends may die
 * too. */
typedef void owner_mend_fn(void *arg, uint32_t me, uint32_t dead, uint32_t lock_index);
#define LOCK_NESTED UINT32_MAX
#define LOCK_NONE   (UINT32_MAX - 1)
/* Reserve memory for [off, off + len) of the table; 0 or -errno with a sentence. */
typedef int owner_reserve_fn(void *arg, uint64_t off, uint64_t len);

struct owner_local {
	uint32_t number_plus1;
	uint32_t seq;	    /* private: the record's copy is output only */
	uint32_t batch[30]; /* the map type's: struct lru_batch; in all two cache lines a thread */
};

/* The process's side of the table. */
struct owner_table {
	struct owner_table_shm *shm;
	int fd; /* our own description; -1: private memory */
	pthread_mutex_t mutex;
	/* By a thread's number + 1; entry 0, of threads without a number, stays empty, and so do
	 * all of a read-only table, which shares them with others. */
	struct owner_local *by_thread;
	uint32_t threads;	       /* entries from the first on that may be in use */
	uint32_t mine[OWNER_MAX / 32]; /* numbers that this handle holds */
	owner_reserve_fn *reserve;
	void *reserve_arg;
	owner_mend_fn *mend; /* the map type's; set after open, before the first registration */
	struct shm_u32 *(*lock_word)(void *arg, uint32_t lock_index); /* NULL if out of range */
	bool is_user;	/* holds OWNER_USERS, and so does a child after fork() */
	uint32_t locks; /* those that LOCK_ALL means: numbers below it */
	void *arg;
	struct owner_table *next, *prev; /* all tables of the process, for fork */
};

int owner_table_open(struct owner_table *table, struct owner_table_shm *shm, int fd,
		     owner_reserve_fn *reserve, void *reserve_arg);
void owner_table_close(struct owner_table *table);

/* fork() runs the handlers that were registered last first. Who opens or closes tables under a lock
 * of his own and takes that lock at fork() calls this before he registers: his lock is the outer
 * one. */
void owner_watch_forks(void);

/* The calling thread's number in this table, registering it on first use. 0, EAGAIN (all numbers
 * taken), ENOSPC, EPERM (read-only). */
int owner_register(struct owner_table *table, struct owner_local **ret_owner);

static inline int owner_self(struct owner_table *table, struct owner_local **ret_owner)
{
	*ret_owner = &table->by_thread[thread_number_plus1];
	if (__builtin_expect((*ret_owner)->number_plus1 != 0, 1))
		return 0;
	return owner_register(table, ret_owner);
}

/* The calling thread's number + 1 if it is registered, else 0. */
static inline uint32_t owner_known_plus1(const struct owner_table *table)
{
	return table->by_thread[thread_number_plus1].number_plus1;
}

static inline struct owner_shm *owner_record(const struct owner_table *table, uint32_t number)
{
	return &table->shm->records[number];
}

/* Does the owner's process still exist? Asks the kernel: some hundred nanoseconds. */
bool owner_alive(struct owner_table *table, uint32_t number);

/* Finish what the dead owner was doing (lock.c), in the name of me. me may be dead itself: who
 * inherits a number first mends what its former owner left. ETIMEDOUT: somebody else mends. */
int owner_mend(struct owner_table *table, uint32_t me, uint32_t dead);

/* Mend whatever dead owners have left, and free their numbers. Returns how many were dead. */
int owner_mend_all(struct owner_table *table);

/* Lock byte OWNER_USERS: F_RDLCK, F_WRLCK, F_UNLCK; 0 or -errno, at once. */
int owner_lock_users(int fd, short type);
/* Does anybody else hold it? */
bool owner_other_users(int fd);

/* Elements of the record table that have memory behind them. */
uint32_t owner_count(const struct owner_table *table);

#endif
