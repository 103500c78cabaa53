# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

unit=hv-vss-daemon.service

# of_daemon FIELD: of /proc/PID/status
of_daemon() { guest "sed -n 's/^$1:[[:space:]]*//p' /proc/\$(systemctl show -P MainPID $unit)/status"; }
# has_message ID: is it in the journal? Of a process that ends at once journald may no longer know the unit.
has_message() { guest "journalctl -o cat --since '@$begin' MESSAGE_ID=$1 | grep -q ."; }
# warnings: of the daemon and its unit, since this case has begun
warnings() { guest "journalctl --since '@$begin' -p warning --no-hostname | grep -i 'hv[-_]vss'"; }
active() { guest systemctl is-active $unit; }
# told RESULT: whether the host reads that of the last backup
told() { ctl kvp get HvisLastBackup --pool guest | grep -qF "\"result\":\"$1\""; }

begin=$(guest date +%s)
check "vss is ready" ctl wait vss --timeout 60
is "the system is up without a failed unit" "$(guest systemctl --failed --no-legend)" ""
vss_disk 0 ext4 /mnt/disk
vss_disk 1 ext4 /var/log/journal
check "the journal goes to a disk" guest systemctl restart systemd-journald
check "the catalog is taken" guest journalctl --update-catalog

check "no deadline in the way" guest "mkdir -p /etc/hvis && printf '[vss]\nDeadline=10min\n' >/etc/hvis/hvis.conf"
check "enable --now" guest systemctl enable --now $unit
check "it is active" wait_for 30 active
check "a backup" wait_for 30 ctl backup --hold 0.1
is "its status" "$(guest systemctl show -P StatusText $unit)" "Serving the host"

# --- whom it runs as ---

is "its mounts are the system's" "$(guest "readlink /proc/\$(systemctl show -P MainPID $unit)/ns/mnt")" \
	"$(guest readlink /proc/1/ns/mnt)"
for set in CapPrm CapEff CapBnd; do
	is "two capabilities in $set" "$(of_daemon $set)" 0000000000200004
done
is "no capability in CapAmb" "$(of_daemon CapAmb)" 0000000000000000
is "a filter of system calls" "$(of_daemon Seccomp)" 2
is "no new privileges" "$(of_daemon NoNewPrivs)" 1
is "the last to be killed for memory" "$(guest "cat /proc/\$(systemctl show -P MainPID $unit)/oom_score_adj")" -1000

# --- a backup, with the journal on what is frozen ---

restarts=$(guest systemctl show -P NRestarts $unit)
check "held for longer than the watchdog's time it is a success" ctl backup --hold 40
is "it was not restarted" "$(guest systemctl show -P NRestarts $unit)" "$restarts"
check "the journal has it" wait_for 60 has_message ebc09645944047acbc81a4425b2412b4
like "with an explanation" "$(guest "journalctl -u $unit -x")" "*Subject: File systems were frozen for a backup, and thawed*"
is "nothing of all this is a warning" "$(warnings)" ""
check "hv_kvp_daemon runs" guest systemctl start hv-kvp-daemon.service
check "kvp is ready" ctl wait kvp --timeout 60
check "the host reads that it was well" wait_for 120 told ok

# --- killed, and stopped ---

vss_hold
check "all of it is killed" guest systemctl kill -s KILL $unit
check "the unit thaws" wait_for 60 vss_wrote
vss_ended killed
check "the journal has it" wait_for 60 has_message 2166e336b55d4df3bd6d24bb808ff901
check "the unit comes back" wait_for 60 active
check "a backup" wait_for 60 ctl backup --hold 0.1

vss_hold
check "the daemon alone is killed" guest systemctl kill --kill-who=main -s KILL $unit
check "the guard thaws" wait_for 60 vss_wrote
vss_ended killed
check "the unit comes back" wait_for 60 active
check "a backup" wait_for 60 ctl backup --hold 0.1

vss_hold
check "it is stopped" guest systemctl stop $unit
check "and thaws" wait_for 60 vss_wrote
vss_ended stopped
check "as the host reads" wait_for 120 told aborted
is "that is no failure" "$(guest systemctl --failed --no-legend)" ""
check "the marker is gone" guest test ! -e /run/hvis/vss.frozen

# --- what only another namespace has, and a sandbox ---

check "start" guest systemctl start $unit
check "a container has a disk of its own" guest "mkfs.ext4 -q /dev/ram2 && mkdir -p /opt/inner &&
	(unshare -m sh -c 'mount -t ext4 /dev/ram2 /opt/inner && echo \$\$ >/run/container && exec sleep 1000' >/dev/null 2>&1 &)"
check "it is up" wait_for 30 guest test -s /run/container
check "a backup" ctl backup --hold 0.1
like "with the container's disk" "$(guest hvctl vss history --lines 1 --json | tr -d ' \n')" \
	'*"mount":"/opt/inner","sync_us":[0-9]*,"freeze_at_us":[0-9]*'
check "which can be written to" guest "nsenter -m -t \$(cat /run/container) timeout 20 sh -c 'echo >/opt/inner/probe'"
check "by a unit that ends" wait_for 30 guest "! systemctl list-units --all --no-legend | grep 'Open a file system of a container'"
check "a container that hides its disk" guest "nsenter -m -t \$(cat /run/container) mount -t tmpfs none /opt/inner"
check "a backup without it" ctl backup --hold 0.1
check "the journal names it" wait_for 60 has_message e68d1ef86db94c3e9b2e023ad9ad6d6e
check "a drop-in hides a disk" guest "mkdir -p /etc/systemd/system/$unit.d &&
	printf '[Service]\nInaccessiblePaths=/mnt/disk\n' >/etc/systemd/system/$unit.d/hide.conf &&
	systemctl daemon-reload && systemctl restart $unit"
check "the journal says so" wait_for 60 has_message e460842cf4cf4939971cf304d69f4a9d
like "which is a warning" "$(warnings)" "*a sandbox hides it*"
fails "and there is no backup" ctl backup
check "without it" guest "rm /etc/systemd/system/$unit.d/hide.conf && systemctl daemon-reload && systemctl restart $unit"
check "a backup" wait_for 30 ctl backup --hold 0.1

# --- the device goes and comes ---

check "disable the service on the host" ctl service disable vss
check "the unit stops" wait_for 30 guest "! systemctl is-active $unit"
is "it has not failed" "$(guest systemctl --failed --no-legend)" ""
check "enable the service on the host" ctl service enable vss
check "the unit comes back" wait_for 60 active
check "a backup" wait_for 60 ctl backup --hold 0.1
done_testing
