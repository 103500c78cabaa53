# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

unit=hv-kvp-daemon.service
is "the system is up without a failed unit" "$(guest systemctl --failed --no-legend)" ""
check "enable --now" guest systemctl enable --now $unit
check "it is active" wait_for 30 guest systemctl is-active $unit
check "kvp is ready" ctl wait kvp --timeout 60
like "intrinsic keys" "$(ctl kvp get OSName --pool auto)" "Debian*"
check "hvctl status" guest hvctl status
check "a pair" ctl kvp set Unit systemd
is "hvctl shows it" "$(guest hvctl kvp get Unit)" systemd
check "disable the service on the host" ctl service disable kvp
check "the unit stops" wait_for 30 guest "! systemctl is-active $unit"
is "it has not failed" "$(guest systemctl --failed --no-legend)" ""
check "enable the service on the host" ctl service enable kvp
check "the unit comes back" wait_for 30 guest systemctl is-active $unit
check "kvp is ready" ctl wait kvp --timeout 60
is "the pair is still there" "$(ctl kvp get Unit)" systemd
check "stop" guest systemctl stop $unit
check "start" guest systemctl start $unit
check "kvp is ready" ctl wait kvp --timeout 60
guest systemctl kill -s KILL $unit
check "killed, it comes back" wait_for 30 ctl kvp get Unit
check "remove the pair" ctl kvp remove Unit
is "its sandbox holds" "$(guest systemctl --failed --no-legend)" ""
done_testing
