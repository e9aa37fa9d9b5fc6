/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* session.h: a script on all oracles in lock step; how scripts are made, and made small. */
#ifndef TESTS_DIFF_SESSION_H
#define TESTS_DIFF_SESSION_H

#include "engine.h"

#define TEXT_MOST 512

struct outcome {
	bool differs;
	uint32_t at; /* the step's index */
	char what[TEXT_MOST];
};

struct recording {
	struct digest digest[SCRIPT_STEPS];
	bool known[SCRIPT_STEPS];
};

struct session {
	struct engine *engine[2]; /* ours is the first */
	uint32_t engines;
	uint64_t steps;	       /* taken */
	uint64_t by_kernel;    /* answers of ours that were compared with the kernel's */
	uint64_t by_model;     /* with the model's */
	uint64_t by_recording; /* with a recorded one */
};

/* Until the first difference. record: the last engine's answers; expected: recorded ones. Either
 * may be NULL. */
void session_run(struct session *session, const struct script *script, struct recording *record,
		 const struct recording *expected, struct outcome *ret);

/* generate.c: one script from a seed. */
void script_generate(uint64_t seed, struct script *ret);

/* shrink.c: the script that still differs in the same step kind, as small as time allows. */
void script_shrink(struct session *session, struct script *script, struct outcome *outcome,
		   uint64_t limit_ms);

uint64_t now_ms(void);

#endif
