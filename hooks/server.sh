# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What the hooks of data base servers have in common: their settings, their time, and whether what a server has on
# disks is frozen at all. Sourced, never called. No lock is taken here.
# shellcheck source=hooks/adapter.sh
. "${0%/*}/adapter.sh"

settings_file=${HVIS_HOOKS:-}/${HVIS_HOOK:-none}.settings
settings=
newline='
'
limit=${HVIS_TIMEOUT:-30}
until=$(($(date +%s) + limit - (limit < 6 ? limit / 2 : 3))) # so that we end by ourselves, and not by a signal

# read_settings KEY…: of the file, if there is one; it may have these
read_settings()
{
	if [ -z "${HVIS_HOOKS:-}" ] || { [ ! -e "$settings_file" ] && [ ! -L "$settings_file" ]; }; then return; fi
	trusted "$settings_file" || exit 1
	settings=$(sed -e 's/^[[:blank:]]*//' -e '/^#/d' -e '/^$/d' "$settings_file") || exit 1
	while IFS= read -r line; do
		case " $* " in
		*" ${line%%=*} "*) ;;
		*) [ -z "$line" ] || fail "$settings_file: there is no key ${line%%=*}" ;;
		esac
	done <<-END
		$settings
	END
}

# all KEY: its values, a line each
all()
{
	while IFS= read -r line; do
		case $line in
		"$1="*) printf '%s\n' "${line#*=}" ;;
		esac
	done <<-END
		$settings
	END
}

# setting KEY DEFAULT: the last one
setting()
{
	value=$(all "$1")
	value=${value##*"$newline"}
	printf '%s\n' "${value:-$2}"
}

# choice KEY WORD…: the value of KEY, the first of these words unless set
choice()
{
	choice_key=$1
	shift
	value=$(setting "$choice_key" "$1")
	case " $* " in
	*" $value "*) echo "$value" ;;
	*) fail "$settings_file: $choice_key is $value, not one of: $*" ;;
	esac
}

# seconds KEY DEFAULT LEAST MOST
seconds()
{
	value=$(setting "$1" "$2")
	case $value in
	"" | *[!0-9]* | ??????*) fail "$settings_file: $1 is $value, and not a number of seconds" ;;
	esac
	if [ "$value" -lt "$3" ] || [ "$value" -gt "$4" ]; then fail "$settings_file: $1 is $value, not from $3 to $4"; fi
	echo "$value"
}

# is_secret FILE: nobody but its owner reads it
is_secret()
{
	[ -z "$(find -L "$1" -prune -perm /077)" ]
}

# left: how many seconds this call still has, 1 at least
left()
{
	left=$((until - $(date +%s)))
	[ "$left" -ge 1 ] || left=1
	echo "$left"
}

# in_time: whether it has any
in_time()
{
	[ "$(date +%s)" -lt "$until" ]
}

# within COMMAND…: for as long as this call may take; 124 where that was not enough
within()
{
	timeout --foreground -k 1 "$(left)" "$@"
}

# device PATH: of the file system that it is on, as the mount table has it: for btrfs stat(2) has another one
device()
{
	found=$(findmnt -n -r -o MAJ:MIN -T "$1" 2>/dev/null)
	echo "${found##*"$newline"}"
}

# frozen_devices: those of HVIS_MOUNTS, with a blank around each
frozen_devices()
{
	printf ' '
	while IFS= read -r mount; do
		case $mount in
		*\\*) mount=$(printf '%s' "$mount" | sed 's/\\\([0-7][0-7][0-7]\)/\\0\1/g') && mount=$(printf '%b.' "$mount") && mount=${mount%.} ;;
		esac
		printf '%s ' "$(device "$mount")"
	done <<-END
		$HVIS_MOUNTS
	END
}

# require_frozen <PATHS: each is on a file system that is going to be frozen, unless RequireFrozen=no
require_frozen()
{
	need=$(choice RequireFrozen yes no) || exit 1
	if [ "$need" = no ] || [ -z "${HVIS_MOUNTS+set}" ]; then return 0; fi
	frozen=$(frozen_devices)
	bad=0
	while IFS= read -r place; do
		case $frozen in
		*" $(device "$place") "*) ;;
		*) say "$place is on a file system that is not going to be frozen (RequireFrozen=no makes that no matter)"; bad=1 ;;
		esac
	done
	return $bad
}
