#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the host is told of a guest whose name, addresses, name servers and system change, in host
# name and network namespaces of its own: as root, or where users may make such namespaces.
# shellcheck disable=SC2119,SC2031,SC2317 # functions take options, run in subshells, and are called by name
if [ -z "${HVIS_IN_NAMESPACE:-}" ]; then
	for how in "--uts --net" "--user --map-root-user --uts --net"; do
		# shellcheck disable=SC2086 # options are words
		if unshare $how ip link add hvt0 type veth peer name hvt1 2>/dev/null; then
			HVIS_IN_NAMESPACE=1 exec unshare $how "$0"
		fi
	done
	echo "1..0 # SKIP no right to make namespaces, or no ip(8) or veth"
	exit 0
fi
# shellcheck source=tests/integration/kvpd.sh
. "$(dirname "$0")/kvpd.sh"

mac=00:15:5D:01:02:03

fact()
{
	ctl kvp get "$1" --pool auto
}

fact_is()
{
	[ "$(fact "$1")" = "$2" ]
}

mkdir -p "$scratch/root/etc"
printf 'NAME="Test Linux"\nVERSION_ID=7.2\n' >"$scratch/root/etc/os-release"
echo "nameserver 192.0.2.53" >"$scratch/root/etc/resolv.conf"
hostname first-name
ip link set lo up
link_start
daemon_start --root "$scratch/root"
check "ready" ready

# --- the system ---

is "OSName" "$(fact OSName)" "Test Linux"
is "OSMajorVersion" "$(fact OSMajorVersion)" 7
is "OSMinorVersion" "$(fact OSMinorVersion)" 2
printf 'NAME="Test Linux"\nVERSION_ID=7.3\n' >"$scratch/root/etc/os-release.new"
mv "$scratch/root/etc/os-release.new" "$scratch/root/etc/os-release"
is "an upgrade is seen" "$(fact OSMinorVersion)" 3

# --- the name ---

is "the host name, as nothing resolves here" "$(fact FullyQualifiedDomainName)" first-name
hostname second-name
check "a change of it is seen" wait_for 60 fact_is FullyQualifiedDomainName second-name

# --- addresses ---

is "no address but loopback's" "$(fact NetworkAddressIPv4)" ""
ip link add hvt0 address $mac type veth peer name hvt1
ip addr add 192.0.2.10/24 dev hvt0
ip -6 addr add 2001:db8::10/64 dev hvt0 nodad
ip link set hvt1 up
ip link set hvt0 up
check "an interface comes up" wait_for 60 fact_is NetworkAddressIPv4 192.0.2.10
has_ipv6()
{
	[[ $(fact NetworkAddressIPv6) = *2001:db8::10* ]]
}
check "IPv6 too" wait_for 60 has_ipv6 # news of its own, and not always before the other's
ip addr add 192.0.2.11/24 dev hvt0
check "a second address" wait_for 60 fact_is NetworkAddressIPv4 "192.0.2.10;192.0.2.11"
ip addr del 192.0.2.11/24 dev hvt0
check "and gone again" wait_for 60 fact_is NetworkAddressIPv4 192.0.2.10

# --- IP info ---

ip route add default via 192.0.2.1
ip addr add 192.0.2.12/24 dev hvt0
check "the route and the address are seen" wait_for 60 fact_is NetworkAddressIPv4 "192.0.2.10;192.0.2.12"
info=$(ctl ip get "$mac" --json | tr -d ' \n')
for part in 192.0.2.10 255.255.255.0 192.0.2.1 192.0.2.53 2001:db8::10; do
	like "GET_IP_INFO has $part" "$info" "*\"$part\"*"
done
like "GET_IP_INFO: no DHCP" "$info" '*"dhcp":false*'
ip route replace default via 192.0.2.2 proto dhcp
dhcp_is()
{
	ctl ip get "$mac" --json | tr -d ' \n' | grep -q "\"dhcp\":$1"
}
check "GET_IP_INFO: a route that DHCP made" wait_for 60 dhcp_is true
echo "nameserver 192.0.2.54" >"$scratch/root/etc/resolv.conf"
dns_is()
{
	ctl ip get "$mac" --json | grep -q "$1"
}
check "GET_IP_INFO: another name server" wait_for 60 dns_is 192.0.2.54

# --- where DHCP and name servers are known from files ---

ip route replace default via 192.0.2.2
check "GET_IP_INFO: no DHCP without its route" wait_for 60 dhcp_is false
index=$(cat /sys/class/net/hvt0/ifindex 2>/dev/null || ip -o link show hvt0 | cut -d: -f1)
mkdir -p "$scratch/root/run/systemd/netif/leases" "$scratch/root/run/systemd/netif/links"
echo ADDRESS=192.0.2.12 >"$scratch/root/run/systemd/netif/leases/$index"
check "GET_IP_INFO: a lease of systemd-networkd" wait_for 60 dhcp_is true
rm "$scratch/root/run/systemd/netif/leases/$index"
check "which ends" wait_for 60 dhcp_is false
echo DNS=192.0.2.55 >"$scratch/root/run/systemd/netif/links/$index"
echo "nameserver 127.0.0.53" >"$scratch/root/etc/resolv.conf"
check "GET_IP_INFO: the server behind the stub" wait_for 60 dns_is 192.0.2.55

# --- policy ---

nics() { call Nics | tr -d '\n'; }
like "why the loopback interface is left out" "$(nics)" '*"why":"loopback"*'
# The scratch system has the configuration where the build has it.
hook=$("$build/hvctl/hvctl" config show | awk '$2 == "Hook" { print $3 }')
conf=$scratch/root${hook%/*}
mkdir -p "$conf"
printf '[kvp]\nExcludeInterfaces=hvt*\n' >"$conf/hvis.conf"
kill -HUP "$daemon_pid"
check "SIGHUP takes a policy" wait_for 60 fact_is NetworkAddressIPv4 ""
like "and says why" "$(nics)" "*excluded by hvt\\* (*hvis.conf:2)*"
refuse "the adapter is none" 1 ctl ip get "$mac"
printf '[kvp]\nLinkLocal=no\nExcludeInterfaces=\n' >"$conf/hvis.conf"
kill -HUP "$daemon_pid"
check "another" wait_for 60 fact_is NetworkAddressIPv6 2001:db8::10
like "and says why" "$(nics)" '*"link-local, by LinkLocal=no*'
echo nonsense >"$conf/hvis.conf"
kill -HUP "$daemon_pid"
sleep 0.3
is "what is wrong changes nothing" "$(fact NetworkAddressIPv6)" 2001:db8::10
like "Info has the guest's facts" "$(call Info | tr -d '\n')" '*"guest":*"OSName":"Test Linux"*'
refuse "GET_IP_INFO: no such adapter" 1 ctl ip get 00:15:5D:01:02:04
fails "SET_IP_INFO is not supported" ctl ip set "{11111111-2222-3333-4444-555555555555}" --dhcp
is "the addresses are as they were" "$(fact NetworkAddressIPv4)" "192.0.2.10;192.0.2.12"
ip link del hvt0
check "the interface is removed" wait_for 60 fact_is NetworkAddressIPv4 ""
refuse "GET_IP_INFO: it is gone" 1 ctl ip get "$mac"
daemon_stop
is "SIGTERM: status 0" $? 0
done_testing
