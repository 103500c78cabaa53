# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The main job, narrated: a host and a guest talk.
. "$HVIS_CASE_LIB"
# shellcheck source=tests/vm/lib/narrate.sh
. "${HVIS_CASE_LIB%/*}/narrate.sh"

# The guest's disk, with data that a program works on.
guest "modprobe brd rd_size=65536 && modprobe -a crc32c_generic ext4 && mkfs.ext4 -q /dev/ram0 &&
	mkdir -p /srv && mount /dev/ram0 /srv" || { echo "The guest has no disk"; exit 1; }

tell "A Debian kernel is up as a guest of hvis-host; hv_kvp_daemon and hv_vss_daemon run in it."
show guest uname -r
show host ctl wait kvp --timeout 60
show host ctl services

tell "The host asks the guest what it is."
show host ctl kvp intrinsic

tell "The host sets a pair; the guest sees it with hvctl."
show host ctl kvp set Backup.Window "Sunday 02:00"
show guest hvctl kvp get Backup.Window
wanted "$(guest hvctl kvp get Backup.Window)" "Sunday 02:00"

tell "The guest sets one; the host reads it."
show guest hvctl kvp set App.State "serving 42 users"
show host ctl kvp get App.State --pool guest
wanted "$(ctl kvp get App.State --pool guest)" "serving 42 users"
show guest hvctl kvp list --pool guest

tell "The guest is alive, and has the host's time."
show host ctl heartbeat
show guest date -s "@1000000000"
show host ctl time sync
show guest date

tell "A backup by the host freezes what is on the guest's disks, and never for longer than Deadline=."
show guest cat /etc/hvis/hvis.conf
show host ctl wait vss --timeout 60
show guest hvctl vss plan

tell "The host takes a backup; its snapshot takes 2 s. A program in the guest goes on saving meanwhile, and waits."
show guest saver start /srv/data /run/saver
show host ctl backup --hold 2s
wait_for 30 guest "grep -q 'was [1-9]' /run/saver/longest"
show guest saver longest /run/saver
show guest hvctl vss history
wait_for 30 ctl kvp get HvisLastBackup --pool guest
show host ctl kvp get HvisLastBackup --pool guest

tell "A snapshot that takes too long. The guest thaws by itself, and fails the host's thaw: the host knows that its
snapshot is not consistent."
show -1 host ctl backup --hold 12s
show guest hvctl vss history

tell "Even a daemon that is killed leaves nothing frozen: its guard thaws at once, and the host's thaw fails."
ctl backup --hold 600s >backup.out 2>&1 &
backup=$!
wanted "$(wait_for 30 vss_phase frozen && echo frozen)" frozen
show guest killall -KILL hv_vss_daemon
show guest cp /etc/os-release /srv/copy
kill $backup
wait $backup 2>/dev/null
wanted "$(wait_for 30 refused 2 && echo refused)" refused
show host ctl services
guest "hv_vss_daemon </dev/null >>/var/log/hv_vss_daemon.log 2>&1 & echo \$! >>/run/daemons.pid"
wait_for 60 guest hvctl vss status
tell "A new daemon, and all is well again. (In a distribution systemd starts it.)"
show host ctl backup
show guest hvctl vss history
show guest saver stop /run/saver

tell "The host takes the service away, and gives it back. The daemon waits and goes on."
show host ctl service disable kvp
for ((i = 0; i < 50; i++)); do
	guest test -e /dev/vmbus/hv_kvp || break
	sleep 0.2
done
show -1 guest hvctl status # it says with its status that the host is not served
show host ctl service enable kvp
show host ctl wait kvp --timeout 60
show host ctl kvp get Backup.Window
show guest hvctl status

tell "The host shuts the guest down."
show host ctl shutdown --message "The demo is over"
wanted "$(host-wait 60)" 0
tell "The guest has powered off."
