/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* fds.c: a map's descriptor is a descriptor: copies, reuse of numbers, fork, exec, passing
 * (SEMANTICS section 1, "map fd properties"). */
#include "semantics.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_FAILED 99

static long value_of(int fd, uint32_t key)
{
	uint64_t value = 0;
	long result = map_lookup(fd, &key, &value);

	return result ? result : (long)value;
}

static long set(int fd, uint32_t key, uint64_t value)
{
	return map_update(fd, &key, &value, BPF_ANY);
}

static void properties(const struct type *t)
{
	static const uint32_t flags[] = {0, BPF_F_RDONLY, BPF_F_WRONLY};
	struct line l;

	line_begin(&l, "fds.%s.close_on_exec", t->name);
	for (int i = 0; i < 3; i++) {
		int fd = map_fresh_flags(t->number, flags[i]);

		line_add(&l, fcntl(fd, F_GETFD), "0x%x", flags[i]);
		close(fd);
	}
	line_end(&l);
	line_begin(&l, "fds.%s.access_mode", t->name);
	for (int i = 0; i < 3; i++) {
		int fd = map_fresh_flags(t->number, flags[i]);

		line_add(&l, fcntl(fd, F_GETFL) & O_ACCMODE, "0x%x", flags[i]);
		close(fd);
	}
	line_end(&l);
	line_begin(&l, "fds.%s.by_id", t->name);
	for (int i = 0; i < 3; i++) {
		int fd = map_fresh(t->number), again = map_reopen(fd, flags[i]);

		line_add(&l, fcntl(again, F_GETFL) & O_ACCMODE, "0x%x", flags[i]);
		line_add(&l, fcntl(again, F_GETFD), "0x%x_cloexec", flags[i]);
		close(fd);
		close(again);
	}
	line_end(&l);
}

static void lowest_number(const struct type *t)
{
	int probe = dup(STDERR_FILENO), fd;

	close(probe);
	fd = map_fresh(t->number);
	row(fd == probe, "fds.%s.lowest_free_number", t->name);
	close(fd);
}

static void copies(const struct type *t)
{
	int fd = map_fresh(t->number);
	int a = dup(fd), b = fcntl(fd, F_DUPFD_CLOEXEC, 500), c = dup2(fd, 600);
	int d = dup3(fd, 601, O_CLOEXEC);

	row(set(a, 2, 5), "fds.%s.copy.update", t->name);
	row(value_of(b, 2), "fds.%s.copy.seen_by_fcntl", t->name);
	row(value_of(c, 2), "fds.%s.copy.seen_by_dup2", t->name);
	row(value_of(d, 2), "fds.%s.copy.seen_by_dup3", t->name);
	close(fd);
	row(value_of(fd, 2), "fds.%s.copy.closed_original", t->name);
	row(value_of(a, 2), "fds.%s.copy.lives_on", t->name);
	close(a);
	close(b);
	close(c);
	row(value_of(d, 2), "fds.%s.copy.last_one", t->name);
	close(d);
	row(value_of(d, 2), "fds.%s.copy.none_left", t->name);
}

/* Ways in which a number stops being this map's. */
enum ending { BY_CLOSE, BY_SYSCALL, BY_RANGE, BY_DUP2, BY_DUP3, ENDINGS };
static const char *const ending_names[] = {"close", "syscall", "close_range", "dup2", "dup3"};

static void fd_end(int fd, enum ending how, int successor)
{
	switch (how) {
	case BY_CLOSE: close(fd); break;
	case BY_SYSCALL: syscall(SYS_close, fd); break;
	case BY_RANGE: close_range(fd, fd, 0); break;
	case BY_DUP2: dup2(successor, fd); return;
	case BY_DUP3: dup3(successor, fd, O_CLOEXEC); return;
	default: return;
	}
	if (successor >= 0)
		dup2(successor, fd);
}

static void reuse(const struct type *t, enum ending how)
{
	int null = open("/dev/null", O_RDWR), fd = map_fresh(t->number), other;
	struct line l;

	line_begin(&l, "fds.%s.reuse.%s", t->name, ending_names[how]);
	line_add(&l, value_of(fd, 1), "before");
	fd_end(fd, how, null);
	line_add(&l, value_of(fd, 1), "now_a_device");
	line_add(&l, set(fd, 1, 3), "update");
	close(fd);
	line_add(&l, value_of(fd, 1), "closed");
	fd = map_fresh(t->number);
	set(fd, 1, 1000);
	other = map_fresh(t->number);
	set(other, 1, 2000);
	fd_end(fd, how, other);
	line_add(&l, value_of(fd, 1), "now_another_map");
	set(fd, 1, 3000);
	line_add(&l, value_of(other, 1), "other_map");
	close(other);
	line_add(&l, value_of(fd, 1), "survives");
	close(fd);
	line_end(&l);
	close(null);
}

static void forked(const struct type *t)
{
	int fd = map_fresh(t->number), status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		long value = value_of(fd, 1);

		if (value != 0x11 || set(fd, 2, 22))
			_exit(CHILD_FAILED);
		close(fd);
		_exit(value_of(fd, 2) == -EBADF ? 0 : CHILD_FAILED);
	}
	waitpid(pid, &status, 0);
	row(status, "fds.%s.fork.child", t->name);
	row(value_of(fd, 2), "fds.%s.fork.child_wrote", t->name);
	row(set(fd, 3, 33), "fds.%s.fork.parent_still_open", t->name);
	close(fd);
}

/* The child made the map; the parent never had the number. */
static void fork_only_child(const struct type *t)
{
	int fds[2], status = 0;
	uint32_t id = 0;
	union req r;
	pid_t pid;

	if (pipe(fds))
		return;
	pid = fork();
	if (pid == 0) {
		int fd = map_fresh(t->number);

		id = map_id(fd);
		if (write(fds[1], &id, sizeof(id)) != sizeof(id))
			_exit(CHILD_FAILED);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (read(fds[0], &id, sizeof(id)) != sizeof(id))
		id = 0;
	req_clear(&r);
	r.attr.map_id = id;
	row(bpf_try(BPF_MAP_GET_FD_BY_ID, &r), "fds.%s.fork.gone_with_child", t->name);
	close(fds[0]);
	close(fds[1]);
}

static void send_fd(int sock, int fd)
{
	char space[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = space};
	struct cmsghdr *c;

	msg.msg_controllen = sizeof(space);
	c = CMSG_FIRSTHDR(&msg);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	sendmsg(sock, &msg, 0);
}

static int receive_fd(int sock)
{
	char space[CMSG_SPACE(sizeof(int))] = {0}, byte;
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = space};
	int fd = -1;

	msg.msg_controllen = sizeof(space);
	if (recvmsg(sock, &msg, 0) == 1 && CMSG_FIRSTHDR(&msg))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(fd));
	return fd;
}

static void passed(const struct type *t, uint32_t flags)
{
	int socks[2], fd, status = 0;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, socks))
		return;
	pid = fork();
	if (pid == 0) {
		fd = receive_fd(socks[1]);
		if (value_of(fd, 1) != 0x11)
			_exit(CHILD_FAILED);
		_exit((int)-set(fd, 2, 44));
	}
	fd = map_fresh(t->number);
	if (flags) {
		int other = map_reopen(fd, flags);

		send_fd(socks[0], other);
		close(other);
	} else {
		send_fd(socks[0], fd);
	}
	waitpid(pid, &status, 0);
	row(-WEXITSTATUS(status), "fds.%s.passed.0x%x.receiver", t->name, flags);
	row(value_of(fd, 2), "fds.%s.passed.0x%x.written", t->name, flags);
	close(fd);
	close(socks[0]);
	close(socks[1]);
}

int fds_exec_main(int argc, char **argv)
{
	int fd = argc > 2 ? atoi(argv[2]) : -1;
	long value = value_of(fd, 1);

	if (value < 0)
		return (int)-value;
	return set(fd, 2, 55) ? CHILD_FAILED : 0;
}

static void executed(const struct type *t)
{
	for (int keep = 0; keep < 2; keep++) {
		int fd = map_fresh(t->number), status = 0;
		char number[16];
		pid_t pid;

		snprintf(number, sizeof(number), "%d", fd);
		pid = fork();
		if (pid == 0) {
			if (keep)
				fcntl(fd, F_SETFD, 0);
			execl("/proc/self/exe", "semantics", "--exec", number, NULL);
			_exit(CHILD_FAILED);
		}
		waitpid(pid, &status, 0);
		row(-WEXITSTATUS(status), "fds.%s.exec.%s", t->name, keep ? "kept" : "closed");
		row(value_of(fd, 2), "fds.%s.exec.%s_written", t->name, keep ? "kept" : "closed");
		close(fd);
	}
}

static void many(const struct type *t)
{
	int fds[200], bad = 0;

	for (int i = 0; i < 200; i++) {
		fds[i] = map_fresh(t->number);
		set(fds[i], 1, 5000 + i);
	}
	for (int i = 0; i < 200; i++)
		bad += value_of(fds[i], 1) != 5000 + i;
	for (int i = 0; i < 200; i += 2)
		close(fds[i]);
	for (int i = 1; i < 200; i += 2)
		bad += value_of(fds[i], 1) != 5000 + i;
	for (int i = 1; i < 200; i += 2)
		close(fds[i]);
	row(bad, "fds.%s.many_at_once.wrong", t->name);
}

void section_fds(void)
{
	for (int t = 0; t < TYPES; t++) {
		properties(&types[t]);
		lowest_number(&types[t]);
		copies(&types[t]);
		for (int how = 0; how < ENDINGS; how++)
			reuse(&types[t], how);
		forked(&types[t]);
		fork_only_child(&types[t]);
		passed(&types[t], 0);
		passed(&types[t], BPF_F_RDONLY);
		executed(&types[t]);
		many(&types[t]);
	}
}
