#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# IP injection from the host to the files: hvis-host link, hv_kvp_daemon, and hvis_ip_helper on a
# system in a scratch directory, whose programs write down how they are called and can fail. TAP.
# shellcheck disable=SC2317,SC2119 # functions are called by name, and take options
# shellcheck source=tests/integration/kvpd.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/integration/kvpd.sh"

helper=$build/ipd/hvis_ip_helper
root=$scratch/root
mac=00:15:5d:00:00:07
guid='{242ff919-07db-4180-9c2e-b86cb68c8c56}'
network=$root/etc/systemd/network/05-hvis-eth0.network
helper_pid=''
trap '[ -z "$helper_pid" ] || kill -KILL "$helper_pid"; stop_all' EXIT

# program PATH: writes down its arguments; fails while "fail" is there, hangs while "hang" is.
program()
{
	mkdir -p "$root/${1%/*}"
	cat >"$root/$1" <<-END
		#!/bin/sh
		echo "\${0##*/} \$*" >>'$scratch/programs'
		while [ -e '$scratch/hang' ]; do sleep 0.05; done
		! [ -e '$scratch/fail' ]
	END
	chmod 755 "$root/$1"
}

# interface NAME INDEX MAC
interface()
{
	mkdir -p "$root/sys/class/net/$1"
	echo "$2" >"$root/sys/class/net/$1/ifindex"
	echo "$3" >"$root/sys/class/net/$1/address"
	echo 0 >"$root/sys/class/net/$1/addr_assign_type"
	echo 1 >"$root/sys/class/net/$1/carrier"
}

helper_start()
{
	"$helper" --root "$root" --socket "$root/run/hvis/ip" --debug >>"$scratch/helper.log" 2>&1 &
	helper_pid=$!
	wait_for 60 test -S "$root/run/hvis/ip"
}

helper_stop()
{
	kill "-${1:-TERM}" "$helper_pid"
	wait "$helper_pid" 2>/dev/null
	helper_pid=''
}

ip_call()
{
	printf '{"method":"io.hvis.Ip.%s","parameters":%s}\0' "$1" "${2:-{\}}" |
		socat -t 20 - "UNIX-CONNECT:$root/run/hvis/ip" | tr -d '\0'
}

set_ip()
{
	ctl ip set "$guid" --address "$1" --gateway 192.0.2.1 --dns 192.0.2.53 2>&1
}

idle()
{
	ip_call GetStatus | grep -q '"step":"idle"'
}

programs()
{
	tr '\n' ';' <"$scratch/programs"
	: >"$scratch/programs"
}

for tool in networkctl nmcli netplan; do
	program usr/bin/$tool
done
program sbin/ifup
program sbin/ifdown
: >"$scratch/programs"
interface eth0 3 $mac
interface eth1 4 00:15:5d:00:00:08
mkdir -p "$root/run/systemd/netif/links" "$root/etc/systemd/network" "$root/etc/hvis" "$root/run/hvis"
mkdir -p "$root/sys/bus/vmbus/devices/${guid:1:36}/net"
ln -s ../../../../../class/net/eth0 "$root/sys/bus/vmbus/devices/${guid:1:36}/net/eth0"
: >"$root/run/systemd/netif/state"
echo 'ADMIN_STATE=configured' >"$root/run/systemd/netif/links/3"
echo '[Match]' >"$root/etc/systemd/network/10-eth1.network"
# The scratch system has the configuration where the build has it.
hook=$("$build/hvctl/hvctl" config show | awk '$2 == "Hook" { print $3 }')
conf=$root${hook%/*}
mkdir -p "$conf"
printf '[ip]\nEnable=yes\nConfirmTimeout=1s\n' >"$conf/hvis.conf"

link_start
daemon_start --root "$root"
check "kvp is ready" ready
like "without the helper it is not supported" "$(set_ip 192.0.2.7/24)" "*not-supported*"

helper_start
is "before the first change" "$("$build/hvctl/hvctl" ip show --socket "$root/run/hvis/ip")" "no addresses have been set"
check "nothing is under way" wait_for 60 idle
check "the host sets an address" set_ip 192.0.2.7/24
is "networkd is told" "$(programs)" "networkctl reload;networkctl reconfigure eth0;"
check "the file has the address" grep -qx "Address=192.0.2.7/24" "$network"
check "and the gateway" grep -qx "Gateway=192.0.2.1" "$network"
is "no other file is new" "$(cd "$root/etc/systemd/network" && ls)" "05-hvis-eth0.network
10-eth1.network"
like "it is in the history" "$(ip_call GetStatus)" '*"interface":"eth0"*"result":"done"*'
check "the same by MAC address" ctl ip set $mac --address 192.0.2.7/24 --gateway 192.0.2.1 --dns 192.0.2.53
is "changes nothing" "$(programs)" ""

for bad in '192.0.2.0/24' '224.0.0.1/24' '127.0.0.1/8'; do
	fails "$bad is refused" set_ip "$bad"
done
fails "two gateways are refused" ctl ip set $mac --address 192.0.2.8/24 --gateway 192.0.2.1 --gateway 192.0.2.2
like "an unknown adapter is not found" "$(ctl ip set 00:15:5d:00:00:99 --dhcp 2>&1)" "*not-found*"
is "and nothing is done" "$(programs)" ""

echo 0 >"$root/sys/class/net/eth0/carrier"
fails "without a carrier it fails" set_ip 192.0.2.8/24
is "and is taken back" "$(programs)" \
	"networkctl reload;networkctl reconfigure eth0;networkctl reload;networkctl reconfigure eth0;"
check "the file is what it was" grep -qx "Address=192.0.2.7/24" "$network"
check "one line of the log says so" wait_for 60 grep -q \
	"eth0: the host's addresses are not used: eth0 has no carrier after 1.0 s; the configuration before it is in force again" \
	"$scratch/helper.log"
echo 1 >"$root/sys/class/net/eth0/carrier"

: >"$scratch/fail"
fails "where a program fails, it fails" set_ip 192.0.2.8/24
rm "$scratch/fail"
check "the file is what it was" grep -qx "Address=192.0.2.7/24" "$network"
: >"$scratch/programs"

like "a dry run shows the file" "$(ip_call Set "{\"adapter\":\"$mac\",\"dhcp\":true,\"dry_run\":true}")" \
	'*"state":"planned"*' 
is "and changes nothing" "$(programs)$(grep -c 192.0.2.7 "$network")" 1

: >"$scratch/hang"
set_ip 192.0.2.9/24 >"$scratch/answer" &
set_pid=$!
check "a change hangs" wait_for 60 test -s "$scratch/programs"
check "its file is written" grep -qx "Address=192.0.2.9/24" "$network"
like "another one is told" "$(ip_call Set "{\"adapter\":\"$mac\",\"dhcp\":true}")" "*io.hvis.Ip.Busy*"
check "the host may ask for other things meanwhile" timeout 5 "$build/hvctl/hvctl" kvp list --socket "$scratch/kvp.sock"
helper_stop KILL
wait $set_pid
check "the helper is killed: the host is told" [ $? -ne 0 ]
rm "$scratch/hang"
: >"$scratch/programs"
helper_start
check "at its next start" wait_for 60 idle
check "the file is what it was" wait_for 60 grep -qx "Address=192.0.2.7/24" "$network"
is "and networkd is told" "$(programs)" "networkctl reload;networkctl reconfigure eth0;"
like "the history says why" "$(ip_call GetStatus)" '*"rolled back","reason":"it was left unfinished"*'

like "taking it back by hand" "$(ip_call Rollback)" '*"interface":"eth0"*'
refuse "the file is gone" 1 test -e "$network"
like "there is no more" "$(ip_call Rollback)" '*io.hvis.Ip.NotFound*'
check "and nothing is being taken back" wait_for 60 idle

cat >"$conf/ip-hook" <<END
#!/bin/sh
echo "\$HVIS_IP_INTERFACE by \$HVIS_IP_MANAGER" >'$scratch/hook'
END
chmod 755 "$conf/ip-hook"
chmod 755 "$conf"
check "a change with a hook" ctl ip set $mac --dhcp
check "it is run" wait_for 60 test -s "$scratch/hook"
is "with what was done" "$(cat "$scratch/hook")" "eth0 by networkd"

# A hook that takes long is not a change that is taken back.
cat >"$conf/ip-hook" <<END
#!/bin/sh
while [ -e '$scratch/hang-hook' ]; do sleep 0.05; done
END
step()
{
	ip_call GetStatus | grep -q "\"step\":\"$1\""
}
: >"$scratch/hang-hook"
set_ip 192.0.2.7/24 >"$scratch/answer" &
set_pid=$!
check "while the hook runs, that is the step" wait_for 60 step hook
rm "$scratch/hang-hook"
wait $set_pid
is "and the host is told that it is done" "$? $(cat "$scratch/answer")" "0 "
check "and then nothing is under way" wait_for 60 idle
printf '#!/bin/sh\n' >"$conf/ip-hook"

# A helper that its first caller starts has nothing else to do than what this one wants.
first_call()
{
	local pid answer
	rm -f "$scratch/first"
	systemd-socket-activate -l "$scratch/first" "$helper" --root "$scratch/first-root" 2>/dev/null &
	pid=$!
	wait_for 60 test -S "$scratch/first"
	answer=$(printf '{"method":"io.hvis.Ip.Rollback"}\0' | socat -t 20 - "UNIX-CONNECT:$scratch/first" | tr -d '\0')
	kill "$pid"
	wait "$pid" 2>/dev/null
	[[ $answer == *io.hvis.Ip.NotFound* ]]
}
first_calls()
{
	local i
	for ((i = 0; i < 10; i++)); do
		first_call || return 1
	done
}
if command -v systemd-socket-activate >/dev/null; then
	check "the call that starts the helper is not told that it is busy" first_calls
else
	skip "the call that starts the helper" "systemd-socket-activate is not installed"
fi

# Who may: whom the socket belongs to, whatever its mode; and no name service is asked for that.
set_as()
{
	printf '{"method":"io.hvis.Ip.Set"}\0' | setpriv --reuid "$1" --clear-groups socat -t 20 - "UNIX-CONNECT:$scratch/owned" | tr -d '\0'
}
if [ "$(id -u)" = 0 ] && command -v systemd-socket-activate >/dev/null && command -v setpriv >/dev/null && command -v strace >/dev/null; then
	chmod 711 "$scratch"
	strace -f -e trace=open,openat,connect -o "$scratch/opened" systemd-socket-activate -l "$scratch/owned" \
		"$helper" --root "$scratch/first-root" 2>/dev/null &
	strace_pid=$!
	wait_for 60 test -S "$scratch/owned"
	chown 4711 "$scratch/owned"
	chmod 666 "$scratch/owned"
	like "the socket's owner may set" "$(set_as 4711)" "*io.hvis.Ip.*"
	like "another user may not" "$(set_as 4712)" "*PermissionDenied*"
	kill "$(sed -n 's/^\([0-9]*\) .*/\1/p;q' "$scratch/opened")"
	wait "$strace_pid" 2>/dev/null
	is "no name service is asked who that is" "$(grep -c 'nsswitch\|/etc/passwd\|nscd' "$scratch/opened")" 0
	chmod 700 "$scratch"
else
	skip "whom the socket belongs to may set" "not root, or systemd-socket-activate, setpriv or strace is not installed"
fi

# The other managers, each as it is found.
helper_stop
rm -r "$root/run/systemd" "$network"
mkdir -p "$root/run/NetworkManager/devices"
printf '[device]\nmanaged=true\n' >"$root/run/NetworkManager/devices/3"
helper_start
: >"$scratch/programs"
check "NetworkManager" set_ip 192.0.2.7/24
like "is told" "$(programs)" \
	"nmcli connection load /etc/NetworkManager/*;nmcli --wait 20 connection up uuid * ifname eth0;"
is "its file is for root alone" \
	"$(stat -c %a "$root/etc/NetworkManager/system-connections/hvis-eth0.nmconnection")" 600

rm -r "$root/run/NetworkManager"
mkdir -p "$root/etc/netplan"
echo 'network: {version: 2}' >"$root/etc/netplan/50-cloud-init.yaml"
check "netplan" set_ip 192.0.2.7/24
is "is told" "$(programs)" "netplan generate;networkctl reload;networkctl reconfigure eth0;"
is "its file is for root alone" "$(stat -c %a "$root/etc/netplan/90-hvis-eth0.yaml")" 600

rm -r "$root/etc/netplan"
mkdir -p "$root/etc/network"
printf 'iface eth1 inet dhcp\niface eth0 inet dhcp\n' >"$root/etc/network/interfaces"
check "ifupdown" set_ip 192.0.2.7/24
is "is told" "$(programs)" "ifdown --force eth0;ifup --force eth0;"
is "other stanzas stay" "$(cat "$root/etc/network/interfaces")" "iface eth1 inet dhcp
#hvis# iface eth0 inet dhcp
source /etc/network/interfaces.d/hvis-eth0"

# A host may ask as often as it likes.
for _ in 1 2 3; do
	check "what DHCP has no use for is left out" ctl ip set $mac --dhcp --dns 192.0.2.53
done
is "and that is told once" "$(grep -c 'IP injection: .*DHCP' "$scratch/daemon.log")" 1
check "back to an address" set_ip 192.0.2.7/24
: >"$scratch/programs"

# The administrator, by the same way.
hvctl_ip()
{
	"$build/hvctl/hvctl" ip "$@" --socket "$root/run/hvis/ip"
}
like "hvctl ip set, dry" "$(hvctl_ip set --dry-run $mac dhcp)" "eth0: planned, by ifupdown*iface eth0 inet dhcp*ifup --force eth0"
is "changes nothing" "$(programs)" ""
is "hvctl ip set" "$(hvctl_ip set $mac 192.0.2.20/24 via 192.0.2.1)" "eth0: done, by ifupdown"
like "hvctl ip show" "$(hvctl_ip show)" "*ifupdown * 192.0.2.20/24 *done*"
is "hvctl ip rollback" "$(hvctl_ip rollback)" "eth0: the last change was taken back"
check "the file is what it was" grep -q 'address 192.0.2.7/24' "$root/etc/network/interfaces.d/hvis-eth0"
refuse "hvctl ip rollback, once more" 1 hvctl_ip rollback
refuse "hvctl ip set, not an address" 2 hvctl_ip set $mac 192.0.2.0/24
refuse "hvctl ip set, no such interface" 1 hvctl_ip set eth77 dhcp
refuse "hvctl ip show, no helper" 3 "$build/hvctl/hvctl" ip show --socket "$scratch/nobody"
: >"$scratch/programs"

# The end of the waiting: a helper that is stopped takes its change back.
echo 0 >"$root/sys/class/net/eth0/carrier"
printf '[ip]\nEnable=yes\nConfirmTimeout=60s\n' >"$conf/hvis.conf"
helper_stop
helper_start
: >"$scratch/programs"
set_ip 192.0.2.9/24 >"$scratch/answer" &
set_pid=$!
check "a change waits for its carrier" wait_for 60 grep -q ifup "$scratch/programs"
helper_stop
check "stopped, the helper takes it back" grep -q 'address 192.0.2.7/24' "$root/etc/network/interfaces.d/hvis-eth0"
wait $set_pid
check "and the host is told" [ $? -ne 0 ]

# Who does not wait for the answer takes the change for failed: it does not stay.
is_as_before()
{
	idle && grep -q 'address 192.0.2.7/24' "$root/etc/network/interfaces.d/hvis-eth0"
}
# logged TEXT: a line of the helper's that was not there before the last "logged".
logged()
{
	tail -n +"$((log_seen + 1))" "$scratch/helper.log" | grep -q -- "$1" && log_seen=$(wc -l <"$scratch/helper.log")
}
log_seen=$(wc -l <"$scratch/helper.log")
helper_start
: >"$scratch/programs"
ip_set_bare()
{
	printf '{"method":"io.hvis.Ip.Set","parameters":{"adapter":"%s","addresses":["%s/24"]%s}}\0' $mac "$1" "${2:-}"
}
ip_set_bare 192.0.2.9 | exec socat -t 600 - "UNIX-CONNECT:$root/run/hvis/ip" >"$scratch/answer" &
caller=$!
check "a caller waits for a carrier" wait_for 60 step confirming
kill $caller
check "it hangs up: everything is as before" wait_for 60 is_as_before
check "and the log says why" wait_for 60 logged "eth0: the host's addresses are not used: whoever asked for them has hung up; the configuration before it is in force again"
: >"$scratch/programs"
set_ip 192.0.2.9/24 >"$scratch/answer" &
set_pid=$!
check "the host waits for a carrier" wait_for 60 step confirming
ctl service disable kvp
wait $set_pid
check "it takes the device away, which is a failure" [ $? -ne 0 ]
check "and everything is as before" wait_for 60 is_as_before
ctl service enable kvp
check "the device is back" ready
: >"$scratch/programs"
like "an answer that is due already" "$(ip_call Set "{\"adapter\":\"$mac\",\"dhcp\":true,\"answer_by_us\":1}")" '*io.hvis.Ip.Timeout*nothing is changed*'
is "nothing is changed indeed" "$(programs)" ""
log_seen=$(wc -l <"$scratch/helper.log")

# Who has little patience is told that it is being tried; what comes of it is in the log.
impatient()
{
	local up
	read -r up _ </proc/uptime # of a machine that was never suspended
	ip_call Set "{\"adapter\":\"$mac\",\"dhcp\":true,\"answer_by_us\":$((${up/./} * 10000 + 2000000))}" | grep -q '"state":"confirming"'
}
check "an answer that is due soon" wait_for 60 impatient
helper_stop
check "the helper stops and takes it back" grep -q 'address 192.0.2.7/24' "$root/etc/network/interfaces.d/hvis-eth0"
check "and the log says that the answer was another" logged "eth0: the host's addresses are not used, after whoever asked had been told that they are: the helper was stopped"

# Only while the hook runs the change stays whoever waits.
cat >"$conf/ip-hook" <<END
#!/bin/sh
while [ -e '$scratch/hang-hook' ]; do sleep 0.05; done
END
echo 1 >"$root/sys/class/net/eth0/carrier"
: >"$scratch/hang-hook"
helper_start
ip_set_bare 192.0.2.9 | exec socat -t 600 - "UNIX-CONNECT:$root/run/hvis/ip" >"$scratch/answer" &
caller=$!
check "the hook runs" wait_for 60 step hook
kill $caller
alone()
{
	[ "$(grep -c " $root/run/hvis/" /proc/net/unix)" = 1 ] # the listening one, by the name that it was made with
}
check "its caller hangs up" wait_for 60 alone
rm "$scratch/hang-hook"
check "the log says that it came too late" wait_for 60 logged "eth0 has the addresses that the host wants, by ifupdown; that was applied after whoever asked had stopped waiting"
check "it stays" grep -q 'address 192.0.2.9/24' "$root/etc/network/interfaces.d/hvis-eth0"
helper_stop

printf '[ip]\nEnable=no\n' >"$conf/hvis.conf"
helper_start
like "switched off, it is not supported" "$(set_ip 192.0.2.9/24)" "*not-supported*"
helper_stop
printf '[ip]\nEnabled=no\n' >"$conf/hvis.conf"
helper_start
like "a wrong configuration is off" "$(set_ip 192.0.2.9/24)" "*not-supported*"
like "and says why" "$(ip_call GetStatus)" "*Enabled*"
helper_stop
is "the daemon is well" "$(state)" ready
done_testing
