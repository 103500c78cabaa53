#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317 # functions that check calls
#
# The freeze on real file systems: worker and guard of the test build, with vss-drive as their daemon.
# shellcheck source=tests/integration/vssd.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/integration/vssd.sh"

pids=$scratch/pids

# In the place of the kernel's switch (vssd/hurry.h). It is on while file systems are being frozen.
export HVIS_VSS_PROVE_HURRY=$scratch/hurry
echo 0 >"$HVIS_VSS_PROVE_HURRY"
hurries()
{
	[ "$(cat "$HVIS_VSS_PROVE_HURRY")" = 1 ]
}

# drive OPTION… PATH=LEVEL…
drive()
{
	"$programs/vss-drive" --programs "$programs" --pids "$pids" "$@"
}

# gone: worker and guard have ended, whoever is their parent by now.
gone()
{
	local pid
	# shellcheck disable=SC2013 # words
	for pid in $(cat "$pids"); do
		case $(cut -d' ' -f3 "/proc/$pid/stat" 2>/dev/null) in
		'' | Z) ;;
		*) return 1 ;;
		esac
	done
}

thaw_left_over()
{
	"$programs/vss-guard" --thaw-left-over "$marker"
}

like "a worker that nobody's daemon has started says so" "$("$programs/vss-worker" 2>&1)" "usage: hv_vss_worker *"

# --- from the first to the last step ---

out=$(drive --deadline 30000 --hold 0 "$marker" "${volumes[@]}")
like "freeze and thaw of ${#volumes[@]} file systems" "$out" "frozen ${#volumes[@]}*ended 0 *worker 0*guard 0"
is "each is opened, synced, frozen and thawed once" "$(grep -c '^event ' <<<"$out")" $((4 * ${#volumes[@]}))
check "nothing is frozen afterwards" thawed_within 1000 "$(now_ms)"
check "the marker is gone" test ! -e "$marker"

drive --deadline 30000 --hold 4000 "$marker" "${volumes[@]}" >"$scratch/out" &
driver=$!
wait_for 20 grep -q frozen "$scratch/out"
check "what is frozen cannot be written to" frozen_at "${mounts[0]}"
fails "the kernel does not hurry meanwhile" hurries
check "the marker names it" grep -q " $scratch/m-ext4\$" "$marker"
wait $driver
like "and is thawed in time" "$(cat "$scratch/out")" "frozen*ended 0 *"
check "the write that waited is there" thawed_within 1000 "$(now_ms)"

out=$(drive --deadline 30000 "$marker" "$scratch/m-stacked=0" "$upon=1")
like "a file system in a file of another one" "$out" "frozen 2*ended 0 *"

# --- who stops it ---

start=$(now_ms)
out=$(drive --silent --deadline 3000 "$marker" "${volumes[@]}")
like "without THAW the deadline ends it" "$out" "frozen*ended 110 *worker 256*guard *"
check "in time" thawed_within 4000 "$start"

fsfreeze -f "${mounts[0]}"
out=$(drive "$marker" "${volumes[@]}")
like "somebody else has frozen one: refused" "$out" "ended 16 freeze*"
check "and it stays frozen, for it is not ours" fsfreeze -u "${mounts[0]}"
check "the others are not" thawed_within 1000 "$(now_ms)"

out=$(drive --then "(until fsfreeze -u $scratch/m-ext4; do sleep 0.05; done) >/dev/null 2>&1 &" \
	--deadline 30000 --hold 3000 "$marker" "$scratch/m-ext4=0")
like "somebody else has thawed it meanwhile: said to be a failure" "$out" "frozen 1*ended 22 thaw*"

mkdir "$scratch/cover"
out=$(drive --then "mount -t tmpfs none $scratch/m-ext4" "$marker" "$scratch/m-ext4=0")
umount "$scratch/m-ext4"
like "another mount is over it since the plan: refused" "$out" "ended 116 open*"
ln -s / "$scratch/m-ext4/link"
mount --bind "$scratch/cover" "$scratch/m-ext4"
out=$(drive --then "umount $scratch/m-ext4" "$marker" "$scratch/m-ext4=0")
like "it is not mounted any more since the plan: refused" "$out" "ended 1*"

echo probe >"$scratch/m-stacked/file"
touch "$scratch/file"
mount --bind "$scratch/m-stacked/file" "$scratch/file"
mounts+=("$scratch/file")
out=$(drive --deadline 30000 "$marker" "$scratch/file=0")
like "by a file of it that is mounted" "$out" "frozen 1*ended 0 *"
mkfifo "$scratch/m-stacked/pipe"
mount --bind "$scratch/m-stacked/pipe" "$scratch/file"
out=$(drive "$marker" "$scratch/file=0")
like "but by nothing else: to open it may do something" "$out" "ended 20 open*"
umount "$scratch/file"

# --- what it must not touch (a tmpfs cannot be frozen at all) ---

mount -t tmpfs none "$scratch/cover"
out=$(drive "$marker" "$scratch/cover=0")
like "the test build refuses what the test did not name" "$out" "ended 1 open*"
own=$HVIS_VSS_PROVE_DEVICES
HVIS_VSS_PROVE_DEVICES="$own $(device "$scratch/cover")"
out=$(drive "$marker" "$scratch/cover=0")
like "what cannot be frozen is no freeze" "$out" "ended 2 freeze*"
out=$(drive --required "$marker" "$scratch/m-ext4=0" "$scratch/cover=0")
like "and a failure where it is required" "$out" "ended 95 freeze*"
out=$(drive --allow-nothing "$marker" "$scratch/cover=0")
like "unless nothing will do" "$out" "frozen 0*ended 0 *"
out=$(cd "$scratch/cover" && drive "$marker" "$scratch/cover=0")
like "and refuses what the machine runs from, whoever names it" "$out" "ended 1 open*"
HVIS_VSS_PROVE_DEVICES=$own
umount "$scratch/cover"

# --- only a few system calls while something is frozen: any other one is death here ---

if grep -q __asan_init "$programs/vss-worker"; then
	skip "a forbidden call kills the worker" "the sanitizer makes calls of its own"
else
	out=$(drive --step worker:frozen:1:call "$marker" "${volumes[@]}" 2>/dev/null)
	like "a forbidden call kills the worker" "$out" "gone*worker 31*guard 256"
fi
check "and the guard thaws" thawed_within 1000 "$(now_ms)"

# --- killed at every step ---

# killed WHO:NAME:N:WHAT: a run with that; then nothing is frozen for longer than deadline + 1 s.
killed()
{
	local start ended status=0
	start=$(now_ms)
	drive --deadline 5000 --hold 100 --step "$1" "$marker" "${volumes[@]}" >"$scratch/out" 2>&1
	ended=$?
	case $1 in # it was killed, was it?
	worker:*:self | *:both) grep -q '^gone' "$scratch/out" || status=1 ;;
	*:daemon) [ $ended -eq 137 ] || status=1 ;;
	*:guard | guard:*) grep -q '^guard 9' "$scratch/out" || status=1 ;;
	esac
	case $1 in
	*:both) # the third line of defence
		wait_for 20 gone
		thaw_left_over >>"$scratch/out" 2>&1 || status=1
		;;
	esac
	thawed_within 6000 "$start" || status=1
	wait_for 20 gone || status=1
	thaw_left_over >>"$scratch/out" 2>&1 || status=1
	[ ! -e "$marker" ] && [ ! -e "$marker.hurry" ] && ! hurries || status=1
	[ "$status" -eq 0 ] || sed 's/^/# /' "$scratch/out"
	return "$status"
}

last=${#volumes[@]}
steps=(opened:1 synced:1 armed:1 locked:1 frozen:1 thawing:1 thawed:1)
for step in before-freeze after-freeze before-thaw after-thaw; do
	steps+=("$step:1" "$step:$last")
done
for step in "${steps[@]}"; do
	for what in self guard daemon both; do
		check "killed at $step: $what" killed "worker:$step:$what"
	done
done
killed worker:frozen:1:both >/dev/null
is "with both killed all of it was left frozen" "$(grep -c 'was left frozen' "$scratch/out")" "$last"
drive --step worker:locked:1:both "$marker" "${volumes[@]}" >/dev/null 2>&1
wait_for 20 gone
check "with both killed before the first freeze the kernel hurries on" hurries
check "until what is left over is undone" thaw_left_over
fails "and not any more" hurries
for message in 1 $((last + 1)) $((last + 2)) $((2 * last + 1)) $((2 * last + 2)); do
	check "the guard killed at its message $message" killed "guard:guard:$message:self"
done

# --- killed in the middle of a freeze, which goes on in the kernel until it is done ---

# is_in STATE PID: all of its threads are (T: stopped), or one is (D: in the kernel).
is_in()
{
	cut -d' ' -f3 "/proc/$2/task/"*/stat 2>/dev/null | grep -q "$1"
}

dd if=/dev/zero of="$scratch/m-stacked/direct" bs=4096 count=1 conv=fsync status=none
drive --deadline 60000 --step worker:locked:1:stop "$marker" "$scratch/m-stacked=0" >"$scratch/out" 2>&1 &
driver=$!
wait_for 60 test -e "$marker"
read -r worker guard <"$pids"
wait_for 60 is_in T "$worker"
fsfreeze -f "$upon" # a write from below waits there, and the freeze for the write
dd if=/dev/zero of="$scratch/m-stacked/direct" bs=4096 count=1 conv=notrunc oflag=direct status=none &
writer=$!
wait_for 60 is_in D "$writer"
kill -CONT "$worker"
wait_for 60 is_in D "$worker"
kill -KILL "$worker" "$guard" "$driver"
wait "$driver" 2>/dev/null
thaw_left_over >"$scratch/out" 2>&1 &
undoer=$!
check "what is left over waits for the end of a freeze that has begun" wait_for 60 grep -q waiting "$scratch/out"
fsfreeze -u "$upon"
wait "$undoer"
is "and is thawed then" "$?: $(grep -c 'was left frozen' "$scratch/out")" "0: 1"
check "all of it" thawed_within 1000 "$(now_ms)"
check "and that is over" test ! -e "$marker"
wait "$writer"

# --- what cannot be undone is known until it is ---

drive --deadline 30000 --step worker:frozen:1:both "$marker" "${volumes[@]:0:1}" >/dev/null 2>&1
wait_for 20 gone
out=$(drive "$marker" "$upon=0")
like "a freeze does not begin over the marker of a former one" "$out" "ended 17 freeze*"
mount -t tmpfs none "$scratch/m-ext4"
refuse "what cannot be reached may still be frozen" 3 thaw_left_over
check "a freeze after that is well" drive --deadline 30000 "$marker" "$upon=0"
check "and the former one is not forgotten" grep -q " $scratch/m-ext4\$" "$marker.kept"
refuse "nor by a look that finds nothing else" 3 thaw_left_over
umount "$scratch/m-ext4"
check "it is frozen" frozen_at "${mounts[0]}"
check "until it can be reached" thaw_left_over
check "and then it is not" thawed_within 1000 "$(now_ms)"
check "and nothing is kept" test ! -e "$marker.kept"

printf '%s\n' '# hv_vss_daemon: what may be frozen' '0:999998 1 1 /upper' '0:999999 1 1 /lower' >"$marker"
check "what is not there any more is not left over" thaw_left_over
is "what stands on others is thawed after them" "$(grep -o '^/[a-z]*' <<<"$case_out" | xargs)" "/lower /upper"
check "and its marker goes" test ! -e "$marker"
echo nonsense >"$marker"
refuse "a marker that is none of ours is an error" 3 thaw_left_over
check "and is not in the way of the next one" drive --deadline 30000 "$marker" "$upon=0"
check "and stays" grep -qx nonsense "$marker.damaged"

done_testing
