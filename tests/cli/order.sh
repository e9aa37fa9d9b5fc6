#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# order.sh: a map that a machine of the other byte order made, one of ours with all numbers of its header turned
# round: every verb says so, none changes the file, and what goes over all maps goes past it.
. "$(dirname "$0")/lib.sh"

run create home type hash key 4 value 8 entries 100 name home
run update home key 1 0 0 0 value 2 0 0 0 0 0 0 0
python3 - "$BPFMAP_DIR" <<-'PYTHON'
	import os, sys
	sizes = [8, 4, 4, 8, 8, 8, 4, 4, 4, 4, 4, 4, 8, 4, 4, -16, 4, 4, 4, 4, 4, 4, 8, 8, 8]
	with open(sys.argv[1] + "/home", "rb") as file:
	    data = bytearray(file.read())
	at = len(data) - 4096
	for size in sizes:
	    if size > 0:
	        data[at : at + size] = data[at : at + size][::-1]
	    at += abs(size)
	with open(sys.argv[1] + "/other", "wb") as file:
	    file.write(data)
PYTHON
before=$(cksum <"$BPFMAP_DIR/other")

# The reason, whatever the verb.
while read -r line; do
	# shellcheck disable=SC2086
	run $line
	it "$line names the reason" refuses 5 "other byte order"
done <<-VERBS
	show other
	list other
	top other once
	dump other
	lookup other key 1 0 0 0
	update other key 1 0 0 0 value 2 0 0 0 0 0 0 0
	delete other key 1 0 0 0
	take other key 1 0 0 0
	clear other
	getnext other
	freeze other
	pin other third
	load other /dev/null
	snapshot other $work/snapshot
	diff home other
	diff other home
	copy home other
	copy other third
	resize other entries 200
	persist other $work/persistent
	advise other for 1s
	check other
	repair other
	repair other yes
VERBS

run list
it "list goes past it" shows "home"
run top once
it "top goes past it" shows "home"
run gc
it "gc leaves it alone" [ "$code ${out#*/other}" = "0 $out" ]
run check home
it "the map beside it is sound" prints "sound"
it "nothing was changed" [ "$before" = "$(cksum <"$BPFMAP_DIR/other")" ]
finish
