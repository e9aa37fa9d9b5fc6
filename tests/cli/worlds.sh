#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# worlds.sh: the verbs on the live kernel's maps, beside ours. Without bpffs or the permission for
# bpf(2) only what needs neither is tested, and the rest is skipped aloud.
. "$(dirname "$0")/lib.sh"

run create user h type hash key 4 value 8 entries 4
it "user is the word for what needs none" ok
run dump user pinned h
it "user stands before each form of MAP" prints "Found 0 elements"
run dump /sys/fs/bpf/h
it "a path below /sys/fs/bpf that bpffs does not have is ours" prints "Found 0 elements"
run dump kernel
it "a world alone is no map" refuses 2 "MAP is missing"
run create pinned_user type hash key 4 value 8 entries 4
run dump user pinned_user
it "a world before a path" ok
run -j list user
it "list user leaves the kernel's out" says 'map(.world)|unique' '["user"]'
last="bpfmap list, without the right to ask the kernel"
if [ "$(id -u)" = 0 ]; then
	out=$(setpriv --reuid 65534 --clear-groups --bounding-set=-all env BPFMAP_DIR= "$BPFMAP" list 2>"$work/stderr")
	code=$? err=$(cat "$work/stderr")
	# (At a terminal a note says so.)
	left_out() { [ "$code" = 0 ] && [ -z "$err" ]; }
	it "list leaves out what the kernel does not permit, and says so" left_out
fi

# Where the kernel's list of CPUs is not to be seen, as in a sandbox without /sys.
no_sys() {
	last="bpfmap $*, without /sys"
	out=$(unshare -m sh -c 'mount -t tmpfs tmpfs /sys && exec "$@"' sh "$BPFMAP" "$@" 2>"$work/stderr")
	code=$? err=$(cat "$work/stderr")
}
if unshare -m mount -t tmpfs tmpfs /sys 2>"$work/stderr"; then
	run create counts type percpu_array key 4 value 4 entries 1
	no_sys update counts key 0 0 0 0 value 5 0 0 0
	no_sys lookup counts key 0 0 0 0
	guess=$out
	it "without /sys a map per CPU of ours has all its values" ok
	run lookup counts key 0 0 0 0
	it "which are those that it has with /sys" prints "$guess"
else
	printf 'SKIPPED: what happens without /sys: no mount namespace of its own\n'
fi

# Everything below is the kernel's.
fs=/sys/fs/bpf dir=bpfmap_cli_$$
if ! run create kernel "$dir/h" type hash key 4 value 8 entries 4 name "worlds_$$" || [ "$code" != 0 ]; then
	printf 'SKIPPED: the kernel part: %s\n' "$err"
	finish || exit 1
	exit 77
fi
trap 'rm -rf "$fs/$dir" "$BPFMAP_DIR" "$work"' EXIT

it "create makes a map of the kernel and its directory in bpffs" test -f "$fs/$dir/h"
run update kernel "$dir/h" key 1 0 0 0 value 1 2 3 4 5 6 7 8
it "update of the kernel's says nothing" prints ""
run dump "$fs/$dir/h"
it "the path of a file in bpffs is the kernel's without a word" prints \
	"key: 01 00 00 00  value: 01 02 03 04 05 06 07 08
Found 1 element"
run lookup kernel pinned "$dir/h" key 1 0 0 0
it "kernel pinned takes paths inside bpffs" shows "value: 01 02"
id=$("$BPFMAP" -j show "$fs/$dir/h" | jq .id)
run lookup kernel id "$id" key 1 0 0 0
it "kernel id" shows "value: 01 02"
run lookup kernel name "worlds_$$" key 1 0 0 0
it "kernel name looks among the kernel's alone" shows "value: 01 02"
run lookup name h key 1 0 0 0
it "name looks among ours alone" refuses 1 "no such key"
run dump user pinned "$fs/$dir/h"
it "user is ours, whatever bpffs holds" refuses 1 "cannot open"
run create "$fs/$dir/h" type hash key 4 value 8 entries 4
it "create does not hide a pin of the kernel's behind ours" refuses 5 "File exists"
run pin h "$fs/$dir/h"
it "pin of ours neither" refuses 2 "the kernel's"
run pin "$fs/$dir/h" "$dir/again"
it "a pin is made in the world of its map" test -f "$fs/$dir/again"
run delete kernel id "$id" key 9 0 0 0
it "delete of an absent key is not found" refuses 1 "no such key"
run -j list
it "list has both worlds" says 'map(.world)|unique' '["kernel","user"]'
it "with pins" says "[.[]|select(.id==$id and .world==\"kernel\")|.pinned[]]|sort" \
	"[\"$fs/$dir/again\",\"$fs/$dir/h\"]"
it "and entries, counted" says "[.[]|select(.id==$id)|.entries]" '[1]'
run -j show kernel id "$id"
it "show counts the kernel's elements" says '[.world,.entries,.percent_full]' '["kernel",1,25]'
run getnext kernel id "$id"
it "getnext" shows "next key: 01 00 00 00"
run take kernel id "$id" key 1 0 0 0
it "take" shows "value: 01 02"
run dump kernel id "$id"
it "take removes" prints "Found 0 elements"
# More elements than a batch, of every type that has any.
for type in hash percpu_hash lru_hash lru_percpu_hash array percpu_array lpm_trie; do
	case $type in
	lpm_trie) key=8 flags=1 value=8 ;;
	*) key=4 flags=0 value=8 ;;
	esac
	run create kernel "$dir/$type" type $type key $key value $value entries 6000 flags $flags
	it "create $type" ok
	python3 - $type >"$work/json" <<-'PYTHON'
		import json, sys
		kind = sys.argv[1]
		for i in range(5000):
		    key = list(i.to_bytes(4, "little"))
		    if kind == "lpm_trie":
		        key = [32, 0, 0, 0] + list(i.to_bytes(4, "big"))
		    value = list((i * 3).to_bytes(8, "little"))
		    if "percpu" in kind:
		        print(json.dumps({"key": key, "values": [{"cpu": 0, "value": value}]}))
		    else:
		        print(json.dumps({"key": key, "value": value}))
	PYTHON
	run load "$fs/$dir/$type" "$work/json"
	it "load into $type" prints "loaded 5000"
	run -j dump "$fs/$dir/$type"
	case $type in
	*array) count=6000 ;;
	lru*) count=$(printf %s "$out" | jq length) ;; # the kernel's LRU gives up some early
	*) count=5000 ;;
	esac
	it "dump of $type has each key once" says 'map(.key)|unique|length' $count
	it "and its value" says 'all(.[]; (if .key|length == 8 then [.key[7], .key[6]] else .key end) as $k |
		(if .values then .values[0].value else .value end) as $v |
		$v[0] + 256 * $v[1] == if $k[0] + 256 * $k[1] < 5000 then 3 * ($k[0] + 256 * $k[1]) else 0 end)' true
	run -j clear "$fs/$dir/$type"
	it "clear empties $type" says '.deleted // .zeroed' $count
	run -j dump "$fs/$dir/$type"
	case $type in
	*array) it "an array's elements are zero" says 'all(.[]; (if .values then .values[0].value else .value end)|add == 0)' true ;;
	*) it "$type is empty then" prints '[]' ;;
	esac
done

# Without keys.
for type in queue stack; do
	run create kernel "$dir/$type" type $type value 4 entries 2
	run push "$fs/$dir/$type" value 1 0 0 0
	run push "$fs/$dir/$type" value 2 0 0 0
	it "push into a $type" ok
	run push "$fs/$dir/$type" value 3 0 0 0
	it "a full $type has exit code 3" refuses 3 "full"
	[ $type = queue ] && first=1 || first=2
	run -j peek "$fs/$dir/$type"
	it "peek at a $type" says '.value[0]' $first
	run -j pop "$fs/$dir/$type"
	it "pop from a $type" says '.value[0]' $first
	run -j pop "$fs/$dir/$type"
	it "pop the other" says '.value[0]' $((3 - first))
	run pop "$fs/$dir/$type"
	it "pop from an empty $type is not found" refuses 1 ""
	run -j show "$fs/$dir/$type"
	it "a $type cannot be counted" says '.entries' null
done
run create kernel "$dir/bloom" type bloom_filter value 4 entries 100
run push "$fs/$dir/bloom" value 1 2 3 4
run peek "$fs/$dir/bloom" value 1 2 3 4
it "peek at a Bloom filter" shows "perhaps"

if unshare -m mount -t tmpfs tmpfs /sys 2>"$work/stderr"; then
	run create kernel "$dir/counts" type percpu_array key 4 value 4 entries 1
	id=$("$BPFMAP" -j show "$fs/$dir/counts" | jq .id)
	no_sys dump kernel id "$id"
	it "without /sys nobody knows how many values the kernel would write" refuses 5 "mount /sys"
fi

# Limits and permissions, with a cause.
run create kernel "$dir/small" type hash key 4 value 4 entries 1
run update "$fs/$dir/small" key 1 0 0 0 value 1 0 0 0
run update "$fs/$dir/small" key 2 0 0 0 value 1 0 0 0
it "a full map has exit code 3 and a sentence" refuses 3 "full"
run update "$fs/$dir/small" key 1 0 0 0 value 1 0 0 0 noexist
it "noexist of a present key" refuses 5 "exists"
run freeze "$fs/$dir/small"
it "freeze" ok
run update "$fs/$dir/small" key 1 0 0 0 value 1 0 0 0
it "a frozen map has exit code 4 and a sentence" refuses 4 "frozen"
run freeze "$fs/$dir/small"
it "freeze twice" refuses 4 "frozen already"
printf 'key: 01 00 00 00 value: 01 00 00 00\n' >"$work/one"
run load "$fs/$dir/small" "$work/one"
it "nothing is loaded into a frozen map" refuses 4 "0 elements were loaded"

# Their indices are there also when nothing is left at them.
run create kernel "$dir/calls" type prog_array key 4 value 4 entries 4
it "an array of programs" ok
run clear "$fs/$dir/calls"
it "clear of an array of programs ends" prints "deleted 0"
run dump kernel id 4294967294
it "an id that nobody has" refuses 1 "4294967294"
run dump kernel "$dir/nosuch"
it "a path that is not there" refuses 1 "nosuch"
finish
