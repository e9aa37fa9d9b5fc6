#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# status.sh DIR: prints "CODE COUNT" for each status code that occurred; DIR holds the pin "codes".
# BPFMAP names the tool if it is not in PATH.
"${BPFMAP:-bpfmap}" dump pinned "${1:?usage: status.sh DIR}/codes" |
	awk '$1 == "key:" && $4 > 0 { print $2, $4 }'
