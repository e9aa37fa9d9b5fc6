/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* file_test.c: compiled code in files and in the cache, and the choice of the engine.
 *
 * The program counts in element 1 of its array and returns the count, plus what a subprogram adds.
 */
#include "../vm/isa_insn.h"

#include "base/error.h"
#include "bpfmap/bpfmap.h"
#include "vm/native.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define THREADS 4
#define RUNS	2000

static const struct bpf_insn counts[] = {
	ST(BPF_W, FP, -4, 1),
	MOV_REG(R2, FP),
	ADD_IMM(R2, -4),
	LD_MAP(R1, 0),
	CALL(1),
	JMP_IMM(BPF_JEQ, R0, 0, 3),
	MOV_IMM(R1, 1),
	LOCKED(BPF_DW, BPF_ADD | BPF_FETCH, R0, R1, 0),
	CALL_LOCAL(1),
	EXIT,
	MOV_REG(R0, R1),
	ADD_IMM(R0, 1000),
	EXIT,
};

struct subject {
	struct bpfmap *map;
	struct vm_prog *prog;
};

static char dir[] = "/tmp/bpfmap-jit-file-XXXXXX";
static unsigned int points, failed;

static void point(int ok, const char *name)
{
	failed += !ok;
	printf("%sok %u - %s\n", ok ? "" : "not ", ++points, name);
	if (!ok)
		printf("# %s\n", error_sentence());
}

static int says(const char *part)
{
	return strstr(error_sentence(), part) != NULL;
}

/* ---- subjects ---- */

static int source_get(void *arg, int map_fd, struct bpfmap **ret_map)
{
	(void)map_fd;
	*ret_map = arg;
	return 0;
}

static void source_put(void *arg, struct bpfmap *map)
{
	(void)arg, (void)map;
}

static struct subject subject_of(const struct bpf_insn *insns, uint32_t count, uint32_t entries)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = BPF_MAP_TYPE_ARRAY,
					  .key_size = 4,
					  .value_size = 8,
					  .max_entries = entries};
	struct subject s = {0};
	int err = bpfmap_create(&opts, &s.map);
	struct vm_load load = {.prog_type = BPF_PROG_TYPE_XDP,
			       .insns = insns,
			       .insn_cnt = count,
			       .name = "counts",
			       .maps = {.get = source_get, .put = source_put, .arg = s.map}};

	if (err || vm_load(&load, &s.prog)) {
		printf("Bail out! %s\n", error_sentence());
		exit(1);
	}
	return s;
}

static struct subject subject_new(uint32_t entries)
{
	return subject_of(counts, sizeof(counts) / sizeof(counts[0]), entries);
}

static void subject_free(struct subject *s)
{
	vm_free(s->prog);
	bpfmap_close(s->map);
}

static uint32_t run(const struct subject *s)
{
	uint8_t buf[512] = {0};
	struct vm_packet packet = {.buf = buf, .buf_size = sizeof(buf), .off = 256, .len = 64};
	uint32_t verdict = 0;

	return vm_run_packet(s->prog, NULL, &packet, NULL, 0, &verdict) ? 0 : verdict;
}

static int runs_in(const struct subject *s, const char *engine)
{
	struct vm_code_info info;

	vm_prog_code(s->prog, &info);
	return !strcmp(info.engine, engine);
}

/* ---- files ---- */

static char *path_of(const char *name)
{
	static char path[2][128];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static void check_file(void)
{
	struct subject made = subject_new(4), a = subject_new(4), b = subject_new(4);
	struct subject other = subject_new(5);
	const char *path = path_of("counts.so");

	point(!vm_progs_save(&made.prog, 1, path), "a program is saved");
	setenv("BPFMAP_JIT", "/nowhere/compiler.so", 1);
	point(!vm_prog_load_code(a.prog, path) && !vm_prog_load_code(b.prog, path) &&
		      runs_in(&a, "jit"),
	      "saved code is loaded, twice");
	point(run(&a) == 1000 && run(&a) == 1001 && run(&b) == 1000 && run(&a) == 1002,
	      "each program has its own map");
	point(vm_prog_load_code(a.prog, path) == -EBUSY, "a compiled program takes no other code");
	point(vm_prog_load_code(other.prog, path) == -EINVAL && says("compile it again"),
	      "code for a map of another size is refused");
	chmod(path, 0666);
	point(vm_prog_load_code(made.prog, path) == -EPERM && says("not trusted"),
	      "a file that others may write is refused");
	chmod(path, 0600);
	point(vm_prog_load_code(made.prog, "/nowhere/counts.so") == -ENOENT, "no file");
	point(vm_prog_load_code(made.prog, "/proc/self/exe") == -EINVAL,
	      "a file of something else");
	unsetenv("BPFMAP_JIT");
	subject_free(&made);
	subject_free(&a);
	subject_free(&b);
	subject_free(&other);
}

/* Two processes of two pid namespaces have the same number: whatever stands in the folder that is named by
 * ours is somebody else's. */
static void check_same_pid(void)
{
	struct subject s = subject_new(4);
	char others[2][160], object[200];

	snprintf(others[0], sizeof(others[0]), "%s/shared.so.%d.so", dir, (int)getpid());
	snprintf(others[1], sizeof(others[1]), "%s/shared.so.%d.0.o", dir, (int)getpid());
	snprintf(object, sizeof(object), "%s/there", others[1]);
	point(!mkdir(others[0], 0700) && !mkdir(others[1], 0700) && !mkdir(object, 0700) &&
		      !vm_progs_save(&s.prog, 1, path_of("shared.so")) &&
		      !vm_prog_load_code(s.prog, path_of("shared.so")) && run(&s) == 1000,
	      "a file is made beside one that a process of the same number makes");
	point(!rmdir(object) && !rmdir(others[1]) && !rmdir(others[0]),
	      "whose parts stay as they are");
	subject_free(&s);
}

static int is_part(const struct dirent *entry)
{
	return strncmp(entry->d_name, ".bpfmap-", 8) == 0;
}

/* What was made on the way to a file, or to an error. */
static void check_parts(void)
{
	struct dirent **found = NULL;
	int count = scandir(dir, &found, is_part, NULL);

	point(!count, "no parts of files are left");
	for (int i = 0; i < count; i++)
		free(found[i]);
	free(found);
}

/* The file holds code for a sched_cls program of the same hash then: a collision, made by hand. */
static int spoil_words(const char *path)
{
	const uint64_t from[2] = {vm_jit_abi(), BPF_PROG_TYPE_XDP};
	const uint64_t to[2] = {vm_jit_abi(), BPF_PROG_TYPE_SCHED_CLS};
	static uint8_t bytes[1 << 16];
	FILE *file = fopen(path, "r+b");
	size_t size = fread(bytes, 1, sizeof(bytes), file);
	int found = 0;

	for (size_t at = 0; at + sizeof(from) <= size; at++) {
		if (memcmp(bytes + at, from, sizeof(from)) != 0)
			continue;
		memcpy(bytes + at, to, sizeof(to));
		found++;
	}
	rewind(file);
	return fwrite(bytes, 1, size, file) == size && !fclose(file) && found == 1;
}

static void check_collision(void)
{
	struct subject s = subject_new(4);

	point(!vm_progs_save(&s.prog, 1, path_of("other.so")) && spoil_words(path_of("other.so")),
	      "a program is saved, and is made another one of the same hash");
	point(vm_prog_load_code(s.prog, path_of("other.so")) == -EINVAL && says("compile it again"),
	      "its code is refused");
	subject_free(&s);
}

static void check_folder(void)
{
	struct subject s = subject_new(4);

	chmod(dir, 0777);
	point(vm_prog_load_code(s.prog, path_of("counts.so")) == -EPERM && says("folder"),
	      "a file in a folder that others may write to is refused");
	point(vm_progs_save(&s.prog, 1, path_of("new.so")) == -EPERM && says("folder"),
	      "nothing is saved there");
	chmod(dir, 01777);
	point(!vm_prog_load_code(s.prog, path_of("counts.so")),
	      "unless others cannot rename what is there");
	chmod(dir, 0700);
	subject_free(&s);
}

static void check_without_linker(void)
{
	struct subject s = subject_new(4);
	char *path = strdup(getenv("PATH"));

	setenv("PATH", "/nowhere", 1);
	point(vm_progs_save(&s.prog, 1, path_of("none.so")) == -ENOTSUP && says("binutils"),
	      "without a linker nothing is saved");
	point(access(path_of("none.so"), F_OK), "and nothing is left behind");
	setenv("PATH", path, 1);
	free(path);
	subject_free(&s);
}

static int compiled_for(const struct subject *s, int wants_time)
{
	struct vm_code_info info;

	vm_prog_code(s->prog, &info);
	return (info.compile_ns != 0) == wants_time && info.code_bytes;
}

static void check_cache(void)
{
	struct subject first = subject_new(4), second = subject_new(4), third = subject_new(4);
	char command[256];

	setenv("BPFMAP_JIT_CACHE", dir, 1);
	point(!vm_prog_compile(first.prog, VM_JIT_ON) && compiled_for(&first, 1) &&
		      run(&first) == 1000,
	      "a program that the cache does not have is compiled");
	point(!vm_prog_compile(second.prog, VM_JIT_ON) && compiled_for(&second, 0) &&
		      run(&second) == 1000 && run(&second) == 1001,
	      "the next time it comes from the cache");
	/* Its file is about to be overwritten, which is nothing to live through. */
	subject_free(&second);
	snprintf(command, sizeof(command), "for f in %s/*.so; do echo spoilt >$f; done", dir);
	point(!system(command) && !vm_prog_compile(third.prog, VM_JIT_ON) &&
		      compiled_for(&third, 1) && run(&third) == 1000,
	      "a spoilt file in the cache does not matter");
	unsetenv("BPFMAP_JIT_CACHE");
	subject_free(&first);
	subject_free(&third);
}

/* ---- engines ---- */

static void check_modes(void)
{
	struct subject s = subject_new(4);

	point(runs_in(&s, "interpreter") && run(&s) == 1000, "a program is interpreted at first");
	point(!vm_prog_compile(s.prog, VM_JIT_AUTO) && runs_in(&s, "jit") && run(&s) == 1001,
	      "auto compiles where there is a compiler");
	point(!vm_prog_compile(s.prog, VM_JIT_OFF) && runs_in(&s, "interpreter") && run(&s) == 1002,
	      "off goes back to the interpreter");
	point(!vm_prog_compile(s.prog, VM_JIT_ON) && runs_in(&s, "jit") && run(&s) == 1003,
	      "on takes the code that is there");
	subject_free(&s);
}

static void check_too_long(void)
{
	uint32_t count = 70000;
	struct bpf_insn *insns = calloc(count, sizeof(*insns));
	struct subject s;

	for (uint32_t i = 0; i < count; i++)
		insns[i] = MOV_IMM(R0, 7);
	insns[count - 1] = EXIT;
	s = subject_of(insns, count, 4);
	point(vm_prog_compile(s.prog, VM_JIT_ON) == -E2BIG && says("at most"),
	      "a program may be too long to be compiled");
	point(!vm_prog_compile(s.prog, VM_JIT_AUTO) && runs_in(&s, "interpreter") && run(&s) == 7,
	      "auto interprets it");
	subject_free(&s);
	free(insns);
}

static void check_too_branched(void)
{
	enum { LOADS = 6000, SLOTS = LOADS + 3 };
	struct bpf_insn *insns = calloc(SLOTS, sizeof(*insns));
	struct subject s;

	insns[0] = MOV_IMM(R0, 7);
	insns[1] = JA(LOADS);
	for (uint32_t i = 2; i < LOADS + 2; i++)
		insns[i] = LDX(BPF_DW, R0, R0, 0);
	insns[SLOTS - 1] = EXIT;
	s = subject_of(insns, SLOTS, 4);
	point(vm_prog_compile(s.prog, VM_JIT_ON) == -E2BIG && says("unproved accesses") &&
		      run(&s) == 7,
	      "a program may have too many checks to be compiled");
	subject_free(&s);
	free(insns);
}

/* Straight through 40 000 accesses. LLVM, left alone, would be at them for minutes. */
static void check_straight(void)
{
	enum { PAIRS = 20000, SLOTS = 3 * PAIRS + 3 };
	struct bpf_insn *insns = calloc(SLOTS, sizeof(*insns));
	struct subject s;
	struct vm_code_info info;
	uint32_t interpreted;

	insns[0] = LDX(BPF_W, R3, R1, 16);
	insns[1] = ST(BPF_DW, FP, -8, 7);
	for (int i = 0; i < PAIRS; i++) {
		insns[2 + 3 * i] = LDX(BPF_DW, R0, FP, -8 * (1 + i * 7 % 60));
		insns[3 + 3 * i] = i % 5 ? ADD_IMM(R0, i) : ALU64_REG(BPF_MUL, R0, R0);
		insns[4 + 3 * i] = STX(BPF_DW, FP, R0, -8 * (1 + i % 60));
	}
	insns[SLOTS - 1] = EXIT;
	s = subject_of(insns, SLOTS, 4);
	interpreted = run(&s);
	point(interpreted && !vm_prog_compile(s.prog, VM_JIT_ON) && runs_in(&s, "jit") &&
		      run(&s) == interpreted,
	      "a long program without a jump gives the same, compiled");
	vm_prog_code(s.prog, &info);
	point(info.compile_ns < 60000000000, "and is compiled in less than a minute");
	subject_free(&s);
	free(insns);
}

/* Counts while others compile, pause and count. */
static void *thread_run(void *arg)
{
	const struct subject *s = arg;
	long wrong = 0;

	for (int i = 0; i < RUNS; i++) {
		if (i % 100 == 0)
			wrong += vm_prog_compile(s->prog, i % 200 ? VM_JIT_OFF : VM_JIT_ON) != 0;
		wrong += run(s) < 1000;
	}
	return (void *)wrong;
}

static void check_threads(void)
{
	struct subject s = subject_new(4);
	pthread_t threads[THREADS];
	void *wrong;
	long sum = 0;

	for (int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, thread_run, &s);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &wrong);
		sum += (long)wrong;
	}
	point(!sum && run(&s) == 1000 + THREADS * RUNS,
	      "threads that compile, pause and run one program lose no count");
	subject_free(&s);
}

/* A program of one instruction less must not take the code (canary of the hash). */
static void canary(void)
{
	struct bpf_insn changed[sizeof(counts) / sizeof(counts[0])];
	struct subject s;

	memcpy(changed, counts, sizeof(counts));
	changed[sizeof(counts) / sizeof(counts[0]) - 2].imm = 1001;
	s = subject_of(changed, sizeof(counts) / sizeof(counts[0]), 4);
	point(vm_prog_load_code(s.prog, path_of("counts.so")) == -EINVAL,
	      "one other bit of an instruction, and the code is refused (canary)");
	subject_free(&s);
}

int main(void)
{
	char command[128];

	setvbuf(stdout, NULL, _IOLBF, 0);
	umask(022);
	if (!mkdtemp(dir))
		return 1;
	check_modes();
	check_too_long();
	check_too_branched();
	check_straight();
	check_threads();
	check_file();
	check_same_pid();
	check_collision();
	check_folder();
	check_without_linker();
	canary();
	check_cache();
	check_parts();
	printf("1..%u\n", points);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command) || failed;
}
