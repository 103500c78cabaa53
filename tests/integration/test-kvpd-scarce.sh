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
check "no descriptors: with some again" wait_for 20 test "$(sets 5)" = "5 done, 0 without an answer"
is "no descriptors: nothing is lost" "$("$tool" dump "$(pool_file 0)" | grep -c '^Ke[py]')" 25
check "no descriptors: clients are served again" wait_for 20 in_state ready
wait $waiting
is "no descriptors: the one that waited, too" $? 0
check "no descriptors: a line says that it is over" wait_for 20 grep -q "There are file descriptors again" "$scratch/daemon.log"
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
fi
done_testing
