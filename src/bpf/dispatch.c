/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* dispatch.c: the entry. Brings the caller's block in as the kernel does (a short one is extended
 * with zeroes, a longer one must be zero beyond what we know, nothing may stand behind a command's
 * last field) and calls the command's handler of commands.def.
 *
 * The caller is treated as root with every capability: nothing here is privileged, and what a
 * caller may reach is decided by file permissions.
 */
#include "bpf/command.h"

#include "base/error.h"
#include "bpf/attr.h"
#include "bpf/commands.h"
#include "bpf/user.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define CALL_SIZE_MAX 4096

struct command {
	const char *name;
	size_t end;
	long (*handler)(union call_attr *attr, const struct call *call);
};

static const struct command commands[] = {
#define COMMAND(number, name, end, handler) [number] = {#name, end, handler},
#include "bpf/commands.def"
#undef COMMAND
};

/* NULL if there is none. */
static const struct command *command_of(int cmd)
{
	if (cmd < 0 || (size_t)cmd >= sizeof(commands) / sizeof(commands[0]))
		return NULL;
	return commands[cmd].handler ? &commands[cmd] : NULL;
}

int call_put_u32(const struct call *call, uint64_t off, uint32_t value)
{
	return user_copy_out(call->uattr + off, &value, sizeof(value), "the argument block");
}

/* Attaching has an errno of its own, as libbpf shows no more than that. */
static int command_refuse(int cmd)
{
	switch (cmd) {
	case BPF_PROG_ATTACH:
	case BPF_RAW_TRACEPOINT_OPEN:
	case BPF_LINK_CREATE:
		return fail(EOPNOTSUPP,
			    "programs cannot be attached in user space, where nothing would call "
			    "them; give them packets by bpf_prog_test_run_opts() or bpfmap run");
	default: return fail(EINVAL, "bpf command %d is not supported here", cmd);
	}
}

static int all_zero(const uint8_t *bytes, size_t size)
{
	return !size || (!bytes[0] && !memcmp(bytes, bytes + 1, size - 1));
}

static int __attribute__((cold)) tail_check(const struct call *call)
{
	int zero;

	if (call->size > CALL_SIZE_MAX)
		return fail(E2BIG, "an argument block of %u bytes; the largest is %d", call->size,
			    CALL_SIZE_MAX);
	zero = user_all_zero(call->uattr + ATTR_SIZE, call->size - ATTR_SIZE, "the argument block");
	if (zero < 0)
		return zero;
	if (!zero)
		return fail(E2BIG,
			    "the argument block has values beyond the %d bytes of Linux 6.18",
			    ATTR_SIZE);
	return 0;
}

long bpfmap_bpf(int cmd, void *attr, unsigned int size)
{
	struct call call = {.uattr = (uintptr_t)attr, .size = size};
	const struct command *command;
	union call_attr copy;
	size_t known = size;
	int err;

	if (size > ATTR_SIZE) {
		err = tail_check(&call);
		if (err)
			return err;
		known = ATTR_SIZE;
	}
	err = user_copy_in(&copy, call.uattr, known, "the argument block");
	if (err)
		return err;
	memset(copy.bytes + known, 0, ATTR_SIZE - known);
	command = command_of(cmd);
	if (!command)
		return command_refuse(cmd);
	if (!all_zero(copy.bytes + command->end, ATTR_SIZE - command->end))
		return fail(EINVAL, "BPF_%s: a value stands behind its last field (byte %zu)",
			    command->name, command->end);
	return command->handler(&copy, &call);
}

/* Commands on one element write nothing to the block; others may while they still read it. */
static bool writes_nothing(int cmd)
{
	return cmd == BPF_MAP_LOOKUP_ELEM || cmd == BPF_MAP_UPDATE_ELEM ||
	       cmd == BPF_MAP_DELETE_ELEM || cmd == BPF_MAP_GET_NEXT_KEY ||
	       cmd == BPF_MAP_LOOKUP_AND_DELETE_ELEM;
}

long bpfmap_bpf_built(int cmd, void *attr)
{
	struct call call = {.uattr = (uintptr_t)attr, .size = ATTR_SIZE};
	const struct command *command = command_of(cmd);

	if (!writes_nothing(cmd))
		return bpfmap_bpf(cmd, attr, ATTR_SIZE);
	return command->handler(attr, &call);
}

int bpfmap_bpf_fail(int err, const char *sentence)
{
	return fail(err, "%s", sentence);
}
