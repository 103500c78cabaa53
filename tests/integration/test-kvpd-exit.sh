#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# How hv_kvp_daemon ends: every exit status of its manual page but that of a confidential VM, and what
# its unit makes of them. TAP.
# shellcheck source=tests/integration/kvpd.sh
# shellcheck disable=SC2317 # functions are called by name
. "${top_srcdir:-$(dirname "$0")/../..}/tests/integration/kvpd.sh"

unit=$build/systemd/hv-kvp-daemon.service
root=$scratch/root
conf=$root$("$build/hvctl/hvctl" config show | awk '$2 == "Hook" { sub("/[^/]*$", "", $3); print $3 }')
mkdir -p "$conf"

# ends SIGNAL: the status of a daemon that gets it
ends()
{
	daemon_start --root "$root"
	daemon_stop "$1"
}

configured()
{
	daemon_run --root "$root"
}

check "SIGTERM: 0" ends TERM
check "SIGINT: 0" ends INT
check "--help: 0" daemon_run --help
check "--version: 0" daemon_run --version
refuse "--version that cannot be written: 3" 3 bash -c "'$daemon' --version >/dev/full"

refuse "an unknown option: 2" 2 daemon_run --frobnicate
refuse "an option without its value: 2" 2 daemon_run --device
refuse "an argument: 2" 2 daemon_run now
refuse "pools in no directory, which was the current one: 2" 2 daemon_run --pool-dir ''
printf '[kvp]\nWriter=root\n' >"$conf/hvis.conf"
refuse "an unknown key in the configuration: 2" 2 configured
printf '[kvp]\nLockTimeout=soon\n' >"$conf/hvis.conf"
refuse "a wrong value: 2" 2 configured
rm "$conf/hvis.conf"

mkdir "$conf/hvis.conf"
refuse "a configuration that is no file: 2" 2 configured
rmdir "$conf/hvis.conf"
daemon_start
wait_for 60 in_state waiting
refuse "another daemon has the socket: 3" 3 daemon_run
daemon_stop

# As the unit's user would find a file that was made for root alone.
as_user()
{
	(SYSTEMD_EXEC_PID=$BASHPID exec setpriv --reuid=65534 --regid=65534 --clear-groups "$daemon" -n --root "$root" \
		--device "$scratch/none" --pool-dir "$scratch/pools" --socket "$scratch/user.sock")
}
if [ "$(id -u)" = 0 ] && setpriv --reuid=65534 --regid=65534 --clear-groups "$daemon" --version >/dev/null 2>&1; then
	chmod 711 "$scratch"
	: >"$conf/hvis.conf"
	chmod 600 "$conf/hvis.conf"
	refuse "a configuration that the daemon may not read: 4" 4 as_user
	like "and which is said" "$(as_user 2>&1)" "*hvis.conf*Permission denied*"
	rm "$conf/hvis.conf"
	mkdir -m 700 "$conf/hvis.conf.d"
	refuse "drop-ins that it may not even see: 4" 4 as_user
	like "which are named" "$(as_user 2>&1)" "*hvis.conf.d*Permission denied*"
else
	skip "a configuration that the daemon may not read: 4" "needs root, setpriv, and programs that others can run"
fi

# What a second try does not mend is not tried again: every two seconds, for ever.
is "the unit starts neither 2 nor 4 again" "$(sed -n 's/^RestartPreventExitStatus=//p' "$unit")" "2 4"
is "but the others" "$(sed -n 's/^Restart=//p' "$unit")" "on-failure"
page=$build/man/hv_kvp_daemon.8
is "the manual page has them all" "$(sed -n '/^\.Sh EXIT STATUS/,/^\.Sh EXAMPLES/s/^\.It \([0-9]\)$/\1/p' "$page" | xargs)" "0 2 3 4"
done_testing
