# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Telling a story with commands: each is shown with what it prints, and has to succeed.

# tell TEXT…
tell()
{
	printf '\n%s\n' "$*"
}

# show [-STATUS] WHERE COMMAND…: what one would type at WHERE. "guest" is a command that runs its words
# there. It has to end with STATUS, 0 unless given.
show()
{
	local where status out good=0

	case $1 in
	-*)
		good=${1#-}
		shift
		;;
	esac
	where=$1
	shift
	printf '  %s# %s\n' "$where" "$(printf '%s ' "${@@Q}" | sed "s/'\([A-Za-z0-9_.\/:=-]*\)'/\1/g; s/ $//")"
	if [ "$where" = guest ]; then
		out=$(guest "$@" 2>&1)
	else
		out=$("$@" 2>&1)
	fi
	status=$?
	[ -z "$out" ] || printf '%s\n' "$out" | sed 's/^/    /'
	[ $status = "$good" ] || { echo "  that ended with status $status"; exit 1; }
}

# refused N: whether the guest has failed N requests of the host's backups. Needs ctl.
refused()
{
	[ "$(ctl services | awk '$1 == "vss" { print $6 }')" = "$1" ]
}

# wanted GOT WHAT
wanted()
{
	[ "$1" = "$2" ] || { echo "  '$2' should have come, not '$1'"; exit 1; }
}
