#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# size.sh: what a map would take is what it takes once it is made, here and in the kernel.
. "$(dirname "$0")/lib.sh"

run size type hash key 4 value 8 entries 1000
it "size says what a map would take, in units and in bytes" shows "80.0 KiB (81920 bytes)"
it "size says what the memory is for" shows "buckets"
it "size says what such a map takes in the kernel" shows "in the kernel"
it "nothing was made" test -z "$(ls "$BPFMAP_DIR")"
run -j size type hash key 4 value 8 entries 1000
it "size in JSON" says '[.bytes_key, .max_entries, .bytes_data]' '[4,1000,12000]'
it "the parts add up" says '.bytes_here == (.parts | map(.bytes) | add)' true
it "so they do in the kernel" says '.bytes_kernel == (.kernel_parts | map(.bytes) | add)' true
run -j size type hash key 4 value 8 entries 1000 flags no_prealloc
it "the parts of a map that grows add up when it is full" says \
	'.bytes_here_full == (.parts | map(.bytes_full) | add) and .bytes_here < .bytes_here_full' true

# same WORDS...: size foretells what create and show say.
same() {
	n=$((n + 1))
	run -j size "$@"
	foretold=$(printf %s "$out" | jq '.bytes_here')
	"$BPFMAP" create "m$n" "$@" || return 1
	run -j show "m$n"
	rm -f "$BPFMAP_DIR/m$n"
	says '.bytes_memlock' "$foretold"
}
n=0
for type in hash percpu_hash lru_hash lru_percpu_hash array percpu_array; do
	it "a $type takes what size said" same type $type key 4 value 24 entries 777
done
it "a bloom_filter takes what size said" same type bloom_filter value 16 entries 5000 hashes 3
it "a hash without preallocation takes what size said" same type hash key 16 value 24 entries 9000 flags no_prealloc
it "a variable hash takes what size said" same type hash key 16 value 240 entries 900 flags variable

run size key 4 value 8 entries 1000
it "without a type all that could serve are shown" shows "percpu_array"
run -j size key 4 value 8 entries 1000
it "and say when each serves" says 'map(select(.type == "lru_hash")) | length' 1
it "flags that make a kind of its own are named" says 'map(select(.flag_names == ["no_prealloc"])) | length' 2
run -j size key 16 value 8 entries 1000
it "keys that are no index leave arrays out" says 'map(select(.type | endswith("array"))) | length' 0
run -j size key 16 value 40000 entries 10
it "a kind that creation would refuse says so, the others do not" says \
	'[map(select(.refused)) | length, (map(select(.type == "percpu_hash")) | .[0].refused | startswith("E2BIG: a per-CPU value"))]' \
	'[3,true]'

run size type hash key 4 value 8 entries 134217729
it "what creation would refuse has its errno, reason and exit code" refuses 3 "E2BIG: a hash map has at most"
run size type array key 8 value 8 entries 1
it "EINVAL, too" refuses 5 "EINVAL: an array needs"
run size type queue value 8 entries 1
it "a type that is not here is refused" refuses 5 "maps of type queue (22) are not supported here"
run -j size type array key 4 value 65536 entries 40000000
it "more than there is room for would fail with ENOMEM" says '.refused_here | startswith("creation would fail with ENOMEM")' true
run size type hash key 4 value 8
it "size wants to know how many" refuses 2 "entries is missing: bpfmap size"
run size type hash key 4 value 8 entries 1 name x
it "size takes no name" refuses 2 "cpus"
run create x type hash key 4 value 8 entries 1 cpus 4
it "create takes no CPUs" refuses 2 "got: 'cpus'"

run -j size type percpu_hash key 4 value 8 entries 1000 cpus 128
it "size for another machine" says '[.cpus, .bytes_here > 1024000, .bytes_kernel > 1024000]' '[128,true,true]'
run size type hash key 4 value 8 entries 1 cpus 5000
it "so many CPUs have no machines" refuses 2 "cpus"

# in_kernel WORDS...: the kernel counts what size foretold.
in_kernel() {
	run -j size "$@"
	foretold=$(printf %s "$out" | jq '.bytes_kernel')
	"$BPFMAP" create kernel "$pin" "$@" || return 1
	run -j show kernel pinned "$pin"
	rm -f "$pin"
	says '.bytes_memlock' "$foretold"
}
pin=/sys/fs/bpf/bpfmap-size-$$
if "$BPFMAP" create kernel "$pin" type hash key 4 value 4 entries 1 2>"$work/refused"; then
	rm -f "$pin"
	for type in hash percpu_hash lru_hash lru_percpu_hash array percpu_array; do
		it "a $type takes in the kernel what size said" in_kernel type $type key 4 value 24 entries 777
	done
	it "a bloom_filter takes in the kernel what size said" in_kernel type bloom_filter value 16 entries 5000 hashes 3
else
	echo "SKIPPED: maps in the kernel ($(cat "$work/refused"))"
fi
finish
