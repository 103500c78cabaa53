# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# A lane: takes jobs from the queue one after another until there are none, runs each where vm_where
# says, and judges its cases. It is a process of its own; what it finds it leaves in files.

# Lines of a guest's kernel log that fail a case.
lane_bad_log='WARNING:|BUG:|Oops|kernel BUG at|blocked for more than|lockup|general protection fault|UBSAN:'
lane_bad_log+='|rcu.*(stall|self-detected)|[^a-z](leak|leaked|leaking)([^a-z]|$)|unreferenced object'
# And those that every boot has: what the processor is prone to.
lane_fine_log='Speculative Return Stack Overflow|data leak|Spectre|MDS|MMIO Stale'

lane_run()
{
	local lane=$1 job dir=$vm_results/lane-$1

	mkdir "$dir"
	outer_pid=
	trap 'lane_end' EXIT
	trap 'exit 130' INT TERM
	while job=$(lane_take "$lane"); do
		lane_job "$job" "$dir"
		: >"$vm_results/done/${job##*/}"
	done
}

lane_end()
{
	[ -z "${lane_child:-}" ] || kill "$lane_child" 2>/dev/null
	outer_stop
}

# Take one job: renaming its ticket is what only one lane can do.
lane_take()
{
	local ticket

	for ticket in "$vm_results"/queue/*; do
		[ -e "$ticket" ] || return 1
		if mv "$ticket" "$vm_results/lane-$1/" 2>/dev/null; then
			echo "$vm_results/${ticket##*/}"
			return 0
		fi
	done
	return 1
}

# lane_job JOB DIR
lane_job()
{
	local job=$1 dir=$2 try status

	for try in 1 2 3 4; do
		if [ $vm_where = machine ]; then
			lane_on_machine "$job"
		else
			lane_in_emulator "$job" "$dir"
		fi
		status=$?
		grep -h '^dead.* try 1' "$job/boots" 2>/dev/null >>"$job/again"
		# The emulator itself may die or stop of a guest, which is nothing that a case is about; now and then
		# it does so twice in a row.
		if [ $status != 125 ] || [ $try = 4 ]; then
			break
		fi
		say "$(cat "$job/title"): the emulator ended or came to a standstill; once more"
		lane_tail "the emulator's console" "$dir/console" >&2
		lane_tail "the emulator" "$dir/qemu.log" >&2
		echo "the emulator ended or came to a standstill" >>"$job/again"
		rm -f "$job"/case-*/status
	done
	lane_say_boots "$job"
	lane_judge "$job" $status "$dir"
}

# How long a job may take in all.
lane_seconds()
{
	awk '{ n += $2 + 30 } END { print n + 0 }' "$1/cases" | {
		read -r cases
		. "$1/boot.conf"
		echo $((cases + 2 * boot_seconds + 60))
	}
}

lane_on_machine()
{
	local status

	timeout -k 10 "$(lane_seconds "$1")" "$top/tests/vm/lib/session" "$1" >"$1/session.log" 2>&1 &
	lane_child=$!
	wait $lane_child
	status=$?
	lane_child=
	return $status
}

lane_in_emulator()
{
	local job=$1 dir=$2 status

	if [ -z "$outer_pid" ]; then
		outer_start "$vm_results" "$dir" || return 125
		if ! outer_wait_ready 120; then
			outer_stop
			return 125
		fi
		say_more "emulator ${dir##*-} is up"
	fi
	printf 'exec %q %q\n' "$top/tests/vm/lib/session" "$job" >"$job/script"
	outer_job "$job/script" "$(lane_seconds "$job")"
	status=$?
	mv "$job/script.out" "$job/session.log" 2>/dev/null
	case $status in
	124 | 125)
		kill -0 "$outer_pid" 2>/dev/null && outer_state "$dir" && cp "$dir/state" "$job/emulator.state"
		outer_stop
		;;
	esac
	return $status
}

lane_say_boots()
{
	local kind ms rest

	while read -r kind ms rest; do
		if [ "$kind" = up ]; then
			say_more "$(cat "$1/title"): guest shell after $((ms / 1000)).$((ms / 100 % 10)) s"
		else
			say "$(cat "$1/title"): boot died, $rest"
		fi
	done <"$1/boots"
}

# lane_judge JOB STATUS DIR: every case of a job that has run, or should have.
lane_judge()
{
	local job=$1 name seconds folder

	while read -r name seconds folder; do
		mkdir -p "$job/case-$name"
		lane_judge_case "$job" "$name" "$2" "$3"
	done <"$job/cases"
}

# One case: counts to "count", what is wrong to "complaints", and a line for the user.
lane_judge_case()
{
	local job=$1 name=$2 out=$1/case-$2 passed=0 failed=0 skipped=0 who rc p f s

	: >"$out/complaints"
	if [ ! -e "$out/status" ]; then
		failed=1
		lane_why_not "$job" "$3" >>"$out/complaints"
	else
		while read -r who rc; do
			[ "$rc" != - ] || continue
			read -r p f s < <(tap_count "$out/$who.out" "$rc")
			passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
			[ "$f" = 0 ] || lane_complain "$who" "$rc" "$out/$who.out" >>"$out/complaints"
		done <"$out/status"
		lane_log "$job" "$out" >"$out/bad-log"
		if [ -s "$out/bad-log" ]; then
			failed=$((failed + 1))
			{ echo "the guest's kernel log has:"; head -n 20 "$out/bad-log"; } >>"$out/complaints"
		fi
	fi
	echo "$passed $failed $skipped" >"$out/count"
	lane_tell "$job" "$name" "$passed" "$failed" "$skipped"
	[ $failed = 0 ] || lane_consoles "$job" "$out" "$3" "$4" >&2
}

lane_why_not()
{
	case $2 in
	124) echo "the job took too long" ;;
	125) echo "the emulator ended or came to a standstill, every time" ;;
	*) echo "the guest did not boot" ;;
	esac
	tail -n 5 "$1/session.log" 2>/dev/null
}

# lane_complain WHO STATUS FILE
lane_complain()
{
	case $2 in
	124) echo "$1.sh took too long" ;;
	125) echo "$1.sh: the guest went away" ;;
	*) echo "$1.sh ended with $2:" ;;
	esac
	tap_show "$3"
}

# The bad lines of a case's part of the console; of the whole kernel log for the last case of a boot.
lane_log()
{
	local from to

	read -r from <"$2/console.from"
	read -r to <"$2/console.to"
	[ "$from" -lt "$to" ] || from=0
	{
		tail -c +$((from + 1)) "$1/console" | head -c $((to - from))
		[ "$2" != "$1/case-$(tail -n 1 "$1/cases" | cut -d' ' -f1)" ] || cat "$1/console" "$1/dmesg" 2>/dev/null
	} | tr -d '\r' | grep -aE "$lane_bad_log" | grep -avE "$lane_fine_log" | awk '!seen[$0]++'
}

lane_tell()
{
	local ms=0 word=ok

	[ "$4" = 0 ] || word=FAIL
	[ ! -e "$1/case-$2/ms" ] || read -r ms <"$1/case-$2/ms"
	say "$(printf '%-4s %s' $word "$2") ($(cat "$1/title")): $3 passed$([ "$4" = 0 ] || echo ", $4 failed")$(
		[ "$5" = 0 ] || echo ", $5 skipped"), $((ms / 1000)).$((ms / 100 % 10)) s"
	tap_skips "$1/case-$2"/*.out | sed 's/^/           /' >&2
	[ ! -s "$1/case-$2/complaints" ] || sed 's/^/           /' "$1/case-$2/complaints" >&2
}

# After a time-out, a lost guest or a boot that failed: the last lines of both consoles.
lane_consoles()
{
	local job=$1 out=$2 dir=$4

	if [ -e "$out/status" ] && ! grep -qE ' (124|125)$' "$out/status"; then
		return
	fi
	lane_tail "the guest's console" "$job/console"
	lane_tail "hvis-host" "$job/host.log"
	[ $vm_where = machine ] || lane_tail "the emulator's console" "$dir/console"
}

lane_tail()
{
	[ -s "$2" ] || return 0
	echo "--- $1, last lines ($2)"
	tail -n 40 "$2" | tr -d '\r'
	echo "---"
}
