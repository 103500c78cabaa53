# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

booted()
{
	[ "$(guest-boots)" -ge "$1" ]
}

check "heartbeat is ready" ctl wait heartbeat --timeout 60
guest "echo c >/proc/sysrq-trigger"
crashed()
{
	grep "the guest crashed" "$HVIS_SESSION/host.log"
}
check "the host tells of the panic" wait_for 30 crashed
if [ "$HVIS_SYNIC" = user ]; then
	check "in the guest's own words" grep "sysrq triggered crash" "$HVIS_SESSION/host.log"
fi
check "the guest comes up again" wait_for 60 booted 2
check "and connects again" ctl wait heartbeat --timeout 60
done_testing
