/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* script.h: a list of steps (steps.def), and its text: one line per step, as "update h=1 k=3 v=7".
 * A line that begins with # is a comment. A step's recorded answer may follow: " = -2", or
 * " = RESULT/COUNT #HASH".
 */
#ifndef TESTS_DIFF_SCRIPT_H
#define TESTS_DIFF_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SCRIPT_STEPS 512
#define STEP_ARGS    8

enum step_op {
#define STEP(name, arguments, weight) STEP_##name,
#include "steps.def"
#undef STEP
	STEP_OPS
};

struct step {
	uint32_t op;
	int64_t arg[STEP_ARGS];
};

struct script {
	uint32_t count;
	struct step step[SCRIPT_STEPS];
};

/* What is kept of an answer. */
struct digest {
	int64_t result;
	int64_t count;
	uint32_t hash;
};

extern const struct step_kind {
	const char *name;
	const char *letters;
	uint32_t weight;
} step_kinds[STEP_OPS];

/* The argument with that letter; 0 if the step has none. */
int64_t step_arg(const struct step *s, char letter);
void step_set(struct step *s, char letter, int64_t value);
/* Text without newline. */
void step_print(FILE *to, const struct step *s);
void script_print(FILE *to, const char *lead, const struct script *script);
/* 0, or -EINVAL: the line is none. Text from " = " on is a recorded answer; *ret_known says so. */
int step_parse(const char *line, struct step *ret_step, struct digest *ret_answer, bool *ret_known);
/* A file with one script. 0 or -errno. */
int script_read(const char *path, struct script *ret_script);

#endif
