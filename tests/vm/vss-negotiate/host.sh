# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

version()
{
	ctl services | awk '$1 == "vss" { print $3, $4 }'
}

vss_begin
is "Linux' version, of four" "$(version)" "5.0 3.0"
for round in 1 2 3; do
	check "negotiate ($round)" ctl renegotiate vss --timeout 60
	check "a backup" ctl backup --hold 0.1
done
check "versions that no Linux has" ctl service configure vss versions=6.0-7.0
fails "are refused" ctl renegotiate vss --timeout 60
refuse "and there is no backup" 3 ctl backup
check "one that it has no more" ctl service configure vss versions=4.0
fails "is refused" ctl renegotiate vss --timeout 60
check "all" ctl service configure vss versions=4.0-7.0
check "negotiate" ctl renegotiate vss --timeout 60
is "Linux' version again" "$(version)" "5.0 3.0"
ctl backup --hold 6 >backup.out 2>&1 &
backup=$!
check "the guest is frozen" wait_for 30 vss_phase frozen
check "negotiate meanwhile" ctl renegotiate vss --timeout 60
wait "$backup"
is "the guest is thawed" $? 0
check "a backup" ctl backup --hold 0.1
done_testing
