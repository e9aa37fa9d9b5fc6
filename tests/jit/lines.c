/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* lines.c: an object by clang, loaded by libbpf, compiled and run once; lines.sh lets gdb look. Its fault
 * names the source line, too. Arguments: the object. */
#include "bpf/prog_code.h"
#include "bpfmap/bpfmap.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdio.h>

int main(int argc, char **argv)
{
	struct bpf_object *object = argc > 1 ? bpf_object__open_file(argv[1], NULL) : NULL;
	unsigned char packet[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet));
	int fd;

	if (!object || bpf_object__load(object))
		return 2;
	fd = bpf_program__fd(bpf_object__next_program(object, NULL));
	if (prog_code_compile(fd, VM_JIT_ON)) {
		printf("%s\n", bpfmap_last_error());
		return 3;
	}
	bpf_prog_test_run_opts(fd, &opts);
	printf("%s\n", bpfmap_last_error());
	bpf_object__close(object);
	return 0;
}
