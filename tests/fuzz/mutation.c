/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* mutation.c: see mutation.h. */
#include "mutation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MUTATIONS_MAX 8u
#define RUN_MAX	      600u
#define SLACK	      65536u

int blob_read(const char *path, struct blob *ret_blob)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	struct blob blob;

	if (fd < 0 || fstat(fd, &st) != 0)
		return -errno;
	blob.size = (size_t)st.st_size;
	blob.room = blob.size * 2 + SLACK;
	blob.bytes = calloc(1, blob.room);
	if (!blob.bytes || read(fd, blob.bytes, blob.size) != (ssize_t)blob.size) {
		free(blob.bytes);
		close(fd);
		return -EIO;
	}
	close(fd);
	*ret_blob = blob;
	return 0;
}

int blob_write(const struct blob *blob, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ssize_t written;

	if (fd < 0)
		return -errno;
	written = write(fd, blob->bytes, blob->size);
	close(fd);
	return written == (ssize_t)blob->size ? 0 : -EIO;
}

void blob_free(struct blob *blob)
{
	free(blob->bytes);
	memset(blob, 0, sizeof(*blob));
}

/* Numbers at which arithmetic goes wrong. */
static uint64_t number_awkward(struct rng *rng)
{
	static const uint64_t awkward[] = {
		0,
		1,
		2,
		7,
		8,
		0x7f,
		0xff,
		0x7fff,
		0xffff,
		0x10000,
		0x7fffffff,
		0x80000000,
		0xfffffffe,
		0xffffffff,
		0x100000000,
		INT64_MAX,
		1ull << 63,
		UINT64_MAX,
		UINT64_MAX - 7,
		4096,
	};
	uint64_t pick = rng_below(rng, 2 * sizeof(awkward) / sizeof(awkward[0]));

	return pick < sizeof(awkward) / sizeof(awkward[0]) ? awkward[pick] : rng_next(rng);
}

static size_t place(const struct blob *blob, struct rng *rng, size_t tail_bytes)
{
	size_t tail = tail_bytes < blob->size ? tail_bytes : blob->size;

	/* The fields that matter stand at the start of the header and of most files. */
	switch (rng_below(rng, 4)) {
	case 0: return blob->size - tail + rng_below(rng, tail);
	case 1: return blob->size - tail + rng_below(rng, tail < 256 ? tail : 256);
	case 2: return rng_below(rng, blob->size < 256 ? blob->size : 256);
	default: return rng_below(rng, blob->size);
	}
}

static void number_put(struct blob *blob, struct rng *rng, size_t at)
{
	size_t width = (size_t)1 << rng_below(rng, 4);
	uint64_t number = number_awkward(rng);

	at -= at % width;
	if (at + width <= blob->size)
		memcpy(blob->bytes + at, &number, width);
}

static void run_spoil(struct blob *blob, struct rng *rng, size_t at)
{
	size_t length = 1 + rng_below(rng, RUN_MAX);
	uint64_t kind = rng_below(rng, 3);

	for (size_t i = at; i < blob->size && i < at + length; i++)
		blob->bytes[i] = kind == 0 ? 0 : kind == 1 ? 0xff : (uint8_t)rng_next(rng);
}

static void run_move(struct blob *blob, struct rng *rng, size_t at)
{
	size_t from = rng_below(rng, blob->size);
	size_t longest = blob->size - (from > at ? from : at);

	memmove(blob->bytes + at, blob->bytes + from, rng_below(rng, longest + 1));
}

static void size_change(struct blob *blob, struct rng *rng)
{
	static const size_t steps[] = {1, 8, 64, 4095, 4096, 4097, 8192};
	size_t step = steps[rng_below(rng, sizeof(steps) / sizeof(steps[0]))];
	size_t grown = blob->size + step;

	switch (rng_below(rng, 4)) {
	case 0: blob->size = rng_below(rng, blob->size + 1); break;
	case 1: blob->size = step < blob->size ? blob->size - step : 0; break;
	case 2: blob->size -= blob->size % 4096; break;
	default:
		if (grown <= blob->room) {
			memset(blob->bytes + blob->size, 0, step);
			blob->size = grown;
		}
	}
}

void blob_mutate(struct blob *blob, struct rng *rng, size_t tail_bytes)
{
	uint64_t times = 1 + rng_below(rng, MUTATIONS_MAX);

	for (uint64_t i = 0; i < times && blob->size != 0; i++) {
		size_t at = place(blob, rng, tail_bytes);

		switch (rng_below(rng, 16)) {
		case 0: size_change(blob, rng); break;
		case 1: run_spoil(blob, rng, at); break;
		case 2: run_move(blob, rng, at); break;
		case 3:
		case 4:
		case 5:
		case 6: blob->bytes[at] ^= (uint8_t)(1u << rng_below(rng, 8)); break;
		case 7: blob->bytes[at] = (uint8_t)rng_next(rng); break;
		default: number_put(blob, rng, at);
		}
	}
}
