#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The daemon as its service manager sees it: what it tells, when it counts as started, that it does
# nothing where there is nothing to do, and that it makes no system call that its unit forbids.
# shellcheck disable=SC2119,SC2031,SC2317 # functions take options, run in subshells, and are called by name
# shellcheck source=tests/integration/kvpd.sh
. "$(dirname "$0")/kvpd.sh"
# shellcheck source=tests/integration/calls.sh
. "$(dirname "$0")/calls.sh"

unit=$build/systemd/hv-kvp-daemon.service
told=$scratch/told

# manager_start: what is sent to $NOTIFY_SOCKET, all in a row, in $told
manager_start()
{
	: >"$told"
	socat -u "UNIX-RECV:$scratch/notify" "OPEN:$told,append" &
	wait_for 60 test -S "$scratch/notify"
}

was_told()
{
	grep -qF -e "$1" "$told"
}

threads()
{
	find "/proc/$daemon_pid/task" -mindepth 1 -maxdepth 1 | wc -l
}

is_still()
{
	[ "$(threads)" -le 2 ] # its own, and the one in which GLib waits for signals
}

# watch SECONDS: the system calls that the daemon makes meanwhile, in $scratch/watched. What it was
# in when we came has no start, what it is in when we leave no end.
watch()
{
	timeout -s INT "$1" strace -f -p "$daemon_pid" -o "$scratch/watched.all" 2>"$scratch/strace.log"
	grep -v -e 'resuming interrupted' -e '<unfinished \.\.\.>$' -e '<detached \.\.\.>$' "$scratch/watched.all" \
		>"$scratch/watched"
	[ -s "$scratch/watched.all" ]
}

manager_start
export NOTIFY_SOCKET=$scratch/notify

# --- started ---

daemon_start
check "without a device it is ready and says what it waits for" wait_for 60 was_told "STATUS=Waiting for the host: open $scratch/dev/hv_kvp: No such file or directoryREADY=1"
daemon_stop
is "SIGTERM ends it with status 0" $? 0
check "and it says that it stops" wait_for 60 was_told "STOPPING=1"

: >"$told"
link_start
daemon_start
check "the host sees the service" ready
check "with a device it is ready once it is registered" wait_for 60 was_told "STATUS=Ready: protocol 3.1READY=1"
is "and says so once" "$(grep -o READY=1 "$told" | wc -l)" 1

# --- reloaded ---

: >"$told"
kill -HUP "$daemon_pid"
check "SIGHUP reloads" wait_for 60 was_told "READY=1"
like "with the words of systemd" "$(tr '\n' ' ' <"$told")" "RELOADING=1 MONOTONIC_USEC=[1-9]*READY=1*"
check "the host is served on" ctl kvp set Key value
daemon_stop

# --- a wrong configuration ---

root=$scratch/root
prefix=$(sed -n 's/^prefix = //p' "$build/Makefile")
etc=$root$(sed -n 's/^sysconfdir = //p' "$build/Makefile" | sed "s|\${prefix}|$prefix|")/hvis
mkdir -p "$etc"
echo '[kvp]' >"$etc/hvis.conf"
: >"$told"
: >"$scratch/daemon.log"
daemon_start --root "$root"
check "the host sees the service" ready
check "the service manager, too" wait_for 60 was_told "READY=1"
echo 'Nonsense=1' >>"$etc/hvis.conf"
: >"$told"
kill -HUP "$daemon_pid"
check "a configuration that is wrong ends the reload all the same" wait_for 60 was_told "READY=1"
like "is told" "$(cat "$scratch/daemon.log")" "*<4>The configuration is not used: *hvis.conf:2: *Nonsense*"
check "and the host is served on" ctl kvp set Key value
daemon_stop
is "at the start it is wrong usage" "$( (daemon_run --root "$root") 2>"$scratch/wrong.log"; echo $?)" 2
like "with a level, file and line" "$(cat "$scratch/wrong.log")" "<3>*hvis.conf:2: *Nonsense*"

# --- idle ---

# watch_quiet [PINGS]: watch until there were 5 s and so many pings of the watchdog in a quiet machine: its names and
# addresses, which the daemon follows, may be changed by anybody at this moment, other tests among them.
watch_quiet()
{
	local seconds

	for seconds in 5 5 10 10 20 40; do
		watch "$seconds" || return
		[ "$(pings)" -ge "${1:-0}" ] || continue
		grep -q 'poll.* = [1-9]' "$scratch/watched" || return 0
	done
}

pings()
{
	grep -c WATCHDOG=1 "$scratch/watched"
}

if ! command -v strace >/dev/null; then
	skip "idle, it makes no system call" "strace is not installed"
elif grep -q 'fsanitize=address' "$build/config.log"; then
	skip "idle, it makes no system call" "the sanitizer has threads and timers of its own"
else
	daemon_start
	ready >/dev/null
	check "no thread is left over" wait_for 60 is_still
	if watch_quiet; then
		is "idle, it makes no system call" "$(cat "$scratch/watched")" ""
	else
		skip "idle, it makes no system call" "strace may not attach here"
	fi
	daemon_stop

	(export WATCHDOG_USEC=2000000 && daemon_run) >>"$scratch/daemon.log" 2>&1 &
	daemon_pid=$!
	wait_for 60 test -S "$scratch/kvp.sock"
	ready >/dev/null
	wait_for 60 is_still
	if watch_quiet 2; then
		pings=$(pings)
		check "the watchdog's pings are sent ($pings)" test "$pings" -ge 2
		polls=$(grep -c 'poll.* = 0 (Timeout)' "$scratch/watched")
		check "and nothing else wakes it ($polls)" test "$polls" -le $((pings + 1))
		is "no wake-up by an event" "$(grep 'poll.* = [1-9]' "$scratch/watched")" ""
	else
		skip "the watchdog's pings are the only wake-ups" "strace may not attach here"
	fi
	daemon_stop
fi

# --- the clock ---

# jump OFFSET: the wall clock that the daemon sees, from now on
jump()
{
	echo "$1" >"$scratch/offset.new" && mv "$scratch/offset.new" "$scratch/offset"
}

faketime=$(find /usr/lib/*/faketime /usr/lib/faketime -name libfaketimeMT.so.1 2>/dev/null | head -n 1)
if [ -z "$faketime" ]; then
	skip "the wall clock may jump" "faketime is not installed"
elif grep -q 'fsanitize=address' "$build/config.log"; then
	skip "the wall clock may jump" "the sanitizer must be loaded first"
else
	jump +0
	: >"$scratch/daemon.log"
	(LD_PRELOAD=$faketime FAKETIME_TIMESTAMP_FILE=$scratch/offset FAKETIME_NO_CACHE=1 \
		FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_DONT_RESET=1 daemon_run) >>"$scratch/daemon.log" 2>&1 &
	daemon_pid=$!
	wait_for 60 test -S "$scratch/kvp.sock"
	check "clock: ready" ready
	for offset in +20y -30y +0; do
		jump "$offset"
		before=$(cut -d. -f1 /proc/uptime)
		check "clock at $offset: a pair is set" ctl kvp set Clock "at $offset"
		is "clock at $offset: and read" "$(ctl kvp get Clock)" "at $offset"
		like "clock at $offset: by the socket too" "$(call Get '{"key":"Clock"}')" "*at $offset*"
		check "clock at $offset: at once" test $(($(cut -d. -f1 /proc/uptime) - before)) -lt 20
	done
	jump +20y
	ctl kvp set Clock now
	seen=$(call GetStatus | sed 's/.*"last_request_time_us":[ ]*\([0-9]*\).*/\1/')
	is "clock: the daemon saw it jump" "$(date -d "@$((seen / 1000000))" +%Y)" "$(date -d '+20 years' +%Y)"
	is "clock: nothing was closed" "$(call GetStatus | sed 's/.*"reopened":[ ]*\([0-9]*\).*/\1/')" 0
	is "clock: nothing above notice in its log" "$(grep -c '^<[0-4]>' "$scratch/daemon.log")" 0
	daemon_stop
fi

# --- the unit's list of system calls ---

why=$(calls_skip "$build")
if [ -n "$why" ]; then
	skip "it makes no system call that its unit forbids" "$why"
else
	check "the list is one of what is allowed" calls_allowed "$unit"
	calls_allowed "$unit" >"$scratch/allowed"
	(SYSTEMD_EXEC_PID=0 exec strace -f -qq -o "$scratch/trace" "$daemon" --device "$scratch/dev/hv_kvp" \
		--pool-dir "$scratch/pools" --socket "$scratch/kvp.sock") >>"$scratch/daemon.log" 2>&1 &
	strace_pid=$!
	wait_for 60 test -S "$scratch/kvp.sock"
	check "traced, it serves the host" ready
	daemon_pid=$(sed -n 's/^\([0-9]*\) .*/\1/p;q' "$scratch/trace")
	for pool in external auto-external auto-internal; do
		ctl kvp set Traced one --pool $pool && ctl kvp set Traced two --pool $pool && ctl kvp remove Traced --pool $pool
	done
	check "facts" ctl kvp list
	check "addresses" call List
	check "a pair of the guest" call Set '{"key":"Traced","value":"v"}'
	check "its end" call Delete '{"key":"Traced"}'
	fails "a pair that is too long" ctl kvp get NoSuchKey
	kill -HUP "$daemon_pid"
	check "served after a reload" ctl kvp set Key value
	ctl service disable kvp
	wait_for 60 in_state waiting
	ctl service enable kvp
	check "served after the device has gone and come" ready
	kill -TERM "$daemon_pid"
	wait "$strace_pid"
	calls_made "$scratch/trace" >"$scratch/made"
	check "the trace has its calls" grep -qx pwrite64 "$scratch/made"
	is "it makes no system call that its unit forbids" "$(comm -23 "$scratch/made" "$scratch/allowed" | xargs)" ""
fi
done_testing
