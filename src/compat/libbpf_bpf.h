/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* libbpf_bpf.h: libbpf's <bpf/bpf.h>, which our own bpf/bpf.h would hide: the search goes on behind
 * the folder this file was found in. */
#ifndef BPFMAP_COMPAT_LIBBPF_BPF_H
#define BPFMAP_COMPAT_LIBBPF_BPF_H

#include_next <bpf/bpf.h>
#include <bpf/libbpf_version.h>

/* Since version 1.2 loading writes to the options (log_true_size). */
#if LIBBPF_MAJOR_VERSION > 1 || (LIBBPF_MAJOR_VERSION == 1 && LIBBPF_MINOR_VERSION >= 2)
#define BPFMAP_LOAD_OPTS_CONST
#else
#define BPFMAP_LOAD_OPTS_CONST const
#endif

#endif
