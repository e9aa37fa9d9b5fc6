#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# progress.sh: a bar on a terminal, nothing elsewhere, nothing left of it.
. "$(dirname "$0")/lib.sh"
cd "$work" || exit 99
command -v script >/dev/null || {
	echo "script(1) is not installed"
	exit 77
}
export TERM=xterm

# on_terminal ARGS...: the tool with a terminal for stderr, 100 columns wide; sets out to what it showed.
on_terminal() {
	last="bpfmap $* (on a terminal)"
	script -qec "stty cols 100; '$BPFMAP' $*" /dev/null </dev/null >"$work/shown" 2>&1
	code=$?
	out=$(cat "$work/shown")
	err=
}
shown() { case $out in *"$1"*) true ;; *) false ;; esac; }
escape=$(printf '\033')

# Elements as load reads them, from a pipe that is slow: no total. From a file: a bar.
# So many that also a fast machine takes longer than the half second after which a bar appears.
n=1500000
"$WRITER" fill /sys/fs/bpf/m $n $n || exit 99
"$BPFMAP" dump m lines >lines || exit 99
run create copy type hash key 8 value 16 entries $((2 * n))
on_terminal load copy lines
it "load works on a terminal" [ "$code" = 0 ]
it "and shows a bar" shown "load "
it "with percent, rate and time left" [ "$(grep -c ' %.*bytes, .*/s ETA ' shown)" -gt 0 ]
it "in colour" shown "$escape[32m"
it "which is cleared" shown "$escape[Kloaded $n"
NO_COLOR=1
export NO_COLOR
on_terminal load copy lines
it "NO_COLOR: without colour" [ "$(grep -c "$escape\[32m" shown)" = 0 ]
it "the bar is there" shown "##"
unset NO_COLOR
run load copy lines
it "without a terminal there is none" prints "loaded $n"
on_terminal list
it "nor for what is quick" [ "$(grep -c ETA shown)" = 0 ]
TERM=dumb
on_terminal load copy lines
it "nor on a terminal that cannot go back" [ "$(grep -c ETA shown)" = 0 ]
TERM=xterm

head -c 2000000 lines >cut
echo '{"key":"wrong"' >>cut
run create other type hash key 8 value 16 entries 600000
on_terminal load other cut
it "an error stands in a line of its own" \
	[ "$(tr '\r' '\n' <shown | grep -c "^\($escape\[K\)\?Error: cut")" = 1 ]

finish
