/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* fuzz_object.c: any bytes as an object file, opened, loaded and shown as "bpfmap run" does, but not
 * run: its programs' time is bounded by a large budget only, and fuzz_program.c runs programs.
 *
 * Most changes to an ELF file make it no ELF file. The mutator therefore mostly leaves headers alone
 * and changes a few words of one section, among them the tables that others are read by. */
#include "cli_call.h"

#include "cli/object.h"

#include <elf.h>
#include <string.h>

__attribute__((weak)) size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);

static uint32_t next(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*state >> 33);
}

/* A section of the file, or the table of sections; false if there is none. */
static bool section_pick(const uint8_t *data, size_t size, uint64_t *state, size_t *ret_off,
			 size_t *ret_size)
{
	Elf64_Ehdr ehdr;
	Elf64_Shdr shdr;
	uint32_t which;

	if (size < sizeof(ehdr))
		return false;
	memcpy(&ehdr, data, sizeof(ehdr));
	if (!ehdr.e_shnum || ehdr.e_shoff > size ||
	    (size - ehdr.e_shoff) / sizeof(shdr) < ehdr.e_shnum)
		return false;
	which = next(state) % (ehdr.e_shnum + 2u);
	if (which >= ehdr.e_shnum) {
		*ret_off = ehdr.e_shoff;
		*ret_size = ehdr.e_shnum * sizeof(shdr);
		return true;
	}
	memcpy(&shdr, data + ehdr.e_shoff + which * sizeof(shdr), sizeof(shdr));
	*ret_off = shdr.sh_offset;
	*ret_size = shdr.sh_size;
	return shdr.sh_offset <= size && shdr.sh_size <= size - shdr.sh_offset && shdr.sh_size >= 4;
}

static uint32_t word_pick(uint64_t *state, uint32_t old)
{
	static const uint32_t awkward[] = {0,	  1,	  2,	      4,	  8,	     0xff,
					   0xfff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff};

	switch (next(state) % 4) {
	case 0: return awkward[next(state) % (sizeof(awkward) / sizeof(awkward[0]))];
	case 1: return old + next(state) % 9 - 4;
	case 2: return old ^ 1u << next(state) % 32;
	default: return next(state);
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	uint64_t state = seed;
	size_t off, bytes;

	if (next(&state) % 8 == 0 || !section_pick(data, size, &state, &off, &bytes))
		return LLVMFuzzerMutate(data, size, max_size);
	for (uint32_t changes = 1 + next(&state) % 3; changes; changes--) {
		size_t at = off + (next(&state) % (bytes / 4)) * 4;
		uint32_t word;

		memcpy(&word, data + at, sizeof(word));
		word = word_pick(&state, word);
		memcpy(data + at, &word, sizeof(word));
	}
	return size;
}

static void object_use(struct cli *cli, const char *path)
{
	const struct object_want want = {.unnamed = OBJECT_ONLY};
	struct object object;
	int code;

	cli_begin();
	cli->out = out_new(OUT_STYLE_JSON, OUT_BYTES_NUMBERS);
	code = object_load(cli, path, &want, &object);
	if (!code) {
		code = object_print_maps(cli, &object);
		object_close(&object);
#ifdef FUZZ_CANARY
		fuzz_fail("an object is loaded");
#endif
	}
	out_finish(cli->out);
	cli_end("object", code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cli cli = {0};

	cli_engine(&cli, &backend_user);
	object_use(&cli, cli_file("input.bpf.o", data, size));
	cli_clean();
	return 0;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	cli_prepare(16u << 20);
	return 0;
}
