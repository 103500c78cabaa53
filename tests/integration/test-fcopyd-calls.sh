#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What the unit lets hv_fcopy_daemon do, and no more: its list of system calls, held against a trace, and, for root, its
# capabilities. Files of all kinds, with "hvis-host link" in place of kernel and host. What it makes at /dev/uioN a VM case proves, where the list is in force.
# shellcheck disable=SC2317 # functions that check calls
set -u
top=$(cd "${top_srcdir:-$(dirname "$0")/../..}" && pwd)
build=$(cd "${top_builddir:-.}" && pwd)
# shellcheck source=tests/vm/lib/case.sh
. "$top/tests/vm/lib/case.sh"
# shellcheck source=tests/integration/calls.sh
. "$top/tests/integration/calls.sh"
unset NOTIFY_SOCKET WATCHDOG_USEC

host=$build/hvis-host
unit=$build/systemd/hv-fcopy-daemon.service
why=$(calls_skip "$build")
[ -x "$host" ] || why="hvis-host is not built here"
if [ -n "$why" ]; then
	echo "1..0 # SKIP $why"
	exit 0
fi

scratch=$(mktemp -d "${TMPDIR:-/tmp}/hvis-fcopyd.XXXXXX") || exit 99
link_pid='' strace_pid='' daemon_pid=''
stop_all()
{
	for stop_pid in $daemon_pid $strace_pid $link_pid $(jobs -p); do
		kill -KILL "$stop_pid" 2>/dev/null
	done
	wait 2>/dev/null
	rm -rf "$scratch"
}
trap stop_all EXIT

# variable NAME: of the Makefile, as the programs have it
variable()
{
	local value
	value=$(sed -n "s/^$1 = //p" "$build/Makefile")
	while [[ $value =~ \$\{([a-z_]+)\} ]]; do
		value=${value//"${BASH_REMATCH[0]}"/$(sed -n "s/^${BASH_REMATCH[1]} = //p" "$build/Makefile")}
	done
	echo "$value"
}

ctl()
{
	timeout 120 "$host" ctl "$scratch/host.sock" "$@"
}

hvctl()
{
	"$build/hvctl/hvctl" "$@" --socket "$scratch/socket"
}

root=$scratch/root
etc=$root$(variable sysconfdir)/hvis
state=$scratch/state
mkdir -p "$root/srv/owned" "$etc" "$state" "$scratch/bin"
ln -s "$(type -P true)" "$scratch/bin/systemctl" # nothing is to be started here
head -c 300000 /dev/zero >"$scratch/file"
rights=() # as the unit gives them
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	rights=(setpriv --bounding-set "-all$(sed -n 's/^CapabilityBoundingSet=//p' "$unit" | tr 'A-Z ' 'a-z\n' | sed 's/^cap_/,+/' | tr -d '\n')"
		--inh-caps=-all --no-new-privs)
	install -d -o nobody -m 700 "$root/srv/nobody"
	install -d -o nobody -m 1777 "$root/srv/sticky"
	install -o nobody -m 600 /dev/null "$root/srv/sticky/file"
fi
printf '[fcopy]\nReceived=yes\nReserve=1K\nDeny=*/denied\nMode=0600\n' >"$etc/hvis.conf"

"$host" link --dir "$scratch/dev" --service fcopy --control "$scratch/host.sock" >"$scratch/link.log" 2>&1 &
link_pid=$!
check "a host" wait_for 60 test -S "$scratch/dev/hv_fcopy"

# A note of a file that a daemon was killed with is one more thing to be looked at.
mkdir -p "$state"
echo "not one of ours" >"$state/note"
PATH=$scratch/bin:$PATH "${rights[@]}" strace -f -qq -o "$scratch/trace" "$build/fcopyd/hv_fcopy_daemon" -n --device "$scratch/dev/hv_fcopy" \
	--root "$root" --state-dir "$state" --socket "$scratch/socket" >"$scratch/daemon.log" 2>&1 &
strace_pid=$!
check "a daemon" wait_for 60 ctl wait fcopy --timeout 60
daemon_pid=$(cat "/proc/$strace_pid/task/$strace_pid/children")
daemon_pid=${daemon_pid% }

check "the list is one of what is allowed" calls_allowed "$unit"
check "a file" ctl copy "$scratch/file" /srv/
check "is whole" cmp "$scratch/file" "$root/srv/file"
refuse "is not replaced" 1 ctl copy "$scratch/file" /srv/
check "unless that is wanted" ctl copy "$scratch/file" /srv/ --overwrite
check "folders are made" ctl copy "$scratch/file" /srv/a/b/c/ --create-path
refuse "one is denied" 1 ctl copy "$scratch/file" /srv/denied/ --create-path
check "one is cancelled" ctl copy "$scratch/file" /srv/cancelled --cancel-after 2
[ ! -e "$root/srv/cancelled" ]
result $? "and is not there"
if [ ${#rights[@]} -gt 0 ]; then
	check "a folder of a user's" ctl copy "$scratch/file" /srv/nobody/
	check "a file of a user's, in a folder of a user's where all may write" ctl copy "$scratch/file" /srv/sticky/ --overwrite
	printf '[fcopy]\nOwner=nobody\nMode=0400\n' >"$etc/hvis.conf"
	kill -HUP "$daemon_pid"
	check "a file for a user" wait_for 60 ctl copy "$scratch/file" /srv/owned/
	is "is the user's" "$(stat -c %U:%a "$root/srv/owned/file")" nobody:400
	check "and replaced" ctl copy "$scratch/file" /srv/owned/ --overwrite
else
	skip "files and folders of users" "needs root, and setpriv"
fi
check "hvctl asks" hvctl fcopy status
check "for the last ones" hvctl fcopy history
refuse "and cancels" 1 hvctl fcopy cancel
check "the configuration is read again" kill -HUP "$daemon_pid"
check "the device goes" ctl service disable fcopy
check "and comes" ctl service enable fcopy
check "a file" wait_for 60 ctl copy "$scratch/file" /srv/again
check "the daemon ends" kill -TERM "$daemon_pid"
wait "$strace_pid"
is "well" $? 0
daemon_pid='' strace_pid=''

calls_allowed "$unit" >"$scratch/allowed"
calls_made "$scratch/trace" >"$scratch/made"
for call in linkat renameat fallocate mkdirat execve; do
	check "the trace has $call" grep -qx "$call\(2\|\)" "$scratch/made"
done
is "it makes no system call that the unit forbids" "$(comm -23 "$scratch/made" "$scratch/allowed" | xargs)" ""

# shellcheck disable=SC2154 # of case.sh
[ "$case_failed" -eq 0 ] || sed 's/^/# /' "$scratch/daemon.log"
done_testing
