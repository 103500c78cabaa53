# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

kvp_begin
check "a request that never arrives" ctl fault add drop:packet/kvp:count=1
refuse "times out" 5 ctl kvp set Lost x --timeout 3
check "clear" ctl fault clear
check "the service is asked for its version again" ctl renegotiate kvp --timeout 60
check "and works" ctl kvp set Found x
is "nothing of the lost one" "$(ctl kvp get Lost 2>&1 >/dev/null)" 'hvis-host: no key "Lost" in pool external'

check "a request twice" ctl fault add duplicate:packet/kvp:count=1
check "is answered" ctl kvp set Twice y
is "and done once" "$(in_guest pool_count 0)" 2
check "a request late" ctl fault add delay:packet/kvp:count=1,time=1500
check "is answered" ctl kvp set Late z --timeout 20
check "a request cut short" ctl fault add truncate:packet/kvp:count=1,length=40
ctl kvp set Short w --timeout 5 >/dev/null 2>&1
check "clear" ctl fault clear
check "negotiate" ctl renegotiate kvp --timeout 60
check "corrupt requests" ctl fault add corrupt:packet/kvp:count=3,seed=7
for i in 1 2 3; do
	ctl kvp set "Bad$i" v --timeout 3 >/dev/null 2>&1
done
check "clear" ctl fault clear
check "negotiate" ctl renegotiate kvp --timeout 60
is "the guest is whole" "$(ctl kvp get Found)" x

check "the service goes in the middle of a transaction" ctl fault add rescind:packet/kvp:count=1
fails "the request fails" ctl kvp set Gone v --timeout 20
check "the guest's device goes" wait_for 20 guest test ! -e /dev/vmbus/hv_kvp
check "enable" ctl service enable kvp
check "kvp is ready" ctl wait kvp --timeout 60
is "the pair is still there" "$(ctl kvp get Found)" x

# The last: this guest waits for ever.
check "an answer of the bus that never comes" ctl fault add drop:message/GPADL_CREATED:count=1
check "disable timesync" ctl service disable timesync
check "enable timesync" ctl service enable timesync
owed()
{
	ctl info | grep 'GPADL_CREATED'
}
check "the host says what the guest waits for" wait_for 20 owed
refuse "so does a wait that gives up" 5 ctl wait timesync --timeout 2
check "the other services go on" ctl kvp get Found
done_testing
