#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# packages.sh TREE: the Debian packages: built by their one command, and looked at with Debian's eyes.
tree=$1
. "$tree/tests/install/lib.sh"

built=$work/built
"$tree/tools/package" >"$built" 2>&1 || { cat "$built"; exit 99; }
where=$(sed -n 's|^\(/.*\)/libbpfmap0_.*\.deb$|\1|p' "$built")
version=$(sed -n '1s/^bpfmap (\(.*\)) .*/\1/p' "$tree/debian/changelog")

package() {
	echo "$where/$1_${version}_$(dpkg --print-architecture).deb"
}

# has PACKAGE PATH...: regular expressions, each of which some path in the package matches.
has() {
	local deb path

	deb=$(package "$1")
	shift
	dpkg-deb --fsys-tarfile "$deb" | tar -t >"$work/paths" || return
	for path in "$@"; do
		grep -qE "^\./$path$" "$work/paths" || { echo "$deb has no $path" && return 1; }
	done
}

# Names of the packages that a package depends on, sorted.
depends() {
	dpkg-deb -f "$(package "$1")" Depends | tr ',' '\n' | awk '{ print $1 }' | sort | xargs
}

needs_no_llvm() {
	! depends "$1" | grep -i llvm
}

lib='usr/lib/.*/'
it "libbpfmap0 has the library" has libbpfmap0 "${lib}libbpfmap\.so\.0" "${lib}libbpfmap\.so\.$version"
it "libbpfmap0 depends on libc alone" gives libc6 depends libbpfmap0
it "libbpfmap-compat0 has the other library" has libbpfmap-compat0 "${lib}libbpfmap-compat\.so\.0"
it "libbpfmap-object0 has the one for object files" has libbpfmap-object0 "${lib}libbpfmap-object\.so\.0"
it "libbpfmap-dev has headers, links, static library, pkg-config files and manual pages" has libbpfmap-dev \
	'usr/include/bpfmap/(bpfmap|typed|compat)\.h' "${lib}libbpfmap\.so" "${lib}libbpfmap-compat\.so" \
	"${lib}libbpfmap\.a" "${lib}pkgconfig/libbpfmap\.pc" "${lib}pkgconfig/libbpfmap-compat\.pc" \
	'usr/share/man/man3/bpfmap\.3\.gz'
it "bpfmap has the tool, its manual pages and its completions" has bpfmap usr/bin/bpfmap \
	'usr/share/man/man1/bpfmap\.1\.gz' 'usr/share/man/man5/bpfmap-region\.5\.gz' 'usr/share/man/man7/bpfmap\.7\.gz' \
	usr/share/bash-completion/completions/bpfmap usr/share/zsh/vendor-completions/_bpfmap
it "libbpfmap-dev has the examples that its guides name" has libbpfmap-dev 'usr/share/doc/libbpfmap-dev/runtimes\.md\.gz' \
	'usr/share/doc/libbpfmap-dev/examples/(embed/embed|foreign/foreign|readme/counter|tutorial/talkers)\.c' \
	'usr/share/doc/libbpfmap-dev/examples/flows/flows\.test\.yaml' \
	'usr/share/doc/libbpfmap-dev/examples/data/web\.pcap'
it "libbpfmap-jit has the compiler" has libbpfmap-jit "${lib}bpfmap/libbpfmap-jit\.so"
for name in libbpfmap0 libbpfmap-compat0 libbpfmap-object0 libbpfmap-dev bpfmap; do
	it "$name does not depend on LLVM" needs_no_llvm "$name"
done
it "lintian has nothing to say" gives '' lintian --allow-root --display-info --pedantic --fail-on error,warning,info,pedantic \
	"$where"/*.changes
finish
