/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* isa_engine.h: the same program and the same maps in two places: our interpreter and the live
 * kernel. Maps are named by index, in the order of creation.
 *
 * Results are 0 or -errno. A program that the engine ended (out of bounds, budget) is an errno of
 * run(); the kernel never does that, it refuses at load().
 */
#ifndef BPFMAP_TESTS_VM_ISA_ENGINE_H
#define BPFMAP_TESTS_VM_ISA_ENGINE_H

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

#define ENGINE_MAPS   4
#define ENGINE_PACKET 4096 /* most bytes of a packet after the run */

struct engine_prog {
	uint32_t type; /* BPF_PROG_TYPE_* */
	uint32_t insn_cnt;
	const struct bpf_insn *insns;
};

struct engine_run {
	uint8_t packet[ENGINE_PACKET]; /* SYSCALL: the context */
	uint32_t len;
	uint32_t retval;
};

struct engine {
	const char *name;
	/* -EPERM from the first map_create(): the engine cannot be used here. */
	int (*map_create)(uint32_t index, uint32_t type, uint32_t key_size, uint32_t value_size,
			  uint32_t max_entries);
	void (*map_close)(uint32_t index);
	int (*map_update)(uint32_t index, const void *key, const void *value);
	int (*map_delete)(uint32_t index, const void *key);
	int (*map_lookup)(uint32_t index, const void *key, void *ret_value);
	int (*map_next)(uint32_t index, const void *key, void *ret_next);

	/* One program at a time. The sentence or the verifier's last lines are in message(). */
	int (*load)(const struct engine_prog *prog);
	int (*run)(struct engine_run *run);
	void (*unload)(void);
	const char *(*message)(void);
};

extern const struct engine engine_user;
extern const struct engine engine_kernel;

/* For canaries: the interpreter, but that a bit of what a run changes is wrong. */
enum engine_lie { LIE_RETVAL, LIE_PACKET, LIE_MAP, ENGINE_LIES };
extern const char *const engine_lies[ENGINE_LIES]; /* in words */
extern enum engine_lie engine_lie;
extern const struct engine engine_wrong;

/* The BTF and func_info that the kernel wants of programs with callbacks: one static function type
 * for every function. The offsets of the functions are found by scanning for calls. */
struct engine_funcs {
	struct bpf_func_info info[32];
	uint32_t cnt;
};
void engine_funcs_find(const struct engine_prog *prog, struct engine_funcs *ret_funcs);

#endif
