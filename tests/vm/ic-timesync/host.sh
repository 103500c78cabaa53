# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

# The difference between both clocks is within SECONDS of WANTED.
near()
{
	local there diff

	there=$(guest date +%s) || return
	diff=$((there - EPOCHSECONDS - $1))
	echo "guest $there, host $EPOCHSECONDS: $diff s from what is wanted"
	[ ${diff#-} -le "$2" ]
}

check "timesync is ready" ctl wait timesync --timeout 60
check "the guest has the host's time" near 0 3
check "the guest's clock is wrong" guest date -s @1000000000
check "sync" ctl time sync
check "the guest has the host's time" wait_for 20 near 0 3
check "the host's clock is an hour ahead" ctl time offset 3600
check "sync" ctl time sync
check "the guest follows" wait_for 20 near 3600 3
check "no offset" ctl time offset 0
check "sync" ctl time sync
check "the guest follows" wait_for 20 near 0 3
check "a sample does not set the clock" guest date -s @1000000000
check "sample" ctl time sample
fails "the guest's clock is still wrong" near 0 1000000
check "a PTP clock is there" guest "grep -l hyperv /sys/class/ptp/*/clock_name"
check "sync" ctl time sync
done_testing
