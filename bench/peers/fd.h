/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* fd.h: maps through descriptors and libbpf's names, as programs with bpf_map_lookup_elem(fd, ...) use them. Who
 * answers is the includer's matter: it defines FD_NAME, and fd_calls() fills a struct fd_calls.
 */
#include "peer.h"

#include <bpf/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct fd_calls {
	__typeof__(&bpf_map_create) create;
	__typeof__(&bpf_map_lookup_elem) lookup;
	__typeof__(&bpf_map_update_elem) update;
	__typeof__(&bpf_map_delete_elem) remove;
};

struct table {
	struct fd_calls calls;
	int fd;
};

/* Keys are on the stack, where programs mostly have them: batches lie in mapped memory, of which
 * ours-fd asks the kernel each time whether it can be read. */
static inline uint64_t table_read(struct table *t, const struct key *at, struct value *ret_value)
{
	struct key key = *at;

	return t->calls.lookup(t->fd, &key, ret_value) ? 0 : ret_value->w[0];
}

static inline uint64_t table_get(struct table *t, const struct key *key)
{
	struct value value;

	return table_read(t, key, &value);
}

static inline void table_put(struct table *t, const struct key *at, const struct value *value)
{
	struct key key = *at;
	int err = t->calls.update(t->fd, &key, value, BPF_ANY);

	if (err) {
		fprintf(stderr, FD_NAME ": update: %s\n", strerror(-err));
		exit(1);
	}
}

static inline void table_remove(struct table *t, const struct key *at)
{
	struct key key = *at;

	if (t->calls.remove(t->fd, &key)) {
		fprintf(stderr, FD_NAME ": the oldest key has gone\n");
		exit(1);
	}
}

#define TABLE_PUT
#define TABLE_REMOVE
#define TABLE_READ
#include "loop.h"

/* 0, or -1: said why. */
static int fd_calls(struct fd_calls *ret_calls);

static void *fd_open(const struct table_spec *spec)
{
	struct table *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	if (fd_calls(&t->calls)) {
		free(t);
		return NULL;
	}
	t->fd = t->calls.create(BPF_MAP_TYPE_HASH, "bench", sizeof(struct key),
				sizeof(struct value), spec->entries, NULL);
	if (t->fd < 0) {
		fprintf(stderr, FD_NAME ": %s\n", strerror(-t->fd));
		free(t);
		return NULL;
	}
	return t;
}

#define FD_OPS                                                                       \
	(OP_BIT(OP_LOOP) | OP_BIT(OP_HIT) | OP_BIT(OP_DEPENDENT) | OP_BIT(OP_MISS) | \
	 OP_BIT(OP_READ) | OP_BIT(OP_UPDATE) | OP_BIT(OP_CHURN) | OP_BIT(OP_MIXED))
