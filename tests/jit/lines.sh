#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# lines.sh PROGRAM OBJECT SOURCE: gdb knows the source lines of compiled programs: a break point by file and
# line is hit, and the backtrace goes from the program's line to main(). perf's map of the process names
# the program where it is asked for.
set -u
program=$1 object=$2 source=$3
points=0 failed=0

point() {
	points=$((points + 1))
	if [ "$1" = 0 ]; then
		echo "ok $points - $2"
	else
		failed=1
		echo "not ok $points - $2"
		sed 's/^/# /' <<<"$said"
	fi
}

line() {
	grep -n "$1" "$source" | head -n 1 | cut -d: -f1
}

said=$("$program" "$object" 2>&1)
grep -q "(source_line.bpf.c:$(line 'outside the packet'), " <<<"$said"
point $? "a fault in compiled code names the source line"

said=$(BPFMAP_JIT_PERF=1 "$program" "$object" 2>&1 & wait $!; cat "/tmp/perf-$!.map"; rm -f "/tmp/perf-$!.map")
grep -q "^[0-9a-f]* [0-9a-f]* bpf:peek_far.0$" <<<"$said"
point $? "perf's map names the program where that is asked for"

if command -v gdb >/dev/null; then
	at=$(line 'count += 1')
	said=$(HOME=/nowhere timeout 60 gdb -nx -batch -ex 'set breakpoint pending on' \
		-ex 'set debuginfod enabled off' -ex "break source_line.bpf.c:$at" -ex run -ex bt \
		--args "$program" "$object" 2>&1)
	grep -q "^#0 .*peek_far.* at .*source_line.bpf.c:$at" <<<"$said"
	point $? "gdb stops at a line of the program"
	grep -q "^#[0-9]* .* main (" <<<"$said"
	point $? "gdb's backtrace goes on to main()"
else
	points=$((points + 2))
	echo "ok $((points - 1)) - gdb stops at a line # SKIP gdb is not installed"
	echo "ok $points - gdb's backtrace # SKIP gdb is not installed"
fi
echo "1..$points"
exit $failed
