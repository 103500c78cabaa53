#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# bench/fcopy works: each side takes the whole file, byte for byte (fcopy-bench fails where one does not), every cell is
# filled, and nothing is left behind. How large the figures are is not looked at. Needs no root.

set -u
top=$(cd "${top_srcdir:-$(dirname "$0")/../..}" && pwd)
build=$(cd "${top_builddir:-.}" && pwd)
# shellcheck source=tests/vm/lib/case.sh
. "$top/tests/vm/lib/case.sh"
# shellcheck source=tests/integration/kvpd-peer.sh
. "$top/tests/integration/kvpd-peer.sh"

if ! peer=$(peer_find); then
	echo "1..0 # SKIP the distribution's daemon is not there (HVIS_PEER)"
	exit 0
fi

scratch=$(mktemp -d "${TMPDIR:-/tmp}/hvis-test-bench.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/files"
export build peer HVIS_BENCH_FOLDER=$scratch/files HVIS_BENCH_MIB=1 HVIS_BENCH_PAIRS=1

# cells WAY: of the last run, each with three figures above nothing, and its goal. The answer has none on a machine that
# is busier with others.
cells()
{
	awk -v way="$1" '$1 == "BENCH" && NF == 7 && $4 > 0 && $5 > 0 && $6 > 0 && sub("^" way, "", $2) &&
		$2 !~ /^uio-|^answer$/ { print $2, $3, $7 }' "$scratch/rows" | paste -sd ';'
}

uio_peer=$(uio_peer_find)
no_uio=
[ -n "$uio_peer" ] || no_uio="upstream's daemon is not there (HVIS_UIO_PEER)"
! ldd "$build/fcopyd/hv_fcopy_daemon" | grep -q libasan || no_uio="AddressSanitizer lets nothing be preloaded before it"
[ -z "$no_uio" ] || uio_peer=
export uio_peer

all="rate MB/s >=0.95;rate/peer MB/s -;processor us -"
bash "$top/bench/fcopy/link.sh" >"$scratch/rows" 2>"$scratch/spread"
is "it ends well" $? 0
grep -v ' pairs: ' "$scratch/spread" | sed 's/^/# /'
is "every cell has its figures, and its goal" "$(cells '')" "$all"
if [ -n "$no_uio" ]; then
	skip "by UIO, too" "$no_uio"
else
	is "by UIO, too" "$(cells uio-)" "$all"
fi
is "and there is no other" "$(grep -vc '^BENCH \(uio-\)\?\(rate\|rate/peer\|processor\|answer us [0-9. ]* 0.60$\)' "$scratch/rows")" 0
HVIS_BENCH_CELLS=processor bash "$top/bench/fcopy/link.sh" >"$scratch/rows" 2>/dev/null
is "or the one that is asked for" "$? $(cells '')" "0 processor us -"

# A daemon that only says that it has the file is no faster one.
mkdir -p "$scratch/bad/fcopyd" "$scratch/bad/tests" "$scratch/bad/bench"
ln -s "$build/bench/fcopy" "$scratch/bad/bench/fcopy"
ln -s "$build/tests/integration" "$scratch/bad/tests/integration"
# shellcheck disable=SC2016 # the script's
printf '#!/bin/bash\nexec %q "$3" /dev/null\n' "$build/tests/integration/fcopy-peer" >"$scratch/bad/fcopyd/hv_fcopy_daemon"
chmod 755 "$scratch/bad/fcopyd/hv_fcopy_daemon"
build=$scratch/bad HVIS_BENCH_CELLS=processor bash "$top/bench/fcopy/link.sh" >"$scratch/rows" 2>"$scratch/spread"
is "one that keeps nothing of the file has no figures" "$? $(cat "$scratch/rows")" "3 "
like "as is said" "$(cat "$scratch/spread")" "*/in/file*"

is "nothing is left" "$(ls "$scratch/files")" ""
done_testing
