# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

booted()
{
	[ "$(guest-boots)" -ge "$1" ]
}

for boot in 2 3; do
	check "kvp is ready" ctl wait kvp --timeout 90
	check "a pair" ctl kvp set Boot "before $boot"
	check "reset" ctl reset
	check "boot $boot" wait_for 60 booted $boot
done
for service in heartbeat shutdown timesync kvp; do
	check "$service is ready" ctl wait $service --timeout 90
done
check "the guest answers heartbeats" wait_for 20 ctl heartbeat
refuse "its memory is its own" 1 ctl kvp get Boot
check "a pair" ctl kvp set Boot "after"
done_testing
