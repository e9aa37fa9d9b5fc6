/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* server.c: the HTTP server.
 *
 * One thread, beside the one that counts the kernel's elements: connections are non-blocking
 * (libmicrohttpd's epoll), so a slow client keeps nobody waiting, and every answer is made in one
 * piece and in memory.
 *
 * Who may ask   Whoever reaches the socket, which is on the loopback unless the user says
 *               otherwise; but not a web page of somebody else's whose host name was made to point
 *               here (DNS rebinding): the Host header must be a numeric address, localhost or this
 *               machine's name.
 * Who may write With the word write, requests that carry the token, which other web pages cannot
 *               know and without consent of this server, which it does not give, could not send as
 *               a header either.
 * Limits        connections, bytes of a header and of a body, idle seconds, and seconds from a
 *               request's beginning to the end of its answer.
 */
#include "export/server.h"

#include "base/clock.h"
#include "base/error.h"
#include "cli/text.h"
#include "export/api.h"
#include "export/metrics.h"
#include "export/page.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX	  64
#define HEADER_BYTES_MAX  (16 << 10)
#define BODY_BYTES_MAX	  (64 << 10)
#define IDLE_SECONDS	  10
#define REQUEST_SECONDS	  30
#define PAGE_ELEMENTS	  50
#define PAGE_ELEMENTS_MAX 1000

struct server {
	struct cli *cli;
	struct server_options options;
	struct MHD_Daemon *daemon;
	int signals;		 /* what ends the server can be read here */
	struct counter *counter; /* NULL: its thread could not be started */
	struct client {
		struct MHD_Connection *connection;
		double since; /* the request began, or the connection */
	} client[CONNECTIONS_MAX];
	char host[256]; /* this machine's name */
};

/* One request, from its header to its answer. */
struct request {
	struct text body;
	size_t body_bytes; /* also those beyond the limit, which are not kept */
};

struct answer {
	unsigned int status;
	const char *type;
	char *body; /* from malloc, owned by the answer, or the page */
	size_t len;
	enum MHD_ResponseMemoryMode memory;
};

/* ---- answers ---- */

/* JSON into memory. Not open_memstream(), which leaves out in silence what there is no memory
 * for. */
struct json {
	FILE *file;
	struct out *out;
	char *body;
	size_t len, room;
	bool failed; /* no memory: nothing more is tried */
};

static ssize_t json_write(void *cookie, const char *bytes, size_t size)
{
	struct json *json = cookie;

	if (json->len + size > json->room) {
		size_t room = (json->len + size) * 2;
		char *body = json->failed ? NULL : realloc(json->body, room);

		json->failed = !body;
		if (json->failed)
			return 0;
		json->body = body;
		json->room = room;
	}
	memcpy(json->body + json->len, bytes, size);
	json->len += size;
	return (ssize_t)size;
}

static int json_begin(struct json *json)
{
	static const cookie_io_functions_t functions = {.write = json_write};

	*json = (struct json){0};
	json->file = fopencookie(json, "w", functions);
	if (!json->file)
		return fail(ENOMEM, "no memory for an answer");
	json->out = out_json_new(json->file, OUT_STYLE_JSON, OUT_BYTES_NUMBERS);
	return 0;
}

static struct answer answer_text(unsigned int status, const char *text)
{
	size_t len = strlen(text);

	return (struct answer){status, "text/plain; charset=utf-8",
			       memcpy(must_realloc(NULL, len + 1), text, len + 1), len,
			       MHD_RESPMEM_MUST_FREE};
}

/* An answer with something missing in the middle is not sent. */
static struct answer json_end(struct json *json, unsigned int status)
{
	json->out->ops->free(json->out);
	fclose(json->file);
	if (!json->failed)
		return (struct answer){status, "application/json", json->body, json->len,
				       MHD_RESPMEM_MUST_FREE};
	free(json->body);
	return answer_text(MHD_HTTP_INTERNAL_SERVER_ERROR, "no memory for the answer\n");
}

static unsigned int status_of(int err)
{
	switch (err) {
	case -ENOENT: return MHD_HTTP_NOT_FOUND;
	case -EPERM:
	case -EACCES: return MHD_HTTP_FORBIDDEN;
	case -ENOMEM: return MHD_HTTP_INTERNAL_SERVER_ERROR;
	default: return MHD_HTTP_BAD_REQUEST;
	}
}

/* {"error": sentence}; err 0: {}. */
static struct answer answer_result(int err)
{
	const char *sentence = error_sentence();
	struct json json;

	if (json_begin(&json))
		return answer_text(MHD_HTTP_INTERNAL_SERVER_ERROR, "no memory\n");
	out_begin(json.out, OUT_OBJECT, OUT_RECORD);
	if (err) {
		out_key(json.out, "error", "error");
		out_str(json.out, sentence[0] ? sentence : strerror(-err));
	}
	out_end(json.out);
	return json_end(&json, err ? status_of(err) : MHD_HTTP_OK);
}

static struct answer answer_maps(struct server *server)
{
	struct json json;

	if (json_begin(&json))
		return answer_result(-ENOMEM);
	api_maps(server->counter, server->options.token, json.out);
	return json_end(&json, MHD_HTTP_OK);
}

static struct answer answer_map(struct server *server, const struct api_map_query *query)
{
	struct answer answer;
	struct json json;
	int err = json_begin(&json);

	if (err)
		return answer_result(err);
	err = api_map(server->cli, server->counter, query, json.out);
	answer = json_end(&json, MHD_HTTP_OK);
	if (!err)
		return answer;
	free(answer.body);
	return answer_result(err);
}

static struct answer answer_metrics(struct server *server, struct MHD_Connection *connection)
{
	const char *accept = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Accept");
	bool is_open = accept && strstr(accept, "application/openmetrics-text");
	struct expose expose = {.format = is_open ? EXPOSE_OPENMETRICS : EXPOSE_TEXT};

	metrics_write(server->cli, server->counter, server->options.config, &expose);
	return (struct answer){MHD_HTTP_OK, expose_content_type(expose.format), expose.text.s,
			       expose.text.len, MHD_RESPMEM_MUST_FREE};
}

static struct answer answer_page(void)
{
	return (struct answer){MHD_HTTP_OK, "text/html; charset=utf-8", (char *)page_html,
			       page_html_len, MHD_RESPMEM_PERSISTENT};
}

/* ---- who may ask ---- */

static bool is_numeric(const char *host)
{
	unsigned char address[sizeof(struct in6_addr)];

	return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

/* host[:port] or [address]:port. */
static bool host_is_ours(const struct server *server, const char *header)
{
	char host[256];
	size_t bracket = header[0] == '[';
	size_t len = strcspn(header + bracket, bracket ? "]" : ":");

	if (len >= sizeof(host))
		return false;
	memcpy(host, header + bracket, len);
	host[len] = 0;
	return is_numeric(host) || !strcasecmp(host, "localhost") ||
	       (server->host[0] && !strcasecmp(host, server->host));
}

/* In a time that does not tell how much of a guess is right. */
static bool token_is_right(const struct server *server, const char *given)
{
	const char *token = server->options.token;
	unsigned char differs = 0;

	if (!given || strlen(given) != strlen(token))
		return false;
	for (size_t i = 0; token[i]; i++)
		differs |= (unsigned char)(token[i] ^ given[i]);
	return !differs;
}

/* ---- what is asked for ---- */

static const char *argument(struct MHD_Connection *connection, const char *name)
{
	return MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);
}

static int number_parse(const char *text, uint64_t max, uint64_t *ret)
{
	char *end;

	errno = 0;
	*ret = strtoull(text, &end, 10);
	if (!*text || *end || errno || text[0] == '-' || *ret > max)
		return fail(EINVAL, "'%.30s' is no number up to %llu", text,
			    (unsigned long long)max);
	return 0;
}

/* /api/map/ID?world=W&after=HEX&limit=N&key=DATA&places=1 */
static int query_parse_url(struct MHD_Connection *connection, const char *id,
			   struct api_map_query *ret_query)
{
	const char *world = argument(connection, "world"), *limit = argument(connection, "limit");
	struct api_map_query query = {.backend = backend_find(world ? world : "user"),
				      .after = argument(connection, "after"),
				      .key = argument(connection, "key"),
				      .places = argument(connection, "places")};
	uint64_t number;
	int err;

	if (!query.backend)
		return fail(EINVAL, "world is user or kernel");
	err = number_parse(id, UINT32_MAX, &number);
	query.id = (uint32_t)number;
	number = PAGE_ELEMENTS;
	if (!err && limit)
		err = number_parse(limit, PAGE_ELEMENTS_MAX, &number);
	query.limit = number ? (uint32_t)number : 1;
	*ret_query = query;
	return err;
}

static struct answer answer_write(struct server *server, struct MHD_Connection *connection,
				  const struct api_map_query *query, const struct request *request)
{
	const char *token =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "X-Bpfmap-Token");

	if (!server->options.token)
		return answer_result(fail(EPERM, "this server is read-only; start it with the "
						 "word write"));
	if (!token_is_right(server, token))
		return answer_result(fail(EPERM, "the token is missing or wrong; open the address "
						 "that bpfmap serve printed"));
	if (request->body_bytes > BODY_BYTES_MAX)
		return answer_text(MHD_HTTP_CONTENT_TOO_LARGE, "the body is too large\n");
	if (strlen(text_str(&request->body)) != request->body.len)
		return answer_result(fail(EINVAL, "the body holds a zero byte"));
	return answer_result(api_update(server->cli, query, text_str(&request->body)));
}

static struct answer answer_api_map(struct server *server, struct MHD_Connection *connection,
				    const char *id, bool writes, const struct request *request)
{
	struct api_map_query query;
	int err = query_parse_url(connection, id, &query);

	if (err)
		return answer_result(err);
	if (writes)
		return answer_write(server, connection, &query, request);
	return answer_map(server, &query);
}

static struct answer answer_make(struct server *server, struct MHD_Connection *connection,
				 const char *url, const char *method, const struct request *request)
{
	static const char map[] = "/api/map/";
	const char *host =
		MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_HOST);
	bool reads = !strcmp(method, "GET") || !strcmp(method, "HEAD");
	bool writes = !strcmp(method, "POST") && !strncmp(url, map, strlen(map));

	if (!host || !host_is_ours(server, host))
		return answer_text(MHD_HTTP_MISDIRECTED_REQUEST,
				   "the Host header is neither an address nor localhost\n");
	if (!reads && !writes)
		return answer_text(MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
	if (!strcmp(url, "/"))
		return answer_page();
	if (!strcmp(url, "/metrics"))
		return answer_metrics(server, connection);
	if (!strcmp(url, "/api/maps"))
		return answer_maps(server);
	if (!strncmp(url, map, strlen(map)))
		return answer_api_map(server, connection, url + strlen(map), writes, request);
	return answer_text(MHD_HTTP_NOT_FOUND,
			   "not found; there are / /metrics /api/maps /api/map/ID\n");
}

static enum MHD_Result answer_send(struct MHD_Connection *connection, const struct answer *answer)
{
	static const char *const headers[][2] = {
		{"Cache-Control", "no-store"},
		{"Content-Security-Policy", page_csp},
		{"Cross-Origin-Resource-Policy", "same-origin"},
		{"Referrer-Policy", "no-referrer"},
		{"X-Content-Type-Options", "nosniff"},
		{"X-Frame-Options", "DENY"},
	};
	struct MHD_Response *response =
		MHD_create_response_from_buffer(answer->len, answer->body, answer->memory);
	enum MHD_Result result;

	if (!response) {
		if (answer->memory == MHD_RESPMEM_MUST_FREE)
			free(answer->body);
		return MHD_NO;
	}
	MHD_add_response_header(response, "Content-Type", answer->type);
	if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, "Allow", "GET, HEAD");
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		MHD_add_response_header(response, headers[i][0], headers[i][1]);
	result = MHD_queue_response(connection, answer->status, response);
	MHD_destroy_response(response);
	return result;
}

/* ---- libmicrohttpd's callbacks ---- */

static struct client *client_find(struct server *server, const struct MHD_Connection *connection)
{
	for (size_t i = 0; i < CONNECTIONS_MAX; i++)
		if (server->client[i].connection == connection)
			return &server->client[i];
	return NULL;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
			  enum MHD_ConnectionNotificationCode code)
{
	bool starts = code == MHD_CONNECTION_NOTIFY_STARTED;
	struct client *client = client_find(cls, starts ? NULL : connection);

	if (client)
		*client = (struct client){starts ? connection : NULL, clock_now_seconds()};
}

/* First with the header, then with pieces of the body, then once more. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload_data,
				  size_t *upload_data_size, void **req_cls)
{
	struct request *request = *req_cls;
	struct answer answer;

	if (!request) {
		request = must_realloc(NULL, sizeof(*request));
		*request = (struct request){0};
		*req_cls = request;
		return MHD_YES;
	}
	if (*upload_data_size) {
		request->body_bytes += *upload_data_size;
		if (request->body_bytes <= BODY_BYTES_MAX)
			text_add(&request->body, upload_data, *upload_data_size);
		*upload_data_size = 0;
		return MHD_YES;
	}
	answer = answer_make(cls, connection, url, method, request);
	return answer_send(connection, &answer);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **req_cls,
			 enum MHD_RequestTerminationCode code)
{
	struct request *request = *req_cls;
	struct client *client = client_find(cls, connection);

	if (client)
		client->since = clock_now_seconds();
	if (request)
		text_free(&request->body);
	free(request);
	*req_cls = NULL;
}

/* What it says about clients that go away in the middle is not worth a line. */
static void on_message(void *cls, const char *fmt, va_list args)
{
}

/* ---- the server ---- */

static int address_make(const struct server_options *options, struct sockaddr_storage *ret,
			unsigned int *ret_flags)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, options->address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(options->port);
		return 0;
	}
	if (inet_pton(AF_INET6, options->address, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(options->port);
		*ret_flags |= MHD_USE_IPv6;
		return 0;
	}
	return fail(EINVAL, "address: '%.60s' is not an IPv4 or IPv6 address", options->address);
}

/* Before there are threads, which inherit what is blocked. */
static int signals_open(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_CLOEXEC);
}

int server_start(struct cli *cli, const struct server_options *options, struct server **ret_server)
{
	unsigned int flags = MHD_USE_EPOLL | MHD_USE_ERROR_LOG;
	struct sockaddr_storage address;
	struct server *server;
	int err = address_make(options, &address, &flags);

	if (err)
		return err;
	server = must_realloc(NULL, sizeof(*server));
	*server = (struct server){.cli = cli, .options = *options};
	if (gethostname(server->host, sizeof(server->host) - 1))
		server->host[0] = 0;
	errno = 0;
	server->daemon = MHD_start_daemon(
		flags, options->port, NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER,
		on_message, NULL, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_CONNECTION_LIMIT,
		(unsigned int)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
		(size_t)HEADER_BYTES_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_SECONDS,
		MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_NOTIFY_COMPLETED,
		on_completed, server, MHD_OPTION_END);
	if (!server->daemon) {
		err = fail_os(errno ? errno : EADDRINUSE, "cannot listen on %s port %u",
			      options->address, options->port);
		free(server);
		return err;
	}
	server->signals = signals_open();
	if (server->signals < 0) {
		err = fail_os(errno, "cannot wait for signals");
		MHD_stop_daemon(server->daemon);
		free(server);
		return err;
	}
	if (counter_start(&server->counter))
		server->counter = NULL;
	*ret_server = server;
	return 0;
}

uint16_t server_port(const struct server *server)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);

	return info ? info->port : 0;
}

/* The other end of a connection that takes too long sees it end; libmicrohttpd frees it. */
static void clients_check(struct server *server)
{
	double now = clock_now_seconds();

	for (size_t i = 0; i < CONNECTIONS_MAX; i++) {
		struct client *client = &server->client[i];
		const union MHD_ConnectionInfo *info;

		if (!client->connection || now - client->since < REQUEST_SECONDS)
			continue;
		info = MHD_get_connection_info(client->connection,
					       MHD_CONNECTION_INFO_CONNECTION_FD);
		if (info)
			shutdown(info->connect_fd, SHUT_RDWR);
	}
}

/* Milliseconds to sleep at most. */
static int wait_ms(struct server *server)
{
	MHD_UNSIGNED_LONG_LONG ms;

	if (MHD_get_timeout(server->daemon, &ms) == MHD_YES && ms < 500)
		return (int)ms;
	return 500;
}

int server_run(struct server *server)
{
	const union MHD_DaemonInfo *info =
		MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	struct pollfd fds[2] = {{.fd = server->signals, .events = POLLIN},
				{.fd = info ? info->epoll_fd : -1, .events = POLLIN}};
	int err = 0;

	while (!fds[0].revents) {
		if (poll(fds, 2, wait_ms(server)) < 0 && errno != EINTR) {
			err = fail_os(errno, "cannot wait for clients");
			break;
		}
		MHD_run(server->daemon);
		clients_check(server);
	}
	return err;
}

void server_stop(struct server *server)
{
	MHD_stop_daemon(server->daemon);
	if (server->counter)
		counter_stop(server->counter);
	close(server->signals);
	free(server);
}
