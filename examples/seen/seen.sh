#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# seen.sh DIR: packets from new addresses and from known ones; DIR holds the pins of seen.bpf.c.
# BPFMAP names the tool if it is not in PATH.
"${BPFMAP:-bpfmap}" dump pinned "${1:?usage: seen.sh DIR}/counters" |
	awk '$1 == "key:" { n[$2] = $4 }
	     END { printf "new %d, seen before %d, failed pushes %d\n", n[0], n[1], n[2] }'
