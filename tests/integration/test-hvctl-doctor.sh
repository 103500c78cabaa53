#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# "hvctl doctor" as it is typed, on machines made for it (tests/unit/doctor.cases): each finding that --list names
# is provoked, with its severity, an exit status that fits, and something to do; and how all that is printed. TAP.
set -u

builddir=${top_builddir:-.}
srcdir=${top_srcdir:-.}
hvctl=$builddir/hvctl/hvctl
cases=$srcdir/tests/unit/doctor.cases
n=0

[ "$(id -u)" -eq 0 ] || { echo "1..0 # SKIP only root is told everything"; exit 0; }
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT

# report STATUS NAME: what was printed is shown where it fails
report() {
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; sed 's/^/# /' "$tmp/out" "$tmp/err"; fi
}

# doctor CASE ARGUMENT…: its status, what it prints in $tmp/out
doctor() {
	local id=$1
	shift
	"$builddir/tests/integration/doctor-tree" "$cases" "$id" "$hvctl" doctor "$@" >"$tmp/out" 2>"$tmp/err"
}

# finding ID SEVERITY: it is in the JSON printed last. Members stand in their order, one per line.
finding() {
	tr -d '\n' <"$tmp/out" | grep -q "\"id\": *\"$1\",[^{}]*\"severity\": *\"$2\""
}

status_of() { case $1 in warning | problem) echo 1 ;; *) echo 0 ;; esac; }

# --- every finding ---

"$hvctl" doctor --list --json >"$tmp/list"
tr -d '\n' <"$tmp/list" | grep -o '"id": *"[^"]*", *"severity": *"[^"]*"' |
	sed 's/"id": *"\([^"]*\)", *"severity": *"\([^"]*\)"/\1 \2/' >"$tmp/findings"
"$builddir/tests/integration/doctor-tree" "$cases" | sort >"$tmp/cases"
cut -d' ' -f1 "$tmp/findings" | sort | diff - "$tmp/cases" >"$tmp/out" 2>"$tmp/err" && [ -s "$tmp/cases" ]
report $? "each finding has a case, and each case a finding"

while read -r id severity; do
	doctor "$id" "${id%%.*}" --json
	status=$?
	finding "$id" "$severity" && [ "$status" -eq "$(status_of "$severity")" ]
	report $? "$id is provoked, a $severity"
done <"$tmp/findings"

# --- a machine with which all is well ---

doctor guest.ok
report $? "all is well: the exit status is 0"
[ "$(tail -n 1 "$tmp/out")" = "All is well." ] && ! grep -q "^  *\(note\|unknown\|warning\|problem\|do:\)" "$tmp/out"
report $? "and every line of it says so"
[ ! -s "$tmp/err" ]
report $? "and nothing is said on standard error"
! grep -q "$(printf '\033')" "$tmp/out"
report $? "without colours in a file"
doctor guest.ok --color always
grep -q "$(printf '\033\\[32mok\033\\[0m')" "$tmp/out"
report $? "with them where they are asked for"

# --- how it is typed ---

doctor vmbus.unloaded
[ $? -eq 1 ] && grep -q "^  problem  vmbus  " "$tmp/out" && grep -q "^ *do:  *modprobe hv_vmbus$" "$tmp/out"
report $? "a problem has what to do on a line of its own"
grep -qx "1 problem." "$tmp/out"
report $? "and the problems are counted"
doctor guest.none --json
[ $? -eq 1 ] && [ "$(grep -c '"id"' "$tmp/out")" -eq 1 ]
report $? "no guest of Hyper-V: it says that and stops"
doctor guest.ok vmbus utils --json
[ "$(grep '"id"' "$tmp/out" | tr -d ' ' | sort -u | xargs)" = "id:guest.ok, id:utils.ok, id:vmbus.ok," ]
report $? "checks by name, and whether it is a guest"
"$hvctl" doctor vmbus bus >"$tmp/out" 2>"$tmp/err"
[ $? -eq 2 ] && grep -q 'no check "bus"' "$tmp/err"
report $? "a check that does not exist is a wrong usage"
"$hvctl" doctor --root relative >"$tmp/out" 2>"$tmp/err"
[ $? -eq 2 ]
report $? "and so is a relative root"
"$hvctl" doctor --root "$tmp/none" >"$tmp/out" 2>"$tmp/err"
[ $? -eq 2 ] && grep -q -e "--root $tmp/none: there is no such directory" "$tmp/err"
report $? "and one that is not there"
"$hvctl" doctor --list pools uio >"$tmp/out" 2>"$tmp/err"
[ $? -eq 0 ] && [ "$(awk '{ print $1 }' "$tmp/out" | xargs)" = "CHECK uio pools" ]
report $? "--list of some checks has these"
"$hvctl" doctor --list >"$tmp/out" 2>"$tmp/err"
[ "$(awk 'NR > 1 { print $1 }' "$tmp/out" | sort)" = "$(cut -d. -f1 "$tmp/findings" | sort -u)" ]
report $? "--list shows every check"
echo "1..$n"
