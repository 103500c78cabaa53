# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2016,SC2317 # functions that traps and check call
#
# Real file systems for tests of vssd: on loop images of the test's own, in a mount namespace of its
# own. Whatever happens, what is frozen is thawed: by the trap, and by a watchman that outlives the
# script; and the programs of the test build refuse all other file systems. Sourced by
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
watchman=

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

clean()
{
	thaw_by_hand
	at_end
	[ -z "$watchman" ] || kill -- "-$watchman" 2>/dev/null
	# shellcheck disable=SC2046 # a list of numbers
	kill -KILL $(jobs -p) 2>/dev/null
	wait 2>/dev/null
	for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do
		umount "${mounts[i]}"
	done
	rm -rf --one-file-system "$scratch"
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

# watch: independent of all else, whatever of the mounts is frozen after a while is thawed; and the programs of the
# test build may touch them, and nothing else. Again after each add.
watch()
{
	[ -z "$watchman" ] || kill -- "-$watchman" 2>/dev/null
	setsid bash -c 'sleep "$1"; shift; for m; do fsfreeze -u "$m"; done' watchman "${watch_s:-1800}" "${mounts[@]}" \
		>/dev/null 2>&1 &
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
