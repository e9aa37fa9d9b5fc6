/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* top_term.h: the terminal, through ncurses. Whatever ends the process, but SIGKILL, leaves it as
 * it was. */
#ifndef BPFMAP_CLI_TOP_TERM_H
#define BPFMAP_CLI_TOP_TERM_H

#include <stdbool.h>
#include <stddef.h>

enum top_ink {
	TOP_PLAIN,
	TOP_STRONG,
	TOP_DIM,
	TOP_ACCENT,
	TOP_WARN,
	TOP_BAD,
	TOP_INKS,
	TOP_MARKED = 16, /* added to another: the chosen row */
};

enum top_align { TOP_LEFT, TOP_RIGHT };

/* NULL if the terminal can show pages, else a sentence. */
const char *top_term_refusal(void);
int top_term_start(void);
void top_term_stop(void);

/* The signal that asks us to end, 0 if none came. */
int top_term_signal(void);

/* What was written to stderr since the last call, the last line of it; false if nothing. */
bool top_term_said(char *ret_line, size_t size);

int top_term_lines(void);
int top_term_columns(void);

void top_term_begin(void); /* a new page */
void top_term_end(void);

/* Text in width columns: cut off or filled up with blanks. Returns the columns it takes
 * unfilled. */
int top_put(int y, int x, int width, int ink, enum top_align align, const char *text);
/* A bar of that share (0 to 1). */
void top_put_bar(int y, int x, int width, int ink, double share);

/* Signs, or what stands for them where there is no UTF-8. */
enum top_sign {
	TOP_SIGN_NONE,
	TOP_SIGN_DOWN,
	TOP_SIGN_UP,
	TOP_SIGN_DOT,
	TOP_SIGN_ARROWS,
	TOP_SIGNS
};
const char *top_sign(enum top_sign sign);

/* The next key, 0 if there is none. Others are ncurses's. */
int top_term_key(void);
#define TOP_KEY_ESCAPE 27

#endif
