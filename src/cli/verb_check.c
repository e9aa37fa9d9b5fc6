/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_check.c: verify every invariant of a map's bytes. Looks only: what dead writers left is
 * reported, and repair mends it. */
#include "cli/mapref.h"
#include "cli/writers.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static void sound_print(struct out *out, const struct writers *writers)
{
	out_begin(out, OUT_OBJECT, OUT_LINE);
	out_key(out, "sound", "");
	out->ops->scalar(out, "true", "sound");
	if (writers->dead) {
		out_key(out, "dead_writers", "dead writers");
		out_u64(out, writers->dead);
	}
	out_end(out);
}

static int unsound(const struct writers *writers, int err)
{
	char hint[160];

	snprintf(hint, sizeof(hint), "bpfmap repair mends or rebuilds it");
	if (writers->midway)
		snprintf(hint, sizeof(hint),
			 "%u writer%s died in the middle of a change, which bpfmap repair mends",
			 writers->midway, writers->midway == 1 ? "" : "s");
	else if (writers->alive)
		snprintf(hint, sizeof(hint),
			 "%u thread%s may be writing, and what is half done looks so: check it "
			 "again when it is at rest",
			 writers->alive, writers->alive == 1 ? "" : "s");
	return exit_sentence(err, "the map is not sound: %s (%s)", bpfmap_last_error(), hint);
}

static int check(struct cli *cli, const struct mapref *ref)
{
	struct writers writers;
	struct bpfmap *map;
	int err = bpfmap_open_fd(ref->fd, BPFMAP_OPEN_RDONLY, &map);

	if (err)
		return exit_failure(err, "can't open the map");
	writers_count(map, &writers);
	err = bpfmap_check(map);
	bpfmap_close(map);
	if (err == -EUCLEAN)
		return unsound(&writers, err);
	if (err)
		return exit_failure(err, "check failed");
	sound_print(cli->out, &writers);
	return 0;
}

int verb_check(struct cli *cli, struct args *args)
{
	struct mapref ref;
	int code = mapref_parse(cli, args, &ref);

	if (code)
		return code;
	code = args_end(args);
	if (!code && ref.backend != &backend_user)
		code = exit_usage("the kernel's maps cannot be looked into; check is for ours");
	if (!code)
		code = check(cli, &ref);
	mapref_close(&ref);
	return code;
}
