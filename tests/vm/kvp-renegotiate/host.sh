# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

kvp_begin
check "a pair" ctl kvp set Before "the restore"
for round in 1 2 3 4 5; do
	check "negotiate ($round)" ctl renegotiate kvp --timeout 60
	is "the pair is there" "$(ctl kvp get Before)" "the restore"
done
for service in heartbeat shutdown timesync; do
	check "negotiate $service" ctl renegotiate $service --timeout 60
done
check "the guest answers heartbeats" wait_for 20 ctl heartbeat
is "one daemon" "$(guest pidof hv_kvp_daemon | wc -w)" 1
check "remove it" ctl kvp remove Before
done_testing
