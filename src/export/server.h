/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* server.h: the HTTP server: who may ask, for how long, and what the addresses mean. */
#ifndef BPFMAP_EXPORT_SERVER_H
#define BPFMAP_EXPORT_SERVER_H

#include "cli/cli.h"
#include "export/config.h"

struct server_options {
	const char *address; /* numeric, IPv4 or IPv6 */
	uint16_t port;	     /* 0: any */
	const char *token;   /* what a request that writes has to know; NULL: none may write */
	struct config *config;
};

struct server;

/* Listen. 0 or -errno with a sentence. */
int server_start(struct cli *cli, const struct server_options *options, struct server **ret_server);
/* The port it listens on. */
uint16_t server_port(const struct server *server);
/* Answer until SIGTERM, SIGINT or SIGHUP. */
int server_run(struct server *server);
void server_stop(struct server *server);

#endif
