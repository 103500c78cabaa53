# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

kvp_begin
is "the guest sees a monitored channel" "$(guest \
	"cat /sys/bus/vmbus/devices/242ff919-07db-4180-9c2e-b86cb68c8c55/monitor_id")" 0
check "a pair by the monitored channel" ctl kvp set Watched "by a bit in a page"
is "comes back" "$(ctl kvp get Watched)" "by a bit in a page"
check "many answers in a row" ctl kvp intrinsic
check "remove it" ctl kvp remove Watched
check "heartbeats without an interrupt of their own" wait_for 20 ctl heartbeat
like "shutdown is not offered" "$(ctl services)" "*shutdown*Disabled*"
fails "and cannot be asked" ctl shutdown --timeout 5
check "offer it" ctl service enable shutdown
check "the guest takes it" ctl wait shutdown --timeout 60
for round in 1 2 3; do
	check "take kvp away ($round)" ctl service disable kvp
	check "and give it back" ctl service enable kvp
	check "it is ready" ctl wait kvp --timeout 60
done
check "a pair again" ctl kvp set Watched "still"
is "comes back" "$(ctl kvp get Watched)" "still"
check "remove it" ctl kvp remove Watched
done_testing
