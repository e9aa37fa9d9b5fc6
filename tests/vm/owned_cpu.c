/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* owned_cpu.c: a program run owns its CPU. Many threads and processes run a program that adds to
 * per-CPU values without atomics, or to a value under its bpf_spin_lock: the sums must be exact.
 *
 * The program also compares bpf_get_smp_processor_id() before and after, and the value that
 * bpf_map_lookup_percpu_elem() gives for that CPU with its own: it returns 0 if all of that holds.
 */
#include "isa_insn.h"
#include "jit_switch.h"

#include "base/cpus.h"
#include "bpfmap/bpfmap.h"
#include "map/map.h"
#include "sync/vcpu.h"
#include "vm/vm.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <setjmp.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define THREADS	     64
#define PROCESSES    8
#define RUNS	     4000
#define TRIES	     60 /* of a second each */
#define ADDS	     16 /* per run: room for somebody else's addition in between */

#define LOOKUP(map, key) \
	ST(BPF_W, FP, -4, key), LD_MAP(R1, map), MOV_REG(R2, FP), ADD_IMM(R2, -4), CALL(1)
#define RETURN(value) MOV_IMM(R0, value), EXIT

/* R6: the value. R7: the CPU. The element is made if it is missing. */
static const struct bpf_insn percpu_insns[] = {
	CALL(8),
	MOV_REG(R7, R0),
	LOOKUP(0, 3),
	JMP_IMM(BPF_JNE, R0, 0, 18),
	ST(BPF_DW, FP, -16, 0),
	LD_MAP(R1, 0),
	MOV_REG(R2, FP),
	ADD_IMM(R2, -4),
	MOV_REG(R3, FP),
	ADD_IMM(R3, -16),
	MOV_IMM(R4, BPF_NOEXIST),
	CALL(2),
	LOOKUP(0, 3),
	JMP_IMM(BPF_JNE, R0, 0, 2),
	RETURN(1),
	MOV_REG(R6, R0),
	/* ADDS times */
	MOV_IMM(R8, ADDS),
	LDX(BPF_DW, R1, R6, 0),
	ADD_IMM(R1, 1),
	STX(BPF_DW, R6, R1, 0),
	ADD_IMM(R8, -1),
	JMP_IMM(BPF_JNE, R8, 0, -5),
	/* the same CPU still */
	LD_MAP(R1, 0),
	MOV_REG(R2, FP),
	ADD_IMM(R2, -4),
	MOV_REG(R3, R7),
	CALL(195),
	JMP_REG(BPF_JEQ, R0, R6, 2),
	RETURN(2),
	CALL(8),
	JMP_REG(BPF_JEQ, R0, R7, 2),
	RETURN(3),
	RETURN(0),
};

/* A value { lock, -, counter } of an ARRAY. */
static const struct bpf_insn locked_insns[] = {
	LOOKUP(0, 3),	   JMP_IMM(BPF_JNE, R0, 0, 2),
	RETURN(1),	   MOV_REG(R6, R0),
	MOV_REG(R1, R0),   CALL(93),
	MOV_IMM(R8, ADDS), LDX(BPF_DW, R1, R6, 8),
	ADD_IMM(R1, 1),	   STX(BPF_DW, R6, R1, 8),
	ADD_IMM(R8, -1),   JMP_IMM(BPF_JNE, R8, 0, -5),
	MOV_REG(R1, R6),   CALL(94),
	RETURN(0),
};

static struct bpfmap *maps[2];
static struct vm_prog *prog;

static int source_get(void *arg, int map_fd, struct bpfmap **ret_map)
{
	*ret_map = maps[map_fd];
	return 0;
}

static void load(const struct bpf_insn *insns, uint32_t count)
{
	const struct vm_load how = {.prog_type = BPF_PROG_TYPE_SYSCALL,
				    .insns = insns,
				    .insn_cnt = count,
				    .maps = {.get = source_get}};

	if (jit_switch_load(&how, &prog))
		fail_msg("load: %s", bpfmap_last_error());
}

static struct bpfmap *map_new(uint32_t type, uint32_t value_size, uint32_t spin_lock_plus1)
{
	const struct bpfmap_create_opts opts = {.sz = sizeof(opts),
						.type = type,
						.key_size = 4,
						.value_size = value_size,
						.max_entries = 8,
						.spin_lock_plus1 = spin_lock_plus1,
						.memory = BPFMAP_MEMORY_SHARED};
	struct bpfmap *map;

	if (bpfmap_create(&opts, &map))
		fail_msg("create: %s", bpfmap_last_error());
	return map;
}

/* Where there is no time for all who want one: a run that got onto no CPU for a second, or not the spin lock, which
 * it takes once, has added nothing. */
static bool run_starved(int err)
{
	return err == -ETIMEDOUT &&
	       (strstr(bpfmap_last_error(), "no CPU of the map came free") ||
		strstr(bpfmap_last_error(), "of the map for a second and is alive"));
}

/* One run, begun again while it starves. */
static int run_once(uint32_t *ret_value)
{
	int err = -ETIMEDOUT;

	for (int tries = 0; tries < TRIES; tries++) {
		err = vm_run_syscall(prog, NULL, NULL, 0, ret_value);
		if (!run_starved(err))
			break;
	}
	return err;
}

/* RUNS runs; the number that did not return 0, with the first reason printed. */
static uintptr_t run_many(void)
{
	uintptr_t bad = 0;
	uint32_t ret = 0;

	for (int i = 0; i < RUNS; i++) {
		int err = run_once(&ret);

		if (!err && !ret)
			continue;
		if (!bad++)
			printf("# run %d: %d, returned %u: %s\n", i, err, ret,
			       err ? bpfmap_last_error() : "");
	}
	return bad;
}

static void *thread_main(void *arg)
{
	return (void *)run_many();
}

static uintptr_t run_in_threads(int count)
{
	pthread_t threads[THREADS];
	uintptr_t bad = 0;
	void *ret;

	for (int i = 0; i < count; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, thread_main, NULL), 0);
	for (int i = 0; i < count; i++) {
		pthread_join(threads[i], &ret);
		bad += (uintptr_t)ret;
	}
	return bad;
}

/* Each process has `threads` threads. */
static uintptr_t run_in_processes(int count, int threads)
{
	uintptr_t bad = 0;
	pid_t pids[PROCESSES];
	int status;

	for (int i = 0; i < count; i++) {
		pids[i] = fork();
		assert_true(pids[i] >= 0);
		if (!pids[i])
			_exit(run_in_threads(threads) != 0);
	}
	for (int i = 0; i < count; i++) {
		waitpid(pids[i], &status, 0);
		bad += status != 0;
	}
	return bad;
}

static uint64_t percpu_sum(struct bpfmap *map)
{
	uint64_t values[8192];
	uint64_t sum = 0;
	uint32_t key = 3;

	assert_true(map_syscall_value_size(map) <= sizeof(values));
	assert_int_equal(bpfmap_read(map, &key, values), 0);
	for (uint32_t i = 0; i < map_syscall_value_size(map) / sizeof(*values); i++)
		sum += values[i];
	return sum;
}

static void cleanup(void)
{
	vm_free(prog);
	for (int i = 0; i < 2; i++) {
		bpfmap_close(maps[i]);
		maps[i] = NULL;
	}
}

static void counts_exactly(uint32_t type)
{
	maps[0] = map_new(type, 8, 0);
	load(percpu_insns, COUNT(percpu_insns));
	assert_int_equal(run_in_threads(THREADS), 0);
	assert_int_equal(percpu_sum(maps[0]), (uint64_t)THREADS * RUNS * ADDS);
	assert_int_equal(run_in_processes(PROCESSES, 1), 0);
	assert_int_equal(percpu_sum(maps[0]), (uint64_t)(THREADS + PROCESSES) * RUNS * ADDS);
	assert_int_equal(run_in_processes(PROCESSES, 4), 0);
	assert_int_equal(percpu_sum(maps[0]), (uint64_t)(THREADS + 5 * PROCESSES) * RUNS * ADDS);
	cleanup();
}

static void run__adds_to_percpu_array_without_loss(void **state)
{
	counts_exactly(BPF_MAP_TYPE_PERCPU_ARRAY);
}

static void run__adds_to_percpu_hash_without_loss(void **state)
{
	counts_exactly(BPF_MAP_TYPE_PERCPU_HASH);
}

static void run__adds_under_a_spin_lock_without_loss(void **state)
{
	uint64_t value[2];
	uint32_t key = 3;

	maps[0] = map_new(BPF_MAP_TYPE_ARRAY, 16, 1);
	load(locked_insns, COUNT(locked_insns));
	assert_int_equal(run_in_threads(THREADS), 0);
	assert_int_equal(run_in_processes(PROCESSES, 4), 0);
	assert_int_equal(bpfmap_read(maps[0], &key, value), 0);
	assert_int_equal(value[1], (uint64_t)(THREADS + 4 * PROCESSES) * RUNS * ADDS);
	cleanup();
}

/* Two programs with the same two maps, named in opposite orders, do not wait for each other. */
static void *run_other(void *arg)
{
	uint32_t ret;
	uintptr_t bad = 0;

	for (int i = 0; i < RUNS; i++)
		bad += vm_run_syscall(arg, NULL, NULL, 0, &ret) != 0;
	return (void *)bad;
}

static void run__goes_onto_maps_in_one_order(void **state)
{
	const struct bpf_insn there[] = {LOOKUP(0, 1), LOOKUP(1, 1), RETURN(0)};
	const struct bpf_insn back[] = {LOOKUP(1, 1), LOOKUP(0, 1), RETURN(0)};
	pthread_t threads[8];
	struct vm_prog *other;
	void *bad;

	maps[0] = map_new(BPF_MAP_TYPE_PERCPU_ARRAY, 8, 0);
	maps[1] = map_new(BPF_MAP_TYPE_PERCPU_HASH, 8, 0);
	load(back, COUNT(back));
	other = prog;
	load(there, COUNT(there));
	for (size_t i = 0; i < COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, run_other, i % 2 ? prog : other),
				 0);
	for (size_t i = 0; i < COUNT(threads); i++) {
		pthread_join(threads[i], &bad);
		assert_null(bad);
	}
	vm_free(other);
	cleanup();
}

/* What a run has taken is free again afterwards, however it ended. */
static void ends_with(int err, const struct bpf_insn *insns, uint32_t count)
{
	const struct vm_env env = {.insn_budget = 10000};
	uint32_t ret;

	load(insns, count);
	assert_int_equal(vm_run_syscall(prog, &env, NULL, 0, &ret), err);
	vm_free(prog);
	prog = NULL;
	assert_int_equal(vcpu_place.number_plus1, 0);
	for (uint32_t i = 0; i < maps[0]->vcpus->count; i++)
		assert_int_equal(shm_u32_load_acquire(&maps[0]->vcpus->shm[i].lock), 0);
}

#define ENDS_WITH(err, ...)                                    \
	do {                                                   \
		const struct bpf_insn insns[] = {__VA_ARGS__}; \
		ends_with(err, insns, COUNT(insns));           \
	} while (0)

static void run__leaves_its_cpu_and_lock_on_every_way_out(void **state)
{
	const struct bpf_insn relock[] = {LOOKUP(1, 0), MOV_REG(R6, R0), MOV_REG(R1, R6),
					  CALL(93),	MOV_REG(R1, R6), CALL(94),
					  RETURN(0)};

	maps[0] = map_new(BPF_MAP_TYPE_PERCPU_ARRAY, 8, 0);
	maps[1] = map_new(BPF_MAP_TYPE_ARRAY, 16, 1);
	ENDS_WITH(0, LOOKUP(0, 1), RETURN(0));
	ENDS_WITH(-EFAULT, LOOKUP(0, 1), MOV_IMM(R1, 0), LDX(BPF_W, R0, R1, 0), EXIT);
	ENDS_WITH(-ETIMEDOUT, LOOKUP(0, 1), JA(-1), EXIT);
	ENDS_WITH(-EINVAL, LOOKUP(0, 1), LOOKUP(1, 0), MOV_REG(R1, R0), CALL(93), RETURN(0));
	ends_with(0, (const struct bpf_insn[]){LOOKUP(0, 1), RETURN(0)}, 8);
	ENDS_WITH(-EFAULT, LOOKUP(0, 1), LOOKUP(1, 0), MOV_REG(R1, R0), CALL(93), MOV_IMM(R1, 0),
		  LDX(BPF_W, R0, R1, 0), EXIT);
	ENDS_WITH(-ETIMEDOUT, LOOKUP(0, 1), LOOKUP(1, 0), MOV_REG(R1, R0), CALL(93), JA(-1), EXIT);
	load(relock, COUNT(relock));
	assert_int_equal(run_many(), 0);
	cleanup();
}

/* Holds a CPU between the two meetings. */
static void *sit_on_cpu(void *barrier)
{
	int cpu = vcpu_enter(&maps[0]->vcpus, 1);

	pthread_barrier_wait(barrier);
	pthread_barrier_wait(barrier);
	vcpu_leave(&maps[0]->vcpus, 1);
	return (void *)(uintptr_t)(cpu < 0);
}

static void run__waits_for_a_cpu_and_gives_up(void **state)
{
	pthread_barrier_t barrier;
	pthread_t *threads;
	uint32_t cpus, ret = 99;
	void *bad;

	maps[0] = map_new(BPF_MAP_TYPE_PERCPU_ARRAY, 8, 0);
	load(percpu_insns, COUNT(percpu_insns));
	cpus = maps[0]->vcpus->count;
	threads = calloc(cpus, sizeof(*threads));
	pthread_barrier_init(&barrier, NULL, cpus + 1);
	for (uint32_t i = 0; i < cpus; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, sit_on_cpu, &barrier), 0);
	pthread_barrier_wait(&barrier);
	assert_int_equal(vm_run_syscall(prog, NULL, NULL, 0, &ret), -ETIMEDOUT);
	assert_int_equal(ret, 99);
	pthread_barrier_wait(&barrier);
	for (uint32_t i = 0; i < cpus; i++) {
		pthread_join(threads[i], &bad);
		assert_null(bad);
	}
	free(threads);
	pthread_barrier_destroy(&barrier);
	assert_int_equal(run_many(), 0);
	cleanup();
}

static void cpu_number__is_stable_and_below_the_possible_cpus(void **state)
{
	const struct bpf_insn insns[] = {
		CALL(8), MOV_REG(R6, R0), CALL(8), JMP_REG(BPF_JEQ, R0, R6, 2), RETURN(-1), EXIT};
	uint32_t ret;

	load(insns, COUNT(insns));
	for (int i = 0; i < RUNS; i++) {
		assert_int_equal(vm_run_syscall(prog, NULL, NULL, 0, &ret), 0);
		assert_in_range(ret, 0, cpus_possible() - 1);
	}
	cleanup();
}

/* bpf_for_each_map_elem() gives the values of the CPU that the run owns. */
static void for_each__visits_the_values_of_the_owned_cpu(void **state)
{
	const struct bpf_insn insns[] = {ST(BPF_DW, FP, -8, 0), LD_MAP(R1, 0), LD_FUNC(R2, 7),
					 MOV_REG(R3, FP), ADD_IMM(R3, -8), MOV_IMM(R4, 0),
					 CALL(164), LDX(BPF_DW, R0, FP, -8), EXIT,
					 /* callback(map, key, value, ctx): *ctx += *value */
					 LDX(BPF_DW, R1, R3, 0), LDX(BPF_DW, R2, R4, 0),
					 ADD_REG(R2, R1), STX(BPF_DW, R4, R2, 0), RETURN(0)};
	uint64_t values[8192] = {0};
	uint32_t ret;

	maps[0] = map_new(BPF_MAP_TYPE_PERCPU_HASH, 8, 0);
	for (uint32_t key = 0; key < 4; key++) {
		for (uint32_t cpu = 0; cpu < bpfmap_cpus(maps[0]); cpu++)
			values[cpu] = (cpu + 1) * 100 + key;
		assert_int_equal(bpfmap_update(maps[0], &key, values, BPF_ANY), 0);
	}
	load(insns, COUNT(insns));
	assert_int_equal(vm_run_syscall(prog, NULL, NULL, 0, &ret), 0);
	assert_int_equal(ret % 400, 6);
	assert_in_range(ret / 400, 1, bpfmap_cpus(maps[0]));
	cleanup();
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(run__adds_to_percpu_array_without_loss),
		cmocka_unit_test(run__adds_to_percpu_hash_without_loss),
		cmocka_unit_test(run__adds_under_a_spin_lock_without_loss),
		cmocka_unit_test(run__goes_onto_maps_in_one_order),
		cmocka_unit_test(run__leaves_its_cpu_and_lock_on_every_way_out),
		cmocka_unit_test(run__waits_for_a_cpu_and_gives_up),
		cmocka_unit_test(cpu_number__is_stable_and_below_the_possible_cpus),
		cmocka_unit_test(for_each__visits_the_values_of_the_owned_cpu),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
