/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* replay.c: main() of a harness as an ordinary test. replay [--canary] PATH...: each PATH is an input, a
 * directory of inputs, or a pack (pack.py: many inputs in one file, each behind its length) and the
 * directory of the same name, if there is one.
 *
 * All inputs run in one child, which says in shared memory which one it has begun, so that a crash or an
 * endless loop has a name. --canary: the harness is wrong on purpose, and must be found out.
 */
#include "fuzz.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define INPUT_LIMIT_S 30
#define PACK_SUFFIX   ".pack"

__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

struct progress {
	uint64_t executions;
	uint64_t elapsed_ns;
	uint32_t packed; /* number of the input in its pack, from 0 */
	uint32_t size;
	char path[256];
};

static struct progress *progress;

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* A copy of exactly the input's size, so that a sanitizer sees who reads past its end. */
static void input_run(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (size)
		memcpy(copy, bytes, size);
	progress->size = (uint32_t)size;
	progress->executions++;
	alarm(INPUT_LIMIT_S);
	LLVMFuzzerTestOneInput(copy, size);
	alarm(0);
	free(copy);
}

static uint8_t *file_read(const char *path, size_t *ret_size)
{
	FILE *f = fopen(path, "re");
	uint8_t *bytes;
	struct stat st;

	if (!f || fstat(fileno(f), &st)) {
		perror(path);
		exit(99);
	}
	*ret_size = (size_t)st.st_size;
	bytes = malloc(*ret_size + 1);
	if (fread(bytes, 1, *ret_size, f) != *ret_size) {
		perror(path);
		exit(99);
	}
	fclose(f);
	return bytes;
}

static void pack_run(const uint8_t *bytes, size_t size)
{
	struct input in = {bytes, size};
	const uint8_t *one;

	for (progress->packed = 0; in.left; progress->packed++) {
		size_t length = input_u32(&in);

		length = input_take(&in, length, &one);
		input_run(one, length);
	}
	progress->packed = 0;
}

static bool has_suffix(const char *path, const char *suffix)
{
	size_t length = strlen(path), end = strlen(suffix);

	return length > end && !strcmp(path + length - end, suffix);
}

static void file_run(const char *path)
{
	size_t size;
	uint8_t *bytes = file_read(path, &size);

	snprintf(progress->path, sizeof(progress->path), "%s", path);
	if (has_suffix(path, PACK_SUFFIX))
		pack_run(bytes, size);
	else
		input_run(bytes, size);
	free(bytes);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void path_run(const char *path);

/* Beside X.pack, in a directory X, lie inputs that once did harm, each under a name that says which. */
static void harmful_run(const char *pack)
{
	char directory[512];
	struct stat st;

	snprintf(directory, sizeof(directory), "%.*s", (int)(strlen(pack) - strlen(PACK_SUFFIX)),
		 pack);
	if (!stat(directory, &st))
		path_run(directory);
}

static void path_run(const char *path)
{
	struct dirent **entries;
	struct stat st;
	int count;

	if (stat(path, &st) || !S_ISDIR(st.st_mode)) {
		file_run(path);
		if (has_suffix(path, PACK_SUFFIX))
			harmful_run(path);
		return;
	}
	count = scandir(path, &entries, is_visible, alphasort);
	for (int i = 0; i < count; i++) {
		char inner[512];

		snprintf(inner, sizeof(inner), "%s/%s", path, entries[i]->d_name);
		file_run(inner);
		free(entries[i]);
	}
	free(entries);
}

static void child_main(int argc, char **argv)
{
	uint64_t start = now_ns();

	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++)
		path_run(argv[i]);
	progress->elapsed_ns = now_ns() - start;
	/* In order: a sanitizer looks for leaks now. */
	exit(0);
}

static void death_report(int status)
{
	printf("# input %u of %s (%u bytes): ", progress->packed, progress->path, progress->size);
	if (WIFSIGNALED(status))
		printf("signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		printf("status %d\n", WEXITSTATUS(status));
}

static int verdict(const char *name, int status)
{
	bool is_sound = status == 0 && progress->executions;

	printf("%s 1 - %s: %llu inputs do no harm (%llu executions per second)\n",
	       is_sound ? "ok" : "not ok", name, (unsigned long long)progress->executions,
	       (unsigned long long)(progress->elapsed_ns ? progress->executions * 1000000000 /
								   progress->elapsed_ns
							 : 0));
	printf("# figure: fuzzing: inputs of corpora replayed = %llu inputs\n",
	       (unsigned long long)progress->executions);
	if (status)
		death_report(status);
	else if (!progress->executions)
		printf("# there are no inputs\n");
	return !is_sound;
}

static int canary_verdict(const char *name, int status)
{
	printf("%s 1 - %s: what is wrong on purpose is caught (canary)\n", status ? "ok" : "not ok",
	       name);
	if (status)
		death_report(status);
	return !status;
}

int main(int argc, char **argv)
{
	const char *name = strrchr(argv[0], '/');
	bool is_canary = argc > 1 && !strcmp(argv[1], "--canary");
	int status = 0;
	pid_t pid;

	progress = mmap(NULL, sizeof(*progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (progress == MAP_FAILED)
		return 99;
	name = name ? name + 1 : argv[0];
	printf("1..1\n");
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		child_main(argc - is_canary, argv + is_canary);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 99;
	return is_canary ? canary_verdict(name, status) : verdict(name, status);
}
