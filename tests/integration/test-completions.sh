#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The bash completions: what they offer at given lines, and that they offer exactly the commands and
# options that the programs' own --help names. TAP.
set -u

builddir=${top_builddir:-.}
srcdir=${top_srcdir:-.}
hvctl=$builddir/hvctl/hvctl
PATH=$(cd "$builddir/hvctl" && pwd):$PATH # what is completed is asked
n=0

report() { # report STATUS NAME
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; fi
}

# complete_line WORD…: what is offered for the last word, sorted, on one line
complete_line() {
	COMP_WORDS=("$@")
	COMP_CWORD=$(($# - 1))
	COMPREPLY=()
	"$function"
	printf '%s\n' "${COMPREPLY[@]}" | sort | paste -sd ' ' -
}

# offers WANT WORD…
offers() {
	local want=$1 got
	shift
	got=$(complete_line "$@")
	[ "$got" = "$want" ]
	report $? "\"$*\" offers \"$want\""
	[ "$got" = "$want" ] || echo "# got \"$got\""
}

# The options that a help text names, sorted, on one line.
options_of() { grep -o -- '--[a-z][a-z-]*' | sort -u | paste -sd ' ' -; }

function=_hvctl
# shellcheck source=/dev/null
. "$srcdir/completions/hvctl"

offers "config doctor fcopy info ip kvp logs status vss" hvctl ""
offers "status" hvctl "s"
offers "--help --version" hvctl "--"
offers "check delete events export get import list report set stale stats wait watch" hvctl kvp ""
offers "get" hvctl kvp g
offers "nics" hvctl info ""
offers "history plan rehearse status thaw" hvctl vss ""
offers "--duration" hvctl vss rehearse --d
offers "vmbus" hvctl doctor vm
offers "--list" hvctl doctor --l
offers "cancel history status" hvctl fcopy ""
offers "--lines" hvctl fcopy history --l
offers "" hvctl vss rehearse --duration ""
offers "" hvctl info --socket /nonexistent/hvis --field ""
offers "--help" hvctl kvp "-"
offers "auto auto-external auto-internal external guest" hvctl kvp list --pool ""
offers "auto auto-external auto-internal" hvctl kvp list -p au
offers "guest" hvctl kvp list --pool = g
offers "auto auto-external auto-internal external guest" hvctl kvp list --pool =
offers "check delete events export get import list report set stale stats wait watch" hvctl --pool guest kvp ""
offers "" hvctl kvp list --timeout ""
offers "" hvctl kvp get k
# Keys are the host's: whatever quotes a word has, what is offered is the key as the shell reads it.
keys=$(mktemp -d) || exit 99
trap 'rm -rf "$keys"' EXIT
# read_back OPEN CLOSE WORD: the shell's reading of the only word that is offered for WORD
read_back() {
	local got
	COMP_WORDS=(hvctl kvp get --pool-dir "$keys" "$1$3")
	COMP_CWORD=5
	COMPREPLY=()
	_hvctl
	[ ${#COMPREPLY[@]} -eq 1 ] || { echo "${#COMPREPLY[@]} words"; return; }
	eval "got=$1${COMPREPLY[0]}$2" 2>/dev/null
	printf '%s\n' "$got"
}
# shellcheck disable=SC2016
hostile='a$(touch "$keys/run")`touch $keys/run`";\b'\''c $HOME'
hvctl kvp set "$hostile" v --pool-dir "$keys" --offline
for quote in '' '"' "'"; do
	[ "$(read_back "$quote" "$quote" a)" = "$hostile" ]
	report $? "a hostile key after ${quote:-no quote} is only a key"
done
[ ! -e "$keys/run" ]
report $? "and nothing of it is run"
hvctl kvp set $'t\e[2Jx' v --pool-dir "$keys" --offline
offers "" hvctl kvp get --pool-dir "$keys" t

offers "" hvctl nonsense x
offers "never" hvctl status --color n
offers "lo" hvctl ip set l
offers "dhcp dns via" hvctl ip set lo ""
offers "failure success" hvctl kvp report ""
offers "agent= documentation_url= pps_type= vm_id=" hvctl kvp report success ""
offers "" hvctl kvp report failure r
offers "vm_id=" hvctl kvp report failure reason v
offers "env json-lines plain" hvctl kvp list --format = ""

# Keys: of the files here, with what a shell would take apart.
pools=$(mktemp -d) || exit 99
trap 'rm -rf "$pools" "$keys"' EXIT
hvctl kvp set "role" web --pool-dir "$pools" && hvctl kvp set "a b|c" x --pool-dir "$pools"
offers 'a\ b\|c role' hvctl kvp get --pool-dir "$pools" ""
offers "role" hvctl kvp get --pool-dir "$pools" ro
offers "role" hvctl kvp delete x --pool-dir "$pools" r
offers "" hvctl kvp get --pool-dir "$pools" --pool external r
offers "" hvctl kvp get --socket "$pools/none" r

# Every command that --help lists is offered, level by level, and nothing else is.
commands=$($hvctl --help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z ]*[a-z]\).*/\1/p' | sed 's/  .*//')
first=$(awk '{print $1}' <<<"$commands" | sort -u | paste -sd ' ' -)
offers "$first" hvctl ""
# shellcheck disable=SC2013 # a group is one word
for group in $(awk 'NF > 1 {print $1}' <<<"$commands" | sort -u); do
	offers "$(sed -n "s/^$group //p" <<<"$commands" | sort | paste -sd ' ' -)" hvctl "$group" ""
done
while read -r -a command; do
	offers "$($hvctl "${command[@]}" --help | options_of)" hvctl "${command[@]}" "--"
done <<<"$commands"

function=_hv_kvp_daemon
# shellcheck source=/dev/null
. "$srcdir/completions/hv_kvp_daemon"
offers "$("$builddir/kvpd/hv_kvp_daemon" --help | options_of)" hv_kvp_daemon "--"
offers "--no-daemon" hv_kvp_daemon "--n"
offers "$srcdir/systemd" hv_kvp_daemon --pool-dir "$srcdir/syst"
offers "$srcdir/systemd" hv_kvp_daemon --root = "$srcdir/syst"

function=_hv_vss_daemon
# shellcheck source=/dev/null
. "$srcdir/completions/hv_vss_daemon"
offers "$("$builddir/vssd/hv_vss_daemon" --help | options_of)" hv_vss_daemon "--"
offers "--thaw-left-over" hv_vss_daemon "--t"
offers "$srcdir/systemd" hv_vss_daemon --programs = "$srcdir/syst"

function=_hv_fcopy_daemon
# shellcheck source=/dev/null
. "$srcdir/completions/hv_fcopy_daemon"
offers "$("$builddir/fcopyd/hv_fcopy_daemon" --help | options_of)" hv_fcopy_daemon "--"
offers "--state-dir" hv_fcopy_daemon "--st"
offers "$srcdir/systemd" hv_fcopy_daemon --state-dir = "$srcdir/syst"

# In each shell as somebody types it: on a terminal, with Tab. The key is run, and is a key all the same.
hvctl kvp set "x$hostile" hostile --pool-dir "$pools"
: >"$pools/export.json"
typed=('hvctl sta' 'hvctl kvp wai' 'hvctl kvp list --offl' 'hvctl kvp list --pool=gu' "hvctl kvp get --pool-dir $pools ro"
	"hvctl kvp import $pools/exp" 'hvctl kvp report success ag' "!hvctl kvp get --offline --pool-dir $pools x")
become=('hvctl status |' 'hvctl kvp wait |' 'hvctl kvp list --offline |' 'hvctl kvp list --pool=guest |'
	"hvctl kvp get --pool-dir $pools role |" "hvctl kvp import $pools/export.json |" 'hvctl kvp report success agent=|'
	'hostile')
for shell in bash zsh fish; do
	if ! command -v zsh >/dev/null || ! command -v $shell >/dev/null; then
		n=$((n + 1))
		echo "ok $n - $shell completes # SKIP it, or zsh to type into it, is not installed"
		continue
	fi
	HOME=$pools timeout 120 zsh -f "$srcdir/tests/integration/complete.zsh" $shell "$(cd "$srcdir" && pwd)/completions" \
		"$pools/typed" "${typed[@]}"
	mapfile -t -s 1 lines <"$pools/typed"
	for i in "${!typed[@]}"; do
		[ "${lines[i]-}" = "${become[i]}" ]
		report $? "$shell makes of \"${typed[i]}\" and Tab: \"${become[i]}\""
		[ "${lines[i]-}" = "${become[i]}" ] || echo "# got \"${lines[i]-}\""
	done
done
[ ! -e "$keys/run" ]
report $? "and nothing of a key is run"

echo "1..$n"
