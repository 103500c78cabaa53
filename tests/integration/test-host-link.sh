#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# "hvis-host link" and "hvis-host ctl" end to end, with a daemon that the test brings along. TAP.
set -u

host=${top_builddir:-.}/hvis-host
peer=${top_builddir:-.}/tests/integration/kvp-peer
tmp=$(mktemp -d) || exit 99
dir=$tmp/link
n=0
pids=()

cleanup() {
	[ ${#pids[@]} -eq 0 ] || kill "${pids[@]}" 2>/dev/null
	rm -rf "$tmp"
}
trap cleanup EXIT

report() { # report STATUS NAME
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; sed 's/^/# /' "$tmp/out" "$tmp/err"; fi
}

# try STATUS NAME COMMAND…: ctl ends with this status; output in $tmp/out, message in $tmp/err
try() {
	local want=$1 name=$2 status
	shift 2
	timeout 60 "$host" ctl "$dir/control" "$@" >"$tmp/out" 2>"$tmp/err"
	status=$?
	[ $status = "$want" ] || echo "status $status, not $want" >>"$tmp/err"
	[ $status = "$want" ]
	report $? "$name"
}

# said WHAT NAME: the last command printed WHAT, and nothing else; told: its message contains WHAT
said() {
	[ "$(<"$tmp/out")" = "$1" ]
	report $? "$2"
}
told() {
	grep -qF -e "$1" "$tmp/err"
	report $? "$2"
}
shows() {
	grep -qF -e "$1" "$tmp/out"
	report $? "$2"
}

# The daemon, until it is hung up on; then it may be started again.
peer_start() {
	local tries=0

	until [ -S "$dir/hv_kvp" ] || [ $((tries++)) -ge 200 ]; do sleep 0.05; done
	"$peer" "$dir/hv_kvp" &
	pids+=($!)
}

"$host" link --dir "$dir" --service kvp=timeout-ms=20000 --trace "$tmp/trace.json" 2>"$tmp/log" &
host_pid=$!
pids+=("$host_pid")

try 5 "wait for a service that nobody serves" wait kvp --timeout 0.5
peer_start
try 0 "wait until the daemon serves" wait kvp --timeout 30
try 0 "services" services
[[ $(awk '$1 == "kvp" { print $2 }' "$tmp/out") == Ready ]]
report $? "the service is ready"
"$host" link --dir "$dir" >"$tmp/out" 2>"$tmp/err"
[ $? = 3 ]
report $? "a second host is refused"

try 0 "kvp set" kvp set Greeting "Grüße aus dem Gast"
try 0 "kvp get" kvp get Greeting
said "Grüße aus dem Gast" "the value comes back"
try 0 "kvp set, again" kvp set Greeting second
try 0 "kvp set, another" kvp set Other $'a\nb\e[1m'
try 0 "kvp list" kvp list
said "Key       Type    Value
Greeting  string  second
Other     string  a\\nb\\x1b[1m" "the list"
try 0 "kvp list, as JSON" kvp list --json
[ "$(tr -d ' \n' <"$tmp/out")" = '{"pool":"external","pairs":[{"key":"Greeting","value":"second","type":"string"},{"key":"Other","value":"a\nb\u001b[1m","type":"string"}]}' ]
report $? "the list as JSON"
try 1 "kvp add of a key that is there" kvp add Greeting third
try 0 "kvp modify" kvp modify Greeting fourth
try 1 "kvp modify of a key that is not there" kvp modify Nothing x
try 0 "kvp remove" kvp remove Greeting
try 1 "kvp get of a removed key" kvp get Greeting
told Greeting "the message names it"
try 0 "an empty pool" kvp list --pool guest
said "" "prints nothing"
try 0 "kvp intrinsic" kvp intrinsic
try 2 "a value that does not fit its type" kvp set Number many --type u32
try 2 "kvp alone" kvp
told "kvp list, " "the message has its commands"
try 2 "kvp with a wrong word" kvp frobnicate
told 'unknown command "kvp frobnicate"; there are ' "the message has the right ones"
try 1 "a service that there is not" heartbeat
told heartbeat "the message names it"

try 0 "ip get" ip get 00:15:5D:00:00:01
shows "Addresses:    192.0.2.5" "the address"
shows "DHCP:         yes" "and DHCP"
try 2 "ip get of an adapter that there is not" ip get 00:15:5D:00:00:02
try 0 "ip set" ip set "{4fe1c2a8-0000-0000-0000-000000000000}" --address 192.0.2.99/24 --gateway 192.0.2.1

try 0 "trace" trace --layer service
shows "Greeting" "shows the key that was set"
try 0 "trace --count" trace --count 3 --json --file "$tmp/events"
[ "$(wc -l <"$tmp/events")" = 3 ]
report $? "as many lines as asked for"

try 0 "fault add: delay" fault add delay:link/kvp:time=200,count=1
try 0 "a delayed message arrives" kvp set Late 1
try 0 "fault list" fault list
[ "$(awk 'NR == 2 { print $2, $4 }' "$tmp/out")" = "delay:link/kvp:time=200,count=1 1" ]
report $? "it struck once"
try 0 "fault clear" fault clear
try 0 "fault add: rescind" fault add rescind:link/kvp:count=1
try 3 "the service goes in the middle of a request" kvp set Never 1
try 0 "services" services --json
shows '"state": "disabled"' "the service is gone"
try 0 "service enable" service enable kvp
peer_start
try 0 "the daemon comes back" wait kvp --timeout 30
try 0 "renegotiate" renegotiate kvp --timeout 30
try 0 "fault add: drop" fault add drop:link/kvp:count=1
try 5 "a lost message is a time-out" kvp set Lost 1 --timeout 0.5
told "waiting for" "that says who waits for what"
try 0 "info" info
shows "Waiting" "and so does info"
try 0 "service disable" service disable kvp
try 0 "service enable" service enable kvp
peer_start
try 0 "and all is well again" wait kvp --timeout 30
try 0 "kvp set" kvp set After 1

timeout 60 "$host" ctl "$dir/control" wait exit >"$tmp/exit" &
waiter=$!
pids+=("$waiter")
try 0 "trace --follow" trace --follow --count 1 --timeout 20 --layer service
grep -q '"layer":"service".*Greeting' "$tmp/trace.json"
report $? "the trace file has it too"
try 0 "quit" quit
wait "$host_pid"
report $? "the host ends with status 0"
wait "$waiter" && [ "$(<"$tmp/exit")" = "asked to quit" ]
report $? "and who waited for that is told"
[ -z "$(ls -A "$dir")" ]
report $? "no socket is left"

# A trace that could not be written is no success.
"$host" link --dir "$dir" --trace /dev/full 2>"$tmp/log" &
host_pid=$!
pids+=("$host_pid")
peer_start
try 0 "wait, the trace's disk being full" wait kvp --timeout 30
try 0 "quit" quit
wait "$host_pid"
[ $? = 3 ] && grep -q 'write "/dev/full"' "$tmp/log"
report $? "a trace that is not written ends in status 3"
echo "1..$n"
