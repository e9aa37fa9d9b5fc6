#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# conntrack.sh DIR: how many connections are in which state; DIR holds the pins of conntrack.bpf.c.
# BPFMAP names the tool if it is not in PATH.
dir=${1:?usage: conntrack.sh DIR}
"${BPFMAP:-bpfmap}" dump pinned "$dir/connections" |
	grep -o 'STATE_[A-Z]*' | sort | uniq -c | awk '{ print $2, $1 }'
"${BPFMAP:-bpfmap}" dump pinned "$dir/counters" |
	awk '$1 == "key:" { n[$2] = $4 }
	     END { printf "packets %d, opened %d, midstream %d, failed updates %d\n", n[0], n[1], n[2], n[3] }'
