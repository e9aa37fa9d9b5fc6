/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* btf_blob.h: BTF objects. */
#ifndef BPFMAP_BPF_BTF_BLOB_H
#define BPFMAP_BPF_BTF_BLOB_H

#include <stdint.h>

struct object;

/* A BTF object: a private copy of the bytes, checked once, never changed. */
struct btf_blob {
	uint32_t id;
	uint32_t size;
	void *bytes;
	void *file; /* the allocation that holds bytes */
};

/* The object in the file behind fd. EUCLEAN. */
int btf_file_open(int fd, struct object *ret_what);
/* The BTF that the map holds as an object again, with its old id: a descriptor, or -errno. */
int btf_publish_map(int map_fd, uint32_t id);
void btf_blob_free(struct btf_blob *blob);

#endif
