/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* info.c: BPF_OBJ_GET_INFO_BY_FD. The caller's block may be shorter or longer than ours: shorter is
 * filled as far as it goes, longer must be zero behind what we know.
 */
#include "base/error.h"
#include "bpf/btf_blob.h"
#include "bpf/commands.h"
#include "bpf/fd.h"
#include "bpf/info.h"
#include "bpf/prog.h"
#include "bpf/sha256.h"
#include "bpf/user.h"
#include "map/map.h"

#include <errno.h>
#include <string.h>

#define INFO_LEN_MAX 4096

int info_begin(const struct attr_info *info, void *block, size_t size, size_t known,
	       uint32_t *ret_len)
{
	int zero;

	*ret_len = info->info_len;
	if (info->info_len > INFO_LEN_MAX)
		return fail(E2BIG, "an info block of %u bytes; the largest is %d", info->info_len,
			    INFO_LEN_MAX);
	if (info->info_len > known) {
		zero = user_all_zero(info->info + known, info->info_len - known, "the info block");
		if (zero < 0)
			return zero;
		if (!zero)
			return fail(E2BIG, "the info block has values beyond %zu bytes", known);
	}
	if (info->info_len > size)
		*ret_len = (uint32_t)size;
	memset(block, 0, size);
	return user_copy_in(block, info->info, *ret_len, "the info block");
}

int info_end(const struct attr_info *info, const struct call *call, const void *block, uint32_t len)
{
	int err = user_copy_out(info->info, block, len, "the info block");

	if (err)
		return err;
	return call_put_u32(call, offsetof(struct attr_info, info_len), len);
}

/* The digest of a frozen array's values, if asked for. */
static int map_hash(struct bpfmap *map, const struct bpfmap_info *about, uint64_t out,
		    uint32_t size)
{
	uint64_t stride = ((uint64_t)map->spec.value_size + 7) & ~7ull;
	uint8_t digest[SHA256_LEN];

	if (!out && !size)
		return 0;
	if (!out || size != SHA256_LEN || map->spec.type != BPF_MAP_TYPE_ARRAY)
		return fail(EINVAL, "a digest is 32 bytes and of arrays alone");
	if (!about->frozen)
		return fail(EPERM, "only a frozen map has a digest: freeze it first");
	sha256(map->region->base, map->spec.max_entries * stride, digest);
	return user_copy_out(out, digest, sizeof(digest), "the digest");
}

static int map_info(struct bpfmap *map, const struct attr_info *info, const struct call *call)
{
	struct attr_map_info block;
	struct bpfmap_info about;
	uint32_t len;
	int err = info_begin(info, &block, sizeof(block), ATTR_END(attr_map_info, hash_size), &len);

	if (!err)
		err = bpfmap_get_info(map, &about);
	if (err)
		return err;
	/* The kernel leaves the caller's values where it has nothing to say: device and BTF. */
	block.type = about.type;
	block.id = about.id;
	block.key_size = about.key_size;
	block.value_size = about.value_size;
	block.max_entries = about.max_entries;
	block.map_flags = about.map_flags;
	block.map_extra = about.map_extra;
	block.btf_vmlinux_value_type_id = 0;
	if (about.btf_size) {
		block.btf_id = about.btf_id;
		block.btf_key_type_id = about.btf_key_type_id;
		block.btf_value_type_id = about.btf_value_type_id;
	}
	memcpy(block.name, about.name, sizeof(block.name));
	err = map_hash(map, &about, block.hash, block.hash_size);
	return err ? err : info_end(info, call, &block, len);
}

static int btf_info(const struct btf_blob *blob, const struct attr_info *info,
		    const struct call *call)
{
	struct bpf_btf_info block;
	uint32_t len, part;
	int err = info_begin(info, &block, sizeof(block), sizeof(block), &len);

	if (err)
		return err;
	part = block.btf_size < blob->size ? block.btf_size : blob->size;
	err = user_copy_out(block.btf, blob->bytes, part, "the BTF");
	if (err)
		return err;
	if (!block.name != !block.name_len)
		return fail(EINVAL, "name and name_len go together");
	/* The name of a loaded BTF object is empty; modules' have one. */
	if (block.name)
		err = user_copy_out(block.name, "", 1, "the name");
	block.id = blob->id;
	block.btf_size = blob->size;
	block.name_len = 0;
	block.kernel_btf = 0;
	return err ? err : info_end(info, call, &block, len);
}

long obj_get_info(union call_attr *attr, const struct call *call)
{
	struct fd_ref ref;
	int err = fd_get_any((int)attr->info.bpf_fd, &ref);

	/* The kernel's odd one: "file descriptor in bad state" for one that is not open. */
	if (err)
		return err == -EBADF ? -EBADFD : err;
	switch (ref.object->kind) {
	case OBJECT_MAP: err = map_info(ref.object->map, &attr->info, call); break;
	case OBJECT_PROG: err = prog_info(ref.object->prog, &attr->info, call); break;
	case OBJECT_BTF: err = btf_info(ref.object->btf, &attr->info, call); break;
	}
	fd_put(&ref);
	return err;
}
