#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# run_many.sh: bpfmap run with several programs, threads and sources, paced, in loops, live.
#
#   usage: run_many.sh BPFMAP TYPES.bpf.o CAPTURE RUN.bpf.o
RUN=$4
. "$(dirname "$0")/lib.sh"
trap 'rm -rf "$BPFMAP_DIR" "$work"; [ -z "${pid-}" ] || kill "$pid" 2>/dev/null' EXIT

packets=$("$BPFMAP" -j run "$TYPES" prog pass pcap "$CAPTURE" | jq .packets)
sum='[.maps[]|select(.name=="per_cpu").elements[0].values[].value]|add'

# ---- threads: what each CPU counted without atomics adds up ----
run -j run "$RUN" prog count pcap "$CAPTURE" threads 4 loop 40
it "four threads give every packet to the program once" says .packets $((packets * 40))
it "no count per CPU is lost" says "$sum" $((packets * 40))
it "nor in global variables" says '.maps[]|select(.name|endswith(".bss")).elements[0].value.total' $((packets * 40))
it "verdicts of all threads are one" says '.verdicts' "{\"XDP_PASS\":$((packets * 40))}"
it "the report says how many threads" says .threads 4
run -j run "$RUN" prog count pcap "$CAPTURE" threads 3 memory 0 loop 5
it "a capture that is read anew in each loop is whole in each" says "[.packets, ($sum)]" "[$((packets * 5)),$((packets * 5))]"
run -j run "$RUN" prog count pcap "$CAPTURE" threads 2 repeat 3
it "repeat and threads" says "[.packets, ($sum)]" "[$packets,$((packets * 3))]"
run -j run "$TYPES" prog keep pcap "$CAPTURE"
one=$(printf %s "$out" | jq -cS .verdicts)
run -j run "$TYPES" prog keep pcap "$CAPTURE" threads 4
it "verdicts do not depend on the number of threads" test "$(printf %s "$out" | jq -cS .verdicts)" = "$one"

# ---- several programs ----
run -j run "$TYPES" prog all pcap "$CAPTURE" loop 2
it "all programs that take packets run" says '[.programs[].program]' '["pass","shot","keep"]'
it "each over the whole capture" says '[.programs[].runs]|unique' "[$((packets * 2))]"
it "each with its verdicts" says '.programs[1].verdicts|keys' '["TC_ACT_OK","TC_ACT_SHOT"]'
it "runs are counted over all" says '[.packets, .runs]' "[$((packets * 2)),$((packets * 6))]"
run -j run "$TYPES" prog shot prog pass pcap "$CAPTURE"
it "programs run in the order in which they are named" says '[.programs[].program]' '["shot","pass"]'
run run "$TYPES" prog shot prog pass pcap "$CAPTURE"
it "for people they are a table" shows "PROGRAM  TYPE       PACKETS  FAILED"
run run "$TYPES" prog pass prog pass pcap "$CAPTURE"
it "a program is named once" refuses 2 "prog pass specified multiple times"
run run "$TYPES" prog all prog pass pcap "$CAPTURE"
it "all includes every one" refuses 2 "prog all includes"

# ---- sources ----
run -j run "$RUN" prog count pcap "$CAPTURE" pcap "$CAPTURE" threads 2
it "captures follow each other" says .packets $((packets * 2))
run -j run "$RUN" prog count pcap "$CAPTURE" packets 100 loop 3
it "packets: only so many" says .packets 300
piped() { last="... | bpfmap $*"; out=$(timeout 60 "$BPFMAP" "$@" <"$work/fifo" 2>"$work/stderr"); code=$?; err=$(cat "$work/stderr"); }
mkfifo "$work/fifo"
cat "$CAPTURE" >"$work/fifo" &
piped -j run "$RUN" prog count pcap - threads 2
it "standard input" says "[.packets, ($sum)]" "[$packets,$packets]"
cat "$CAPTURE" >"$work/fifo" &
piped -j run "$TYPES" prog pass prog shot pcap -
it "each packet of standard input goes to every program" says '[.programs[].runs]' "[$packets,$packets]"
cat "$CAPTURE" >"$work/fifo" &
piped -j run "$RUN" prog count pcap - loop 3
it "in a loop it is kept" says .packets $((packets * 3))
head -c 5000 "$CAPTURE" >"$work/fifo" &
piped -j run "$RUN" prog count pcap -
it "standard input that breaks off is an error" test "$code" = 5
it "with a sentence" test "${err#*standard input breaks off}" != "$err"
it "and what came before is reported" test "$(printf %s "$out" | jq '.packets > 0')" = true
cat "$CAPTURE" "$CAPTURE" >"$work/fifo" &
piped run "$RUN" prog count pcap - loop 2 memory 0
it "a loop over more than the memory permits is refused" refuses 3 "write them to a file"
run run "$RUN" prog count pcap - pcap -
it "standard input is read once" refuses 2 "pcap - specified multiple times"
head -c 24 "$CAPTURE" >"$work/none.pcap"
run -j run "$RUN" prog count pcap "$work/none.pcap" threads 2 loop forever
it "a capture without packets ends at once" says .packets 0
chmod 0 "$work/none.pcap"
[ "$(id -u)" = 0 ] || run run "$RUN" prog count pcap "$work/none.pcap"
[ "$(id -u)" = 0 ] || it "a capture that may not be read" refuses 4 "Permission denied"

# ---- failures ----
{
	head -c 24 "$CAPTURE"
	for size in 60 61 60; do
		octal=$(printf '\\%o' $size)
		printf "\0\0\0\0\0\0\0\0$octal\0\0\0$octal\0\0\0" && head -c $size /dev/zero
	done
} >"$work/three.pcap"
run -j run "$RUN" prog fault pcap "$work/three.pcap" threads 4 loop 100
it "a program that faults in several threads ends none of them" test "$(printf %s "$out" | jq -c '[.packets,.failed,.verdicts.XDP_PASS]')" = "[300,200,100]"
it "and fails the run" test "$code" = 5
it "the first failure is told" test "${err#*packet 1 (60 bytes): insn }" != "$err"
it "with its source line" test "${err#*run.bpf.c:}" != "$err"

# ---- pace ----
run -j run "$RUN" prog count pcap "$CAPTURE" packets 300 rate 1000
it "rate is kept" says '.seconds > 0.28' true
run -j run "$RUN" prog count pcap "$CAPTURE" packets 3000 rate 10k threads 2
it "by several threads, too" says '.seconds > 0.28 and .packets == 3000' true
span=$("$BPFMAP" -j run "$RUN" prog count pcap "$CAPTURE" rate capture for 0.5 | jq .packets)
it "timestamps are followed" test "$span" -gt 0 -a "$span" -lt "$packets"
run -j run "$RUN" prog count pcap "$CAPTURE" loop forever for 300ms threads 2
it "for ends an endless loop" says '.packets > 0 and .seconds < 20 and (has("interrupted")|not)' true

# interrupted SIGNAL ARGS...: run until the signal, once it is caught; by the tool, not by the shell that
# becomes it. The last of the two signals that it takes is SIGTERM.
interrupted() {
	signal=$1
	shift
	last="bpfmap $*, interrupted"
	"$BPFMAP" "$@" for 60 >"$work/int" 2>"$work/int.err" &
	pid=$!
	while ! { [ "/proc/$pid/exe" -ef "$BPFMAP" ] && grep -q "^SigCgt:.*[4567cdef]...$" "/proc/$pid/status"; } 2>"$work/null"; do
		kill -0 $pid 2>/dev/null || break
	done
	kill -"$signal" $pid
	wait $pid
	code=$?
	pid=
	out=$(cat "$work/int")
	err=$(cat "$work/int.err")
}
for signal in INT TERM; do
	interrupted $signal -j run "$RUN" prog count pcap "$CAPTURE" threads 4 loop forever
	it "SIG$signal ends four threads with the report" says .interrupted true
	it "which is right" says ".packets == ($sum)" true
done
exec 9<>"$work/fifo"
interrupted INT -j run "$RUN" prog count pcap "$CAPTURE" pcap "$work/fifo" threads 2
exec 9>&-
it "also while one waits for a packet that does not come" says .interrupted true
# The signal of a process may come to any of its threads: to the one that waits.
exec 9<>"$work/fifo"
last="bpfmap run, whose waiting thread was interrupted"
"$BPFMAP" -j run "$RUN" prog count pcap "$CAPTURE" pcap "$work/fifo" threads 2 for 60 >"$work/int" 2>"$work/int.err" &
pid=$!
until thread=$(grep -l pipe_read /proc/$pid/task/*/wchan 2>"$work/null") || ! kill -0 $pid 2>"$work/null"; do :; done
thread=${thread#/proc/"$pid"/task/}
kill -INT "${thread%%/*}"
wait $pid
code=$?
pid=
out=$(cat "$work/int") err=$(cat "$work/int.err")
exec 9>&-
it "and the waiting thread itself gets the signal" says .interrupted true
interrupted INT -j run "$RUN" prog count pcap "$CAPTURE" rate 0.1 threads 2
it "and while all wait for their time" says .interrupted true

# ---- the live kernel ----
"$BPFMAP" -j run "$RUN" prog count pcap "$CAPTURE" threads 2 engine kernel >"$work/kernel" 2>"$work/kernel.err"
if [ $? = 4 ]; then
	echo "SKIPPED: engine kernel: $(head -n 1 "$work/kernel.err")"
else
	it "the kernel counts the same in two threads" test "$(jq -c "[.engine, .packets, ($sum)]" "$work/kernel")" = "[\"kernel\",$packets,$packets]"
fi

# ---- interfaces ----
run run "$RUN" prog count interface nosuch0
case $code in
4) it "an ordinary user is told the remedy" refuses 4 "tcpdump -i nosuch0" ;;
*) it "an interface that does not exist" refuses 5 "there is no interface nosuch0" ;;
esac
if [ "$(id -u)" = 0 ]; then
	# Not below $work, which may lie in a directory of root's.
	nobody=$(mktemp -d /dev/shm/bpfmap-nobody.XXXXXX) && chown 65534 "$nobody"
	out=$(setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all \
		env BPFMAP_DIR="$nobody" "$BPFMAP" run "$RUN" prog count interface lo 2>&1)
	rm -rf "$nobody"
	it "root without its privileges neither" test "${out#*be root or have CAP_NET_RAW}" != "$out" -o "${out#*Permission denied}" != "$out"
fi
cat >"$work/veth" <<END
ip link add run0 type veth peer name run1 || exit 77
ip link set run0 up
ip link set run1 up
(while :; do ping -c 1 -W 1 -b -I run0 255.255.255.255; ping -6 -c 1 -W 1 ff02::1%run0; done) >/dev/null 2>&1 &
$BPFMAP -j run $RUN prog count interface run1 packets 3 for 20
kill \$!
ip link set run1 down
$BPFMAP run $RUN prog count interface run1 for 1 2>$work/down
END
if [ "$(id -u)" = 0 ] && unshare -n sh -c 'ip link add run0 type veth peer name run1' 2>"$work/null"; then
	last="run ... interface run1, in a namespace"
	out=$(unshare -n sh "$work/veth" 2>"$work/stderr")
	code=0 err=
	it "packets of an interface" says "[.interface, .packets, ($sum)]" '["run1",3,3]'
	it "an interface that is down" grep -q 'ip link set run1 up' "$work/down"
else
	echo "SKIPPED: interfaces: no network namespace can be made (root alone can)"
fi

# ---- words ----
run run "$RUN" prog count pcap "$CAPTURE" interface lo
it "captures and interfaces exclude each other" refuses 2 "together"
run run "$RUN" prog count interface lo loop 2
it "an interface has no loop" refuses 2 "come once"
run run "$RUN" prog count interface lo rate 5
it "nor a rate" refuses 2 "their own rate"
run run "$RUN" prog count pcap "$CAPTURE" rate fast
it "a rate is a number" refuses 2 "packets per second"
run run "$RUN" prog count pcap "$CAPTURE" rate -3
it "which is positive" refuses 2 "packets per second"
run run "$RUN" prog count pcap "$CAPTURE" for 5x
it "a time has a unit that is known" refuses 2 "1.5s, 10m, 2h or 7d"
run run "$RUN" prog count pcap "$CAPTURE" threads 0
it "there is at least one thread" refuses 2 "threads: 0"
run run "$RUN" prog count pcap "$CAPTURE" threads 100000
it "and not any number of them" refuses 2 "at most 256"
run run "$RUN" prog count pcap "$CAPTURE" watch nosuch
it "watch names the maps that there are" refuses 1 "per_cpu, ports, bloom"
run run "$RUN" prog count pcap "$CAPTURE" jit maybe
it "jit is on, off or auto" refuses 2 "neither on, off nor auto"
run run "$RUN" prog count pcap "$CAPTURE" jit off engine kernel
it "and not for the kernel" refuses 2 "bpf_jit_enable"
run -j run "$RUN" prog count pcap "$CAPTURE" jit off
it "without it programs are interpreted" says .engine '"interpreter"'
run -j run "$RUN" prog count pcap "$CAPTURE" watch per_cpu
it "watch is silent where nobody sees it" json

# ---- the live view ----
if command -v tmux >"$work/null"; then
	export SHELL=/bin/sh LC_ALL=C.UTF-8
	unset TMUX
	mux() { tmux -S "$work/tmux" -f /dev/null "$@"; }
	trap 'mux kill-server 2>/dev/null; rm -rf "$BPFMAP_DIR" "$work"' EXIT
	sees() {
		end=$(($(date +%s) + 40))
		while out=$(mux capture-pane -p -t t) && ! printf '%s\n' "$out" | grep -qE -- "$1"; do
			[ "$(date +%s)" -lt $end ] || return 1
			sleep 0.05
		done
	}
	last="run ... watch, in a terminal"
	mux new-session -d -x 100 -y 24 -s t "sh -c '\"$BPFMAP\" run \"$TYPES\" prog pass pcap \"$CAPTURE\" loop forever watch by_name,types.bss | head -7; echo ended; sleep 60'"
	it "the speed is shown" sees '^[0-9]+ s  [1-9][0-9]* packets  [1-9][0-9]*/s'
	it "the verdicts" sees '^pass  XDP_PASS=[1-9]'
	it "each map with what it holds" sees '^by_name  hash  1 of 4'
	it "its elements" sees 'value.packets +value.bytes +key'
	it "global variables" sees 'value.seen'
	mux send-keys -t t C-c
	it "Ctrl-C leads to the report" sees '^interrupted +true'
	it "and the view is gone" test "$(printf %s "$out" | grep -c 'Ctrl-C ends')" = 0
	mux kill-server
	while mux has-session 2>/dev/null; do sleep 0.1; done
	sleep 0.5 # it may still be about to end
	mux new-session -d -x 100 -y 24 -s t "sh -c '\"$BPFMAP\" run \"$TYPES\" prog pass pcap \"$CAPTURE\" loop forever for 30 >/dev/null'"
	it "without watch there is a line of progress" sees 'run: [0-9.]+[kMG] packets, [0-9.]+[kMG]/s'
	mux kill-server
else
	echo "SKIPPED: the live view: tmux is not installed"
fi
finish
