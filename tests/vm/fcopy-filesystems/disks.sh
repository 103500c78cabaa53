#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# The guest's file systems: disks.sh NAME mounts one at /mnt/NAME, in the guest's memory; "drivers" comes first.
set -e
at=/mnt/$1
[ "$1" = drivers ] || mkdir -p "$at"
case $1 in
drivers) # the kernel finds no program here that would load them
	modprobe brd rd_size=65536
	modprobe -a crc32c_generic crc32_generic ext4 f2fs vfat nls_cp437 nls_ascii overlay nfsv4 nfsd
	;;
vfat)
	busybox mkdosfs /dev/ram4
	mount -t vfat /dev/ram4 "$at"
	;;
extentless) # nothing can be reserved
	mkfs.ext4 -q -O ^extents,^64bit,^has_journal /dev/ram5
	mount -t ext4 /dev/ram5 "$at"
	;;
f2fs)
	mkfs.f2fs -q /dev/ram6
	mount -t f2fs /dev/ram6 "$at"
	;;
ramfs) mount -t ramfs ramfs "$at" ;;
overlay) # without unnamed files up to Linux 6.2
	mkdir -p /run/layers
	mount -t tmpfs layers /run/layers
	mkdir /run/layers/lower /run/layers/upper /run/layers/work
	mount -t overlay -o lowerdir=/run/layers/lower,upperdir=/run/layers/upper,workdir=/run/layers/work overlay "$at"
	;;
nfs) # the kernel's own server, told by hand what it exports: its root, numbered 0, to this machine
	mkdir -p /run/export
	mount -t tmpfs export /run/export
	mount -t nfsd nfsd /proc/fs/nfsd
	echo 'nfsd 127.0.0.1 2147483647 fcopy' >/proc/net/rpc/auth.unix.ip/channel
	# no_root_squash, fsid=, no_subtree_check
	echo "fcopy /run/export 2147483647 9216 0 0 0" >/proc/net/rpc/nfsd.export/channel
	printf '%s\n' "fcopy 1 \\x00000000 2147483647 /run/export" >/proc/net/rpc/nfsd.fh/channel
	echo '-2 -3' >/proc/fs/nfsd/versions || echo -3 >/proc/fs/nfsd/versions
	echo 10 >/proc/fs/nfsd/nfsv4gracetime
	echo 10 >/proc/fs/nfsd/nfsv4leasetime
	echo 'tcp 2049' >/proc/fs/nfsd/portlist
	echo 1 >/proc/fs/nfsd/threads
	mount -t nfs4 -o vers=4.1,sec=sys,hard,actimeo=1 127.0.0.1:/ "$at"
	;;
none)
	for name in vfat extentless f2fs ramfs overlay nfs; do
		umount -l /mnt/$name || :
	done
	echo 0 >/proc/fs/nfsd/threads
	umount -l /run/export /run/layers
	;;
esac
