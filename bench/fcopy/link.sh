# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# hv_fcopy_daemon of the build in $build beside that of the package unpacked in $peer and beside an echo. The file goes
# to HVIS_BENCH_FOLDER, memory unless set, and has HVIS_BENCH_MIB. HVIS_BENCH_PAIRS is how often each is measured,
# HVIS_BENCH_CELLS which cells, all unless set.
: "${build:?}" "${peer:?}"
# shellcheck disable=SC2086 # cells are words
exec "$build/bench/fcopy/fcopy-bench" "$build/fcopyd/hv_fcopy_daemon" "$peer/usr/sbin/hv_fcopy_daemon" \
	"$build/tests/integration/peer-shim.so" "${HVIS_BENCH_FOLDER:-/dev/shm}" "${HVIS_BENCH_MIB:-64}" \
	"${HVIS_BENCH_PAIRS:-9}" ${HVIS_BENCH_CELLS:-}
