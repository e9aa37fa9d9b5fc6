/* SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause */
/* cpus.h: how many CPUs this machine may have: what libbpf_num_possible_cpus() answers. */
#ifndef BPFMAP_BASE_CPUS_H
#define BPFMAP_BASE_CPUS_H

#include <stdbool.h>
#include <stdint.h>

#define CPUS_LIST "/sys/devices/system/cpu/possible"

/* At least 1. Read once per process. */
uint32_t cpus_possible(void);

/* False: what cpus_possible() says is a guess, since the kernel's list cannot be read. */
bool cpus_are_listed(void);

#endif
