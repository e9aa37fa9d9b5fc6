/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* source_line.c: an object file by clang, loaded by libbpf into bpfmap: the sentence about a fault
 * names file, line and instruction. Arguments: the object, its source. */
#include "bpfmap/bpfmap.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The number of the source line that has `text` in it, or 0. */
static int line_with(const char *path, const char *text)
{
	FILE *file = fopen(path, "r");
	char line[256];
	int number = 0;
	int found = 0;

	while (file && !found && fgets(line, sizeof(line), file)) {
		number++;
		if (strstr(line, text))
			found = number;
	}
	if (file)
		fclose(file);
	return found;
}

/* The object stays open, so that the last failure's sentence is the program's. */
static int run(const char *path, struct bpf_object **ret_object)
{
	struct bpf_object *object = *ret_object = bpf_object__open_file(path, NULL);
	unsigned char packet[64] = {0};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet));
	int err;

	if (!object || bpf_object__load(object)) {
		printf("Bail out! load: %s\n", bpfmap_last_error());
		return 0;
	}
	err = bpf_prog_test_run_opts(
		bpf_program__fd(bpf_object__find_program_by_name(object, "peek_far")), &opts);
	printf("# %d: %s\n", err, bpfmap_last_error());
	return err;
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	char expected[64];
	int ok;

	if (argc != 3)
		return 2;
	snprintf(expected, sizeof(expected), "(source_line.bpf.c:%d, ",
		 line_with(argv[2], "outside the packet"));
	ok = run(argv[1], &object) == -EFAULT;
	ok = ok && strstr(bpfmap_last_error(), expected);
	printf("%sok 1 - fault names %s...)\n1..1\n", ok ? "" : "not ", expected);
	bpf_object__close(object);
	return !ok;
}
