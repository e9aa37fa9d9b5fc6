#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# verbs.sh: every verb on maps without BTF, plain and JSON.
. "$(dirname "$0")/lib.sh"

run list user
it "list of nothing says so" prints "no maps in $BPFMAP_DIR"
run -j list user
it "list of nothing is an empty array in JSON" prints "[]"
out=$(BPFMAP_DIR=/dev/null/x "$BPFMAP" list user 2>&1) last="BPFMAP_DIR=/dev/null/x bpfmap list user"
it "a directory that cannot be read has none, for a reason" [ "$out" = "no maps in /dev/null/x: Not a directory" ]

run create h type hash key 4 value 8 entries 2
it "create makes a map and says nothing" prints ""
it "create pins it in the runtime directory" test -f "$BPFMAP_DIR/h"
run -j create sub/h2 type hash key 20 value 20 entries 4 name other flags no_prealloc
it "create makes directories on the way; JSON is null" prints "null"
run create h type hash key 4 value 8 entries 2
it "create refuses a path that exists" refuses 5 "exists"
run create a type array key 4 value 4 entries 3 flags 0x400
it "create takes flags as a number" ok

run dump h
it "dump of an empty map" prints "Found 0 elements"
run -j dump h
it "dump of an empty map is an empty array" prints "[]"
run getnext h
it "getnext of an empty map is not found" refuses 1 "empty"

run update h key 1 0 0 0 value 1 2 3 4 5 6 7 8
it "update says nothing" prints ""
run -j update h key hex 2 0 0 0 value hex ff 0 0 0 0 0 0 0
it "update takes hexadecimal bytes; JSON is null" prints "null"
run update h key 3 0 0 0 value 0 0 0 0 0 0 0 0
it "update of a full map has exit code 3 and a sentence" refuses 3 "full"
run update h key 1 0 0 0 value 0 0 0 0 0 0 0 0 noexist
it "update noexist refuses a present key" refuses 5 "exists"
run update h key 9 0 0 0 value 0 0 0 0 0 0 0 0 exist
it "update exist refuses an absent key" refuses 1 "no such key"
run update h key 1 0 0 0 value 9 2 3 4 5 6 7 8 exist
it "update exist replaces" ok
run upd h k 1 0 0 0 v 1 2 3 4 5 6 7 8 any
it "verbs and keywords may be shortened" ok

run lookup h key 1 0 0 0
it "lookup shows one element" prints "key: 01 00 00 00  value: 01 02 03 04 05 06 07 08"
run -j lookup h key 1 0 0 0
it "JSON bytes are numbers" prints '{"key":[1,0,0,0],"value":[1,2,3,4,5,6,7,8]}'
run --bpftool-json lookup h key 1 0 0 0
it "bpftool's bytes are strings" says '.key' '["0x01","0x00","0x00","0x00"]'
run lookup h key 7 0 0 0
it "lookup of an absent key is not found" refuses 1 "no such key"

run dump h
it "dump shows every element" shows "Found 2 elements"
run -p dump h
it "pretty JSON is JSON" says 'length' 2
run -j dump h
it "dump has both keys" says 'map(.key[0])|sort' '[1,2]'

first=$("$BPFMAP" -j getnext h | jq '.next_key[0]')
run -j getnext h key "$first" 0 0 0
it "getnext leads from the first key to the other" says '.next_key[0]' $((3 - first))
second=$((3 - first))
run getnext h key "$second" 0 0 0
it "getnext of the last key is not found" refuses 1 "last"
run getnext a
it "getnext of an array begins with index 0" prints "key: -  next key: 00 00 00 00"

run update a key 2 value 5 6 7 8
it "an array takes its index as a number" ok
run lookup a key 2
it "and shows it" prints "key: 02 00 00 00  value: 05 06 07 08"
run update a key 3 value 5 6 7 8
it "an index out of range has exit code 3" refuses 3 ""
run delete a key 2
it "array elements cannot be deleted" refuses 5 ""

run update sub/h2 key 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 value 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20
run dump name other
it "long bytes stand in rows of 16" prints "key:
01 02 03 04 05 06 07 08  09 0a 0b 0c 0d 0e 0f 10
11 12 13 14
value:
01 02 03 04 05 06 07 08  09 0a 0b 0c 0d 0e 0f 10
11 12 13 14
Found 1 element"

run pin h again
it "pin gives another name" ok
run pin name h sub/third
it "pin by name" ok
run -j show pinned h
it "show lists every pin" says '.pinned|length' 3
it "show counts entries" says '.entries' 2
it "show tells the high-water mark" says '.high_water' 2
it "show tells failed updates" says '.failed_updates' 1
it "show tells how full" says '.percent_full' 100
it "show counts what was done" says '[.updates,.deletes,.failed_exists,.failed_absent,.failed_other]' '[4,0,1,1,0]'
it "show says that lookups are not counted" says '.lookups' null
it "show tells the last change" says '(now-.changed)|(. >= 0 and . < 60)' true
id=$(printf %s "$out" | jq .id)
run show id "$id"
it "plain show is labelled" shows "high-water mark  2"
run show sub/h2
it "show names flags" shows "no_prealloc"
run pin h a.b
it "pin refuses a name with a dot" refuses 4 "."
run pin h again
it "pin refuses a path that exists" refuses 5 "exists"

run -j list user
it "list is one row for each map" says 'map(.name)|sort' '["a","h","other"]'
it "list has bpftool's names" says 'map(has("bytes_key") and has("max_entries") and has("bytes_memlock"))|unique' '[true]'
run list user
it "plain list has a heading" shows "MAX  MEMORY"
run -j show
it "show without a map is list" says 'map(select(.world=="user"))|length' 3
run -j list h
it "list of one map is one row" says 'length' 1

sleep 60 3<"$BPFMAP_DIR/h" &
holder=$!
run -j show h
it "show lists processes that hold the map" says "[.pids[]|select(.pid==$holder)]|length" 1
kill "$holder"
python3 -c "
import mmap, os, time
fd = os.open('$BPFMAP_DIR/h', os.O_RDONLY)
kept = mmap.mmap(fd, 4096, prot=mmap.PROT_READ)
os.close(fd)
open('$work/mapped', 'w')
time.sleep(60)" &
holder=$!
until [ -e "$work/mapped" ]; do kill -0 "$holder" || exit 1; sleep 0.05; done
run -j show h
it "and those that have only mapped it" says "[.pids[]|select(.pid==$holder)]|length" 1
kill "$holder"

run delete h key 1 0 0 0
it "delete says nothing" prints ""
run delete h key 1 0 0 0
it "delete of an absent key is not found" refuses 1 "no such key"
run lookup "/sys/fs/bpf/h" key 2 0 0 0
it "a path below /sys/fs/bpf is the same name in the runtime directory" ok
run lookup "$BPFMAP_DIR/h" key 2 0 0 0
it "an absolute path is itself" ok

run create dup1 type hash key 1 value 1 entries 1 name dup
run create dup2 type hash key 1 value 1 entries 1 name dup
run dump name dup
it "a name of several maps is refused with their ids" refuses 2 "several maps match"
run dump name nosuch
it "an unknown name is not found" refuses 1 "no map is named"
run dump id 99999
it "an unknown id is not found" refuses 1 "99999"
run dump nosuch
it "an unknown path is not found" refuses 1 "nosuch"
run -j dump nosuch
it "errors go to stderr in JSON too" refuses 1 "nosuch"
printf 'not a map' >"$BPFMAP_DIR/junk"
run dump junk
it "a file that is no map is refused" refuses 4 "is not a pinned map"
run list user
it "list passes over files that are no maps" shows "dup1"

run version
it "version" shows "libbpf"
run -j version
it "version in JSON" json
run help
it "help lists verbs" shows "getnext MAP"
it "help lists exit codes" shows "the command line is wrong"
it "its lines fit a terminal" test -z "$(printf %s "$out" | awk 'length > 80')"
run help run
it "help of a verb" shows "bpfmap run OBJ.bpf.o"
it "it says what its words mean" shows "repeat N"
it "it has an example" shows "bpfmap run seen.bpf.o"
it "it names the man page" shows "man bpfmap-run"
wanted=$out
run run help
it "help behind a verb is the verb's help" prints "$wanted"
run -j run --help
it "so is --help" prints "$wanted"
run enqueue -h
it "and -h, of a second name, too" shows "bpfmap push MAP"
run help enqueue
it "help knows second names" shows "bpfmap push MAP"
run --help
it "--help is help" shows "getnext MAP"
finish
