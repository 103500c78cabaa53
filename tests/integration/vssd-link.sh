# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2317 # for who sources it; functions that check calls
#
# hv_vss_daemon with "hvis-host link" in place of kernel and host, on the file systems of vssd.sh: it looks
# at a made-up machine below $root, whose mount tables have nothing but them. Sourced by
# tests/integration/test-*.sh, which may set vssd_types for vssd.sh.

# shellcheck source=tests/integration/vssd.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/integration/vssd.sh"

host=$build/hvis-host
[ -x "$host" ] || leave "hvis-host is not built here"
link_pid='' daemon_pid=''
socket=$scratch/vss

at_end()
{
	for end_pid in $daemon_pid $link_pid; do
		kill -KILL "$end_pid" 2>/dev/null
	done
}

ctl()
{
	timeout 120 "$host" ctl "$scratch/host.sock" "$@"
}

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

# --- the made-up machine ---

root=$scratch/root
etc=$root$(variable sysconfdir)/hvis
pools=$root$(variable pooldir)
mkdir -p "$etc" "$root/proc/1/ns" "$root/proc/$$/ns" "$root/etc" "$root/run/hvis" "$pools" \
	"$root$(variable bindir)"
ln -s "$build/hvctl/hvctl" "$root$(variable bindir)/hvctl"
ln -s /sys "$root/sys"
ln -s 'mnt:[1]' "$root/proc/1/ns/mnt"
ln -s 'mnt:[2]' "$root/proc/$$/ns/mnt"
echo '1 0 0:2 / / rw - tmpfs none rw' >"$root/proc/1/mountinfo"

look_at_mounts()
{
	grep -F " $scratch/m-" /proc/self/mountinfo >"$root/proc/$$/mountinfo"
}

# configure KEY=VALUE…: of [vss]
configure()
{
	printf '[vss]\nDeadline=%s\n' "${deadline:-1min}" >"$etc/hvis.conf"
	[ $# -eq 0 ] || printf '%s\n' "$@" >>"$etc/hvis.conf"
}

# --- host and daemon ---

link_start()
{
	"$host" link --dir "$scratch/dev" --service vss --control "$scratch/host.sock" >"$scratch/link.log" 2>&1 &
	link_pid=$!
	wait_for 60 test -S "$scratch/dev/hv_vss"
}

under=() # what the daemon is run by

thaw_left_over()
{
	"${under[@]}" "$build/vssd/hv_vss_daemon" --thaw-left-over --programs "$programs" --prefix vss- --marker "$marker" \
		>>"$scratch/daemon.log" 2>&1
}

daemon_start()
{
	SYSTEMD_EXEC_PID=0 "${under[@]}" "$build/vssd/hv_vss_daemon" -n --device "$scratch/dev/hv_vss" --root "$root" \
		--programs "$programs" --prefix vss- --marker "$marker" --socket "$socket" \
		>>"$scratch/daemon.log" 2>&1 &
	daemon_pid=$!
	check "a daemon serves" wait_for 60 ctl wait vss --timeout 60
}

# daemon_stop [SIGNAL]: its exit status
daemon_stop()
{
	kill "-${1:-TERM}" "$daemon_pid"
	wait "$daemon_pid" 2>/dev/null
}

frozen()
{
	ctl services --json | tr -d ' "' | grep -q '^backup:frozen'
}

idle()
{
	ctl services --json | tr -d ' "' | grep -q '^backup:idle'
}

# a_while SECONDS: more of them where the machine is busy, by what a call takes now that is not worth mentioning
a_while()
{
	local since
	since=$(now_ms)
	ctl services >/dev/null
	echo $(($1 + ($(now_ms) - since) / 50))
}

# hold SECONDS: a backup in the background, until all is frozen.
hold()
{
	"$host" ctl "$scratch/host.sock" backup --hold "$1" >"$scratch/backup" 2>&1 &
	backup=$!
	wait_for 60 frozen
}

# children WHAT: the process number of the daemon's worker or guard
child()
{
	local pid
	# shellcheck disable=SC2013 # words
	for pid in $(cat "/proc/$daemon_pid/task/$daemon_pid/children"); do
		if grep -q "^vss-$1" "/proc/$pid/comm"; then
			echo "$pid"
		fi
	done
}

# kill_all: daemon, worker and guard. They are stopped first: else the worker may see that the guard is dead,
# and thaw, before its own turn.
kill_all()
{
	killed=("$(child worker)" "$(child guard)" "$daemon_pid")
	kill -STOP "${killed[@]}"
	kill -KILL "${killed[@]}"
	wait "$daemon_pid" 2>/dev/null
}

# log_has WORDS [SECONDS]: in its log, by now or soon: the host has its answer before anything is said.
log_has()
{
	wait_for "${2:-60}" grep -qF -e "$1" "$scratch/daemon.log"
}
