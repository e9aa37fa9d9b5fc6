/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* engines.h: a program of an object file in three places: the interpreter, compiled, and the live kernel.
 * libbpf loads the object into the kernel; the instructions that it made and the maps' first contents
 * are taken from there, so that all three run the same.
 */
#ifndef BPFMAP_TESTS_JIT_ENGINES_H
#define BPFMAP_TESTS_JIT_ENGINES_H

#include "bpfmap/bpfmap.h"
#include "vm/native.h"

#include <bpf/libbpf.h>

#define ENGINE_MAPS 16

struct engine_map {
	char name[BPF_OBJ_NAME_LEN];
	int kernel_fd;
	struct bpf_map_info info;
	uint32_t spin_lock_plus1;
	void *first; /* the first content of global data; NULL: empty */
};

struct engine_object {
	struct bpf_object *bpf;
	struct engine_map maps[ENGINE_MAPS];
	uint32_t map_cnt;
};

/* A program with maps of its own. */
struct engine_user {
	struct engine_object *object;
	struct bpfmap *maps[ENGINE_MAPS];
	struct vm_prog *prog;
};

struct engine_packet {
	uint8_t *bytes;
	uint32_t len;
};

struct engine_capture {
	struct engine_packet *packets;
	uint32_t count;
};

/* Load all programs into the kernel. 0, or -errno, printed; -EPERM: the kernel does not permit it. */
int engine_open(const char *path, struct engine_object *ret_object);
void engine_close(struct engine_object *object);

int engine_user_open(struct engine_object *object, const struct bpf_program *prog,
		     enum vm_jit_mode mode, struct engine_user *ret_user);
void engine_user_close(struct engine_user *user);

/* A packet of a program's own, with the room that BPF_PROG_TEST_RUN gives; len becomes the new length. */
int engine_user_run(const struct engine_user *user, uint8_t *bytes, uint32_t *len,
		    uint32_t *ret_verdict);
int engine_kernel_run(const struct bpf_program *prog, uint8_t *bytes, uint32_t *len,
		      uint32_t *ret_verdict);

int engine_capture_read(const char *path, struct engine_capture *ret_capture);
void engine_capture_free(struct engine_capture *capture);

#endif
