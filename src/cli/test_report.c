/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* test_report.c: results for people, as TAP 13 and as JUnit's XML. */
#include "cli/test.h"

#include "base/error.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Columns of what is expected, beyond which what is there goes to a line of its own. */
#define EXPECTED_MAX 48

static const char *const outcomes[] = {"ok", "failed", "skipped", "bad"};

size_t test_results_count(const struct test_results *results, enum test_outcome outcome)
{
	size_t count = 0;

	for (size_t i = 0; i < results->count; i++)
		count += results->item[i].outcome == outcome;
	return count;
}

static bool is_same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* ---- for people ---- */

/* Differences of one element stand below it: those that follow `at` and are of the same. */
static size_t group_end(const struct test_differences *differences, size_t at)
{
	size_t end = at;

	while (end < differences->count &&
	       is_same(differences->item[end].where, differences->item[at].where) &&
	       is_same(differences->item[end].key, differences->item[at].key))
		end++;
	return end;
}

/* Columns that the texts of a group take. */
static void group_widths(const struct test_difference *item, size_t count, int *ret_what,
			 int *ret_expected)
{
	size_t what = 0, expected = 0;

	for (size_t i = 0; i < count; i++) {
		if (item[i].what && strlen(item[i].what) > what)
			what = strlen(item[i].what);
		if (strlen(item[i].expected) > expected)
			expected = strlen(item[i].expected);
	}
	*ret_what = (int)what;
	*ret_expected = (int)(expected < EXPECTED_MAX ? expected : EXPECTED_MAX);
}

static void group_text(struct text *text, const struct test_difference *item, size_t count,
		       const char *indent)
{
	int what, expected;

	group_widths(item, count, &what, &expected);
	text_addf(text, "%s%s%s%s%s\n", indent, item->key ? "map " : "", item->where,
		  item->key ? ", key " : "", item->key ? item->key : "");
	for (size_t i = 0; i < count; i++) {
		text_addf(text, "%s  ", indent);
		if (what)
			text_addf(text, "%-*s  ", what, item[i].what ? item[i].what : "");
		if (strlen(item[i].expected) > EXPECTED_MAX)
			text_addf(text, "expected  %s\n%s  %*s       got  %s\n", item[i].expected,
				  indent, what ? what + 2 : 0, "", item[i].got);
		else
			text_addf(text, "expected  %-*s  got  %s\n", expected, item[i].expected,
				  item[i].got);
	}
}

static void differences_text(struct text *text, const struct test_differences *differences,
			     const char *indent)
{
	size_t end;

	for (size_t at = 0; at < differences->count; at = end) {
		end = group_end(differences, at);
		group_text(text, &differences->item[at], end - at, indent);
	}
}

static void field(struct out *out, const char *name, const char *value)
{
	out_key(out, name, NULL);
	if (value)
		out_str(out, value);
	else
		out_null(out);
}

static void difference_print(struct out *out, const struct test_difference *difference)
{
	out_begin(out, OUT_OBJECT, OUT_LINE);
	field(out, "where", difference->where);
	if (difference->key)
		field(out, "key", difference->key);
	if (difference->what)
		field(out, "what", difference->what);
	field(out, "expected", difference->expected);
	field(out, "got", difference->got);
	out_end(out);
}

/* For people a line, and below it what differs. */
static void result_print(struct out *out, const struct test_result *result)
{
	static const char *const words[] = {"ok     ", "FAILED ", "skipped", "BAD    "};
	struct text text = {0};

	text_addf(&text, "%s  %s", words[result->outcome], result->test->name);
	if (result->why.len)
		text_addf(&text, "%s%s", result->outcome == TEST_SKIPPED ? ": " : "\n           ",
			  text_str(&result->why));
	if (result->differences.count) {
		text_addf(&text, "\n");
		differences_text(&text, &result->differences, "           ");
		/* The note has its own line's end. */
		text.s[--text.len] = 0;
	}
	out_note(out, text_str(&text));
	text_free(&text);
	out_begin(out, OUT_OBJECT, OUT_LINE);
	field(out, "name", result->test->name);
	field(out, "file", result->file->path);
	out_key(out, "line", NULL);
	out_u64(out, result->test->node->start_mark.line + 1);
	if (result->test->program)
		field(out, "program", result->test->program);
	field(out, "result", outcomes[result->outcome]);
	out_key(out, "seconds", NULL);
	out_seconds(out, result->seconds);
	if (result->why.len)
		field(out, "why", text_str(&result->why));
	out_key(out, "differences", NULL);
	out_begin(out, OUT_ARRAY, OUT_LIST);
	for (size_t i = 0; i < result->differences.count; i++)
		difference_print(out, &result->differences.item[i]);
	out_end(out);
	out_end(out);
}

static void count_field(struct out *out, const char *name, uint64_t count)
{
	out_key(out, name, NULL);
	out_u64(out, count);
}

void test_report(struct out *out, const struct test_results *results)
{
	size_t ok = test_results_count(results, TEST_OK);
	size_t failed = test_results_count(results, TEST_FAILED);
	size_t skipped = test_results_count(results, TEST_SKIPPED);
	size_t bad = test_results_count(results, TEST_BAD);
	char total[160];

	out_begin(out, OUT_OBJECT, OUT_LINE);
	field(out, "object", results->object);
	field(out, "engine", results->engine);
	out_key(out, "cases", NULL);
	out_begin(out, OUT_ARRAY, OUT_LIST);
	for (size_t i = 0; i < results->count; i++)
		result_print(out, &results->item[i]);
	out_end(out);
	count_field(out, "passed", ok);
	count_field(out, "failed", failed);
	count_field(out, "skipped", skipped);
	count_field(out, "bad", bad);
	out_key(out, "seconds", NULL);
	out_seconds(out, results->seconds);
	out_end(out);
	snprintf(total, sizeof(total), "%zu passed, %zu failed, %zu skipped%s, engine %s, %.2f s",
		 ok, failed + bad, skipped, bad ? " (the file is at fault)" : "", results->engine,
		 results->seconds);
	out_note(out, total);
}

/* ---- TAP ---- */

/* In double quotes, as YAML has them. */
static void tap_quote(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			printf("\\%c", *s);
		else if ((unsigned char)*s < 0x20)
			printf("\\x%02x", (unsigned char)*s);
		else
			putchar(*s);
	}
	putchar('"');
}

static void tap_field(const char *lead, const char *name, const char *value)
{
	printf("%s%s: ", lead, name);
	tap_quote(value);
	putchar('\n');
}

static void tap_details(const struct test_result *result)
{
	puts("  ---");
	tap_field("  ", "file", result->file->path);
	printf("  line: %zu\n", result->test->node->start_mark.line + 1);
	if (result->why.len)
		tap_field("  ", "message", text_str(&result->why));
	if (result->differences.count)
		puts("  differences:");
	for (size_t i = 0; i < result->differences.count; i++) {
		const struct test_difference *item = &result->differences.item[i];

		tap_field("    - ", "where", item->where);
		if (item->key)
			tap_field("      ", "key", item->key);
		if (item->what)
			tap_field("      ", "what", item->what);
		tap_field("      ", "expected", item->expected);
		tap_field("      ", "got", item->got);
	}
	puts("  ...");
}

/* A name may not hold what TAP gives a meaning. */
static void tap_name(const char *s)
{
	for (; *s; s++)
		putchar(*s == '#' || (unsigned char)*s < 0x20 ? ' ' : *s);
}

void test_report_tap(const struct test_results *results)
{
	printf("TAP version 13\n1..%zu\n", results->count);
	for (size_t i = 0; i < results->count; i++) {
		const struct test_result *result = &results->item[i];
		bool ok = result->outcome == TEST_OK || result->outcome == TEST_SKIPPED;

		printf("%s %zu - ", ok ? "ok" : "not ok", i + 1);
		tap_name(result->test->name);
		if (result->outcome == TEST_SKIPPED)
			printf(" # SKIP %s", text_str(&result->why));
		putchar('\n');
		if (!ok)
			tap_details(result);
	}
}

/* ---- JUnit ---- */

static void xml_text(FILE *file, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '<': fputs("&lt;", file); break;
		case '>': fputs("&gt;", file); break;
		case '&': fputs("&amp;", file); break;
		case '"': fputs("&quot;", file); break;
		case '\n':
		case '\t': fputc(*s, file); break;
		default: fputc((unsigned char)*s < 0x20 ? '?' : *s, file); break;
		}
	}
}

static void xml_attribute(FILE *file, const char *name, const char *value)
{
	fprintf(file, " %s=\"", name);
	xml_text(file, value);
	fputc('"', file);
}

static void junit_case(FILE *file, const struct test_result *result)
{
	struct text text = {0};

	fputs("    <testcase", file);
	xml_attribute(file, "name", result->test->name);
	xml_attribute(file, "classname", result->test->program ? result->test->program : "bpf");
	xml_attribute(file, "file", result->file->path);
	fprintf(file, " line=\"%zu\" time=\"%.6f\"", result->test->node->start_mark.line + 1,
		result->seconds);
	if (result->outcome == TEST_OK) {
		fputs("/>\n", file);
		return;
	}
	differences_text(&text, &result->differences, "");
	fputs(">\n", file);
	if (result->outcome == TEST_SKIPPED) {
		fputs("      <skipped", file);
		xml_attribute(file, "message", text_str(&result->why));
		fputs("/>\n", file);
	} else {
		const char *kind = result->outcome == TEST_BAD ? "error" : "failure";

		fprintf(file, "      <%s", kind);
		xml_attribute(file, "message",
			      result->differences.count ? result->differences.item[0].where
							: text_str(&result->why));
		fputs(">", file);
		xml_text(file, text.len ? text_str(&text) : text_str(&result->why));
		fprintf(file, "</%s>\n", kind);
	}
	fputs("    </testcase>\n", file);
	text_free(&text);
}

int test_report_junit(const struct test_results *results, const char *path)
{
	FILE *file = fopen(path, "we");
	bool lost;

	if (!file)
		return fail_os(errno, "can't write %s", path);
	fputs("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite", file);
	xml_attribute(file, "name", results->object);
	fprintf(file,
		" tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"%zu\" time=\"%.6f\">\n",
		results->count, test_results_count(results, TEST_FAILED),
		test_results_count(results, TEST_BAD), test_results_count(results, TEST_SKIPPED),
		results->seconds);
	fputs("    <properties>\n      <property name=\"engine\"", file);
	xml_attribute(file, "value", results->engine);
	fputs("/>\n    </properties>\n", file);
	for (size_t i = 0; i < results->count; i++)
		junit_case(file, &results->item[i]);
	fputs("  </testsuite>\n</testsuites>\n", file);
	lost = fflush(file) || ferror(file);
	lost |= fclose(file) != 0;
	return lost ? fail_os(errno ? errno : EIO, "can't write all of %s", path) : 0;
}
