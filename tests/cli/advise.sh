#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# advise.sh: each rule of bpfmap advise is given the situation that it is about, made by programs that write, and one
# beside it in which it must be silent. What can be seen of the kernel's maps is shown in both worlds.
#
#   usage: advise.sh BPFMAP TYPES.bpf.o CAPTURE ADVISE_LOAD CHOOSE.md
. "$(dirname "$0")/lib.sh"
LOAD=$4
CHOOSE=$5

world=user
name() { # the path of map $1 in this world
	if [ $world = user ]; then echo "$BPFMAP_DIR/$1"; else echo "/sys/fs/bpf/bpfmap-advise-$$/$1"; fi
}
make() { # NAME WORDS...
	map=$1
	shift
	"$BPFMAP" create $world "$(name "$map")" "$@" || exit 1
}
load() { # MODE FROM COUNT [USED]: on the map made last
	"$LOAD" $world "$(name "$map")" "$@" || exit 1
}
# Until the map has an element; a load that deletes may never be caught with one.
begun() {
	tries=0
	until "$BPFMAP" getnext $world "$(name "$map")" >"$work/begun" 2>&1 || [ $tries -ge 50 ]; do
		tries=$((tries + 1))
		sleep 0.02
	done
}
# advise [MODE FROM COUNT [USED]]: watch the map made last, with such a load beside it; a map at rest needs one look.
advise() {
	watched=0.1s
	if [ $# -gt 0 ]; then
		watched=${long:-0.6}s
		"$LOAD" $world "$(name "$map")" "$@" &
		pid=$!
		begun
	fi
	run -j advise $world "$(name "$map")" for $watched
	if [ $# -gt 0 ]; then
		# Some end by themselves.
		kill $pid 2>"$work/kill"
		wait $pid 2>"$work/wait"
	fi
	rm -f "$(name "$map")"
}
finds() { says "[.findings[].rule] | index(\"$1\") != null" true; }
silent() { says "[.findings[].rule] | index(\"$1\")" null; }
of() { # RULE JQ TEXT: what the rule says
	says ".findings[] | select(.rule == \"$1\") | $2" "$3"
}

both_worlds() {
	make full type hash key 4 value 8 entries 1000
	load fill 100000 1000
	advise fill 200000 1000
	it "$world: full: a hash that has no room is found" finds full
	it "$world: full: twice the entries are advised, with the cost" of full '.bytes_more > 0' true
	make fits type hash key 4 value 8 entries 1000
	load fill 100000 900
	advise
	it "$world: full: a hash with room is not" silent full

	make lru type lru_hash key 4 value 8 entries 1000
	advise cycle 100000 2000
	it "$world: lru_small: a working set of twice the size is found" finds lru_small
	make lru type lru_hash key 4 value 8 entries 4000
	advise cycle 100000 1000
	it "$world: lru_small: one that fits is not" silent lru_small

	make bloom type bloom_filter value 8 entries 1000
	load fill 0 20000
	advise
	it "$world: bloom_overfilled: twenty times too many values are found" finds bloom_overfilled
	it "$world: bloom_overfilled: the error is a measured one" says '.false_positive_percent > 20' true
	it "$world: bloom_overfilled: how many values, as far as a full filter tells" of bloom_overfilled \
		'.finding | capture("about (?<n>[0-9]+)") | (.n | tonumber) > 8000 and (.n | tonumber) < 40000' true
	make bloom type bloom_filter value 8 entries 1000
	load fill 0 1000
	advise
	it "$world: bloom_overfilled: a full one is not" silent bloom_overfilled

	make dense type hash key 4 value 8 entries 512
	load fill 0 500
	advise
	it "$world: dense_keys: keys 0 to 499 are found" finds dense_keys
	it "$world: dense_keys: an array is smaller" of dense_keys '.bytes_saved > 0' true
	make scattered type hash key 4 value 8 entries 512
	load fill 3000000 500
	advise
	it "$world: dense_keys: others are not" silent dense_keys

	make sparse type array key 4 value 64 entries 20000
	load fill 7 40 64
	advise
	it "$world: sparse_array: 40 values of 20000 are found" finds sparse_array
	make solid type array key 4 value 64 entries 20000
	load fill 0 15000 64
	advise
	it "$world: sparse_array: 15000 are not" silent sparse_array

	make large type hash key 4 value 8 entries 100000
	load fill 100000 500
	advise
	it "$world: oversize: 500 of 100000 elements are found" finds oversize
	it "$world: oversize: entries for twice as many" of oversize '.advice | startswith("entries 1024")' true
	make fitting type hash key 4 value 8 entries 100000
	load fill 100000 50000
	advise
	it "$world: oversize: 50000 are not" silent oversize

	make wide type hash key 4 value 256 entries 1000
	load fill 100000 900 12
	advise
	it "$world: wide_values: 12 bytes of 256 are found" finds wide_values
	it "$world: wide_values: what is advised holds them" of wide_values '.advice | startswith("value 16")' true
	make wide type hash key 4 value 256 entries 1000
	load fill 100000 900 200
	advise
	it "$world: wide_values: 200 are not" silent wide_values

	make grown type hash key 4 value 8 entries 1000 flags no_prealloc
	load fill 100000 900
	advise
	it "$world: grown_full: 900 of 1000 without preallocation are found" finds grown_full
	make grown type hash key 4 value 8 entries 1000 flags no_prealloc
	load fill 100000 300
	advise
	it "$world: grown_full: 300 are not" silent grown_full

	make settings type array key 4 value 8 entries 4 flags rdonly_prog
	load fill 0 4
	advise
	it "$world: freeze: settings that nothing changes are found" finds freeze
	make settings type array key 4 value 8 entries 4 flags rdonly_prog
	load fill 0 4
	"$BPFMAP" freeze $world "$(name settings)"
	advise
	it "$world: freeze: frozen ones are not" silent freeze

	if [ "$(nproc)" -gt 1 ]; then
		make waste type percpu_hash key 4 value 8 entries 200
		load fill_one 100000 200
		advise
		it "$world: percpu_waste: values on one CPU are found" finds percpu_waste
		it "$world: percpu_waste: a hash is advised" of percpu_waste '.advice | startswith("hash")' true
		make used type percpu_hash key 4 value 8 entries 200
		load fill 100000 200
		advise
		it "$world: percpu_waste: values on all are not" silent percpu_waste
	fi

	make well type hash key 4 value 8 entries 1000
	load fill 100000 700
	advise
	it "$world: a map that serves well has no findings" says '.findings' '[]'
}

both_worlds

# What only maps in user space tell.
long=1
make contended type hash key 4 value 200 entries 1000 flags zero_seed
advise together 5 1 200
it "contention: four threads at one key are found" finds contention
it "contention: a percpu_hash is advised" of contention '.advice | startswith("a percpu_hash")' true
it "contention: it names how many write" says '.writers' 4
make alone type hash key 4 value 200 entries 1000 flags zero_seed
advise apart 5 1 200
it "contention: four threads at a key each are not" silent contention
make striped type array key 4 value 200 entries 8
advise together 5 1 200
it "contention: four threads at one element of an array are found" finds contention
long=

make emptied type hash key 4 value 64 entries 10000
load fill 100000 9000
load delete 100000 9000
advise
it "prealloc_empty: a map that was full once is found" finds prealloc_empty
make emptied type hash key 4 value 64 entries 10000
load fill 100000 9000
load delete 100000 5000
advise
it "prealloc_empty: one that still has half is not" silent prealloc_empty

make missed type hash key 4 value 8 entries 1000
load fill 100000 600
advise lookup 200000 100
it "bloom_front: lookups that find nothing are found" finds bloom_front
make missed type hash key 4 value 8 entries 1000
load fill 100000 600
advise lookup 100000 100
it "bloom_front: those that find something are not" silent bloom_front

make idle type lru_hash key 4 value 8 entries 100
load fill 100000 10
advise churn 200000 50
it "lru_idle: an LRU map whose users delete is found" finds lru_idle
make busy type lru_hash key 4 value 8 entries 100
advise cycle 100000 200
it "lru_idle: one that evicts is not" silent lru_idle

make unread type hash key 4 value 8 entries 100
load fill 100000 50
timeout 0.2 "$LOAD" user "$(name unread)" lookup 1 0
advise cycle 100000 50
it "unread: what is written and never looked up is found" finds unread
make unread type hash key 4 value 8 entries 100
load fill 100000 50
timeout 0.2 "$LOAD" user "$(name unread)" lookup 100000 50
advise cycle 100000 50
it "unread: what is looked up is not" silent unread

make plain type hash key 4 value 8 entries 1000
load fill 100000 700
run advise "$(name plain)" for 0.1s
it "plain text says when all is well" shows "all is well"
it "and what it could not know" shows "not known        lookups and hits"
run advise "$(name plain)" for x
it "a time is wanted" refuses 2 "for: 'x' is no time"
run advise "$(name plain)" 5s
it "the word for comes first" refuses 2 "5s"
run advise nosuch
it "no such map" refuses 1 "nosuch"
make several type hash key 16 value 64 entries 10 flags variable
"$BPFMAP" update several key '"a"' value '"b"'
run -j advise "$(name several)" for 0.1s
it "elements of different lengths are not guessed at" says '.not_known | map(.unknown) | any(test("different lengths"))' true

run -j advise rules
it "the rules can be listed" says 'length > 10' true
printf %s "$out" | jq -r '.[].rule' | sort >"$work/rules"
sed -n 's/^| *`\([a-z_]*\)` *|.*/\1/p' "$CHOOSE" | sort >"$work/written"
it "docs/choose.md has a line for each rule, and no other" cmp "$work/rules" "$work/written"
run -j size key 4 value 8 entries 100000 cpus 2
printf %s "$out" | jq -r '.[] | "| \(.type)\(if .flag_names == [] then "" else ", flags " + .flag_names[0] end) | \(.when) |"' >"$work/choices"
while read -r line; do
	it "docs/choose.md says: $line" grep -qF "$line" "$CHOOSE"
done <"$work/choices"
for rule in $(cat "$work/rules"); do
	it "rule $rule is tested for being found and for being silent" test \
		"$(grep -c "finds $rule\$" "$0")" -gt 0 -a "$(grep -c "silent $rule\$" "$0")" -gt 0
done

world=kernel
pins=/sys/fs/bpf/bpfmap-advise-$$
if "$BPFMAP" create kernel "$pins/try" type hash key 4 value 4 entries 1 2>"$work/refused"; then
	trap 'rm -rf "$BPFMAP_DIR" "$work" "$pins"' EXIT
	rm -f "$pins/try"
	both_worlds
else
	echo "SKIPPED: maps in the kernel ($(cat "$work/refused"))"
fi
finish
