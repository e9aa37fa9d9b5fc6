/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* compat_errors.c: BPFMAP_ERRORS=stderr says why a call was refused, once for each, and nothing else. The
 * program runs itself, as the library looks at its environment when it is loaded.
 */
#include "bpfmap/compat.h"
#include "compat/libbpf_bpf.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char self[4096];

/* A refusal by each way in, and an answer that is none. */
static int calls_make(void)
{
	union bpf_attr attr;
	uint32_t key = 1;
	uint64_t value;
	int fd = bpf_map_create(BPF_MAP_TYPE_HASH, "told", 4, 8, 1, NULL);

	memset(&attr, 0, sizeof(attr));
	if (fd < 0 || bpf_map_lookup_elem(fd, &key, &value) != -ENOENT)
		return 1;
	if (bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "trie", 8, 8, 1, NULL) != -EINVAL)
		return 2;
	if (syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr)) != -1 || errno != EOPNOTSUPP)
		return 3;
	return 0;
}

/* What the calls say with a variable of the environment set. */
static void run(const char *variable, char *ret_said, size_t size)
{
	char command[sizeof(self) + 100];
	size_t len;
	FILE *said;

	snprintf(command, sizeof(command), "%s '%s' calls 2>&1", variable, self);
	said = popen(command, "r");
	assert_non_null(said);
	len = fread(ret_said, 1, size - 1, said);
	ret_said[len] = 0;
	assert_int_equal(pclose(said), 0);
}

static void errors__are_said_if_asked_for(void **state)
{
	char said[4096], *second;

	run("BPFMAP_ERRORS=stderr", said, sizeof(said));
	assert_int_equal(strncmp(said, "bpfmap: bpf command 0: maps of type lpm_trie", 44), 0);
	second = strchr(said, '\n') + 1;
	assert_int_equal(strncmp(second, "bpfmap: bpf command 28: programs cannot be attached", 51),
			 0);
	assert_int_equal(strchr(second, '\n')[1], 0);
}

static void errors__are_not_said_otherwise(void **state)
{
	char said[4096];

	run("BPFMAP_ERRORS=", said, sizeof(said));
	assert_string_equal(said, "");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors__are_said_if_asked_for),
		cmocka_unit_test(errors__are_not_said_otherwise),
	};

	if (argc > 1)
		return calls_make();
	if (readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
