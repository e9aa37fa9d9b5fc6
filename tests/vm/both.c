/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* both.c: see both.h. */
#include "both.h"
#include "isa_insn.h"
#include "jit_switch.h"

#include "base/error.h"
#include "map/map.h"
#include "vm/vm.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_SIZE     65536
#define PACKET_BYTES 64
#define MAX_INSNS    64

static struct bpfmap *user_map;
static int kernel_map = -1;
static int number;
static int failures;
static struct both last;

int both_has_kernel(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, NULL, 4, 4, 1, NULL);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* Key and value types: u32, and a struct with the lock where opts says. */
static int lock_btf(const struct bpfmap_create_opts *opts, int *ret_value_type)
{
	struct btf *btf = btf__new_empty();
	uint32_t lock_off = opts->spin_lock_plus1 - 1;
	char name[16];
	const void *raw;
	uint32_t size;
	int word, lock, fd;

	word = btf__add_int(btf, "u32", 4, 0);
	lock = btf__add_struct(btf, "bpf_spin_lock", 4);
	btf__add_field(btf, "val", word, 0, 0);
	*ret_value_type = btf__add_struct(btf, "value", opts->value_size);
	for (uint32_t off = 0; off < opts->value_size; off += 4) {
		snprintf(name, sizeof(name), "w%u", off);
		btf__add_field(btf, name, off == lock_off ? lock : word, off * 8, 0);
	}
	raw = btf__raw_data(btf, &size);
	fd = bpf_btf_load(raw, size, NULL);
	btf__free(btf);
	return fd;
}

static int kernel_map_create(const struct bpfmap_create_opts *opts)
{
	LIBBPF_OPTS(bpf_map_create_opts, create, .map_flags = opts->map_flags);
	int value_type = 0;
	int fd;

	if (opts->spin_lock_plus1) {
		create.btf_fd = (uint32_t)lock_btf(opts, &value_type);
		create.btf_key_type_id = 1;
		create.btf_value_type_id = (uint32_t)value_type;
	}
	fd = bpf_map_create(opts->type, NULL, opts->key_size, opts->value_size, opts->max_entries,
			    &create);
	if (opts->spin_lock_plus1)
		close((int)create.btf_fd);
	return fd;
}

int both_map_create(const struct bpfmap_create_opts *opts)
{
	int err = bpfmap_create(opts, &user_map);

	if (err) {
		printf("# map here: %d: %s\n", err, bpfmap_last_error());
		return err;
	}
	kernel_map = kernel_map_create(opts);
	if (kernel_map >= 0)
		return 0;
	printf("# map in the kernel: %d\n", kernel_map);
	bpfmap_close(user_map);
	return kernel_map;
}

int both_map_fill(const void *key, const void *value)
{
	const struct map_ops *ops = user_map->ops;
	int err = key ? ops->write(user_map, key, value, BPF_ANY)
		      : ops->push(user_map, value, BPF_ANY);

	return err ? err : bpf_map_update_elem(kernel_map, key, value, BPF_ANY);
}

void both_map_close(void)
{
	bpfmap_close(user_map);
	close(kernel_map);
}

static int source_get(void *arg, int map_fd, struct bpfmap **ret_map)
{
	*ret_map = user_map;
	return 0;
}

static void source_put(void *arg, struct bpfmap *map)
{
}

static void run_here(uint32_t prog_type, const struct bpf_insn *insns, uint32_t count,
		     struct both_outcome *ret)
{
	struct vm_load load = {.prog_type = prog_type,
			       .insns = insns,
			       .insn_cnt = count,
			       .maps = {.get = source_get, .put = source_put}};
	uint8_t buf[512] = {0};
	struct vm_packet packet = {
		.buf = buf, .buf_size = sizeof(buf), .off = 256, .len = PACKET_BYTES};
	struct vm_prog *prog;

	ret->err = jit_switch_load(&load, &prog);
	if (!ret->err) {
		if (prog_type == BPF_PROG_TYPE_SYSCALL)
			ret->err = vm_run_syscall(prog, NULL, NULL, 0, &ret->r0);
		else
			ret->err = vm_run_packet(prog, NULL, &packet, NULL, 0, &ret->r0);
		vm_free(prog);
	}
	if (ret->err)
		snprintf(ret->why, sizeof(ret->why), "%s", error_sentence());
}

/* The verifier's reason is its last line before the statistics. */
static void keep_reason(char *log, struct both_outcome *ret)
{
	char *end = strstr(log, "\nprocessed ");
	char *line;

	if (end)
		*end = '\0';
	line = strrchr(log, '\n');
	snprintf(ret->why, sizeof(ret->why), "%.200s", line ? line + 1 : log);
}

static void run_in_kernel(uint32_t prog_type, const struct bpf_insn *insns, uint32_t count,
			  struct both_outcome *ret)
{
	static char log[LOG_SIZE];
	LIBBPF_OPTS(bpf_prog_load_opts, load, .log_buf = log, .log_size = sizeof(log),
		    .log_level = 1,
		    .prog_flags = prog_type == BPF_PROG_TYPE_SYSCALL ? BPF_F_SLEEPABLE : 0);
	uint8_t packet[PACKET_BYTES] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = packet, .data_size_in = sizeof(packet),
		    .repeat = 1);
	LIBBPF_OPTS(bpf_test_run_opts, run_syscall);
	struct bpf_insn copy[MAX_INSNS];
	int fd;

	memcpy(copy, insns, count * sizeof(*insns));
	for (uint32_t i = 0; i < count; i++)
		if (insn_is_wide(&copy[i]) && copy[i].src_reg == BPF_PSEUDO_MAP_FD)
			copy[i].imm = kernel_map;
	fd = bpf_prog_load(prog_type, NULL, "GPL", copy, count, &load);
	if (fd < 0) {
		ret->err = fd;
		keep_reason(log, ret);
		return;
	}
	if (prog_type == BPF_PROG_TYPE_SYSCALL) {
		ret->err = bpf_prog_test_run_opts(fd, &run_syscall);
		ret->r0 = run_syscall.retval;
	} else {
		ret->err = bpf_prog_test_run_opts(fd, &run);
		ret->r0 = run.retval;
	}
	close(fd);
}

void both_run(uint32_t prog_type, const struct bpf_insn *insns, uint32_t count, struct both *ret)
{
	memset(ret, 0, sizeof(*ret));
	run_here(prog_type, insns, count, &ret->here);
	run_in_kernel(prog_type, insns, count, &ret->kernel);
}

static int is_same(const struct both *both)
{
	return both->here.err == both->kernel.err &&
	       (both->here.err || both->here.r0 == both->kernel.r0);
}

static void point(int ok, const char *name)
{
	failures += !ok;
	printf("%sok %d - %s\n", ok ? "" : "not ", ++number, name);
}

void both_agree(const char *name, const struct both *both)
{
	int ok = is_same(both);

	point(ok, name);
	last = *both;
	if (ok)
		return;
	printf("# here: %d, r0 %d %s\n", both->here.err, (int)both->here.r0, both->here.why);
	printf("# kernel: %d, r0 %d %s\n", both->kernel.err, (int)both->kernel.r0,
	       both->kernel.why);
}

int both_finish(void)
{
	printf("# figure: helper and lock programs compared with the kernel = %d programs\n",
	       number);
	if (number && is_same(&last)) {
		last.here.err = last.kernel.err = 0;
		last.here.r0 ^= 1;
		point(!is_same(&last), "a wrong return value is noticed (canary)");
	}
	printf("1..%d\n", number);
	return failures != 0;
}
