#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# load.sh: elements from files, and every way in which a file can be wrong.
. "$(dirname "$0")/lib.sh"

# from TEXT WORDS...: load with TEXT on stdin.
from() {
	text=$1
	shift
	last="printf '$text' | bpfmap load $*"
	out=$(printf "$text" | timeout 60 "$BPFMAP" load "$@" 2>"$work/stderr")
	code=$?
	err=$(cat "$work/stderr")
}

"$BPFMAP" create h type hash key 4 value 8 entries 1000 || exit 99
"$BPFMAP" create other type hash key 4 value 8 entries 1000 || exit 99
from 'key 01 00 00 00 value 05 00 00 00 00 00 00 00\n' h -
it "a line of hexadecimal bytes" prints "loaded 1"
from '# settings\n\n  key hex 2 0 0 0 value hex ff 0 0 0 0 0 0 0\nkey: 3 0 0 0 value: 0a 0 0 0 0 0 0 0' h -
it "comments, empty lines, words as dump and bpftool write them" prints "loaded 2"
from 'key:\n4 0 0 0\nvalue:\n1 2 3 4\n5 6 7 8\nFound 1 element\n' h -
it "an element on several lines" prints "loaded 1"
from '{"key":[5,0,0,0],"value":[1,2,3,4,5,6,7,8]}\r\n {"value":256,"key":["0x06","0x00","0x00","0x00"]}' h -
it "JSON in any spelling" prints "loaded 2"
run -j dump h sort key
it "they all are there" says 'map([.key[0],.value[0],.value[1]])' '[[1,5,0],[2,255,0],[3,10,0],[4,1,2],[5,1,2],[6,0,1]]'
run -j load other /dev/null
it "an empty file in JSON" prints '{"loaded":0}'

# same MAP MAP: both hold the same.
same() {
	"$BPFMAP" -j dump "$1" sort key >"$work/a" && "$BPFMAP" -j dump "$2" sort key >"$work/b" &&
		cmp -s "$work/a" "$work/b"
}
"$BPFMAP" dump h lines | "$BPFMAP" load other - >"$work/out"
it "dump lines | load: the same again" same h other
"$BPFMAP" clear other >"$work/out"
"$BPFMAP" dump h | "$BPFMAP" load other - >"$work/out"
it "dump | load: the same again" same h other
"$BPFMAP" clear other >"$work/out"
"$BPFMAP" --bpftool-json dump h lines | "$BPFMAP" load other - >"$work/out"
it "bpftool's bytes: the same again" same h other
run create long1 type hash key 20 value 20 entries 10
run create long2 type hash key 20 value 20 entries 10
seq 1 20 | tr '\n' ' ' >"$work/twenty"
run update long1 key $(cat "$work/twenty") value $(cat "$work/twenty")
"$BPFMAP" dump long1 | "$BPFMAP" load long2 - >"$work/out"
it "also with rows of 16 bytes" same long1 long2

run run "$TYPES" prog pass pcap "$CAPTURE" pin t
run run "$TYPES" prog pass pcap "$CAPTURE" pin u
for map in everything by_name sizes types_data types_bss; do
	"$BPFMAP" clear u/$map >"$work/out"
	"$BPFMAP" dump t/$map lines | "$BPFMAP" load u/$map - >"$work/out" 2>&1
	it "typed lines of $map: the same again" same t/$map u/$map
	"$BPFMAP" clear u/$map >"$work/out"
	"$BPFMAP" --bpftool-json dump t/$map lines | "$BPFMAP" load u/$map - >"$work/out" 2>&1
	it "bytes beside types of $map: the same again" same t/$map u/$map
done
from '{"key":{"x":1,"y":2},"values":[{"cpu":0,"value":{"packets":5,"delta":-7,"load":0.1}}]}' t/by_cpu -
it "a value of one CPU" prints "loaded 1"
"$BPFMAP" dump t/by_cpu lines | "$BPFMAP" load u/by_cpu - >"$work/out"
it "values per CPU: the same again" same t/by_cpu u/by_cpu
run -j lookup u/by_cpu key '{1,2}'
it "floating point keeps its last digit" says '.values[0].value.load' 0.1
run create pc type percpu_hash key 4 value 4 entries 10
from 'key 1 0 0 0 value 7 0 0 0\n' pc -
run -j dump pc
it "a single value goes to all CPUs" says '.[0].values|map(.value[0])|unique' '[7]'

from 'key 01 00 00 00 value 06 00 00 00 00 00 00 00\n' h - exist
it "exist replaces" prints "loaded 1"
from 'key 01 00 00 00 value 07 00 00 00 00 00 00 00\n' h - any
it "any does" prints "loaded 1"
from 'key 99 0 0 0 value 0 0 0 0 0 0 0 0\nkey 01 00 00 00 value 06 00 00 00 00 00 00 00\n' h - noexist
it "noexist stops at a present key" refuses 5 "stdin:2: the key exists already"
it "and says how many were loaded" refuses 5 "1 element was loaded"
from 'key 98 0 0 0 value 0 0 0 0 0 0 0 0\n' h - exist
it "exist stops at an absent key" refuses 1 "stdin:1: the map has no such key"

seq 1 1000 | awk '{printf "{\"key\":%d,\"value\":%d}\n", $1, $1 * 3}' >"$work/many"
run create small type hash key 4 value 8 entries 700
run load small "$work/many"
it "a full map: the line that did not fit" refuses 3 "many:701: "
it "what came before is there" refuses 3 "700 elements were loaded"
run -j dump small
it "all of it" says 'map(.value[0] + .value[1] * 256)|add' $((3 * 700 * 701 / 2))
run create array type array key 4 value 8 entries 1001
run load array "$work/many"
it "arrays are loaded by index" prints "loaded 1000"
from '{"key":2000,"value":1}' array -
it "an index out of range" refuses 3 "stdin:1: "

# bad TEXT LINE: on its own, and behind a good line.
bad() {
	from "$2" small -
	it "'$2' is refused: $1" refuses 5 "stdin:1: "
	it "its sentence holds $1" refuses 5 "$1"
	from "key 01 00 00 00 value 05 00 00 00 00 00 00 00\n$2" small -
	it "'$2' behind a good line" refuses 5 "stdin:2: "
	it "the good line counts" refuses 5 "1 element was loaded"
}
bad "key or {\"key\": expected" '01 02 03'
bad "expected at '[{" '[{"key":1,"value":1}]'
bad "a value without a key" 'value 1 0 0 0 0 0 0 0'
bad "key expected 4 bytes got 3" 'key 1 0 0 value 0 0 0 0 0 0 0 0'
bad "key: more than 4 bytes" 'key 1 0 0 0 0 value 0 0 0 0 0 0 0 0'
bad "value: more than 8 bytes" 'key 1 0 0 0 value 0 0 0 0 0 0 0 0 9'
bad "'100' is no hexadecimal byte" 'key 100 0 0 0 value 0 0 0 0 0 0 0 0'
bad "'zz' is no hexadecimal byte" 'key zz 0 0 0 value 0 0 0 0 0 0 0 0'
bad "'-1' is no hexadecimal byte" 'key -1 0 0 0 value 0 0 0 0 0 0 0 0'
bad "the last element ends too early" 'key 1 0 0 0 value 0 0 0'
bad "the element before has no value" 'key 1 0 0 0 key 1 0 0 0 value 0 0 0 0 0 0 0 0'
bad "value expected 8 bytes got 1" 'key 1 0 0 0 value 0 key 1 0 0 0'
bad "the element has no value" '{"key":1}'
bad "the element has no key" '{"value":1}'
bad "the element has no key" '{}'
bad "what is 'colour'" '{"key":1,"colour":1}'
bad "ends before it" '{"key":1,"value":1} x'
bad "a member's name" '{'
bad "a member's name" '{"key":1,'
bad "a member's name" '{key:1}'
bad "':' expected" '{"key" 1}'
bad "has no value that ends" '{"key":'
bad "has no value that ends" '{"key":[1,2'
bad "has no value that ends" '{"key":"abc'
bad "has no value that ends" '{"key":}'
bad "',' or '}' expected" '{"key":1 "value":2}'
bad "key expected 4 bytes got 3" '{"key":[1,2,3],"value":1}'
bad "key: more than 4 bytes" '{"key":[1,2,3,4,5],"value":1}'
bad "a byte, 0 to 255" '{"key":[1,2,3,256],"value":1}'
bad "a byte, 0 to 255" '{"key":[1,2,3,-1],"value":1}'
bad "a byte, 0 to 255" '{"key":[1,2,3,x],"value":1}'
bad "',' or ']' expected" '{"key":[1,2,3 4],"value":1}'
bad "does not fit into 4 bytes" '{"key":4294967296,"value":1}'
bad "is no number" '{"key":"eth0","value":1}'
bad "is no number" '{"key":-1,"value":1}'
bad "is no number" '{"key":1,"value":{"packets":1}}'
bad "is no number" '{"key":1,"value":99999999999999999999}'
bad "has one value" '{"key":1,"values":[]}'
from '{"key":1,"value":1}' long1 -
it "a number for 20 bytes" refuses 5 "array of numbers"
from '{"key":1,"values":[{"cpu":4096,"value":1}]}' pc -
it "a CPU that there is not" refuses 5 "a cpu from 0 to"
from '{"key":1,"values":[{"value":1}]}' pc -
it "a value of no CPU" refuses 5 "a cpu from 0 to"
from '{"key":1,"values":[7]}' pc -
it "a value that is no object" refuses 5 "expected at '7"
from '{"key":1,"values":7}' pc -
it "values that are no array" refuses 5 "'[' expected"
from '{"key":1,"value":{"u8":256}}' t/everything -
it "typed values are checked" refuses 5 "stdin:1: u8: 256 does not fit"
from '{"key":1,"value":{"u9":2}}' t/everything -
it "by name too" refuses 5 "no member 'u9'"
from 'key: 1  value: { .u8 = 1 }' t/everything -
it "plain typed text is not hexadecimal: a remedy" refuses 5 "dump MAP lines"

run load
it "MAP is missing" refuses 2 "MAP is missing"
run load h
it "FILE is missing" refuses 2 "FILE (- is stdin) is missing"
run load h - sometimes
it "only three flags" refuses 2 "any, exist or noexist"
run load h "$work/nosuch"
it "a file that is not there" refuses 1 "No such file"
run load h "$work"
it "a directory" refuses 5 "can't read"

run create shut type hash key 4 value 4 entries 4
run freeze shut
printf 'key: 01 00 00 00 value: 01 00 00 00\nkey: 02 00 00 00 value: 01 00 00 00\n' >"$work/two"
run load shut "$work/two"
it "of a map that takes nothing the first line is named" refuses 4 "two:1: "
it "and nothing was loaded" refuses 4 "0 elements were loaded"

# Others write while elements are walked over: each is printed once.
run create busy type hash key 4 value 8 entries 3000
"$BPFMAP" load busy "$work/many" >"$work/out"
while [ ! -e "$work/enough" ]; do
	"$BPFMAP" load busy "$work/many" || break
done >"$work/busy" 2>&1 &
writer=$!
for round in 1 2 3 4 5 6 7 8; do
	run -j dump busy
	it "round $round: 1000 elements, each once, while another process replaces them" \
		says 'map(.key)|unique|length == 1000' true
	it "and none twice" says length 1000
done
touch "$work/enough"
wait "$writer"
finish
