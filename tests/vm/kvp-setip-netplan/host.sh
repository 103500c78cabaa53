# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"
# shellcheck source=tests/vm/lib/setip.sh
. "${HVIS_CASE_LIB%/*}/setip.sh"

setip_cable
check "netplan has both" guest "printf 'network:\n  version: 2\n  ethernets:\n    eth9:\n      addresses: [10.9.9.9/24]\n    eth8:\n      match: {name: eth8}\n      addresses: [10.8.8.8/24]\n' >/etc/netplan/50-test.yaml &&
	chmod 600 /etc/netplan/50-test.yaml && netplan generate && systemctl enable --now systemd-networkd"
setip_start
setip_run netplan /etc/netplan/90-hvis-eth9.yaml 600
done_testing
