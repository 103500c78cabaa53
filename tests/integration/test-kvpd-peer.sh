#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Defects of the distribution's hv_kvp_daemon, shown beside ours on the same link: IP strings of the host that
# are too long for an address, and another program that appends to a pool under flock(2). What ours does is
# tested, what the other does is printed. Needs no root.
# shellcheck disable=SC2119,SC2031,SC2317 # functions take options, run in subshells, and are called by name
# shellcheck source=tests/integration/kvpd.sh
. "$(dirname "$0")/kvpd.sh"
# shellcheck source=tests/integration/kvpd-peer.sh
. "$(dirname "$0")/kvpd-peer.sh"

# The other looks for the adapter first: peer-shim.so tells it that lo is this one.
adapter=11111111-2222-3333-4444-555555555555
echo $adapter >"$scratch/adapter"
export HVIS_PEER_ADAPTER=$scratch/adapter
sets=${HVIS_PEER_SETS:-60}

who_start()
{
	rm -rf "$scratch/pools"
	mkdir "$scratch/pools"
	if [ "$1" = ours ]; then
		daemon_start
		who_pid=$daemon_pid
	else
		peer_start
		who_pid=$peer_pid
	fi
	ready >/dev/null
}

# who_end: its exit status, if it has ended by itself; else 0, and it is ended.
who_end()
{
	local status=0

	kill -0 "$who_pid" || {
		wait "$who_pid"
		status=$?
	}
	kill -KILL "$who_pid"
	wait "$who_pid"
	daemon_pid='' peer_pid=''
	return $status
}

word()
{
	printf "%0$1d" 0
}

# long_strings WHO LENGTH: what becomes of it that the host sends a name server of that length.
long_strings()
{
	local answer=answered patience=5 # of one that may have died

	[ "$1" = peer ] || patience=60
	who_start "$1"
	ctl ip set $adapter --address 192.0.2.5/24 --dns "$(word "$2")" --timeout $patience >"$scratch/answer" 2>&1 ||
		answer="answered with an error"
	ctl kvp list --pool auto --timeout $patience >/dev/null || answer="no more answer"
	who_end || answer="killed by SIG$(kill -l $?)"
	echo "$answer"
}

# appended WHO KIND: how many records of a program that appends to pool 0 under locks of KIND are lost
# while the host sets keys there.
appended()
{
	local writer written kept

	who_start "$1"
	"$tool" append "$2" "$(pool_file 0)" other 0 >"$scratch/written" &
	writer=$!
	for i in $(seq "$sets"); do
		ctl kvp set "Host$((i % 10))" "$i" --timeout 5 >/dev/null
	done
	kill -TERM $writer
	wait $writer
	who_end
	written=$(cat "$scratch/written")
	kept=$("$tool" dump "$(pool_file 0)" | grep -a '^other' | sort -u | wc -l)
	echo "$((written - kept)) of $written"
}

exec 2>"$scratch/messages" # the shell tells of every process that is killed
link_start
compare=no
if peer_find >/dev/null; then
	compare=yes
fi
for length in 15 45 60 200 1000; do
	ours=$(long_strings ours $length)
	like "a name server of $length characters: ours lives" "$ours" "answered*"
	[ $compare = no ] || echo "#   ours: $ours; the distribution's: $(long_strings peer $length)"
done
for kind in flock fcntl; do
	ours=$(appended ours $kind)
	like "a program that appends under $kind: ours keeps what it wrote" "$ours" "0 of *"
	[ $compare = no ] || echo "#   lost by ours: $ours; by the distribution's: $(appended peer $kind)"
done
[ $compare = yes ] ||
	skip "the distribution's daemon beside it" "its package is not unpacked here (HVIS_PEER names a folder)"
done_testing
