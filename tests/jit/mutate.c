/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* mutate.c [OBJECT...]: programs that were right once, spoilt at random, must do the same interpreted and
 * compiled, to the last byte and word of the sentence. MUTATE_SEED says where to begin.
 *
 * The programs are those of object files and of the proof's generator (generate.h). A few instructions of
 * each are changed, exchanged, or replaced by some of another program; jumps keep their targets.
 *
 * Each engine runs in a process of its own, forked from one that has loaded and compiled the program but
 * run nothing: so maps, packets and random numbers are the same, and even addresses. A process that dies
 * is a failure, too. Only where a budget ends is not compared: the compiler counts in larger steps.
 */
#include "engines.h"
#include "generate.h"
#include "moment.h"
#include "random_prog.h"

#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_SECONDS 5
#define LONG_SECONDS	300
#define RUNS		4
#define BUDGET		30000
#define MAX_INSNS	2048
#define MAX_SOURCES	64
#define HEAD_ROOM	64
#define BUF_BYTES	256
#define HANG_SECONDS	30
#define JUNK_BYTES	32768

/* A program to start from, and the maps that its descriptors stand for. */
struct source {
	char name[32];
	uint32_t type;
	struct bpf_insn *insns;
	uint32_t count;
	struct engine_object *object; /* NULL: maps are those of generate.h */
	struct engine_user user;
};

struct outcome {
	int done;
	int err[RUNS];
	uint32_t verdict[RUNS];
	uint32_t len[RUNS];
	uint64_t bytes[RUNS];
	uint64_t lines; /* what was printed */
	uint64_t maps;
	char sentence[RUNS][320];
};

static struct source sources[MAX_SOURCES];
static uint32_t source_cnt;
static struct bpfmap *gen_maps[GEN_MAPS];
static struct outcome *outcomes; /* shared: interpreted, compiled */
static uint64_t made, loaded, ended;

/* ---- where programs come from ---- */

static int gen_maps_make(void)
{
	for (int i = 0; i < GEN_MAPS; i++) {
		struct bpfmap_create_opts opts = gen_specs[i];
		int err;

		opts.sz = sizeof(opts);
		opts.memory = BPFMAP_MEMORY_PRIVATE;
		err = bpfmap_create(&opts, &gen_maps[i]);
		if (err)
			return err;
	}
	return 0;
}

static int map_get(void *arg, int fd, struct bpfmap **ret_map)
{
	const struct source *source = arg;

	if (!source->object) {
		*ret_map = fd >= 0 && fd < GEN_MAPS ? gen_maps[fd] : NULL;
		return *ret_map ? 0 : fail(EBADF, "there is no map %d", fd);
	}
	for (uint32_t i = 0; i < source->object->map_cnt; i++) {
		if (source->object->maps[i].kernel_fd == fd) {
			*ret_map = source->user.maps[i];
			return 0;
		}
	}
	return fail(EBADF, "there is no map %d", fd);
}

static void map_put(void *arg, struct bpfmap *map)
{
	(void)arg, (void)map;
}

static int source_add(struct engine_object *object, const struct bpf_program *prog)
{
	struct source *source = &sources[source_cnt];

	if (source_cnt == MAX_SOURCES || bpf_program__insn_cnt(prog) > MAX_INSNS ||
	    bpf_program__type(prog) == BPF_PROG_TYPE_SYSCALL)
		return 0;
	*source = (struct source){.type = bpf_program__type(prog),
				  .count = (uint32_t)bpf_program__insn_cnt(prog),
				  .object = object};
	snprintf(source->name, sizeof(source->name), "%s", bpf_program__name(prog));
	source->insns = malloc(source->count * sizeof(*source->insns));
	memcpy(source->insns, bpf_program__insns(prog), source->count * sizeof(*source->insns));
	source_cnt++;
	return engine_user_open(object, prog, VM_JIT_OFF, &source->user);
}

static int object_add(const char *path)
{
	struct engine_object *object = calloc(1, sizeof(*object));
	struct bpf_program *prog;
	int err = engine_open(path, object);

	if (err) {
		free(object);
		return err == -EPERM ? 0 : err;
	}
	bpf_object__for_each_program(prog, object->bpf) err = err ? err : source_add(object, prog);
	return err;
}

/* ---- spoiling ---- */

static int is_wide(const struct bpf_insn *insns, uint32_t at)
{
	return insns[at].code == 0 || insns[at].code == (BPF_LD | BPF_IMM | BPF_DW);
}

static void field_change(uint64_t *rng, struct bpf_insn *insn)
{
	uint64_t word = random_next(rng);
	uint8_t class = BPF_CLASS(insn->code);

	switch (word % 8) {
	case 0: insn->dst_reg = (word >> 8) % 10 & 15; break;
	case 1: insn->src_reg = (word >> 8) % 11 & 15; break;
	case 2: insn->off = (int16_t)(insn->off + (int16_t)((word >> 8) % 17) - 8); break;
	case 3: insn->imm += (int32_t)((word >> 8) % 5) - 2; break;
	case 4: insn->imm = (int32_t)(word >> 32) >> ((word >> 8) % 32); break;
	case 5: /* another operation of the class, or another width */
		if (class == BPF_LDX || class == BPF_STX || class == BPF_ST)
			insn->code = (uint8_t)((insn->code & ~0x18) | ((word >> 8) % 4 << 3));
		else
			insn->code = (uint8_t)((insn->code & 0x0f) | ((word >> 8) % 14 << 4));
		break;
	case 6: /* 32 bits instead of 64, with the sign or without */
		if (class == BPF_LDX)
			insn->code ^= 0xe0;
		else
			insn->code ^= class & 4 && class != BPF_JMP32 ? 0x03 : 0;
		if (class == BPF_JMP || class == BPF_JMP32)
			insn->code ^= BPF_JMP ^ BPF_JMP32;
		break;
	default: insn->code ^= BPF_X; break;
	}
}

static void spoil(uint64_t *rng, struct bpf_insn *insns, uint32_t count)
{
	const struct source *other = &sources[random_next(rng) % (source_cnt + 1)];

	for (uint64_t i = 1 + random_next(rng) % 5; i; i--) {
		uint32_t at = (uint32_t)(random_next(rng) % count);
		uint32_t from = (uint32_t)(random_next(rng) % count);
		struct bpf_insn was = insns[at];

		if (is_wide(insns, at))
			continue;
		switch (random_next(rng) % 8) {
		case 0: insns[at] = (struct bpf_insn){.code = BPF_JMP | BPF_JA}; break;
		case 1:
			if (is_wide(insns, from))
				break;
			insns[at] = insns[from];
			insns[from] = was;
			break;
		case 2:
			if (!is_wide(insns, from))
				insns[at] = insns[from];
			break;
		case 3:
			from = other->count ? from % other->count : 0;
			if (other->count && !is_wide(other->insns, from))
				insns[at] = other->insns[from];
			break;
		default: field_change(rng, &insns[at]); break;
		}
	}
}

static struct source *program_make(uint64_t seed, struct bpf_insn *insns, uint32_t *ret_count)
{
	static struct source generated = {.name = "generated"};
	static struct facts_gen gen;
	struct source *source = &generated;
	uint64_t rng = seed;

	if (source_cnt && seed % 2) {
		source = &sources[random_next(&rng) % source_cnt];
		*ret_count = source->count;
		memcpy(insns, source->insns, source->count * sizeof(*insns));
	} else {
		facts_gen_make(seed, &gen);
		generated.type = gen.prog_type;
		*ret_count = gen.insn_cnt;
		memcpy(insns, gen.insns, gen.insn_cnt * sizeof(*insns));
	}
	spoil(&rng, insns, *ret_count);
	return source;
}

/* ---- running ---- */

static uint64_t mix(uint64_t sum, const void *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		sum = (sum ^ ((const uint8_t *)bytes)[i]) * 0x100000001b3u;
	return sum;
}

static void line_note(void *arg, const char *line)
{
	struct outcome *outcome = arg;

	outcome->lines = mix(outcome->lines, line, strlen(line) + 1);
}

static uint64_t map_mix(uint64_t sum, struct bpfmap *map, uint32_t key_size)
{
	uint32_t bytes = bpfmap_value_bytes(map);
	uint8_t *key = calloc(2, key_size + 1), *next = key + key_size, *value = calloc(1, bytes);
	uint32_t most = 4096;

	for (int err = key_size ? bpfmap_next_key(map, NULL, next) : -1; !err && most; most--) {
		memcpy(key, next, key_size);
		bpfmap_read(map, key, value);
		sum = mix(mix(sum, key, key_size), value, bytes);
		err = bpfmap_next_key(map, key, next);
	}
	free(key);
	free(value);
	return sum;
}

static uint64_t maps_mix(const struct source *source)
{
	uint64_t sum = 7;

	for (uint32_t i = 0; source->object && i < source->object->map_cnt; i++)
		sum = map_mix(sum, source->user.maps[i], source->object->maps[i].info.key_size);
	for (int i = 0; !source->object && i < GEN_MAPS; i++)
		sum = map_mix(sum, gen_maps[i], gen_specs[i].key_size);
	return sum;
}

/* Of Ethernet, IPv4 and TCP or UDP, mostly; else of anything. */
static uint32_t packet_make(uint64_t *rng, uint8_t *bytes)
{
	static const uint8_t head[] = {2, 0, 0, 0, 0,  1, 2, 0, 0,  0, 0, 2, 8,	 0, 0x45, 0, 0, 60,
				       0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0,	  2, 0, 80};
	uint32_t len = 14 + (uint32_t)(random_next(rng) % 100);

	for (uint32_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)random_next(rng);
	if (random_next(rng) % 4)
		memcpy(bytes, head, len < sizeof(head) ? len : sizeof(head));
	if (len > 23 && random_next(rng) % 2)
		bytes[23] = 17;
	return len;
}

/* Frames are on the stack: what is not cleared is not 0. */
static __attribute__((noinline)) void stack_spoil(void)
{
	uint8_t junk[JUNK_BYTES];

	memset(junk, 0xa5, sizeof(junk));
	__asm__ volatile("" : : "r"(junk) : "memory");
}

static __attribute__((noinline)) void run_once(struct vm_prog *prog, uint64_t *rng,
					       struct outcome *outcome, int i)
{
	static uint8_t buf[BUF_BYTES];
	uint32_t pull = prog->prog_type == BPF_PROG_TYPE_SOCKET_FILTER ? 14 : 0;
	const struct vm_env env = {.insn_budget = BUDGET, .print = line_note, .print_arg = outcome};
	struct vm_packet packet = {.buf = buf, .buf_size = sizeof(buf), .off = HEAD_ROOM};

	packet.len = packet_make(rng, buf + HEAD_ROOM) - pull;
	packet.off += pull;
	packet.mac_len = pull;
	outcome->err[i] = vm_run_packet(prog, &env, &packet, NULL, 0, &outcome->verdict[i]);
	if (outcome->err[i])
		snprintf(outcome->sentence[i], sizeof(outcome->sentence[i]), "%s",
			 error_sentence());
	outcome->len[i] = packet.len;
	outcome->bytes[i] = mix(7, buf, sizeof(buf));
}

/* In a process of its own. */
static void run_all(const struct source *source, struct vm_prog *prog, uint64_t seed, int compiled)
{
	struct outcome *outcome = &outcomes[compiled];

	alarm(HANG_SECONDS);
	vm_prog_compile(prog, compiled ? VM_JIT_ON : VM_JIT_OFF);
	moment_again();
	for (int i = 0; i < RUNS; i++) {
		stack_spoil();
		run_once(prog, &seed, outcome, i);
		if (outcome->err[i] == -ETIMEDOUT)
			break;
	}
	outcome->maps = maps_mix(source);
	outcome->done = 1;
	_exit(0);
}

static int run_apart(const struct source *source, struct vm_prog *prog, uint64_t seed, int compiled)
{
	int status = 0;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		run_all(source, prog, seed, compiled);
	waitpid(pid, &status, 0);
	return status;
}

/* NULL if both did the same, else what differs. */
static const char *difference(void)
{
	static char why[900];
	const struct outcome *a = &outcomes[0], *b = &outcomes[1];

	for (int i = 0; i < RUNS; i++) {
		if (a->err[i] == -ETIMEDOUT || b->err[i] == -ETIMEDOUT)
			return NULL;
		ended += !a->err[i];
		snprintf(why, sizeof(why), "run %d: %d %u %u %s / %d %u %u %s", i, a->err[i],
			 a->verdict[i], a->len[i], a->sentence[i], b->err[i], b->verdict[i],
			 b->len[i], b->sentence[i]);
		if (a->err[i] != b->err[i] || a->verdict[i] != b->verdict[i] ||
		    a->len[i] != b->len[i] || a->bytes[i] != b->bytes[i] ||
		    strcmp(a->sentence[i], b->sentence[i]) != 0)
			return why;
	}
	if (a->maps != b->maps)
		return "the maps";
	return a->lines != b->lines ? "what they print" : NULL;
}

static void program_print(const struct source *source, const struct bpf_insn *insns, uint32_t count)
{
	char text[96];

	printf("# %s, type %u\n", source->name, source->type);
	for (uint32_t at = 0; at < count; at++)
		printf("# %4u: %02x %u %u %d %d  %s\n", at, insns[at].code, insns[at].dst_reg,
		       insns[at].src_reg, insns[at].off, insns[at].imm,
		       insns[at].code ? insn_text(&insns[at], at, text, sizeof(text)) : "");
}

static const char *compare(const struct source *source, struct vm_prog *prog, uint64_t seed)
{
	static char why[64];

	memset(outcomes, 0, 2 * sizeof(*outcomes));
	for (int compiled = 0; compiled < 2; compiled++) {
		int status = run_apart(source, prog, seed, compiled);

		if (!outcomes[compiled].done) {
			snprintf(why, sizeof(why), "%s it dies, status 0x%x",
				 compiled ? "compiled" : "interpreted", (unsigned int)status);
			return why;
		}
	}
	return difference();
}

static const char *check_seed(uint64_t seed)
{
	static struct bpf_insn insns[MAX_INSNS];
	uint32_t count;
	struct source *source = program_make(seed, insns, &count);
	struct vm_load load = {.prog_type = source->type,
			       .insns = insns,
			       .insn_cnt = count,
			       .maps = {.get = map_get, .put = map_put, .arg = source}};
	const char *why = NULL;
	struct vm_prog *prog;

	made++;
	if (vm_load(&load, &prog))
		return NULL;
	loaded++;
	if (vm_prog_compile(prog, VM_JIT_ON))
		why = error_sentence();
	else
		why = compare(source, prog, seed);
	if (why)
		program_print(source, insns, count);
	vm_free(prog);
	return why;
}

/* Both in the interpreter, once on another packet. */
static int notices(void)
{
	static struct bpf_insn insns[] = {
		{.code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = 2, .src_reg = 1},
		{.code = BPF_LDX | BPF_MEM | BPF_DW, .dst_reg = 0, .src_reg = 2},
		{.code = BPF_JMP | BPF_EXIT}};
	struct source source = {.type = BPF_PROG_TYPE_XDP};
	struct vm_load load = {.prog_type = source.type,
			       .insns = insns,
			       .insn_cnt = 3,
			       .maps = {.get = map_get, .put = map_put, .arg = &source}};
	struct vm_prog *prog;
	int noticed;

	if (vm_load(&load, &prog) || vm_prog_compile(prog, VM_JIT_ON))
		return 0;
	memset(outcomes, 0, 2 * sizeof(*outcomes));
	run_apart(&source, prog, 1, 0);
	run_apart(&source, prog, 2, 1);
	noticed = difference() != NULL;
	vm_free(prog);
	return noticed;
}

static void points_print(const char *why, uint64_t first, uint64_t seed)
{
	printf("%sok 1 - spoilt programs do the same interpreted and compiled\n",
	       why ? "not " : "");
	if (why)
		printf("# seed %llu: %s\n", (unsigned long long)seed - 1, why);
	printf("%sok 2 - another packet is noticed (canary)\n", notices() ? "" : "not ");
	printf("1..2\n# figure: spoilt programs compared in two engines = %llu programs (seeds "
	       "%llu to %llu, %llu made; %llu runs ended in order)\n",
	       (unsigned long long)loaded, (unsigned long long)first, (unsigned long long)seed - 1,
	       (unsigned long long)made, (unsigned long long)ended);
}

int main(int argc, char **argv)
{
	time_t end = time(NULL) + (getenv("BPFMAP_LONG") ? LONG_SECONDS : DEFAULT_SECONDS);
	const char *named = getenv("MUTATE_SEED");
	uint64_t seed = named ? strtoull(named, NULL, 0) : 1, first = seed;
	const char *why = NULL;
	int err = gen_maps_make();

	for (int i = 1; i < argc && !err; i++)
		err = object_add(argv[i]);
	if (err) {
		printf("Bail out! %s\n", error_sentence());
		return 1;
	}
	outcomes = mmap(NULL, 2 * sizeof(*outcomes), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (outcomes == MAP_FAILED)
		return 1;
	while (!why && time(NULL) < end)
		why = check_seed(seed++);
	points_print(why, first, seed);
	return why != NULL;
}
