#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# headers.sh TREE: each public header, alone and twice, in the languages that it claims, with the warnings
# that strict projects turn on.
tree=$1
. "$tree/tests/install/lib.sh"

strict=(-Wall -Wextra -Werror -fsyntax-only -I"$tree/include")
# Statement expressions and the like are why these say "GNU extensions".
extensions='C11 with GNU extensions'

# includes HEADER COMPILER OPTION...
includes() {
	printf '#include <bpfmap/%s>\n#include <bpfmap/%s>\n' "$1" "$1" >"$work/include.$language"
	shift
	"$@" "${strict[@]}" "$work/include.$language"
}

for path in "$tree"/include/bpfmap/*.h; do
	header=${path##*/}
	language=c
	for compiler in gcc clang; do
		if grep -q "$extensions" "$path"; then
			it "$header: gnu11, $compiler" includes "$header" $compiler -std=gnu11 -Wshadow
		else
			it "$header: c11 -pedantic, $compiler" includes "$header" $compiler -std=c11 -pedantic -Wshadow
		fi
	done
	# No -Wshadow: a function and a struct of one name, as stat() and struct stat, shadow each other in g++.
	language=cc
	for compiler in g++ clang++; do
		for standard in c++11 c++17; do
			it "$header: $standard, $compiler" includes "$header" $compiler -std=$standard
		done
	done
done
finish
