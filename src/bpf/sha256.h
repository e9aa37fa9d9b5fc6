/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* sha256.h: the digest (FIPS 180-4) that identifies programs and frozen arrays. */
#ifndef BPFMAP_BPF_SHA256_H
#define BPFMAP_BPF_SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_LEN 32

void sha256(const void *bytes, size_t size, uint8_t ret_digest[SHA256_LEN]);

#endif
