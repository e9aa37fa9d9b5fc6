#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# elements.sh: take, clear, freeze, push, peek, pop, and every map type from create to show.
. "$(dirname "$0")/lib.sh"

run create h type hash key 4 value 8 entries 100
for i in 1 2 3; do
	"$BPFMAP" update h key $i 0 0 0 value $i 1 0 0 0 0 0 0 || exit 99
done

run take h key 2 0 0 0
it "take shows the element" prints "key: 02 00 00 00  value: 02 01 00 00 00 00 00 00"
run take h key 2 0 0 0
it "and it is gone" refuses 1 "no such key"
run -j take h key 3 0 0 0
it "take in JSON" prints '{"key":[3,0,0,0],"value":[3,1,0,0,0,0,0,0]}'
run clear h
it "clear says how many elements it deleted" prints "deleted 1"
run -j clear h
it "clear in JSON" prints '{"deleted":0}'
run dump h
it "nothing is left" prints "Found 0 elements"

seq 0 999 | awk '{printf "key %x %x 0 0 value %x 0 0 0 0 0 0 0\n", $1 % 256, $1 / 256, $1 % 256}' >"$work/thousand"
run create big type hash key 4 value 8 entries 1000
run load big "$work/thousand"
it "a thousand elements are loaded" prints "loaded 1000"
run clear big
it "a thousand elements are deleted" prints "deleted 1000"
run create bigger type hash key 4 value 8 entries 1000 flags no_prealloc,zero_seed
"$BPFMAP" load bigger "$work/thousand" >/dev/null
run clear bigger
it "and from a map that grows" prints "deleted 1000"

run create a type array key 4 value 4 entries 300
run -j show a
it "an array is neither full nor empty" says .percent_full null
run show a
it "for people all of it is there" shows "% full           all"
run top user once interval 0.1 filter a
it "in top, too" shows " all "
run -j top user once interval 0.1 filter a
it "and in its JSON" says 'map(select(.name == "a"))[0].percent_full' null
"$BPFMAP" update a key 299 value 1 2 3 4
run clear a
it "an array's elements become zero" prints "zeroed 300"
run dump a where value != 0
it "all of them" prints "Found 0 elements"
run take a key 0
it "an array's elements cannot be taken" refuses 5 "do not support"

run update h key 1 0 0 0 value 1 0 0 0 0 0 0 0
run -j freeze h
it "freeze prints null in JSON" prints null
run show h
it "show tells that the map is frozen" shows "frozen           yes"
run lookup h key 1 0 0 0
it "a frozen map can be read" ok
run update h key 1 0 0 0 value 2 0 0 0 0 0 0 0
it "but not written" refuses 4 "frozen"
run delete h key 1 0 0 0
it "delete says why" refuses 4 "frozen"
run take h key 1 0 0 0
it "take says why" refuses 4 "frozen"
run clear h
it "clear says why" refuses 4 "frozen"
run load h "$work/thousand"
it "load says why, and where it stopped" refuses 4 "thousand:1: the map is frozen"
run freeze h
it "freezing twice is refused" refuses 4 "frozen"

# Without BTF: one word for 2, 4 or 8 bytes is a number, for one byte the byte; several words are bytes.
run create num type hash key 2 value 8 entries 4
run update num key 258 value 0xffffffffffffffff
it "one word fills a key or value without type" ok
run lookup num key 2 1
it "with the number it is" prints "key: 02 01  value: ff ff ff ff ff ff ff ff"
run take num key 258
it "by which it is found" ok
run update num key 1 value 1500 noexist
it "a flag may follow the number" ok
run dump num where value == 1500
it "it is the number that where compares" shows "Found 1 element"
run create small type hash key 1 value 4 entries 4
run update small key 10 value hex 10 0 0 0
run dump small
it "a byte stays a byte, and hex is bytes" shows "key: 0a  value: 10 00 00 00"
run create q type percpu_array key 4 value 4 entries 1
run update q key 0 value 70000
it "a number for every CPU" ok
run dump q where key == 0 percpu max table
it "each has it" shows 70000

# Bloom filter. The size is that of SEMANTICS' formula: 1000 x 3 / 5 x 7 = 4200 -> 8192 bits.
run create b type bloom_filter value 4 entries 1000 hashes 3
it "a map without keys needs no key size" ok
run -j show b
it "an empty filter" says '[.hashes,.bits,.bits_set,.false_positive_rate]' '[3,8192,0,0]'
run push b value 1 2 3 4
it "push says nothing" prints ""
run -j enqueue b value 9 9 9 9
it "enqueue is push; JSON is null" prints null
run peek b value 1 2 3 4
it "peek finds what was pushed" prints "perhaps present"
run -j peek b value 9 9 9 9
it "peek in JSON" prints '{"perhaps_present":true}'
run peek b value 5 5 5 5
it "what is surely absent has exit code 1 and no error" test "$code:$out:$err" = "1:surely absent:"
run -j peek b value 5 5 5 5
it "absence in JSON" test "$code:$out" = '1:{"perhaps_present":false}'
run -j show b
it "the filter fills" says '.bits_set >= 3 and .bits_set <= 6 and .false_positive_rate > 0' true
it "and counts no entries" says 'has("entries")' false
run -j list b
it "in list neither" says '.[0].entries' null
run peek b
it "a filter must be asked for a value" refuses 2 "did not find value"
run pop b
it "nothing can be popped out of a filter" refuses 2 "bloom_filter"
run dequeue b
it "dequeue is pop" refuses 2 "bloom_filter"
run clear b
it "a filter cannot be cleared" refuses 5 "make a new one"
run dump b
it "a filter cannot be dumped" refuses 2 "no keys"
run load b "$work/thousand"
it "nor loaded" refuses 2 "push"
run getnext b
it "it has no next key" refuses 5 ""
for verb in lookup take delete; do
	run $verb b key 1 0 0 0
	it "$verb says that a filter has no keys" refuses 2 "no keys"
done
run update b key 1 0 0 0 value 1 2 3 4
it "update says that a filter has no keys" refuses 2 "no keys"
run push b value 1 2 3 4 exist
it "a filter knows no flags" refuses 5 ""
run push h value 1
it "push needs a map without keys" refuses 2 "bpfmap update MAP"
run peek h
it "peek needs a map without keys" refuses 2 "bpfmap lookup MAP"
run pop h
it "pop needs a map without keys" refuses 2 "bpfmap take MAP"
run freeze b
it "a filter can be frozen" ok
run push b value 1 1 1 1
it "and takes nothing then" refuses 4 "frozen"
run create bad type hash key 4 value 4 entries 4 hashes 3
it "hashes are for filters" refuses 2 "bloom_filter"

# Types by the help's list: each can be made, filled, shown and emptied.
types=$("$BPFMAP" help create | awk '/^  [A-Z]/ { on = $1 == "TYPE" } /^$/ { on = 0 } on { gsub(/TYPE|:=|\|/, ""); print }')
for type in $types; do
	case $type in *hash) ;; *) continue ;; esac
	run create "t_$type" type "$type" key 4 value 8 entries 4
	it "$type: create" ok
	run update "t_$type" key 1 0 0 0 value 7 0 0 0 0 0 0 0
	it "$type: update" ok
	run -j lookup "t_$type" key 1 0 0 0
	it "$type: lookup" says '(.value // .values[0].value)' '[7,0,0,0,0,0,0,0]'
	for i in 2 3 4 5 6 7; do
		"$BPFMAP" update "t_$type" key $i 0 0 0 value $i 0 0 0 0 0 0 0 2>/dev/null
	done
	run -j dump "t_$type"
	it "$type: it holds four, full or evicting" says length 4
	run -j show "t_$type"
	it "$type: show" says '[.type, .entries, .max_entries]' "[\"$type\",4,4]"
	case $type in lru_*) it "$type: what it gave up is counted" says .evictions 3 ;; esac
	it "$type: memory, here and in the kernel" says '.bytes_memlock > 0 and .bytes_in_kernel > 0 and .bytes_per_element == .bytes_memlock / 4' true
	run clear "t_$type"
	it "$type: clear" prints "deleted 4"
done

# What the formulas of the kernel's memlock give, by hand, for P possible CPUs.
P=$("$BPFMAP" create pc type percpu_array key 4 value 8 entries 10 && "$BPFMAP" -j show pc | jq .cpus)
in_kernel() {
	run -j show "$1"
	it "$1 takes $2 bytes in the kernel" says .bytes_in_kernel "$2"
}
in_kernel pc $((312 + 80 + 80 * P))
in_kernel a $((312 + 300 * 8))
in_kernel b $((312 + 1024))
in_kernel t_hash $((832 + 32 * P + 16 * 4 + (4 + P) * 64 + 8 * P))
in_kernel t_percpu_hash $((832 + 32 * P + 16 * 4 + 4 * 64 + 8 * P * 4))
in_kernel bigger $((832 + 32 * P + 16 * 1024))
"$BPFMAP" update bigger key 1 1 1 1 value 1 1 1 1 1 1 1 1
in_kernel bigger $((832 + 32 * P + 16 * 1024 + 72))
run create mm type array key 4 value 4 entries 513 flags mmapable
in_kernel mm $((4096 + 8192))

# Spin locks in values.
run run "$TYPES" prog pass pcap "$CAPTURE" pin t
run update t/guarded key 1 value '{ .lock = { 7 }, .count = 5 }'
it "a value with a spin lock is written" ok
run -j dump t/guarded
it "and its lock reads as zero" says '.[0].value' '{"lock":{"val":0},"count":5}'
run freeze t/guarded
it "a map with spin locks cannot be frozen" refuses 5 "spin lock"

# A pin that may only be read.
if [ "$(id -u)" = 0 ] && command -v setpriv >"$work/setpriv"; then
	chmod 755 "$BPFMAP_DIR" "$work"
	chmod 644 "$BPFMAP_DIR/t_hash"
	cp "$BPFMAP" "$work/bpfmap"
	"$BPFMAP" update t_hash key 1 0 0 0 value 7 0 0 0 0 0 0 0
	as_nobody() {
		last="nobody: bpfmap $*"
		out=$(setpriv --reuid 65534 --regid 65534 --clear-groups "$work/bpfmap" "$@" 2>"$work/stderr")
		code=$?
		err=$(cat "$work/stderr")
	}
	as_nobody lookup "$BPFMAP_DIR/t_hash" key 1 0 0 0
	it "a pin that may only be read can be looked at" ok
	as_nobody dump "$BPFMAP_DIR/t_hash"
	it "and dumped" shows "Found 1 element"
	as_nobody update "$BPFMAP_DIR/t_hash" key 1 0 0 0 value 8 0 0 0 0 0 0 0
	it "but not written" refuses 4 ""
	as_nobody clear "$BPFMAP_DIR/t_hash"
	it "nor cleared" refuses 4 ""
	as_nobody freeze "$BPFMAP_DIR/t_hash"
	it "nor frozen" refuses 4 ""
	as_nobody dump "$BPFMAP_DIR/t_percpu_hash"
	it "another user's pin cannot be opened" refuses 4 "ermission"
else
	echo "SKIPPED: read-only pins: needs root and setpriv"
fi
finish
