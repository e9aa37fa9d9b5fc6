# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# lib.sh: what the tool's tests share. Each behaviour is one sentence; what fails is shown with the
# command, its output and its exit code.
#
#   usage of a test:   TEST.sh BPFMAP TYPES.bpf.o CAPTURE
#   run ARGS...        run the tool; sets out, err, code
#   it SENTENCE TEST   count a behaviour: TEST is a command that must succeed
#   finish             report, exit status

set -u
BPFMAP=$1
TYPES=$2
CAPTURE=$3
passed=0
failed=0
out= err= code=0 last=

BPFMAP_DIR=$(mktemp -d "${BPFMAP_DIR:-/dev/shm}/bpfmap-cli-XXXXXX") || exit 99
export BPFMAP_DIR
work=$(mktemp -d) || exit 99
trap 'rm -rf "$BPFMAP_DIR" "$work"' EXIT
trap 'exit 1' HUP INT TERM

run() {
	last="bpfmap $*"
	out=$(timeout 60 "$BPFMAP" "$@" 2>"$work/stderr")
	code=$?
	err=$(cat "$work/stderr")
}

it() {
	sentence=$1
	shift
	if "$@"; then
		passed=$((passed + 1))
		return
	fi
	failed=$((failed + 1))
	printf 'FAILED: %s\n  wanted: %s\n  ran:    %s\n  code:   %s\n  stdout: %s\n  stderr: %s\n' \
		"$sentence" "$*" "$last" "$code" "$out" "$err"
}

# ok: success and silence on stderr.
ok() { [ "$code" = 0 ] && [ -z "$err" ]; }
# prints TEXT: success with exactly that output.
prints() { ok && [ "$out" = "$1" ]; }
# shows TEXT: success, and TEXT is part of the output.
shows() { ok && case $out in *"$1"*) true ;; *) false ;; esac; }
# refuses CODE TEXT: that exit code, a sentence on stderr that holds TEXT, nothing on stdout.
refuses() {
	[ "$code" = "$1" ] && [ -z "$out" ] || return 1
	case $err in "Error: "*"$2"*) true ;; *) false ;; esac
}
# says JQ TEXT: the output is JSON, and the jq expression gives TEXT.
says() { ok && [ "$(printf %s "$out" | jq -c "$1" 2>&1)" = "$2" ]; }
# json: the output is one JSON text.
json() { ok && printf %s "$out" | jq -e -s 'length == 1' >"$work/jq" 2>&1; }

finish() {
	printf '%s: %d passed, %d failed\n' "$(basename "$0")" "$passed" "$failed"
	[ "$failed" = 0 ]
}
