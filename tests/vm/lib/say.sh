# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the user sees: lines with the time since the start, one status line on a terminal, and the
# ways to stop. Everything goes to standard error, so that standard output is the command's own.

say_start=$EPOCHREALTIME
say_verbose=0
say_status_shown=0

# say_elapsed [SINCE]: seconds with one decimal since SINCE (an EPOCHREALTIME) or the start.
say_elapsed()
{
	local since=${1:-$say_start} now=$EPOCHREALTIME us

	us=$((${now/[.,]/} - ${since/[.,]/}))
	printf '%d.%d' $((us / 1000000)) $((us / 100000 % 10))
}

say_line()
{
	[ $say_status_shown = 0 ] || printf '\r\033[K' >&2
	say_status_shown=0
	printf '%s\n' "$*" >&2
}

say()
{
	say_line "$(printf '[%6ss] ' "$(say_elapsed)")$*"
}

# Only with -v.
say_more()
{
	[ "$say_verbose" = 0 ] || say "$@"
}

# One line that the next one replaces; nothing where standard error is no terminal.
say_status()
{
	[ -t 2 ] || return 0
	printf '\r\033[K%.*s' "${COLUMNS:-79}" "$(printf '[%6ss] ' "$(say_elapsed)")$*" >&2
	say_status_shown=1
}

warn()
{
	say_line "run: warning: $*"
}

die()
{
	say_line "run: $*"
	exit 3
}

die_usage()
{
	say_line "run: $*"
	exit 2
}
