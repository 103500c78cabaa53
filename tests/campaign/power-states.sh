#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Every state that a disk can be in when the power fails: applies a log of dm-log-writes entry by entry, and
# after each mounts a copy, as the next boot does, and looks for what the host had been told to be stored. As root.
# usage: power-states.sh FS BUILD WORK [STATES]
#   WORK/FS-base.tar and WORK/FS-log.gz are of power-record.sh; WORK/model-N is pool 0 after N changes. With STATES,
#   only about as many, evenly spread.
# Prints what is wrong, and last "states N bad B repaired R": R pools had to be repaired by the daemon's start.
set -u
fs=$1 build=$2 work=$3 states=${4:-0}
ram=$(mktemp -d /dev/shm/states.XXXXXX)
mounted=no
tidy()
{
	[ $mounted = no ] || umount "$ram/mnt"
	rm -rf "$ram"
}
trap tidy EXIT
mkdir "$ram/mnt"
tar -C "$ram" -xSf "$work/$fs-base.tar" && mv "$ram/base" "$ram/disk" || exit
gzip -dc "$work/$fs-log.gz" >"$ram/log" || exit
entries=$("$build/tests/campaign/replay-log" count "$ram/log") || exit
entries=${entries% *}
step=1
[ "$states" = 0 ] || step=$((entries / states + 1))

# The changes known to be made, or -1 before the daemon was ready; the next one may be under way.
answered=-1
tried=0 bad=0 repaired=0

# is_whole: pool 0 is as after the changes answered, or after the one that was being made as well.
is_whole()
{
	local n

	for n in $((answered < 0 ? 0 : answered)) $((answered + 1)); do
		[ ! -e "$work/model-$n" ] ||
			! "$build/tests/integration/pool-tool" same "$ram/mnt/pools/.kvp_pool_0" "$work/model-$n" || return 0
	done
	return 1
}

# start_daemon: as the next boot does, to the point where its socket answers; then it is ended.
start_daemon()
{
	local pid

	"$build/kvpd/hv_kvp_daemon" -n --device "$ram/none" --pool-dir "$ram/mnt/pools" --socket "$ram/sock" \
		2>>"$ram/daemon.log" &
	pid=$!
	until [ -S "$ram/sock" ] || ! kill -0 $pid; do sleep 0.01; done
	printf '{"method":"io.hvis.Kvp.List","parameters":{"pool":"0"}}\0' | socat -t 5 - "UNIX-CONNECT:$ram/sock" >/dev/null
	kill $pid
	wait $pid
	rm -f "$ram/sock"
}

state()
{
	cp --sparse=always "$ram/disk" "$ram/copy"
	tried=$((tried + 1))
	if ! mount -t "$fs" -o loop,nodiscard "$ram/copy" "$ram/mnt"; then
		echo "entry $1: does not mount"
		bad=$((bad + 1))
		return
	fi
	mounted=yes
	if ! is_whole; then
		repaired=$((repaired + 1))
		start_daemon
	elif [ $((tried % 4)) = 0 ]; then
		start_daemon # which is to leave it as it is
	fi
	if ! is_whole; then
		echo "entry $1: $answered changes were answered, and pool 0 is neither as after those nor as after the next"
		bad=$((bad + 1))
	fi
	umount "$ram/mnt" && mounted=no
}

for ((entry = 0; entry < entries; entry++)); do
	what=$("$build/tests/campaign/replay-log" apply "$ram/log" "$ram/disk" $entry) || exit
	case $what in
	mark*)
		answered=${what#mark }
		continue
		;;
	esac
	[ $((entry % step)) != 0 ] || state $entry
done
echo "states $tried bad $bad repaired $repaired"
[ $bad = 0 ]
