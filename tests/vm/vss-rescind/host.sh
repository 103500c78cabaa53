# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

vss_begin
for round in 1 2; do
	ctl backup --hold 600 >backup.out 2>&1 &
	backup=$!
	check "the guest is frozen ($round)" wait_for 30 vss_phase frozen
	check "a writer begins" vss_write
	check "disable" ctl service disable vss
	wait "$backup"
	is "the backup has failed" $? 3
	like "for the service is gone" "$(<backup.out)" "*Result: *gone*"
	check "the guest's device goes" wait_for 20 guest test ! -e /dev/vmbus/hv_vss
	check "its daemon thaws" wait_for 20 vss_wrote
	refuse "nothing can be asked" 3 ctl backup
	check "enable" ctl service enable vss
	check "the guest's device comes" wait_for 20 guest test -e /dev/vmbus/hv_vss
	check "vss is ready" ctl wait vss --timeout 60
	check "a backup" wait_for 30 ctl backup --hold 0.1
done
check "a write" vss_write
check "is done" wait_for 20 vss_wrote
is "one daemon" "$(guest pidof hv_vss_daemon | wc -w)" 1
done_testing
