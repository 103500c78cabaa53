#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # functions that check calls
#
# hv_vss_daemon as a whole: the host of "hvis-host link" takes backups of real file systems, which are
# this test's own. The daemon looks at a made-up machine: its mount tables have nothing but them.
#
# No btrfs: a process that is killed within its FITHAW makes the kernel take the interrupted read of the super block for
# a modified one, and the whole file system read-only (seen in 6.18: "super block on devid 1 got modified
# unexpectedly", errno -4).
# shellcheck disable=SC2034 # for vssd.sh
vssd_types=xfs
# shellcheck source=tests/integration/vssd-link.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/integration/vssd-link.sh"
# shellcheck source=tests/integration/calls.sh
. "$top/tests/integration/calls.sh"

# is_undoing: a child of the daemon does what --thaw-left-over says
is_undoing()
{
	local pid
	# shellcheck disable=SC2013 # words
	for pid in $(cat "/proc/$daemon_pid/task/$daemon_pid/children"); do
		! grep -qz -e --thaw-left-over "/proc/$pid/cmdline" || return 0
	done
	return 1
}

# told WORDS: to the host, by now
told()
{
	"$build/hvctl/hvctl" kvp get HvisLastBackup --pool-dir "$pools" | grep -qF -e "$1"
}

# history: in one line, the last two
history()
{
	"$build/hvctl/hvctl" vss history --socket "$socket" --lines 2 --json | tr -d '\n'
}

# is_configured: by the files as they are, or were when it read them last
is_configured()
{
	"$build/hvctl/hvctl" vss status --socket "$socket" --json | grep -q '"config_problem": *null'
}

# waits_for_lock PID: it does, as the kernel knows
waits_for_lock()
{
	grep -q -e "-> POSIX .* $1 " /proc/locks
}

link_start
look_at_mounts
configure
daemon_start

# --- a backup ---

check "a backup" ctl backup --hold 0.2
like "every step of it was well" "$case_out" "*check*ok*freeze*ok*thaw*ok*"
check "is told to the journal" log_has "Backup: ${#mounts[@]} file systems were frozen for "
check "nothing is frozen afterwards" thawed_within 1000 "$(now_ms)"

check "the host takes the service away" ctl service disable vss
check "the daemon waits, and says for what" log_has "Waiting for the host: open $scratch/dev/hv_vss: "
check "the host gives it back" ctl service enable vss
check "and is served again" ctl wait vss --timeout 60

hold "$(a_while 8)"
check "all is frozen while the host holds it" frozen_at "${mounts[0]}"
check "the daemon answers meanwhile" ctl services
is "nothing is logged meanwhile" "$(grep -c "^Backup" "$scratch/daemon.log")" 1
wait "$backup"
is "and it is a success" $? 0

# --- a host that begins anew ---

ctl backup --silent-after freeze >"$scratch/silent" 2>&1
check "a host falls silent, and all is frozen" frozen_at "${mounts[0]}"
check "until it begins another backup, which is well" ctl backup --hold 0.1
like "in every step" "$case_out" "*check*ok*freeze*ok*thaw*ok*"
check "the former one is told to be given up" log_has "the host began another backup and did not ask to thaw"
"$build/hvctl/hvctl" vss history --socket "$socket" --lines 2 --json | tr -d ' \n' >"$scratch/history"
like "and nothing better" "$(cat "$scratch/history")" '\[{"kind":"backup",*"result":"ok",*{"kind":"backup",*"result":"aborted",*"ended_by":"host",*'
check "nothing is frozen by it" thawed_within 1000 "$(now_ms)"

# --- who stops it ---

daemon_stop
deadline=5s configure
daemon_start
start=$(now_ms)
hold 60
check "a host that does not thaw: the deadline does" thawed_within 6500 "$start"
check "is told" log_has "Backup failed: thaw: the host did not ask to thaw in time"
kill "$backup"
wait "$backup" 2>/dev/null
wait_for 60 idle
check "the next backup is well" ctl backup --hold 0.1

ctl backup --hold 12 >"$scratch/late" 2>&1
is "a THAW after the deadline is a failure" $? 1
like "of that step" "$(cat "$scratch/late")" "*freeze*ok*thaw*fail*"
daemon_stop
configure
daemon_start

hold 60
kill -KILL "$link_pid"
wait "$link_pid" 2>/dev/null
check "the device is gone while all is frozen" thawed_within 3000 "$(now_ms)"
wait "$backup" 2>/dev/null
link_start
wait_for 60 ctl wait vss --timeout 20
check "a new device is served" ctl backup --hold 0.1

for signal in TERM KILL; do
	hold 60
	daemon_stop $signal
	check "the daemon is ended by SIG$signal while all is frozen" thawed_within 3000 "$(now_ms)"
	wait "$backup" 2>/dev/null
	daemon_start
	if [ $signal = KILL ]; then
		like "the next one has it in its history" "$(history)" \
			'*"kind": "backup",*"result": "failed",*"the daemon was killed before it was over"*'
		check "and tells the host" wait_for 60 told "the daemon was killed before it was over"
	fi
	check "and the next backup is well" ctl backup --hold 0.1
	check "which the host is told" wait_for 60 told '"result":"ok"'
	check "and no daemon after it" wait_for 60 test ! -e "$scratch/vss.last"
done

for what in worker guard both; do
	hold "$(a_while 8)"
	case $what in
	both) kill -KILL "$(child guard)" "$(child worker)" ;;
	*) kill -KILL "$(child $what)" ;;
	esac
	check "$what killed while all is frozen" thawed_within 3000 "$(now_ms)"
	wait "$backup"
	is "and the THAW is a failure" $? 1
	check "and the next backup is well" ctl backup --hold 0.1
	case $what in
	worker) check "and the journal has who thawed" log_has "The guard had to thaw" ;;
	both) check "and the journal has who thawed" log_has "looked for and undone" ;;
	esac
done

# --- what is left over ---

# All three: only who starts next can undo it.
hold 60
kill_all
check "daemon, worker and guard killed: it stays frozen" frozen_at "${mounts[0]}"
daemon_start
check "until the next daemon starts" thawed_within 3000 "$(now_ms)"
wait "$backup" 2>/dev/null
check "and the journal has it" log_has "A backup had been cut off: what it had left frozen is thawed"
check "and the host" wait_for 60 told "the daemon was killed before it was over"
check "which is over then" wait_for 60 test ! -e "$scratch/vss.last"
daemon_stop KILL
daemon_start
is "a daemon that is killed with nothing under way was killed in no backup" "$(history)" "[]"
echo '{ "kind": "backup" }' >"$scratch/vss.last"
daemon_stop
daemon_start
check "what is no entry is none" log_has "$scratch/vss.last is damaged"
check "and is gone" test ! -e "$scratch/vss.last"

hold 60
kill_all
check "killed again: it stays frozen" frozen_at "${mounts[0]}"
configure "Nonsense=1"
check "until it is undone by hand, whatever the configuration is" thaw_left_over
check "which it is" thawed_within 3000 "$(now_ms)"
wait "$backup" 2>/dev/null
check "the marker is gone" test ! -e "$marker"
printf '# hv_vss_daemon: what may be frozen\n0:999999 1 1 /a\\nb\033\n' >"$marker"
check "paths are nothing that a terminal obeys" "$build/vssd/hv_vss_daemon" --thaw-left-over --programs "$programs" \
	--prefix vss- --marker "$marker"
like "but are shown" "$case_out" '*/a\\x0ab\\x1b: not mounted any more*'
check "where nothing is left nothing is done" thaw_left_over
echo nonsense >"$marker"
refuse "what cannot be undone is a failure" 3 thaw_left_over
rm "$marker.damaged"
configure
daemon_start

# The guard that undoes it may hang in the kernel for as long as it likes: the daemon goes on.
daemon_stop
own=$programs
programs=$scratch/slow
mkdir "$programs"
mkfifo "$scratch/go"
ln -s "$own/vss-worker" "$programs"
printf '#!/bin/bash\nread -r go <%q\nexec %q "$@"\n' "$scratch/go" "$own/vss-guard" >"$programs/vss-guard"
chmod 755 "$programs/vss-guard"
daemon_start
printf '# hv_vss_daemon: what may be frozen\n0:999999 1 1 /nowhere\n' >"$marker"
"$build/hvctl/hvctl" vss thaw --socket "$socket" --timeout 120 >"$scratch/thaw" 2>&1 &
thaw=$!
check "somebody thaws by hand, which takes long" wait_for 60 is_undoing
ctl backup >"$scratch/refused" 2>&1
is "the host has its answer meanwhile" $? 1
check "and the journal says why it is a refusal" \
	log_has "No backup is possible: what a former daemon has left frozen is being thawed"
check "that has not ended" kill -0 $thaw
echo go >"$scratch/go"
wait $thaw
is "until it does, well" "$? $(cat "$scratch/thaw")" "0 thawed"
daemon_stop
printf '# hv_vss_daemon: what may be frozen\n0:999999 1 1 /nowhere\n' >"$marker"
: >"$scratch/daemon.log"
daemon_start
check "nor does the host wait for it at a start" test -e "$marker"
check "which is not told to be over" test "$(grep -c 'is thawed' "$scratch/daemon.log")" -eq 0
echo go >"$scratch/go"
check "before it is" log_has "what it had left frozen is thawed"
printf '#!/bin/bash\n[ "$1" != --thaw-left-over ] || read -r go <%q\nexec %q "$@"\n' "$scratch/go" "$own/vss-guard" \
	>"$programs/vss-guard"
printf '# hv_vss_daemon: what may be frozen\n0:999999 1 1 /nowhere\n' >"$marker.kept"
check "a backup is over before what was kept of a former one is tried again" ctl backup --hold 0.1
check "which is done afterwards" wait_for 60 is_undoing
echo go >"$scratch/go"
check "and then it is not kept any more" wait_for 60 test ! -e "$marker.kept"
daemon_stop
programs=$own
daemon_start

# --- the plan ---

fsfreeze -f "${mounts[0]}"
ctl backup --hold 0.1 >"$scratch/foreign" 2>&1
is "somebody else has frozen one" $? 1
check "and it is his" fsfreeze -u "${mounts[0]}"
check "and the journal has it" log_has "${mounts[0]}: freeze: somebody else has frozen it"

daemon_stop
configure "Require=/not/there"
daemon_start
ctl backup >"$scratch/refused" 2>&1
is "what cannot be met is refused before the freeze" $? 1
like "at the check" "$(cat "$scratch/refused")" "*check*"
check "and the journal says why" log_has "No backup is possible: /not/there is required and not mounted"
daemon_stop
is "a stop is a success" $? 0

configure "Exclude=ext4 xfs btrfs"
daemon_start
ctl backup >"$scratch/refused" 2>&1
is "nothing to freeze is refused" $? 1
daemon_stop
configure "Exclude=ext4 xfs btrfs" "AllowNothing=yes"
daemon_start
check "unless that is well" ctl backup --hold 0.01
daemon_stop

# --- Azure's extension, which freezes, too ---

tool=$build/tests/integration/pool-tool
azure=$root/etc/azure/MicrosoftRecoverySvcsSafeFreezeLock
mkdir -p "$azure"
configure
daemon_start
"$tool" hold fcntl "$azure/SafeFreezeLockFile" 600 >"$scratch/azure" 2>&1 &
extension=$!
wait_for 60 grep -q locked "$scratch/azure"
refuse "Azure's extension is freezing: no backup" 1 ctl backup
check "and the journal says who does" log_has "No backup is possible: Azure's backup extension is freezing: process $extension has"
kill $extension
wait $extension 2>/dev/null
check "afterwards there is one" ctl backup --hold 0.1
ctl backup --silent-after freeze >"$scratch/silent" 2>&1
"$tool" hold fcntl "$azure/SafeFreezeLockFile" 600 >"$scratch/azure" 2>&1 &
extension=$!
check "while there is, the extension has to wait" wait_for 60 waits_for_lock "$extension"
"$build/hvctl/hvctl" vss thaw --socket "$socket" >/dev/null 2>&1
check "until it is over" wait_for 60 grep -q locked "$scratch/azure"
kill $extension
wait $extension 2>/dev/null
rm -r "$root/etc/azure"
daemon_stop

# --- reloaded ---

configure
: >"$scratch/daemon.log"
daemon_start
check "it says so" log_has "Serving the host"
ctl backup --silent-after freeze >"$scratch/silent" 2>&1
configure "Nonsense=1"
kill -HUP "$daemon_pid"
check "SIGHUP while all is frozen ends nothing" frozen_at "${mounts[0]}"
is "and nothing is told meanwhile" "$(cat "$scratch/daemon.log")" "Serving the host"
check "after that the host is served on" ctl backup --hold 0.1
check "and the configuration was read, and is wrong" log_has "The configuration is not used: "
configure "Require=/not/there"
kill -HUP "$daemon_pid"
check "SIGHUP at rest is a reload" wait_for 60 is_configured
refuse "by which the next backup goes" 1 ctl backup
check "as it says" log_has "No backup is possible: /not/there is required and not mounted"
daemon_stop
is "and the daemon lives on" $? 0

# --- without what it needs ---

own=$programs
programs=$scratch/none
mkdir "$programs"
ln -s "$own/vss-guard" "$programs"
configure
refuse "without a worker it does not even start" 2 timeout 20 "$build/vssd/hv_vss_daemon" -n \
	--device "$scratch/dev/hv_vss" --root "$root" --programs "$programs" --prefix vss- --marker "$marker" --socket "$socket"
like "and says what is missing" "$case_out" "*$programs/vss-worker: No such file or directory: without it nothing can be frozen*"
programs=$own

# --- a host that asks again and again ---

configure "Require=/not/there"
daemon_start
: >"$scratch/daemon.log"
for _ in 1 2 3; do
	refuse "what is refused is refused each time" 1 ctl backup
done
is "and is told to the journal once" "$(grep -c "No backup is possible" "$scratch/daemon.log")" 1
daemon_stop

# --- what is hidden from it ---

configure
cp "$root/proc/$$/mountinfo" "$root/proc/1/mountinfo"
mkdir "$root/proc/self"
sed 1d "$root/proc/1/mountinfo" >"$root/proc/self/mountinfo"
: >"$scratch/daemon.log"
daemon_start
check "a sandbox is told at the start" log_has "${mounts[0]} (ext4): a sandbox hides it"
ctl backup >"$scratch/refused" 2>&1
is "and no backup is possible" $? 1
daemon_stop
rm -r "$root/proc/self"
echo '1 0 0:2 / / rw - tmpfs none rw' >"$root/proc/1/mountinfo"

# --- the service manager ---

# It is told that the daemon lives by who answers the host, also while all is frozen, and nothing else.
told=$scratch/told
told_since_frozen()
{
	tr '\n' ' ' <"$told" | sed -n 's/.* FROZEN *//p' | tr -d ' '
}
if command -v socat >/dev/null; then
	socat -u "UNIX-RECV:$scratch/notify" "OPEN:$told,creat,append" &
	wait_for 60 test -S "$scratch/notify"
	export NOTIFY_SOCKET=$scratch/notify WATCHDOG_USEC=200000
	daemon_start
	unset NOTIFY_SOCKET WATCHDOG_USEC
	check "it is ready" wait_for 60 grep -q READY=1 "$told"
	hold 60
	printf ' FROZEN ' | socat -u - "UNIX-SENDTO:$scratch/notify" # what was told before comes before it
	check "the watchdog is fed while all is frozen" wait_for 60 eval 'told_since_frozen | grep -q WATCHDOG=1'
	is "and nothing else is told" "$(told_since_frozen | sed 's/WATCHDOG=1//g')" ""
	daemon_stop
	check "it says that it stops" wait_for 60 grep -q STOPPING=1 "$told"
	wait "$backup" 2>/dev/null
else
	skip "the watchdog is fed while all is frozen" "socat is not installed"
fi

# --- the unit's list of system calls, of all three processes, and of hvctl, which tells the host ---

unit=$build/systemd/hv-vss-daemon.service
why=$(calls_skip "$build")
if [ -n "$why" ]; then
	skip "they make no system call that the unit forbids" "$why"
else
	check "the list is one of what is allowed" calls_allowed "$unit"
	calls_allowed "$unit" >"$scratch/allowed"
	rm -f "$pools"/.* 2>/dev/null # a first record is another call than the next
	under=(strace -f -qq -o "$scratch/trace")
	daemon_start
	check "traced: a backup" ctl backup --hold 0.1
	check "traced: the host is told" wait_for 60 test -s "$pools/.kvp_pool_1"
	check "traced: the device goes" ctl service disable vss
	check "traced: the device comes" ctl service enable vss
	check "traced: another backup" wait_for 60 ctl backup --hold 0.1
	kill -TERM "$(cat "/proc/$daemon_pid/task/$daemon_pid/children")"
	wait "$daemon_pid"
	printf '# hv_vss_daemon: what may be frozen\n0:999999 1 1 /nowhere\n' >"$marker"
	under=(strace -f -qq -A -o "$scratch/trace")
	thaw_left_over
	calls_made "$scratch/trace" | grep -vx seccomp >"$scratch/made" # that is the test build's
	check "the trace has their calls" grep -qx syncfs "$scratch/made"
	is "they make no system call that the unit forbids" "$(comm -23 "$scratch/made" "$scratch/allowed" | xargs)" ""
fi

# shellcheck disable=SC2154 # of case.sh
[ "$case_failed" -eq 0 ] || sed 's/^/# /' "$scratch/daemon.log"
done_testing
