/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* progress.c: see progress.h. The clock is read seldom: after so many steps as took some
 * milliseconds so far, so that a step costs a comparison. */
#include "cli/progress.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define FIRST_NS   500000000ull /* what is done sooner needs no bar */
#define EVERY_NS   100000000ull
#define LOOK_NS	   5000000ull
#define BAR_MAX	   40
#define STRIDE_MAX (1u << 20)

/* The line is there and must be cleared. There is one terminal. */
static bool shown;

bool progress_can_be_seen(void)
{
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) && term && *term && strcmp(term, "dumb");
}

static bool in_colour(void)
{
	const char *no = getenv("NO_COLOR");

	return !no || !*no;
}

void progress_begin(struct progress *progress, const char *verb, const char *units, uint64_t total)
{
	*progress = (struct progress){.verb = progress_can_be_seen() ? verb : NULL,
				      .units = units,
				      .total = total,
				      .stride = 1};
	if (!progress->verb) {
		progress->skip = UINT64_MAX;
		return;
	}
	progress->begun_ns = clock_now_ns();
	progress->next_ns = progress->begun_ns + FIRST_NS;
}

static unsigned int columns(void)
{
	struct winsize size;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col)
		return 80;
	return size.ws_col;
}

/* 950, 12.3k, 4.5M */
static void number_spell(char *text, size_t size, double number)
{
	static const char units[] = " kMGT";
	unsigned int unit = 0;

	while (number >= 999.5 && unit + 2 < sizeof(units)) {
		number /= 1000;
		unit++;
	}
	if (unit)
		snprintf(text, size, "%.*f%c", number < 99.95, number, units[unit]);
	else
		snprintf(text, size, "%.0f", number);
}

static void eta_spell(char *text, size_t size, double seconds)
{
	unsigned long s = seconds < 360000 ? (unsigned long)(seconds + 0.5) : 360000;

	if (s >= 3600)
		snprintf(text, size, "ETA %lu:%02lu:%02lu", s / 3600, s / 60 % 60, s % 60);
	else
		snprintf(text, size, "ETA %lu:%02lu", s / 60, s % 60);
}

/* ####---- */
static void bar_draw(char *text, size_t size, double share, unsigned int width)
{
	unsigned int full = (unsigned int)(share * width + 0.5), n = 0;
	bool colour = in_colour();

	n += (unsigned int)snprintf(text + n, size - n, "%s", colour ? "\033[32m" : "");
	for (unsigned int i = 0; i < width; i++) {
		if (i == full && colour)
			n += (unsigned int)snprintf(text + n, size - n, "\033[2m");
		n += (unsigned int)snprintf(text + n, size - n, "%c", i < full ? '#' : '-');
	}
	snprintf(text + n, size - n, "%s", colour ? "\033[0m" : "");
}

static void line_draw(struct progress *progress, uint64_t done, uint64_t elapsed_ns)
{
	double rate = (double)done * 1e9 / (double)elapsed_ns, share = 0;
	char have[16], want[16], speed[16], eta[64] = "", bar[BAR_MAX + 32] = "", text[256];
	unsigned int width = columns(), len, spare;

	number_spell(have, sizeof(have), (double)done);
	number_spell(speed, sizeof(speed), rate);
	if (!progress->total) {
		len = (unsigned int)snprintf(text, sizeof(text), "%s: %s %s, %s/s", progress->verb,
					     have, progress->units, speed);
	} else {
		share = done < progress->total ? (double)done / (double)progress->total : 1;
		number_spell(want, sizeof(want), (double)progress->total);
		if (rate > 0)
			eta_spell(eta, sizeof(eta), (1 - share) * (double)progress->total / rate);
		len = (unsigned int)snprintf(text, sizeof(text), "%3.0f %% %s/%s %s, %s/s %s",
					     share * 100, have, want, progress->units, speed, eta);
	}
	/* A line that is too long would wrap and could not be cleared. */
	spare = (unsigned int)strlen(progress->verb) + 3;
	if (progress->total && width > len + spare + 8) {
		spare = width - len - spare - 1;
		bar_draw(bar, sizeof(bar), share, spare < BAR_MAX ? spare : BAR_MAX);
		fprintf(stderr, "\r%s %s %s\033[K", progress->verb, bar, text);
	} else {
		fprintf(stderr, "\r%.*s\033[K", (int)width - 1, text);
	}
	fflush(stderr);
	shown = true;
}

void progress_look(struct progress *progress, uint64_t done)
{
	uint64_t now, elapsed;

	if (!progress->verb)
		return;
	now = clock_now_ns();
	elapsed = now - progress->begun_ns;
	/* As many steps as took some milliseconds so far, but never twice as many as ever
	 * before. */
	if (elapsed < LOOK_NS || done * LOOK_NS / elapsed > progress->stride) {
		if (progress->stride < STRIDE_MAX)
			progress->stride *= 2;
	} else if (progress->stride > 1) {
		progress->stride /= 2;
	}
	progress->skip = done + progress->stride;
	if (now < progress->next_ns)
		return;
	progress->next_ns = now + EVERY_NS;
	line_draw(progress, done, elapsed);
}

void progress_hide(void)
{
	if (!shown)
		return;
	shown = false;
	fputs("\r\033[K", stderr);
	fflush(stderr);
}

void progress_end(struct progress *progress)
{
	progress->verb = NULL;
	progress->skip = UINT64_MAX;
	progress_hide();
}
