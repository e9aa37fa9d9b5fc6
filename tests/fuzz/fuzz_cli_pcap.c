/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* fuzz_cli_pcap.c: any bytes as a capture file, read by libpcap as "bpfmap run" does. */
#include "cli_call.h"

#include "cli/capture.h"
#include "cli/exit.h"

#include "bpfmap/bpfmap.h"

#include <string.h>

#define PACKETS_MAX 1000

struct seen {
	uint32_t packets;
	uint32_t sum;
};

static void packet_touch(struct seen *seen, const struct capture_packet *packet)
{
	for (uint32_t i = 0; i < packet->size; i++)
		seen->sum += packet->data[i];
	seen->packets++;
#ifdef FUZZ_CANARY
	if (packet->size)
		fuzz_fail("a packet of %u bytes", packet->size);
#endif
}

static int capture_walk(const char *path)
{
	struct capture_packet packet;
	struct seen seen = {0};
	struct capture *capture;
	int status, err = capture_open(path, &capture);

	if (err)
		return exit_sentence(err, "%s", bpfmap_last_error());
	while ((status = capture_next(capture, &packet)) == CAPTURE_PACKET &&
	       seen.packets < PACKETS_MAX)
		packet_touch(&seen, &packet);
	capture_close(capture);
	return status < 0 ? exit_sentence(status, "%s", bpfmap_last_error()) : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *path = cli_file("capture.pcap", data, size);
	int code;

	cli_begin();
	code = capture_walk(path);
	cli_end("a capture", code);
	cli_clean();
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	cli_prepare(16u << 20);
	return 0;
}
