/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* world.h: what a script has made so far, as the model sees it: maps, who holds them (descriptors,
 * pins, programs), and what is in them. From it follow the sizes of buffers, the answers that are
 * expected, and the steps whose answers are nobody's promise.
 */
#ifndef TESTS_DIFF_WORLD_H
#define TESTS_DIFF_WORLD_H

#include "model_map.h"
#include "script.h"

#define SLOTS	    6 /* descriptors that a script can set */
#define SLOT_FILE   6 /* a descriptor that is no map's */
#define SLOT_CLOSED 7 /* a number that is not open */
#define SLOTS_ALL   8
#define PROGS	    2
#define PINS	    3  /* good names; others are refused */
#define BATCH_MOST  16 /* elements of an update_batch or delete_batch */
#define ROOM_ALL    64 /* elements: more than a script's hash ever holds */
#define KEYS_MOST   32 /* key numbers are below */
#define WORLD_CPU   0  /* the one we stay on */
#define SHAPES_MOST 48
#define MUTATIONS   41 /* of map_create (objects.c); 0: none */
#define MAPPINGS    8  /* ways of mmap (objects.c) */
#define ATTRIBUTES  25 /* commands that get odd attributes (attributes.c) */
#define ERR_NOTSUPP 524

#define PROG_KEY_MOST	40
#define PROG_VALUE_MOST 64

struct shape {
	const char *word; /* of the type */
	uint32_t type;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t max_entries; /* 0: of an LRU map, so many that no engine ever evicts */
	uint32_t flags;
	uint32_t lock_plus1;
	uint64_t map_extra;
	bool btf; /* key and value are described */
};

struct object {
	const struct shape *shape;
	struct model_map model;
	struct object *next;
	uint32_t holders; /* descriptors and pins */
	bool frozen;
	bool unlinked;	  /* had a pin and lost the last one */
	bool in_program;  /* once; so when it goes is up to the engine */
	bool old_padding; /* a program made an element: the kernel leaves there what was */
	uint32_t pins;
};

struct slot {
	struct object *object; /* NULL: not open */
	bool may_read, may_write;
};

enum program {
	PROG_BUMP,
	PROG_INSERT,
	PROG_SET,
	PROG_ALTER,
	PROG_DELETE,
	PROG_COUNT,
	PROG_TOUCH,
	PROG_PUSH,
	PROG_PEEK,
	PROG_ADD64,
	PROG_FLAGS,
	PROG_OF_CPU,
	PROG_CLEAR,
	PROGRAMS
};

struct world {
	struct slot slot[SLOTS_ALL];
	struct object *pin[PINS];
	struct object *prog[PROGS];
	enum program kind[PROGS];
	struct object *kept; /* whose id is kept */
	struct object *mapped;
	bool mapped_writably;
	struct object *objects;
};

/* What comes out of a step. Values of a per-CPU map are in `out` whole; `hash` has the running
 * CPU's share only, so that a trace holds on any number of CPUs. */
struct answer {
	int64_t result;
	int64_t count;
	uint8_t *out;
	size_t bytes, room;
	uint32_t hash;
};

/* How much of an answer is determined. */
enum certainty {
	CERTAIN,	/* the model knows all */
	CERTAIN_RESULT, /* the model knows the result, the engines agree on all */
	AGREED,		/* engines agree, the model does not know */
	UNCERTAIN,	/* nothing is compared */
};

uint32_t world_cpus(void);

uint32_t shape_count(void);
const struct shape *shape_at(int64_t number);
uint32_t shape_entries(const struct shape *shape);

void world_init(struct world *w);
void world_free(struct world *w);
struct slot *world_slot(struct world *w, const struct step *s, char letter);
/* The step would show what DIFFERENCES.md lets differ. */
bool world_skips(struct world *w, const struct step *s);
/* Holders: a slot gets an object (or NULL). */
void slot_set(struct slot *slot, struct object *object, uint32_t access);
void object_drop(struct object *object);
/* A successful step's effect on who holds what. */
void world_follow(struct world *w, const struct step *s);

void key_make(const struct object *o, int64_t number, uint8_t *key);
/* In the system call's layout: CPUs differ. */
void value_make(const struct object *o, int64_t number, uint8_t *value);
uint8_t value_byte(int64_t number);
uint32_t stride_of(const struct object *o);
/* The byte of an array's first page that a store through a mapping changes. */
size_t poked(const struct object *o, int64_t number);
/* Does a mapping made in this way stay until the next one? (objects.c) */
bool mapping_stays(int64_t way);
bool mapping_writes(int64_t way);

void answer_clear(struct answer *a);
void answer_add(struct answer *a, const void *bytes, size_t size);
void answer_add_value(struct answer *a, const struct object *o, const void *value);
/* Elements in key order. */
void answer_add_sorted(struct answer *a, const struct object *o, uint8_t *keys, uint8_t *values,
		       uint32_t count);

/* expect.c: the model takes the step. */
enum certainty world_expect(struct world *w, const struct step *s, struct answer *ret);

#endif
