/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* access.c: what tests/stress/user.c leaves out: groups, read-only descriptors, other people's files, and
 * names that are not what they seem: symbolic links, fifos, directories, also put there in the moment
 * between a look and a use. Three users besides root: an owner, a member of the owner's group, a
 * stranger.
 */
#include "apart.h"
#include "harness.h"
#include "bpf/command.h"
#include "bpfmap/bpfmap.h"
#include "region/region.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define GROUP	     30010u
#define OWNER_UID    30011u
#define MEMBER_UID   30012u
#define STRANGER_UID 30013u
#define NEIGHBOUR    "/dev/shm/bpfmap-30013" /* the stranger's runtime directory */
#define RACE_MS	     700
#define RACE_MORE_NS 20000000000ull /* at most, until it was a race */

static const struct apart_user owner = {OWNER_UID, GROUP, GROUP};
static const struct apart_user member = {MEMBER_UID, MEMBER_UID, GROUP};
static const struct apart_user stranger = {STRANGER_UID, STRANGER_UID, STRANGER_UID};

static void expect(const char *what, int result, int expected)
{
	if (result != expected)
		verdict_fail("%s: %d instead of %d (%s)", what, result, expected,
			     result ? bpfmap_last_error() : "no error");
	else if (result && !bpfmap_last_error()[0])
		verdict_fail("%s: %d without a sentence", what, result);
}

/* Any refusal, with a sentence. */
static void expect_refused(const char *what, int result)
{
	if (result >= 0 || !bpfmap_last_error()[0])
		verdict_fail("%s: %d, or no sentence (%s)", what, result, bpfmap_last_error());
}

static int map_make(struct bpfmap **ret_map)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = BPF_MAP_TYPE_HASH,
					  .key_size = 4,
					  .value_size = 8,
					  .max_entries = 16,
					  .memory = BPFMAP_MEMORY_SHARED};

	*ret_map = NULL;
	return bpfmap_create(&opts, ret_map);
}

static int element_put(struct bpfmap *map, uint32_t key)
{
	uint64_t value = key;

	return bpfmap_update(map, &key, &value, BPF_ANY);
}

static void pin_make(const char *name)
{
	struct bpfmap *map;

	expect("create", map_make(&map), 0);
	if (map) {
		expect("update", element_put(map, 1), 0);
		expect("pin", bpfmap_pin(map, harness_path(name)), 0);
	}
	bpfmap_close(map);
}

/* ---- groups ---------------------------------------------------------------------------------- */

static void owner_pins(void)
{
	pin_make("group");
}

static void opens_and_writes(void)
{
	struct bpfmap *map = NULL;

	expect("open", bpfmap_open(harness_path("group"), 0, &map), 0);
	if (map)
		expect("update", element_put(map, 2), 0);
	bpfmap_close(map);
}

static long get_through_bpf(uint32_t flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uintptr_t)harness_path("group");
	attr.file_flags = flags;
	return bpfmap_bpf(BPF_OBJ_GET, &attr, sizeof(attr));
}

/* Through bpf(2), a read-only descriptor. */
static void descriptor_reads_only(void)
{
	uint32_t key = 1;
	uint64_t value = 0;
	long fd = get_through_bpf(BPF_F_RDONLY);
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)fd;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)&value;
	expect("BPF_OBJ_GET for writing", (int)get_through_bpf(0), -EACCES);
	if (fd < 0) {
		expect("BPF_OBJ_GET with BPF_F_RDONLY", (int)fd, 0);
		return;
	}
	expect("BPF_MAP_LOOKUP_ELEM", (int)bpfmap_bpf(BPF_MAP_LOOKUP_ELEM, &attr, sizeof(attr)), 0);
	if (value != 1)
		verdict_fail("a wrong value is read");
	expect("BPF_MAP_UPDATE_ELEM", (int)bpfmap_bpf(BPF_MAP_UPDATE_ELEM, &attr, sizeof(attr)),
	       -EPERM);
	attr.value = 0;
	expect("BPF_MAP_DELETE_ELEM", (int)bpfmap_bpf(BPF_MAP_DELETE_ELEM, &attr, sizeof(attr)),
	       -EPERM);
	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)fd;
	expect("BPF_MAP_FREEZE", (int)bpfmap_bpf(BPF_MAP_FREEZE, &attr, sizeof(attr)), -EPERM);
	close((int)fd);
}

static void opens_and_reads(void)
{
	struct bpfmap *map = NULL;
	uint32_t key = 1;
	uint64_t value;

	expect("open for writing", bpfmap_open(harness_path("group"), 0, &map), -EACCES);
	expect("open", bpfmap_open(harness_path("group"), BPFMAP_OPEN_RDONLY, &map), 0);
	if (map) {
		expect("read", bpfmap_read(map, &key, &value), 0);
		expect("update", element_put(map, 1), -EPERM);
		expect("check", bpfmap_check(map), 0);
	}
	bpfmap_close(map);
	descriptor_reads_only();
}

static void is_refused(void)
{
	struct bpfmap *map;

	expect("open", bpfmap_open(harness_path("group"), 0, &map), -EACCES);
	expect("open for reading", bpfmap_open(harness_path("group"), BPFMAP_OPEN_RDONLY, &map),
	       -EACCES);
	expect("BPF_OBJ_GET", (int)get_through_bpf(BPF_F_RDONLY), -EACCES);
}

static void groups_judge(void)
{
	apart_as(&owner, owner_pins);
	apart_as(&member, is_refused);
	tap_verdict("a fresh pin is closed to the group");
	chmod(harness_path("group"), 0640);
	apart_as(&member, opens_and_reads);
	apart_as(&stranger, is_refused);
	apart_as(&owner, opens_and_writes);
	tap_verdict("mode 0640: the group reads, also through bpf(2); nobody else does");
	chmod(harness_path("group"), 0660);
	apart_as(&member, opens_and_writes);
	apart_as(&stranger, is_refused);
	tap_verdict("mode 0660: the group writes; nobody else reads");
	chmod(harness_path("group"), 0600);
	apart_as(&member, opens_and_writes);
	tap_canary("a member who is not let in is noticed");
}

/* ---- other people's files -------------------------------------------------------------------- */

struct change {
	const char *what;
	size_t off; /* in the header */
	uint32_t size;
};

#define FIELD(name)                                                   \
	{                                                             \
#name, offsetof(struct region_header_shm, name),      \
			sizeof(((struct region_header_shm *)0)->name) \
	}

static const struct change changes[] = {
	FIELD(magic),	    FIELD(version),   FIELD(signature),	      FIELD(file_size), FIELD(type),
	FIELD(max_entries), FIELD(key_size),  FIELD(value_size),      FIELD(cpus),	FIELD(name),
	FIELD(btf_size),    FIELD(map_extra), FIELD(spin_lock_plus1),
};

/* The stranger's file: a region in which one field of the header is not what this build would write. */
static void stranger_changes(const struct change *change)
{
	uint8_t bytes[64];
	struct stat st;
	int fd;

	pin_make("foreign");
	fd = open(harness_path("foreign"), O_RDWR | O_CLOEXEC);
	memset(bytes, 0x5a, sizeof(bytes));
	if (fd < 0 || fstat(fd, &st) ||
	    pwrite(fd, bytes, change->size, st.st_size - REGION_HEADER_LEN + (off_t)change->off) <
		    0)
		verdict_fail("cannot change the file");
	fchmod(fd, 0666);
	close(fd);
}

static const struct change *change_now;

static void stranger_work(void)
{
	stranger_changes(change_now);
}

static void owner_refuses(void)
{
	struct bpfmap *map;

	expect("open", bpfmap_open(harness_path("foreign"), 0, &map), -EUCLEAN);
	expect("open for reading", bpfmap_open(harness_path("foreign"), BPFMAP_OPEN_RDONLY, &map),
	       -EUCLEAN);
}

static void layouts_judge(void)
{
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]) && !verdict_failed(); i++) {
		change_now = &changes[i];
		apart_as(&stranger, stranger_work);
		apart_as(&owner, owner_refuses);
		if (verdict_failed())
			tap_note("it was %s", changes[i].what);
		unlink(harness_path("foreign"));
	}
	tap_verdict("another user's file with another layout is refused with a sentence");
}

static void stranger_pins(void)
{
	pin_make("foreign");
	chmod(harness_path("foreign"), 0666);
}

static void lengths_judge(void)
{
	static const off_t lengths[] = {0, 1, 4095, 4096, 8192, 1 << 20, (off_t)1 << 40};

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		apart_as(&stranger, stranger_pins);
		if (truncate(harness_path("foreign"), lengths[i]))
			verdict_fail("truncate: %s", strerror(errno));
		apart_as(&owner, owner_refuses);
		unlink(harness_path("foreign"));
	}
	tap_verdict("another user's file of another length is refused with a sentence");
}

/* ---- names that are not what they seem -------------------------------------------------------- */

static void open_all_ways(const char *path, const char *what)
{
	union bpf_attr attr;
	struct bpfmap *map;

	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uintptr_t)path;
	expect_refused(what, bpfmap_open(path, 0, &map));
	expect_refused(what, bpfmap_open(path, BPFMAP_OPEN_RDONLY, &map));
	expect_refused(what, (int)bpfmap_bpf(BPF_OBJ_GET, &attr, sizeof(attr)));
}

static void kinds_judge(void)
{
	const char *path = harness_path("odd");

	/* Who opens a fifo without care waits for its other end. */
	alarm(10);
	if (mkfifo(path, 0666))
		verdict_fail("mkfifo: %s", strerror(errno));
	open_all_ways(path, "a fifo");
	unlink(path);
	mkdir(path, 0777);
	open_all_ways(path, "a directory");
	rmdir(path);
	if (symlink("/dev/zero", path))
		verdict_fail("symlink: %s", strerror(errno));
	open_all_ways(path, "a symbolic link to a device");
	unlink(path);
	if (symlink("odd", path))
		verdict_fail("symlink: %s", strerror(errno));
	open_all_ways(path, "a symbolic link to itself");
	unlink(path);
	open_all_ways("/proc/self/mem", "this process's memory");
	alarm(0);
	tap_verdict("a fifo, a directory, a device or a loop in a pin's place is refused, without "
		    "waiting");
}

/* Nothing is ever written where a symbolic link points. */
static void pin_on_link_judge(void)
{
	char target[256], link[256], text[8] = "";
	struct bpfmap *map;
	int fd;

	snprintf(target, sizeof(target), "%s", harness_path("precious"));
	snprintf(link, sizeof(link), "%s", harness_path("link"));
	fd = open(target, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, "precious", 8) != 8 || symlink(target, link))
		verdict_fail("cannot prepare: %s", strerror(errno));
	expect("create", map_make(&map), 0);
	expect("pin on a link to a file", bpfmap_pin(map, link), -EEXIST);
	if (pread(fd, text, 8, 0) != 8 || memcmp(text, "precious", 8))
		verdict_fail("the file behind the link was changed");
	close(fd);
	unlink(target);
	expect("pin on a dangling link", bpfmap_pin(map, link), -EEXIST);
	if (!access(target, F_OK))
		verdict_fail("a file was made where the link points");
	unlink(link);
	expect("pin", bpfmap_pin(map, link), 0);
	expect("pin twice", bpfmap_pin(map, link), -EEXIST);
	unlink(link);
	expect("a path with dots", bpfmap_pin(map, "/sys/fs/bpf/../escaped"), -EPERM);
	bpfmap_close(map);
	tap_verdict("a pin never follows a symbolic link, and never replaces anything");
}

static bool is_over(uint64_t end_ns)
{
	return now_ns() > end_ns || verdict_failed();
}

/* The adversary: the name leads to a map, a fifo, a device, a foreign file, nothing. */
static void names_swap(uint64_t end_ns)
{
	static const char *const targets[] = {"good", "fifo", "/dev/zero", "text", "."};
	char link[256], name[256];

	snprintf(link, sizeof(link), "%s", harness_path("next"));
	snprintf(name, sizeof(name), "%s", harness_path("swapped"));
	for (uint32_t i = 0; !is_over(end_ns); i++) {
		if (symlink(targets[i % 5], link) || rename(link, name))
			verdict_fail("swap: %s", strerror(errno));
	}
}

/* Opens that name all the while: a sound map or a refusal. */
static void names_open(uint64_t end_ns)
{
	const char *name = harness_path("swapped");
	uint64_t opened = 0, refused = 0;
	struct bpfmap *map;

	/* On a busy machine the name may stand still for as long as the race was to last. */
	while (!is_over(end_ns) || ((!opened || !refused) && !is_over(end_ns + RACE_MORE_NS))) {
		union bpf_attr attr;
		int err = bpfmap_open(name, 0, &map);
		long fd;

		memset(&attr, 0, sizeof(attr));
		attr.pathname = (uintptr_t)name;
		if (err) {
			expect_refused("open", err);
			refused++;
		} else {
			expect("update", element_put(map, 1), 0);
			expect("check", bpfmap_check(map), 0);
			bpfmap_close(map);
			opened++;
		}
		fd = bpfmap_bpf(BPF_OBJ_GET, &attr, sizeof(attr));
		if (fd >= 0) {
			close((int)fd);
			bpfmap_bpf_fd_closed((int)fd);
		}
	}
	tap_note("a name that changes: %llu opened, %llu refused", (unsigned long long)opened,
		 (unsigned long long)refused);
	tap_figure("opens of a name that changes", opened + refused, "opens");
	if (!opened || !refused)
		verdict_fail("the race was none: %llu opened, %llu refused",
			     (unsigned long long)opened, (unsigned long long)refused);
}

static void race_judge(void)
{
	uint64_t end_ns = now_ns() + budget_ns(RACE_MS);
	int fd = open(harness_path("text"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	int status;
	pid_t pid;

	if (fd < 0 || write(fd, "no map", 6) != 6 || mkfifo(harness_path("fifo"), 0600))
		verdict_fail("cannot prepare: %s", strerror(errno));
	close(fd);
	pin_make("good");
	pid = fork();
	if (pid == 0) {
		names_swap(end_ns + RACE_MORE_NS);
		_exit(0);
	}
	alarm(60);
	names_open(end_ns);
	alarm(0);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	unlink(harness_path("swapped"));
	unlink(harness_path("good"));
	tap_verdict("a pin's name that is replaced all the time leads to a map or to a refusal");
}

/* ---- the runtime directory -------------------------------------------------------------------- */

static void counter_try(const char *what)
{
	struct bpfmap *map;
	int err = map_make(&map);

	expect_refused(what, err);
	bpfmap_close(map);
}

static void counter_judge(void)
{
	char ids[256], target[256];
	struct stat st;
	struct bpfmap *map;
	int fd;

	snprintf(ids, sizeof(ids), "%s", harness_path(".ids"));
	snprintf(target, sizeof(target), "%s", harness_path("precious"));
	unlink(ids);
	fd = open(target, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	close(fd);
	alarm(10);
	if (symlink(target, ids))
		verdict_fail("symlink: %s", strerror(errno));
	counter_try(".ids is a symbolic link");
	if (stat(target, &st) || st.st_size || (st.st_mode & 0777) != 0600)
		verdict_fail("the file that .ids leads to was changed");
	unlink(ids);
	mkfifo(ids, 0600);
	counter_try(".ids is a fifo");
	unlink(ids);
	mkdir(ids, 0700);
	counter_try(".ids is a directory");
	rmdir(ids);
	fd = open(ids, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, "x", 1) != 1)
		verdict_fail("cannot write .ids");
	close(fd);
	counter_try(".ids is too short");
	unlink(ids);
	unlink(target);
	expect("create afterwards", map_make(&map), 0);
	bpfmap_close(map);
	alarm(0);
	tap_verdict("a counter of ids that is a link, a fifo, a directory or damaged is refused");
}

static void stranger_creates(void)
{
	struct bpfmap *map;

	unsetenv("BPFMAP_DIR");
	expect_refused("create", map_make(&map));
	expect_refused("open", bpfmap_open("/sys/fs/bpf/any", 0, &map));
}

static void stranger_creates_well(void)
{
	struct bpfmap *map;
	struct stat st;

	unsetenv("BPFMAP_DIR");
	expect("create", map_make(&map), 0);
	if (stat(NEIGHBOUR, &st) || (st.st_mode & 0777) != 0700)
		verdict_fail("the runtime directory has another mode than 0700");
	bpfmap_close(map);
}

static void directory_judge(void)
{
	char hers[256];

	if (!access(NEIGHBOUR, F_OK)) {
		tap_skip("the default runtime directory", NEIGHBOUR " exists");
		return;
	}
	apart_as(&stranger, stranger_creates_well);
	unlink(NEIGHBOUR "/.ids");
	rmdir(NEIGHBOUR);
	tap_verdict("the default runtime directory is made with mode 0700");
	if (mkdir(NEIGHBOUR, 0777) || chmod(NEIGHBOUR, 0777) || chown(NEIGHBOUR, OWNER_UID, GROUP))
		verdict_fail("cannot prepare: %s", strerror(errno));
	apart_as(&stranger, stranger_creates);
	rmdir(NEIGHBOUR);
	tap_verdict("a runtime directory that somebody else made is refused");
	snprintf(hers, sizeof(hers), "%s", harness_path("hers"));
	if (mkdir(hers, 0700) || chown(hers, STRANGER_UID, STRANGER_UID) ||
	    symlink(hers, NEIGHBOUR))
		verdict_fail("cannot prepare: %s", strerror(errno));
	apart_as(&stranger, stranger_creates);
	unlink(NEIGHBOUR);
	rmdir(hers);
	tap_verdict("a runtime directory that is a symbolic link is refused");
}

int main(void)
{
	harness_start("access");
	kinds_judge();
	pin_on_link_judge();
	race_judge();
	counter_judge();
	if (getuid() != 0) {
		tap_skip("groups, other people's files and directories",
			 "becoming other users needs root");
		return tap_finish();
	}
	unlink(harness_path(".ids"));
	chmod(getenv("BPFMAP_DIR"), 01777);
	groups_judge();
	layouts_judge();
	lengths_judge();
	directory_judge();
	return tap_finish();
}
