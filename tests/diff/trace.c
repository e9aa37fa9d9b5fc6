/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* trace.c: see trace.h. */
#include "trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 5u /* differences of one trace */

void difference_print(uint64_t seed, const struct script *script, const struct outcome *outcome)
{
	if (seed)
		printf("# seed %" PRIu64 "\n", seed);
	printf("# step %u: %s\n", outcome->at + 1, outcome->what);
	script_print(stdout, "#   ", script);
}

static void print_recorded(FILE *to, const struct script *script, const struct recording *record)
{
	for (uint32_t i = 0; i < script->count; i++) {
		const struct digest *d = &record->digest[i];

		step_print(to, &script->step[i]);
		if (record->known[i]) {
			fprintf(to, " = %" PRId64, d->result);
			if (d->count)
				fprintf(to, "/%" PRId64, d->count);
			if (d->hash)
				fprintf(to, " #%x", d->hash);
		}
		fputc('\n', to);
	}
}

int trace_record(struct session *session, const char *path, uint64_t seed, uint32_t scripts)
{
	FILE *file = fopen(path, "we");
	struct recording record;
	struct outcome outcome;
	struct script script;

	if (!file)
		return -errno;
	fputs("# SPDX-License-"
	      "Identifier: LGPL-2.1-only OR BSD-2-Clause\n"
	      "# Scripts and the answers of Linux 6.18 (tests/diff/trace.h); written by diff "
	      "--record.\n",
	      file);
	for (uint32_t i = 0; i < scripts; i++) {
		script_generate(seed + i, &script);
		session_run(session, &script, &record, NULL, &outcome);
		if (outcome.differs) {
			difference_print(seed + i, &script, &outcome);
			fclose(file);
			return -EUCLEAN;
		}
		fprintf(file, "script %" PRIu64 "\n", seed + i);
		print_recorded(file, &script, &record);
	}
	return fclose(file) ? -errno : 0;
}

static void replay_one(struct session *session, uint64_t seed, const struct script *script,
		       const struct recording *expected, struct trace_result *ret)
{
	struct outcome outcome;

	if (!script->count)
		return;
	session_run(session, script, NULL, expected, &outcome);
	ret->scripts++;
	ret->different += outcome.differs;
	if (outcome.differs && ret->different <= SHOWN)
		difference_print(seed, script, &outcome);
}

int trace_replay(struct session *session, const char *path, struct trace_result *ret)
{
	FILE *file = fopen(path, "re");
	static struct recording expected;
	struct script script = {.count = 0};
	uint64_t seed = 0;
	char line[256];
	int err = 0;

	memset(ret, 0, sizeof(*ret));
	if (!file)
		return -errno;
	while (!err && fgets(line, sizeof(line), file)) {
		uint32_t at = script.count;

		if (strncmp(line, "script ", 7) == 0) {
			replay_one(session, seed, &script, &expected, ret);
			seed = strtoull(line + 7, NULL, 10);
			script.count = 0;
			memset(&expected, 0, sizeof(expected));
		} else if (line[0] != '#') {
			err = at == SCRIPT_STEPS
				      ? -E2BIG
				      : step_parse(line, &script.step[at], &expected.digest[at],
						   &expected.known[at]);
			script.count++;
		}
	}
	if (!err)
		replay_one(session, seed, &script, &expected, ret);
	fclose(file);
	return err;
}
