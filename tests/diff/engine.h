/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* engine.h: who answers a script's steps: bpfmap_bpf(), or the live kernel through bpf(2). Each has
 * its own descriptors, and buffers that end where readable memory ends.
 */
#ifndef TESTS_DIFF_ENGINE_H
#define TESTS_DIFF_ENGINE_H

#include "world.h"

#include <linux/bpf.h>

struct engine {
	const char *name;
	long (*call)(int cmd, void *attr, unsigned int size);
	/* Where a name below /sys/fs/bpf really is. */
	int (*path)(const char *path, char *ret_path, size_t size);
	bool lies; /* the canary: the first delete that should succeed does nothing */
	bool lied;
	int fd[SLOTS_ALL];
	int prog[PROGS];
	int btf[SHAPES_MOST]; /* of a shape, loaded once; 0: not yet */
	int func_btf;	      /* of programs with callbacks; 0: not yet */
	void *(*mmap)(int fd, size_t length, int prot, int flags, uint64_t off);
	void *mapping; /* of MAPPING_BYTES, or NULL */
	uint32_t kept_id;
	uint8_t *buffer[4];
	char pins[64]; /* a directory below /sys/fs/bpf */
	int pins_fd;
	struct answer answer;
};

enum buffer { BUFFER_KEY, BUFFER_VALUE, BUFFER_IN, BUFFER_OUT };

extern struct engine engine_ours, engine_kernel;
extern uint64_t engine_tag; /* makes the names of directories unique */

/* 0 or -errno; of the kernel, if it is not permitted. */
int engine_begin(struct engine *e);
void engine_end(struct engine *e);
/* Close, unpin and forget whatever a script left. */
void engine_reset(struct engine *e);
/* Take a step; the answer is in e->answer. */
void engine_step(struct engine *e, struct world *w, const struct step *s);

/* Memory of size bytes in which the first good bytes can be accessed. */
uint8_t *buffer_cut(struct engine *e, enum buffer which, size_t size, size_t good);

void pin_name(const struct engine *e, int64_t number, char *ret, size_t size);
long name_unlink(struct engine *e, int64_t number);
void mapping_drop(struct engine *e);

/* btf.c: a descriptor, or -errno. */
long btf_of_value(struct engine *e, const struct shape *shape);
long btf_of_function(struct engine *e);
/* One with a byte that is spoilt (at < 0: none), the last bytes cut off. */
long btf_spoilt(struct engine *e, int64_t at, uint8_t byte, uint32_t cut);

#endif
