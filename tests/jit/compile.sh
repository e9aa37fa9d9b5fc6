#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# compile.sh: bpfmap compile, and bpfmap run with what it made.
#
#   usage: compile.sh BPFMAP FLOWS.bpf.o CAPTURE OTHER.bpf.o
OTHER=$4
. "$(dirname "$0")/../cli/lib.sh"

compiler=$BPFMAP_JIT
file=$work/flows.so
run -j run "$TYPES" pcap "$CAPTURE" jit off
maps='[.maps[]|select(.name|test("^[a-z]*$"))|[.name,.entries]]'
interpreted=$(printf %s "$out" | jq -c "[.verdicts, $maps]")

run -j compile "$TYPES" -o "$file"
it "an object is compiled" says .programs '["count_flows"]'
it "into a file" test -s "$file"
export BPFMAP_JIT=/nowhere
run -j run "$TYPES" pcap "$CAPTURE" jit "$file"
it "which runs without the compiler" says .engine '"jit"'
it "and gives what the interpreter gives" says "[.verdicts, $maps]" "$interpreted"
run -j run "$TYPES" pcap "$CAPTURE" jit auto
it "without the compiler auto interprets" says .engine '"interpreter"'
run run "$TYPES" pcap "$CAPTURE" jit on
it "and on is refused" refuses 5 "BPFMAP_JIT names /nowhere"
run run "$OTHER" pcap "$CAPTURE" jit "$file"
it "another program does not take the code" refuses 5 "compile it again"
chmod o+w "$file"
run run "$TYPES" pcap "$CAPTURE" jit "$file"
it "a file that others may write is not trusted" refuses 4 "not trusted"
run run "$TYPES" pcap "$CAPTURE" jit ./nosuch.so
it "a file that is not there" refuses 1 "./nosuch.so"
run compile "$TYPES" -o "$file"
it "compiling takes the compiler" refuses 5 "BPFMAP_JIT names /nowhere"
export BPFMAP_JIT="$compiler"
run compile "$TYPES"
it "compile wants a file" refuses 2 "-o FILE is missing"
run compile "$TYPES" -o "$file" prog nosuch
it "and programs that there are" refuses 1 "count_flows"
run compile "$work/nosuch.o" -o "$file"
it "and an object" refuses 1 "nosuch.o"
run compile "$TYPES" -o /nowhere/flows.so
it "and a directory" refuses 1 "/nowhere/flows.so"
run -j run "$TYPES" pcap "$CAPTURE" jit on
it "with the compiler on compiles" says .engine '"jit"'
finish
