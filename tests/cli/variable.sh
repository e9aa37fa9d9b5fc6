#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# variable.sh: maps whose keys and values have lengths of their own: strings as keys.
. "$(dirname "$0")/lib.sh"

run create names type hash key 64 value 300 entries 4 flags variable
it "a map with lengths of their own is created" ok
run show names
it "show names the flag" shows variable
run update names key alpha value 'the first letter'
it "text is stored" ok
run lookup names key alpha
it "and shown as text" prints 'key: "alpha"  value: "the first letter"'
run -j lookup names key alpha
it "in JSON as strings" prints '{"key":"alpha","value":"the first letter"}'
run update names key '"10 \"quoted\""' value '""'
it "text in quotes may be anything" ok
run -j lookup names key '"10 \"quoted\""'
it "and comes back; a value may be empty" prints '{"key":"10 \"quoted\"","value":""}'
run update names key 1 2 3 value hex 61 00 ff exist
it "exist is refused for a new key" refuses 1 "no such key"
run update names key 1 2 3 value hex 61 00 ff
it "bytes in decimal and hex" ok
run -j lookup names key hex 01 02 03
it "are shown as bytes" prints '{"key":[1,2,3],"value":[97,0,255]}'
run update names key alpha value other noexist
it "noexist is refused for a present key" refuses 5 "exists already"
run update names key beta value b
run update names key gamma value c
it "a full map is refused" refuses 3 "full"
run -j dump names
it "dump has all elements" says 'length' 4
it "with their keys" says '[.[].key] | map(select(type == "string")) | sort' '["10 \"quoted\"","alpha","beta"]'
run dump names
it "and for people" shows 'key: "beta"  value: "b"'
it "counted" shows "Found 4 elements"
run delete names key beta
it "delete" ok
run delete names key beta
it "of an absent key is refused" refuses 1 "no such key"
run update names key "$(printf %065d 0 | tr 0 k)" value x
it "a key beyond key_size is refused" refuses 2 "at most 64 bytes"
run update names key '"open' value x
it "an open quote is refused" refuses 2 "quotes"
run dump names where value = 1
it "queries are refused" refuses 2 "as a whole"
run take names key alpha
it "verbs without lengths are refused with a sentence" refuses 2 "lengths of their own"
run clear names
it "also clear" refuses 5 "BPFMAP_F_VARIABLE"
run freeze names
run update names key delta value d
it "a frozen map is not written to" refuses 4 "frozen"
run lookup names key alpha
it "and is read" ok
run create wrong type array key 4 value 8 entries 4 flags variable
it "other types do not know the flag" refuses 5 ""

finish
