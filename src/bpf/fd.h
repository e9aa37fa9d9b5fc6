/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* fd.h: from descriptor numbers to objects (maps, programs, BTF). fd.c has the proof. */
#ifndef BPFMAP_BPF_FD_H
#define BPFMAP_BPF_FD_H

#include <stdint.h>
#include <sys/types.h>

struct bpfmap;
struct prog;
struct btf_blob;
struct private_ptr;

/* The numbers are those of rundir_next_id(). */
enum object_kind { OBJECT_MAP = 0, OBJECT_PROG = 1, OBJECT_BTF = 2 };

/* One per file and process, however many descriptors lead to it. Private to the process; fixed
 * after it is published, except refs and next (under the table's lock). */
struct object {
	enum object_kind kind;
	uint32_t id;
	dev_t dev;
	ino_t ino;
	union {
		struct bpfmap *map;
		struct prog *prog;
		struct btf_blob *btf;
	};
	uint8_t excl_prog_hash[32]; /* the only program that may use the map, if excl is 1 */
	uint8_t excl;
	unsigned int refs;
	struct object *next; /* same hash bucket */
};

/* A descriptor in use: the object cannot go away before fd_put(). */
struct fd_ref {
	struct object *object;
	int access;		    /* O_RDWR, O_RDONLY, O_WRONLY */
	struct private_ptr *hazard; /* where this thread announces the use */
};

/* Look fd up. EBADF: not open; EINVAL: open, but not an object of ours or not of this kind. */
int fd_get(int fd, enum object_kind kind, struct fd_ref *ret_ref);
/* The same for any kind. */
int fd_get_any(int fd, struct fd_ref *ret_ref);
void fd_put(struct fd_ref *ref);

/* Enter a descriptor just made for a new object: ownership of payload (the map, prog or BTF) moves
 * to the table, also on failure. On failure the caller closes fd. Only kind, id, the payload and
 * the excl fields of *what are read. */
int fd_install(int fd, const struct object *what);

/* A lasting reference, for objects that hold others (a program its maps). */
void object_hold(struct object *object);
void object_release(struct object *object);

/* Forget descriptors that were closed behind our back; frees what only they held. */
void fd_sweep(void);
/* The same, but only now and then: for calls that would make it quadratic. */
void fd_sweep_sometimes(void);

/* 1 while this thread is inside the table: its system calls are ours, not the program's. */
int fd_table_busy(void);

/* The object with this id that this process knows, held (object_release()), or NULL. */
struct object *object_by_id(enum object_kind kind, uint32_t id);

#endif
