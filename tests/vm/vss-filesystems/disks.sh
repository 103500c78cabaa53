# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh disable=SC2016
#
# Runs in the guest: makes one kind of file system, or what it stands on. usage: disks.sh KIND, or "none" to undo
# all of it.
set -e
conf=/run/vss-disks
mkdir -p $conf

# device NAME FILE MIB: a loop device on a new file.
device()
{
	truncate -s "$3M" "$2"
	losetup -f >"$conf/$1"
	losetup "$(cat "$conf/$1")" "$2"
}

# ext4 DEVICE DIR [OPTION…]: made and mounted.
ext4()
{
	mkfs.ext4 -q "$1"
	mkdir -p "$2"
	mount -t ext4 ${3:+-o "$3"} "$1" "$2"
}

# park NAME COMMAND…: as a process of its own, in its own group; NAME has its number.
park()
{
	name=$1
	shift
	setsid sh -c 'echo $$ >"$1.new" && mv "$1.new" "$1" && shift && exec "$@"' park "$conf/$name" "$@" \
		>"$conf/$name.log" 2>&1 </dev/null &
	again test -s "$conf/$name"
}

# end NAME: of such a process.
end()
{
	[ ! -s "$conf/$1" ] || kill -KILL "$(cat "$conf/$1")"
	rm -f "$conf/$1"
}

# again COMMAND…: until it succeeds, for 10 s: an ended process's view goes a little later.
again()
{
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		! "$@" || return 0
		sleep 1
	done
	return 1
}

# automount NAME DIR OPTION [COMMAND…]: runs COMMAND as the automounter; what is asked of it is in NAME.asked,
# and is not done.
automount()
{
	name=$1 dir=$2
	shift 2
	mkdir -p "$dir"
	rm -f "$conf/$name.pipe" && mkfifo "$conf/$name.pipe"
	: >"$conf/$name.asked"
	park "$name" sh -c 'exec 7<>"$1.pipe"
		mount -t autofs -o "fd=7,pgrp=$$,minproto=5,maxproto=5,$3" hvis-test "$2" || exit
		shift 3
		[ $# = 0 ] || "$@" || exit
		exec cat <&7 >"$0"' "$conf/$name.asked" "$conf/$name" "$dir" "$@"
	again grep -q " $dir autofs " /proc/mounts
}

case $1 in
drivers) # the kernel finds no program here that would load them
	modprobe -a loop crc32_generic vfat nls_cp437 nls_ascii squashfs overlay dm-mod dm-crypt xts ecb raid1 autofs4 \
		nfsv4 nfsd
	;;
loop) device loop /mnt/disk/loop.img 100 && ext4 "$(cat $conf/loop)" /mnt/loop ;;
loop-on-loop) device loop2 /mnt/loop/loop.img 40 && ext4 "$(cat $conf/loop2)" /mnt/loop2 ;;
linear)
	device linear /mnt/xfs/linear.img 32
	dmsetup create hvis-linear --table "0 65536 linear $(cat $conf/linear) 0"
	dmsetup mknodes
	ext4 /dev/mapper/hvis-linear /mnt/linear
	;;
md)
	device md1 /mnt/disk/md.img 32 && device md2 /mnt/xfs/md.img 32
	mdadm --create /dev/md0 --level=1 --raid-devices=2 --assume-clean --metadata=1.2 --run \
		"$(cat $conf/md1)" "$(cat $conf/md2)"
	ext4 /dev/md0 /mnt/md
	;;
luks)
	device luks /mnt/btrfs/luks.img 48
	echo secret | cryptsetup luksFormat -q --type luks1 --pbkdf-force-iterations 1000 --use-urandom "$(cat $conf/luks)" -
	echo secret | cryptsetup open --key-file - "$(cat $conf/luks)" hvis-luks
	ext4 /dev/mapper/hvis-luks /mnt/luks
	;;
vfat)
	mkdosfs /dev/ram5 >/dev/null 2>&1
	mkdir -p /mnt/vfat && mount -t vfat /dev/ram5 /mnt/vfat
	;;
read-only) ext4 /dev/ram6 /media/ro ro ;;
squashfs)
	mkdir -p /media/squash && mksquashfs /etc $conf/squash.img -quiet -no-progress >/dev/null
	losetup -f >$conf/squash && losetup "$(cat $conf/squash)" $conf/squash.img
	mount -t squashfs "$(cat $conf/squash)" /media/squash
	;;
tmpfs) mkdir -p /mnt/tmpfs && mount -t tmpfs tmpfs /mnt/tmpfs ;;
overlay) # one writes to a tmpfs, the other to a disk
	for upper in tmpfs disk; do
		mkdir -p /mnt/$upper/upper /mnt/$upper/work /mnt/over-$upper
		mount -t overlay -o "lowerdir=/media/squash,upperdir=/mnt/$upper/upper,workdir=/mnt/$upper/work" \
			overlay /mnt/over-$upper
	done
	;;
bind)
	mkdir -p /mnt/disk/sub /mnt/bind /mnt/sub /media/bind-ro
	mount --bind /mnt/disk /mnt/bind && mount --bind /mnt/disk/sub /mnt/sub
	mount --bind /mnt/disk /media/bind-ro && mount -o remount,bind,ro /media/bind-ro
	;;
private)
	mkdir -p /media/private && mkfs.ext4 -q /dev/ram7
	park private unshare -m sh -c 'mount -t ext4 /dev/ram7 /media/private && exec sleep 100000'
	again grep -q /media/private "/proc/$(cat $conf/private)/mountinfo"
	;;
autofs) automount trigger /media/trigger indirect ;;
automounted) # a trigger that has been pulled
	mkfs.ext4 -q /dev/ram8
	automount pulled /mnt/auto direct mount -t ext4 /dev/ram8 /mnt/auto
	again grep -q ' /mnt/auto ext4 ' /proc/mounts
	;;
nfs) # the kernel's own server, told by hand what it exports: its root, numbered 0, to this machine
	mkdir -p /media/nfs $conf/export
	mount -t tmpfs export $conf/export
	cp /usr/lib/hvis-agent/busybox $conf/export/
	modprobe nfsd
	grep -q ' nfsd ' /proc/mounts || mount -t nfsd nfsd /proc/fs/nfsd
	echo 'nfsd 127.0.0.1 2147483647 here' >/proc/net/rpc/auth.unix.ip/channel
	# no_root_squash, fsid=, no_subtree_check
	echo "here $conf/export 2147483647 9216 0 0 0" >/proc/net/rpc/nfsd.export/channel
	printf '%s\n' "here 1 \\x00000000 2147483647 $conf/export" >/proc/net/rpc/nfsd.fh/channel
	echo '-2 -3' >/proc/fs/nfsd/versions || echo -3 >/proc/fs/nfsd/versions
	echo 10 >/proc/fs/nfsd/nfsv4gracetime
	echo 10 >/proc/fs/nfsd/nfsv4leasetime
	echo 'tcp 2049' >/proc/fs/nfsd/portlist
	echo 1 >/proc/fs/nfsd/threads
	mount -t nfs4 -o vers=4.1,sec=sys,hard,actimeo=1 127.0.0.1:/ /media/nfs
	park rooted unshare -m chroot /media/nfs /busybox sleep 100000
	;;
nfs-gone) echo 0 >/proc/fs/nfsd/threads ;;
nfs-end)
	end rooted
	umount -lf /media/nfs
	;;
private-end) end private ;;
autofs-end)
	umount -l /mnt/auto
	end waiter
	end trigger
	end pulled
	umount -l /media/trigger
	umount -l /mnt/auto
	;;
none)
	for dir in /media/bind-ro /mnt/sub /mnt/bind /mnt/over-disk /mnt/over-tmpfs /mnt/tmpfs /media/squash /media/ro \
		/mnt/vfat /mnt/luks /mnt/md /mnt/linear /mnt/loop2; do
		umount $dir
		rmdir $dir
	done
	losetup -d "$(cat $conf/loop2)"
	umount /mnt/loop
	again cryptsetup close hvis-luks
	again mdadm --stop /dev/md0
	again dmsetup remove hvis-linear
	for name in loop luks md1 md2 linear squash; do
		losetup -d "$(cat $conf/$name)"
	done
	rmdir /mnt/loop /mnt/auto
	;;
*) exit 2 ;;
esac
