#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# hv_kvp_daemon when things go wrong: no device, a taken device, a host that garbles, SIGKILL in the
# middle of writing, a pool that somebody keeps locked, a full disk. Needs no root.
# shellcheck disable=SC2119,SC2031,SC2317 # functions take options, run in subshells, and are called by name
# shellcheck source=tests/integration/kvpd.sh
. "$(dirname "$0")/kvpd.sh"

# --- usage ---

like "--version" "$("$daemon" --version)" "hv_kvp_daemon [0-9]*"
like "--help" "$("$daemon" --help)" "*--pool-dir*"
refuse "an option that is none" 2 "$daemon" --nonsense
refuse "a word" 2 "$daemon" start

# --- a guest without the device ---

daemon_start
is "absent device: it waits" "$(state)" waiting

# switches: how often its threads have been woken
switches()
{
	awk '/^voluntary_ctxt/ { sum += $2 } END { print sum }' /proc/"$daemon_pid"/task/*/status
}

# sleeps: 2 s without a wake-up to speak of
sleeps()
{
	before=$(switches)
	sleep 2
	[ $(($(switches) - before)) -lt 5 ]
}

check "absent device: it sleeps, once all of its start is over" wait_for 30 sleeps
is "absent device: no word of it above info" "$(grep -c '^<[0-5]>' "$scratch/daemon.log")" 0
link_start
check "absent device: it finds the one that comes" ready

# --- two daemons ---

mkdir "$scratch/second"
("$daemon" --device "$scratch/dev/hv_kvp" --pool-dir "$scratch/second" --socket "$scratch/second.sock") \
	>"$scratch/second.log" 2>&1 &
second=$!
check "second daemon: says that the device is taken" wait_for 60 grep -q "in use" "$scratch/second.log"
check "second daemon: the first one serves on" ctl kvp set Still here
kill $second
wait $second
check "second daemon: ends with status 0" test $? -eq 0
refuse "second daemon on the same socket: ends at once" 3 daemon_run

# --- a host that garbles ---

for fault in corrupt truncate duplicate; do
	check "faults: $fault" ctl fault add "$fault:link/kvp:after=1,count=10"
	for i in $(seq 8); do
		ctl kvp set "Noise$i" "$fault" --timeout 2 >/dev/null 2>&1
	done
	check "faults: none" ctl fault clear
	check "faults: alive after $fault" wait_for 60 ctl kvp set After "$fault"
	is "faults: right after $fault" "$(ctl kvp get After)" "$fault"
done

# --- SIGKILL in the middle of writing ---

for i in $(seq 50); do
	ctl kvp set "Key$i" "value $i" || break
done
ctl kvp set Victim 0-0
keys=$("$tool" dump "$(pool_file 0)" | grep '^Key' | cksum)
lost=0
for round in $(seq 8); do
	(
		for i in $(seq 100); do
			ctl kvp set Victim "$round-$i" --timeout 2 || exit
			ctl kvp set "Extra$((i % 3))" x --timeout 2 || exit
			ctl kvp remove "Extra$((i % 3))" --timeout 2 || exit
		done
	) >/dev/null 2>&1 &
	writer=$!
	sleep "0.$((RANDOM % 9))$((RANDOM % 10))"
	daemon_stop KILL
	wait $writer
	daemon_start
	ready >/dev/null
	[ "$("$tool" dump "$(pool_file 0)" | grep '^Key' | cksum)" = "$keys" ] || lost=$((lost + 1))
	like "SIGKILL $round: the record it wrote is one of those written" \
		"$("$tool" dump "$(pool_file 0)" | grep ^Victim)" "Victim?[0-9]*-[0-9]*"
done
is "SIGKILL: of 50 other records none was ever lost, torn or moved" $lost 0
is "SIGKILL: no torn end either" $(($(wc -c <"$(pool_file 0)") % 2560)) 0

# --- a pool that somebody keeps locked ---

"$tool" hold flock "$(pool_file 0)" 30 >"$scratch/held" &
holder=$!
wait_for 60 grep -q locked "$scratch/held"
start=$(date +%s)
fails "stuck lock: the host is told" ctl kvp set Key1 changed --timeout 20
is "stuck lock: in time" "$(($(date +%s) - start < 12))" 1
check "stuck lock: the journal names the holder" \
	wait_for 60 grep -q "locked by process $holder (pool-tool)" "$scratch/daemon.log"
is "stuck lock: reading goes on" "$(ctl kvp get Key1)" "value 1"
check "stuck lock: the facts too" ctl kvp get OSName --pool auto
kill $holder
wait $holder 2>/dev/null
check "stuck lock: released, it is written" ctl kvp set Key1 changed

# --- the service manager ---

kill -HUP "$daemon_pid"
is "SIGHUP: it lives" "$(state)" ready
daemon_stop
is "SIGTERM: status 0" $? 0
link_stop
socat -u "UNIX-RECV:$scratch/notify" - >"$scratch/notified" &
wait_for 60 test -S "$scratch/notify"
export NOTIFY_SOCKET=$scratch/notify WATCHDOG_USEC=400000
daemon_start
unset NOTIFY_SOCKET WATCHDOG_USEC
check "Type=notify: READY without the device" wait_for 60 grep -q READY=1 "$scratch/notified"
check "Type=notify: says what it waits for" wait_for 60 grep -q "STATUS=Waiting for the host" "$scratch/notified"
link_start
check "Type=notify: says that it is ready" wait_for 60 grep -q "STATUS=Ready: protocol 3.1" "$scratch/notified"
watched()
{
	[ "$(grep -ao WATCHDOG=1 "$scratch/notified" | wc -l)" -ge 4 ]
}
check "Type=notify: feeds the watchdog" wait_for 60 watched
daemon_stop
is "Type=notify: SIGTERM, status 0" $? 0
check "Type=notify: says that it stops" wait_for 60 grep -q STOPPING=1 "$scratch/notified"
done_testing
