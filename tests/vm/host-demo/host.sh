# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The main job, narrated: a host and a guest talk.
. "$HVIS_CASE_LIB"
# shellcheck source=tests/vm/lib/narrate.sh
. "${HVIS_CASE_LIB%/*}/narrate.sh"
# shellcheck source=tests/vm/lib/story.sh
. "${HVIS_CASE_LIB%/*}/story.sh"

# shellcheck disable=SC2034 # for story.sh
{
	story_root=
	story_data=/srv
	story_notes=/run/saver
	story_device=/dev/vmbus/hv_kvp
	story_too_long=12s
}

story_kill_vss()
{
	show guest killall -KILL hv_vss_daemon
}

story_start_vss()
{
	# the host's thaw, which failed
	wanted "$(wait_for 30 refused 2 && echo refused)" refused
	guest "hv_vss_daemon </dev/null >>/var/log/hv_vss_daemon.log 2>&1 & echo \$! >>/run/daemons.pid"
	wait_for 60 guest hvctl vss status
}

# The guest's disk, with data that a program works on.
guest "modprobe brd rd_size=65536 && modprobe -a crc32c_generic ext4 && mkfs.ext4 -q /dev/ram0 &&
	mkdir -p /srv && mount /dev/ram0 /srv" || { echo "The guest has no disk"; exit 1; }

tell "A Debian kernel is up as a guest of hvis-host; hvis's three daemons run in it."
show guest uname -r
show host ctl wait kvp --timeout 60
show host ctl services
story_pairs

tell "The guest is alive, and has the host's time."
show host ctl heartbeat
show guest date -s "@1000000000"
show host ctl time sync
show guest date

tell "A backup by the host freezes what is on the guest's disks, and never for longer than Deadline=."
show guest cat /etc/hvis/hvis.conf
story_backup

tell "The host copies a file into the guest. It is there whole, or not at all."
story_copy
story_away

tell "Is all well? An administrator asks one command."
show guest hvctl doctor

tell "The host shuts the guest down."
show host ctl shutdown --message "The demo is over"
wanted "$(host-wait 60)" 0
tell "The guest has powered off."
