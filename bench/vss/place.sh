# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# What vss-bench runs with, put into a root of its own: the programs that are compared, below /bench, and their
# libraries at their own paths. For bench/vss, which makes it a folder that has nothing else in it, and for
# bench/vss-guest, which lays it over a guest's.

# shellcheck source=tests/vm/lib/initrd.sh
. "${top:?}/tests/vm/lib/initrd.sh"

# place_make ROOT BUILD PEER: of the programs of BUILD, and of the package unpacked in PEER.
place_make()
{
	local root=$1 build=$2 peer=$3 file

	mkdir -p "$root/bench" &&
		install -m 755 "$build/bench/vss/vss-bench" "$build/bench/vss/note-shim.so" \
			"$build/tests/integration/peer-shim.so" "$build/vssd/hv_vss_daemon" \
			"$build/vssd/hv_vss_worker" "$build/vssd/hv_vss_guard" "$(command -v fsfreeze)" "$root/bench/" &&
		install -m 755 "$peer/usr/sbin/hv_vss_daemon" "$root/bench/peer" || return
	for file in "$root"/bench/*; do
		initrd_libraries "$root" "$file" || return
	done
}
