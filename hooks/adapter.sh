# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2034 # for who sources it
#
# What the adapters have in common: they are hooks of hvis-freeze.d(5) that call the hooks of somebody else, as
# those expect it. Sourced, never called. HVIS_ADAPTER_ROOT and HVIS_ADAPTER_STATE are for tests; the daemon sets
# neither.

root=${HVIS_ADAPTER_ROOT:-}
state=${HVIS_ADAPTER_STATE:-/run/hvis}/adapter.${HVIS_HOOK:-none} # who has seen freeze, a line each

say()
{
	echo "$*" >&2
}

fail()
{
	say "$*"
	exit 1
}

# is_ours PATH [TEST…]: it belongs to root (or to whom we are) and is nobody else's to write, unless TEST of find(1) holds
is_ours()
{
	path=$1
	shift
	[ -n "$(find "$path" -prune \( -user 0 -o -user "$(id -u)" \) \( ! -perm -020 ! -perm -002 "$@" \) 2>/dev/null)" ]
}

# is_out_of_reach PATH: so are all folders above it, or, where they are like /tmp, what is in them
is_out_of_reach()
{
	way=${1%/*}
	while [ "$way" != "$top" ] && [ -n "$way" ]; do
		is_ours "$way" -o -perm -1000 || return 1
		way=${way%/*}
	done
	is_ours "${way:-/}" -o -perm -1000
}

# trusted FILE…: nobody but root can change what each leads to, or make it lead elsewhere
trusted()
{
	top=${root:+$(readlink -f "$root")}
	for file; do
		above=$(readlink -f "${file%/*}") || above=
		real=$(readlink -f "$file") || real=
		if [ -z "$above" ] || [ -z "$real" ] || ! is_ours "$real" || ! is_out_of_reach "$real" ||
			! is_out_of_reach "$above/-"; then
			say "$file: others than root may write it"
			return 1
		fi
	done
}

# is_leftover NAME: of an editor or a package manager, or hidden
is_leftover()
{
	case $1 in
	.* | *~ | *.bak | *.orig | *.old | *.sample | *.swp | *.tmp | *.rpm* | *.dpkg-* | *.ucf-*) return 0 ;;
	esac
	return 1
}

# programs FOLDER: those in it, a line each, ascending
programs()
{
	for file in "$1"/*; do
		if [ -f "$file" ] && [ -x "$file" ] && ! is_leftover "${file##*/}"; then
			printf '%s\n' "$file"
		fi
	done
}
