/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* limits.c: real shortages. A tmpfs of 1 MiB (as root, in a mount namespace of the test's own), the limits
 * on descriptors and on address space, a memory control group (where one may be made), signals that
 * interrupt every call, and exec. What cannot be tried here is skipped aloud.
 */
#include "apart.h"
#include "harness.h"
#include "keyless.h"
#include "value.h"
#include "bpfmap/bpfmap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define VALUE_SIZE  1024u
#define MANY	    100000u
#define STORM_US    100
#define MIB	    ((uint64_t)1 << 20)
#define CGROUP_MAX  "33554432"
#define DESCRIPTORS 1024
#define CPUS_MAX    512u
#define EXEC_KEYS   8u
#define MAPS_MAX    256u

struct type_row {
	uint32_t type;
	const char *word;
};

static const struct type_row types[] = {
#define MAP_TYPE(NAME, word, ops) {BPF_MAP_TYPE_##NAME, word},
#include "map/types.def"
#undef MAP_TYPE
};

static int map_make(uint32_t type, uint32_t entries, uint32_t flags, uint32_t memory,
		    struct bpfmap **ret_map)
{
	struct bpfmap_create_opts opts = {
		.sz = sizeof(opts),
		.type = type,
		.key_size = type_is_keyless(type) ? 0 : 4,
		.value_size = VALUE_SIZE,
		.max_entries = entries,
		.map_flags = flags,
		.memory = memory,
	};

	*ret_map = NULL;
	return bpfmap_create(&opts, ret_map);
}

static int element_put(struct bpfmap *map, uint32_t key, uint64_t version)
{
	uint8_t value[VALUE_SIZE];

	value_fill(value, sizeof(value), key, version);
	return bpfmap_update(map, &key, value, BPF_ANY);
}

static void elements_judge(struct bpfmap *map, uint32_t n)
{
	uint8_t value[VALUE_SIZE];

	for (uint32_t key = 0; key < n && !verdict_failed(); key++) {
		int err = bpfmap_read(map, &key, value);

		if (err)
			verdict_fail("element %u of %u is gone: %d", key, n, err);
		else
			value_verify(value, sizeof(value), key, "after the shortage");
	}
	if (bpfmap_check(map))
		verdict_fail("check: %s", bpfmap_last_error());
}

static void refusal_judge(const char *what, int err, int expected)
{
	if (err != expected || !bpfmap_last_error()[0])
		verdict_fail("%s: %d instead of %d, or no sentence (%s)", what, err, expected,
			     bpfmap_last_error());
}

static void apart_verdict(void (*work)(void), const char *sentence, const char *why_not)
{
	if (apart(work))
		tap_verdict(sentence);
	else
		tap_skip(sentence, why_not);
}

/* ---- a full tmpfs ---------------------------------------------------------------------------- */

/* Bytes that are not in use on the file system. */
static uint64_t room(void)
{
	struct statfs fs;

	return statfs(getenv("BPFMAP_DIR"), &fs) ? 0 : (uint64_t)fs.f_bavail * (uint64_t)fs.f_bsize;
}

/* One that grows until there is no more, then deletes and goes on with what it has. */
static void growth_judge(void)
{
	struct bpfmap *map;
	uint32_t n = 0;
	int err = map_make(BPF_MAP_TYPE_HASH, MANY, BPF_F_NO_PREALLOC, BPFMAP_MEMORY_SHARED, &map);

	if (err) {
		verdict_fail("a map that grows: %s", bpfmap_last_error());
		return;
	}
	while (n < MANY && !(err = element_put(map, n, 1)))
		n++;
	refusal_judge("growing beyond the file system", err, -ENOMEM);
	if (!n)
		verdict_fail("not one element fits in 1 MiB");
	elements_judge(map, n);
	err = bpfmap_delete(map, &(uint32_t){0});
	if (!err)
		err = element_put(map, 0, 2);
	if (err)
		verdict_fail("a freed element cannot be used: %s", bpfmap_last_error());
	elements_judge(map, n);
	tap_note("%u elements of %u bytes fit in 1 MiB, then ENOMEM", n, VALUE_SIZE);
	bpfmap_close(map);
}

/* 16 elements, or 16 times the value. */
static int elements_put(struct bpfmap *map, uint32_t type)
{
	static uint8_t value[CPUS_MAX * VALUE_SIZE] = {1};
	int err = 0;

	for (uint32_t key = 0; key < 16 && !err; key++)
		err = type_is_keyless(type) ? bpfmap_push(map, value, 0)
					    : bpfmap_update(map, &key, value, BPF_ANY);
	return err;
}

/* Number of maps made until no more fit. The first write of a map's first writer may need a page for its
 * owner record, so it belongs to the making here. */
static uint32_t fill_with(uint32_t type, struct bpfmap **maps, int *ret_err)
{
	uint32_t n = 0;

	for (*ret_err = 0; n < MAPS_MAX; n++) {
		*ret_err = map_make(type, 16, 0, BPFMAP_MEMORY_SHARED, &maps[n]);
		if (!*ret_err && !type_is_keyless(type))
			*ret_err = elements_put(maps[n], type);
		if (*ret_err)
			break;
	}
	if (*ret_err)
		bpfmap_close(maps[n]);
	return n;
}

/* Maps until no more fit; each that was made owns its memory: all of it can be written. */
static void creation_judge(const struct type_row *type)
{
	struct bpfmap *maps[MAPS_MAX];
	uint64_t before = room();
	uint32_t n;
	int err;

	n = fill_with(type->type, maps, &err);
	refusal_judge(type->word, err, -ENOMEM);
	for (uint32_t i = 0; i < n; i++) {
		if (elements_put(maps[i], type->type) || bpfmap_check(maps[i]))
			verdict_fail("%s: number %u of %u: %s", type->word, i, n,
				     bpfmap_last_error());
		bpfmap_close(maps[i]);
	}
	tap_note("%s: %u maps fit in 1 MiB", type->word, n);
	if (room() != before)
		verdict_fail("%s: %llu bytes are free instead of %llu", type->word,
			     (unsigned long long)room(), (unsigned long long)before);
}

static void too_large_judge(void)
{
	uint64_t before;
	struct bpfmap *map;
	uint32_t id_warm = 0;

	/* The counter of ids is made with the first map. */
	if (!map_make(BPF_MAP_TYPE_ARRAY, 1, 0, BPFMAP_MEMORY_SHARED, &map))
		id_warm = 1;
	bpfmap_close(map);
	before = room();
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]) && id_warm; i++)
		refusal_judge(types[i].word,
			      map_make(types[i].type, 1u << 24, 0, BPFMAP_MEMORY_SHARED, &map),
			      -ENOMEM);
	if (!id_warm || room() != before)
		verdict_fail("a refused map has kept memory");
}

static void tmpfs_full(void)
{
	apart_tmpfs("size=1m,mode=0700");
	too_large_judge();
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		creation_judge(&types[i]);
	growth_judge();
}

/* Not even the counter of ids, or the first page, has room. */
static void tmpfs_stuffed(void)
{
	char page[4096] = {0};
	struct bpfmap *map;
	int fd;

	apart_tmpfs("size=1m,mode=0700");
	fd = open(harness_path("stuffing"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	while (fd >= 0 && write(fd, page, sizeof(page)) > 0)
		;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		refusal_judge(types[i].word,
			      map_make(types[i].type, 1, 0, BPFMAP_MEMORY_SHARED, &map), -ENOMEM);
	close(fd);
	unlink(harness_path("stuffing"));
	if (map_make(BPF_MAP_TYPE_HASH, 16, 0, BPFMAP_MEMORY_SHARED, &map) ||
	    element_put(map, 1, 1))
		verdict_fail("with room again: %s", bpfmap_last_error());
	bpfmap_close(map);
}

/* Even with huge pages to give, it would refuse a file that has no whole number of them. */
static void hugetlbfs(void)
{
	struct bpfmap *map;

	apart_tmpfs("size=1m,mode=0700");
	if (mount("hugetlbfs", getenv("BPFMAP_DIR"), "hugetlbfs", 0, NULL))
		_exit(APART_CANNOT);
	refusal_judge("hugetlbfs", map_make(BPF_MAP_TYPE_HASH, 16, 0, BPFMAP_MEMORY_SHARED, &map),
		      -EOPNOTSUPP);
	if (!strstr(bpfmap_last_error(), "tmpfs"))
		verdict_fail("no remedy: %s", bpfmap_last_error());
}

/* ---- limits of the process ------------------------------------------------------------------- */

static void limit_set(int resource, rlim_t soft)
{
	struct rlimit limit;

	getrlimit(resource, &limit);
	limit.rlim_cur = soft;
	if (setrlimit((__rlimit_resource_t)resource, &limit))
		_exit(APART_CANNOT);
}

/* Each limit from "nothing more" up, until it is enough: the failures on the way are clean. */
static void descriptors_few(void)
{
	struct bpfmap *old, *map = NULL, *again = NULL;
	struct rlimit was;
	uint32_t refused = 0;
	int err = -1;

	getrlimit(RLIMIT_NOFILE, &was);
	if (map_make(BPF_MAP_TYPE_HASH, 16, 0, BPFMAP_MEMORY_SHARED, &old) ||
	    element_put(old, 1, 1))
		verdict_fail("before: %s", bpfmap_last_error());
	for (rlim_t limit = 3; limit < 64 && err && !verdict_failed(); limit++) {
		limit_set(RLIMIT_NOFILE, limit);
		err = map_make(BPF_MAP_TYPE_HASH, 16, 0, BPFMAP_MEMORY_SHARED, &map);
		if (err)
			refusal_judge("create", err, -EMFILE);
		refused += err != 0;
		if (element_put(old, 1, 2) || bpfmap_check(old))
			verdict_fail("a map that was there: %s", bpfmap_last_error());
	}
	if (err || element_put(map, 1, 1))
		verdict_fail("with enough descriptors: %d", err);
	limit_set(RLIMIT_NOFILE, was.rlim_cur);
	if (bpfmap_pin(map, harness_path("few")) || bpfmap_open(harness_path("few"), 0, &again))
		verdict_fail("afterwards: %s", bpfmap_last_error());
	unlink(harness_path("few"));
	tap_note("RLIMIT_NOFILE: %u limits refused, then enough", refused);
}

static void address_space_small(void)
{
	struct bpfmap *old, *map = NULL;
	struct rlimit was;
	char line[64] = "";
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC), err = -1;
	uint32_t refused = 0;
	rlim_t base;

	if (fd < 0 || read(fd, line, sizeof(line) - 1) <= 0)
		_exit(APART_CANNOT);
	close(fd);
	base = (rlim_t)strtoull(line, NULL, 10) * (rlim_t)sysconf(_SC_PAGESIZE);
	getrlimit(RLIMIT_AS, &was);
	if (map_make(BPF_MAP_TYPE_HASH, 16, 0, BPFMAP_MEMORY_SHARED, &old) ||
	    element_put(old, 1, 1))
		verdict_fail("before: %s", bpfmap_last_error());
	for (rlim_t more = 0; more < 64 * MIB && err && !verdict_failed(); more += MIB / 4) {
		for (uint32_t memory = 0; memory <= BPFMAP_MEMORY_SHARED; memory++) {
			limit_set(RLIMIT_AS, base + more);
			err = map_make(BPF_MAP_TYPE_HASH, 4096, 0, memory, &map);
			if (err)
				refusal_judge("create", err, -ENOMEM);
			refused += err != 0;
			if (element_put(old, 1, 2) || bpfmap_check(old))
				verdict_fail("a map that was there: %s", bpfmap_last_error());
			if (!err && element_put(map, 1, 1))
				verdict_fail("a map that was made: %s", bpfmap_last_error());
			bpfmap_close(map);
		}
	}
	if (err)
		verdict_fail("with enough address space: %d (%s)", err, bpfmap_last_error());
	limit_set(RLIMIT_AS, was.rlim_cur);
	tap_note("RLIMIT_AS: %u attempts refused, then enough", refused);
}

/* ---- a memory control group ------------------------------------------------------------------ */

static bool file_put(const char *dir, const char *name, const char *text)
{
	char path[256];
	bool done;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return done;
}

static char cgroup_dir[128];

/* Twice what the group may have is asked for in pieces. The kernel answers, or ends the process; what it
 * must not come to is SIGBUS. */
static void cgroup_exceed(void)
{
	struct bpfmap *maps[MAPS_MAX];
	uint32_t n = 0;
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (!file_put(cgroup_dir, "cgroup.procs", pid))
		_exit(APART_CANNOT);
	while (n < MAPS_MAX &&
	       !map_make(BPF_MAP_TYPE_HASH, 1024, 0, BPFMAP_MEMORY_SHARED, &maps[n]))
		n++;
	if (n == MAPS_MAX)
		verdict_fail("%u maps of a MiB fit in a group of 32 MiB", n);
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t key = 0; key < 1024; key++)
			if (element_put(maps[i], key, 1))
				verdict_fail("map %u, key %u: %s", i, key, bpfmap_last_error());
}

/* Version 2 of control groups, or 1. */
static bool cgroup_make(const char *root, const char *limit)
{
	snprintf(cgroup_dir, sizeof(cgroup_dir), "%s/bpfmap-faults-%d", root, (int)getpid());
	if (mkdir(cgroup_dir, 0700))
		return false;
	if (file_put(cgroup_dir, limit, CGROUP_MAX)) {
		file_put(cgroup_dir, "memory.swap.max", "0");
		return true;
	}
	rmdir(cgroup_dir);
	return false;
}

static void cgroup_judge(void)
{
	static const char sentence[] = "a memory control group: refused or killed, never SIGBUS";
	int status = 0;
	pid_t pid;

	if (!cgroup_make("/sys/fs/cgroup", "memory.max") &&
	    !cgroup_make("/sys/fs/cgroup/memory", "memory.limit_in_bytes")) {
		tap_skip(sentence, "no memory control group may be made here");
		return;
	}
	pid = fork();
	if (pid == 0) {
		cgroup_exceed();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	rmdir(cgroup_dir);
	if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL)
		verdict_fail("signal %d", WTERMSIG(status));
	tap_note("the process in the group %s",
		 WIFSIGNALED(status) ? "was ended by the kernel (SIGKILL)" : "was refused");
	if (WIFEXITED(status) && WEXITSTATUS(status) == APART_CANNOT)
		tap_skip(sentence, "the group cannot be joined");
	else
		tap_verdict(sentence);
}

/* ---- signals --------------------------------------------------------------------------------- */

static volatile sig_atomic_t alarms;

static void alarm_note(int number)
{
	alarms++;
}

static void storm_round(uint32_t round)
{
	const struct type_row *type = &types[round % (sizeof(types) / sizeof(types[0]))];
	static uint8_t value[512 * VALUE_SIZE];
	struct bpfmap *map;
	int err = map_make(type->type, 256, 0, BPFMAP_MEMORY_SHARED, &map);

	for (uint32_t key = 0; key < 200 && !err; key++)
		err = type_is_keyless(type->type) ? bpfmap_push(map, value, 0)
						  : bpfmap_update(map, &key, value, BPF_ANY);
	if (!err)
		err = bpfmap_check(map);
	if (err)
		verdict_fail("%s: %d (%s)", type->word, err, bpfmap_last_error());
	bpfmap_close(map);
	err = map_make(BPF_MAP_TYPE_HASH, 4096, BPF_F_NO_PREALLOC, BPFMAP_MEMORY_SHARED, &map);
	for (uint32_t key = 0; key < 500 && !err; key++)
		err = element_put(map, key, 1);
	if (err)
		verdict_fail("growing: %d (%s)", err, bpfmap_last_error());
	bpfmap_close(map);
}

/* Without SA_RESTART: whatever can be interrupted is. */
static void storm(void)
{
	struct sigaction act = {.sa_handler = alarm_note};
	struct itimerval timer = {{0, STORM_US}, {0, STORM_US}};
	uint64_t end_ns = now_ns() + budget_ns(1000);
	uint32_t rounds = 0;

	sigaction(SIGALRM, &act, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	while (now_ns() < end_ns && !verdict_failed())
		storm_round(rounds++);
	memset(&timer, 0, sizeof(timer));
	setitimer(ITIMER_REAL, &timer, NULL);
	tap_figure("signals in the middle of calls", (uint64_t)alarms, "signals");
	if (!alarms)
		verdict_fail("no signal came");
}

/* ---- exec ------------------------------------------------------------------------------------ */

/* The program that exec starts: descriptor argv[2] leads to the map; nothing else of ours is open. */
static int after_exec(const char *number)
{
	uint8_t value[VALUE_SIZE];
	struct bpfmap *map;

	for (int fd = 3; fd < DESCRIPTORS; fd++)
		if (fd != atoi(number) && fcntl(fd, F_GETFD) >= 0)
			return 3;
	if (bpfmap_open_fd(atoi(number), 0, &map))
		return 4;
	for (uint32_t key = 0; key < EXEC_KEYS; key++)
		if (bpfmap_read(map, &key, value) || element_put(map, key, 2))
			return 5;
	return bpfmap_check(map) ? 6 : 0;
}

static void exec_do(void)
{
	char number[16];
	struct bpfmap *map;
	int fd;

	/* What the test's own runner leaves open is not the library's. */
	for (fd = 3; fd < DESCRIPTORS; fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	if (map_make(BPF_MAP_TYPE_HASH, 16, 0, BPFMAP_MEMORY_SHARED, &map))
		verdict_fail("create: %s", bpfmap_last_error());
	for (uint32_t key = 0; key < EXEC_KEYS; key++)
		if (element_put(map, key, 1))
			verdict_fail("update: %s", bpfmap_last_error());
	fd = bpfmap_fd(map);
	fcntl(fd, F_SETFD, 0);
	snprintf(number, sizeof(number), "%d", fd);
	execl("/proc/self/exe", "limits", "after-exec", number, NULL);
	_exit(2);
}

static void canary(void)
{
	struct bpfmap *map;

	if (map_make(BPF_MAP_TYPE_HASH, 16, 0, BPFMAP_MEMORY_SHARED, &map) ||
	    element_put(map, 0, 1))
		verdict_fail("create: %s", bpfmap_last_error());
	elements_judge(map, 2);
	bpfmap_close(map);
	tap_canary("an element that is lost is caught");
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "after-exec"))
		return after_exec(argv[2]);
	harness_start("limits");
	apart_verdict(tmpfs_full, "a full tmpfs: ENOMEM, nothing lost, nothing kept",
		      "mounting a tmpfs needs root");
	apart_verdict(tmpfs_stuffed, "a tmpfs without a free page: an errno, and later all is well",
		      "mounting a tmpfs needs root");
	apart_verdict(hugetlbfs, "a hugetlbfs: refused with a remedy",
		      "mounting a hugetlbfs needs root");
	apart_verdict(descriptors_few, "RLIMIT_NOFILE: EMFILE, maps that are open go on",
		      "the limit cannot be set");
	apart_verdict(address_space_small, "RLIMIT_AS: ENOMEM, maps that are open go on",
		      "the limit cannot be set, or sanitizers need the address space");
	cgroup_judge();
	apart_verdict(storm, "a signal every 100 us: create, grow and update are not disturbed",
		      "");
	apart_verdict(exec_do, "exec: the descriptor that was meant to stays, ours go", "");
	canary();
	return tap_finish();
}
