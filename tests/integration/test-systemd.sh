#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The unit, the preset, the udev rule and the tmpfiles entry as systemd itself reads them, in a tree
# of their own: no system directory is read or written. TAP.
set -u

builddir=${top_builddir:-.}
srcdir=${top_srcdir:-.}
unit=hv-kvp-daemon.service
aliases="hv_kvp_daemon.service hypervkvpd.service hyperv-daemons.hv-kvp-daemon.service"
exposure_max=12 # in tenths

tmp=$(mktemp -d) || exit 99
trap 'rm -rf "$tmp"' EXIT
n=0

ok() { n=$((n + 1)); echo "ok $n - $1"; }
not_ok() { n=$((n + 1)); echo "not ok $n - $1"; sed 's/^/# /' "$tmp/log"; }
# try NAME COMMAND…: one test, with the command's output shown where it fails
try() {
	local name=$1; shift
	if "$@" >"$tmp/log" 2>&1; then ok "$name"; else not_ok "$name"; fi
}

for tool in systemd-analyze systemd-escape systemd-tmpfiles systemd-sysusers systemctl; do
	if ! command -v $tool >/dev/null; then
		echo "1..0 # SKIP $tool is not installed"
		exit 0
	fi
done
echo "1..23"

# A root with our files where a package would put them, and a program for the unit to name.
root=$tmp/root
units=$root/usr/lib/systemd/system
mkdir -p "$units" "$root/usr/lib/tmpfiles.d" "$root/usr/lib/sysusers.d" "$root/usr/lib/systemd/system-preset" \
	"$root/etc" "$root/dev/vmbus" "$root/run" "$tmp/verify"
printf 'root:x:0:0:root:/root:/bin/sh\nhvis-kvp:x:4711:4712::/:/bin/false\n' >"$root/etc/passwd"
printf 'root:x:0:\nhvis-kvp:x:4712:\n' >"$root/etc/group"
cp "$builddir/systemd/$unit" "$srcdir"/systemd/hv-kvp-name* "$units/"
cp "$builddir/systemd/tmpfiles.d/hvis.conf" "$root/usr/lib/tmpfiles.d/"
cp "$srcdir/systemd/90-hvis.preset" "$root/usr/lib/systemd/system-preset/"
cp "$srcdir/systemd/sysusers.d/hvis.conf" "$root/usr/lib/sysusers.d/"
sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' "$units/$unit" >"$tmp/verify/$unit"
cp "$srcdir"/systemd/hv-kvp-name* "$tmp/verify/"
pooldir=$(sed -n 's/^RequiresMountsFor=//p' "$units/$unit")

verify() {
	systemd-analyze verify --man=no "$tmp/verify/$unit" >"$tmp/verify.log" 2>&1
	local rc=$?
	cat "$tmp/verify.log"
	[ $rc -eq 0 ] && ! grep -q "$unit" "$tmp/verify.log"
}
try "systemd finds nothing to say about the unit" verify

nothing_left() { ! grep -n '@[a-z]*@' "$builddir/systemd/$unit" "$builddir"/systemd/*.tmpfiles "$builddir/systemd/tmpfiles.d/hvis.conf"; }
try "every placeholder is filled in" nothing_left

exposure() { systemd-analyze --no-pager security --offline=yes --threshold=$exposure_max "$tmp/verify/$unit"; }
try "exposure is at most $((exposure_max / 10)).$((exposure_max % 10))" exposure

exposure_name() { systemd-analyze --no-pager security --offline=yes --threshold=20 "$tmp/verify/hv-kvp-name@.service"; }
try "exposure of the name service, which has the network, is at most 2.0" exposure_name

verify_name() {
	systemd-analyze verify --man=no "$tmp/verify/hv-kvp-name.socket" "$tmp/verify/hv-kvp-name@.service" 2>&1 |
		grep 'hv-kvp-name' && return 1
	return 0
}
try "systemd finds nothing to say about the name service" verify_name

own_user() {
	grep -qx 'User=hvis-kvp' "$units/$unit" && grep -qx 'Group=hvis-kvp' "$units/$unit" &&
		grep -q '^u hvis-kvp ' "$srcdir/systemd/sysusers.d/hvis.conf"
}
try "it has a user of its own, whom sysusers makes" own_user

# A name that is an alias of the unit must not be one that it conflicts with: systemd warns then.
no_self_conflict() {
	! sed -n 's/^Conflicts=//p' "$units/$unit" | tr ' ' '\n' |
		grep -Fx -e "$unit" -f <(sed -n 's/^Alias=//p' "$units/$unit")
}
try "it conflicts with no name of its own" no_self_conflict

no_capability() { grep -qx 'CapabilityBoundingSet=' "$units/$unit" && ! grep -q '^CapabilityBoundingSet=.' "$units/$unit"; }
try "the daemon has no capability" no_capability

device=$(systemd-escape --path --suffix=device '/sys/devices/virtual/misc/vmbus!hv_kvp')
by_device() {
	local key
	for key in StopPropagatedFrom After WantedBy; do
		grep -Fqx "$key=$device" "$units/$unit" || { echo "no $key=$device"; return 1; }
	done
}
try "the unit is bound to the device unit that systemd derives" by_device

no_wait() {
	! grep -nE '^(BindsTo|Requires|Requisite|Wants)=.*device' "$units/$unit" &&
		! grep -nE '^WantedBy=.*target' "$units/$unit"
}
try "nothing waits for a device that is not there" no_wait

rule() {
	grep -v '^#' "$srcdir/systemd/60-hvis.rules" |
		grep -Fqx 'SUBSYSTEM=="misc", KERNEL=="vmbus/hv_kvp", TAG+="systemd", GROUP="hvis-kvp", MODE="0660"'
}
try "udev tags the device for systemd, and gives it to the daemon's group" rule

pages() {
	local page pages
	read -r -a pages < <(sed -n 's/^Documentation=//p' "$units/$unit")
	for page in "${pages[@]}"; do
		page=${page#man:}
		page=${page%)}
		ls "$srcdir/man/${page/\(/.}"* || return 1
	done
}
try "the pages that the unit names exist" pages

# A distribution's unit of an alias' name must not be in the way, and must end up hidden.
printf '[Service]\nExecStart=/bin/false\n' >"$units/hypervkvpd.service"
enable() {
	local alias
	systemctl --root="$root" enable "$unit" || return 1
	[ -L "$root/etc/systemd/system/$device.wants/$unit" ] || return 1
	for alias in $aliases; do
		[ "$(readlink "$root/etc/systemd/system/$alias")" = "/usr/lib/systemd/system/$unit" ] || return 1
	done
}
try "enable makes the device want the unit, and the other names" enable

disable() {
	systemctl --root="$root" disable "$unit" || return 1
	[ -z "$(find "$root/etc/systemd" -type l)" ]
}
try "disable leaves no link behind" disable

preset() {
	systemctl --root="$root" preset "$unit" && [ -L "$root/etc/systemd/system/$device.wants/$unit" ]
}
try "the preset enables the unit" preset

pool=$root$pooldir
tmpfiles() { systemd-tmpfiles --root="$root" --create hvis.conf; }
by_file() { systemd-tmpfiles --root="$root" "$@" -; }
owners() { stat -c %U:%G "$pool"/.kvp_pool_? | sort -u | xargs; }
uids() { stat -c %u:%g "$pool"/.kvp_pool_? | sort -u | xargs; }
if [ "$(id -u)" = 0 ]; then
	mkdir -p "$pool"
	printf 'data' >"$pool/.kvp_pool_1"
	chmod 0600 "$pool/.kvp_pool_1"
	touch -d '2001-02-03 04:05:06 UTC' "$pool/.kvp_pool_1"
	try "tmpfiles takes the entry" tmpfiles

	made() {
		[ "$(stat -c %a "$pool")" = 755 ] && [ "$(stat -c %u:%a "$root/run/hvis")" = 0:755 ] || return 1
		for i in 0 2 3 4; do
			[ "$(stat -c '%a %s' "$pool/.kvp_pool_$i")" = "644 0" ] || return 1
		done
	}
	try "missing pools are made, empty and 0644, and the directory of the sockets" made

	kept() {
		[ "$(cat "$pool/.kvp_pool_1")" = data ] &&
			[ "$(stat -c '%a %Y' "$pool/.kvp_pool_1")" = "600 981173106" ]
	}
	try "a pool that exists keeps content, mode and time" kept

	sysusers() { systemd-sysusers --root="$root" hvis.conf && grep -q ^hvis-kvp: "$root/etc/passwd"; }
	try "sysusers takes the entry" sysusers

	# What the unit does before the start and after the stop.
	: >"$root/dev/vmbus/hv_kvp"
	rm "$pool/.kvp_pool_4"
	given() {
		by_file --create <"$builddir/systemd/kvp-start.tmpfiles" || return 1
		[ "$(uids)" = 4711:4712 ] && [ "$(stat -c '%u:%g %a %s' "$pool/.kvp_pool_4")" = "4711:4712 644 0" ] &&
			[ "$(stat -c '%u:%g %a' "$pool/.hvis_journal")" = "4711:4712 600" ] &&
			[ "$(stat -c '%u:%g %a' "$pool")" = "0:0 755" ] &&
			[ "$(stat -c '%u:%g %a' "$root/dev/vmbus/hv_kvp")" = "0:4712 660" ] &&
			[ "$(readlink "$root/run/hvis/kvp")" = kvpd/socket ]
	}
	try "before the start the daemon's user gets files and device, not the directory" given
	try "and a pool keeps content, mode and time" kept
	again() { tmpfiles && [ "$(uids)" = 4711:4712 ]; }
	try "tmpfiles run again at any time takes nothing away from it" again

	given_back() {
		by_file --create --remove <"$builddir/systemd/kvp-stop.tmpfiles" || return 1
		[ "$(owners)" = root:root ] && [ "$(stat -c '%u:%g %a' "$pool/.hvis_journal")" = "0:0 600" ] &&
			[ ! -L "$root/run/hvis/kvp" ] && kept
	}
	try "after the stop root gets them back" given_back
else
	for name in "tmpfiles takes the entry" "missing pools are made" "an existing pool is kept" "sysusers" \
		"the daemon's user gets files" "a pool is kept" "tmpfiles again" "root gets them back"; do
		n=$((n + 1))
		echo "ok $n - $name # SKIP needs root: the entry sets owners"
	done
fi
