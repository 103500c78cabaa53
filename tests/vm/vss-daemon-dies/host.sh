# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

# hold: a backup in the background that only we end, and a write to all disks, which waits.
hold()
{
	refused=$(refusals)
	ctl backup --hold 3600 >backup.out 2>&1 &
	backup=$!
	check "the guest is frozen" wait_for 60 vss_phase frozen
	check "writers begin" vss_write
	sleep 2
	check "and wait" vss_waits
}

refusals()
{
	ctl services | awk '$1 == "vss" { print $6 }'
}
heard()
{
	[ "$(refusals)" -gt "$refused" ] && vss_phase idle
}

# ended WHAT: the host goes on, and asks to thaw.
ended()
{
	kill "$backup"
	wait "$backup"
	check "$1: the host hears that it was no backup" wait_for 60 heard
}

# begin_again: the daemon anew, where it is gone; its next backup is one.
begin_again()
{
	guest "pidof hv_vss_daemon || { daemons stop; daemons start; }" >/dev/null 2>&1
	check "a backup" wait_for 60 ctl backup --hold 0.1
}

check "no deadline in the way" guest "mkdir -p /etc/hvis && printf '[vss]\nDeadline=10min\n' >/etc/hvis/hvis.conf"
check "is taken" guest "daemons stop; daemons start"
vss_disk 1 xfs /mnt/xfs
vss_disk 2 btrfs /mnt/btrfs
vss_begin
is "all three are frozen" "$(guest hvctl vss history --json | tr -d ' \n' | grep -o '"mount":"/mnt/[a-z]*"' | sort -u | wc -l)" 3

for what in daemon worker guard; do
	hold
	check "$what is killed" guest "kill -KILL \$(pidof hv_vss_$what)"
	check "$what: all is thawed" wait_for 60 vss_wrote
	ended $what
	begin_again
	check "$what: the marker is gone" guest test ! -e /run/hvis/vss.frozen
done

hold
# shellcheck disable=SC2016 # the guest's
check "all are killed" guest 'all="$(pidof hv_vss_daemon) $(pidof hv_vss_worker) $(pidof hv_vss_guard)"
	kill -STOP $all; kill -KILL $all'
sleep 2
check "it stays frozen" vss_waits
check "until it is undone" guest hv_vss_daemon --thaw-left-over
check "which it is" wait_for 60 vss_wrote
ended all
begin_again

hold
# shellcheck disable=SC2016 # the guest's
check "all are killed again" guest 'all="$(pidof hv_vss_daemon) $(pidof hv_vss_worker) $(pidof hv_vss_guard)"
	kill -STOP $all; kill -KILL $all'
ended "all again"
check "daemons again" guest "daemons stop; daemons start"
check "the next daemon thaws" wait_for 60 vss_wrote
begin_again
is "and says so" "$(guest grep -c "what.it.had.left.frozen" /var/log/hv_vss_daemon.log)" 1
done_testing
