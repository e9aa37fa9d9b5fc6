/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* owner.c: owner records: registration, life and death.
 *
 * States       number: free -> held [owner_register: beacon locked, then what a dead predecessor
 *              left is mended, then state = taken] -> free [owner_table_close]
 *              held -> dead [its process ends: the kernel drops the beacon] -> held or free
 *              [owner_register, owner_mend_all]
 * Invariants   1. who holds the beacon of a number is the only one to write its record, except
 *                 under mend_lock when nobody holds it
 *              2. a lock word never holds a number whose record does not name that lock
 * Locks        table.mutex (private to the process): by_thread, mine; held while a number is taken
 *              or mended, since a handle's threads share its beacons. all_mutex: the list of
 *              tables.
 * Edges        O1 release of state -> O2 acquire: none needed, the beacon (a system call) orders
 * If a process dies    its numbers are found dead by who waits for its lock or looks for a number
 */
#include "sync/owner.h"

#include "base/error.h"
#include "sync/vcpu.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t all_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct owner_table *all_tables;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;
static int spare_fd = -1; /* so that a child at its descriptor limit can open one */

static int byte_lock(int fd, int command, short type, int64_t at, short *ret_type)
{
	struct flock range = {
		.l_type = type,
		.l_whence = SEEK_SET,
		.l_start = at,
		.l_len = 1,
	};
	int err = fcntl(fd, command, &range) ? -errno : 0;

	if (ret_type)
		*ret_type = range.l_type;
	return err;
}

static int beacon(int fd, int command, short type, uint32_t number, short *ret_type)
{
	return byte_lock(fd, command, type, OWNER_BEACON + number, ret_type);
}

int owner_lock_users(int fd, short type)
{
	return byte_lock(fd, F_OFD_SETLK, type, OWNER_USERS, NULL);
}

bool owner_other_users(int fd)
{
	short type = F_UNLCK;

	return !byte_lock(fd, F_OFD_GETLK, F_WRLCK, OWNER_USERS, &type) && type != F_UNLCK;
}

static bool is_mine(const struct owner_table *table, uint32_t number)
{
	return __atomic_load_n(&table->mine[number / 32], __ATOMIC_RELAXED) >> (number % 32) & 1;
}

static void set_mine(struct owner_table *table, uint32_t number)
{
	__atomic_fetch_or(&table->mine[number / 32], 1u << (number % 32), __ATOMIC_RELAXED);
}

static void clear_mine(struct owner_table *table, uint32_t number)
{
	__atomic_fetch_and(&table->mine[number / 32], ~(1u << (number % 32)), __ATOMIC_RELAXED);
}

uint32_t owner_count(const struct owner_table *table)
{
	uint32_t n = shm_u32_load_relaxed(&table->shm->reserved);

	return n < OWNER_MAX ? n : OWNER_MAX;
}

bool owner_alive(struct owner_table *table, uint32_t number)
{
	short type;

	if (number >= owner_count(table))
		return false;
	if (is_mine(table, number))
		return true;
	if (table->fd < 0)
		return shm_u32_load_relaxed(&owner_record(table, number)->pid) ==
		       (uint32_t)getpid();
	/* If the kernel cannot tell, the owner is taken to live: waiting is safe, breaking is
	 * not. */
	if (beacon(table->fd, F_OFD_GETLK, F_WRLCK, number, &type))
		return true;
	return type != F_UNLCK;
}

/* A description of the child's own under the same number. Where there is none to be had (no /proc),
 * at least the parent's must go. */
static bool fd_renew(int fd)
{
	char path[64];
	int own;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (spare_fd >= 0)
		close(spare_fd);
	own = open(path, O_RDWR | O_CLOEXEC);
	if (own >= 0) {
		dup3(own, fd, O_CLOEXEC);
		close(own);
	}
	spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (own < 0 && spare_fd >= 0)
		dup3(spare_fd, fd, O_CLOEXEC);
	return own >= 0;
}

/* Of tables that nobody registers with. */
static struct owner_local nobody[THREAD_MAX + 1];

static void by_thread_free(struct owner_table *table)
{
	if (table->by_thread != nobody)
		free(table->by_thread);
	table->by_thread = nobody;
}

/* In the child: its copy of our description would keep the parent's beacons lit after the parent's
 * death, so every table gets a description of its own, and its threads no numbers yet. */
static void after_fork_in_child(void)
{
	pthread_mutex_init(&all_mutex, NULL);
	thread_numbers_after_fork();
	vcpu_after_fork();
	for (struct owner_table *t = all_tables; t; t = t->next) {
		pthread_mutex_init(&t->mutex, NULL);
		memset(t->mine, 0, sizeof(t->mine));
		if (t->by_thread != nobody)
			memset(t->by_thread, 0, sizeof(nobody));
		if (t->fd < 0)
			continue;
		if (!fd_renew(t->fd))
			by_thread_free(t);
		else if (t->is_user)
			owner_lock_users(t->fd, F_RDLCK);
	}
}

static void before_fork(void)
{
	pthread_mutex_lock(&all_mutex);
}

static void after_fork_in_parent(void)
{
	pthread_mutex_unlock(&all_mutex);
}

static void watch_forks(void)
{
	spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

void owner_watch_forks(void)
{
	pthread_once(&fork_once, watch_forks);
}

/* For types that have no locks of their own. */
static void mend_nothing(void *arg, uint32_t me, uint32_t dead, uint32_t lock_index)
{
	(void)arg, (void)me, (void)dead, (void)lock_index;
}

static struct shm_u32 *no_lock(void *arg, uint32_t lock_index)
{
	(void)arg, (void)lock_index;
	return NULL;
}

int owner_table_open(struct owner_table *table, struct owner_table_shm *shm, int fd,
		     owner_reserve_fn *reserve, void *reserve_arg)
{
	struct owner_local *by_thread;

	owner_watch_forks();
	table->fd = fd;
	table->reserve = reserve;
	table->reserve_arg = reserve_arg;
	table->mend = mend_nothing;
	table->lock_word = no_lock;
	pthread_mutex_init(&table->mutex, NULL);
	table->by_thread = nobody;
	if (reserve) {
		/* Large and mostly untouched: calloc leaves its pages to the kernel's zero page. */
		by_thread = calloc(1, sizeof(nobody));
		if (!by_thread)
			return fail(ENOMEM, "no memory for the table of threads");
		table->by_thread = by_thread;
	}
	table->shm = shm;
	pthread_mutex_lock(&all_mutex);
	table->next = all_tables;
	table->prev = NULL;
	if (all_tables)
		all_tables->prev = table;
	all_tables = table;
	pthread_mutex_unlock(&all_mutex);
	return 0;
}

/* The first number from n on that this handle holds; OWNER_MAX: none. Asks private memory alone:
 * the table's own words may be spoilt, and of a sparse copy even missing. */
static uint32_t next_mine(const struct owner_table *table, uint32_t n)
{
	while (n < OWNER_MAX && !is_mine(table, n))
		n += n % 32 || table->mine[n / 32] ? 1 : 32;
	return n;
}

void owner_table_close(struct owner_table *table)
{
	pthread_mutex_lock(&all_mutex);
	if (table->prev)
		table->prev->next = table->next;
	else
		all_tables = table->next;
	if (table->next)
		table->next->prev = table->prev;
	pthread_mutex_unlock(&all_mutex);
	for (uint32_t n = next_mine(table, 0); n < OWNER_MAX; n = next_mine(table, n + 1)) {
		shm_u32_store_relaxed(&owner_record(table, n)->state, 0);
		if (table->fd >= 0)
			beacon(table->fd, F_OFD_SETLK, F_UNLCK, n, NULL);
	}
	by_thread_free(table);
	pthread_mutex_destroy(&table->mutex);
}

/* Put memory behind record number, so that touching it cannot fault: whole pages of the table, the
 * first of which the region's creator has reserved. */
static int reserve_record(struct owner_table *table, uint32_t number)
{
	uint64_t records = offsetof(struct owner_table_shm, records),
		 size = sizeof(struct owner_shm);
	uint64_t from = records + number * size, end;
	uint32_t upto;
	int err;

	if (number < owner_count(table))
		return 0;
	end = (from + size + OWNER_PAGE - 1) / OWNER_PAGE * OWNER_PAGE;
	end = end < OWNER_TABLE_BYTES ? end : OWNER_TABLE_BYTES;
	upto = (uint32_t)((end - records) / size);
	err = table->reserve(table->reserve_arg, from, end - from);
	if (!err)
		shm_u32_max_relaxed(&table->shm->reserved, upto);
	return err;
}

/* Which numbers take_number() tries. */
enum number_kind {
	NUMBER_FREE, /* whose record looks free, which costs no system call */
	NUMBER_ANY,  /* also those that look taken: their owners may be dead */
};

/* Light the beacon of a number that nobody holds. */
static int take_number(struct owner_table *table, enum number_kind kind, uint32_t *ret_number)
{
	for (uint32_t n = 0; n < OWNER_MAX; n++) {
		int err = reserve_record(table, n);

		if (err)
			return err;
		if (is_mine(table, n))
			continue;
		if (kind == NUMBER_FREE && shm_u32_load_relaxed(&owner_record(table, n)->state))
			continue;
		if (table->fd < 0 && owner_alive(table, n) &&
		    shm_u32_load_relaxed(&owner_record(table, n)->state))
			continue;
		err = table->fd >= 0 ? beacon(table->fd, F_OFD_SETLK, F_WRLCK, n, NULL) : 0;
		if (err == -EAGAIN || err == -EACCES)
			continue;
		if (err)
			return fail_os(-err,
				       "cannot lock the map's file (its file system must know "
				       "open-file-description locks)");
		*ret_number = n;
		return 0;
	}
	return -EAGAIN;
}

static void drop_number(struct owner_table *table, uint32_t number)
{
	clear_mine(table, number);
	if (table->fd >= 0)
		beacon(table->fd, F_OFD_SETLK, F_UNLCK, number, NULL);
}

/* We hold the number's beacon: finish what a dead predecessor left, then begin our own record. The
 * number is ours from the start: beacons do not tell threads of one handle apart. */
static int adopt_number(struct owner_table *table, uint32_t number, struct owner_local *local)
{
	struct owner_shm *record = owner_record(table, number);
	int err;

	set_mine(table, number);
	err = owner_mend(table, number, number);
	if (err) {
		drop_number(table, number);
		return err;
	}
	/* The last one that was ever used under this number; wraps at 24 bits. */
	local->seq = shm_u32_load_relaxed(&record->seq) & 0xffffff;
	shm_u32_store_relaxed(&record->tenure, shm_u32_load_relaxed(&record->tenure) + 1);
	shm_u32_store_relaxed(&record->active, 0);
	shm_u64_store_relaxed(&record->aside, 0);
	shm_u32_store_relaxed(&record->pid, (uint32_t)getpid());
	shm_u32_store_relaxed(&record->state, 1);
	local->number_plus1 = number + 1;
	return 0;
}

int owner_register(struct owner_table *table, struct owner_local **ret_owner)
{
	uint32_t thread = thread_number(), number;
	int err;

	if (table->by_thread == nobody)
		return fail(EPERM, "the map is read-only here: opened so, or /proc was not there "
				   "when this process was forked");
	if (thread >= THREAD_MAX)
		return fail(EAGAIN, "more than %d threads use maps in this process", THREAD_MAX);
	pthread_mutex_lock(&table->mutex);
	err = take_number(table, NUMBER_FREE, &number);
	if (err == -EAGAIN)
		err = take_number(table, NUMBER_ANY, &number);
	if (err == -EAGAIN)
		fail(EAGAIN, "%d threads write to this map already", OWNER_MAX);
	if (!err) {
		*ret_owner = &table->by_thread[thread + 1];
		if (table->threads < thread + 2)
			table->threads = thread + 2;
		err = adopt_number(table, number, *ret_owner);
	}
	pthread_mutex_unlock(&table->mutex);
	return err;
}

/* One number that looks taken: if its owner is dead, mend and free it. */
static bool mend_number(struct owner_table *table, uint32_t number)
{
	struct owner_shm *record = owner_record(table, number);

	if (!shm_u32_load_relaxed(&record->state) || is_mine(table, number))
		return false;
	if (table->fd < 0 ? owner_alive(table, number)
			  : beacon(table->fd, F_OFD_SETLK, F_WRLCK, number, NULL) != 0)
		return false;
	set_mine(table, number);
	if (!owner_mend(table, number, number))
		shm_u32_store_relaxed(&record->state, 0);
	drop_number(table, number);
	return true;
}

int owner_mend_all(struct owner_table *table)
{
	struct owner_local *self;
	int dead = 0;

	if (owner_self(table, &self))
		return 0;
	pthread_mutex_lock(&table->mutex);
	for (uint32_t n = 0; n < owner_count(table); n++)
		dead += mend_number(table, n);
	pthread_mutex_unlock(&table->mutex);
	return dead;
}
