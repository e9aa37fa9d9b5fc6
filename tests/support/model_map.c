/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* model_map.c: the sequential oracle of the map types (SEMANTICS sections 3 to 7 and 10). */
#include "model_map.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOT_FOUND UINT32_MAX

bool model_is_array(uint32_t type)
{
	return type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY;
}

bool model_is_lru(uint32_t type)
{
	return type == BPF_MAP_TYPE_LRU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

bool model_is_hash(uint32_t type)
{
	return type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_PERCPU_HASH || model_is_lru(type);
}

bool model_is_percpu(uint32_t type)
{
	return type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_HASH ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

bool model_knows(uint32_t type)
{
	return model_is_array(type) || model_is_hash(type) || type == BPF_MAP_TYPE_BLOOM_FILTER;
}

static void *grown(void *old, size_t count, size_t size)
{
	void *p = realloc(old, count * size + 1);

	if (!p) {
		perror("model_map: realloc");
		abort();
	}
	return p;
}

static void model_room(struct model_map *m, uint32_t slots)
{
	m->used = grown(m->used, slots, sizeof(m->used[0]));
	m->keys = grown(m->keys, slots, m->key_size);
	m->values = grown(m->values, slots, m->value_bytes);
	memset(m->used + m->slots, 0, (slots - m->slots) * sizeof(m->used[0]));
	memset(m->values + (size_t)m->slots * m->value_bytes, 0,
	       (size_t)(slots - m->slots) * m->value_bytes);
	m->slots = slots;
}

void model_init(struct model_map *m, const struct model_spec *spec)
{
	memset(m, 0, sizeof(*m));
	m->type = spec->type;
	m->key_size = spec->key_size;
	m->value_size = m->value_bytes = spec->value_size;
	m->max_entries = spec->max_entries;
	m->lock_plus1 = spec->lock_plus1;
	m->cpus = 1;
	if (model_is_percpu(spec->type)) {
		m->cpus = spec->cpus;
		m->value_bytes = spec->cpus * ((spec->value_size + 7) / 8 * 8);
	}
	model_room(m, spec->max_entries + (model_is_lru(spec->type) ? MODEL_SURPLUS : 0));
	if (model_is_array(spec->type)) {
		for (uint32_t i = 0; i < m->slots; i++) {
			m->used[i] = true;
			memcpy(m->keys + (size_t)i * m->key_size, &i, sizeof(i));
		}
		m->entries = m->high_water = m->slots;
	}
}

void model_free(struct model_map *m)
{
	free(m->used);
	free(m->keys);
	free(m->values);
}

static uint32_t find(const struct model_map *m, const void *key)
{
	for (uint32_t i = 0; i < m->slots; i++) {
		if (m->used[i] && memcmp(m->keys + (size_t)i * m->key_size, key, m->key_size) == 0)
			return i;
	}
	return NOT_FOUND;
}

static uint32_t find_free(const struct model_map *m)
{
	for (uint32_t i = 0; i < m->slots; i++) {
		if (!m->used[i])
			return i;
	}
	return NOT_FOUND;
}

static void put(struct model_map *m, uint32_t slot, const void *key, const void *value)
{
	unsigned char *at = m->values + (size_t)slot * m->value_bytes;

	m->used[slot] = true;
	if (key)
		memcpy(m->keys + (size_t)slot * m->key_size, key, m->key_size);
	memcpy(at, value, m->value_bytes);
	if (m->lock_plus1)
		memset(at + m->lock_plus1 - 1, 0, sizeof(struct bpf_spin_lock));
}

static int array_update(struct model_map *m, const void *key, const void *value, uint64_t flags)
{
	uint32_t slot = find(m, key);

	if (slot == NOT_FOUND)
		return -E2BIG;
	if (flags == BPF_NOEXIST)
		return -EEXIST;
	put(m, slot, key, value);
	return 0;
}

static int hash_update(struct model_map *m, const void *key, const void *value, uint64_t flags)
{
	uint32_t slot = find(m, key);

	if (slot != NOT_FOUND && flags == BPF_NOEXIST)
		return -EEXIST;
	if (slot == NOT_FOUND && flags == BPF_EXIST)
		return -ENOENT;
	if (slot == NOT_FOUND) {
		slot = find_free(m);
		if (slot == NOT_FOUND) {
			m->failed_updates++;
			return -E2BIG;
		}
		m->entries++;
		if (m->entries > m->high_water && m->entries <= m->max_entries)
			m->high_water = m->entries;
	}
	put(m, slot, key, value);
	return 0;
}

int model_update(struct model_map *m, const void *key, const void *value, uint64_t flags)
{
	if (m->lock_plus1)
		flags &= ~(uint64_t)BPF_F_LOCK;
	if (flags > BPF_EXIST)
		return -EINVAL;
	if (model_is_array(m->type))
		return array_update(m, key, value, flags);
	return hash_update(m, key, value, flags);
}

void model_forget(struct model_map *m, uint32_t slot)
{
	m->used[slot] = false;
	m->entries--;
}

int model_delete(struct model_map *m, const void *key)
{
	uint32_t slot = find(m, key);

	if (model_is_array(m->type))
		return -EINVAL;
	if (slot == NOT_FOUND)
		return -ENOENT;
	model_forget(m, slot);
	return 0;
}

int model_take(struct model_map *m, const void *key, void *ret_value)
{
	uint32_t slot = find(m, key);

	if (slot == NOT_FOUND)
		return -ENOENT;
	memcpy(ret_value, m->values + (size_t)slot * m->value_bytes, m->value_bytes);
	model_forget(m, slot);
	return 0;
}

int model_next_key(const struct model_map *m, const void *key, void *ret_next)
{
	uint32_t index = 0;

	if (!model_is_array(m->type))
		return m->entries ? 0 : -ENOENT;
	if (key)
		memcpy(&index, key, sizeof(index));
	if (key && index == m->max_entries - 1)
		return -ENOENT;
	index = key && index < m->max_entries ? index + 1 : 0;
	memcpy(ret_next, &index, sizeof(index));
	return 0;
}

const unsigned char *model_lookup(const struct model_map *m, const void *key)
{
	uint32_t slot = find(m, key);

	return slot == NOT_FOUND ? NULL : m->values + (size_t)slot * m->value_bytes;
}

bool model_was_pushed(const struct model_map *m, const void *value)
{
	for (uint32_t i = 0; i < m->entries; i++) {
		if (memcmp(m->values + (size_t)i * m->value_bytes, value, m->value_bytes) == 0)
			return true;
	}
	return false;
}

int model_push(struct model_map *m, const void *value, uint64_t flags)
{
	if (flags != BPF_ANY)
		return -EINVAL;
	if (model_was_pushed(m, value))
		return 0;
	if (m->entries == m->slots)
		model_room(m, 2 * m->slots);
	put(m, (uint32_t)m->entries++, NULL, value);
	return 0;
}
