#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2016,SC2119,SC2317 # scripts that are written; functions that check calls
#
# Hooks of hv_vss_daemon around backups of real file systems: they run before the first freeze and after the
# last thaw, the host does not wait for the latter, and whoever has seen freeze sees thaw.
# shellcheck disable=SC2034 # for vssd.sh
vssd_types=xfs
# shellcheck source=tests/integration/vssd-link.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/integration/vssd-link.sh"
# shellcheck source=tests/integration/calls.sh
. "$top/tests/integration/calls.sh"

mkdir "$scratch/programs"
ln -s "$programs/vss-worker" "$programs/vss-guard" "$scratch/programs"
ln -s "$build/vssd/hv_vss_hook" "$scratch/programs/vss-hook"
programs=$scratch/programs
hooks=$etc/freeze.d
calls=$scratch/calls
mkdir -m 755 "$hooks"

# hook NAME SCRIPT [CONF]: it writes down its calls first. A former one may still run: that goes on as it was.
hook()
{
	printf '#!/bin/bash\nscratch=%q\necho "$HVIS_HOOK $1 $HVIS_STATE" >>"$scratch/calls"\n%s\n' \
		"$scratch" "$2" >"$scratch/hook"
	chmod 755 "$scratch/hook"
	mv "$scratch/hook" "$hooks/$1"
	rm -f "$hooks/$1.conf"
	[ -z "${3:-}" ] || printf '%s\n' "$3" >"$hooks/$1.conf"
}

# called: what has been since it was asked last, in one line
called()
{
	paste -sd, "$calls" 2>/dev/null
	: >"$calls"
}

no()
{
	! "$@"
}

hvctl()
{
	"$build/hvctl/hvctl" "$@" --socket "$socket"
}

has_call()
{
	grep -qx "$1" "$calls"
}

link_start
look_at_mounts
deadline=10min configure
daemon_start

# --- a backup ---

hook 10-first '
echo "$HVIS_MOUNTS" >"$scratch/mounts"
echo "$HVIS_HOOKS" >"$scratch/folder"
while read -r mount; do echo x >"$mount/hooked" || exit 1; done <<<"$HVIS_MOUNTS"
echo "$1 has been here"'
hook 20-second ''
hook 20-second~ 'exit 1'
hook 30-third.dpkg-new 'exit 1'
check "a backup with hooks" ctl backup --hold 0.1
check "the last of them is thawed" wait_for 60 has_call "10-first thaw thawed"
is "each in its order" "$(called)" "10-first prepare checking,20-second prepare checking,10-first freeze freezing,\
20-second freeze freezing,20-second thaw thawed,10-first thaw thawed"
is "they know what is frozen" "$(sort "$scratch/mounts" | paste -sd,)" \
	"$(printf '%s\n' "${mounts[@]}" | sort | paste -sd,)"
is "and where they are" "$(cat "$scratch/folder")" "$hooks"
check "what they write is in the journal" log_has "Hook 10-first: | thaw has been here"
check "nothing is noted any more" wait_for 60 test ! -e "$scratch/vss.hooks"

: >"$scratch/daemon.log"
hold 300
is "nothing of theirs is logged while all is frozen" "$(grep -c 'freeze' "$scratch/daemon.log")" 0
check "who has seen freeze is noted" grep -qx 20-second "$scratch/vss.hooks"
daemon_stop
is "a daemon that is stopped thaws" "$?" 0
kill "$backup" 2>/dev/null
wait "$backup" 2>/dev/null
check "files first" thawed_within 3000 "$(now_ms)"
is "and hooks, before it ends" "$(called)" "10-first prepare checking,20-second prepare checking,10-first freeze freezing,\
20-second freeze freezing,20-second thaw failed,10-first thaw failed"
check "and says what they wrote then" log_has "Hook 10-first: | freeze has been here"
daemon_start

# --- the host does not wait for thaw ---

rm "$hooks"/*
mkfifo "$scratch/go"
hook 10-slow '[ "$1" != thaw ] || read -r go <"$scratch/go"' Timeout=10min
check "a backup ends before its hooks do" ctl backup --hold 0.1
"$host" ctl "$scratch/host.sock" backup --hold 0.1 >"$scratch/next" 2>&1 &
next=$!
echo go >"$scratch/go"
wait_for 60 has_call "10-slow freeze freezing"
echo go >"$scratch/go"
wait $next
is "and the next one waits for them" $? 0
called >/dev/null

# --- a thaw that fails ---

hook 10-slow '[ "$1" != thaw ] || { read -r go <"$scratch/go"; echo "not started: no room"; exit 3; }' Timeout=10min
problem="hook 10-slow: thaw: exit status 3: not started: no room"

# last_has WORDS: of the history's first line
last_has()
{
	hvctl vss history | sed -n 2p | grep -qF -e "$1"
}

# told WORDS: to the host, by now
told()
{
	"$build/hvctl/hvctl" kvp get HvisLastBackup --pool-dir "$pools" | grep -qF -e "$1"
}

check "a backup with a hook that does not thaw" ctl backup --hold 0.1
check "is well" wait_for 60 told '"result":"ok"'
check "which is told before" no told '"hooks"'
echo go >"$scratch/go"
check "the history has the hook and what it said" wait_for 60 last_has "$problem"
check "of a backup that is well" last_has " ok "
check "the status has it" eval 'hvctl vss status | grep -qF "$problem"'
check "the host has it" wait_for 60 told '"hooks":[{"hook":"10-slow","verb":"thaw","error":"exit status 3: not started: no room"}]'
check "with the same result" told '"result":"ok"'
hvctl vss rehearse --duration 0.1s --yes >"$scratch/rehearsal" 2>&1 &
rehearsing=$!
echo go >"$scratch/go"
wait $rehearsing
is "a rehearsal is well, too" $? 0
like "and waits for it" "$(cat "$scratch/rehearsal")" "ok: *Problem: $problem*"
hvctl vss rehearse --duration 0.1s --yes >/dev/null 2>&1 &
rehearsing=$!
wait_for 60 eval "tail -n 1 $calls | grep -q '10-slow thaw'"
kill -KILL $rehearsing
wait $rehearsing 2>/dev/null
echo go >"$scratch/go"
check "nobody has to wait for it" wait_for 60 last_has "$problem"
called >/dev/null
: >"$scratch/daemon.log"

# --- those of others ---

# As the sample of QEMU's guest agent for MySQL: a process holds a lock from freeze to thaw.
mkdir -p "$scratch/other/etc/qemu/fsfreeze-hook.d"
cat >"$scratch/other/etc/qemu/fsfreeze-hook.d/lock.sh" <<'END'
#!/bin/bash
here=${0%/*}
hold()
{
	: >"$here/locked"
	read -r word <"$here/pipe"
	rm "$here/locked" "$here/pipe"
}
case $1 in
freeze)
	mkfifo "$here/pipe"
	hold &
	while [ ! -e "$here/locked" ]; do sleep 0.05; done
	;;
thaw)
	echo go >"$here/pipe"
	;;
esac
END
chmod 755 "$scratch/other/etc/qemu/fsfreeze-hook.d/lock.sh"
hook 10-slow 'HVIS_ADAPTER_ROOT=$scratch/other exec '"$top/hooks/qemu-ga"' "$1"' Timeout=1min
hold 300
check "a process that a hook leaves has its lock" test -e "$scratch/other/etc/qemu/fsfreeze-hook.d/locked"
daemon_stop
kill "$backup" 2>/dev/null
wait "$backup" 2>/dev/null
check "until its thaw" wait_for 60 test ! -e "$scratch/other/etc/qemu/fsfreeze-hook.d/locked"
check "nobody has waited for its time limit" no grep -qF "thaw failed" "$scratch/daemon.log"
called >/dev/null
daemon_start

# --- failures ---

rm "$hooks"/*
hook 10-first ''
hook 20-second '[ "$1" != prepare ] || { echo no space left; exit 1; }'
ctl backup >"$scratch/refused" 2>&1
is "a prepare that fails refuses the backup" $? 1
is "before any freeze" "$(called)" "10-first prepare checking,20-second prepare checking"
check "and the journal has it" log_has "No backup is possible: hook 20-second: prepare: exit status 1"
check "and what it said" log_has "Hook 20-second: | no space left"
refuse "and a rehearsal" 1 hvctl vss rehearse --yes
like "which says so" "$case_out" "refused: hook 20-second: prepare: exit status 1*"
is "before any freeze" "$(called)" "10-first prepare checking,20-second prepare checking"
hook 20-second ''
check "a rehearsal" hvctl vss rehearse --duration 0.1s --yes
wait_for 60 has_call "10-first thaw thawed"
is "has prepare, too" "$(called)" "10-first prepare checking,20-second prepare checking,10-first freeze freezing,\
20-second freeze freezing,20-second thaw thawed,10-first thaw thawed"

hook 20-second '[ "$1" != freeze ] || exit 7'
ctl backup >"$scratch/refused" 2>&1
is "a freeze that fails fails the backup" $? 1
like "in that step" "$(cat "$scratch/refused")" "*check*ok*freeze*fail*"
wait_for 60 has_call "10-first thaw failed"
is "and all that have seen it are told" "$(called)" "10-first prepare checking,20-second prepare checking,\
10-first freeze freezing,20-second freeze freezing,20-second freeze-failed failed,20-second thaw failed,\
10-first freeze-failed failed,10-first thaw failed"
check "nothing is frozen" thawed_within 1000 "$(now_ms)"
check "the journal has it" log_has "No freeze: hook 20-second: freeze: exit status 7"

hook 20-second '[ "$1" != freeze ] || exit 7' OnFailure=ignore
check "unless that does not matter" ctl backup --hold 0.1
wait_for 60 has_call "10-first thaw thawed"
called >/dev/null

hook 20-second '
[ "$1" = freeze ] || exit 0
trap "" TERM
setsid bash -c "trap \"\" TERM; echo \$\$ >$scratch/deep; while :; do sleep 0.1; done" &
while :; do sleep 0.1; done' Timeout=2s
ctl backup >"$scratch/refused" 2>&1
is "one that hangs fails the backup" $? 1
check "the journal has it" log_has "No freeze: hook 20-second: freeze: it took longer than 2 s, and was killed"
check "it is gone" wait_for 60 test ! -d "/proc/$(cat "$scratch/deep")"
wait_for 60 has_call "10-first thaw failed"
called >/dev/null

hook 20-second ''
chmod g+w "$hooks/20-second"
ctl backup >"$scratch/refused" 2>&1
is "one that others may write refuses the backup" $? 1
check "and is not run" [ "$(called)" = "10-first prepare checking" ]
check "and the journal says why" log_has "freeze.d/20-second: others than root may write it"
hook 20-second '' Timout=3
ctl backup >"$scratch/refused" 2>&1
is "so does one whose .conf is wrong" $? 1
check "and the journal says where" log_has "20-second.conf:1: there is no key Timout"
called >/dev/null

# --- who stops it ---

hook 20-second '[ "$1" != freeze ] || { : >"$scratch/runs"; while :; do sleep 0.1; done; }' Timeout=10min
"$host" ctl "$scratch/host.sock" backup >"$scratch/refused" 2>&1 &
backup=$!
wait_for 60 test -e "$scratch/runs"
check "the daemon answers while a hook runs" ctl services
daemon_stop
is "a daemon that is stopped while a hook runs ends" $? 0
wait $backup 2>/dev/null
is "with all of them thawed" "$(called)" "10-first prepare checking,20-second prepare checking,10-first freeze freezing,\
20-second freeze freezing,20-second freeze-failed failed,20-second thaw failed,10-first freeze-failed failed,\
10-first thaw failed"

# Nobody starts another daemon.
hook 20-second ''
daemon_start
hold 300
called >/dev/null
daemon_stop KILL
kill "$backup" 2>/dev/null
wait "$backup" 2>/dev/null
check "daemon killed and not started again: the files are thawed" thawed_within 3000 "$(now_ms)"
check "and the hooks" wait_for 60 has_call "10-first thaw recovering"
check "each of them" wait_for 60 has_call "20-second thaw recovering"
called >/dev/null
: >"$scratch/daemon.log"
daemon_start
check "the next daemon tells them, too" log_has "Hook 10-first: thaw took "
wait_for 60 test ! -e "$scratch/vss.hooks"
called >/dev/null
: >"$scratch/daemon.log"
hold 300
kill_all
kill "$backup" 2>/dev/null
wait "$backup" 2>/dev/null
check "daemon, worker and guard killed: the hooks are noted" grep -qx 10-first "$scratch/vss.hooks"
called >/dev/null
daemon_start
check "and thawed by the next daemon" log_has "Hook 10-first: thaw took "
wait_for 60 test ! -e "$scratch/vss.hooks"
is "once more, after those that have done so by themselves" "$(called | tr , '\n' | tail -n 2 | paste -sd,)" \
	"20-second thaw recovering,10-first thaw recovering"
check "as are the files" thawed_within 3000 "$(now_ms)"
check "and the next backup is well" ctl backup --hold 0.1
wait_for 60 has_call "10-first thaw thawed"
called >/dev/null
daemon_stop

configure Hooks=no
daemon_start
check "a backup without hooks" ctl backup --hold 0.1
is "is one without hooks" "$(called)" ""
daemon_stop
mv "$hooks" "$etc/others"
configure "HooksDirectory=${etc#"$root"}/others"
daemon_start
check "a backup with those of another folder" ctl backup --hold 0.1
check "is one with those" wait_for 60 has_call "10-first thaw thawed"
daemon_stop

# --- where systemd runs: the daemon alone stands under the unit's list of system calls, and systemd-run ---

unit=$build/systemd/hv-vss-daemon.service
why=$(calls_skip "$build")
if [ -n "$why" ]; then
	skip "it makes no system call for a hook that the unit forbids" "$why"
else
	mkdir -p "$root/run/systemd/system" "$root/usr/bin"
	printf '#!/bin/bash\nscratch=%q\n%s\n' "$scratch" 'echo run >>"$scratch/units"
while [ "$1" != -- ]; do shift; done
shift
exec "$@"' >"$root/usr/bin/systemd-run"
	chmod 755 "$root/usr/bin/systemd-run"
	under=(strace -qq -o "$scratch/trace")
	called >/dev/null
	daemon_start
	check "traced: a backup" ctl backup --hold 0.1
	check "traced: its end" wait_for 60 has_call "10-first thaw thawed"
	kill -TERM "$(cat "/proc/$daemon_pid/task/$daemon_pid/children")"
	wait "$daemon_pid"
	is "its hooks were units" "$(sort "$scratch/units" | uniq -c | xargs)" "4 run"
	calls_allowed "$unit" >"$scratch/allowed"
	calls_made <(sed 's/^/1 /' "$scratch/trace") >"$scratch/made"
	check "the trace has its calls" grep -qx memfd_create "$scratch/made"
	is "it makes no system call for a hook that the unit forbids" \
		"$(comm -23 "$scratch/made" "$scratch/allowed" | xargs)" ""
fi

# shellcheck disable=SC2154 # of case.sh
[ "$case_failed" -eq 0 ] || sed 's/^/# /' "$scratch/daemon.log"
done_testing
