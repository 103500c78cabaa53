#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# SIGKILL at the system calls of a copy, from the first to the last: under the file's name is what was there before, or all
# of the new file, and after the next start's sweep nothing else.
#
# HVIS_KILL_POINTS=N tries N points of each kind of copy, other ones for each HVIS_KILL_SEED; "all" every one.
# shellcheck source=tests/integration/fcopy-disks.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/integration/fcopy-disks.sh"

points=${HVIS_KILL_POINTS:-25}
RANDOM=${HVIS_KILL_SEED:-1}
killer=$build/tests/integration/kill-at
source=$scratch/source
old=$scratch/old
head -c 20000 /dev/urandom >"$source" # four fragments
head -c 7000 /dev/urandom >"$old"
exec 2>"$scratch/messages" # the shell tells of every process that is killed

bad()
{
	echo "# $1"
	failed=$((failed + 1))
}

# prepare: the directory as it is before the copy.
prepare()
{
	rm -rf "${at:?}/in"
	mkdir "$at/in"
	[ "$has_old" = 0 ] || cp "$old" "$at/in/new"
}

# die_at N: sets said.
die_at()
{
	said=$("$killer" -l "$scratch/calls" "$1" -- "$put" "${options[@]}" "$state" "$at/in/" new <"$source" 2>/dev/null |
		tail -n 1)
}

# strange FILE: bytes of it that are neither a hole nor the source's
strange()
{
	cmp -l "$1" "$source" 2>/dev/null | awk '$2 != 0' | wc -l
}

judge()
{
	local file

	for file in "$at"/in/.[!.]*; do
		[ ! -e "$file" ] || [ "$(strange "$file")" = 0 ] || bad "$said: a byte that was not sent"
		[ ! -e "$file" ] || left=$((left + 1))
	done
	"$put" --sweep "$state" >/dev/null
	if cmp -s "$at/in/new" "$source"; then
		whole=$((whole + 1))
	elif [ "$has_old" = 1 ]; then
		cmp -s "$at/in/new" "$old" || bad "$said: neither the old nor the new file"
	elif [ -e "$at/in/new" ]; then
		bad "$said: a part of the file"
	fi
	[ "$(names "$at/in")" = new ] || [ -z "$(names "$at/in")" ] || bad "$said: left over: $(names "$at/in")"
	[ -z "$(names "$state")" ] || bad "$said: noted: $(names "$state")"
}

# Points at which a death leaves something else than the one before: what changes files, and the call after it.
candidates()
{
	awk '$2 ~ /write|truncate|sync|open|close|unlink|rename|link|allocate|mkdir|chmod|chown|flock/ { print $1; print $1 + 1 }' \
		"$scratch/calls" | sort -nu
}

chosen()
{
	if [ "$points" = all ]; then
		seq "$(wc -l <"$scratch/calls")"
	else
		# the last one is after all that matters
		{
			candidates | tail -n 60 | shuf -n "$points" --random-source=<(yes "$RANDOM")
			candidates | tail -n 1
		} | sort -nu
	fi
}

# kind NAME HAS_OLD OPTION…
kind()
{
	local name=$1 n failed=0 dead=0 left=0 whole=0

	has_old=$2
	options=("${@:3}")
	prepare
	die_at 0
	check "$name: done under the tracer" cmp -s "$at/in/new" "$source"
	like "$name: it ends by itself" "$said" "ended *"
	for n in $(chosen); do
		prepare
		die_at "$n"
		[[ $said = killed* ]] || continue
		dead=$((dead + 1))
		judge
	done
	check "$name: it was killed" test $dead -gt 0
	check "$name: once after it had its name" test $whole -gt 0
	case $name in
	*temporary*) check "$name: and with a file left for the sweep" test $left -gt 0 ;;
	esac
	is "$name: whole or not there, nothing left over, at $dead deaths ($whole whole, $left swept)" $failed 0
}

for type in ext4 tmpfs ${HVIS_KILL_TYPES:-}; do
	at=$scratch/m-$type
	if ! add "$type"; then
		skip "$type" "cannot be made or mounted here"
		continue
	fi
	kind "$type, new" 0
	kind "$type, over an old one" 1 --overwrite
	kind "$type, new by a temporary name" 0 --no-unnamed
	kind "$type, over an old one by a temporary name" 1 --no-unnamed --overwrite
done
done_testing
