/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* vm.h: eBPF programs: load (structural check, relocation of map references), run, free.
 *
 * A program is immutable after load; any number of threads may run it at once, each with its own
 * struct vm_run. Memory accesses are checked against the run's stack, context and packet and
 * against the values of the program's maps.
 */
#ifndef BPFMAP_VM_VM_H
#define BPFMAP_VM_VM_H

#include <linux/bpf.h>
#include <stddef.h>
#include <stdint.h>

struct bpfmap;
struct vm_prog;

/* How the loader turns a map reference of an instruction into a handle. Returns 0 or -errno with a
 * sentence; the handle stays valid until put() is called with it. */
struct vm_map_source {
	int (*get)(void *arg, int map_fd, struct bpfmap **ret_map);
	void (*put)(void *arg, struct bpfmap *map);
	void *arg;
};

struct vm_load {
	uint32_t prog_type; /* BPF_PROG_TYPE_XDP, SCHED_CLS, SOCKET_FILTER, SYSCALL */
	const struct bpf_insn *insns;
	uint32_t insn_cnt;
	const char *name;
	/* BTF (.BTF) and line_info as given to BPF_PROG_LOAD, or NULL: for messages and
	 * debuggers. */
	const void *btf;
	uint32_t btf_size;
	const struct bpf_line_info *line_info;
	uint32_t line_info_cnt;
	uint32_t line_info_rec_size;
	/* For BPF_PSEUDO_MAP_IDX and _IDX_VALUE; NULL if the caller has none. */
	const int *fd_array;
	uint32_t fd_array_cnt;
	struct vm_map_source maps;
	/* Where the structural checker writes its explanation, as the kernel's log; may be NULL. */
	char *log;
	uint32_t log_size;
};

/* Check and prepare. EINVAL (malformed, unknown instruction or helper), EACCES, EPERM, E2BIG, with
 * the sentence "insn 12: unknown helper 77 ..." in bpfmap_last_error() and in the log. */
int vm_load(const struct vm_load *load, struct vm_prog **ret_prog);
void vm_free(struct vm_prog *prog);

/* The program's maps, in order of first use. */
uint32_t vm_prog_map_count(const struct vm_prog *prog);
struct bpfmap *vm_prog_map(const struct vm_prog *prog, uint32_t index);

/* The packet of a run, which an XDP program may grow and shrink within [buf, buf + buf_size); the
 * first 40 bytes of buf stay unused, as the kernel keeps a struct xdp_frame there. Zero the struct,
 * then set what is needed. To give a program the room that the kernel's BPF_PROG_TEST_RUN gives:
 * off 256, buf_size 4096 - 320. */
struct vm_packet {
	uint8_t *buf;	   /* head room, packet, tail room */
	uint32_t buf_size; /* bytes */
	uint32_t off;	   /* where the packet starts in buf; moves with xdp_adjust_head */
	uint32_t len;	   /* bytes of the packet */
	/* Bytes of XDP metadata directly before off; moves with xdp_adjust_meta. */
	uint32_t meta_len;
	/* Bytes of link header directly before off: 0 if the packet begins with it (XDP,
	 * SCHED_CLS), 14 for a SOCKET_FILTER as BPF_PROG_TEST_RUN starts it, with the network
	 * header. */
	uint32_t mac_len;
	uint32_t ingress_ifindex;
	uint32_t rx_queue_index;
} __attribute__((may_alias)); /* the public struct bpfmap_packet is one behind its size */

/* Where trace_printk goes; called with a whole line. NULL: stderr. */
typedef void vm_print_fn(void *arg, const char *line);

struct vm_env {
	uint64_t insn_budget; /* instructions per run, callbacks included; 0: 100 million */
	vm_print_fn *print;
	void *print_arg;
} __attribute__((may_alias)); /* as struct bpfmap_run_env */

/* Run an XDP, SCHED_CLS or SOCKET_FILTER program on a packet. 0: it ended, *ret_value is its R0 (32
 * bits). EFAULT: an access out of bounds; ETIMEDOUT: the instruction budget is used up; EINVAL ...:
 * in each case the sentence names instruction, source line (if BTF has it) and reason, and the host
 * goes on.
 *
 * ctx is NULL or the context's fields to start with and, after a run that ended, as the program
 * left them. SCHED_CLS, SOCKET_FILTER: a struct __sk_buff; len is the packet's, protocol comes from
 * the link header if it is 0. XDP: a struct xdp_md, of which the ifindex and queue count on entry
 * (without ctx: those of packet) and data, data_end, data_meta are set on return as
 * BPF_PROG_TEST_RUN does. A shorter ctx_size means a shorter struct. */
int vm_run_packet(const struct vm_prog *prog, const struct vm_env *env, struct vm_packet *packet,
		  void *ctx, uint32_t ctx_size, uint32_t *ret_value);

/* For many runs: the program owns one CPU of all of its per-CPU maps from its first instruction to
 * its last, and several programs in a row may be run without leaving it. Enter: 0 or -errno of
 * vcpu_enter(). vm_run_packet_on_cpu() in between is vm_run_packet(); not for SYSCALL programs. */
int vm_cpu_enter(const struct vm_prog *prog);
void vm_cpu_leave(const struct vm_prog *prog);
int vm_run_packet_on_cpu(const struct vm_prog *prog, const struct vm_env *env,
			 struct vm_packet *packet, void *ctx, uint32_t ctx_size,
			 uint32_t *ret_value);

/* Run a SYSCALL program on a context of ctx_size bytes, which it may change. */
int vm_run_syscall(const struct vm_prog *prog, const struct vm_env *env, void *ctx,
		   uint32_t ctx_size, uint32_t *ret_value);

#endif
