/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* keys.c: numbers to keys; uniform and Zipf draws. */
#include "keys.h"

#include <math.h>
#include <stdlib.h>

#define ZIPF_DRAWS (1u << 21)
#define ZIPF_S	   0.99
#define ABSENT	   (1ull << 60)

static volatile uint64_t zero; /* so that the compiler does not know it */

static uint64_t mix(uint64_t z)
{
	z *= 0x9e3779b97f4a7c15ull;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static struct key key_of(uint64_t number)
{
	struct key key;

	for (uint64_t i = 0; i < KEY_WORDS; i++)
		key.w[i] = mix(number ^ i << 62);
	return key;
}

static uint64_t random_next(uint64_t *state)
{
	return mix(++*state);
}

static uint32_t below(uint64_t random, uint32_t limit)
{
	return (uint32_t)((random >> 32) * limit >> 32);
}

/* Inverse of the integral of x^-s, an accurate stand-in for the sum but for the very first ranks, which
 * rejection sets right (Hoermann and Derflinger, 1996). */
static double zipf_h(double x)
{
	return (pow(x, 1 - ZIPF_S) - 1) / (1 - ZIPF_S);
}

static double zipf_h_inverse(double y)
{
	return pow(1 + y * (1 - ZIPF_S), 1 / (1 - ZIPF_S));
}

static uint32_t zipf_rank(uint64_t *random, uint32_t n)
{
	double low = zipf_h(1.5) - 1, high = zipf_h(n + 0.5), u, k;

	do {
		u = low + (double)(random_next(random) >> 11) * 0x1p-53 * (high - low);
		k = floor(zipf_h_inverse(u) + 0.5);
	} while (u < zipf_h(k + 0.5) - pow(k, -ZIPF_S));
	return k < 1 ? 0 : k > n ? n - 1 : (uint32_t)k - 1;
}

void keys_init(struct keys *keys, uint32_t entries)
{
	keys->entries = entries;
	keys->random = 1ull << 50;
	keys->zipf = malloc(ZIPF_DRAWS * sizeof(*keys->zipf));
	if (!keys->zipf)
		abort();
	/* An odd factor, and so one prime to a power of two, spreads ranks over the elements. */
	for (uint32_t i = 0; i < ZIPF_DRAWS; i++)
		keys->zipf[i] =
			(uint32_t)(zipf_rank(&keys->random, entries) * 2654435761ull % entries);
}

static uint64_t number_of(const struct keys *keys, const struct held *held, uint32_t id)
{
	uint64_t part = id / (keys->entries / PARTS);

	return part << 40 | (held->head[part] + id % (keys->entries / PARTS));
}

static void room_ready(struct batch_room *room, uint32_t n)
{
	room->batch = (struct batch){.keys = room->keys, .ids = room->ids, .n = n, .zero = zero};
	room->expected = 0;
}

static void draw_churn(struct keys *keys, struct held *held, uint32_t worker,
		       struct batch_room *room)
{
	uint64_t part = (uint64_t)worker << 40, *head = &held->head[worker];

	for (uint32_t i = 0; i < room->batch.n; i++) {
		room->keys[2 * i] = key_of(part | *head);
		room->keys[2 * i + 1] = key_of(part | (*head + keys->entries / PARTS));
		(*head)++;
	}
}

static void draw_present(struct keys *keys, enum op op, enum draw draw, const struct held *held,
			 struct batch_room *room)
{
	uint32_t at = below(random_next(&keys->random), ZIPF_DRAWS);

	for (uint32_t i = 0; i < room->batch.n; i++) {
		uint32_t id = draw == DRAW_ZIPF ? keys->zipf[at++ % ZIPF_DRAWS]
						: below(random_next(&keys->random), keys->entries);

		room->ids[i] = id;
		room->keys[i] = key_of(number_of(keys, held, id));
		if (op != OP_MIXED || i % 10 != 9)
			room->expected += room->keys[i].w[0] >> VALUE_SHIFT;
	}
}

void keys_draw(struct keys *keys, enum op op, enum draw draw, struct held *held, uint32_t worker,
	       uint32_t n, struct batch_room *room)
{
	room_ready(room, n);
	if (op == OP_CHURN) {
		draw_churn(keys, held, worker, room);
	} else if (op == OP_MISS || op == OP_INSERT) {
		for (uint32_t i = 0; i < n; i++)
			room->keys[i] = key_of(ABSENT | keys->random++);
	} else {
		draw_present(keys, op, draw, held, room);
	}
	if (!(OP_BIT(op) & OPS_WITH_SUM))
		room->expected = 0;
}

void keys_fill(const struct keys *keys, uint32_t first, uint32_t n, struct batch_room *room)
{
	static const struct held start;

	room_ready(room, n);
	for (uint32_t i = 0; i < n; i++) {
		room->ids[i] = first + i;
		room->keys[i] = key_of(number_of(keys, &start, first + i));
	}
}
