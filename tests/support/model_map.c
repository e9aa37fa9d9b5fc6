/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* model_map.c: the sequential oracle for HASH and ARRAY (SEMANTICS sections 3 to 5). */
#include "model_map.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOT_FOUND UINT32_MAX

static void *zeroed(size_t count, size_t size)
{
	void *p = calloc(count, size);

	if (!p) {
		perror("model_map: calloc");
		abort();
	}
	return p;
}

void model_init(struct model_map *m, uint32_t type, uint32_t key_size, uint32_t value_size,
		uint32_t max_entries)
{
	memset(m, 0, sizeof(*m));
	m->type = type;
	m->key_size = key_size;
	m->value_size = value_size;
	m->max_entries = max_entries;
	m->used = zeroed(max_entries, sizeof(m->used[0]));
	m->keys = zeroed(max_entries, key_size);
	m->values = zeroed(max_entries, value_size);
	if (type == BPF_MAP_TYPE_ARRAY) {
		for (uint32_t i = 0; i < max_entries; i++) {
			m->used[i] = true;
			memcpy(m->keys + (size_t)i * key_size, &i, sizeof(i));
		}
		m->entries = m->high_water = max_entries;
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
	for (uint32_t i = 0; i < m->max_entries; i++) {
		if (m->used[i] && memcmp(m->keys + (size_t)i * m->key_size, key, m->key_size) == 0)
			return i;
	}
	return NOT_FOUND;
}

static uint32_t find_free(const struct model_map *m)
{
	for (uint32_t i = 0; i < m->max_entries; i++) {
		if (!m->used[i])
			return i;
	}
	return NOT_FOUND;
}

static void put(struct model_map *m, uint32_t slot, const void *key, const void *value)
{
	m->used[slot] = true;
	memcpy(m->keys + (size_t)slot * m->key_size, key, m->key_size);
	memcpy(m->values + (size_t)slot * m->value_size, value, m->value_size);
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

int model_update(struct model_map *m, const void *key, const void *value, uint64_t flags)
{
	uint32_t slot;

	if (flags > BPF_EXIST)
		return -EINVAL;
	if (m->type == BPF_MAP_TYPE_ARRAY)
		return array_update(m, key, value, flags);
	slot = find(m, key);
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
		if (m->entries > m->high_water)
			m->high_water = m->entries;
	}
	put(m, slot, key, value);
	return 0;
}

int model_delete(struct model_map *m, const void *key)
{
	uint32_t slot = find(m, key);

	if (m->type == BPF_MAP_TYPE_ARRAY)
		return -EINVAL;
	if (slot == NOT_FOUND)
		return -ENOENT;
	m->used[slot] = false;
	m->entries--;
	return 0;
}

const unsigned char *model_lookup(const struct model_map *m, const void *key)
{
	uint32_t slot = find(m, key);

	return slot == NOT_FOUND ? NULL : m->values + (size_t)slot * m->value_size;
}
