# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
. "$HVIS_CASE_LIB"

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
	vss_hold
	check "$what is killed" guest "kill -KILL \$(pidof hv_vss_$what)"
	check "$what: all is thawed" wait_for 60 vss_wrote
	vss_ended $what
	begin_again
	check "$what: the marker is gone" guest test ! -e /run/hvis/vss.frozen
done

vss_hold
# shellcheck disable=SC2016 # the guest's
check "all are killed" guest 'all="$(pidof hv_vss_daemon) $(pidof hv_vss_worker) $(pidof hv_vss_guard)"
	kill -STOP $all; kill -KILL $all'
sleep 2
check "it stays frozen" vss_waits
check "until it is undone" guest hv_vss_daemon --thaw-left-over
check "which it is" wait_for 60 vss_wrote
vss_ended all
begin_again

vss_hold
# shellcheck disable=SC2016 # the guest's
check "all are killed again" guest 'all="$(pidof hv_vss_daemon) $(pidof hv_vss_worker) $(pidof hv_vss_guard)"
	kill -STOP $all; kill -KILL $all'
vss_ended "all again"
check "daemons again" guest "daemons stop; daemons start"
check "the next daemon thaws" wait_for 60 vss_wrote
begin_again
is "and says so" "$(guest grep -c "what.it.had.left.frozen" /var/log/hv_vss_daemon.log)" 1
done_testing
