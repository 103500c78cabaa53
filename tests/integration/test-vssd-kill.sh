#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317,SC2119 # functions that check calls, and that take options
#
# SIGKILL at the system calls of hv_vss_daemon, of its guard and of its worker, from the host's first question to the
# end of the backup, of each alone and of several at once, with 1 to 8 file systems: nothing stays frozen, whatever is
# left over is thawed by who comes next, writers go on, and what they wrote is there. The distribution's
# daemon is killed beside it, once.
#
# HVIS_KILL_CYCLES is how many backups are cut off, spread over all calls; HVIS_KILL_SEED takes other ones.
# HVIS_KILL_SUMS is a file for the numbers that come out. What "./run campaign vss-kill" asks for is 10,000.
# shellcheck disable=SC2034 # for vssd.sh
vssd_types='btrfs xfs'
watch_s=${HVIS_KILL_WATCH_S:-1800}
# shellcheck source=tests/integration/vssd-link.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/integration/vssd-link.sh"
# shellcheck source=tests/integration/kvpd-peer.sh
. "$top/tests/integration/kvpd-peer.sh"

cycles=${HVIS_KILL_CYCLES:-60}
seed=${HVIS_KILL_SEED:-1}
sums=${HVIS_KILL_SUMS:-$scratch/sums}
jail=$scratch/peer

# --- eight file systems; an odd seed has them in another order ---

for volume in ext4:second btrfs:third xfs:fourth ext4:fifth; do
	add "${volume#*:}" "${volume%:*}" || skip "one more ${volume%:*}" "cannot be made or mounted here"
done
watch
dirs=("${mounts[@]}")
if [ $((seed % 2)) = 1 ]; then
	# one more than it takes to begin with btrfs where there is one
	dirs=("${mounts[@]:1}" "${mounts[0]}")
fi

# kind DIR, image DIR
kind()
{
	awk -v dir="$1" '$5 == dir { for (i = 6; $i != "-"; i++); type = $(i + 1) } END { print type }' /proc/self/mountinfo
}
image()
{
	local name=${1##*/m-}

	if [ "$name" = stacked ]; then
		echo "$upon/stacked.img"
	else
		echo "$scratch/$name.img"
	fi
}

volumes=()
for dir in "${dirs[@]}"; do
	volumes+=("$dir:$(kind "$dir"):$(image "$dir")")
done

# --- ours ---

rm "$root$(variable bindir)/hvctl" # the host is told of each backup by a program that has no part in it
deadline=5s configure

# value NAME: of what came out
value()
{
	sed -n "s/^$1 //p" "$sums"
}

killer()
{
	run_on "$programs/vss-kill" --dir "$scratch/dev" --table "$root/proc/$$/mountinfo" --marker "$marker" --cycles "$cycles" \
		--seed "$seed" --slack "$slack" "${volumes[@]}" -- "$build/vssd/hv_vss_daemon" -n --device "$scratch/dev/hv_vss" \
		--root "$root" --programs "$programs" --prefix vss- --marker "$marker" --socket "$socket"
}

mkdir "$scratch/dev"
echo 0 >"$scratch/hurry"
export HVIS_VSS_PROVE_HURRY=$scratch/hurry # in place of the machine's own
exec 8> >(tee "$scratch/out" | sed -u 's/^\([^#]\)/# \1/')
shows=$!
killer >&8 8>&-
status=$?
exec 8>&-
wait $shows
grep -v '^#' "$scratch/out" >"$sums"
is "$cycles backups cut off: nothing stays frozen or is left" "$status $(value failures)" "0 0"
is "as many as were to be" "$(value cycles)" "$cycles"
for who in daemon guard worker; do
	check "the $who was killed" test "$(sed -n "s/^$who-[a-z]* //p" "$sums" | paste -sd +)" != 0+0+0+0+0+0
done
is "what was left frozen was thawed by who came next" "$(value left-thawed)" "$(value left)"
is "what the kernel made read-only was mended" "$(value mended)" "$(value read-only)"
[ "$(value failures)" = 0 ] || tail -n 40 "$scratch/dev/log" | sed 's/^/# log: /'

# --- what is on the disks ---

# check_disk TYPE IMAGE
check_disk()
{
	case $1 in
	ext4) e2fsck -fn "$2" ;;
	xfs) xfs_repair -n -f "$2" ;;
	btrfs) btrfs check --readonly "$2" ;;
	esac
}

whole=0
for ((i = ${#mounts[@]} - 1; i >= 0; i--)); do
	mount=${mounts[i]}
	for ((v = 0; v < ${#dirs[@]}; v++)); do
		[ "${dirs[v]}" != "$mount" ] || break
	done
	type=$(kind "$mount") file=$(image "$mount")
	umount "$mount" || continue
	check "${mount##*/m-} ($type) is whole" check_disk "$type" "$file"
	mount -o loop,ro "$file" "$mount"
	check "and has what was written to it" cmp "$scratch/dev/expected-$v" "$mount/written"
	umount "$mount"
	whole=$((whole + 1))
	unset 'mounts[i]'
done
is "so it is with all" "$whole" "${#dirs[@]}"

# --- the distribution's ---

# In a root directory of its own, a tmpfs that has two file systems of ours and nothing else of this machine: it
# freezes what the mount table names, whatever that is.
peer_jail()
{
	local file found

	found=$(peer_find) || return
	mkdir "$jail" && mount -t tmpfs none "$jail" || return
	mounts+=("$jail") # to be unmounted last
	mkdir "$jail/proc" "$jail/s"
	cp "$found/usr/sbin/hv_vss_daemon" "$programs/peer-shim.so" "$jail"
	for file in $(ldd "$found/usr/sbin/hv_vss_daemon" | grep -o '/[^ ]*'); do
		mkdir -p "$jail${file%/*}" && cp -L "$file" "$jail$file"
	done
	for file in ext4 xfs; do
		truncate -s 320M "$scratch/peer-$file.img"
		mkfs.$file -q "$scratch/peer-$file.img" >/dev/null 2>&1 || continue
		mkdir "$jail/m-$file"
		mount -o loop "$scratch/peer-$file.img" "$jail/m-$file" 2>/dev/null || continue
		mounts+=("$jail/m-$file")
		# a name without a file behind it: what is a loop device is left out by it
		echo "/dev/of-the-test-$file /m-$file $file rw,relatime 0 0" >>"$jail/proc/mounts"
		jailed+=("$jail/m-$file:$file:$scratch/peer-$file.img")
	done
}

jailed=()
if peer_jail; then
	watch
	run_on "$programs/vss-kill" --dir "$jail/s" --peer "$jail" "${jailed[@]}" -- /hv_vss_daemon -n >"$scratch/peer-out"
	is "the distribution's daemon was killed beside it" $? 0
	sed 's/^/# peer: /' "$scratch/peer-out"
	grep -v '^#' "$scratch/peer-out" | sed 's/^/peer-/' >>"$sums"
	check "and what it had frozen stays frozen, also when it is started again" \
		test "$(value peer-stays-frozen)" = "${#jailed[@]}"
else
	skip "the distribution's daemon" "its package is not unpacked here (HVIS_PEER names a folder)"
fi

done_testing
