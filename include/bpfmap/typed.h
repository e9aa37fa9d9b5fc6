/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* typed.h: maps with a key type and a value type. Inline functions over <bpfmap/bpfmap.h>: sizes
 * are compared once, when a map is created or opened; after that there are no casts and no checks,
 * and the compiler finds a key of the wrong type.
 *
 *   BPFMAP_DEFINE(flow_map, struct flow_key, struct flow_stats);
 *
 *   struct flow_map flows;
 *   struct flow_map_iter it;
 *
 *   if (flow_map_open("/sys/fs/bpf/flows", BPFMAP_OPEN_RDONLY, &flows))
 *           fprintf(stderr, "%s\n", bpfmap_last_error());
 *   stats = flow_map_lookup(&flows, &key);
 *   bpfmap_for_each(flow_map, &flows, &it)
 *           printf("%u %lu\n", it.key->port, it.value->packets);
 *   if (it.err) ...
 *   flow_map_close(&flows);
 *
 * BPFMAP_DEFINE(name, key, value)         maps with one value per element
 * BPFMAP_DEFINE_PERCPU(name, key, value)  per-CPU maps: values come as arrays with one for each
 *                                         CPU, so the size of the type is a multiple of 8
 * BPFMAP_DEFINE_ARRAY(name, value)        arrays, whose lookups are address arithmetic in the
 * caller
 * BPFMAP_DEFINE_BLOOM(name, value)        Bloom filters
 *
 * Use each at file scope, once per name and file. Types are written as in a declaration (uint32_t,
 * struct flow_key) and are no arrays: put those into a struct.
 *
 * Results, outputs, threads and errnos are those of the bpfmap_* function of the same name, with
 * one addition: create and open fail with EINVAL if the map's sizes are not those of the types, and
 * bpfmap_last_error() tells the difference: "value_size: map has 16, struct flow_stats has 24".
 * Everything else is there through the member map: bpfmap_get_info(flows.map, &info).
 *
 * C11 with GNU extensions and C++11.
 */
#ifndef BPFMAP_TYPED_H
#define BPFMAP_TYPED_H

#include <bpfmap/bpfmap.h>

#ifdef __cplusplus
#define BPFMAP_TYPED_ASSERT static_assert
#else
#define BPFMAP_TYPED_ASSERT _Static_assert
#endif

/* Walk over a map with the promise of bpfmap_iter_new(): it->key and it->value point to copies that
 * stay until the next element (of a per-CPU map value[0] to value[CPUs - 1]). Afterwards it->err is
 * 0, or why the walk ended early. Who leaves the loop with break calls NAME_iter_end(it). */
#define bpfmap_for_each(name, typed_map, it) \
	for (name##_iter_begin(typed_map, it); name##_iter_next(it);)

/* ---- what the definitions share; not for direct use ------------------------------------------ */

/* What a definition says of its maps. */
struct bpfmap_typed_shape {
	const char *key_name; /* NULL: no keys */
	const char *value_name;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t every_cpu; /* 1: whoever reads an element has room for all CPUs' values */
};

/* A per-CPU map under BPFMAP_DEFINE would be read into one value: its elements are too large. */
static inline int bpfmap_typed_check(const struct bpfmap_typed_shape *shape, struct bpfmap *map)
{
	size_t bytes = bpfmap_value_bytes(map);
	int err = bpfmap_expect(map, shape->key_name, shape->key_size, shape->value_name,
				shape->value_size);

	if (err || shape->every_cpu || bytes == shape->value_size)
		return err;
	return bpfmap_expect(map, shape->key_name, shape->key_size,
			     "an element with all CPUs (use BPFMAP_DEFINE_PERCPU)",
			     (uint32_t)bytes);
}

/* Takes over the map of a create or open that returned err. One that does not fit is closed. */
static inline int bpfmap_typed_take(const struct bpfmap_typed_shape *shape, int err,
				    struct bpfmap *map, struct bpfmap **ret_map)
{
	if (err)
		return err;
	err = bpfmap_typed_check(shape, map);
	if (err)
		bpfmap_close(map);
	else
		*ret_map = map;
	return err;
}

static inline int bpfmap_typed_open(const struct bpfmap_typed_shape *shape, const char *path,
				    uint32_t flags, struct bpfmap **ret_map)
{
	struct bpfmap *map = NULL;
	int err = bpfmap_open(path, flags, &map);

	return bpfmap_typed_take(shape, err, map, ret_map);
}

static inline int bpfmap_typed_open_fd(const struct bpfmap_typed_shape *shape, int fd,
				       uint32_t flags, struct bpfmap **ret_map)
{
	struct bpfmap *map = NULL;
	int err = bpfmap_open_fd(fd, flags, &map);

	return bpfmap_typed_take(shape, err, map, ret_map);
}

static inline int bpfmap_typed_create(const struct bpfmap_typed_shape *shape,
				      const struct bpfmap_create_opts *opts,
				      struct bpfmap **ret_map)
{
	struct bpfmap_create_opts sized = *opts;
	struct bpfmap *map = NULL;
	int err;

	if (!sized.key_size)
		sized.key_size = shape->key_size;
	if (!sized.value_size)
		sized.value_size = shape->value_size;
	err = bpfmap_create(&sized, &map);
	return bpfmap_typed_take(shape, err, map, ret_map);
}

/* Takes over the map of an array, or closes it. */
static inline int bpfmap_typed_view(struct bpfmap *map, struct bpfmap_array_view *ret_view)
{
	int err = bpfmap_array_get_view(map, ret_view);

	if (err)
		bpfmap_close(map);
	return err;
}

/* All definitions:
 *   struct NAME                       holds the map
 *   int NAME_create(opts, ret_map)    opts->key_size and value_size may be left 0
 *   int NAME_open(path, flags, ret_map), NAME_open_fd(fd, flags, ret_map)
 *   void NAME_close(m)
 * NAME_take_ makes struct NAME of a map that fits. */
#define BPFMAP_DEFINE_OPEN_(name, key_name, key_size, value_type, every_cpu)                    \
	static const struct bpfmap_typed_shape name##_shape = {key_name, #value_type,           \
							       (uint32_t)(key_size),            \
							       (uint32_t)sizeof(value_type),    \
							       every_cpu};                      \
	__attribute__((unused)) static inline int name##_create(                                \
		const struct bpfmap_create_opts *opts, struct name *ret_map)                    \
	{                                                                                       \
		struct bpfmap *map = NULL;                                                      \
		int err = bpfmap_typed_create(&name##_shape, opts, &map);                       \
                                                                                                \
		return err ? err : name##_take_(map, ret_map);                                  \
	}                                                                                       \
	__attribute__((unused)) static inline int name##_open(const char *path, uint32_t flags, \
							      struct name *ret_map)             \
	{                                                                                       \
		struct bpfmap *map = NULL;                                                      \
		int err = bpfmap_typed_open(&name##_shape, path, flags, &map);                  \
                                                                                                \
		return err ? err : name##_take_(map, ret_map);                                  \
	}                                                                                       \
	__attribute__((unused)) static inline int name##_open_fd(int fd, uint32_t flags,        \
								 struct name *ret_map)          \
	{                                                                                       \
		struct bpfmap *map = NULL;                                                      \
		int err = bpfmap_typed_open_fd(&name##_shape, fd, flags, &map);                 \
                                                                                                \
		return err ? err : name##_take_(map, ret_map);                                  \
	}                                                                                       \
	__attribute__((unused)) static inline void name##_close(struct name *m)                 \
	{                                                                                       \
		bpfmap_close(m->map);                                                           \
		m->map = NULL;                                                                  \
	}

#define BPFMAP_DEFINE_HANDLE_(name, key_name, key_size, value_type, every_cpu)   \
	struct name {                                                            \
		struct bpfmap *map;                                              \
	};                                                                       \
	static inline int name##_take_(struct bpfmap *map, struct name *ret_map) \
	{                                                                        \
		ret_map->map = map;                                              \
		return 0;                                                        \
	}                                                                        \
	BPFMAP_DEFINE_OPEN_(name, key_name, key_size, value_type, every_cpu)

/* Maps with keys:
 *   value *NAME_lookup(m, key)
 *   int NAME_read(m, key, ret_value), NAME_update(m, key, value, flags)
 *   int NAME_delete(m, key)
 *   int NAME_next_key(m, key, ret_next)
 *   bpfmap_for_each(NAME, m, it)      struct NAME_iter, NAME_iter_begin, _next, _end */
#define BPFMAP_DEFINE_KEYED_(name, key_type, value_type)                                     \
	struct name##_iter {                                                                 \
		const key_type *key;                                                         \
		const value_type *value;                                                     \
		struct bpfmap_iter *iter;                                                    \
		int err;                                                                     \
	};                                                                                   \
	__attribute__((unused)) static inline int name##_read(                               \
		const struct name *m, const key_type *key, value_type *ret_value)            \
	{                                                                                    \
		return bpfmap_read(m->map, key, ret_value);                                  \
	}                                                                                    \
	__attribute__((unused)) static inline int name##_update(const struct name *m,        \
								const key_type *key,         \
								const value_type *value,     \
								uint64_t flags)              \
	{                                                                                    \
		return bpfmap_update(m->map, key, value, flags);                             \
	}                                                                                    \
	__attribute__((unused)) static inline int name##_delete(const struct name *m,        \
								const key_type *key)         \
	{                                                                                    \
		return bpfmap_delete(m->map, key);                                           \
	}                                                                                    \
	__attribute__((unused)) static inline int name##_next_key(                           \
		const struct name *m, const key_type *key, key_type *ret_next)               \
	{                                                                                    \
		return bpfmap_next_key(m->map, key, ret_next);                               \
	}                                                                                    \
	__attribute__((unused)) static inline void name##_iter_begin(const struct name *m,   \
								     struct name##_iter *it) \
	{                                                                                    \
		it->key = NULL;                                                              \
		it->value = NULL;                                                            \
		it->iter = NULL;                                                             \
		it->err = bpfmap_iter_new(m->map, &it->iter);                                \
	}                                                                                    \
	__attribute__((unused)) static inline void name##_iter_end(struct name##_iter *it)   \
	{                                                                                    \
		bpfmap_iter_free(it->iter);                                                  \
		it->iter = NULL;                                                             \
	}                                                                                    \
	__attribute__((unused)) static inline int name##_iter_next(struct name##_iter *it)   \
	{                                                                                    \
		const void *key = NULL, *value = NULL;                                       \
		int more = it->err ? it->err : bpfmap_iter_next(it->iter, &key, &value);     \
                                                                                             \
		it->key = (const key_type *)key;                                             \
		it->value = (const value_type *)value;                                       \
		if (more > 0)                                                                \
			return 1;                                                            \
		it->err = more;                                                              \
		name##_iter_end(it);                                                         \
		return 0;                                                                    \
	}

#define BPFMAP_DEFINE_LOOKUP_(name, key_type, value_type)                                     \
	__attribute__((unused)) static inline value_type *name##_lookup(const struct name *m, \
									const key_type *key)  \
	{                                                                                     \
		return (value_type *)bpfmap_lookup(m->map, key);                              \
	}

#define BPFMAP_DEFINE(name, key_type, value_type)                               \
	BPFMAP_DEFINE_HANDLE_(name, #key_type, sizeof(key_type), value_type, 0) \
	BPFMAP_DEFINE_LOOKUP_(name, key_type, value_type)                       \
	BPFMAP_DEFINE_KEYED_(name, key_type, value_type)                        \
	BPFMAP_TYPED_ASSERT(sizeof(value_type) > 0, "a value has a size")

/* Arrays: as above with keys of type uint32_t, and
 *   value *NAME_at(m, index)          NULL beyond the end
 * which, like NAME_lookup(), is inlined. ENOTSUP at create and open: the map is of another type. */
#define BPFMAP_DEFINE_ARRAY(name, value_type)                                                    \
	struct name {                                                                            \
		struct bpfmap *map;                                                              \
		struct bpfmap_array_view view;                                                   \
	};                                                                                       \
	static inline int name##_take_(struct bpfmap *map, struct name *ret_map)                 \
	{                                                                                        \
		struct bpfmap_array_view view;                                                   \
		int err = bpfmap_typed_view(map, &view);                                         \
                                                                                                 \
		if (err)                                                                         \
			return err;                                                              \
		ret_map->map = map;                                                              \
		ret_map->view = view;                                                            \
		return 0;                                                                        \
	}                                                                                        \
	BPFMAP_DEFINE_OPEN_(name, "an index", sizeof(uint32_t), value_type, 0)                   \
	__attribute__((unused)) static inline value_type *name##_at(const struct name *m,        \
								    uint32_t index)              \
	{                                                                                        \
		const size_t stride = (sizeof(value_type) + 7) / 8 * 8;                          \
                                                                                                 \
		return index < m->view.max_entries                                               \
			       ? (value_type *)(void *)((char *)m->view.values + index * stride) \
			       : NULL;                                                           \
	}                                                                                        \
	__attribute__((unused)) static inline value_type *name##_lookup(const struct name *m,    \
									const uint32_t *key)     \
	{                                                                                        \
		return name##_at(m, *key);                                                       \
	}                                                                                        \
	BPFMAP_DEFINE_KEYED_(name, uint32_t, value_type)                                         \
	BPFMAP_TYPED_ASSERT(sizeof(value_type) > 0, "a value has a size")

/* Per-CPU maps; any other map with keys counts as one of one CPU. As above, where read, update and
 * for_each take or give an array with a value for each CPU and lookup gives the value of the CPU
 * that the thread has entered; and:
 *   uint32_t NAME_cpus(m)
 *   value *NAME_lookup_cpu(m, key, cpu)
 *   int NAME_read_cpu(m, key, cpu, ret_value)
 *   int NAME_cpu_enter(m), void NAME_cpu_leave(m) */
#define BPFMAP_DEFINE_PERCPU(name, key_type, value_type)                                        \
	BPFMAP_DEFINE_HANDLE_(name, #key_type, sizeof(key_type), value_type, 1)                 \
	BPFMAP_DEFINE_LOOKUP_(name, key_type, value_type)                                       \
	BPFMAP_DEFINE_KEYED_(name, key_type, value_type)                                        \
	__attribute__((unused)) static inline uint32_t name##_cpus(const struct name *m)        \
	{                                                                                       \
		return bpfmap_cpus(m->map);                                                     \
	}                                                                                       \
	__attribute__((unused)) static inline value_type *name##_lookup_cpu(                    \
		const struct name *m, const key_type *key, uint32_t cpu)                        \
	{                                                                                       \
		return (value_type *)bpfmap_lookup_cpu(m->map, key, cpu);                       \
	}                                                                                       \
	__attribute__((unused)) static inline int name##_read_cpu(                              \
		const struct name *m, const key_type *key, uint32_t cpu, value_type *ret_value) \
	{                                                                                       \
		return bpfmap_read_cpu(m->map, key, cpu, ret_value);                            \
	}                                                                                       \
	__attribute__((unused)) static inline int name##_cpu_enter(const struct name *m)        \
	{                                                                                       \
		return bpfmap_cpu_enter(m->map);                                                \
	}                                                                                       \
	__attribute__((unused)) static inline void name##_cpu_leave(const struct name *m)       \
	{                                                                                       \
		bpfmap_cpu_leave(m->map);                                                       \
	}                                                                                       \
	BPFMAP_TYPED_ASSERT(sizeof(value_type) % 8 == 0, "per-CPU values are padded to 8 bytes")

/* Bloom filters:
 *   int NAME_push(m, value)
 *   int NAME_peek(m, value)           0: perhaps pushed, -ENOENT: surely not */
#define BPFMAP_DEFINE_BLOOM(name, value_type)                                          \
	BPFMAP_DEFINE_HANDLE_(name, NULL, 0, value_type, 0)                            \
	__attribute__((unused)) static inline int name##_push(const struct name *m,    \
							      const value_type *value) \
	{                                                                              \
		return bpfmap_push(m->map, value, BPF_ANY);                            \
	}                                                                              \
	__attribute__((unused)) static inline int name##_peek(const struct name *m,    \
							      const value_type *value) \
	{                                                                              \
		return bpfmap_peek(m->map, (void *)(uintptr_t)value);                  \
	}                                                                              \
	BPFMAP_TYPED_ASSERT(sizeof(value_type) > 0, "a value has a size")

#endif
