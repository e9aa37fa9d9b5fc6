/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* elf_check.c: an object file is input, and libbpf (1.1) copies from where its symbols and sections
 * say.
 *
 * Checked: the table of sections and all sections lie in the file; only .bss has a size and no
 * bytes; tables have entries of the right size; symbols lie in their sections. What is no 64-bit
 * little-endian ELF file is left to libbpf, which refuses it. */
#include "object/elf_check.h"

#include <elf.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (256u << 20)

struct elf {
	uint8_t *bytes;
	size_t size;
	Elf64_Ehdr head;
};

static bool is_inside(uint64_t off, uint64_t bytes, uint64_t size)
{
	return off <= size && bytes <= size - off;
}

static Elf64_Shdr section_at(const struct elf *elf, size_t index)
{
	Elf64_Shdr section;

	memcpy(&section, elf->bytes + elf->head.e_shoff + index * sizeof(section), sizeof(section));
	return section;
}

static bool name_begins(const struct elf *elf, const Elf64_Shdr *section, const char *with)
{
	Elf64_Shdr names = section_at(elf, elf->head.e_shstrndx);

	return is_inside(section->sh_name, strlen(with), names.sh_size) &&
	       !memcmp(elf->bytes + names.sh_offset + section->sh_name, with, strlen(with));
}

static bool symbols_are_inside(const struct elf *elf, const Elf64_Shdr *table)
{
	for (uint64_t at = 0; at < table->sh_size; at += sizeof(Elf64_Sym)) {
		Elf64_Shdr section;
		Elf64_Sym symbol;

		memcpy(&symbol, elf->bytes + table->sh_offset + at, sizeof(symbol));
		if (symbol.st_shndx == SHN_UNDEF || symbol.st_shndx >= SHN_LORESERVE)
			continue;
		if (symbol.st_shndx >= elf->head.e_shnum)
			return false;
		section = section_at(elf, symbol.st_shndx);
		if (!is_inside(symbol.st_value, symbol.st_size, section.sh_size))
			return false;
	}
	return true;
}

static const char *section_check(const struct elf *elf, const Elf64_Shdr *section)
{
	bool has_bytes = section->sh_type != SHT_NOBITS && section->sh_type != SHT_NULL;

	if (has_bytes && !is_inside(section->sh_offset, section->sh_size, elf->size))
		return "a section lies outside of the file";
	if (!has_bytes && section->sh_size && !name_begins(elf, section, ".bss"))
		return "a section has a size and no bytes";
	if ((section->sh_type == SHT_SYMTAB &&
	     (section->sh_entsize != sizeof(Elf64_Sym) || section->sh_size % sizeof(Elf64_Sym))) ||
	    (section->sh_type == SHT_REL &&
	     (section->sh_entsize != sizeof(Elf64_Rel) || section->sh_size % sizeof(Elf64_Rel))))
		return "a table has entries of another size";
	return NULL;
}

static const char *sections_check(const struct elf *elf)
{
	const char *what = NULL;
	Elf64_Shdr names;

	if (!elf->head.e_shnum || elf->head.e_shentsize != sizeof(Elf64_Shdr) ||
	    elf->head.e_shstrndx >= elf->head.e_shnum ||
	    !is_inside(elf->head.e_shoff, elf->head.e_shnum * sizeof(Elf64_Shdr), elf->size))
		return "its table of sections lies outside of the file";
	names = section_at(elf, elf->head.e_shstrndx);
	if (names.sh_type != SHT_STRTAB || !is_inside(names.sh_offset, names.sh_size, elf->size))
		return "its sections have no names";
	for (size_t i = 0; !what && i < elf->head.e_shnum; i++) {
		Elf64_Shdr section = section_at(elf, i);

		what = section_check(elf, &section);
		if (!what && section.sh_type == SHT_SYMTAB && !symbols_are_inside(elf, &section))
			what = "a symbol lies outside of its section";
	}
	return what;
}

/* Empty if it cannot be read or is no regular file: whoever opens it next says why. */
static void file_read(const char *path, struct elf *elf)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t done = 1;

	if (fd < 0)
		return;
	if (!fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX)
		elf->bytes = malloc((size_t)st.st_size + 1);
	while (elf->bytes && done > 0 && elf->size < (size_t)st.st_size) {
		done = read(fd, elf->bytes + elf->size, (size_t)st.st_size - elf->size);
		elf->size += done > 0 ? (size_t)done : 0;
	}
	close(fd);
}

const char *elf_check(const char *path)
{
	struct elf elf = {0};
	const char *what = NULL;

	file_read(path, &elf);
	if (elf.size >= sizeof(elf.head)) {
		memcpy(&elf.head, elf.bytes, sizeof(elf.head));
		if (!memcmp(elf.head.e_ident, ELFMAG, SELFMAG) &&
		    elf.head.e_ident[EI_CLASS] == ELFCLASS64 &&
		    elf.head.e_ident[EI_DATA] == ELFDATA2LSB)
			what = sections_check(&elf);
	}
	free(elf.bytes);
	return what;
}
