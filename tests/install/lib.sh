# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# lib.sh: what the tests of installing share (bash). Each behaviour is one sentence, told in TAP; what fails
# is shown with all that its command said.
#
#   it SENTENCE COMMAND...     a case; the command must succeed
#   skip SENTENCE REASON       a case that cannot be tested here
#   gives TEXT COMMAND...      succeeds if the command does and prints the text
#   finish                     plan and exit status
# $work is a directory that is removed at the end.
# shellcheck shell=bash

set -u
export LC_ALL=C.UTF-8 PYTHONDONTWRITEBYTECODE=1
cases=0
failed=0
work=$(mktemp -d "${TMPDIR:-/tmp}/bpfmap-install.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

it() {
	local sentence=$1

	shift
	cases=$((cases + 1))
	if "$@" >"$work/said" 2>&1; then
		echo "ok $cases - $sentence"
		return
	fi
	failed=$((failed + 1))
	echo "not ok $cases - $sentence"
	tail -n 40 "$work/said" | sed 's/^/# /'
}

skip() {
	cases=$((cases + 1))
	echo "ok $cases - $1 # SKIP $2"
}

gives() {
	local wanted=$1 got

	shift
	got=$("$@") || { echo "status $? of $*" "$got" && return 1; }
	[ "$got" = "$wanted" ] || { printf 'wanted: %s\ngot:    %s\n' "$wanted" "$got" && return 1; }
}

finish() {
	echo "1..$cases"
	exit $((failed > 0))
}
