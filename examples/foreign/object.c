// SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
/* object.c: see object.h. On libelf. */
#include "object.h"

#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define R_BPF_64_64_TYPE 1 /* of a 64-bit immediate */

struct object {
	const char *path;
	Elf *elf;
	size_t names; /* section of section names */
	object_map_fn *map;
	void *arg;
	struct bpf_insn *insns;
	uint32_t count;
};

static int failed(const struct object *object, const char *sentence, const char *detail)
{
	fprintf(stderr, "%s: %s%s\n", object->path, sentence, detail);
	return -1;
}

/* The section of that name, or, without one, of that type; NULL if there is none. */
static Elf_Scn *section_find(const struct object *object, const char *name, uint32_t type,
			     GElf_Shdr *ret_header)
{
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(object->elf, scn));) {
		const char *found;

		if (!gelf_getshdr(scn, ret_header) || ret_header->sh_type != type)
			continue;
		found = elf_strptr(object->elf, object->names, ret_header->sh_name);
		if (!name || (found && !strcmp(found, name)))
			return scn;
	}
	return NULL;
}

static int relocate(struct object *object, const GElf_Rel *rel, Elf_Data *symbols, size_t strings)
{
	uint64_t at = rel->r_offset / sizeof(struct bpf_insn), word;
	const char *name = NULL;
	GElf_Sym symbol;

	if (gelf_getsym(symbols, (int)GELF_R_SYM(rel->r_info), &symbol))
		name = elf_strptr(object->elf, strings, symbol.st_name);
	if (!name || GELF_R_TYPE(rel->r_info) != R_BPF_64_64_TYPE || at + 1 >= object->count)
		return failed(object, "a relocation that this loader does not know", "");
	word = object->map(object->arg, name);
	if (!word)
		return failed(object, "it refers to a map that is not there: ", name);
	object->insns[at].imm = (int32_t)word;
	object->insns[at + 1].imm = (int32_t)(word >> 32);
	return 0;
}

static int relocate_all(struct object *object, const char *section)
{
	GElf_Shdr header, table;
	Elf_Data *rels, *symbols;
	char name[64];
	Elf_Scn *scn;

	snprintf(name, sizeof(name), ".rel%s", section);
	scn = section_find(object, name, SHT_REL, &header);
	if (!scn)
		return 0;
	rels = elf_getdata(scn, NULL);
	scn = section_find(object, NULL, SHT_SYMTAB, &table);
	symbols = scn ? elf_getdata(scn, NULL) : NULL;
	if (!rels || !symbols)
		return failed(object, "no symbol table", "");
	for (size_t i = 0; i < header.sh_size / header.sh_entsize; i++) {
		GElf_Rel rel;

		if (!gelf_getrel(rels, (int)i, &rel) ||
		    relocate(object, &rel, symbols, table.sh_link))
			return -1;
	}
	return 0;
}

static int insns_read(struct object *object, const char *section)
{
	GElf_Shdr header;
	Elf_Scn *scn = section_find(object, section, SHT_PROGBITS, &header);
	Elf_Data *code = scn ? elf_getdata(scn, NULL) : NULL;

	if (!code || !code->d_size || code->d_size % sizeof(struct bpf_insn))
		return failed(object, "no instructions in section ", section);
	object->insns = malloc(code->d_size);
	if (!object->insns)
		return failed(object, "no memory", "");
	memcpy(object->insns, code->d_buf, code->d_size);
	object->count = (uint32_t)(code->d_size / sizeof(struct bpf_insn));
	return relocate_all(object, section);
}

int object_read(const char *path, const char *section, object_map_fn *map, void *arg,
		struct bpf_insn **ret_insns, uint32_t *ret_count)
{
	struct object object = {.path = path, .map = map, .arg = arg};
	int err, fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return failed(&object, "cannot be opened", "");
	elf_version(EV_CURRENT);
	object.elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!object.elf || elf_getshdrstrndx(object.elf, &object.names))
		err = failed(&object, "is no object file", "");
	else
		err = insns_read(&object, section);
	elf_end(object.elf);
	close(fd);
	if (err) {
		free(object.insns);
		return err;
	}
	*ret_insns = object.insns;
	*ret_count = object.count;
	return 0;
}
