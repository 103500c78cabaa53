#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Large files through hv_fcopy_daemon, by the host of "hvis-host link": one of random bytes, and one that is all hole but
# for its ends, so that most of its offsets need more than 32 bits. By the hash of what is on the disk afterwards, not by
# those that the two ends tell. HVIS_LARGE and HVIS_SPARSE say how large, in MiB; the campaign fcopy-large has 1 GiB
# and 6 GiB, and wants its figure in HVIS_LARGE_FIGURE.

# shellcheck source=tests/integration/fcopyd.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/integration/fcopyd.sh"

random=${HVIS_LARGE:-48}
sparse=${HVIS_SPARSE:-96}

# copies NAME: the file there, and its hash at both ends and in the daemon's history
copies()
{
	local sent
	sent=$(sha256sum <"$scratch/$1" | cut -d ' ' -f 1)
	check "$1: copied" ctl copy "$scratch/$1" /srv/ --timeout 3600s
	is "$1: all bytes" "$(stat -c %s "$root/srv/$1")" "$(stat -c %s "$scratch/$1")"
	is "$1: and the same" "$(sha256sum <"$root/srv/$1" | cut -d ' ' -f 1)" "$sent"
	is "$1: of which the daemon knows" "$(last sha256)" "$sent"
	rm -f "$root/srv/$1" "$scratch/$1"
}

need=$((2 * random + 2 * sparse + 64))
free=$(($(stat -f -c '%a * %S' "$scratch") >> 20))
if [ "$free" -lt "$need" ]; then
	echo "1..0 # SKIP $scratch has $free MiB of the $need that are needed"
	exit 0
fi

link_start
daemon_start
head -c "${random}M" /dev/urandom >"$scratch/random"
copies random
head -c 1000000 /dev/urandom >"$scratch/sparse"
truncate -s "${sparse}M" "$scratch/sparse"
head -c 999999 /dev/urandom >>"$scratch/sparse"
copies sparse
daemon_stop
is "the daemon was well" $? 0
# shellcheck disable=SC2154 # of case.sh
[ -z "${HVIS_LARGE_FIGURE:-}" ] || echo "$random MiB of random bytes and $sparse MiB that are sparse, $(
	[ "$case_failed" = 0 ] && echo "each whole and the same" || echo "NOT the same"
)" >"$HVIS_LARGE_FIGURE"
done_testing
