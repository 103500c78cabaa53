# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
# root/ has the unit wanted by multi-user.target, so this boot has been through it.
. "$HVIS_CASE_LIB"

unit=hv-kvp-daemon.service
is "no failed unit after boot" "$(systemctl --failed --no-legend)" ""
is "no job waits" "$(systemctl list-jobs --no-legend)" ""
is "the unit was asked for and said no" "$(systemctl show -P ConditionResult $unit)" no
check "enable, the real way" systemctl enable $unit
before=$(cut -d. -f1 /proc/uptime)
systemctl start $unit
check "a start by hand does not wait" test $(($(cut -d. -f1 /proc/uptime) - before)) -lt 10
refuse "and the service is inactive, not failed" 3 systemctl is-active $unit
is "still no failed unit" "$(systemctl --failed --no-legend)" ""
is "nothing of it is a warning" "$(journalctl -b -p warning --no-hostname | grep -i 'hv[-_]kvp\|hvis')" ""
check "the system is running" systemctl is-system-running
done_testing
