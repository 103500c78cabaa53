# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The story of ./run demo, a chapter each, for both machines that it is told on: a guest of hvis-host (the case
# tests/vm/host-demo) and this machine with "hvis-host link" (demo.sh). Who tells it has ctl, guest and show, and says
# what differs:
#   story_data, story_notes   a directory on what backups freeze, and one that is not
#   story_root                what stands before paths of the guest that the host copies to
#   story_device              where the daemon of key-value pairs has its device
#   story_too_long            longer than Deadline= of the daemon
#   story_kill_vss            kills hv_vss_daemon with SIGKILL, shown
#   story_start_vss           starts another, and waits for it
# shellcheck disable=SC2154 # those

story_pairs()
{
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
}

story_backup()
{
	show host ctl wait vss --timeout 60
	show guest hvctl vss plan
	tell "The host takes a backup; its snapshot takes 2 s. A program goes on saving meanwhile, and waits."
	guest saver start "$story_data/data" "$story_notes"
	show host ctl backup --hold 2s
	wait_for 30 guest grep -q 'was [1-9]' "$story_notes/longest"
	show guest saver longest "$story_notes"
	show guest hvctl vss history
	wait_for 30 ctl kvp get HvisLastBackup --pool guest
	show host ctl kvp get HvisLastBackup --pool guest
	tell "A snapshot that takes too long. The guest thaws by itself, and fails the host's thaw: the host knows that its
snapshot is not consistent."
	show -1 host ctl backup --hold "$story_too_long"
	show guest hvctl vss history
	story_backup_killed
	guest saver stop "$story_notes"
}

story_backup_killed()
{
	local backup

	tell "Even a daemon that is killed leaves nothing frozen: its guard thaws at once."
	ctl backup --hold 600s >/dev/null 2>&1 &
	backup=$!
	wanted "$(wait_for 30 vss_phase frozen && echo frozen)" frozen
	story_kill_vss
	show guest cp /etc/os-release "$story_data/copy"
	{
		kill $backup
		wait $backup
	} 2>/dev/null # bash tells of it
	story_start_vss
	tell "A new daemon, and all is well again. (In a distribution systemd starts it.)"
	show host ctl wait vss --timeout 60
	show host ctl backup
	show guest hvctl vss history
}

story_copy()
{
	local made

	made=$(mktemp -d) && cd "$made" && head -c 5000000 /dev/urandom >app-2.tar || exit
	show host ctl wait fcopy --timeout 60
	show host ctl copy app-2.tar /opt/app/ --create-path
	show guest sha256sum "$story_root/opt/app/app-2.tar"
	wanted "$(guest sha256sum "$story_root/opt/app/app-2.tar" | cut -d " " -f 1)" \
		"$(sha256sum <app-2.tar | cut -d " " -f 1)"
	tell "What is there is not replaced unless the host says so; and a copy that is cut off leaves nothing."
	show -1 host ctl copy app-2.tar /opt/app/
	show host ctl copy app-2.tar /opt/app/half.tar --cancel-after 2000000
	show guest ls "$story_root/opt/app"
	wanted "$(guest ls "$story_root/opt/app")" app-2.tar
	show guest hvctl fcopy history
	cd "$OLDPWD" && rm -r "$made"
}

story_device_gone()
{
	! guest test -e "$story_device"
}

story_away()
{
	tell "The host takes a service away, and gives it back. The daemon waits and goes on."
	show host ctl service disable kvp
	wait_for 30 story_device_gone
	show -1 guest hvctl status # it says with its status that the host is not served
	show host ctl service enable kvp
	show host ctl wait kvp --timeout 60
	show host ctl kvp get Backup.Window
	show guest hvctl status
}
