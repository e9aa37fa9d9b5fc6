/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* user.c: reading and writing the caller's memory without ever faulting.
 *
 * The kernel answers EFAULT for a bad pointer; a library that follows it dies. Asking the kernel
 * about each pointer costs a system call, several times what a lookup costs, so memory is sorted:
 *
 *   plain     [stack pointer, end of the calling thread's stack), the main program's writable
 *             segments, and the brk heap up to sbrk(0). These stay mapped and writable while the
 *             caller is inside the call (live frames cannot be unmapped, the main program cannot be
 *             unloaded, the heap's end is read anew at each use). Used in place, no system call.
 *   other     mmap, shared libraries' data, other threads' stacks, NULL, kernel addresses: copied
 *             by process_vm_readv / process_vm_writev on ourselves, which report EFAULT. Where a
 *             sandbox forbids those, 8 bytes of every page are probed before they are read:
 *             rt_sigprocmask with an impossible first argument reads 8 bytes and then refuses.
 *             What is written goes through a pipe, out of which the kernel copies it.
 *
 * Limits: a program that makes part of its own stack, heap or data segment unreadable with mprotect
 * and then passes it gets a signal instead of EFAULT; so does, in the sandbox case, an output
 * pointer into read-only memory when no descriptor is left for a pipe. Another thread that unmaps
 * memory during the call is that program's fault.
 */
#include "bpf/user.h"

#include "base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* The smallest page of any machine: what is true of its parts is true of a larger one. */
#define PAGE ((uint64_t)4096)

struct range {
	uintptr_t start;
	uintptr_t end;
};

/* Fixed after the first use in the process; the main program cannot be unloaded. */
static struct range main_data;
static uintptr_t heap_start;
static pthread_once_t main_once = PTHREAD_ONCE_INIT;

static _Thread_local struct range my_stack __attribute__((tls_model("initial-exec")));

static int data_segment_find(struct dl_phdr_info *info, size_t size, void *arg)
{
	const ElfW(Phdr) *relro = NULL;
	struct range *ret = arg;

	for (int i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_GNU_RELRO)
			relro = &info->dlpi_phdr[i];
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *ph = &info->dlpi_phdr[i];

		if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_W))
			continue;
		ret->start = info->dlpi_addr + ph->p_vaddr;
		ret->end = ret->start + ph->p_memsz;
		/* The loader makes this head of the segment read-only after relocation. */
		if (relro && relro->p_vaddr == ph->p_vaddr)
			ret->start = (ret->start + relro->p_memsz + PAGE - 1) & ~(PAGE - 1);
	}
	return 1; /* the first object is the main program */
}

/* Where the brk heap begins: field 47 of /proc/self/stat; its present end if that is hidden. */
static uintptr_t heap_start_find(void)
{
	uintptr_t start = (uintptr_t)sbrk(0);
	char line[1024];
	FILE *file = fopen("/proc/self/stat", "re");
	char *at;

	if (!file)
		return start;
	/* The program's name, field 2, may hold blanks and ends with the last parenthesis. */
	at = fgets(line, sizeof(line), file) ? strrchr(line, ')') : NULL;
	for (int field = 2; at && field < 47; field++)
		at = strchr(at + 1, ' ');
	if (at && strtoull(at, NULL, 10))
		start = strtoull(at, NULL, 10);
	fclose(file);
	return start;
}

static void main_ranges_init(void)
{
	dl_iterate_phdr(data_segment_find, &main_data);
	heap_start = heap_start_find();
}

static void __attribute__((cold, noinline)) my_stack_init(void)
{
	pthread_attr_t attr;
	void *addr;
	size_t size;

	pthread_once(&main_once, main_ranges_init);
	my_stack.start = my_stack.end = 1;
	if (pthread_getattr_np(pthread_self(), &attr))
		return;
	if (!pthread_attr_getstack(&attr, &addr, &size)) {
		my_stack.start = (uintptr_t)addr;
		my_stack.end = (uintptr_t)addr + size;
	}
	pthread_attr_destroy(&attr);
}

int user_is_plain(uint64_t addr, size_t size)
{
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
	uintptr_t end;

	if (__builtin_add_overflow((uintptr_t)addr, size, &end))
		return 0;
	if (!my_stack.end)
		my_stack_init();
	/* On another stack (a coroutine's, a signal's) the bounds say nothing about sp. */
	if (addr >= sp && end <= my_stack.end && sp >= my_stack.start)
		return 1;
	if (addr >= main_data.start && end <= main_data.end)
		return 1;
	return addr >= heap_start && end <= (uintptr_t)sbrk(0);
}

static int page_probe(uint64_t addr)
{
	uint64_t word = addr & ~(uint64_t)7;

	/* NULL would be no argument at all, which is no error. */
	if (!word)
		return -EFAULT;
	return syscall(SYS_rt_sigprocmask, ~0, word, NULL, 8) == 0 || errno == EINVAL ? 0 : -EFAULT;
}

static int range_probe(uint64_t addr, size_t size)
{
	uint64_t last = addr + size - 1;

	for (uint64_t page = addr; page <= last; page = (page & ~(PAGE - 1)) + PAGE) {
		if (page_probe(page))
			return -EFAULT;
		if ((page & ~(PAGE - 1)) + PAGE < page)
			break;
	}
	return 0;
}

/* The calls are bare, since those of libc are points where a thread can be cancelled. */
static int pipe_fill_and_empty(const int *ends, const uint8_t *mine, uint64_t addr, size_t size)
{
	while (size) {
		size_t part = size < PAGE ? size : PAGE; /* fits any pipe */

		if (syscall(SYS_write, ends[1], mine, part) != (long)part ||
		    syscall(SYS_read, ends[0], addr, part) != (long)part)
			return -EFAULT;
		mine += part;
		addr += part;
		size -= part;
	}
	return 0;
}

/* What to do where the kernel's copies are forbidden. */
static int sandbox_copy(void *mine, uint64_t addr, size_t size, long number)
{
	int ends[2], err;

	if (range_probe(addr, size))
		return -EFAULT;
	if (number == SYS_process_vm_readv) {
		memcpy(mine, (void *)(uintptr_t)addr, size);
	} else if (pipe2(ends, O_CLOEXEC)) {
		memcpy((void *)(uintptr_t)addr, mine, size);
	} else {
		err = pipe_fill_and_empty(ends, mine, addr, size);
		close(ends[0]);
		close(ends[1]);
		return err;
	}
	return 0;
}

/* The kernel's copy in the direction of the caller's choice; 0 or -EFAULT. */
static int foreign_copy(void *mine, uint64_t addr, size_t size, long number)
{
	struct iovec local = {.iov_base = mine, .iov_len = size};
	struct iovec remote = {.iov_base = (void *)(uintptr_t)addr, .iov_len = size};
	int saved = errno;
	long done;

	if (addr + size < addr)
		return -EFAULT;
	/* The last argument lies on the stack, and an int there leaves half of it to chance. */
	done = syscall(number, getpid(), &local, 1L, &remote, 1L, 0L);
	if (done < 0 && (errno == EPERM || errno == ENOSYS) &&
	    !sandbox_copy(mine, addr, size, number))
		done = (long)size;
	errno = saved;
	return done == (long)size ? 0 : -EFAULT;
}

int user_copy_in(void *dst, uint64_t src, size_t size, const char *what)
{
	if (!size)
		return 0;
	if (user_is_plain(src, size)) {
		memcpy(dst, (const void *)(uintptr_t)src, size);
		return 0;
	}
	if (!foreign_copy(dst, src, size, SYS_process_vm_readv))
		return 0;
	return fail(EFAULT, "%s: %zu bytes at address %#llx cannot be read", what, size,
		    (unsigned long long)src);
}

int user_all_zero(uint64_t addr, size_t size, const char *what)
{
	uint8_t page[PAGE];

	while (size) {
		size_t part = PAGE - addr % PAGE < size ? PAGE - addr % PAGE : size;
		int err = user_copy_in(page, addr, part, what);

		if (err)
			return err;
		if (page[0] || memcmp(page, page + 1, part - 1))
			return 0;
		addr += part;
		size -= part;
	}
	return 1;
}

int user_copy_out(uint64_t dst, const void *src, size_t size, const char *what)
{
	if (!size)
		return 0;
	if (user_is_plain(dst, size)) {
		memcpy((void *)(uintptr_t)dst, src, size);
		return 0;
	}
	if (!foreign_copy((void *)(uintptr_t)src, dst, size, SYS_process_vm_writev))
		return 0;
	return fail(EFAULT, "%s: %zu bytes at address %#llx cannot be written", what, size,
		    (unsigned long long)dst);
}

void *user_buf_get(struct user_buf *buf, size_t size)
{
	buf->big = NULL;
	if (size <= sizeof(buf->small))
		return buf->small;
	buf->big = malloc(size);
	return buf->big;
}

void user_buf_free(struct user_buf *buf)
{
	free(buf->big);
	buf->big = NULL;
}

int user_read(struct user_buf *buf, uint64_t addr, size_t size, const char *what,
	      const void **ret_ptr)
{
	void *copy;
	int err;

	buf->big = NULL;
	if (user_is_plain(addr, size)) {
		*ret_ptr = (const void *)(uintptr_t)addr;
		return 0;
	}
	copy = user_buf_get(buf, size);
	if (!copy)
		return fail(ENOMEM, "no memory for a copy of %s (%zu bytes)", what, size);
	err = user_copy_in(copy, addr, size, what);
	if (err) {
		user_buf_free(buf);
		return err;
	}
	*ret_ptr = copy;
	return 0;
}

int user_string(char *dst, uint64_t src, size_t size, const char *what)
{
	size_t have = 0;

	/* Page by page: the string may end right before an unmapped page. */
	while (have < size) {
		size_t part = PAGE - ((src + have) & (PAGE - 1));
		int err;

		if (part > size - have)
			part = size - have;
		/* Where the string can be measured, nothing behind it is touched. */
		if (user_is_plain(src + have, part)) {
			size_t len = strnlen((const char *)(uintptr_t)(src + have), part);

			part = len < part ? len + 1 : part;
		}
		err = user_copy_in(dst + have, src + have, part, what);
		if (err)
			return err;
		if (memchr(dst + have, 0, part))
			return 0;
		have += part;
	}
	return fail(ENAMETOOLONG, "%s is longer than %zu bytes", what, size - 1);
}
