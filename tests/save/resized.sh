#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# resized.sh: resizing maps that others hold and write to.
. "$(dirname "$0")/lib.sh"
N=200000
cd "$work" || exit 99

"$WRITER" fill /sys/fs/bpf/m $N 2000 || exit 99
run pin m dir/second
writer_start churn /sys/fs/bpf/m $N
run resize m entries 300000
it "a map that others hold is not resized" refuses 5 "it is held by $writer (save-writer)"
run resize m entries 1000 yes
it "nor to fewer entries than it has elements" refuses 3 "it has 20"
it "the writer was not disturbed" kill -0 "$writer"
run resize m entries 300000 yes
it "with yes it is" shows "entries 300000  moved 20"
wait "$writer"
it "the writer is told" [ $? = 3 ]
out=$(cat "$work/said")
new=$("$BPFMAP" -j show m | jq .id)
it "with ESTALE and where the elements are" [ "$out" = "writing
refused: 116: the map was resized, and the map with id $new has its elements: open its pin again" ]
run -j show dir/second
it "both pins lead to the new map" says '[.id, .max_entries]' "[$new,300000]"
run snapshot m m.snap
it "it has every element" reads m.snap values $N

writer_start hold /sys/fs/bpf/m
run resize dir/second entries 250000 yes
it "named by another pin" shows "entries 250000"
writer_stop
it "who has the old one still reads it, and may not write" [ "${out#*refused: 116}" != "$out" ]

# The mover dies: the map is as before.
writer_start churn /sys/fs/bpf/m $N
for delay in 0.01 0.02 0.03 0.05 0.07 0.1; do
	kill_soon $delay resize m entries 400000 yes
done
sleep 0.3
run -j show m
if [ "$(printf %s "$out" | jq .max_entries)" = 250000 ]; then
	it "the writer outlives resizes that are killed" kill -0 "$writer"
fi
writer_stop
run snapshot m m.snap
it "and every element is there" reads m.snap values $N
it "and no new pin is left" [ -z "$(ls "$BPFMAP_DIR" | grep new-)" ]

# LRU: the oldest go.
run create lru type lru_hash key 4 value 4 entries 10
for i in 1 2 3 4 5 6 7 8 9; do run update lru key $i 0 0 0 value $i 0 0 0; done
run resize lru entries 4
it "an LRU map gives up elements" prints "entries 4  moved 4  given up 5"
run -j dump lru
it "the oldest ones" says '[.[].key[0]] | sort' '[6,7,8,9]'
run snapshot lru lru.snap
run restore lru.snap as lru2
run resize lru2 entries 2
run -j dump lru2
it "a snapshot keeps their order" says '[.[].key[0]] | sort' '[8,9]'

run create arr type array key 4 value 8 entries 10
run update arr key 6 0 0 0 value 1 0 0 0 0 0 0 0
run resize arr entries 5
it "an array does not lose what is not 0" refuses 3 "element 6 is not 0"
run resize arr entries 7
it "and the rest may go" prints "entries 7  moved 7"
run resize arr entries 20
it "it grows" prints "entries 20  moved 7"
run create filter type bloom_filter value 4 entries 100
run resize filter entries 200
it "a Bloom filter cannot be resized" refuses 5 "forgets its values"
run create frozen type hash key 4 value 4 entries 10
run freeze frozen
run resize frozen entries 20
it "nor a frozen map" refuses 4 "frozen"

finish
