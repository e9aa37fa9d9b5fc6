/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* freeze.c: MAP_FREEZE and what stands in its way (SEMANTICS section 15). */
#include "semantics.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096

static void plain(const struct type *t)
{
	struct bpf_map_info info;
	int fd = map_fresh(t->number);
	uint64_t value = 7;
	uint32_t key = 1, len = sizeof(info);

	row(map_freeze(fd), "freeze.%s.first", t->name);
	row(map_freeze(fd), "freeze.%s.second", t->name);
	row(map_update(fd, &key, &value, 0), "freeze.%s.update", t->name);
	row(map_delete(fd, &key), "freeze.%s.delete", t->name);
	row(map_lookup(fd, &key, &value), "freeze.%s.lookup", t->name);
	row((long)value, "freeze.%s.value", t->name);
	row(map_next(fd, NULL, &key), "freeze.%s.next_key", t->name);
	row(map_info(fd, &info, &len), "freeze.%s.info", t->name);
	close(fd);
}

/* The state is the map's: every fd and every later one sees it. */
static void everywhere(const struct type *t)
{
	int fd = map_fresh(t->number);
	int other = map_reopen(fd, 0), writer = map_reopen(fd, BPF_F_WRONLY), again;
	uint64_t value = 7;
	uint32_t key = 1;

	pin_fd(fd, pin_path("frozen"));
	row(map_freeze(other), "freeze.%s.through_other", t->name);
	row(map_update(fd, &key, &value, 0), "freeze.%s.first_fd", t->name);
	row(map_update(writer, &key, &value, 0), "freeze.%s.write_only_fd", t->name);
	close(fd);
	close(other);
	close(writer);
	again = (int)pin_get(pin_path("frozen"), 0);
	row(map_update(again, &key, &value, 0), "freeze.%s.after_get", t->name);
	row(map_freeze(again), "freeze.%s.again_after_get", t->name);
	pin_remove(pin_path("frozen"));
	close(again);
}

static void by_mode(const struct type *t)
{
	int fd = map_fresh(t->number);
	int reader = map_reopen(fd, BPF_F_RDONLY), writer = map_reopen(fd, BPF_F_WRONLY);

	row(map_freeze(reader), "freeze.%s.rdonly_fd", t->name);
	row(map_freeze(writer), "freeze.%s.wronly_fd", t->name);
	row(map_freeze(reader), "freeze.%s.rdonly_fd_of_frozen", t->name);
	close(reader);
	close(writer);
	close(fd);
}

static void with_mapping(void)
{
	int fd = map_make(BPF_MAP_TYPE_ARRAY, 4, 8, 16, BPF_F_MMAPABLE);
	void *reading = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	void *writing = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	uint64_t value = 1;
	uint32_t key = 0;

	row(map_freeze(fd), "freeze.mapping.writable");
	row(map_update(fd, &key, &value, 0), "freeze.mapping.update_after_refusal");
	mprotect(writing, PAGE, PROT_READ);
	row(map_freeze(fd), "freeze.mapping.writable_made_read_only");
	munmap(writing, PAGE);
	row(map_freeze(fd), "freeze.mapping.read_only");
	row(map_update(fd, &key, &value, 0), "freeze.mapping.update_after_freeze");
	writing = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	row(writing == MAP_FAILED ? -errno : 0, "freeze.mapping.writable_of_frozen");
	writing = mmap(NULL, PAGE, PROT_WRITE, MAP_SHARED, fd, 0);
	row(writing == MAP_FAILED ? -errno : 0, "freeze.mapping.write_only_of_frozen");
	munmap(reading, PAGE);
	reading = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	row(reading == MAP_FAILED ? -errno : 0, "freeze.mapping.read_only_of_frozen");
	if (reading != MAP_FAILED) {
		row(mprotect(reading, PAGE, PROT_READ | PROT_WRITE) ? -errno : 0,
		    "freeze.mapping.upgrade_of_frozen");
		munmap(reading, PAGE);
	}
	close(fd);
}

/* A child's copy of the mapping counts until the child ends. */
static void with_child(void)
{
	int fd = map_make(BPF_MAP_TYPE_ARRAY, 4, 8, 16, BPF_F_MMAPABLE);
	void *writing = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	pid_t pid = fork();

	if (pid == 0) {
		pause();
		_exit(0);
	}
	munmap(writing, PAGE);
	row(map_freeze(fd), "freeze.mapping.in_child");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	row(map_freeze(fd), "freeze.mapping.after_child");
	close(fd);
}

void section_freeze(void)
{
	for (int t = 0; t < TYPES; t++) {
		plain(&types[t]);
		everywhere(&types[t]);
		by_mode(&types[t]);
	}
	with_mapping();
	with_child();
}
