# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

gone()
{
	! guest pidof hv_vss_daemon
}

vss_begin
check "no daemons" guest daemons stop
check "they are gone" wait_for 20 gone
check "the versions need none" ctl renegotiate vss --timeout 60
refuse "a backup is refused" 1 ctl backup
like "at its check" "$(ctl backup 2>&1)" "*check: the guest answers fail*"
check "a disk that nobody freezes" vss_write
check "can be written to" wait_for 60 vss_wrote
check "daemons again" guest daemons start
check "a backup" wait_for 30 ctl backup --hold 0.1

# The stock daemon would leave the guest frozen.
if [ "$HVIS_DAEMONS" = hvis ]; then
	ctl backup --hold 3600 >backup.out 2>&1 &
	backup=$!
	check "the guest is frozen" wait_for 60 vss_phase frozen
	check "a writer begins" vss_write
	check "no daemons any more" guest daemons stop
	check "the writer goes on" wait_for 60 vss_wrote
	kill "$backup"
	wait "$backup"
	check "they are gone" wait_for 60 gone
	refuse "a backup is refused" 1 ctl backup
	check "daemons again" guest daemons start
	check "a backup" wait_for 30 ctl backup --hold 0.1
fi
check "kvp is ready" ctl wait kvp --timeout 60
done_testing
