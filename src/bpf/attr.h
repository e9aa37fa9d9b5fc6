/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* attr.h: the argument block of bpf(2) as Linux 6.18 lays it out (168 bytes), and its map info
 * block (104 bytes). <linux/bpf.h> of Debian 12 is 6.1 and lacks the newest fields, so the layout
 * is written down here; every offset that a newer field or a command's end depends on is asserted.
 * Pointers are 64-bit numbers: they are the caller's and are only followed by bpf/user.h.
 */
#ifndef BPFMAP_BPF_ATTR_H
#define BPFMAP_BPF_ATTR_H

#include <stddef.h>
#include <stdint.h>

#define ATTR_NAME_LEN 16

struct attr_create {
	uint32_t map_type;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t max_entries;
	uint32_t map_flags;
	uint32_t inner_map_fd;
	uint32_t numa_node;
	char map_name[ATTR_NAME_LEN];
	uint32_t map_ifindex;
	uint32_t btf_fd;
	uint32_t btf_key_type_id;
	uint32_t btf_value_type_id;
	uint32_t btf_vmlinux_value_type_id;
	uint64_t map_extra;
	int32_t value_type_btf_obj_fd;
	int32_t map_token_fd;
	uint64_t excl_prog_hash;
	uint32_t excl_prog_hash_size;
};

struct attr_elem {
	uint32_t map_fd;
	uint32_t pad;
	uint64_t key;
	uint64_t value; /* next_key of GET_NEXT_KEY */
	uint64_t flags;
};

struct attr_batch {
	uint64_t in_batch;
	uint64_t out_batch;
	uint64_t keys;
	uint64_t values;
	uint32_t count;
	uint32_t map_fd;
	uint64_t elem_flags;
	uint64_t flags;
};

struct attr_load {
	uint32_t prog_type;
	uint32_t insn_cnt;
	uint64_t insns;
	uint64_t license;
	uint32_t log_level;
	uint32_t log_size;
	uint64_t log_buf;
	uint32_t kern_version;
	uint32_t prog_flags;
	char prog_name[ATTR_NAME_LEN];
	uint32_t prog_ifindex;
	uint32_t expected_attach_type;
	uint32_t prog_btf_fd;
	uint32_t func_info_rec_size;
	uint64_t func_info;
	uint32_t func_info_cnt;
	uint32_t line_info_rec_size;
	uint64_t line_info;
	uint32_t line_info_cnt;
	uint32_t attach_btf_id;
	uint32_t attach_fd;
	uint32_t core_relo_cnt;
	uint64_t fd_array;
	uint64_t core_relos;
	uint32_t core_relo_rec_size;
	uint32_t log_true_size;
	int32_t prog_token_fd;
	uint32_t fd_array_cnt;
	uint64_t signature;
	uint32_t signature_size;
	int32_t keyring_id;
};

struct attr_obj {
	uint64_t pathname;
	uint32_t bpf_fd;
	uint32_t file_flags;
	int32_t path_fd;
};

struct attr_test {
	uint32_t prog_fd;
	uint32_t retval;
	uint32_t data_size_in;
	uint32_t data_size_out;
	uint64_t data_in;
	uint64_t data_out;
	uint32_t repeat;
	uint32_t duration;
	uint32_t ctx_size_in;
	uint32_t ctx_size_out;
	uint64_t ctx_in;
	uint64_t ctx_out;
	uint32_t flags;
	uint32_t cpu;
	uint32_t batch_size;
};

struct attr_id {
	uint32_t id; /* start_id, or the id to open */
	uint32_t next_id;
	uint32_t open_flags;
	int32_t token_fd;
};

struct attr_info {
	uint32_t bpf_fd;
	uint32_t info_len;
	uint64_t info;
};

struct attr_btf {
	uint64_t btf;
	uint64_t log_buf;
	uint32_t size;
	uint32_t log_size;
	uint32_t log_level;
	uint32_t log_true_size;
	uint32_t flags;
	int32_t token_fd;
};

struct attr_bind {
	uint32_t prog_fd;
	uint32_t map_fd;
	uint32_t flags;
};

#define ATTR_SIZE 168

union call_attr {
	struct attr_create create;
	struct attr_elem elem;
	struct attr_batch batch;
	struct attr_load load;
	struct attr_obj obj;
	struct attr_test test;
	struct attr_id id;
	struct attr_info info;
	struct attr_btf btf;
	struct attr_bind bind;
	uint8_t bytes[ATTR_SIZE];
};

/* The byte after a field. */
#define ATTR_END(part, field) (offsetof(struct part, field) + sizeof(((struct part *)NULL)->field))

_Static_assert(sizeof(union call_attr) == ATTR_SIZE, "6.18's union bpf_attr has 168 bytes");
_Static_assert(offsetof(struct attr_create, map_extra) == 64, "");
_Static_assert(offsetof(struct attr_create, excl_prog_hash) == 80, "");
_Static_assert(ATTR_END(attr_create, excl_prog_hash_size) == 92, "");
_Static_assert(offsetof(struct attr_elem, flags) == 24, "");
_Static_assert(offsetof(struct attr_batch, count) == 32, "");
_Static_assert(ATTR_END(attr_batch, flags) == 56, "");
_Static_assert(offsetof(struct attr_load, prog_name) == 48, "");
_Static_assert(offsetof(struct attr_load, line_info) == 96, "");
_Static_assert(offsetof(struct attr_load, fd_array) == 120, "");
_Static_assert(ATTR_END(attr_load, keyring_id) == 168, "");
_Static_assert(ATTR_END(attr_obj, path_fd) == 20, "");
_Static_assert(ATTR_END(attr_test, batch_size) == 76, "");
_Static_assert(ATTR_END(attr_id, token_fd) == 16, "");
_Static_assert(ATTR_END(attr_info, info) == 16, "");
_Static_assert(ATTR_END(attr_btf, token_fd) == 40, "");

/* What OBJ_GET_INFO_BY_FD fills in for a map. */
struct attr_map_info {
	uint32_t type;
	uint32_t id;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t max_entries;
	uint32_t map_flags;
	char name[ATTR_NAME_LEN];
	uint32_t ifindex;
	uint32_t btf_vmlinux_value_type_id;
	uint64_t netns_dev;
	uint64_t netns_ino;
	uint32_t btf_id;
	uint32_t btf_key_type_id;
	uint32_t btf_value_type_id;
	uint32_t btf_vmlinux_id;
	uint64_t map_extra;
	uint64_t hash;
	uint32_t hash_size;
	uint32_t pad;
};

_Static_assert(offsetof(struct attr_map_info, hash) == 88, "");
_Static_assert(sizeof(struct attr_map_info) == 104, "6.18's struct bpf_map_info has 104 bytes");

/* Flag bits that 6.1's header does not name. */
#define ATTR_F_TOKEN_FD (1u << 16)

#endif
