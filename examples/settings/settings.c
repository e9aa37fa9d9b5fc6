// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* settings.c: runs settings.bpf.c on frames of 60, 80, ... 1500 bytes and changes its settings
 * meanwhile.
 *
 *   settings OBJ [NAME=VALUE | NAME=]...
 *
 * NAME=VALUE sets, NAME= takes a setting away. After loading and after each change all frames go
 * through the loaded program once more, and a line tells what passed.
 * Exit status: 0, 1 if something failed, 2 for wrong arguments.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../common/host.h"
#include "settings.h"

#define LENGTH_MIN  60
#define LENGTH_MAX  1500
#define LENGTH_STEP 20

static int frames_run(int prog_fd, const char *phase)
{
	static uint8_t frame[LENGTH_MAX];
	unsigned int passed = 0, dropped = 0;

	for (unsigned int length = LENGTH_MIN; length <= LENGTH_MAX; length += LENGTH_STEP) {
		int verdict = host_run(prog_fd, frame, length);

		if (verdict < 0)
			return verdict;
		if (verdict == XDP_PASS)
			passed++;
		else
			dropped++;
	}
	printf("%s: %u passed, %u dropped\n", phase, passed, dropped);
	return 0;
}

static int setting_change(int map_fd, const char *change)
{
	const char *equals = strchr(change, '=');
	struct setting_name name = {{0}};
	uint64_t value;
	char *end;

	if (!equals || equals == change || (size_t)(equals - change) >= sizeof(name.text))
		return host_failed(-EINVAL, change);
	memcpy(name.text, change, (size_t)(equals - change));
	if (!equals[1])
		return bpf_map_delete_elem(map_fd, &name) ? host_failed(-errno, change) : 0;
	value = strtoull(equals + 1, &end, 10);
	if (*end)
		return host_failed(-EINVAL, change);
	return bpf_map_update_elem(map_fd, &name, &value, BPF_ANY) ? host_failed(-errno, change)
								   : 0;
}

static int run(int argc, char **argv)
{
	struct bpf_object *object;
	int prog_fd, map_fd, err = host_load(argv[1], &object);

	if (err)
		return err;
	prog_fd = host_prog(object, "filter");
	map_fd = host_map(object, "settings");
	err = prog_fd < 0 ? prog_fd : map_fd < 0 ? map_fd : frames_run(prog_fd, "no settings");
	for (int i = 2; !err && i < argc; i++) {
		err = setting_change(map_fd, argv[i]);
		if (!err)
			err = frames_run(prog_fd, argv[i]);
	}
	bpf_object__close(object);
	return err;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: settings OBJ [NAME=VALUE | NAME=]...\n");
		return 2;
	}
	return run(argc, argv) ? 1 : 0;
}
