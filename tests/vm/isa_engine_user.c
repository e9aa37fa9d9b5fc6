/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* isa_engine_user.c: programs in our interpreter, on maps in private memory. */
#include "isa_engine.h"
#include "jit_switch.h"
#include "bpfmap/bpfmap.h"
#include "map/map.h"
#include "vm/vm.h"

#include <errno.h>
#include <string.h>

#define HEAD_ROOM   256
#define TAIL_ROOM   512
#define LOG_SIZE    4096
#define INSN_BUDGET 10000000u

static struct {
	struct bpfmap *map[ENGINE_MAPS];
	struct vm_prog *prog;
	uint32_t prog_type;
	char log[LOG_SIZE];
} user;

static int user_map_create(uint32_t index, uint32_t type, uint32_t key_size, uint32_t value_size,
			   uint32_t max_entries)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = type,
					  .key_size = key_size,
					  .value_size = value_size,
					  .max_entries = max_entries,
					  .memory = BPFMAP_MEMORY_PRIVATE};

	return bpfmap_create(&opts, &user.map[index]);
}

static void user_map_close(uint32_t index)
{
	bpfmap_close(user.map[index]);
	user.map[index] = NULL;
}

static int user_map_update(uint32_t index, const void *key, const void *value)
{
	return bpfmap_update(user.map[index], key, value, BPF_ANY);
}

static int user_map_delete(uint32_t index, const void *key)
{
	return bpfmap_delete(user.map[index], key);
}

static int user_map_lookup(uint32_t index, const void *key, void *ret_value)
{
	return bpfmap_read(user.map[index], key, ret_value);
}

static int user_map_next(uint32_t index, const void *key, void *ret_next)
{
	return bpfmap_next_key(user.map[index], key, ret_next);
}

static int source_get(void *arg, int map_fd, struct bpfmap **ret_map)
{
	if (map_fd < 0 || map_fd >= ENGINE_MAPS || !user.map[map_fd])
		return -EBADF;
	*ret_map = user.map[map_fd];
	return 0;
}

/* The maps outlive the program. */
static void source_put(void *arg, struct bpfmap *map)
{
}

static int user_load(const struct engine_prog *prog)
{
	struct vm_load load = {.prog_type = prog->type,
			       .insns = prog->insns,
			       .insn_cnt = prog->insn_cnt,
			       .name = "isa",
			       .maps = {.get = source_get, .put = source_put},
			       .log = user.log,
			       .log_size = sizeof(user.log)};

	user.prog_type = prog->type;
	user.log[0] = '\0';
	return jit_switch_load(&load, &user.prog);
}

static int run_packet(struct engine_run *run, const struct vm_env *env)
{
	uint8_t buf[HEAD_ROOM + ENGINE_PACKET + TAIL_ROOM] = {0};
	/* As in the kernel's test run, socket filters start behind the Ethernet header, and it comes
	 * back as zeroes. */
	uint32_t pull = user.prog_type == BPF_PROG_TYPE_SOCKET_FILTER ? 14 : 0;
	struct vm_packet packet = {.buf = buf,
				   .buf_size = HEAD_ROOM + run->len + TAIL_ROOM,
				   .off = HEAD_ROOM + pull,
				   .len = run->len - pull,
				   .mac_len = pull};
	int err;

	memcpy(buf + HEAD_ROOM, run->packet, run->len);
	err = vm_run_packet(user.prog, env, &packet, NULL, 0, &run->retval);
	if (err)
		return err;
	run->len = pull + packet.len;
	memset(run->packet, 0, pull);
	memcpy(run->packet + pull, buf + packet.off, packet.len);
	return 0;
}

static int user_run(struct engine_run *run)
{
	struct vm_env env = {.insn_budget = INSN_BUDGET};

	if (user.prog_type != BPF_PROG_TYPE_SYSCALL)
		return run_packet(run, &env);
	return vm_run_syscall(user.prog, &env, run->len ? run->packet : NULL, run->len,
			      &run->retval);
}

static void user_unload(void)
{
	if (user.prog)
		vm_free(user.prog);
	user.prog = NULL;
}

static const char *user_message(void)
{
	return bpfmap_last_error();
}

const struct engine engine_user = {
	.name = "interpreter",
	.map_create = user_map_create,
	.map_close = user_map_close,
	.map_update = user_map_update,
	.map_delete = user_map_delete,
	.map_lookup = user_map_lookup,
	.map_next = user_map_next,
	.load = user_load,
	.run = user_run,
	.unload = user_unload,
	.message = user_message,
};

const char *const engine_lies[ENGINE_LIES] = {
	[LIE_RETVAL] = "return value", [LIE_PACKET] = "packet byte", [LIE_MAP] = "map value"};
enum engine_lie engine_lie;

static int wrong_run(struct engine_run *run)
{
	int err = user_run(run);

	if (engine_lie == LIE_RETVAL)
		run->retval ^= 1;
	if (engine_lie == LIE_PACKET && run->len)
		run->packet[run->len - 1] ^= 1;
	return err;
}

static int wrong_map_lookup(uint32_t index, const void *key, void *ret_value)
{
	int err = user_map_lookup(index, key, ret_value);

	for (uint32_t i = 0; !err && engine_lie == LIE_MAP && i < user.map[index]->spec.value_size;
	     i++)
		((uint8_t *)ret_value)[i] ^= 1;
	return err;
}

const struct engine engine_wrong = {
	.name = "wrong interpreter",
	.map_create = user_map_create,
	.map_close = user_map_close,
	.map_update = user_map_update,
	.map_delete = user_map_delete,
	.map_lookup = wrong_map_lookup,
	.map_next = user_map_next,
	.load = user_load,
	.run = wrong_run,
	.unload = user_unload,
	.message = user_message,
};
