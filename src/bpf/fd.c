/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* fd.c: the process's table of descriptors that lead to objects.
 *
 * A descriptor belongs to the program: it closes, duplicates and reuses numbers without telling us.
 * The table is therefore a cache, and each use verifies that the number still means what the cache
 * says. An entry keeps a private duplicate of the descriptor, and fcntl(F_DUPFD_QUERY) says whether
 * both are one open file description (access mode included). Kernels before 6.10 lack that query;
 * there device, inode and access mode are compared instead: a different description of the same
 * file with the same mode is the same map with the same rights, so that is as good.
 *
 * Why a system call per operation: nothing in this process's memory changes when the kernel's table
 * of descriptors does. Replacing close(), dup2() and fclose() sees most closes, and src/compat does
 * so to free memory early, but not those of libc itself (closedir, freopen, posix_spawn), of a
 * static runtime such as Go's, of io_uring, or of a clone(CLONE_FILES) process; and after one such
 * close the next open() may return the same number, and a write would land in the wrong map. The
 * query costs about as much as getpid(); who needs less keeps a handle: bpfmap_open_fd() once, then
 * the native API.
 *
 * A program that closes its descriptors in no other way than by the functions of src/compat may say
 * so (bpfmap_compat_fd_check): then an entry is good as long as it stands in the table, and a look
 * costs no system call. Each of these functions brackets its system call with
 * bpfmap_bpf_fd_closing() and bpfmap_bpf_fd_closed(), which retires the entry; in between, uses
 * verify as ever, since another thread may have the number already. So even then a stale entry is
 * never used.
 *
 * States of a slot:   NULL -> entry            entry_install (under table.lock)
 *                     entry -> NULL, grave     entry_retire  (under table.lock)
 *                     grave -> freed           graves_free   (under table.lock), if not in use
 * Who changes what:   slots, graves, objects, object.refs: holders of table.lock. A thread's hazard
 *                     cells: that thread (the child after fork() clears the others').
 * Locks:              table.lock, recursive, because freeing a program releases its maps; never
 *                     held while a program runs or an element operation is under way.
 * Edges:  FD1 a user stores its hazard, then loads the slot (fd_try) <-> FD2 the reaper stores NULL
 *            into the slot, then loads all hazards (entry_retire, graves_free): either the user
 *            sees NULL and turns back, or the reaper sees the use. The same when a use ends
 *            (fd_put).
 *         FD3 release of a slot in entry_install -> FD4 acquire in fd_try.
 *         FD5 release of a chunk's pointer -> FD6 acquire in slot_of.
 *         FD7 closing counted down, after the slot was emptied -> FD8 load of closing, before that
 *            of the slot: who sees no close under way sees what the last one emptied. That who got
 *            a number after its close sees the close begun (FD7 counted up before it) is due to the
 *            kernel, in whose lock of the descriptor table one comes after the other.
 *         FD9 release of settled in entry_install -> FD10 acquire in fd_try: who sees it set may
 *            trust the entry: the number was verified when the entry stood in the table.
 * Progress:           a lookup of a cached descriptor never waits and writes no shared line.
 * fork:               the child keeps the table; table.lock is made anew there, hazards of threads
 *                     that no longer exist are cleared. A close that was under way in another
 *                     thread stays under way for ever: the child goes on verifying.
 * exec:               all private descriptors are close-on-exec.
 * If a process dies:  the kernel closes everything; nothing outlives it here.
 */
#include "bpf/fd.h"

#include "base/error.h"
#include "bpf/command.h"
#include "bpf/object.h"
#include "sync/owner.h"
#include "sync/private.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef F_DUPFD_QUERY
#define F_DUPFD_QUERY 1027
#endif

#define CHUNK_SLOTS    1024
#define CHUNKS	       1024
#define OBJECT_BUCKETS 1024
#define HAZARDS	       4   /* objects one call may use at once */
#define PRIVATE_FD_MIN 512 /* keep low numbers for the program */

/* Without a call to find the variable. */
#define FAST_TLS __attribute__((tls_model("initial-exec")))

struct fd_entry {
	struct object *object;
	int private_fd;
	int access;
	struct private_u32 settled;    /* 1: seen open while the entry stood in the table */
	struct private_ptr next_grave; /* struct fd_entry */
};

struct chunk {
	struct private_ptr slots[CHUNK_SLOTS]; /* struct fd_entry */
};

struct thread_record {
	struct private_ptr hazards[HAZARDS]; /* struct fd_entry */
	int taken;
	struct thread_record *next;
};

static struct {
	pthread_mutex_t lock;
	struct private_ptr chunks[CHUNKS]; /* struct chunk */
	struct object *objects[OBJECT_BUCKETS];
	struct private_ptr graves; /* struct fd_entry: the first */
	unsigned int entries;
	unsigned int installed;	    /* since the last sweep */
	struct private_u32 check;   /* enum bpfmap_fd_check */
	struct private_u32 closing; /* closes under way */
	struct thread_record *threads;
} table;

static pthread_once_t table_once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_key;
static _Thread_local struct thread_record *me FAST_TLS;
/* This thread is inside the table: closes it does itself are not news. */
static _Thread_local int inside FAST_TLS;

static void table_lock_init(void)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&table.lock, &attr);
	pthread_mutexattr_destroy(&attr);
}

static void table_lock(void)
{
	pthread_mutex_lock(&table.lock);
	inside++;
}

static void table_unlock(void)
{
	inside--;
	pthread_mutex_unlock(&table.lock);
}

static void fork_child(void)
{
	table_lock_init();
	inside = 0;
	for (struct thread_record *t = table.threads; t; t = t->next) {
		if (t == me)
			continue;
		memset(t->hazards, 0, sizeof(t->hazards));
		t->taken = 0;
	}
}

static void thread_gone(void *record)
{
	struct thread_record *t = record;

	table_lock();
	memset(t->hazards, 0, sizeof(t->hazards));
	t->taken = 0;
	table_unlock();
	me = NULL;
}

static void table_init(void)
{
	table_lock_init();
	pthread_key_create(&thread_key, thread_gone);
	owner_watch_forks(); /* maps are closed under table.lock: at fork() it comes first */
	pthread_atfork(table_lock, table_unlock, fork_child);
}

static struct thread_record *__attribute__((cold, noinline)) thread_record_make(void)
{
	struct thread_record *t;

	pthread_once(&table_once, table_init);
	table_lock();
	for (t = table.threads; t && t->taken; t = t->next)
		;
	if (!t) {
		t = calloc(1, sizeof(*t));
		if (t) {
			t->next = table.threads;
			table.threads = t;
		}
	}
	if (t)
		t->taken = 1;
	table_unlock();
	me = t;
	pthread_setspecific(thread_key, t);
	return t;
}

static struct private_ptr *slot_of(int fd)
{
	struct chunk *chunk;

	if (fd < 0 || fd >= CHUNKS * CHUNK_SLOTS)
		return NULL;
	/* FD6 acquire <- FD5 */
	chunk = private_ptr_load_acquire(&table.chunks[fd / CHUNK_SLOTS]);
	return chunk ? &chunk->slots[fd % CHUNK_SLOTS] : NULL;
}

static struct private_ptr *slot_make_locked(int fd)
{
	struct chunk *chunk;

	if (fd < 0 || fd >= CHUNKS * CHUNK_SLOTS)
		return NULL;
	if (!private_ptr_load_relaxed(&table.chunks[fd / CHUNK_SLOTS])) {
		chunk = calloc(1, sizeof(*chunk));
		if (!chunk)
			return NULL;
		/* FD5 release -> FD6 */
		private_ptr_store_release(&table.chunks[fd / CHUNK_SLOTS], chunk);
	}
	return slot_of(fd);
}

static int same_file(int fd, const struct object *object)
{
	struct stat st;

	return !fstat(fd, &st) && st.st_dev == object->dev && st.st_ino == object->ino;
}

/* Does the number still stand for the description this entry was made from? */
static int entry_is_current(const struct fd_entry *entry, int fd)
{
	int saved = errno;
	int same = fcntl(fd, F_DUPFD_QUERY, entry->private_fd);

	if (same < 0 && errno == EINVAL)
		same = same_file(fd, entry->object) &&
		       (fcntl(fd, F_GETFL) & O_ACCMODE) == entry->access;
	errno = saved;
	return same == 1;
}

static void object_unlink(struct object *object)
{
	struct object **at = &table.objects[object->ino % OBJECT_BUCKETS];

	while (*at != object)
		at = &(*at)->next;
	*at = object->next;
}

static void object_release_locked(struct object *object)
{
	if (--object->refs)
		return;
	object_unlink(object);
	object_payload_free(object);
	free(object);
}

void object_hold(struct object *object)
{
	table_lock();
	object->refs++;
	table_unlock();
}

void object_release(struct object *object)
{
	table_lock();
	object_release_locked(object);
	table_unlock();
}

static int grave_in_use(const struct fd_entry *entry)
{
	for (struct thread_record *t = table.threads; t; t = t->next)
		for (int i = 0; i < HAZARDS; i++)
			/* FD2 acq_rel <-> FD1 */
			if (private_ptr_load_seq_cst(&t->hazards[i]) == entry)
				return 1;
	return 0;
}

static void graves_free_locked(void)
{
	struct private_ptr *at = &table.graves;
	struct fd_entry *entry;

	while ((entry = private_ptr_load_relaxed(at))) {
		if (grave_in_use(entry)) {
			at = &entry->next_grave;
			continue;
		}
		/* FD2 acq_rel <-> FD1 */
		private_ptr_store_seq_cst(at, private_ptr_load_relaxed(&entry->next_grave));
		/* A program that closes every number it can count to closed ours as well, and the
		 * number may be somebody else's by now. */
		if (same_file(entry->private_fd, entry->object))
			close(entry->private_fd);
		object_release_locked(entry->object);
		free(entry);
	}
}

static void entry_retire_locked(struct private_ptr *slot)
{
	struct fd_entry *entry = private_ptr_load_relaxed(slot);
	struct fd_entry *first = private_ptr_load_relaxed(&table.graves);

	private_ptr_store_seq_cst(slot, NULL);		      /* FD2 acq_rel <-> FD1 */
	private_ptr_store_seq_cst(&entry->next_grave, first); /* FD2 acq_rel <-> FD1 */
	private_ptr_store_seq_cst(&table.graves, entry);      /* FD2 acq_rel <-> FD1 */
	table.entries--;
}

static struct object *object_find_locked(dev_t dev, ino_t ino)
{
	struct object *object = table.objects[ino % OBJECT_BUCKETS];

	while (object && (object->ino != ino || object->dev != dev))
		object = object->next;
	return object;
}

/* A duplicate of our own. Looking at it and not at fd makes sure that what is found out about the
 * descriptor is true of one file, even if the program closes and reuses the number meanwhile. */
static int private_dup(int fd)
{
	int private_fd = fcntl(fd, F_DUPFD_CLOEXEC, PRIVATE_FD_MIN);

	if (private_fd < 0 && (errno == EINVAL || errno == EMFILE))
		private_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return private_fd < 0 ? fail_os(errno, "cannot duplicate descriptor %d", fd) : private_fd;
}

/* Make the entry for fd; takes over one reference to object, and private_fd if it succeeds. */
static int entry_install_locked(int fd, int private_fd, struct object *object)
{
	struct private_ptr *slot = slot_make_locked(fd);
	struct fd_entry *entry = slot ? calloc(1, sizeof(*entry)) : NULL;

	if (!entry) {
		object_release_locked(object);
		return fail(ENOMEM, "no memory to remember descriptor %d", fd);
	}
	entry->object = object;
	entry->access = fcntl(private_fd, F_GETFL) & O_ACCMODE;
	entry->private_fd = private_fd;
	if (private_ptr_load_relaxed(slot))
		entry_retire_locked(slot);
	private_ptr_store_release(slot, entry); /* FD3 release -> FD4 */
	/* Whoever closed the number before this look saw no entry to retire; whoever does after it
	 * will. */
	private_u32_store_release(&entry->settled,
				  (uint32_t)entry_is_current(entry, fd)); /* FD9 release -> FD10 */
	table.entries++;
	table.installed++;
	graves_free_locked();
	return 0;
}

static int object_add_locked(const struct object *what, const struct stat *st,
			     struct object **ret_object)
{
	struct object *object = malloc(sizeof(*object));
	struct object tmp = *what;

	if (!object) {
		object_payload_free(&tmp);
		return fail(ENOMEM, "no memory for an object");
	}
	*object = *what;
	object->dev = st->st_dev;
	object->ino = st->st_ino;
	object->refs = 1;
	object->next = table.objects[object->ino % OBJECT_BUCKETS];
	table.objects[object->ino % OBJECT_BUCKETS] = object;
	*ret_object = object;
	return 0;
}

int fd_install(int fd, const struct object *what)
{
	struct object tmp = *what;
	struct object *object;
	struct stat st;
	int private_fd, err;

	pthread_once(&table_once, table_init);
	table_lock();
	private_fd = private_dup(fd);
	err = private_fd < 0 ? private_fd : 0;
	if (!err && fstat(private_fd, &st))
		err = fail_os(errno, "cannot look at descriptor %d", fd);
	if (err)
		object_payload_free(&tmp);
	else
		err = object_add_locked(what, &st, &object);
	if (!err)
		err = entry_install_locked(fd, private_fd, object);
	if (err && private_fd >= 0)
		close(private_fd);
	table_unlock();
	return err;
}

/* Rule out what is not ours with a look alone: opening and closing a file again, as a closer look
 * needs, would drop the record locks that the program holds on it. */
static int descriptor_check(int fd)
{
	struct stat st, again;
	enum object_kind kind;
	int flags, err;
	uint32_t id;

	/* Once more if another thread put another file there between two looks. */
	do {
		flags = fcntl(fd, F_GETFL);
		if (flags < 0 || (flags & O_PATH) || fstat(fd, &st))
			return fail(EBADF, "descriptor %d is not open, or only as a path", fd);
		if ((flags & O_ACCMODE) == O_WRONLY)
			err = S_ISREG(st.st_mode) ? 0 : -EINVAL;
		else
			err = object_identify(fd, &kind, &id);
	} while (err && !fstat(fd, &again) &&
		 (err == -EBADF || st.st_ino != again.st_ino || st.st_dev != again.st_dev));
	if (err == -EBADF)
		return fail(EBADF, "descriptor %d is not open", fd);
	return err ? object_refuse(err, fd) : 0;
}

/* Find out what is behind private_fd and enter it for fd. */
static int private_resolve_locked(int fd, int private_fd)
{
	struct object *object;
	struct object what;
	struct stat st;
	int err;

	if (fstat(private_fd, &st))
		return fail_os(errno, "cannot look at descriptor %d", fd);
	object = object_find_locked(st.st_dev, st.st_ino);
	if (object) {
		object->refs++;
		return entry_install_locked(fd, private_fd, object);
	}
	memset(&what, 0, sizeof(what));
	err = object_open(private_fd, &what);
	if (!err)
		err = object_add_locked(&what, &st, &object);
	return err ? err : entry_install_locked(fd, private_fd, object);
}

/* Find out what fd is and enter it. */
static int fd_resolve_locked(int fd)
{
	struct private_ptr *slot = slot_of(fd);
	struct fd_entry *entry = slot ? private_ptr_load_relaxed(slot) : NULL;
	int private_fd, err;

	if (entry && entry_is_current(entry, fd))
		return 0;
	if (entry) {
		entry_retire_locked(slot);
		graves_free_locked();
	}
	err = descriptor_check(fd);
	if (err)
		return err;
	private_fd = private_dup(fd);
	if (private_fd < 0)
		return private_fd;
	err = private_resolve_locked(fd, private_fd);
	if (err)
		close(private_fd);
	return err;
}

static int __attribute__((noinline)) fd_resolve(int fd)
{
	int err;

	table_lock();
	err = fd_resolve_locked(fd);
	table_unlock();
	return err;
}

/* Is it enough that an entry stands in the table? Asked before the slot is read. */
static int entries_are_current(void)
{
	return private_u32_load_relaxed(&table.check) == BPFMAP_FD_CHECK_CLOSES &&
	       !private_u32_load_acquire(&table.closing); /* FD8 acquire <- FD7 */
}

/* 1: *ret_ref is filled. 0: not cached or stale. */
static int fd_try(int fd, struct thread_record *t, struct fd_ref *ret_ref)
{
	int current = entries_are_current();
	struct private_ptr *slot = slot_of(fd);
	/* FD4 acquire <- FD3 */
	struct fd_entry *entry = slot ? private_ptr_load_acquire(slot) : NULL;
	int i = 0;

	if (!entry)
		return 0;
	while (i < HAZARDS - 1 && private_ptr_load_relaxed(&t->hazards[i]))
		i++;
	private_ptr_store_seq_cst(&t->hazards[i], entry); /* FD1 acq_rel <-> FD2 */
	/* FD1 acq_rel <-> FD2 */
	if (private_ptr_load_seq_cst(slot) == entry &&
	    ((current && private_u32_load_acquire(&entry->settled)) || /* FD10 acquire <- FD9 */
	     entry_is_current(entry, fd))) {
		ret_ref->object = entry->object;
		ret_ref->access = entry->access;
		ret_ref->hazard = &t->hazards[i];
		return 1;
	}
	private_ptr_store_seq_cst(&t->hazards[i], NULL); /* FD1 acq_rel <-> FD2 */
	return 0;
}

int fd_get_any(int fd, struct fd_ref *ret_ref)
{
	struct thread_record *t = me ? me : thread_record_make();

	if (!t)
		return fail(ENOMEM, "no memory for this thread's bookkeeping");
	while (!fd_try(fd, t, ret_ref)) {
		int err = fd_resolve(fd);

		if (err)
			return err;
	}
	return 0;
}

int fd_get(int fd, enum object_kind kind, struct fd_ref *ret_ref)
{
	static const char *const words[] = {"map", "program", "BTF object"};
	int err = fd_get_any(fd, ret_ref);

	if (err || ret_ref->object->kind == kind)
		return err;
	err = fail(EINVAL, "descriptor %d is a %s, not a %s", fd, words[ret_ref->object->kind],
		   words[kind]);
	fd_put(ret_ref);
	return err;
}

void fd_put(struct fd_ref *ref)
{
	private_ptr_store_seq_cst(ref->hazard, NULL); /* FD1 acq_rel <-> FD2 */
	/* Who retired the entry meanwhile saw it in use and left it to us: FD1 acq_rel <-> FD2 */
	if (!private_ptr_load_seq_cst(&table.graves))
		return;
	table_lock();
	graves_free_locked();
	table_unlock();
}

void fd_sweep(void)
{
	pthread_once(&table_once, table_init);
	table_lock();
	for (int c = 0; c < CHUNKS; c++) {
		struct chunk *chunk = private_ptr_load_relaxed(&table.chunks[c]);

		for (int i = 0; chunk && i < CHUNK_SLOTS; i++) {
			struct fd_entry *entry = private_ptr_load_relaxed(&chunk->slots[i]);

			if (entry && !entry_is_current(entry, c * CHUNK_SLOTS + i))
				entry_retire_locked(&chunk->slots[i]);
		}
	}
	table.installed = 0;
	graves_free_locked();
	table_unlock();
}

void fd_sweep_sometimes(void)
{
	int due;

	pthread_once(&table_once, table_init);
	table_lock();
	due = table.installed > 16 + table.entries / 2;
	table_unlock();
	if (due)
		fd_sweep();
}

int fd_table_busy(void)
{
	return inside > 0;
}

struct object *object_by_id(enum object_kind kind, uint32_t id)
{
	struct object *found = NULL;

	table_lock();
	for (int b = 0; b < OBJECT_BUCKETS && !found; b++)
		for (struct object *o = table.objects[b]; o && !found; o = o->next)
			if (o->kind == kind && o->id == id)
				found = o;
	if (found)
		found->refs++;
	table_unlock();
	return found;
}

void bpfmap_bpf_fd_closing(void)
{
	private_u32_add_acq_rel(&table.closing, 1); /* FD7 acq_rel -> FD8 */
}

void bpfmap_bpf_fd_closing_end(void)
{
	private_u32_add_acq_rel(&table.closing, UINT32_MAX); /* FD7 acq_rel -> FD8 */
}

void bpfmap_bpf_fd_closed(int fd)
{
	struct private_ptr *slot = inside ? NULL : slot_of(fd);
	struct fd_entry *entry;

	/* Closing a number that was never ours must stay as cheap as close(). */
	if (!slot || !private_ptr_load_relaxed(slot))
		return;
	table_lock();
	entry = private_ptr_load_relaxed(slot);
	if (entry && !entry_is_current(entry, fd))
		entry_retire_locked(slot);
	graves_free_locked();
	table_unlock();
}

enum bpfmap_fd_check bpfmap_bpf_fd_check(enum bpfmap_fd_check check)
{
	enum bpfmap_fd_check before;

	/* Numbers that were closed unseen so far must be forgotten before anybody trusts the
	 * table. */
	bpfmap_bpf_fd_closing();
	before = (enum bpfmap_fd_check)private_u32_exchange_relaxed(&table.check, (uint32_t)check);
	fd_sweep();
	bpfmap_bpf_fd_closing_end();
	return before;
}
