# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

gone()
{
	! guest pidof hv_vss_daemon
}

check "vss is ready" ctl wait vss --timeout 60
check "a backup" wait_for 30 ctl backup --hold 0.1
check "no daemons" guest daemons stop
check "they are gone" wait_for 20 gone
check "the versions need none" ctl renegotiate vss --timeout 60
refuse "a backup is refused" 1 ctl backup
like "at its check" "$(ctl backup 2>&1)" "*check: the guest answers fail*"
check "daemons again" guest daemons start
check "a backup" wait_for 30 ctl backup --hold 0.1
check "kvp is ready" ctl wait kvp --timeout 60
done_testing
