#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # functions that check calls
#
# Defects of the distribution's hv_fcopy_daemon, shown beside ours on the same link: a WRITE that says that it has more
# than it has, and a daemon that is killed in the middle of a file. What ours does is tested, what the other does is
# printed. Needs no root.
# shellcheck source=tests/integration/fcopyd.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/integration/fcopyd.sh"
# shellcheck source=tests/integration/kvpd-peer.sh
. "$top/tests/integration/kvpd-peer.sh"

# start WHO: that one serves; files are to go to $in
start()
{
	if [ "$1" = ours ]; then
		in=/srv
		daemon_start
		who_pid=$daemon_pid
	else
		in=$root/srv
		LD_PRELOAD=$build/tests/integration/peer-shim.so HVIS_PEER_DEVICE=$scratch/dev/hv_fcopy \
			"$peer/usr/sbin/hv_fcopy_daemon" -n >>"$scratch/peer.log" 2>&1 &
		who_pid=$!
		ready
	fi >/dev/null
}

end()
{
	kill -KILL "$who_pid"
	wait "$who_pid"
	daemon_pid=''
}

raw()
{
	ctl fcopy-raw "$@"
}

# foreign FILE: how many bytes of it the host has not sent, which were all "x", and are not nothing
foreign()
{
	if [ -e "$1" ]; then
		tr -d 'x\0' <"$1" | wc -c
	else
		echo 0
	fi
}

# says_more WHO SIZE: a WRITE with a whole fragment says that it has SIZE bytes
says_more()
{
	local answers

	start "$1"
	answers="$(raw start --name "more$2" --path "$in/" --size "$2") $(raw write --fill 6144 --declare "$2") $(raw complete)"
	end
	echo "answered $answers; of $(stat -c %s "$root/srv/more$2" 2>/dev/null || echo 0) bytes $(foreign "$root/srv/more$2") of the daemon's own"
}

# killed WHO: after half of a file that takes the place of another one
killed()
{
	printf before >"$root/srv/killed"
	start "$1"
	{
		raw start --name killed --path "$in/" --size 12288 --flags 1
		raw write --fill 6144
	} >/dev/null
	end
	if [ "$(cat "$root/srv/killed")" = before ]; then
		echo "the file that was there before"
	else
		echo "$(stat -c %s "$root/srv/killed") of 12288 bytes"
	fi
}

exec 2>"$scratch/messages" # the shell tells of every process that is killed
link_start
peer=$(peer_find) || peer=''

for size in 6145 20000; do
	is "a WRITE of $size bytes that has 6144: ours" "$(says_more ours $size)" \
		"answered ok invalid-argument invalid-argument; of 0 bytes 0 of the daemon's own"
	check "a WRITE of $size bytes that has 6144: nothing is left of it" test ! -e "$root/srv/more$size"
	[ -z "$peer" ] || echo "#   the distribution's: $(says_more peer $size)"
done
is "killed in the middle of a file: under the name of ours" "$(killed ours)" "the file that was there before"
[ -z "$peer" ] || echo "#   of the distribution's: $(killed peer)"
[ -n "$peer" ] ||
	skip "the distribution's daemon beside it" "its package is not unpacked here (HVIS_PEER names a folder)"
done_testing
