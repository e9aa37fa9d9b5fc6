/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* api.h: what the page asks for, as JSON. docs/serve.md describes it. */
#ifndef BPFMAP_EXPORT_API_H
#define BPFMAP_EXPORT_API_H

#include "cli/cli.h"
#include "kernel/counter.h"

/* Which map, and which of its elements. */
struct api_map_query {
	const struct backend *backend;
	uint32_t id;
	const char *after; /* elements behind this one (its "next"); NULL: the first ones */
	const char *key;   /* only this one, as DATA of one word; NULL: a page of them */
	uint32_t limit;
	bool places; /* pins and holders too, which takes a look at every process */
};

/* All maps. Writes to out, which is empty. */
void api_maps(struct counter *counter, bool writable, struct out *out);

/* 0, or -errno with a sentence; nothing is written then. */
int api_map(struct cli *cli, struct counter *counter, const struct api_map_query *query,
	    struct out *out);

/* Replace the value of an element that exists: body is what load takes, {"key":K,"value":V}. */
int api_update(struct cli *cli, const struct api_map_query *query, const char *body);

#endif
