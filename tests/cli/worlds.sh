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

# Everything below is the kernel's.
fs=/sys/fs/bpf dir=bpfmap_cli_$$
if ! run create kernel "$dir/h" type hash key 4 value 8 entries 4 || [ "$code" != 0 ]; then
	printf 'SKIPPED: the kernel part: %s\n' "$err"
	[ "$failed" = 0 ] || finish
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
run lookup kernel name h key 1 0 0 0
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
run getnext kernel id "$id"
it "getnext" shows "next key: 01 00 00 00"
run take kernel id "$id" key 1 0 0 0
it "take" shows "value: 01 02"
run dump kernel id "$id"
it "take removes" prints "Found 0 elements"
finish
