/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_serve.c: metrics and a live page over HTTP, until a signal ends it. */
#include "export/server.h"

#include "cli/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

/* The one that ebpf_exporter has. */
#define PORT_DEFAULT 9435

#define TOKEN_BYTES 16

struct serve {
	struct server_options options;
	const char *config_path;
	bool writes;
	struct config config;
	char token[TOKEN_BYTES * 2 + 1];
};

static int word_parse(struct args *args, struct serve *serve)
{
	static const char *const keywords[] = {"port", "address", "config", "write", NULL};
	const char *word = args_next(args);
	uint64_t port;
	int code;

	switch (args_match(word, keywords)) {
	case 0:
		code = args_number(args, "port", UINT16_MAX, &port);
		if (!code)
			serve->options.port = (uint16_t)port;
		return code;
	case 1: return args_word(args, "address", &serve->options.address);
	case 2: return args_word(args, "config: a YAML file", &serve->config_path);
	case 3: serve->writes = true; return 0;
	default: return exit_usage("what is '%s'? Expected port, address, config or write", word);
	}
}

static int token_make(struct serve *serve)
{
	unsigned char bytes[TOKEN_BYTES];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return exit_sentence(-EIO, "no random bytes for the token: %s", strerror(errno));
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(serve->token + i * 2, 3, "%02x", bytes[i]);
	serve->options.token = serve->token;
	return 0;
}

/* Where to look. What follows # stays in the browser, which does not send it. */
static void address_print(struct cli *cli, const struct serve *serve, uint16_t port)
{
	bool is_v6 = strchr(serve->options.address, ':');
	struct text text = {0};

	text_addf(&text, is_v6 ? "http://[%s]:%u/" : "http://%s:%u/", serve->options.address, port);
	if (serve->options.token)
		text_addf(&text, "#token=%s", serve->token);
	out_begin(cli->out, OUT_OBJECT, OUT_LINE);
	out_key(cli->out, "serving", "serving");
	out_word(cli->out, text_str(&text));
	out_end(cli->out);
	fflush(stdout);
	text_free(&text);
	if (strncmp(serve->options.address, "127.", 4) && strcmp(serve->options.address, "::1"))
		fprintf(stderr, "Whoever reaches %s may see all maps that you may see%s.\n",
			serve->options.address,
			serve->writes ? " and, with the token, change them" : "");
}

static int serve_run(struct cli *cli, struct serve *serve)
{
	struct server *server;
	int err = server_start(cli, &serve->options, &server);

	if (err)
		return exit_failure(err, "can't serve");
	address_print(cli, serve, server_port(server));
	err = server_run(server);
	server_stop(server);
	return err ? exit_failure(err, "the server ended") : 0;
}

int verb_serve(struct cli *cli, struct args *args)
{
	struct serve serve = {.options = {.address = "127.0.0.1", .port = PORT_DEFAULT}};
	int err, code = 0;

	serve.options.config = &serve.config;
	while (!code && args->count)
		code = word_parse(args, &serve);
	if (!code && serve.writes)
		code = token_make(&serve);
	if (code)
		return code;
	if (!strcmp(serve.options.address, "localhost"))
		serve.options.address = "127.0.0.1";
	err = serve.config_path ? config_read(serve.config_path, &serve.config) : 0;
	if (err)
		return exit_failure(err, "can't use the configuration");
	code = serve_run(cli, &serve);
	config_free(&serve.config);
	return code;
}
