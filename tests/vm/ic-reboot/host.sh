# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

booted()
{
	[ "$(guest-boots)" -ge "$1" ]
}

check "shutdown is ready" ctl wait shutdown --timeout 60
check "restart" ctl shutdown --reboot
check "the guest comes up again" wait_for 90 booted 2
check "heartbeat is ready again" ctl wait heartbeat --timeout 60
check "the guest answers" wait_for 20 ctl heartbeat
check "shutdown is ready again" ctl wait shutdown --timeout 60
check "VMBus is connected" guest "dmesg | grep 'Vmbus version'"
done_testing
