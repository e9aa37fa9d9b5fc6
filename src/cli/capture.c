/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* capture.c: see capture.h. */
#include "cli/capture.h"

#include "base/error.h"
#include "cli/text.h"

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What an interface may bring while the program is at work: half a second of 1 Gbit/s. */
#define LIVE_BUFFER (64 << 20)
#define LIVE_SNAP   65535

/* What a pipe has brought. libpcap reads it through stdio, which would not tell whether the next
 * packet is there already. */
struct pipe_buffer {
	int fd;
	size_t at, len;
	uint8_t bytes[1 << 16];
};

struct capture {
	pcap_t *pcap;
	struct pipe_buffer *pipe; /* NULL: a file or an interface */
	const char *name;	  /* for sentences; the caller's */
	uint64_t fraction_ns;	  /* what the fraction of its timestamps counts */
};

static int link_check(const struct capture *capture)
{
	int link = pcap_datalink(capture->pcap);
	const char *name = pcap_datalink_val_to_name(link);

	if (link == DLT_EN10MB)
		return 0;
	return fail(EINVAL,
		    "%s holds %s frames; programs take Ethernet frames, capture on "
		    "an Ethernet interface (not 'any')",
		    capture->name, name ? name : "unknown");
}

/* ---- pipes ---- */

static ssize_t pipe_read(void *cookie, char *ret_bytes, size_t size)
{
	struct pipe_buffer *buffer = cookie;

	if (buffer->at == buffer->len) {
		ssize_t len = read(buffer->fd, buffer->bytes, sizeof(buffer->bytes));

		if (len <= 0)
			return len;
		buffer->at = 0;
		buffer->len = (size_t)len;
	}
	if (size > buffer->len - buffer->at)
		size = buffer->len - buffer->at;
	memcpy(ret_bytes, buffer->bytes + buffer->at, size);
	buffer->at += size;
	return (ssize_t)size;
}

static int pipe_close(void *cookie)
{
	struct pipe_buffer *buffer = cookie;

	if (buffer->fd != STDIN_FILENO)
		close(buffer->fd);
	free(buffer);
	return 0;
}

static FILE *pipe_open(int fd, struct pipe_buffer **ret_buffer)
{
	static const cookie_io_functions_t functions = {.read = pipe_read, .close = pipe_close};
	struct pipe_buffer *buffer = must_realloc(NULL, sizeof(*buffer));
	FILE *file;

	buffer->fd = fd;
	buffer->at = buffer->len = 0;
	file = fopencookie(buffer, "r", functions);
	if (!file)
		must_realloc(NULL, SIZE_MAX);
	setvbuf(file, NULL, _IONBF, 0);
	*ret_buffer = buffer;
	return file;
}

/* True if the next packet, or the end, is there or comes soon. */
static bool pipe_is_ready(const struct pipe_buffer *buffer)
{
	struct pollfd wait = {.fd = buffer->fd, .events = POLLIN};

	return buffer->at < buffer->len || poll(&wait, 1, CAPTURE_WAIT_MS / 10) != 0;
}

/* ---- captures ---- */

static int capture_new(pcap_t *pcap, const char *name, struct capture **ret_capture)
{
	struct capture *capture = must_realloc(NULL, sizeof(*capture));
	int err;

	*capture = (struct capture){.pcap = pcap, .name = name, .fraction_ns = 1};
	/* Asked for, but not every interface can give it. */
	if (pcap_get_tstamp_precision(pcap) != PCAP_TSTAMP_PRECISION_NANO)
		capture->fraction_ns = 1000;
	err = link_check(capture);
	if (err)
		capture_close(capture);
	else
		*ret_capture = capture;
	return err;
}

static FILE *source_open(const char *path, struct pipe_buffer **ret_pipe)
{
	struct stat st;
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) || S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode) || S_ISCHR(st.st_mode))
		return pipe_open(fd, ret_pipe);
	/* libpcap closes what it reads; standard input stays open. */
	if (fd == STDIN_FILENO)
		fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return fd < 0 ? NULL : fdopen(fd, "r");
}

int capture_open(const char *path, struct capture **ret_capture)
{
	struct pipe_buffer *pipe = NULL;
	FILE *file = source_open(path, &pipe);
	char reason[PCAP_ERRBUF_SIZE];
	pcap_t *pcap;
	int err;

	if (!strcmp(path, "-"))
		path = "standard input";
	if (!file)
		return fail_os(errno, "can't open the capture %s", path);
	errno = 0;
	pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, reason);
	if (!pcap) {
		err = errno;
		fclose(file);
		if (err == EINTR)
			return fail(EINTR, "reading %s was interrupted", path);
		return fail(EINVAL, "%s is no capture file: %s", path, reason);
	}
	err = capture_new(pcap, path, ret_capture);
	if (!err)
		(*ret_capture)->pipe = pipe;
	return err;
}

bool capture_is_repeatable(const char *path)
{
	struct stat st;

	return strcmp(path, "-") && !stat(path, &st) && S_ISREG(st.st_mode);
}

static int live_refusal(const char *name, pcap_t *pcap, int status)
{
	switch (status) {
	case PCAP_ERROR_NO_SUCH_DEVICE:
		return fail(ENODEV, "there is no interface %s; ip link lists those that there are",
			    name);
	case PCAP_ERROR_IFACE_NOT_UP:
		return fail(ENETDOWN, "interface %s is down; ip link set %s up", name, name);
	case PCAP_ERROR_PERM_DENIED:
		return fail(EPERM,
			    "capturing on %s is not permitted; be root or have CAP_NET_RAW, or let "
			    "root record: tcpdump -i %s -w FILE, then run with pcap FILE",
			    name, name);
	default:
		return fail(EIO, "cannot capture on %s: %s", name,
			    *pcap_geterr(pcap) ? pcap_geterr(pcap) : pcap_statustostr(status));
	}
}

int capture_open_interface(const char *name, struct capture **ret_capture)
{
	char reason[PCAP_ERRBUF_SIZE];
	pcap_t *pcap = pcap_create(name, reason);
	int status, err;

	if (!pcap)
		return fail(EIO, "cannot capture on %s: %s", name, reason);
	pcap_set_snaplen(pcap, LIVE_SNAP);
	pcap_set_promisc(pcap, 1);
	pcap_set_timeout(pcap, CAPTURE_WAIT_MS);
	pcap_set_buffer_size(pcap, LIVE_BUFFER);
	pcap_set_tstamp_precision(pcap, PCAP_TSTAMP_PRECISION_NANO);
	status = pcap_activate(pcap);
	if (status >= 0)
		return capture_new(pcap, name, ret_capture);
	err = live_refusal(name, pcap, status);
	pcap_close(pcap);
	return err;
}

int capture_next(struct capture *capture, struct capture_packet *ret_packet)
{
	struct pcap_pkthdr *header;
	const u_char *data;
	int status;

	if (capture->pipe && !pipe_is_ready(capture->pipe))
		return CAPTURE_NOTHING;
	errno = 0;
	status = pcap_next_ex(capture->pcap, &header, &data);
	if (status == 0)
		return CAPTURE_NOTHING;
	if (status == PCAP_ERROR_BREAK)
		return CAPTURE_END;
	if (status != 1 && errno == EINTR)
		return fail(EINTR, "reading %s was interrupted", capture->name);
	if (status != 1)
		return fail(EINVAL, "the capture %s breaks off: %s", capture->name,
			    pcap_geterr(capture->pcap));
	*ret_packet = (struct capture_packet){
		.data = data,
		.size = header->caplen,
		.time_ns = (uint64_t)header->ts.tv_sec * 1000000000u +
			   (uint64_t)header->ts.tv_usec * capture->fraction_ns,
	};
	return CAPTURE_PACKET;
}

uint64_t capture_lost(struct capture *capture)
{
	struct pcap_stat stats;

	return pcap_stats(capture->pcap, &stats) ? 0 : stats.ps_drop;
}

void capture_close(struct capture *capture)
{
	pcap_close(capture->pcap);
	free(capture);
}
