/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* consumer.c: a program of somebody else's: one map, one count. */
#include <bpfmap/bpfmap.h>
#include <stdio.h>

int main(void)
{
	struct bpfmap_create_opts opts = {
		.sz = sizeof(opts),
		.type = BPF_MAP_TYPE_HASH,
		.key_size = sizeof(uint32_t),
		.value_size = sizeof(uint64_t),
		.max_entries = 16,
	};
	uint64_t hits = 42, read = 0;
	uint32_t port = 443;
	struct bpfmap *map;

	if (bpfmap_create(&opts, &map) || bpfmap_update(map, &port, &hits, BPF_ANY) ||
	    bpfmap_read(map, &port, &read)) {
		fprintf(stderr, "consumer: %s\n", bpfmap_last_error());
		return 1;
	}
	bpfmap_close(map);
	printf("%u: %llu hits\n", port, (unsigned long long)read);
	return 0;
}
