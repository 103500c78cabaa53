#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# Every bad command line of hvis-host ends with status 2 and a message that names what is wrong. TAP.
set -u

host=${top_builddir:-.}/hvis-host
tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
n=0

report() { # report STATUS NAME
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; sed 's/^/# /' "$tmp/out" "$tmp/err"; fi
}

# ends STATUS NAMED ARGUMENT…: hvis-host ends with the status, prints nothing on standard output, and
# its message has NAMED in it
ends() {
	local want=$1 named=$2
	shift 2
	timeout 20 "$host" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	[ $? = "$want" ] && [ ! -s "$tmp/out" ] && grep -qF -e "$named" "$tmp/err"
	report $? "$want: $*"
}

# prints NAMED ARGUMENT…: hvis-host ends with 0 and prints NAMED
prints() {
	local named=$1
	shift
	timeout 20 "$host" "$@" >"$tmp/out" 2>"$tmp/err" </dev/null && grep -qF -e "$named" "$tmp/out"
	report $? "0: $*"
}

ends 2 "usage: hvis-host COMMAND"
ends 2 '"fly"' fly
ends 2 "--kernel FILE is missing" run
ends 2 "--bogus" run --kernel k --bogus
ends 2 "--kernel" run --kernel
ends 2 '"more"' run --kernel k more
ends 2 "--no-reboot takes no value" run --kernel k --no-reboot=no
ends 2 "--json takes no value" probe --json=no
ends 2 "--help takes no value" link --help=no
ends 2 "--cpus 0" run --kernel k --cpus 0
ends 2 "--cpus 5" run --kernel k --cpus 5
ends 2 "--cpus x" run --kernel k --cpus x
ends 2 "--memory 1M" run --kernel k --memory 1M
ends 2 "--memory M" run --kernel k --memory M
ends 2 "--memory 65G" run --kernel k --memory 65G
ends 2 "--memory 512K" run --kernel k --memory 512K
ends 2 "--synic fast" run --kernel k --synic fast
ends 2 "--max-version 2.4" run --kernel k --max-version 2.4
ends 2 "--max-version 5" run --kernel k --max-version 5
ends 2 "--console" run --kernel k --console ""
ends 2 "--console" run --kernel k --console file:
ends 2 "--serial2" run --kernel k --serial2 unix:
ends 2 "--serial2 -" run --kernel k --serial2 -
ends 2 "--timeout 0" run --kernel k --timeout 0
ends 2 "--timeout x" run --kernel k --timeout x
ends 2 "--wait-limit -1" run --kernel k --wait-limit -1
ends 2 '"drop"' run --kernel k --fault drop
ends 2 '"lose:packet/kvp"' link --dir "$tmp/link" --fault lose:packet/kvp
ends 2 "--dir DIR is missing" link
ends 2 "--service rdp" link --dir "$tmp/link" --service rdp
ends 2 "--service kvp=versions=9.9" link --dir "$tmp/link" --service kvp=versions=9.9
ends 2 "--service kvp=colour" link --dir "$tmp/link" --service kvp=colour
ends 3 "--service kvp: " link --dir "$tmp/link" --service kvp --service kvp
ends 2 '"more"' probe more
ends 2 "--bogus" probe --bogus
ends 2 "control socket" ctl
ends 2 "a command is wanted" ctl "$tmp/none"
ends 2 '"fly"' ctl "$tmp/none" fly
ends 2 "VALUE is missing" ctl "$tmp/none" kvp set Key
ends 3 "$tmp/none" ctl "$tmp/none" info
ends 3 "$tmp/none" run --kernel "$tmp/none"
ends 3 "/dev/null/trace" link --dir "$tmp/link" --trace /dev/null/trace
ends 3 "/dev/null/link" link --dir /dev/null/link
prints "--max-version" run --help
prints "--dir" link --help
prints "--json" probe --help
prints "kvp set KEY VALUE" ctl --help
prints "usage: hvis-host ctl SOCKET backup" ctl backup --help
prints "  --silent-after STEP  say nothing more" ctl backup --help
prints "usage: hvis-host ctl SOCKET backup" ctl "$tmp/none" backup --help
prints "hvis-host 0" --version
prints "probe" --help
prints "usage: hvis-host COMMAND" help

# What could not be asked is not said to be missing.
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
if [ "$(id -u)" != 0 ] || ! "${nobody[@]}" "$host" --version >/dev/null 2>&1; then
	n=$((n + 1)); echo "ok $n - probe without rights # SKIP needs root, and a place that others can read"
elif [ ! -e /dev/kvm ] || "${nobody[@]}" test -w /dev/kvm; then
	n=$((n + 1)); echo "ok $n - probe without rights # SKIP /dev/kvm is not there, or for everybody"
else
	"${nobody[@]}" "$host" probe >"$tmp/out" 2>"$tmp/err"
	[ $? = 4 ] && [ ! -s "$tmp/out" ] && grep -qF "no permission for /dev/kvm" "$tmp/err"
	report $? "probe without rights says so"
	"${nobody[@]}" "$host" probe --json >"$tmp/out" 2>"$tmp/err"
	[ $? = 4 ] && tr -d ' \n' <"$tmp/out" | grep -qF '"capabilities":[]'
	report $? "and in JSON has no answers"
fi

[ ! -e "$tmp/link" ] || [ -z "$(ls -A "$tmp/link")" ]
report $? "nothing is left"
echo "1..$n"
