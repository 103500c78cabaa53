# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The system calls that a unit allows, and those that a trace of strace has. Sourced by tests that hold
# one against the other; calls_skip says why that cannot be done here.

# calls_expand NAME…: groups of systemd as their members, one per line
calls_expand()
{
	local name
	for name; do
		case $name in
		@*)
			# shellcheck disable=SC2046 # one name per word
			calls_expand $(systemd-analyze --no-pager syscall-filter "$name" | sed -n 's/^    \([^#]\)/\1/p')
			;;
		*) echo "$name" ;;
		esac
	done
}

# calls_allowed UNIT-FILE: sorted. False where its list is not one of what is allowed.
calls_allowed()
{
	local lists
	mapfile -t lists < <(sed -n 's/^SystemCallFilter=//p' "$1" | tr ' ' '\n')
	calls_expand @default "${lists[@]}" | sort -u
	! grep -q '^SystemCallFilter=~' "$1"
}

# calls_made TRACE: sorted
calls_made()
{
	sed -n 's/^[0-9]* *\([a-z_0-9]*\)(.*/\1/p' "$1" | sort -u
}

# calls_skip BUILD-FOLDER: the reason, where there is one
calls_skip()
{
	if ! command -v strace >/dev/null || ! command -v systemd-analyze >/dev/null; then
		echo "strace or systemd-analyze is not installed"
	elif grep -q 'fsanitize=address' "$1/config.log"; then
		echo "the sanitizer makes calls of its own"
	fi
}
