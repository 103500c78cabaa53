# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

disks=/case/${HVIS_CASE##*/}/disks.sh
state=/var/lib/hvis/fcopy

# same FILE PATH: has the guest there what was sent?
same() { [ "$(guest "sha256sum <'$2'" | cut -d ' ' -f 1)" = "$(sha256sum <"$1" | cut -d ' ' -f 1)" ]; }
# holds DIR NAME…: these and nothing else
holds()
{
	fcopy_there=$(guest "ls -A $1" | sort | xargs)
	[ "$fcopy_there" = "${*:2}" ] || {
		echo "$1 has: $fcopy_there"
		return 1
	}
}
notes() { guest "ls -A $state | grep -c unfinished"; }
noted() { [ "$(notes)" != 0 ]; }
start() { guest "pidof hv_fcopy_daemon || { mkdir -p $state /run/hvis; hv_fcopy_daemon >>/var/log/hv_fcopy_daemon.log 2>&1 & }"; }
serves() { ctl copy probe /run/first --overwrite; }

head -c 20000 /dev/urandom >probe
head -c 50000 /dev/urandom >second
head -c 8000000 /dev/urandom >large
check "drivers" guest "sh $disks drivers"
check "fcopy is ready" ctl wait fcopy --timeout 60
check "our daemon runs" start
check "and serves" wait_for 60 serves

for name in vfat extentless f2fs ramfs overlay nfs; do
	at=/mnt/$name
	check "$name" guest "sh $disks $name"
	guest "rm -rf $at/lost+found"
	check "$name: a file" ctl copy probe $at/file
	check "$name: is there" same probe $at/file
	refuse "$name: not a second time" 1 ctl copy second $at/file
	check "$name: unless it is to be replaced" ctl copy second $at/file --overwrite
	check "$name: by the other one" same second $at/file
	check "$name: directories" ctl copy probe $at/a/b/größe --create-path
	check "$name: and a file in them" same probe "$at/a/b/größe"
	check "$name: nothing else is there" holds $at a file
	is "$name: nothing is noted" "$(notes)" 0
	case $name in
	vfat) fails "$name: a name that it does not take" ctl copy probe "$at/a*b" ;;
	*) is "$name: mode and owner" "$(guest "stat -c '%a %u:%g' $at/file")" "644 0:0" ;;
	esac
	check "$name: nothing is left of that" holds $at a file
done

# --- killed, where a file has a name before it is whole ---

for name in vfat overlay nfs; do
	at=/mnt/$name
	check "$name: a fragment takes its time" ctl fault add delay:packet/fcopy:after=20,count=1,time=10000
	ctl copy large $at/large >copy.out 2>&1 &
	copy=$!
	check "$name: a copy is under way" wait_for 60 noted
	check "$name: the daemon is killed" guest killall -KILL hv_fcopy_daemon
	check "$name: it is gone" wait_for 30 guest '! pidof hv_fcopy_daemon'
	wait $copy
	check "$name: no more faults" ctl fault clear
	like "$name: a part of it is there, under another name" "$(guest "ls -A $at")" "*.hvis-fcopy-*"
	check "$name: the next daemon" start
	check "$name: serves" wait_for 60 serves
	check "$name: nothing is left" wait_for 30 holds $at a file
	is "$name: nor noted" "$(notes)" 0
done
check "the file systems go" guest "sh $disks none"
done_testing
