/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* program.h: eBPF programs in this process. Load one, run it on buffers from any number of threads,
 * and share its maps with other code, programs and processes.
 *
 * Two ways lead to a program: bpfmap_prog_load() takes instructions and maps as they are, and
 * bpfmap_prog_from_fd() takes what libbpf or BPF_PROG_LOAD has loaded through libbpfmap-compat. For
 * object files see bpfmap/object.h, which needs libbpf's code; this header needs libbpfmap alone.
 *
 * Conventions as in bpfmap/bpfmap.h (0 or a negative errno, a sentence in bpfmap_last_error(),
 * outputs on success only). In addition:
 *   programs       never change once they are loaded: any number of threads may run one at once
 *   safety         a run touches its stack, context and packet and the values of its maps, nothing
 *                  else; one that tries ends with an errno and the host goes on
 *   cost           a run allocates nothing, copies nothing and makes no system call, except where
 *                  the program asks for it (bpf_trace_printk) or waits for another thread
 *   structs        begin with sz; zero the struct, set sz = sizeof(struct), then the fields needed.
 *                  A longer one, of a later version, is good as long as it is zero behind what this
 *                  version knows.
 *   fork           handles are good in the child as well. A program that another thread was running
 *                  at the moment of the fork is not under way there.
 */
#ifndef BPFMAP_PROGRAM_H
#define BPFMAP_PROGRAM_H

#include <bpfmap/bpfmap.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A loaded program. It holds its maps: handles and descriptors by which they came may be closed. */
struct bpfmap_prog;

/* A program as instructions. */
struct bpfmap_prog_spec {
	size_t sz;
	const struct bpf_insn *insns;
	uint32_t insn_cnt;
	uint32_t type; /* BPF_PROG_TYPE_XDP, SCHED_CLS, SOCKET_FILTER or SYSCALL */
	/* The maps that instructions refer to: BPF_LD | BPF_DW | BPF_IMM with src_reg
	 * BPF_PSEUDO_MAP_IDX (_IDX_VALUE) and the map's place in this array as imm. Shared and
	 * private maps. */
	struct bpfmap *const *maps;
	uint32_t map_cnt;
	uint32_t log_size; /* bytes */
	char *log; /* where the sentence goes too if the program is refused, else ""; or NULL */
	const char *name; /* at most 15 of [A-Za-z0-9_.], for messages; or NULL */
	/* Raw BTF and line records as for BPF_PROG_LOAD, for source lines in messages; or NULL. */
	const void *btf;
	const struct bpf_line_info *line_info;
	uint32_t btf_size; /* bytes */
	uint32_t line_info_cnt;
};

/* Check the instructions and make a program of them. Everything in spec may be freed afterwards.
 * EINVAL (malformed, unknown instruction or helper, no such map), EACCES, EPERM, E2BIG, ENOMEM: the
 * sentence names the instruction. What only types could show (a pointer out of bounds) is found
 * when the instruction is reached. Close the result with bpfmap_prog_close(). */
BPFMAP_API int bpfmap_prog_load(const struct bpfmap_prog_spec *spec, struct bpfmap_prog **ret_prog);

/* The program behind a descriptor of libbpfmap-compat's (bpf_program__fd(), bpf_prog_load(), a
 * pin). The descriptor stays the caller's and may be closed. EBADF: not open; EINVAL: not a
 * program, or one of the kernel's; EUCLEAN: a damaged file; ENOENT: one of its maps is gone. */
BPFMAP_API int bpfmap_prog_from_fd(int fd, struct bpfmap_prog **ret_prog);

/* Close the handle, while no thread runs the program through it. NULL is allowed. */
BPFMAP_API void bpfmap_prog_close(struct bpfmap_prog *prog);

/* BPF_PROG_TYPE_*, and the name, "" if it has none; it lives as long as the handle. */
BPFMAP_API uint32_t bpfmap_prog_type(const struct bpfmap_prog *prog);
BPFMAP_API const char *bpfmap_prog_name(const struct bpfmap_prog *prog);

/* The maps that the program refers to, in order of first use: NULL from index
 * bpfmap_prog_map_count() on. The handle is the program's own: use it until bpfmap_prog_close() and
 * do not close it. */
BPFMAP_API uint32_t bpfmap_prog_map_count(const struct bpfmap_prog *prog);
BPFMAP_API struct bpfmap *bpfmap_prog_map(const struct bpfmap_prog *prog, uint32_t index);

/* The first of them with this name (at most 15 characters, as bpfmap_get_info() has it), or
 * NULL. */
BPFMAP_API struct bpfmap *bpfmap_prog_map_by_name(const struct bpfmap_prog *prog, const char *name);

/* ---- runs ------------------------------------------------------------------------------------ */

/* A packet in the caller's buffer. XDP programs may move its start and end within [buf, buf +
 * buf_size), except for the first 40 bytes; off, len and meta_len then say where it is. For the
 * room that BPF_PROG_TEST_RUN gives: off 256, buf_size 4096 - 320. */
struct bpfmap_packet {
	size_t sz;
	uint8_t *buf;	   /* head room, packet, tail room; any alignment */
	uint32_t buf_size; /* bytes */
	uint32_t off;	   /* where the packet starts in buf */
	uint32_t len;	   /* bytes of the packet */
	uint32_t meta_len; /* bytes of XDP metadata directly before off */
	/* Bytes of link header directly before off, which the program does not see: 0 for XDP and
	 * SCHED_CLS;
	 * 14 for a SOCKET_FILTER as BPF_PROG_TEST_RUN starts it, with the network header. */
	uint32_t mac_len;
	uint32_t ingress_ifindex;
	uint32_t rx_queue_index;
	uint32_t ctx_size; /* bytes of ctx */
	/* NULL, or the context's fields to start with and, after a run that ended, as the program
	 * left them. SCHED_CLS, SOCKET_FILTER: a struct __sk_buff; len is the packet's, protocol
	 * comes from the link header if it is 0. XDP: a struct xdp_md, of which ingress_ifindex and
	 * rx_queue_index count on entry (instead of those above), and data_meta, data and data_end
	 * are set on return, as offsets. A shorter ctx_size means a shorter struct. */
	void *ctx;
};

/* Gets what programs print (bpf_trace_printk), a whole line, in the thread that runs the program.
 * It must not run programs itself. */
typedef void bpfmap_print_fn(void *arg, const char *line);

/* How to run. */
struct bpfmap_run_env {
	size_t sz;
	uint64_t insn_budget;	/* instructions per run; 0: 100 million */
	bpfmap_print_fn *print; /* NULL: stderr */
	void *print_arg;
};

/* Run an XDP, SCHED_CLS or SOCKET_FILTER program on a packet. env NULL: the defaults. 0: the
 * program ended and *ret_value is what it returned (32 bits: XDP_PASS, TC_ACT_OK, bytes to keep).
 *
 * Any number of threads, each with a packet of its own. While it runs, the program owns one virtual
 * CPU of all its per-CPU maps, as between bpfmap_cpu_enter() and bpfmap_cpu_leave(): counts in
 * per-CPU values are exact. With more threads than CPUs it waits for one.
 *
 * EFAULT: an access out of bounds; ETIMEDOUT: the instruction budget is used up, or no CPU came
 * free within a second; EACCES: a field of the context that its type does not have, or a write to
 * what is read-only; E2BIG: calls nest too deeply; EINVAL: the packet does not lie in its buffer,
 * the program is not of these types, or it breaks another rule. The sentence names instruction,
 * source line (if BTF has it) and reason. EBUSY: this thread is on a CPU of the maps already. What
 * the program did to maps and packet before it failed stays. */
BPFMAP_API int bpfmap_prog_run(const struct bpfmap_prog *prog, const struct bpfmap_run_env *env,
			       struct bpfmap_packet *packet, uint32_t *ret_value);

/* bpfmap_prog_run() on an array of packets in order, ret_values[i] for packet i: cheaper than as
 * many calls, since the thread stays on its virtual CPU for up to 64 packets. *count is on entry
 * how many packets there are and on return how many ended, also after an error: then packet *count
 * is the one that failed, and the caller may go on behind it. All packets have the same sz. */
BPFMAP_API int bpfmap_prog_run_many(const struct bpfmap_prog *prog,
				    const struct bpfmap_run_env *env, struct bpfmap_packet *packets,
				    uint32_t *ret_values, uint32_t *count);

/* Run a SYSCALL program on a context of ctx_size bytes, which it may change. Errors as above. */
BPFMAP_API int bpfmap_prog_run_syscall(const struct bpfmap_prog *prog,
				       const struct bpfmap_run_env *env, void *ctx,
				       uint32_t ctx_size, uint32_t *ret_value);

/* ---- machine code -----------------------------------------------------------------------------
 * A program runs in the interpreter, or as machine code, which the module libbpfmap-jit makes of
 * it: the same results, the same safety, several times as fast. */
enum bpfmap_jit {
	BPFMAP_JIT_OFF = 0,  /* the interpreter: how programs begin */
	BPFMAP_JIT_ON = 1,   /* machine code, or an error */
	BPFMAP_JIT_AUTO = 2, /* machine code where that is possible, else the interpreter */
};

/* Choose how the program runs from now on, in this process and through all handles of it. The first
 * ON or AUTO compiles, which takes a tenth of a second, more for long programs. At any time, from
 * any thread: runs under way go on as they began. ON: ENOTSUP (the module is not installed or not
 * of this version), E2BIG (too many instructions); ENOMEM. The program then runs as before. AUTO
 * fails with ENOMEM alone. EINVAL: no such mode. */
BPFMAP_API int bpfmap_prog_jit(struct bpfmap_prog *prog, enum bpfmap_jit mode);

/* Use machine code that "bpfmap compile" made ahead of time of this program, with these maps; the
 * module is not needed. EINVAL: the file holds none for it, or for another version of the library;
 * EPERM: it belongs to somebody else, or others may write to it; EBUSY: the program has machine
 * code already; ENOENT and the like as open(2). The program then runs as before. */
BPFMAP_API int bpfmap_prog_use_code(struct bpfmap_prog *prog, const char *path);

struct bpfmap_prog_info {
	size_t sz;
	uint32_t type; /* BPF_PROG_TYPE_* */
	uint32_t insn_cnt;
	uint32_t map_cnt;
	uint32_t compiled;   /* 1: the next run is machine code; 0: interpreted */
	uint64_t code_bytes; /* of machine code; 0: there is none */
	uint64_t compile_ns; /* what making it took; 0: it came from a file */
	/* Loads, stores and atomics that can be reached, and of these those proved to be in bounds
	 * before the program runs; the others are checked whenever they run. Likewise the arguments
	 * of helper calls. */
	uint32_t accesses;
	uint32_t accesses_proved;
	uint32_t calls;
	uint32_t calls_proved;
	char name[16];
};

/* Set ret_info->sz first. What is proved is worked out by each call, in time that grows with the
 * program's length. ENOMEM. */
BPFMAP_API int bpfmap_prog_get_info(const struct bpfmap_prog *prog,
				    struct bpfmap_prog_info *ret_info);

#ifdef __cplusplus
}
#endif

#endif
