#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# disk.sh: maps in files on a disk: clean and unclean ends, torn pages.
. "$(dirname "$0")/lib.sh"
N=100000
cd "$work" || exit 99
case $(stat -f -c %T .) in
tmpfs | ramfs)
	echo "$work is in memory; set TMPDIR to a directory on a disk"
	exit 77
	;;
esac

# 152: offsetof(struct region_header_shm, unclean) in the last 4096 bytes.
unclean() { tail -c 4096 "$1" | od -An -tu4 -j152 -N4 | tr -d ' '; }
elements() { "$BPFMAP" -j show "$1" 2>/dev/null | jq .entries; }

"$WRITER" fill /sys/fs/bpf/m $N 2000 || exit 99
run persist m ./m.map
it "a map is copied to a disk" prints "persisted $N"
it "where it is clean" [ "$(unclean m.map)" = 0 ]
run diff m ./m.map
it "and the same" shows "0 removed, 0 added, 0 changed, $N the same"
run persist m ./m.map
it "a file that is there is not overwritten" refuses 5 "exists already"
run persist m "$BPFMAP_DIR/x"
it "nor is a map in memory taken for one on a disk" refuses 5 "which a reboot empties"
for delay in 0.005 0.01 0.02 0.03 0.05; do
	kill_soon $delay persist m ./killed.map
	[ -e killed.map ] && {
		it "a persist that is killed leaves a whole map or none" [ "$(elements ./killed.map)" = $N ]
		rm killed.map
	}
done
it "nothing is left of those that were killed" [ "$(ls)" = "m.map
stderr" ]

writer_start churn "$PWD/m.map" $N
it "in use it is marked" [ "$(unclean m.map)" = 1 ]
kill -9 "$writer"
wait "$writer" 2>/dev/null
it "its user dies: it stays marked" [ "$(unclean m.map)" = 1 ]
cp m.map random.map
cp m.map zero.map
cp m.map boot.map
run lookup ./m.map key 2 0 0 0 0 0 0 0
it "the next user mends, checks and uses it" shows "value: 0e 00 00 00"
it "and leaves it clean" [ "$(unclean m.map)" = 0 ]
run snapshot ./m.map m.snap
it "with every element" reads m.snap values $N

# Another boot: 160 is offsetof(struct region_header_shm, boot).
size=$(stat -c %s boot.map)
printf '\1\2\3\4\5\6\7\10' | dd of=boot.map bs=1 seek=$((size - 4096 + 160)) conv=notrunc 2>/dev/null
run lookup ./boot.map key 2 0 0 0 0 0 0 0
it "a map from before a reboot is mended as well" shows "value: 0e 00 00 00"
run -j show ./boot.map
it "and gets an id that nobody else has" says .id "$(($("$BPFMAP" -j show ./boot.map | jq .id)))"
it "another one than before" [ "$(printf %s "$out" | jq .id)" != "$("$BPFMAP" -j show ./m.map | jq .id)" ]

# Pages that the disk did not get, or got half.
dd if=/dev/urandom of=random.map bs=4096 seek=100 count=1 conv=notrunc 2>/dev/null
dd if=/dev/zero of=zero.map bs=4096 seek=100 count=1 conv=notrunc 2>/dev/null
for torn in random zero; do
	run update ./$torn.map key 2 0 0 0 0 0 0 0 value 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
	it "$torn page: a writer is refused" [ "$code" = 4 ]
	it "with what is wrong" [ "${err#*was not closed cleanly and is damaged}" != "$err" ]
	run snapshot ./$torn.map $torn.snap
	it "what is left can be saved" [ "$code" = 0 ]
	it "the reader is warned" [ "${err#*damaged}" != "$err" ]
	run persist ./$torn.map ./new-$torn.map
	it "also into a new map" [ "$code" = 0 ]
	run lookup ./new-$torn.map key 2 0 0 0 0 0 0 0
	it "which is sound" shows "value: 0e 00 00 00"
	left=$(elements ./new-$torn.map)
	it "and has all but what was on the page ($left of $N)" \
		[ "$left" -gt $((N - 1000)) -a "$left" -lt $N ]
	it "it was not touched" [ "$(unclean $torn.map)" = 1 ]
done

# The writer that was killed may have been between inserting a key and deleting it.
before=$(elements ./m.map)
it "it has its elements, and one more at most" [ "$before" -ge $N -a "$before" -le $((N + 1)) ]
run resize ./m.map entries 200000
it "a map on a disk is resized there" shows "entries 200000  moved $before"
it "cleanly" [ "$(unclean m.map)" = 0 ]
run snapshot ./m.map m.snap
it "with every element" reads m.snap values $N

finish
