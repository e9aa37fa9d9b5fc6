// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* packets.c: see packets.h. On libpcap. */
#include "packets.h"

#include <pcap/pcap.h>
#include <stdio.h>

int packets_each(const char *path, packet_fn *fn, void *arg)
{
	char reason[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr header;
	const uint8_t *packet;
	int err = 0;
	pcap_t *pcap = pcap_open_offline(path, reason);

	if (!pcap) {
		fprintf(stderr, "%s\n", reason);
		return -1;
	}
	while (!err && (packet = pcap_next(pcap, &header)))
		err = fn(arg, packet, header.caplen);
	pcap_close(pcap);
	return err;
}
