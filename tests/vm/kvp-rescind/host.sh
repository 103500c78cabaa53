# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

kvp_begin
check "a pair" ctl kvp set Survivor "outlives the channel"
for round in 1 2 3; do
	check "disable ($round)" ctl service disable kvp
	check "the guest's device goes" wait_for 20 guest test ! -e /dev/vmbus/hv_kvp
	fails "nothing can be asked" ctl kvp get Survivor
	check "enable" ctl service enable kvp
	check "the guest's device comes" wait_for 20 guest test -e /dev/vmbus/hv_kvp
	check "kvp is ready" ctl wait kvp --timeout 60
	is "the pair is still there" "$(ctl kvp get Survivor)" "outlives the channel"
done
# A daemon that registers before the driver knows of its own device brings the guest's kernel down.
again()
{
	for _ in 1 2 3 4; do
		ctl service disable kvp && ctl service enable kvp && ctl wait kvp --timeout 60 || return
	done
}
check "often, and as soon as the device is there" again
is "the pair is still there" "$(ctl kvp get Survivor)" "outlives the channel"
is "one daemon" "$(guest pidof hv_kvp_daemon | wc -w)" 1
check "remove it" ctl kvp remove Survivor
done_testing
