/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include <assert.h>
#include <bpfmap/object.h>
#include "../flows/flows.h"

/* A frame that ends inside its IPv4 header is dropped and counted; unit_test flows.bpf.o */
int main(int argc, char **argv)
{
	uint8_t frame[20] = {[12] = 0x08, [13] = 0x00, [14] = 0x45};
	struct bpfmap_packet packet = {.sz = sizeof(packet),
				       .buf = frame,
				       .buf_size = sizeof(frame),
				       .len = sizeof(frame)};
	struct flow_stats *dropped;
	struct bpfmap_object *object;
	uint32_t verdict, index = COUNT_DROPPED;

	assert(!bpfmap_object_open(argv[1], NULL, &object));
	assert(!bpfmap_prog_run(bpfmap_object_prog(object, NULL), NULL, &packet, &verdict));
	assert(verdict == XDP_DROP);
	dropped = bpfmap_lookup(bpfmap_object_map(object, "counters"), &index);
	assert(dropped->packets == 1 && dropped->bytes == sizeof(frame));
	bpfmap_object_close(object);
	return 0;
}
