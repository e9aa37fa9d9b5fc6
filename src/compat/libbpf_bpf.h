/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* libbpf_bpf.h: libbpf's <bpf/bpf.h>, which our own bpf/bpf.h would hide: the search goes on behind
 * the folder this file was found in. */
#ifndef BPFMAP_COMPAT_LIBBPF_BPF_H
#define BPFMAP_COMPAT_LIBBPF_BPF_H

#include_next <bpf/bpf.h>

#endif
