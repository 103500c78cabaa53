# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

check "shutdown is ready" ctl wait shutdown --timeout 60
check "shutdown" ctl shutdown --message "from the test"
is "hvis-host ends well" "$(host-wait 30)" 0
done_testing
