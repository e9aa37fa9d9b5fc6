/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* object.h: object files, as clang makes them for the eBPF target, loaded into this process in one
 * call: libbpfmap-object. Programs and maps are bpfmap/program.h's and bpfmap/bpfmap.h's.
 *
 * The library holds libbpf for itself and answers its system calls: no LD_PRELOAD, no privilege,
 * and what the process does with another libbpf, and with the kernel's maps and programs, stays as
 * it is.
 *
 * Conventions as in bpfmap/program.h. Functions on different objects may be called from different
 * threads at once; one object is opened and closed by one thread, and in between any number may use
 * it.
 */
#ifndef BPFMAP_OBJECT_H
#define BPFMAP_OBJECT_H

#include <bpfmap/program.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A loaded object file: its programs, maps and global variables, which live until it is closed. */
struct bpfmap_object;

/* A map's max_entries instead of what the object says. */
struct bpfmap_object_size {
	const char *map;
	uint32_t max_entries;
};

/* A global variable's first value, also of a constant (const volatile). */
struct bpfmap_object_value {
	const char *variable;
	const void *value;
	size_t size; /* bytes: the variable's */
};

struct bpfmap_object_opts {
	size_t sz;
	/* The programs to load; NULL: all whose type can run here (xdp, tc, socket, syscall). */
	const char *const *progs;
	const struct bpfmap_object_size *sizes;
	const struct bpfmap_object_value *values;
	uint32_t prog_cnt;
	uint32_t size_cnt;
	uint32_t value_cnt;
	uint32_t log_size; /* bytes */
	char *log;	   /* where libbpf's words go if the call fails; or NULL */
	/* Where maps that say LIBBPF_PIN_BY_NAME are found, or pinned: a directory below
	 * /sys/fs/bpf, which means the runtime directory and is what NULL stands for. */
	const char *pin_dir;
};

/* Open the file at path and load its maps and programs. opts NULL: the defaults. ENOENT: no such
 * file, or no program, map or variable of a name that opts has; EINVAL: no object file, a damaged
 * one, a value of another size, or a program is refused; errors of bpfmap_create() for maps. The
 * sentence has the cause, opts->log what libbpf said. Close the result with
 * bpfmap_object_close(). */
BPFMAP_API int bpfmap_object_open(const char *path, const struct bpfmap_object_opts *opts,
				  struct bpfmap_object **ret_object);

/* Close it, while no thread runs its programs or uses its maps. Pinned maps stay. NULL is
 * allowed. */
BPFMAP_API void bpfmap_object_close(struct bpfmap_object *object);

/* The program of this name, the function's in C; name NULL: the first one that was loaded. NULL:
 * there is none. It belongs to the object: do not close it. */
BPFMAP_API struct bpfmap_prog *bpfmap_object_prog(struct bpfmap_object *object, const char *name);

/* The map of this name, the variable's in C, or ".data", ".rodata", ".bss". NULL: there is none. It
 * belongs to the object: do not close it. */
BPFMAP_API struct bpfmap *bpfmap_object_map(struct bpfmap_object *object, const char *name);

/* A global variable of this name: where it is, until the object is closed, and its size. Programs
 * see what is stored there and the other way round; constants are for reading. NULL: there is none,
 * or the object has no BTF (compile with -g). ret_size may be NULL. */
BPFMAP_API void *bpfmap_object_variable(struct bpfmap_object *object, const char *name,
					size_t *ret_size);

/* Pin every map that the source names as dir/NAME, all of them or none: for other processes to open
 * with bpfmap_open(), and for the tool. Not global data, nor maps that LIBBPF_PIN_BY_NAME has
 * pinned. dir must exist. EEXIST: from an earlier run, perhaps; others as bpfmap_pin(). */
BPFMAP_API int bpfmap_object_pin(struct bpfmap_object *object, const char *dir);

#ifdef __cplusplus
}
#endif

#endif
