/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* snapshot_file.c: see snapshot_file.h. */
#include "cli/snapshot_file.h"

#include "base/clock.h"
#include "base/error.h"
#include "cli/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

/* Elements are collected to so many bytes: little is lost to the chunks' heads, and damage to one
 * costs little to find. */
#define CHUNK_BYTES (256u << 10)
#define BTF_MAX	    (16u << 20)
#define CPUS_MAX    4096

_Static_assert(sizeof(struct snapshot_head) == 256, "drawn in man/bpfmap-snapshot.5.scd");
_Static_assert(sizeof(struct snapshot_chunk) == 24, "drawn in man/bpfmap-snapshot.5.scd");

static uint32_t crc_of(const void *data, size_t len)
{
	return (uint32_t)crc32_z(0, data, len);
}

/* Fixed elements are their bytes, others have their lengths before them. */
static size_t record_head(const struct shape *shape)
{
	return shape_is_variable(shape) ? 2 * sizeof(uint32_t) : 0;
}

/* ---- writing ---- */

struct snapshot_writer {
	struct shape shape; /* without its BTF */
	FILE *file;
	char *path;
	char *temporary; /* NULL: the file has no name yet */
	uint8_t *chunk;
	size_t len, room;
	uint32_t count;	 /* in the chunk */
	uint32_t chunks; /* written */
	uint64_t elements;
	uint64_t bytes; /* written */
};

bool snapshot_is_file(const char *path)
{
	char magic[8];
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	bool is = fd >= 0 && read(fd, magic, sizeof(magic)) == sizeof(magic) &&
		  !memcmp(magic, SNAPSHOT_MAGIC, sizeof(magic));

	if (fd >= 0)
		close(fd);
	return is;
}

static int put(struct snapshot_writer *w, const void *data, size_t len)
{
	w->bytes += len;
	if (!len || fwrite(data, len, 1, w->file) == 1)
		return 0;
	return fail_os(errno, "cannot write %s", w->path);
}

static int chunk_put(struct snapshot_writer *w, uint32_t kind, uint32_t count, const void *data,
		     size_t len)
{
	struct snapshot_chunk chunk = {
		.kind = kind, .count = count, .bytes = len, .crc = crc_of(data, len)};
	int err;

	chunk.head_crc = crc_of(&chunk, offsetof(struct snapshot_chunk, head_crc));
	err = put(w, &chunk, sizeof(chunk));
	if (!err)
		err = put(w, data, len);
	w->chunks += !err;
	return err;
}

static int head_put(struct snapshot_writer *w, const struct shape *shape, uint32_t flags)
{
	struct snapshot_head head = {
		.magic = {0},
		.order = SNAPSHOT_ORDER,
		.version = SNAPSHOT_VERSION,
		.type = shape->type,
		.key_size = shape->key_size,
		.value_size = shape->value_size,
		.max_entries = shape->max_entries,
		.map_flags = shape->map_flags,
		.cpus = shape->cpus,
		.map_extra = shape->map_extra,
		.seed = shape->seed,
		.btf_size = shape->btf_size,
		.btf_key_type_id = shape->btf_key_type_id,
		.btf_value_type_id = shape->btf_value_type_id,
		.flags = flags,
	};
	int err;

	head.taken_ns = clock_ns(CLOCK_REALTIME);
	memcpy(head.magic, SNAPSHOT_MAGIC, sizeof(head.magic));
	memcpy(head.name, shape->name, sizeof(head.name));
	head.crc = crc_of(&head, offsetof(struct snapshot_head, crc));
	err = put(w, &head, sizeof(head));
	if (!err && shape->btf)
		err = chunk_put(w, SNAPSHOT_BTF, 1, shape->btf, shape->btf_size);
	return err;
}

static void writer_free(struct snapshot_writer *w)
{
	if (w->file)
		fclose(w->file);
	free(w->path);
	free(w->temporary);
	free(w->chunk);
	free(w);
}

static void directory_of(const char *path, struct text *ret_dir)
{
	const char *slash = strrchr(path, '/');

	text_add(ret_dir, slash ? path : ".", slash ? (size_t)(slash - path) + 1 : 1);
}

/* A name of the same directory that nobody has; *ret_fd, if wanted, is a file of that name. */
static int name_beside(struct snapshot_writer *w, int *ret_fd)
{
	struct text name = {0};
	int fd;

	text_addf(&name, "%s.XXXXXX", w->path);
	w->temporary = name.s;
	fd = mkostemp(w->temporary, O_CLOEXEC);
	if (fd < 0)
		return fail_os(errno, "cannot make a file beside %s", w->path);
	if (ret_fd) {
		*ret_fd = fd;
		return 0;
	}
	close(fd);
	return unlink(w->temporary) ? fail_os(errno, "cannot remove %s", w->temporary) : 0;
}

/* Without a name where the file system can: then nothing is left if we are killed. */
static int file_open(struct snapshot_writer *w)
{
	struct text dir = {0};
	struct stat st;
	int fd, err = 0;

	if (!stat(w->path, &st) && !(S_ISREG(st.st_mode) && !st.st_size) &&
	    !snapshot_is_file(w->path))
		return fail(EEXIST, "%s exists and is no snapshot; it is not overwritten", w->path);
	directory_of(w->path, &dir);
	fd = open(text_str(&dir), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	text_free(&dir);
	if (fd < 0)
		err = name_beside(w, &fd);
	if (err)
		return err;
	w->file = fdopen(fd, "w");
	if (w->file)
		return 0;
	close(fd);
	return fail(ENOMEM, "no memory for a file");
}

int snapshot_create(const char *path, const struct shape *shape, uint32_t flags,
		    struct snapshot_writer **ret_writer)
{
	struct snapshot_writer *w = must_realloc(NULL, sizeof(*w));
	int err;

	*w = (struct snapshot_writer){.shape = *shape};
	w->shape.btf = NULL;
	w->path = must_realloc(NULL, strlen(path) + 1);
	strcpy(w->path, path);
	err = file_open(w);
	if (err) {
		writer_free(w);
		return err;
	}
	err = head_put(w, shape, flags);
	if (err)
		snapshot_abort(w);
	else
		*ret_writer = w;
	return err;
}

static int elements_flush(struct snapshot_writer *w)
{
	uint32_t kind = shape_is_bloom(&w->shape) ? SNAPSHOT_BITS : SNAPSHOT_ELEM;
	int err = w->count ? chunk_put(w, kind, w->count, w->chunk, w->len) : 0;

	w->elements += w->count;
	w->count = 0;
	w->len = 0;
	return err;
}

int snapshot_add(void *arg, const struct record *record)
{
	struct snapshot_writer *w = arg;
	size_t more = record_head(&w->shape) + record->key_len + record->value_len;
	uint8_t *to;
	int err = 0;

	if (w->count && w->len + more > CHUNK_BYTES)
		err = elements_flush(w);
	if (err)
		return err;
	if (w->len + more > w->room) {
		w->room = w->len + more < CHUNK_BYTES ? CHUNK_BYTES : w->len + more;
		w->chunk = must_realloc(w->chunk, w->room);
	}
	to = w->chunk + w->len;
	if (record_head(&w->shape)) {
		memcpy(to, &record->key_len, sizeof(record->key_len));
		memcpy(to + 4, &record->value_len, sizeof(record->value_len));
		to += record_head(&w->shape);
	}
	if (record->key_len)
		memcpy(to, record->key, record->key_len);
	if (record->value_len)
		memcpy(to + record->key_len, record->value, record->value_len);
	w->len += more;
	w->count += shape_is_bloom(&w->shape) ? record->value_len / 8 : 1;
	return 0;
}

/* The name is on the disk when its directory is. */
static void directory_sync(const char *path)
{
	struct text dir = {0};
	int fd;

	directory_of(path, &dir);
	fd = open(text_str(&dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	text_free(&dir);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

static mode_t umask_now(void)
{
	mode_t mask = umask(077);

	umask(mask);
	return mask;
}

static int name_give(struct snapshot_writer *w)
{
	char from[64];
	int err = name_beside(w, NULL);

	if (err)
		return err;
	snprintf(from, sizeof(from), "/proc/self/fd/%d", fileno(w->file));
	if (linkat(AT_FDCWD, from, AT_FDCWD, w->temporary, AT_SYMLINK_FOLLOW))
		return fail_os(errno, "cannot give the snapshot the name %s", w->temporary);
	return 0;
}

static int finish(struct snapshot_writer *w)
{
	struct snapshot_end end;
	int err = elements_flush(w);

	end.elements = w->elements;
	end.bytes = w->bytes + sizeof(struct snapshot_chunk) + sizeof(end);
	if (!err)
		err = chunk_put(w, SNAPSHOT_END, w->chunks, &end, sizeof(end));
	if (err)
		return err;
	fchmod(fileno(w->file), 0666 & ~umask_now());
	if (fflush(w->file) || fsync(fileno(w->file)))
		return fail_os(errno, "cannot write %s", w->path);
	if (!w->temporary)
		err = name_give(w);
	if (err)
		return err;
	if (rename(w->temporary, w->path))
		return fail_os(errno, "cannot rename the snapshot to %s", w->path);
	return 0;
}

int snapshot_commit(struct snapshot_writer *writer, uint64_t *ret_bytes)
{
	int err = finish(writer);

	if (err) {
		snapshot_abort(writer);
		return err;
	}
	directory_sync(writer->path);
	*ret_bytes = writer->bytes;
	writer_free(writer);
	return 0;
}

void snapshot_abort(struct snapshot_writer *writer)
{
	if (writer->temporary)
		unlink(writer->temporary);
	writer_free(writer);
}

/* ---- reading ---- */

struct snapshot_reader {
	struct shape shape; /* without its BTF */
	FILE *file;
	char *path;
	uint64_t size; /* of the file */
	uint64_t at;   /* read so far */
	uint8_t *chunk;
	size_t room;
	size_t len;    /* of the present chunk */
	size_t used;   /* of it */
	uint32_t left; /* records of it */
	uint32_t chunks;
	uint64_t elements;
};

static int damaged(const struct snapshot_reader *r, uint64_t at, const char *what)
{
	return fail(EUCLEAN, "%s is damaged at offset %" PRIu64 ": %s", r->path, at, what);
}

static int get(struct snapshot_reader *r, void *data, size_t len)
{
	if (len > r->size - r->at)
		return fail(EUCLEAN,
			    "%s is cut off: %" PRIu64 " bytes, and at offset %" PRIu64
			    " %zu more are expected",
			    r->path, r->size, r->at, len - (size_t)(r->size - r->at));
	if (len && fread(data, len, 1, r->file) != 1)
		return fail_os(errno ? errno : EIO, "cannot read %s", r->path);
	r->at += len;
	return 0;
}

/* Lengths that a map may have; beyond them a file is no snapshot of ours, whatever its checksums
 * say. */
static bool head_is_sound(const struct snapshot_head *head)
{
	bool keyless = head->type == BPF_MAP_TYPE_BLOOM_FILTER;

	return head->cpus && head->cpus <= CPUS_MAX && head->btf_size <= BTF_MAX &&
	       memchr(head->name, 0, sizeof(head->name)) && head->value_size &&
	       head->value_size <= INT32_MAX / head->cpus && !head->key_size == keyless &&
	       head->key_size <= INT32_MAX && (backend_is_percpu(head->type) || head->cpus == 1);
}

static int head_get(struct snapshot_reader *r, struct snapshot_head *head)
{
	int err;

	errno = 0;
	if (r->size < sizeof(head->magic) || !snapshot_is_file(r->path))
		return fail(EUCLEAN, "%s is no snapshot (its first bytes are others)", r->path);
	err = get(r, head, sizeof(*head));
	if (err)
		return err;
	if (head->order == __builtin_bswap32(SNAPSHOT_ORDER))
		return fail(EUCLEAN, "%s was written on a machine of the other byte order",
			    r->path);
	if (head->order != SNAPSHOT_ORDER ||
	    head->crc != crc_of(head, offsetof(struct snapshot_head, crc)))
		return damaged(r, 0, "the head's checksum is wrong");
	if (head->version != SNAPSHOT_VERSION)
		return fail(EUCLEAN, "%s has version %u of the format, this build reads %u",
			    r->path, head->version, SNAPSHOT_VERSION);
	return head_is_sound(head) ? 0 : damaged(r, 0, "the head describes no map");
}

static void shape_from_head(const struct snapshot_head *head, struct shape *shape)
{
	*shape = (struct shape){
		.type = head->type,
		.key_size = head->key_size,
		.value_size = head->value_size,
		.max_entries = head->max_entries,
		.map_flags = head->map_flags,
		.map_extra = head->map_extra,
		.cpus = head->cpus,
		.seed = head->seed,
		.btf_size = head->btf_size,
		.btf_key_type_id = head->btf_key_type_id,
		.btf_value_type_id = head->btf_value_type_id,
	};
	memcpy(shape->name, head->name, sizeof(shape->name));
}

/* The next chunk's head and its bytes. */
static int chunk_get(struct snapshot_reader *r, struct snapshot_chunk *chunk)
{
	uint64_t at = r->at;
	int err = get(r, chunk, sizeof(*chunk));

	if (err)
		return err;
	if (chunk->head_crc != crc_of(chunk, offsetof(struct snapshot_chunk, head_crc)))
		return damaged(r, at, "the checksum of a chunk's head is wrong");
	if (chunk->bytes > r->size - r->at)
		return fail(EUCLEAN,
			    "%s is cut off: the chunk at offset %" PRIu64 " has %" PRIu64
			    " bytes, and %" PRIu64 " are left",
			    r->path, at, chunk->bytes, r->size - r->at);
	if (chunk->bytes > r->room) {
		r->room = chunk->bytes;
		r->chunk = must_realloc(r->chunk, r->room);
	}
	r->len = chunk->bytes;
	err = get(r, r->chunk, r->len);
	if (!err && chunk->crc != crc_of(r->chunk, r->len))
		err = damaged(r, at, "the checksum of a chunk's bytes is wrong");
	return err;
}

static int btf_get(struct snapshot_reader *r, struct shape *shape)
{
	struct snapshot_chunk chunk;
	uint64_t at = r->at;
	int err;

	if (!shape->btf_size)
		return 0;
	err = chunk_get(r, &chunk);
	if (!err && (chunk.kind != SNAPSHOT_BTF || r->len != shape->btf_size))
		err = damaged(r, at, "the BTF that the head announces is not there");
	if (err)
		return err;
	r->chunks++;
	shape->btf = must_realloc(NULL, r->len);
	memcpy(shape->btf, r->chunk, r->len);
	return 0;
}

int snapshot_open(const char *path, struct snapshot_reader **ret_reader, struct shape *ret_shape)
{
	struct snapshot_reader *r = must_realloc(NULL, sizeof(*r));
	struct snapshot_head head;
	struct stat st;
	int err = 0;

	*r = (struct snapshot_reader){.file = fopen(path, "re")};
	r->path = must_realloc(NULL, strlen(path) + 1);
	strcpy(r->path, path);
	if (!r->file || fstat(fileno(r->file), &st))
		err = fail_os(errno, "cannot open %s", path);
	else if (!S_ISREG(st.st_mode))
		err = fail(EINVAL, "%s is not a regular file", path);
	if (!err) {
		r->size = (uint64_t)st.st_size;
		err = head_get(r, &head);
	}
	if (!err) {
		shape_from_head(&head, ret_shape);
		r->shape = *ret_shape;
		err = btf_get(r, ret_shape);
	}
	if (err)
		snapshot_close(r);
	else
		*ret_reader = r;
	return err;
}

static int end_check(struct snapshot_reader *r, const struct snapshot_chunk *chunk, uint64_t at)
{
	struct snapshot_end end;

	if (r->len != sizeof(end))
		return damaged(r, at, "its last chunk has another length");
	memcpy(&end, r->chunk, sizeof(end));
	if (chunk->count != r->chunks || end.elements != r->elements)
		return damaged(r, at, "chunks or elements are missing before its last chunk");
	if (end.bytes != r->at || r->size != r->at)
		return damaged(r, r->at, "something follows its last chunk");
	return 0;
}

/* 1: a chunk of records. 0: the end. */
static int records_get(struct snapshot_reader *r)
{
	bool bloom = shape_is_bloom(&r->shape);
	size_t fixed = r->shape.key_size + shape_value_bytes(&r->shape);
	struct snapshot_chunk chunk;
	uint64_t at = r->at;
	int err = chunk_get(r, &chunk);

	if (err)
		return err;
	if (chunk.kind == SNAPSHOT_END)
		return end_check(r, &chunk, at);
	if (chunk.kind != (bloom ? SNAPSHOT_BITS : SNAPSHOT_ELEM) || !chunk.count)
		return damaged(r, at, "a chunk of another kind is expected");
	if (bloom ? r->len != chunk.count * 8ull
		  : !shape_is_variable(&r->shape) && r->len != chunk.count * fixed)
		return damaged(r, at, "a chunk has another length than its elements");
	r->used = 0;
	r->left = bloom ? 1 : chunk.count;
	r->chunks++;
	r->elements += chunk.count;
	return 1;
}

static int lengths_get(struct snapshot_reader *r, struct record *record)
{
	uint64_t at = r->at - r->len + r->used;

	if (r->len - r->used < 8)
		return damaged(r, at, "an element is longer than its chunk");
	memcpy(&record->key_len, r->chunk + r->used, 4);
	memcpy(&record->value_len, r->chunk + r->used + 4, 4);
	r->used += 8;
	if (record->key_len > r->shape.key_size || record->value_len > r->shape.value_size ||
	    (uint64_t)record->key_len + record->value_len > r->len - r->used)
		return damaged(r, at, "an element is longer than its map or chunk allows");
	return 0;
}

int snapshot_next(struct snapshot_reader *r, struct record *ret_record)
{
	struct record record = {.key_len = r->shape.key_size,
				.value_len = (uint32_t)shape_value_bytes(&r->shape)};
	int err;

	if (!r->left) {
		if (shape_is_variable(&r->shape) && r->used != r->len && r->elements)
			return damaged(r, r->at, "a chunk is longer than its elements");
		err = records_get(r);
		if (err <= 0)
			return err;
	}
	if (shape_is_bloom(&r->shape))
		record.value_len = (uint32_t)r->len;
	err = shape_is_variable(&r->shape) ? lengths_get(r, &record) : 0;
	if (err)
		return err;
	record.key = r->chunk + r->used;
	record.value = r->chunk + r->used + record.key_len;
	r->used += record.key_len + record.value_len;
	r->left--;
	*ret_record = record;
	return 1;
}

uint64_t snapshot_bytes(const struct snapshot_reader *reader)
{
	return reader->size;
}

uint64_t snapshot_done(const struct snapshot_reader *reader)
{
	return reader->at;
}

void snapshot_close(struct snapshot_reader *reader)
{
	if (reader->file)
		fclose(reader->file);
	free(reader->path);
	free(reader->chunk);
	free(reader);
}
