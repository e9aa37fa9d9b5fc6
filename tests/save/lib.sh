# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# lib.sh: beside tests/cli/lib.sh, what the tests of this folder share.
#
#   usage of a test:   TEST.sh BPFMAP TYPES.bpf.o CAPTURE WRITER READ_SNAPSHOT.py
#   writer_start NAME ARGS...   run writer.c in the background, wait until it writes; sets writer
#   writer_stop                 SIGTERM; sets code and out to what it said
. "$(dirname "$0")/../cli/lib.sh"
BPFMAP=$(realpath "$BPFMAP")
TYPES=$(realpath "$TYPES")
WRITER=$(realpath "$4")
READ=$(realpath "$5")
writer=

# until_true COMMAND...: within 60 s.
until_true() {
	tries=0
	until "$@" 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries -lt 3000 ] || return 1
		sleep 0.02
	done
}

writer_start() {
	last="writer $*"
	: >"$work/said"
	"$WRITER" "$@" >"$work/said" 2>&1 &
	writer=$!
	until_true grep -q writing "$work/said"
}

writer_stop() {
	kill -TERM "$writer" 2>/dev/null
	wait "$writer"
	code=$?
	out=$(cat "$work/said")
	err=
	writer=
}

# reads ARGS...: the independent reader finds no fault.
reads() {
	last="read_snapshot $*"
	out=$(python3 "$READ" "$@" 2>&1)
	code=$?
	err=
	[ "$code" = 0 ]
}

# kill_soon SECONDS ARGS...: run the tool and kill it after so long, as a power cut would.
kill_soon() {
	delay=$1
	shift
	last="bpfmap $* (killed after $delay s)"
	"$BPFMAP" "$@" >/dev/null 2>&1 &
	victim=$!
	sleep "$delay"
	kill -9 $victim 2>/dev/null
	wait $victim 2>/dev/null
}
