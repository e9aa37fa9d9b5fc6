/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* helper_diff.c: helpers that compute or move packet bytes, with the same arguments here and in the
 * live kernel: return value and packet must be equal. Skipped, and said so, without bpf(2).
 */
#include "isa_engine.h"
#include "isa_insn.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define PACKET_BYTES 64

static const struct engine *engines[] = {&engine_kernel, &engine_user};
static int number;
static int failures;

static int run_one(const struct engine *engine, const struct engine_prog *prog,
		   struct engine_run *run)
{
	int err;

	memset(run, 0, sizeof(*run));
	run->len = PACKET_BYTES;
	for (uint32_t i = 0; i < PACKET_BYTES; i++)
		run->packet[i] = (uint8_t)(i * 37 + 11);
	err = engine->load(prog);
	if (err) {
		printf("# %s: load %d: %s\n", engine->name, err, engine->message());
		return err;
	}
	err = engine->run(run);
	if (err)
		printf("# %s: run %d: %s\n", engine->name, err, engine->message());
	engine->unload();
	return err;
}

static int both_agree(const struct engine_prog *prog, struct engine_run runs[2])
{
	int ok = 1;

	for (int i = 0; i < 2; i++)
		ok = !run_one(engines[i], prog, &runs[i]) && ok;
	return ok && runs[0].retval == runs[1].retval && runs[0].len == runs[1].len &&
	       memcmp(runs[0].packet, runs[1].packet, runs[0].len) == 0;
}

static void point(int ok, const char *name)
{
	failures += !ok;
	printf("%sok %d - %s\n", ok ? "" : "not ", ++number, name);
}

static void agree(const char *name, uint32_t type, const struct bpf_insn *insns, uint32_t count)
{
	const struct engine_prog prog = {.type = type, .insn_cnt = count, .insns = insns};
	static struct engine_run runs[2];
	int ok = both_agree(&prog, runs);

	if (!ok)
		printf("# kernel: %d, %u bytes; here: %d, %u bytes\n", (int)runs[0].retval,
		       runs[0].len, (int)runs[1].retval, runs[1].len);
	point(ok, name);
}

static void canaries(void)
{
	static const struct bpf_insn insns[] = {MOV_IMM(R0, 2), EXIT};
	const struct engine_prog prog = {BPF_PROG_TYPE_XDP, COUNT(insns), insns};
	static struct engine_run runs[2];

	engines[1] = &engine_wrong;
	engine_lie = LIE_RETVAL;
	point(!both_agree(&prog, runs), "a wrong return value is noticed (canary)");
	engine_lie = LIE_PACKET;
	point(!both_agree(&prog, runs), "a wrong packet byte is noticed (canary)");
	engines[1] = &engine_user;
}

#define AGREE(type, name, ...)                                 \
	do {                                                   \
		const struct bpf_insn insns[] = {__VA_ARGS__}; \
		agree(name, type, insns, COUNT(insns));        \
	} while (0)

static void csum_diff(void)
{
	static const int sizes[][2] = {{0, 4}, {4, 0}, {4, 4}, {8, 8}, {8, 16}, {16, 8}, {0, 0},
				       {4, 6}, {2, 4}, {1, 0}, {0, 3}, {5, 7},	{16, 16}};
	static const int seeds[] = {0, 1, 0xffff, -1, 0x12345678, INT32_MIN};
	char name[64];

	for (size_t i = 0; i < COUNT(sizes); i++) {
		for (size_t j = 0; j < COUNT(seeds); j++) {
			snprintf(name, sizeof(name), "csum_diff from %d to %d seed %#x",
				 sizes[i][0], sizes[i][1], (unsigned int)seeds[j]);
			AGREE(BPF_PROG_TYPE_XDP, name, ST(BPF_DW, FP, -16, 0x7fff1234),
			      ST(BPF_DW, FP, -8, -3), ST(BPF_DW, FP, -32, -77),
			      ST(BPF_DW, FP, -24, 0x01020304), MOV_REG(R1, FP), ADD_IMM(R1, -16),
			      MOV_IMM(R2, sizes[i][0]), MOV_REG(R3, FP), ADD_IMM(R3, -32),
			      MOV_IMM(R4, sizes[i][1]), MOV_IMM(R5, seeds[j]), CALL(28), EXIT);
		}
	}
}

static void csum_replace(void)
{
	static const uint32_t words[][2] = {{0, 0},	      {0, 1},
					    {1, 2},	      {0xffff, 0},
					    {0xfffe, 0x8000}, {0x12345678, 0x9abcdef0},
					    {0xffffffff, 1}};
	static const int flags[] = {0, 2, 4, 3, 0x20 | 4, 0x60 | 2, 0x10 | 4, 0x30, 0x100, 0x80};
	static const int offsets[] = {10, 16, 11, 62, 63, 64, 70000};
	char name[80];

	for (int helper = 10; helper <= 11; helper++) {
		for (size_t i = 0; i < COUNT(words) * COUNT(flags) * COUNT(offsets); i++) {
			const uint32_t *word = words[i % COUNT(words)];
			int flag = flags[i / COUNT(words) % COUNT(flags)];
			int offset = offsets[i / COUNT(words) / COUNT(flags)];

			snprintf(name, sizeof(name), "helper %d at %d: %#x to %#x, flags %#x",
				 helper, offset, word[0], word[1], flag);
			AGREE(BPF_PROG_TYPE_SCHED_CLS, name, MOV_IMM(R2, offset),
			      LD_IMM64(R3, word[0]), LD_IMM64(R4, word[1]), MOV_IMM(R5, flag),
			      CALL(helper), EXIT);
		}
	}
}

/* helper(ctx, by), with data_end - data and data - data_meta in the upper bits of the result. In the
 * end the metadata is closed again, because test runs hand it out as part of the packet. */
static void adjust(int helper, const char *what, int by)
{
	char name[64];

	snprintf(name, sizeof(name), "xdp_adjust_%s by %d", what, by);
	AGREE(BPF_PROG_TYPE_XDP, name, MOV_REG(R6, R1), MOV_IMM(R2, by), CALL(helper),
	      MOV_REG(R7, R0), LDX(BPF_W, R2, R6, 0), LDX(BPF_W, R3, R6, 4),
	      ALU64_REG(BPF_SUB, R3, R2), LSH_IMM(R3, 16), ALU64_REG(BPF_XOR, R7, R3),
	      LDX(BPF_W, R3, R6, 8), ALU64_REG(BPF_SUB, R2, R3), MOV_REG(R3, R2), LSH_IMM(R3, 8),
	      ALU64_REG(BPF_XOR, R7, R3), MOV_REG(R1, R6), CALL(54), MOV_REG(R0, R7), EXIT);
}

static void adjust_all(void)
{
	static const int heads[] = {0, 1, 14, 49, 50, 51, 64, 100, -1, -14, -216, -217, -256, -257};
	static const int tails[] = {0, 1, 100, -1, -49, -50, -51, -64, -1000};
	static const int metas[] = {0, -4, -3, -32, -36, -216, -220, 4, 1};

	for (size_t i = 0; i < COUNT(heads); i++)
		adjust(44, "head", heads[i]);
	for (size_t i = 0; i < COUNT(tails); i++)
		adjust(65, "tail", tails[i]);
	for (size_t i = 0; i < COUNT(metas); i++)
		adjust(54, "meta", metas[i]);
}

/* helper(ctx, offset, FP - 8, 4, last): result xor the bytes. */
static void bytes(uint32_t type, int helper, int offset, int last)
{
	char name[80];

	snprintf(name, sizeof(name), "helper %d in type %u at %d, last argument %d", helper, type,
		 offset, last);
	AGREE(type, name, ST(BPF_DW, FP, -8, 0x5a5a5a5a), MOV_IMM(R2, offset), MOV_REG(R3, FP),
	      ADD_IMM(R3, -8), MOV_IMM(R4, 4), MOV_IMM(R5, last), CALL(helper),
	      LDX(BPF_W, R1, FP, -8), ALU64_REG(BPF_XOR, R0, R1), EXIT);
}

static void bytes_all(void)
{
	static const int offsets[] = {0, 1, 14, 46, 47, 50, 51, 60, 61, 64, 70000, -1};
	static const uint32_t types[] = {BPF_PROG_TYPE_SCHED_CLS, BPF_PROG_TYPE_SOCKET_FILTER};

	for (size_t i = 0; i < COUNT(offsets); i++) {
		for (size_t j = 0; j < COUNT(types); j++) {
			bytes(types[j], 26, offsets[i], 0);
			for (int start = 0; start <= 2; start++)
				bytes(types[j], 68, offsets[i], start);
		}
		bytes(BPF_PROG_TYPE_SCHED_CLS, 9, offsets[i], 0);
		bytes(BPF_PROG_TYPE_SCHED_CLS, 9, offsets[i], 1);
		bytes(BPF_PROG_TYPE_XDP, 189, offsets[i], 0);
		bytes(BPF_PROG_TYPE_XDP, 190, offsets[i], 0);
	}
	bytes(BPF_PROG_TYPE_SCHED_CLS, 9, 0, 4);
}

/* trace_printk: only what it returns; the text goes to the kernel's trace buffer. */
static void formats(void)
{
	static const char *const texts[] = {"%d",	"%5d",	 "%-5dx", "%lu",  "%llx",  "%X",
					    "%i %u %x", "%%",	 "%",	  "%f",	  "%.2d",  "%hd",
					    "%c",	"%s",	 "%lls",  "%pz",  "\x01",  "%08lx",
					    "%+d",	"%llld", "%+05d", "% d",  "%-+7d", "%0-5d",
					    "%99999d",	"%5s",	 "%-9x",  "%0+6u"};

	for (size_t i = 0; i < COUNT(texts); i++) {
		uint64_t word = 0;

		memcpy(&word, texts[i], strlen(texts[i]));
		AGREE(BPF_PROG_TYPE_SYSCALL, texts[i][0] < ' ' ? "format \\x01" : texts[i],
		      LD_IMM64(R1, word), STX(BPF_DW, FP, R1, -16), ST(BPF_DW, FP, -8, 0),
		      MOV_REG(R1, FP), ADD_IMM(R1, -16), MOV_IMM(R2, (int)strlen(texts[i]) + 1),
		      MOV_IMM(R3, 8), MOV_IMM(R4, -9), MOV_IMM(R5, 300), CALL(6), EXIT);
	}
}

int main(void)
{
	int err = engine_kernel.map_create(0, BPF_MAP_TYPE_ARRAY, 4, 8, 1);

	if (err) {
		printf("1..0 # SKIP bpf(2) is not permitted here (%d)\n", err);
		return 0;
	}
	engine_kernel.map_close(0);
	csum_diff();
	csum_replace();
	adjust_all();
	bytes_all();
	formats();
	printf("# figure: helper calls compared with the kernel = %d calls\n", number);
	canaries();
	printf("1..%d\n", number);
	return failures != 0;
}
