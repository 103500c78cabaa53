# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What the cases of IP injection share, for host.sh of each: an adapter with a gateway at the other end
# of a cable (a pair of virtual interfaces, the gateway in a network namespace), another interface that
# must be left alone, and the course of the test. A case makes its network manager manage both, then
# calls setip_run.

setip_mac=00:15:5d:00:00:07

# The adapter eth9, not up, and the gateway 192.0.2.1, 2001:db8::1 behind it; eth8 is a bystander.
setip_cable()
{
	check "an adapter with a gateway behind it" guest "modprobe veth && modprobe dummy numdummies=0 &&
		ip netns add gateway && ip link add eth9 address $setip_mac type veth peer name port netns gateway &&
		ip -n gateway link set lo up && ip -n gateway addr add 192.0.2.1/24 dev port &&
		ip -n gateway addr add 2001:db8::1/64 dev port nodad && ip -n gateway link set port up &&
		ip link add eth8 type dummy"
}

setip_start()
{
	check "enable --now" guest systemctl enable --now hvis-ip.socket hvis-ip.path hv-kvp-daemon
	check "kvp is ready" ctl wait kvp --timeout 60
}

# has NAME TEXT…: "ip addr show" and "ip route show" of an interface have each TEXT.
has()
{
	has_text=$(guest "ip -o addr show dev $1; ip -4 route show dev $1; ip -6 route show dev $1")
	shift
	for has_word in "$@"; do
		case $has_text in
		*"$has_word"*) ;;
		*) return 1 ;;
		esac
	done
}

has_not()
{
	! has "$@"
}

# set_ip ADDRESS4 GATEWAY4
set_ip()
{
	ctl ip set $setip_mac --address "$1" --gateway "$2" --address 2001:db8::7/64 --gateway 2001:db8::1 --dns 192.0.2.53
}

told()
{
	guest journalctl -q -u hvis-ip -o cat | grep -c "$1"
}

# told_of ADDRESS4 GATEWAY4 TEXT: the host asks for them, which cannot be, and that is told. Again where the guest is
# so slow that the change was given up for its time alone.
told_of()
{
	for told_try in 1 2 3 4; do
		echo "# asked for $1, $told_try"
		set_ip "$1" "$2"
		! wait_for 60 told "$3" || return 0
	done
	return 1
}

# The hook that hvis.conf of the case names: what it is given goes to the journal; it fails when told to.
setip_hook()
{
	# shellcheck disable=SC2016 # the hook's
	check "a hook" guest 'cat >/etc/hvis/after-ip <<"END"
#!/bin/sh
{ echo "$HVIS_IP_INTERFACE $HVIS_IP_ADAPTER $HVIS_IP_MANAGER"; cat; } | systemd-cat -t after-ip
test ! -e /etc/hvis/hook-fails
END
		chmod 755 /etc/hvis/after-ip /' # an initramfs's own root has the mode of /tmp
}

# hook_told PATTERN…: the hook has written lines with each of them.
hook_told()
{
	for hook_word in "$@"; do
		guest journalctl -q -t after-ip -o cat | grep -q "$hook_word" || return
	done
}

hook_not_told()
{
	! hook_told "$@"
}

# setip_dhcp MANAGER FILE LEASES KEY: after setip_run, the host sends eth9 back to DHCP. The hook fails after
# that. The lease's address is in the file below LEASES that is named by the interface's index, with KEY.
setip_dhcp()
{
	check "the hook was told of the addresses" wait_for 30 hook_told "^eth9 $setip_mac $1\$" '"addresses":\["192.0.2.7'
	check "and of nothing that was taken back" hook_not_told '192.0.2.[89]/'
	check "a DHCP server behind the cable" guest "printf 'interface port\nstart 192.0.2.100\nend 192.0.2.110\noption subnet 255.255.255.0\noption router 192.0.2.1\noption lease 3600\n' >/run/udhcpd.conf &&
		: >/run/udhcpd.leases && ip netns exec gateway /usr/lib/hvis-agent/busybox udhcpd -I 192.0.2.1 /run/udhcpd.conf"
	check "from now on the hook fails" guest "echo >/etc/hvis/hook-fails"
	# A guest in emulation may be too slow for an answer in time; what the host is told has failed does not
	# stay, so the host asks again.
	check "the host wants DHCP" wait_for 200 ctl ip set $setip_mac --dhcp
	check "eth9 has a lease" wait_for 60 has eth9 'inet 192.0.2.10' 'default via 192.0.2.1' 'proto dhcp'
	check "and not its old addresses" wait_for 30 has_not eth9 'inet 192.0.2.7/24'
	check "of neither family" wait_for 30 has_not eth9 2001:db8::7
	check "the hook was told of DHCP" wait_for 30 hook_told '"dhcp":true'
	check "that it failed is told" wait_for 30 told 'The hook failed, the change stays: .*after-ip failed with status 1'
	check "and the change stays" has eth9 'inet 192.0.2.10'
	check "the file stays, too" guest test -e "$2"
	check "the lease is where it is looked for" guest "grep -q '^$4=192\.0\.2\.10' $3/\$(cat /sys/class/net/eth9/ifindex)"
	check "the host sees that it is DHCP" wait_for 30 dhcp_is_seen
}

dhcp_is_seen()
{
	ctl ip get $setip_mac --json | grep -q '"dhcp": *true'
}

# setip_run MANAGER FILE MODE: eth9 has 10.9.9.9/24 and eth8 has 10.8.8.8/24 by MANAGER.
setip_run()
{
	check "eth9 is configured" wait_for 120 has eth9 10.9.9.9/24
	check "and eth8" wait_for 60 has eth8 10.8.8.8/24
	since=$(guest "ip -o addr show dev eth8 | grep -o 'inet .*'")

	check "the host sets addresses" wait_for 200 set_ip 192.0.2.7/24 192.0.2.1 # again: see setip_dhcp
	check "eth9 has them" wait_for 120 has eth9 'inet 192.0.2.7/24' 'inet6 2001:db8::7/64' \
		'default via 192.0.2.1' 'default via 2001:db8::1'
	check "and not its old one" has_not eth9 10.9.9.9
	check "the journal says so" wait_for 120 told "eth9 has the addresses that the host wants, by $1"
	is "the file is for whom it should be" "$(guest stat -c %U:%a "$2")" "root:$3"
	is "eth8 is as it was" "$(guest "ip -o addr show dev eth8 | grep -o 'inet .*'")" "$since"

	check "a gateway that does not answer is told" \
		told_of 192.0.2.8/24 192.0.2.99 "not used.*: the gateway 192.0.2.99 does not answer"
	check "eth9 is as it was" wait_for 120 has eth9 'inet 192.0.2.7/24' 'default via 192.0.2.1'
	check "and has nothing of it" wait_for 30 has_not eth9 192.0.2.8
	is "eth8 is as it was" "$(guest "ip -o addr show dev eth8 | grep -o 'inet .*'")" "$since"

	guest "ip -n gateway link set port down"
	# NetworkManager does not even begin without one; and the host may have been answered before
	check "no carrier is told" \
		told_of 192.0.2.9/24 192.0.2.1 "not used.*: eth9 has no carrier\|not used.*: nmcli failed with status 4"
	guest "ip -n gateway link set port up"
	check "eth9 is as it was" wait_for 120 has eth9 'inet 192.0.2.7/24'
	is "no unit has failed" "$(guest systemctl --failed --no-legend)" ""
	check "the helper has one capability" guest "systemctl show -P CapabilityBoundingSet hvis-ip | grep -x cap_chown"
	guest journalctl -q -u hvis-ip -u 'hvis-if*' -u hv-kvp-daemon -o cat | sed 's/^/# /'
}
