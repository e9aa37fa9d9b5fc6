/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* run_watch.c: the live view: speed, verdicts and the first elements of maps, drawn over itself on
 * stderr once a second while the programs run. Only where stderr is a terminal: the report is the
 * same without. */
#include "cli/element.h"
#include "cli/progress.h"
#include "cli/run.h"
#include "cli/top_cells.h"

#include <bpf/libbpf.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* A cell that is longer is cut, so that one address does not push the counters off the page. */
#define CELL_MAX    26
#define COLUMNS_MAX 64
#define ROWS_MAX    64

struct run_watch {
	struct mapref *map;
	const char **name;
	size_t count;
	unsigned int drawn; /* lines on the page */
	unsigned int lines, columns;
	uint64_t last_packets, last_ns;
	bool bold;
};

/* The rows of one map, as they are found. */
struct watch_rows {
	const struct mapref *ref;
	struct btf_fold fold;
	struct top_cells row[ROWS_MAX];
	unsigned int count, most;
};

static struct bpf_map *map_of(const struct run *run, const char *name)
{
	struct bpf_map *map;

	bpf_object__for_each_map(map, run->object->bpf)
	{
		if (!strcmp(bpf_map__name(map), name))
			return map;
	}
	return NULL;
}

static int no_such_map(const struct run *run, const char *name)
{
	struct text names = {0};
	struct bpf_map *map;
	int code;

	bpf_object__for_each_map(map, run->object->bpf)
		text_addf(&names, "%s%s", names.len ? ", " : "", bpf_map__name(map));
	code = exit_sentence(-ENOENT, "watch: %s has no map '%s'; there are: %s",
			     run->words->object, name, text_str(&names));
	text_free(&names);
	return code;
}

static int map_add(struct run_watch *watch, const struct run *run, const char *name)
{
	struct bpf_map *map = map_of(run, name);
	int fd, code;

	if (!map)
		return no_such_map(run, name);
	fd = fcntl(bpf_map__fd(map), F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return exit_sentence(-errno, "can't watch map %s: %s", name, strerror(errno));
	watch->name[watch->count] = name;
	code = mapref_from_fd(run->cli, run->words->backend, fd, &watch->map[watch->count]);
	watch->count += !code;
	return code;
}

int run_watch_open(struct run *run, struct run_watch **ret_watch)
{
	const struct run_names *names = &run->words->watch;
	const char *no_color = getenv("NO_COLOR");
	struct run_watch *watch = must_realloc(NULL, sizeof(*watch));
	int code = 0;

	*watch = (struct run_watch){.bold = !no_color || !*no_color};
	watch->map = calloc(names->count + 1, sizeof(*watch->map));
	watch->name = calloc(names->count + 1, sizeof(*watch->name));
	if (!watch->map || !watch->name)
		must_realloc(NULL, SIZE_MAX);
	for (size_t i = 0; !code && i < names->count; i++)
		code = map_add(watch, run, names->name[i]);
	*ret_watch = watch;
	if (code || !names->count || !progress_can_be_seen()) {
		run_watch_close(watch);
		*ret_watch = NULL;
	}
	return code;
}

/* ---- the page ---- */

/* One line, cut at the edge: one that wraps could not be drawn over. */
static void line_draw(struct run_watch *watch, const struct text *line, bool bold)
{
	const char *s = text_str(line);
	unsigned int columns = 0;

	if (watch->drawn + 1 >= watch->lines)
		return;
	fputs(bold && watch->bold ? "\033[1m" : "", stderr);
	for (; *s; s++) {
		/* Bytes that continue a character take no column. */
		columns += ((unsigned char)*s & 0xc0) != 0x80;
		if (columns >= watch->columns)
			break;
		fputc(iscntrl((unsigned char)*s) ? '?' : *s, stderr);
	}
	fputs(bold && watch->bold ? "\033[0m\033[K\n" : "\033[K\n", stderr);
	watch->drawn++;
}

static void page_begin(struct run_watch *watch)
{
	struct winsize size;

	if (watch->drawn)
		fprintf(stderr, "\033[%uA\r", watch->drawn);
	watch->drawn = 0;
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || !size.ws_col || !size.ws_row)
		size = (struct winsize){.ws_col = 80, .ws_row = 24};
	watch->lines = size.ws_row;
	watch->columns = size.ws_col;
}

static void speed_draw(struct run_watch *watch, const struct run *run, uint64_t ns)
{
	struct text line = {0};
	uint64_t packets = 0, failed = 0;

	for (size_t i = 0; i < run->prog_count; i++) {
		packets += run->total[i].packets;
		failed += run->total[i].failed;
	}
	text_addf(&line, "%.0f s  %" PRIu64 " packets", (double)ns / 1e9, packets);
	if (ns > watch->last_ns)
		text_addf(&line, "  %.0f/s",
			  (double)(packets - watch->last_packets) * 1e9 /
				  (double)(ns - watch->last_ns));
	if (failed)
		text_addf(&line, "  %" PRIu64 " failed", failed);
	text_addf(&line, "  (Ctrl-C ends the run)");
	watch->last_packets = packets;
	watch->last_ns = ns;
	line_draw(watch, &line, true);
	for (size_t i = 0; i < run->prog_count; i++) {
		text_clear(&line);
		text_addf(&line, "%s  ", bpf_program__name(run->prog[i].bpf));
		verdicts_text(&line, &run->total[i].verdicts, run->prog[i].type);
		line_draw(watch, &line, false);
	}
	text_free(&line);
}

/* ---- maps ---- */

static int row_add(void *arg, const void *key, const void *value, int err)
{
	struct watch_rows *rows = arg;
	struct top_cells *cells = &rows->row[rows->count];

	(void)err;
	if (!value)
		return 0;
	top_cells_init(cells);
	element_row(&cells->out, rows->ref,
		    backend_is_percpu(rows->ref->info.type) ? &rows->fold : NULL, key, value);
	return ++rows->count == rows->most;
}

static size_t cell_width(const struct text *text)
{
	return text->len < CELL_MAX ? text->len : CELL_MAX;
}

static void cell_put(struct text *line, const struct text *cell, size_t width, bool right)
{
	char cut[CELL_MAX + 1];

	snprintf(cut, sizeof(cut), "%s", text_str(cell));
	if (cell->len > CELL_MAX)
		memcpy(cut + CELL_MAX - 2, "..", 2);
	text_addf(line, right ? "  %*s" : "  %-*s", (int)width, cut);
}

/* The columns in the order in which they are shown. Long keys come last: the counters are what
 * moves. */
static size_t columns_order(const struct watch_rows *rows, size_t *ret_order)
{
	const struct top_cells *first = &rows->row[0];
	size_t all = first->count < COLUMNS_MAX ? first->count : COLUMNS_MAX, count = 0;
	bool keys_last = !first->cell[0].number;

	for (size_t pass = 0; pass < 2; pass++) {
		for (size_t c = 0; c < all; c++) {
			bool is_key = !strncmp(text_str(&first->cell[c].label), "key", 3);

			if ((is_key == keys_last) == (pass == 1))
				ret_order[count++] = c;
		}
	}
	return count;
}

static size_t column_width(const struct watch_rows *rows, size_t column)
{
	size_t width = cell_width(&rows->row[0].cell[column].label);

	for (unsigned int r = 0; r < rows->count; r++)
		if (column < rows->row[r].count &&
		    width < cell_width(&rows->row[r].cell[column].text))
			width = cell_width(&rows->row[r].cell[column].text);
	return width;
}

static void rows_draw(struct run_watch *watch, const struct watch_rows *rows)
{
	size_t order[COLUMNS_MAX], width[COLUMNS_MAX], columns;
	struct text line = {0};

	if (!rows->count || !rows->row[0].count)
		return;
	columns = columns_order(rows, order);
	for (size_t i = 0; i < columns; i++) {
		const struct top_cell *cell = &rows->row[0].cell[order[i]];

		width[i] = column_width(rows, order[i]);
		cell_put(&line, &cell->label, width[i], cell->number);
	}
	line_draw(watch, &line, false);
	for (unsigned int r = 0; r < rows->count; r++) {
		text_clear(&line);
		for (size_t i = 0; i < columns && order[i] < rows->row[r].count; i++)
			cell_put(&line, &rows->row[r].cell[order[i]].text, width[i],
				 rows->row[0].cell[order[i]].number);
		line_draw(watch, &line, false);
	}
	text_free(&line);
}

static void map_draw(struct run_watch *watch, size_t index, unsigned int lines)
{
	const struct mapref *ref = &watch->map[index];
	struct watch_rows *rows = must_realloc(NULL, sizeof(*rows));
	struct backend_stats stats;
	struct text line = {0};

	rows->ref = ref;
	rows->fold = (struct btf_fold){.op = BTF_FOLD_SUM,
				       .cpus = backend_cpus(),
				       .stride = (ref->info.value_size + 7) & ~(size_t)7};
	rows->count = 0;
	rows->most = lines > 3 ? lines - 3 : 1;
	if (rows->most > ROWS_MAX)
		rows->most = ROWS_MAX;
	text_addf(&line, "%s  %s", watch->name[index], mapref_type(&ref->info));
	if (!ref->backend->map_stats(ref->fd, &stats) && stats.counted)
		text_addf(&line, "  %" PRIu64 " of %u", stats.entries, ref->info.max_entries);
	line_draw(watch, &(struct text){0}, false);
	line_draw(watch, &line, true);
	if (ref->info.key_size)
		ref->backend->map_walk(ref->fd, &ref->info, row_add, rows);
	rows_draw(watch, rows);
	for (unsigned int i = 0; i < rows->count; i++)
		top_cells_free(&rows->row[i]);
	free(rows);
	text_free(&line);
}

void run_watch_draw(struct run_watch *watch, const struct run *run, uint64_t ns)
{
	page_begin(watch);
	speed_draw(watch, run, ns);
	for (size_t i = 0; i < watch->count && watch->drawn + 1 < watch->lines; i++)
		map_draw(watch, i,
			 (watch->lines - 1 - watch->drawn) / (unsigned int)(watch->count - i));
	fputs("\033[J", stderr);
	fflush(stderr);
}

void run_watch_close(struct run_watch *watch)
{
	if (!watch)
		return;
	if (watch->drawn) {
		fprintf(stderr, "\033[%uA\r\033[J", watch->drawn);
		fflush(stderr);
	}
	for (size_t i = 0; i < watch->count; i++)
		mapref_close(&watch->map[i]);
	free(watch->map);
	free(watch->name);
	free(watch);
}
