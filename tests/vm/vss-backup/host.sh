# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

# steps FILE: "check ok, freeze ok, …"
steps()
{
	awk '/^$/ { exit } NR > 1 { printf "%s%s %s", (NR > 2 ? ", " : ""), $1, $2 }' "$1"
}

vss_begin
check "a file" guest 'echo before >/mnt/disk/before && sync'
ctl backup --hold 15s --luns 0:0:0 >backup.out 2>&1 &
backup=$!
check "the guest is frozen" wait_for 30 vss_phase frozen
check "a writer begins" vss_write
sleep 2
check "it is still frozen" vss_phase frozen
check "and the writer waits" vss_waits
is "what is there can be read" "$(guest cat /mnt/disk/before)" before
wait "$backup"
is "the backup is done" $? 0
is "in its steps" "$(steps backup.out)" "check ok, freeze ok, hold -, thaw ok"
like "no flag says how it recovers" "$(<backup.out)" "*Auto recovery:  not ruled out*"
check "the writer goes on" wait_for 20 vss_wrote
is "and has written" "$(guest cat /mnt/disk/probe)" written

check "a host that gives its snapshot up" ctl backup --hold 600 --abort
check "a write" vss_write
check "is done" wait_for 20 vss_wrote

check "a host that falls silent" ctl backup --silent-after freeze
check "a write" vss_write
sleep 2
check "waits" vss_waits
check "until another backup" ctl backup --hold 0.1
check "thaws the guest" wait_for 20 vss_wrote

if [ "$HVIS_DAEMONS" = hvis ]; then
	vss_configure Deadline=20s
	check "a host that falls silent" ctl backup --silent-after freeze
	check "a write" vss_write
	sleep 2
	check "waits" vss_waits
	check "until the deadline" wait_for 120 vss_wrote
	vss_configure
fi

for round in 1 2 3 4 5; do
	check "one after the other ($round)" ctl backup --hold 0.1
done
check "a write" vss_write
check "is done" wait_for 20 vss_wrote
is "one daemon" "$(guest pidof hv_vss_daemon | wc -w)" 1
done_testing
