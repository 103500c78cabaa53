#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The units of IP injection as systemd itself reads them, in a tree of their own. TAP.
set -u

builddir=${top_builddir:-.}
srcdir=${top_srcdir:-.}
exposure_max=26 # in tenths; it is root and may write network configuration

tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
n=0

# try NAME COMMAND…: one test, with the command's output shown where it fails
try() {
	local name=$1
	shift
	n=$((n + 1))
	if "$@" >"$tmp/log" 2>&1; then echo "ok $n - $name"; else
		echo "not ok $n - $name"
		sed 's/^/# /' "$tmp/log"
	fi
}

for tool in systemd-analyze systemctl; do
	if ! command -v $tool >/dev/null; then
		echo "1..0 # SKIP $tool is not installed"
		exit 0
	fi
done

units=$tmp/units
mkdir "$units"
cp "$srcdir"/systemd/hvis-ip.socket "$srcdir"/systemd/hvis-ip.path "$srcdir"/systemd/hvis-if*@.service "$units/"
sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' "$builddir/systemd/hvis-ip.service" >"$units/hvis-ip.service"
sed -i 's|^ExecStart=if[a-z]*|ExecStart=/bin/true|' "$units"/hvis-if*@.service
cp "$units/hvis-ifup@.service" "$units/hvis-ifup@eth0.service"
cp "$units/hvis-ifdown@.service" "$units/hvis-ifdown@eth0.service"

verify() {
	systemd-analyze verify --man=no "$units/$1" >"$tmp/verify" 2>&1
	local rc=$?
	cat "$tmp/verify"
	[ $rc -eq 0 ] && ! grep -q hvis- "$tmp/verify"
}
for unit in hvis-ip.socket hvis-ip.path hvis-ip.service hvis-ifup@eth0.service hvis-ifdown@eth0.service; do
	try "systemd finds nothing to say about $unit" verify $unit
done

nothing_left() { ! grep -n '@[a-z]*@' "$builddir/systemd/hvis-ip.service"; }
try "every placeholder is filled in" nothing_left

exposure() { systemd-analyze --no-pager security --offline=yes --threshold=$exposure_max "$units/hvis-ip.service"; }
try "exposure is at most $((exposure_max / 10)).$((exposure_max % 10))" exposure

service() { grep -qx "$1" "$builddir/systemd/hvis-ip.service"; }
capabilities() { service CapabilityBoundingSet=CAP_CHOWN && service AmbientCapabilities= && service NoNewPrivileges=yes; }
try "one capability, and no way to more" capabilities

# Every place that a manager's files go to is writable, and no other of /etc.
paths() {
	local path
	for path in /etc/systemd/network /etc/NetworkManager/system-connections /etc/network /etc/netplan; do
		sed -n 's/^ReadWritePaths=//p' "$builddir/systemd/hvis-ip.service" | grep -qF -e "-$path" || { echo "not $path"; return 1; }
	done
	[ "$(sed -n 's/^ReadWritePaths=//p' "$builddir/systemd/hvis-ip.service" | tr ' ' '\n' | grep -c '^-*/etc')" = 4 ]
}
try "it may write the four places, no other of /etc" paths

socket() { grep -qx "$1" "$srcdir/systemd/hvis-ip.socket"; }
private() { socket SocketMode=0600 && socket SocketUser=hvis-kvp && socket ListenStream=/run/hvis/ip && ! grep -q '^Accept=' "$srcdir/systemd/hvis-ip.socket"; }
try "the socket is the daemon's and root's alone" private

# What the helper keeps, the path unit looks for.
state() {
	service StateDirectory=hvis/ip && grep -qx 'PathExists=/var/lib/hvis/ip/pending.json' "$srcdir/systemd/hvis-ip.path" &&
		"$builddir/ipd/hvis_ip_helper" --help | grep -qF '/var/lib/hvis/ip'
}
try "the path unit looks where the helper writes" state

preset() { grep -qx "enable hvis-ip.socket" "$srcdir/systemd/90-hvis.preset" && grep -qx "enable hvis-ip.path" "$srcdir/systemd/90-hvis.preset"; }
try "both are in the preset" preset

root=$tmp/root
mkdir -p "$root/usr/lib/systemd/system" "$root/etc"
cp "$units"/hvis-ip.* "$root/usr/lib/systemd/system/"
enable() {
	systemctl --root="$root" enable hvis-ip.socket hvis-ip.path &&
		[ -L "$root/etc/systemd/system/sockets.target.wants/hvis-ip.socket" ] &&
		[ -L "$root/etc/systemd/system/paths.target.wants/hvis-ip.path" ]
}
try "enable starts them at boot" enable
disable() { systemctl --root="$root" disable hvis-ip.socket hvis-ip.path && [ -z "$(find "$root/etc/systemd" -type l)" ]; }
try "disable leaves no link behind" disable

# An interface's name is no more than a name there.
instance() {
	grep -qx 'ExecStart=ifup --force %i' "$srcdir/systemd/hvis-ifup@.service" &&
		grep -qx 'ExecStart=ifdown --force %i' "$srcdir/systemd/hvis-ifdown@.service"
}
try "ifup and ifdown get the interface" instance
no_socket() {
	"$builddir/ipd/hvis_ip_helper" 2>&1 | grep -q "started by hvis-ip.socket"
	[ "${PIPESTATUS[0]}" = 2 ]
}
try "by hand, the helper says who starts it" no_socket
echo "1..$n"
