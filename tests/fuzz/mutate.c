/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* mutate.c: mutate FILE SEED OUT: a spoilt copy of a file, the same for the same seed. */
#include "mutation.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	struct rng rng = {0};
	struct blob blob;

	if (argc != 4) {
		fprintf(stderr, "usage: mutate FILE SEED OUT\n");
		return 2;
	}
	if (blob_read(argv[1], &blob) != 0) {
		fprintf(stderr, "mutate: cannot read %s\n", argv[1]);
		return 1;
	}
	rng.state = strtoull(argv[2], NULL, 0);
	rng_next(&rng);
	blob_mutate(&blob, &rng, 4096);
	if (blob_write(&blob, argv[3]) != 0) {
		fprintf(stderr, "mutate: cannot write %s\n", argv[3]);
		return 1;
	}
	blob_free(&blob);
	return 0;
}
