#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# written.sh: snapshots of a map that is being written to.
. "$(dirname "$0")/lib.sh"
N=1000000
cd "$work" || exit 99

"$WRITER" fill /sys/fs/bpf/big $N 2000 || exit 99
writer_start churn /sys/fs/bpf/big $N
it "a writer writes to a map of a million entries" [ -n "$writer" ]
run snapshot big while.snap
it "which is saved meanwhile" shows "elements 1000"
it "every key that stays is there once, no value is torn" reads while.snap values $N
kill -0 "$writer"
it "the writer was not disturbed" [ $? = 0 ]
# 400 ms are for a machine that is not too busy; what is shown must be shown once.
tries=0
while
	run snapshot big moment.snap consistent
	[ "$code" != 0 ] && [ $tries -lt 10 ]
do
	tries=$((tries + 1))
	sleep 1
done
it "all elements of one moment are saved while it writes" shows "elements 1000"
it "and are whole" reads moment.snap values $N
writer_stop
it "the writer had no refused write" [ "$out" = writing ]

run restore while.snap as back
it "a snapshot is restored" shows "restored 1000"
run diff while.snap back
it "identically" shows "0 removed, 0 added, 0 changed, 1000"
run snapshot big rest.snap
run snapshot big again.snap
run diff rest.snap again.snap
it "two snapshots of a map at rest are the same" shows "0 removed, 0 added, 0 changed, 1000000 the same"
run restore rest.snap as identical
run diff big identical
it "and the map that comes back equals the one that was saved" \
	shows "0 removed, 0 added, 0 changed, 1000000 the same"

# One key after the other gets the same number: at one moment they fall by at most 1.
"$WRITER" fill /sys/fs/bpf/steps 64 0
writer_start steps /sys/fs/bpf/steps
moments=0 mixtures=0
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
	run snapshot steps s.snap consistent
	ok && reads s.snap steps && moments=$((moments + 1))
	run snapshot steps s.snap
	reads s.snap steps || mixtures=$((mixtures + 1))
done
writer_stop
it "20 of 20 consistent snapshots are of one moment ($moments)" [ $moments = 20 ]
echo "without the word: $mixtures of 20 were not"

# Who holds the map still may die: its locks must not stay.
"$WRITER" fill /sys/fs/bpf/held 300000 2000
writer_start churn /sys/fs/bpf/held 300000
for delay in 0.01 0.02 0.03 0.04 0.05 0.06 0.08 0.1 0.12 0.15; do
	kill_soon $delay snapshot held killed.snap consistent
done
sleep 1.2
it "the writer outlives snapshots that are killed while they hold the map" kill -0 "$writer"
writer_stop
it "without a refused write" [ "$out" = writing ]
"$WRITER" fill /sys/fs/bpf/fresh 300000 2000
timeout 60 "$BPFMAP" -j diff fresh held >diff.json
it "diff says by its exit code that maps differ" [ $? = 1 ]
it "and tells what was written: only keys that the writer touched" \
	[ "$(jq -c 'map(select(.key[0] % 2 == 0 and .change == "before")) | length' diff.json)" = 0 ]
it "and nothing is left of them" [ -z "$(ls | grep 'killed.snap\.')" ]
run snapshot held killed.snap consistent
it "the next one succeeds" shows "elements 300000"

finish
