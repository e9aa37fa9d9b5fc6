/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* fuzz_program.c: any bytes as a program, loaded through the structural check and run with a budget.
 *
 * Input    a head (struct head's fields in order), 24 bytes of text for the global data, then the
 *          program: with MODE_RAW struct bpf_insn as they are; else 8 bytes a token (struct token),
 *          which program_gen.c turns into instructions that mostly pass the check and get far.
 * Maps     of each type, with locks, read-only and write-only for programs; private memory
 * Packet   between two pages that cannot be touched, at the end or at the start of what lies there
 *
 * Promised, and looked at after each run: it ends; no other memory is touched (a sanitizer or the
 * pages see it; bytes of the packet's buffer that the program never owned are as they were); every
 * invariant of every map holds; what fails has a sentence.
 */
#include "fuzz.h"
#include "program_gen.h"

#include "base/error.h"
#include "bpfmap/bpfmap.h"
#include "vm/vm.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define BUDGET	    20000u
#define CPU_LIMIT_S 5
#define PAGE	    4096u
#define PACKET_MAX  512u
#define TEXT_BYTES  24u

enum mode {
	MODE_TYPE = 3, /* index in prog_types */
	MODE_RAW = 4,
	MODE_AT_START =
		8, /* the packet's buffer begins at the page's start, else it ends at its end */
	MODE_CONTEXT = 16, /* the caller gives a context */
};

struct head {
	uint8_t mode;
	uint8_t packet_len;
	uint8_t head_room;
	uint8_t tail_room;
	uint8_t meta_len;
	uint8_t mac_len;
	uint16_t ethertype;
};

static const uint32_t prog_types[] = {BPF_PROG_TYPE_XDP, BPF_PROG_TYPE_SCHED_CLS,
				      BPF_PROG_TYPE_SOCKET_FILTER, BPF_PROG_TYPE_SYSCALL};

static struct bpfmap *maps[PROGRAM_MAPS];
static uint8_t *page; /* PAGE bytes between two that cannot be touched */

/* ---- maps ---- */

static const struct bpfmap_create_opts specs[PROGRAM_MAPS] = {
	[PROGRAM_MAP_DATA] = {.type = BPF_MAP_TYPE_ARRAY,
			      .key_size = 4,
			      .value_size = PROGRAM_DATA_BYTES,
			      .max_entries = 1},
	{.type = BPF_MAP_TYPE_HASH, .key_size = 4, .value_size = 20, .max_entries = 5},
	{.type = BPF_MAP_TYPE_HASH,
	 .key_size = 13,
	 .value_size = 8,
	 .max_entries = 40,
	 .map_flags = BPF_F_NO_PREALLOC},
	{.type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 12, .max_entries = 3},
	{.type = BPF_MAP_TYPE_PERCPU_ARRAY, .key_size = 4, .value_size = 12, .max_entries = 2},
	{.type = BPF_MAP_TYPE_PERCPU_HASH, .key_size = 4, .value_size = 24, .max_entries = 3},
	{.type = BPF_MAP_TYPE_LRU_HASH, .key_size = 4, .value_size = 40, .max_entries = 4},
	{.type = BPF_MAP_TYPE_LRU_PERCPU_HASH, .key_size = 8, .value_size = 8, .max_entries = 4},
	{.type = BPF_MAP_TYPE_BLOOM_FILTER, .value_size = 8, .max_entries = 10, .map_extra = 3},
	{.type = BPF_MAP_TYPE_HASH,
	 .key_size = 4,
	 .value_size = 20,
	 .max_entries = 4,
	 .spin_lock_plus1 = PROGRAM_LOCK_OFF + 1},
	{.type = BPF_MAP_TYPE_ARRAY,
	 .key_size = 4,
	 .value_size = 24,
	 .max_entries = 2,
	 .spin_lock_plus1 = PROGRAM_LOCK_OFF + 1},
	{.type = BPF_MAP_TYPE_ARRAY,
	 .key_size = 4,
	 .value_size = 9,
	 .max_entries = 1,
	 .map_flags = BPF_F_RDONLY_PROG},
	{.type = BPF_MAP_TYPE_ARRAY,
	 .key_size = 4,
	 .value_size = 16,
	 .max_entries = 2,
	 .map_flags = BPF_F_WRONLY_PROG},
	{.type = BPF_MAP_TYPE_HASH, .key_size = 300, .value_size = 300, .max_entries = 2},
};

/* Each is made when the program first names it. */
static struct bpfmap *map_open(int place)
{
	struct bpfmap_create_opts opts = specs[place];

	opts.sz = sizeof(opts);
	if (!maps[place] && bpfmap_create(&opts, &maps[place]))
		fuzz_fail("map %d: %s", place, bpfmap_last_error());
	return maps[place];
}

static void maps_close(void)
{
	for (int i = 0; i < PROGRAM_MAPS; i++) {
		if (!maps[i])
			continue;
		if (bpfmap_check(maps[i]))
			fuzz_fail("map %d after the run: %s", i, bpfmap_last_error());
		bpfmap_close(maps[i]);
		maps[i] = NULL;
	}
}

/* What format strings are made of, behind the input's own text. */
static void data_fill(const uint8_t text[TEXT_BYTES])
{
	static const char formats[] =
		"%d %s\0%llx %c%%\0%pI4 %pi6\0%012u\0%-20s|\0%px %ps\0%5lld%+d% i\0%pks\0%9999999d";
	uint8_t value[PROGRAM_DATA_BYTES] = {0};
	uint32_t key = 0;

	_Static_assert(TEXT_BYTES + sizeof(formats) < PROGRAM_DATA_BYTES, "the text fits");
	memcpy(value, text, TEXT_BYTES);
	memcpy(value + TEXT_BYTES + 1, formats, sizeof(formats));
	if (bpfmap_update(map_open(PROGRAM_MAP_DATA), &key, value, BPF_ANY))
		fuzz_fail("global data: %s", bpfmap_last_error());
}

static int map_get(void *arg, int map_fd, struct bpfmap **ret_map)
{
	if (map_fd < 0 || map_fd >= PROGRAM_MAPS)
		return fail(EBADF, "there is no map %d", map_fd);
	*ret_map = map_open(map_fd);
	return 0;
}

/* ---- the packet ---- */

#define ROOM_BYTE(at) ((uint8_t)(0xa5 ^ (at)))

static void packet_make(const struct head *head, struct vm_packet *packet)
{
	uint32_t len = head->packet_len % PACKET_MAX;

	*packet = (struct vm_packet){
		.buf_size = (uint32_t)head->head_room + len + head->tail_room,
		.off = head->head_room,
		.len = len,
		.meta_len = head->meta_len & 0xfcu,
		.mac_len = head->mac_len,
	};
	if (prog_types[head->mode & MODE_TYPE] != BPF_PROG_TYPE_XDP)
		packet->meta_len = 0;
	packet->buf = head->mode & MODE_AT_START ? page : page + PAGE - packet->buf_size;
	for (uint32_t at = 0; at < packet->buf_size; at++)
		packet->buf[at] = ROOM_BYTE(at);
	if (len >= 14)
		memcpy(packet->buf + packet->off + 12, &head->ethertype, 2);
#ifdef FUZZ_CANARY
	/* More than there is. */
	packet->buf_size += 100;
	packet->len += 100;
#endif
}

/* The lowest and highest byte that the program's packet ever had lie within its present ends unless
 * a helper moved them; only if none can have is the room around it known to be nobody's. */
static void rooms_check(const struct head *head, const struct vm_packet *packet)
{
	uint32_t start = (uint32_t)head->head_room - packet->meta_len;
	uint32_t end = packet->off + packet->len;

	if (packet->off != head->head_room || packet->len != head->packet_len % PACKET_MAX ||
	    packet->meta_len > head->head_room)
		return;
	for (uint32_t at = 0; at < packet->buf_size; at++)
		if ((at < start || at >= end) && packet->buf[at] != ROOM_BYTE(at))
			fuzz_fail("byte %u around a packet of [%u, %u) was written", at, start,
				  end);
}

/* ---- one run ---- */

static void line_drop(void *arg, const char *line)
{
	(void)strlen(line);
}

static bool has_adjust(const struct bpf_insn *insns, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		if (insns[i].code == (BPF_JMP | BPF_CALL) &&
		    (insns[i].imm == BPF_FUNC_xdp_adjust_head ||
		     insns[i].imm == BPF_FUNC_xdp_adjust_tail ||
		     insns[i].imm == BPF_FUNC_xdp_adjust_meta))
			return true;
	return false;
}

static void sentence_check(int err, const char *what)
{
	if (err && !bpfmap_last_error()[0])
		fuzz_fail("%s fails with %d and says nothing", what, err);
}

static void prog_run(const struct vm_prog *prog, const struct head *head, struct input *context,
		     bool adjusts)
{
	const struct vm_env env = {.insn_budget = BUDGET, .print = line_drop};
	struct vm_packet packet;
	struct __sk_buff skb;
	uint32_t ret_value;
	uint8_t *memory;
	uint32_t size;
	int err;

	if (prog_types[head->mode & MODE_TYPE] == BPF_PROG_TYPE_SYSCALL) {
		size = head->packet_len;
		memory = head->mode & MODE_AT_START ? page : page + PAGE - size;
		input_bytes(context, memory, size);
		err = vm_run_syscall(prog, &env, memory, size, &ret_value);
		sentence_check(err, "a run");
		return;
	}
	packet_make(head, &packet);
	input_bytes(context, &skb, sizeof(skb));
	err = vm_run_packet(prog, &env, &packet, head->mode & MODE_CONTEXT ? &skb : NULL,
			    head->packet_len, &ret_value);
	sentence_check(err, "a run");
	if (!adjusts && !err)
		rooms_check(head, &packet);
}

static uint64_t cpu_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec;
}

static uint32_t raw_take(struct input *in, struct bpf_insn *insns)
{
	uint32_t count = 0;

	for (; in->left && count < PROGRAM_INSNS_MAX; count++)
		input_bytes(in, &insns[count], sizeof(insns[count]));
	return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct bpf_insn insns[PROGRAM_INSNS_MAX];
	struct input in = {data, size}, context = {data, size};
	uint8_t text[TEXT_BYTES];
	struct vm_load load = {.insns = insns, .name = "fuzz", .maps = {.get = map_get}};
	uint64_t started = cpu_s();
	struct vm_prog *prog;
	struct head head;
	char log[256];
	int err;

	input_bytes(&in, &head, sizeof(head));
	input_bytes(&in, text, sizeof(text));
	load.prog_type = prog_types[head.mode & MODE_TYPE];
	load.insn_cnt = head.mode & MODE_RAW ? raw_take(&in, insns)
					     : program_generate(&in, load.prog_type, insns);
	load.log = log;
	load.log_size = sizeof(log);
	data_fill(text);
	err = vm_load(&load, &prog);
	sentence_check(err, "a load");
	if (!err) {
		prog_run(prog, &head, &context, has_adjust(insns, load.insn_cnt));
		vm_free(prog);
	}
	maps_close();
	if (cpu_s() - started > CPU_LIMIT_S)
		fuzz_fail("a run of %u instructions takes %llu s", BUDGET,
			  (unsigned long long)(cpu_s() - started));
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	uint8_t *pages =
		mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (pages == MAP_FAILED || mprotect(pages, PAGE, PROT_NONE) ||
	    mprotect(pages + 2 * PAGE, PAGE, PROT_NONE))
		fuzz_fail("no memory for packets");
	page = pages + PAGE;
	fuzz_rundir();
	return 0;
}
