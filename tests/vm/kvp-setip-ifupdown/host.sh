# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"
# shellcheck source=tests/vm/lib/setip.sh
. "${HVIS_CASE_LIB%/*}/setip.sh"

setip_cable
check "ifupdown has both" guest "printf 'auto lo\niface lo inet loopback\nauto eth9\niface \\\\\n  eth9 inet static\n\taddress 10.9.9.9/24\n\niface eth8 inet static\n\taddress 10.8.8.8/24\nsource /etc/network/interfaces.d/*\n' >/etc/network/interfaces &&
	ifup eth9 && ifup eth8"
setip_start
setip_run ifupdown /etc/network/interfaces.d/hvis-eth9 644
is "its old stanza is a comment, in two lines as it is" "$(guest grep -c '^#hvis# ' /etc/network/interfaces)" 3
is "the other is not" "$(guest grep -c '^iface eth8' /etc/network/interfaces)" 1
done_testing
