/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* prog.c: BPF_PROG_LOAD, program objects, BPF_PROG_BIND_MAP and programs' info.
 *
 * File: struct prog_file_header, instructions, map ids (32 bits each), line info records, BTF
 * bytes. In the file and for the virtual machine the immediate of a map reference is the map's
 * place among the map ids, whatever way the loader named it (fd, or index into fd_array), so that
 * loading from attributes and loading from a file another process wrote are one path: file_load().
 */
#include "bpf/prog.h"

#include "base/clock.h"
#include "base/error.h"
#include "bpf/command.h"
#include "bpf/btf_blob.h"
#include "bpf/btf_parse.h"
#include "bpf/commands.h"
#include "bpf/info.h"
#include "bpf/object.h"
#include "bpf/sha256.h"
#include "bpf/user.h"
#include "region/rundir.h"
#include "vm/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROG_MAPS_MAX  64
#define LICENSE_LEN    128
#define LOG_MAX	       (1u << 20)
#define LINE_REC_MAX   252
#define LINE_CNT_MAX   (PROG_INSNS_MAX * 2)
#define FLAGS_HARMLESS 0x3fu /* alignment, test and sleepable flags: they ask the verifier only */
#define LOG_LEVELS     15u
#define PSEUDO_MAP_FD  1
#define PSEUDO_MAP_VAL 2
#define PSEUDO_IDX     5
#define PSEUDO_IDX_VAL 6

struct prog_file_header {
	struct object_header object;
	uint32_t prog_type;
	uint32_t attach_type;
	uint32_t insn_cnt;
	uint32_t map_cnt;
	uint32_t line_cnt;
	uint32_t line_rec_size;
	uint32_t btf_size;
	uint32_t btf_id;
	uint64_t load_time_ns;
	uint32_t uid;
	uint32_t gpl;
	char name[ATTR_NAME_LEN];
	uint8_t tag[8];
};

/* Guards the list of maps against PROG_BIND_MAP. */
static pthread_mutex_t bind_lock = PTHREAD_MUTEX_INITIALIZER;

static struct bpf_insn *file_insns(const struct prog_file_header *file)
{
	return (struct bpf_insn *)(file + 1);
}

static uint32_t *file_map_ids(const struct prog_file_header *file)
{
	return (uint32_t *)(file_insns(file) + file->insn_cnt);
}

static uint8_t *file_lines(const struct prog_file_header *file)
{
	return (uint8_t *)(file_map_ids(file) + file->map_cnt);
}

static uint8_t *file_btf(const struct prog_file_header *file)
{
	return file_lines(file) + (size_t)file->line_cnt * file->line_rec_size;
}

static uint64_t file_size(const struct prog_file_header *file)
{
	return sizeof(*file) + (uint64_t)file->insn_cnt * sizeof(struct bpf_insn) +
	       (uint64_t)file->map_cnt * sizeof(uint32_t) +
	       (uint64_t)file->line_cnt * file->line_rec_size + file->btf_size;
}

uint32_t prog_type(const struct prog *prog)
{
	return prog->file->prog_type;
}

const char *prog_name(const struct prog *prog)
{
	return prog->file->name;
}

static int is_map_ref(const struct bpf_insn *insn)
{
	return insn->code == (BPF_LD | BPF_IMM | BPF_DW) &&
	       (insn->src_reg == PSEUDO_MAP_FD || insn->src_reg == PSEUDO_MAP_VAL ||
		insn->src_reg == PSEUDO_IDX || insn->src_reg == PSEUDO_IDX_VAL);
}

void prog_free(struct prog *prog)
{
	if (!prog)
		return;
	if (prog->vm)
		vm_free(prog->vm);
	for (uint32_t i = 0; i < prog->map_count; i++)
		object_release(prog->maps[i]);
	free(prog->maps);
	free(prog->file);
	free(prog);
}

static int map_by_place(void *arg, int place, struct bpfmap **ret_map)
{
	const struct prog *prog = arg;

	if (place < 0 || (uint32_t)place >= prog->map_count)
		return fail(EINVAL, "the program refers to map %d of %u", place, prog->map_count);
	*ret_map = prog->maps[place]->map;
	return 0;
}

/* The program holds its maps itself. */
static void map_keep(void *arg, struct bpfmap *map)
{
}

/* Prepare prog->file to run; prog->maps are the maps in the order of its map ids. */
static int file_load(struct prog *prog, char *log, uint32_t log_size)
{
	const struct prog_file_header *file = prog->file;
	struct vm_load load = {
		.prog_type = file->prog_type,
		.insns = file_insns(file),
		.insn_cnt = file->insn_cnt,
		.name = file->name,
		.btf = file->btf_size ? file_btf(file) : NULL,
		.btf_size = file->btf_size,
		.line_info = file->line_cnt ? (const void *)file_lines(file) : NULL,
		.line_info_cnt = file->line_cnt,
		.line_info_rec_size = file->line_rec_size,
		.maps = {.get = map_by_place, .put = map_keep, .arg = prog},
		.log = log,
		.log_size = log_size,
	};

	return vm_load(&load, &prog->vm);
}

static int map_hold(struct prog *prog, struct object *object)
{
	struct object **maps = realloc(prog->maps, (prog->map_count + 1) * sizeof(*maps));

	if (!maps)
		return fail(ENOMEM, "no memory for a program's maps");
	object_hold(object);
	maps[prog->map_count++] = object;
	prog->maps = maps;
	return 0;
}

static int map_hold_fd(struct prog *prog, int fd)
{
	struct fd_ref ref;
	int err = fd_get(fd, OBJECT_MAP, &ref);

	if (err)
		return err;
	err = map_hold(prog, ref.object);
	fd_put(&ref);
	return err;
}

static int map_hold_id(struct prog *prog, uint32_t id)
{
	struct object *object = object_by_id(OBJECT_MAP, id);
	int err, fd;

	if (object) {
		err = map_hold(prog, object);
		object_release(object);
		return err;
	}
	fd = object_fd_by_id(OBJECT_MAP, id, O_RDWR);
	if (fd < 0)
		return fd;
	err = map_hold_fd(prog, fd);
	close(fd);
	bpfmap_bpf_fd_closed(fd);
	return err;
}

/* The counts are the file's own word: none beyond what a program may have, which also keeps their
 * sum from wrapping around to the file's size. */
static int file_check(const struct prog_file_header *file, size_t size)
{
	if (file->insn_cnt > PROG_INSNS_MAX || file->map_cnt > PROG_MAPS_MAX ||
	    file->line_cnt > LINE_CNT_MAX || file->line_rec_size > LINE_REC_MAX ||
	    file_size(file) != size)
		return fail(EUCLEAN, "the program's file is damaged");
	return 0;
}

int prog_file_open(int fd, struct object *ret_what)
{
	struct prog *prog = calloc(1, sizeof(*prog));
	size_t size;
	void *file;
	int err;

	if (!prog)
		return fail(ENOMEM, "no memory for a program");
	err = object_file_read(fd, sizeof(struct prog_file_header), &file, &size);
	if (err) {
		free(prog);
		return err;
	}
	prog->file = file;
	prog->file->name[ATTR_NAME_LEN - 1] = 0;
	err = file_check(prog->file, size);
	if (!err && prog->file->btf_size)
		err = btf_check(file_btf(prog->file), prog->file->btf_size);
	for (uint32_t i = 0; !err && i < prog->file->map_cnt; i++)
		err = map_hold_id(prog, file_map_ids(prog->file)[i]);
	if (!err)
		err = file_load(prog, NULL, 0);
	if (err) {
		prog_free(prog);
		return err;
	}
	ret_what->kind = OBJECT_PROG;
	ret_what->id = prog->file->object.id;
	ret_what->prog = prog;
	return 0;
}

/* The descriptor a map reference names. */
static int map_ref_fd(const struct bpf_insn *insn, const struct attr_load *load, int *ret_fd)
{
	if (insn->src_reg == PSEUDO_MAP_FD || insn->src_reg == PSEUDO_MAP_VAL) {
		*ret_fd = insn->imm;
		return 0;
	}
	if (!load->fd_array || insn->imm < 0)
		return fail(EPROTO, "a map reference by index, but there is no fd_array");
	return user_copy_in(ret_fd, load->fd_array + (uint64_t)insn->imm * sizeof(int), sizeof(int),
			    "fd_array");
}

/* The place of fd's map among the program's, entered if it is new. */
static int map_place(struct prog *prog, int fd)
{
	struct fd_ref ref;
	uint32_t place = 0;
	int err = fd_get(fd, OBJECT_MAP, &ref);

	if (err)
		return err;
	while (place < prog->map_count && prog->maps[place] != ref.object)
		place++;
	if (place == PROG_MAPS_MAX)
		err = fail(E2BIG, "a program may use %d maps", PROG_MAPS_MAX);
	else if (place == prog->map_count)
		err = map_hold(prog, ref.object);
	fd_put(&ref);
	return err ? err : (int)place;
}

static int map_refs_resolve(struct prog *prog, const struct attr_load *load, struct bpf_insn *insns)
{
	for (uint32_t i = 0; i < load->insn_cnt; i++) {
		int place, fd;
		int err;

		if (insns[i].code != (BPF_LD | BPF_IMM | BPF_DW))
			continue;
		if (is_map_ref(&insns[i])) {
			err = map_ref_fd(&insns[i], load, &fd);
			if (err)
				return err;
			place = map_place(prog, fd);
			if (place < 0)
				return place;
			insns[i].imm = place;
			if (insns[i].src_reg == PSEUDO_IDX)
				insns[i].src_reg = PSEUDO_MAP_FD;
			else if (insns[i].src_reg == PSEUDO_IDX_VAL)
				insns[i].src_reg = PSEUDO_MAP_VAL;
		}
		i++; /* the second half of the instruction */
	}
	return 0;
}

/* The digest by which the kernel knows a program: its instructions without map references. */
static int digest_make(const struct bpf_insn *insns, uint32_t count, uint8_t ret_digest[SHA256_LEN])
{
	struct bpf_insn *plain = malloc(count * sizeof(*plain));

	if (!plain)
		return fail(ENOMEM, "no memory for a program's digest");
	memcpy(plain, insns, count * sizeof(*plain));
	for (uint32_t i = 0; i + 1 < count; i++)
		if (is_map_ref(&plain[i])) {
			plain[i].imm = 0;
			plain[++i].imm = 0;
		}
	sha256(plain, count * sizeof(*plain), ret_digest);
	free(plain);
	return 0;
}

static int excl_maps_check(const struct prog *prog, const uint8_t digest[SHA256_LEN])
{
	for (uint32_t i = 0; i < prog->map_count; i++)
		if (prog->maps[i]->excl &&
		    memcmp(prog->maps[i]->excl_prog_hash, digest, SHA256_LEN))
			return fail(EACCES, "map %u belongs exclusively to another program",
				    prog->maps[i]->id);
	return 0;
}

static int load_fields_check(const struct attr_load *load, char license[LICENSE_LEN])
{
	int err;

	if (load->prog_flags & ~FLAGS_HARMLESS)
		return fail(EINVAL, "prog_flags %#x are not supported", load->prog_flags);
	if (!load->insn_cnt || load->insn_cnt > PROG_INSNS_MAX)
		return fail(E2BIG, "%u instructions; a program has 1 to %d", load->insn_cnt,
			    PROG_INSNS_MAX);
	if (load->attach_btf_id || load->attach_fd)
		return fail(EINVAL, "programs that attach to BTF types or other programs are not "
				    "supported");
	err = user_string(license, load->license, LICENSE_LEN, "the license");
	if (err && err != -ENAMETOOLONG)
		return err;
	if (!load->log_buf != !load->log_size || (load->log_buf && !load->log_level) ||
	    (load->log_level & ~LOG_LEVELS))
		return fail(EINVAL, "log_buf, log_size and log_level do not fit together");
	if (load->line_info_cnt &&
	    (load->line_info_rec_size < sizeof(struct bpf_line_info) ||
	     load->line_info_rec_size > LINE_REC_MAX || (load->line_info_rec_size & 3) ||
	     load->line_info_cnt > LINE_CNT_MAX))
		return fail(EINVAL, "line_info: %u records of %u bytes", load->line_info_cnt,
			    load->line_info_rec_size);
	return object_name_check(load->prog_name);
}

static int license_is_gpl(const char *license)
{
	static const char *const compatible[] = {
		"GPL",		"GPL v2",	"GPL and additional rights",
		"Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL"};

	for (size_t i = 0; i < sizeof(compatible) / sizeof(compatible[0]); i++)
		if (!strncmp(license, compatible[i], LICENSE_LEN))
			return 1;
	return 0;
}

/* Fill the parts of the file behind the header; map ids are known only afterwards. */
static int file_fill(struct prog *prog, const struct attr_load *load, const struct btf_blob *btf,
		     struct bpf_insn *insns)
{
	struct prog_file_header *file = prog->file;
	int err = 0;

	memcpy(file_insns(file), insns, file->insn_cnt * sizeof(*insns));
	for (uint32_t i = 0; i < file->map_cnt; i++)
		file_map_ids(file)[i] = prog->maps[i]->id;
	if (file->line_cnt)
		err = user_copy_in(file_lines(file), load->line_info,
				   (size_t)file->line_cnt * file->line_rec_size, "line_info");
	if (!err && btf)
		memcpy(file_btf(file), btf->bytes, btf->size);
	return err;
}

/* The file's contents in memory, from the attributes. */
static int file_make(struct prog *prog, const struct attr_load *load, const struct btf_blob *btf,
		     struct bpf_insn *insns, const char *license)
{
	uint8_t digest[SHA256_LEN];
	struct prog_file_header head = {
		.prog_type = load->prog_type,
		.attach_type = load->expected_attach_type,
		.insn_cnt = load->insn_cnt,
		.map_cnt = prog->map_count,
		.line_cnt = btf ? load->line_info_cnt : 0,
		.line_rec_size = load->line_info_rec_size,
		.btf_size = btf ? btf->size : 0,
		.btf_id = btf ? btf->id : 0,
		.uid = getuid(),
		.gpl = (uint32_t)license_is_gpl(license),
	};
	int err = digest_make(insns, load->insn_cnt, digest);

	if (!err)
		err = excl_maps_check(prog, digest);
	if (err)
		return err;
	head.load_time_ns = clock_ns(CLOCK_BOOTTIME);
	memcpy(head.name, load->prog_name, sizeof(head.name));
	memcpy(head.tag, digest, sizeof(head.tag));
	head.object = (struct object_header){.magic = OBJECT_MAGIC,
					     .version = OBJECT_VERSION,
					     .kind = OBJECT_PROG,
					     .header_size = sizeof(head),
					     .file_size = file_size(&head)};
	prog->file = malloc(head.object.file_size);
	if (!prog->file)
		return fail(ENOMEM, "no memory for a program of %u instructions", load->insn_cnt);
	*prog->file = head;
	return file_fill(prog, load, btf, insns);
}

/* The checker's words, or the failure's sentence if it had none, to the caller. */
static void log_deliver(const struct attr_load *load, const struct call *call, const char *log,
			int err)
{
	const char *text = err && (!log || !log[0]) ? error_sentence() : log;
	size_t len = text ? strlen(text) + 1 : 0;
	size_t room = len < load->log_size ? len : load->log_size;

	if (!load->log_level || !load->log_buf || !len)
		return;
	if (!user_copy_out(load->log_buf, text, room, "the log"))
		user_copy_out(load->log_buf + room - 1, "", 1, "the log");
	if (call->size >= ATTR_END(attr_load, log_true_size))
		call_put_u32(call, offsetof(struct attr_load, log_true_size), (uint32_t)len);
}

/* From here on prog belongs to the descriptor, or is gone. */
static int prog_publish(struct prog *prog)
{
	struct prog_file_header *file = prog->file;
	struct object what = {.kind = OBJECT_PROG, .prog = prog};
	int err = rundir_next_id(OBJECT_PROG, &file->object.id);
	int fd = err ? err
		     : object_file_make(file, sizeof(*file), file + 1,
					file->object.file_size - sizeof(*file));

	if (fd < 0) {
		prog_free(prog);
		return fd;
	}
	what.id = file->object.id;
	err = fd_install(fd, &what);
	if (!err)
		return fd;
	close(fd);
	return err;
}

static int prog_prepare(struct prog *prog, const struct attr_load *load, const char *license,
			char *log, uint32_t log_size)
{
	struct bpf_insn *insns = malloc(load->insn_cnt * sizeof(*insns));
	struct btf_blob *blob = NULL;
	struct fd_ref btf;
	int err;

	if (!insns)
		return fail(ENOMEM, "no memory for %u instructions", load->insn_cnt);
	err = user_copy_in(insns, load->insns, load->insn_cnt * sizeof(*insns), "the instructions");
	if (!err && (load->func_info_cnt || load->line_info_cnt)) {
		err = fd_get((int)load->prog_btf_fd, OBJECT_BTF, &btf);
		if (!err)
			blob = btf.object->btf;
	}
	if (!err)
		err = map_refs_resolve(prog, load, insns);
	if (!err)
		err = file_make(prog, load, blob, insns, license);
	if (!err)
		err = file_load(prog, log, log_size);
	if (blob)
		fd_put(&btf);
	free(insns);
	return err;
}

long prog_load(union call_attr *attr, const struct call *call)
{
	const struct attr_load *load = &attr->load;
	uint32_t log_size = load->log_size < LOG_MAX ? load->log_size : LOG_MAX;
	char license[LICENSE_LEN];
	struct prog *prog;
	char *log = NULL;
	int err = load_fields_check(load, license);

	if (err)
		return err;
	prog = calloc(1, sizeof(*prog));
	if (load->log_level && log_size)
		log = calloc(1, log_size);
	err = prog ? prog_prepare(prog, load, license, log, log ? log_size : 0)
		   : fail(ENOMEM, "no memory for a program");
	log_deliver(load, call, log, err);
	free(log);
	if (!err)
		return prog_publish(prog);
	prog_free(prog);
	return err;
}

long prog_bind_map(union call_attr *attr, const struct call *call)
{
	struct fd_ref prog, map;
	uint32_t i = 0;
	int err;

	if (attr->bind.flags)
		return fail(EINVAL, "binding a map knows no flags");
	err = fd_get((int)attr->bind.prog_fd, OBJECT_PROG, &prog);
	if (err)
		return err;
	err = fd_get((int)attr->bind.map_fd, OBJECT_MAP, &map);
	if (!err) {
		struct prog *p = prog.object->prog;

		pthread_mutex_lock(&bind_lock);
		while (i < p->map_count && p->maps[i] != map.object)
			i++;
		if (i == p->map_count)
			err = map_hold(p, map.object);
		pthread_mutex_unlock(&bind_lock);
		fd_put(&map);
	}
	fd_put(&prog);
	return err;
}

/* Copy an array of the program's out: *room says how much the caller has, and then how much there
 * is. */
static int list_out(uint64_t out, const void *list, uint32_t count, uint32_t element,
		    uint32_t *room)
{
	uint32_t part = *room < count ? *room : count;

	*room = count;
	return out ? user_copy_out(out, list, (size_t)part * element, "a list in the info block")
		   : 0;
}

static int map_ids_out(const struct prog *prog, struct bpf_prog_info *block)
{
	uint32_t ids[PROG_MAPS_MAX + 64];
	uint32_t count;

	pthread_mutex_lock(&bind_lock);
	count = prog->map_count < sizeof(ids) / sizeof(ids[0]) ? prog->map_count
							       : sizeof(ids) / sizeof(ids[0]);
	for (uint32_t i = 0; i < count; i++)
		ids[i] = prog->maps[i]->id;
	pthread_mutex_unlock(&bind_lock);
	return list_out(block->map_ids, ids, count, sizeof(ids[0]), &block->nr_map_ids);
}

/* As the kernel shows it: a map reference's immediate is the map's id. */
static int insns_out(const struct prog *prog, struct bpf_prog_info *block)
{
	const struct prog_file_header *file = prog->file;
	size_t bytes = file->insn_cnt * sizeof(struct bpf_insn);
	struct bpf_insn *insns = malloc(bytes);
	int err;

	if (!insns)
		return fail(ENOMEM, "no memory for %u instructions", file->insn_cnt);
	memcpy(insns, file_insns(file), bytes);
	for (uint32_t i = 0; i < file->insn_cnt; i++)
		if (is_map_ref(&insns[i]) && (uint32_t)insns[i].imm < file->map_cnt)
			insns[i].imm = (int32_t)file_map_ids(file)[insns[i].imm];
	err = list_out(block->xlated_prog_insns, insns, (uint32_t)bytes, 1,
		       &block->xlated_prog_len);
	free(insns);
	return err;
}

int prog_info(const struct prog *prog, const struct attr_info *info, const struct call *call)
{
	const struct prog_file_header *file = prog->file;
	struct bpf_prog_info block;
	uint32_t len;
	int err = info_begin(info, &block, sizeof(block), sizeof(block), &len);

	if (!err)
		err = map_ids_out(prog, &block);
	if (!err)
		err = insns_out(prog, &block);
	if (!err)
		err = list_out(block.line_info, file_lines(file), file->line_cnt,
			       file->line_rec_size, &block.nr_line_info);
	if (err)
		return err;
	block = (struct bpf_prog_info){
		.type = file->prog_type,
		.id = file->object.id,
		.xlated_prog_len = block.xlated_prog_len,
		.xlated_prog_insns = block.xlated_prog_insns,
		.load_time = file->load_time_ns,
		.created_by_uid = file->uid,
		.nr_map_ids = block.nr_map_ids,
		.map_ids = block.map_ids,
		.gpl_compatible = file->gpl & 1,
		.btf_id = file->btf_id,
		.nr_line_info = block.nr_line_info,
		.line_info = block.line_info,
		.line_info_rec_size = file->line_rec_size,
		.verified_insns = file->insn_cnt,
	};
	memcpy(block.name, file->name, sizeof(block.name));
	memcpy(block.tag, file->tag, sizeof(block.tag));
	return info_end(info, call, &block, len);
}
