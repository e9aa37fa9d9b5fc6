// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* talk.c: two processes run detect.bpf.c and enforce.bpf.c side by side; a map is all they share.
 *
 *   talk DETECT-OBJ ENFORCE-OBJ SOURCES
 *
 * Source s tries s different ports, so those above 8 are scanners. Enforcement runs in rounds, a
 * packet of each source; detection begins after the first round (a pipe tells it), while
 * enforcement goes on until a round has dropped a packet of every scanner. Output: the first and
 * the last round, then the blocked sources with the number of ports that gave them away.
 * Exit status: 0, 1 if something failed, 2 for wrong arguments.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "../common/host.h"
#include "talk.h"

#define PATIENCE_S 20 /* seconds until enforcement gives up */

/* Detection: waits for the word to begin, then shows the program every packet of every source. */
static int detect_main(int prog_fd, int begin_fd, uint32_t sources)
{
	char word;

	if (read(begin_fd, &word, 1) != 1)
		return -EIO;
	for (uint32_t port = 0; port < sources; port++) {
		for (uint32_t source = port + 1; source <= sources; source++) {
			struct record record = {.source = source, .port = port};
			int verdict = host_run(prog_fd, &record, sizeof(record));

			if (verdict < 0)
				return verdict;
		}
	}
	return 0;
}

/* A packet of each source: how many were dropped. */
static int round_run(int prog_fd, uint32_t sources)
{
	int dropped = 0;

	for (uint32_t source = 1; source <= sources; source++) {
		struct record record = {.source = source};
		int verdict = host_run(prog_fd, &record, sizeof(record));

		if (verdict < 0)
			return verdict;
		dropped += verdict == XDP_DROP;
	}
	return dropped;
}

static int enforce_main(int prog_fd, int begin_fd, uint32_t sources)
{
	int expected = sources > PORTS_MAX ? (int)sources - PORTS_MAX : 0;
	int dropped = round_run(prog_fd, sources);
	time_t end = time(NULL) + PATIENCE_S;

	if (dropped < 0)
		return dropped;
	printf("before: %d passed, %d dropped\n", (int)sources - dropped, dropped);
	if (write(begin_fd, "b", 1) != 1)
		return host_failed(-errno, "pipe");
	do
		dropped = round_run(prog_fd, sources);
	while (dropped >= 0 && dropped < expected && time(NULL) < end);
	if (dropped < 0)
		return dropped;
	printf("after: %d passed, %d dropped\n", (int)sources - dropped, dropped);
	return 0;
}

static int blocked_print(int map_fd, uint32_t sources)
{
	for (uint32_t source = 1; source <= sources; source++) {
		struct blocked entry;

		if (bpf_map_lookup_elem(map_fd, &source, &entry))
			continue;
		printf("source %u: blocked after %d ports, %s\n", source,
		       __builtin_popcountll(entry.ports),
		       entry.dropped ? "packets were dropped" : "nothing was dropped");
	}
	return 0;
}

static int side_by_side(int detect_fd, int enforce_fd, uint32_t sources)
{
	int begin[2], status, err;
	pid_t pid;

	if (pipe(begin))
		return host_failed(-errno, "pipe");
	pid = fork();
	if (pid < 0)
		return host_failed(-errno, "fork");
	if (!pid) {
		close(begin[1]);
		_exit(detect_main(detect_fd, begin[0], sources) ? 1 : 0);
	}
	close(begin[0]);
	err = enforce_main(enforce_fd, begin[1], sources);
	close(begin[1]);
	if (waitpid(pid, &status, 0) != pid || status)
		return err ? err : host_failed(-EIO, "detection");
	return err;
}

static int run(const char *detect_path, const char *enforce_path, uint32_t sources)
{
	struct bpf_object *detect, *enforce;
	int detect_fd, enforce_fd, map_fd, err = host_load(detect_path, &detect);

	if (err)
		return err;
	detect_fd = host_prog(detect, "detect");
	map_fd = host_map(detect, "blocked");
	err = detect_fd < 0 || map_fd < 0
		      ? -ENOENT
		      : host_load_sharing(enforce_path, "blocked", map_fd, &enforce);
	if (err)
		goto out_detect;
	enforce_fd = host_prog(enforce, "enforce");
	err = enforce_fd < 0 ? enforce_fd : side_by_side(detect_fd, enforce_fd, sources);
	if (!err)
		err = blocked_print(map_fd, sources);
	bpf_object__close(enforce);
out_detect:
	bpf_object__close(detect);
	return err;
}

int main(int argc, char **argv)
{
	long sources;

	if (argc != 4) {
		fprintf(stderr, "usage: talk DETECT-OBJ ENFORCE-OBJ SOURCES\n");
		return 2;
	}
	sources = host_number("SOURCES", argv[3], 1, PORTS_TOP);
	if (sources < 0)
		return 2;
	return run(argv[1], argv[2], (uint32_t)sources) ? 1 : 0;
}
