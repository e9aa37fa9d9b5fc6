#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# run.sh: programs fed with captures, and everything that can be wrong with either.
. "$(dirname "$0")/lib.sh"

packets=$("$BPFMAP" -j run "$TYPES" prog pass pcap "$CAPTURE" | jq .packets)
it "the capture holds packets" test "$packets" -gt 1000

run run "$TYPES" prog pass pcap "$CAPTURE"
it "verdicts have names and counts" shows "XDP_PASS=$packets"
it "maps follow" shows "map by_name  type hash"
it "of an array's elements those that are zero are counted" shows "1 element is zero"
run -j run "$TYPES" prog pass pcap "$CAPTURE"
it "JSON has them all" says '.maps[]|select(.name == "sizes").elements|length' 2
it "the report is JSON" says '.verdicts.XDP_PASS' "$packets"
it "global data counts too" says '.maps[]|select(.name|endswith(".bss")).elements[0].value.seen' "$packets"
it "read-only data is left out" says '[.maps[]|select(.name|contains("rodata"))]|length' 0
run -j run "$TYPES" prog pass pcap "$CAPTURE" repeat 3
it "repeat runs each packet so often" says '.verdicts.XDP_PASS' $((packets * 3))
run -j run "$TYPES" prog shot pcap "$CAPTURE"
it "classifiers have verdict names" says '.verdicts|keys' '["TC_ACT_OK","TC_ACT_SHOT"]'
it "and every packet has one" says '.verdicts|add' "$packets"
run -j run "$TYPES" prog keep pcap "$CAPTURE"
it "socket filters return numbers" says '.verdicts|keys|map(tonumber)|length > 10' true

run run "$TYPES" prog pass pcap "$CAPTURE" pin dir/sub
it "run pins maps" ok
run -j dump dir/sub/by_name
it "and they stay" says '.[0].value.packets' "$packets"
run run "$TYPES" prog pass pcap "$CAPTURE" pin dir/sub
it "pins of an earlier run are not replaced" refuses 5 "exists"
mkdir -p "$BPFMAP_DIR/half"
cp "$BPFMAP_DIR/dir/sub/types_bss" "$BPFMAP_DIR/half/types_bss"
run run "$TYPES" prog pass pcap "$CAPTURE" pin half
it "if one map cannot be pinned none is" test "$(ls "$BPFMAP_DIR/half")" = types_bss

# The live kernel does the same, where it may be asked.
"$BPFMAP" -j run "$TYPES" prog pass pcap "$CAPTURE" engine kernel >"$work/kernel" 2>"$work/kernel.err"
kernel_code=$?
if [ "$kernel_code" = 4 ]; then
	echo "SKIPPED: engine kernel: $(head -n 1 "$work/kernel.err")"
else
	"$BPFMAP" -j run "$TYPES" prog pass pcap "$CAPTURE" >"$work/user"
	same='[.verdicts, .packets, (.maps|map([.name, .elements]))]'
	it "the kernel's maps are the same" \
		test "$(jq -c "$same" "$work/kernel")" = "$(jq -c "$same" "$work/user")"
	it "the engine is named" test "$(jq -r .engine "$work/kernel")" = kernel
fi

run run "$work/nosuch.o" pcap "$CAPTURE"
it "an object that is not there" refuses 1 "No such file"
run run "$TYPES" prog pass pcap "$work/nosuch"
it "a capture that is not there" refuses 1 "No such file"
run run "$TYPES" prog nosuch pcap "$CAPTURE"
it "a program that is not there: the others are named" refuses 1 "pass, shot, keep, probe"
run run "$TYPES" prog probe pcap "$CAPTURE"
it "a program that takes no packets" refuses 5 "kprobe"
run run "$CAPTURE" pcap "$CAPTURE"
it "a capture is no object" refuses 5 "can't load"
run run "$TYPES" prog pass pcap "$TYPES"
it "an object is no capture" refuses 5 "no capture file"
run run "$work" pcap "$CAPTURE"
it "a directory is no object" refuses 5 "can't load"
run run "$TYPES" prog pass pcap "$work"
it "a directory is no capture" refuses 5 "no capture file"
: >"$work/empty"
run run "$work/empty" pcap "$CAPTURE"
it "an empty file is no object" refuses 5 "can't load"
run run "$TYPES" prog pass pcap "$work/empty"
it "an empty file is no capture" refuses 5 "no capture file"

head -c 5000 "$CAPTURE" >"$work/cut.pcap"
run -j run "$TYPES" prog pass pcap "$work/cut.pcap"
it "a truncated capture is an error" test "$code" = 5
it "with a sentence" test "${err#Error: the capture}" != "$err"
it "and what was processed is reported" test "$(printf %s "$out" | jq '.packets > 0')" = true

# Link type 113: Linux cooked, what a capture on 'any' holds.
{ head -c 20 "$CAPTURE"; printf '\161\0\0\0'; } >"$work/cooked.pcap"
run run "$TYPES" prog pass pcap "$work/cooked.pcap"
it "frames that are not Ethernet are refused" refuses 5 "Ethernet"

# A packet of 10 bytes is too short for a program; the next one is not.
{
	head -c 24 "$CAPTURE"
	printf '\0\0\0\0\0\0\0\0\12\0\0\0\12\0\0\0' && head -c 10 /dev/zero
	printf '\0\0\0\0\0\0\0\0\74\0\0\0\74\0\0\0' && head -c 60 /dev/zero
} >"$work/short.pcap"
run -j run "$TYPES" prog pass pcap "$work/short.pcap"
it "packets that fail are counted" test "$(printf %s "$out" | jq -c '[.packets,.failed,.verdicts.XDP_PASS]')" = "[2,1,1]"
it "and make the run fail" test "$code" = 5

# Damaged objects: any answer but a crash or silence.
size=$(stat -c %s "$TYPES")
part=1
while [ $part -le 15 ]; do
	head -c $((size * part / 16)) "$TYPES" >"$work/part.o"
	run run "$work/part.o" prog pass pcap "$work/cut.pcap"
	it "an object cut to $part/16 is an error sentence" refuses "$code" "can't load"
	it "not a crash" test "$code" -gt 0 -a "$code" -lt 6
	part=$((part + 1))
done

# One byte at a time, at places a fixed step apart: a failure shows the place.
at=7
while [ $at -lt "$size" ]; do
	cp "$TYPES" "$work/flip.o"
	printf '\377' | dd of="$work/flip.o" bs=1 seek=$at conv=notrunc status=none
	run run "$work/flip.o" prog pass pcap "$work/cut.pcap"
	it "an object with byte $at spoilt does not crash the tool" test "$code" -lt 6
	at=$((at + size / 60))
done

"$BPFMAP" run "$TYPES" prog pass pcap "$CAPTURE" repeat 100000 >"$work/int" 2>"$work/int.err" &
pid=$!
while ! { [ "/proc/$pid/exe" -ef "$BPFMAP" ] && grep -q "^SigCgt:.*[2367abef]$" "/proc/$pid/status"; } 2>/dev/null; do
	kill -0 $pid 2>/dev/null || break
done
kill -INT $pid
wait $pid
code=$?
last="run ... repeat 100000, interrupted"
out=$(cat "$work/int")
err=$(cat "$work/int.err")
it "an interrupt ends the run with its report" shows "interrupted"
finish
