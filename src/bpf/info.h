/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* info.h: bringing info blocks in and out by the rules of info.c. */
#ifndef BPFMAP_BPF_INFO_H
#define BPFMAP_BPF_INFO_H

#include "bpf/commands.h"

#include <stddef.h>
#include <stdint.h>

/* Read the caller's block into block (size bytes, zero-extended); *ret_len is how much of it will
 * go back. known: where its fields end; what the caller has behind them must be zero, padding
 * included. E2BIG, EFAULT. */
int info_begin(const struct attr_info *info, void *block, size_t size, size_t known,
	       uint32_t *ret_len);

/* Write len bytes of block and the length back. EFAULT. */
int info_end(const struct attr_info *info, const struct call *call, const void *block,
	     uint32_t len);

#endif
