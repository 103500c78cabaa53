#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Symbolic links and directories swapped under the path of files while they are put there: nothing comes to be where the
# links lead. Who looks first and opens then is found out by the same means. Needs no root.
#
# HVIS_SWAPS=N swaps, and tries to put a file, at least; "./run campaign fcopy-swap" asks for 100,000.
# HVIS_SWAP_FIGURE is a file to which the counts go.
set -u
top=$(cd "${top_srcdir:-$(dirname "$0")/../..}" && pwd)
build=$(cd "${top_builddir:-.}" && pwd)
# shellcheck source=tests/vm/lib/case.sh
. "$top/tests/vm/lib/case.sh"

swaps=${HVIS_SWAPS:-4000}
swap=$build/tests/integration/fcopy-swap
where=${TMPDIR:-/tmp}
[ ! -w /dev/shm ] || where=/dev/shm # no disk is to wait for
scratch=$(mktemp -d "$where/hvis-swap.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' INT TERM HUP

# count NAME TEXT: the number behind NAME
count()
{
	[[ " $2 " =~ " $1 "([0-9]+)" " ]] && echo "${BASH_REMATCH[1]}"
}

mkdir "$scratch/ours" "$scratch/naive"
said=$(timeout 3600 "$swap" "$scratch/ours" "$swaps" "$swaps")
is "it ends well" $? 0
check "at least $swaps swaps" test "$(count swaps "$said")" -ge "$swaps"
check "files were put there" test "$(count put "$said")" -gt 0
check "links were met" test "$(count refused "$said")" -gt 0
is "and no escape" "$(count escapes "$said")" 0
echo "# $said"
naive=$(timeout 3600 "$swap" --naive "$scratch/naive" 1000000000 1000000000)
is "who looks first, and opens then, is led out" "$(count escapes "$naive")" 1
echo "# naive: $naive"
[ -z "${HVIS_SWAP_FIGURE:-}" ] || printf '%s\n%s\n' "$said" "$naive" >"$HVIS_SWAP_FIGURE"
done_testing
