/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* rundir.h: the runtime directory, where unnamed map files are made and pins live.
 *
 * $BPFMAP_DIR if set, else /dev/shm/bpfmap-UID (created 0700 on first use and refused if it belongs
 * to somebody else or is a symbolic link). It holds:
 *   pins, at any depth, as users name them: /sys/fs/bpf/a/b is DIR/a/b
 *   .ids   the counter that map, program and BTF ids come from
 */
#ifndef BPFMAP_REGION_RUNDIR_H
#define BPFMAP_REGION_RUNDIR_H

#include <stddef.h>
#include <stdint.h>

/* An O_PATH-like descriptor of the directory itself, opened anew; the caller closes it. */
int rundir_open(void);

/* The directory's path; valid for the thread until the next call. */
const char *rundir_path(void);

/* Where a pin path really is: /sys/fs/bpf/x becomes DIR/x, everything else stays. ENAMETOOLONG. */
int rundir_resolve(const char *path, char *ret_path, size_t size);

/* An unnamed file there (O_TMPFILE), read-write, close-on-exec, mode 0600. */
int rundir_tmpfile(void);

/* The same in any other directory. */
int rundir_tmpfile_in(const char *dir);

/* The next id of a kind: 0 maps, 1 programs, 2 BTF. Ids start at 1 and are not handed out twice.
 * 0 or -errno. */
int rundir_next_id(unsigned int kind, uint32_t *ret_id);

#endif
