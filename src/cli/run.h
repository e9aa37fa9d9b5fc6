/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* run.h: what bpfmap run is made of.
 *
 *   run_words.c    its words
 *   run_feed.c     packets from captures and interfaces, dealt out to threads in batches
 *   run_engine.c   a batch through a program: verdicts, failures, time
 *   run_watch.c    the live view
 *   run_report.c   the report
 *   verb_run.c     the threads
 *
 * Passes       Programs run one after the other, each over all packets; loops repeat that. A pass
 *              begins when all packets of the one before are done. What cannot be read twice
 *              (standard input without loop, interfaces) is a single pass, in which each batch goes
 *              to every program.
 * Threads      Each takes the next batch when it is done with one, so packets are dealt out in
 *              order and run in about that order; one thread runs them exactly in order.
 * Locks        feed.lock: where the feed stands; held while packets are read. run.lock: run.total,
 *              ended, which threads bring up to date after each batch from a stream, else when
 *              run.wanted has changed. Never both.
 */
#ifndef BPFMAP_CLI_RUN_H
#define BPFMAP_CLI_RUN_H

#include "cli/capture.h"
#include "cli/jit.h"
#include "cli/object.h"
#include "cli/text.h"
#include "cli/verdict.h"
#include "sync/private.h"

#include "bpfmap/program.h"

#include <pthread.h>

/* Packets at a time: the clock is read twice for so many. */
#define RUN_BATCH 64

#define RUN_THREADS_MAX 256

enum run_pace { RUN_PACE_NONE, RUN_PACE_RATE, RUN_PACE_CAPTURE };

struct run_names {
	const char **name;
	size_t count;
};

struct run_words {
	const char *object;
	struct run_names progs; /* none: the only one */
	struct run_names pcaps;
	bool all_progs;
	const char *interface;
	const char *pin;
	struct run_names watch; /* maps */
	char *watch_copy;	/* what they point into */
	uint32_t repeat;
	uint32_t threads;
	uint64_t loops;	       /* 0: forever */
	uint64_t packets;      /* at most; 0: all */
	uint64_t for_ns;       /* 0: until the packets end */
	uint64_t memory_bytes; /* what captures may take */
	enum run_pace pace;
	double rate; /* packets per second */
	struct jit_words jit;
	const struct backend *backend;
};

/* 0 or an exit code. */
int run_words_parse(struct args *args, struct run_words *ret_words);
void run_words_free(struct run_words *words);

/* ---- feed ---- */

struct run_packet {
	const uint8_t *data;
	uint32_t size;
	uint64_t number; /* the first is 1 */
};

struct run_batch {
	struct run_packet packet[RUN_BATCH];
	uint32_t count;
	size_t first_prog; /* which programs it is for */
	size_t prog_count;
	uint64_t due_ns; /* when it shall run; 0: at once */
	uint8_t *bytes;	 /* of streamed packets */
	size_t room;
};

struct run_feed {
	const struct run_words *words;
	size_t progs;
	pthread_mutex_t lock;
	pthread_cond_t turned; /* a pass began or all are over */
	struct private_u32 stop;
	bool is_kept;  /* all packets are in memory */
	bool is_whole; /* passes can be repeated */
	/* Packets in memory. */
	uint8_t *bytes;
	uint64_t bytes_len;
	struct run_kept {
		uint64_t off;
		uint64_t time_ns;
		uint32_t size;
	} * kept;
	size_t kept_count, kept_room;
	/* The capture being read. */
	struct capture *capture;
	size_t source;
	/* Where it stands. */
	uint64_t next;	/* packet of this pass, over all its loops */
	uint64_t end;	/* of this pass; UINT64_MAX: not known */
	uint64_t loop;	/* passes over all programs that are done */
	size_t prog;	/* the pass is for */
	uint64_t dealt; /* packets, of all passes */
	uint32_t busy;	/* threads that have a batch */
	bool over;
	uint64_t lost; /* by an interface */
	/* Pace. */
	uint64_t start_ns, elapsed_ns, last_time_ns;
	/* Why a capture ended early. */
	int err;
	struct text why;
};

/* Read or open what there is. 0 or an exit code. */
int run_feed_open(struct run_feed *feed, const struct run_words *words, size_t progs);
/* The next batch instead of the one before; false: there are no more. */
bool run_feed_next(struct run_feed *feed, struct run_batch *batch);
/* Packets of all passes, 0: not known. */
uint64_t run_feed_total(const struct run_feed *feed);
/* Threads get no more batches; who is reading is to be woken by a signal. */
void run_feed_stop(struct run_feed *feed);
bool run_feed_stopped(const struct run_feed *feed);
void run_feed_close(struct run_feed *feed);

/* ---- engine ---- */

struct run_stats {
	uint64_t packets;
	uint64_t bytes;
	uint64_t runs;	 /* that ended */
	uint64_t failed; /* packets */
	uint64_t program_ns;
	struct verdicts verdicts;
	uint64_t first_failure; /* the packet's number */
	struct text why;
};

/* Add all of from, and empty it. */
void run_stats_move(struct run_stats *to, struct run_stats *from);
void run_stats_free(struct run_stats *stats);

struct run_prog {
	const struct bpf_program *bpf;
	int fd;
	uint32_t type;
	struct bpfmap_prog *handle; /* NULL in the kernel */
	struct bpfmap_prog_info info;
};

struct run {
	struct cli *cli;
	const struct run_words *words;
	const struct object *object;
	const char *engine; /* "interpreter", "jit", "kernel" */
	struct run_prog *prog;
	size_t prog_count;
	struct run_feed feed;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct run_stats *total; /* per program */
	uint32_t ended;		 /* threads */
	struct private_u32 wanted;
	bool interrupted;
	uint64_t wall_ns;
};

/* What one thread works with. */
struct run_worker {
	struct run *run;
	pthread_t thread;
	struct run_batch batch;
	struct run_stats *stats; /* per program */
	uint8_t *rooms;		 /* for RUN_BATCH packets */
	struct bpfmap_packet *packets;
	uint32_t seen; /* run.wanted */
};

/* Open the programs of the object. 0 or an exit code. */
int run_engine_open(struct run *run);
void run_engine_close(struct run *run);
void run_worker_open(struct run_worker *worker, struct run *run);
void run_worker_close(struct run_worker *worker);
void run_engine_batch(struct run_worker *worker, size_t prog);

/* ---- live view ---- */

struct run_watch;

/* NULL if nobody can see it, or nothing is to be watched. 0 or an exit code. */
int run_watch_open(struct run *run, struct run_watch **ret_watch);
/* With run.lock held; ns since the run began. */
void run_watch_draw(struct run_watch *watch, const struct run *run, uint64_t ns);
void run_watch_close(struct run_watch *watch);

/* ---- report ---- */

/* An exit code. */
int run_report(struct run *run);

#endif
