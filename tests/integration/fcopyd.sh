# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2120 # functions that take words or none
#
# hv_fcopy_daemon with "hvis-host link" in place of kernel and host, on a scratch directory as its root. Sourced by
# tests/integration/test-fcopyd-*.sh; TAP functions are those of the VM cases.

set -u
top=$(cd "${top_srcdir:-$(dirname "$0")/../..}" && pwd)
build=$(cd "${top_builddir:-.}" && pwd)
# shellcheck source=tests/vm/lib/case.sh
. "$top/tests/vm/lib/case.sh"

daemon=$build/fcopyd/hv_fcopy_daemon
host=$build/hvis-host
unset NOTIFY_SOCKET WATCHDOG_USEC

if [ ! -x "$host" ]; then
	echo "1..0 # SKIP hvis-host is not built here"
	exit 0
fi

scratch=$(mktemp -d "${TMPDIR:-/tmp}/hvis-fcopyd.XXXXXX")
root=$scratch/root
mkdir -p "$root/srv"
link_pid='' daemon_pid=''

stop_all()
{
	for stop_pid in $daemon_pid $link_pid $(jobs -p); do
		kill -KILL "$stop_pid" 2>/dev/null
	done
	wait 2>/dev/null
	rm -rf "$scratch"
}
trap stop_all EXIT

# ctl COMMAND…: the host. Its history, status and cancel are those of the guest.
ctl()
{
	"$host" ctl "$scratch/host.sock" "$@"
}

hv()
{
	"$build/hvctl/hvctl" fcopy "$@" --socket "$scratch/fcopy.sock"
}

# status MEMBER: of GetStatus, a word or number; of what is under way where there are two of that name
status()
{
	hv status --json | tr -d '\n' | grep -o "\"$1\" *: *\(\"[^\"]*\"\|[0-9a-z]*\)" | head -n 1 | sed 's/[^:]*: *//; s/"//g'
}

# last MEMBER: of the newest entry of the history
last()
{
	hv history --lines 1 --json | tr -d '\n' | grep -o "\"$1\" *: *\(\"[^\"]*\"\|[0-9a-z]*\)" | head -n 1 |
		sed 's/[^:]*: *//; s/"//g'
}

link_start()
{
	"$host" link --dir "$scratch/dev" --service fcopy --control "$scratch/host.sock" "$@" >>"$scratch/link.log" 2>&1 &
	link_pid=$!
	wait_for 60 test -S "$scratch/dev/hv_fcopy"
}

# variable NAME: of the Makefile
variable()
{
	local value
	value=$(sed -n "s/^$1 = //p" "$build/Makefile")
	while [[ $value =~ \$\{([a-z_]+)\} ]]; do
		value=${value//"${BASH_REMATCH[0]}"/$(sed -n "s/^${BASH_REMATCH[1]} = //p" "$build/Makefile")}
	done
	echo "$value"
}

# configure LINE…: what [fcopy] has, and nothing else
configure()
{
	local dir
	dir=$root$(variable sysconfdir)/hvis
	mkdir -p "$dir"
	printf '%s\n' '[fcopy]' "$@" >"$dir/hvis.conf"
}

# Its log has levels, as if the service manager had started it.
daemon_run()
{
	SYSTEMD_EXEC_PID=$BASHPID exec "$daemon" -n --device "$scratch/dev/hv_fcopy" --root "$root" \
		--socket "$scratch/fcopy.sock" "$@"
}

daemon_start()
{
	rm -f "$scratch/fcopy.sock"
	(daemon_run "$@") >>"$scratch/daemon.log" 2>&1 &
	daemon_pid=$!
	wait_for 60 test -S "$scratch/fcopy.sock"
	ready
}

# daemon_stop [SIGNAL]: its exit status.
daemon_stop()
{
	kill "-${1:-TERM}" "$daemon_pid"
	wait "$daemon_pid" 2>/dev/null
}

ready()
{
	ctl wait fcopy --timeout 60
}

log_has()
{
	grep -qF -e "$1" "$scratch/daemon.log"
}

# is_there PATH FILE: the same content, and nothing else beside it that ends in what temporary names end in
is_there()
{
	cmp "$root$1" "$2"
}

# nothing_under DIR: no file of any name, and no note of one
nothing_under()
{
	[ -z "$(find "$root$1" "$root/var/lib/hvis/fcopy" -type f)" ] && holds_none
}

# holds_none: the daemon has no file open that has no name; one that is being dropped may take a moment
holds_none()
{
	! find "/proc/$daemon_pid/fd" -lname "$root/*(deleted)" | grep -q .
}
