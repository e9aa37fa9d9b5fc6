// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
#include <assert.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>

int main(void)
{
	unsigned char udp[60] = {[12] = 8, [14] = 0x45, [23] = 17}, runt[30] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = udp, .data_size_in = sizeof(udp),
		    .repeat = 3);
	struct bpf_object *object = bpf_object__open_file("protocols.bpf.o", NULL);
	__u64 packets;
	__u32 key = 17;
	int prog, map;

	assert(object && !bpf_object__load(object));
	prog = bpf_program__fd(bpf_object__find_program_by_name(object, "count"));
	map = bpf_object__find_map_fd_by_name(object, "protocols");

	assert(!bpf_prog_test_run_opts(prog, &run) && run.retval == XDP_PASS);
	assert(!bpf_map_lookup_elem(map, &key, &packets) && packets == 3);

	run.data_in = runt;
	run.data_size_in = sizeof(runt);
	assert(!bpf_prog_test_run_opts(prog, &run) && run.retval == XDP_DROP);
	puts("UDP is counted, runts are dropped");
	bpf_object__close(object);
	return 0;
}
