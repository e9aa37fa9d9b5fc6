/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* apart.h: part of a case in a process of its own: what it changes of itself (limits, namespaces, signals,
 * the user that it is) ends with it. Its findings are the case's, as is its death.
 */
#ifndef BPFMAP_TESTS_APART_H
#define BPFMAP_TESTS_APART_H

#include <stdbool.h>
#include <sys/types.h>

/* The exit status of work that finds that it is not possible here. */
#define APART_CANNOT 77

/* False: not possible here, and nothing failed before that was seen. */
bool apart(void (*work)(void));

struct apart_user {
	uid_t uid;
	gid_t gid;
	gid_t group; /* the one supplementary group */
};

/* As another user; the test has to be root. */
void apart_as(const struct apart_user *user, void (*work)(void));

/* In such a process: from now on $BPFMAP_DIR is a tmpfs of its own, with these mount options. Exits where
 * that is not possible. */
void apart_tmpfs(const char *options);

#endif
