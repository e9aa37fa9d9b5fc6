/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* program.c: programs for embedding applications (bpfmap/program.h).
 *
 * A handle is fixed once it is made, so runs share nothing that is written. Its program comes from
 * one of two places:
 *   a descriptor    the object in the table of fd.c, held; the object holds the program's maps
 *   instructions    a program of the handle's own, which holds the caller's map handles (map_keep)
 *
 * struct bpfmap_packet and struct bpfmap_run_env are the virtual machine's structs behind their sz,
 * so that nothing is copied for a run; the asserts below keep them so.
 */
#include "bpfmap/program.h"

#include "base/error.h"
#include "bpf/fd.h"
#include "bpf/object.h"
#include "bpf/prog.h"
#include "map/map.h"
#include "vm/facts.h"
#include "vm/native.h"
#include "vm/vm.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Others that wait for the CPU get it after so many runs at the latest. */
#define RUNS_PER_CPU 64u

#define SAME_PLACE(public, private, first, field)                                         \
	_Static_assert(offsetof(struct public, field) - offsetof(struct public, first) == \
			       offsetof(struct private, field),                           \
		       #field)
SAME_PLACE(bpfmap_packet, vm_packet, buf, buf_size);
SAME_PLACE(bpfmap_packet, vm_packet, buf, off);
SAME_PLACE(bpfmap_packet, vm_packet, buf, len);
SAME_PLACE(bpfmap_packet, vm_packet, buf, meta_len);
SAME_PLACE(bpfmap_packet, vm_packet, buf, mac_len);
SAME_PLACE(bpfmap_packet, vm_packet, buf, ingress_ifindex);
SAME_PLACE(bpfmap_packet, vm_packet, buf, rx_queue_index);
SAME_PLACE(bpfmap_run_env, vm_env, insn_budget, print);
SAME_PLACE(bpfmap_run_env, vm_env, insn_budget, print_arg);

struct bpfmap_prog {
	struct vm_prog *vm;
	struct object *object; /* whose vm is; NULL: the handle's own */
	uint32_t type;
	char name[16];
};

/* ---- structs that carry their size ---- */

__attribute__((cold)) static int size_refuse(const char *what, size_t sz, size_t known)
{
	return fail(EINVAL, "%s of %zu bytes: %s", what, sz,
		    sz < known ? "set sz = sizeof(struct) after zeroing it"
			       : "it has values that this version does not know");
}

/* Of this version's size, or longer and zero behind it. */
static int size_check(const char *what, const void *bytes, size_t known)
{
	size_t sz = *(const size_t *)bytes;

	if (__builtin_expect(sz == known, 1))
		return 0;
	if (sz < known)
		return size_refuse(what, sz, known);
	for (size_t i = known; i < sz; i++)
		if (((const uint8_t *)bytes)[i])
			return size_refuse(what, sz, known);
	return 0;
}

/* ---- loading ---- */

static int map_by_place(void *arg, int place, struct bpfmap **ret_map)
{
	const struct bpfmap_prog_spec *spec = arg;

	*ret_map = spec->maps[place];
	map_keep(*ret_map);
	return 0;
}

static void map_drop(void *arg, struct bpfmap *map)
{
	bpfmap_close(map);
}

static int map_ref_resolve(const struct bpfmap_prog_spec *spec, uint32_t at, struct bpf_insn *insn)
{
	if (insn->src_reg == BPF_PSEUDO_MAP_FD || insn->src_reg == BPF_PSEUDO_MAP_VALUE)
		return fail(EINVAL,
			    "insn %u: refers to a map by its descriptor; put the map into maps and "
			    "refer to its place with BPF_PSEUDO_MAP_IDX",
			    at);
	if (insn->src_reg != BPF_PSEUDO_MAP_IDX && insn->src_reg != BPF_PSEUDO_MAP_IDX_VALUE)
		return 0;
	if (insn->imm < 0 || (uint32_t)insn->imm >= spec->map_cnt || !spec->maps[insn->imm])
		return fail(EINVAL, "insn %u: refers to map %d of %u", at, insn->imm,
			    spec->map_cnt);
	insn->src_reg =
		insn->src_reg == BPF_PSEUDO_MAP_IDX ? BPF_PSEUDO_MAP_FD : BPF_PSEUDO_MAP_VALUE;
	return 0;
}

/* What the virtual machine takes for a map's descriptor is its place in spec->maps. */
static int map_refs_resolve(const struct bpfmap_prog_spec *spec, struct bpf_insn *insns)
{
	int err = 0;

	for (uint32_t i = 0; i < spec->insn_cnt && !err; i++) {
		if (insns[i].code != (BPF_LD | BPF_IMM | BPF_DW))
			continue;
		err = map_ref_resolve(spec, i, &insns[i]);
		i++; /* the second half of the instruction */
	}
	return err;
}

static int insns_load(const struct bpfmap_prog_spec *spec, const struct bpf_insn *insns,
		      struct vm_prog **ret_vm)
{
	struct vm_load load = {
		.prog_type = spec->type,
		.insns = insns,
		.insn_cnt = spec->insn_cnt,
		.name = spec->name,
		.btf = spec->btf,
		.btf_size = spec->btf_size,
		.line_info = spec->line_info,
		.line_info_cnt = spec->line_info_cnt,
		.line_info_rec_size = sizeof(*spec->line_info),
		.maps = {.get = map_by_place, .put = map_drop, .arg = (void *)spec},
	};

	return vm_load(&load, ret_vm);
}

static int spec_check(const struct bpfmap_prog_spec *spec)
{
	int err = size_check("struct bpfmap_prog_spec", spec, sizeof(*spec));

	if (err)
		return err;
	if (!spec->insns || !spec->insn_cnt || spec->insn_cnt > PROG_INSNS_MAX)
		return fail(E2BIG, "%u instructions; a program has 1 to %d", spec->insn_cnt,
			    PROG_INSNS_MAX);
	if ((!spec->maps && spec->map_cnt) || (!spec->log && spec->log_size) ||
	    (!spec->btf && spec->btf_size) || (!spec->line_info && spec->line_info_cnt))
		return fail(EINVAL, "a size or count without the memory that it measures");
	return spec->name ? map_check_name(spec->name) : 0;
}

static struct bpfmap_prog *handle_new(uint32_t type, const char *name)
{
	struct bpfmap_prog *prog = calloc(1, sizeof(*prog));

	if (!prog) {
		fail(ENOMEM, "no memory for a program's handle");
		return NULL;
	}
	prog->type = type;
	strncpy(prog->name, name ? name : "", sizeof(prog->name) - 1);
	return prog;
}

static int spec_load(const struct bpfmap_prog_spec *spec, struct vm_prog **ret_vm)
{
	struct bpf_insn *insns = malloc(spec->insn_cnt * sizeof(*insns));
	int err;

	if (!insns)
		return fail(ENOMEM, "no memory for %u instructions", spec->insn_cnt);
	memcpy(insns, spec->insns, spec->insn_cnt * sizeof(*insns));
	err = map_refs_resolve(spec, insns);
	if (!err)
		err = insns_load(spec, insns, ret_vm);
	free(insns);
	return err;
}

int bpfmap_prog_load(const struct bpfmap_prog_spec *spec, struct bpfmap_prog **ret_prog)
{
	struct bpfmap_prog *prog;
	int err = spec_check(spec);

	if (err)
		return err;
	prog = handle_new(spec->type, spec->name);
	err = prog ? spec_load(spec, &prog->vm) : -ENOMEM;
	if (spec->log_size)
		snprintf(spec->log, spec->log_size, "%s", err ? error_sentence() : "");
	if (err)
		free(prog);
	else
		*ret_prog = prog;
	return err;
}

int bpfmap_prog_from_fd(int fd, struct bpfmap_prog **ret_prog)
{
	struct bpfmap_prog *prog;
	struct fd_ref ref;
	int err = fd_get(fd, OBJECT_PROG, &ref);

	if (err)
		return err;
	prog = handle_new(prog_type(ref.object->prog), prog_name(ref.object->prog));
	if (prog) {
		object_hold(ref.object);
		prog->object = ref.object;
		prog->vm = ref.object->prog->vm;
		*ret_prog = prog;
	}
	fd_put(&ref);
	return prog ? 0 : -ENOMEM;
}

void bpfmap_prog_close(struct bpfmap_prog *prog)
{
	if (!prog)
		return;
	if (prog->object)
		object_release(prog->object);
	else
		vm_free(prog->vm);
	free(prog);
}

/* ---- what it is ---- */

uint32_t bpfmap_prog_type(const struct bpfmap_prog *prog)
{
	return prog->type;
}

const char *bpfmap_prog_name(const struct bpfmap_prog *prog)
{
	return prog->name;
}

uint32_t bpfmap_prog_map_count(const struct bpfmap_prog *prog)
{
	return vm_prog_map_count(prog->vm);
}

struct bpfmap *bpfmap_prog_map(const struct bpfmap_prog *prog, uint32_t index)
{
	return vm_prog_map(prog->vm, index);
}

struct bpfmap *bpfmap_prog_map_by_name(const struct bpfmap_prog *prog, const char *name)
{
	struct bpfmap *map;

	for (uint32_t i = 0; (map = vm_prog_map(prog->vm, i)); i++)
		if (!strcmp(map->region->name, name))
			return map;
	return NULL;
}

static int info_facts(const struct vm_prog *vm, struct bpfmap_prog_info *info)
{
	struct vm_facts facts;
	int err = facts_prove(vm, &facts);

	if (err)
		return err;
	info->accesses = facts.accesses;
	info->accesses_proved = facts.accesses_sure;
	info->calls = facts.calls;
	info->calls_proved = facts.calls_sure;
	facts_free(&facts);
	return 0;
}

int bpfmap_prog_get_info(const struct bpfmap_prog *prog, struct bpfmap_prog_info *ret_info)
{
	struct bpfmap_prog_info info = {
		.sz = ret_info->sz, .type = prog->type, .map_cnt = vm_prog_map_count(prog->vm)};
	struct vm_code_info code;
	int err;

	if (ret_info->sz < sizeof(info))
		return size_refuse("struct bpfmap_prog_info", ret_info->sz, sizeof(info));
	err = info_facts(prog->vm, &info);
	if (err)
		return err;
	vm_prog_code(prog->vm, &code);
	info.insn_cnt = code.insns;
	info.code_bytes = code.code_bytes;
	info.compile_ns = code.compile_ns;
	info.compiled = !strcmp(code.engine, "jit");
	memcpy(info.name, prog->name, sizeof(info.name));
	memset((char *)ret_info + sizeof(info), 0, ret_info->sz - sizeof(info));
	*ret_info = info;
	return 0;
}

int bpfmap_prog_jit(struct bpfmap_prog *prog, enum bpfmap_jit mode)
{
	switch (mode) {
	case BPFMAP_JIT_OFF: return vm_prog_compile(prog->vm, VM_JIT_OFF);
	case BPFMAP_JIT_ON: return vm_prog_compile(prog->vm, VM_JIT_ON);
	case BPFMAP_JIT_AUTO: return vm_prog_compile(prog->vm, VM_JIT_AUTO);
	default: return fail(EINVAL, "there is no mode %d", (int)mode);
	}
}

int bpfmap_prog_use_code(struct bpfmap_prog *prog, const char *path)
{
	return vm_prog_load_code(prog->vm, path);
}

/* ---- runs ---- */

static inline int env_check(const struct bpfmap_run_env *env)
{
	return env ? size_check("struct bpfmap_run_env", env, sizeof(*env)) : 0;
}

static inline const struct vm_env *vm_env_of(const struct bpfmap_run_env *env)
{
	return env ? (const struct vm_env *)(const void *)&env->insn_budget : NULL;
}

static inline int packet_check(const struct bpfmap_packet *packet)
{
	int err = size_check("struct bpfmap_packet", packet, sizeof(*packet));

	if (!err && __builtin_expect(!packet->buf && packet->buf_size, 0))
		err = fail(EINVAL, "a packet without a buffer, of %u bytes", packet->buf_size);
	return err;
}

static inline struct vm_packet *vm_packet_of(struct bpfmap_packet *packet)
{
	return (struct vm_packet *)(void *)&packet->buf;
}

int bpfmap_prog_run(const struct bpfmap_prog *prog, const struct bpfmap_run_env *env,
		    struct bpfmap_packet *packet, uint32_t *ret_value)
{
	int err = env_check(env);

	if (!err)
		err = packet_check(packet);
	return err ? err
		   : vm_run_packet(prog->vm, vm_env_of(env), vm_packet_of(packet), packet->ctx,
				   packet->ctx_size, ret_value);
}

static struct bpfmap_packet *packet_at(struct bpfmap_packet *packets, uint32_t i)
{
	return (struct bpfmap_packet *)(void *)((char *)packets + i * packets->sz);
}

/* Packets [*done, end) on one CPU; *done moves on. */
static int packets_run(const struct bpfmap_prog *prog, const struct vm_env *env,
		       struct bpfmap_packet *packets, uint32_t *ret_values, uint32_t *done,
		       uint32_t end)
{
	int err = vm_cpu_enter(prog->vm);

	if (err)
		return err;
	for (; *done < end; ++*done) {
		struct bpfmap_packet *packet = packet_at(packets, *done);

		err = packet_check(packet);
		if (!err)
			err = vm_run_packet_on_cpu(prog->vm, env, vm_packet_of(packet), packet->ctx,
						   packet->ctx_size, &ret_values[*done]);
		if (err)
			break;
	}
	vm_cpu_leave(prog->vm);
	return err;
}

int bpfmap_prog_run_many(const struct bpfmap_prog *prog, const struct bpfmap_run_env *env,
			 struct bpfmap_packet *packets, uint32_t *ret_values, uint32_t *count)
{
	uint32_t n = *count;
	int err = env_check(env);

	*count = 0;
	if (!err && prog->type == BPF_PROG_TYPE_SYSCALL)
		err = fail(EINVAL, "a syscall program does not run on packets");
	while (!err && *count < n)
		err = packets_run(prog, vm_env_of(env), packets, ret_values, count,
				  n - *count < RUNS_PER_CPU ? n : *count + RUNS_PER_CPU);
	return err;
}

int bpfmap_prog_run_syscall(const struct bpfmap_prog *prog, const struct bpfmap_run_env *env,
			    void *ctx, uint32_t ctx_size, uint32_t *ret_value)
{
	int err = env_check(env);

	return err ? err : vm_run_syscall(prog->vm, vm_env_of(env), ctx, ctx_size, ret_value);
}
