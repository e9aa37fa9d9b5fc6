/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* kernel_bloom.c: the kernel's Bloom filter, driven by kernel_bloom.bpf.c. */
#include "peer.h"

#define KERNEL_NAME	"kernel-bloom"
#define KERNEL_TYPE	BPF_MAP_TYPE_BLOOM_FILTER
#define KERNEL_OBJECT	"kernel_bloom.bpf.o"
#define KERNEL_OPS_MASK (OP_BIT(OP_LOOP) | OP_BIT(OP_HIT) | OP_BIT(OP_MISS) | OP_BIT(OP_UPDATE))
#include "kernel.h"

const struct peer peer_kernel_bloom = KERNEL_PEER;
