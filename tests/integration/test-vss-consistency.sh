#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2119,SC2154,SC2317 # of vssd-link.sh; functions that check calls
#
# What a host copies from the disks while all is frozen: file systems that are in order and need no replay, with
# every block on them that was acknowledged before, though many are written all the time. And that this test would
# see it if they were not: from a disk that is copied without a freeze, and from blocks that come after it.
# Settings: HVIS_CONSISTENCY_ROUNDS, how many backups; HVIS_CONSISTENCY_FIGURE, a file for what was found.
# shellcheck source=tests/integration/vssd-link.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/integration/vssd-link.sh"
# shellcheck source=tests/integration/vss-copy.sh
. "$top/tests/integration/vss-copy.sh"

for tool in e2fsck dumpe2fs xfs_repair xfs_logprint btrfs; do
	command -v $tool >/dev/null || leave "needs $tool"
done
rounds=${HVIS_CONSISTENCY_ROUNDS:-1}
types=()
for mount in "${mounts[@]}"; do
	type=${mount##*/m-}
	[ "$type" = stacked ] || types+=("$type")
done

# acked TYPE: how many blocks were acknowledged there
acked()
{
	od -An -v -tu8 -w8 "$scratch/acks-$1" | awk '{ n += $1 } END { print n + 0 }'
}

# acked_more TYPE THAN
acked_more()
{
	[ "$(acked "$1")" -gt "$2" ]
}

# missing TYPE IMAGE ACKS: how many of them are not there without a replay
missing()
{
	read_only "$1" "$2" check_load "$3" >"$scratch/checked"
	awk '{ print $3 }' "$scratch/checked"
}

check_load()
{
	"$programs/vss-writer" check "$2/load" "$1"
}

not_needs_replay()
{
	! needs_replay "$@"
}

# A copy without a freeze. Right after a commit btrfs would have nothing to replay, for a moment.
copy_needs_replay()
{
	copy "$1" "$scratch/copy" && needs_replay "$1" "$scratch/copy"
}

programs=$build/tests/integration
link_start
look_at_mounts
deadline=10min configure
daemon_start
for type in "${types[@]}"; do
	mkdir "$scratch/m-$type/load"
	"$programs/vss-writer" load "$scratch/m-$type/load" "$scratch/acks-$type" &
	check "$type: blocks are written" wait_for 60 acked_more "$type" 500
	check "$type: a copy without a freeze needs a replay" wait_for 60 copy_needs_replay "$type"
done

lost=0 held=0 copies=0
for ((round = 1; round <= rounds; round++)); do
	still
	result $? "round $round: all is frozen"
	for type in "${types[@]}"; do
		frozen=$(acked "$type")
		copy "$type" "$scratch/copy-$type"
		cp "$scratch/acks-$type" "$scratch/before-$type"
		# but for what each of the four writers may have had and not yet written down
		check "round $round, $type: nothing is acknowledged meanwhile" [ "$(acked "$type")" -le $((frozen + 4)) ]
	done
	go_on
	result $? "round $round: all of it is thawed, and the host is content"
	for type in "${types[@]}"; do
		check "round $round, $type: who writes goes on" wait_for 60 acked_more "$type" $(($(acked "$type") + 100))
		image=$scratch/copy-$type
		check "round $round, $type: the copy is in order" in_order "$type" "$image"
		check "round $round, $type: and needs no replay" not_needs_replay "$type" "$image"
		is "round $round, $type: it has every block that was acknowledged" "$(missing "$type" "$image" "$scratch/before-$type")" 0
		lost=$((lost + $(awk '{ print $3 }' "$scratch/checked")))
		held=$((held + $(awk '{ print $1 }' "$scratch/checked")))
		copies=$((copies + 1))
		if [ $round = 1 ]; then
			cp "$scratch/acks-$type" "$scratch/after"
			check "$type: and none that came later" [ "$(missing "$type" "$image" "$scratch/after")" -gt 0 ]
		fi
		rm "$image"
	done
done
daemon_stop
[ -z "${HVIS_CONSISTENCY_FIGURE:-}" ] ||
	echo "$copies copies of ${types[*]}, in order and without a replay: of $held acknowledged blocks $lost missing" >"$HVIS_CONSISTENCY_FIGURE"
done_testing
