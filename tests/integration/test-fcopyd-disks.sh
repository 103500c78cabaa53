#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # functions that check calls
#
# Copies to real file systems: what each of them can do, and what is said where it cannot.
# shellcheck source=tests/integration/fcopy-disks.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/integration/fcopy-disks.sh"

source=$scratch/source
head -c 100000 /dev/urandom >"$source"
sum=$(sha256sum <"$source")
sum=${sum%% *}

# send [OPTION…] PATH NAME: what fcopy-put says of it
send()
{
	"$put" "${@:1:$#-2}" "$state" "${@: -2}" <"$source"
}

# nothing DIR: there is nothing in it, and no note
nothing()
{
	[ -z "$(names "$1")" ] && [ -z "$(names "$state")" ]
}

# only FILE: it is as it was sent, and the only one in its directory
only()
{
	cmp "$1" "$source" && [ "$(names "${1%/*}")" = "${1##*/}" ] && [ -z "$(names "$state")" ]
}

fresh()
{
	dir=$at/in
	rm -rf "$dir"
	mkdir "$dir"
}

# copies OPTION…: what every file system does
copies()
{
	local with=$type${1:+ with $*}

	fresh
	is "$with: a copy" "$(send "$@" "$dir/" new)" "done $sum"
	check "$with: it is there" only "$dir/new"
	is "$with: with mode and owner" "$(stat -c '%a %u:%g' "$dir/new")" "644 0:0"
	like "$with: not a second time" "$(send "$@" "$dir/" new)" "80070050 $dir/new: is there already"
	echo old >"$dir/new"
	exec 5<"$dir/new"
	is "$with: unless it is to be replaced" "$(send "$@" --overwrite "$dir/" new)" "done $sum"
	check "$with: by the new one" only "$dir/new"
	is "$with: and the old one is as it was" "$(cat <&5)" old
	exec 5<&-
	fresh
	is "$with: directories on the way" "$(send "$@" --create "$dir/a/b/c/" new)" "done $sum"
	check "$with: are made" only "$dir/a/b/c/new"
	fresh
	like "$with: one that is missing" "$(send "$@" "$dir/a/" new)" "80004005 $dir/a/: there is no directory a"
	check "$with: is not made" nothing "$dir"
	like "$with: more has been said than has come" "$(send "$@" --size 100001 "$dir/" new)" \
		"80070057 $dir/new: 1 of 100001 bytes have not come"
	check "$with: nothing is there" nothing "$dir"
	like "$with: more comes than has been said" "$(send "$@" --size 99999 "$dir/" new)" "80070057 $dir/new: *"
	check "$with: nothing is there then" nothing "$dir"
	like "$with: none as large" "$(send "$@" --size 1000000000000 "$dir/" new)" "80070070 $dir/new: it needs 931.3 GiB, and there is room for *"
	check "$with: leaves nothing" nothing "$dir"
	like "$with: Reserve=" "$(send "$@" --config Reserve=500M "$dir/" new)" "80070070 $dir/new: it needs *, and there is room for *, since Reserve= keeps 500.0 MiB free"
}

# full OPTION…: the disk is full at each of the 17 writes
full()
{
	local n wrong=0

	fresh
	for n in {1..17}; do
		[[ $(send "$@" --full-at "$n" "$dir/" new) = "80070070 "* ]] && nothing "$dir" || wrong=$((wrong + 1))
	done
	is "$type${1:+ with $*}: full at each write" $wrong 0
}

# nearly_full: a disk that is full but for less than the file; its room is asked for before anything is sent
nearly_full()
{
	fresh
	head -c 1G /dev/zero >"$at/filler" 2>/dev/null
	sync -f "$at"
	like "$type: a full disk" "$(send "$dir/" new)" "80070070 $dir/new: *"
	check "$type: has nothing of it" nothing "$dir"
	rm "$at/filler"
}

attributes()
{
	fresh
	if ! chattr +i "$dir" 2>/dev/null; then
		skip "$type: chattr" "not on this file system"
		return
	fi
	like "$type: immutable directory" "$(send "$dir/" new)" "80004005 $dir/: its directory is immutable (chattr)"
	like "$type: one to be made in it" "$(send --create "$dir/more/" new)" "80004005 $dir/more/: make a directory: *"
	chattr -i "$dir"
	check "$type: has nothing" nothing "$dir"
	echo old >"$dir/new"
	chattr +a "$dir"
	like "$type: append-only directory" "$(send --overwrite "$dir/" new)" "80004005 $dir/: its directory is append-only*"
	chattr -a "$dir"
	chattr +i "$dir/new"
	like "$type: immutable file" "$(send --overwrite "$dir/" new)" "80004005 $dir/new: is immutable (chattr), and not replaced"
	chattr -i "$dir/new"
	is "$type: is as it was" "$(cat "$dir/new")" old
}

# read_only: three who can keep a file system so are told apart
read_only()
{
	fresh
	mkdir -p "$scratch/bind"
	mount --bind "$dir" "$scratch/bind"
	mount -o remount,bind,ro "$scratch/bind"
	like "$type: protected" "$(send "$scratch/bind/" new)" \
		"80004005 $scratch/bind/new: make a file: protected by the service's unit; *systemctl edit*ReadWritePaths=$scratch/bind in*"
	like "$type: protected from new directories" "$(send --create "$scratch/bind/a/" new)" \
		"80004005 $scratch/bind/a/: make a directory: protected by the service's unit*"
	umount "$scratch/bind"
	check "$type: has nothing new" nothing "$dir"
	if mount -o remount,ro "$at" 2>/dev/null; then
		like "$type: read-only" "$(send "$dir/" new)" "80004005 $dir/new: make a file: the file system is read-only"
		mount -o remount,rw "$at"
	fi
}

for type in ext4 xfs btrfs tmpfs overlay vfat; do
	at=$scratch/m-$type
	if ! add $type; then
		skip "$type" "cannot be made or mounted here"
		continue
	fi
	copies
	[ $type = vfat ] || copies --no-unnamed
	full
	full --no-unnamed
	attributes
	read_only
	case $type in
	tmpfs | ext4) nearly_full ;;
	esac
done

# A file that is mounted on, which no name can be taken from.
type=tmpfs at=$scratch/m-tmpfs
fresh
echo old >"$dir/new"
mount --bind "$source" "$dir/new"
like "a mount point" "$(send --overwrite "$dir/" new)" "80004005 $dir/new: is a mount point, and not replaced"
umount "$dir/new"

# Quotas of a directory count for root, too.
at=$scratch/m-quota
mkdir "$at"
if truncate -s 320M "$scratch/quota.img" && mkfs.xfs -q "$scratch/quota.img" 2>/dev/null &&
	mount -o loop,prjquota "$scratch/quota.img" "$at" 2>/dev/null && mkdir "$at/in" &&
	xfs_quota -x -c "project -s -p $at/in 42" -c "limit -p bhard=64k 42" "$at" >/dev/null 2>&1; then
	dir=$at/in
	like "quota: it is a full disk" "$(send "$dir/" new)" "80070070 $dir/new: *"
	check "quota: nothing is left" nothing "$dir"
else
	skip "quota" "no project quotas of xfs here"
fi
done_testing
