/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* test.h: what bpfmap test is made of. docs/testing.md describes the file.
 *
 *   test_file.c     the file's structure: cases, their keys
 *   test_value.c    keys and values, typed by BTF; which parts of them were given
 *   test_packet.c   packets from layers, bytes and captures
 *   test_context.c  fields of the context
 *   test_maps.c     maps before and after, and their differences
 *   test_case.c     one case: load, run, compare
 *   test_report.c   results for people, TAP, JUnit
 *   verb_test.c     the words
 *
 * A file's faults are sentences that begin with "FILE:LINE:COLUMN: "; functions that find one
 * return -EINVAL, with the sentence in bpfmap_last_error().
 */
#ifndef BPFMAP_CLI_TEST_H
#define BPFMAP_CLI_TEST_H

#include "cli/jit.h"
#include "cli/object.h"
#include "cli/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <yaml.h>

/* ---- the file ---- */

struct test_case {
	const yaml_node_t *node;
	const char *name;
	const char *program; /* NULL: the only one */
	const char *only;    /* an engine; NULL: both */
	bool keep;	     /* go on with the maps of the case before */
	uint32_t repeat;
	/* NULL: not said. */
	const yaml_node_t *given_maps, *given_context, *given_packet;
	const yaml_node_t *verdict, *packet, *context, *maps, *changes, *fails;
};

struct test_file {
	const char *path;
	yaml_document_t document;
	const char *program;	    /* of cases that name none */
	const yaml_node_t *packets; /* a place for packets that cases refer to by *name */
	struct test_case *cases;
	size_t count;
};

int test_file_read(const char *path, struct test_file *ret_file);
void test_file_free(struct test_file *file);

/* -EINVAL with the place of node. */
__attribute__((format(printf, 3, 4))) int test_refuse(const struct test_file *file,
						      const yaml_node_t *node, const char *fmt,
						      ...);
const yaml_node_t *test_node(const struct test_file *file, int index);
/* A scalar's text, NULL if it is none. */
const char *test_scalar(const yaml_node_t *node);
/* True for a scalar without quotes. */
bool test_is_plain(const yaml_node_t *node);
/* A whole number of 0 to max, decimal or 0x. */
int test_number(const struct test_file *file, const yaml_node_t *node, uint64_t max,
		uint64_t *ret_number);

/* ---- values ---- */

/* What a value is read for. */
struct test_want {
	const char *what; /* "key", "value" */
	const struct btf *btf;
	uint32_t type_id; /* 0: none */
	size_t size;
};

/* size bytes each; a bit of ret_mask is set where the text says what the bit of ret_data is. */
int test_value(const struct test_file *file, const yaml_node_t *node, const struct test_want *want,
	       uint8_t *ret_data, uint8_t *ret_mask);

/* ---- packets ---- */

#define TEST_PACKET_MAX 65536u

struct test_packet {
	uint8_t bytes[TEST_PACKET_MAX];
	uint32_t len;
};

int test_packet(const struct test_file *file, const yaml_node_t *node, struct test_packet *ret);

/* ---- context ---- */

#define TEST_CONTEXT_MAX 256u

/* Fields into a context of the program type. ret_size becomes its size. */
int test_context_set(const struct test_file *file, const yaml_node_t *node, uint32_t prog_type,
		     uint8_t *context, uint32_t *ret_size);

/* ---- results ---- */

struct test_difference {
	char *where; /* "verdict", "packet", "map flows" */
	char *key;   /* of an element; NULL */
	char *what;  /* a member, bytes of a packet; NULL */
	char *expected;
	char *got;
};

struct test_differences {
	struct test_difference *item;
	size_t count;
};

/* The texts are copied; key and what may be NULL. */
void test_differ(struct test_differences *differences, const struct test_difference *difference);
void test_differences_free(struct test_differences *differences);

int test_context_compare(const struct test_file *file, const yaml_node_t *node, uint32_t prog_type,
			 const uint8_t *context, struct test_differences *differences);

/* ---- maps ---- */

struct test_maps;

/* Set what is given, and remember what the maps hold that are to be compared. */
int test_maps_begin(const struct test_file *file, const struct test_case *test, struct cli *cli,
		    const struct object *object, struct test_maps **ret_maps);
/* Compare what they hold now. Frees maps. */
int test_maps_end(const struct test_case *test, struct test_maps *maps,
		  struct test_differences *differences);
void test_maps_free(struct test_maps *maps);

/* ---- cases ---- */

enum test_outcome { TEST_OK, TEST_FAILED, TEST_SKIPPED, TEST_BAD };

struct test_result {
	const struct test_file *file;
	const struct test_case *test;
	enum test_outcome outcome;
	struct text why; /* skipped, bad */
	struct test_differences differences;
	double seconds;
};

struct test_run {
	struct cli *cli;
	const char *object_path;
	struct object object; /* of the case before, if .bpf is not NULL */
	struct jit_words jit;
	bool keep;   /* all cases go on with the maps of the one before */
	int refused; /* -errno: the object cannot be opened, no case can run */
};

void test_case_run(struct test_run *run, const struct test_file *file, const struct test_case *test,
		   struct test_result *ret_result);
void test_result_free(struct test_result *result);

/* ---- reports ---- */

struct test_results {
	const char *object;
	const char *engine;
	struct test_result *item;
	size_t count;
	double seconds;
};

/* The results of one kind. */
size_t test_results_count(const struct test_results *results, enum test_outcome outcome);
void test_report(struct out *out, const struct test_results *results);
void test_report_tap(const struct test_results *results);
/* 0 or -errno with a sentence. */
int test_report_junit(const struct test_results *results, const char *path);

#endif
