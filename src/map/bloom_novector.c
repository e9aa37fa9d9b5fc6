/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* bloom_novector.c: on this processor Bloom filters have the portable functions alone. */
#include "map/bloom.h"

const struct bloom_calls *bloom_vector_calls(uint32_t hashes)
{
	(void)hashes;
	return NULL;
}
