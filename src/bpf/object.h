/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* object.h: what the three kinds of objects have in common: each is a file that says what it is. */
#ifndef BPFMAP_BPF_OBJECT_H
#define BPFMAP_BPF_OBJECT_H

#include "bpf/fd.h"

#include <stddef.h>
#include <stdint.h>

#define OBJECT_MAGIC 0x6a626f6670627fffull /* ff 7f "bpfobj" */

/* The first bytes of a program's or BTF object's file. Input like everything in a file: read once,
 * checked, then only the private copy is used. */
struct object_header {
	uint64_t magic;
	uint32_t version;
	uint32_t kind; /* enum object_kind */
	uint32_t id;
	uint32_t header_size; /* of the kind's own header, this struct included */
	uint64_t file_size;
};

#define OBJECT_VERSION 1

/* A map's or program's name in an argument block (16 bytes). EINVAL. */
int object_name_check(const char *name);

/* What is fd's file? kind, id; nothing is loaded. EINVAL, without a sentence: none of ours. EBADF:
 * closed meanwhile. EUCLEAN: of the other byte order. */
int object_identify(int fd, enum object_kind *ret_kind, uint32_t *ret_id);
/* The sentence for what object_identify() returned. */
int object_refuse(int err, int fd);

/* Load the object behind fd: fills kind, id and the payload. EINVAL: none of ours. EUCLEAN:
 * damaged. */
int object_open(int fd, struct object *ret_what);
void object_payload_free(struct object *what);

/* A new unnamed file of these bytes; a read-only descriptor or -errno. */
int object_file_make(const void *head, size_t head_size, const void *tail, size_t tail_size);

/* All of the file, at least header_size bytes of it checked against the header at its start. The
 * caller frees *ret_bytes. EUCLEAN, ENOMEM. */
int object_file_read(int fd, size_t header_size, void **ret_bytes, size_t *ret_size);

/* A new close-on-exec descriptor for the file behind fd with the given access mode. */
int object_reopen(int fd, int access);

/* A close-on-exec descriptor for the object of this kind and id, wherever it is held: in this
 * process, below the runtime directory, or in another process of this user. ENOENT. */
int object_fd_by_id(enum object_kind kind, uint32_t id, int access);

/* The lowest id above start, 0 if there is none. */
uint32_t object_scan_next(enum object_kind kind, uint32_t start);

#endif
