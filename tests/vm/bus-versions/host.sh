# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

check "kvp is ready" ctl wait kvp --timeout 60
is "the guest agreed to $HVIS_VERSION" "$(guest "dmesg | sed -n 's/.*Vmbus version:\([0-9.]*\).*/\1/p'")" "$HVIS_VERSION"
check "a pair" ctl kvp set Version "$HVIS_VERSION"
is "comes back" "$(ctl kvp get Version)" "$HVIS_VERSION"
check "remove it" ctl kvp remove Version
check "the guest answers heartbeats" wait_for 20 ctl heartbeat
check "disable timesync" ctl service disable timesync
check "enable timesync" ctl service enable timesync
check "timesync is ready" ctl wait timesync --timeout 60
done_testing
