# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# hv_kvp_daemon with "hvis-host link" in place of kernel and host, in a scratch directory, without
# root. Sourced by tests/integration/test-kvpd-*.sh; TAP functions are those of the VM cases.

set -u
top=$(cd "${top_srcdir:-$(dirname "$0")/../..}" && pwd)
build=$(cd "${top_builddir:-.}" && pwd)
# shellcheck source=tests/vm/lib/case.sh
. "$top/tests/vm/lib/case.sh"

daemon=$build/kvpd/hv_kvp_daemon
host=$build/hvis-host
export tool=$build/tests/integration/pool-tool
unset NOTIFY_SOCKET WATCHDOG_USEC

if [ ! -x "$host" ]; then
	echo "1..0 # SKIP hvis-host is not built here"
	exit 0
fi
if ! command -v socat >/dev/null; then
	echo "1..0 # SKIP socat is not installed"
	exit 0
fi

scratch=$(mktemp -d "${TMPDIR:-/tmp}/hvis-kvpd.XXXXXX")
mkdir "$scratch/pools"
link_pid='' daemon_pid=''
daemon_under=() # a command that starts the daemon: "prlimit --as=N"

stop_all()
{
	for stop_pid in $daemon_pid $link_pid $(jobs -p); do
		kill -KILL "$stop_pid" 2>/dev/null
	done
	wait 2>/dev/null
	rm -rf "$scratch"
}
trap stop_all EXIT

# Of case.sh: where the pools are.
pool_file()
{
	echo "$scratch/pools/.kvp_pool_$1"
}

# ctl COMMAND…: the host.
ctl()
{
	"$host" ctl "$scratch/host.sock" "$@"
}

# call METHOD [JSON]: io.hvis.Kvp by hand; prints the answer.
call()
{
	printf '{"method":"io.hvis.Kvp.%s","parameters":%s}\0' "$1" "${2:-{\}}" |
		socat -t 20 - "UNIX-CONNECT:$scratch/kvp.sock" | tr -d '\0'
}

# state: the word of GetStatus; in_state WORD: is it that?
state()
{
	call GetStatus | sed 's/.*"state":[ ]*"\([a-z]*\)".*/\1/'
}

in_state()
{
	[ "$(state)" = "$1" ]
}

# shellcheck disable=SC2120
link_start()
{
	"$host" link --dir "$scratch/dev" --service kvp --control "$scratch/host.sock" "$@" \
		>>"$scratch/link.log" 2>&1 &
	link_pid=$!
	wait_for 60 test -S "$scratch/dev/hv_kvp"
}

link_stop()
{
	kill "$link_pid"
	wait "$link_pid"
	link_pid=''
}

# daemon_run OPTION…: the daemon's usual options, then these; in the foreground. Its log has levels,
# as if the service manager had started it.
daemon_run()
{
	SYSTEMD_EXEC_PID=$BASHPID exec "${daemon_under[@]}" "$daemon" -n --device "$scratch/dev/hv_kvp" --pool-dir "$scratch/pools" \
		--socket "$scratch/kvp.sock" "$@"
}

# shellcheck disable=SC2120
daemon_start()
{
	(daemon_run "$@") >>"$scratch/daemon.log" 2>&1 &
	daemon_pid=$!
	wait_for 60 test -S "$scratch/kvp.sock"
}

# daemon_stop [SIGNAL]: its exit status.
# shellcheck disable=SC2120
daemon_stop()
{
	kill "-${1:-TERM}" "$daemon_pid"
	wait "$daemon_pid" 2>/dev/null
}

ready()
{
	ctl wait kvp --timeout 30
}

# keys POOL: of the host's list, one per line.
keys()
{
	ctl kvp list --pool "$1" --json | sed -n 's/.*"key":[ ]*"\([^"]*\)".*/\1/p'
}
