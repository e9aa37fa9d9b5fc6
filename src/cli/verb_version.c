/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_version.c: what was built, and against which libbpf it runs. */
#include "cli/cli.h"

#include "bpfmap/bpfmap.h"

#include <bpf/libbpf.h>

int verb_version(struct cli *cli, struct args *args)
{
	int code = args_end(args);

	if (code)
		return code;
	out_begin(cli->out, OUT_OBJECT, OUT_RECORD);
	out_key(cli->out, "version", "bpfmap");
	out_str(cli->out, bpfmap_version());
	out_key(cli->out, "libbpf_version", "libbpf");
	out_str(cli->out, libbpf_version_string());
	out_end(cli->out);
	return 0;
}
