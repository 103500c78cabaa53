# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

unit=hv-fcopy-daemon.service
device=/sys/bus/vmbus/devices/eb765408-105f-49b6-b4aa-c123b64d17d4
alias=vmbus:e34bd134e4dec8419ae76b174977c192
file=$(mktemp) || exit 99
trap 'rm -f "$file"' EXIT
head -c 70000 /dev/urandom >"$file"

driver_is() { [ "$(guest "readlink $device/driver")" = "../../../../../bus/vmbus/drivers/$1" ]; }
override() { guest cat $device/driver_override; }
trigger() { guest "udevadm trigger --action=$1 --subsystem-match=vmbus && udevadm settle"; }
copied()
{
	ctl copy "$file" /home/guest/got --create-path --overwrite &&
		[ "$(guest 'sha256sum </home/guest/got')" = "$(sha256sum <"$file")" ]
}

case $(guest uname -r) in
6.1.*)
	check "hv_utils has it" wait_for 60 driver_is hv_utils
	check "udev sees it again" trigger add
	check "which changes nothing" driver_is hv_utils
	is "and no other driver is chosen" "$(override)" "(null)"
	check "the unit" guest systemctl enable --now $unit
	check "a file" wait_for 60 copied
	done_testing
	exit
	;;
esac

# --- as Debian has it: the module says that it is for the class ---

check "the driver is loaded by itself" wait_for 60 driver_is uio_hv_generic
is "none was chosen" "$(override)" "(null)"
is "the node is root's alone" "$(guest "stat -c %U:%G:%a \$(readlink -f /dev/hvis/fcopy)")" root:root:600
check "the unit" guest systemctl enable --now $unit
check "a file" wait_for 60 copied

# --- as most kernels have it: nothing says so ---

# The driver is taken away while there is no device: 6.12 leaves a device that was in use with a pointer into the module, and
# dies of it when the host takes the service away. The module is then as it is without that: no alias, no list, and
# no signature that would be wrong now.
forget()
{
	guest "rmmod uio_hv_generic && module=\$(modinfo -n uio_hv_generic) &&
		LC_ALL=C sed -i 's/alias=$alias/alias=vmbus:00000000e4dec8419ae76b174977c192/
			s/\xe3\x4b\xd1\x34\xe4\xde\xc8\x41/\x01\x01\x01\x01\x01\x01\x01\x01/
			s/~Module signature appended~/-Module signature appended-/' \"\$module\" && depmod"
}
rules() { guest "mv /usr/*/udev/rules.d/60-hvis.rules* /usr/lib/udev/rules.d/60-hvis.rules$1 && udevadm control --reload"; }
serves()
{
	check "the driver has it" wait_for 60 driver_is uio_hv_generic
	is "because it was chosen" "$(override)" uio_hv_generic
	check "the unit comes back" wait_for 60 guest systemctl is-active $unit
	check "a file" wait_for 60 copied
}
takes_away() { ctl service disable fcopy && wait_for 60 guest test ! -e $device; }

check "the host takes it away" takes_away
check "a module that does not know the class" forget
fails "nothing is loaded for it" guest modprobe --quiet --resolve-alias $alias
check "without our rules" rules .off
check "the host offers it" ctl service enable fcopy
check "the device comes" wait_for 60 guest test -e $device
check "udev has seen it" guest udevadm settle
fails "but no driver has it" driver_is uio_hv_generic
check "with our rules, as after an installation" rules ""
check "the device is looked at again" trigger change
serves
for round in 1 2; do
	check "the host takes it away, with the driver there already ($round)" takes_away
	check "and offers it again" ctl service enable fcopy
	serves
done
done_testing
