/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* object_open.c: bpfmap/object.h on object.bpf.c's object file, given as the only argument. */
#include <bpfmap/object.h>

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define THREADS	     4
#define RUNS	     5000

static const char *object_file;
static char pins[64]; /* the runtime directory */

static struct bpfmap_object *object_new(void)
{
	struct bpfmap_object_opts opts = {.sz = sizeof(opts)};
	struct bpfmap_object *object = NULL;

	if (bpfmap_object_open(object_file, &opts, &object))
		fail_msg("%s", bpfmap_last_error());
	return object;
}

static void sentence_has(const char *words)
{
	if (!strstr(bpfmap_last_error(), words))
		fail_msg("\"%s\" has no \"%s\"", bpfmap_last_error(), words);
}

/* The verdict on a packet of so many bytes; -errno. */
static int run_on(struct bpfmap_prog *prog, uint32_t len)
{
	uint8_t bytes[128] = {0};
	struct bpfmap_packet packet = {
		.sz = sizeof(packet), .buf = bytes, .buf_size = sizeof(bytes), .len = len};
	uint32_t value = 0;
	int err = bpfmap_prog_run(prog, NULL, &packet, &value);

	return err ? err : (int)value;
}

static uint64_t count_of(struct bpfmap *counts)
{
	struct bpfmap_percpu_u64 count;
	uint32_t key = 0;

	assert_int_equal(bpfmap_percpu_u64(counts, &key, 0, 8, &count), 0);
	return count.sum;
}

static void object__has_programs_maps_and_variables_by_name(void **state)
{
	struct bpfmap_object *object = object_new();
	struct bpfmap_prog *prog = bpfmap_object_prog(object, "count_packet");
	uint32_t *verdict;
	uint64_t *seen;
	size_t size;

	assert_non_null(prog);
	assert_ptr_equal(bpfmap_object_prog(object, NULL), prog);
	assert_int_equal(bpfmap_prog_type(bpfmap_object_prog(object, "remember_mark")),
			 BPF_PROG_TYPE_SCHED_CLS);
	assert_null(bpfmap_object_prog(object, "cannot_run_here"));
	assert_null(bpfmap_object_prog(object, "nobody"));
	assert_int_equal(run_on(prog, 10), XDP_PASS);
	assert_int_equal(run_on(prog, 11), XDP_DROP);
	assert_int_equal(count_of(bpfmap_object_map(object, "counts")), 2);
	assert_ptr_equal(bpfmap_prog_map_by_name(prog, "counts"),
			 bpfmap_object_map(object, "counts"));
	assert_non_null(bpfmap_object_map(object, "a_map_with_a_long_name"));
	assert_non_null(bpfmap_object_map(object, ".rodata"));
	assert_null(bpfmap_object_map(object, "nothing"));
	seen = bpfmap_object_variable(object, "seen", &size);
	assert_non_null(seen);
	assert_int_equal(size, 8);
	assert_int_equal(*seen, 2);
	verdict = bpfmap_object_variable(object, "verdict", NULL);
	*verdict = XDP_TX;
	assert_int_equal(run_on(prog, 10), XDP_TX);
	assert_null(bpfmap_object_variable(object, "nothing", &size));
	bpfmap_object_close(object);
	bpfmap_object_close(NULL);
}

static void opts__sizes_values_and_programs(void **state)
{
	static const char *const progs[] = {"count_packet"};
	const uint32_t limit = 20, entries = 100;
	const struct bpfmap_object_size sizes[] = {{"a_map_with_a_long_name", entries}};
	const struct bpfmap_object_value values[] = {{"limit", &limit, sizeof(limit)}};
	struct bpfmap_object_opts opts = {.sz = sizeof(opts),
					  .progs = progs,
					  .prog_cnt = 1,
					  .sizes = sizes,
					  .size_cnt = 1,
					  .values = values,
					  .value_cnt = 1};
	struct bpfmap_object *object;
	struct bpfmap_info info;

	assert_int_equal(bpfmap_object_open(object_file, &opts, &object), 0);
	assert_int_equal(run_on(bpfmap_object_prog(object, NULL), 20), XDP_PASS);
	assert_int_equal(run_on(bpfmap_object_prog(object, NULL), 21), XDP_DROP);
	assert_null(bpfmap_object_prog(object, "remember_mark"));
	assert_int_equal(
		bpfmap_get_info(bpfmap_object_map(object, "a_map_with_a_long_name"), &info), 0);
	assert_int_equal(info.max_entries, entries);
	assert_int_equal(*(const uint32_t *)bpfmap_object_variable(object, "limit", NULL), 20);
	bpfmap_object_close(object);
}

static void opts__what_is_not_there_is_named(void **state)
{
	static const char *const progs[] = {"nobody"}, *const kprobe[] = {"cannot_run_here"};
	const struct bpfmap_object_size sizes[] = {{"nothing", 1}}, huge[] = {{"counts", 0}};
	const struct bpfmap_object_value value[] = {{"nothing", progs, 4}},
					 wide[] = {{"limit", progs, 8}};
	const struct {
		struct bpfmap_object_opts opts;
		int err;
		const char *words;
	} cases[] = {{{.progs = progs, .prog_cnt = 1}, -ENOENT, "no program nobody"},
		     {{.progs = kprobe, .prog_cnt = 1}, -EINVAL, "supported are xdp"},
		     {{.sizes = sizes, .size_cnt = 1}, -ENOENT, "no map nothing"},
		     {{.sizes = huge, .size_cnt = 1}, -EINVAL, "counts"},
		     {{.values = value, .value_cnt = 1}, -ENOENT, "no global variable nothing"},
		     {{.values = wide, .value_cnt = 1}, -EINVAL, "limit has 4 bytes, not 8"},
		     {{.value_cnt = 1}, -EINVAL, "count without"}};
	struct bpfmap_object *object = NULL;

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct bpfmap_object_opts opts = cases[i].opts;

		opts.sz = sizeof(opts);
		assert_int_equal(bpfmap_object_open(object_file, &opts, &object), cases[i].err);
		sentence_has(cases[i].words);
		opts.sz--;
		assert_int_equal(bpfmap_object_open(object_file, &opts, &object), -EINVAL);
		sentence_has("sz");
	}
	assert_null(object);
}

static void file_write(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, bytes, size), (ssize_t)size);
	close(fd);
}

static void file__that_is_no_sound_object_is_refused(void **state)
{
	char path[128], log[1024], *bytes;
	struct bpfmap_object_opts opts = {.sz = sizeof(opts), .log = log, .log_size = sizeof(log)};
	struct bpfmap_object *object = NULL;
	struct stat st;
	int fd = open(object_file, O_RDONLY | O_CLOEXEC);

	assert_int_equal(fstat(fd, &st), 0);
	bytes = malloc((size_t)st.st_size);
	assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
	close(fd);
	snprintf(path, sizeof(path), "%s/bad.o", pins);
	assert_int_equal(bpfmap_object_open("/nowhere/x.o", &opts, &object), -ENOENT);
	sentence_has("/nowhere/x.o");
	assert_true(bpfmap_object_open("/", &opts, &object) < 0);
	file_write(path, "no object", 9);
	assert_true(bpfmap_object_open(path, &opts, &object) < 0);
	sentence_has("cannot load");
	assert_true(log[0]);
	file_write(path, bytes, (size_t)st.st_size / 2);
	assert_int_equal(bpfmap_object_open(path, NULL, &object), -EINVAL);
	sentence_has("damaged");
	assert_null(object);
	unlink(path);
	free(bytes);
}

static void pins__lead_another_process_to_the_maps(void **state)
{
	struct bpfmap_object *object = object_new();
	char path[128];
	int status;
	pid_t child;

	assert_int_equal(bpfmap_object_pin(object, "/sys/fs/bpf"), 0);
	assert_int_equal(bpfmap_object_pin(object, "/sys/fs/bpf"), -EEXIST);
	snprintf(path, sizeof(path), "%s/counts", pins);
	child = fork();
	if (!child) {
		struct bpfmap *counts;

		_exit(bpfmap_open(path, BPFMAP_OPEN_RDONLY, &counts) || count_of(counts) != 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	bpfmap_object_close(object);
	assert_int_equal(access(path, F_OK), 0);
	unlink(path);
	assert_int_equal(unlink(strcat(strcpy(path, pins), "/a_map_with_a_long_name")), 0);
}

static void pins__maps_pinned_by_name_are_found_again(void **state)
{
	struct bpfmap_object *first = object_new(), *second;
	uint32_t key = 3;
	uint64_t value = 33;
	char path[128];

	assert_int_equal(bpfmap_update(bpfmap_object_map(first, "a_map_with_a_long_name"), &key,
				       &value, BPF_ANY),
			 0);
	bpfmap_object_close(first);
	second = object_new();
	value = 0;
	assert_int_equal(
		bpfmap_read(bpfmap_object_map(second, "a_map_with_a_long_name"), &key, &value), 0);
	assert_int_equal(value, 33);
	bpfmap_object_close(second);
	assert_int_equal(unlink(strcat(strcpy(path, pins), "/a_map_with_a_long_name")), 0);
}

/* ---- threads ---- */

struct worker {
	pthread_t thread;
	struct bpfmap_object *object;
	int bad;
};

static void *worker_run(void *arg)
{
	struct worker *worker = arg;
	struct bpfmap_prog *prog = bpfmap_object_prog(worker->object, "count_packet");

	for (int i = 0; i < RUNS; i++)
		worker->bad += run_on(prog, 10) != XDP_PASS;
	return NULL;
}

static void threads__run_one_object_and_lose_no_count(void **state)
{
	struct bpfmap_object *object = object_new();
	struct worker workers[THREADS] = {0};

	for (int i = 0; i < THREADS; i++) {
		workers[i].object = object;
		pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		assert_int_equal(workers[i].bad, 0);
	}
	assert_int_equal(count_of(bpfmap_object_map(object, "counts")), THREADS * RUNS);
	assert_int_equal(*(uint64_t *)bpfmap_object_variable(object, "seen", NULL), THREADS * RUNS);
	bpfmap_object_close(object);
}

/* An object of its own, a program that is there and one that is not. */
static void *worker_open(void *arg)
{
	static const char *const there[] = {"count_packet"}, *const absent[] = {"nobody"};
	struct worker *worker = arg;
	struct bpfmap_object_opts opts = {.sz = sizeof(opts), .prog_cnt = 1};

	for (int i = 0; i < 5; i++) {
		struct bpfmap_object *object;

		opts.progs = there;
		if (bpfmap_object_open(object_file, &opts, &object)) {
			worker->bad++;
			continue;
		}
		worker->bad += run_on(bpfmap_object_prog(object, NULL), 10) != XDP_PASS;
		worker->bad += count_of(bpfmap_object_map(object, "counts")) != 1;
		bpfmap_object_close(object);
		opts.progs = absent;
		worker->bad += bpfmap_object_open(object_file, &opts, &object) != -ENOENT;
		worker->bad += !strstr(bpfmap_last_error(), "nobody");
	}
	return NULL;
}

static void threads__open_objects_of_their_own(void **state)
{
	struct bpfmap_object *first = object_new(); /* its pinned map is found by all */
	struct worker workers[THREADS] = {0};
	char path[128];

	for (int i = 0; i < THREADS; i++)
		pthread_create(&workers[i].thread, NULL, worker_open, &workers[i]);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(workers[i].thread, NULL);
		assert_int_equal(workers[i].bad, 0);
	}
	bpfmap_object_close(first);
	assert_int_equal(unlink(strcat(strcpy(path, pins), "/a_map_with_a_long_name")), 0);
}

/* bpf(2) of this process is the kernel's still: it knows no map of ours, and we none of its descriptors. */
static void process__keeps_its_own_bpf(void **state)
{
	struct bpfmap_object *object = object_new();
	int fd = bpfmap_fd(bpfmap_object_map(object, "counts"));
	union bpf_attr attr;
	uint32_t key = 0;
	uint64_t values[1024];

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)fd;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)values;
	assert_int_equal(syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &attr, sizeof(attr)), -1);
	assert_true(errno == EINVAL || errno == EPERM || errno == EBADF || errno == ENOSYS);
	close(fd);
	bpfmap_object_close(object);
}

static int pins_remove(void **state)
{
	char path[128];

	unlink(strcat(strcpy(path, pins), "/a_map_with_a_long_name"));
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(object__has_programs_maps_and_variables_by_name,
					  pins_remove),
		cmocka_unit_test_teardown(opts__sizes_values_and_programs, pins_remove),
		cmocka_unit_test_teardown(opts__what_is_not_there_is_named, pins_remove),
		cmocka_unit_test(file__that_is_no_sound_object_is_refused),
		cmocka_unit_test(pins__lead_another_process_to_the_maps),
		cmocka_unit_test(pins__maps_pinned_by_name_are_found_again),
		cmocka_unit_test_teardown(threads__run_one_object_and_lose_no_count, pins_remove),
		cmocka_unit_test(threads__open_objects_of_their_own),
		cmocka_unit_test_teardown(process__keeps_its_own_bpf, pins_remove)};
	const char *base = getenv("BPFMAP_DIR");
	int failed;

	object_file = argv[argc - 1];
	snprintf(pins, sizeof(pins), "%s/objects.XXXXXX", base ? base : "/dev/shm");
	if (!mkdtemp(pins))
		return 1;
	setenv("BPFMAP_DIR", pins, 1);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(pins);
	return failed;
}
