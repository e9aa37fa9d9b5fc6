# SPDX-License-Identifier: LGPL-2.1-only OR BSD-2-Clause
# shellcheck shell=bash
# ---- the grammar: shared by bash and zsh, which reads it as ksh does ----

# What follows word by word: "state label state". Labels: =word, ?word (offered once), @what stands there.
_bpfmap_table() {
	_bpfmap_rows=()
	case $1 in
@TABLE@
	esac
}

# _bpfmap_verb WORD: the verb that is meant; verbs may be shortened, and some have a second name.
_bpfmap_verb() {
	local word found= count=0

	for word in @VERBS@ @ALIASES@; do
		[ "$word" = "$1" ] && found=$word count=1 && break
		case $word in "$1"*) found=$word count=$((count + 1)) ;; esac
	done
	[ $count = 1 ] || found=
	case $found in
@ALIAS_CASES@
	esac
	_bpfmap_found=$found
}

# _bpfmap_follow WORD: from $_bpfmap_states on. A word in its place goes before a shortened one, that before
# what may be anything; and a keyword in another place than the synopsis' leads on from there.
_bpfmap_follow() {
	local row from label to keyword exact= short= any= elsewhere=

	for row in "${_bpfmap_rows[@]}"; do
		from=${row%% *} to=${row##* } label=${row#* }
		label=${label%% *}
		keyword=${label#?}
		case " $_bpfmap_states " in
		*" $from "*) ;;
		*)
			[ "${label%"$keyword"}" != @ ] && [ "$keyword" = "$1" ] && elsewhere="$elsewhere $to"
			continue
			;;
		esac
		case $label in
		@*) any="$any $to" ;;
		*)
			case $keyword in
			"$1") exact="$exact $to" ;;
			"$1"*) short="$short $to" ;;
			esac
			;;
		esac
	done
	[ -n "$exact" ] && _bpfmap_used="$_bpfmap_used $1 "
	_bpfmap_states=${exact:-${short:-${any:-${elsewhere:-$_bpfmap_states}}}}
}

# _bpfmap_offer VERB WORD...: sets $_bpfmap_words, the keywords that may follow, and $_bpfmap_kinds, what else.
_bpfmap_offer() {
	local row from label word

	_bpfmap_table "$1"
	shift
	_bpfmap_states=0 _bpfmap_used= _bpfmap_words= _bpfmap_kinds=
	for word in "$@"; do
		_bpfmap_follow "$word"
	done
	for row in "${_bpfmap_rows[@]}"; do
		from=${row%% *} label=${row#* }
		label=${label%% *}
		word=${label#?}
		case " $_bpfmap_states " in
		*" $from "*) ;;
		*) continue ;;
		esac
		case $label in
		"?"*) case $_bpfmap_used in *" $word "*) continue ;; esac ;;
		esac
		case "$_bpfmap_words $_bpfmap_kinds " in
		*" $word "*) continue ;;
		esac
		case $label in
		@*) _bpfmap_kinds="$_bpfmap_kinds $word" ;;
		*) _bpfmap_words="$_bpfmap_words $word" ;;
		esac
	done
}

# _bpfmap_expand PATH: $_bpfmap_path, the path with ~ as the shell reads it in a command.
_bpfmap_expand() {
	_bpfmap_path=$1
	case $1 in "~/"*) _bpfmap_path=$HOME/${1#??} ;; esac
}

# _bpfmap_root WORLD: $_bpfmap_path, the directory in which a world's relative names are.
_bpfmap_root() {
	case $1 in
	kernel) _bpfmap_path=/sys/fs/bpf ;;
	*) _bpfmap_path=${BPFMAP_DIR:-/dev/shm/bpfmap-$(id -u)} ;;
	esac
}

# _bpfmap_live TOOL WORLD WHAT: of the maps that there are now, ids, names or pins' paths, a line each.
_bpfmap_live() {
	local script _bpfmap_path

	case $3 in
	ids) script='s/^    "id": \([0-9]*\),*$/\1/p' ;;
	names) script='s/^    "name": "\(.*\)",*$/\1/p' ;;
	pins) script='/^    "pinned": \[/,/^    \]/s/^      "\(.*\)",*$/\1/p' ;;
	esac
	_bpfmap_expand "$1"
	"$_bpfmap_path" -p list "$2" 2>/dev/null </dev/null | sed -n "$script"
}

# _bpfmap_pins TOOL WORLD WORD: pins, named as the word begins: as in the world's directory, or below /sys/fs/bpf,
# where user space has names, too, and the kernel's are found without their world.
_bpfmap_pins() {
	local as= _bpfmap_path

	case $3 in
	/sys/fs/bpf/*)
		as=/sys/fs/bpf/
		[ "$2" = kernel ] || _bpfmap_live "$1" kernel pins
		;;
	esac
	_bpfmap_root "$2"
	_bpfmap_live "$1" "$2" pins | sed "s|^$_bpfmap_path/|$as|"
}

# _bpfmap_programs TOOL OBJECT: the programs of an object file, a line each: the tool names them when it is asked for one
# that cannot be there.
_bpfmap_programs() {
	local _bpfmap_path object

	_bpfmap_expand "$2"
	object=$_bpfmap_path
	_bpfmap_expand "$1"
	"$_bpfmap_path" run "$object" prog '?' pcap - 2>&1 </dev/null | sed -n 's/.*; there are: //p' | tr -s ', ' '\n'
}

# _bpfmap_world WORD...: the world of the map that these words begin to name, the last one first.
_bpfmap_world() {
	_bpfmap_found=user
	case ${1-} in
	kernel) _bpfmap_found=kernel ;;
	id | name | pinned) [ "${2-}" = kernel ] && _bpfmap_found=kernel ;;
	esac
}
