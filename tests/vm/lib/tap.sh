# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Counting: TAP lines one by one, and the sums of a whole run. A script that prints no TAP is one test.

declare -i tap_passed=0 tap_failed=0 tap_skipped=0
tap_failures=()

# tap_count FILE STATUS: print "PASSED FAILED SKIPPED" of a script's output and exit status.
tap_count()
{
	awk -v status="$2" '
		/^ok($|[ \t])/ { if (toupper($0) ~ /# *SKIP/) skip++; else ok++ }
		/^not ok($|[ \t])/ { if (toupper($0) ~ /# *TODO/) skip++; else bad++ }
		/^1\.\.[0-9]+/ { planned = substr($1, 4) + 0; plan = 1; if (toupper($0) ~ /# *SKIP/) whole = 1 }
		/^Bail out!/ { bad++ }
		END {
			seen = ok + bad + skip
			if (whole && !seen && status == 0) { print 0, 0, 1; exit }
			if (!seen && !plan) { print (status == 0), (status != 0), 0; exit }
			if (plan && planned > seen) bad += planned - seen
			if (status != 0 && !bad) bad = 1
			print ok + 0, bad + 0, skip + 0
		}' "$1"
}

# tap_add WHAT PASSED FAILED SKIPPED: the summary names WHAT if any of it failed.
tap_add()
{
	tap_passed+=$2
	tap_failed+=$3
	tap_skipped+=$4
	[ "$3" = 0 ] || tap_failures+=("$1")
}

# tap_fail WHAT: one failure, and a line that says so.
tap_fail()
{
	say "FAIL $1"
	tap_add "$1" 0 1 0
}

# The reasons of skipped tests in a file.
tap_skips()
{
	grep -hiE '^ok.*# *SKIP|^1\.\.0.*# *SKIP' "$@" 2>/dev/null
}

# What failed once more by name, for a log may be long or cut; then the last line of a run. The status is
# whether all passed.
tap_summary()
{
	[ $tap_failed -eq 0 ] || printf 'failed: %s\n' "${tap_failures[@]}"
	echo "$tap_passed passed, $tap_failed failed, $tap_skipped skipped"
	[ $tap_failed -eq 0 ]
}
