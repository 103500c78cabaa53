# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# hv_kvp_daemon of the build in $build beside that of the package unpacked in $peer. HVIS_BENCH_PAIRS is how often
# each is measured, HVIS_BENCH_CELLS which cells, all unless set.
: "${build:?}" "${peer:?}"
# shellcheck disable=SC2086 # cells are words
exec "$build/bench/kvp/kvp-bench" "$build/kvpd/hv_kvp_daemon" "$peer/usr/sbin/hv_kvp_daemon" "$peer" \
	"$build/tests/integration/peer-shim.so" "${TMPDIR:-/tmp}" "${HVIS_BENCH_PAIRS:-9}" ${HVIS_BENCH_CELLS:-}
