/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* request.h: a step on its way to an engine. For engine.c, which has the table of actions, and the
 * files that have the actions: objects.c (what has a descriptor) and elements.c.
 */
#ifndef TESTS_DIFF_REQUEST_H
#define TESTS_DIFF_REQUEST_H

#include "engine.h"

#define FILLER	      0xa5
#define NOT_OPEN      1000
#define INFO_SIZE     104 /* struct bpf_map_info of Linux 6.18 */
#define MAPPING_BYTES 4096
#define BUFFER_BYTES  (4u << 20)

struct request {
	struct engine *e;
	struct world *w;
	const struct step *s;
	struct answer *a;
	const struct slot *slot;
	const struct object *o; /* NULL: the descriptor is not a map's */
	int fd;
	uint32_t key_size, value_bytes;
};

#define STEP(name, arguments, weight) void do_##name(struct request *r);
#include "steps.def"
#undef STEP

int64_t arg(const struct request *r, char letter);
long call(struct request *r, int cmd, union bpf_attr *attr);
/* A slot gets a descriptor; fd may be an error, which is then the result. */
long slot_fill(struct request *r, uint64_t slot, long fd);
/* Without preallocation the kernel's allocator fills its stock in the background: that it is empty for a
 * moment is no answer. True: ask again. *tries begins with 0. */
bool call_again(const struct request *r, int64_t result, uint32_t *tries);
/* The pointer that a step's argument asks for. from: size bytes for it to point to, or NULL. */
uint64_t pointer(struct engine *e, enum buffer which, int64_t kind, size_t size, const void *from);

#endif
