# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2034,SC2317 # what the scripts use, and functions that traps call
#
# File systems for copies: on loop images of the test's own, in a mount namespace of its own. Sourced by
# tests/integration/test-fcopyd-*.sh, which are started anew inside.

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

if [ -z "${FCOPY_INSIDE:-}" ]; then
	[ "$(id -u)" -eq 0 ] || leave "needs root"
	command -v unshare losetup mkfs.ext4 >/dev/null || leave "needs util-linux and e2fsprogs"
	unshare -m --propagation private true 2>/dev/null || leave "no mount namespace can be made here"
	FCOPY_INSIDE=1 exec unshare -m --propagation private "$0"
fi

put=$build/tests/integration/fcopy-put
scratch=$(mktemp -d "${TMPDIR:-/tmp}/hvis-fcopy.XXXXXX")
state=$scratch/state
mkdir "$state"

clean()
{
	local rest

	# shellcheck disable=SC2046 # a list of numbers
	kill -KILL $(jobs -p) 2>/dev/null
	wait
	awk -v dir="$scratch/" 'index($5, dir) == 1 { print $5 }' /proc/self/mountinfo | tac | while IFS= read -r rest; do
		umount "$rest" || umount -l "$rest"
	done
	rm -rf --one-file-system "$scratch"
}
trap clean EXIT
trap 'exit 1' INT TERM HUP

# add TYPE: a file system of it, mounted at $scratch/m-TYPE.
add()
{
	local at=$scratch/m-$1 image=$scratch/$1.img

	mkdir -p "$at" || return
	case $1 in
	tmpfs) mount -t tmpfs -o size=32M tmpfs "$at" ;;
	overlay)
		mkdir -p "$scratch/layers" &&
			mount -t tmpfs -o size=32M tmpfs "$scratch/layers" &&
			mkdir "$scratch"/layers/{lower,upper,work} &&
			mount -t overlay -o "lowerdir=$scratch/layers/lower,upperdir=$scratch/layers/upper,workdir=$scratch/layers/work" \
				overlay "$at"
		;;
	*)
		command -v "mkfs.$1" >/dev/null && truncate -s 320M "$image" && "mkfs.$1" "$image" >/dev/null 2>&1 &&
			mount -o loop "$image" "$at" 2>/dev/null
		;;
	esac
}

# names DIR: all there are in it
names()
{
	ls -A "$1"
}
