#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# cache.sh DIR: hits, misses and the packets of each class; DIR holds the pins of cache.bpf.c.
# BPFMAP names the tool if it is not in PATH.
dir=${1:?usage: cache.sh DIR}
"${BPFMAP:-bpfmap}" dump pinned "$dir/counters" |
	awk '$1 == "key:" { n[$2] = $4 }
	     END { printf "hits %d, misses %d, failed updates %d\n", n[0], n[1], n[2] }'
"${BPFMAP:-bpfmap}" dump pinned "$dir/classes" |
	awk '$1 == "key:" && $4 > 0 { printf "class %d: %d packets\n", $2, $4 }'
