/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* bpf_program_share.c: programs and their maps between threads, handles, descriptors and processes. */
#include "bpf/attr.h"
#include "bpf/command.h"
#include "isa_insn.h"

#include <bpfmap/program.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define THREADS	     4
#define RUNS	     20000

/* counts[first byte of the packet]++ without atomics; XDP_PASS, or faults if there is no such element. */
static const struct bpf_insn counting[] = {
	LDX(BPF_W, R2, R1, offsetof(struct xdp_md, data)),
	LDX(BPF_B, R2, R2, 0),
	STX(BPF_W, FP, R2, -4),
	LD_PAIR(R1, BPF_PSEUDO_MAP_IDX, 0, 0),
	MOV_REG(R2, FP),
	ADD_IMM(R2, -4),
	CALL(BPF_FUNC_map_lookup_elem),
	LDX(BPF_DW, R1, R0, 0),
	ADD_IMM(R1, 1),
	STX(BPF_DW, R0, R1, 0),
	MOV_IMM(R0, XDP_PASS),
	EXIT,
};

static struct bpfmap *map_new(uint32_t type, uint32_t memory)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = type,
					  .key_size = 4,
					  .value_size = 8,
					  .max_entries = 2,
					  .memory = memory,
					  .name = "counts"};
	struct bpfmap *map = NULL;

	assert_int_equal(bpfmap_create(&opts, &map), 0);
	return map;
}

/* The program holds the map: the caller's handle is closed. */
static struct bpfmap_prog *prog_new(uint32_t map_type, uint32_t memory)
{
	struct bpfmap *map = map_new(map_type, memory);
	struct bpfmap_prog_spec spec = {.sz = sizeof(spec),
					.insns = counting,
					.insn_cnt = COUNT(counting),
					.type = BPF_PROG_TYPE_XDP,
					.maps = &map,
					.map_cnt = 1};
	struct bpfmap_prog *prog = NULL;

	assert_int_equal(bpfmap_prog_load(&spec, &prog), 0);
	bpfmap_close(map);
	return prog;
}

static int run_on(const struct bpfmap_prog *prog, uint8_t byte)
{
	uint8_t bytes[60] = {byte};
	struct bpfmap_packet packet = {
		.sz = sizeof(packet), .buf = bytes, .buf_size = sizeof(bytes), .len = 60};
	uint32_t value = XDP_PASS;
	int err = bpfmap_prog_run(prog, NULL, &packet, &value);

	return value == XDP_PASS ? err : -EINVAL;
}

static uint64_t count_of(const struct bpfmap_prog *prog, uint32_t key)
{
	struct bpfmap_percpu_u64 count;

	assert_int_equal(bpfmap_percpu_u64(bpfmap_prog_map(prog, 0), &key, 0, 8, &count), 0);
	return count.sum;
}

static void prog__holds_its_maps(void **state)
{
	struct bpfmap_prog *prog = prog_new(BPF_MAP_TYPE_ARRAY, BPFMAP_MEMORY_PRIVATE);
	struct bpfmap *map = bpfmap_prog_map(prog, 0);
	uint32_t key = 1;

	assert_int_equal(bpfmap_prog_map_count(prog), 1);
	assert_null(bpfmap_prog_map(prog, 1));
	assert_ptr_equal(bpfmap_prog_map_by_name(prog, "counts"), map);
	assert_null(bpfmap_prog_map_by_name(prog, "count"));
	assert_int_equal(run_on(prog, 1), 0);
	assert_int_equal(*(uint64_t *)bpfmap_lookup(map, &key), 1);
	bpfmap_prog_close(prog);
}

static void map__outlives_a_program_that_is_closed_first(void **state)
{
	struct bpfmap *map = map_new(BPF_MAP_TYPE_ARRAY, BPFMAP_MEMORY_PRIVATE);
	struct bpfmap_prog_spec spec = {.sz = sizeof(spec),
					.insns = counting,
					.insn_cnt = COUNT(counting),
					.type = BPF_PROG_TYPE_XDP,
					.maps = &map,
					.map_cnt = 1};
	struct bpfmap_prog *first, *second;
	uint32_t key = 0;

	assert_int_equal(bpfmap_prog_load(&spec, &first), 0);
	assert_int_equal(bpfmap_prog_load(&spec, &second), 0);
	assert_int_equal(run_on(first, 0), 0);
	bpfmap_prog_close(first);
	assert_int_equal(run_on(second, 0), 0);
	bpfmap_prog_close(second);
	assert_int_equal(*(uint64_t *)bpfmap_lookup(map, &key), 2);
	bpfmap_close(map);
}

/* ---- threads ---- */

struct worker {
	pthread_t thread;
	const struct bpfmap_prog *prog;
	uint8_t byte;
	int want; /* of each run */
	int bad;
};

static void *worker_run(void *arg)
{
	struct worker *worker = arg;

	for (int i = 0; i < RUNS; i++)
		worker->bad += run_on(worker->prog, worker->byte) != worker->want;
	return NULL;
}

/* The same by 50 packets at a time. */
static void *worker_run_many(void *arg)
{
	struct worker *worker = arg;
	uint8_t bytes[60] = {worker->byte};
	struct bpfmap_packet packets[50];
	uint32_t values[50];

	for (size_t i = 0; i < COUNT(packets); i++)
		packets[i] = (struct bpfmap_packet){
			.sz = sizeof(packets[0]), .buf = bytes, .buf_size = 60, .len = 60};
	for (size_t i = 0; i < RUNS / COUNT(packets); i++) {
		uint32_t count = COUNT(packets);

		worker->bad += bpfmap_prog_run_many(worker->prog, NULL, packets, values, &count) !=
			       worker->want;
		worker->bad += count != COUNT(packets);
	}
	return NULL;
}

static void workers_join(struct worker *workers)
{
	for (int i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		assert_int_equal(workers[i].bad, 0);
	}
}

static void threads__per_cpu_counts_are_exact(void **state)
{
	struct bpfmap_prog *prog = prog_new(BPF_MAP_TYPE_PERCPU_ARRAY, BPFMAP_MEMORY_PRIVATE);
	struct worker workers[THREADS] = {0};

	for (int i = 0; i < THREADS; i++) {
		workers[i].prog = prog;
		assert_int_equal(pthread_create(&workers[i].thread, NULL,
						i & 1 ? worker_run_many : worker_run, &workers[i]),
				 0);
	}
	workers_join(workers);
	assert_int_equal(count_of(prog, 0), THREADS * RUNS);
	assert_int_equal(count_of(prog, 1), 0);
	bpfmap_prog_close(prog);
}

static void threads__a_fault_in_one_is_nothing_to_the_others(void **state)
{
	struct bpfmap_prog *prog = prog_new(BPF_MAP_TYPE_PERCPU_ARRAY, BPFMAP_MEMORY_SHARED);
	struct worker workers[THREADS] = {0};

	for (int i = 0; i < THREADS; i++) {
		workers[i].prog = prog;
		workers[i].byte = i ? 1 : 200; /* there is no element 200 */
		workers[i].want = i ? 0 : -EFAULT;
		pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]);
	}
	workers_join(workers);
	assert_int_equal(count_of(prog, 1), (THREADS - 1) * RUNS);
	bpfmap_prog_close(prog);
}

/* Loads, runs and closes programs that share one map, which ends with the last of them. */
static void *worker_load(void *arg)
{
	struct worker *worker = arg;
	struct bpfmap *map = bpfmap_prog_map(worker->prog, 0);
	struct bpfmap_prog_spec spec = {.sz = sizeof(spec),
					.insns = counting,
					.insn_cnt = COUNT(counting),
					.type = BPF_PROG_TYPE_XDP,
					.maps = &map,
					.map_cnt = 1};

	for (int i = 0; i < 200; i++) {
		struct bpfmap_prog *prog;

		worker->bad += bpfmap_prog_load(&spec, &prog) || run_on(prog, 1);
		bpfmap_prog_close(prog);
	}
	return NULL;
}

static void threads__load_and_close_beside_runs(void **state)
{
	struct bpfmap_prog *prog = prog_new(BPF_MAP_TYPE_PERCPU_ARRAY, BPFMAP_MEMORY_PRIVATE);
	struct worker workers[THREADS] = {0};

	for (int i = 0; i < THREADS; i++) {
		workers[i].prog = prog;
		pthread_create(&workers[i].thread, NULL, i ? worker_load : worker_run, &workers[i]);
	}
	workers_join(workers);
	assert_int_equal(count_of(prog, 0), RUNS);
	assert_int_equal(count_of(prog, 1), (THREADS - 1) * 200);
	bpfmap_prog_close(prog);
}

/* Chooses the engine again and again; stays with machine code where there is a compiler. */
static void *worker_choose(void *arg)
{
	struct worker *worker = arg;

	for (int i = 0; i < 1000; i++)
		worker->bad += bpfmap_prog_jit((struct bpfmap_prog *)worker->prog,
					       i & 1 ? BPFMAP_JIT_AUTO : BPFMAP_JIT_OFF) != 0;
	return NULL;
}

static void threads__engine_is_chosen_beside_runs(void **state)
{
	struct bpfmap_prog *prog;
	struct worker workers[THREADS] = {0};

#ifdef __SANITIZE_THREAD__
	skip(); /* it does not see what compiled code does */
#endif
	prog = prog_new(BPF_MAP_TYPE_PERCPU_ARRAY, BPFMAP_MEMORY_PRIVATE);
	for (int i = 0; i < THREADS; i++) {
		workers[i].prog = prog;
		pthread_create(&workers[i].thread, NULL, i ? worker_run : worker_choose,
			       &workers[i]);
	}
	workers_join(workers);
	assert_int_equal(count_of(prog, 0), (THREADS - 1) * RUNS);
	assert_int_equal(run_on(prog, 200), -EFAULT);
	bpfmap_prog_close(prog);
}

/* ---- descriptors ---- */

static int map_fd_new(uint32_t type)
{
	union call_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.create.map_type = type;
	attr.create.key_size = 4;
	attr.create.value_size = 8;
	attr.create.max_entries = 2;
	return (int)bpfmap_bpf(BPF_MAP_CREATE, &attr, sizeof(attr));
}

/* The counting program by BPF_PROG_LOAD. */
static int prog_fd_new(int map_fd)
{
	struct bpf_insn insns[COUNT(counting)];
	union call_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.load.prog_type = BPF_PROG_TYPE_XDP;
	attr.load.insn_cnt = COUNT(insns);
	attr.load.insns = (uintptr_t)insns;
	attr.load.license = (uintptr_t) "GPL";
	strcpy(attr.load.prog_name, "counting");
	memcpy(insns, counting, sizeof(insns));
	insns[3].src_reg = BPF_PSEUDO_MAP_FD;
	insns[3].imm = map_fd;
	return (int)bpfmap_bpf(BPF_PROG_LOAD, &attr, sizeof(attr));
}

static void from_fd__program_and_maps_outlive_their_descriptors(void **state)
{
	int map_fd = map_fd_new(BPF_MAP_TYPE_ARRAY), prog_fd = prog_fd_new(map_fd), null;
	struct bpfmap *map;
	struct bpfmap_prog *prog;
	uint32_t key = 1;

	assert_true(prog_fd >= 0);
	assert_int_equal(bpfmap_prog_from_fd(prog_fd, &prog), 0);
	assert_int_equal(bpfmap_open_fd(map_fd, 0, &map), 0);
	close(prog_fd);
	close(map_fd);
	bpfmap_bpf_fd_closed(prog_fd);
	bpfmap_bpf_fd_closed(map_fd);
	null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	assert_int_equal(run_on(prog, 1), 0);
	assert_string_equal(bpfmap_prog_name(prog), "counting");
	assert_int_equal(*(uint64_t *)bpfmap_lookup(map, &key), 1);
	assert_int_equal(*(uint64_t *)bpfmap_lookup(bpfmap_prog_map(prog, 0), &key), 1);
	bpfmap_prog_close(prog);
	assert_int_equal(*(uint64_t *)bpfmap_lookup(map, &key), 1);
	bpfmap_close(map);
	close(null);
}

static void from_fd__refuses_what_is_no_program(void **state)
{
	int map_fd = map_fd_new(BPF_MAP_TYPE_ARRAY), null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct bpfmap_prog *prog = NULL;

	assert_int_equal(bpfmap_prog_from_fd(map_fd, &prog), -EINVAL);
	assert_non_null(strstr(bpfmap_last_error(), "not a program"));
	assert_int_equal(bpfmap_prog_from_fd(null, &prog), -EINVAL);
	assert_int_equal(bpfmap_prog_from_fd(-1, &prog), -EBADF);
	close(null);
	assert_int_equal(bpfmap_prog_from_fd(null, &prog), -EBADF);
	assert_null(prog);
	close(map_fd);
}

static void *worker_from_fd(void *arg)
{
	struct worker *worker = arg;
	int fd = worker->want;

	for (int i = 0; i < 500; i++) {
		struct bpfmap_prog *prog;

		worker->bad += bpfmap_prog_from_fd(fd, &prog) || run_on(prog, 1);
		bpfmap_prog_close(prog);
	}
	return NULL;
}

static void from_fd__handles_of_one_descriptor_in_many_threads(void **state)
{
	int map_fd = map_fd_new(BPF_MAP_TYPE_PERCPU_ARRAY), prog_fd = prog_fd_new(map_fd);
	struct worker workers[THREADS] = {0};

	for (int i = 0; i < THREADS; i++) {
		workers[i].want = prog_fd;
		pthread_create(&workers[i].thread, NULL, worker_from_fd, &workers[i]);
	}
	workers_join(workers);
	close(prog_fd);
	close(map_fd);
}

/* ---- processes ---- */

static void child_expect(pid_t child)
{
	int status;

	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void fork__child_runs_and_a_shared_map_counts_both(void **state)
{
	struct bpfmap_prog *shared = prog_new(BPF_MAP_TYPE_PERCPU_ARRAY, BPFMAP_MEMORY_SHARED);
	struct bpfmap_prog *private = prog_new(BPF_MAP_TYPE_PERCPU_ARRAY, BPFMAP_MEMORY_PRIVATE);
	pid_t child;

	assert_int_equal(run_on(shared, 0), 0);
	assert_int_equal(run_on(private, 0), 0);
	child = fork();
	if (!child) {
		int err = 0;

		for (int i = 0; i < 1000 && !err; i++)
			err = run_on(shared, 0) || run_on(private, 0);
		bpfmap_prog_close(shared);
		_exit(err || count_of(private, 0) != 1001);
	}
	for (int i = 0; i < 1000; i++)
		assert_int_equal(run_on(shared, 0), 0);
	child_expect(child);
	assert_int_equal(count_of(shared, 0), 2001);
	assert_int_equal(count_of(private, 0), 1);
	bpfmap_prog_close(shared);
	bpfmap_prog_close(private);
}

/* In strict seccomp a process may read, write and leave; anything else kills it. */
static void run__makes_no_system_call(void **state)
{
	struct bpfmap_prog *prog;
	pid_t child;
	int status;

#ifdef __SANITIZE_THREAD__
	skip(); /* its own thread would outlive the child's */
#endif
	prog = prog_new(BPF_MAP_TYPE_PERCPU_ARRAY, BPFMAP_MEMORY_SHARED);
	assert_int_equal(run_on(prog, 0), 0);
	child = fork();
	if (!child) {
		int err = run_on(prog, 0); /* this process's first */

		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
			syscall(SYS_exit, 2);
		for (int i = 0; i < 1000 && !err; i++)
			err = run_on(prog, 0);
		syscall(SYS_exit, err ? 1 : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2) {
		bpfmap_prog_close(prog);
		skip(); /* no strict seccomp here */
	}
	assert_int_equal(status, 0);
	assert_int_equal(count_of(prog, 0), 1002);
	bpfmap_prog_close(prog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prog__holds_its_maps),
		cmocka_unit_test(map__outlives_a_program_that_is_closed_first),
		cmocka_unit_test(threads__per_cpu_counts_are_exact),
		cmocka_unit_test(threads__a_fault_in_one_is_nothing_to_the_others),
		cmocka_unit_test(threads__load_and_close_beside_runs),
		cmocka_unit_test(threads__engine_is_chosen_beside_runs),
		cmocka_unit_test(from_fd__program_and_maps_outlive_their_descriptors),
		cmocka_unit_test(from_fd__refuses_what_is_no_program),
		cmocka_unit_test(from_fd__handles_of_one_descriptor_in_many_threads),
		cmocka_unit_test(fork__child_runs_and_a_shared_map_counts_both),
		cmocka_unit_test(run__makes_no_system_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
