#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# "hvis-host ctl backup" over link mode, with a daemon that answers by script. TAP.
set -u

host=${top_builddir:-.}/hvis-host
peer=${top_builddir:-.}/tests/integration/vss-peer
tmp=$(mktemp -d) || exit 99
dir=$tmp/link
n=0
host_pid='' peer_pid=''

cleanup() {
	[ -z "$peer_pid" ] || kill "$peer_pid" 2>/dev/null
	[ -z "$host_pid" ] || kill "$host_pid" 2>/dev/null
	wait
	rm -rf "$tmp"
}
trap cleanup EXIT

report() { # report STATUS NAME
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; sed 's/^/# /' "$tmp/out" "$tmp/err" "$tmp/peer"; fi
}

ctl() { exec timeout 60 "$host" ctl "$dir/control" "$@"; }

# try STATUS NAME COMMAND…: ctl ends with this status; output in $tmp/out, message in $tmp/err
try() {
	local want=$1 name=$2 status
	shift 2
	(ctl "$@") >"$tmp/out" 2>"$tmp/err"
	status=$?
	[ $status = "$want" ] || echo "status $status, not $want" >>"$tmp/err"
	[ $status = "$want" ]
	report $? "$name"
}

# steps WANT NAME: the steps that the last command shows, with their answers; told: its message
steps() {
	[ "$(awk '/^$/ { exit } NR > 1 { printf "%s%s %s", (NR > 2 ? ", " : ""), $1, $2 }' "$tmp/out")" = "$1" ]
	report $? "$2"
}
told() {
	grep -qF -e "$1" "$tmp/err"
	report $? "$2"
}
result() {
	grep -q "^Result: *$1\$" "$tmp/out"
	report $? "the result is \"$1\""
}

# asked WANT NAME: what the daemon was asked since it began
asked() {
	[ "$(paste -sd ' ' "$tmp/peer")" = "$1" ]
	report $? "$2"
}

until_true() {
	local tries=0

	until "$@" >/dev/null 2>&1; do
		[ $((tries++)) -lt 400 ] || return 1
		sleep 0.05
	done
}

registered() { grep -q '^registered$' "$tmp/peer"; }
phase() { (ctl services --json) | tr -d ' "' | grep -q "^backup:$1"; }
last_asked() { [ "$(tail -n 1 "$tmp/peer")" = "$1" ]; }

# Another daemon, with this script.
peer_start() {
	peer_end
	until_true test -S "$dir/hv_vss"
	: >"$tmp/peer"
	"$peer" "$dir/hv_vss" "$@" >"$tmp/peer" 2>"$tmp/peer-err" &
	peer_pid=$!
	until_true registered
}

peer_end() {
	[ -n "$peer_pid" ] || return 0
	kill "$peer_pid" 2>/dev/null
	wait "$peer_pid" 2>/dev/null
	peer_pid=''
}

: >"$tmp/peer"
"$host" link --dir "$dir" --service vss --trace "$tmp/trace" 2>"$tmp/log" &
host_pid=$!
until_true test -S "$dir/control"
until_true grep -q 'vss: a backup freezes the disks of the machine' "$tmp/log"
report $? "who starts the host is warned"
try 3 "a backup that nobody serves" backup
told "vss is not open in the guest" "says so"
result gone
try 5 "nor can it be waited for" wait vss --timeout 0.2
told "no answer within 0.2 s: the service is offered, but nobody in the guest has opened it" "which says why"

peer_start
try 0 "wait until the daemon serves" wait vss --timeout 30
[ "$(<"$tmp/out")" = "vss: ready, version 5.0" ]
report $? "Linux' version is agreed on"
registered
report $? "the daemon has registered"
"$peer" "$dir/hv_vss" >"$tmp/out" 2>"$tmp/err"
[ $? = 1 ]
report $? "a second opener is refused"
told "Device or resource busy" "with EBUSY"

try 0 "a backup" backup --hold 0.05s
steps "check ok, freeze ok, hold -, thaw ok" "has its steps"
result "done"
asked "registered hot_backup freeze thaw" "the daemon saw them"
try 0 "as JSON" backup --hold 0.05 --json
[ "$(tr -d ' \n' <"$tmp/out" | sed 's/"us":[0-9]*/"us":N/g')" = '{"backup":{"result":"done","message":null,"no_auto_recovery":false,"steps":[{"step":"check","us":N,"status":0},{"step":"freeze","us":N,"status":0},{"step":"hold","us":N,"status":null},{"step":"thaw","us":N,"status":0}]}}' ]
report $? "has the same"
took=$(grep -A1 '"hold"' "$tmp/out" | sed -n 's/.*"us": *\([0-9]*\).*/\1/p')
[ "${took:-0}" -ge 50000 ]
report $? "holds as long as asked for"

peer_start
try 0 "abort" backup --hold 600 --abort
result aborted
asked "registered hot_backup freeze thaw" "the guest is thawed at once"

ctl backup --hold 600 >"$tmp/first" 2>&1 &
first=$!
until_true phase frozen
report $? "the guest is held frozen"
try 3 "a second backup meanwhile" backup
told "a backup is under way: frozen" "is told so"
kill "$first"
wait "$first" 2>/dev/null
until_true phase idle
report $? "who gives up waiting aborts it"
last_asked thaw
report $? "and the guest is thawed"

peer_start
try 5 "a caller with less patience" backup --hold 600 --timeout 0.3
until_true last_asked thaw
report $? "has the guest thawed too"

peer_start
try 0 "silent after freeze" backup --silent-after freeze
result silent
steps "check ok, freeze ok" "has no more steps"
try 0 "silent after check" backup --silent-after check
steps "check ok" "has that alone"
asked "registered hot_backup freeze hot_backup" "no thaw is sent"
try 2 "silent after something else" backup --silent-after thaw
told '--silent-after "thaw": check or freeze is wanted' "is not"

try 0 "disks" backup --hold 0.01 --luns 0:0:1,0:1:2 --luns 0:0:3
grep -q 'FREEZE disks 3' "$tmp/trace"
report $? "are in FREEZE"
try 2 "disks that are none" backup --luns 0:0:256
told '--luns: "0:0:256": PORT:TARGET:LUN is wanted' "are refused"
try 2 "a hold that is none" backup --hold soon
told "--hold soon: must be a time such as" "is refused"
try 2 "a hold that is too long" backup --hold 2h
told "--hold 2h: must be a time such as 90s, 15min or 500ms, 0 to 1 h" "is refused"
try 0 "no hold" backup --hold 0
steps "check ok, freeze ok, hold -, thaw ok" "has all steps"

peer_start hot_backup=fail
try 1 "a guest that cannot be backed up" backup
told "check: the guest answers fail (0x80004005)" "says so"
result refused
asked "registered hot_backup" "and is not frozen"
peer_start freeze=fail
try 1 "a freeze that fails" backup
steps "check ok, freeze fail" "ends there"
asked "registered hot_backup freeze" "no thaw is sent: nothing is frozen"
peer_start thaw=fail
try 1 "a thaw that fails" backup --hold 0.01
told "thaw: the guest answers fail" "is told"
result failed

# The host waits as long as it is told to; then it thaws what may be frozen yet.
peer_start freeze=silent
try 0 "an impatient host" service configure vss timeout-ms=3000
try 5 "a freeze without an answer" backup
told "no answer from the guest within 3 s" "is a time-out"
result timeout
asked "registered hot_backup freeze" "the driver still waits for its daemon"
peer_start
try 0 "a patient host" service configure vss timeout-ms=60000
try 0 "backs it up" backup --hold 0.01

peer_start freeze=exit
try 1 "a daemon that dies of the freeze" backup
told "freeze: the guest answers fail" "fails it, as the driver says"

peer_start
ctl backup --hold 600 >"$tmp/first" 2>"$tmp/err" &
first=$!
until_true phase frozen
try 0 "take the service away while the guest is frozen" service disable vss
wait "$first"
[ $? = 3 ]
report $? "ends the backup"
grep -q '^Result: *gone$' "$tmp/first"
report $? "as one whose service is gone"
until_true grep -q '^hung up$' "$tmp/peer"
asked "registered hot_backup freeze hung up" "the daemon sees the end, not a thaw"
try 0 "give it back" service enable vss
peer_start
try 0 "the daemon starts again" wait vss --timeout 30
try 0 "renegotiate" renegotiate vss --timeout 30
try 0 "and all is well" backup --hold 0.01

ctl backup --hold 600 >"$tmp/first" 2>"$tmp/err" &
first=$!
until_true phase frozen
try 0 "quit" quit
wait "$first"
[ $? = 3 ]
report $? "ends the backup that is under way"
wait "$host_pid"
report $? "the host ends with status 0"
host_pid=''
[ -z "$(ls -A "$dir")" ]
report $? "no socket is left"

"$host" link --dir "$dir" --service vss=versions=6.0-7.0 2>"$tmp/log" &
host_pid=$!
until_true test -S "$dir/control"
peer_start
try 3 "a guest that takes none of the versions" wait vss --timeout 30
try 3 "has no backup" backup
echo "1..$n"
