# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

keys="FullyQualifiedDomainName IntegrationServicesVersion NetworkAddressIPv4 NetworkAddressIPv6"
keys="$keys OSBuildNumber OSName OSMajorVersion OSMinorVersion OSVersion ProcessorArchitecture"

value()
{
	ctl kvp get "$1" --pool auto
}

check "the guest has an address" guest "modprobe dummy numdummies=0 && ip link add lan0 type dummy &&
	ip addr add 192.0.2.10/24 dev lan0 && ip -6 addr add 2001:db8::10/64 dev lan0 && ip link set lan0 up"
kvp_begin
is "ten keys in the known order" "$(ctl kvp intrinsic | awk 'NR > 1 { print $1 }' | xargs)" "$keys"
release=$(guest uname -r)
is "OSBuildNumber is the kernel's release" "$(value OSBuildNumber)" "$release"
is "OSVersion is its first part" "$(value OSVersion)" "${release%%-*}"
is "ProcessorArchitecture" "$(value ProcessorArchitecture)" x86_64
is "OSName is that of os-release" "$(value OSName)" "hvis test guest"
like "IntegrationServicesVersion" "$(value IntegrationServicesVersion)" "[0-9]*.[0-9]*"
like "FullyQualifiedDomainName" "$(value FullyQualifiedDomainName)" "*?*"
like "NetworkAddressIPv4 has the address" "$(value NetworkAddressIPv4)" "*192.0.2.10*"
like "NetworkAddressIPv6 has the address" "$(value NetworkAddressIPv6)" "*2001:db8::10*"
refuse "an automatic key that is none" 1 ctl kvp get NoSuchKey --pool auto
check "the address is gone again" guest ip link del lan0
done_testing
