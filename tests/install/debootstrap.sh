#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# debootstrap.sh TREE PACKAGES [PART]...: a new user's first hour on a clean Debian 12. Parts, each on a Debian
# of its own; all without one that is named:
#
#   packages   those in the directory PACKAGES are installed and used, and Debian's own tests of them pass
#   demo       ./demo in a copy of the tree, to its end
#   check      ./check in a copy of the tree, to its end (a quarter of an hour, and much to download)
#
# Needs root and a mirror (BPFMAP_MIRROR). What the commands said is kept in the directory debootstrap beside
# PACKAGES. All mounts and processes are in namespaces of their own, so they end with this script however it ends.
if [ "$(id -u)" != 0 ]; then
	echo "only root can set up a Debian"
	exit 77
fi
if [ -z "${BPFMAP_DEBOOTSTRAP-}" ]; then
	BPFMAP_DEBOOTSTRAP=$(mktemp -d "${TMPDIR:-/tmp}/bpfmap-debootstrap.XXXXXX") || exit 99
	export BPFMAP_DEBOOTSTRAP
	trap 'rm -rf --one-file-system "$BPFMAP_DEBOOTSTRAP"' EXIT
	# unshare itself ignores the milder signals; with it dies all that it started.
	trap 'kill -KILL "$child"; wait "$child"; exit 1' HUP INT TERM
	setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --propagation private "$0" "$@" &
	child=$!
	wait "$child"
	exit
fi
tree=$(realpath "$1") packages=$(realpath "$2")
shift 2
. "$tree/tests/install/lib.sh"
clean=$BPFMAP_DEBOOTSTRAP/clean root=$BPFMAP_DEBOOTSTRAP/debian logs=$(dirname "$packages")/debootstrap
mirror=${BPFMAP_MIRROR:-http://deb.debian.org/debian}
version=$(sed -n '1s/^bpfmap (\(.*\)) .*/\1/p' "$tree/debian/changelog")
suffix=${version}_$(dpkg --print-architecture).deb

inside() {
	chroot "$root" env -i HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# As the ordinary user newcomer, in its home directory.
as_user() {
	chroot --userspec=newcomer:newcomer "$root" env -i HOME=/home/newcomer USER=newcomer LANG=C.UTF-8 \
		PATH=/usr/local/bin:/usr/bin:/bin sh -c 'cd && exec "$@"' sh "$@"
}

install_packages() {
	inside apt-get -qq install -y --no-install-recommends -o Dpkg::Use-Pty=0 "$@"
}

# install_debs NAME...: from files, as a downloader would.
install_debs() {
	mkdir -p "$root/packages" && cp "${@/#/$packages/}" "$root/packages" && install_packages "${@/#//packages/}"
}

# A Debian as it was in the beginning.
fresh() {
	if mountpoint -q "$root/proc"; then
		umount -l "$root"/dev/pts "$root"/dev/shm "$root"/sys/fs/bpf "$root"/sys "$root"/proc || return
	fi
	rm -rf --one-file-system "$root" && cp -a "$clean" "$root" &&
		mount -t proc proc "$root/proc" && mount -t sysfs sysfs "$root/sys" && mount -t bpf bpf "$root/sys/fs/bpf" &&
		mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm" &&
		mount -t devpts -o ptmxmode=0666 devpts "$root/dev/pts" && inside useradd -m newcomer
}

# readme_copy FILE: what the README shows of examples/readme/FILE, as a reader copies it.
readme_copy() {
	awk -v mark="<!-- .*examples/readme/$1.*-->" '$0 ~ mark { found = 1; next } found && /^```$/ { exit }
		found && /^```/ { text = 1; next } text' "$tree/README.md" >"$root/home/newcomer/$1" &&
		[ -s "$root/home/newcomer/$1" ]
}

readme_program() {
	readme_copy counter.c && as_user sh -c 'cc counter.c $(pkg-config --cflags --libs libbpfmap) -o counter' &&
		gives "port 443: 42 hits; see: bpfmap dump pinned /sys/fs/bpf/hits" as_user ./counter
}

readme_unit_test() {
	readme_copy protocols.bpf.c && readme_copy protocols_test.c && as_user sh -c '
		clang -target bpf -g -O2 -I/usr/include/$(uname -m)-linux-gnu -c protocols.bpf.c -o protocols.bpf.o &&
			cc protocols_test.c -o protocols_test $(pkg-config --cflags --libs libbpfmap-compat libbpf)' &&
		gives "UDP is counted, runts are dropped" as_user ./protocols_test
}

# COMP_LINE WANTED: what bash offers when Tab is pressed behind the line.
completes() {
	as_user bash -c '
		. /usr/share/bash-completion/bash_completion
		_completion_loader bpfmap
		words=$(complete -p bpfmap) && [[ $words =~ -F\ ([^ ]+) ]] || exit
		COMP_LINE=$1 COMP_POINT=${#1}
		read -ra COMP_WORDS <<<"$1"
		[[ $1 != *" " ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		"${BASH_REMATCH[1]}" bpfmap "${COMP_WORDS[-1]}" "${COMP_WORDS[-2]}"
		printf "%s\n" "${COMPREPLY[@]}" | grep -E "^$2 ?$"' bash "$1" "$2"
}

manual_reads() {
	as_user sh -c 'MANWIDTH=80 man --warnings bpfmap 2>&1' | col -b >"$work/page" &&
		! grep -i warning "$work/page" && grep -q '^NAME' "$work/page" && grep -q '^SYNOPSIS' "$work/page"
}

# in_tree COMMAND: in a copy of the tree; what it says is kept under its name.
in_tree() {
	rm -rf "$root/root/bpfmap" && mkdir "$root/root/bpfmap" &&
		tar -C "$tree" -c --exclude=./build --exclude=./.git . | tar -C "$root/root/bpfmap" -x || return
	inside timeout 5400 sh -c "cd ~/bpfmap && exec ./$1" 2>&1 | tee "$logs/$1.log"
	return "${PIPESTATUS[0]}"
}

demo_agrees() {
	in_tree demo && grep -q 'demo: in user space and in the kernel the maps are identical' "$logs/demo.log"
}

check_passes() {
	local status

	in_tree check
	status=$?
	rm -rf "$logs/check"
	cp -a "$root/root/bpfmap/build/check" "$logs"
	[ $status = 0 ] && grep -E '^[1-9][0-9]* passed, 0 failed, [0-9]+ skipped$' "$logs/check.log"
}

debian_tests() {
	(cd "$work" && timeout 1200 autopkgtest "$packages"/*_"$suffix" "$tree/" -- chroot "$root") 2>&1 |
		tee "$logs/autopkgtest.log"
	return "${PIPESTATUS[0]}"
}

part_packages() {
	it "the packages install" install_debs bpfmap_$suffix libbpfmap-dev_$suffix libbpfmap0_$suffix \
		libbpfmap-compat0_$suffix libbpfmap-object0_$suffix
	it "no compiler came with them" sh -c "! ls '$root'/usr/lib/*/libLLVM*"
	it "an ordinary user has the tool" gives "$version" as_user sh -c \
		"bpfmap -j version | sed 's/.*\"version\":\"\([^\"]*\)\".*/\1/'"
	it "makes a map" as_user bpfmap create /sys/fs/bpf/ports type hash key 4 value 8 entries 16 name ports
	it "fills it" as_user bpfmap update pinned /sys/fs/bpf/ports key 187 1 0 0 value 7 0 0 0 0 0 0 0
	it "reads it" as_user sh -c "bpfmap dump pinned /sys/fs/bpf/ports | grep 'bb 01 00 00'"
	it "finds it in the list" as_user sh -c "bpfmap list user | grep ports"
	it "the tools of a C programmer install" install_packages gcc libc6-dev libbpf-dev pkg-config
	it "the README's C program builds against libbpfmap-dev and runs" readme_program
	it "its map is there for the tool" as_user sh -c "bpfmap dump pinned /sys/fs/bpf/hits | grep 'bb 01 00 00'"
	it "clang installs" install_packages clang
	it "the README's unit test builds and passes without root" readme_unit_test
	it "man and completion install" install_packages man-db bash-completion bsdextrautils
	it "man finds bpfmap" as_user man -w bpfmap
	it "man finds bpfmap(3) and a verb's page" as_user man -w 3 bpfmap 1 bpfmap-dump
	it "man bpfmap reads without warnings" manual_reads
	it "Tab completes a verb" completes "bpfmap du" dump
	it "Tab completes the name of a live map" completes "bpfmap dump name po" ports
	it "Tab completes a pinned map's file" completes "bpfmap dump pinned po" ports
	it "Tab completes it as the README names it" completes "bpfmap dump pinned /sys/fs/bpf/po" /sys/fs/bpf/ports
	it "libbpfmap-jit installs" install_debs libbpfmap-jit_$suffix
	cp "$tree/examples/data/web.pcap" "$root/home/newcomer"
	it "with it, the unit test's program runs compiled" as_user sh -c \
		"bpfmap -j run protocols.bpf.o pcap web.pcap jit on | grep XDP_PASS"
	it "debian/tests pass" debian_tests
}

part_demo() {
	it "./demo works in a clean Debian, and the kernel agrees" demo_agrees
}

part_check() {
	it "./check passes in a clean Debian" check_passes
}

[ $# != 0 ] || set -- packages demo check
for part in "$@"; do
	case $part in
	packages | demo | check) ;;
	*) echo "no part is named $part: packages, demo and check are" && exit 2 ;;
	esac
done
mkdir -p "$logs" || exit 99
it "a clean Debian 12 is there" debootstrap --variant=minbase bookworm "$clean" "$mirror"
for part in "$@"; do
	it "one for $part is mounted" fresh
	"part_$part"
done
finish
