/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* hash.h: the bytes of the hash family (hash.c, pool.c, hash_check.c).
 *
 * Body of the region:
 *   0                buckets: n_buckets x bucket_stride
 *   pool_off         pool: pool_n x elem_stride, elements that did not fit into their bucket
 *
 * Bucket, bucket_stride bytes:
 *   0   meta    version << 32 | tag[3] << 24 | ... | tag[0]; tag 0: slot empty, else 0x80 | 7 bits
 *       of hash
 *   8   lock    owner + 1, or 0
 *   12  chain   first pool element + 1, or 0
 *   16  slots   0, 3 or 4 of: key (padded to 8), value (padded to 8)
 * A small element lies in its bucket, so that a lookup costs one cache line where it fits into one.
 * With NO_PREALLOC, and when key and value exceed SLOT_MAX bytes, buckets have no slots.
 *
 * Pool element, elem_stride bytes:
 *   0   next    element + 1 that follows in the chain or free list, or 0
 *   4   hash    32 bits of the key's hash: hash_stored()
 *   8   seq     counts reuse
 *   12  stage   while an update in place of this element is going on: element + 1 that has the new
 *       value
 *   16  key (padded to 8), value (padded to 8); per-CPU types: the key only
 *
 * Per-CPU types have, behind the pool: a lock per CPU (sync/vcpu.h), and P planes of pool_n values,
 * so that no line is shared by two CPUs. Their buckets have no slots, nor have those of values with
 * a spin lock: both kinds are updated in place, and then the low half of a bucket's meta is,
 * instead of tags, the element + 1 that is being overwritten (0 at rest).
 *
 * Maps with BPFMAP_F_VARIABLE: the pool is one of blocks. An element is a chain of as many as it
 * needs, linked by their stage words, the last one's 0; their bytes behind the heads, one after
 *   another, are:
 *   0   value's length << 32 | key's length
 *   8   key (padded to 8), value (padded to 8)
 *
 * LRU types have, behind all that, the policy's bytes: lru.h.
 *
 * Header words (region_header_shm.type_words): struct hash_shm.
 */
#ifndef BPFMAP_MAP_HASH_H
#define BPFMAP_MAP_HASH_H

#include "base/hash.h"
#include "map/map.h"
#include "map/value.h"
#include "sync/vcpu.h"

#define SLOTS_MAX   4
#define SLOT_MAX    128 /* bytes of key and value up to which elements lie in their bucket */
#define BUCKET_HEAD 16
#define ELEM_HEAD   16
#define LISTS_MAX   8
#define CHUNK_MIN   65536 /* a lazy bucket array is reserved so many bytes at a time, at least */
#define CHUNKS_MAX  8192
#define HASH_N_MAX  (1u << 27)

#define RETURNED_MIN 64 /* freed elements rest until so many have come together */

struct lru_shm;
struct lru_node;

struct bucket_shm {
	struct shm_u64 meta;
	struct shm_u32 lock;
	struct shm_u32 chain;
};

struct elem_shm {
	struct shm_u32 next;
	struct shm_u32 hash;
	struct shm_u32 seq;
	struct shm_u32 stage;
};

/* One free list of the pool, with its own range of elements that were never used. */
struct pool_list_shm {
	struct shm_u32 lock;
	struct shm_u32 on_behalf; /* owner whose claim or release the holder is working on */
	struct shm_u64 heads;	  /* returned << 32 | fresh; element + 1 each */
	struct shm_u32 bump;	  /* elements of the range that have been used */
	struct shm_u32 reserved;  /* elements of the range that have memory behind them */
	struct shm_u32 returned;  /* how many were returned, roughly */
	uint8_t pad[36];
};

struct hash_shm {
	struct shm_u64 count; /* seq << 40 | owner << 28 | elements */
	struct shm_u32 high_water;
	uint8_t pad[52 + 64]; /* half of it held a counter; the lists stay in place */
	struct pool_list_shm lists[LISTS_MAX];
	struct shm_u64 chunks[CHUNKS_MAX / 64]; /* lazy bucket array: what has memory behind it */
};

_Static_assert(sizeof(struct pool_list_shm) == 64, "a line per list");
_Static_assert(sizeof(struct hash_shm) <= sizeof(((struct region_header_shm *)0)->type_words),
	       "fits the header");

struct lru_geometry {
	uint64_t nodes_off; /* from lru_shm */
	uint64_t marks_off;
	uint64_t ghosts_off;
	uint64_t bytes;
	uint32_t ghost_mask; /* of ghost buckets */
	uint32_t ghost_unit; /* log2 of evictions per tick */
};

/* Sizes and counts: a pure function of the spec. */
struct hash_geometry {
	uint32_t n_buckets;
	uint32_t slots;
	uint32_t tags_mask; /* the top bit of each slot's tag */
	uint64_t bucket_stride;
	uint32_t slot_stride;
	uint32_t value_off; /* of the value behind the key */
	uint64_t elem_stride;
	uint32_t blocks; /* of the largest element; 0 but for variable maps */
	uint32_t pool_n;
	uint64_t pool_off;
	uint32_t cpus;	     /* values per element: 1, or the CPUs */
	uint64_t cpus_off;   /* per-CPU types */
	uint64_t planes_off; /* per-CPU types */
	uint64_t lru_off;    /* LRU types */
	struct lru_geometry lru;
	uint64_t plane_stride; /* from one CPU's values to the next one's */
	uint64_t value_stride; /* value_size padded to 8 */
	uint64_t body_bytes;
	uint32_t lists;
	uint32_t list_span;   /* pool elements per list's range */
	uint32_t prereserved; /* pool elements per list reserved at creation */
	uint64_t chunk_bytes; /* lazy bucket array; 0 if it is all reserved */
};

/* The handle's private view. What a lookup needs comes first. */
struct hash {
	uint8_t *buckets;
	uint64_t seed;
	uint32_t key_size;
	uint32_t value_size;
	struct hash_geometry g;
	struct region *region;
	uint32_t max_entries;
	uint8_t *pool;
	struct hash_shm *shm;
	uint8_t *planes;     /* NULL but for per-CPU types */
	struct lru_shm *lru; /* NULL but for LRU types, as the next four */
	struct lru_node *lru_nodes;
	struct shm_u8 *lru_marks;
	struct shm_u32 *lru_ghosts;
	uint32_t lru_batch;	  /* victims that a thread chooses in one go */
	struct value_shape shape; /* of what the system call copies, per CPU */
	struct vcpus vcpus;
};

/* hash_geometry.c */
int hash_geometry_of(const struct map_spec *spec, uint32_t cpus, struct hash_geometry *ret);
int hash_alloc_check(const struct map_spec *spec);
int variable_hash_alloc_check(const struct map_spec *spec);
void hash_normalize(struct map_spec *spec, uint32_t cpus);
int hash_layout(const struct map_spec *spec, uint32_t cpus, struct map_layout *ret);
void hash_parts(const struct map_spec *spec, uint32_t cpus, map_part_fn *fn, void *arg);

static inline struct bucket_shm *hash_bucket(const struct hash *h, uint32_t index)
{
	return (struct bucket_shm *)(h->buckets + index * h->g.bucket_stride);
}

static inline uint32_t hash_bucket_of(const struct hash *h, uint64_t hash)
{
	return (uint32_t)(((hash >> 32) * h->g.n_buckets) >> 32);
}

/* Never one of the values below 128, which are no tags: see slots_hit(). */
static inline uint8_t hash_tag(uint64_t hash)
{
	return (uint8_t)(hash | 0x80);
}

static inline uint8_t *hash_slot(const struct hash *h, struct bucket_shm *b, uint32_t i)
{
	return (uint8_t *)b + BUCKET_HEAD + i * h->g.slot_stride;
}

/* index < pool_n has been checked by the caller. */
static inline struct elem_shm *hash_elem(const struct hash *h, uint32_t index)
{
	return (struct elem_shm *)(h->pool + index * h->g.elem_stride);
}

static inline uint8_t *hash_elem_key(struct elem_shm *e)
{
	return (uint8_t *)e + ELEM_HEAD;
}

/* What an element stores of its key's hash: the part that its bucket does not tell. With slots,
 * tags are compared with it too; without, an element must lead to its bucket. */
static inline uint32_t hash_stored(const struct hash *h, uint64_t hash)
{
	return h->g.slots ? (uint32_t)hash : (uint32_t)(hash >> 32);
}

static inline uint32_t hash_bucket_of_stored(const struct hash *h, uint32_t stored)
{
	return (uint32_t)(((uint64_t)stored * h->g.n_buckets) >> 32);
}

/* The value of the element whose stored key is at key and whose number + 1 is elem (0: in a
 * slot). */
static inline struct shm_u64 *hash_value(const struct hash *h, uint8_t *key, uint32_t elem,
					 uint32_t cpu)
{
	if (!h->planes)
		return (struct shm_u64 *)(key + h->g.value_off);
	return (struct shm_u64 *)(h->planes + cpu * h->g.plane_stride +
				  (uint64_t)(elem - 1) * h->g.value_stride);
}

/* A variable map's key or value. Its keys are passed to the functions below as one of these. */
struct var_bytes {
	const void *data;
	uint32_t len;
};

/* What a reader found. */
struct found {
	uint8_t *key;  /* NULL: the key is not there */
	uint32_t elem; /* pool element + 1, 0 if it lies in a slot */
	uint32_t seq;  /* the element's, from before its key was read */
	uint64_t meta; /* the bucket's, valid while the key was read */
};

/* Where a walk over one bucket stands: slots first, then the chain. */
struct walk {
	uint32_t slot;
	uint32_t link;
	uint32_t hops;
	uint32_t elem; /* of the key just returned: element + 1, or 0 for a slot */
	bool in_chain;
};

/* What an update is given. cpu: whose value it is; a value for ALL_CPUS has all of them. Variable
 * maps: key and value are struct var_bytes. */
struct operand {
	uint64_t hash;
	const void *key;
	const void *value;
	uint32_t cpu;
};

/* The cpu argument that means every CPU, as the system call writes. */
#define ALL_CPUS UINT32_MAX

/* A reader that has begun again, or walked, so often meets scribbling, not writers. */
#define READ_BUDGET 4000000ull

static inline uint64_t hash_key(const struct hash *h, const void *key)
{
	return hash_bytes(key, h->key_size, h->seed);
}

/* hash_read.c: the ops, and what writers and var.c use of it. */
void *hash_lookup(struct bpfmap *map, const void *key);
void *percpu_hash_lookup(struct bpfmap *map, const void *key);
void *percpu_hash_lookup_cpu(struct bpfmap *map, const void *key, uint32_t cpu);
int hash_read(struct bpfmap *map, const void *key, void *ret_value);
int hash_next_key(struct bpfmap *map, const void *key, void *ret_next);
int hash_read_bucket(struct bpfmap *map, uint64_t *cursor, void *keys, void *values,
		     uint32_t *count);
/* All CPUs' values, in the system call's layout. */
void hash_value_copy(const struct hash *h, uint8_t *key, uint32_t elem, uint64_t meta,
		     uint8_t *ret_value);
/* One pass over a bucket. Returns how many elements it has; at most room of them are copied. */
uint32_t hash_bucket_copy(const struct hash *h, struct bucket_shm *b, uint64_t meta, struct walk *w,
			  uint8_t *keys, uint8_t *values, uint32_t room);
bool hash_find(const struct hash *h, const void *key, uint64_t hash, struct found *ret_found);
/* Was what was copied since then the found element's? */
bool hash_copy_valid(const struct hash *h, struct bucket_shm *b, const struct found *found);
/* The next element's key, or NULL at the bucket's end. One pass; the caller validates meta. */
uint8_t *hash_walk_next(const struct hash *h, struct bucket_shm *b, uint64_t meta, struct walk *w);

/* hash.c, for hash_sized.c and var.c. locked: who calls holds the bucket's lock. */
int hash_update_locked(struct hash *h, struct bucket_shm *b, struct owner_local *self,
		       const struct operand *op, uint64_t flags);
int hash_delete_locked(struct hash *h, struct bucket_shm *b, struct owner_local *self,
		       const void *key, uint64_t hash, uint8_t *ret_value);
int hash_update_operand(struct hash *h, const struct operand *op, uint64_t flags);
/* Delete; ret_value, if wanted, is the last value, taken in the same step. */
int hash_delete_key(struct hash *h, const void *key, uint64_t hash, uint8_t *ret_value);

/* var.c: elements of a length of their own. */

static inline bool hash_spec_variable(const struct map_spec *spec)
{
	return spec->type == BPF_MAP_TYPE_HASH && spec->map_flags & BPFMAP_F_VARIABLE;
}

/* Block size and pool for n elements. E2BIG: too many blocks. */
int var_geometry_of(const struct map_spec *spec, uint64_t n, struct hash_geometry *g);
bool var_key_equal(const struct hash *h, uint32_t elem, const struct var_bytes *key);
/* How many blocks an element takes. */
uint32_t var_blocks(const struct hash *h, uint32_t key_len, uint32_t value_len);
/* Fill the blocks that were claimed for an element. EUCLEAN. */
int var_fill(const struct hash *h, uint32_t elem, const struct var_bytes *key,
	     const struct var_bytes *value);
/* An element's lengths, and its key into ret_key (key_size bytes of room). False: scribbled. */
bool var_load_key(const struct hash *h, uint32_t elem, void *ret_key, uint32_t *ret_key_len,
		  uint32_t *ret_value_len);

/* Memory behind n pool elements from number first on, values included. */
int hash_pool_reserve(struct hash *h, uint64_t first, uint64_t n);

/* Does the bucket's memory exist? Only a lazy bucket array has holes; they hold no elements. */
bool hash_bucket_reserved(const struct hash *h, uint32_t index);
int hash_bucket_reserve(struct hash *h, uint32_t index);

/* pool.c: who calls holds a bucket lock and is owner me; record is whose operation it is. */

/* Take an element, or a chain of n blocks, for record->claim, mark its reuse; *ret_index. ENOMEM,
 * ENOSPC, ETIMEDOUT. */
int pool_get(struct hash *h, uint32_t me, uint32_t n, uint32_t *ret_index);
/* Give back the element that *field (claim or release of owner number's record) names; *field
 * becomes 0 in the same step, as seen by who mends. Of a chain of blocks each is given back in a
 * step of its own, in which *field becomes the next. */
void pool_put(struct hash *h, uint32_t me, uint32_t number, struct shm_u32 *field);
/* Finish list work that a dead owner left: its list locks are free afterwards. */
void pool_mend_list(struct hash *h, uint32_t list);
void pool_mend(struct hash *h, uint32_t dead);

/* hash_check.c */
int hash_check(struct bpfmap *map);

#endif
