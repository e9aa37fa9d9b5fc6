/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* native_file.c: compiled code in files: shared objects made by the compiler's module and the
 * system's linker, loaded without either.
 *
 * A file is trusted as any library is: it must belong to the caller or to root, and nobody else may
 * be able to write to it. That it fits is found by all that its code takes for granted, word by
 * word: instructions, program type, what the maps are and how they lie in memory, the structures
 * and the version of this library. A hash of these words names the code; it is no proof, since
 * programs with the same hash can be made. Addresses are filled in for each program that is loaded.
 * If a process dies    while it saves: a folder .bpfmap-XXXXXX stays beside the file, which is
 *                      whole or not there
 */
#include "vm/native.h"

#include "base/error.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The name of a folder for a file's parts while it is made: mkdtemp(). */
#define PARTS	  ".bpfmap-XXXXXX"
#define PARTS_MAX (PATH_MAX - 32) /* of its path: names of parts fit behind it */

extern char **environ;

/* ---- what a file is for ---- */

static void add(struct native_identity *to, uint64_t word)
{
	for (int byte = 0; byte < 8; byte++)
		to->hash = (to->hash ^ (word >> (8 * byte) & 0xff)) * 0x100000001b3u;
	if (to->words)
		to->words[to->count] = word;
	to->count++;
}

static void add_map(struct native_identity *to, const struct bpfmap *map)
{
	const struct map_spec *spec = &map->spec;
	struct vm_array array = {0};
	const uint64_t words[] = {spec->type,	      spec->key_size,  spec->value_size,
				  spec->max_entries,  spec->map_flags, spec->spin_lock_plus1,
				  memory_map_may(map)};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		add(to, words[i]);
	if (!native_host.array(map, &array))
		return;
	add(to, array.stride);
	add(to, array.plane_stride);
	add(to, array.cpus);
}

/* A map's number, which is the loader's choice, is replaced by its place among the program's
 * maps. */
static void add_insn(struct native_identity *to, const struct vm_prog *prog, uint32_t at)
{
	struct bpf_insn insn = prog->insns[at];
	const struct vm_map *ref;
	uint64_t word;

	if (prog->code[at].op == VM_OP_LD_IMM64 && insn.src_reg &&
	    insn.src_reg != BPF_PSEUDO_FUNC) {
		ref = prog_map_ref(prog, (uint64_t)prog->code[at].imm);
		insn.imm = ref ? (int32_t)(ref - prog->maps) : -1;
		for (uint32_t i = 0; !ref && i < prog->map_cnt; i++)
			if (prog->maps[i].direct &&
			    (uint64_t)prog->code[at].imm - prog->maps[i].direct <
				    prog->maps[i].map->spec.value_size)
				insn.imm = (int32_t)i;
	}
	memcpy(&word, &insn, sizeof(word));
	add(to, word);
}

/* Into to->words, if there are any. */
static void add_prog(struct native_identity *to, const struct vm_prog *prog)
{
	add(to, vm_jit_abi());
	add(to, prog->prog_type);
	add(to, prog->insn_cnt);
	for (const char *c = BPFMAP_VERSION; *c; c++)
		add(to, (uint8_t)*c);
	for (uint32_t at = 0; at < prog->insn_cnt; at++) {
		add_insn(to, prog, at);
		if (prog->code[at].op == VM_OP_LD_IMM64)
			add(to, (uint32_t)prog->insns[++at].imm);
	}
	for (uint32_t i = 0; i < prog->map_cnt; i++)
		add_map(to, prog->maps[i].map);
}

uint64_t native_hash(const struct vm_prog *prog)
{
	struct native_identity identity = {0};

	add_prog(&identity, prog);
	return identity.hash;
}

static int identity_make(const struct vm_prog *prog, struct native_identity *ret_identity)
{
	struct native_identity identity = {0};

	add_prog(&identity, prog);
	identity.words = calloc(identity.count, sizeof(*identity.words));
	if (!identity.words)
		return fail(ENOMEM, "no memory for what distinguishes a program");
	identity.hash = identity.count = 0;
	add_prog(&identity, prog);
	*ret_identity = identity;
	return 0;
}

/* ---- loading ---- */

struct file_code {
	struct vm_native native;
	void *library;
	vm_native_fn **entries;
	uint64_t *literals;
};

static void file_free(struct vm_native *native)
{
	struct file_code *code = (struct file_code *)native;

	free(code->entries);
	free(code->literals);
	dlclose(code->library);
	free(code);
}

static bool is_of_others(const struct stat *st)
{
	return st->st_uid && st->st_uid != geteuid();
}

/* Who may rename things in a folder on the way may put another file in place of the one that was
 * looked at. */
static int check_folders(const char *full)
{
	char folder[PATH_MAX];
	size_t len = strlen(full);
	struct stat st;

	snprintf(folder, sizeof(folder), "%s", full);
	while (len > 1) {
		while (folder[--len] != '/')
			;
		len += !len; /* the root's own slash stays */
		folder[len] = '\0';
		if (stat(folder, &st))
			return fail_os(errno, "cannot use the folder %s of compiled code", folder);
		if (is_of_others(&st) ||
		    ((st.st_mode & (S_IWGRP | S_IWOTH)) && !(st.st_mode & S_ISVTX)))
			return fail(EPERM,
				    "the folder %s of compiled code is not trusted: it must belong "
				    "to you or to root, and only its owner may write to it (chmod "
				    "go-w)",
				    folder);
	}
	return 0;
}

static int check_owner(const char *full, uint64_t *ret_bytes)
{
	struct stat st;

	if (stat(full, &st))
		return fail_os(errno, "cannot use the compiled code in %s", full);
	if (is_of_others(&st) || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return fail(EPERM,
			    "the compiled code in %s is not trusted: it must belong to you or to "
			    "root, and only its owner may write to it (chmod go-w)",
			    full);
	*ret_bytes = (uint64_t)st.st_size;
	return check_folders(full);
}

static int code_make(const struct vm_prog *prog, const struct vm_file_prog *file, void *library,
		     struct vm_native **ret_native)
{
	struct file_code *code = calloc(1, sizeof(*code));

	if (!code)
		return fail(ENOMEM, "no memory for compiled code");
	code->entries = calloc(prog->insn_cnt, sizeof(*code->entries));
	code->literals = calloc(file->literal_cnt + 1, sizeof(*code->literals));
	code->library = library;
	if (!code->entries || !code->literals) {
		free(code->entries);
		free(code->literals);
		free(code);
		return fail(ENOMEM, "no memory for compiled code");
	}
	for (uint32_t i = 0; i < file->entry_cnt; i++)
		code->entries[file->slots[i]] = file->entries[i];
	for (uint32_t i = 0; i < file->literal_cnt; i++)
		code->literals[i] = native_host.literal(prog, file->literals[i]);
	code->native = (struct vm_native){
		.entries = code->entries, .literals = code->literals, .free = file_free};
	*ret_native = &code->native;
	return 0;
}

static bool is_for(const struct vm_file_prog *file, const struct native_identity *identity)
{
	return file && file->abi == vm_jit_abi() && file->hash == identity->hash &&
	       file->word_cnt == identity->count &&
	       !memcmp(file->words, identity->words, identity->count * sizeof(*identity->words));
}

static int library_use(const struct vm_prog *prog, const char *path, void *library,
		       struct vm_native **ret_native)
{
	const struct vm_file_prog *file;
	struct native_identity identity = {0};
	char symbol[48];
	int err = identity_make(prog, &identity);

	if (err)
		return err;
	snprintf(symbol, sizeof(symbol), NATIVE_SYMBOL, (unsigned long long)identity.hash);
	file = dlsym(library, symbol);
	if (is_for(file, &identity))
		err = code_make(prog, file, library, ret_native);
	else
		err = fail(EINVAL,
			   "%s holds no code for program %s as it is: it was compiled from other "
			   "instructions, for other maps or by another version; compile it again",
			   path, prog->name[0] ? prog->name : "(without a name)");
	free(identity.words);
	return err;
}

int native_file_load(const struct vm_prog *prog, const char *path, struct vm_native **ret_native)
{
	char full[PATH_MAX];
	uint64_t bytes = 0;
	void *library;
	int err;

	if (!realpath(path, full))
		return fail_os(errno, "cannot use the compiled code in %s", path);
	err = check_owner(full, &bytes);
	if (err)
		return err;
	library = dlopen(full, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return fail(EINVAL, "%s is no file of compiled code: %s", path, dlerror());
	err = library_use(prog, path, library, ret_native);
	if (err)
		dlclose(library);
	else
		(*ret_native)->code_bytes = bytes;
	return err;
}

/* ---- saving ---- */

static int tool_run(char *const argv[])
{
	posix_spawn_file_actions_t actions;
	int status = -1;
	pid_t pid;
	int err;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
	err = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (err)
		return -err;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status ? -EIO : 0;
}

/* The linker's output among the parts. */
static void library_path(char *path, size_t size, const char *parts)
{
	snprintf(path, size, "%s/code.so", parts);
}

static void object_path(char *path, size_t size, const char *parts, uint32_t i)
{
	snprintf(path, size, "%s/%u.o", parts, i);
}

static int link_with(const char *tool, const char *parts, uint32_t n)
{
	char **argv = calloc(n + 6, sizeof(*argv)), (*paths)[PATH_MAX] = calloc(n + 1, PATH_MAX);
	uint32_t argc = 0;
	int err = -ENOMEM;

	if (argv && paths) {
		argv[argc++] = (char *)(uintptr_t)tool;
		argv[argc++] = (char *)(uintptr_t) "-shared";
		if (!strcmp(tool, "cc"))
			argv[argc++] = (char *)(uintptr_t) "-nostdlib";
		argv[argc++] = (char *)(uintptr_t) "-o";
		argv[argc++] = paths[n];
		library_path(paths[n], sizeof(paths[n]), parts);
		for (uint32_t i = 0; i < n; i++) {
			object_path(paths[i], sizeof(paths[i]), parts, i);
			argv[argc++] = paths[i];
		}
		err = tool_run(argv);
	}
	free(argv);
	free(paths);
	return err;
}

static int link_objects(const char *parts, uint32_t n, const char *path)
{
	int err = link_with("cc", parts, n);

	if (err == -ENOENT)
		err = link_with("ld", parts, n);
	if (err == -ENOENT)
		return fail(ENOTSUP, "compiled code needs a linker to be saved, and neither cc nor "
				     "ld is to be found; install binutils");
	if (err == -ENOMEM)
		return fail(ENOMEM, "no memory for linking %s", path);
	return err ? fail(EIO,
			  "linking %s failed; is there room in its folder, and does "
			  "\"cc -shared\" work?",
			  path)
		   : 0;
}

static int object_emit(const struct vm_jit_ops *ops, const struct vm_prog *prog, const char *parts,
		       uint32_t i)
{
	struct native_identity identity;
	struct vm_facts facts;
	char path[PATH_MAX];
	int err = identity_make(prog, &identity);

	if (err)
		return err;
	err = native_prove(ops, prog, &facts);
	if (!err) {
		object_path(path, sizeof(path), parts, i);
		err = ops->emit(&native_host, prog, &facts, &identity, path);
		facts_free(&facts);
	}
	free(identity.words);
	return err;
}

/* A program that is there twice needs code once. */
static bool is_repeated(struct vm_prog *const *progs, uint32_t i)
{
	for (uint32_t j = 0; j < i; j++)
		if (native_hash(progs[j]) == native_hash(progs[i]))
			return true;
	return false;
}

static int all_emit(const struct vm_jit_ops *ops, struct vm_prog *const *progs, uint32_t n,
		    const char *parts, uint32_t *ret_made)
{
	int err = 0;

	for (uint32_t i = 0; i < n && !err; i++)
		if (!is_repeated(progs, i)) {
			err = object_emit(ops, progs[i], parts, *ret_made);
			++*ret_made;
		}
	return err;
}

/* A new folder beside path, for the parts; only a place from which code would be loaded. */
static int parts_open(const char *path, char parts[PARTS_MAX])
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX], full[PATH_MAX + 2];
	int err;

	if ((size_t)snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 1,
			     slash ? path : ".") >= sizeof(folder))
		return fail(ENAMETOOLONG, "the path of the compiled code is too long");
	if (!realpath(folder, full))
		return fail_os(errno, "cannot write %s", path);
	if ((size_t)snprintf(parts, PARTS_MAX, "%s/" PARTS, full) >= PARTS_MAX)
		return fail(ENAMETOOLONG, "the path of the compiled code is too long");
	err = check_folders(strcat(full, "/"));
	if (err)
		return err;
	return mkdtemp(parts) ? 0 : fail_os(errno, "cannot write %s", path);
}

static void parts_remove(const char *parts, uint32_t made)
{
	char path[PATH_MAX];

	library_path(path, sizeof(path), parts);
	unlink(path);
	for (uint32_t i = 0; i < made; i++) {
		object_path(path, sizeof(path), parts, i);
		unlink(path);
	}
	rmdir(parts);
}

/* Made in a folder of its own and renamed, so that who loads the file sees all of it, whoever else
 * makes it at the same time. */
int native_file_save(struct vm_prog *const *progs, uint32_t n, const char *path)
{
	const struct vm_jit_ops *ops;
	char parts[PARTS_MAX], library[PATH_MAX];
	uint32_t made = 0;
	int err = native_compiler(&ops);

	if (!err)
		err = parts_open(path, parts);
	if (err)
		return err;
	err = all_emit(ops, progs, n, parts, &made);
	if (!err)
		err = link_objects(parts, made, path);
	library_path(library, sizeof(library), parts);
	if (!err && (chmod(library, 0755) || rename(library, path)))
		err = fail_os(errno, "cannot write %s", path);
	parts_remove(parts, made);
	return err;
}
