/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* fd.c: the process's table of descriptors that lead to objects.
 *
 * A descriptor belongs to the program: it closes, duplicates and reuses numbers without telling us.
 * The table is therefore a cache, and each use verifies that the number still means what the cache
 * says. An entry keeps a private duplicate of the descriptor, and fcntl(F_DUPFD_QUERY) says whether
 * both are one open file description (access mode included). Kernels before 6.10 lack that query;
 * there device, inode and access mode are compared instead: a different description of the same file
 * with the same mode is the same map with the same rights, so that is as good. entry_is_current() is
 * the one place to change for a cheaper check.
 *
 * States of a slot:   NULL -> entry            entry_install (under table.lock)
 *                     entry -> NULL            entry_retire  (under table.lock), entry to the graves
 *                     grave -> freed           graves_free   (under table.lock), when nobody uses it
 * Who changes what:   slots, graves, objects, object.refs: holders of table.lock. A thread's hazard
 *                     cells: that thread (the child after fork() clears the others').
 * Locks:              table.lock, recursive, because freeing a program releases its maps; never
 *                     held while a program runs or an element operation is under way.
 * Edges:  F1 sequentially consistent store of a hazard, then load of the slot (fd_try)
 *            -> F2 store of NULL into the slot, fence, then load of all hazards (entry_retire,
 *            graves_free). Either the user sees NULL and turns back or the reaper sees the use.
 *         F3 release of slot in entry_install -> F4 acquire of the slot in fd_try.
 *         F5 release of a chunk pointer -> F6 acquire in slot_of.
 * Progress:           a lookup of a cached descriptor never waits and writes no shared line.
 * fork:               the child keeps the table; table.lock is made anew there, hazards of threads
 *                     that no longer exist are cleared.
 * exec:               all private descriptors are close-on-exec.
 * If a process dies:  the kernel closes everything; nothing outlives it here.
 */
#include "bpf/fd.h"

#include "base/error.h"
#include "bpf/command.h"
#include "bpf/object.h"

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

struct fd_entry {
	struct object *object;
	int private_fd;
	int access;
	struct fd_entry *next_grave;
};

struct chunk {
	struct fd_entry *slots[CHUNK_SLOTS];
};

struct thread_record {
	void *hazards[HAZARDS];
	int taken;
	struct thread_record *next;
};

static struct {
	pthread_mutex_t lock;
	struct chunk *chunks[CHUNKS];
	struct object *objects[OBJECT_BUCKETS];
	struct fd_entry *graves;
	unsigned int entries;
	unsigned int installed; /* since the last sweep */
	struct thread_record *threads;
} table;

static pthread_once_t table_once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_key;
static _Thread_local struct thread_record *me;
/* This thread is inside the table: closes it does itself are not news. */
static _Thread_local int inside;

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

static struct fd_entry **slot_of(int fd)
{
	struct chunk *chunk;

	if (fd < 0 || fd >= CHUNKS * CHUNK_SLOTS)
		return NULL;
	chunk = __atomic_load_n(&table.chunks[fd / CHUNK_SLOTS], __ATOMIC_ACQUIRE); /* F6 */
	return chunk ? &chunk->slots[fd % CHUNK_SLOTS] : NULL;
}

static struct fd_entry **slot_make_locked(int fd)
{
	struct chunk *chunk;

	if (fd < 0 || fd >= CHUNKS * CHUNK_SLOTS)
		return NULL;
	if (!table.chunks[fd / CHUNK_SLOTS]) {
		chunk = calloc(1, sizeof(*chunk));
		if (!chunk)
			return NULL;
		__atomic_store_n(&table.chunks[fd / CHUNK_SLOTS], chunk, __ATOMIC_RELEASE); /* F5 */
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
			if (__atomic_load_n(&t->hazards[i], __ATOMIC_SEQ_CST) == entry) /* F2 */
				return 1;
	return 0;
}

static void graves_free_locked(void)
{
	struct fd_entry **at = &table.graves;

	while (*at) {
		struct fd_entry *entry = *at;

		if (grave_in_use(entry)) {
			at = &entry->next_grave;
			continue;
		}
		*at = entry->next_grave;
		/* A program that closes every number it can count to closed ours as well, and the
		 * number may be somebody else's by now. */
		if (same_file(entry->private_fd, entry->object))
			close(entry->private_fd);
		object_release_locked(entry->object);
		free(entry);
	}
}

static void entry_retire_locked(struct fd_entry **slot)
{
	struct fd_entry *entry = *slot;

	__atomic_store_n(slot, NULL, __ATOMIC_SEQ_CST); /* F2 */
	entry->next_grave = table.graves;
	table.graves = entry;
	table.entries--;
}

static struct object *object_find_locked(dev_t dev, ino_t ino)
{
	struct object *object = table.objects[ino % OBJECT_BUCKETS];

	while (object && (object->ino != ino || object->dev != dev))
		object = object->next;
	return object;
}

static int private_dup(int fd)
{
	int private_fd = fcntl(fd, F_DUPFD_CLOEXEC, PRIVATE_FD_MIN);

	if (private_fd < 0)
		private_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return private_fd < 0 ? -errno : private_fd;
}

/* Make the entry for fd; takes over one reference to object. */
static int entry_install_locked(int fd, struct object *object)
{
	struct fd_entry **slot = slot_make_locked(fd);
	struct fd_entry *entry = slot ? calloc(1, sizeof(*entry)) : NULL;

	if (!entry) {
		object_release_locked(object);
		return fail(ENOMEM, "no memory to remember descriptor %d", fd);
	}
	entry->object = object;
	entry->access = fcntl(fd, F_GETFL) & O_ACCMODE;
	entry->private_fd = private_dup(fd);
	if (entry->private_fd < 0) {
		int err = fail_os(-entry->private_fd, "cannot duplicate descriptor %d", fd);

		object_release_locked(object);
		free(entry);
		return err;
	}
	if (*slot)
		entry_retire_locked(slot);
	__atomic_store_n(slot, entry, __ATOMIC_RELEASE); /* F3 */
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
	int err;

	pthread_once(&table_once, table_init);
	if (fstat(fd, &st)) {
		err = fail_os(errno, "cannot look at descriptor %d", fd);
		object_payload_free(&tmp);
		return err;
	}
	table_lock();
	err = object_add_locked(what, &st, &object);
	if (!err)
		err = entry_install_locked(fd, object);
	table_unlock();
	return err;
}

/* Find out what fd is and enter it. */
static int fd_resolve_locked(int fd)
{
	struct fd_entry **slot = slot_of(fd);
	struct object *object;
	struct object what;
	struct stat st;
	int err;

	if (slot && *slot && entry_is_current(*slot, fd))
		return 0;
	if (slot && *slot) {
		entry_retire_locked(slot);
		graves_free_locked();
	}
	if (fstat(fd, &st) || (fcntl(fd, F_GETFL) & O_PATH))
		return fail(EBADF, "descriptor %d is not open, or only as a path", fd);
	if (!S_ISREG(st.st_mode))
		return fail(EINVAL, "descriptor %d is not a map, a program or BTF", fd);
	object = object_find_locked(st.st_dev, st.st_ino);
	if (object) {
		object->refs++;
		return entry_install_locked(fd, object);
	}
	memset(&what, 0, sizeof(what));
	err = object_open(fd, &what);
	if (err)
		return err;
	err = object_add_locked(&what, &st, &object);
	return err ? err : entry_install_locked(fd, object);
}

static int __attribute__((noinline)) fd_resolve(int fd)
{
	int err;

	table_lock();
	err = fd_resolve_locked(fd);
	table_unlock();
	return err;
}

/* 1: *ret_ref is filled. 0: not cached or stale. */
static int fd_try(int fd, struct thread_record *t, struct fd_ref *ret_ref)
{
	struct fd_entry **slot = slot_of(fd);
	struct fd_entry *entry = slot ? __atomic_load_n(slot, __ATOMIC_ACQUIRE) : NULL; /* F4 */
	int i = 0;

	if (!entry)
		return 0;
	while (i < HAZARDS - 1 && t->hazards[i])
		i++;
	__atomic_store_n(&t->hazards[i], entry, __ATOMIC_SEQ_CST); /* F1 */
	if (__atomic_load_n(slot, __ATOMIC_SEQ_CST) == entry && entry_is_current(entry, fd)) {
		ret_ref->object = entry->object;
		ret_ref->access = entry->access;
		ret_ref->hazard = &t->hazards[i];
		return 1;
	}
	__atomic_store_n(&t->hazards[i], NULL, __ATOMIC_RELEASE); /* F1: the use is over */
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
	__atomic_store_n(ref->hazard, NULL, __ATOMIC_SEQ_CST); /* F1: the use is over */
	if (!__atomic_load_n(&table.graves, __ATOMIC_SEQ_CST)) /* F2: who retired it meanwhile? */
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
		struct chunk *chunk = table.chunks[c];

		for (int i = 0; chunk && i < CHUNK_SLOTS; i++)
			if (chunk->slots[i] &&
			    !entry_is_current(chunk->slots[i], c * CHUNK_SLOTS + i))
				entry_retire_locked(&chunk->slots[i]);
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

void bpfmap_bpf_fd_closed(int fd)
{
	struct fd_entry **slot = inside ? NULL : slot_of(fd);

	/* Closing a number that was never ours must stay as cheap as close(). */
	if (!slot || !__atomic_load_n(slot, __ATOMIC_ACQUIRE)) /* F4 */
		return;
	table_lock();
	if (*slot && !entry_is_current(*slot, fd))
		entry_retire_locked(slot);
	graves_free_locked();
	table_unlock();
}
