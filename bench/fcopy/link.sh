# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# hv_fcopy_daemon of the build in $build beside an echo and beside that of the package unpacked in $peer; and once more, by
# UIO, beside upstream's in the folder $uio_peer, where there is one. The file goes to HVIS_BENCH_FOLDER, memory unless
# set, and has HVIS_BENCH_MIB. HVIS_BENCH_PAIRS is how often each is measured, HVIS_BENCH_CELLS which cells, all unless set.
: "${build:?}" "${peer:?}"
read -r -a cells <<<"${HVIS_BENCH_CELLS:-}"

# measure WAY PEER SHIM
measure()
{
	"$build/bench/fcopy/fcopy-bench" "$1" "$build/fcopyd/hv_fcopy_daemon" "$2" "$3" "${HVIS_BENCH_FOLDER:-/dev/shm}" \
		"${HVIS_BENCH_MIB:-64}" "${HVIS_BENCH_PAIRS:-9}" "${cells[@]}"
}

measure device "$peer/usr/sbin/hv_fcopy_daemon" "$build/tests/integration/peer-shim.so" || exit
if [ -x "${uio_peer:-}/hv_fcopy_uio_daemon" ]; then
	measure uio "$uio_peer/hv_fcopy_uio_daemon" "$build/bench/lib/uio-shim.so"
else
	echo "upstream's hv_fcopy_uio_daemon is not there (uio_peer): nothing is measured by UIO" >&2
fi
