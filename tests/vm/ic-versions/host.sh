# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

# version SERVICE: what it has settled on.
version()
{
	ctl services | awk -v name="$1" '$1 == name { print $3 }'
}

for service in heartbeat shutdown timesync kvp; do
	check "$service is ready" ctl wait "$service" --timeout 60
done
is "heartbeat" "$(version heartbeat)" 1.0
is "shutdown" "$(version shutdown)" 3.1
is "timesync" "$(version timesync)" 3.0
is "kvp" "$(version kvp)" 3.0
check "the guest answers heartbeats" wait_for 20 ctl heartbeat
check "a pair" ctl kvp set Old "version three"
is "comes back" "$(ctl kvp get Old)" "version three"
check "remove it" ctl kvp remove Old
check "the guest's clock is wrong" guest date -s @1000000000
check "sync by timesync 3.0" ctl time sync
near()
{
	[ $(($(guest date +%s) - EPOCHSECONDS)) -ge -3 ]
}
check "the guest has the host's time" wait_for 20 near
check "more versions" ctl service configure kvp versions=3.0-4.0,framework=1.0-3.0
check "negotiate again" ctl renegotiate kvp
is "kvp" "$(version kvp)" 4.0
check "versions that no Linux has" ctl service configure kvp versions=5.0
fails "are refused" ctl renegotiate kvp --timeout 60
check "back to some that it has" ctl service configure kvp versions=3.0-5.0
check "negotiate again" ctl renegotiate kvp
is "kvp" "$(version kvp)" 4.0
check "the daemon has gone on" ctl kvp intrinsic
done_testing
