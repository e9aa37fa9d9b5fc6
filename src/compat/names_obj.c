/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* names_obj.c: libbpf's functions on pins, ids, info, programs and BTF. Conventions as
 * names_map.c. */
#include "bpf/attr.h"
#include "bpfmap/bpfmap.h"
#include "compat/engine.h"
#include "compat/opts.h"

#include "compat/libbpf_bpf.h"
#include <errno.h>
#include <string.h>

#define LOAD_ATTEMPTS 5

static uint64_t ptr(const void *pointer)
{
	return (uint64_t)(uintptr_t)pointer;
}

BPFMAP_API int bpf_obj_pin(int fd, const char *pathname)
{
	union call_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.obj.pathname = ptr(pathname);
	attr.obj.bpf_fd = (uint32_t)fd;
	return libbpf_call(BPF_OBJ_PIN, &attr);
}

BPFMAP_API int bpf_obj_get_opts(const char *pathname, const struct bpf_obj_get_opts *opts)
{
	union call_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.obj.pathname = ptr(pathname);
	if (!OPTS_OK(opts, bpf_obj_get_opts))
		return result_libbpf(-EINVAL);
	attr.obj.file_flags = OPTS(opts, file_flags);
	return libbpf_call(BPF_OBJ_GET, &attr);
}

BPFMAP_API int bpf_obj_get(const char *pathname)
{
	return bpf_obj_get_opts(pathname, NULL);
}

static int next_id(int cmd, __u32 start_id, __u32 *next)
{
	union call_attr attr;
	int result;

	memset(&attr, 0, sizeof(attr));
	attr.id.id = start_id;
	result = libbpf_call(cmd, &attr);
	if (!result)
		*next = attr.id.next_id;
	return result;
}

BPFMAP_API int bpf_prog_get_next_id(__u32 start_id, __u32 *next)
{
	return next_id(BPF_PROG_GET_NEXT_ID, start_id, next);
}

BPFMAP_API int bpf_map_get_next_id(__u32 start_id, __u32 *next)
{
	return next_id(BPF_MAP_GET_NEXT_ID, start_id, next);
}

BPFMAP_API int bpf_btf_get_next_id(__u32 start_id, __u32 *next)
{
	return next_id(BPF_BTF_GET_NEXT_ID, start_id, next);
}

static int fd_by_id(int cmd, __u32 id, const struct bpf_get_fd_by_id_opts *opts)
{
	union call_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.id.id = id;
	if (!OPTS_OK(opts, bpf_get_fd_by_id_opts))
		return result_libbpf(-EINVAL);
	attr.id.open_flags = OPTS(opts, open_flags);
	return libbpf_call(cmd, &attr);
}

BPFMAP_API int bpf_prog_get_fd_by_id_opts(__u32 id, const struct bpf_get_fd_by_id_opts *opts)
{
	return fd_by_id(BPF_PROG_GET_FD_BY_ID, id, opts);
}

BPFMAP_API int bpf_prog_get_fd_by_id(__u32 id)
{
	return fd_by_id(BPF_PROG_GET_FD_BY_ID, id, NULL);
}

BPFMAP_API int bpf_map_get_fd_by_id_opts(__u32 id, const struct bpf_get_fd_by_id_opts *opts)
{
	return fd_by_id(BPF_MAP_GET_FD_BY_ID, id, opts);
}

BPFMAP_API int bpf_map_get_fd_by_id(__u32 id)
{
	return fd_by_id(BPF_MAP_GET_FD_BY_ID, id, NULL);
}

BPFMAP_API int bpf_btf_get_fd_by_id_opts(__u32 id, const struct bpf_get_fd_by_id_opts *opts)
{
	return fd_by_id(BPF_BTF_GET_FD_BY_ID, id, opts);
}

BPFMAP_API int bpf_btf_get_fd_by_id(__u32 id)
{
	return fd_by_id(BPF_BTF_GET_FD_BY_ID, id, NULL);
}

BPFMAP_API int bpf_obj_get_info_by_fd(int bpf_fd, void *info, __u32 *info_len)
{
	union call_attr attr;
	int result;

	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)bpf_fd;
	attr.info.info_len = *info_len;
	attr.info.info = ptr(info);
	result = libbpf_call(BPF_OBJ_GET_INFO_BY_FD, &attr);
	if (!result)
		*info_len = attr.info.info_len;
	return result;
}

static void load_fill(struct attr_load *load, const struct bpf_prog_load_opts *opts)
{
	load->expected_attach_type = OPTS(opts, expected_attach_type);
	load->prog_btf_fd = OPTS(opts, prog_btf_fd);
	load->prog_flags = OPTS(opts, prog_flags);
	load->prog_ifindex = OPTS(opts, prog_ifindex);
	load->kern_version = OPTS(opts, kern_version);
	load->attach_btf_id = OPTS(opts, attach_btf_id);
	load->attach_fd = OPTS(opts, attach_prog_fd) ? (uint32_t)OPTS(opts, attach_prog_fd)
						     : OPTS(opts, attach_btf_obj_fd);
	load->fd_array = ptr(OPTS(opts, fd_array));
	load->func_info = ptr(OPTS(opts, func_info));
	load->func_info_cnt = OPTS(opts, func_info_cnt);
	load->func_info_rec_size = OPTS(opts, func_info_rec_size);
	load->line_info = ptr(OPTS(opts, line_info));
	load->line_info_cnt = OPTS(opts, line_info_cnt);
	load->line_info_rec_size = OPTS(opts, line_info_rec_size);
}

static int load_try(union call_attr *attr, int attempts)
{
	int result;

	do
		result = libbpf_call(BPF_PROG_LOAD, attr);
	while (result == -EAGAIN && --attempts > 0);
	return result;
}

BPFMAP_API int bpf_prog_load(enum bpf_prog_type type, const char *prog_name, const char *license,
			     const struct bpf_insn *insns, size_t insn_cnt,
			     BPFMAP_LOAD_OPTS_CONST struct bpf_prog_load_opts *opts)
{
	union call_attr attr;
	char *log_buf = OPTS(opts, log_buf);
	uint32_t log_size = OPTS(opts, log_size), log_level = OPTS(opts, log_level);
	int attempts = OPTS(opts, attempts);
	int result;

	memset(&attr, 0, sizeof(attr));
	attr.load.prog_type = type;
	attr.load.insn_cnt = (uint32_t)insn_cnt;
	attr.load.insns = ptr(insns);
	attr.load.license = ptr(license);
	if (!OPTS_OK(opts, bpf_prog_load_opts) || attempts < 0 || !log_buf != !log_size)
		return result_libbpf(-EINVAL);
	attempts = attempts ? attempts : LOAD_ATTEMPTS;
	if (prog_name)
		strncpy(attr.load.prog_name, prog_name, ATTR_NAME_LEN - 1);
	load_fill(&attr.load, opts);
	if (log_level) {
		attr.load.log_level = log_level;
		attr.load.log_buf = ptr(log_buf);
		attr.load.log_size = log_size;
	}
	result = load_try(&attr, attempts);
	/* A log is made without being asked for when there is something to say. */
	if (result < 0 && !log_level && log_buf) {
		attr.load.log_level = 1;
		attr.load.log_buf = ptr(log_buf);
		attr.load.log_size = log_size;
		log_buf[0] = 0;
		result = load_try(&attr, attempts);
	}
	return result;
}

BPFMAP_API int bpf_prog_bind_map(int prog_fd, int map_fd, const struct bpf_prog_bind_opts *opts)
{
	union call_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.bind.prog_fd = (uint32_t)prog_fd;
	attr.bind.map_fd = (uint32_t)map_fd;
	if (!OPTS_OK(opts, bpf_prog_bind_opts))
		return result_libbpf(-EINVAL);
	attr.bind.flags = OPTS(opts, flags);
	return libbpf_call(BPF_PROG_BIND_MAP, &attr);
}

BPFMAP_API int bpf_prog_test_run_opts(int prog_fd, struct bpf_test_run_opts *opts)
{
	union call_attr attr;
	int result;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)prog_fd;
	if (!OPTS_OK(opts, bpf_test_run_opts))
		return result_libbpf(-EINVAL);
	attr.test.data_in = ptr(OPTS(opts, data_in));
	attr.test.data_out = ptr(OPTS(opts, data_out));
	attr.test.data_size_in = OPTS(opts, data_size_in);
	attr.test.data_size_out = OPTS(opts, data_size_out);
	attr.test.ctx_in = ptr(OPTS(opts, ctx_in));
	attr.test.ctx_out = ptr(OPTS(opts, ctx_out));
	attr.test.ctx_size_in = OPTS(opts, ctx_size_in);
	attr.test.ctx_size_out = OPTS(opts, ctx_size_out);
	attr.test.repeat = (uint32_t)OPTS(opts, repeat);
	attr.test.flags = OPTS(opts, flags);
	attr.test.cpu = OPTS(opts, cpu);
	attr.test.batch_size = OPTS(opts, batch_size);
	result = libbpf_call(BPF_PROG_TEST_RUN, &attr);
	OPTS_PUT(opts, data_size_out, attr.test.data_size_out);
	OPTS_PUT(opts, ctx_size_out, attr.test.ctx_size_out);
	OPTS_PUT(opts, duration, attr.test.duration);
	OPTS_PUT(opts, retval, attr.test.retval);
	return result;
}

BPFMAP_API int bpf_btf_load(const void *btf_data, size_t btf_size,
			    BPFMAP_LOAD_OPTS_CONST struct bpf_btf_load_opts *opts)
{
	union call_attr attr;
	char *log_buf = OPTS(opts, log_buf);
	uint32_t log_size = OPTS(opts, log_size), log_level = OPTS(opts, log_level);
	int result;

	memset(&attr, 0, sizeof(attr));
	attr.btf.btf = ptr(btf_data);
	attr.btf.size = (uint32_t)btf_size;
	if (!OPTS_OK(opts, bpf_btf_load_opts) || !log_buf != !log_size || (log_level && !log_buf))
		return result_libbpf(-EINVAL);
	if (log_level) {
		attr.btf.log_level = log_level;
		attr.btf.log_buf = ptr(log_buf);
		attr.btf.log_size = log_size;
	}
	result = libbpf_call(BPF_BTF_LOAD, &attr);
	if (result < 0 && !log_level && log_buf) {
		attr.btf.log_level = 1;
		attr.btf.log_buf = ptr(log_buf);
		attr.btf.log_size = log_size;
		result = libbpf_call(BPF_BTF_LOAD, &attr);
	}
	return result;
}
