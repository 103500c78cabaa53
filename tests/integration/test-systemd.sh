#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# The units, the preset, the udev rules and the tmpfiles entry as systemd itself reads them, in a tree
# of their own: no system directory is read or written. TAP.
set -u

builddir=${top_builddir:-.}
srcdir=${top_srcdir:-.}
# of_unit UNIT: what is known of it
of_unit() {
	unit=$1
	case $unit in
	hv-kvp-daemon.service)
		service=kvp udev='GROUP="hvis-kvp", MODE="0660"'
		aliases="hv_kvp_daemon.service hypervkvpd.service hyperv-daemons.hv-kvp-daemon.service"
		exposure_max=12 # in tenths
		;;
	hv-vss-daemon.service)
		service=vss udev=
		aliases="hv_vss_daemon.service hypervvssd.service hyperv-daemons.hv-vss-daemon.service"
		exposure_max=30
		;;
	hv-fcopy-daemon.service)
		service=fcopy udev='SYMLINK+="hvis/fcopy"'
		aliases="hv_fcopy_daemon.service hypervfcopyd.service hyperv-daemons.hv-fcopy-daemon.service hv_fcopy_uio_daemon.service"
		exposure_max=20
		;;
	esac
	device=$(systemd-escape --path --suffix=device "/sys/devices/virtual/misc/vmbus!hv_$service")
	# Which has two devices, with one name by udev.
	[ "$service" != fcopy ] || device=$(systemd-escape --path --suffix=device /dev/hvis/fcopy)
}

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
echo "1..53"

# A root with our files where a package would put them, and a program for the unit to name.
root=$tmp/root
units=$root/usr/lib/systemd/system
mkdir -p "$units" "$root/usr/lib/tmpfiles.d" "$root/usr/lib/sysusers.d" "$root/usr/lib/systemd/system-preset" \
	"$root/etc" "$root/dev/vmbus" "$root/run" "$tmp/verify"
printf 'root:x:0:0:root:/root:/bin/sh\nhvis-kvp:x:4711:4712::/:/bin/false\n' >"$root/etc/passwd"
printf 'root:x:0:\nhvis-kvp:x:4712:\n' >"$root/etc/group"
cp "$builddir"/systemd/hv-{kvp,vss,fcopy}-daemon.service "$srcdir"/systemd/hv-kvp-name* "$units/"
cp "$builddir/systemd/tmpfiles.d/hvis.conf" "$root/usr/lib/tmpfiles.d/"
cp "$srcdir/systemd/90-hvis.preset" "$root/usr/lib/systemd/system-preset/"
cp "$srcdir/systemd/sysusers.d/hvis.conf" "$root/usr/lib/sysusers.d/"
for unit in hv-kvp-daemon.service hv-vss-daemon.service hv-fcopy-daemon.service; do
	sed -E 's|^(Exec[A-Za-z]*=-?)/[^ ]*|\1/bin/true|' "$units/$unit" >"$tmp/verify/$unit"
done
cp "$srcdir"/systemd/hv-kvp-name* "$tmp/verify/"
pooldir=$(sed -n 's/^RequiresMountsFor=//p' "$units/hv-kvp-daemon.service")

nothing_left() {
	! grep -n '@[a-z]*@' "$builddir"/systemd/hv-*-daemon.service "$builddir"/systemd/hvis-fcopy-received@.service "$builddir"/systemd/*.tmpfiles "$builddir/systemd/tmpfiles.d/hvis.conf"
}
try "every placeholder is filled in" nothing_left

verify() {
	systemd-analyze verify --man=no "$tmp/verify/$unit" >"$tmp/verify.log" 2>&1
	local rc=$?
	cat "$tmp/verify.log"
	[ $rc -eq 0 ] && ! grep -q "$unit" "$tmp/verify.log"
}
exposure() { systemd-analyze --no-pager security --offline=yes --threshold="$exposure_max" "$tmp/verify/$unit"; }
# A name that is an alias of the unit must not be one that it conflicts with: systemd warns then.
no_self_conflict() {
	! sed -n 's/^Conflicts=//p' "$units/$unit" | tr ' ' '\n' |
		grep -Fx -e "$unit" -f <(sed -n 's/^Alias=//p' "$units/$unit")
}
by_device() {
	local key
	for key in StopPropagatedFrom After WantedBy; do
		grep -Fqx "$key=$device" "$units/$unit" || { echo "no $key=$device"; return 1; }
	done
}
no_wait() {
	! grep -nE '^(BindsTo|Requires|Requisite|Wants)=.*device' "$units/$unit" &&
		! grep -nE '^WantedBy=.*target' "$units/$unit"
}
rule() {
	grep -v '^#' "$srcdir/systemd/60-hvis.rules" |
		grep -Fqx "SUBSYSTEM==\"misc\", KERNEL==\"vmbus/hv_$service\", TAG+=\"systemd\"${udev:+, $udev}"
}
pages() {
	local page pages
	read -r -a pages < <(sed -n 's/^Documentation=//p' "$units/$unit")
	for page in "${pages[@]}"; do
		page=${page#man:}
		page=${page%)}
		ls "$srcdir/man/${page/\(/.}"* || return 1
	done
}
enable() {
	local alias
	systemctl --root="$root" enable "$unit" || return 1
	[ -L "$root/etc/systemd/system/$device.wants/$unit" ] || return 1
	for alias in $aliases; do
		[ "$(readlink "$root/etc/systemd/system/$alias")" = "/usr/lib/systemd/system/$unit" ] || return 1
	done
}
disable() {
	systemctl --root="$root" disable "$unit" || return 1
	[ -z "$(find "$root/etc/systemd" -type l)" ]
}
preset() {
	systemctl --root="$root" preset "$unit" && [ -L "$root/etc/systemd/system/$device.wants/$unit" ] && disable
}

# A distribution's unit of an alias' name must not be in the way, and must end up hidden.
printf '[Service]\nExecStart=/bin/false\n' | tee "$units/hypervkvpd.service" "$units/hypervfcopyd.service" >"$units/hypervvssd.service"
for unit in hv-kvp-daemon.service hv-vss-daemon.service hv-fcopy-daemon.service; do
	of_unit "$unit"
	try "$service: systemd finds nothing to say about the unit" verify
	try "$service: exposure is at most $((exposure_max / 10)).$((exposure_max % 10))" exposure
	try "$service: it conflicts with no name of its own" no_self_conflict
	try "$service: the unit is bound to the device unit that systemd derives" by_device
	try "$service: nothing waits for a device that is not there" no_wait
	try "$service: udev tags the device for systemd, and gives it to whom it is for" rule
	try "$service: the pages that the unit names exist" pages
	try "$service: enable makes the device want the unit, and the other names" enable
	try "$service: disable leaves no link behind" disable
	try "$service: the preset enables the unit" preset
done

# --- backups ---

of_unit hv-vss-daemon.service
two_capabilities() { [ "$(grep '^CapabilityBoundingSet=' "$units/$unit")" = "CapabilityBoundingSet=CAP_SYS_ADMIN CAP_DAC_READ_SEARCH" ]; }
try "vss: the daemon has two capabilities" two_capabilities

# What systemd.exec(5) says to set up a mount namespace; PrivateNetwork= unless PrivateMounts=no is there.
sees_all() {
	! grep -nE '^(Protect(System|Home|Proc|KernelTunables|KernelModules|KernelLogs|ControlGroups)|ProcSubset|Private(Tmp|Devices|IPC)|PrivateUsers|DynamicUser|Root[A-Z][A-Za-z]*|Bind[A-Za-z]*Paths|TemporaryFileSystem|(ReadWrite|ReadOnly|Inaccessible|Exec|NoExec)Paths|MountFlags|MountAPIVFS|MountImages|Extension[A-Za-z]*|LogNamespace)=' "$units/$unit" &&
		grep -qx PrivateMounts=no "$units/$unit"
}
try "vss: nothing gives it a mount namespace of its own" sees_all

undoes() { grep -q '^ExecStopPost=-/.*/hv_vss_daemon --thaw-left-over$' "$units/$unit"; }
try "vss: what it leaves frozen is undone when it has ended" undoes

# --- file copy ---

of_unit hv-fcopy-daemon.service
three_capabilities() { [ "$(grep '^CapabilityBoundingSet=' "$units/$unit")" = "CapabilityBoundingSet=CAP_DAC_OVERRIDE CAP_FOWNER CAP_CHOWN" ]; }
try "fcopy: the daemon has three capabilities" three_capabilities

# Where files may go: what people copy to is there, what runs and configures the system is not.
where() {
	grep -qx ProtectSystem=full "$units/$unit" &&
		! grep -nE '^(ProtectHome|PrivateTmp|PrivateUsers|Root[A-Z][A-Za-z]*|TemporaryFileSystem|(ReadOnly|Inaccessible)Paths)=' "$units/$unit"
}
try "fcopy: it protects what runs and configures the system, and nothing else" where

# The name that the unit has for the device is given by udev to both kinds, and to no other UIO node.
class=$(sed -n '/define HVCTL_FCOPY_CLASS/{n;s/.*"\([0-9a-f-]*\)".*/\1/p}' "$srcdir/hvctl/diagnose.h")
one_name() {
	grep -qx 'DeviceAllow=/dev/hvis/fcopy rw' "$units/$unit" && grep -qx 'ConditionPathExists=/dev/hvis/fcopy' "$units/$unit" &&
		[ "$(grep -v '^#' "$srcdir/systemd/60-hvis.rules" | grep -c 'SYMLINK+="hvis/fcopy"')" = 2 ] &&
		grep -Fqx "SUBSYSTEM==\"uio\", ATTRS{class_id}==\"{$class}\", TAG+=\"systemd\", SYMLINK+=\"hvis/fcopy\"" \
			"$srcdir/systemd/60-hvis.rules"
}
try "fcopy: the service has one name for its two devices" one_name

# Nothing is done to a device that has a driver, and none is chosen where a module is for the class.
# shellcheck disable=SC2016 # udev's
binds() {
	local lines
	lines=$(grep '^ACTION=="add|change", SUBSYSTEM=="vmbus"' "$srcdir/systemd/60-hvis.rules")
	[ "$(wc -l <<<"$lines")" = 2 ] &&
		[ "$(grep -Fc "ATTR{class_id}==\"{$class}\", DRIVER==\"\", " <<<"$lines")" = 2 ] &&
		[ "$(grep -v '^#' "$srcdir/systemd/60-hvis.rules" | grep -Fc driver_override)" = 1 ] &&
		grep 'ATTR{driver_override}="uio_hv_generic"' <<<"$lines" | grep -Fq 'PROGRAM!="/sbin/modprobe --quiet --resolve-alias $env{MODALIAS}", '
}
try "fcopy: udev has a driver only where the kernel names none" binds

# A file of the host's may be called anything: of what the template runs with its path no word is a variable.
received=$tmp/verify/hvis-fcopy-received@.service
sed -E 's|^(ExecStart=:)/[^ ]*|\1/bin/true|' "$builddir/systemd/hvis-fcopy-received@.service" >"$received"
verify_received() {
	systemd-analyze verify --man=no "$received" >"$tmp/verify.log" 2>&1
	local rc=$?
	cat "$tmp/verify.log"
	[ $rc -eq 0 ] && ! grep -q hvis-fcopy-received "$tmp/verify.log" && grep -q '^ExecStart=:/bin/true %f$' "$received"
}
try "fcopy: systemd finds nothing to say about the unit for a file" verify_received
# Its description is on terminals and consoles: %i is escaped, %f and %I are not.
describes_safely() { grep -q '^Description=.*%i$' "$received" && ! grep -q '^Description=.*%[fI]' "$received"; }
try "fcopy: no name of the host's drives the terminal that shows the unit for a file" describes_safely
exposure_received() { systemd-analyze --no-pager security --offline=yes --threshold=60 "$received"; }
try "fcopy: exposure of the unit for a file is at most 6.0" exposure_received

# --- key-value pairs ---

of_unit hv-kvp-daemon.service
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

no_capability() { grep -qx 'CapabilityBoundingSet=' "$units/$unit" && ! grep -q '^CapabilityBoundingSet=.' "$units/$unit"; }
try "the daemon has no capability" no_capability

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
