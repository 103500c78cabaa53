# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# hv_vss_daemon of the build in $build beside that of the package unpacked in $peer and beside fsfreeze(8), on this
# machine's kernel, as root: file systems in files below TMPDIR. The distribution's daemon freezes every file system
# with a block device that it sees. So all of it runs in a root and in namespaces of its own, from where nothing of
# this machine's can be reached; vss-bench looks whether that is so, and ends if it is not.
# HVIS_BENCH_PAIRS is how often each is measured; HVIS_BENCH_TYPES the types of file systems; HVIS_BENCH_VOLUMES how
# many volumes the cells with many have; HVIS_BENCH_DIRTY how many MiB are dirty.
: "${build:?}" "${peer:?}"
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=bench/vss/place.sh
. "$top/bench/vss/place.sh"

switch=/sys/kernel/rcu_expedited # on while ours freezes

# inside ROOT ARGUMENT…: in namespaces of their own; ROOT becomes the root. Process 1, so that all end with it.
inside()
{
	local root=$1

	shift
	trap 'exit 1' INT TERM
	cd "$root" && mount -t proc proc proc && pivot_root . old && cd / && /bench/umount -l /old || exit 3
	exec /bench/vss-bench /bench "$@"
}

# A tmpfs in the new mount namespace alone.
make_root()
{
	local device

	mount -t tmpfs -o mode=0755 tmpfs "$scratch/root" && place_make "$scratch/root" "$build" "$peer" &&
		install -m 755 "$(command -v umount)" "$scratch/root/bench/" &&
		initrd_libraries "$scratch/root" "$scratch/root/bench/umount" &&
		mkdir "$scratch"/root/{dev,old,proc} || return
	# The kernel's switch that ours uses, and nothing else of /sys: by that the distribution's daemon would see loop
	# devices, and leave them out.
	if [ -e $switch ]; then
		mkdir -p "$scratch/root${switch%/*}" && : >"$scratch/root$switch" &&
			mount --bind $switch "$scratch/root$switch" || return
	fi
	for device in /dev/null "$@"; do
		cp -a "$device" "$scratch/root/dev/" || return
	done
}

if [ "${1:-}" = inside ]; then
	shift
	scratch=$1
	make_root "${@:5}" || exit 3
	inside "$scratch/root" "${@:2}"
fi

scratch=$(mktemp -d "${TMPDIR:-/tmp}/hvis-bench.XXXXXX") || exit 3
devices=() child=
was=$(cat $switch 2>/dev/null)

detach()
{
	local device

	for device in "${devices[@]}"; do
		losetup -d "$device"
	done
	devices=()
	rm -f "$scratch"/*.img
}

clean()
{
	detach
	rm -rf "$scratch"
	# The guard that would see to it is killed with its namespace.
	[ "$was" != 0 ] || echo 0 >$switch
}

# The program that sees to the end is the only child of the one that made the namespaces.
end_child()
{
	[ -z "$child" ] || xargs -r kill <"/proc/$child/task/$child/children"
}

trap clean EXIT
trap end_child INT TERM HUP

# attach TYPE: file systems in files, on loop devices.
attach()
{
	local i image

	for ((i = 0; i < ${HVIS_BENCH_VOLUMES:-8}; i++)); do
		image=$scratch/$i.img
		truncate -s 320M "$image" && "mkfs.$1" -q "$image" >/dev/null &&
			devices+=("$(losetup -f --show "$image")") || return
	done
}

run_type()
{
	local status

	attach "$1" || return
	mkdir -p "$scratch/root"
	unshare -m -p -f --propagation private bash "$top/bench/vss/link.sh" inside "$scratch" "$1" \
		"${HVIS_BENCH_DIRTY:-16}" "${HVIS_BENCH_PAIRS:-9}" "${devices[@]}" &
	child=$!
	wait $child
	status=$?
	while [ -e /proc/$child ]; do # a signal ends the first wait
		wait $child
		status=$?
	done
	child=
	detach
	return $status
}

export build peer
for type in ${HVIS_BENCH_TYPES:-ext4 xfs}; do
	command -v "mkfs.$type" >/dev/null || { echo "no mkfs.$type: not measured" >&2; continue; }
	run_type "$type" || exit
done
