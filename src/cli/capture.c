/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* capture.c: packets of a capture file, through libpcap. */
#include "cli/capture.h"

#include "cli/exit.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>

static int capture_open(const char *path, pcap_t **ret_pcap)
{
	char reason[PCAP_ERRBUF_SIZE];
	FILE *file = fopen(path, "re");
	pcap_t *pcap;
	int link;

	if (!file)
		return exit_sentence(-errno, "can't open the capture %s: %s", path,
				     strerror(errno));
	pcap = pcap_fopen_offline(file, reason);
	if (!pcap) {
		fclose(file);
		return exit_sentence(-EINVAL, "%s is no capture file: %s", path, reason);
	}
	link = pcap_datalink(pcap);
	if (link != DLT_EN10MB) {
		const char *name = pcap_datalink_val_to_name(link);

		pcap_close(pcap);
		return exit_sentence(
			-EINVAL,
			"%s holds %s frames; programs take Ethernet frames, capture on "
			"an Ethernet interface (not 'any')",
			path, name ? name : "unknown");
	}
	*ret_pcap = pcap;
	return 0;
}

int capture_walk(const char *path, capture_packet_fn *packet, void *arg)
{
	struct pcap_pkthdr *header;
	const u_char *data;
	pcap_t *pcap;
	int status, code = capture_open(path, &pcap);

	if (code)
		return code;
	while ((status = pcap_next_ex(pcap, &header, &data)) == 1)
		if (packet(arg, data, header->caplen))
			break;
	if (status == PCAP_ERROR)
		code = exit_sentence(-EINVAL, "the capture %s breaks off: %s", path,
				     pcap_geterr(pcap));
	pcap_close(pcap);
	return code;
}
