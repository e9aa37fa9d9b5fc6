/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* static.c: the consumer, with functions of its own that bear names of the library's inside. */
#include <stdlib.h>

int fail(int code, const char *sentence);
void hash_lookup(void);
void region_open(void);

int fail(int code, const char *sentence)
{
	(void)code;
	(void)sentence;
	abort();
}

void hash_lookup(void)
{
	abort();
}

void region_open(void)
{
	abort();
}

#include "consumer.c"
