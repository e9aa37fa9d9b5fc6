/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* prog_code.c: see prog_code.h. */
#include "bpf/prog_code.h"

#include "base/error.h"
#include "bpf/fd.h"
#include "bpf/prog.h"

#include <errno.h>
#include <stdlib.h>

int prog_code_compile(int fd, enum vm_jit_mode mode)
{
	struct fd_ref ref;
	int err = fd_get(fd, OBJECT_PROG, &ref);

	if (err)
		return err;
	err = vm_prog_compile(ref.object->prog->vm, mode);
	fd_put(&ref);
	return err;
}

int prog_code_load(int fd, const char *path)
{
	struct fd_ref ref;
	int err = fd_get(fd, OBJECT_PROG, &ref);

	if (err)
		return err;
	err = vm_prog_load_code(ref.object->prog->vm, path);
	fd_put(&ref);
	return err;
}

/* All programs are held at once: the file is of one moment. */
static int save_held(const int *fds, uint32_t n, const char *path, struct object **held,
		     struct vm_prog **progs)
{
	uint32_t count = 0;
	int err = 0;

	for (; count < n && !err; count++) {
		struct fd_ref ref;

		err = fd_get(fds[count], OBJECT_PROG, &ref);
		if (err)
			break;
		held[count] = ref.object;
		object_hold(ref.object);
		progs[count] = ref.object->prog->vm;
		fd_put(&ref);
	}
	if (!err)
		err = vm_progs_save(progs, n, path);
	while (count)
		object_release(held[--count]);
	return err;
}

int prog_code_save(const int *fds, uint32_t n, const char *path)
{
	struct object **held = calloc(n + 1, sizeof(struct object *));
	struct vm_prog **progs = calloc(n + 1, sizeof(*progs));
	int err = held && progs ? save_held(fds, n, path, held, progs)
				: fail(ENOMEM, "no memory for a list of programs");

	free(held);
	free(progs);
	return err;
}
