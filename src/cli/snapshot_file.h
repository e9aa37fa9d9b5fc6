/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* snapshot_file.h: a map in a file, to be carried anywhere. Format: man/bpfmap-snapshot.5.scd,
 * which tests/cli/save.sh reads with a program of its own. Numbers and elements are in the byte
 * order of the machine that wrote them, which the file tells.
 *
 *   0     struct snapshot_head
 *   256   chunks: struct snapshot_chunk, then its bytes. BTF (if there is any), ELEM or BITS, last
 *         END.
 *
 * A file is written under another name and renamed when it is complete and on the disk. Whoever
 * reads one believes nothing: every chunk has a checksum, and every length is compared with what is
 * left.
 */
#ifndef BPFMAP_CLI_SNAPSHOT_FILE_H
#define BPFMAP_CLI_SNAPSHOT_FILE_H

#include "cli/shape.h"

#include <stdbool.h>
#include <stdint.h>

#define SNAPSHOT_MAGIC	 "\211bpfmap\n"
#define SNAPSHOT_ORDER	 0x01020304u
#define SNAPSHOT_VERSION 1

struct snapshot_head {
	char magic[8];
	uint32_t order;
	uint32_t version;
	uint32_t type; /* BPF_MAP_TYPE_* */
	uint32_t key_size;
	uint32_t value_size;
	uint32_t max_entries;
	uint32_t map_flags;
	uint32_t cpus; /* values per element */
	uint64_t map_extra;
	uint64_t seed;	   /* Bloom filters: which bits are a value's depends on it */
	uint64_t taken_ns; /* CLOCK_REALTIME */
	char name[16];
	uint32_t btf_size;
	uint32_t btf_key_type_id;
	uint32_t btf_value_type_id;
	uint32_t flags; /* enum snapshot_flags */
	uint8_t zero[156];
	uint32_t crc; /* CRC-32 of all before */
};

enum snapshot_flags {
	SNAPSHOT_ONE_MOMENT = 1, /* all elements are of one moment */
	SNAPSHOT_BY_AGE = 2,	 /* the element that an LRU map would give up first comes first */
	SNAPSHOT_FROM_KERNEL = 4,
};

enum snapshot_kind {
	SNAPSHOT_BTF = 0x20465442,  /* "BTF " on a little-endian machine */
	SNAPSHOT_ELEM = 0x4d454c45, /* "ELEM" */
	SNAPSHOT_BITS = 0x53544942, /* "BITS" */
	SNAPSHOT_END = 0x20444e45,  /* "END " */
};

struct snapshot_chunk {
	uint32_t kind;
	uint32_t count;	   /* elements or words; BTF: 1; END: chunks before it */
	uint64_t bytes;	   /* that follow */
	uint32_t crc;	   /* of them */
	uint32_t head_crc; /* of the fields before */
};

/* What END holds: a file without it was cut off. */
struct snapshot_end {
	uint64_t elements; /* and words */
	uint64_t bytes;	   /* of the file, all of it */
};

struct snapshot_writer;
struct snapshot_reader;

/* True if there is a file that begins as a snapshot does. */
bool snapshot_is_file(const char *path);

/* Everything below: 0 or -errno with a sentence. EEXIST: path is something else than a snapshot,
 * which is not overwritten. */
int snapshot_create(const char *path, const struct shape *shape, uint32_t flags,
		    struct snapshot_writer **ret_writer);
/* A record_fn; arg is the writer. */
int snapshot_add(void *arg, const struct record *record);
/* The file is complete and gets its name. Frees the writer, as does snapshot_abort(), which leaves
 * nothing. */
int snapshot_commit(struct snapshot_writer *writer, uint64_t *ret_bytes);
void snapshot_abort(struct snapshot_writer *writer);

/* EUCLEAN: damaged, cut off or no snapshot; the sentence names the offset. Free *ret_shape. */
int snapshot_open(const char *path, struct snapshot_reader **ret_reader, struct shape *ret_shape);
/* 1: the next record, which stays until the next call. 0: that was all, and the file is whole. */
int snapshot_next(struct snapshot_reader *reader, struct record *ret_record);
/* Bytes of the file, and how many were read. */
uint64_t snapshot_bytes(const struct snapshot_reader *reader);
uint64_t snapshot_done(const struct snapshot_reader *reader);
void snapshot_close(struct snapshot_reader *reader);

#endif
