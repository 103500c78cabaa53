# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"
# shellcheck source=tests/vm/lib/setip.sh
. "${HVIS_CASE_LIB%/*}/setip.sh"

setip_cable
check "networkd has both" guest "printf '[Match]\nName=eth9\n[Network]\nAddress=10.9.9.9/24\n' >/etc/systemd/network/20-eth9.network &&
	printf '[Match]\nName=eth8\n[Network]\nAddress=10.8.8.8/24\n' >/etc/systemd/network/20-eth8.network &&
	systemctl enable --now systemd-networkd"
setip_hook
setip_start
setip_run networkd /etc/systemd/network/05-hvis-eth9.network 644
setip_dhcp networkd /etc/systemd/network/05-hvis-eth9.network /run/systemd/netif/leases ADDRESS
done_testing
