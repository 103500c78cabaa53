# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

mac=02:15:5D:00:00:07 # in capitals, as hosts send it: the stock daemon knows no others
check "kvp is ready" ctl wait kvp --timeout 60
check "an adapter" guest "modprobe dummy numdummies=0; ip link add hvis0 type dummy &&
	ip link set hvis0 address $mac up && ip addr add 192.0.2.7/24 dev hvis0 && ip addr add 2001:db8::7/64 dev hvis0"
address()
{
	ctl ip get "${1:-$mac}" | grep 192.0.2.7
}
check "its address by its MAC" wait_for 20 address
[ "$HVIS_DAEMONS" = stock ] || check "in small letters, too" address ${mac,,}
like "the IPv6 address" "$(ctl ip get $mac)" "*2001:db8::7*"
like "the mask" "$(ctl ip get $mac)" "*255.255.255.0*"
if [ "$HVIS_DAEMONS" = stock ]; then
	fails "no such adapter" ctl ip get 02:00:00:00:00:99 # it answers "fail"
else
	refuse "no such adapter is not found" 1 ctl ip get 02:00:00:00:00:99
fi
listed()
{
	ctl kvp get NetworkAddressIPv4 --pool auto | grep 192.0.2.7
}
check "among the guest's facts" wait_for 20 listed
fails "to set it is refused" ctl ip set '{242ff919-07db-4180-9c2e-b86cb68c8c56}' --address 192.0.2.8/24
check "remove the adapter" guest ip link del hvis0
gone()
{
	! listed
}
check "it is no fact any more" wait_for 20 gone
done_testing
