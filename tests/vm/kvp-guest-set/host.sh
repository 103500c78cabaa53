# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

kvp_begin
check "a record appended to the file" in_guest "pool_append 1 GuestKey 'from the guest'"
is "is there for the host" "$(ctl kvp get GuestKey --pool guest)" "from the guest"
check "a second one" in_guest "pool_append 1 Second two"
is "both, in order" "$(ctl kvp list --pool guest | awk 'NR > 1 { print $1 }' | xargs)" "GuestKey Second"
if [ "$HVIS_DAEMONS" = hvis ]; then
	check "hvctl sets" guest hvctl kvp set ByHvctl "with spaces in it"
	is "the host has it" "$(ctl kvp get ByHvctl --pool guest)" "with spaces in it"
	is "hvctl reads what the file had" "$(guest hvctl kvp get Second)" two
	check "hvctl deletes" guest hvctl kvp delete ByHvctl
	refuse "it is gone for the host" 1 ctl kvp get ByHvctl --pool guest
	refuse "and for hvctl" 1 guest hvctl kvp get ByHvctl
fi
check "leave nothing" guest ": >/var/lib/hyperv/.kvp_pool_1"
done_testing
