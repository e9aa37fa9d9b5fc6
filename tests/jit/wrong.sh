#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# wrong.sh SOURCE BUILD LLVM_INCLUDE HOSTILE_TEST ISA_TEST: compilers with one rule wrong, each of which the
# tests must notice (canaries). SOURCE is the tree, BUILD where the module's objects are.
set -u
source=$1 objects=$2/src/jit/libbpfmap-jit.so.p include=$3 hostile=$4 isa=$5
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
points=0 failed=0

# wrong NAME FILE SED TEST...: the test must fail with a module whose FILE went through SED.
wrong() {
	local name=$1 file=$2 change=$3
	local -a others

	shift 3
	points=$((points + 1))
	sed "$change" "$source/src/jit/$file" >"$work/$file"
	mapfile -t others < <(find "$objects" -name '*.o' ! -name "$file.o")
	if ! cmp -s "$work/$file" "$source/src/jit/$file" &&
		cc -w -O1 -fPIC -D_GNU_SOURCE -iquote "$source/src" -I"$source/include" -isystem "$include" \
			-fvisibility=hidden -c -o "$work/$file.o" "$work/$file" &&
		cc -shared -o "$work/wrong.so" "$work/$file.o" "${others[@]}" -lLLVM-19 &&
		! BPFMAP_JIT=$work/wrong.so "$@" >"$work/out" 2>&1 && grep -q '^not ok' "$work/out"; then
		echo "ok $points - $name is noticed"
	else
		failed=1
		echo "not ok $points - $name is noticed"
	fi
}

wrong "a range of which only the start is compared" access.c 's/	if (bytes > 1)/	if (0)/' "$hostile"
wrong "a field of the context that loses its sign" access.c 's/	if (!is_signed)/	if (1)/' "$hostile"
wrong "a shift that loses the sign" alu.c '/case BPF_ARSH/s/LLVMAShr/LLVMLShr/' env TEST_ENGINE=jit/4 "$isa"
echo "1..$points"
exit $failed
