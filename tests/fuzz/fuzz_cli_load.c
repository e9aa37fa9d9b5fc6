/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* fuzz_cli_load.c: any bytes as the file that "bpfmap load" reads, JSON or hexadecimal, into a map of
 * every kind; then the map is dumped.
 *
 * Input    one byte that chooses the map, then the file. */
#include "cli_call.h"

#include <string.h>

static const char *map_pick(uint8_t choice)
{
	const char *const *names = maps_names();
	size_t count = 0;

	while (names[count])
		count++;
	return names[choice % count];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = {data, size};
	const char *map = map_pick(input_u8(&in));
	const char *load[] = {"load", map, NULL, NULL};
	const char *dump[] = {"-p", "dump", map, NULL};
	const char *plain[] = {"dump", map, NULL};

	maps_restore(map);
	load[2] = cli_file("load.txt", in.at, in.left);
	if (!cli_call(load)) {
#ifdef FUZZ_CANARY
		fuzz_fail("%zu bytes are loaded into %s", in.left, map);
#endif
	}
	cli_call(dump);
	cli_call(plain);
	cli_clean();
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	cli_prepare(1u << 20);
	maps_make(FUZZ_OBJECT, FUZZ_CAPTURE);
	return 0;
}
