/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* programs.c: small XDP programs on one map. The packet says which key and value: a u32 key number
 * at 0 and the value's first byte at 8 (world.h); at 9 stand an update's flags, or a CPU. Key and
 * value are built on the stack.
 */
#include "request.h"
#include "isa_insn.h"

#include <string.h>
#include <unistd.h>

#define KEY_AT	     (-40) /* below the frame pointer */
#define VALUE_AT     (-104)
#define STACK_WORDS  13
#define PACKET_BYTES 64
#define MOST_INSNS   320
#define NO_PACKET    999

#define HELPER_LOOKUP	1
#define HELPER_UPDATE	2
#define HELPER_DELETE	3
#define HELPER_PUSH	87
#define HELPER_PEEK	89
#define HELPER_FOR_EACH 164
#define HELPER_OF_CPU	195

struct code {
	struct bpf_insn insn[MOST_INSNS];
	uint32_t count;
	uint32_t callback; /* where it begins; 0: none */
};

static void code_add(struct code *c, const struct bpf_insn *insns, uint32_t count)
{
	memcpy(c->insn + c->count, insns, count * sizeof(*insns));
	c->count += count;
}
#define EMIT(c, ...)                                  \
	code_add(c, (struct bpf_insn[]){__VA_ARGS__}, \
		 sizeof((struct bpf_insn[]){__VA_ARGS__}) / sizeof(struct bpf_insn))

/* R9: key number, R8: the value's first byte. */
static void begin(struct code *c, const struct object *o)
{
	uint32_t width = o->model.key_size < 4 ? o->model.key_size : 4;

	EMIT(c, LDX(BPF_W, R7, R1, 0), LDX(BPF_W, R8, R1, 4), MOV_REG(R2, R7), ADD_IMM(R2, 16),
	     JMP_REG(BPF_JLE, R2, R8, 2), MOV_IMM(R0, NO_PACKET), EXIT, LDX(BPF_W, R9, R7, 0),
	     LDX(BPF_B, R8, R7, 8));
	for (int i = 1; i <= STACK_WORDS; i++)
		EMIT(c, ST(BPF_DW, FP, -8 * i, 0));
	for (uint32_t i = 0; i < o->model.key_size; i++)
		EMIT(c, ST(BPF_B, FP, KEY_AT + (int)i, 0x5a));
	for (uint32_t i = 0; i < width; i++)
		EMIT(c, STX(BPF_B, FP, R9, KEY_AT + (int)i), RSH_IMM(R9, 8));
	for (uint32_t i = 0; i < o->model.value_size; i++)
		EMIT(c, STX(BPF_B, FP, R8, VALUE_AT + (int)i), ADD_IMM(R8, 1));
	EMIT(c, LD_MAP(R1, 0), MOV_REG(R2, FP), ADD_IMM(R2, KEY_AT), MOV_REG(R3, FP),
	     ADD_IMM(R3, VALUE_AT));
}

static void for_each(struct code *c, enum program kind)
{
	EMIT(c, LD_FUNC(R2, 0), MOV_IMM(R3, 0), MOV_IMM(R4, 0), CALL(HELPER_FOR_EACH), EXIT);
	c->callback = c->count;
	c->insn[c->count - 6].imm = 5;
	if (kind == PROG_CLEAR)
		EMIT(c, CALL(HELPER_DELETE));
	if (kind == PROG_TOUCH)
		EMIT(c, LDX(BPF_B, R1, R3, 0), ADD_IMM(R1, 1), STX(BPF_B, R3, R1, 0));
	EMIT(c, MOV_IMM(R0, 0), EXIT);
}

static void build(struct code *c, const struct object *o, enum program kind)
{
	begin(c, o);
	switch (kind) {
	case PROG_BUMP:
		EMIT(c, CALL(HELPER_LOOKUP), JMP_IMM(BPF_JEQ, R0, 0, 5), LDX(BPF_B, R1, R0, 0),
		     ADD_IMM(R1, 1), STX(BPF_B, R0, R1, 0), LDX(BPF_B, R0, R0, 0), EXIT,
		     MOV_IMM(R0, 300), EXIT);
		break;
	case PROG_ADD64:
		EMIT(c, CALL(HELPER_LOOKUP), JMP_IMM(BPF_JEQ, R0, 0, 4), MOV_IMM(R1, 7),
		     LOCKED(BPF_DW, BPF_ADD | BPF_FETCH, R0, R1, 0), MOV_REG(R0, R1), EXIT,
		     MOV_IMM(R0, 300), EXIT);
		break;
	case PROG_INSERT:
		EMIT(c, MOV_REG(R6, R3), CALL(HELPER_LOOKUP), JMP_IMM(BPF_JEQ, R0, 0, 3),
		     LDX(BPF_B, R0, R0, 0), ADD_IMM(R0, 300), EXIT, LD_MAP(R1, 0), MOV_REG(R2, FP),
		     ADD_IMM(R2, KEY_AT), MOV_REG(R3, R6), MOV_IMM(R4, BPF_NOEXIST),
		     CALL(HELPER_UPDATE), EXIT);
		break;
	case PROG_SET: EMIT(c, MOV_IMM(R4, BPF_ANY), CALL(HELPER_UPDATE), EXIT); break;
	case PROG_ALTER: EMIT(c, MOV_IMM(R4, BPF_EXIST), CALL(HELPER_UPDATE), EXIT); break;
	case PROG_FLAGS: EMIT(c, LDX(BPF_B, R4, R7, 9), CALL(HELPER_UPDATE), EXIT); break;
	case PROG_OF_CPU:
		EMIT(c, LDX(BPF_B, R3, R7, 9), CALL(HELPER_OF_CPU), JMP_IMM(BPF_JEQ, R0, 0, 2),
		     LDX(BPF_B, R0, R0, 0), EXIT, MOV_IMM(R0, 300), EXIT);
		break;
	case PROG_DELETE: EMIT(c, CALL(HELPER_DELETE), EXIT); break;
	case PROG_PUSH:
		EMIT(c, MOV_REG(R2, R3), MOV_IMM(R3, BPF_ANY), CALL(HELPER_PUSH), EXIT);
		break;
	case PROG_PEEK: EMIT(c, MOV_REG(R2, R3), CALL(HELPER_PEEK), EXIT); break;
	default: for_each(c, kind); break;
	}
}

static void give_functions(struct engine *e, const struct code *c, struct bpf_func_info *info,
			   union bpf_attr *attr)
{
	if (!c->callback)
		return;
	if (!e->func_btf)
		e->func_btf = (int)btf_of_function(e);
	info[0] = (struct bpf_func_info){.insn_off = 0, .type_id = 3};
	info[1] = (struct bpf_func_info){.insn_off = c->callback, .type_id = 3};
	attr->prog_btf_fd = (uint32_t)e->func_btf;
	attr->func_info = (uintptr_t)info;
	attr->func_info_cnt = 2;
	attr->func_info_rec_size = sizeof(info[0]);
}

static long program_load(struct engine *e, struct world *w, const struct step *s)
{
	static const struct object nothing = {.model = {.key_size = 4, .value_size = 8}};
	uint64_t slot = (uint64_t)step_arg(s, 'h') % SLOTS_ALL;
	uint64_t prog = (uint64_t)step_arg(s, 'g') % PROGS;
	const struct object *o = w->slot[slot].object;
	struct bpf_func_info info[2];
	static struct code c;
	union bpf_attr attr;
	long fd;

	c.count = c.callback = 0;
	build(&c, o ? o : &nothing, (enum program)((uint64_t)step_arg(s, 'c') % PROGRAMS));
	for (uint32_t i = 0; i < c.count; i++)
		if (insn_is_wide(&c.insn[i]) && c.insn[i].src_reg == BPF_PSEUDO_MAP_FD)
			c.insn[i].imm = e->fd[slot];
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.insns = (uintptr_t)c.insn;
	attr.insn_cnt = c.count;
	attr.license = (uintptr_t) "Dual BSD/GPL";
	give_functions(e, &c, info, &attr);
	fd = e->call(BPF_PROG_LOAD, &attr, sizeof(attr));
	if (fd < 0)
		return fd;
	if (e->prog[prog] >= 0)
		close(e->prog[prog]);
	e->prog[prog] = (int)fd;
	return 0;
}

static long program_run(struct engine *e, const struct step *s, uint32_t *ret_value)
{
	uint8_t packet[PACKET_BYTES] = {0};
	uint32_t key = (uint32_t)step_arg(s, 'k');
	union bpf_attr attr;
	long err;

	memcpy(packet, &key, sizeof(key));
	packet[8] = value_byte(step_arg(s, 'v'));
	packet[9] = (uint8_t)step_arg(s, 'm');
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)e->prog[(uint64_t)step_arg(s, 'g') % PROGS];
	attr.test.data_in = (uintptr_t)packet;
	attr.test.data_size_in = sizeof(packet);
	err = e->call(BPF_PROG_TEST_RUN, &attr, sizeof(attr));
	*ret_value = err ? 0 : attr.test.retval;
	return err;
}

void do_load(struct request *r)
{
	r->a->result = program_load(r->e, r->w, r->s);
}

void do_run(struct request *r)
{
	uint32_t value, tries = 0;

	do
		r->a->result = program_run(r->e, r->s, &value);
	while (call_again(r, (int32_t)value, &tries));
	r->a->count = value;
}

void do_unload(struct request *r)
{
	int *prog = &r->e->prog[(uint64_t)arg(r, 'g') % PROGS];

	if (*prog >= 0)
		close(*prog);
	*prog = -1;
}

void do_bind(struct request *r)
{
	uint32_t bind[3] = {(uint32_t)r->e->prog[(uint64_t)arg(r, 'g') % PROGS], (uint32_t)r->fd,
			    (uint32_t)arg(r, 'f')};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	memcpy(&attr, bind, sizeof(bind));
	r->a->result = call(r, BPF_PROG_BIND_MAP, &attr);
}

static long prog_info(struct request *r, struct bpf_prog_info *ret)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	memset(ret, 0, sizeof(*ret));
	attr.info.bpf_fd = (uint32_t)r->e->prog[(uint64_t)arg(r, 'g') % PROGS];
	attr.info.info_len = sizeof(*ret);
	attr.info.info = (uintptr_t)ret;
	return call(r, BPF_OBJ_GET_INFO_BY_FD, &attr);
}

/* Of a loaded program, what does not depend on who runs it; c: found by its id. */
void do_aboutp(struct request *r)
{
	struct bpf_prog_info info;
	union bpf_attr attr;
	long fd;

	r->a->result = prog_info(r, &info);
	if (r->a->result)
		return;
	r->a->count = info.type << 8 | info.nr_map_ids;
	answer_add(r->a, info.name, sizeof(info.name));
	memset(&attr, 0, sizeof(attr));
	switch (arg(r, 'c')) {
	case 0: return;
	case 1:
	case 2:
		attr.prog_id = arg(r, 'c') == 1 ? info.id : 0;
		attr.open_flags = (uint32_t)arg(r, 'f');
		fd = call(r, BPF_PROG_GET_FD_BY_ID, &attr);
		r->a->result = fd < 0 ? fd : 0;
		if (fd >= 0)
			close((int)fd);
		return;
	default:
		attr.start_id = info.id - 1;
		r->a->result = call(r, BPF_PROG_GET_NEXT_ID, &attr);
		r->a->count = attr.next_id == info.id;
	}
}
