/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* fuzz_bpf.c: sequences of bpf(2) commands are input. Each command's block begins as zeroes or as a call
 * that could work, is then patched word by word, and lies directly before a page that nobody may touch.
 * The words of a patch are numbers, descriptors that earlier commands made, and pointers: into the
 * program's data (used in place by the library), into mapped memory (copied by the kernel), to the last
 * bytes before an unmapped page, to a read-only page, to nothing.
 *
 * Input: steps. A step is a command's number (1 byte, 0x80: with a skeleton), the block's size (1), the
 * skeleton's arguments, the number of patches (1) and these: place (1), kind (1), bytes; or it is one of
 * the numbers from FILL on, which write into the memory that pointers lead to.
 *
 * Nothing of the host is touched: paths end in the run's own directory, /proc holds this process alone.
 */
#include "fuzz.h"
#include "seams.h"

#include "base/error.h"
#include "bpf/attr.h"
#include "bpf/command.h"
#include "region/rundir.h"
#include "vm/vm.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/btf.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define STEPS	     24
#define SLOTS	     16u
#define AREA	     4096u
#define SKELETON     0x80
#define COMMANDS     40
#define FILL	     0x78 /* pseudo-commands 0x78..0x7f */
#define FILE_LIMIT   (4u << 20)
#define INSN_BUDGET  5000u
#define PRIVATE_FROM 512
#define PLAIN_BYTES  (96u << 20)
#define TOO_LARGE    0x40000000u
#define SIZE_LIMIT   4096u

/* At the end of the program's data segment, and larger than anything that a call may want to read or
 * write there: the library takes the caller's word for a buffer's size, as the kernel does. */
uint8_t plain[PLAIN_BYTES] __attribute__((common));
static uint8_t *mapped, *edge; /* a page; its end, where nothing is mapped */
static uint8_t *readonly_page;
static char paths[8][32]; /* also in the data segment */
static char dir_path[128];
static char proc_path[160];
static struct input in;
static int fds[SLOTS];
static uint32_t fd_count;
static uint64_t fds_made;
static bool may_have_pins;
static bool is_warm;
static const uint8_t first_map[] = {SKELETON | BPF_MAP_CREATE, 0, 0, 0};

/* ---- the host, kept away --------------------------------------------------------------------- */

int __wrap_rundir_resolve(const char *path, char *ret_path, size_t size);
int __real_rundir_resolve(const char *path, char *ret_path, size_t size);
DIR *__wrap_opendir(const char *name);
DIR *__real_opendir(const char *name);
int __wrap_vm_run_packet(const struct vm_prog *prog, const struct vm_env *env,
			 struct vm_packet *packet, void *ctx, uint32_t ctx_size,
			 uint32_t *ret_value);
int __real_vm_run_packet(const struct vm_prog *prog, const struct vm_env *env,
			 struct vm_packet *packet, void *ctx, uint32_t ctx_size,
			 uint32_t *ret_value);
int __wrap_vm_run_syscall(const struct vm_prog *prog, const struct vm_env *env, void *ctx,
			  uint32_t ctx_size, uint32_t *ret_value);
int __real_vm_run_syscall(const struct vm_prog *prog, const struct vm_env *env, void *ctx,
			  uint32_t ctx_size, uint32_t *ret_value);

int __wrap_rundir_resolve(const char *path, char *ret_path, size_t size)
{
	int err = __real_rundir_resolve(path, ret_path, size);

	if (err || !strncmp(path, "/sys/fs/bpf", 11))
		return err;
	if (strncmp(ret_path, dir_path, strlen(dir_path)) || strstr(ret_path, ".."))
		return fail(EACCES, "outside of the fuzzer's directory");
	return 0;
}

/* Others' processes come and go; in this /proc there is but one. */
DIR *__wrap_opendir(const char *name)
{
	char target[32], name_of_pid[192];

	if (strcmp(name, "/proc"))
		return __real_opendir(name);
	snprintf(target, sizeof(target), "/proc/%d", getpid());
	snprintf(name_of_pid, sizeof(name_of_pid), "%s/%d", proc_path, getpid());
	if (symlink(target, name_of_pid) && errno != EEXIST)
		return NULL;
	return __real_opendir(proc_path);
}

static void line_drop(void *arg, const char *line)
{
}

static const struct vm_env bounded = {.insn_budget = INSN_BUDGET, .print = line_drop};

int __wrap_vm_run_packet(const struct vm_prog *prog, const struct vm_env *env,
			 struct vm_packet *packet, void *ctx, uint32_t ctx_size,
			 uint32_t *ret_value)
{
	return __real_vm_run_packet(prog, &bounded, packet, ctx, ctx_size, ret_value);
}

int __wrap_vm_run_syscall(const struct vm_prog *prog, const struct vm_env *env, void *ctx,
			  uint32_t ctx_size, uint32_t *ret_value)
{
	return __real_vm_run_syscall(prog, &bounded, ctx, ctx_size, ret_value);
}

/* ---- memory to point at ---------------------------------------------------------------------- */

static void *pages(size_t count, int prot)
{
	return mmap(NULL, count * AREA, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void paths_fill(void)
{
	static const char *const words[] = {"/sys/fs/bpf/p",	"/sys/fs/bpf/q",
					    "/sys/fs/bpf/d/p",	"/sys/fs/bpf/a.b",
					    "/sys/fs/bpf",	"p",
					    "/sys/fs/bpf/../x", ""};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		snprintf(paths[i], sizeof(paths[i]), "%s", words[i]);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct rlimit file = {FILE_LIMIT, RLIM_INFINITY};

	snprintf(dir_path, sizeof(dir_path), "%s", fuzz_rundir());
	snprintf(proc_path, sizeof(proc_path), "%s/.proc", dir_path);
	if (mkdir(proc_path, 0700))
		fuzz_fail("mkdir: %s", strerror(errno));
	mapped = pages(2, PROT_READ | PROT_WRITE);
	edge = mapped + AREA;
	mprotect(edge, AREA, PROT_NONE);
	readonly_page = pages(1, PROT_READ);
	/* A huge map is refused rather than made. */
	setrlimit(RLIMIT_FSIZE, &file);
	/* What the library keeps for good, a descriptor among it, it opens at the first map. */
	LLVMFuzzerTestOneInput(first_map, sizeof(first_map));
	if (!fds_made)
		fuzz_fail("not even a first map is made: %s", bpfmap_last_error());
	is_warm = true;
	return 0;
}

static uint64_t address(const void *at)
{
	return (uint64_t)(uintptr_t)at;
}

/* An integer, a lock, and a structure of both, as types 1 to 3; a name each. */
static void btf_fill(uint8_t *at)
{
	static const struct {
		struct btf_header header;
		uint32_t words[4 + 3 + 3 + 3 + 6];
		char strings[32];
	} blob = {{.magic = BTF_MAGIC,
		   .version = 1,
		   .hdr_len = 24,
		   .type_len = 76,
		   .str_off = 76,
		   .str_len = 32},
		  {1, BTF_KIND_INT << 24, 4, 32,	      /* 1: int */
		   5, BTF_KIND_STRUCT << 24 | 1, 4, 19, 1, 0, /* 2: struct bpf_spin_lock */
		   23, BTF_KIND_STRUCT << 24 | 2, 8, 29, 1, 0, 19, 2, 32}, /* 3: struct value */
		  "\0int\0bpf_spin_lock\0val\0value\0n"};

	memcpy(at, &blob, sizeof(blob));
}

static struct bpf_insn insn(uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	return (struct bpf_insn){
		.code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm};
}

/* Looks an element up and adds to it; r0 is 2. The first instruction names the map. */
static void program_fill(uint8_t *at, int map_fd)
{
	const struct bpf_insn insns[] = {
		insn(BPF_LD | BPF_IMM | BPF_DW, 1, BPF_PSEUDO_MAP_FD, 0, map_fd),
		insn(0, 0, 0, 0, 0),
		insn(BPF_ST | BPF_MEM | BPF_DW, 10, 0, -8, 0),
		insn(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10, 0, 0),
		insn(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -8),
		insn(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		insn(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1, 0),
		insn(BPF_ST | BPF_MEM | BPF_W, 0, 0, 0, 7),
		insn(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 2),
		insn(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};

	memcpy(at, insns, sizeof(insns));
}

/* FILL + 0..3: bytes of the input; + 4, 5: BTF; + 6, 7: a program. Into plain or mapped. */
static void memory_fill(uint8_t number)
{
	uint8_t *area = number & 1 ? mapped : plain;
	uint32_t at = input_u8(&in) * 16u;
	const uint8_t *bytes;
	size_t size;

	if (number >= 6) {
		program_fill(area + AREA / 2, (int)input_u8(&in) < (int)fd_count ? fds[0] : -1);
		at = AREA / 2 + at % 80;
	} else if (number >= 4) {
		btf_fill(area + AREA / 4);
		at = AREA / 4 + at % 128;
	}
	size = input_take(&in, input_u8(&in) % 64, &bytes);
	if (at + size <= AREA)
		memcpy(area + at, bytes, size);
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static int fd_pick(void)
{
	uint8_t slot = input_u8(&in);

	return fd_count ? fds[slot % fd_count] : -1;
}

static void create_skeleton(struct attr_create *create)
{
	static const uint32_t flags[] = {0,
					 BPF_F_NO_PREALLOC,
					 BPF_F_MMAPABLE,
					 BPF_F_RDONLY,
					 BPF_F_WRONLY,
					 BPF_F_RDONLY_PROG,
					 BPF_F_NO_COMMON_LRU,
					 BPF_F_ZERO_SEED};
	static const uint8_t types[] = {BPF_MAP_TYPE_HASH,	   BPF_MAP_TYPE_ARRAY,
					BPF_MAP_TYPE_PERCPU_HASH,  BPF_MAP_TYPE_PERCPU_ARRAY,
					BPF_MAP_TYPE_LRU_HASH,	   BPF_MAP_TYPE_LRU_PERCPU_HASH,
					BPF_MAP_TYPE_BLOOM_FILTER, BPF_MAP_TYPE_HASH_OF_MAPS};
	uint8_t how = input_u8(&in);

	create->map_type = types[how % 8];
	create->map_flags = flags[how / 8 % 8];
	create->key_size = create->map_type == BPF_MAP_TYPE_BLOOM_FILTER ? 0 : 4;
	create->value_size = 8;
	create->max_entries = 1 + how / 64;
	memcpy(create->map_name, "fuzz", 4);
	if (how & 0x80 && fd_count) {
		create->btf_fd = (uint32_t)fd_pick();
		create->btf_key_type_id = 1;
		create->btf_value_type_id = 3;
	}
}

static void batch_skeleton(struct attr_batch *batch)
{
	batch->map_fd = (uint32_t)fd_pick();
	batch->count = input_u8(&in) % 20;
	batch->out_batch = address(plain + 64);
	batch->in_batch = batch->count & 1 ? 0 : address(plain + 64);
	batch->keys = address(plain + 128);
	batch->values = address(mapped + 128);
}

static void load_skeleton(struct attr_load *load)
{
	static const uint8_t types[] = {BPF_PROG_TYPE_XDP, BPF_PROG_TYPE_SCHED_CLS,
					BPF_PROG_TYPE_SOCKET_FILTER, BPF_PROG_TYPE_SYSCALL};
	uint8_t how = input_u8(&in);

	load->prog_type = types[how % 4];
	load->insns = address(AREA / 2 + (how & 4 ? mapped : plain));
	load->insn_cnt = 10;
	load->license = address("GPL");
	load->log_level = how / 8 % 4;
	if (load->log_level) {
		load->log_buf = address(mapped);
		load->log_size = 512;
	}
	/* Programs run as root would: a SYSCALL program is sleepable. */
	load->prog_flags = load->prog_type == BPF_PROG_TYPE_SYSCALL ? BPF_F_SLEEPABLE : 0;
}

static void test_skeleton(struct attr_test *test)
{
	uint8_t how;

	test->prog_fd = (uint32_t)fd_pick();
	how = input_u8(&in);
	if (how & 1) {
		test->ctx_in = address(mapped + 1024);
		test->ctx_size_in = how;
		return;
	}
	test->data_in = address(mapped);
	test->data_size_in = 14 + how / 2;
	test->data_out = address(plain + 1024);
	test->data_size_out = 256;
}

static void elem_skeleton(struct attr_elem *elem)
{
	elem->map_fd = (uint32_t)fd_pick();
	elem->key = address(plain + input_u8(&in) % 64);
	elem->value = address(mapped + 256);
}

/* A call that works if its descriptors do: what then fails, fails far inside. */
static void skeleton(int cmd, union call_attr *attr)
{
	switch (cmd) {
	case BPF_MAP_CREATE: create_skeleton(&attr->create); break;
	case BPF_PROG_LOAD: load_skeleton(&attr->load); break;
	case BPF_PROG_TEST_RUN: test_skeleton(&attr->test); break;
	case BPF_OBJ_PIN: attr->obj.bpf_fd = (uint32_t)fd_pick(); /* fallthrough */
	case BPF_OBJ_GET: attr->obj.pathname = address(paths[input_u8(&in) % 8]); break;
	case BPF_OBJ_GET_INFO_BY_FD:
		attr->info.bpf_fd = (uint32_t)fd_pick();
		attr->info.info_len = input_u8(&in);
		attr->info.info = address(plain + 512);
		memset(plain + 512, 0, 256);
		break;
	case BPF_MAP_LOOKUP_BATCH:
	case BPF_MAP_LOOKUP_AND_DELETE_BATCH:
	case BPF_MAP_UPDATE_BATCH:
	case BPF_MAP_DELETE_BATCH: batch_skeleton(&attr->batch); break;
	case BPF_BTF_LOAD:
		attr->btf.btf = address(AREA / 4 + (input_u8(&in) & 1 ? mapped : plain));
		attr->btf.size = sizeof(struct btf_header) + 76 + 32;
		break;
	case BPF_MAP_GET_NEXT_ID:
	case BPF_PROG_GET_NEXT_ID:
	case BPF_BTF_GET_NEXT_ID:
	case BPF_MAP_GET_FD_BY_ID:
	case BPF_PROG_GET_FD_BY_ID:
	case BPF_BTF_GET_FD_BY_ID: attr->id.id = input_u8(&in); break;
	case BPF_PROG_BIND_MAP:
		attr->bind.prog_fd = (uint32_t)fd_pick();
		attr->bind.map_fd = (uint32_t)fd_pick();
		break;
	case BPF_MAP_FREEZE: attr->elem.map_fd = (uint32_t)fd_pick(); break;
	default: elem_skeleton(&attr->elem);
	}
}

static uint64_t pointer_take(uint8_t kind)
{
	uint8_t at = input_u8(&in);

	switch (kind % 8) {
	case 0: return address(plain + at * 16u);
	case 1: return address(mapped + at * 16u);
	case 2: return address(edge - at);
	case 3: return address(readonly_page);
	case 4: return address(paths[at % 8]);
	case 5: return 0xffffffff81000000u + at;
	case 6: return address(edge + at);
	default: return at;
	}
}

static void attr_patch(union call_attr *attr)
{
	uint32_t at = input_u8(&in) % (ATTR_SIZE / 4) * 4u;
	uint8_t kind = input_u8(&in);
	uint64_t wide;
	uint32_t word;

	if (kind % 8 >= 4) {
		wide = pointer_take(kind / 8);
		memcpy(attr->bytes + at, &wide, at + 8 <= ATTR_SIZE ? 8 : 4);
		return;
	}
	switch (kind % 8) {
	case 0: word = input_u8(&in); break;
	case 1: word = input_u32(&in); break;
	case 2: word = (uint32_t)fd_pick(); break;
	default: word = 1u << input_u8(&in) % 32; break;
	}
	memcpy(attr->bytes + at, &word, 4);
}

/* What would only take long or much: repetitions, long batches, and maps that are large but possible. */
static void attr_tame(int cmd, union call_attr *attr)
{
	if (cmd == BPF_PROG_TEST_RUN)
		attr->test.repeat %= 5;
	if (cmd >= BPF_MAP_LOOKUP_BATCH && cmd <= BPF_MAP_DELETE_BATCH &&
	    attr->batch.count > SIZE_LIMIT)
		attr->batch.count = SIZE_LIMIT + attr->batch.count % 16;
	if (cmd != BPF_MAP_CREATE)
		return;
	if (attr->create.max_entries > SIZE_LIMIT)
		attr->create.max_entries |= TOO_LARGE;
	if (attr->create.key_size > SIZE_LIMIT)
		attr->create.key_size |= TOO_LARGE;
	if (attr->create.value_size > SIZE_LIMIT)
		attr->create.value_size |= TOO_LARGE;
}

/* ---- commands -------------------------------------------------------------------------------- */

static bool makes_fd(int cmd)
{
	switch (cmd) {
	case BPF_MAP_CREATE:
	case BPF_PROG_LOAD:
	case BPF_OBJ_GET:
	case BPF_PROG_GET_FD_BY_ID:
	case BPF_MAP_GET_FD_BY_ID:
	case BPF_BTF_LOAD:
	case BPF_BTF_GET_FD_BY_ID: return true;
	default: return false;
	}
}

static void fd_drop(int fd)
{
	close(fd);
	bpfmap_bpf_fd_closed(fd);
}

static void result_judge(int cmd, long result)
{
	if (result < -4095 || (result > 0 && !makes_fd(cmd)))
		fuzz_fail("command %d returns %ld", cmd, result);
	if (result < 0 && result != -ENOENT && !bpfmap_last_error()[0])
		fuzz_fail("command %d fails with %ld and no sentence", cmd, result);
	if (result < 0)
		return;
	may_have_pins |= cmd == BPF_OBJ_PIN;
	if (!makes_fd(cmd))
		return;
	if (fd_count == SLOTS)
		fd_drop(fds[--fd_count]);
	fds[fd_count++] = (int)result;
	fds_made++;
}

static void command(uint8_t number)
{
	int cmd = (number & ~SKELETON) % COMMANDS;
	union call_attr attr;
	uint32_t size = input_u8(&in);
	uint8_t patches;
	long result;

	memset(&attr, 0, sizeof(attr));
	size = size ? size : ATTR_SIZE;
	if (number & SKELETON)
		skeleton(cmd, &attr);
	patches = input_u8(&in) % 16;
	while (patches--)
		attr_patch(&attr);
	attr_tame(cmd, &attr);
	memset(edge - size, 0, size);
	memcpy(edge - size, &attr, size < ATTR_SIZE ? size : ATTR_SIZE);
	result = bpfmap_bpf(cmd, edge - size, size);
	result_judge(cmd, result);
}

/* ---- one execution --------------------------------------------------------------------------- */

static int lowest_free(int from)
{
	int fd = fcntl(0, F_DUPFD_CLOEXEC, from);

	close(fd);
	return fd;
}

static void pins_remove(void)
{
	DIR *dir = may_have_pins ? __real_opendir(dir_path) : NULL;
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	may_have_pins = false;
}

/* Ids begin anew, so that an input means the same each time. */
static void ids_reset(void)
{
	static const uint8_t zero[32];
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/.ids", dir_path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd >= 0 && pwrite(fd, zero, sizeof(zero), 0) != sizeof(zero))
		fuzz_fail("%s: %s", path, strerror(errno));
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int low = lowest_free(3), high = lowest_free(PRIVATE_FROM);

	/* Fuzzers have their own opinion of it, later than Initialize. */
	signal(SIGXFSZ, SIG_IGN);
	in = (struct input){data, size};
	memset(plain, 0, 4 * AREA);
	memset(mapped, 0, AREA);
	paths_fill();
	seams_begin();
	for (int i = 0; i < STEPS && in.left; i++) {
		uint8_t number = input_u8(&in);

		if ((number & ~SKELETON) >= FILL)
			memory_fill(number % 8);
		else
			command(number);
	}
	while (fd_count)
		fd_drop(fds[--fd_count]);
	pins_remove();
	ids_reset();
	seams_end();
	if (is_warm && (lowest_free(3) != low || lowest_free(PRIVATE_FROM) != high))
		fuzz_fail("descriptors are left: %d and %d are free, before %d and %d",
			  lowest_free(3), lowest_free(PRIVATE_FROM), low, high);
	return 0;
}
