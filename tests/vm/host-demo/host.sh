# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# The main job, narrated: a host and a guest talk.
# shellcheck source=tests/vm/lib/narrate.sh
. "${HVIS_CASE_LIB%/*}/narrate.sh"

tell "A Debian kernel is up as a guest of hvis-host; hv_kvp_daemon runs in it."
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
