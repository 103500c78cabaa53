#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2119,SC2317 # functions that check calls
#
# hvctl vss and the socket of hv_vss_daemon, on real file systems of this test's own: the plan, a rehearsal
# that freezes, thawing by hand, the history, and what the host is told. /run is the test's own, too.
# shellcheck source=tests/integration/vssd-link.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/integration/vssd-link.sh"

mount -t tmpfs none /run || leave "no tmpfs can be mounted here"
mkdir /run/hvis
# shellcheck disable=SC2034 # for vssd-link.sh
socket=/run/hvis/vss

hvctl()
{
	"$build/hvctl/hvctl" "$@"
}

# member PATH TEXT: the value of a JSON member in one line of TEXT, the first one of that name
member()
{
	tr -d '\n' <<<"$2" | sed -n "s/.*\"$1\": *\(\"[^\"]*\"\|[a-z0-9-]*\).*/\1/p" | tr -d '"'
}

# backup_is WORD: the state of the daemon
backup_is()
{
	[ "$(hvctl vss status | sed -n 's/^Backup: *//p')" = "$1" ]
}

# last_is RESULT ENDER: of the history's first line
last_is()
{
	hvctl vss history | sed -n 2p | grep -q " $1 .* $2 "
}

# told RESULT: whether the host's key says so by now
told()
{
	hvctl kvp get HvisLastBackup --pool-dir "$pools" "${@:2}" | grep -q "\"result\":\"$1\""
}

# unlike NAME TEXT PATTERN
unlike()
{
	# shellcheck disable=SC2254 # a pattern it is
	case $2 in
	$3) result 1 "$1" ;;
	*) result 0 "$1" ;;
	esac
}

# --- without a daemon ---

refuse "no daemon: no status" 3 hvctl vss status
refuse "nor a history" 3 hvctl vss history
refuse "nor a rehearsal" 3 hvctl vss rehearse --yes
refuse "which --yes would not change" 3 hvctl vss rehearse
unlike "and is not asked for" "$case_out" "*--yes*"
refuse "and nothing to thaw" 1 hvctl vss thaw
hvctl vss plan >"$scratch/plan" 2>"$scratch/err"
check "but a plan, which says where it is from" grep -q "hv_vss_daemon does not run" "$scratch/err"
check "and what of it is possible" grep -q "backup is possible" "$scratch/plan"
refuse "unless a socket was named" 3 hvctl vss plan --socket "$scratch/none"

# As the page has it.
monitoring=$(sed -n '/^hvctl vss status /p' "$top/man/hvis-backup.7.in")
is "who watches it hears of that" "$(eval "$monitoring" 2>"$scratch/err")" "no backup is possible"

hvctl vss rehearse --help >"$scratch/help"
check "help has the status of a rehearsal that could not begin" grep -q "3 where it could not" <<<"$(tr -s ' \n' ' ' <"$scratch/help")"
check "help has the socket of this daemon" grep -q -- "--socket=PATH .*\[/run/hvis/vss\]$" "$scratch/help"
check "and that a rehearsal waits as long as it takes" grep -q -- "--timeout=TIME .*\[never\]$" "$scratch/help"

# --- with one ---

link_start
look_at_mounts
# Long enough for a busy machine: nothing here waits for the end of it.
deadline=10min configure
daemon_start
check "the status" hvctl vss status
like "says that all is well" "$case_out" "*State: *ready*Backup: *idle*"
hvctl status >"$scratch/status"
is "hvctl status has both" "$(grep -c '^hv_\(kvp\|vss\)_daemon: ' "$scratch/status")" 2
is "and who watches it hears nothing" "$(eval "$monitoring" 2>&1)" ""
check "the plan" hvctl vss plan
is "has all file systems" "$(grep -c "^freeze " <<<"$case_out")" ${#mounts[@]}
like "and ends well" "$case_out" "*A backup is possible."
is "what stands on another is frozen first" \
	"$(awk -v m="$scratch/m-stacked" '$3 == m { print $2 }' <<<"$case_out")" 0
check "the history" hvctl vss history
like "is empty" "$case_out" "no backup*"

# --- a backup ---

check "a backup" ctl backup --hold 0.2
check "is in the history" last_is ok host
is "of which none may be wanted" "$(hvctl vss history --lines 0)" ""
is "with all its mounts" "$(hvctl vss history --json | grep -c '"frozen_us": [1-9]')" $((${#mounts[@]} + 1))
check "the status has it" hvctl vss status
like "in words" "$case_out" "*Last backup: *ok, *${#mounts[@]} file systems were frozen for *"
check "the host is told by its key" wait_for 60 told ok
is "which is one record" "$(hvctl kvp list --pool-dir "$pools" --format plain | grep -c "^HvisLastBackup=")" 1

# --- while the host has it frozen ---

hold 300
check "the state is told" backup_is frozen
like "with the deadline" "$(hvctl vss status)" "*Frozen since: *Thawed in: *at the latest*"
check "the plan is" hvctl vss plan
is "and is that of this backup" "$(grep -c "^freeze " <<<"$case_out")" ${#mounts[@]}

# What is frozen may be all there is: the daemon opens nothing, and says nothing, while it answers.
if command -v strace >/dev/null && strace -o "$scratch/none" true 2>/dev/null; then
	strace -f -s 200 -o "$scratch/calls" -p "$daemon_pid" 2>"$scratch/strace" &
	strace_pid=$!
	wait_for 60 grep -q attached "$scratch/strace"
	check "it answers under a watch" eval "hvctl vss status && hvctl vss plan && hvctl vss history"
	kill -INT $strace_pid
	wait $strace_pid 2>/dev/null
	check "which has seen it" grep -q "io.hvis.Vss.Plan" "$scratch/calls"
	is "and that it opens, looks at and runs nothing, and is silent" \
		"$(grep -E '(^| )(open|creat|l?stat|newfstatat|statx|f?access|readlink|unlink|rename|mkdir|exec|write\(2,)' \
			"$scratch/calls")" ""
else
	skip "what the daemon does is watched" "no strace, or nothing can be traced here"
fi

refuse "no rehearsal meanwhile" 3 hvctl vss rehearse --yes
like "because of the backup" "$case_out" "*a backup is under way*"
check "thawed by hand" hvctl vss thaw
like "which is told" "$case_out" "thawed: *it was thawed by hand"
check "is thawed" thawed_within 20000 "$(now_ms)"
check "the history has it" last_is aborted hand
refuse "a second time there is nothing" 1 hvctl vss thaw
kill "$backup"
wait "$backup" 2>/dev/null
check "the host is told that" wait_for 60 told aborted
wait_for 60 idle

# --- a rehearsal ---

refuse "not without --yes" 2 hvctl vss rehearse
like "which is asked for" "$case_out" "*; --yes does it*"
refuse "not where it would be too long" 2 hvctl vss rehearse --duration 600s
unlike "with --yes or without" "$case_out" "*--yes*"
refuse "nor for as long as the deadline" 2 hvctl vss rehearse --duration 600s --yes
sed -i 's/^Deadline=.*/Deadline=5s/' "$etc/hvis.conf"
refuse "what the daemon goes by counts" 2 hvctl vss rehearse --duration 20s
like "not what its file has by now" "$case_out" "*--yes does it*"
check "a rehearsal" hvctl vss rehearse --duration 4s --yes --json
rehearsal=$case_out
is "is well" "$(member result "$rehearsal")" ok
is "of all" "$(member frozen "$rehearsal")" ${#mounts[@]}
# Half a second of four: a writer that did not get to run in time sees less.
[ "$(member longest_stall_us "$rehearsal")" -gt 500000 ]
result $? "a writer stood still"
check "the history has it" last_is ok time
check "the host is not told of it" told aborted

"$build/hvctl/hvctl" vss rehearse --duration 300s --yes >"$scratch/rehearsal" 2>&1 &
rehearsing=$!
check "the state is told" wait_for 60 eval "backup_is rehearsing && hvctl vss status | grep -q '^Frozen since'"
check "it is really frozen" frozen_at "${mounts[0]}"
ctl backup >"$scratch/refused" 2>&1
is "the host is refused meanwhile" $? 1
check "and that changes nothing" backup_is rehearsing
refuse "a second one is refused" 3 hvctl vss rehearse --yes
check "thawed by hand" hvctl vss thaw
wait $rehearsing
is "it did not go well" $? 1
like "as it says" "$(cat "$scratch/rehearsal")" "aborted: *it was thawed by hand*"
check "and all is thawed" thawed_within 20000 "$(now_ms)"
check "that the host was refused is in the history" last_is refused -
check "and told" wait_for 60 told refused

"$build/hvctl/hvctl" vss rehearse --duration 300s --yes >"$scratch/rehearsal" 2>&1 &
rehearsing=$!
wait_for 60 eval "backup_is rehearsing && hvctl vss status | grep -q '^Frozen since'"
kill -KILL $rehearsing
wait $rehearsing 2>/dev/null
check "who kills hvctl thaws" thawed_within 20000 "$(now_ms)"
check "as the history says" wait_for 60 last_is aborted caller
refuse "who waits for less than it takes" 5 hvctl vss rehearse --duration 300s --timeout 1s --yes
like "is told what became of it" "$case_out" "*was not over within 1 s: it was called off, and all is thawed"
check "which is so" backup_is idle
check "and in the history" last_is aborted caller
check "and the next backup is well" ctl backup --hold 0.1

# --- who may ---

nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups "$build/hvctl/hvctl")
if "${nobody[@]}" --version >/dev/null 2>&1; then
	check "everybody may look" "${nobody[@]}" vss status
	refuse "but not thaw" 4 "${nobody[@]}" vss thaw
	like "which root may, and nobody by a setting" "$case_out" "*only root may do this"
	refuse "nor rehearse" 4 "${nobody[@]}" vss rehearse --yes
	refuse "whether with --yes or without" 4 "${nobody[@]}" vss rehearse
	unlike "which is not asked for" "$case_out" "*--yes*"
else
	skip "others may look" "they cannot run hvctl here"
fi

# --- a configuration that is wrong ---

like "the configuration in use is that of the files" "$(hvctl vss status --json)" '*"config_problem": null*'
cp "$etc/hvis.conf" "$scratch/hvis.conf"
echo "Nonsense=1" >>"$etc/hvis.conf"
kill -HUP "$daemon_pid"
check "until they are wrong" wait_for 60 eval "hvctl vss status | grep -q '^Configuration: *an older one is in use: .*Nonsense'"
like "which programs are told, too" "$(hvctl vss status --json)" '*"config_problem": "*Nonsense*'
cp "$scratch/hvis.conf" "$etc/hvis.conf"
kill -HUP "$daemon_pid"
check "and mended" wait_for 60 eval "! hvctl vss status | grep -q '^Configuration'"

# --- what goes wrong ---

daemon_stop
deadline=5s configure
daemon_start
hold 300
wait_for 60 last_is failed deadline
result $? "the deadline is in the history"
kill "$backup"
wait "$backup" 2>/dev/null
daemon_stop
configure "Require=/not/there"
daemon_start
refuse "a plan that cannot be met" 1 hvctl vss plan
is "who watches it hears of that, too" "$(eval "$monitoring" 2>"$scratch/err")" "no backup is possible"
like "says why" "$case_out" "*No backup is possible: /not/there is required and not mounted."
ctl backup >"$scratch/refused" 2>&1
check "the host's question is in the history" last_is refused -
check "and the host is told why" wait_for 60 told refused
refuse "so it is with a rehearsal" 1 hvctl vss rehearse --yes
is "which says why, and no more" "$case_out" "refused: /not/there is required and not mounted"
daemon_stop
deadline=10min configure

# By hv_kvp_daemon, where that runs: its pools are others here.
mkdir "$scratch/others"
SYSTEMD_EXEC_PID=0 "$build/kvpd/hv_kvp_daemon" -n --device "$scratch/none" --socket "$root/run/hvis/kvp" \
	--pool-dir "$scratch/others" >"$scratch/kvpd.log" 2>&1 &
kvpd_pid=$!
wait_for 60 hvctl kvp list --socket "$root/run/hvis/kvp"
daemon_start
check "a backup" ctl backup --hold 0.1
check "is told by hv_kvp_daemon" wait_for 60 told ok --socket "$root/run/hvis/kvp"
check "and not to the file" told refused --offline
kill "$kvpd_pid"
wait "$kvpd_pid" 2>/dev/null

# --- the daemon hangs ---

hold 300
kill -STOP "$daemon_pid"
check "a daemon that does not answer is done without" hvctl vss thaw --timeout 1 --marker "$marker"
check "is thawed" thawed_within 20000 "$(now_ms)"
kill -CONT "$daemon_pid"
kill "$backup"
wait "$backup" 2>/dev/null
check "which is a failure" wait_for 60 eval "hvctl vss history | sed -n 2p | grep -q 'somebody else has thawed it'"
wait_for 60 idle

# --- everybody is dead ---

hold 300
kill_all
check "daemon, worker and guard killed: it stays frozen" frozen_at "${mounts[0]}"
check "thawed by the marker" hvctl vss thaw --marker "$marker"
check "is thawed" thawed_within 20000 "$(now_ms)"
[ ! -e "$marker" ]
result $? "and the marker is gone"
wait "$backup" 2>/dev/null

# shellcheck disable=SC2154 # of case.sh
[ "$case_failed" -eq 0 ] || sed 's/^/# /' "$scratch/daemon.log"
done_testing
