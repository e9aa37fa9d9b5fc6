/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* prog.h: program objects. */
#ifndef BPFMAP_BPF_PROG_H
#define BPFMAP_BPF_PROG_H

#include <linux/bpf.h>
#include <stdint.h>

#define PROG_INSNS_MAX 1000000 /* the kernel's limit for privileged callers */

struct attr_info;
struct call;
struct object;
struct prog_file_header;
struct vm_prog;

/* A loaded program. Fixed after load, except bound maps (prog.c's lock). */
struct prog {
	struct vm_prog *vm;
	struct prog_file_header *file; /* the whole file: facts, instructions, map ids, BTF */
	struct object **maps;	       /* held; those the instructions name come first */
	uint32_t map_count;
};

uint32_t prog_type(const struct prog *prog);
const char *prog_name(const struct prog *prog);

/* Load the program in the file behind fd, finding its maps by id. EUCLEAN, ENOENT. */
int prog_file_open(int fd, struct object *ret_what);
void prog_free(struct prog *prog);

/* OBJ_GET_INFO_BY_FD for a program. */
int prog_info(const struct prog *prog, const struct attr_info *info, const struct call *call);

#endif
