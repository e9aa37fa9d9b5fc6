/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* trace.h: scripts with the kernel's answers, for machines without bpf(2). A text file: a line
 * "script SEED", then its steps, each with " = RESULT/COUNT #HASH" where an answer is certain.
 */
#ifndef TESTS_DIFF_TRACE_H
#define TESTS_DIFF_TRACE_H

#include "session.h"

struct trace_result {
	uint32_t scripts;
	uint32_t different;
};

/* Both return 0 or -errno. */
int trace_record(struct session *session, const char *path, uint64_t seed, uint32_t scripts);
int trace_replay(struct session *session, const char *path, struct trace_result *ret);

/* One found difference: seed (0: none), what, and the script, as TAP comments. */
void difference_print(uint64_t seed, const struct script *script, const struct outcome *outcome);

#endif
