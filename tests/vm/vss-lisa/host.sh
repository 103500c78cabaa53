# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2016 # the guest expands it
#
# Where else names of these tests are:
#   VSS-BACKUPRESTORE-DISABLE-ENABLE-VSS          vss-rescind
#   VSS-BACKUPRESTORE-CHANGE-HYPERVVSSD,
#   PRODUCTION-CHECKPOINT-FAILBACK                vss-no-daemon: refused at once, so that the host can do without
#   VSS-BACKUP-PRESTORE-STATE-SAVED               vss-negotiate: all that a guest sees of having been restored
#   NFS, CIFS                                     /vssd/plan/stands-on-the-network and its neighbours, unit tests
# What hardware, firmware or host is below (IDE, chains of VHD files, SECUREBOOT-VSS, Azure's vmsnapshot_extension) no file
# system sees.
. "$HVIS_CASE_LIB"

dirs="/mnt/disk /mnt/xfs /mnt/btrfs"

# plan DIR: the verdict and the reason of what is mounted there
plan()
{
	guest "hvctl vss plan --json" | tr -d '\n' | sed 's/{ *"mounts"/\n&/g' | grep -F "\"$1\"" |
		sed 's/.*"verdict": *"\([a-z]*\)".*"reason": *"\([a-z-]*\)".*/\1 \2/'
}

# frozen_times DIR: how often the last backup has frozen what is mounted there
frozen_times()
{
	guest "hvctl vss history --lines 1 --json" | grep -c "\"mount\": \"$1\""
}

# last_is "RESULT ENDER": of the last backup
last_is()
{
	[ "$(guest "hvctl vss history --lines 1 --json" | tr -d ' ",' | sed -n 's/^\(result\|ended_by\)://p' | xargs)" = "$1" ]
}

vss_configure Deadline=10min
vss_begin
vss_disk 1 xfs /mnt/xfs
vss_disk 2 btrfs /mnt/btrfs

# --- VSS-BACKUPRESTORE-MULTIFS-VHDX, VSS-BACKUPRESTORE-DISKSTRESS, PRODUCTION-CHECKPOINT-EXT4, -BTRFS, -VHDX_XFS ---
#
# A program on each disk counts, has the count written, and says so. The copies that are made of the disks while
# they are frozen have to have what was said by then, with no more than one behind it; and what is done to the
# disks afterwards has to be in none.

check "MULTIFS: files" guest "for dir in $dirs; do cp -r /usr/lib/hvis-agent \$dir/files && sync; done"
check "DISKSTRESS: programs that write" guest ": >/run/stress; for dir in $dirs; do
	(n=0; while [ -e /run/stress ]; do
		n=\$((n + 1)); echo \$n | dd of=\$dir/count.new conv=fsync && mv \$dir/count.new \$dir/count && echo \$n >/run/count.\${dir##*/}
	done; : >/run/ended.\${dir##*/}) >/dev/null 2>&1 &
done"
check "DISKSTRESS: they do" wait_for 60 guest 'for dir in disk xfs btrfs; do [ "$(cat /run/count.$dir)" -gt 3 ] || exit 1; done'
ctl backup --hold 3600 >backup.out 2>&1 &
backup=$!
check "DISKSTRESS: the guest is frozen" wait_for 60 vss_phase frozen
said=$(guest 'cat /run/count.disk /run/count.xfs /run/count.btrfs')
mapfile -t counts <<<"$said"
check "MULTIFS: a snapshot" guest 'for n in 0 1 2; do dd if=/dev/ram$n of=/dev/ram1$n bs=1M || exit; done'
is "DISKSTRESS: nobody writes meanwhile" "$(guest 'cat /run/count.disk /run/count.xfs /run/count.btrfs')" "$said"
kill "$backup"
wait "$backup"
check "MULTIFS: all was frozen until the host asked to thaw" wait_for 30 last_is "ok host"
check "DISKSTRESS: they go on" wait_for 60 guest "[ \$(cat /run/count.disk) -gt $((counts[0] + 2)) ] && \
	[ \$(cat /run/count.xfs) -gt $((counts[1] + 2)) ] && [ \$(cat /run/count.btrfs) -gt $((counts[2] + 2)) ]"
guest 'rm /run/stress'
check "DISKSTRESS: they end" wait_for 60 guest 'test -e /run/ended.disk && test -e /run/ended.xfs && test -e /run/ended.btrfs'
check "MULTIFS: the disks are damaged" guest "for dir in $dirs; do rm -r \$dir/files && echo damaged >\$dir/late; done"
check "MULTIFS: the disks are restored" guest "set -e; for dir in $dirs; do umount \$dir; done; btrfs device scan --forget
	e2fsck -fn /dev/ram10
	mount -t ext4 -o ro,noload /dev/ram10 /mnt/disk
	mount -t xfs -o ro,norecovery /dev/ram11 /mnt/xfs
	mount -t btrfs -o ro /dev/ram12 /mnt/btrfs"
n=0
for dir in $dirs; do
	check "MULTIFS: $dir has all files" guest "diff -r /usr/lib/hvis-agent $dir/files"
	check "MULTIFS: $dir has nothing that came later" guest "test ! -e $dir/late"
	got=$(guest "cat $dir/count")
	[ "$got" -ge "${counts[n]}" ] && [ "$got" -le $((counts[n] + 1)) ]
	result $? "DISKSTRESS: $dir has what was written by then: $got of ${counts[n]}"
	n=$((n + 1))
done

# --- PRODUCTION-CHECKPOINT, VSS-3CHAIN-VHD-BACKUP: what is restored, and a snapshot of a snapshot ---

fails "the restored disks, read-only, are nothing to freeze" ctl backup --hold 0.1
is "as the plan says" "$(plan /mnt/xfs)" "skip read-only"
check "PRODUCTION-CHECKPOINT: they are taken into use" guest "set -e; for dir in $dirs; do umount \$dir; done
	mount -t ext4 /dev/ram10 /mnt/disk; mount -t xfs /dev/ram11 /mnt/xfs; mount -t btrfs /dev/ram12 /mnt/btrfs"
check "PRODUCTION-CHECKPOINT: the former ones are mounted beside them" guest "set -e; mkdir -p /media/xfs /media/ext4
	mount -t ext4 -o ro /dev/ram0 /media/ext4; mount -t xfs -o ro,nouuid /dev/ram1 /media/xfs"
check "PRODUCTION-CHECKPOINT: a backup" ctl backup --hold 0.1
is "PRODUCTION-CHECKPOINT: with what was restored" "$(frozen_times /mnt/xfs)" 1
is "PRODUCTION-CHECKPOINT: not with a snapshot that is mounted" "$(frozen_times /media/xfs)" 0
check "PRODUCTION-CHECKPOINT: those go" guest "umount /media/ext4 /media/xfs"

check "3CHAIN: a disk on a disk on a disk" guest 'set -e
	modprobe loop
	for step in "/mnt/disk /media/one 48" "/media/one /media/two 24"; do
		set -- $step
		dd if=/dev/zero of=$1/chain.img bs=1M count=$3 && mkfs.ext4 -q -F $1/chain.img
		mkdir -p $2 && mount -t ext4 -o loop $1/chain.img $2
	done'
is "3CHAIN: the inner ones are first" \
	"$(guest hvctl vss plan | awk '$1 == "freeze" && $3 ~ /one|two|disk/ { print $2, $3 }' | sort | xargs)" \
	"0 /media/two 1 /media/one 2 /mnt/disk"
check "3CHAIN: a backup" ctl backup --hold 0.5
check "3CHAIN: all are thawed" guest "for dir in /media/two /media/one $dirs; do timeout 20 sh -c \"echo >\$dir/probe\" || exit; done"
check "3CHAIN: they go" guest "umount /media/two && umount /media/one && rm /mnt/disk/chain.img"

# --- VSS-BACKUPRESTORE-ISO-NONETWORK, PRODUCTION-CHECKPOINT-ISO-NONETWORK, VSS-MOUNT-SQUASHFS ---

check "ISO-NONETWORK: a disc is in, and no network there" guest 'set -e
	genisoimage -quiet -o /run/disc.iso /usr/lib/hvis-agent && mkdir -p /media/iso && modprobe -a loop isofs
	mount -t iso9660 -o loop,ro /run/disc.iso /media/iso
	for link in /sys/class/net/*; do ip link set ${link##*/} down; done'
check "MOUNT-SQUASHFS: one is mounted" guest 'set -e
	mksquashfs /usr/lib/hvis-agent /run/squash.img -quiet -no-progress && mkdir -p /media/squash && modprobe squashfs
	mount -t squashfs -o loop,ro /run/squash.img /media/squash'
is "ISO-NONETWORK: the disc is left alone" "$(plan /media/iso)" "skip read-only"
is "MOUNT-SQUASHFS: it is left alone" "$(plan /media/squash)" "skip read-only"
check "ISO-NONETWORK, MOUNT-SQUASHFS: a backup" ctl backup --hold 0.1
is "MOUNT-SQUASHFS: without it" "$(frozen_times /media/squash)" 0
check "ISO-NONETWORK: it can be ejected" guest "umount /media/iso /media/squash; ip link set lo up"

# --- a server that does not answer ---

check "a file system whose server has hung up" guest 'set -e; modprobe fuse; mkdir -p /media/hung
	(exec 5<>/dev/fuse && mount -i -t fuse -o fd=5,rootmode=40000,user_id=0,group_id=0 hung /media/hung &&
		exec sleep 1000) >/dev/null 2>&1 &
	for i in $(seq 100); do ! grep -q /media/hung /proc/mounts || exit 0; sleep 0.2; done; exit 1'
is "it is left alone" "$(plan /media/hung)" "skip fuse"
check "nobody waits for it" ctl backup --hold 0.1
check "it goes" guest 'kill $(pidof sleep) && umount -l /media/hung'

# --- VSS-MOUNT-MULTI-PATHS ---

check "MULTI-PATHS: a disk at three places" guest 'set -e; mkdir -p /media/again /mnt/disk/inner /media/inner
	mount -t ext4 /dev/ram10 /media/again; mount -o bind /mnt/disk/inner /media/inner'
check "MULTI-PATHS: a backup" ctl backup --hold 0.1
is "MULTI-PATHS: it is frozen once" \
	"$(($(frozen_times /mnt/disk) + $(frozen_times /media/again) + $(frozen_times /media/inner)))" 1
check "MULTI-PATHS: and thawed" guest 'timeout 20 sh -c "echo >/media/again/probe"'
check "MULTI-PATHS: where the first place is gone" guest "umount /mnt/disk"
check "MULTI-PATHS: a backup" ctl backup --hold 0.1
is "MULTI-PATHS: it is frozen all the same" "$(($(frozen_times /media/again) + $(frozen_times /media/inner)))" 1
check "MULTI-PATHS: one place alone again" guest "set -e; umount /media/again /media/inner; mount -t ext4 /dev/ram10 /mnt/disk"

# --- iSCSI, PassTru: a disk that is not of the bus; VSS-BACKUPRESTORE-RESTORE-FAIL: one that is offline ---

check "iSCSI: a disk" guest 'set -e
	modprobe sd_mod
	[ -d /sys/module/scsi_debug ] || modprobe scsi_debug dev_size_mb=32
	n=0; until disk=$(ls /sys/block | grep ^sd) && [ -b /dev/$disk ]; do sleep 0.2; n=$((n + 1)); [ $n -lt 100 ]; done
	echo $disk >/run/disk; mkfs.ext4 -q /dev/$disk && mkdir -p /media/scsi && mount -t ext4 /dev/$disk /media/scsi'
check "iSCSI: a backup" ctl backup --hold 0.1
is "iSCSI: with it" "$(frozen_times /media/scsi)" 1
check "RESTORE-FAIL: the disk is offline" guest 'echo dirty >/media/scsi/dirty; echo offline >/sys/block/$(cat /run/disk)/device/state'
refuse "RESTORE-FAIL: the host hears that its backup failed" 1 ctl backup --hold 0.1
check "RESTORE-FAIL: the others are thawed" guest "for dir in $dirs; do timeout 20 sh -c \"echo >\$dir/probe\" || exit; done"
like "RESTORE-FAIL: the guest knows which it was" "$(guest hvctl vss history --lines 1)" "* failed *failure* /media/scsi: *"
check "RESTORE-FAIL: the disk is mended" guest 'umount -l /media/scsi; echo running >/sys/block/$(cat /run/disk)/device/state
	e2fsck -fy /dev/$(cat /run/disk); mount -t ext4 /dev/$(cat /run/disk) /media/scsi'
check "RESTORE-FAIL: a backup" wait_for 60 ctl backup --hold 0.1
is "RESTORE-FAIL: with it" "$(frozen_times /media/scsi)" 1
check "RESTORE-FAIL: it goes" guest "umount /media/scsi"

# --- a host that stops the whole machine while it is frozen: VSS-BACKUP-PRESTORE-STATE-PAUSED ---

vss_configure Deadline=5s
ctl backup --hold 3600 >backup.out 2>&1 &
backup=$!
check "STATE-PAUSED: the guest is frozen" wait_for 60 vss_phase frozen
check "STATE-PAUSED: writers begin" vss_write
kill -STOP "$HVIS_HOST_PID"
sleep 8
kill -CONT "$HVIS_HOST_PID"
check "STATE-PAUSED: the guest thaws, whatever the host does" wait_for 60 vss_wrote
kill "$backup"
wait "$backup"
vss_configure Deadline=10min
check "STATE-PAUSED: the next backup is well" wait_for 60 ctl backup --hold 0.1

# --- nothing to freeze ---

check "no disk is mounted" guest "umount $dirs"
refuse "there is nothing to freeze" 1 ctl backup
vss_configure AllowNothing=yes
check "unless that is enough" ctl backup --hold 0.1
is "one daemon" "$(guest pidof hv_vss_daemon | wc -w)" 1
done_testing
