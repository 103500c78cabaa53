# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

unit=hv-kvp-daemon.service
pools=/var/lib/hyperv

# owners: of the pool files, each once
owners() { guest "stat -c %U:%G $pools/.kvp_pool_? | sort -u | xargs"; }
# of_daemon FIELD: of /proc/PID/status
of_daemon() { guest "sed -n 's/^$1:[[:space:]]*//p' /proc/\$(systemctl show -P MainPID $unit)/status"; }
# fqdn NAME: does the host see it?
fqdn() { [ "$(ctl kvp get FullyQualifiedDomainName --pool auto)" = "$1" ]; }

device_is()
{
	[ "$(guest stat -c %U:%G:%a /dev/vmbus/hv_kvp)" = "$1" ]
}

is "the system is up without a failed unit" "$(guest systemctl --failed --no-legend)" ""
check "sysusers has made the daemon's user" guest id hvis-kvp
check "udev has given it the device" wait_for 60 device_is root:hvis-kvp:660
is "tmpfiles has made the pools, for root" "$(owners)" root:root
guest "touch -d '2001-02-03 04:05:06 UTC' $pools/.kvp_pool_1"

check "enable --now" guest systemctl enable --now $unit
check "it is active" wait_for 30 guest systemctl is-active $unit
check "kvp is ready" ctl wait kvp --timeout 60
like "its status" "$(guest systemctl show -P StatusText $unit)" "Ready: protocol *"
like "intrinsic keys" "$(ctl kvp get OSName --pool auto)" "Debian*"
check "hvctl status" guest hvctl status
check "a pair" ctl kvp set Unit systemd
is "hvctl shows it" "$(guest hvctl kvp get Unit)" systemd

# --- whom it runs as ---

is "it runs as its own user" "$(guest "ps -o user= -p \$(systemctl show -P MainPID $unit)")" hvis-kvp
for set in CapInh CapPrm CapEff CapBnd CapAmb; do
	is "no capability in $set" "$(of_daemon $set)" 0000000000000000
done
is "a filter of system calls" "$(of_daemon Seccomp)" 2
is "no new privileges" "$(of_daemon NoNewPrivs)" 1
is "the pools are its" "$(owners)" hvis-kvp:hvis-kvp
is "the directory is not" "$(guest stat -c %U:%G:%a $pools)" root:root:755
is "the directory of the sockets is not" "$(guest stat -c %U:%G:%a /run/hvis)" root:root:755
is "nothing has touched pool 1" "$(guest stat -c %Y $pools/.kvp_pool_1)" 981173106
check "root writes through the socket" guest hvctl kvp set FromRoot yes
is "and the host reads it" "$(ctl kvp get FromRoot --pool guest)" yes

# --- the name, for which it has no network ---

guest "hostname guest && echo 127.0.1.1 guest.example.org guest >>/etc/hosts"
check "reload" guest systemctl reload $unit
check "the host sees the full name" wait_for 60 fqdn guest.example.org

# --- the journal ---

check "the catalog is taken" guest journalctl --update-catalog
like "an entry has its fields" "$(guest "journalctl -u $unit -o json SYSLOG_IDENTIFIER=hv_kvp_daemon HVIS_SERVICE=kvp")" \
	'*"MESSAGE_ID":"287cfd58516748b49932db852caf1f08"*'
like "and an explanation" "$(guest "journalctl -u $unit -x")" "*Subject: The Hyper-V host is served*"

# --- the clock ---

entries=$(guest "journalctl -u $unit -o cat | wc -l")
guest "date -s '+10 years'"
check "ten years later: a pair" ctl kvp set Clock future
guest "date -s '-20 years'"
check "ten years ago: a pair" ctl kvp set Clock past
is "is stored" "$(guest hvctl kvp get Clock)" past
guest "date -s '+10 years'"
is "it was not restarted" "$(guest systemctl show -P NRestarts $unit)" 0
is "and had nothing to say about it" "$(guest "journalctl -u $unit -o cat | wc -l")" "$entries"

# --- the device goes and comes ---

check "disable the service on the host" ctl service disable kvp
check "the unit stops" wait_for 30 guest "! systemctl is-active $unit"
is "it has not failed" "$(guest systemctl --failed --no-legend)" ""
is "the pools are root's again" "$(owners)" root:root
check "root without capabilities, as another daemon may be, can write them" \
	guest "setpriv --bounding-set=-all --inh-caps=-all sh -c ': >>$pools/.kvp_pool_0'"
check "enable the service on the host" ctl service enable kvp
check "the unit comes back" wait_for 120 guest systemctl is-active $unit
check "kvp is ready" ctl wait kvp --timeout 60
is "the pair is still there" "$(ctl kvp get Unit)" systemd
check "stop" guest systemctl stop $unit
check "start" guest systemctl start $unit
check "kvp is ready" ctl wait kvp --timeout 60
is "nothing of all this is a warning" "$(guest "journalctl -b -p warning --no-hostname | grep -i 'hv[-_]kvp\|hvis'")" ""
guest systemctl kill -s KILL $unit
check "killed, it comes back" wait_for 30 ctl kvp get Unit
check "remove the pair" ctl kvp remove Unit

# --- where the device cannot be given to a user ---

guest "mkdir -p /etc/systemd/system/$unit.d &&
	printf '[Service]\nUser=root\nGroup=root\nExecStartPre=\nRuntimeDirectory=hvis\nRuntimeDirectoryPreserve=yes\n' >/etc/systemd/system/$unit.d/root.conf &&
	systemctl daemon-reload && systemctl restart $unit"
check "as root, by a drop-in: kvp is ready" ctl wait kvp --timeout 60
check "as root: a pair" ctl kvp set Root yes
is "as root: hvctl shows it" "$(guest hvctl kvp get Root)" yes
is "its sandbox holds" "$(guest systemctl --failed --no-legend)" ""
done_testing
