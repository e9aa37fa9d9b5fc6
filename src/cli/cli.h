/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* cli.h: what every verb is given. */
#ifndef BPFMAP_CLI_CLI_H
#define BPFMAP_CLI_CLI_H

#include "cli/args.h"
#include "cli/exit.h"
#include "cli/out.h"
#include "kernel/backend.h"

struct cli {
	struct out *out;
	const struct backend *backend;
	bool for_programs; /* the output is JSON: no pages, no questions */
	bool debug;	   /* -d: also what is usually left out */
};

/* Each verb takes its words and returns an exit code. */
#define VERB(name, synopsis, help) int verb_##name(struct cli *cli, struct args *args);
#include "cli/verbs.def"
#undef VERB

/* One command line, argv[0] included; may be called again. Returns the exit code. */
int cli_run(int argc, char **argv);

/* Choose who answers bpf(2), for this verb and for libbpf. */
void cli_engine(struct cli *cli, const struct backend *backend);

#endif
