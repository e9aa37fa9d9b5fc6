/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* inject.c: see inject.h.
 *
 * close() and munmap() are let through: when they report an error the descriptor or mapping is gone all the
 * same, which an answer in the kernel's place could not imitate. So are calls that cannot fail, and brk(),
 * whose caller malloc() is made to fail itself.
 */
#include "inject.h"
#include "bpfmap/bpfmap.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Beside errnos: the call does half of what it was asked for, or finds the file at its end. */
#define SHORT_HALF 10001
#define SHORT_NONE 10002

#define WAYS_MAX 8

struct call_row {
	int number;
	const char *name;
	int ways[WAYS_MAX]; /* ends with 0 */
};

static const struct call_row rows[] = {
	/* Not EACCES: who may not write a map may well read it; access.c tries that with real users. */
	{SYS_openat, "openat", {EMFILE, ENFILE, ENOMEM, ENOSPC, EINTR, EIO}},
	{SYS_fcntl, "fcntl", {EMFILE, ENOLCK, EINTR, EINVAL}},
	{SYS_ftruncate, "ftruncate", {ENOSPC, EFBIG, EINTR, EIO}},
	{SYS_fallocate, "fallocate", {ENOSPC, ENOMEM, EINTR, EOPNOTSUPP, EIO}},
	{SYS_mmap, "mmap", {ENOMEM, EAGAIN, EACCES}},
	{SYS_madvise, "madvise", {ENOMEM, EINVAL, EAGAIN}},
	{SYS_read, "read", {EINTR, EIO, SHORT_HALF, SHORT_NONE}},
	{SYS_pread64, "pread64", {EINTR, EIO, SHORT_HALF, SHORT_NONE}},
	{SYS_write, "write", {EINTR, ENOSPC, EIO, SHORT_HALF}},
	{SYS_pwrite64, "pwrite64", {EINTR, ENOSPC, EIO, SHORT_HALF}},
	{SYS_linkat, "linkat", {ENOSPC, EACCES, EIO, EMLINK, ENOENT, ENOMEM}},
	{SYS_mkdirat, "mkdirat", {ENOSPC, EACCES, ENOMEM}},
#ifdef SYS_mkdir
	{SYS_mkdir, "mkdir", {ENOSPC, EACCES, ENOMEM}},
#endif
	{SYS_fchmod, "fchmod", {EPERM, EIO}},
	{SYS_getrandom, "getrandom", {EINTR, ENOSYS, EPERM}},
	{SYS_clone, "clone", {EAGAIN, ENOMEM}},
	{SYS_dup3, "dup3", {EBUSY, EINTR, EMFILE}},
	{SYS_process_vm_readv, "process_vm_readv", {EPERM, ENOSYS, ENOMEM}},
	{SYS_process_vm_writev, "process_vm_writev", {EPERM, ENOSYS, ENOMEM}},
};

/* Whatever else can fail: stat, statfs, readlink, getdents, access, ... */
static const struct call_row row_any = {-1, "call", {ENOMEM, EACCES, EIO}};

static const int let_through[] = {
	SYS_exit,	    SYS_exit_group,	 SYS_rt_sigreturn,    SYS_futex,
	SYS_rt_sigprocmask, SYS_close,		 SYS_munmap,	      SYS_brk,
	SYS_getpid,	    SYS_gettid,		 SYS_getuid,	      SYS_geteuid,
	SYS_prctl,	    SYS_wait4,		 SYS_set_robust_list, SYS_rseq,
	SYS_clock_gettime,  SYS_nanosleep,	 SYS_sched_yield,     SYS_clock_nanosleep,
	SYS_rt_sigaction,   SYS_restart_syscall,
};

#define LET_THROUGH (sizeof(let_through) / sizeof(let_through[0]))

static struct {
	struct inject_order order;
	uint32_t count; /* of calls, or of allocations */
	uint32_t armed;
	struct inject_report report;
	long (*work)(void *arg);
	void *arg;
	sem_t begin, end;
	uint32_t worker_tid;
	int listener;
} state = {.listener = -1};

static _Thread_local bool is_worker;
static long blocks;

/* ---- allocations ---------------------------------------------------------------------------- */

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *block);

static bool allocation_fails(void)
{
	if (!is_worker || !__atomic_load_n(&state.armed, __ATOMIC_ACQUIRE) ||
	    state.order.what != INJECT_ALLOCATION || ++state.count != state.order.nth)
		return false;
	state.report.is_reached = state.report.is_nth_there = true;
	memcpy(state.report.how, "ENOMEM from malloc", sizeof("ENOMEM from malloc"));
	errno = ENOMEM;
	return true;
}

static void *counted(void *block)
{
	if (block)
		__atomic_fetch_add(&blocks, 1, __ATOMIC_RELAXED);
	return block;
}

void *malloc(size_t size)
{
	return allocation_fails() ? NULL : counted(__libc_malloc(size));
}

void *calloc(size_t n, size_t size)
{
	return allocation_fails() ? NULL : counted(__libc_calloc(n, size));
}

void *realloc(void *old, size_t size)
{
	if (allocation_fails())
		return NULL;
	return old ? __libc_realloc(old, size) : counted(__libc_malloc(size));
}

void free(void *block)
{
	if (block)
		__atomic_fetch_sub(&blocks, 1, __ATOMIC_RELAXED);
	__libc_free(block);
}

uint32_t inject_counted(void)
{
	return state.count;
}

long inject_blocks(void)
{
	return __atomic_load_n(&blocks, __ATOMIC_RELAXED);
}

/* ---- system calls --------------------------------------------------------------------------- */

static const struct call_row *row_of(int number)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].number == number)
			return &rows[i];
	return &row_any;
}

/* The supervisor does half of the call itself: buffers are in its own memory. */
static long call_do_half(const struct seccomp_data *call)
{
	size_t half = (size_t)call->args[2] / 2;

	return syscall(call->nr, call->args[0], call->args[1], half, call->args[3]);
}

static const char *way_word(int way)
{
	return way == SHORT_HALF ? "half" : way == SHORT_NONE ? "nothing" : strerrorname_np(way);
}

static bool is_counted(uint32_t pid)
{
	if (!__atomic_load_n(&state.armed, __ATOMIC_ACQUIRE))
		return false;
	return state.order.what == INJECT_CALL ||
	       (state.order.what == INJECT_CHILD_CALL && pid != state.worker_tid);
}

/* True if the answer was chosen; else the call goes through. */
static bool call_answer(const struct seccomp_notif *question, struct seccomp_notif_resp *answer)
{
	const struct call_row *row = row_of(question->data.nr);
	uint32_t ways = 0;
	int way;

	if (!is_counted(question->pid) || ++state.count != state.order.nth)
		return false;
	state.report.is_nth_there = true;
	while (ways < WAYS_MAX && row->ways[ways])
		ways++;
	if (state.order.way >= ways)
		return false;
	way = row->ways[state.order.way];
	/* A child's buffers are not in our memory. */
	if (way == SHORT_HALF && question->pid != state.worker_tid)
		way = row->ways[state.order.way + 1];
	if (!way)
		return false;
	snprintf(state.report.how, sizeof(state.report.how), "%s from %s (%d)", way_word(way),
		 row->name, question->data.nr);
	state.report.is_reached = true;
	if (way == SHORT_HALF)
		answer->val = call_do_half(&question->data);
	else if (way != SHORT_NONE)
		answer->error = -way;
	return true;
}

static void *supervisor_main(void *arg)
{
	struct seccomp_notif_resp answer;
	struct seccomp_notif question;

	for (;;) {
		memset(&question, 0, sizeof(question));
		if (ioctl(state.listener, SECCOMP_IOCTL_NOTIF_RECV, &question)) {
			if (errno == EINTR || errno == ENOENT)
				continue;
			return NULL;
		}
		memset(&answer, 0, sizeof(answer));
		answer.id = question.id;
		if (!call_answer(&question, &answer))
			answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		ioctl(state.listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
}

/* The calling thread's calls are asked about from here on. The listener, or -1. */
static int filter_install(void)
{
	struct sock_filter code[LET_THROUGH + 3];
	struct sock_fprog program = {.len = LET_THROUGH + 3, .filter = code};

	code[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					       offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < LET_THROUGH; i++)
		code[1 + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							   (uint32_t)let_through[i],
							   (uint8_t)(LET_THROUGH - i), 0);
	code[LET_THROUGH + 1] =
		(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	code[LET_THROUGH + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -1;
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER,
			    &program);
}

/* So that a sentence of an earlier failure is not taken for this one's. */
static void sentence_spoil(void)
{
	struct bpfmap_create_opts none = {0};
	struct bpfmap *map;

	bpfmap_create(&none, &map);
}

static void sentence_take(const char *spoilt)
{
	const char *now = bpfmap_last_error();

	state.report.sentence[0] = 0;
	if (strcmp(now, spoilt))
		snprintf(state.report.sentence, sizeof(state.report.sentence), "%s", now);
}

static void *worker_main(void *arg)
{
	char spoilt[256];

	is_worker = true;
	state.worker_tid = (uint32_t)syscall(SYS_gettid);
	state.listener = filter_install();
	sem_post(&state.end);
	for (;;) {
		while (sem_wait(&state.begin))
			;
		sentence_spoil();
		snprintf(spoilt, sizeof(spoilt), "%s", bpfmap_last_error());
		__atomic_store_n(&state.armed, 1, __ATOMIC_RELEASE);
		state.report.result = state.work(state.arg);
		__atomic_store_n(&state.armed, 0, __ATOMIC_RELEASE);
		sentence_take(spoilt);
		sem_post(&state.end);
	}
	return NULL;
}

static void end_wait(void)
{
	while (sem_wait(&state.end))
		;
}

bool inject_start(void)
{
	pthread_t thread;

	sem_init(&state.begin, 0, 0);
	sem_init(&state.end, 0, 0);
	if (pthread_create(&thread, NULL, worker_main, NULL))
		return false;
	end_wait();
	return state.listener >= 0 && !pthread_create(&thread, NULL, supervisor_main, NULL);
}

void inject_run(const struct inject_order *order, long (*work)(void *arg), void *arg,
		struct inject_report *ret_report)
{
	memset(&state.report, 0, sizeof(state.report));
	state.order = *order;
	state.count = 0;
	state.work = work;
	state.arg = arg;
	sem_post(&state.begin);
	end_wait();
	*ret_report = state.report;
}
