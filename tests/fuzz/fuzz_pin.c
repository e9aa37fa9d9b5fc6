/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* fuzz_pin.c: any bytes as the file of a pinned program or BTF object, opened by BPF_OBJ_GET and asked
 * for its info; a program is also run once. (Maps' files: fuzz_region.c.)
 *
 * Input    the file, whose first bytes (magic, version, kind, sizes) are set right unless the last bit of
 *          its last byte is set. */
#include "fuzz.h"

#include "bpf/command.h"
#include "bpf/object.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FILE_MAX 4096u

static char path[256];

/* What comes first in both kinds of files. */
static void header_mend(uint8_t *file, size_t size)
{
	struct object_header header;

	if (size < sizeof(header) || (file[size - 1] & 1))
		return;
	memcpy(&header, file, sizeof(header));
	header.magic = OBJECT_MAGIC;
	header.version = OBJECT_VERSION;
	header.kind = header.kind % 2 ? OBJECT_PROG : OBJECT_BTF;
	header.file_size = size;
	memcpy(file, &header, sizeof(header));
}

static void file_write(const uint8_t *file, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, file, size) != (ssize_t)size)
		fuzz_fail("%s cannot be written", path);
	close(fd);
}

static void sentence_check(long result, const char *what)
{
	if (result < 0 && !bpfmap_last_error()[0])
		fuzz_fail("%s fails with %ld and says nothing", what, result);
}

static void object_use(int fd)
{
	uint8_t info[512] = {0}, packet[64] = {0};
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = (uint32_t)fd;
	attr.info.info = (uintptr_t)info;
	attr.info.info_len = 232;
	sentence_check(bpfmap_bpf(BPF_OBJ_GET_INFO_BY_FD, &attr, sizeof(attr)), "its info");
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = (uint32_t)fd;
	attr.test.data_in = (uintptr_t)packet;
	attr.test.data_size_in = sizeof(packet);
	sentence_check(bpfmap_bpf(BPF_PROG_TEST_RUN, &attr, sizeof(attr)), "its run");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t file[FILE_MAX];
	union bpf_attr attr;
	long fd;

	memset(&attr, 0, sizeof(attr));
	size = size < FILE_MAX ? size : FILE_MAX;
	memcpy(file, data, size);
	header_mend(file, size);
	file_write(file, size);
	attr.pathname = (uintptr_t)path;
	fd = bpfmap_bpf(BPF_OBJ_GET, &attr, sizeof(attr));
	sentence_check(fd, "opening");
	if (fd >= 0) {
#ifdef FUZZ_CANARY
		fuzz_fail("a file is opened");
#endif
		object_use((int)fd);
		close((int)fd);
		bpfmap_bpf_fd_closed((int)fd);
	}
	unlink(path);
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	snprintf(path, sizeof(path), "%s/object", fuzz_rundir());
	return 0;
}
