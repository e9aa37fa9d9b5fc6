/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* semantics.c: runs the sections, each in a child process with a time limit.
 *
 * Usage: semantics [section ...]      exit 77 if bpf(2) is not permitted here
 */
#include "semantics.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECTION_SECONDS 240
#define EXIT_SKIP	77

struct section {
	const char *name;
	void (*run)(void);
};

static const struct section sections[] = {
	{"syscall", section_syscall}, {"create", section_create}, {"elem", section_elem},
	{"iterate", section_iterate}, {"batch", section_batch},	  {"access", section_access},
	{"freeze", section_freeze},   {"mmap", section_mmap},	  {"pin", section_pin},
	{"ids", section_ids},	      {"info", section_info},	  {"fds", section_fds},
	{"btf", section_btf},	      {"libbpf", section_libbpf},
};

static bool is_wanted(const char *name, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], name) == 0)
			return true;
	}
	return argc < 2;
}

static void section_start(const struct section *s)
{
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		alarm(SECTION_SECONDS);
		s->run();
		fflush(stdout);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		printf("%s.DIED: %s\n", s->name, strerror(errno));
	else if (WIFSIGNALED(status))
		printf("%s.DIED: signal %d\n", s->name, WTERMSIG(status));
	else if (WEXITSTATUS(status) != 0)
		printf("%s.DIED: exit %d\n", s->name, WEXITSTATUS(status));
}

int main(int argc, char **argv)
{
	int fd;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 1 && strncmp(argv[1], "--exec", 6) == 0)
		return fds_exec_main(argc, argv);
	fd = map_make(BPF_MAP_TYPE_ARRAY, 4, 4, 1, 0);
	if (fd == -EPERM || fd == -ENOSYS) {
		fprintf(stderr, "semantics: bpf(2) is not permitted here: %s\n", result_name(fd));
		return EXIT_SKIP;
	}
	if (fd >= 0)
		close(fd);
	for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
		if (is_wanted(sections[i].name, argc, argv))
			section_start(&sections[i]);
	}
	return 0;
}
