/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* cli_call.c: see cli_call.h. */
#include "cli_call.h"

#include "cli/cli.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORDS_MAX 64
#define MAPS_MAX  24

static char dir[256];
static FILE *real_out, *real_err, *counted_out, *counted_err;
static size_t said; /* bytes on stderr since cli_begin() */

static ssize_t count_write(void *cookie, const char *bytes, size_t size)
{
	if (cookie)
		*(size_t *)cookie += size;
	return (ssize_t)size;
}

static FILE *counted_stream(size_t *count)
{
	cookie_io_functions_t io = {.write = count_write};
	FILE *stream = fopencookie(count, "w", io);

	if (!stream)
		fuzz_fail("no memory for a stream");
	return stream;
}

const char *cli_prepare(uint64_t limit)
{
	struct rlimit file = {limit, limit};

	snprintf(dir, sizeof(dir), "%s", fuzz_rundir());
	if (!freopen("/dev/null", "r", stdin))
		fuzz_fail("/dev/null cannot be read");
	setrlimit(RLIMIT_FSIZE, &file);
	real_out = stdout;
	real_err = stderr;
	counted_out = counted_stream(NULL);
	counted_err = counted_stream(&said);
	return dir;
}

void cli_begin(void)
{
	/* Fuzzers give this signal a handler. */
	signal(SIGXFSZ, SIG_IGN);
	said = 0;
	stdout = counted_out;
	stderr = counted_err;
}

void cli_end(const char *what, int code)
{
	fflush(stdout);
	fflush(stderr);
	stdout = real_out;
	stderr = real_err;
	if (code < 0 || code > 63)
		fuzz_fail("%s: exit code %d", what, code);
	if (code && !said)
		fuzz_fail("%s: exit code %d without a word", what, code);
}

int cli_call(const char *const *words)
{
	char *argv[WORDS_MAX + 2] = {"bpfmap"};
	int argc = 1, code;

	while (words[argc - 1] && argc <= WORDS_MAX) {
		argv[argc] = (char *)words[argc - 1];
		argc++;
	}
	cli_begin();
	code = cli_run(argc, argv);
	cli_end(argc > 1 ? argv[1] : "nothing", code);
	return code;
}

const char *cli_file(const char *name, const void *bytes, size_t size)
{
	static char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
		fuzz_fail("%s cannot be written", path);
	close(fd);
	return path;
}

void cli_clean(void)
{
	DIR *entries = opendir(dir);
	struct dirent *entry;

	while (entries && (entry = readdir(entries)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(entries), entry->d_name, 0);
	if (entries)
		closedir(entries);
}

/* ---- maps ---- */

static struct {
	char *name;
	uint8_t *bytes;
	size_t size;
} kept[MAPS_MAX];

static const char *names[MAPS_MAX + 1];

static void map_keep(const char *name)
{
	size_t i = 0, done;
	struct stat st;
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	while (i < MAPS_MAX && kept[i].name)
		i++;
	file = fopen(path, "re");
	if (i == MAPS_MAX || !file || fstat(fileno(file), &st))
		fuzz_fail("%s cannot be kept", name);
	names[i] = kept[i].name = strdup(name);
	kept[i].size = (size_t)st.st_size;
	kept[i].bytes = malloc(kept[i].size);
	done = fread(kept[i].bytes, 1, kept[i].size, file);
	fclose(file);
	if (done != kept[i].size)
		fuzz_fail("%s cannot be read", name);
}

static void must(const char *line)
{
	char copy[256];
	const char *words[WORDS_MAX + 1] = {NULL};
	char *rest = NULL;
	size_t count = 0;

	snprintf(copy, sizeof(copy), "%s", line);
	for (char *word = strtok_r(copy, " ", &rest); word && count < WORDS_MAX;
	     word = strtok_r(NULL, " ", &rest))
		words[count++] = word;
	if (cli_call(words))
		fuzz_fail("bpfmap %s", line);
}

void maps_make(const char *object, const char *capture)
{
	static const char *const lines[] = {
		"create raw type hash key 4 value 8 entries 20",
		"update raw key 1 2 3 4 value 1 2 3 4 5 6 7 8",
		"create lru type lru_hash key 8 value 4 entries 4",
		"create counts type percpu_array key 4 value 8 entries 3",
		"create cpus type lru_percpu_hash key 4 value 16 entries 4",
		"create bloom type bloom_filter value 8 entries 20",
		"create var type hash key 40 value 100 entries 20 flags variable",
		"update var key name value text",
	};
	const char *run[] = {"run", object, "prog", "pass", "pcap", capture, "pin", dir, NULL};
	struct dirent **entries;
	int count;

	if (cli_call(run))
		fuzz_fail("%s cannot be run", object);
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		must(lines[i]);
	count = scandir(dir, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		if (entries[i]->d_name[0] != '.')
			map_keep(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

void maps_restore(const char *text)
{
	for (size_t i = 0; i < MAPS_MAX && kept[i].name; i++)
		if (strstr(text, kept[i].name))
			cli_file(kept[i].name, kept[i].bytes, kept[i].size);
}

const char *const *maps_names(void)
{
	return names;
}
