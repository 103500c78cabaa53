# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2016 # the guest expands it
. "$HVIS_CASE_LIB"

unit=hv-vss-daemon.service

# hook NAME SCRIPT [CONF]
hook()
{
	guest "mkdir -p -m 755 /etc/hvis/freeze.d && cat >/etc/hvis/freeze.d/$1 <<'END' && chmod 755 /etc/hvis/freeze.d/$1
#!/bin/sh
$2
END
rm -f /etc/hvis/freeze.d/$1.conf; [ -z '${3:-}' ] || echo '${3:-}' >/etc/hvis/freeze.d/$1.conf"
}
# units: those of hooks, with their processes
units() { guest "systemctl list-units --all --no-legend 'hvis-hook-*'"; }
no_units() { [ -z "$(units)" ]; }
# told TEXT: is it in the journal of the daemon?
told() { guest "journalctl -u $unit -o cat | grep -qF -e '$1'"; }
active() { guest systemctl is-active $unit; }
# of_hook FIELD: of /proc/PID/status of hook 10-who
of_hook() { guest "sed -n 's/^$1:[[:space:]]*//p' /run/status"; }
# called VERB STATE: whether 10-who has been
called() { guest "grep -qx '$1 $2' /run/calls"; }

check "a configuration" guest "mkdir -p /etc/hvis && printf '[vss]\nAllowNothing=yes\nDeadline=10min\n' >/etc/hvis/hvis.conf"
check "a hook" hook 10-who 'echo "$1 $HVIS_STATE" >>/run/calls; cat /proc/self/status >/run/status; cat /proc/self/cgroup >/run/cgroup
echo "$1 says this"; [ $1 != freeze ] || { sleep 1000 & echo $! >/run/holder; }
[ $HVIS_STATE != recovering ] || kill "$(cat /run/holder)"'
check "one of another user" hook 20-user 'echo "I am $(id -un) at $HOME"' User=daemon
check "enable --now" guest systemctl enable --now $unit
check "it is active" wait_for 30 active
check "vss is ready" ctl wait vss --timeout 60

# --- a backup ---

ctl backup --hold 3600 >backup.out 2>&1 &
backup=$!
check "the guest is frozen" wait_for 120 vss_phase frozen
like "a hook has a unit of its own" "$(guest cat /run/cgroup)" "*/hvis-hook-10-who-*.service"
is "and all rights" "$(of_hook CapBnd)" "$(guest "sed -n 's/^CapBnd:[[:space:]]*//p' /proc/1/status")"
is "and no filter of system calls" "$(of_hook Seccomp)" 0
check "what it has left is there" guest 'kill -0 "$(cat /run/holder)"'
like "in its unit" "$(guest 'cat /proc/$(cat /run/holder)/cgroup')" "*/hvis-hook-10-who-*.service"
check "each is noted" guest grep -qx 20-user /run/hvis/vss.hooks
check "the daemon is killed" guest systemctl kill --kill-who=main -s KILL $unit
check "the hooks are thawed by the next one" wait_for 60 called thaw recovering
kill "$backup"
wait "$backup"
check "the unit comes back" wait_for 60 active
check "and a backup is well" wait_for 60 ctl backup --hold 0.1
check "with thaw" wait_for 60 called thaw thawed
check "what a hook wrote is in the journal" wait_for 60 told "Hook 10-who: | thaw says this"
check "of a user, too" wait_for 60 told "Hook 20-user: | I am daemon at /usr/sbin"
check "what it left is gone with its unit" wait_for 60 guest '! kill -0 "$(cat /run/holder)" 2>/dev/null'

# --- one that hangs ---

check "a hook that hangs, with children that run away" hook 30-hang '[ $1 = freeze ] || exit 0
trap "" TERM
setsid sh -c "trap \"\" TERM; echo \$\$ >/run/runaway; while :; do sleep 1; done" &
while :; do sleep 1; done' Timeout=5s
fails "fails the backup" ctl backup
check "is killed" told "hook 30-hang: freeze: it took longer than 5 s, and was killed"
check "with all of them" wait_for 60 guest '! kill -0 "$(cat /run/runaway)" 2>/dev/null'
check "the others are thawed" wait_for 60 called thaw failed

# --- a user that is not there ---

check "a hook of nobody" hook 30-hang 'exit 0' User=not-here
fails "fails the backup" ctl backup
check "which is told" told "No backup is possible: hook 30-hang: prepare: it could not be run"
guest rm /etc/hvis/freeze.d/30-hang
check "and the next is well" ctl backup --hold 0.1
check "and leaves no unit behind" wait_for 60 no_units
is "nor one that has failed" "$(guest systemctl --failed --no-legend)" ""
# vss-systemd may have the same guest after it.
guest "systemctl stop $unit; rm -rf /etc/hvis"
done_testing
