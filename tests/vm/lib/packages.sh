# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The packages this machine needs, from tests/vm/packages.list. Installs only what is missing, from
# the sources apt is configured with, and never upgrades or removes anything.

as_root()
{
	if [ $EUID -eq 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "needs root to run: $* (no sudo here)"
	fi
}

# The names of the groups' packages that are not installed.
packages_missing()
{
	local group package

	for group in "$@"; do
		while read -r package; do
			[ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
				echo "$package"
		done < <(awk -v group="$group" '$1 == group { print $2 }' "$top/tests/vm/packages.list")
	done | sort -u
}

# packages_need GROUP…
packages_need()
{
	local missing

	mapfile -t missing < <(packages_missing "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	say "installing ${missing[*]}"
	apt_update_once
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install \
		"${missing[@]}" >&2 || die "apt-get could not install ${missing[*]}"
}

apt_updated=0

# Fetch the package lists, at most once in a run.
apt_update_once()
{
	[ $apt_updated = 0 ] || return 0
	apt_updated=1
	as_root apt-get -q update >&2 || warn "apt-get update failed: going on with the lists there are"
}
