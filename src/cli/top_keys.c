/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top_keys.c: the first elements of one map.
 *
 * The child's frames are a struct top_keys_head and a body. Each replaces the one before it.
 */
#include "cli/top_keys.h"

#include "base/clock.h"
#include "cli/text.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Not an errno: as many elements were seen as are looked at. */
#define WALK_STOP 1
/* More are not looked at in one walk: some seconds of the kernel's time. */
#define WALK_ELEMENTS_MAX (16u << 20)

struct btf_fold top_keys_fold(const struct mapref *ref)
{
	return (struct btf_fold){
		.op = BTF_FOLD_SUM,
		.cpus = backend_cpus(),
		.stride = ((size_t)ref->info.value_size + 7) & ~(size_t)7,
	};
}

/* ---- in the child ---- */

struct walk {
	const struct top_keys_want *want;
	const struct btf_fold *fold;
	struct top_rank rank;
};

static int visit(void *arg, const void *key, const void *value, int err)
{
	struct field_value number = {.kind = FIELD_BYTES};
	struct walk *walk = arg;

	if (!value)
		return 0;
	if (walk->rank.elements == WALK_ELEMENTS_MAX)
		return WALK_STOP;
	if (walk->want->field)
		field_load(walk->want->ref, walk->want->field, walk->fold, key, value, &number);
	top_rank_add(&walk->rank, key, value, &number);
	return 0;
}

static bool frame_write(const struct walk *walk, int fd, struct top_keys_head *head)
{
	const struct top_rank *rank = &walk->rank;
	size_t stride = rank->key_size + rank->value_size;
	bool ok;

	head->elements = rank->elements;
	head->has_rates = rank->before_ns != 0;
	for (size_t by = 0; by < TOP_RANKS; by++) {
		head->count[by] = (uint32_t)rank->ranked[by].count;
		head->bytes +=
			(uint32_t)(rank->ranked[by].count * (sizeof(struct top_figure) + stride));
	}
	ok = top_child_write(fd, head, sizeof(*head));
	for (size_t by = 0; ok && by < TOP_RANKS; by++) {
		const struct top_ranked *ranked = &rank->ranked[by];

		ok = top_child_write(fd, ranked->figure, ranked->count * sizeof(*ranked->figure)) &&
		     top_child_write(fd, ranked->data, ranked->count * stride);
	}
	return ok;
}

static void keys_work(void *arg, int fd)
{
	const struct top_keys_want *want = arg;
	const struct btf_fold fold = top_keys_fold(want->ref);
	bool percpu = backend_is_percpu(want->ref->info.type);
	struct walk walk = {
		.want = want,
		.fold = percpu ? &fold : NULL,
		.rank = {.key_size = want->ref->info.key_size,
			 .value_size = backend_value_size(&want->ref->info),
			 .bits = want->field && !percpu ? want->field->bits : 64,
			 .ascending = want->ascending,
			 .limit = want->limit},
	};

	for (;;) {
		struct top_keys_head head = {0};
		uint64_t start = clock_now_ns();

		top_rank_begin(&walk.rank, start);
		head.err =
			want->ref->backend->map_walk(want->ref->fd, &want->ref->info, visit, &walk);
		if (head.err < 0)
			snprintf(head.sentence, sizeof(head.sentence), "%s", bpfmap_last_error());
		head.took_ns = clock_now_ns() - start;
		if (!frame_write(&walk, fd, &head))
			return;
		/* The second walk comes without the long rest: rates are wanted soon. */
		top_child_rest(head.has_rates ? start : clock_now_ns(), want->interval_ns);
	}
}

/* ---- in the parent ---- */

int top_keys_start(struct top_keys *keys, const struct top_keys_want *want)
{
	*keys = (struct top_keys){
		.key_size = want->ref->info.key_size,
		.value_size = backend_value_size(&want->ref->info),
	};
	return top_child_start(&keys->child, keys_work, (void *)want);
}

/* Frames that are complete; what follows stays for the next time. */
static void frames_take(struct top_keys *keys)
{
	struct top_keys_head head;
	size_t at = 0;

	while (keys->part_len - at >= sizeof(head)) {
		memcpy(&head, keys->part + at, sizeof(head));
		if (keys->part_len - at - sizeof(head) < head.bytes)
			break;
		keys->head = head;
		keys->body = must_realloc(keys->body, head.bytes);
		memcpy(keys->body, keys->part + at + sizeof(head), head.bytes);
		keys->walks++;
		at += sizeof(head) + head.bytes;
	}
	memmove(keys->part, keys->part + at, keys->part_len - at);
	keys->part_len -= at;
}

bool top_keys_read(struct top_keys *keys)
{
	ssize_t got = -1;

	while (keys->child.pid) {
		if (keys->part_room - keys->part_len < 65536) {
			keys->part_room += 65536;
			keys->part = must_realloc(keys->part, keys->part_room);
		}
		got = read(keys->child.fd, keys->part + keys->part_len,
			   keys->part_room - keys->part_len);
		if (got <= 0)
			break;
		keys->part_len += (size_t)got;
		frames_take(keys);
	}
	return got < 0 && keys->child.pid;
}

void top_keys_stop(struct top_keys *keys)
{
	top_child_stop(&keys->child);
	free(keys->body);
	free(keys->part);
	keys->body = keys->part = NULL;
	keys->walks = 0;
	keys->part_len = keys->part_room = 0;
}

void top_keys_get(const struct top_keys *keys, enum top_rank_by by, size_t i,
		  struct top_figure *ret_figure, const void **ret_key, const void **ret_value)
{
	size_t stride = keys->key_size + keys->value_size;
	const uint8_t *figures = keys->body, *data;

	for (size_t before = 0; before < by; before++)
		figures += keys->head.count[before] * (sizeof(*ret_figure) + stride);
	data = figures + keys->head.count[by] * sizeof(*ret_figure) + i * stride;
	memcpy(ret_figure, figures + i * sizeof(*ret_figure), sizeof(*ret_figure));
	*ret_key = data;
	*ret_value = data + keys->key_size;
}
