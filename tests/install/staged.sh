#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# staged.sh BUILD TREE: "meson install" into a directory, and other projects that use what is there: one
# with Meson, one with CMake, one that links statically. They find it by pkg-config alone; so does one that
# uses the build in place.
build=$1 tree=$2
here=$tree/tests/install
. "$here/lib.sh"

root=$work/root
DESTDIR=$root meson install -C "$build" --no-rebuild >"$work/install.log" 2>&1 || { cat "$work/install.log"; exit 99; }
pc=$(find "$root" -name libbpfmap.pc) libdir=${pc%/pkgconfig/*}
prefix=$root$(sed -n 's/^prefix=//p' "$pc")
# The place itself is the packages' matter; here everything stands below $root.
sed -i "s|^prefix=|&$root|" "$libdir"/pkgconfig/*.pc
export PKG_CONFIG_PATH=$libdir/pkgconfig LD_LIBRARY_PATH=$libdir CC=${CC:-cc}
version=$(sed -n "s/^  version: '\(.*\)',$/\1/p" "$tree/meson.build")

soname() {
	gives "$1.so.0" sh -c "readelf -d '$libdir/$1.so' | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p'" &&
		gives "$libdir/$1.so.$version" realpath "$libdir/$1.so"
}

same_headers() {
	diff -r "$tree/include/bpfmap" "$prefix/include/bpfmap"
}

# Names that a static program would share with the library's inside.
static_names() {
	diff <(nm -g --defined-only "$libdir/libbpfmap.a" | awk 'NF == 3 { print $3 }' | sort) \
		<(nm -D --defined-only "$libdir/libbpfmap.so" | awk '$2 != "A" { sub("@.*", "", $3); print $3 }' | sort)
}

build_meson() {
	meson setup --werror "$work/meson" "$here/meson" && meson compile -C "$work/meson"
}

build_cmake() {
	cmake -G Ninja -S "$here/cmake" -B "$work/cmake" && cmake --build "$work/cmake"
}

# shellcheck disable=SC2046 # pkg-config prints words
build_static() {
	"$CC" -Wall -Wextra -Werror "$@" "$here/static.c" $(pkg-config --cflags libbpfmap) \
		-o "$work/static" $(pkg-config --static --libs libbpfmap)
}

needs_no_library_of_ours() {
	! readelf -d "$work/static" | grep bpfmap
}

# Our own headers stay out of the way: <bpf/btf.h> is libbpf's.
# shellcheck disable=SC2046 # pkg-config prints words
build_uninstalled() {
	local -x PKG_CONFIG_PATH=$build/meson-uninstalled
	local modules='libbpfmap libbpfmap-compat libbpf' flags libs

	eval "flags=($(pkg-config --cflags $modules)) libs=($(pkg-config --libs $modules))" # blanks in paths are quoted
	"$CC" -Wall -Wextra -Werror -include bpf/btf.h -include bpfmap/bpfmap.h "$here/libbpf-first.c" \
		"${flags[@]}" -o "$work/uninstalled" "${libs[@]}" &&
		! "$CC" -M -include bpf/btf.h "$here/libbpf-first.c" "${flags[@]}" | grep "$tree/src"
}

declare -A maps=([libbpfmap]=src [libbpfmap-compat]=src/compat [libbpfmap-object]=src/object)
for library in "${!maps[@]}"; do
	if [ ! -e "$libdir/$library.so" ]; then
		skip "$library.so" "this build is without it"
		continue
	fi
	it "$library.so names its ABI, and its links lead to version $version" soname $library
	it "pkg-config knows $library's version" gives "$version" pkg-config --modversion $library
	it "$library.so exports what its map of symbols lists, by version" \
		"$tree/tools/check_symbols.py" library "$libdir/$library.so" "$tree/${maps[$library]}/$library.map"
done
it "all public headers are installed, and nothing else beside them" same_headers
it "the tool runs from where it is installed" gives "\"$version\"" sh -c "'$prefix/bin/bpfmap' -j version | jq .version"

it "a program builds with what is not installed" build_uninstalled
it "it has its maps here" gives "in this process" \
	env LD_LIBRARY_PATH="$build/src:$build/src/compat" "$work/uninstalled"
it "a Meson project builds with what is installed" build_meson
it "its program uses maps" gives "443: 42 hits" "$work/meson/consumer"
it "its program on libbpf, linked --as-needed, has its maps here" gives "in this process" "$work/meson/libbpf-first"
it "a CMake project builds with what is installed, in C and C++" build_cmake
it "its C program uses maps" gives "443: 42 hits" "$work/cmake/consumer"
it "its C++ program uses typed maps" gives "443: 42 hits" "$work/cmake/consumer-cxx"
it "its program on libbpf has its maps here" gives "in this process" "$work/cmake/libbpf-first"

if [ -f "$libdir/libbpfmap.a" ]; then
	it "the static library shows what the shared one shows" static_names
	it "a program links it, and has names of its own that the library uses inside" build_static -static
	it "the static program uses maps" gives "443: 42 hits" "$work/static"
	rm "$libdir/libbpfmap.so"
	it "a program with a shared libc links it" build_static
	it "that program needs no library of ours" needs_no_library_of_ours
	it "that program uses maps" gives "443: 42 hits" "$work/static"
else
	skip "the static library" "built with -Dstatic=false"
fi
it "ninja uninstall leaves nothing behind" sh -c "ninja -C '$build' uninstall && ! find '$root' ! -type d | grep ."
finish
