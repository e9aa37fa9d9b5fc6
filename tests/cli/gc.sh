#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# gc.sh: what nobody needs is found and freed, what somebody needs stays; memory comes back with the
# last pin and the last descriptor. A leak is made and collected in both worlds.
. "$(dirname "$0")/lib.sh"

used() { df --output=used -B1 "$BPFMAP_DIR" | tail -n 1; }
# near A B: no more than 200 KiB apart; others use the file system, too.
near() { [ "$(($1 > $2 ? $1 - $2 : $2 - $1))" -lt 204800 ]; }
# holds N: a descriptor of the file N in another process, until release.
holds() { sleep 100 3<"$BPFMAP_DIR/$1" & holder=$!; }
release() { kill "$holder" && wait "$holder" 2>/dev/null; }

# A file system of its own, so that its use is ours alone.
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null && [ -z "${BPFMAP_GC_OWN-}" ]; then
	rm -rf "$BPFMAP_DIR" "$work"
	BPFMAP_GC_OWN=1 exec unshare -m sh -c \
		'd=$(mktemp -d); mount -t tmpfs tmpfs "$d" && BPFMAP_DIR=$d sh "$@"; s=$?
		umount "$d"; rmdir "$d"; exit $s' sh "$0" "$@"
fi

run gc user
it "nothing to free" shows "0 files, 0 B to free"
for time in 0 60 0.5 500ms 30s 1.5m 2h 7d; do
	run gc user older $time
	it "$time is a time" shows "0 files"
done
for time in 5x s ms 5ss 0x nan -1; do
	run gc user older $time
	it "$time is none" refuses 2 "older: '$time' is n"
done
run gc user no
it "other words are refused" refuses 2 "no"

# The leak: pins that nobody holds, in directories of their own.
before=$(used)
for n in 1 2 3 4 5 6 7 8; do
	run create "pods/pod_$n/state" type hash key 4 value 1024 entries 1000
	it "a map is leaked" ok
done
run pin pods/pod_1/state pods/pod_1/again
run create held type hash key 4 value 8 entries 10
run create mapped type array key 4 value 8 entries 10 flags mmapable
leaked=$(used)
if [ -n "${BPFMAP_GC_OWN-}" ]; then
	it "the leak takes more than 8 MB" test $((leaked - before)) -gt 8000000
fi
holds held
python3 -c "
import mmap, os, time
fd = os.open('$BPFMAP_DIR/mapped', os.O_RDONLY)
kept = mmap.mmap(fd, 4096, prot=mmap.PROT_READ)
os.close(fd)
open('$work/mapped', 'w')
time.sleep(100)" &
mapper=$!
until [ -e "$work/mapped" ]; do kill -0 "$mapper" || exit 1; sleep 0.05; done

run -j gc user
it "gc shows every pin that nobody holds" says 'map(select(.what=="pin"))|length' 9
it "a map with two pins counts once" says '[.[]|select(.path|test("pod_1/"))|.bytes|select(. == 0)]|length' 1
it "what is held or mapped is not shown" says 'map(select(.path|test("held|mapped")))|length' 0
run gc user
it "gc says how to go on" shows "9 files, "
it "gc shows without freeing" test -f "$BPFMAP_DIR/pods/pod_1/state"
run gc user older 1h yes
it "older leaves what is younger" test -f "$BPFMAP_DIR/pods/pod_1/state"
run -j gc user below pods/pod_8 yes
it "below frees in one directory alone" says 'map(.result)' '["freed"]'
run -j gc user yes
it "yes frees" says 'map(.result)|unique' '["freed"]'
it "directories that became empty go, too" test ! -e "$BPFMAP_DIR/pods"
it "what is held stays" test -f "$BPFMAP_DIR/held"
it "what is mapped stays" test -f "$BPFMAP_DIR/mapped"
if [ -n "${BPFMAP_GC_OWN-}" ]; then
	it "the memory is back" near "$(($(used) - 40000))" "$before"
fi

release

# The last descriptor.
run create big type hash key 4 value 1024 entries 4000
holds big
full=$(used)
rm "$BPFMAP_DIR/big"
sleep 0.1
if [ -n "${BPFMAP_GC_OWN-}" ]; then
	it "an unpinned map stays while somebody has it open" near "$(used)" "$full"
	run -j list user
	it "and is listed with its holder" says "[.[]|select(.name==\"big\")|.pids[0].pid]" "[$holder]"
	release
	it "closing the last descriptor frees the memory" test $((full - $(used))) -gt 4000000
else
	release
fi
kill "$mapper" && wait "$mapper" 2>/dev/null

run gc user yes
it "what was released goes" shows "2 files, "

# A holder that cannot be seen: root's, looked for by another user.
run create seen type hash key 4 value 8 entries 10
if [ "$(id -u)" = 0 ]; then
	holds seen
	chown -R 65534 "$BPFMAP_DIR" && chmod 755 "$BPFMAP_DIR"
	out=$(setpriv --reuid 65534 --clear-groups --bounding-set=-all "$BPFMAP" gc user yes 2>"$work/stderr")
	code=$? err=$(cat "$work/stderr") last="bpfmap gc user yes, as another user"
	it "who may not be looked at is no reason for a note" prints "0 files, 0 B freed"
	it "who cannot be seen still keeps his map" test -f "$BPFMAP_DIR/seen"
	release
	chown -R 0 "$BPFMAP_DIR"
fi

# Dead writers: loads half a file, then dies.
run create killed type hash key 4 value 8 entries 10000
mkfifo "$work/lines"
"$BPFMAP" load killed "$work/lines" >"$work/load" 2>&1 &
writer=$!
exec 4>"$work/lines"
for n in $(seq 1 600); do
	printf '{"key":[%d,%d,0,0],"value":[1,0,0,0,0,0,0,0]}\n' $((n % 256)) $((n / 256)) >&4
done
tries=0
until [ "$("$BPFMAP" -j show killed | jq .entries)" -ge 256 ] || [ $tries = 200 ]; do
	tries=$((tries + 1)) && sleep 0.05
done
kill -9 "$writer"
wait "$writer" 2>/dev/null
exec 4>&-
holds killed
run -j gc user
it "a held map's dead writers are shown" says 'map(select(.what=="dead-writers"))|map([.name,.dead_writers])' '[["killed",1]]'
run -j gc user yes
it "and cleaned up behind" says 'map(select(.what=="dead-writers"))|map(.result)' '["mended"]'
run -j gc user
it "once" says 'map(select(.what=="dead-writers"))' '[]'
release

# The kernel's.
fs=/sys/fs/bpf dir=bpfmap_gc_$$
run create kernel "$dir/pods/a" type hash key 4 value 8 entries 100000
if [ "$code" != 0 ]; then
	printf 'SKIPPED: the kernel part: %s\n' "$err"
	finish || exit 1
	exit 77
fi
trap 'rm -rf "$fs/$dir" "$BPFMAP_DIR" "$work"' EXIT
id=$("$BPFMAP" -j show "$fs/$dir/pods/a" | jq .id)
run create kernel "$dir/held" type hash key 4 value 8 entries 10
python3 - "$fs/$dir/held" "$work/kernel" <<-'PYTHON' &
	import ctypes, sys, time
	path = ctypes.create_string_buffer(sys.argv[1].encode())
	attr = (ctypes.c_uint64 * 18)(ctypes.addressof(path))
	libbpf = ctypes.CDLL("libbpf.so.1")
	if libbpf.bpf_obj_get(path) >= 0:
	    open(sys.argv[2], "w")
	    time.sleep(100)
PYTHON
holder=$!
tries=0
until [ -e "$work/kernel" ] || [ $tries = 200 ]; do tries=$((tries + 1)) && sleep 0.05; done
run -j gc kernel below "$dir"
it "gc finds the kernel's pin that nobody holds" says 'map([.path,.id])' "[[\"$fs/$dir/pods/a\",$id]]"
it "and what it takes" says '.[0].bytes > 6000000' true
run -j gc kernel below "$fs/$dir" yes
it "yes frees it" says 'map(.result)' '["freed"]'
it "with its directory" test ! -e "$fs/$dir/pods"
it "the pin that a process holds stays" test -e "$fs/$dir/held"
gone() { for i in $(seq 100); do "$BPFMAP" show kernel id "$id" >/dev/null 2>&1 || return 0; sleep 0.05; done; return 1; }
it "the kernel has freed the map" gone
release
if command -v bpftool >/dev/null && bpftool prog loadall "$TYPES" "$fs/$dir/progs" pinmaps "$fs/$dir/maps" >/dev/null 2>&1; then
	run -j gc kernel below "$dir/maps"
	it "maps that a loaded program uses stay" says 'map(select(.name=="everything"))' '[]'
	rm -rf "$fs/$dir/progs"
	sleep 0.2
	run -j gc kernel below "$dir/maps"
	it "until it is gone" says 'map(select(.name=="everything"))|length' 1
fi
finish
