/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* user.c: who may do what with a pin is decided by the file's mode bits and nothing else. Two users,
 * neither of them root: the owner makes and pins a map; the guest tries. Needs root to become them.
 * A read-only handle reads everything, writes nothing, and leaves no trace in the region. */
#include "apart.h"
#include "harness.h"
#include "value.h"
#include "bpfmap/bpfmap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define ELEMENTS   20u
#define VALUE_SIZE 64u

static const struct apart_user owner = {30001, 30001, 30001};
static const struct apart_user guest = {30002, 30002, 30002};

static const char *pin_path(void)
{
	return harness_path("owned-pin");
}

static void expect(const char *what, int result, int expected)
{
	if (result != expected)
		verdict_fail("%s: %d instead of %d (%s)", what, result, expected,
			     result ? bpfmap_last_error() : "no error");
}

static void owner_makes_map(void)
{
	struct bpfmap_create_opts opts = {.sz = sizeof(opts),
					  .type = BPF_MAP_TYPE_HASH,
					  .key_size = 8,
					  .value_size = VALUE_SIZE,
					  .max_entries = ELEMENTS,
					  .memory = BPFMAP_MEMORY_SHARED};
	uint8_t value[VALUE_SIZE];
	struct bpfmap *map;
	uint8_t key[8];
	struct stat st;
	int err = bpfmap_create(&opts, &map);

	if (err) {
		expect("the owner's create", err, 0);
		return;
	}
	for (uint32_t i = 0; i < ELEMENTS; i++) {
		key_fill(key, sizeof(key), i);
		value_fill(value, sizeof(value), i, VALUE_VERSION_0);
		expect("the owner's update", bpfmap_update(map, key, value, BPF_ANY), 0);
	}
	expect("the owner's pin", bpfmap_pin(map, pin_path()), 0);
	if (stat(pin_path(), &st) != 0 || (st.st_mode & 0777) != 0600)
		verdict_fail("a fresh pin has mode %o instead of 600", st.st_mode & 0777);
	bpfmap_close(map);
}

static void guest_is_refused(void)
{
	struct bpfmap *map;

	expect("the guest's open of a 0600 pin", bpfmap_open(pin_path(), 0, &map), -EACCES);
	expect("the guest's read-only open of a 0600 pin",
	       bpfmap_open(pin_path(), BPFMAP_OPEN_RDONLY, &map), -EACCES);
	if (!strlen(bpfmap_last_error()))
		verdict_fail("the refusal has no sentence");
}

static void reads_work(struct bpfmap *map)
{
	uint8_t keys[ELEMENTS][8];
	uint8_t values[ELEMENTS][VALUE_SIZE];
	uint32_t count = ELEMENTS;
	struct bpfmap_info info;
	uint64_t cursor = 0;
	uint8_t key[8];
	void *value;
	int err;

	for (uint32_t i = 0; i < ELEMENTS; i++) {
		key_fill(key, sizeof(key), i);
		expect("read", bpfmap_read(map, key, values[0]), 0);
		value_verify(values[0], VALUE_SIZE, i, "read");
		value = bpfmap_lookup(map, key);
		if (value)
			value_verify(value, VALUE_SIZE, i, "lookup");
		else
			verdict_fail("lookup of key %u finds nothing", i);
	}
	err = bpfmap_read_batch(map, &cursor, keys, values, &count);
	if (err != 0 && err != -ENOENT)
		expect("read_batch", err, 0);
	if (count != ELEMENTS)
		verdict_fail("read_batch reads %u of %u", count, ELEMENTS);
	expect("first key", bpfmap_next_key(map, NULL, key), 0);
	for (count = 0; count <= ELEMENTS && bpfmap_next_key(map, key, key) == 0; count++)
		;
	if (count != ELEMENTS - 1)
		verdict_fail("a walk finds %u of %u keys", count + 1, ELEMENTS);
	expect("get_info", bpfmap_get_info(map, &info), 0);
	if (info.entries != ELEMENTS)
		verdict_fail("entries is %llu", (unsigned long long)info.entries);
	expect("check", bpfmap_check(map), 0);
}

static void guest_reads_only(void)
{
	uint8_t value[VALUE_SIZE] = {0};
	struct bpfmap_info info;
	struct bpfmap *map;
	uint32_t count = 1;
	uint8_t key[8];
	int err;

	expect("the guest's open of a 0644 pin", bpfmap_open(pin_path(), 0, &map), -EACCES);
	err = bpfmap_open(pin_path(), BPFMAP_OPEN_RDONLY, &map);
	if (err) {
		expect("the guest's read-only open of a 0644 pin", err, 0);
		return;
	}
	reads_work(map);
	if (bpfmap_get_info(map, &info) == 0 && !info.readonly)
		verdict_fail("info does not say that the handle is read-only");
	key_fill(key, sizeof(key), 0);
	expect("update", bpfmap_update(map, key, value, BPF_ANY), -EPERM);
	expect("delete", bpfmap_delete(map, key), -EPERM);
	expect("update_batch", bpfmap_update_batch(map, key, value, &count, 0), -EPERM);
	expect("freeze", bpfmap_freeze(map), -EPERM);
	bpfmap_close(map);
}

static void guest_writes(void)
{
	uint8_t value[VALUE_SIZE];
	struct bpfmap *map;
	uint8_t key[8];
	int err = bpfmap_open(pin_path(), 0, &map);

	if (err) {
		expect("the guest's open of a 0666 pin", err, 0);
		return;
	}
	key_fill(key, sizeof(key), 3);
	value_fill(value, sizeof(value), 3, 77);
	expect("the guest's update", bpfmap_update(map, key, value, BPF_EXIST), 0);
	key_fill(key, sizeof(key), 4);
	expect("the guest's delete", bpfmap_delete(map, key), 0);
	bpfmap_close(map);
}

static void owner_sees_guest(void)
{
	uint8_t value[VALUE_SIZE];
	struct bpfmap *map;
	uint8_t key[8];
	int err = bpfmap_open(pin_path(), 0, &map);

	if (err) {
		expect("the owner's open", err, 0);
		return;
	}
	key_fill(key, sizeof(key), 3);
	expect("the owner's read", bpfmap_read(map, key, value), 0);
	if (value_verify(value, sizeof(value), 3, "owner") != 77)
		verdict_fail("the guest's update is not there");
	key_fill(key, sizeof(key), 4);
	expect("the owner's read of what the guest deleted", bpfmap_read(map, key, value), -ENOENT);
	expect("check", bpfmap_check(map), 0);
	bpfmap_close(map);
}

static uint8_t *pin_bytes(size_t *ret_size)
{
	struct stat st;
	uint8_t *bytes;
	int fd = open(pin_path(), O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) != 0) {
		verdict_fail("cannot read the pin: %s", strerror(errno));
		return NULL;
	}
	bytes = malloc((size_t)st.st_size);
	if (read(fd, bytes, (size_t)st.st_size) != st.st_size)
		verdict_fail("cannot read the pin whole");
	close(fd);
	*ret_size = (size_t)st.st_size;
	return bytes;
}

static void readers_leave_no_trace(void)
{
	size_t size_before = 0;
	size_t size_after = 0;
	uint8_t *before = pin_bytes(&size_before);
	uint8_t *after;

	apart_as(&guest, guest_reads_only);
	after = pin_bytes(&size_after);
	if (size_before != size_after || (before && after && memcmp(before, after, size_after)))
		verdict_fail("a read-only user has changed the region");
	free(before);
	free(after);
}

int main(void)
{
	harness_start("user");
	if (getuid() != 0) {
		tap_skip("pins between two users", "becoming other users needs root");
		return tap_finish();
	}
	/* The sticky bit, as in any directory that users share. */
	chmod(getenv("BPFMAP_DIR"), 01777);
	apart_as(&owner, owner_makes_map);
	tap_verdict("an ordinary user creates and pins a map, mode 0600");
	apart_as(&guest, guest_is_refused);
	tap_verdict("another user cannot open a 0600 pin");
	chmod(pin_path(), 0644);
	apart_as(&guest, guest_reads_only);
	tap_verdict("another user reads a 0644 pin, and only reads");
	readers_leave_no_trace();
	tap_verdict("reading leaves the region byte for byte as it was");
	chmod(pin_path(), 0666);
	apart_as(&guest, guest_writes);
	apart_as(&owner, owner_sees_guest);
	tap_verdict("another user writes a 0666 pin");
	chmod(pin_path(), 0600);
	apart_as(&guest, guest_writes);
	tap_canary("a guest who is let in where he must not be, or not, is caught");
	return tap_finish();
}
