/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* fuzz_cli_pcap.c: any bytes as a capture file, read by libpcap as "bpfmap run" does. */
#include "cli_call.h"

#include "cli/capture.h"

#include <string.h>

#define PACKETS_MAX 1000

struct seen {
	uint32_t packets;
	uint32_t sum;
};

static int packet_touch(void *arg, const uint8_t *data, uint32_t size)
{
	struct seen *seen = arg;

	for (uint32_t i = 0; i < size; i++)
		seen->sum += data[i];
#ifdef FUZZ_CANARY
	if (size)
		fuzz_fail("a packet of %u bytes", size);
#endif
	return ++seen->packets == PACKETS_MAX;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = cli_file("capture.pcap", data, size);
	struct seen seen = {0};
	int code;

	cli_begin();
	code = capture_walk(path, packet_touch, &seen);
	cli_end("a capture", code);
	cli_clean();
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	cli_prepare(16u << 20);
	return 0;
}
