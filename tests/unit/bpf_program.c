/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* bpf_program.c: bpfmap/program.h from one thread: loading, what a run gets and gives back, refusals. */
#include "bpf/attr.h"
#include "bpf/command.h"
#include "isa_insn.h"

#include <bpfmap/program.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __SANITIZE_ADDRESS__
/* The leak checker crashes when it looks through thread-local memory after LLVM was loaded. */
const char *__lsan_default_options(void);

const char *__lsan_default_options(void)
{
	return "use_tls=0";
}
#endif

#define COUNT(array)   (sizeof(array) / sizeof((array)[0]))
#define PROGRAM(...)   ((const struct bpf_insn[]){__VA_ARGS__})
#define LENGTH(...)    COUNT(PROGRAM(__VA_ARGS__))
#define XDP(maps, ...) load(BPF_PROG_TYPE_XDP, maps, PROGRAM(__VA_ARGS__), LENGTH(__VA_ARGS__))
#define MAP(dst, at)   LD_PAIR(dst, BPF_PSEUDO_MAP_IDX, at, 0)
#define RETURNS(n)     MOV_IMM(R0, n), EXIT
/* R1 (the context): R2 = data, R3 = data_end; ends with 0 unless n bytes are there. */
#define PACKET_OF(n)                                                                    \
	LDX(BPF_W, R2, R1, offsetof(struct xdp_md, data)),                              \
		LDX(BPF_W, R3, R1, offsetof(struct xdp_md, data_end)), MOV_REG(R4, R2), \
		ADD_IMM(R4, n), JMP_REG(BPF_JLE, R4, R3, 2), RETURNS(0)

static struct bpfmap_prog_spec spec_of(uint32_t type, struct bpfmap *const *maps,
				       const struct bpf_insn *insns, size_t count)
{
	struct bpfmap_prog_spec spec = {.sz = sizeof(spec),
					.insns = insns,
					.insn_cnt = (uint32_t)count,
					.type = type,
					.maps = maps,
					.name = "subject"};

	while (maps && maps[spec.map_cnt])
		spec.map_cnt++;
	return spec;
}

static struct bpfmap_prog *load(uint32_t type, struct bpfmap *const *maps,
				const struct bpf_insn *insns, size_t count)
{
	struct bpfmap_prog_spec spec = spec_of(type, maps, insns, count);
	struct bpfmap_prog *prog = NULL;

	if (bpfmap_prog_load(&spec, &prog))
		fail_msg("%s", bpfmap_last_error());
	return prog;
}

static struct bpfmap *map_new(uint32_t type, uint32_t key_size, uint32_t entries, const char *name)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = type,
					  .key_size = key_size,
					  .value_size = 8,
					  .max_entries = entries,
					  .name = name};
	struct bpfmap *map = NULL;

	assert_int_equal(bpfmap_create(&opts, &map), 0);
	return map;
}

static struct bpfmap_packet packet_of(uint8_t *buf, uint32_t buf_size, uint32_t off, uint32_t len)
{
	return (struct bpfmap_packet){.sz = sizeof(struct bpfmap_packet),
				      .buf = buf,
				      .buf_size = buf_size,
				      .off = off,
				      .len = len};
}

/* The errno of one run, on 60 bytes. */
static int run_errno(const struct bpfmap_prog *prog, const struct bpfmap_run_env *env)
{
	uint8_t bytes[320] = {0};
	struct bpfmap_packet packet = packet_of(bytes, sizeof(bytes), 256, 60);
	uint32_t value = 77;
	int err = bpfmap_prog_run(prog, env, &packet, &value);

	assert_int_equal(value, err ? 77 : XDP_PASS);
	return err;
}

static void sentence_has(const char *words)
{
	if (!strstr(bpfmap_last_error(), words))
		fail_msg("\"%s\" has no \"%s\"", bpfmap_last_error(), words);
}

/* ---- runs ---- */

static void run__sees_and_changes_the_callers_bytes_in_place(void **state)
{
	struct bpfmap_prog *prog =
		XDP(NULL, PACKET_OF(4), LDX(BPF_B, R0, R2, 3), ST(BPF_B, R2, 0, 0xab), EXIT);
	uint8_t bytes[300] = {0};
	struct bpfmap_packet packet = packet_of(bytes, sizeof(bytes), 256, 4);
	uint32_t value;

	bytes[259] = 99;
	assert_int_equal(bpfmap_prog_run(prog, NULL, &packet, &value), 0);
	assert_int_equal(value, 99);
	assert_int_equal(bytes[256], 0xab);
	packet.len = 3;
	assert_int_equal(bpfmap_prog_run(prog, NULL, &packet, &value), 0);
	assert_int_equal(value, 0);
	assert_int_equal(bpfmap_prog_type(prog), BPF_PROG_TYPE_XDP);
	assert_string_equal(bpfmap_prog_name(prog), "subject");
	bpfmap_prog_close(prog);
	bpfmap_prog_close(NULL);
}

static void run__moved_ends_come_back_in_the_packet(void **state)
{
	struct bpfmap_prog *prog =
		XDP(NULL, MOV_REG(R6, R1), MOV_IMM(R2, -8), CALL(BPF_FUNC_xdp_adjust_head),
		    MOV_REG(R1, R6), MOV_IMM(R2, -20), CALL(BPF_FUNC_xdp_adjust_tail),
		    MOV_REG(R1, R6), MOV_IMM(R2, -4), CALL(BPF_FUNC_xdp_adjust_meta), EXIT);
	uint8_t bytes[400] = {0};
	struct bpfmap_packet packet = packet_of(bytes, sizeof(bytes), 256, 60);
	uint32_t value;

	assert_int_equal(bpfmap_prog_run(prog, NULL, &packet, &value), 0);
	assert_int_equal(value, 0);
	assert_int_equal(packet.off, 248);
	assert_int_equal(packet.len, 48);
	assert_int_equal(packet.meta_len, 4);
	bpfmap_prog_close(prog);
}

static void run__context_goes_in_and_out(void **state)
{
	struct bpfmap_prog *xdp =
		XDP(NULL, LDX(BPF_W, R0, R1, offsetof(struct xdp_md, rx_queue_index)), EXIT);
	struct bpfmap_prog *tc =
		load(BPF_PROG_TYPE_SCHED_CLS, NULL,
		     PROGRAM(LDX(BPF_W, R0, R1, offsetof(struct __sk_buff, mark)), MOV_IMM(R2, 5),
			     STX(BPF_W, R1, R2, offsetof(struct __sk_buff, mark)), EXIT),
		     4);
	struct xdp_md md = {.rx_queue_index = 3};
	struct __sk_buff skb = {.mark = 7};
	uint8_t bytes[64] = {0};
	struct bpfmap_packet packet = packet_of(bytes, sizeof(bytes), 0, 64);
	uint32_t value;

	packet.rx_queue_index = 2;
	assert_int_equal(bpfmap_prog_run(xdp, NULL, &packet, &value), 0);
	assert_int_equal(value, 2);
	packet.ctx = &md;
	packet.ctx_size = sizeof(md);
	assert_int_equal(bpfmap_prog_run(xdp, NULL, &packet, &value), 0);
	assert_int_equal(value, 3);
	assert_int_equal(md.data_end, 64);
	packet.ctx = &skb;
	packet.ctx_size = sizeof(skb);
	assert_int_equal(bpfmap_prog_run(tc, NULL, &packet, &value), 0);
	assert_int_equal(value, 7);
	assert_int_equal(skb.mark, 5);
	assert_int_equal(skb.len, 64);
	bpfmap_prog_close(xdp);
	bpfmap_prog_close(tc);
}

static void run__syscall_program_takes_a_context_alone(void **state)
{
	struct bpfmap_prog *prog =
		load(BPF_PROG_TYPE_SYSCALL, NULL,
		     PROGRAM(LDX(BPF_W, R0, R1, 0), ST(BPF_W, R1, 4, 9), EXIT), 3);
	struct bpfmap_prog *xdp = XDP(NULL, RETURNS(2));
	uint32_t ctx[2] = {41, 0}, value;
	struct bpfmap_packet packet = packet_of((uint8_t *)ctx, 8, 0, 8);
	uint32_t one = 1;

	assert_int_equal(bpfmap_prog_run_syscall(prog, NULL, ctx, sizeof(ctx), &value), 0);
	assert_int_equal(value, 41);
	assert_int_equal(ctx[1], 9);
	assert_int_equal(bpfmap_prog_run_syscall(prog, NULL, ctx, 4, &value), -EFAULT);
	assert_int_equal(bpfmap_prog_run_syscall(prog, NULL, NULL, 0, &value), -EFAULT);
	assert_int_equal(bpfmap_prog_run(prog, NULL, &packet, &value), -EINVAL);
	assert_int_equal(bpfmap_prog_run_many(prog, NULL, &packet, &value, &one), -EINVAL);
	assert_int_equal(one, 0);
	assert_int_equal(bpfmap_prog_run_syscall(xdp, NULL, ctx, sizeof(ctx), &value), -EINVAL);
	bpfmap_prog_close(prog);
	bpfmap_prog_close(xdp);
}

static void line_keep(void *arg, const char *line)
{
	snprintf(arg, 64, "%s", line);
}

/* What a load of eight characters gives. */
static uint64_t text_word(const char text[8])
{
	uint64_t word;

	memcpy(&word, text, sizeof(word));
	return word;
}

static void run__environment_limits_instructions_and_takes_lines(void **state)
{
	char line[64] = "";
	struct bpfmap_run_env env = {
		.sz = sizeof(env), .insn_budget = 1000, .print = line_keep, .print_arg = line};
	struct bpfmap_prog *endless = XDP(NULL, JA(-1), EXIT);
	struct bpfmap_prog *talks =
		XDP(NULL, LD_IMM64(R1, text_word("hellu\n\0")), STX(BPF_DW, FP, R1, -8),
		    MOV_REG(R1, FP), ADD_IMM(R1, -8), MOV_IMM(R2, 7), CALL(BPF_FUNC_trace_printk),
		    RETURNS(XDP_PASS));

	assert_int_equal(run_errno(endless, &env), -ETIMEDOUT);
	sentence_has("insn 0");
	assert_int_equal(run_errno(talks, &env), 0);
	assert_non_null(strstr(line, "hellu"));
	bpfmap_prog_close(endless);
	bpfmap_prog_close(talks);
}

static void run__fault_names_the_instruction_and_the_host_goes_on(void **state)
{
	struct bpfmap *map = map_new(BPF_MAP_TYPE_HASH, 4, 1, "absent");
	struct bpfmap *maps[] = {map, NULL};
	struct bpfmap_prog *null =
		XDP(maps, ST(BPF_W, FP, -4, 1), MAP(R1, 0), MOV_REG(R2, FP), ADD_IMM(R2, -4),
		    CALL(BPF_FUNC_map_lookup_elem), LDX(BPF_DW, R0, R0, 0), EXIT);
	struct bpfmap_prog *beyond = XDP(NULL, LDX(BPF_W, R2, R1, 4), ST(BPF_B, R2, 0, 1), EXIT);
	struct bpfmap_prog *field = XDP(NULL, ST(BPF_W, R1, 0, 1), RETURNS(XDP_PASS));

	for (int i = 0; i < 3; i++) {
		assert_int_equal(run_errno(null, NULL), -EFAULT);
		sentence_has("insn 6");
		assert_int_equal(run_errno(beyond, NULL), -EFAULT);
		sentence_has("insn 1");
		assert_int_equal(run_errno(field, NULL), -EACCES);
		sentence_has("context");
	}
	bpfmap_prog_close(null);
	bpfmap_prog_close(beyond);
	bpfmap_prog_close(field);
	bpfmap_close(map);
}

static void run__on_a_cpu_of_its_maps_already_is_EBUSY(void **state)
{
	struct bpfmap *map = map_new(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 1, "counts");
	struct bpfmap *maps[] = {map, NULL};
	struct bpfmap_prog *prog = XDP(maps, MAP(R1, 0), RETURNS(XDP_PASS));

	assert_true(bpfmap_cpu_enter(map) >= 0);
	assert_int_equal(run_errno(prog, NULL), -EBUSY);
	bpfmap_cpu_leave(map);
	assert_int_equal(run_errno(prog, NULL), 0);
	bpfmap_prog_close(prog);
	bpfmap_close(map);
}

/* ---- many packets ---- */

#define MANY 150

static void many__values_come_in_order_and_an_error_says_where(void **state)
{
	struct bpfmap_prog *prog = XDP(NULL, PACKET_OF(1), LDX(BPF_B, R0, R2, 0),
				       JMP_IMM(BPF_JNE, R0, 100, 1), LDX(BPF_B, R0, R3, 0), EXIT);
	uint8_t bytes[MANY][41];
	struct bpfmap_packet packets[MANY];
	uint32_t values[MANY], count = MANY, second;

	for (uint32_t i = 0; i < MANY; i++) {
		bytes[i][40] = (uint8_t)i;
		packets[i] = packet_of(bytes[i], 41, 40, 1);
	}
	assert_int_equal(bpfmap_prog_run_many(prog, NULL, packets, values, &count), -EFAULT);
	assert_int_equal(count, 100);
	second = MANY - 101;
	assert_int_equal(bpfmap_prog_run_many(prog, NULL, packets + 101, values + 101, &second), 0);
	assert_int_equal(second, MANY - 101);
	for (uint32_t i = 0; i < MANY; i++)
		if (i != 100)
			assert_int_equal(values[i], i);
	packets[3].len = 2;
	count = 7;
	assert_int_equal(bpfmap_prog_run_many(prog, NULL, packets, values, &count), -EINVAL);
	assert_int_equal(count, 3);
	count = 0;
	assert_int_equal(bpfmap_prog_run_many(prog, NULL, NULL, NULL, &count), 0);
	bpfmap_prog_close(prog);
}

/* ---- machine code ---- */

static void jit__is_chosen_at_any_time_and_told(void **state)
{
	struct bpfmap_prog *prog = XDP(NULL, PACKET_OF(1), ST(BPF_B, FP, -1, 1), RETURNS(XDP_PASS));
	struct bpfmap_prog_info info = {.sz = sizeof(info)};
	int err;

	assert_int_equal(bpfmap_prog_get_info(prog, &info), 0);
	assert_int_equal(info.sz, sizeof(info));
	assert_int_equal(info.insn_cnt, 10);
	assert_int_equal(info.compiled, 0);
	assert_int_equal(info.code_bytes, 0);
	assert_int_equal(info.accesses, 3);
	assert_in_range(info.accesses_proved, 1, 3);
	assert_string_equal(info.name, "subject");
	err = bpfmap_prog_jit(prog, BPFMAP_JIT_ON);
	assert_true(!err || err == -ENOTSUP);
	assert_int_equal(bpfmap_prog_get_info(prog, &info), 0);
	assert_int_equal(info.compiled, !err);
	assert_int_equal(info.code_bytes > 0, !err);
	assert_int_equal(run_errno(prog, NULL), 0);
	assert_int_equal(bpfmap_prog_jit(prog, BPFMAP_JIT_AUTO), 0);
	assert_int_equal(run_errno(prog, NULL), 0);
	assert_int_equal(bpfmap_prog_jit(prog, BPFMAP_JIT_OFF), 0);
	assert_int_equal(bpfmap_prog_get_info(prog, &info), 0);
	assert_int_equal(info.compiled, 0);
	assert_int_equal(run_errno(prog, NULL), 0);
	assert_int_equal(bpfmap_prog_jit(prog, (enum bpfmap_jit)3), -EINVAL);
	assert_true(bpfmap_prog_use_code(prog, "/nowhere/code.so") < 0);
	assert_true(bpfmap_prog_use_code(prog, "/dev/null") < 0);
	assert_int_equal(run_errno(prog, NULL), 0);
	info.sz = 8;
	assert_int_equal(bpfmap_prog_get_info(prog, &info), -EINVAL);
	bpfmap_prog_close(prog);
}

/* ---- refusals ---- */

static void packet__outside_its_buffer_is_EINVAL(void **state)
{
	static const struct {
		uint32_t buf_size, off, len, meta_len, mac_len;
	} bad[] = {
		{64, 65, 0, 0, 0},	   {64, 0, 65, 0, 0},
		{64, 32, 33, 0, 0},	   {64, UINT32_MAX, 60, 0, 0},
		{64, 4, UINT32_MAX, 0, 0}, {64, 8, 8, 9, 0},
		{64, 8, 8, UINT32_MAX, 0}, {64, 8, 8, 0, 9},
		{64, 8, 8, 0, UINT32_MAX}, {0, 0, 1, 0, 0},
		{0, 1, UINT32_MAX, 0, 0},  {64, UINT32_MAX, UINT32_MAX, 0, 0},
	};
	struct bpfmap_prog *prog = XDP(NULL, RETURNS(2));
	uint8_t bytes[64] = {0};
	uint32_t value = 77;

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct bpfmap_packet packet =
			packet_of(bytes, bad[i].buf_size, bad[i].off, bad[i].len);

		packet.meta_len = bad[i].meta_len;
		packet.mac_len = bad[i].mac_len;
		assert_int_equal(bpfmap_prog_run(prog, NULL, &packet, &value), -EINVAL);
		sentence_has("does not fit its buffer");
	}
	assert_int_equal(value, 77);
	bpfmap_prog_close(prog);
}

static void packet__without_a_buffer_is_empty_or_EINVAL(void **state)
{
	struct bpfmap_prog *prog = XDP(NULL, PACKET_OF(1), RETURNS(2));
	struct bpfmap_packet packet = packet_of(NULL, 0, 0, 0);
	uint32_t value;

	assert_int_equal(bpfmap_prog_run(prog, NULL, &packet, &value), 0);
	assert_int_equal(value, 0);
	packet.buf_size = 64;
	assert_int_equal(bpfmap_prog_run(prog, NULL, &packet, &value), -EINVAL);
	sentence_has("without a buffer");
	bpfmap_prog_close(prog);
}

static void structs__longer_ones_are_good_if_zero_behind(void **state)
{
	static const struct bpf_insn insns[] = {RETURNS(2)};
	struct {
		struct bpfmap_prog_spec known;
		uint64_t later;
	} spec = {spec_of(BPF_PROG_TYPE_XDP, NULL, insns, 2), 0};
	struct {
		struct bpfmap_packet known;
		uint64_t later;
	} packets[2] = {{packet_of(NULL, 0, 0, 0), 0}, {packet_of(NULL, 0, 0, 0), 0}};
	struct bpfmap_run_env env = {.sz = sizeof(env) - 1};
	struct bpfmap_prog *prog;
	uint32_t values[2], two = 2;

	spec.known.sz = sizeof(spec);
	packets[0].known.sz = packets[1].known.sz = sizeof(packets[0]);
	assert_int_equal(bpfmap_prog_load(&spec.known, &prog), 0);
	assert_int_equal(bpfmap_prog_run_many(prog, NULL, &packets[0].known, values, &two), 0);
	assert_int_equal(values[1], 2);
	packets[1].later = 1;
	assert_int_equal(bpfmap_prog_run_many(prog, NULL, &packets[0].known, values, &two),
			 -EINVAL);
	assert_int_equal(two, 1);
	sentence_has("does not know");
	assert_int_equal(bpfmap_prog_run(prog, &env, &packets[0].known, values), -EINVAL);
	sentence_has("sz");
	packets[0].known.sz = 0;
	assert_int_equal(bpfmap_prog_run(prog, NULL, &packets[0].known, values), -EINVAL);
	bpfmap_prog_close(prog);
	spec.later = 1;
	assert_int_equal(bpfmap_prog_load(&spec.known, &prog), -EINVAL);
	spec.known.sz = 8;
	assert_int_equal(bpfmap_prog_load(&spec.known, &prog), -EINVAL);
}

/* Loading with these instructions fails, with these words in the sentence and in the log. */
static void load_refused(struct bpfmap *const *maps, const struct bpf_insn *insns, size_t count,
			 int err, const char *words)
{
	struct bpfmap_prog_spec spec = spec_of(BPF_PROG_TYPE_XDP, maps, insns, count);
	struct bpfmap_prog *prog = NULL;
	char log[256] = "";

	spec.log = log;
	spec.log_size = sizeof(log);
	assert_int_equal(bpfmap_prog_load(&spec, &prog), err);
	assert_null(prog);
	sentence_has(words);
	assert_non_null(strstr(log, words));
}

#define REFUSED(maps, err, words, ...) \
	load_refused(maps, PROGRAM(__VA_ARGS__), LENGTH(__VA_ARGS__), err, words)

static void load__names_what_it_refuses(void **state)
{
	struct bpfmap *map = map_new(BPF_MAP_TYPE_HASH, 4, 1, "small");
	struct bpfmap *maps[] = {map, NULL};

	REFUSED(NULL, -EINVAL, "insn 0", RAW(0xff, 0, 0, 0, 0), EXIT);
	REFUSED(NULL, -EINVAL, "insn 1", MOV_IMM(R0, 1), CALL(9999), EXIT);
	REFUSED(maps, -EINVAL, "insn 1: refers to map 1 of 1", MOV_IMM(R0, 1), MAP(R1, 1), EXIT);
	REFUSED(maps, -EINVAL, "map -1 of 1", MAP(R1, -1), RETURNS(0));
	REFUSED(NULL, -EINVAL, "map 0 of 0", MAP(R1, 0), RETURNS(0));
	REFUSED(maps, -EINVAL, "BPF_PSEUDO_MAP_IDX", LD_MAP(R1, 0), RETURNS(0));
	REFUSED(maps, -EINVAL, "ARRAY", LD_PAIR(R1, BPF_PSEUDO_MAP_IDX_VALUE, 0, 0), RETURNS(0));
	/* The second half of the instruction is missing. */
	REFUSED(maps, -EINVAL, "insn",
		RAW(BPF_LD | BPF_IMM | BPF_DW, R1, BPF_PSEUDO_MAP_IDX, 0, 0));
	bpfmap_close(map);
}

static void load__bad_specs_are_refused(void **state)
{
	static const struct bpf_insn insns[] = {RETURNS(2)};
	struct bpfmap_prog_spec good = spec_of(BPF_PROG_TYPE_XDP, NULL, insns, 2), spec;
	struct bpfmap_prog *prog;

	spec = good, spec.insn_cnt = 0;
	assert_int_equal(bpfmap_prog_load(&spec, &prog), -E2BIG);
	spec = good, spec.insn_cnt = UINT32_MAX;
	assert_int_equal(bpfmap_prog_load(&spec, &prog), -E2BIG);
	spec = good, spec.insns = NULL;
	assert_int_equal(bpfmap_prog_load(&spec, &prog), -E2BIG);
	spec = good, spec.type = BPF_PROG_TYPE_KPROBE;
	assert_int_equal(bpfmap_prog_load(&spec, &prog), -EINVAL);
	sentence_has("supported are xdp");
	spec = good, spec.map_cnt = 1;
	assert_int_equal(bpfmap_prog_load(&spec, &prog), -EINVAL);
	spec = good, spec.log_size = 1;
	assert_int_equal(bpfmap_prog_load(&spec, &prog), -EINVAL);
	spec = good, spec.btf_size = 1;
	assert_int_equal(bpfmap_prog_load(&spec, &prog), -EINVAL);
	spec = good, spec.line_info_cnt = 1;
	assert_int_equal(bpfmap_prog_load(&spec, &prog), -EINVAL);
	spec = good, spec.name = "sixteen.letters.";
	assert_int_equal(bpfmap_prog_load(&spec, &prog), -EINVAL);
	spec = good, spec.name = NULL;
	assert_int_equal(bpfmap_prog_load(&spec, &prog), 0);
	assert_string_equal(bpfmap_prog_name(prog), "");
	bpfmap_prog_close(prog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(run__sees_and_changes_the_callers_bytes_in_place),
		cmocka_unit_test(run__moved_ends_come_back_in_the_packet),
		cmocka_unit_test(run__context_goes_in_and_out),
		cmocka_unit_test(run__syscall_program_takes_a_context_alone),
		cmocka_unit_test(run__environment_limits_instructions_and_takes_lines),
		cmocka_unit_test(run__fault_names_the_instruction_and_the_host_goes_on),
		cmocka_unit_test(run__on_a_cpu_of_its_maps_already_is_EBUSY),
		cmocka_unit_test(many__values_come_in_order_and_an_error_says_where),
		cmocka_unit_test(jit__is_chosen_at_any_time_and_told),
		cmocka_unit_test(packet__outside_its_buffer_is_EINVAL),
		cmocka_unit_test(packet__without_a_buffer_is_empty_or_EINVAL),
		cmocka_unit_test(structs__longer_ones_are_good_if_zero_behind),
		cmocka_unit_test(load__names_what_it_refuses),
		cmocka_unit_test(load__bad_specs_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
