# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# A Debian with the servers of data bases that backups are tested with, as a folder to be entered, never changed. Made
# anew every week, for the sake of updates.

servers_packages=postgresql-15,mariadb-server,redis-server,util-linux,coreutils

# servers_root: its path in the cache
servers_root()
{
	local sources codename entry

	[ $EUID -eq 0 ] || die "servers run below a root of their own, which only root can enter"
	sources=$(debian_sources)
	[ -n "$sources" ] || die "apt has no Debian source to make servers from"
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	entry=$(cache_get servers "$(cache_key "$codename" "$servers_packages" "$(declare -f servers_make) ${debian_slim[*]}" \
		"$(date +%Y-%V)")" servers_make "$codename" "$sources") || exit
	echo "$entry/root"
}

servers_make()
{
	say "making a Debian with servers ($servers_packages)"
	printf '%s\n' "$2" | mmdebstrap --quiet --variant=minbase --include="$servers_packages" "${debian_slim[@]}" \
		--format=dir "$1" "$3/root" -
}
