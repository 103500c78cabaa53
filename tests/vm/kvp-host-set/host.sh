# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

kvp_begin
check "set" ctl kvp set HostSetKey "a value from the host"
is "the guest has it" "$(in_guest pool_get 0 HostSetKey)" "a value from the host"
is "the host reads it back" "$(ctl kvp get HostSetKey)" "a value from the host"
check "set again" ctl kvp set HostSetKey another
is "the guest has the new value" "$(in_guest pool_get 0 HostSetKey)" another
is "and one record" "$(in_guest "pool_count 0")" 1
check "UTF-8 of two, three and four bytes" ctl kvp set Grüße "naïve € 𝄞"
is "arrives whole" "$(in_guest pool_get 0 Grüße)" "naïve € 𝄞"
check "an empty value" ctl kvp set Empty ""
is "is empty" "$(in_guest pool_get 0 Empty)" ""
long=$(printf 'v%.0s' $(seq 1000))
check "a long value" ctl kvp set Long "$long"
is "arrives whole" "$(in_guest pool_get 0 Long)" "$long"
for key in HostSetKey Grüße Empty Long; do
	check "remove $key" ctl kvp remove "$key"
done
is "no record is left" "$(in_guest "pool_count 0")" 0
done_testing
