/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* alone.h: a process of its own, in which /proc shows nobody else, where that is permitted. Our engine finds
 * maps by id, and who has mapped them, through the /proc of every process: with a machine's hundred
 * that is half of the time of all scripts.
 */
#ifndef TESTS_DIFF_ALONE_H
#define TESTS_DIFF_ALONE_H

/* What body returns, or 1 if it ended in any other way. */
int alone_run(int (*body)(int argc, char **argv), int argc, char **argv);

#endif
