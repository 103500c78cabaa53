# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"
# shellcheck source=tests/vm/lib/setip.sh
. "${HVIS_CASE_LIB%/*}/setip.sh"

setip_cable
# NetworkManager leaves virtual interfaces alone unless it is told.
check "NetworkManager has both" guest "nmcli device set eth9 managed yes && nmcli device set eth8 managed yes &&
	nmcli connection add type ethernet con-name old9 ifname eth9 ipv4.method manual ipv4.addresses 10.9.9.9/24 &&
	nmcli connection add type dummy con-name old8 ifname eth8 ipv4.method manual ipv4.addresses 10.8.8.8/24 &&
	nmcli connection up old9 && nmcli connection up old8"
setip_hook
setip_start
setip_run NetworkManager /etc/NetworkManager/system-connections/hvis-eth9.nmconnection 600
setip_dhcp NetworkManager /etc/NetworkManager/system-connections/hvis-eth9.nmconnection \
	/run/NetworkManager/devices dhcp4.ip_address
done_testing
