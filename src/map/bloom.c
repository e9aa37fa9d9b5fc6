/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* bloom.c: Bloom filter; map type BLOOM_FILTER.
 *
 * Body of the region: n_blocks (a power of two) x 64 bytes. Together they have as many bits as the
 * kernel's filter for the same max_entries and number of hashes k, but at least one block.
 *
 * A value's k bits lie in few blocks of 512 bits, a cache line each: in one for k up to 5, two up
 * to 8, three up to 11, else four, evenly. (Spreading them over the whole filter, as the kernel
 * does, costs k cache misses. With one block the rate would be half as much again at k = 8, since
 * blocks fill unevenly: docs/maps/bloom_filter.md.)
 *
 * States       bit: 0 -> 1 [bloom_push], never back
 * Invariants   1. all bits of a value whose push has returned are 1
 * Locks        none
 * Edges        none: a filter says nothing about other memory
 * Progress     push, peek: never wait
 * If a process dies    in the middle of a push: the value is not in the filter, or by chance is;
 *              some of its bits remain
 * Differences from the kernel: which other values are reported present (false positives), also with
 *              ZERO_SEED; their rate is about that of the kernel's (docs/figures).
 */
#include "map/bloom.h"

#include "base/error.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ACCEPTED_FLAGS                                                                         \
	(BPF_F_NUMA_NODE | BPF_F_RDONLY | BPF_F_WRONLY | BPF_F_ZERO_SEED | BPF_F_RDONLY_PROG | \
	 BPF_F_WRONLY_PROG)

#define VALUE_MAX	(4u << 20)
#define HASHES_DEFAULT	5
#define HASHES_MASK	BLOOM_HASHES_MAX
#define BLOCK_BITS	512
#define BITS_MAX_KERNEL (1ull << 32)

static uint32_t bloom_hashes(const struct map_spec *spec)
{
	uint32_t k = (uint32_t)(spec->map_extra & HASHES_MASK);

	return k ? k : HASHES_DEFAULT;
}

/* The kernel's number of bits: 7/5 per value and hash, up to the next power of two. */
static uint64_t bloom_bits(const struct map_spec *spec)
{
	uint64_t product = (uint64_t)spec->max_entries * bloom_hashes(spec), bits;

	if (product > UINT32_MAX || (product = product / 5 * 7) > 1ull << 31)
		return BITS_MAX_KERNEL;
	for (bits = BLOCK_BITS; bits < product; bits *= 2)
		;
	return bits;
}

static int bloom_alloc_check(const struct map_spec *spec)
{
	if (spec->value_size > VALUE_MAX)
		return fail(E2BIG, "a Bloom filter's value has at most %u bytes", VALUE_MAX);
	return 0;
}

static int bloom_layout(const struct map_spec *spec, uint32_t cpus, struct map_layout *ret)
{
	(void)cpus;
	if (spec->key_size || !spec->value_size || !spec->max_entries)
		return fail(EINVAL,
			    "a Bloom filter needs key_size 0, value_size and max_entries above 0 "
			    "(they are %u, %u, %u)",
			    spec->key_size, spec->value_size, spec->max_entries);
	if (spec->map_flags & ~ACCEPTED_FLAGS)
		return fail(EINVAL, "Bloom filters do not know flags 0x%x",
			    spec->map_flags & ~ACCEPTED_FLAGS);
	if ((spec->map_flags & BPF_F_RDONLY_PROG) && (spec->map_flags & BPF_F_WRONLY_PROG))
		return fail(EINVAL, "BPF_F_RDONLY_PROG and BPF_F_WRONLY_PROG exclude each other");
	if (spec->map_extra & ~(uint64_t)HASHES_MASK)
		return fail(EINVAL, "map_extra is the number of hash functions, at most %d",
			    HASHES_MASK);
	ret->body_bytes = bloom_bits(spec) / 8;
	ret->reserve_end = ret->body_bytes;
	return 0;
}

static void bloom_parts(const struct map_spec *spec, uint32_t cpus, map_part_fn *fn, void *arg)
{
	const struct map_part part = {
		.name = "bits",
		.why = "7/5 bits per value and hash function, up to the next power of two",
		.len = bloom_bits(spec) / 8,
		.reserved = bloom_bits(spec) / 8,
	};

	(void)cpus;
	fn(arg, &part);
}

static int bloom_attach(struct bpfmap *map)
{
	struct bloom *b = calloc(1, sizeof(*b));
	const struct bloom_calls *calls;

	if (!b)
		return fail(ENOMEM, "no memory for a handle");
	b->blocks = (struct block_shm *)map->region->base;
	b->block_mask = bloom_bits(&map->spec) / BLOCK_BITS - 1;
	b->seed = map->region->seed;
	b->value_size = map->spec.value_size;
	b->hashes = bloom_hashes(&map->spec);
	b->private_memory = map->region->fd < 0;
	calls = bloom_vector_calls(b->hashes);
	if (!calls)
		calls = bloom_plain_calls(b->hashes);
	b->ops = *map->ops;
	b->ops.push = calls->push;
	b->ops.peek = calls->peek;
	map->ops = &b->ops;
	map->priv = b;
	return 0;
}

static void bloom_detach(struct bpfmap *map)
{
	free(map->priv);
}

int bloom_flags_refuse(void)
{
	return fail(EINVAL, "a push into a Bloom filter takes no flags");
}

uint64_t bloom_hash_any(const struct bloom *b, const void *value)
{
	return hash_bytes(value, b->value_size, b->seed);
}

/* For whoever asks the type, and not a map, what it can do; attach gives a map its own. */
static int bloom_push(struct bpfmap *map, const void *value, uint64_t flags)
{
	return map->ops->push(map, value, flags);
}

static int bloom_peek(struct bpfmap *map, void *value)
{
	return map->ops->peek(map, value);
}

static bool bloom_is_value(const struct bpfmap *map, const void *addr, size_t len)
{
	(void)map;
	(void)addr;
	(void)len;
	return false;
}

static int block_ones(const struct block_shm *block)
{
	int ones = 0;

	for (int w = 0; w < 8; w++)
		ones += __builtin_popcountll(shm_u64_load_relaxed(&block->words[w]));
	return ones;
}

static void bloom_counters(const struct bpfmap *map, struct map_counters *ret)
{
	(void)map;
	memset(ret, 0, sizeof(*ret));
}

static int bloom_check(struct bpfmap *map)
{
	(void)map;
	return 0;
}

/* The chance that an absent value is reported present: for each block, the share of set bits to the
 * power of the hashes that look there; blocks are chosen evenly and independently. */
static double bloom_rate(const struct bloom *b)
{
	double rate = 1, n = (double)(b->block_mask + 1);
	uint32_t in_block[BLOOM_BLOCKS_MAX] = {0};

	for (uint32_t k = 0; k < b->hashes; k++)
		in_block[k * bloom_blocks(b->hashes) / b->hashes]++;
	for (uint32_t j = 0; j < bloom_blocks(b->hashes); j++) {
		double sum = 0;

		for (uint64_t i = 0; i <= b->block_mask; i++) {
			double share = block_ones(&b->blocks[i]) / (double)BLOCK_BITS, all = 1;

			for (uint32_t k = 0; k < in_block[j]; k++)
				all *= share;
			sum += all;
		}
		rate *= sum / n;
	}
	return rate;
}

int bpfmap_bloom_info(struct bpfmap *map, struct bpfmap_bloom_info *ret_info)
{
	const struct bloom *b = map->priv;

	if (map->spec.type != BPF_MAP_TYPE_BLOOM_FILTER)
		return fail(ENOTSUP, "only a bloom_filter has a false-positive rate");
	ret_info->false_positive_rate = bloom_rate(b);
	ret_info->bits = (b->block_mask + 1) * BLOCK_BITS;
	ret_info->bits_set = 0;
	for (uint64_t i = 0; i <= b->block_mask; i++)
		ret_info->bits_set += (uint64_t)block_ones(&b->blocks[i]);
	ret_info->hashes = b->hashes;
	return 0;
}

/* ---- images --------------------------------------------------------------------------------- */

static struct shm_u64 *bloom_word(const struct bpfmap *map, uint64_t index)
{
	const struct bloom *b = map->priv;

	return &b->blocks[index / 8].words[index % 8];
}

void bloom_get_image(const struct bpfmap *map, struct bloom_image *ret_image)
{
	const struct bloom *b = map->priv;

	ret_image->seed = b->seed;
	ret_image->words = (b->block_mask + 1) * 8;
}

void bloom_words_read(const struct bpfmap *map, uint64_t first, uint64_t n, uint64_t *ret_words)
{
	for (uint64_t i = 0; i < n; i++)
		ret_words[i] = shm_u64_load_relaxed(bloom_word(map, first + i));
}

int bloom_words_add(struct bpfmap *map, uint64_t first, uint64_t n, const uint64_t *words)
{
	int err = map_may_write(map);

	for (uint64_t i = 0; !err && i < n; i++)
		shm_u64_or_relaxed(bloom_word(map, first + i), words[i]);
	return err;
}

void bloom_adopt_seed(struct bpfmap *map, uint64_t seed)
{
	struct bloom *b = map->priv;

	map->region->header->seed = seed;
	map->region->seed = seed;
	b->seed = seed;
}

const struct map_ops bloom_map_ops = {
	.alloc_check = bloom_alloc_check,
	.layout = bloom_layout,
	.parts = bloom_parts,
	.attach = bloom_attach,
	.detach = bloom_detach,
	.push = bloom_push,
	.peek = bloom_peek,
	.is_value = bloom_is_value,
	.counters = bloom_counters,
	.check = bloom_check,
};
