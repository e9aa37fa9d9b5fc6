/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* test_case.c: one case. The object is loaded anew, so that its maps are empty and its variables as
 * they were compiled, unless the case goes on with those of the case before. The program runs by
 * BPF_PROG_TEST_RUN in both engines. */
#include "cli/test.h"
#include "cli/verdict.h"

#include "base/clock.h"
#include "bpfmap/bpfmap.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A run under way: what goes in, what comes out. */
struct probe {
	struct test_packet given, expected;
	uint8_t out[TEST_PACKET_MAX];
	uint32_t out_size;
	uint8_t context[TEST_CONTEXT_MAX], context_out[TEST_CONTEXT_MAX];
	uint32_t context_size; /* 0: none */
	uint32_t prog_type;
	uint32_t verdict;
};

static char *copy(const char *s)
{
	return s ? strcpy(must_realloc(NULL, strlen(s) + 1), s) : NULL;
}

void test_differ(struct test_differences *differences, const struct test_difference *difference)
{
	size_t size = (differences->count + 1) * sizeof(*differences->item);

	differences->item = must_realloc(differences->item, size);
	differences->item[differences->count++] = (struct test_difference){
		.where = copy(difference->where),
		.key = copy(difference->key),
		.what = copy(difference->what),
		.expected = copy(difference->expected),
		.got = copy(difference->got),
	};
}

void test_differences_free(struct test_differences *differences)
{
	for (size_t i = 0; i < differences->count; i++) {
		free(differences->item[i].where);
		free(differences->item[i].key);
		free(differences->item[i].what);
		free(differences->item[i].expected);
		free(differences->item[i].got);
	}
	free(differences->item);
	*differences = (struct test_differences){0};
}

static void differ(struct test_differences *differences, const char *where, const char *what,
		   const char *expected, const char *got)
{
	test_differ(differences, &(struct test_difference){.where = (char *)where,
							   .what = (char *)what,
							   .expected = (char *)expected,
							   .got = (char *)got});
}

/* ---- the run ---- */

static int probe_prepare(const struct test_file *file, const struct test_case *test,
			 struct probe *probe)
{
	int err = test_packet(file, test->given_packet, &probe->given);

	if (!err && (test->given_context || test->context))
		err = test_context_set(file, test->given_context, probe->prog_type, probe->context,
				       &probe->context_size);
	/* The kernel wants to be told. */
	if (!err && probe->context_size == sizeof(struct xdp_md))
		((struct xdp_md *)(void *)probe->context)->data_end = probe->given.len;
	return err;
}

static int probe_run(const struct test_run *run, const struct test_case *test, int prog_fd,
		     struct probe *probe)
{
	union bpf_attr attr;
	int err;

	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)prog_fd;
	attr.test.data_in = (uintptr_t)probe->given.bytes;
	attr.test.data_size_in = probe->given.len;
	attr.test.data_out = (uintptr_t)probe->out;
	attr.test.data_size_out = sizeof(probe->out);
	attr.test.repeat = test->repeat;
	if (probe->context_size) {
		attr.test.ctx_in = (uintptr_t)probe->context;
		attr.test.ctx_out = (uintptr_t)probe->context_out;
		attr.test.ctx_size_in = attr.test.ctx_size_out = probe->context_size;
	}
	err = (int)run->cli->backend->bpf(BPF_PROG_TEST_RUN, &attr, sizeof(attr));
	probe->verdict = attr.test.retval;
	probe->out_size = attr.test.data_size_out;
	return err;
}

/* ---- what is expected ---- */

static void verdict_spell(char *text, size_t size, uint32_t prog_type, uint32_t value)
{
	const char *name = verdict_name(prog_type, value);

	if (name)
		snprintf(text, size, "%s", name);
	else
		snprintf(text, size, "%" PRIu32, value);
}

static int verdict_compare(const struct test_file *file, const yaml_node_t *node,
			   const struct probe *probe, struct test_differences *differences)
{
	const char *word = test_scalar(node);
	char expected[32], got[32];
	struct text names = {0};
	uint32_t value;
	int err = 0;

	if (!word || !verdict_parse(probe->prog_type, word, &value)) {
		verdict_names(&names, probe->prog_type);
		err = test_refuse(file, node, "'%s' is no verdict: a number%s%s", word ? word : "?",
				  names.len ? " or one of " : "", text_str(&names));
		text_free(&names);
		return err;
	}
	if (value == probe->verdict)
		return 0;
	verdict_spell(expected, sizeof(expected), probe->prog_type, value);
	verdict_spell(got, sizeof(got), probe->prog_type, probe->verdict);
	differ(differences, "verdict", NULL, expected, got);
	return 0;
}

/* The rows of 16 bytes that differ. */
static void packet_rows(const struct test_packet *expected, const uint8_t *got, uint32_t got_len,
			struct test_differences *differences)
{
	uint32_t longest = expected->len > got_len ? expected->len : got_len;

	for (uint32_t row = 0; row < longest; row += 16) {
		char want_text[64] = "", got_text[64] = "", what[32];
		bool differs = false;

		for (uint32_t i = row; i < row + 16 && i < longest; i++) {
			size_t want_at = strlen(want_text), got_at = strlen(got_text);

			if (i < expected->len)
				snprintf(want_text + want_at, sizeof(want_text) - want_at, "%s%02x",
					 i > row ? " " : "", expected->bytes[i]);
			if (i < got_len)
				snprintf(got_text + got_at, sizeof(got_text) - got_at, "%s%02x",
					 i > row ? " " : "", got[i]);
			differs |=
				i >= expected->len || i >= got_len || expected->bytes[i] != got[i];
		}
		snprintf(what, sizeof(what), "bytes %u-%u", row, row + 15);
		if (differs)
			differ(differences, "packet", what, want_text, got_text);
	}
}

static int packet_compare(const struct test_file *file, const yaml_node_t *node,
			  struct probe *probe, struct test_differences *differences)
{
	const char *word = test_scalar(node);
	char expected[32], got[32];
	int err = 0;

	if (word && !strcmp(word, "unchanged"))
		probe->expected = probe->given;
	else
		err = test_packet(file, node, &probe->expected);
	if (err)
		return err;
	if (probe->expected.len != probe->out_size) {
		snprintf(expected, sizeof(expected), "%u", probe->expected.len);
		snprintf(got, sizeof(got), "%u", probe->out_size);
		differ(differences, "packet", "length", expected, got);
	}
	packet_rows(&probe->expected, probe->out, probe->out_size, differences);
	return 0;
}

static int run_compare(const struct test_file *file, const struct test_case *test,
		       struct probe *probe, struct test_differences *differences)
{
	int err = 0;

	if (test->verdict)
		err = verdict_compare(file, test->verdict, probe, differences);
	/* A socket filter's packet comes back without its Ethernet header. */
	if (!err && test->packet && probe->prog_type == BPF_PROG_TYPE_SOCKET_FILTER)
		err = test_refuse(file, test->packet, "a socket filter does not change packets");
	if (!err && test->packet)
		err = packet_compare(file, test->packet, probe, differences);
	if (!err && test->context)
		err = test_context_compare(file, test->context, probe->prog_type,
					   probe->context_out, differences);
	return err;
}

/* The sentence that a case says it fails with in this engine; NULL: it shall not fail. */
static int fails_text(const struct test_file *file, const struct test_case *test,
		      const char *engine, const char **ret_text)
{
	const yaml_node_t *node = test->fails;

	*ret_text = NULL;
	if (!node)
		return 0;
	*ret_text = test_scalar(node);
	if (*ret_text)
		return 0;
	if (node->type != YAML_MAPPING_NODE)
		return test_refuse(file, node, "a part of the sentence is expected here");
	for (yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     pair < node->data.mapping.pairs.top; pair++) {
		const char *key = test_scalar(test_node(file, pair->key));

		if (!key || !backend_find(key) || !test_scalar(test_node(file, pair->value)))
			return test_refuse(file, node, "fails: { user: TEXT, kernel: TEXT }");
		if (!strcmp(key, engine))
			*ret_text = test_scalar(test_node(file, pair->value));
	}
	return 0;
}

static void failure_compare(const char *expected, const char *sentence,
			    struct test_differences *differences)
{
	if (!expected)
		differ(differences, "run", NULL, "the program ends", sentence);
	else if (!sentence)
		differ(differences, "run", NULL, expected, "the program ended");
	else if (!strstr(sentence, expected))
		differ(differences, "run", NULL, expected, sentence);
}

/* ---- a case ---- */

static int run_and_compare(struct test_run *run, const struct test_file *file,
			   const struct test_case *test, const char *fails, struct probe *probe,
			   struct test_differences *differences)
{
	const struct bpf_program *prog = run->object.prog[0];
	struct test_maps *maps;
	int err, run_err;

	probe->prog_type = bpf_program__type(prog);
	err = probe_prepare(file, test, probe);
	if (!err)
		err = test_maps_begin(file, test, run->cli, &run->object, &maps);
	if (err)
		return err;
	run_err = jit_apply(&run->jit, bpf_program__fd(prog));
	if (!run_err)
		run_err = probe_run(run, test, bpf_program__fd(prog), probe);
	if (run_err || fails)
		failure_compare(fails, run_err ? bpfmap_last_error() : NULL, differences);
	if (!run_err)
		err = run_compare(file, test, probe, differences);
	if (err) {
		test_maps_free(maps);
		return err;
	}
	return test_maps_end(test, maps, differences);
}

/* True if the program of the case before is this one, and its maps are wanted. */
static bool goes_on(const struct test_run *run, const struct test_case *test)
{
	return run->object.bpf && (run->keep || test->keep);
}

/* Bring the program that the case names to the front; libbpf has found it. */
static void program_choose(struct test_run *run, const struct test_case *test)
{
	for (size_t i = 0; test->program && i < run->object.prog_count; i++) {
		struct bpf_program *prog = run->object.prog[i];

		if (!strcmp(bpf_program__name(prog), test->program)) {
			run->object.prog[i] = run->object.prog[0];
			run->object.prog[0] = prog;
		}
	}
}

static void name_add(const char **names, size_t *count, const char *name)
{
	for (size_t i = 0; i < *count; i++)
		if (!strcmp(names[i], name))
			return;
	names[(*count)++] = name;
}

/* 0, or -errno with the sentence in why. Loaded are the programs of this case and of those that go
 * on with its maps, and no others: one that the kernel refuses shall not be in the way. */
static int case_load(struct test_run *run, const struct test_file *file,
		     const struct test_case *test, struct text *why)
{
	const char **names;
	size_t count = 0;
	int err;

	if (goes_on(run, test))
		return 0;
	if (run->object.bpf)
		object_close(&run->object);
	names = must_realloc(NULL, file->count * sizeof(*names));
	for (const struct test_case *t = test; t < file->cases + file->count; t++) {
		if (t > test && !t->keep && !run->keep)
			break;
		if (t->program)
			name_add(names, &count, t->program);
	}
	err = object_try(run->cli, run->object_path,
			 &(struct object_want){.progs = names, .count = count}, &run->object, why);
	free(names);
	return err;
}

static int case_compare(struct test_run *run, const struct test_file *file,
			const struct test_case *test, struct test_result *result)
{
	struct text why = {0};
	struct probe *probe;
	const char *fails;
	int err = fails_text(file, test, run->cli->backend->name, &fails);

	if (err)
		return err;
	err = case_load(run, file, test, &why);
	if (err == OBJECT_WHICH || err == -ENOENT) {
		err = test_refuse(file, test->node, "%s", text_str(&why));
		text_free(&why);
		return err;
	}
	if (err) {
		failure_compare(fails, text_str(&why), &result->differences);
		/* Nobody may load programs, no matter which. */
		if (err == -EPERM) {
			run->refused = err;
			text_addf(&result->why, "%s", text_str(&why));
		}
		text_free(&why);
		return 0;
	}
	program_choose(run, test);
	probe = calloc(1, sizeof(*probe));
	if (!probe)
		must_realloc(NULL, SIZE_MAX);
	err = run_and_compare(run, file, test, fails, probe, &result->differences);
	free(probe);
	return err;
}

void test_case_run(struct test_run *run, const struct test_file *file, const struct test_case *test,
		   struct test_result *ret_result)
{
	struct test_result *result = ret_result;
	double begun = clock_now_seconds();

	*result = (struct test_result){.file = file, .test = test};
	if (test->only && strcmp(test->only, run->cli->backend->name)) {
		result->outcome = TEST_SKIPPED;
		text_addf(&result->why, "only for engine %s", test->only);
		return;
	}
	if (case_compare(run, file, test, result)) {
		result->outcome = TEST_BAD;
		text_addf(&result->why, "%s", bpfmap_last_error());
	} else if (result->differences.count) {
		result->outcome = TEST_FAILED;
	}
	result->seconds = clock_now_seconds() - begun;
}

void test_result_free(struct test_result *result)
{
	text_free(&result->why);
	test_differences_free(&result->differences);
}
