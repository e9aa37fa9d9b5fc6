# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# common.sh: what demo and check share (sourced, not run). Expects $tree to be the root of the tree.
# shellcheck shell=bash

# The Debian packages that building, demo and checks take.
packages_build=(gcc libc6-dev meson ninja-build pkg-config libbpf-dev libelf-dev zlib1g-dev
	libcmocka-dev libpcap-dev libncurses-dev libmicrohttpd-dev libyaml-dev llvm-19-dev clang python3)
packages_check=(clang-format binutils bpftool curl jq tmux libclang-rt-14-dev spin valgrind
	prometheus python3-prometheus-client chromium
	g++ cmake gdb reuse scdoc mandoc groff man-db zsh)
packages_long=(afl++ debootstrap lintian abigail-tools autopkgtest)
# What tests/portability/run takes besides packages_build.
packages_portability=(gcc-aarch64-linux-gnu gcc-riscv64-linux-gnu gcc-s390x-linux-gnu gcc-powerpc64le-linux-gnu
	gcc-12-multilib qemu-user qemu-system-ppc cpio)
# What tools/package takes besides packages_build.
packages_package=(build-essential debhelper scdoc llvm-19-dev)

# Where to build: in the tree, or, if it is somebody else's, in a directory of our own.
build_root() {
	local own=${TMPDIR:-/tmp}/bpfmap-build-$(id -u)

	if mkdir -p "$tree/build" 2>/dev/null && [ -w "$tree/build" ] && [ -O "$tree/build" ]; then
		echo "$tree/build"
	else
		mkdir -p -m 700 "$own" && [ -O "$own" ] && echo "$own"
	fi
}

# build_configure DIRECTORY OPTION...: configures once; Meson itself notices later changes.
build_configure() {
	local dir=$1

	shift
	[ -f "$dir/build.ninja" ] && return 0
	rm -rf "$dir" # what an interrupted first run left
	meson setup "$@" "$dir" "$tree"
}

options_plain=(-Dbuildtype=debugoptimized -Dwerror=true)
# -O1 takes half of -O2's time with instrumented code, and reports show no more than lines. What flow analysis suspects
# then is false; the plain build asks it.
options_instrumented=(-Doptimization=1 -Ddebug=true -Dwerror=true
	"-Dc_args=-g1 -Wno-maybe-uninitialized -Wno-format-truncation")
options_asan=("${options_instrumented[@]}" -Db_sanitize=address,undefined)
options_tsan=("${options_instrumented[@]}" -Db_sanitize=thread)

# The ordinary user as whom root runs things: who called sudo, else nobody.
ordinary_uid() {
	echo "${SUDO_UID:-65534}"
}

# as_ordinary COMMAND...: drops root, groups and capabilities; for others just runs the command.
as_ordinary() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid="$(ordinary_uid)" --regid="${SUDO_GID:-65534}" --clear-groups \
			--inh-caps=-all --bounding-set=-all --no-new-privs "$@"
	else
		"$@"
	fi
}
