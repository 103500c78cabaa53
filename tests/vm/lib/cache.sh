# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The cache: a folder of entries NAME-KEY, where KEY says what the entry was made from. An entry is
# made in a temporary folder and renamed, so there are only whole ones; a changed content is a new
# key. Nothing in it is precious.

cache_dir()
{
	if [ -n "${HVIS_CACHE:-}" ]; then
		echo "$HVIS_CACHE"
	elif [ $EUID -eq 0 ]; then
		echo /var/cache/hvis
	else
		echo "${XDG_CACHE_HOME:-$HOME/.cache}/hvis"
	fi
}

# cache_key WORD…: a short digest of the words.
cache_key()
{
	printf '%s\0' "$@" | sha256sum | cut -c1-16
}

# cache_digest PATH…: a short digest of files and trees: names, modes, link targets and contents.
cache_digest()
{
	local path

	for path in "$@"; do
		(
			cd "$(dirname "$path")" || exit
			find "$(basename "$path")" \( -type l -o -type d \) -printf '%y %m %P %l\n' | LC_ALL=C sort
			find "$(basename "$path")" -type f -printf '%m %P\0' | LC_ALL=C sort -z | tr '\0' '\n'
			find "$(basename "$path")" -type f -print0 | LC_ALL=C sort -z |
				xargs -0r sha256sum | cut -c1-64
		)
	done | sha256sum | cut -c1-16
}

# cache_get NAME KEY FUNCTION [ARGUMENT…]: print the path of entry NAME-KEY. Where it is not there,
# FUNCTION TMPDIR ARGUMENT… makes it in TMPDIR. Two runs that want the same entry wait for each other.
cache_get()
{
	local name=$1 key=$2 dir entry lock tmp

	shift 2
	dir=$(cache_dir)
	entry=$dir/$name-$key
	mkdir -p "$dir" || die "cannot make the cache folder $dir (HVIS_CACHE names another)"
	exec {lock}>"$dir/.$name.lock"
	flock "$lock"
	if [ ! -d "$entry" ]; then
		tmp=$(mktemp -d "$dir/.$name.XXXXXX") || die "cannot write in $dir"
		chmod 755 "$tmp"
		if ! ("$@" "$tmp" 1>&2); then
			rm -rf "$tmp"
			die "could not make $name for the cache"
		fi
		mv "$tmp" "$entry"
		cache_prune "$name" "$entry"
	fi
	touch "$entry"
	exec {lock}>&-
	echo "$entry"
}

# Remove entries of NAME that nobody used for two days, but for the newest two.
cache_prune()
{
	local name=$1 keep=$2 old

	while read -r old; do
		[ "$old" = "$keep" ] || rm -rf "$old"
	done < <(find "$(cache_dir)" -mindepth 1 -maxdepth 1 -type d -name "$name-????????????????" \
		-printf '%T@ %p\n' | sort -rn | tail -n +3 |
		awk -v limit="$((EPOCHSECONDS - 2 * 86400))" '$1 < limit { print $2 }')
}
