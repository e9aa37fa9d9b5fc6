/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* fuzz.h: what a harness is, and what harnesses share.
 *
 * A harness is one file fuzz_NAME.c that defines LLVMFuzzerTestOneInput(), and LLVMFuzzerInitialize()
 * if it has something to prepare. It is built three ways, by the Meson option "fuzzing":
 *   replay      with replay.c, whose main() runs the inputs of a corpus: an ordinary test
 *   libfuzzer   clang -fsanitize=fuzzer
 *   afl         afl-clang-fast and its driver
 * tests/fuzz/campaign builds and runs the latter two. One execution leaves nothing behind: descriptors
 * are closed, files are gone, memory is freed. A finding is a crash, a sanitizer's report, an input
 * that does not end, or fuzz_fail().
 */
#ifndef BPFMAP_TESTS_FUZZ_H
#define BPFMAP_TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

/* The input is a finding: says why and aborts. */
__attribute__((format(printf, 1, 2), noreturn)) void fuzz_fail(const char *fmt, ...);

/* A fresh directory, removed when the process ends in order; $BPFMAP_DIR from now on. Its path. */
const char *fuzz_rundir(void);

/* The bytes of an input, taken from its front. Past the end everything is zero. */
struct input {
	const uint8_t *at;
	size_t left;
};

uint8_t input_u8(struct input *in);
uint16_t input_u16(struct input *in);
uint32_t input_u32(struct input *in);
uint64_t input_u64(struct input *in);
/* Copies size bytes. */
void input_bytes(struct input *in, void *ret_bytes, size_t size);
/* The next bytes in place, at most size of them; how many. */
size_t input_take(struct input *in, size_t size, const uint8_t **ret_bytes);

#endif
