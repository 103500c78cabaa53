# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

check "kvp is ready" ctl wait kvp --timeout 60
check "a pair" ctl kvp set Survivor "outlives the driver"
for round in 1 2 3; do
	check "unload ($round)" guest "daemons stop; for i in 1 2 3 4 5; do rmmod hv_utils && break; sleep 1; done; rmmod hv_vmbus"
	fails "kvp is not there" ctl kvp get Survivor
	check "load" guest "modprobe hv_utils && daemons start"
	check "kvp is ready" ctl wait kvp --timeout 60
	is "the pair is still there" "$(ctl kvp get Survivor)" "outlives the driver"
	check "heartbeat is ready" ctl wait heartbeat --timeout 60
done
done_testing
