#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# query.sh: dump with where, sort, limit, table and the views of values per CPU.
. "$(dirname "$0")/lib.sh"

"$BPFMAP" create h type hash key 4 value 8 entries 100 || exit 99
i=1
while [ $i -le 20 ]; do
	printf '{"key":%d,"value":%d}\n' $i $((i * i * 10))
	i=$((i + 1))
done >"$work/squares"
"$BPFMAP" load h "$work/squares" >/dev/null || exit 99

run dump h where value '==' 90
it "untyped numbers are little-endian" prints "key: 03 00 00 00  value: 5a 00 00 00 00 00 00 00
Found 1 element"
# count OP NUMBER: how many values are so.
for want in "== 90 1" "= 90 1" "!= 90 19" "< 90 2" "<= 90 3" "> 90 17" ">= 90 18" \
	"eq 90 1" "ne 90 19" "lt 90 2" "le 90 3" "gt 90 17" "ge 90 18"; do
	set -- $want
	run -j dump h where value "$1" "$2"
	it "value $1 $2" says length "$3"
	run -j dump h where "value $1 $2"
	it "'value $1 $2' in one word" says length "$3"
	run -j dump h where value "$1 $2"
	it "value '$1 $2' in two words" says length "$3"
done
run -j dump h where 'value>90'
it "signs need no blanks" says length 17
run -j dump h where key ge 5 where value lt 1000
it "all conditions hold" says 'map(.key[0])|sort' '[5,6,7,8,9]'
run -j dump h where value gt 18446744073709551614
it "64 bits are compared unsigned" says length 0
run -j dump h sort value desc limit 3
it "the largest three, in order" says 'map(.key[0])' '[20,19,18]'
run -j dump h sort key limit 3
it "the smallest keys" says 'map(.key[0])' '[1,2,3]'
run -j dump h sort key asc where value gt 90 limit 2
it "words come in any order" says 'map(.key[0])' '[4,5]'
run dump h sort key limit 2
it "how many were found, and how many shown" shows "Found 20 elements, 2 shown"
run dump h limit 2
it "without an order the limit ends the walk" shows "Found 2 elements and more (limit)"
run dump h limit 20
it "a limit that is not reached says nothing" shows "Found 20 elements"
it "nothing at all" test "${out%limit*}" = "$out"
run dump h limit 0
it "limit 0 shows none" shows "Found 0 elements"
run dump h table sort key limit 2
it "a table has a column for key and value" prints "KEY          VALUE
01 00 00 00     10
02 00 00 00     40
Found 20 elements, 2 shown"
run -j dump h lines sort key limit 2
it "lines are JSON, one element each" prints '{"key":[1,0,0,0],"value":[10,0,0,0,0,0,0,0]}
{"key":[2,0,0,0],"value":[40,0,0,0,0,0,0,0]}'
run dump h lines where key eq 21
it "no lines for no elements" prints ""

# Types. The value of by_cpu on CPU c: packets 10 (c + 1), small 2^32 - 1, delta c - 1, load 0.5.
run run "$TYPES" prog pass pcap "$CAPTURE" pin t
P=$("$BPFMAP" -j show t/by_cpu | jq .cpus)
cpu=0
values=
while [ "$cpu" -lt "$P" ]; do
	values="$values${values:+,}{\"cpu\":$cpu,\"value\":{\"packets\":$((10 * cpu + 10)),\"small\":4294967295,\"delta\":$((cpu - 1)),\"color\":\"GREEN\",\"who\":\"c\",\"load\":0.5}}"
	cpu=$((cpu + 1))
done
printf '{"key":{"x":1,"y":-2},"values":[%s]}\n{"key":{"x":2,"y":0},"value":{"packets":1,"color":"BLUE"}}\n' "$values" >"$work/cpus"
run load t/by_cpu "$work/cpus"
it "values per CPU are loaded" prints "loaded 2"
sum=$((10 * P * (P + 1) / 2))
run -j dump t/by_cpu percpu sum sort key.x
it "sums over all CPUs" says '.[0].value|[.packets,.delta,.load]' \
	"[$sum,$((P * (P - 1) / 2 - P)),$(jq -n "$P*0.5")]"
it "sums are wider than what they add up" says '.[0].value.small' $((4294967295 * P))
it "what is no number is shown where all agree" says '.[0].value|[.color,.who]' '["GREEN","c"]'
run -j dump t/by_cpu percpu min where key.x == 1
it "the smallest" says '.[0].value|[.packets,.small,.delta]' '[10,4294967295,-1]'
run -j dump t/by_cpu percpu max where key.x == 1
it "the largest" says '.[0].value|[.packets,.delta]' "[$((10 * P)),$((P - 2))]"
run -j dump t/by_cpu percpu all where key.x == 1
it "all is each CPU's value" says '.[0].values|map(.value.packets)|add' $sum
run -j dump t/by_cpu where key.x == 1
it "and the default" says '.[0].values|length' "$P"
run -j dump t/by_cpu where "value.packets == $sum" where value.delta lt "$((P * P))"
it "conditions see the sum" says length 1
run -j dump t/by_cpu percpu min where "value.packets == 10"
it "or what percpu says" says length 1
run dump t/by_cpu percpu sum table sort key.x limit 1
it "the table of typed values has members as columns" shows "KEY.X  KEY.Y  VALUE.PACKETS  VALUE.SMALL"
run -j dump t/by_cpu percpu sum table sort key.x
it "and as JSON is flat" says '.[0]|[."key.x",."key.y",."value.packets"]' "[1,-2,$sum]"
run dump t/by_cpu where key.x == 2
it "plain output names the CPUs" shows "cpu 0: { .packets = 1,"
run update t/by_cpu key '{9,9}' value '{ .who = "one", .color = GREEN }'
if [ "$P" -gt 1 ]; then
	echo '{"key":{"x":9,"y":9},"values":[{"cpu":0,"value":{"who":"one","color":"GREEN"}},{"cpu":1,"value":{"who":"two"}}]}' >"$work/differ"
	"$BPFMAP" load t/by_cpu "$work/differ" >/dev/null
	run -j dump t/by_cpu percpu sum where key.x == 9
	it "what differs between CPUs is null" says '.[0].value|[.who,.color]' '[null,null]'
fi

run create pa type percpu_array key 4 value 4 entries 2
echo '{"key":1,"values":[{"cpu":0,"value":4294967295}]}' | "$BPFMAP" load pa - >/dev/null
run update pa key 0 value 3 0 0 0
run -j dump pa percpu columns
it "columns are the CPUs" says '.[1]|[.key[0],.cpu0,.sum]' '[1,4294967295,4294967295]'
it "and their sum" says '.[0].sum' $((3 * P))
run dump pa percpu columns
it "plain columns are aligned" shows "KEY                CPU0"
run -j dump pa percpu sum sort value desc
it "untyped values of 4 bytes are summed" says 'map(.value)' "[4294967295,$((3 * P))]"
run create p12 type percpu_hash key 4 value 12 entries 2
run dump p12 percpu sum
it "12 bytes are no number" refuses 2 "percpu all"

# Typed fields.
run update t/everything key 2 value '{ .u8 = 3, .s8 = -5, .name = "bob", .color = BLUE, .low = 5, .high = 17, .signed_bits = -8, .inner = {1,-2}, .pair = {{1,2},{3,4}}, .grid = {{1,2,3},{4,5,6}}, .octet = {1,2,3,4}, .anonymous = 9, .flag = true, .pointer = 0x1234 }'
# finds CONDITION: exactly the element with key 2, of two.
finds() {
	run -j dump t/everything where "$1"
	it "where $1" says 'map(.key)' '[2]'
}
finds 'key == 2'
finds 'value.u8 < 255'
finds 'value.s8 == -5'
finds 'value.s8 < -1'
finds 'value.u64 < 18446744073709551615'
finds 'value.name == bob'
finds 'value.name == "bob"'
finds 'value.name > ""'
finds 'value.color == BLUE'
finds 'value.color == -3'
finds 'value.color != GREEN'
finds 'value.low == 5'
finds 'value.signed_bits < 0'
finds 'value.inner.y == -2'
finds 'value.inner == {1,-2}'
finds 'value.pair[1].x == 3'
finds 'value.grid[1][2] == 6'
finds 'value.octet[3] == 4'
finds 'value.word == 0x04030201'
finds 'value.anonymous == 9'
finds 'value.flag == true'
finds 'value.flag == 1'
finds 'value.pointer == 0x1234'
run -j dump t/by_cpu where 'value.load gt 0.1'
it "floating point is compared" says length 1
run -j dump t/everything sort value.s8
it "signed members are sorted as such" says 'map(.value.s8)' '[-5,-1]'
run -j dump t/everything sort value.name desc
it "strings are sorted" says 'map(.value.name)' '["bob",""]'

# wrong TEXT WORDS...: behind dump.
wrong() {
	text=$1
	shift
	run dump "$@"
	it "dump $* is refused: $text" refuses 2 "$text"
}
wrong "where: a field is missing" h where
wrong "expected a field" h where vlue == 1
wrong "expected a field" h where '> 1'
wrong "an operator is missing" h where value
wrong "expected == !=" h where value is 1
wrong "compared with" h where value ==
wrong "compared with" h where 'value >'
wrong "is unsigned" h where value == -1
wrong "not a whole number" h where value == 1x
wrong "not a number" h where value == x
wrong "too large" h where value == 18446744073709551616
wrong "no BTF for its value" h where value.packets == 1
wrong "no BTF for its key" h where 'key[0] == 1'
wrong "no member 'nosuch'" t/everything where value.nosuch == 1
wrong "nothing there has members" t/everything where value.u8.x == 1
wrong "is no array" t/everything where 'value.u8[0] == 1'
wrong "index 2 is out of range" t/everything where 'value.pair[2].x == 1'
wrong "number in brackets" t/everything where 'value.pair[x].x == 1'
wrong "number in brackets" t/everything where 'value.pair[-1].x == 1'
wrong "number in brackets" t/everything where 'value.pair[1 == 1'
wrong "what is 'x'" t/everything where 'value.pair[1]x == 1'
wrong "name is missing" t/everything where 'value. == 1'
wrong "name is missing" t/everything where 'value..u8 == 1'
wrong "no name of enum color" t/everything where value.color == MAUVE
wrong "longer than 12" t/everything where value.name == "thirteen char"
wrong "is no number" t/by_cpu where value.who == bob
wrong "is no number" t/by_cpu sort value
wrong "sort: a field is missing" h sort
wrong "sort specified multiple times" h sort key sort value
wrong "expected a field" h sort nosuch
wrong "limit needs a number" h limit
wrong "not a number" h limit many
wrong "percpu: sum, min" h percpu
wrong "expected sum, min" pa percpu average
wrong "one value per element" h percpu sum
wrong "add percpu sum" pa table
wrong "what is 'desc'" h desc
finish
