#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# hv_kvp_daemon without room on its disk, without descriptors, without memory: the host gets an answer, the
# journal one line, nothing that was there is lost, and when there is enough again all goes on. A disk is a tmpfs
# in a mount namespace of its own: as root, or where users may have namespaces.
# shellcheck disable=SC2119,SC2031,SC2317 # functions take options, run in subshells, and are called by name
if [ -z "${HVIS_SCARCE:-}" ]; then
	export HVIS_SCARCE=no
	for unshare in "unshare -m" "unshare -rm"; do
		if $unshare mount -t tmpfs none /mnt 2>/dev/null; then
			HVIS_SCARCE=yes exec $unshare "$0"
		fi
	done
fi
# shellcheck source=tests/integration/kvpd.sh
. "$(dirname "$0")/kvpd.sh"

# complaints: how many lines of warning and above there are.
complaints()
{
	grep -c '^<[0-4]>' "$scratch/daemon.log"
}

# sets N: N requests of the host; prints how many were done, and how many ended without any answer.
sets()
{
	local i done=0 silent=0 status

	for i in $(seq "$1"); do
		ctl kvp set "Key$i" "new $i" --timeout 20 >"$scratch/answer" 2>&1
		status=$?
		case $status in
		0) done=$((done + 1)) ;;
		5) silent=$((silent + 1)) ;;
		esac
	done
	echo "$done done, $silent without an answer"
}

link_start

# --- a disk without room ---

full_disk()
{
	local kept

	mount -t tmpfs -o size=2M none "$scratch/pools" || return
	daemon_start
	ready >/dev/null
	for i in $(seq 20); do
		ctl kvp set "Kept$i" "$i" >/dev/null
	done
	kept=$("$tool" dump "$(pool_file 0)" | cksum)
	before=$(complaints)
	cat /dev/zero >"$scratch/pools/filler" 2>/dev/null
	is "full disk: each request is answered" "$(sets 5)" "0 done, 0 without an answer"
	like "full disk: the host is told what it is" "$(cat "$scratch/answer")" "*disk-full*"
	is "full disk: nothing is lost" "$("$tool" dump "$(pool_file 0)" | cksum)" "$kept"
	is "full disk: one line in the journal" $(($(complaints) - before)) 1
	is "full disk: it serves what there is" "$(ctl kvp get Kept7)" 7
	rm "$scratch/pools/filler"
	is "full disk: with room again" "$(sets 5)" "5 done, 0 without an answer"
	is "full disk: to the file" "$("$tool" dump "$(pool_file 0)" | grep -c '^Ke[py]')" 25
	daemon_stop
	is "full disk: SIGTERM, status 0" $? 0
	umount "$scratch/pools"
}

if [ "$HVIS_SCARCE" = yes ]; then
	full_disk
else
	skip "full disk" "no mount namespace for us here"
fi

# --- no descriptors ---

# limited N: the daemon may have N descriptors; what is open stays so.
limited()
{
	prlimit --pid "$daemon_pid" --nofile="$1":4096
}

# ticks: the processor time that the daemon has had.
ticks()
{
	awk '{ print $14 + $15 }' "/proc/$daemon_pid/stat"
}

lines()
{
	wc -l <"$scratch/daemon.log"
}

daemon_start
ready >/dev/null
for i in $(seq 20); do
	ctl kvp set "Kept$i" "$i" >/dev/null
done
before=$(complaints)
taken=0 # all below it are
while [ -e "/proc/$daemon_pid/fd/$taken" ]; do
	taken=$((taken + 1))
done
limited $taken
is "no descriptors: each request is answered" "$(sets 5)" "0 done, 0 without an answer"
is "no descriptors: it serves what there is" "$(ctl kvp get Kept7)" 7
call GetStatus >/dev/null & # nobody can let it in
waiting=$!
# with a limit below what is open poll(2) refuses to look, and the main loop had turned with a line each time
started=$(ticks)
for limit in 5 1 0; do
	limited $limit
	is "$limit descriptors: each request is answered" "$(sets 3)" "0 done, 0 without an answer"
done
sleep 2
check "no descriptors: it does not spin" test $(($(ticks) - started)) -lt 100
is "no descriptors: one line in the journal" $(($(complaints) - before)) 1
limited 1024
check "no descriptors: with some again" wait_for 60 test "$(sets 5)" = "5 done, 0 without an answer"
is "no descriptors: nothing is lost" "$("$tool" dump "$(pool_file 0)" | grep -c '^Ke[py]')" 25
check "no descriptors: clients are served again" wait_for 60 in_state ready
wait $waiting
is "no descriptors: the one that waited, too" $? 0
check "no descriptors: a line says that it is over" wait_for 60 grep -q "There are file descriptors again" "$scratch/daemon.log"
is "no descriptors: and no other" $(($(complaints) - before)) 1
daemon_stop
is "no descriptors: SIGTERM, status 0" $? 0

serves_or_ended()
{
	! kill -0 "$daemon_pid" 2>/dev/null || in_state ready
}

# few_descriptors N: a start with N of them; it ends at once and says why, or comes to itself when there are more.
few_descriptors()
{
	: >"$scratch/daemon.log"
	(ulimit -S -n "$1" && daemon_run) >>"$scratch/daemon.log" 2>&1 &
	daemon_pid=$!
	sleep 0.5
	limited 1024 2>/dev/null
	wait_for 60 serves_or_ended
	if ! kill -0 "$daemon_pid" 2>/dev/null; then
		wait "$daemon_pid"
		[ $? = 3 ] && [ "$(lines)" = 1 ]
		return
	fi
	ready >/dev/null && ctl kvp set "Few$1" x >/dev/null && [ "$(lines)" -lt 10 ]
	rc=$?
	daemon_stop || rc=1
	return "$rc"
}

for few in $((taken - 5)) $((taken - 3)) $((taken - 2)) $((taken - 1)) "$taken" $((taken + 1)); do
	check "a start with $few descriptors" few_descriptors "$few"
done

# --- little memory ---

# is_for_a_restart STATUS: by the unit's Restart=on-failure and RestartPreventExitStatus=.
is_for_a_restart()
{
	[ "$1" != 0 ] && [ "$1" != 2 ] && [ "$1" != 4 ]
}

# loud: lines that are no news of a daemon that serves; what is written by others has no level.
loud()
{
	grep -vc '^<[4-7]>' "$scratch/daemon.log"
}

# ends_or_serves LIMIT: a start with LIMIT KiB of addresses; status 0 where it serves the host, else its own.
ends_or_serves()
{
	rm -f "$scratch/kvp.sock"
	: >"$scratch/daemon.log"
	daemon_under=(prlimit "--as=$(($1 * 1024)):")
	(daemon_run) >>"$scratch/daemon.log" 2>&1 &
	daemon_pid=$!
	daemon_under=()
	wait_for 60 ended_or_listens
	kill -0 "$daemon_pid" && ready >/dev/null && ctl kvp set Key1 "new 1" --timeout 20 >/dev/null && return
	kill -0 "$daemon_pid" || { wait "$daemon_pid"; return; }
	daemon_stop
	return 3 # it lives, and says that this is not enough
}

ended_or_listens()
{
	[ -S "$scratch/kvp.sock" ] || ! kill -0 "$daemon_pid"
}

# As little as this may be enough at one time and not at the next: threads come and go.
list_or_failure()
{
	ctl kvp list --pool guest --json >"$scratch/list" 2>/dev/null || return 0
	[ "$(grep -c '"key"' "$scratch/list")" = 1000 ]
}

# A quarter more each time, until it is enough: $least.
little_at_start()
{
	local kept status=1 wrong=0 said=0

	kept=$(cat "$scratch"/pools/.kvp_pool_? | cksum)
	for ((least = 4096; least < 1048576; least += least / 4)); do
		ends_or_serves "$least"
		status=$?
		[ "$status" = 0 ] && break
		said=$((said + $(loud)))
		if ! is_for_a_restart "$status" || [ "$(loud)" -gt 1 ]; then
			echo "# with $least KiB: status $status: $(cat "$scratch/daemon.log")"
			wrong=$((wrong + 1))
		fi
	done 2>/dev/null
	is "little memory: a start without enough ends with a line, and a status for a restart" "$wrong" 0
	check "little memory: and says why" test "$said" -gt 0
	is "little memory: with enough it serves" "$status" 0
	daemon_stop 2>/dev/null
	ends_or_serves "$least" 2>/dev/null
	status=$?
	like "little memory: each request is answered" "$(sets 20)" "* 0 without an answer"
	check "little memory: a list fails, or is whole" list_or_failure
	[ "$status" != 0 ] || { daemon_stop; status=$?; } 2>/dev/null
	check "little memory: it lives to SIGTERM, or ends for a restart" \
		test "$status" = 0 -o "$status" -gt 128 -o "$status" = 3
	check "little memory: and says so once" test "$(grep -c '^<[0-3]>' "$scratch/daemon.log")" -le 1
	least=$((least + least / 4))
	is "little memory: nothing is lost" "$(cat "$scratch"/pools/.kvp_pool_? | cksum)" "$kept"
}

# manager LIMIT: what the service manager does with the unit; each start has LIMIT KiB of addresses.
manager()
{
	local status

	daemon_under=(prlimit "--as=$(($1 * 1024)):")
	while :; do
		(daemon_run) >>"$scratch/daemon.log" 2>&1 &
		echo $! >"$scratch/pid"
		wait $! 2>/dev/null
		status=$?
		echo "$status" >>"$scratch/ends"
		is_for_a_restart "$status" || return
		sleep 0.2
	done 2>/dev/null
}

# deaths: how often it has ended so far; died N: more often than N times?
deaths()
{
	wc -l <"$scratch/ends"
}

died()
{
	[ "$(deaths)" -gt "$1" ]
}

# Clients that each make it keep most of a message, until it is gone.
burden()
{
	local i pid

	pid=$(cat "$scratch/pid")
	for i in $(seq 24); do
		{
			head -c 1000000 /dev/zero | tr '\0' x
			tail -s 0.2 --pid="$pid" -f /dev/null
		} | socat -u - "UNIX-CONNECT:$scratch/kvp.sock" 2>/dev/null &
	done
}

# load ROUND: the host sets, until the daemon has died of its clients; what it was told to be done is noted.
load()
{
	local before i letter

	before=$(deaths)
	burden
	for i in $(seq 2000); do
		letter=$(printf %s abcdefgh | cut -c $((i % 8 + 1)))
		ctl kvp set Long "$(head -c 1000 /dev/zero | tr '\0' "$letter")" --timeout 20 >/dev/null 2>&1
		ctl kvp set "Said$1.$i" "$i" --timeout 20 >/dev/null 2>&1 && printf 'Said%s.%s\t%s\n' "$1" "$i" "$i" >>"$scratch/said"
		died "$before" && return
	done
	return 1
}

little_under_load()
{
	local job round there

	there=$("$tool" dump "$(pool_file 0)" | grep -c '^Ke[py]')
	: >"$scratch/daemon.log"
	: >"$scratch/ends"
	: >"$scratch/said"
	rm -f "$scratch/kvp.sock"
	manager $((least + 8192)) &
	job=$!
	check "little memory: the service manager brings it up" \
		wait_for 60 ctl kvp set Long "$(head -c 1000 /dev/zero | tr '\0' z)"
	for round in 1 2 3; do
		check "little memory: under load it dies, $round" load "$round"
		check "little memory: the next one serves, $round" wait_for 60 ctl kvp set "Said$round" again
		printf 'Said%s\tagain\n' "$round" >>"$scratch/said"
	done
	check "little memory: a signal ended it each time" test "$(sort -n "$scratch/ends" | head -n 1)" -gt 128
	check "little memory: one line each time, no more" test "$(grep -c '^<[0-3]>' "$scratch/daemon.log")" -le "$(deaths)"
	kill "$(cat "$scratch/pid")"
	wait "$job"
	is "little memory: SIGTERM in the end, status 0" "$(tail -n 1 "$scratch/ends")" 0
	"$tool" dump "$(pool_file 0)" >"$scratch/dump"
	is "little memory: what was said to be stored is" "$(grep -vxFf "$scratch/dump" "$scratch/said")" ""
	is "little memory: as is what was there" "$(grep -c '^Ke[py]' "$scratch/dump")" "$there"
	is "little memory: and of the other pool" "$("$tool" dump "$(pool_file 1)" | wc -l)" 1000
	check "little memory: nothing is torn" grep -qxE $'Long\t([a-h])\\1{999}|Long\tz{1000}' "$scratch/dump"
}

"$tool" fill "$(pool_file 1)" Many 1000
if ldd "$daemon" | grep -q 'lib[ta]san'; then
	skip "little memory" "AddressSanitizer reserves more than any limit"
else
	daemon_start
	ready >/dev/null
	ctl kvp list --pool guest >/dev/null
	size=$(awk '/^VmSize/ { print $2 }' "/proc/$daemon_pid/status")
	prlimit --pid "$daemon_pid" --as=$(((size + 32768) * 1024))
	is "32 MiB more and no byte: a list of 1,000" "$(ctl kvp list --pool guest --json | grep -c '"key"')" 1000
	is "32 MiB more and no byte: requests" "$(sets 20)" "20 done, 0 without an answer"
	for i in $(seq 60); do
		call List '{"pool":"guest"}' >/dev/null &
	done
	for job in $(jobs -p); do
		[ "$job" = "$daemon_pid" ] || [ "$job" = "$link_pid" ] || wait "$job"
	done
	check "32 MiB more and no byte: after 60 clients at once" in_state ready
	# not even that: GLib ends a program that gets no memory, and the service manager starts the next
	prlimit --pid "$daemon_pid" --as=1048576
	sets 3 >/dev/null
	kept=$("$tool" dump "$(pool_file 0)" | cksum)
	daemon_stop KILL 2>/dev/null
	daemon_start
	check "no memory: the next one is ready" ready
	is "no memory: nothing is lost" "$("$tool" dump "$(pool_file 0)" | cksum)" "$kept"
	is "no memory: of the other pool neither" "$("$tool" dump "$(pool_file 1)" | wc -l)" 1000
	daemon_stop
	little_at_start
	little_under_load
fi
done_testing
