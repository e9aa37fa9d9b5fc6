/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* run_engine.c: a batch through a program.
 *
 * In user space a batch is copied into rooms first, each with the head and tail room that
 * BPF_PROG_TEST_RUN gives, and then run; the time is that of the runs alone. What such a room
 * cannot take, repeated runs and the kernel go through BPF_PROG_TEST_RUN, a call per packet.
 */
#include "cli/run.h"

#include "base/clock.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <stdlib.h>
#include <string.h>

/* The rooms that BPF_PROG_TEST_RUN gives (src/bpf/prog_run.c): a page less what the kernel keeps at
 * its end, which is an odd number of cache lines, so that rooms do not fall into the same sets. */
#define ROOM	 (4096u - 320u)
#define XDP_HEAD 256u
#define SKB_HEAD 64u

void run_stats_move(struct run_stats *to, struct run_stats *from)
{
	struct text why = from->why;

	to->packets += from->packets;
	to->bytes += from->bytes;
	to->runs += from->runs;
	to->failed += from->failed;
	to->program_ns += from->program_ns;
	verdicts_move(&to->verdicts, &from->verdicts);
	if (from->first_failure &&
	    (!to->first_failure || from->first_failure < to->first_failure)) {
		to->first_failure = from->first_failure;
		text_clear(&to->why);
		text_addf(&to->why, "%s", text_str(&why));
	}
	text_clear(&why);
	*from = (struct run_stats){.verdicts = from->verdicts, .why = why};
}

void run_stats_free(struct run_stats *stats)
{
	verdicts_free(&stats->verdicts);
	text_free(&stats->why);
}

/* ---- programs ---- */

static int prog_open(struct run_prog *prog, const struct bpf_program *bpf,
		     const struct run_words *words)
{
	int err;

	*prog = (struct run_prog){
		.bpf = bpf, .fd = bpf_program__fd(bpf), .type = bpf_program__type(bpf)};
	if (words->backend->engine == BPFMAP_ENGINE_KERNEL)
		return 0;
	err = bpfmap_prog_from_fd(prog->fd, &prog->handle);
	if (!err)
		err = jit_apply_to(&words->jit, prog->fd, prog->handle, &prog->info);
	return err ? exit_failure(err, "can't run %s", bpf_program__name(bpf)) : 0;
}

static const char *engine_name(const struct run *run)
{
	size_t compiled = 0;

	if (run->words->backend->engine == BPFMAP_ENGINE_KERNEL)
		return "kernel";
	for (size_t i = 0; i < run->prog_count; i++)
		compiled += run->prog[i].info.compiled;
	if (compiled == run->prog_count)
		return "jit";
	return compiled ? "jit and interpreter" : "interpreter";
}

int run_engine_open(struct run *run)
{
	const struct object *object = run->object;
	int code = 0;

	run->prog = must_realloc(NULL, object->prog_count * sizeof(*run->prog));
	for (run->prog_count = 0; !code && run->prog_count < object->prog_count; run->prog_count++)
		code = prog_open(&run->prog[run->prog_count], object->prog[run->prog_count],
				 run->words);
	run->engine = engine_name(run);
	return code;
}

void run_engine_close(struct run *run)
{
	for (size_t i = 0; i < run->prog_count; i++)
		bpfmap_prog_close(run->prog[i].handle);
	free(run->prog);
}

void run_worker_open(struct run_worker *worker, struct run *run)
{
	*worker = (struct run_worker){.run = run};
	worker->stats = calloc(run->prog_count, sizeof(*worker->stats));
	worker->packets = calloc(RUN_BATCH, sizeof(*worker->packets));
	worker->rooms = calloc(RUN_BATCH, ROOM);
	if (!worker->stats || !worker->packets || !worker->rooms)
		must_realloc(NULL, SIZE_MAX);
}

void run_worker_close(struct run_worker *worker)
{
	for (size_t i = 0; i < worker->run->prog_count; i++)
		run_stats_free(&worker->stats[i]);
	free(worker->stats);
	free(worker->packets);
	free(worker->rooms);
	free(worker->batch.bytes);
}

/* ---- batches ---- */

static void failed(struct run_stats *stats, const struct run_packet *packet)
{
	stats->failed++;
	if (stats->first_failure && stats->first_failure < packet->number)
		return;
	stats->first_failure = packet->number;
	text_clear(&stats->why);
	text_addf(&stats->why, "packet %" PRIu64 " (%u bytes): %s", packet->number, packet->size,
		  bpfmap_last_error());
}

/* One packet by BPF_PROG_TEST_RUN. */
static void run_one(struct run_worker *worker, size_t index, const struct run_packet *packet)
{
	const struct run *run = worker->run;
	struct run_stats *stats = &worker->stats[index];
	struct backend_run once = {
		.data = packet->data, .size = packet->size, .repeat = run->words->repeat};
	int err = backend_prog_run(run->words->backend, run->prog[index].fd, &once);

	/* Neither run nor failed: the user ended it. */
	if (err == -EINTR && run_feed_stopped(&run->feed))
		return;
	stats->packets++;
	stats->bytes += packet->size;
	if (err) {
		failed(stats, packet);
		return;
	}
	stats->runs += run->words->repeat;
	stats->program_ns += once.ret_duration_ns;
	verdicts_add(&stats->verdicts, once.ret_value, run->words->repeat);
}

static bool fits_room(const struct run *run, const struct run_prog *prog,
		      const struct run_packet *packet)
{
	uint32_t head = prog->type == BPF_PROG_TYPE_XDP ? XDP_HEAD : SKB_HEAD;

	return prog->handle && run->words->repeat == 1 && packet->size >= ETH_HLEN &&
	       packet->size <= ROOM - head;
}

static void room_fill(struct run_worker *worker, const struct run_prog *prog, uint32_t slot,
		      const struct run_packet *packet)
{
	uint32_t head = prog->type == BPF_PROG_TYPE_XDP ? XDP_HEAD : SKB_HEAD;
	uint32_t mac_len = prog->type == BPF_PROG_TYPE_SOCKET_FILTER ? ETH_HLEN : 0;
	uint8_t *room = worker->rooms + (size_t)slot * ROOM;

	memcpy(room + head, packet->data, packet->size);
	worker->packets[slot] = (struct bpfmap_packet){
		.sz = sizeof(struct bpfmap_packet),
		.buf = room,
		.buf_size = ROOM,
		.off = head + mac_len,
		.len = packet->size - mac_len,
		.mac_len = mac_len,
		.ingress_ifindex = 1, /* loopback, as BPF_PROG_TEST_RUN has it */
	};
}

/* Those in the first count rooms, which are packet[0] and on. */
static void rooms_run(struct run_worker *worker, size_t index, const struct run_packet *packet,
		      uint32_t count)
{
	const struct run_prog *prog = &worker->run->prog[index];
	struct run_stats *stats = &worker->stats[index];
	uint32_t values[RUN_BATCH], done = 0;
	uint64_t start_ns = clock_now_ns();

	while (done < count) {
		uint32_t part = count - done;
		int err = bpfmap_prog_run_many(prog->handle, NULL, worker->packets + done,
					       values + done, &part);

		for (uint32_t i = done; i < done + part; i++)
			verdicts_add(&stats->verdicts, values[i], 1);
		stats->runs += part;
		done += part;
		if (err)
			failed(stats, &packet[done++]);
	}
	stats->program_ns += clock_now_ns() - start_ns;
	stats->packets += count;
	for (uint32_t i = 0; i < count; i++)
		stats->bytes += packet[i].size;
}

void run_engine_batch(struct run_worker *worker, size_t index)
{
	const struct run_batch *batch = &worker->batch;
	const struct run *run = worker->run;
	const struct run_prog *prog = &run->prog[index];
	uint32_t at = 0;

	while (at < batch->count && !run_feed_stopped(&run->feed)) {
		uint32_t count = 0;

		while (at + count < batch->count &&
		       fits_room(run, prog, &batch->packet[at + count])) {
			room_fill(worker, prog, count, &batch->packet[at + count]);
			count++;
		}
		if (count)
			rooms_run(worker, index, &batch->packet[at], count);
		else
			run_one(worker, index, &batch->packet[at]);
		at += count ? count : 1;
	}
}
