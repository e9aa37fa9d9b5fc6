#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# words.sh: wrong command lines of every kind: exit code 2 and a sentence, nothing done.
. "$(dirname "$0")/lib.sh"

"$BPFMAP" create h type hash key 4 value 2 entries 8 || exit 99
"$BPFMAP" create odd type hash key 5 value 3 entries 8 || exit 99
"$BPFMAP" create b type bloom_filter value 4 entries 8 || exit 99

# wrong TEXT WORDS...
wrong() {
	text=$1
	shift
	run "$@"
	it "'$*' is refused: $text" refuses 2 "$text"
}

wrong "what is 'frobnicate'" frobnicate
wrong "bpfmap help lists the verbs" frobnicate
for word in rm unpin remove ls cat set put info mv watch; do
	wrong "what is '$word'? " $word h
	it "$word is known from elsewhere" test "${err%lists the verbs}" = "$err"
done
wrong "several verbs" d h
wrong "what is ''" ""
wrong "MAP is missing" dump
wrong "empty string" dump ""
wrong "id needs a number" dump id
wrong "is not a number" dump id x
wrong "is not a number" dump id -1
wrong "too large" dump id 4294967296
wrong "too large" dump id 99999999999999999999999
wrong "path is missing" dump pinned
wrong "empty string" dump pinned ""
wrong "name is missing" dump name
wrong "what is 'x'" dump h x
wrong "what is 'x'" show h x
wrong "what is 'x'" list h x
wrong "what is 'x'" version x
wrong "what is 'x'" help x
wrong "what is 'y'" help dump y
wrong "longer than" dump "$(printf '%05000d' 0)"

wrong "did not find key" lookup h
wrong "did not find key" lookup h 1 0 0 0
wrong "key needs DATA" lookup h key
wrong "expected 4 bytes got 0" lookup h key hex
wrong "empty string" lookup h key ""
wrong "expected 4 bytes got 3" lookup h key 1 2 3
wrong "expected 4 bytes got 5" lookup h key 1 2 3 4 5
wrong "each byte is a word" lookup odd key 1
wrong "key: 4294967296 is too large" lookup h key 4294967296
wrong "value: 0x10000 is too large" update h key 1 value 0x10000
wrong "'-1' is not a number" update h key 1 value -1
wrong "'1z' is not a number" update h key 1 value 1z
wrong "300 does not fit into a byte" lookup h key 300 0 0 0
wrong "256 does not fit into a byte" lookup h key 0 0 0 256
wrong "-1 does not fit into a byte" lookup h key -1 0 0 0
wrong "0x100 does not fit" lookup h key 0x100 0 0 0
wrong "does not fit into a byte" lookup h key 99999999999999999999 0 0 0
wrong "100 does not fit into a byte (hex" lookup h key hex 100 0 0 0
wrong "error parsing byte: zz" lookup h key hex zz 0 0 0
wrong "error parsing byte: 1z" lookup h key 1z 0 0 0
wrong "error parsing byte: x" lookup h key 1 2 3 x
wrong "error parsing byte: 08" lookup h key 08 0 0 0
wrong "expected 4 bytes got 2" lookup h key hex 1 2
wrong "what is '5'" lookup h key hex 1 2 3 4 5
wrong "error parsing byte" lookup h key '{' .a = 1 '}'

wrong "did not find key" update h value 1 2
wrong "expected value" update h key 1 2 3 4
wrong "value needs DATA" update h key 1 2 3 4 value
wrong "key expected 4 bytes got 3" update h key 1 2 3 value 1 2
wrong "value expected 2 bytes got 3" update h key 1 2 3 4 value 1 2 3
wrong "any, exist or noexist" update h key 1 2 3 4 value 1 2 sometimes
wrong "only one of" update h key 1 2 3 4 value 1 2 any any
wrong "only one of" update h key 1 2 3 4 value 1 2 any exist
wrong "does not fit" update h key 1 2 3 4 value 1 256
wrong "did not find key" delete h
wrong "what is 'x'" delete h key 1 2 3 4 x
wrong "expected key" getnext h 1
wrong "PATH is missing" pin h
wrong "did not find key" take h
wrong "key expected 4 bytes" take h key 1 2
wrong "what is 'x'" take h key 1 2 3 4 x
wrong "MAP is missing" clear
wrong "what is 'x'" clear h x
wrong "MAP is missing" freeze
wrong "what is 'x'" freeze h x
wrong "MAP is missing" push
wrong "MAP is missing" peek
wrong "MAP is missing" pop
wrong "did not find value" push b
wrong "value needs DATA" push b value
wrong "value expected 4 bytes got 2" push b value 1 2
wrong "any, exist or noexist" push b value 1 2 3 4 x
wrong "what is 'x'" peek b value 1 2 3 4 x
wrong "what is 'x'" pop b x
wrong "hashes needs a number" create x hashes
wrong "too large, at most 15" create x type bloom_filter value 4 entries 4 hashes 16
wrong "key is missing" create x type hash value 4 entries 4
wrong "value is missing" create x type bloom_filter entries 4
wrong "what is 'y'" pin h x y

wrong "PATH is missing" create
wrong "PATH is an empty string" create ""
wrong "type is missing" create x
wrong "entries is missing" create x type hash key 4 value 4
wrong "unrecognized map type: hsh" create x type hsh
wrong "type is missing" create x type
wrong "specified multiple times" create x type hash type hash
run create x type lpm_trie key 8 value 4 entries 4 flags no_prealloc
it "a type that is not here is called by its name" refuses 5 "maps of type lpm_trie (11) are not supported here"
wrong "key needs a number" create x type hash key
wrong "is not a number" create x type hash key 4x
wrong "too large" create x type hash key 4294967296
wrong "expected type, key" create x colour red
wrong "longer than 15" create x name 1234567890123456
wrong "unknown flag" create x flags no_such
wrong "too large" create x flags 4294967296
wrong "empty string" create x name ""

wrong "OBJ.bpf.o is missing" run
wrong "pcap FILE is missing" run "$TYPES"
wrong "pcap is missing" run "$TYPES" pcap
wrong "several words" run "$TYPES" p x
wrong "expected prog, pcap" run "$TYPES" speed 3
wrong "specified multiple times" run "$TYPES" pcap a pin b pin c
wrong "repeat: 0" run "$TYPES" repeat 0 pcap x
wrong "is not a number" run "$TYPES" repeat many pcap x
wrong "neither user nor kernel" run "$TYPES" engine steam pcap x
wrong "choose one with prog NAME" run "$TYPES" pcap "$CAPTURE"

run dump h
it "nothing of all this changed the map" prints "Found 0 elements"
run create x type hash key 0 value 4 entries 4
it "what the map type forbids has a sentence" refuses 5 "key"
it "and leaves no pin" test ! -e "$BPFMAP_DIR/x"
run
it "no verb at all is refused" test "$code" = 2
it "and shows the verbs" test "$(printf %s "$err" | grep -c '^  [a-z]')" -gt 30
it "in lines that fit a terminal" test -z "$(printf %s "$err" | awk 'length > 80')"
finish
