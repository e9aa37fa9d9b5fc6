/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
#include <bpfmap/bpfmap.h>
#include <stdio.h>

int main(void)
{
	struct bpfmap_create_opts opts = {
		.sz = sizeof(opts),
		.type = BPF_MAP_TYPE_HASH,
		.key_size = sizeof(uint32_t),
		.value_size = sizeof(uint64_t),
		.max_entries = 1000,
		.memory = BPFMAP_MEMORY_SHARED,
		.name = "hits",
	};
	uint64_t hits = 41, *counter;
	uint32_t port = 443;
	struct bpfmap *map;

	if (bpfmap_create(&opts, &map) || bpfmap_update(map, &port, &hits, BPF_ANY) ||
	    bpfmap_pin(map, "/sys/fs/bpf/hits")) {
		fprintf(stderr, "counter: %s\n", bpfmap_last_error());
		return 1;
	}
	counter = bpfmap_lookup(map, &port); /* a pointer into the map, as eBPF programs see it */
	(*counter)++;
	printf("port %u: %lu hits; see: bpfmap dump pinned /sys/fs/bpf/hits\n", port, *counter);
	bpfmap_close(map);
	return 0;
}
