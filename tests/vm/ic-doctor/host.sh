# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

# finds ID [SERVICE]: among what the check finds is this, about that; what it has said is in $said
finds()
{
	said=$(guest hvctl doctor "${1%%.*}" --json)
	said_status=$?
	said=$(tr -d '\n' <<<"$said" | tr -s ' ')
	finds_it "$@"
}
finds_it()
{
	grep -q "\"id\": \"$1\",[^{}]*\"about\": ${2:+\"$2\"}[^{}]*\"do\": \"" <<<"$said"
}
# well [CHECK…]: neither a problem nor a warning
well() { guest hvctl doctor "$@"; }
# found ID DESCRIPTION [SERVICE]: within a while, for the kernel and udev take their time; and the status says so
found()
{
	wait_for 180 finds "$1" "${3-}" || echo "# $said"
	finds_it "$1" "${3-}"
	result $? "$2: $1, and says what to do"
	is "with exit status 1" "$said_status" 1
}

check "the system is up" wait_for 120 guest "systemctl is-system-running | grep -q running"
units=(hv-kvp-daemon hv-vss-daemon)
guest "systemctl cat hv-fcopy-daemon >/dev/null 2>&1" && units+=(hv-fcopy-daemon)
check "enable --now" guest systemctl enable --now "${units[@]}"
# From Linux 6.10 on: as doctor would say.
if [ ${#units[@]} -gt 2 ] && guest "[ ! -e /dev/vmbus/hv_fcopy ]"; then
	check "file copy has its driver" guest "modprobe uio_hv_generic && udevadm trigger --action=add --subsystem-match=vmbus && udevadm settle"
fi
for service in kvp vss; do
	check "$service is ready" ctl wait $service --timeout 60
done
vss_disk 0 ext4 /mnt/disk

# --- all is well ---

check "all is well" wait_for 180 well
guest hvctl doctor | sed 's/^/# /'
check "and who is not root hears that some is unknown" guest "setpriv --reuid 65534 --regid 65534 --clear-groups hvctl doctor | grep 'root sees more'"

# --- daemons ---

check "a daemon is stopped" guest systemctl stop hv-vss-daemon
found daemon.stopped "doctor finds that" vss
check "another is in its place" guest "systemctl disable --now hv-kvp-daemon && cp \$(command -v hv_kvp_daemon) /run/hypervkvpd &&
	systemd-run --unit=hypervkvpd /run/hypervkvpd --socket /run/other"
check "which takes the device" wait_for 60 ctl wait kvp --timeout 5
found daemon.held "doctor finds that" kvp
like "and says which" "$said" "*hypervkvpd (pid *"
found conflict.running "doctor finds its unit" kvp
check "back to ours" guest "systemctl stop hypervkvpd && systemctl enable --now hv-kvp-daemon hv-vss-daemon"
check "that is well" wait_for 180 well daemon conflict unit

# --- the host, and the driver ---

check "disable the service on the host" ctl service disable kvp
found offer.missing "doctor finds that" kvp
check "enable the service on the host" ctl service enable kvp
check "that is well" wait_for 180 well offer daemon
check "the driver is unloaded" guest "systemctl stop ${units[*]} && modprobe -r hv_utils"
found utils.unloaded "doctor finds that"
check "and loaded" guest "modprobe hv_utils && udevadm settle && systemctl start ${units[*]}"
check "that is well" wait_for 180 well utils device daemon

# --- files ---

check "a pool is damaged" guest "printf torn >>/var/lib/hyperv/.kvp_pool_1"
found pools.damaged "doctor finds that" kvp
check "and mended as it says" guest hvctl kvp check --repair
check "a key that does not exist" guest "mkdir -p /etc/hvis && printf '[vss]\nNonsense=1\n' >/etc/hvis/hvis.conf"
found config.wrong "doctor finds that"
check "without it" guest rm /etc/hvis/hvis.conf
check "that is well" well pools config

# --- what is frozen by somebody else ---

check "somebody freezes" guest fsfreeze --freeze /mnt/disk
check "and somebody writes" guest "(exec >/dev/null 2>&1; sh -c 'echo x >/mnt/disk/doctor') &"
found frozen.waiting "doctor finds that" vss
check "and is thawed" guest fsfreeze --unfreeze /mnt/disk
check "that is well" wait_for 180 well frozen

# --- file copy from Linux 6.10 on ---

if guest "[ -d /sys/bus/vmbus/drivers/uio_hv_generic/ ]" && [[ ${units[*]} == *fcopy* ]]; then
	# Stopped: Linux 6.12 leaves the channel open where it unbinds under somebody, and nobody can open it again.
	check "its daemon is stopped" guest systemctl stop hv-fcopy-daemon
	id=$(guest "grep -l 34d14be3 /sys/bus/vmbus/devices/*/class_id | cut -d/ -f6")
	check "file copy loses its driver" guest "echo $id >/sys/bus/vmbus/drivers/uio_hv_generic/unbind"
	found uio.unbound "doctor finds that" fcopy
	check "it gets it back" guest "echo $id >/sys/bus/vmbus/drivers/uio_hv_generic/bind && udevadm settle && systemctl start hv-fcopy-daemon"
	check "that is well" wait_for 180 well uio
fi
check "all is well" wait_for 180 well
done_testing
