/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* compat_legacy.h: the map creation functions of libbpf before 1.0, which tutorials still use and
 * today's <bpf/bpf.h> no longer declares. All return a descriptor, or -errno with errno set. */
#ifndef BPFMAP_COMPAT_LEGACY_H
#define BPFMAP_COMPAT_LEGACY_H

#include <bpfmap/bpfmap.h>

#ifdef __cplusplus
extern "C" {
#endif

struct bpf_create_map_attr {
	const char *name;
	enum bpf_map_type map_type;
	__u32 map_flags;
	__u32 key_size;
	__u32 value_size;
	__u32 max_entries;
	__u32 numa_node;
	__u32 btf_fd;
	__u32 btf_key_type_id;
	__u32 btf_value_type_id;
	__u32 map_ifindex;
	union {
		__u32 inner_map_fd;
		__u32 btf_vmlinux_value_type_id;
	};
};

BPFMAP_API int bpf_create_map_xattr(const struct bpf_create_map_attr *create_attr);
BPFMAP_API int bpf_create_map_node(enum bpf_map_type map_type, const char *name, int key_size,
				   int value_size, int max_entries, __u32 map_flags, int node);
BPFMAP_API int bpf_create_map_name(enum bpf_map_type map_type, const char *name, int key_size,
				   int value_size, int max_entries, __u32 map_flags);
BPFMAP_API int bpf_create_map(enum bpf_map_type map_type, int key_size, int value_size,
			      int max_entries, __u32 map_flags);

#ifdef __cplusplus
}
#endif

#endif
