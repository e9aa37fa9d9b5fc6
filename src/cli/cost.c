/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* cost.c: what a map would take, here and in the kernel. */
#include "cli/cost.h"

#include "base/error.h"
#include "kernel/footprint.h"
#include "region/rundir.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

static uint64_t memory_available(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	uint64_t kib = 0;
	char line[128];

	while (file && !kib && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %" SCNu64, &kib) != 1)
			kib = 0;
	if (file)
		fclose(file);
	return kib ? kib * 1024 : UINT64_MAX;
}

/* What the runtime directory's file system has room for. */
static uint64_t room_here(void)
{
	uint64_t memory = memory_available(), room;
	struct statvfs fs;

	if (statvfs(rundir_path(), &fs))
		return memory;
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	return room < memory ? room : memory;
}

__attribute__((format(printf, 3, 4))) static void refuse(struct cost_place *place, int err,
							 const char *fmt, ...)
{
	va_list args;

	place->err = err;
	va_start(args, fmt);
	vsnprintf(place->sentence, sizeof(place->sentence), fmt, args);
	va_end(args);
}

static void refuse_unless_room(struct cost_place *place, uint64_t room, const char *where)
{
	if (!place->err && place->created > room)
		refuse(place, -ENOMEM, "%" PRIu64 " bytes are more than %s has now (%" PRIu64 ")",
		       place->created, where, room);
}

static void parts_sum(const struct memory_parts *parts, struct cost_place *place)
{
	for (uint32_t i = 0; i < parts->count; i++) {
		place->created += parts->part[i].created;
		place->full += parts->part[i].full;
	}
}

static void cost_here(const struct backend_create *how, uint32_t cpus, struct cost *cost)
{
	const struct bpfmap_create_opts opts = {
		.sz = sizeof(opts),
		.type = how->type,
		.key_size = how->key_size,
		.value_size = how->value_size,
		.max_entries = how->max_entries,
		.map_flags = how->map_flags,
		.map_extra = how->map_extra,
		.memory = BPFMAP_MEMORY_SHARED,
	};
	int err = memory_parts_for(&opts, cpus, &cost->parts);

	if (err) {
		refuse(&cost->here, err, "%s", error_sentence());
		return;
	}
	parts_sum(&cost->parts, &cost->here);
}

/* bpf(2) here answers as the kernel does, so what is refused here is refused there. */
static void cost_kernel(const struct backend_create *how, uint32_t cpus, struct cost *cost)
{
	const struct bpf_map_info info = {
		.type = how->type,
		.key_size = how->key_size,
		.value_size = how->value_size,
		.max_entries = how->max_entries,
		.map_flags = how->map_flags,
		.map_extra = how->map_extra,
	};
	struct cost_place *kernel = &cost->kernel;

	if (how->map_flags & BPFMAP_F_VARIABLE) {
		refuse(kernel, -EINVAL,
		       "the kernel has no maps with elements of different lengths");
		return;
	}
	*kernel = cost->here;
	kernel->created = kernel->full = 0;
	if (kernel->err)
		return;
	footprint_parts(&info, how->max_entries, cpus ? cpus : backend_cpus(), &cost->kernel_parts);
	parts_sum(&cost->kernel_parts, kernel);
}

void cost_of(const struct backend_create *how, uint32_t cpus, struct cost *ret_cost)
{
	struct cost cost = {0};

	cost_here(how, cpus, &cost);
	cost_kernel(how, cpus, &cost);
	if (!cpus) {
		refuse_unless_room(&cost.here, room_here(), rundir_path());
		refuse_unless_room(&cost.kernel, memory_available(), "the machine");
	}
	*ret_cost = cost;
}

void cost_print_bytes(struct out *out, uint64_t bytes)
{
	char json[24], size[SIZE_TEXT], plain[80];

	snprintf(json, sizeof(json), "%" PRIu64, bytes);
	size_format(bytes, size, sizeof(size));
	if (bytes < 1024)
		snprintf(plain, sizeof(plain), "%" PRIu64 " bytes", bytes);
	else
		snprintf(plain, sizeof(plain), "%s (%" PRIu64 " bytes)", size, bytes);
	out->ops->scalar(out, json, plain);
}

const char *cost_errno(int err)
{
	const char *name = strerrorname_np(err < 0 ? -err : err);

	return name ? name : "ENOTSUPP";
}
