#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# typed.sh: values typed by BTF, both ways.
. "$(dirname "$0")/lib.sh"

run run "$TYPES" prog pass pcap "$CAPTURE" pin t
it "run pins the maps of an object" ok

run lookup t/sizes key 0
it "integers are numbers" shows "key: 0  value: "
run lookup t/by_name key eth0
it "a char array is a string, also without quotes" shows 'key: "eth0"  value: { .packets = '
run -j dump t/by_name
it "JSON is typed" says '.[0].key' '"eth0"'
it "JSON numbers are numbers" says '.[0].value.packets|type' '"number"'
run --bpftool-json dump t/by_name
it "bpftool's JSON has both bytes and types" says '.[0]|[.key[0],.formatted.key]' '["0x65","eth0"]'
run show t/by_name
it "show names the types" shows "struct count"

run lookup t/everything key 1
it "what a program wrote is shown by name" shows ".color = GREEN"
it "bit fields are separate" shows ".high = 17"
it "unsigned 64-bit values are whole" shows ".u64 = 18446744073709551615"

value='{ .u8 = 3, .name = "bob", .color = BLUE, .low = 5, .signed_bits = -8, .inner = {1,-2},
 .pair = {{1,2},{3,4}}, .grid = {{1,2,3},{4,5,6}}, .octet = {1,2,3,4}, .anonymous = 9, .flag=true,
 .s64 = -9223372036854775808, .u64 = 0xffffffffffffffff, .s8 = -128, .pointer = 0x1234, }'
run update t/everything key 2 value "$value"
it "a C literal is taken" ok
run -j lookup t/everything key 2
it "and comes back" says '.value|[.u8,.name,.color,.low,.signed_bits,.inner.y,.pair[1].x,.grid[1][2],.anonymous,.flag,.s8,.pointer]' \
	'[3,"bob","BLUE",5,-8,-2,3,6,9,true,-128,4660]'
it "members of an anonymous union stand in the parent" says '.value.word' 67305985
it "omitted members are zero" says '.value.u16' 0
# Cut out by the shell: jq would round large numbers.
before=${out#*\"value\":}
before=${before%\}}

run update t/everything key 3 value "$before"
it "JSON output is taken as input" ok
run -j lookup t/everything key 3
it "and means the same" shows "\"value\":$before}"

plain=$("$BPFMAP" lookup t/everything key 2 | sed -e 1d -e 's/^value: //')
run update t/everything key 4 value "$plain"
it "plain output is taken as input" ok
run -j lookup t/everything key 4
it "and means the same" shows "\"value\":$before}"

run update t/by_name key '"a\"b\\c"' value '{"packets":1,"bytes":2}'
it "JSON and escapes are taken" ok
run -j lookup t/by_name key '"a\"b\\c"'
it "escapes come back" says '.key' '"a\"b\\c"'
run update t/by_name key plain value { .packets = 3, .bytes = 4 }
it "a literal may be several words" ok
run lookup t/by_name key plain
it "and is the same" prints 'key: "plain"  value: { .packets = 3, .bytes = 4 }'
run update t/by_name key plain value '{5,6}'
it "members may be given in order" ok
run update t/by_name key plain value 7 0 0 0 0 0 0 0 8 0 0 0 0 0 0 0
it "bytes are taken where there are types, too" ok
run lookup t/by_name key plain
it "and are the same" prints 'key: "plain"  value: { .packets = 7, .bytes = 8 }'
run update t/by_name key 1234567890123456 value '{}'
it "a number is a string where the key is one" ok

run update t/types_data key 0 value '{ .limit = 5 }'
it "one variable of a data section may be given" ok
run dump t/types_data
it "and the others keep their values" shows '.limit = 5, .greeting = "hello"'
run -j lookup t/types_bss key 0
it "variables have names" says '.value|has("seen")' true
run getnext t/types_bss
it "the key of global data is a number" prints "key: -  next key: 0"

# wrong TEXT VALUE
wrong() {
	run update t/everything key 2 value "$2"
	it "value $2 is refused: $1" refuses 2 "$1"
}
wrong "u8: 256 does not fit, it holds 0 to 255" '{ .u8 = 256 }'
wrong "u8: -1 does not fit" '{ .u8 = -1 }'
wrong "s8: 128 does not fit" '{ .s8 = 128 }'
wrong "s8: -129 does not fit" '{ .s8 = -129 }'
wrong "low: 8 does not fit" '{ .low = 8 }'
wrong "signed_bits: 8 does not fit" '{ .signed_bits = 8 }'
wrong "larger than 64 bits" '{ .u64 = 18446744073709551616 }'
wrong "s64: -9223372036854775809 does not fit" '{ .s64 = -9223372036854775809 }'
wrong "no member 'nosuch'; there are u8" '{ .nosuch = 1 }'
wrong "no member" '{"nosuch":1}'
wrong "no name of enum color" '{ .color = MAUVE }'
wrong "longer than 12 bytes" '{ .name = "thirteen char" }'
wrong "no closing quote" '{ .name = "bob }'
wrong "more were given" '{ .octet = {1,2,3,4,5} }'
wrong "more were given" '{ .inner = {1,2,3} }'
wrong "whole number" '{ .u8 = 1.5 }'
wrong "whole number" '{ .u8 = 1x }'
wrong "a number expected" '{ .u8 = }'
wrong "a number expected" '{ .u8 = bob }'
wrong "expected" '{ .u8 = 1'
wrong "expected" '{ .u8 1 }'
wrong "expected" '{ .u8 = 1 .s8 = 1 }'
wrong "'{' expected" '5'
wrong "'{' expected" 'bob'
wrong "'{' expected" '{ .inner = 1 }'
wrong "ends before it" '{ .u8 = 1 } }'
wrong "ends before it" '{} x'
wrong "expected" '{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{{'
wrong "escape" '{ .name = "\q" }'
run update t/everything key 4294967296 value '{}'
it "a key that does not fit is refused" refuses 2 "does not fit"
run update t/everything key 1.5 value '{}'
it "a key that is no whole number is refused" refuses 2 "whole number"
run -j lookup t/everything key 2
it "nothing of all this changed the value" shows "\"value\":$before}"
finish
