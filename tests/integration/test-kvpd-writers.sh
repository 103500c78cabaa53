#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Others write the pools while the daemon does: one that knows flock(2) only, one that knows fcntl(2)
# only, the host, and a client of the socket, all at once. No record is lost, none is torn. Needs no
# root.
# shellcheck disable=SC2119,SC2031,SC2317 # functions take options, run in subshells, and are called by name
# shellcheck source=tests/integration/kvpd.sh
. "$(dirname "$0")/kvpd.sh"

rounds=25

link_start
daemon_start
check "ready" ready

# against KIND0 KIND1: a writer of each kind on pools 0 and 1 (only one: the two do not respect each
# other either) for as long as the host is busy on pool 0 and a client on pool 1.
against()
{
	local kinds=("$1" "$2") writers=() failed=0 pool i written

	for pool in 0 1; do
		: >"$(pool_file $pool)"
		"$tool" append "${kinds[pool]}" "$(pool_file $pool)" "other" 0 >"$scratch/written$pool" &
		writers[pool]=$!
	done
	for i in $(seq $rounds); do
		ctl kvp set "Host$i" "$i" >/dev/null || failed=$((failed + 1))
		call Set "{\"key\":\"Client$i\",\"value\":\"$i\"}" | grep -q replaced || failed=$((failed + 1))
		if [ $((i % 5)) -eq 0 ]; then
			ctl kvp remove "Host$((i - 4))" >/dev/null || failed=$((failed + 1))
			ctl kvp set "Host$((i - 3))" again >/dev/null || failed=$((failed + 1))
		fi
	done
	is "$1, $2: no request failed" $failed 0
	for pool in 0 1; do
		kill -TERM "${writers[pool]}"
		wait "${writers[pool]}"
		is "pool $pool, ${kinds[pool]}: the writer was never disturbed" $? 0
		written=$(cat "$scratch/written$pool")
		is "pool $pool, ${kinds[pool]}: whole records" $(($(wc -c <"$(pool_file $pool)") % 2560)) 0
		is "pool $pool, ${kinds[pool]}: all of the other's $written, in order" \
			"$("$tool" dump "$(pool_file $pool)" | grep ^other | cksum)" \
			"$(seq 0 $((written - 1)) | awk '{ print "other" $1 "\t" $1 }' | cksum)"
		check "pool $pool, ${kinds[pool]}: it wrote more than we" test "$written" -gt $rounds
	done
	is "pool 0, ${kinds[0]}: all of the host's" \
		"$("$tool" dump "$(pool_file 0)" | grep ^Host | cksum)" \
		"$(seq $rounds | awk '$1 % 5 != 1 { print "Host" $1 "\t" ($1 % 5 == 2 ? "again" : $1) }' | cksum)"
	is "pool 1, ${kinds[1]}: all of the client's, in order" \
		"$("$tool" dump "$(pool_file 1)" | grep ^Client | cut -f 2 | cksum)" "$(seq $rounds | cksum)"
}

against flock fcntl
against fcntl flock
daemon_stop
is "SIGTERM: status 0" $? 0
done_testing
