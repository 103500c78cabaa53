# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Upstream's daemon for file copy on Linux 6.10 and later, which no package of Debian has: built here from the source of
# the kernel, of which 150 MB are fetched, and kept in the cache.

# uio_peer: the folder with hv_fcopy_uio_daemon; false where it cannot be had.
uio_peer()
{
	local version

	version=$(debian_version linux-source-6.12)
	[ -n "$version" ] || return
	cache_get uio-peer "$(cache_key "$version" "$(declare -f uio_peer_make)")" uio_peer_make "$version"
}

uio_peer_make()
{
	local version=$1 into=$2 source=linux-source-6.12

	(debian_fetch $source "$version" "$into") &&
		dpkg-deb --fsys-tarfile "$into"/*.deb | tar -xO "./usr/src/$source.tar.xz" |
		tar -C "$into" -xJ --wildcards "$source/tools/hv/*" &&
		gcc -O2 -D_GNU_SOURCE -w -o "$into/hv_fcopy_uio_daemon" "$into/$source/tools/hv/hv_fcopy_uio_daemon.c" \
			"$into/$source/tools/hv/vmbus_bufring.c" && rm -rf "$into"/*.deb "${into:?}/$source"
}
