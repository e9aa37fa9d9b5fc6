/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* isa_engine_kernel.c: programs and maps in the live kernel, through bpf(2) and nothing else. */
#include "isa_engine.h"
#include "isa_insn.h"

#include <errno.h>
#include <linux/btf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOG_SIZE (1u << 20)

static struct {
	int map_fd[ENGINE_MAPS];
	int prog_fd;
	uint32_t prog_type;
	int btf_fd;
	char *log;
} kernel = {.map_fd = {-1, -1, -1, -1}, .prog_fd = -1, .btf_fd = -1};

static int sys_bpf(int cmd, union bpf_attr *attr)
{
	long ret = syscall(__NR_bpf, cmd, attr, sizeof(*attr));

	return ret < 0 ? -errno : (int)ret;
}

static uint64_t ptr_u64(const void *ptr)
{
	return (uint64_t)(uintptr_t)ptr;
}

static int kernel_map_create(uint32_t index, uint32_t type, uint32_t key_size, uint32_t value_size,
			     uint32_t max_entries)
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = type;
	attr.key_size = key_size;
	attr.value_size = value_size;
	attr.max_entries = max_entries;
	fd = sys_bpf(BPF_MAP_CREATE, &attr);
	if (fd < 0)
		return fd;
	kernel.map_fd[index] = fd;
	return 0;
}

static void kernel_map_close(uint32_t index)
{
	if (kernel.map_fd[index] >= 0)
		close(kernel.map_fd[index]);
	kernel.map_fd[index] = -1;
}

static int elem_cmd(int cmd, uint32_t index, const void *key, const void *value)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)kernel.map_fd[index];
	attr.key = ptr_u64(key);
	attr.value = ptr_u64(value);
	return sys_bpf(cmd, &attr);
}

static int kernel_map_update(uint32_t index, const void *key, const void *value)
{
	return elem_cmd(BPF_MAP_UPDATE_ELEM, index, key, value);
}

static int kernel_map_delete(uint32_t index, const void *key)
{
	return elem_cmd(BPF_MAP_DELETE_ELEM, index, key, NULL);
}

static int kernel_map_lookup(uint32_t index, const void *key, void *ret_value)
{
	return elem_cmd(BPF_MAP_LOOKUP_ELEM, index, key, ret_value);
}

static int kernel_map_next(uint32_t index, const void *key, void *ret_next)
{
	return elem_cmd(BPF_MAP_GET_NEXT_KEY, index, key, ret_next);
}

/* int f(void), static. */
static int btf_load(void)
{
	static const char strings[] = "\0int\0f";
	struct {
		struct btf_header header;
		struct btf_type integer;
		uint32_t integer_bits;
		struct btf_type proto;
		struct btf_type func;
		char strings[sizeof(strings)];
	} blob = {
		.header = {.magic = BTF_MAGIC, .version = BTF_VERSION},
		.integer = {.name_off = 1, .info = BTF_KIND_INT << 24, .size = 4},
		.integer_bits = BTF_INT_SIGNED << 24 | 32,
		.proto = {.info = BTF_KIND_FUNC_PROTO << 24, .type = 1},
		.func = {.name_off = 5, .info = BTF_KIND_FUNC << 24 | BTF_FUNC_STATIC, .type = 2},
	};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	memcpy(blob.strings, strings, sizeof(strings));
	blob.header.hdr_len = sizeof(blob.header);
	blob.header.type_len = offsetof(typeof(blob), strings) - sizeof(blob.header);
	blob.header.str_off = blob.header.type_len;
	blob.header.str_len = sizeof(strings);
	attr.btf = ptr_u64(&blob);
	attr.btf_size = offsetof(typeof(blob), strings) + sizeof(strings);
	return sys_bpf(BPF_BTF_LOAD, &attr);
}

void engine_funcs_find(const struct engine_prog *prog, struct engine_funcs *ret_funcs)
{
	uint8_t *starts = calloc(prog->insn_cnt + 1, 1);
	uint32_t i;

	starts[0] = 1;
	for (i = 0; i < prog->insn_cnt; i++) {
		const struct bpf_insn *insn = &prog->insns[i];
		int64_t target = (int64_t)i + 1 + insn->imm;
		int is_call =
			insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_CALL;
		int is_func = insn_is_wide(insn) && insn->src_reg == BPF_PSEUDO_FUNC;

		if ((is_call || is_func) && target >= 0 && target < prog->insn_cnt)
			starts[target] = 1;
		i += (uint32_t)insn_is_wide(insn);
	}
	ret_funcs->cnt = 0;
	for (i = 0; i < prog->insn_cnt && ret_funcs->cnt < 32; i++)
		if (starts[i])
			ret_funcs->info[ret_funcs->cnt++] =
				(struct bpf_func_info){.insn_off = i, .type_id = 3};
	free(starts);
}

static struct bpf_insn *relocated_copy(const struct engine_prog *prog)
{
	size_t size = prog->insn_cnt * sizeof(*prog->insns);
	struct bpf_insn *insns = malloc(size + sizeof(*insns));
	uint32_t i;

	memcpy(insns, prog->insns, size);
	for (i = 0; i < prog->insn_cnt; i++) {
		if (!insn_is_wide(&insns[i]))
			continue;
		if ((insns[i].src_reg == BPF_PSEUDO_MAP_FD ||
		     insns[i].src_reg == BPF_PSEUDO_MAP_VALUE) &&
		    (uint32_t)insns[i].imm < ENGINE_MAPS)
			insns[i].imm = kernel.map_fd[insns[i].imm];
		i++;
	}
	return insns;
}

static int kernel_load(const struct engine_prog *prog)
{
	struct bpf_insn *insns = relocated_copy(prog);
	struct engine_funcs funcs;
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = prog->type;
	attr.insn_cnt = prog->insn_cnt;
	if (!kernel.log)
		kernel.log = calloc(1, LOG_SIZE);
	kernel.log[0] = '\0';
	attr.insns = ptr_u64(insns);
	attr.license = ptr_u64("Dual BSD/GPL");
	if (prog->type == BPF_PROG_TYPE_SYSCALL)
		attr.prog_flags = BPF_F_SLEEPABLE;
	engine_funcs_find(prog, &funcs);
	if (funcs.cnt > 1) {
		if (kernel.btf_fd < 0)
			kernel.btf_fd = btf_load();
		attr.prog_btf_fd = (uint32_t)kernel.btf_fd;
		attr.func_info = ptr_u64(funcs.info);
		attr.func_info_cnt = funcs.cnt;
		attr.func_info_rec_size = sizeof(funcs.info[0]);
	}
	fd = sys_bpf(BPF_PROG_LOAD, &attr);
	if (fd < 0 && fd != -EPERM && fd != -ENOSYS) {
		attr.log_buf = ptr_u64(kernel.log);
		attr.log_size = LOG_SIZE;
		attr.log_level = 1;
		fd = sys_bpf(BPF_PROG_LOAD, &attr);
	}
	free(insns);
	if (fd < 0)
		return fd;
	kernel.prog_fd = fd;
	kernel.prog_type = prog->type;
	return 0;
}

static int kernel_run(struct engine_run *run)
{
	union bpf_attr attr;
	int err;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)kernel.prog_fd;
	if (kernel.prog_type == BPF_PROG_TYPE_SYSCALL) {
		attr.test.ctx_in = run->len ? ptr_u64(run->packet) : 0;
		attr.test.ctx_size_in = run->len;
	} else {
		attr.test.data_in = ptr_u64(run->packet);
		attr.test.data_size_in = run->len;
		attr.test.data_out = ptr_u64(run->packet);
		attr.test.data_size_out = sizeof(run->packet);
		attr.test.repeat = 1;
	}
	err = sys_bpf(BPF_PROG_TEST_RUN, &attr);
	if (err < 0)
		return err;
	if (kernel.prog_type != BPF_PROG_TYPE_SYSCALL)
		run->len = attr.test.data_size_out;
	run->retval = attr.test.retval;
	return 0;
}

static void kernel_unload(void)
{
	if (kernel.prog_fd >= 0)
		close(kernel.prog_fd);
	kernel.prog_fd = -1;
}

/* The verifier's reason stands in the last lines, before its statistics. */
static const char *kernel_message(void)
{
	char *end = kernel.log ? strstr(kernel.log, "processed ") : NULL;
	char *begin;

	if (!end || end == kernel.log)
		return kernel.log ? kernel.log : "";
	end[-1] = '\0';
	begin = strrchr(kernel.log, '\n');
	return begin ? begin + 1 : kernel.log;
}

const struct engine engine_kernel = {
	.name = "kernel",
	.map_create = kernel_map_create,
	.map_close = kernel_map_close,
	.map_update = kernel_map_update,
	.map_delete = kernel_map_delete,
	.map_lookup = kernel_map_lookup,
	.map_next = kernel_map_next,
	.load = kernel_load,
	.run = kernel_run,
	.unload = kernel_unload,
	.message = kernel_message,
};
