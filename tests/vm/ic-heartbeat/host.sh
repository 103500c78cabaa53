# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

check "heartbeat is ready" ctl wait heartbeat --timeout 60
check "the guest answers" wait_for 20 ctl heartbeat
first=$(ctl heartbeat --json | tr -d ' \n' | sed 's/.*"sequence":\([0-9]*\).*/\1/')
later()
{
	[ "$(ctl heartbeat --json | tr -d ' \n' | sed 's/.*"sequence":\([0-9]*\).*/\1/')" -gt "$first" ]
}
check "and goes on answering" wait_for 20 later
check "disable" ctl service disable heartbeat
refuse "no heartbeat then" 1 ctl heartbeat
check "enable" ctl service enable heartbeat
check "heartbeat is ready again" ctl wait heartbeat --timeout 60
check "the guest answers again" wait_for 20 ctl heartbeat
done_testing
