# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# A backup's messages are four: HOT_BACKUP, GET_DM_INFO, FREEZE, THAW; after= counts them.
. "$HVIS_CASE_LIB"

# fault RULE: of the next backup's messages
fault()
{
	check "a fault: $1" ctl fault add "$1"
}

# steps: "check ok, freeze ok, …" of the last backup
steps()
{
	awk '/^$/ { exit } NR > 1 { printf "%s%s %s", (NR > 2 ? ", " : ""), $1, $2 }' backup.out
}

# is_thawed WHAT: a write is done, and the next backup is well.
is_thawed()
{
	check "$1: a write" vss_write
	check "$1: is done" wait_for 60 vss_wrote
	check "$1: no fault is left" ctl fault clear
	check "$1: the next backup is well" wait_for 60 ctl backup --hold 0.1
}

# count COUNTER: of the host's for this service
count()
{
	ctl services --json | tr -d ' ",' | awk -F : -v counter="$1" \
		'/^name:/ { ours = $2 == "vss" } ours && $1 == counter { print $2 }'
}
is_more()
{
	[ "$(count "$1")" -gt "$2" ]
}

# patience MS: how long the host waits for an answer
patience()
{
	check "the host waits for $1 ms" ctl service configure vss "timeout-ms=$1"
}

[ "$HVIS_DAEMONS" = stock ] || vss_configure Deadline=10min
vss_begin

# --- twice ---

fault duplicate:packet/vss:after=2,count=1
check "FREEZE twice, at once" ctl backup --hold 0.5
is_thawed "FREEZE twice, at once"

fault duplicate:packet/vss:after=2,count=1,time=1500
before=$(count unexpected)
ctl backup --hold 3600 >backup.out 2>&1 &
backup=$!
check "the guest is frozen" wait_for 60 vss_phase frozen
check "FREEZE twice, while frozen: the second one has an answer" wait_for 60 is_more unexpected "$before"
check "FREEZE twice, while frozen: a write" vss_write
sleep 2
check "FREEZE twice, while frozen: waits" vss_waits
kill "$backup"
wait "$backup"
check "FREEZE twice, while frozen: the host has it thawed" wait_for 30 vss_wrote
is_thawed "FREEZE twice, while frozen"

fault duplicate:packet/vss:after=3,count=1,time=500
before=$(count unexpected)
check "THAW twice" ctl backup --hold 0.5
check "THAW twice: the second one has an answer" wait_for 60 is_more unexpected "$before"
is_thawed "THAW twice"

# --- not at all ---

patience 4000
fault drop:packet/vss:after=2,count=1
refused=$(count failed)
ctl backup --hold 1 >backup.out 2>&1
is "FREEZE never comes: no answer in time" $? 5
is "FREEZE never comes: that was the step" "$(steps)" "check ok, freeze -"
patience 60000
if [ "$HVIS_DAEMONS" = hvis ]; then
	check "THAW without FREEZE: is refused" wait_for 60 is_more failed "$refused"
fi
is_thawed "THAW without FREEZE"

# --- late ---

if [ "$HVIS_DAEMONS" = hvis ]; then
	vss_configure Deadline=5s
	# The host has given up, and its THAW has passed the FREEZE: nobody will ask to thaw.
	patience 2000
	fault delay:packet/vss:after=2,count=1,time=5000
	ctl backup --hold 1 >backup.out 2>&1
	is "FREEZE after THAW: no answer in time" $? 5
	patience 60000
	check "FREEZE after THAW: the guest freezes" wait_for 30 guest "hvctl vss status | grep -q '^Frozen since'"
	check "FREEZE after THAW: a writer begins" vss_write
	check "FREEZE after THAW: the deadline thaws it" wait_for 60 vss_wrote
	like "FREEZE after THAW: as the history has it" "$(guest hvctl vss history --lines 1)" "* failed *deadline*"
	is_thawed "FREEZE after THAW"

	fault delay:packet/vss:after=3,count=1,time=8000
	ctl backup --hold 0.5 >backup.out 2>&1
	is "THAW after the deadline: the snapshot is no good" $? 1
	is "THAW after the deadline: that was the step" "$(steps)" "check ok, freeze ok, hold -, thaw fail"
	is_thawed "THAW after the deadline"
	vss_configure
fi
is "one daemon" "$(guest pidof hv_vss_daemon | wc -w)" 1
done_testing
