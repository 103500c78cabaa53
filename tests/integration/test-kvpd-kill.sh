#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# SIGKILL at each system call of a change and of a start, with 1,000 records in the pool: none is lost and
# none is torn, and what the host was told to be done is done. The distribution's daemon goes through the same
# beside ours. Needs no root.
#
# HVIS_KILL_POINTS=N tries N points of each part, other ones for each HVIS_KILL_SEED; "all", which
# "./run campaign kvp-kill" asks for, every one. HVIS_KILL_FIGURE is a file to which the sums go.
# shellcheck disable=SC2119,SC2031,SC2317 # functions take options, run in subshells, and are called by name
# shellcheck source=tests/integration/kvpd.sh
. "$(dirname "$0")/kvpd.sh"
# shellcheck source=tests/integration/kvpd-peer.sh
. "$(dirname "$0")/kvpd-peer.sh"

points=${HVIS_KILL_POINTS:-4}
RANDOM=${HVIS_KILL_SEED:-1}
killer=$build/tests/integration/kill-at
sums_points=0 sums_bad=0

# --- a pool of 1,000 records, and what is to be done with it ---

# The four changes: the key, and its value ("": it is removed). The one of the known key goes over the end of a page.
change_keys=(Victim Key502 Key500 Key999)
change_values=(new "$(printf '%01000d' 7)" '' '')
change_names=("SET of a new key" "SET of a known key" "DELETE in the middle" "DELETE at the end")

"$tool" fill "$scratch/before" Key 1000

# pools_fresh: the five files of a guest that has been in use.
pools_fresh()
{
	rm -rf "$scratch/pools"
	mkdir "$scratch/pools"
	cp "$scratch/before" "$(pool_file 0)"
	cp "$scratch/before" "$(pool_file 1)"
	: >"$(pool_file 2)"
	: >"$(pool_file 3)"
	: >"$(pool_file 4)"
}

# change C: by the host.
change()
{
	if [ -n "${change_values[$1]}" ]; then
		ctl kvp set "${change_keys[$1]}" "${change_values[$1]}" --timeout 20
	else
		ctl kvp remove "${change_keys[$1]}" --timeout 20
	fi
}

# judged C: what has become of pool 0.
judged()
{
	local text=()

	[ "$who" = ours ] || text=(-t) # what follows the NUL of the peer's records is anything
	"$tool" judge "${text[@]}" "$scratch/before" "$(pool_file 0)" "${change_keys[$1]}" \
		${change_values[$1]:+"${change_values[$1]}"}
}

# --- the daemons ---

# us_start: ours as it is started everywhere else, but not waited for: "ready" does.
us_start()
{
	(daemon_run) >>"$scratch/daemon.log" 2>&1 &
	daemon_pid=$!
}

who_start()
{
	if [ "$who" = ours ]; then
		us_start
		who_pid=$daemon_pid
	else
		peer_start
		who_pid=$peer_pid
	fi
	ready >/dev/null || echo "# $who did not get ready"
}

who_stop()
{
	kill -KILL "$who_pid" 2>/dev/null
	wait "$who_pid" 2>/dev/null
	daemon_pid='' peer_pid=''
}

# --- one death ---

killer_wait()
{
	until [ -s "$scratch/killer" ] || ! kill -0 "$killer_pid" 2>/dev/null; do
		sleep 0.01
	done
}

killer_end()
{
	kill -TERM "$killer_pid"
	wait "$killer_pid"
	killer_said=$(tail -n 1 "$scratch/killer")
}

# die_in_change C N [-t]: what is left of the pool by a death at the N-th system call of change C. Sets
# killer_said, and answered if the host was told that the change is made.
die_in_change()
{
	pools_fresh
	who_start
	rm -f "$scratch/killer"
	"$killer" "${@:3}" -l "$scratch/calls" "$2" "$who_pid" >"$scratch/killer" &
	killer_pid=$!
	killer_wait
	change "$1" >/dev/null
	answered=$?
	# after the answer there may be more to do, of which it can die as well
	for _ in {1..10}; do
		kill -0 "$who_pid" || break
		sleep 0.02
	done
	killer_end
	who_stop
}

# die_at_start N: the same of a start, whatever the pools hold.
die_at_start()
{
	local asked

	rm -f "$scratch/killer"
	(
		SYSTEMD_EXEC_PID=$BASHPID exec "$killer" -l "$scratch/calls" "$1" -- "$daemon" -n \
			--device "$scratch/dev/hv_kvp" --pool-dir "$scratch/pools" --socket "$scratch/kvp.sock"
	) >"$scratch/killer" 2>>"$scratch/daemon.log" &
	killer_pid=$!
	ready >/dev/null &
	asked=$!
	wait -n $killer_pid $asked
	sleep 0.05
	kill -KILL $asked
	# the tracer lets go of a daemon that has lived: it has to be ended
	who_pid=$(pgrep -P $killer_pid)
	killer_end
	[ -z "$who_pid" ] || kill -KILL "$who_pid"
}

# call_at N: its name, in the run before.
call_at()
{
	sed -n "s/^$1 //p" "$scratch/calls"
}

# Calls that can change a file, and those after them.
candidates()
{
	awk '$2 ~ /write|truncate|sync|open|close|unlink|rename|link|allocate|mkdir|chmod|chown/ { print $1; print $1 + 1 }' \
		"$scratch/calls" | sort -nu
}

# chosen: the points of a part of which the run before has counted the calls.
chosen()
{
	if [ "$points" = all ]; then
		# a thread may be scheduled otherwise the next time: a few more
		seq $(($(wc -l <"$scratch/calls") + 8))
	else
		candidates | shuf -n "$points" --random-source=<(yes "$RANDOM") | sort -n
	fi
}

# --- ours ---

# bad WHAT: one line for each thing that is not as it must be.
bad()
{
	echo "# $1"
	failed=$((failed + 1))
}

# whole C WHEN: after the next start, the pool is as before change C or as after it.
whole()
{
	local now

	who_start
	who_stop
	now=$(judged "$1")
	case $now in
	"lost 0 torn 0 tail 0 after") ;;
	"lost 0 torn 0 tail 0 before") [ "$answered" != 0 ] || bad "$2: the host was told that it is done" ;;
	*) bad "$2: the next start left $now" ;;
	esac
	[ -e "$(pool_file 1)" ] || bad "$2: no pool 1"
}

die_of_change()
{
	local now torn=()

	[ "${3:-}" != -t ] || torn=(-t)
	die_in_change "$1" "$2" "${torn[@]}"
	case $killer_said in
	killed*) ;;
	*) return 1 ;;
	esac
	dead=$((dead + 1))
	now=$(judged "$1")
	if [ ${#torn[@]} = 1 ]; then
		cuts=$((cuts + 1))
		rm -rf "$scratch/torn" "$scratch/torn-copy"
		cp -a "$scratch/pools" "$scratch/torn-copy"
		mv "$scratch/pools" "$scratch/torn"
		ln -s torn "$scratch/pools"
		torn_change=$1
	else
		[[ $now = "lost 0 torn 0 tail 0 "* ]] || bad "$killer_said: left $now"
	fi
	whole "$1" "$killer_said${torn:+, torn}"
}

# tear C: the first write that can be torn, for the part that repairs. On a busy machine the calls of a change are
# not always as many, so a number from before may mean another one: again, then.
tear()
{
	local n

	for _ in 1 2 3 4 5; do
		die_in_change "$1" 0
		awk '$2 == "pwrite64" { print $1; print $1 + 1 }' "$scratch/calls" | sort -nu >"$scratch/chosen"
		while read -r n; do
			die_of_change "$1" "$n" -t </dev/null
			[ ! -d "$scratch/torn" ] || return
		done <"$scratch/chosen"
	done
}

ours_in_change()
{
	local n

	who=ours failed=0 dead=0 cuts=0
	die_in_change "$1" 0
	is "${change_names[$1]}: done under the tracer" "$answered $(judged "$1")" "0 lost 0 torn 0 tail 0 after"
	for n in $(chosen); do
		die_of_change "$1" "$n" || continue
		case $(call_at "$n") in
		write | pwrite64) die_of_change "$1" "$n" -t ;;
		esac
	done
	[ "$1" != 1 ] || [ -d "$scratch/torn" ] || tear 1
	check "${change_names[$1]}: it was killed" test $dead -gt 0
	is "${change_names[$1]}: nothing lost, nothing torn, at $dead deaths ($cuts within a write)" $failed 0
	sums_points=$((sums_points + dead)) sums_bad=$((sums_bad + failed))
}

# start_part NAME PREPARE C JUDGE: PREPARE makes the pools that a daemon finds; JUDGE C WHAT looks at what a
# death and the next start have left of them.
start_part()
{
	local name=$1 prepare=$2 change=$3 n

	who=ours failed=0 dead=0 answered=1
	$prepare
	die_at_start 0
	for n in $(chosen); do
		$prepare
		cp "$(pool_file 1)" "$scratch/pool1" 2>/dev/null || : >"$scratch/pool1"
		die_at_start "$n"
		case $killer_said in
		killed*) ;;
		*) continue ;;
		esac
		dead=$((dead + 1))
		$4 "$change" "$killer_said"
		[ "$(cksum <"$(pool_file 1)")" = "$(cksum <"$scratch/pool1")" ] || bad "$killer_said: pool 1 is another"
	done
	check "$name: it was killed" test $dead -gt 0
	is "$name: nothing lost, nothing torn, at $dead deaths" $failed 0
	sums_points=$((sums_points + dead)) sums_bad=$((sums_bad + failed))
}

pools_none()
{
	rm -rf "$scratch/pools"
	mkdir "$scratch/pools"
}

pools_cut()
{
	pools_fresh
	head -c 700 "$scratch/before" >>"$(pool_file 0)"
}

# The very files that died: a copy of them would be others to the journal.
pools_torn()
{
	local file

	rm -rf "$scratch/pools"
	ln -s torn "$scratch/pools"
	for file in "$scratch"/torn-copy/.[!.]*; do
		cat "$file" >"$scratch/torn/${file##*/}"
	done
}

# The next change finds its way past an end that is no whole record.
goes_on()
{
	who_start
	change "$1" >/dev/null || bad "$2: no change is made afterwards"
	who_stop
	is_now=$(judged "$1")
	[ "$is_now" = "lost 0 torn 0 tail 0 after" ] || bad "$2: the next change left $is_now"
}

# The five files, empty.
five_empty()
{
	local pool

	who_start
	who_stop
	for pool in 0 1 2 3 4; do
		[ -f "$(pool_file "$pool")" ] || bad "$2: no pool $pool"
		[ ! -s "$(pool_file "$pool")" ] || [ "$pool" -gt 1 ] || bad "$2: pool $pool is not empty"
	done
}

# --- the distribution's ---

peer_in_change()
{
	local n now lost=0 all=0

	who=peer dead=0
	die_in_change "$1" 0
	if [ "$points" = all ]; then
		chosen
	else
		candidates # they are few
	fi >"$scratch/chosen"
	while read -r n; do
		die_in_change "$1" "$n" </dev/null
		[[ $killer_said = killed* ]] || continue
		dead=$((dead + 1))
		now=$(judged "$1")
		now=${now#lost }
		now=${now%% *}
		[ "$now" = 0 ] || lost=$((lost + 1))
		[ "$now" -lt 999 ] || all=$((all + 1))
	done <"$scratch/chosen"
	check "${change_names[$1]}: the distribution's daemon was killed beside it" test $dead -gt 0
	echo "# ${change_names[$1]}: ours loses 0 of 1,000 records, the distribution's at $lost of $dead deaths (all of them at $all)"
	echo "peer ${change_names[$1]}: $lost of $dead deaths lose records, $all of them all" >>"$figure"
}

# --- all of it ---

figure=${HVIS_KILL_FIGURE:-$scratch/figure}
: >"$figure"
exec 2>"$scratch/messages" # the shell tells of every process that is killed
link_start
for c in 0 1 2 3; do
	ours_in_change $c
done
start_part "first start" pools_none 0 five_empty
start_part "start with 1,000 records" pools_fresh 0 whole
start_part "start with a torn end" pools_cut 0 goes_on
check "a write was torn" test -d "$scratch/torn"
start_part "repair after a torn write" pools_torn "$torn_change" whole
if peer_find >/dev/null; then
	for c in 1 2; do
		peer_in_change $c
	done
else
	skip "the distribution's daemon" "its package is not unpacked here (HVIS_PEER names a folder)"
fi
echo "ours $sums_points deaths, $sums_bad of them with a record lost or torn" >>"$figure"
sed 's/^/# /' "$figure"
done_testing
