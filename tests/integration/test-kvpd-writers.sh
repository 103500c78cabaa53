#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Others write the pools while the daemon does: one that knows flock(2) only, one that knows fcntl(2)
# only, the host, a client of the socket, and hvctl through the socket and on the files, all at once. No record
# is lost, none is torn. Needs no root.
#
# HVIS_SOAK_SECONDS=N goes on for so long ("./run campaign kvp-soak"); what was written in all goes to the file
# HVIS_SOAK_FIGURE.
# shellcheck disable=SC2119,SC2031,SC2317 # functions take options, run in subshells, and are called by name
# shellcheck source=tests/integration/kvpd.sh
. "$(dirname "$0")/kvpd.sh"

rounds=25
seconds=${HVIS_SOAK_SECONDS:-8}
records=0 requests=0 lost=0

link_start
daemon_start
check "ready" ready

# hvctl_rounds: Ctl1, Ctl2, … in pool 1, every other one past the daemon. Its status is how many have failed.
hvctl_rounds()
{
	local i failures=0 how

	for i in $(seq $rounds); do
		how=(--socket "$scratch/kvp.sock")
		[ $((i % 2)) = 0 ] || how=(--offline --pool-dir "$scratch/pools")
		"$build/hvctl/hvctl" kvp set "Ctl$i" "$i" --pool guest "${how[@]}" >/dev/null || failures=$((failures + 1))
	done
	return $failures
}

# same WHAT GOT WANTED: as "is", of checksums; counted in the figure.
same()
{
	[ "$2" = "$3" ] || lost=$((lost + 1))
	is "$1" "$2" "$3"
}

# against KIND0 KIND1: a writer of each kind on pools 0 and 1 (only one: the two do not respect each
# other either) for as long as the host is busy on pool 0 and a client on pool 1.
against()
{
	local kinds=("$1" "$2") writers=() failed=0 pool i written hvctl_pid

	for pool in 0 1; do
		: >"$(pool_file $pool)"
		"$tool" append "${kinds[pool]}" "$(pool_file $pool)" "other" 0 >"$scratch/written$pool" &
		writers[pool]=$!
	done
	hvctl_rounds &
	hvctl_pid=$!
	for i in $(seq $rounds); do
		ctl kvp set "Host$i" "$i" >/dev/null || failed=$((failed + 1))
		call Set "{\"key\":\"Client$i\",\"value\":\"$i\"}" | grep -q replaced || failed=$((failed + 1))
		if [ $((i % 5)) -eq 0 ]; then
			ctl kvp remove "Host$((i - 4))" >/dev/null || failed=$((failed + 1))
			ctl kvp set "Host$((i - 3))" again >/dev/null || failed=$((failed + 1))
		fi
	done
	is "$1, $2: no request failed" $failed 0
	wait $hvctl_pid
	is "$1, $2: none of hvctl's either" $? 0
	for pool in 0 1; do
		kill -TERM "${writers[pool]}"
		wait "${writers[pool]}"
		is "pool $pool, ${kinds[pool]}: the writer was never disturbed" $? 0
		written=$(cat "$scratch/written$pool")
		records=$((records + written))
		same "pool $pool, ${kinds[pool]}: whole records" $(($(wc -c <"$(pool_file $pool)") % 2560)) 0
		same "pool $pool, ${kinds[pool]}: all of the other's $written, in order" \
			"$("$tool" dump "$(pool_file $pool)" | grep ^other | cksum)" \
			"$(seq 0 $((written - 1)) | awk '{ print "other" $1 "\t" $1 }' | cksum)"
		check "pool $pool, ${kinds[pool]}: it wrote more than we" test "$written" -gt $rounds
	done
	same "pool 0, ${kinds[0]}: all of the host's" \
		"$("$tool" dump "$(pool_file 0)" | grep ^Host | cksum)" \
		"$(seq $rounds | awk '$1 % 5 != 1 { print "Host" $1 "\t" ($1 % 5 == 2 ? "again" : $1) }' | cksum)"
	for i in Client Ctl; do
		same "pool 1, ${kinds[1]}: all of $i's, in order" \
			"$("$tool" dump "$(pool_file 1)" | grep ^$i | cut -f 2 | cksum)" "$(seq $rounds | cksum)"
	done
	requests=$((requests + rounds * 17 / 5))
}

against flock fcntl
against fcntl flock
# of more rounds, what failed, and one test for all
count=$case_count more=0
until [ "$SECONDS" -ge "$seconds" ]; do
	more=$((more + 1))
	if [ $((RANDOM % 2)) = 0 ]; then
		against flock fcntl
	else
		against fcntl flock
	fi
done >"$scratch/rounds"
case_count=$count
grep '^#' "$scratch/rounds"
is "$more rounds more" "$(grep '^not ok' "$scratch/rounds")" ""
daemon_stop
is "SIGTERM: status 0" $? 0
echo "# $records records of others and $requests requests of the host, clients and hvctl: $lost comparisons failed"
[ -z "${HVIS_SOAK_FIGURE:-}" ] ||
	echo "$records records of others, $requests requests of the host, of clients and of hvctl, $lost lost or torn" >"$HVIS_SOAK_FIGURE"
done_testing
