/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* typed_cxx.c: <bpfmap/typed.h> in a C++ program; compiled as C++11 by the test, not linked. */
#include <bpfmap/typed.h>

struct flow_key {
	uint32_t host;
	uint32_t port;
};

BPFMAP_DEFINE(flow_map, flow_key, uint64_t);
BPFMAP_DEFINE_PERCPU(load_map, uint32_t, uint64_t);
BPFMAP_DEFINE_ARRAY(word_array, uint64_t);
BPFMAP_DEFINE_BLOOM(flow_filter, flow_key);

static int sum_flows(const flow_map *flows, uint64_t *ret_sum)
{
	flow_map_iter it;
	uint64_t sum = 0;

	bpfmap_for_each(flow_map, flows, &it) sum += *it.value + it.key->port;
	*ret_sum = sum;
	return it.err;
}

int main()
{
	bpfmap_create_opts opts = bpfmap_create_opts();
	flow_key key = {1, 2};
	uint64_t value = 3;
	uint32_t cpu = 0;
	flow_filter filter;
	flow_map flows;
	load_map loads;
	word_array words;
	int err;

	opts.sz = sizeof(opts);
	opts.type = BPF_MAP_TYPE_HASH;
	err = flow_map_create(&opts, &flows);
	if (err)
		return 1;
	err = flow_map_update(&flows, &key, &value, BPF_ANY);
	err = err ? err : sum_flows(&flows, &value);
	err = err ? err : load_map_open("loads", 0, &loads);
	err = err ? err : load_map_read_cpu(&loads, &cpu, 0, &value);
	err = err ? err : flow_filter_open("filter", 0, &filter);
	err = err ? err : word_array_open("words", 0, &words);
	err = err || !word_array_at(&words, cpu) ? 1 : 0;
	return err || flow_filter_push(&filter, &key) ? 1 : 0;
}
