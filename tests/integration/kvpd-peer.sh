# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The distribution's hv_kvp_daemon on the link, beside ours: the binary of Debian's package, unpacked and not
# installed, with peer-shim.so in place of its device and its fixed folders. HVIS_PEER names the folder
# where the package is unpacked; without it the cache of ./run may have one. Sourced after kvpd.sh.
# shellcheck disable=SC2154,SC2120,SC2119 # variables of kvpd.sh; peer_exec takes words or none

peer_pid=''

# The folder with the package's files; false where there is none.
peer_find()
{
	local dir

	for dir in ${HVIS_PEER:+"$HVIS_PEER"} "${HVIS_CACHE:-/var/cache/hvis}"/deb-hyperv-daemons-* \
		"${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}"/hvis/deb-hyperv-daemons-*; do
		[ ! -x "$dir/usr/sbin/hv_kvp_daemon" ] || { echo "$dir" && return; }
	done
	return 1
}

# The folder with upstream's daemon for file copy by UIO, which ./run builds; false where there is none.
uio_peer_find()
{
	local dir

	for dir in ${HVIS_UIO_PEER:+"$HVIS_UIO_PEER"} "${HVIS_CACHE:-/var/cache/hvis}"/uio-peer-* \
		"${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}"/hvis/uio-peer-*; do
		[ ! -x "$dir/hv_fcopy_uio_daemon" ] || { echo "$dir" && return; }
	done
	return 1
}

# peer_exec [COMMAND…]: become the peer, run by COMMAND. To be called in a subshell.
peer_exec()
{
	local root

	root=$(peer_find) || exit
	export LD_PRELOAD=$build/tests/integration/peer-shim.so HVIS_PEER_DEVICE=$scratch/dev/hv_kvp \
		HVIS_PEER_POOLS=$scratch/pools HVIS_PEER_ROOT=$root
	exec "$@" "$root/usr/sbin/hv_kvp_daemon" -n
}

# shellcheck disable=SC2034 # peer_pid is for those who call
peer_start()
{
	(peer_exec) >>"$scratch/peer.log" 2>&1 &
	peer_pid=$!
}
