/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* native.c: from a program to compiled code: the compiler's module, found and loaded when first
 * asked for.
 *
 * Locks        jit_lock: the module, and that a program is compiled once. Compiling goes on with it
 *              held: the compiler need not be reentrant, and a second caller would wait anyway
 * Edges        J1 release of prog->native in publish -> J2 acquire in native_of (native.h); J3
 *              release of is_paused in vm_prog_compile -> J4 acquire in native_running
 * The module is never unloaded: compiled code and the debugger's tables live as long as the
 * process. Where it is looked for: $BPFMAP_JIT, which is then the only place; LIBDIR/bpfmap; next
 * to the file that holds this function (a library that was moved, the build tree).
 */
#include "vm/native.h"

#include "base/clock.h"
#include "base/error.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define MODULE "libbpfmap-jit.so"

static pthread_mutex_t jit_lock = PTHREAD_MUTEX_INITIALIZER;
static const struct vm_jit_ops *jit_ops; /* NULL: not loaded yet */

static bool path_exists(char *path, size_t size, const char *dir, size_t dir_len, const char *below)
{
	return (size_t)snprintf(path, size, "%.*s%s" MODULE, (int)dir_len, dir, below) < size &&
	       access(path, R_OK) == 0;
}

/* Below the folder of the file that holds this code. */
static bool path_near(char *path, size_t size)
{
	static const char *const below[] = {"/",	"/bpfmap/",	"/jit/",
					    "/../jit/", "/../src/jit/", "/../../src/jit/"};
	Dl_info info;
	const char *slash;

	if (!dladdr((const void *)(uintptr_t)vm_prog_compile, &info) || !info.dli_fname)
		return false;
	slash = strrchr(info.dli_fname, '/');
	for (size_t i = 0; slash && i < sizeof(below) / sizeof(below[0]); i++)
		if (path_exists(path, size, info.dli_fname, (size_t)(slash - info.dli_fname),
				below[i]))
			return true;
	return false;
}

static int module_path(char *path, size_t size)
{
	const char *named = secure_getenv("BPFMAP_JIT");

	if (named && *named) {
		if ((size_t)snprintf(path, size, "%s", named) < size && !access(path, R_OK))
			return 0;
		return fail(ENOTSUP, "BPFMAP_JIT names %s, which cannot be read", named);
	}
	if (path_exists(path, size, BPFMAP_LIBDIR, strlen(BPFMAP_LIBDIR), "/bpfmap/") ||
	    path_near(path, size))
		return 0;
	return fail(ENOTSUP, "there is no compiler for programs: install the package "
			     "libbpfmap-jit, or let BPFMAP_JIT name " MODULE);
}

static int module_load(void)
{
	const struct vm_jit_ops *ops;
	char path[4096];
	void *module;
	int err = jit_ops ? 0 : module_path(path, sizeof(path));

	if (err || jit_ops)
		return err;
	module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!module)
		return fail(ENOTSUP, "the compiler for programs cannot be loaded: %s", dlerror());
	ops = dlsym(module, "bpfmap_jit_ops");
	if (ops && ops->abi == vm_jit_abi()) {
		jit_ops = ops;
		return 0;
	}
	dlclose(module);
	return fail(ENOTSUP,
		    "%s is not of this build of libbpfmap; install both packages in one version",
		    path);
}

int native_compiler(const struct vm_jit_ops **ret_ops)
{
	int err = module_load();

	*ret_ops = jit_ops;
	return err;
}

int native_prove(const struct vm_jit_ops *ops, const struct vm_prog *prog,
		 struct vm_facts *ret_facts)
{
	if (prog->insn_cnt > ops->max_insns)
		return fail(
			E2BIG,
			"a program of %u instructions is interpreted: compiling takes at most %u",
			prog->insn_cnt, ops->max_insns);
	return facts_prove(prog, ret_facts);
}

static int compile(struct vm_prog *prog, struct vm_native **ret_native)
{
	struct vm_facts facts;
	uint64_t start = clock_now_ns();
	int err = module_load();

	if (!err)
		err = native_prove(jit_ops, prog, &facts);
	if (err)
		return err;
	err = jit_ops->compile(&native_host, prog, &facts, ret_native);
	facts_free(&facts);
	if (!err)
		(*ret_native)->compile_ns = clock_now_ns() - start;
	return err;
}

/* BPFMAP_JIT_CACHE: a directory of files named by the hash of what they were compiled from. */
static bool cache_path(const struct vm_prog *prog, char *path, size_t size)
{
	const char *dir = secure_getenv("BPFMAP_JIT_CACHE");

	return dir && *dir &&
	       (size_t)snprintf(path, size, "%s/%016llx.so", dir,
				(unsigned long long)native_hash(prog)) < size;
}

/* What cannot be kept is compiled anew the next time. */
static int compile_cached(struct vm_prog *prog, struct vm_native **ret_native)
{
	char path[4096];
	bool caches = cache_path(prog, path, sizeof(path));
	int err;

	if (caches && !access(path, R_OK) && !native_file_load(prog, path, ret_native))
		return 0;
	err = compile(prog, ret_native);
	if (!err && caches)
		native_file_save(&prog, 1, path);
	return err;
}

static void publish(struct vm_prog *prog, struct vm_native *native)
{
	private_ptr_store_release(&prog->native, native); /* J1 release -> J2 */
}

static int compile_locked(struct vm_prog *prog)
{
	struct vm_native *native = NULL;
	int err = compile_cached(prog, &native);

	if (!err)
		publish(prog, native);
	return err;
}

int vm_prog_load_code(struct vm_prog *prog, const char *path)
{
	struct vm_native *native = NULL;
	int err;

	pthread_mutex_lock(&jit_lock);
	if (native_of(prog))
		err = fail(EBUSY, "the program has compiled code already");
	else
		err = native_file_load(prog, path, &native);
	if (!err)
		publish(prog, native);
	pthread_mutex_unlock(&jit_lock);
	return err;
}

int vm_progs_save(struct vm_prog *const *progs, uint32_t n, const char *path)
{
	int err;

	pthread_mutex_lock(&jit_lock);
	err = native_file_save(progs, n, path);
	pthread_mutex_unlock(&jit_lock);
	return err;
}

int vm_prog_compile(struct vm_prog *prog, enum vm_jit_mode mode)
{
	struct vm_native *native;
	int err = 0;

	pthread_mutex_lock(&jit_lock);
	if (mode != VM_JIT_OFF && !native_of(prog))
		err = compile_locked(prog);
	native = native_of(prog);
	if (native)
		private_u32_store_release(&native->is_paused,
					  mode == VM_JIT_OFF); /* J3 release -> J4 */
	pthread_mutex_unlock(&jit_lock);
	return mode == VM_JIT_AUTO && err != -ENOMEM ? 0 : err;
}

void vm_prog_code(const struct vm_prog *prog, struct vm_code_info *ret_info)
{
	const struct vm_native *native = native_of(prog);

	*ret_info = (struct vm_code_info){.insns = prog->insn_cnt,
					  .code_bytes = native ? native->code_bytes : 0,
					  .compile_ns = native ? native->compile_ns : 0,
					  .engine = native_running(prog) ? "jit" : "interpreter"};
}
