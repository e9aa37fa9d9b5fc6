#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# files.sh TOOL MUTATE OBJECT CAPTURE: truncated, spoilt and random object and capture files, fed to
# "TOOL run OBJECT pcap CAPTURE". Each run must end by itself, with a small exit status; a failure
# must say why on stderr. BPFMAP_SEED repeats a run; BPFMAP_LONG=1 makes it twenty times longer.
set -u

tool=$1 mutate=$2 object=$3 capture=$4
seed=${BPFMAP_SEED:-$(date +%s)}
rounds=60
[ -n "${BPFMAP_LONG:-}" ] && rounds=1200
[ -n "${BPFMAP_BRIEF:-}" ] && rounds=15
dir=$(mktemp -d) || exit 99
trap 'rm -rf "$dir"' EXIT
export BPFMAP_DIR="$dir/run"
# A sanitizer's report must not look like the tool's own refusal.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}exitcode=99"
export UBSAN_OPTIONS="${UBSAN_OPTIONS:+$UBSAN_OPTIONS:}halt_on_error=1:exitcode=99"
mkdir -m 0700 "$BPFMAP_DIR"
tests=0 failed=0

echo "# files: BPFMAP_SEED=$seed"

# attempt WHAT OBJECT CAPTURE: one run; sets $complaint, empty if it went as it must.
attempt() {
	complaint=
	timeout -s KILL 20 "$tool" run "$2" pcap "$3" >"$dir/out" 2>"$dir/err" </dev/null
	status=$?
	if [ "$status" -eq 137 ]; then
		complaint="$1: it did not end within 20 s"
	elif [ "$status" -ge 64 ]; then
		complaint="$1: exit status $status; $(tail -n 3 "$dir/err" | tr '\n' ' ')"
	elif [ "$status" -ne 0 ] && [ ! -s "$dir/err" ]; then
		complaint="$1: exit status $status without a word on stderr"
	fi
}

# verdict SENTENCE COMPLAINTS
verdict() {
	tests=$((tests + 1))
	if [ -z "$2" ]; then
		echo "ok $tests - $1"
	else
		failed=$((failed + 1))
		echo "not ok $tests - $1"
		printf '%s\n' "$2" | head -n 10 | sed 's/^/# /'
	fi
}

# note: remembers a complaint, and keeps the file that caused it apart from the next round's.
note() {
	[ -n "$complaint" ] && complaints="$complaints$complaint
"
}

# spoil KIND FILE: seeded mutations of FILE as the object or as the capture, and more until one gets far: of
# objects, one in five does.
spoil() {
	complaints= refused=0 round=0
	while [ "$round" -lt "$rounds" ] || { [ "$refused" -eq "$round" ] && [ "$round" -lt $((rounds * 20)) ]; }; do
		"$mutate" "$2" $((seed + round)) "$dir/spoilt" || exit 99
		if [ "$1" = object ]; then
			attempt "mutation $((seed + round))" "$dir/spoilt" "$capture"
		else
			attempt "mutation $((seed + round))" "$object" "$dir/spoilt"
		fi
		note
		[ "$status" -ne 0 ] && refused=$((refused + 1))
		round=$((round + 1))
	done
	echo "# $1: $refused of $round refused"
	[ "$refused" -lt "$round" ] || complaints="${complaints}all were refused: not one got far"
	verdict "spoilt $1 files do no harm" "$complaints"
}

# cut KIND FILE: truncations, at the lengths of headers and at random.
cut_short() {
	complaints=
	size=$(stat -c %s "$2")
	for length in 0 1 4 15 16 23 24 31 39 40 52 63 64 65 128 $((size / 4)) $((size / 2)) \
		$((size - 100)) $((size - 8)) $((size - 1)); do
		[ "$length" -ge 0 ] && [ "$length" -lt "$size" ] || continue
		head -c "$length" "$2" >"$dir/short"
		if [ "$1" = object ]; then
			attempt "length $length" "$dir/short" "$capture"
			[ "$status" -eq 0 ] && complaint="length $length: accepted"
		else
			attempt "length $length" "$object" "$dir/short"
		fi
		note
	done
	verdict "truncated $1 files are reported" "$complaints"
}

# strange KIND: files that are nothing of the sort.
strange() {
	complaints=
	head -c 5000 /dev/urandom >"$dir/random"
	: >"$dir/empty"
	for odd in "$dir/random" "$dir/empty" "$dir" /dev/null "$dir/missing" /bin/true; do
		if [ "$1" = object ]; then
			attempt "$odd" "$odd" "$capture"
		else
			attempt "$odd" "$object" "$odd"
		fi
		[ "$status" -eq 0 ] && complaint="$odd: accepted"
		note
	done
	verdict "files that are no $1 are refused" "$complaints"
}

attempt "the sound files" "$object" "$capture"
[ "$status" -eq 0 ] || complaint="exit status $status: $(head -n 1 "$dir/err")"
verdict "sound files are accepted" "$complaint"
for kind in object capture; do
	file=$object
	[ "$kind" = capture ] && file=$capture
	cut_short "$kind" "$file"
	strange "$kind"
	spoil "$kind" "$file"
done
printf '#!/bin/sh\nkill -SEGV $$\n' >"$dir/crasher"
chmod +x "$dir/crasher"
real=$tool tool="$dir/crasher"
attempt "the canary" "$object" "$capture"
tool=$real
verdict "a crash is caught (canary)" "${complaint:+}$([ -n "$complaint" ] || echo 'the check is blind')"
echo "1..$tests"
[ "$failed" -eq 0 ]
