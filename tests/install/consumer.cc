/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* consumer.cc: the consumer in C++, with typed maps. */
#include <bpfmap/typed.h>

#include <iostream>

BPFMAP_DEFINE(ports, uint32_t, uint64_t);

int main()
{
	uint32_t port = 443;
	uint64_t hits = 42;
	struct ports map;
	struct bpfmap_create_opts opts = {};

	opts.sz = sizeof(opts);
	opts.type = BPF_MAP_TYPE_HASH;
	opts.max_entries = 16;
	if (ports_create(&opts, &map) || ports_update(&map, &port, &hits, BPF_ANY)) {
		std::cerr << "consumer: " << bpfmap_last_error() << "\n";
		return 1;
	}
	std::cout << port << ": " << *ports_lookup(&map, &port) << " hits\n";
	ports_close(&map);
	return 0;
}
