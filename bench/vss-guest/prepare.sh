# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# prepare.sh FOLDER: what the guest needs, below root/ of the case in FOLDER: of the build in $build, and of the
# package unpacked in $peer. Settings are those of bench/vss/link.sh.
: "${build:?}" "${peer:?}"
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck source=bench/vss/place.sh
. "$top/bench/vss/place.sh"

place_make "$1/root" "$build" "$peer" || exit
printf '%s\n' "volumes=${HVIS_BENCH_VOLUMES:-8}" "dirty=${HVIS_BENCH_DIRTY:-16}" "pairs=${HVIS_BENCH_PAIRS:-9}" \
	>"$1/root/bench/settings"
