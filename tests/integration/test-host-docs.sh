#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# hvis-host(1) and the bash completion name exactly what hvis-host's own --help names. TAP.
set -u

host=${top_builddir:-.}/hvis-host
srcdir=${top_srcdir:-.}
page=$srcdir/man/hvis-host.1.in
n=0

report() { # report STATUS NAME
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

# offers WANT WORD…: what the completion gives for the last word, sorted
offers() {
	local want=$1 got
	shift
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	COMPREPLY=()
	_hvis_host
	got=$(printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd ' ' -)
	[ "$got" = "$want" ]
	report $? "\"$*\" offers \"$want\""
	[ "$got" = "$want" ] || echo "# got \"$got\""
}

# The options that a help text names: of run, link and probe at the start of its lines; of ctl anywhere.
options_of() { grep -o -- "${1:-}--[a-z][a-z0-9-]*" | grep -o -- '--.*' | sort -u | paste -sd ' ' -; }

# shellcheck source=/dev/null
. "$srcdir/completions/hvis-host"
mapfile -t commands < <("$host" ctl --help | grep '^  [a-z]' | sed -e 's/^  //' -e 's/ [[A-Z-].*//')
[ ${#commands[@]} -gt 20 ]
report $? "ctl --help lists its commands"

# The page as plain words.
words=$(sed -e 's/\.\?\bFl -/--/g' -e 's/^\.[A-Z][a-z] //' -e 's/\b\(Cm\|Op\|Ar\) //g' "$page")
for command in "${commands[@]}"; do
	read -r -a parts <<<"$command"
	grep -qx "\.It Cm $command\( Ar .*\)\?" "$page"
	report $? "the page has ctl $command"
	help=$("$host" ctl none "${parts[@]}" --help)
	offers "$(printf '%s --help' "$help" | options_of)" hvis-host ctl none "${parts[@]}" "--"
	for option in $(options_of <<<"$help"); do
		grep -qF -e "$option" <<<"$words"
		report $? "the page names $option of ctl $command"
	done
done
for sub in run link probe; do
	options=$("$host" "$sub" --help | sed 's/-h, /    /' | grep -v -- '--help-' | options_of '^ *')
	offers "$options" hvis-host "$sub" "--"
	for option in $options; do
		grep -qF -e "$option" <<<"$words"
		report $? "the page names $option of $sub"
	done
done

# The commands, level by level.
offers "ctl link probe run" hvis-host ""
firsts=$(printf '%s\n' "${commands[@]}" | awk '{ print $1 }' | sort -u | paste -sd ' ' -)
offers "$firsts" hvis-host ctl none ""
for first in service time kvp ip fault; do
	seconds=$(printf '%s\n' "${commands[@]}" | awk -v f=$first '$1 == f && NF > 1 { print $2 }' | sort | paste -sd ' ' -)
	offers "$seconds" hvis-host ctl none "$first" ""
done
offers "exit fcopy heartbeat kvp shutdown timesync vss" hvis-host ctl none wait ""
offers "kvp" hvis-host ctl none service enable k
offers "check freeze" hvis-host ctl none backup --silent-after ""
offers "auto auto-external auto-internal" hvis-host ctl none kvp list --pool au
offers "user" hvis-host run --synic = u
offers "" hvis-host run --append ""
echo "1..$n"
