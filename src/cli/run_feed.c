/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* run_feed.c: packets, dealt out to threads in batches.
 *
 * Captures are read into memory once, so that running them again measures the program and not
 * libpcap. What is larger than words->memory_bytes is read anew in every pass. What cannot be read
 * twice is streamed: the thread that wants packets reads them itself, under the lock.
 *
 * Packets in memory   bytes: one mapping, reserved and not touched; kept[i] says where packet i is
 * A pass              [0, end) of packets, over all loops if there is one program: small captures
 *                     are run thousands of times in a second, and threads should not wait for each
 *                     other at each end
 */
#include "cli/run.h"

#include "base/clock.h"
#include "base/error.h"
#include "cli/progress.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Each packet begins in a cache line of its own, as a network card would put it. */
#define PACKET_ALIGN 64u

/* A stream's packets are passed on after so long, whether the batch is full or not. */
#define STREAM_WAIT_NS 10000000ull

/* A paced batch holds what is due in such a time. */
#define PACE_BATCHES_PER_SECOND 1000

/* ---- packets in memory ---- */

/* 0, or ENOSPC: it does not fit. */
static int keep(struct run_feed *feed, const struct capture_packet *packet)
{
	uint64_t off = (feed->bytes_len + PACKET_ALIGN - 1) & ~(uint64_t)(PACKET_ALIGN - 1);

	if (off + packet->size > feed->words->memory_bytes)
		return -ENOSPC;
	if (feed->kept_count == feed->kept_room) {
		feed->kept_room = feed->kept_room ? feed->kept_room * 2 : 1024;
		feed->kept = must_realloc(feed->kept, feed->kept_room * sizeof(*feed->kept));
	}
	memcpy(feed->bytes + off, packet->data, packet->size);
	feed->kept[feed->kept_count++] = (struct run_kept){off, packet->time_ns, packet->size};
	feed->bytes_len = off + packet->size;
	return 0;
}

static bool has_all(const struct run_feed *feed, uint64_t count)
{
	return feed->words->packets && count == feed->words->packets;
}

static int keep_capture(struct run_feed *feed, const char *path, struct progress *progress)
{
	struct capture_packet packet;
	int status, err = capture_open(path, &feed->capture);

	if (err)
		return err;
	while (!err && !has_all(feed, feed->kept_count)) {
		status = capture_next(feed->capture, &packet);
		if (status <= 0) {
			err = status;
			break;
		}
		err = keep(feed, &packet);
		progress_at(progress, feed->bytes_len);
	}
	capture_close(feed->capture);
	feed->capture = NULL;
	return err;
}

/* Nothing is in memory. */
static void kept_drop(struct run_feed *feed)
{
	if (feed->bytes)
		munmap(feed->bytes, feed->words->memory_bytes);
	free(feed->kept);
	feed->bytes = NULL;
	feed->bytes_len = 0;
	feed->kept = NULL;
	feed->kept_count = feed->kept_room = 0;
}

/* 0, ENOSPC, or why a capture cannot be read; packets before that are kept. */
static int keep_all(struct run_feed *feed)
{
	const struct run_names *pcaps = &feed->words->pcaps;
	struct progress progress;
	int err = 0;

	if (!feed->words->memory_bytes)
		return -ENOSPC;
	feed->bytes = mmap(NULL, feed->words->memory_bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (feed->bytes == MAP_FAILED) {
		feed->bytes = NULL;
		return -ENOSPC;
	}
	progress_begin(&progress, "read", "bytes", 0);
	for (size_t i = 0; !err && i < pcaps->count; i++)
		err = keep_capture(feed, pcaps->name[i], &progress);
	progress_end(&progress);
	feed->is_kept = true;
	return err;
}

/* ---- streams ---- */

static void stream_close(struct run_feed *feed)
{
	if (!feed->capture)
		return;
	if (feed->words->interface)
		feed->lost = capture_lost(feed->capture);
	capture_close(feed->capture);
	feed->capture = NULL;
}

static int stream_open(struct run_feed *feed)
{
	if (feed->words->interface)
		return capture_open_interface(feed->words->interface, &feed->capture);
	return capture_open(feed->words->pcaps.name[feed->source], &feed->capture);
}

/* The next capture, if there is one. */
static int stream_turn(struct run_feed *feed)
{
	stream_close(feed);
	if (feed->words->interface || ++feed->source == feed->words->pcaps.count)
		return 0;
	return stream_open(feed);
}

/* enum capture_result: the next packet of all captures. */
static int stream_next(struct run_feed *feed, struct capture_packet *packet)
{
	while (feed->capture) {
		int err, status = capture_next(feed->capture, packet);

		/* Signals ask to end. This thread may have got one before the feed is told. */
		if (status == -EINTR)
			return CAPTURE_END;
		if (status)
			return status;
		err = stream_turn(feed);
		if (err)
			return err == -EINTR || run_feed_stopped(feed) ? CAPTURE_END : err;
	}
	return CAPTURE_END;
}

static void batch_add(struct run_feed *feed, struct run_batch *batch,
		      const struct capture_packet *packet, size_t *len)
{
	if (*len + packet->size > batch->room) {
		uint8_t *old = batch->bytes;

		batch->room = (*len + packet->size) * 2;
		batch->bytes = must_realloc(batch->bytes, batch->room);
		for (uint32_t i = 0; i < batch->count; i++)
			batch->packet[i].data = batch->bytes + (batch->packet[i].data - old);
	}
	memcpy(batch->bytes + *len, packet->data, packet->size);
	batch->packet[batch->count++] =
		(struct run_packet){batch->bytes + *len, packet->size, ++feed->next};
	*len += packet->size;
}

/* ---- pace ---- */

static uint32_t batch_packets(const struct run_words *words)
{
	if (words->pace == RUN_PACE_CAPTURE)
		return 1;
	if (words->pace == RUN_PACE_RATE && words->rate < RUN_BATCH * PACE_BATCHES_PER_SECOND)
		return (uint32_t)(words->rate / PACE_BATCHES_PER_SECOND) + 1;
	return RUN_BATCH;
}

/* When a batch is due that begins with a packet of that time. */
static uint64_t pace_due(struct run_feed *feed, uint64_t time_ns)
{
	if (feed->words->pace == RUN_PACE_NONE)
		return 0;
	if (!feed->start_ns)
		feed->start_ns = clock_now_ns();
	if (feed->words->pace == RUN_PACE_RATE)
		return feed->start_ns + (uint64_t)((double)feed->dealt * 1e9 / feed->words->rate);
	/* Time goes backwards where a capture begins anew, or another one. */
	if (feed->last_time_ns && time_ns > feed->last_time_ns)
		feed->elapsed_ns += time_ns - feed->last_time_ns;
	feed->last_time_ns = time_ns;
	return feed->start_ns + feed->elapsed_ns;
}

/* ---- batches ---- */

static void fail_keep(struct run_feed *feed, int err)
{
	if (feed->err)
		return;
	feed->err = err;
	text_addf(&feed->why, "%s", bpfmap_last_error());
}

static void fill_kept(struct run_feed *feed, struct run_batch *batch)
{
	uint32_t most = batch_packets(feed->words);
	size_t at = feed->next % feed->kept_count;

	while (batch->count < most && feed->next < feed->end) {
		const struct run_kept *kept = &feed->kept[at];

		if (!batch->count)
			batch->due_ns = pace_due(feed, kept->time_ns);
		batch->packet[batch->count++] =
			(struct run_packet){feed->bytes + kept->off, kept->size, ++feed->next};
		if (++at == feed->kept_count)
			at = 0;
	}
}

/* Ends the pass when the stream ends. */
static void fill_streamed(struct run_feed *feed, struct run_batch *batch)
{
	uint32_t most = batch_packets(feed->words);
	uint64_t begun_ns = clock_now_ns();
	struct capture_packet packet;
	size_t len = 0;

	while (batch->count < most && !run_feed_stopped(feed)) {
		int status = has_all(feed, feed->next) ? CAPTURE_END : stream_next(feed, &packet);

		if (status == CAPTURE_END || status < 0) {
			if (status < 0)
				fail_keep(feed, status);
			feed->end = feed->next;
			return;
		}
		if (status == CAPTURE_PACKET && !batch->count)
			batch->due_ns = pace_due(feed, packet.time_ns);
		if (status == CAPTURE_PACKET)
			batch_add(feed, batch, &packet, &len);
		if (batch->count && clock_now_ns() - begun_ns > STREAM_WAIT_NS)
			return;
	}
}

/* A batch of this pass, or none: the pass is dealt out. */
static bool fill(struct run_feed *feed, struct run_batch *batch)
{
	batch->count = 0;
	if (feed->next == feed->end || run_feed_stopped(feed))
		return false;
	if (feed->is_kept)
		fill_kept(feed, batch);
	else
		fill_streamed(feed, batch);
	batch->first_prog = feed->prog;
	batch->prog_count = feed->is_whole ? 1 : feed->progs;
	feed->dealt += batch->count;
	return batch->count;
}

/* Loops within a pass. */
static uint64_t pass_loops(const struct run_feed *feed)
{
	return feed->is_kept && feed->progs == 1 ? feed->words->loops : 1;
}

static void pass_begin(struct run_feed *feed)
{
	uint64_t loops = pass_loops(feed);
	int err;

	feed->next = 0;
	feed->end = UINT64_MAX;
	if (feed->is_kept && loops)
		feed->end = feed->kept_count * loops;
	if (feed->is_kept)
		return;
	feed->source = 0;
	err = stream_open(feed);
	if (err) {
		fail_keep(feed, err);
		feed->end = 0;
	}
}

/* False if there is none. */
static bool pass_turn(struct run_feed *feed)
{
	/* A stream that ended before its last packet. */
	stream_close(feed);
	if (run_feed_stopped(feed) || feed->err || !feed->is_whole)
		return false;
	if (++feed->prog == feed->progs) {
		feed->prog = 0;
		feed->loop += pass_loops(feed);
		if (feed->loop == feed->words->loops)
			return false;
	}
	pass_begin(feed);
	return true;
}

bool run_feed_next(struct run_feed *feed, struct run_batch *batch)
{
	pthread_mutex_lock(&feed->lock);
	feed->busy -= batch->count > 0;
	while (!feed->over && !fill(feed, batch)) {
		if (feed->busy) {
			pthread_cond_wait(&feed->turned, &feed->lock);
			continue;
		}
		feed->over = !pass_turn(feed);
		pthread_cond_broadcast(&feed->turned);
	}
	if (feed->over)
		batch->count = 0;
	if (batch->count)
		feed->busy++;
	else
		pthread_cond_broadcast(&feed->turned);
	pthread_mutex_unlock(&feed->lock);
	return batch->count;
}

/* ---- begin and end ---- */

static bool all_repeatable(const struct run_words *words)
{
	for (size_t i = 0; i < words->pcaps.count; i++)
		if (!capture_is_repeatable(words->pcaps.name[i]))
			return false;
	return words->pcaps.count;
}

/* 0 or -errno. */
static int feed_begin(struct run_feed *feed)
{
	bool repeatable = all_repeatable(feed->words);
	int err = -ENOSPC;

	feed->is_whole = repeatable || feed->words->loops != 1;
	if (feed->is_whole)
		err = keep_all(feed);
	if (err == -ENOSPC) {
		kept_drop(feed);
		feed->is_kept = false;
		if (feed->is_whole && !repeatable)
			return fail(ENOSPC,
				    "loop needs the packets in memory, and there are more than "
				    "%" PRIu64 " MiB of them; write them to a file, or allow more "
				    "with memory MIB",
				    feed->words->memory_bytes >> 20);
		pass_begin(feed);
		return feed->err;
	}
	if (err && !feed->kept_count)
		return err;
	if (err)
		fail_keep(feed, err);
	if (feed->kept_count)
		pass_begin(feed);
	feed->over = !feed->kept_count;
	return 0;
}

int run_feed_open(struct run_feed *feed, const struct run_words *words, size_t progs)
{
	int err;

	*feed = (struct run_feed){.words = words, .progs = progs};
	pthread_mutex_init(&feed->lock, NULL);
	pthread_cond_init(&feed->turned, NULL);
	err = feed_begin(feed);
	if (!err)
		return 0;
	run_feed_close(feed);
	return exit_sentence(err, "%s", bpfmap_last_error());
}

uint64_t run_feed_total(const struct run_feed *feed)
{
	if (feed->is_kept)
		return feed->kept_count * feed->words->loops * feed->progs;
	return feed->is_whole ? 0 : feed->words->packets;
}

void run_feed_stop(struct run_feed *feed)
{
	private_u32_store_release(&feed->stop, 1); /* RS1 release -> RS2 */
}

bool run_feed_stopped(const struct run_feed *feed)
{
	return private_u32_load_acquire(&feed->stop); /* RS2 acquire <- RS1 */
}

void run_feed_close(struct run_feed *feed)
{
	stream_close(feed);
	kept_drop(feed);
	text_free(&feed->why);
	pthread_cond_destroy(&feed->turned);
	pthread_mutex_destroy(&feed->lock);
}
