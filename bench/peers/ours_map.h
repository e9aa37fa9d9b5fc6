/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* ours_map.h: the end of a table that is a bpfmap, and its memory. The file that includes it defines struct table,
 * with the member map.
 */
#include <bpfmap/bpfmap.h>
#include <stdlib.h>

static void ours_close(void *table)
{
	struct table *t = table;

	bpfmap_close(t->map);
	free(t);
}

static uint64_t ours_bytes(void *table)
{
	struct table *t = table;
	struct bpfmap_info info;

	return bpfmap_get_info(t->map, &info) ? 0 : info.memory_bytes;
}
