/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* semantics.h: the contract program: what bpf(2) answers for HASH and ARRAY, one row per line.
 *
 * The same sources are linked once against libbpf (the live kernel answers) and once against
 * libbpfmap-compat (bpfmap answers). A row is "section.name: answer". Answers hold nothing that may
 * differ between two correct engines: no ids, fd numbers, addresses or orders of hash buckets.
 *
 * Sections run in a child process each, so that a crash costs the rows behind it and nothing else.
 */
#ifndef TESTS_CONTRACT_SEMANTICS_H
#define TESTS_CONTRACT_SEMANTICS_H

#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATTR_SIZE	168  /* sizeof(union bpf_attr) of Linux 6.18 */
#define ATTR_MAX	4096 /* the largest size bpf(2) accepts */
#define INFO_SIZE	104  /* sizeof(struct bpf_map_info) of Linux 6.18 */
#define ERR_NOTSUPP	524  /* "not supported" inside the kernel; no name in <errno.h> */
#define CREATE_TOKEN_FD 76   /* offsets that older headers lack */
#define CREATE_EXCL	80
#define CREATE_EXCL_LEN 88
#define OBJ_PATH_FD	16
#define F_PATH_FD	(1u << 14)
#define F_TOKEN_FD	(1u << 16)

/* A request as bytes and as fields. Larger than any size that bpf(2) accepts. */
union req {
	union bpf_attr attr;
	unsigned char bytes[8192];
	uint32_t u32[2048];
	uint64_t u64[1024];
};

/* Result of the call: an fd, a count, 0, or -errno. */
long bpf_call(int cmd, const void *attr, unsigned int size);
/* The same for a request of the full size; a returned fd is closed and reported as 0. */
long bpf_try(int cmd, union req *r);

/* Rows. A result is a number or -errno and is printed by name. */
void row(long result, const char *name_fmt, ...) __attribute__((format(printf, 2, 3)));
void row_text(const char *text, const char *name_fmt, ...) __attribute__((format(printf, 2, 3)));
void row_fd(long fd, const char *name_fmt, ...) __attribute__((format(printf, 2, 3)));
/* 0, "EINVAL", "E524", ...; valid until the fourth next call. */
const char *result_name(long result);

/* A row that holds many answers: "name: first..last=EINVAL next=0". Equal neighbours are joined. */
struct line {
	char text[16384];
	size_t len;
	char first[40];
	char last[40];
	long result;
	unsigned int joined;
};
void line_begin(struct line *l, const char *name_fmt, ...) __attribute__((format(printf, 2, 3)));
void line_add(struct line *l, long result, const char *label_fmt, ...)
	__attribute__((format(printf, 3, 4)));
void line_end(struct line *l);

/* The two types under test. */
struct type {
	const char *name;
	uint32_t number;
};
extern const struct type types[];
#define TYPES 2

/* Maps. Results are fds or -errno. */
int map_make(uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t n, uint32_t flags);
/* 4-byte key, 8-byte value, four elements; key 1 is present with value 0x11. */
int map_fresh(uint32_t type);
int map_fresh_flags(uint32_t type, uint32_t flags);
/* A second fd of the same map with BPF_F_RDONLY, BPF_F_WRONLY or 0. */
int map_reopen(int fd, uint32_t open_flags);
void req_clear(union req *r);
void req_create(union req *r, uint32_t type, uint32_t key_size, uint32_t value_size, uint32_t n);
void req_elem(union req *r, int fd, const void *key, const void *value, uint64_t flags);
long map_lookup(int fd, const void *key, void *value);
long map_update(int fd, const void *key, const void *value, uint64_t flags);
long map_delete(int fd, const void *key);
long map_next(int fd, const void *key, void *next);
long map_freeze(int fd);
long map_info(int fd, void *info, uint32_t *len);
uint32_t map_id(int fd);
/* A minimal socket filter; fd or -errno. */
int prog_make(void);

/* Every command that takes an existing map, as a table. */
struct command {
	const char *name;
	int cmd;
	unsigned int used;    /* bytes up to the end of the last field */
	unsigned int fd_off;  /* offset of the field that holds the map's fd */
	unsigned int key_off; /* offset of the pointer to the key or keys; 0: none */
	unsigned int val_off; /* offset of the pointer to the value or values; 0: none */
	void (*fill)(union req *r, int fd);
};
extern const struct command commands[];
extern const unsigned int command_count;
const struct command *command_find(const char *name);
/* Where the pointers of the requests lead that fill() makes from now on: to the program's data, which is where it
 * was loaded, or to the same address on every machine. */
void memory_near(void);
void memory_far(void);
/* Run it, close a returned fd, remove a pin that it made. */
long command_run(const struct command *c, union req *r, unsigned int size);

/* Addresses that no process can read: 1, a hole in the address space, a kernel address. */
struct bad_address {
	const char *name;
	uint64_t address;
};
extern struct bad_address bad_addresses[];
#define BAD_ADDRESSES 4
/* Two pages, the second without access: the last byte before it. */
unsigned char *page_edge(void);

/* Pins. A path is made from a short name, unique to this process. */
const char *pin_path(const char *name);
long pin_fd(int fd, const char *path);
long pin_get(const char *path, uint32_t flags);
void pin_remove(const char *path);
/* The file behind the pin, wherever the engine keeps it: mode bits, or -errno. */
long pin_mode(const char *path);

void section_syscall(void);
void section_create(void);
void section_elem(void);
void section_iterate(void);
void section_batch(void);
void section_access(void);
void section_freeze(void);
void section_mmap(void);
void section_pin(void);
void section_ids(void);
void section_info(void);
void section_fds(void);
void section_btf(void);
void section_libbpf(void);

/* What the program does when it was started by itself through exec: see fds.c. */
int fds_exec_main(int argc, char **argv);

#endif
