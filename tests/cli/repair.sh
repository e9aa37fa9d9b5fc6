#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# repair.sh: check finds what is wrong with a region's bytes; repair mends what a death left and rebuilds
# what was scribbled on, saving every element that can be read.
. "$(dirname "$0")/lib.sh"

N=3000

# scribble FILE OFFSET BYTES...: hexadecimal bytes, offsets from the file's start, or end if negative.
scribble() {
	python3 - "$@" <<-'PYTHON'
		import os, sys
		path, at = sys.argv[1], int(sys.argv[2])
		with open(path, "r+b") as f:
		    f.seek(at, os.SEEK_SET if at >= 0 else os.SEEK_END)
		    f.write(bytes.fromhex("".join(sys.argv[3:])))
	PYTHON
}

# elements KIND: N lines of JSON, value = 3 * key in its first bytes.
elements() {
	python3 - "$1" $N <<-'PYTHON'
		import json, sys
		kind, n = sys.argv[1], int(sys.argv[2])
		size = 200 if kind == "large" else 8
		for i in range(n):
		    key, value = list(i.to_bytes(4, "little")), list((3 * i).to_bytes(size, "little"))
		    if "percpu" in kind:
		        print(json.dumps({"key": key, "values": [{"cpu": 0, "value": value}]}))
		    else:
		        print(json.dumps({"key": key, "value": value}))
	PYTHON
}

# made KIND: a map of that kind at KIND, with its elements.
made() {
	case $1 in
	large) run create large type hash key 4 value 200 entries $N ;;
	lazy) run create lazy type hash key 4 value 8 entries $N flags no_prealloc ;;
	*) run create "$1" type "$1" key 4 value 8 entries $N ;;
	esac
	elements "$1" | "$BPFMAP" load "$1" - >"$work/loaded"
}

# Whatever is in the map is what was put there.
right='all(.[]; (if .values then .values[0].value else .value end) as $v |
	$v[0] + 256 * $v[1] == 3 * (.key[0] + 256 * .key[1]) or ($v|add) == 0)'

for kind in hash large lazy percpu_hash lru_hash lru_percpu_hash array percpu_array; do
	made $kind
	run check $kind
	it "a new $kind is sound" prints "sound"
	run -j repair $kind
	it "a sound $kind is not rebuilt" says '.result' '"sound"'
done
run -j check hash
it "check in JSON" prints '{"sound":true}'
run create bloom type bloom_filter value 8 entries 100
run check bloom
it "a Bloom filter is always sound" prints "sound"
run create var type hash key 40 value 100 entries 100 flags variable
run update var key name value text
run check var
it "so is a map with lengths of its own" prints "sound"

# A lock that nobody holds: all elements are there.
scribble "$BPFMAP_DIR/hash" 8 ff0f0000
run check hash
it "a lock that nobody has is found" refuses 5 "bucket 0 is locked although nobody uses the map"
it "with a remedy" refuses 5 "bpfmap repair"
before=$("$BPFMAP" -j show hash | jq .id)
run pin hash second
run -j repair hash
it "repair rebuilds" says '[.result,.saved,.lost,.rejected]' "[\"rebuilt\",$N,0,0]"
it "and says why" says '.violation|test("bucket 0 is locked")' true
run check hash
it "then it is sound" prints "sound"
run -j dump hash
it "every element is there" says "length, $right" "$N
true"
after=$("$BPFMAP" -j show hash | jq .id)
it "it is another map" test "$before" != "$after"
run -j show second
it "all pins lead to it" says '[.id,(.pinned|length)]' "[$after,2]"

# A whole page of buckets, and pieces of the pool.
for kind in hash large lazy percpu_hash lru_hash lru_percpu_hash; do
	rm -f "$BPFMAP_DIR/$kind"
	made $kind
	scribble "$BPFMAP_DIR/$kind" 4096 "$(head -c 1024 /dev/urandom | od -An -v -tx1 | tr -d ' \n')"
	run check $kind
	it "a scribbled page of a $kind is found" refuses 5 "not sound"
	run -j repair $kind
	it "$kind is rebuilt" says '.result' '"rebuilt"'
	it "most of it is saved" says ".saved > $N * 8 / 10" true
	it "what is saved and what is lost is all" says ".saved + .lost == $N" true
	run check $kind
	it "$kind is sound then" prints "sound"
	run -j dump $kind
	it "and holds nothing that was not put there" says "$right" true
	run update $kind key 1 2 3 4 value $(if [ $kind = large ]; then seq 1 200; else seq 1 8; fi) exist
	it "and works" refuses 1 "no such key"
done

# A chain that is cut: what was behind it is found again.
rm -f "$BPFMAP_DIR/percpu_hash"
made percpu_hash
for n in $(seq 0 31); do scribble "$BPFMAP_DIR/percpu_hash" $((16 * n + 12)) 00000000; done
run check percpu_hash
it "cut chains are found" refuses 5 "not sound"
run -j repair percpu_hash
it "and nothing is lost" says '[.saved,.lost]' "[$N,0]"
it "because the pool is searched" says '.cut_off > 0' true

# Deleted elements do not come back.
rm -f "$BPFMAP_DIR/percpu_hash"
made percpu_hash
for n in 1 2 3 4 5 6 7 8 9 10; do run delete percpu_hash key $n 0 0 0; done
for n in $(seq 0 31); do scribble "$BPFMAP_DIR/percpu_hash" $((16 * n + 12)) 00000000; done
run -j repair percpu_hash
it "deleted elements stay deleted" says '[.saved,.lost]' "[$((N - 10)),0]"

# Frozen stays frozen; the mode stays; a holder is named.
run create ice type hash key 4 value 8 entries 10
run update ice key 1 0 0 0 value 1 2 3 4 5 6 7 8
chmod 640 "$BPFMAP_DIR/ice"
run freeze ice
scribble "$BPFMAP_DIR/ice" 8 ff0f0000
sleep 100 3<"$BPFMAP_DIR/ice" &
holder=$!
run repair ice
it "a map that somebody holds is not replaced" refuses 5 "$holder"
run repair ice yes
it "unless told so" shows "rebuilt"
kill "$holder" && wait "$holder" 2>/dev/null
run -j show ice
it "a frozen map's successor is frozen" says '[.frozen,.entries]' '[1,1]'
it "and has its mode" test "$(stat -c %a "$BPFMAP_DIR/ice")" = 640

# A death in the middle is mended in place.
mkfifo "$work/lines"
run create killed type hash key 4 value 8 entries 10000
"$BPFMAP" load killed "$work/lines" >"$work/load" 2>&1 &
writer=$!
exec 4>"$work/lines"
elements hash 2>/dev/null | head -600 >&4
tries=0
until [ "$("$BPFMAP" -j show killed | jq .entries)" -ge 256 ] || [ $tries = 200 ]; do
	tries=$((tries + 1)) && sleep 0.05
done
run repair killed
it "a live writer is not disturbed" refuses 5 "stop them first"
kill -9 "$writer"
wait "$writer" 2>/dev/null
exec 4>&-
run -j check killed
it "check counts dead writers" says '[.sound,.dead_writers]' '[true,1]'
run -j repair killed
it "repair mends what they left" says '[.result,.dead_writers]' '["mended",1]'
run -j check killed
it "and they are gone" prints '{"sound":true}'

printf 'not a map' >"$BPFMAP_DIR/junk"
run check junk
it "check of a file that is no map" refuses 4 "is not a pinned map"
run repair hash now
it "repair takes no other words" refuses 2 "now"
if [ -w /sys/fs/bpf ] && "$BPFMAP" create kernel "bpfmap_repair_$$" type array key 4 value 4 entries 1 2>"$work/stderr"; then
	run check kernel "bpfmap_repair_$$"
	it "the kernel's maps are refused" refuses 2 "for ours"
	rm -f "/sys/fs/bpf/bpfmap_repair_$$"
fi
finish
