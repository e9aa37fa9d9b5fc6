/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* native.h: compiled programs: where the virtual machine and a compiler for its programs meet.
 *
 * The compiler is a module (src/jit, libbpfmap-jit.so), loaded when first asked for, so that the
 * core library links libc alone. Compiled code keeps the interpreter's promises: the same results,
 * the same checks except those that facts.h proves, the same sentences.
 *
 * A program is compiled at most once; struct vm_native is published in prog->native with release
 * and lives as long as the program, also while the interpreter is asked for (is_paused). Runs
 * under way go on in the engine they began in, callbacks included or not: both engines keep frames,
 * budget and faults in struct vm_run in the same way.
 *
 * The core hides its symbols, so the module gets what it needs as struct vm_jit_host, and is itself
 * one symbol, a struct vm_jit_ops. Both are built from the same tree: vm_jit_abi() notices if not.
 */
#ifndef BPFMAP_VM_NATIVE_H
#define BPFMAP_VM_NATIVE_H

#include "vm/facts.h"
#include "vm/run.h"

/* Which engine runs a program. */
enum vm_jit_mode {
	VM_JIT_OFF,  /* the interpreter, also if the program has been compiled */
	VM_JIT_ON,   /* machine code; an error where that is not possible */
	VM_JIT_AUTO, /* machine code where the compiler is installed, else the interpreter */
};

/* Choose the engine for the runs that begin from now on; the first ON or AUTO compiles. May be
 * called at any time, from any thread. ON: ENOTSUP (the compiler is not installed, or is not of
 * this build), E2BIG (too many instructions to compile), ENOMEM; the program stays as it was. AUTO
 * fails only with ENOMEM. */
int vm_prog_compile(struct vm_prog *prog, enum vm_jit_mode mode);

/* Compiled code, in figures. */
struct vm_code_info {
	uint32_t insns;	     /* of the program */
	uint64_t code_bytes; /* 0: there is no compiled code */
	uint64_t compile_ns; /* 0: it was loaded from a file */
	const char *engine;  /* "interpreter" or "jit": what the next run begins in */
};

void vm_prog_code(const struct vm_prog *prog, struct vm_code_info *ret_info);

/* Compile n programs into a shared object that vm_prog_load_code() takes on machines of this
 * architecture, without a compiler. ENOTSUP: there is no compiler or no linker (cc, ld); E2BIG;
 * errnos of writing a file. */
int vm_progs_save(struct vm_prog *const *progs, uint32_t n, const char *path);

/* Use compiled code from a file of vm_progs_save(). EINVAL: it holds none for this program with
 * these maps and this version of the library; EPERM: it belongs to somebody else, or others may
 * write to it;
 * EBUSY: the program has compiled code already; errnos of opening a file. */
int vm_prog_load_code(struct vm_prog *prog, const char *path);

/* A subprogram, compiled. The caller has opened its frame and not cleared it; args are R1 to R5. 0
 * and R0, or run->err. */
typedef int vm_native_fn(struct vm_run *run, const uint64_t args[5], uint64_t *ret_r0);

struct vm_native {
	vm_native_fn **entries;	  /* per slot: subprogram starts, else NULL */
	const uint64_t *literals; /* code from a file finds its addresses here; else NULL */
	uint64_t code_bytes;
	uint64_t compile_ns;
	struct private_u32 is_paused; /* 1: runs begin in the interpreter all the same */
	void (*free)(struct vm_native *native);
};

static inline struct vm_native *native_of(const struct vm_prog *prog)
{
	return private_ptr_load_acquire(&prog->native); /* J2 acquire <- J1 */
}

/* The code that a run is to begin in; NULL: the interpreter. */
static inline const struct vm_native *native_running(const struct vm_prog *prog)
{
	const struct vm_native *native = native_of(prog);

	if (!native || private_u32_load_acquire(&native->is_paused)) /* J4 acquire <- J3 */
		return NULL;
	return native;
}

static inline void native_free(struct vm_prog *prog)
{
	struct vm_native *native = native_of(prog);

	if (native)
		native->free(native);
}

/* What compiled code calls, in the order of VM_HOST_*: slow paths and failures. slot is the
 * instruction's number, which becomes run->pc. */
typedef uint64_t vm_host_fn(struct vm_run *run, uint64_t slot, uint64_t a, uint64_t b, uint64_t c);

enum vm_host {
	/* Load b bytes at address a into *(uint64_t *)c, whatever kind of memory. 0 or run->err. */
	VM_HOST_LOAD,
	VM_HOST_STORE, /* likewise: b bytes of c at a */
	/* The address a if it is that of a word of b bytes for an atomic access of kind c (VM_READ
	 * | VM_WRITE); else 0, and the run has failed. */
	VM_HOST_ATOMIC,
	/* LD_ABS, LD_IND: b bytes at offset a, the context in R6 being c. Bit 32 and the bytes as
	 * R0; 0: outside the packet; bit 33: the run has failed. */
	VM_HOST_PACKET,
	/* Call the struct vm_helper a with args b (5 words), all checked. R0; see run->err. */
	VM_HOST_CALL,
	VM_HOST_ADD_VALUE,     /* a lookup in the struct vm_map a gave the value b */
	VM_HOST_OUT_OF_BUDGET, /* these end the run and return run->err */
	VM_HOST_CALLS_TOO_DEEP,
	VM_HOST_CALLBACKS_TOO_DEEP,
	VM_HOST_EXIT_LOCKED,
	VM_HOST_COUNT
};

/* An address that compiled code uses. */
enum vm_literal_kind {
	VM_LITERAL_HOST,      /* function `index` of enum vm_host */
	VM_LITERAL_HELPER,    /* struct vm_helper of helper number `index` */
	VM_LITERAL_HELPER_FN, /* its function */
	VM_LITERAL_MAP_REF,   /* prog->maps[index] */
	VM_LITERAL_MAP,	      /* its handle */
	VM_LITERAL_LOOKUP,    /* its type's lookup */
	VM_LITERAL_VALUES,    /* an array's first value */
	VM_LITERAL_DIRECT,    /* the value that instructions address directly */
	VM_LITERAL_CODE,      /* prog->code[index] */
};

struct vm_literal {
	uint32_t kind; /* enum vm_literal_kind */
	uint32_t index;
};

/* Where an array's values lie. */
struct vm_array {
	uint64_t values;
	uint64_t stride;
	uint64_t plane_stride; /* from one CPU's values to the next one's; 0: not per CPU */
	uint32_t cpus;	       /* 1: not per CPU */
	uint32_t max_entries;
};

/* What the compiler calls while it compiles. */
struct vm_jit_host {
	uint64_t (*literal)(const struct vm_prog *prog, struct vm_literal what);
	/* False if the map is no array of either kind. */
	bool (*array)(const struct bpfmap *map, struct vm_array *ret_array);
	/* What a context field is (run.h); false: not allowed. */
	bool (*context)(uint32_t prog_type, uint64_t off, uint32_t bytes, uint32_t how,
			enum ctx_kind *ret_kind);
	int (*fail)(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
};

/* What distinguishes a program's code from any other's: instructions, maps, this build. */
struct native_identity {
	uint64_t hash;
	uint64_t *words;
	uint32_t count;
};

/* A program in a file of compiled code, which is a shared object: exported there as NATIVE_SYMBOL
 * with its hash. */
struct vm_file_prog {
	uint64_t abi;
	uint64_t hash;
	uint32_t insn_cnt;
	uint32_t literal_cnt;
	uint32_t entry_cnt;
	uint32_t word_cnt;
	const uint64_t *words;		   /* of its struct native_identity */
	const struct vm_literal *literals; /* what native->literals is to hold */
	const uint32_t *slots;		   /* of the entries */
	vm_native_fn *const *entries;
};

/* What the module exports as bpfmap_jit_ops. */
struct vm_jit_ops {
	uint64_t abi;
	const char *compiler; /* "LLVM 19.1.7" */
	uint32_t max_insns;   /* of a program: what has more is not even proved */
	/* One program at a time (native.c's lock). ENOMEM; ENOTSUP: the machine; E2BIG. */
	int (*compile)(const struct vm_jit_host *host, const struct vm_prog *prog,
		       const struct vm_facts *facts, struct vm_native **ret_native);
	/* Write an object file for the linker, for every machine of this architecture. */
	int (*emit)(const struct vm_jit_host *host, const struct vm_prog *prog,
		    const struct vm_facts *facts, const struct native_identity *identity,
		    const char *path);
};

/* Changes with every structure that both sides know. */
static inline uint64_t vm_jit_abi(void)
{
	/* clang-format off */
	const size_t sizes[] = {
		sizeof(struct vm_run), sizeof(struct vm_prog), sizeof(struct bpfmap),
		sizeof(struct vm_jit_ops), sizeof(struct vm_jit_host), sizeof(struct vm_fact),
		sizeof(struct vm_native), VM_HOST_COUNT, VM_OP_COUNT, offsetof(struct vm_run, fields),
	};
	/* clang-format on */
	uint64_t abi = 2; /* raise it when meaning changes and no size does */

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		abi = abi * 0x100000001b3u ^ sizes[i];
	return abi;
}

/* native.c: the module, loaded; and what is proved of prog for it, freed with facts_free(). E2BIG:
 * the program is too long for it. */
int native_compiler(const struct vm_jit_ops **ret_ops);
int native_prove(const struct vm_jit_ops *ops, const struct vm_prog *prog,
		 struct vm_facts *ret_facts);

/* native_file.c: the hash of a struct native_identity. */
uint64_t native_hash(const struct vm_prog *prog);
#define NATIVE_SYMBOL "bpfmap_prog_%016llx"
int native_file_load(const struct vm_prog *prog, const char *path, struct vm_native **ret_native);
int native_file_save(struct vm_prog *const *progs, uint32_t n, const char *path);

/* native_host.c. */
extern const struct vm_jit_host native_host;

#endif
