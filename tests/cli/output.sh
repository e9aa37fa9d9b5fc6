#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# output.sh: output that gets lost, and output whatever a map contains.
. "$(dirname "$0")/lib.sh"

"$BPFMAP" create h type hash key 4 value 4 entries 8000 || exit 99
"$BPFMAP" update h key 1 2 3 4 value 1 2 3 4 || exit 99

# lost WORDS...: to a full device and to a closed descriptor.
lost() {
	last="bpfmap $* >/dev/full"
	"$BPFMAP" "$@" >/dev/full 2>"$work/stderr"
	code=$?
	err=$(cat "$work/stderr")
	out=
	it "$1 to a full device fails" refuses 5 "output was lost"
	last="bpfmap $* >&-"
	"$BPFMAP" "$@" >&- 2>"$work/stderr"
	code=$?
	err=$(cat "$work/stderr")
	it "$1 to a closed descriptor fails" refuses 5 "output was lost"
}
lost dump h
lost -j dump h
lost list
lost show h
lost lookup h key 1 2 3 4
lost dump h table
lost dump h lines
lost dump h sort key
lost load h /dev/null
lost clear h
lost help
lost version

# A reader that goes away early.
seq 1 8000 | awk '{printf "{\"key\":%d,\"value\":1}\n", $1}' | "$BPFMAP" load h - >"$work/out"
for words in "dump h" "dump h lines" "-j dump h" "dump h table"; do
	(trap '' PIPE; timeout 20 "$BPFMAP" $words 2>"$work/stderr"; echo $? >"$work/code") | head -c 1 >"$work/out"
	last="bpfmap $words | head -c 1"
	code=$(cat "$work/code")
	err=$(cat "$work/stderr")
	out=
	it "$words into a pipe that is closed early fails" refuses 5 "output was lost"
done
"$BPFMAP" clear h >"$work/out"

"$BPFMAP" update h key 9 9 9 9 value 1 1 1 1 <&- >&- 2>&-
code=$?
it "update works without standard descriptors" test $code = 0
run lookup h key 9 9 9 9
it "and the map is whole" prints "key: 09 09 09 09  value: 01 01 01 01"

run -j run "$TYPES" prog pass pcap "$CAPTURE" pin t
run update t/by_name key 255 254 10 0 1 0 0 0 0 0 0 0 0 0 0 0 value '{}'
run -j dump t/by_name
it "JSON is valid whatever a char array holds" json
run update t/by_name key 255 195 40 0 0 0 0 0 0 0 0 0 0 0 0 0 value '{}'
run -j dump t/by_name
it "JSON is valid UTF-8 whatever a string holds" sh -c "\"$BPFMAP\" -j dump t/by_name | iconv -f utf-8 -t utf-8 >/dev/null"
run -j list
it "list is JSON" json
run -p list
it "pretty list is JSON" json
run -j show t/everything
it "show is JSON" json
finish
