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

# tap_wrong FILE: what is wrong in a script's output or the log of a test, in 40 lines at most: each "not ok" with
# what is said before and after it, "Bail out!", a plan that was not kept, and what a sanitizer calls it. They share
# the lines, for who reads it may see no more than that.
tap_wrong()
{
	LC_ALL=C awk -v most=40 '
		function is_bad() {
			return /^Bail out!/ || /(ERROR|SUMMARY): [A-Za-z]*Sanitizer/ || /runtime error:/ ||
				/^ERROR: .* - (too (many|few)|missing|exited) / ||
				(/^not ok($|[ \t])/ && toupper($0) !~ /# *TODO/)
		}
		function put(line) { if (shown++ < most) print substr(line, 1, 300) }
		FNR == 1 { pass++ }
		pass == 1 { bad += is_bad(); next }
		FNR == 1 { share = bad ? int((most - bad) / bad / 2) : 0 }
		/^(PASS|FAIL|XFAIL|XPASS|SKIP|ERROR): / && !is_bad() { next } # what the driver makes of the line before
		is_bad() {
			for (i = n > share ? n - share : 0; i < n; i++) put(said[i])
			put($0)
			n = 0
			after = share
			next
		}
		/^#/ { if (after > 0) { after--; put($0) } else said[n++] = $0; next }
		{ n = after = 0 }
		END { if (shown > most) print "… " shown - most " more" }' "$1" "$1"
}

# tap_show FILE: that, and the end of it, which says most where nothing is wrong by name.
tap_show()
{
	local wrong

	wrong=$(tap_wrong "$1")
	[ -z "$wrong" ] || printf '%s\n--- its last lines (%s)\n' "$wrong" "$1"
	tail -n "$([ -z "$wrong" ] && echo 60 || echo 20)" "$1"
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
