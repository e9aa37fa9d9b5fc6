#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# top.sh: bpfmap top in a terminal, driven by keys while maps are written to; and its output for programs.
#
#   usage: top.sh BPFMAP TYPES.bpf.o CAPTURE TOP_WRITER
#
# Nothing waits for a fixed time: the page is looked at until it shows what it shall, for WAIT at most.
WRITER=$4
. "$(dirname "$0")/lib.sh"

if ! command -v tmux >/dev/null; then
	echo "tmux is not installed"
	exit 77
fi
WAIT=40
export LC_ALL=C.UTF-8 LINES= COLUMNS= NO_COLOR=
unset LINES COLUMNS NO_COLOR TMUX
# What ncurses keeps until the process ends is no leak of ours.
printf 'leak:libncursesw\nleak:libtinfo\n' >"$work/suppressions"
export LSAN_OPTIONS="suppressions=$work/suppressions:print_suppressions=0"
mux() { tmux -S "$work/tmux" -f /dev/null "$@"; }
writer=
stop() {
	mux kill-server 2>/dev/null
	[ -z "$writer" ] || kill "$writer" 2>/dev/null
	rm -rf "$BPFMAP_DIR" "$work"
	[ -z "${kernel_pin-}" ] || rm -f "$kernel_pin"
}
trap stop EXIT

# tmux runs commands by this shell; that of an ordinary user may be one that refuses.
export SHELL=/bin/sh

# terminal COLUMNS LINES COMMAND: in a shell that tells how the command ended and the terminal's settings.
terminal() {
	last=$3
	mux kill-server 2>/dev/null
	while mux has-session 2>/dev/null; do :; done
	cat >"$work/session" <<-END
		stty -a >$work/stty-before
		$3
		echo "ended with \$?"
		stty -a >$work/stty-after
		sleep $WAIT
	END
	# A server that is about to end may still answer.
	tries=0
	until mux new-session -d -x "$1" -y "$2" -s t "sh $work/session" 2>"$work/tmux-said" || [ $tries -ge 50 ]; do
		tries=$((tries + 1))
		sleep 0.1
	done
	mux set-option -g status off >"$work/null"
	mux resize-window -t t -x "$1" -y "$2"
}
press() { mux send-keys -t t "$@"; }
page() { out=$(mux capture-pane -p -t t); }

# sees REGEX: the page comes to have a line like that.
sees() {
	end=$(($(date +%s) + WAIT))
	while page && ! printf '%s\n' "$out" | grep -qE -- "$1"; do
		[ "$(date +%s)" -lt $end ] || return 1
		sleep 0.05
	done
}
# misses REGEX: the page comes to have no such line.
misses() {
	end=$(($(date +%s) + WAIT))
	while page && printf '%s\n' "$out" | grep -qE -- "$1"; do
		[ "$(date +%s)" -lt $end ] || return 1
		sleep 0.05
	done
}
# line N REGEX: line N of the page as it was last seen.
line() { printf '%s\n' "$out" | sed -n "$1p" | grep -qE -- "$2"; }
# settled: the shell has told the terminal's settings.
settled() {
	end=$(($(date +%s) + WAIT))
	while [ ! -s "$work/stty-after" ]; do
		[ "$(date +%s)" -lt $end ] || return 1
		sleep 0.05
	done
}
restored() { cmp "$work/stty-before" "$work/stty-after" >"$work/null"; }

mkfifo "$work/ready"
"$WRITER" 300 >"$work/ready" &
writer=$!
read -r word <"$work/ready"
it "the writer is ready" test "$word" = ready

# ---- maps ----
code=- err=-
terminal 170 20 "$BPFMAP top user interval 0.2"
it "all maps are shown" sees 'lru_hash .*100\.0%'
it "the heading counts them" line 1 '4 maps · memory'
it "it says how often it looks" line 1 'every (0\.2 s|[0-9.]+ s, as a look takes)'
it "the columns have names" line 2 'ID WORLD .*NAME .*ENTRIES .*FULL .*MEMORY▼ *LOOK/s *HIT *UPD/s *DEL/s *EVICT/s *FAIL/s *PINS *PIDS'
it "rates come with the second look" sees ' user +busy +hash +10 +1000 +1\.0% ▏ .* [1-9][0-9]* +66\.7% +[1-9][0-9]* +0 +— +0 +busy +[0-9]+ top_writer'
it "a full map's failures have a rate" sees ' full +hash +4 +4 100\.0% ████████ .* — +— +[1-9][0-9]* +0 +— +[1-9]'
it "evictions have a rate" sees ' lru +lru_hash +16 +16 .* +0 +[1-9][0-9.]* +0 '
it "the foot tells the keys" sees '^ Enter elements .* q quit$'
press r
it "r reverses the order" sees 'MEMORY▲'
press '>' '>'
it "> sorts by the next column" sees 'HIT▼'
it "what is known comes first" line 3 ' busy '
press '<' '<' '<' '<'
it "< goes back, the bar is no column" sees 'MAX▼'
press '/' g o n
it "a filter is shown as it is typed" sees '^ /gon_$'
it "and holds at once" sees '^ 1 map of 4 with "gon"'
press Enter
it "only such maps are shown" misses ' (busy|full|lru) '
kill -USR1 "$writer"
it "a map that goes leaves the page" misses ' gone '
it "it says that none is left" sees 'no map has this'
press Escape
it "a map that comes appears" sees ' come +hash +0 +8 '
it "and the others are back" sees ' busy '
press Space
it "space pauses" sees 'paused *$'
before=$out
kill -USR1 "$writer"
press j
page
it "nothing changes while paused" test "$(printf %s "$out" | grep busy)" = "$(printf %s "$before" | grep busy)"
press Space
it "space goes on" sees 'every 0\.(2 s *$|[0-9]+ s, as a look takes)'
press +
it "+ looks less often" sees 'every 0\.4 s'
press '?'
it "? shows the keys" sees 'rank by the field.s value or by its rate'
press Escape
it "Esc leads back" sees ' busy '
press '?' x
it "a second key shows the columns" sees '^ +FAIL/s +updates refused'
press x
it "and a third leads back" sees ' busy '
press '/' f u l l Enter
it "one map is left" sees '1 map of'
press c
it "c counts a map's lookups" sees 'from now on has his lookups counted'
it "they have a rate from then on" sees ' full +hash +4 .* 0 +— +[1-9]'
press q
it "q ends it" sees '^ended with 0$'
settled
it "the terminal is as before" restored

# ---- sizes ----
terminal 170 20 "$BPFMAP top user interval 0.2"
sees ' busy '
mux resize-window -t t -x 60 -y 10
it "a narrow terminal shows what matters most" sees 'ID NAME +ENTRIES +FULL +MEMORY▼ +UPD/s +DEL/s +FAIL/s$'
mux resize-window -t t -x 30 -y 4
it "four lines have two maps" sees '^ .*…$'
it "and the headings" line 2 '^ *ID NAME'
mux resize-window -t t -x 5 -y 1
press j k '>'
mux resize-window -t t -x 170 -y 6
it "one line does no harm" sees '^ +ID WORLD .*PIDS'
press Down Down Down End
it "the chosen map stays on the page" sees ' (lru|come|gone|full) '
mux resize-window -t t -x 170 -y 40
it "it grows again" sees ' busy '
press '?'
it "a tall page has keys and columns" sees 'any key leads back'
press q
it "q ends it from there too" sees '^ended with 0$'

# ---- one map ----
terminal 120 24 "$BPFMAP top busy interval 0.2"
it "a named map's page comes first" sees '^ busy · hash · user id [0-9]+ · key 4 B · value 8 B'
it "with its fill" sees 'entries 10 of 1000 +full 1\.0%'
it "its rates" sees 'lookups/s [1-9][0-9.]* +hit 66\.7% +updates/s [1-9]'
it "its places" sees 'pinned busy +held by [0-9]+ top_writer'
it "elements stand in order of their value" sees '^ +1000000000000 +0 +64 00 00 00$'
it "the ranking has a name" sees '^ 10 elements by value ▼'
it "the largest is the first" line 8 '1000000000000'
press s
it "s ranks by the rate" sees '^ 10 elements by the rate of value ▼'
it "the fastest is the first" sees '^ +[0-9]+ +[1-9][0-9.]*k? +09 00 00 00$'
it "before the second fastest" line 8 '09 00 00 00$'
it "which comes next" line 9 '08 00 00 00$'
press r
it "r puts the slowest first" sees '▲'
sees '^ 10 elements by the rate of value ▲$'
it "which is the large one" line 8 '64 00 00 00$'
press Escape
it "Esc leads to all maps" sees ' lru +lru_hash '
press End Home Enter
it "Enter leads to a map's page" sees '^ [a-z]+ · (lru_)?hash · user id'
press q
it "q ends it there as well" sees '^ended with 0$'

# ---- types ----
"$BPFMAP" run "$TYPES" prog pass pcap "$CAPTURE" pin t >"$work/null"
"$BPFMAP" update t/by_cpu key '{1,-2}' value '{ .packets = 7, .color = GREEN, .who = "me" }'
"$BPFMAP" update t/by_cpu key '{3,4}' value '{ .packets = 9, .color = BLUE }'
cpus=$("$BPFMAP" -j show t/by_cpu | jq .cpus)
terminal 150 24 "$BPFMAP top t/by_cpu interval 0.2"
it "members have columns" sees '^ +packets +RATE/s +key\.x +key\.y +small +delta +color'
it "values per CPU are added up" sees "^ +$((9 * cpus)) +0 +3 +4 +.*BLUE"
it "and typed" sees "^ +$((7 * cpus)) +0 +1 +-2 +.*GREEN"
press '>'
it "> ranks by the next field" sees 'elements by small ▼'
press '<' '<'
it "< by the one before, around the end" sees 'elements by load ▼'
press q
sees '^ended with 0$'

# ---- how it ends ----
for signal in TERM INT HUP; do
	rm -f "$work/stty-after"
	terminal 80 24 "sh -c 'echo \$\$ >$work/pid; exec $BPFMAP top user'"
	sees ' busy '
	kill -$signal "$(cat "$work/pid")"
	it "SIG$signal ends it" sees '^ended with 1[0-9][0-9]$'
	settled
	it "SIG$signal leaves the terminal as it was" restored
done
terminal 80 24 "sh -c 'echo \$\$ >$work/pid; exec $BPFMAP top user'"
sees ' busy '
kill -SEGV "$(cat "$work/pid")"
it "a crash ends it" sees 'ended with 139$'
settled
it "a crash leaves the terminal as it was" restored

# ---- colours, other terminals ----
terminal 150 24 "$BPFMAP top user"
sees ' 100\.0%'
colours() { mux capture-pane -e -p -t t | grep -cE "$(printf '\033')\[([0-9]+;)*(3[1-7])m" >"$work/colours"; test "$(cat "$work/colours")" -gt 0; }
it "what is full is red" colours
terminal 150 24 "NO_COLOR=1 $BPFMAP top user"
sees ' 100\.0%'
it "NO_COLOR has no colours" sh -c "! tmux -S $work/tmux capture-pane -e -p -t t | grep -qE '$(printf '\033')\[([0-9]+;)*(3[0-7]|4[0-7])m'"
press q
terminal 150 24 "LC_ALL=C $BPFMAP top user"
it "without UTF-8 bars are plain" sees ' 100\.0% ######## '
press q
terminal 240 70 "TERM=dumb $BPFMAP top user interval 0.1 sort name"
it "a dumb terminal gets look after look, and is told so" sees 'printing look after look instead of pages'
it "as a table" sees '^ *ID +WORLD +NAME'
press C-c
it "until Ctrl-C" sees '^ended with 130$'
terminal 80 24 "TERM=nosuch $BPFMAP top user interval 0.1"
it "an unknown terminal too" sees 'type is not known here'
mux kill-server

# ---- for programs ----
run top user once interval 300ms
it "once is one table" shows "UPD/S"
it "and silent about it" ok
run -j top user once interval 0.3
it "JSON is one text" json
it "of maps" says 'map(.name)|contains(["busy", "full", "lru", "come"])' true
it "with rates" says 'map(select(.name == "busy"))[0]|.updates_per_second > 0 and .hit_percent > 60 and .hit_percent < 70' true
it "null where nothing is counted" says 'map(select(.name == "lru"))[0].lookups_per_second' null
it "and failures" says 'map(select(.name == "full"))[0].failures_per_second > 0' true
it "pins and processes are lists" says 'map(select(.name == "busy"))[0]|[.pinned[0], .pids[0].pid, .pids[0].comm]' \
	"[\"$BPFMAP_DIR/busy\",$writer,\"top_writer\"]"
run -j top user once interval 0.1 sort entries limit 1
it "sort and limit" says 'map(.name)' '["lru"]'
run -j top user once interval 0.1 sort name asc filter lru
it "filter" says 'map(.name)' '["lru"]'
run -j top user batch 3 interval 0.1
it "batch is a line for each look" test "$(printf '%s\n' "$out" | wc -l)" = 3
run top user batch 2 interval 0.1
it "plain batches have a heading each" test "$(printf '%s\n' "$out" | grep -c UPD/S)" = 2
run top user interval 0.1
it "what is no terminal gets one look" test "$code" = 0
it "and is told so" test "$err" = "this is no terminal: printing one look instead of pages (once, batch)"
run -j top busy once interval 0.2 limit 2
it "a map's first elements" says 'map(.key[0])' '[100,9]'
it "with rates" says '.[1].rate > 0' true
run -j top busy once interval 0.2 sort value rate limit 3
it "by their rate" says 'map(.key[0])' '[9,8,7]'
run -j top t/by_cpu once interval 0.1 sort value.packets asc
it "typed" says 'map([.key.x, ."value.packets"])' "[[1,$((7 * cpus))],[3,$((9 * cpus))]]"
run top t/by_cpu once interval 0.1
it "as a table" shows "VALUE.PACKETS"
"$BPFMAP" create bloom type bloom_filter value 4 entries 10
run top bloom once
it "a map without keys has no elements" refuses 2 "no keys"
"$BPFMAP" create var type hash key 16 value 64 entries 10 flags variable
run top var once
it "nor one whose elements have lengths of their own" refuses 2 "bpfmap dump"
run top nosuch once
it "a map that is not there" refuses 1 "nosuch"
for wrong in "sort nosuch:expected one of id, world, name" "sort:a column is missing" "interval 0:0.05s to 3600s" \
	"interval x:is no time" "interval nan:is no time" "interval inf:0.05s to 3600s" "limit x:not a number" "batch 2 3:expected once, batch" \
	"nosuch:expected once, batch"; do
	run top user once interval 0.1 ${wrong%%:*}
	it "top ${wrong%%:*} is refused" refuses 2 "${wrong#*:}"
done

for wrong in "sort value.x:no BTF for its value" "sort key:ranked by a number in the value" \
	"filter x:chooses among maps" "sort:a field is missing"; do
	run top busy once interval 0.1 ${wrong%%:*}
	it "top busy ${wrong%%:*} is refused" refuses 2 "${wrong#*:}"
done

# ---- the kernel's maps ----
kernel_pin=/sys/fs/bpf/top-test-$$
if [ "$(id -u)" = 0 ] && "$BPFMAP" create kernel "$kernel_pin" type hash key 4 value 8 entries 50 name toptest 2>"$work/null"; then
	for key in 1 2 3; do
		"$BPFMAP" update kernel pinned "$kernel_pin" key $key 0 0 0 value $key 0 0 0 0 0 0 0
	done
	terminal 170 30 "$BPFMAP top interval 0.2 filter toptest"
	it "the kernel's maps are there, counted in the background, with the count's age" \
		sees ' kernel +toptest +hash +3 +[0-9]+s +50 +6\.0% .* — +— +— +— +— +— '"${kernel_pin##*/}"
	press Enter
	it "and have pages" sees '^ toptest · hash · kernel id'
	it "with elements" sees '^ +3 +0 +03 00 00 00$'
	press q
	sees 'ended with 0'
	run -j top kernel pinned "$kernel_pin" once interval 0.1 limit 1
	it "which programs get too" says 'map(.value)' '[3]'
	run -j top kernel once interval 1.5 filter toptest
	it "both worlds' maps have the same names for figures" says '.[0]|[.world, .max_entries, .updates_per_second]' '["kernel",50,null]'
	mux kill-server
	rm -f "$kernel_pin"
else
	echo "SKIPPED: the kernel's maps: this user may not make one"
fi
finish
