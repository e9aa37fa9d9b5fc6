#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# abi.sh BUILD TREE: programs that were built against the recorded interface run with this one (x86-64).
# abi.sh --record BUILD TREE: records the interface, after the soversion was raised or functions were added.
#
# The record, tests/install/abi/*.abi, is libabigail's description of the library: its functions and the
# structs of its public headers. Functions may come, and structs that begin with their size may grow at their
# end; whatever else differs fails, and the canaries show it.
record=''
if [ "${1-}" = --record ]; then
	record=1
	shift
fi
build=$1 tree=$2
. "$tree/tests/install/lib.sh"
baselines=$tree/tests/install/abi

# describe LIBRARY HEADERS OUTPUT: what programs see of a library.
describe() {
	abidw --headers-dir "$2/bpfmap" --drop-private-types --exported-interfaces-only --no-corpus-path \
		--no-comp-dir-path --no-show-locs --type-id-style hash --out-file "$3" "$1" || return
	grep -q '<function-decl' "$3" && return
	echo "$1 has no debugging information to judge it by"
	return 1
}

# growing HEADERS BASELINE: structs that begin with their size may grow behind it, as libabigail's exceptions.
growing() {
	local name size

	awk '/^struct [a-z_]+ \{/ { name = $2; next }
		/^\tsize_t sz;/ && name { print name }
		{ name = "" }' "$1"/bpfmap/*.h | while read -r name; do
		size=$(sed -n "s/.*<class-decl name='$name' size-in-bits='\([0-9]*\)'.*/\1/p" "$2" | head -n 1)
		[ -z "$size" ] ||
			printf '[suppress_type]\n  name = %s\n  has_data_member_inserted_between = {%s, end}\n' \
				"$name" "$size"
	done
}

# The headers' constants; no function's type holds them.
constants() {
	sed -z 's/=\n\t*/= /g' "$1"/bpfmap/*.h | sed -nE 's/^(#define |\t)(BPFMAP_[A-Z_]+) *(= *)?(\(1u << [0-9]+\)|[0-9]+)( |,|$).*/\2 \4/p' | sort
}

# compatible BASELINE LIBRARY HEADERS
compatible() {
	growing "$3" "$1" >"$work/growing.suppr"
	describe "$2" "$3" "$work/now.abi" &&
		abidiff --no-added-syms --suppr "$work/growing.suppr" "$1" "$work/now.abi" && return
	explain "$2"
}

# constants_kept BASELINE HEADERS
constants_kept() {
	comm -23 <(grep -v "^#" "$1") <(constants "$2") >"$work/gone"
	[ -s "$1" ] && [ ! -s "$work/gone" ] && return
	cat "$work/gone"
	explain "$2"
}

explain() {
	echo "$1: programs built against the recorded interface may not run with this one. Keep what was there and" \
		"add to it: a new function, a new field at the end of a struct that begins with its size. If it must be," \
		"raise the soversion (src/meson.build, debian/) and record: tests/install/abi.sh --record BUILD TREE"
	return 1
}

# canary SED [SED]: a library from the public header and abi-canary.c, both edited.
canary() {
	rm -rf "$work/canary"
	mkdir -p "$work/canary/bpfmap"
	sed -e "$1" "$tree/include/bpfmap/bpfmap.h" >"$work/canary/bpfmap/bpfmap.h"
	sed -e "${2-}" "$tree/tests/install/abi-canary.c" >"$work/canary/canary.c"
	gcc -shared -fPIC -g -I"$work/canary" -o "$work/canary/libcanary.so" "$work/canary/canary.c"
}

accepted() {
	canary "$@" && compatible "$work/sound.abi" "$work/canary/libcanary.so" "$work/canary"
}

refused() {
	canary "$@" || return
	! compatible "$work/sound.abi" "$work/canary/libcanary.so" "$work/canary"
}

changed_constant() {
	constants "$tree/include" >"$work/constants"
	canary "$@" || return
	cp -n "$tree"/include/bpfmap/*.h "$work/canary/bpfmap"
	! constants_kept "$work/constants" "$work/canary" && gives "BPFMAP_MEMORY_SHARED 1" cat "$work/gone"
}

stripped() {
	canary '' || return
	strip -g "$work/canary/libcanary.so"
	! compatible "$work/sound.abi" "$work/canary/libcanary.so" "$work/canary"
}

# In two words, as the line is not about this file.
licence="SPDX-License-""Identifier: LGPL-2.1-only OR BSD-2-Clause"

record() {
	mkdir -p "$baselines" && constants "$tree/include" | sed "1i # $licence" >"$baselines/constants" &&
		describe "$build/src/libbpfmap.so" "$tree/include" "$baselines/libbpfmap.abi" &&
		describe "$build/src/compat/libbpfmap-compat.so" "$tree/include" "$baselines/libbpfmap-compat.abi" &&
		describe "$build/src/object/libbpfmap-object.so" "$tree/include" "$baselines/libbpfmap-object.abi"
}

if [ -n "$record" ]; then
	record
	exit
fi

canary '' && describe "$work/canary/libcanary.so" "$work/canary" "$work/sound.abi" || exit 99
it "an unchanged library is accepted" accepted ''
it "canary: a field in the middle of a struct is found" \
	refused '/^struct bpfmap_create_opts {/,/^}/s/^\tuint32_t type;.*/&\n\tuint32_t canary;/'
it "canary: a field at the end of a struct without its size is found" \
	refused '/^struct bpfmap_memory_for {/,/^}/s/^};/\tuint32_t canary;\n};/'
it "a field at the end of a struct that begins with its size is accepted" \
	accepted '/^struct bpfmap_create_opts {/,/^}/s/^};/\tuint32_t canary;\n};/'
it "canary: another constant is found" changed_constant 's/\(BPFMAP_MEMORY_SHARED\) = 1/\1 = 2/'
it "canary: another parameter is found" refused 's/\(bpfmap_delete(.*\));/\1, int canary);/;s/));/);/' \
	's/\(bpfmap_delete(.*\))$/\1, int canary)/'
it "canary: a missing function is found" refused 's/bpfmap_freeze/bpfmap_canary/' 's/bpfmap_freeze/bpfmap_canary/'
it "canary: a library that cannot be judged is not accepted" stripped
it "a new function is accepted" accepted '' '$s/$/\nBPFMAP_API int bpfmap_canary(void) { return 0; }/'

it "constants keep their values" constants_kept "$baselines/constants" "$tree/include"
case $(uname -m) in
x86_64)
	for library in libbpfmap compat/libbpfmap-compat object/libbpfmap-object; do
		it "${library##*/} keeps the recorded interface" \
			compatible "$baselines/${library##*/}.abi" "$build/src/$library.so" "$tree/include"
	done
	;;
*) skip "the recorded interface" "it was recorded on x86-64" ;;
esac
finish
