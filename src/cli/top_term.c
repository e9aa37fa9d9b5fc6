/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top_term.c: the terminal, through ncurses.
 *
 * While pages are shown, stderr leads to a file in memory: a sentence of the library or libbpf
 * would spoil the page; it is shown as a message instead. Signals that end the process are taken
 * note of, and the main loop ends; those of a crash restore the terminal and then do what they
 * would have done.
 */
#include "cli/top_term.h"

#include "base/error.h"

#include <curses.h>
#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <term.h>
#include <unistd.h>
#include <wchar.h>

/* An escape sequence's bytes come together; whoever types Esc does not want to wait. */
#define ESCAPE_MS 25
#define EIGHTHS	  8

static SCREEN *screen;
static bool is_utf8;
static volatile sig_atomic_t asked_to_end;
static int real_stderr = -1, said = -1;

static const int end_signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM};
static const int crash_signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};

/* ---- begin and end ---- */

const char *top_term_refusal(void)
{
	const char *term = getenv("TERM");
	bool can_move;
	int status;

	if (!term || !*term)
		return "TERM is not set";
	if (setupterm(NULL, STDOUT_FILENO, &status) != OK)
		return "the terminal's type is not known here";
	can_move = cursor_address && clr_eol;
	del_curterm(cur_term);
	return can_move ? NULL : "the terminal cannot move its cursor";
}

static void on_end(int number)
{
	asked_to_end = number;
}

static void on_crash(int number)
{
	/* Not safe in general; what is broken is about to end. */
	endwin();
	signal(number, SIG_DFL);
	raise(number);
}

static void signals_take(void)
{
	struct sigaction end = {.sa_handler = on_end};
	struct sigaction crash = {.sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND};

	for (size_t i = 0; i < sizeof(end_signals) / sizeof(end_signals[0]); i++)
		sigaction(end_signals[i], &end, NULL);
	for (size_t i = 0; i < sizeof(crash_signals) / sizeof(crash_signals[0]); i++)
		sigaction(crash_signals[i], &crash, NULL);
}

static void signals_return(void)
{
	for (size_t i = 0; i < sizeof(end_signals) / sizeof(end_signals[0]); i++)
		signal(end_signals[i], SIG_DFL);
	for (size_t i = 0; i < sizeof(crash_signals) / sizeof(crash_signals[0]); i++)
		signal(crash_signals[i], SIG_DFL);
}

static void stderr_take(void)
{
	said = memfd_create("stderr", MFD_CLOEXEC);
	real_stderr = dup(STDERR_FILENO);
	if (said >= 0 && real_stderr >= 0)
		dup2(said, STDERR_FILENO);
}

static void stderr_return(void)
{
	if (real_stderr >= 0)
		dup2(real_stderr, STDERR_FILENO);
	if (real_stderr >= 0)
		close(real_stderr);
	if (said >= 0)
		close(said);
	real_stderr = said = -1;
}

/* Inks without one have the terminal's own colours, which are pair 0. */
static const short colour[TOP_INKS] = {
	[TOP_ACCENT] = COLOR_CYAN, [TOP_WARN] = COLOR_YELLOW, [TOP_BAD] = COLOR_RED};
static bool is_coloured;

static void colours_choose(void)
{
	const char *none = getenv("NO_COLOR");

	/* no-color.org: any value that is not empty. */
	if ((none && *none) || !has_colors() || start_color() == ERR)
		return;
	use_default_colors();
	is_coloured = true;
	for (short ink = 0; ink < TOP_INKS; ink++)
		if (colour[ink])
			init_pair(ink, colour[ink], -1);
}

int top_term_start(void)
{
	setlocale(LC_CTYPE, "");
	is_utf8 = !strcmp(nl_langinfo(CODESET), "UTF-8");
	asked_to_end = 0;
	is_coloured = false;
	screen = newterm(NULL, stdout, stdin);
	if (!screen)
		return fail(ENOTTY, "the terminal cannot be used");
	atexit(top_term_stop);
	stderr_take();
	signals_take();
	set_escdelay(ESCAPE_MS);
	colours_choose();
	cbreak();
	noecho();
	nonl();
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	return 0;
}

void top_term_stop(void)
{
	if (!screen)
		return;
	endwin();
	delscreen(screen);
	screen = NULL;
	signals_return();
	stderr_return();
}

int top_term_signal(void)
{
	return asked_to_end;
}

bool top_term_said(char *ret_line, size_t size)
{
	char text[1024], *last;
	ssize_t len;
	off_t end;

	if (said < 0)
		return false;
	end = lseek(said, 0, SEEK_END);
	if (end <= 0)
		return false;
	len = pread(said, text, sizeof(text) - 1, end > 1023 ? end - 1023 : 0);
	if (ftruncate(said, 0) || lseek(said, 0, SEEK_SET) || len <= 0)
		return false;
	while (len && text[len - 1] == '\n')
		len--;
	text[len] = 0;
	last = strrchr(text, '\n');
	last = last ? last + 1 : text;
	len = (ssize_t)strnlen(last, size - 1);
	memcpy(ret_line, last, (size_t)len);
	ret_line[len] = 0;
	return true;
}

/* ---- pages ---- */

int top_term_lines(void)
{
	return LINES;
}

int top_term_columns(void)
{
	return COLS;
}

void top_term_begin(void)
{
	erase();
}

void top_term_end(void)
{
	refresh();
}

static void ink_use(int ink)
{
	attr_t attr = A_NORMAL;
	int base = ink & ~TOP_MARKED;

	if (base == TOP_STRONG || base == TOP_BAD)
		attr |= A_BOLD;
	if (base == TOP_DIM)
		attr |= A_DIM;
	/* A marked row is as readable as it can be, whatever the terminal makes of dim reverse. */
	if (ink & TOP_MARKED)
		attr = (attr & ~A_DIM) | A_REVERSE;
	if (is_coloured && !(ink & TOP_MARKED) && colour[base])
		attr |= COLOR_PAIR(base);
	attrset(attr);
}

/* At most `room` columns of text as wide characters, what cannot be shown as '?'. */
static int text_widen(const char *text, int room, wchar_t *ret_wide, size_t size)
{
	mbstate_t state = {0};
	size_t len = strlen(text), count = 0;
	int cells = 0, last_cells = 0;

	while (len && count + 1 < size) {
		wchar_t c;
		size_t bytes = mbrtowc(&c, text, len, &state);
		int width;

		if (!bytes || bytes > len) {
			state = (mbstate_t){0};
			bytes = 1;
			c = L'?';
		}
		width = wcwidth(c);
		if (width < 0) {
			c = L'?';
			width = 1;
		}
		if (cells + width > room) {
			/* Something is missing: say so in place of the last character. */
			if (count && room > 3) {
				ret_wide[count - 1] = is_utf8 ? L'…' : L'~';
				cells = last_cells + 1;
			}
			break;
		}
		last_cells = cells;
		ret_wide[count++] = c;
		cells += width;
		text += bytes;
		len -= bytes;
	}
	ret_wide[count] = 0;
	return cells;
}

int top_put(int y, int x, int width, int ink, enum top_align align, const char *text)
{
	wchar_t wide[512];
	int cells;

	if (y < 0 || y >= LINES || x < 0 || x >= COLS)
		return 0;
	if (width > COLS - x)
		width = COLS - x;
	cells = text_widen(text, width, wide, sizeof(wide) / sizeof(wide[0]));
	ink_use(ink);
	mvhline(y, x, ' ', width);
	mvaddwstr(y, align == TOP_RIGHT ? x + width - cells : x, wide);
	return cells;
}

void top_put_bar(int y, int x, int width, int ink, double share)
{
	static const char *const eighth[EIGHTHS] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	int parts = (int)(share * width * EIGHTHS + 0.5);
	char text[512] = "";
	size_t len = 0;

	if (share > 0 && !parts)
		parts = 1;
	for (int i = 0; i < parts / EIGHTHS && i < width && len < sizeof(text) - 8; i++)
		len += (size_t)sprintf(text + len, "%s", is_utf8 ? "█" : "#");
	if (parts < width * EIGHTHS && parts % EIGHTHS)
		sprintf(text + len, "%s",
			is_utf8		       ? eighth[parts % EIGHTHS]
			: parts % EIGHTHS >= 4 ? "#"
					       : "");
	top_put(y, x, width, ink, TOP_LEFT, text);
}

const char *top_sign(enum top_sign sign)
{
	static const char *const signs[TOP_SIGNS][2] = {
		[TOP_SIGN_NONE] = {"-", "—"},	   [TOP_SIGN_DOWN] = {"v", "▼"},
		[TOP_SIGN_UP] = {"^", "▲"},	   [TOP_SIGN_DOT] = {",", " ·"},
		[TOP_SIGN_ARROWS] = {"j k", "↑↓"},
	};

	return signs[sign][is_utf8];
}

int top_term_key(void)
{
	int key = getch();

	return key == ERR ? 0 : key;
}
