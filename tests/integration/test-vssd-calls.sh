#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2016,SC2119,SC2317 # a script that is written; functions that check calls
#
# From the first FIFREEZE to the last FITHAW worker and guard make a handful of system calls, on nothing but
# their own pipes and sockets and what they freeze; and the daemon opens nothing. Seen by strace, of the programs
# that are installed, which have no filter that would keep them from it.
# shellcheck disable=SC2034 # for vssd.sh
vssd_types=xfs
# shellcheck source=tests/integration/vssd-link.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/integration/vssd-link.sh"

command -v strace >/dev/null || leave "strace is not installed"
strace -o "$scratch/none" true 2>/dev/null || leave "nothing can be traced here"
! grep -q 'fsanitize=address' "$build/config.log" || leave "the sanitizer makes calls of its own"

trace=$scratch/trace
pids=$scratch/pids
real=$scratch/real
mkdir "$real"
for name in worker guard hook; do
	ln -s "$build/vssd/hv_vss_$name" "$real/vss-$name"
done

# window: what is called between the first freeze and the last thaw, "PROGRAM CALL(ARGUMENTS". A process is what
# it was started as last; a thread has the name of its process.
window()
{
	awk '
	FNR == 1 { pass++ }
	{ who = $1; sub(/<.*/, "", who); name = $1; sub(/^[0-9]+</, "", name); sub(/>$/, "", name) }
	$2 ~ /^execve\(/ { split($0, quoted, "\""); sub(/.*\//, "", quoted[2]); program[who] = quoted[2] }
	pass == 1 && /FIFREEZE/ && !first { first = FNR }
	pass == 1 && /FITHAW/ { last = FNR; if (/unfinished/) pending[who] = 1 }
	pass == 1 && /ioctl resumed/ && pending[who] { last = FNR; delete pending[who] }
	pass == 2 && FNR >= first && FNR <= last && $2 ~ /^[a-z_0-9]+\(/ {
		sub(/^[0-9]+<[^>]*> +/, ""); print (who in program ? program[who] : name) " " $0
	}' "$trace" "$trace" >"$scratch/window"
}

# by PROGRAM: its calls of the window
by()
{
	sed -n "s/^$1 //p" "$scratch/window"
}

# forbidden: what worker and guard should not have called. The guard ends the kernel's hurry once all is frozen, and
# has closed the marker, which it has sent, at the latest a moment after the worker began.
forbidden()
{
	window
	{ by 'vss-worker'; by 'vss-guard'; } | grep -Ev \
		-e '^ioctl\([0-9]+<[^>]*/m-[a-z0-9]+>, (FIFREEZE|FITHAW)' \
		-e '^(read|write|recvmsg)\([0-9]+<(pipe|UNIX|UNIX-SEQPACKET|socket):' \
		-e '^pwrite64\([0-9]+</sys/kernel/rcu_expedited>, "0\\n", 2, 0' \
		-e "^close\([0-9]+<$marker>" \
		-e '^(poll|ppoll|clock_gettime|restart_syscall|exit|exit_group)\('
}

# quiet WHAT: they called nothing else, and there was something to see
quiet()
{
	is "$1: worker and guard call nothing else" "$(forbidden)" ""
	check "$1: it was a freeze" grep -q '^vss-worker ioctl(.*FIFREEZE' "$scratch/window"
}

# drive OPTION… PATH=LEVEL…: the worker and the guard that are installed, traced, for what is named alone
drive()
{
	strace -f -qq -yy -Y -o "$trace" "$programs/vss-drive" --programs "$real" --pids "$pids" "$@" >"$scratch/out" 2>&1
}

# in_the_middle NAME: a freeze that is to last, until process NAME of it is killed
in_the_middle()
{
	local driver
	drive --silent --deadline 60000 "$marker" "${volumes[@]}" &
	driver=$!
	wait_for 20 grep -q frozen "$scratch/out"
	case $1 in
	worker) kill -KILL "$(cut -d' ' -f1 "$pids")" ;;
	guard) kill -KILL "$(cut -d' ' -f2 "$pids")" ;;
	daemon) kill -KILL "$(sed -n 's/^PPid:\t//p' "/proc/$(cut -d' ' -f1 "$pids")/status")" ;;
	esac
	check "$1 killed in the middle: all is thawed" thawed_within 3000 "$(now_ms)"
	wait $driver 2>/dev/null
	rm -f "$marker"
}

drive --deadline 30000 --hold 100 "$marker" "${volumes[@]}"
quiet "freeze and thaw"
check "freeze and thaw: the guard is seen, too" grep -q '^vss-guard ' "$scratch/window"
drive --deadline 30000 --hold 100 "$marker" "$scratch/m-stacked=0" "$upon=1"
quiet "one upon the other"
drive --silent --deadline 1000 "$marker" "${volumes[@]}"
quiet "without THAW"
fsfreeze -f "$upon"
drive --deadline 30000 "$marker" "$scratch/m-ext4=0" "$upon=1"
fsfreeze -u "$upon"
quiet "somebody else has frozen one"
like "somebody else has frozen one: it was refused" "$(cat "$scratch/out")" "ended 16 freeze*"
for who in worker guard daemon; do
	in_the_middle $who
	quiet "$who killed in the middle"
done

# --- with the daemon, and a hook that leaves a process ---

hooks=$etc/freeze.d
mkdir -m 755 "$hooks"
printf '#!/bin/bash\ncase $1 in\nfreeze) sleep 600 & echo $! >%q/left ;;\nthaw) kill "$(cat %q/left)" ;;\nesac\n' \
	"$scratch" "$scratch" >"$hooks/10-lock"
chmod 755 "$hooks/10-lock"
ln -s "$build/vssd/hv_vss_hook" "$scratch/vss-hook"
ln -s "$programs/vss-worker" "$programs/vss-guard" "$scratch"
programs=$scratch # those that refuse all but this test's own
under=(strace -f -qq -yy -Y -o "$trace")
look_at_mounts

# opened: what the daemon called that has to do with files, programs or memory of files
opened()
{
	by 'hv_vss_daemon' | grep -E -e '^(open|openat|openat2|creat|stat|lstat|newfstatat|statx|access|faccessat2?|readlink|unlink|rename)' \
		-e '^(execve|clone|clone3|fork|vfork|fsync|syncfs|fdatasync|mkdir|chmod|getdents)' -e '^mmap\(.*, [0-9]+<'
}

# traced WHAT BACKUP-OPTION…: a backup under the daemon that runs, which then ends
traced()
{
	local what=$1
	shift
	ctl backup "$@" >"$scratch/backup" 2>&1
	wait_for 60 test ! -e "$marker"
	wait_for 60 test ! -e "$scratch/vss.hooks"
	kill -TERM "$(cat "/proc/$daemon_pid/task/$daemon_pid/children")"
	wait "$daemon_pid"
	quiet "$what"
	is "$what: the daemon opens nothing meanwhile" "$(opened)" ""
	check "$what: but it answers" grep -q '^hv_vss_daemon [a-z]*(.*hv_vss\|^hv_vss_daemon \(send\|write\)' "$scratch/window"
}

link_start
configure
daemon_start
traced "a backup with a hook" --hold 0.3
deadline=5s configure
daemon_start
traced "a host that falls silent" --silent-after freeze
done_testing
