/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* libbpf-first.c: names libbpf's functions alone, and libbpf comes first when it is linked. Who answers is
 * seen by the descriptor: the kernel's maps are anonymous inodes, ours are files. */
#define _POSIX_C_SOURCE 200809L
#include <bpf/bpf.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(void)
{
	char link[64], target[256] = "";
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "consumer", 4, 8, 16, NULL);

	if (fd < 0) {
		perror("bpf_map_create");
		return 1;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (readlink(link, target, sizeof(target) - 1) < 0) {
		perror(link);
		return 1;
	}
	puts(strncmp(target, "anon_inode:", 11) ? "in this process" : "in the kernel");
	return 0;
}
