/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* btf.c: BPF_BTF_LOAD and BTF objects.
 *
 * File: struct btf_file_header, then the BTF bytes as they were given. Checked before the file is
 * made and once more when another process opens it. A map keeps a copy of its BTF and the id; when
 * nobody else holds the object any more and its id is asked for, the object is made again from the
 * map.
 */
#include "bpf/btf_blob.h"

#include "base/error.h"
#include "bpf/btf_parse.h"
#include "bpf/commands.h"
#include "bpf/object.h"
#include "bpf/user.h"
#include "bpfmap/bpfmap.h"
#include "region/rundir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_TEXT 3 /* log levels 1 and 2 */

struct btf_file_header {
	struct object_header object;
};

void btf_blob_free(struct btf_blob *blob)
{
	if (!blob)
		return;
	free(blob->file);
	free(blob);
}

int btf_file_open(int fd, struct object *ret_what)
{
	struct btf_blob *blob;
	size_t size;
	void *file;
	int err = object_file_read(fd, sizeof(struct btf_file_header), &file, &size);

	if (err)
		return err;
	err = btf_check((char *)file + sizeof(struct btf_file_header),
			(uint32_t)(size - sizeof(struct btf_file_header)));
	blob = err ? NULL : malloc(sizeof(*blob));
	if (!blob) {
		free(file);
		return err ? err : fail(ENOMEM, "no memory for a BTF object");
	}
	blob->id = ((struct object_header *)file)->id;
	blob->size = (uint32_t)(size - sizeof(struct btf_file_header));
	blob->bytes = (char *)file + sizeof(struct btf_file_header);
	blob->file = file;
	ret_what->kind = OBJECT_BTF;
	ret_what->id = blob->id;
	ret_what->btf = blob;
	return 0;
}

/* A descriptor for a new object with this id, or -errno. */
static int btf_publish(const void *bytes, uint32_t size, uint32_t id)
{
	struct btf_file_header header = {
		.object =
			{
				.magic = OBJECT_MAGIC,
				.version = OBJECT_VERSION,
				.kind = OBJECT_BTF,
				.id = id,
				.header_size = sizeof(header),
				.file_size = sizeof(header) + size,
			},
	};
	struct object what = {.excl = 0};
	int fd, ret;

	fd = object_file_make(&header, sizeof(header), bytes, size);
	if (fd < 0)
		return fd;
	ret = btf_file_open(fd, &what);
	if (!ret)
		ret = fd_install(fd, &what);
	if (!ret)
		return fd;
	close(fd);
	return ret;
}

int btf_publish_map(int map_fd, uint32_t id)
{
	struct bpfmap *map;
	const void *bytes;
	uint32_t size;
	int ret = bpfmap_open_fd(map_fd, BPFMAP_OPEN_RDONLY, &map);

	if (ret)
		return ret;
	bytes = bpfmap_btf(map, &size);
	ret = bytes ? btf_publish(bytes, size, id) : fail(ENOENT, "the map has no BTF");
	bpfmap_close(map);
	return ret;
}

/* The caller's log: the failure's sentence, or what was loaded. A log that is too short is cut off,
 * and then that is what the caller is told. (The kernel lists all types, so it needs more room.) */
static int log_write(const struct attr_btf *btf, int err)
{
	char text[512];
	size_t len, part;

	if (!(btf->log_level & LOG_TEXT) || !btf->log_buf || !btf->log_size)
		return err;
	if (err)
		snprintf(text, sizeof(text), "%s", error_sentence());
	else
		snprintf(text, sizeof(text), "%u bytes of BTF are sound", btf->size);
	len = strlen(text) + 1;
	part = len < btf->log_size ? len : btf->log_size;
	if (user_copy_out(btf->log_buf, text, part, "the log") ||
	    user_copy_out(btf->log_buf + part - 1, "", 1, "the log"))
		return -EFAULT;
	return part < len ? fail(ENOSPC, "the log has room for %zu of %zu bytes", part, len) : err;
}

long btf_load(union call_attr *attr, const struct call *call)
{
	const struct attr_btf *btf = &attr->btf;
	uint32_t id;
	void *bytes;
	int ret;

	if (btf->flags & ~ATTR_F_TOKEN_FD)
		return fail(EINVAL, "unknown BTF flags %#x", btf->flags);
	if (btf->size > BTF_SIZE_MAX)
		return fail(E2BIG, "%u bytes of BTF; the limit is %u", btf->size, BTF_SIZE_MAX);
	bytes = malloc(btf->size + 1u);
	if (!bytes)
		return fail(ENOMEM, "no memory for %u bytes of BTF", btf->size);
	ret = user_copy_in(bytes, btf->btf, btf->size, "the BTF");
	if (!ret)
		ret = log_write(btf, btf_check(bytes, btf->size));
	if (!ret)
		ret = rundir_next_id(OBJECT_BTF, &id);
	if (!ret)
		ret = btf_publish(bytes, btf->size, id);
	free(bytes);
	return ret;
}
