/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* verb_run.c: feed packets to programs; show verdicts, speed and maps. The calling thread looks
 * after the others: how far they are, when it is time to end. */
#include "cli/progress.h"
#include "cli/run.h"

#include "base/clock.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOK_NS	 100000000ull
#define WATCH_NS 1000000000ull

/* The signal that ends the run; 0: none came. */
static struct private_u32 asked_to_end;

static void on_signal(int number)
{
	private_u32_store_release(&asked_to_end, (uint32_t)number); /* RE1 release -> RE2 */
}

static const int end_signals[] = {SIGINT, SIGTERM};
#define END_SIGNALS (sizeof(end_signals) / sizeof(end_signals[0]))

/* ---- threads ---- */

/* Bring what the others see up to date. */
static void publish(struct run_worker *worker)
{
	struct run *run = worker->run;
	uint32_t wanted = private_u32_load_acquire(&run->wanted); /* RW2 acquire <- RW1 */

	if (wanted == worker->seen && run->feed.is_kept)
		return;
	worker->seen = wanted;
	pthread_mutex_lock(&run->lock);
	for (size_t i = 0; i < run->prog_count; i++)
		run_stats_move(&run->total[i], &worker->stats[i]);
	pthread_mutex_unlock(&run->lock);
}

/* In steps, so that the end is noticed. */
static void wait_until(const struct run_feed *feed, uint64_t due_ns)
{
	uint64_t now;

	while ((now = clock_now_ns()) < due_ns && !run_feed_stopped(feed)) {
		uint64_t ns = due_ns - now < LOOK_NS ? due_ns - now : LOOK_NS;
		struct timespec step = {.tv_nsec = (long)ns};

		nanosleep(&step, NULL);
	}
}

static void *worker_main(void *arg)
{
	struct run_worker *worker = arg;
	struct run *run = worker->run;

	while (run_feed_next(&run->feed, &worker->batch)) {
		if (worker->batch.due_ns)
			wait_until(&run->feed, worker->batch.due_ns);
		for (size_t i = 0; i < worker->batch.prog_count; i++)
			run_engine_batch(worker, worker->batch.first_prog + i);
		publish(worker);
	}
	worker->seen--;
	publish(worker);
	pthread_mutex_lock(&run->lock);
	run->ended++;
	pthread_cond_signal(&run->changed);
	pthread_mutex_unlock(&run->lock);
	return NULL;
}

static int threads_start(struct run *run, struct run_worker *workers, uint32_t *ret_started)
{
	int err = 0;

	for (*ret_started = 0; *ret_started < run->words->threads; ++*ret_started) {
		run_worker_open(&workers[*ret_started], run);
		err = pthread_create(&workers[*ret_started].thread, NULL, worker_main,
				     &workers[*ret_started]);
		if (err) {
			run_worker_close(&workers[*ret_started]);
			break;
		}
	}
	return err;
}

static uint64_t packets_done(const struct run *run)
{
	uint64_t packets = 0;

	for (size_t i = 0; i < run->prog_count; i++)
		packets += run->total[i].packets;
	return packets;
}

/* Who waits for a packet that does not come is woken. */
static void threads_stop(struct run *run, const struct run_worker *workers, uint32_t count)
{
	run_feed_stop(&run->feed);
	for (uint32_t i = 0; i < count; i++)
		pthread_kill(workers[i].thread, SIGINT);
}

/* True once the run is to end. */
static bool is_over(struct run *run, uint64_t begun_ns)
{
	/* The threads get signals when it is over, which mean nothing else. */
	bool was_over = run_feed_stopped(&run->feed);

	if (!was_over && private_u32_load_acquire(&asked_to_end)) { /* RE2 acquire <- RE1 */
		run->interrupted = true;
		return true;
	}
	return was_over || (run->words->for_ns && clock_now_ns() - begun_ns >= run->words->for_ns);
}

/* Until a thread has ended, or it is time to look. */
static void wait_for_change(struct run *run, uint64_t begun_ns)
{
	uint64_t wake_ns = clock_now_ns() + LOOK_NS, end_ns = begun_ns + run->words->for_ns;
	struct timespec wake;

	if (run->words->for_ns && end_ns < wake_ns && !run_feed_stopped(&run->feed))
		wake_ns = end_ns;
	wake = (struct timespec){(time_t)(wake_ns / 1000000000u), (long)(wake_ns % 1000000000u)};
	pthread_cond_timedwait(&run->changed, &run->lock, &wake);
}

/* With run.lock held, until all threads have ended. */
static void look_after(struct run *run, const struct run_worker *workers, uint32_t count,
		       struct run_watch *watch)
{
	uint64_t begun_ns = clock_now_ns(), drawn_ns = 0;
	struct progress progress;
	uint32_t looks = 0;

	progress_begin(&progress, "run", "packets", run_feed_total(&run->feed));
	while (run->ended < count) {
		wait_for_change(run, begun_ns);
		if (is_over(run, begun_ns))
			threads_stop(run, workers, count);
		private_u32_store_release(&run->wanted, ++looks); /* RW1 release -> RW2 */
		if (!watch) {
			progress_at(&progress, packets_done(run));
		} else if (clock_now_ns() - drawn_ns >= WATCH_NS) {
			drawn_ns = clock_now_ns();
			run_watch_draw(watch, run, drawn_ns - begun_ns);
		}
	}
	progress_end(&progress);
}

static int threads_run(struct run *run, struct run_watch *watch)
{
	struct run_worker *workers = calloc(run->words->threads, sizeof(*workers));
	uint64_t start_ns = clock_now_ns();
	uint32_t count;
	int err;

	if (!workers)
		return exit_sentence(-ENOMEM, "no memory for %u threads", run->words->threads);
	err = threads_start(run, workers, &count);
	if (err)
		threads_stop(run, workers, count);
	pthread_mutex_lock(&run->lock);
	look_after(run, workers, count, watch);
	pthread_mutex_unlock(&run->lock);
	for (uint32_t i = 0; i < count; i++) {
		pthread_join(workers[i].thread, NULL);
		run_worker_close(&workers[i]);
	}
	free(workers);
	run->wall_ns = clock_now_ns() - start_ns;
	if (err)
		return exit_sentence(-err, "can't start %u threads: %s", run->words->threads,
				     strerror(err));
	return 0;
}

/* ---- the run ---- */

static void signals_take(struct sigaction *before)
{
	/* Not restarted: who reads standard input shall notice. */
	struct sigaction action = {.sa_handler = on_signal};

	private_u32_store_release(&asked_to_end, 0); /* RE1 release -> RE2 */
	for (size_t i = 0; i < END_SIGNALS; i++)
		sigaction(end_signals[i], &action, &before[i]);
}

static void signals_give_back(const struct sigaction *before)
{
	for (size_t i = 0; i < END_SIGNALS; i++)
		sigaction(end_signals[i], &before[i], NULL);
}

static int run_watched(struct run *run)
{
	struct sigaction before[END_SIGNALS];
	struct run_watch *watch;
	int code = run_watch_open(run, &watch);

	if (code)
		return code;
	signals_take(before);
	code = threads_run(run, watch);
	signals_give_back(before);
	run_watch_close(watch);
	return code ? code : run_report(run);
}

static int run_fed(struct run *run)
{
	pthread_condattr_t monotonic;
	int code = run_feed_open(&run->feed, run->words, run->prog_count);

	if (code)
		return code;
	pthread_mutex_init(&run->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&run->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	code = run_watched(run);
	pthread_cond_destroy(&run->changed);
	pthread_mutex_destroy(&run->lock);
	run_feed_close(&run->feed);
	return code;
}

static int run_object(struct cli *cli, const struct run_words *words, const struct object *object)
{
	struct run run = {.cli = cli, .words = words, .object = object};
	int code = 0;

	if (words->pin)
		code = object_pin_maps(cli, object, words->pin);
	if (code)
		return code;
	code = run_engine_open(&run);
	run.total = calloc(object->prog_count, sizeof(*run.total));
	if (!code && !run.total)
		code = exit_sentence(-ENOMEM, "no memory for %zu programs", run.prog_count);
	if (!code)
		code = run_fed(&run);
	for (size_t i = 0; run.total && i < run.prog_count; i++)
		run_stats_free(&run.total[i]);
	free(run.total);
	run_engine_close(&run);
	return code;
}

int verb_run(struct cli *cli, struct args *args)
{
	struct object_want want;
	struct run_words words;
	struct object object;
	int code = run_words_parse(args, &words);

	if (code)
		return code;
	want = (struct object_want){words.progs.name, words.progs.count,
				    words.all_progs ? OBJECT_ALL : OBJECT_ONLY};
	cli_engine(cli, words.backend);
	code = object_load(cli, words.object, &want, &object);
	if (!code) {
		code = run_object(cli, &words, &object);
		object_close(&object);
	}
	run_words_free(&words);
	return code;
}
