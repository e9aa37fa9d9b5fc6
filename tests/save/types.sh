#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# types.sh: snapshot, restore, diff and copy for every type, in both worlds. Without the permission for bpf(2)
# the kernel's part is skipped aloud.
. "$(dirname "$0")/lib.sh"
cd "$work" || exit 99


# there_and_back TYPE WORLD DIR: a map of that type is saved, restored and copied.
there_and_back() {
	name=$3$1
	run create $2 $name type $1 key 4 value 8 entries 20
	for i in 0 1 2; do
		run update $2 $name key $i 0 0 0 value $i 1 2 3 4 5 6 $i
	done
	run snapshot $2 $name $1.$2
	it "$2 $1: saved" ok
	it "$2 $1: an independent reader reads it" reads $1.$2
	it "$2 $1: and finds the elements" [ "${out%elements=3*}" != "$out" -o "${out%elements=20*}" != "$out" ]
	run diff $2 $name $1.$2
	it "$2 $1: the map and the file are the same" shows "0 removed, 0 added, 0 changed"
	run restore $1.$2 as $2 ${name}_back
	it "$2 $1: restored" shows restored
	run diff $2 $name $2 ${name}_back
	it "$2 $1: identically" shows "0 removed, 0 added, 0 changed"
	run copy $2 $name $2 ${name}_copy
	it "$2 $1: copied to a new map" shows copied
	run update $2 ${name}_copy key 1 0 0 0 value 9 9 9 9 9 9 9 9
	run diff $2 $name $2 ${name}_copy
	it "$2 $1: a difference is shown, with exit code 1" [ "$code" = 1 -a "${out#*09 09}" != "$out" ]
	run copy $2 $name $2 ${name}_copy
	run diff $2 $name $2 ${name}_copy
	it "$2 $1: copied onto a map that is there" shows "0 removed, 0 added, 0 changed"
	run restore $1.$2 into $2 ${name}_copy
	it "$2 $1: restored into it" shows restored
}

types="hash array percpu_hash percpu_array lru_hash lru_percpu_hash"
for type in $types; do
	there_and_back $type user ""
done

# ---- Bloom filter, maps with lengths of their own ----

run create bloom type bloom_filter value 4 entries 1000 hashes 3
run push bloom value 1 2 3 4
run snapshot bloom bloom.snap
it "a Bloom filter's bits are saved" ok
run restore bloom.snap as bloom2
run peek bloom2 value 1 2 3 4
it "what was in it is in its restoration" prints "perhaps present"
run diff bloom bloom2
it "their bits are the same" prints "bits removed 0  bits added 0"
run push bloom2 value 5 6 7 8
run diff bloom bloom2
it "until one gets more" [ "$code" = 1 ]
run create other type bloom_filter value 4 entries 1000 hashes 3
run copy bloom other
it "bits are not put into a filter of another seed" refuses 5 "another size, seed"

run create words type hash key 32 value 100 entries 100 flags variable
run update words key alpha value 'the first letter'
run update words key '"a b"' value '""'
run snapshot words words.snap
it "a map whose elements have lengths of their own is saved" prints "elements 2  bytes 360"
run restore words.snap as words2
run diff words words2
it "and comes back" shows "2 the same"
run update words2 key beta value two
run diff words words2
added='change: added  key: "beta"  value: "two"'
it "its differences are text" [ "$code" = 1 -a "${out#*"$added"}" != "$out" ]

# ---- types, flags, names ----

run run "$TYPES" prog pass pcap "$CAPTURE" pin t
run snapshot t/by_name names.snap
run restore names.snap as named
run show named
it "BTF is in the file" shows "struct count"
run dump named
it "so restored maps are typed" shows 'key: "eth0"  value: { .packets = '
run update named key eth0 value '{ .packets = 77 }'
run -j diff names.snap named
it "and so is diff" [ "$(printf %s "$out" | jq '.[1].value.packets')" = 77 ]
run create lazy type hash key 4 value 4 entries 100 flags no_prealloc
run snapshot lazy lazy.snap
run restore lazy.snap as lazy2
run -j show lazy2
it "flags and the name come back" says '[.flag_names, .name, .max_entries]' '[["no_prealloc"],"lazy",100]'
run restore lazy.snap
it "without a path the map's name is the pin: it exists" refuses 5 "exists already"
run diff lazy hash
it "maps of different sizes are not compared" refuses 5 "value size"
run diff lazy nosuch
it "a missing side is not a difference" [ "$code" = 5 ]
run copy hash hash
it "a map is not copied onto itself" refuses 2 "the same map"
run create small type hash key 4 value 8 entries 2
run copy hash small
it "what does not fit is told" refuses 3 "full after 2 elements"
run snapshot array array.moment consistent
it "arrays have no one moment" refuses 5 "programs write to them without a lock"

# ---- damaged files ----

run snapshot hash h.snap
printf 'not a snapshot' >text
run restore text as x
it "another file is no snapshot" refuses 5 "is no snapshot"
run snapshot hash text
it "and is not overwritten" refuses 5 "is not overwritten"
run snapshot hash h.snap
it "a snapshot is" ok
size=$(stat -c %s h.snap)
bad=0 at=0
while [ $at -lt "$size" ]; do
	cp h.snap flipped
	byte=$(od -An -tu1 -j$at -N1 h.snap)
	printf "\\$(printf %o $((byte ^ 64)))" | dd of=flipped bs=1 seek=$at conv=notrunc 2>/dev/null
	timeout 20 "$BPFMAP" restore flipped as x 2>said && bad=$((bad + 1))
	grep -q '^Error: .*flipped' said || bad=$((bad + 1))
	head -c $at h.snap >cut
	timeout 20 "$BPFMAP" restore cut as x 2>said && bad=$((bad + 1))
	grep -q '^Error: .*\(cut off\|no snapshot\)' said || bad=$((bad + 1))
	at=$((at + 3))
done
last="restore of a file with one bit changed, and cut off, at every third offset"
it "every damage and every cut is refused with a sentence ($bad were not)" [ $bad = 0 ]
it "and makes no map" [ ! -e "$BPFMAP_DIR/x" ]
cat h.snap text >longer
run restore longer as x
it "so is what follows the end" refuses 5 "something follows"

# ---- the live kernel ----

fs=/sys/fs/bpf dir=bpfmap_save_$$
run create kernel "$dir/probe" type hash key 4 value 8 entries 4
if [ "$code" != 0 ]; then
	printf 'SKIPPED: the kernel part: %s\n' "$err"
	finish || exit 1
	exit 77
fi
trap 'rm -rf "$fs/$dir" "$BPFMAP_DIR" "$work"' EXIT
for type in $types; do
	there_and_back $type kernel "$dir/"
	run copy user $type kernel "$dir/from_$type"
	it "a $type is copied from user space to the kernel" ok
	run diff user $type kernel "$dir/from_$type"
	it "a $type is the same there" shows "0 removed, 0 added, 0 changed"
	run copy kernel "$dir/from_$type" "back_$type"
	run diff $type "back_$type"
	it "a $type comes back from the kernel" shows "0 removed, 0 added, 0 changed"
done
run copy t/by_name kernel "$dir/by_name"
it "a map's BTF is loaded into the kernel" ok
run dump kernel "$dir/by_name"
it "and its elements are typed there" shows 'key: "eth0"  value: { .packets = '
run copy bloom kernel "$dir/bloom"
it "a Bloom filter's bits cannot be set in the kernel" refuses 5 "bits be set"
run create kernel "$dir/bloom" type bloom_filter value 4 entries 100
run snapshot kernel "$dir/bloom" kernel.bloom
it "nor be read" refuses 5 "bits be read"
run copy words kernel "$dir/words"
it "nor has it maps with lengths of their own" refuses 5 "lengths of their own"
run resize kernel "$dir/hash" entries 100
it "a map of the kernel is not resized under its programs" refuses 5 "copy it to a larger one"
run snapshot kernel "$dir/hash" moment.snap consistent
it "nor held still" refuses 5 "cannot be held still"
run create kernel "$dir/q" type queue value 4 entries 10
run snapshot kernel "$dir/q" q.snap
it "a queue cannot be read without being emptied" refuses 5 "cannot be read out"

finish
