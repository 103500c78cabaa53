# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The backup in ./run demo --link. It freezes a real file system, and this is somebody's machine: so it is one in a
# file of the demo's own, mounted where nobody else sees it; the daemon looks at a made-up machine that has nothing
# but it, and its helpers are those of the tests, which touch only the device that they are given and never what the
# machine runs from. Where root or a loop device is missing the story goes without.

# Goes into a mount namespace of the demo's own, if it can: starts ./run anew inside.
demo_enter()
{
	[ -z "${HVIS_DEMO_INSIDE:-}" ] || return 0
	if [ $EUID -eq 0 ] && unshare -m --propagation private true 2>/dev/null; then
		HVIS_DEMO_INSIDE=1 exec unshare -m --propagation private "$top/run" demo --link
	fi
}

# demo_disk DIR: a file system at DIR/srv. What is missing for it is in demo_without.
demo_disk()
{
	local dir=$1

	demo_without="root, for only root can freeze"
	[ -n "${HVIS_DEMO_INSIDE:-}" ] || return
	demo_without="mkfs.ext4"
	command -v mkfs.ext4 >/dev/null || return
	demo_without="a loop device"
	truncate -s 32M "$dir/disk" && mkfs.ext4 -q "$dir/disk" && mkdir "$dir/srv" &&
		mount -o loop "$dir/disk" "$dir/srv" 2>/dev/null || return
	demo_without=
}

# demo_machine DIR BUILD: below DIR/root, as the daemon shall see it.
demo_machine()
{
	local root=$1/root build=$2

	mkdir -p "$root/proc/1/ns" "$root/proc/$$/ns" "$root/etc/hvis" "$root/run/hvis" "$root/var/lib/hyperv" \
		"$root/usr/bin"
	ln -s /sys "$root/sys"
	ln -s "$build/hvctl/hvctl" "$root/usr/bin/hvctl"
	ln -s 'mnt:[1]' "$root/proc/1/ns/mnt"
	ln -s 'mnt:[2]' "$root/proc/$$/ns/mnt"
	echo '1 0 0:2 / / rw - tmpfs none rw' >"$root/proc/1/mountinfo"
	grep -F " $1/srv " /proc/self/mountinfo >"$root/proc/$$/mountinfo"
	printf '[vss]\nDeadline=8s\nHooks=no\n' >"$root/etc/hvis/hvis.conf"
}

demo_vss_start()
{
	local dir=$1 build=$2

	HVIS_VSS_PROVE_DEVICES=$(mountpoint -d "$dir/srv") SYSTEMD_EXEC_PID=0 \
		"$build/vssd/hv_vss_daemon" --device "$dir/dev/hv_vss" --root "$dir/root" --socket "$dir/vss" \
		--marker "$dir/vss.frozen" --programs "$build/tests/integration" --prefix vss- >>"$dir/daemon.log" 2>&1 &
	demo_vss=$!
	demo_pids+=" $!"
	demo_wait "$dir/vss"
}

# The last thing, whatever has happened: by hand, before the mount goes away.
demo_thaw()
{
	mountpoint -q "$1/srv" || return
	fsfreeze --unfreeze "$1/srv" 2>/dev/null
	umount "$1/srv" 2>/dev/null || umount --lazy "$1/srv"
}

# For story.sh.
story_kill_vss()
{
	{
		show guest kill -KILL "$demo_vss"
		wait "$demo_vss"
	} 2>/dev/null # bash tells of it
}

story_start_vss()
{
	demo_vss_start "$demo_dir" "$build"
}

demo_backup_story()
{
	tell "A backup by the host freezes what is on the disks, and never for longer than Deadline=, here 8 s. (This one
freezes a file of the demo's own, and nothing of this machine.)"
	story_backup
}
