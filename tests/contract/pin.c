/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* pin.c: OBJ_PIN and OBJ_GET (SEMANTICS section 15, "pin"). */
#include "semantics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void life(const struct type *t)
{
	const char *path = pin_path("life");
	int fd = map_fresh(t->number), again;
	uint32_t id = map_id(fd), key = 1;
	uint64_t value = 0;

	row(pin_get(path, 0), "pin.%s.get_missing", t->name);
	row(pin_fd(fd, path), "pin.%s.pin", t->name);
	row(pin_fd(fd, path), "pin.%s.pin_again", t->name);
	again = (int)pin_get(path, 0);
	row(again >= 0 && map_id(again) == id, "pin.%s.same_id", t->name);
	close(again);
	close(fd);
	again = (int)pin_get(path, 0);
	row(again >= 0 && map_id(again) == id, "pin.%s.same_id_after_close", t->name);
	row(map_lookup(again, &key, &value), "pin.%s.lookup_after_close", t->name);
	row((long)value, "pin.%s.value_after_close", t->name);
	row(pin_fd(again, pin_path("second")), "pin.%s.second_name", t->name);
	row(pin_fd(again, pin_path("second")), "pin.%s.second_name_again", t->name);
	pin_remove(path);
	row(pin_get(path, 0), "pin.%s.get_removed", t->name);
	row_fd(pin_get(pin_path("second"), 0), "pin.%s.get_second_name", t->name);
	row(pin_fd(again, path), "pin.%s.first_name_again", t->name);
	row(map_lookup(again, &key, &value), "pin.%s.lookup_after_unlink", t->name);
	pin_remove(path);
	pin_remove(pin_path("second"));
	row(map_lookup(again, &key, &value), "pin.%s.lookup_unpinned", t->name);
	row(pin_fd(again, path), "pin.%s.pinned_again", t->name);
	pin_remove(path);
	close(again);
}

/* 0600 as the number 600. */
static long octal(long mode)
{
	if (mode < 0)
		return mode;
	return (mode >> 9) * 1000 + (mode >> 6 & 7) * 100 + (mode >> 3 & 7) * 10 + (mode & 7);
}

static void masks(const struct type *t)
{
	static const mode_t mask_values[] = {0, 022, 077, 0177, 0277, 0777};
	struct line l;

	line_begin(&l, "pin.%s.mode_by_umask", t->name);
	for (size_t i = 0; i < sizeof(mask_values) / sizeof(mask_values[0]); i++) {
		int fd = map_fresh(t->number);
		mode_t old = umask(mask_values[i]);

		pin_fd(fd, pin_path("mask"));
		umask(old);
		line_add(&l, octal(pin_mode(pin_path("mask"))), "%03o", mask_values[i]);
		pin_remove(pin_path("mask"));
		close(fd);
	}
	line_end(&l);
}

static void pin_errors(const struct type *t)
{
	static char long_name[300];
	char outside[64];
	int fd = map_fresh(t->number);
	struct line l;

	snprintf(outside, sizeof(outside), "/tmp/contract-%d-not-bpffs", (int)getpid());
	memset(long_name, 'x', sizeof(long_name) - 1);
	row(pin_fd(fd, pin_path("a.b")), "pin.%s.dot", t->name);
	row(pin_fd(fd, pin_path(".")), "pin.%s.dot_last", t->name);
	row(pin_fd(fd, pin_path("no/such")), "pin.%s.missing_directory", t->name);
	row(pin_fd(fd, pin_path(long_name)), "pin.%s.long_name", t->name);
	row(pin_fd(fd, ""), "pin.%s.empty_path", t->name);
	row(pin_fd(fd, "/sys/fs/bpf"), "pin.%s.mount_point", t->name);
	row(pin_fd(fd, "/sys/fs/bpf/"), "pin.%s.mount_point_slash", t->name);
	row(pin_fd(fd, outside), "pin.%s.outside", t->name);
	row(pin_fd(fd, "/no/such/directory"), "pin.%s.outside_missing", t->name);
	row(pin_fd(fd, "/dev/null"), "pin.%s.outside_existing", t->name);
	line_begin(&l, "pin.%s.bad_path", t->name);
	for (int i = 0; i < BAD_ADDRESSES; i++)
		line_add(&l, pin_fd(fd, (void *)(uintptr_t)bad_addresses[i].address), "%s",
			 bad_addresses[i].name);
	line_end(&l);
	close(fd);
	row(pin_fd(fd, pin_path("closed")), "pin.%s.closed_fd", t->name);
	row(pin_fd(fd, pin_path("no/such")), "pin.%s.closed_fd_and_missing_directory", t->name);
	row(pin_fd(fd, (void *)1), "pin.%s.closed_fd_and_bad_path", t->name);
	row(pin_fd(STDERR_FILENO, pin_path("foreign")), "pin.%s.foreign_fd", t->name);
}

static void pin_flags(const struct type *t)
{
	struct line l;
	union req r;

	line_begin(&l, "pin.%s.file_flag_bit", t->name);
	for (unsigned int bit = 0; bit < 32; bit++) {
		int fd = map_fresh(t->number);

		req_clear(&r);
		r.attr.pathname = (uintptr_t)pin_path("flag");
		r.attr.bpf_fd = fd;
		r.attr.file_flags = 1u << bit;
		line_add(&l, bpf_call(BPF_OBJ_PIN, &r, ATTR_SIZE), "%u", bit);
		pin_remove(pin_path("flag"));
		close(fd);
	}
	line_end(&l);
	for (int get = 0; get < 2; get++) {
		req_clear(&r);
		r.attr.pathname = (uintptr_t)pin_path("flag");
		r.u32[OBJ_PATH_FD / 4] = 5;
		row(bpf_try(get ? BPF_OBJ_GET : BPF_OBJ_PIN, &r), "pin.%s.path_fd_without_flag.%d",
		    t->name, get);
	}
}

static void path_fd(const struct type *t)
{
	int fd = map_fresh(t->number), dir = open("/sys/fs/bpf", O_PATH | O_DIRECTORY);
	const char *name = strrchr(pin_path("at"), '/') + 1;
	union req r;

	req_clear(&r);
	r.attr.pathname = (uintptr_t)name;
	r.attr.bpf_fd = fd;
	r.attr.file_flags = F_PATH_FD;
	r.u32[OBJ_PATH_FD / 4] = dir;
	row(bpf_try(BPF_OBJ_PIN, &r), "pin.%s.path_fd", t->name);
	r.attr.bpf_fd = 0;
	row(bpf_try(BPF_OBJ_GET, &r), "pin.%s.path_fd_get", t->name);
	r.u32[OBJ_PATH_FD / 4] = 1 << 30;
	row(bpf_try(BPF_OBJ_GET, &r), "pin.%s.path_fd_closed", t->name);
	r.u32[OBJ_PATH_FD / 4] = STDERR_FILENO;
	row(bpf_try(BPF_OBJ_GET, &r), "pin.%s.path_fd_foreign", t->name);
	pin_remove(pin_path("at"));
	close(dir);
	close(fd);
}

static void get_errors(const struct type *t)
{
	static char long_name[300];
	struct line l;
	union req r;

	memset(long_name, 'x', sizeof(long_name) - 1);
	row(pin_get(pin_path("missing"), 0), "pin.%s.get.missing", t->name);
	row(pin_get(pin_path("no/such"), 0), "pin.%s.get.missing_directory", t->name);
	row(pin_get(pin_path("a.b"), 0), "pin.%s.get.dot", t->name);
	row(pin_get(pin_path(long_name), 0), "pin.%s.get.long_name", t->name);
	row(pin_get("", 0), "pin.%s.get.empty_path", t->name);
	row(pin_get("/sys/fs/bpf", 0), "pin.%s.get.mount_point", t->name);
	row(pin_get("/tmp", 0), "pin.%s.get.directory_outside", t->name);
	row(pin_get("/etc/passwd", 0), "pin.%s.get.file_outside", t->name);
	row(pin_get("/etc/passwd/x", 0), "pin.%s.get.not_a_directory", t->name);
	row(pin_get("/dev/null", 0), "pin.%s.get.device", t->name);
	row(pin_get("/no/such/file", 0), "pin.%s.get.missing_outside", t->name);
	line_begin(&l, "pin.%s.get.bad_path", t->name);
	for (int i = 0; i < BAD_ADDRESSES; i++)
		line_add(&l, pin_get((void *)(uintptr_t)bad_addresses[i].address, 0), "%s",
			 bad_addresses[i].name);
	line_end(&l);
	req_clear(&r);
	r.attr.pathname = (uintptr_t)pin_path("missing");
	r.attr.bpf_fd = 1;
	row(bpf_try(BPF_OBJ_GET, &r), "pin.%s.get.bpf_fd", t->name);
}

/* Root passes every mode; only the owner's bits of an ordinary user would matter. */
static void get_modes(const struct type *t)
{
	static const uint32_t flags[] = {0, BPF_F_RDONLY, BPF_F_WRONLY};
	int fd = map_fresh(t->number);
	struct line l;

	pin_fd(fd, pin_path("modes"));
	line_begin(&l, "pin.%s.get.flags", t->name);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		int again = (int)pin_get(pin_path("modes"), flags[i]);

		line_add(&l, again < 0 ? again : fcntl(again, F_GETFL) & O_ACCMODE, "0x%x",
			 flags[i]);
		if (again >= 0)
			close(again);
	}
	line_end(&l);
	pin_remove(pin_path("modes"));
	close(fd);
}

void section_pin(void)
{
	page_edge();
	for (int t = 0; t < TYPES; t++) {
		life(&types[t]);
		masks(&types[t]);
		pin_errors(&types[t]);
		pin_flags(&types[t]);
		path_fd(&types[t]);
		get_errors(&types[t]);
		get_modes(&types[t]);
	}
}
