#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# hv_kvp_daemon on a disk that fails (dm-error) and comes back: the host gets an answer each time, the journal few
# lines, and with a disk again all goes on. Runs in the outer machine, as root. Prints TAP.
# usage: disk-error.sh BUILD KERNEL CASE-LIB
set -u
: "${HVIS_SHARED:?is not set: this is for the outer machine}"
export DM_DISABLE_UDEV=1
build=$1 kernel=$2
# shellcheck source=tests/vm/lib/case.sh
. "$3"
ram=$(mktemp -d /dev/shm/error.XXXXXX)
pool=$ram/mnt/pools/.kvp_pool_0

modprobe -d "$kernel" -a loop dm_mod ext4
truncate -s 32M "$ram/disk"
mkfs.ext4 -q "$ram/disk"
disk=$(losetup -f --show "$ram/disk")
sectors=$(blockdev --getsz "$disk")
dmsetup create failing --table "0 $sectors linear $disk 0"
mkdir "$ram/mnt"
mount -o errors=continue /dev/mapper/failing "$ram/mnt"
mkdir "$ram/mnt/pools"

ctl()
{
	"$build/hvis-host" ctl "$ram/host.sock" "$@" --timeout 60
}

# disk linear|error
disk()
{
	local table="0 $sectors error"

	[ "$1" = error ] || table="0 $sectors linear $disk 0"
	dmsetup suspend --nolockfs failing && dmsetup load failing --table "$table" && dmsetup resume failing
}

start()
{
	SYSTEMD_EXEC_PID=$$ "$build/kvpd/hv_kvp_daemon" -n --device "$ram/dev/hv_kvp" --pool-dir "$ram/mnt/pools" \
		--socket "$ram/kvp.sock" 2>>"$ram/log" &
	daemon=$!
}

"$build/hvis-host" link --dir "$ram/dev" --service kvp --control "$ram/host.sock" >/dev/null 2>&1 &
link=$!
wait_for 20 test -S "$ram/dev/hv_kvp"
start
check "ready" ctl wait kvp
for i in $(seq 20); do
	ctl kvp set "Kept$i" "$i" >/dev/null
done
disk error
kept=0
for i in $(seq 5); do
	ctl kvp set "Lost$i" "$i" >"$ram/answer" 2>&1
	status=$?
	check "failing disk: request $i is answered" test $status != 5
	[ $status != 0 ] || kept=$((kept + 1))
	[ "$i" != 1 ] || check "failing disk: the first with an error" test $status != 0
done
[ $kept = 0 ] || check "failing disk: $kept are kept in memory, and it says so" grep -q 'kept in memory' "$ram/log"
is "failing disk: it serves what there is" "$(ctl kvp get Kept7)" 7
check "failing disk: few lines in the journal" test "$(grep -c '^<[0-4]>' "$ram/log")" -le 3
disk linear
# the file system has given up on its journal: as an administrator would, mount it anew
kill $daemon
wait $daemon
umount "$ram/mnt" && mount /dev/mapper/failing "$ram/mnt"
start
check "a disk again: ready" ctl wait kvp
check "a disk again: request" ctl kvp set After 1
missing=0
for i in $(seq 20); do
	[ "$("$build/tests/integration/pool-tool" dump "$pool" | sed -n "s/^Kept$i\t//p")" = "$i" ] || missing=$((missing + 1))
done
is "a disk again: nothing is lost" $missing 0
sed 's/^/# /' "$ram/log"
kill $daemon $link
wait
umount "$ram/mnt"
dmsetup remove failing
losetup -d "$disk"
rm -rf "$ram"
done_testing
