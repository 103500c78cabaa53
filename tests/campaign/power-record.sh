#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Records what the disk sees of the changes that hv_kvp_daemon makes: runs in the outer machine, as root.
# usage: power-record.sh FS BUILD KERNEL WORK
#   WORK/model-0  pool 0 to begin with; WORK/ops the changes, one per line: "set KEY VALUE" or "remove KEY"
#   BUILD         where hvis is built; KERNEL a folder with lib/modules of this kernel
# Leaves in WORK FS-base.tar, the image of the file system before, and FS-log.gz, the log of dm-log-writes. It has a
# mark N after the N-th change has been answered, and mark 0 when the daemon is ready.
set -eu
export DM_DISABLE_UDEV=1
fs=$1 build=$2 kernel=$3 work=$4
: "${HVIS_SHARED:?is not set: this is for the outer machine}"
ram=$(mktemp -d /dev/shm/power.XXXXXX)

modprobe -d "$kernel" -a loop dm_mod dm_log_writes "$fs"
mount -o remount,size=80% /dev/shm
case $fs in
ext4) truncate -s 64M "$ram/base" && mkfs.ext4 -q "$ram/base" ;;
xfs) truncate -s 300M "$ram/base" && mkfs.xfs -q -K "$ram/base" ;;
btrfs) truncate -s 128M "$ram/base" && mkfs.btrfs -q -K "$ram/base" ;;
esac
truncate -s 1G "$ram/log"
disk=$(losetup -f --show "$ram/base")
log=$(losetup -f --show "$ram/log")
mkdir "$ram/mnt"
mount -t "$fs" -o nodiscard "$disk" "$ram/mnt"
mkdir "$ram/mnt/pools"
cp "$work/model-0" "$ram/mnt/pools/.kvp_pool_0"
for pool in 1 2 3 4; do : >"$ram/mnt/pools/.kvp_pool_$pool"; done
umount "$ram/mnt"
sync
tar -C "$ram" -S -cf "$work/$fs-base.tar" base
dmsetup create power --table "0 $(blockdev --getsz "$disk") log-writes $disk $log"
mount -t "$fs" -o nodiscard /dev/mapper/power "$ram/mnt"

ctl()
{
	"$build/hvis-host" ctl "$ram/host.sock" "$@" --timeout 60
}

mark()
{
	dmsetup message power 0 mark "$1"
}

"$build/hvis-host" link --dir "$ram/dev" --service kvp --control "$ram/host.sock" &
link=$!
until [ -S "$ram/dev/hv_kvp" ]; do sleep 0.1; done
"$build/kvpd/hv_kvp_daemon" -n --device "$ram/dev/hv_kvp" --pool-dir "$ram/mnt/pools" --socket "$ram/kvp.sock" &
daemon=$!
ctl wait kvp
mark 0
n=0
while read -r verb key value; do
	n=$((n + 1))
	if [ "$verb" = set ]; then
		ctl kvp set "$key" "$value"
	else
		ctl kvp remove "$key"
	fi
	mark $n
done <"$work/ops"
kill $daemon $link
wait || true
umount "$ram/mnt"
dmsetup remove power
counted=$("$build/tests/campaign/replay-log" count "$ram/log") # there is no /dev/fd for <() here
echo "$fs: $n changes, $counted entries and bytes in the log"
head -c "${counted#* }" "$ram/log" | gzip -1 >"$work/$fs-log.gz"
losetup -d "$disk" "$log"
rm -rf "$ram"
