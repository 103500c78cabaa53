# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # of vssd-link.sh
#
# Copies of the disks below frozen file systems, as a host takes them, and whether what is on them is in order
# without a replay of its journal. Sourced behind vssd-link.sh.

# begin SECONDS: a backup in the background, once all is frozen. Fails where it ends before.
begin()
{
	"$host" ctl "$scratch/host.sock" backup --hold "$1" >"$scratch/backup" 2>&1 &
	backup=$!
	until frozen; do
		kill -0 "$backup" 2>/dev/null || return 1
		sleep 0.1
	done
}

# still: a backup; all is frozen, and stays so until go_on: for as long as the host is stopped it asks for no thaw.
still()
{
	local seconds
	for seconds in 5 5 20 20 80; do
		begin "$seconds" || continue
		kill -STOP "$link_pid"
		sleep 0.5 # a thaw that was under way is over then
		[ ! -e "$marker" ] || return 0
		kill -CONT "$link_pid"
		wait "$backup"
	done
	return 1
}

# go_on: the end of that backup. Fails where it was over before, or where the host was told that it has failed.
go_on()
{
	local still=1
	[ -e "$marker" ] || still=0
	kill -CONT "$link_pid"
	wait "$backup" && [ "$still" = 1 ]
}

# copy NAME TO: of the disk of file system NAME, all that has reached it
copy()
{
	cp --sparse=always "$scratch/$1.img" "$2"
}

# in_order TYPE IMAGE: a checker that changes nothing finds nothing
in_order()
{
	case $1 in
	ext4) e2fsck -fn "$2" ;;
	xfs) xfs_in_order "$2" ;;
	btrfs) btrfs check --readonly "$2" ;;
	esac
}

# The superblock's own counts may be old: a mount counts anew, replay or not. Other than that, and what it does, there is
# nothing that it says.
xfs_in_order()
{
	local said
	said=$(xfs_repair -n "$1" 2>&1) && return
	! grep -vE '^(sb_(fdblocks|icount|ifree) [0-9]+, counted [0-9]+|Phase [1-7]|No modify flag set|Cannot get host|Repair may|the image and|ALERT: The filesystem has valuable|ignored because|which may be)|^ +- ' <<<"$said"
}

# needs_replay TYPE IMAGE: whether a mount would take anything from the journal. In that of a frozen XFS there is its
# superblock, for the next mount to look for files that were removed while they were open: that alone changes nothing.
needs_replay()
{
	local items
	case $1 in
	ext4) dumpe2fs -h "$2" 2>/dev/null | grep -q needs_recovery ;;
	xfs)
		items=$(xfs_logprint -t "$2" 2>/dev/null)
		[ "$(grep -cE '^[A-Z]+: *cnt:' <<<"$items")" != "$(grep -c 'SUPER Block Buffer' <<<"$items")" ]
		;;
	btrfs) ! btrfs inspect-internal dump-super "$2" | grep -qE '^log_root[[:space:]]+0$' ;;
	esac
}

# read_only TYPE IMAGE COMMAND…: called with the folder where what the image holds without any replay is to be seen
read_only()
{
	local type=$1 image=$2 at=$scratch/read status
	shift 2
	mkdir -p "$at"
	case $type in
	ext4) mount -o loop,ro,noload "$image" "$at" ;;
	xfs) mount -o loop,ro,norecovery,nouuid "$image" "$at" ;;
	btrfs) btrfs restore "$image" "$at" >/dev/null ;; # the kernel would take it for a part of the one that it has
	esac || return
	"$@" "$at"
	status=$?
	if [ "$type" = btrfs ]; then rm -rf "$at"; else umount "$at"; fi
	return $status
}
