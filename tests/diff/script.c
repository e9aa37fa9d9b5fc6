/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* script.c: see script.h. */
#include "script.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const struct step_kind step_kinds[STEP_OPS] = {
#define STEP(name, arguments, weight) {#name, arguments, weight},
#include "steps.def"
#undef STEP
};

int64_t step_arg(const struct step *s, char letter)
{
	const char *at = strchr(step_kinds[s->op].letters, letter);

	return at ? s->arg[at - step_kinds[s->op].letters] : 0;
}

void step_set(struct step *s, char letter, int64_t value)
{
	const char *at = strchr(step_kinds[s->op].letters, letter);

	if (at)
		s->arg[at - step_kinds[s->op].letters] = value;
}

void step_print(FILE *to, const struct step *s)
{
	const char *letters = step_kinds[s->op].letters;

	fputs(step_kinds[s->op].name, to);
	for (size_t i = 0; letters[i]; i++) {
		if (s->arg[i])
			fprintf(to, " %c=%" PRId64, letters[i], s->arg[i]);
	}
}

void script_print(FILE *to, const char *lead, const struct script *script)
{
	for (uint32_t i = 0; i < script->count; i++) {
		fputs(lead, to);
		step_print(to, &script->step[i]);
		fputc('\n', to);
	}
}

static int answer_parse(const char *text, struct digest *ret)
{
	char *end;

	memset(ret, 0, sizeof(*ret));
	ret->result = strtoll(text, &end, 10);
	if (end == text)
		return -EINVAL;
	if (*end == '/')
		ret->count = strtoll(end + 1, &end, 10);
	if (end[0] == ' ' && end[1] == '#')
		ret->hash = (uint32_t)strtoul(end + 2, &end, 16);
	return *end ? -EINVAL : 0;
}

static int op_find(const char *word, uint32_t *ret_op)
{
	for (uint32_t op = 0; op < STEP_OPS; op++) {
		if (strcmp(step_kinds[op].name, word) == 0) {
			*ret_op = op;
			return 0;
		}
	}
	return -EINVAL;
}

int step_parse(const char *line, struct step *ret_step, struct digest *ret_answer, bool *ret_known)
{
	char text[256], *answer, *word, *rest = text;

	memset(ret_step, 0, sizeof(*ret_step));
	snprintf(text, sizeof(text), "%s", line);
	text[strcspn(text, "\n")] = '\0';
	answer = strstr(text, " = ");
	*ret_known = answer != NULL;
	if (answer) {
		*answer = '\0';
		if (answer_parse(answer + 3, ret_answer))
			return -EINVAL;
	}
	word = strsep(&rest, " ");
	if (op_find(word, &ret_step->op))
		return -EINVAL;
	while ((word = strsep(&rest, " "))) {
		if (!word[0] || !strchr(step_kinds[ret_step->op].letters, word[0]) ||
		    word[1] != '=')
			return -EINVAL;
		step_set(ret_step, word[0], strtoll(word + 2, NULL, 0));
	}
	return 0;
}

int script_read(const char *path, struct script *ret_script)
{
	FILE *file = fopen(path, "re");
	struct digest answer;
	char line[256];
	bool known;
	int err = 0;

	ret_script->count = 0;
	if (!file)
		return -errno;
	while (!err && fgets(line, sizeof(line), file)) {
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (ret_script->count == SCRIPT_STEPS)
			err = -E2BIG;
		else
			err = step_parse(line, &ret_script->step[ret_script->count++], &answer,
					 &known);
	}
	fclose(file);
	return err;
}
