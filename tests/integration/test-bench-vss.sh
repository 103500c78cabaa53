#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bench/vss works: each of the three freezes and thaws all volumes in every cycle (vss-bench fails where one does
# not), every cell is filled, and nothing is left behind. How large the figures are is not looked at. Needs root.

set -u
top=$(cd "${top_srcdir:-$(dirname "$0")/../..}" && pwd)
build=$(cd "${top_builddir:-.}" && pwd)
# shellcheck source=tests/vm/lib/case.sh
. "$top/tests/vm/lib/case.sh"
# shellcheck source=tests/integration/kvpd-peer.sh
. "$top/tests/integration/kvpd-peer.sh"

leave()
{
	echo "1..0 # SKIP $1"
	exit 0
}

[ "$(id -u)" -eq 0 ] || leave "needs root"
command -v fsfreeze unshare losetup mkfs.ext4 pivot_root >/dev/null || leave "needs util-linux and e2fsprogs"
unshare -m -p -f --propagation private true 2>/dev/null || leave "no namespaces can be made here"
[ -e /dev/loop-control ] || leave "no loop devices"
ldd "$build/vssd/hv_vss_daemon" | grep -q libasan && leave "AddressSanitizer lets nothing be preloaded before it"
peer=$(peer_find) || leave "the distribution's daemon is not there (HVIS_PEER)"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/hvis-test-bench.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
export build peer TMPDIR=$scratch HVIS_BENCH_TYPES=ext4 HVIS_BENCH_VOLUMES=2 HVIS_BENCH_PAIRS=1 HVIS_BENCH_DIRTY=1

bash "$top/bench/vss/link.sh" >"$scratch/rows" 2>"$scratch/spread" & # it is waited for, so that a signal ends it, too
link=$!
trap 'kill $link; wait $link; rm -rf "$scratch"' INT TERM HUP
wait $link
is "it ends well" $? 0
grep -v ' pairs: ' "$scratch/spread" | sed 's/^/# /'

for cell in {window,stall,answer}-ext4-{1,2}-{clean,dirty}{,/fsfreeze}; do
	like "$cell has figures" "$(awk -v cell="$cell" '
		$1 == "BENCH" && $2 == cell && $3 == "ms" && $4 > 0 && $5 > 0 && $6 > 0 && NF == 7 { n++ }
		END { print n }' "$scratch/rows")" 1
done
is "and there is no other" "$(wc -l <"$scratch/rows")" 24
is "those of the distribution's daemon have goals" "$(grep '^BENCH' "$scratch/rows" | grep -vc -e '-$')" 8
is "no file is left" "$(find "$scratch" -mindepth 1 -name 'hvis-bench*')" ""
is "no loop device either" "$(losetup -l -n -O BACK-FILE | grep -F "$scratch")" ""
done_testing
