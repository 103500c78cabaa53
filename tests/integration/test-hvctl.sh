#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# hvctl and hv_kvp_daemon together, over sockets of their own, without a device and with one that
# hvis-host plays: what is printed, what gets into the files, and every exit status. TAP.
set -u

builddir=${top_builddir:-.}
daemon=$builddir/kvpd/hv_kvp_daemon
n=0

tmp=$(mktemp -d) || exit 99
chmod 755 "$tmp"
mkdir "$tmp/pools"
socket=$tmp/kvp
pid=
others=()

stop() {
	[ -n "$pid" ] && kill "$pid" 2>/dev/null && kill -CONT "$pid" && wait "$pid"
	pid=
	if [ ${#others[@]} -gt 0 ]; then
		kill "${others[@]}" 2>/dev/null
		wait "${others[@]}"
	fi
	others=()
}
trap 'stop; rm -rf "$tmp"' EXIT

hvctl() { "$builddir/hvctl/hvctl" "$@" --socket "$socket"; }

# expect NAME STATUS OUTPUT COMMAND…: the exit status and the whole of standard output
expect() {
	local name=$1 status=$2 out=$3 got rc
	shift 3
	got=$("$@" 2>"$tmp/err")
	rc=$?
	n=$((n + 1))
	if [ "$rc" = "$status" ] && [ "$got" = "$out" ]; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		printf '%s\n' "status $rc, wanted $status" "printed \"$got\"" "wanted \"$out\"" "$(cat "$tmp/err")" |
			sed 's/^/# /'
	fi
}

# says NAME TEXT: the last command said this on standard error
says() {
	n=$((n + 1))
	if grep -qF -e "$2" "$tmp/err"; then echo "ok $n - $1"; else
		echo "not ok $n - $1"
		sed 's/^/# /' "$tmp/err"
	fi
}

state() { hvctl status | sed -n 's/^State: *//p'; }
repeat() { printf "%$2s" "" | tr ' ' "$1"; }

expect "no daemon: a command fails" 3 "" hvctl kvp get x
says "and says that it does not run" "hv_kvp_daemon does not run"
expect "no daemon: the status is told all the same" 0 "not running" state
hvctl status >/dev/null
expect "by status 3" 0 "3" echo $?

# eventually COMMAND…: it succeeds within 10 s
eventually() {
	local i
	for ((i = 0; i < 100; i++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
}

"$daemon" --device "$tmp/no-device" --pool-dir "$tmp/pools" --socket "$socket" 2>"$tmp/log" &
pid=$!
eventually [ -S "$socket" ]

expect "without a device it waits" 0 "waiting" state
hvctl status >/dev/null
expect "which is status 1" 0 "1" echo $?

expect "an unknown key" 1 "" hvctl kvp get nothing
says "is named" 'nothing'
expect "set" 0 "" hvctl kvp set key "a value"
expect "get it back" 0 "a value" hvctl kvp get key
expect "it is in the pool guest" 0 "a value" hvctl kvp get key --pool guest
expect "and not in another" 1 "" hvctl kvp get key --pool external
expect "set it again" 0 "" hvctl kvp set key "another"
expect "it is one record" 0 "2560" stat -c %s "$tmp/pools/.kvp_pool_1"
expect "zeroed behind the text" 0 "keyanother" tr -d '\0' <"$tmp/pools/.kvp_pool_1"
expect "an empty value is a value" 0 "" hvctl kvp set empty ""
expect "and is printed as one" 0 "" hvctl kvp get empty
expect "control characters are set" 0 "" hvctl kvp set ctl $'\e[2J\n'
expect "and shown as escapes" 0 '\x1b[2J\n' hvctl kvp get ctl
expect "list" 0 'POOL   KEY    VALUE
guest  key    another
guest  empty
guest  ctl    \x1b[2J\n' hvctl kvp list --pool 1
expect "JSON is exact" 0 '{
  "pool": "guest",
  "key": "ctl",
  "value": "\u001b[2J\n"
}' hvctl kvp get ctl --json
expect "the pool external can be written" 0 "" hvctl kvp set key ext --pool 0
expect "and comes first" 0 "ext" hvctl kvp get key
expect "the pool auto cannot" 4 "" hvctl kvp set key value --pool auto
expect "nor can auto-external" 4 "" hvctl kvp delete key --pool 3
expect "facts are in the pool auto" 0 "$(uname -m)" hvctl kvp get ProcessorArchitecture
expect "delete" 0 "" hvctl kvp delete key
expect "is done" 1 "" hvctl kvp get key --pool guest
expect "and not twice" 1 "" hvctl kvp delete key

expect "the longest key" 0 "" hvctl kvp set "$(repeat k 254)" v
expect "one more is too much" 2 "" hvctl kvp set "$(repeat k 255)" v
expect "the longest value" 0 "" hvctl kvp set long "$(repeat v 1022)"
expect "comes back whole" 0 "$(repeat v 1022)" hvctl kvp get long
expect "one more is too much" 2 "" hvctl kvp set long "$(repeat v 1023)"
says "and the limit is named" "1022"
expect "an empty key is none" 2 "" hvctl kvp set "" v

expect "output that is lost is an error" 3 "" bash -c "'$builddir/hvctl/hvctl' kvp list --socket '$socket' >/dev/full"

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null && setpriv --reuid=65534 "$builddir/hvctl/hvctl" --version >/dev/null 2>&1; then
	user() { setpriv --reuid=65534 --regid=65534 --clear-groups "$builddir/hvctl/hvctl" "$@" --socket "$socket"; }
	expect "another user may read" 0 "ext" user kvp get key
	expect "but not write" 4 "" user kvp set key mine
	expect "nor delete" 4 "" user kvp delete key --pool external
	expect "and nothing was changed" 0 "ext" hvctl kvp get key
else
	for what in "may read" "may not write" "may not delete" "changes nothing"; do
		n=$((n + 1))
		echo "ok $n - another user $what # SKIP needs root, and programs that others can run"
	done
fi

kill -STOP "$pid"
expect "a daemon that does not answer" 5 "" hvctl kvp get key --timeout 0.2
kill -CONT "$pid"
expect "is asked again when it does" 0 "ext" hvctl kvp get key
stop
expect "when it has ended, it does not run" 0 "not running" state

# With a host there.
host=$builddir/hvis-host
if [ -x "$host" ]; then
	"$host" link --dir "$tmp/link" --control "$tmp/control" 2>"$tmp/log" &
	others+=($!)
	eventually [ -S "$tmp/link/hv_kvp" ]
	"$daemon" --device "$tmp/link/hv_kvp" --pool-dir "$tmp/pools" --socket "$socket" 2>"$tmp/log" &
	pid=$!
	eventually hvctl status
	expect "with a host it is ready" 0 "ready" state
	hvctl status >/dev/null
	expect "which is status 0" 0 "0" echo $?
	expect "the host sets a pair" 0 "" "$host" ctl "$tmp/control" kvp set FromHost hello
	expect "hvctl has it" 0 "hello" hvctl kvp get FromHost --pool external
	last_request() { hvctl status | sed -n 's/^Last request: *\([^,]*\),.*/\1/p'; }
	expect "and status has the request" 0 "set external" last_request
	expect "hvctl sets a pair" 0 "" hvctl kvp set FromGuest hi
	expect "the host has it" 0 "hi" "$host" ctl "$tmp/control" kvp get FromGuest --pool guest

	"$daemon" --device "$tmp/link/hv_kvp" --pool-dir "$tmp/pools" --socket "$tmp/second" 2>"$tmp/log" &
	others+=($!)
	eventually [ -S "$tmp/second" ]
	socket=$tmp/second
	is_busy() { [ "$(state)" = busy ]; }
	eventually is_busy
	expect "a second daemon finds the device busy" 0 "busy" state
	socket=$tmp/kvp
	expect "and does not disturb the first" 0 "ready" state
	stop
else
	n=$((n + 1))
	echo "ok $n - with a host # SKIP hvis-host is not built"
fi
echo "1..$n"
