# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2016,SC2317 # functions that traps and check call
#
# Real file systems for tests of vssd: on loop images of the test's own, in a mount namespace of its
# own. Whatever happens, what is frozen is thawed: by the trap, and by a watchman that outlives the
# script and tidies up behind one that was killed; and the programs of the test build refuse all other file systems. Sourced by
# tests/integration/test-vssd-*.sh, which are started anew inside; they may set at_end to a function.

set -u
top=$(cd "${top_srcdir:-$(dirname "$0")/../..}" && pwd)
build=$(cd "${top_builddir:-.}" && pwd)
# shellcheck source=tests/vm/lib/case.sh
. "$top/tests/vm/lib/case.sh"

leave()
{
	echo "1..0 # SKIP $1"
	exit 0
}

if [ -z "${VSSD_INSIDE:-}" ]; then
	[ "$(id -u)" -eq 0 ] || leave "needs root"
	command -v fsfreeze unshare losetup mkfs.ext4 >/dev/null || leave "needs util-linux and e2fsprogs"
	unshare -m --propagation private true 2>/dev/null || leave "no mount namespace can be made here"
	VSSD_INSIDE=1 exec unshare -m --propagation private "$0"
fi

programs=$build/tests/integration
scratch=$(mktemp -d "${TMPDIR:-/tmp}/hvis-vssd.XXXXXX")
marker=$scratch/vss.frozen
mounts=()
watchman=''
running=''

thaw_by_hand()
{
	for mount in "${mounts[@]}"; do
		fsfreeze -u "$mount" 2>/dev/null
	done
}

at_end()
{
	:
}

# run_on COMMAND…: as if it were called, but a signal to the test has not to wait for its end. It is to be an executable:
# the process in $running is the command itself, which clean kills.
run_on()
{
	local status
	"$@" &
	running=$!
	wait $running
	status=$?
	running=
	return $status
}

clean()
{
	thaw_by_hand
	at_end
	# shellcheck disable=SC2046 # a list of numbers
	kill -KILL $(jobs -p | grep -vx "${watchman:-none}") 2>/dev/null
	for ((i = 0; i < 600; i++)); do # who dies may have frozen one since, and who writes there waits for it
		thaw_by_hand
		jobs -pr | grep -qvx "${watchman:-none}" || break
		sleep 0.1
	done
	if [ -n "$watchman" ]; then
		kill -KILL -- "-$watchman"
		wait "$watchman"
	fi 2>/dev/null
	thaw_by_hand
	for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do
		umount "${mounts[i]}"
	done
	unmount_rest
	rm -rf --one-file-system "$scratch"
}

# unmount_rest: what else there is below $scratch, as of a test that was cut off
unmount_rest()
{
	local rest
	awk -v dir="$scratch/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | tac | while IFS= read -r rest; do
		umount "$rest" || umount -l "$rest"
	done
}
trap clean EXIT
trap 'exit 1' INT TERM HUP

# add NAME TYPE [FOLDER]: a file system in a file of FOLDER, mounted at $scratch/m-NAME.
add()
{
	local image=${3:-$scratch}/$1.img at=$scratch/m-$1
	command -v "mkfs.$2" >/dev/null && truncate -s "${size:-320M}" "$image" &&
		mkfs."$2" -q "$image" >/dev/null 2>&1 && mkdir -p "$at" &&
		mount -o loop "$image" "$at" 2>/dev/null || return 1
	mounts+=("$at")
}

# device DIR: as the mount table has it, the topmost.
device()
{
	awk -v dir="$1" '$5 == dir { found = $3 } END { print found }' /proc/self/mountinfo
}

add ext4 ext4 || leave "no ext4 can be mounted on a loop device here"
volumes=("$scratch/m-ext4=0")
for type in ${vssd_types:-xfs btrfs}; do
	if add $type $type; then
		volumes+=("$scratch/m-$type=$((${#volumes[@]} - 1))")
	else
		skip "$type" "cannot be made or mounted here"
	fi
done
upon=${mounts[-1]}
size=32M add stacked ext4 "$upon" || leave "no loop device on a loop device can be had here"

# What the watchman does: $1 seconds are long enough for the test, whose process is $2 and whose folder $3; the mounts
# follow. Where the test is gone without its trap, all that is in its mount namespace is its own, and ends.
watchman_script='
limit=$1 test=$2 scratch=$3
shift 3
own=$(readlink /proc/self/ns/mnt)
thaw() { for m; do fsfreeze -u "$m"; done; }
while [ $SECONDS -lt "$limit" ] && [ -e "/proc/$test" ]; do sleep 2; done
thaw "$@"
[ ! -e "/proc/$test" ] || exit
for turn in 1 2 3 4 5; do
	for process in /proc/[0-9]*; do
		pid=${process#/proc/}
		[ "$pid" = $$ ] || [ "$(readlink "$process/ns/mnt")" != "$own" ] || kill -KILL "$pid"
	done
	thaw "$@"
	sleep 0.2
done
for ((i = $#; i > 0; i--)); do umount -l "${!i}"; done
rm -rf --one-file-system "$scratch"'

# watch: independent of all else, whatever of the mounts is frozen after a while is thawed; and the programs of the
# test build may touch them, and nothing else. Again after each add.
watch()
{
	[ -z "$watchman" ] || kill -- "-$watchman" 2>/dev/null
	setsid bash -c "$watchman_script" watchman "${watch_s:-1800}" $$ "$scratch" "${mounts[@]}" >/dev/null 2>&1 &
	watchman=$!
	HVIS_VSS_PROVE_DEVICES=$(for mount in "${mounts[@]}"; do device "$mount"; done | tr '\n' ' ')
	export HVIS_VSS_PROVE_DEVICES
}
watch

# now_ms
now_ms()
{
	date +%s%3N
}

write_to()
{
	echo probe >"$1/probe"
}

# What thawed_within gives a machine that has other things to do as well, in ms: nobody thaws without being
# asked, so that an answer that comes late is still one. A campaign that measures sets it to 0.
slack=${HVIS_VSS_SLACK_MS:-20000}

# thawed_within MS SINCE: whether a write gets through everywhere until MS after SINCE, and the slack.
thawed_within()
{
	local writers=() writer late=0
	for mount in "${mounts[@]}"; do
		write_to "$mount" &
		writers+=($!)
	done
	for writer in "${writers[@]}"; do
		while kill -0 "$writer" 2>/dev/null; do
			if [ $(($(now_ms) - $2)) -gt $(($1 + slack)) ]; then
				late=1
				echo "# frozen for $(($(now_ms) - $2)) ms: thawed by hand"
				thaw_by_hand
			fi
			sleep 0.02
		done
		wait "$writer"
	done
	return "$late"
}

frozen_at()
{
	write_to "$1" >/dev/null 2>&1 & # not into check's pipe, which it would keep open
	local writer=$!
	sleep 0.3
	kill -0 "$writer" 2>/dev/null
}
