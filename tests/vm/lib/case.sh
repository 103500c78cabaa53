# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# TAP for host.sh and guest.sh: ". $HVIS_CASE_LIB". Plain sh, for it runs in the guest's busybox too.

case_count=0
case_failed=0

# result STATUS DESCRIPTION
result()
{
	case_count=$((case_count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $case_count - $2"
	else
		echo "not ok $case_count - $2"
		case_failed=1
	fi
	return "$1"
}

skip()
{
	case_count=$((case_count + 1))
	echo "ok $case_count - $1 # SKIP $2"
}

# check DESCRIPTION COMMAND…: passes where the command succeeds; shows what it printed where not.
check()
{
	case_desc=$1
	shift
	case_out=$("$@" 2>&1)
	case_status=$?
	if [ $case_status -ne 0 ]; then
		echo "# $* ended with $case_status"
		echo "$case_out" | sed 's/^/# /'
	fi
	result $case_status "$case_desc"
}

# refuse DESCRIPTION STATUS COMMAND…: passes where the command ends with exactly STATUS.
refuse()
{
	case_desc=$1
	case_want=$2
	shift 2
	case_out=$("$@" 2>&1)
	case_status=$?
	if [ $case_status -ne "$case_want" ]; then
		echo "# $* ended with $case_status, not $case_want"
		echo "$case_out" | sed 's/^/# /'
		result 1 "$case_desc"
		return
	fi
	result 0 "$case_desc"
}

# is DESCRIPTION GOT WANTED
is()
{
	if [ "$2" = "$3" ]; then
		result 0 "$1"
	else
		echo "# got    '$2'"
		echo "# wanted '$3'"
		result 1 "$1"
	fi
}

# like DESCRIPTION GOT PATTERN (of case)
like()
{
	# shellcheck disable=SC2254
	case $2 in
	$3) result 0 "$1" ;;
	*)
		echo "# got '$2'"
		echo "# wanted something like '$3'"
		result 1 "$1"
		;;
	esac
}

# wait_for SECONDS COMMAND…: until the command succeeds; false after that long.
wait_for()
{
	case_until=$(($(cut -d. -f1 /proc/uptime) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(cut -d. -f1 /proc/uptime)" -le $case_until ] || return 1
		sleep 0.3
	done
}

# Last line of a script.
done_testing()
{
	echo "1..$case_count"
	exit $case_failed
}
