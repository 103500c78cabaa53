# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# ./run test: everything, from the cheap to the dear. Each stage adds its tests to the sums; a stage
# that fails does not stop those that can still say something. Last line: "N passed, …".

test_stages=(style build unit asan fuzz dist servers vm)

test_usage()
{
	cat <<'END'
usage: ./run test [-v] [STAGE…]

Stages, all of them without an argument: style build unit asan fuzz dist servers vm
END
}

cmd_test()
{
	local stage stages=()

	while [ $# -gt 0 ]; do
		case $1 in
		-v) say_verbose=1 ;;
		-h | --help)
			test_usage
			exit
			;;
		*)
			[[ " ${test_stages[*]} " = *" $1 "* ]] || die_usage "no stage $1: ${test_stages[*]}"
			stages+=("$1")
			;;
		esac
		shift
	done
	[ ${#stages[@]} -gt 0 ] || stages=("${test_stages[@]}")
	packages_need build check vm power
	for stage in "${stages[@]}"; do
		test_stage "$stage"
	done
	tap_summary
}

test_stage()
{
	local start=$EPOCHREALTIME passed=$tap_passed failed=$tap_failed skipped=$tap_skipped

	say "== $1"
	"test_$1"
	say "== $1: $((tap_passed - passed)) passed, $((tap_failed - failed)) failed," \
		"$((tap_skipped - skipped)) skipped in $(say_elapsed "$start") s"
}

# test_one NAME COMMAND…: a command as one test.
test_one()
{
	local name=$1

	shift
	if "$@"; then
		tap_add "$name" 1 0 0
	else
		tap_fail "$name"
		return 1
	fi
}

# The tree's files with this ending: from git, or from the tarball's own tree.
test_files()
{
	if git -C "$top" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
		git -C "$top" ls-files -z "$@"
	else
		(cd "$top" && find . -path ./_build -prune -o -type f \( -name "$1" -o -name "${2:-$1}" \) -print0)
	fi
}

test_style()
{
	test_one "format (clang-format-14)" test_format
	test_one "shellcheck" test_shellcheck
}

test_format()
{
	(cd "$top" && test_files '*.c' '*.h' | xargs -0r clang-format-14 --dry-run -Werror) 2>&1 | head -n 40 >&2
	[ "${PIPESTATUS[0]}" = 0 ]
}

test_shellcheck()
{
	(cd "$top" && shellcheck -x run .ci/run tests/vm/bin/* tests/vm/outer/* tests/campaign/*.sh tests/vm/lib/session \
		tests/vm/lib/guestd tests/vm/guest/init tests/vm/guest/daemons tests/vm/guest/debian-setup tests/vm/host-demo/root/usr/bin/saver &&
		shellcheck -s dash tests/vm/guest/agent && shellcheck -s sh tests/vm/lib/case.sh &&
		shellcheck -x -e SC1090,SC1091 -P SCRIPTDIR tests/vm/*/host.sh tests/vm/*/guest.sh) >&2
}

test_build()
{
	test_one "build with -Werror" build_plain
}

test_unit()
{
	test_check plain
	test_one "demo --link" test_demo_link
}

test_demo_link()
{
	(demo_link) >"$(build_root)/demo-link.log" 2>&1 || { cat "$(build_root)/demo-link.log" >&2; false; }
}

test_asan()
{
	build_configure asan --enable-werror --enable-asan CFLAGS='-O1 -g' || { tap_fail "configure with ASan and UBSan"; return; }
	say "building with ASan and UBSan"
	test_one "build with ASan and UBSan" build_make asan all && test_check asan
}

# test_check BUILD: "make check" there, counted from the results that the TAP driver leaves.
test_check()
{
	local dir ok

	dir=$(build_root)/$1
	[ -e "$dir/Makefile" ] || { tap_fail "make check ($1): the build failed"; return; }
	find "$dir/tests" -name '*.trs' -delete 2>/dev/null
	HVIS_PEER=$(debian_unpacked hyperv-daemons) make -C "$dir" -j"$(build_jobs)" -k check \
		>"$dir/check.log" 2>&1 </dev/null
	ok=$?
	test_trs "$dir"
	[ $ok = 0 ] || [ "$test_trs_failed" -gt 0 ] || {
		tail -n 40 "$dir/check.log" >&2
		tap_fail "make check ($dir/check.log)"
	}
}

# test_trs DIR [WHERE]: count the results below DIR, and show what failed and why what was skipped.
test_trs()
{
	local trs name passed failed skipped where=${2:-${1##*/}}

	test_trs_failed=0
	while read -r trs; do
		name=${trs#"$1/tests/"}
		name=${name%.trs}
		read -r passed failed skipped < <(awk '
			/^:test-result: (PASS|XFAIL)/ { ok++ }
			/^:test-result: (FAIL|XPASS|ERROR)/ { bad++ }
			/^:test-result: SKIP/ { skip++ }
			END { print ok + 0, bad + 0, skip + 0 }' "$trs")
		if [ "$failed" != 0 ]; then
			say_line "FAIL $name"
			tap_show "${trs%.trs}.log" >&2
			name+=": $(grep -E '^(not ok|Bail out|ERROR: .* - (too (many|few)|missing|exited) )' "${trs%.trs}.log" | head -n 3 | paste -sd ';')"
		fi
		[ "$skipped" = 0 ] || tap_skips "${trs%.trs}.log" | sed "s|^|           $name: |" >&2
		tap_add "$where: $name" "$passed" "$failed" "$skipped"
		test_trs_failed=$((test_trs_failed + failed))
	done < <(find "$1/tests" -name '*.trs' | LC_ALL=C sort)
}

# Each fuzz target for a while, from its corpus; two side by side.
test_fuzz()
{
	local dir target

	ls "$top"/tests/fuzz/fuzz-*.c >/dev/null 2>&1 || { say "no fuzz targets"; return; }
	dir=$(build_root)/fuzz
	build_configure fuzz --enable-fuzz --enable-asan CC=clang-14 CFLAGS='-O1 -g' ||
		{ tap_fail "configure fuzz targets"; return; }
	say "building fuzz targets"
	test_one "build fuzz targets" build_make fuzz all || return
	fuzz_all "$dir" -max_total_time=15
}

# fuzz_all DIR OPTION [NAME…]: run the targets there, or those, for as long as libFuzzer's OPTION says.
fuzz_all()
{
	local dir=$1 limit=$2 target name only=()

	shift 2
	for name in "$@"; do
		only+=(-o -name "fuzz-$name")
	done
	[ $# -gt 0 ] || only=(-o -name 'fuzz-*')
	rm -f "$dir"/tests/fuzz/fuzz-*.log "$dir"/tests/fuzz/*.status
	# shellcheck disable=SC2016 # the inner shell's variables
	find "$dir/tests/fuzz" -maxdepth 1 -type f \( -false "${only[@]}" \) -perm -100 -print0 | LC_ALL=C sort -z |
		xargs -0 -r -P "$(build_jobs)" -n 1 bash -c '
			grown=$0/tests/fuzz/grown-${3##*/fuzz-}
			mkdir -p "$grown"
			"$3" -seed=1 "$1" -timeout=10 -rss_limit_mb=2048 \
				-artifact_prefix="$3-" "$grown" "$2/tests/fuzz/corpus/${3##*/fuzz-}" >"$3.log" 2>&1
			echo $? >"$3.status"
		' "$dir" "$limit" "$top" 2>/dev/null
	for target in "$dir"/tests/fuzz/fuzz-*.status; do
		[ -e "$target" ] || continue
		target=${target%.status}
		name=${target##*/}
		if [ "$(cat "$target.status")" = 0 ]; then
			say "ok   $name: $(grep -ao 'Done [0-9]* runs.*' "$target.log" | tail -n 1)"
			tap_add "$name" 1 0 0
		else
			tap_fail "$name"
			tap_show "$target.log" >&2
		fi
	done
}

# The tarball built and tested on its own. A check that fails in it is counted and named like those of
# "make check", from the tree that distcheck leaves then.
test_dist()
{
	local dir log

	dir=$(build_root)/plain
	log=$dir/distcheck.log
	[ -e "$dir/Makefile" ] || { tap_fail "make distcheck: the build failed"; return; }
	say "make distcheck"
	if make -C "$dir" -j"$(build_jobs)" distcheck DISTCHECK_CONFIGURE_FLAGS=--enable-werror \
		>"$log" 2>&1 </dev/null; then
		tap_add "make distcheck" 1 0 0
		return
	fi
	test_trs_failed=0
	dir=$(find "$dir" -maxdepth 3 -path '*/hvis-*/_build/sub' -type d)
	[ -z "$dir" ] || test_trs "$dir" distcheck
	[ "$test_trs_failed" -gt 0 ] || tail -n 60 "$log" >&2
	tap_fail "make distcheck ($log)"
}

# Backups of real data base servers: a sample of the campaign vss-consistency.
test_servers()
{
	local servers

	[ -x "$(build_root)/plain/hvis-host" ] || { tap_fail "no hvis-host: the build failed"; return; }
	servers=$(servers_root) || { tap_fail "no Debian with servers"; return; }
	campaign_script vss-servers HVIS_SERVERS="$servers"
}

# A part of the matrix of every case, and one case that lies outside the tree.
test_vm()
{
	local cases before

	[ -x "$(build_root)/plain/hvis-host" ] || { tap_fail "no hvis-host: the build failed"; return; }
	mapfile -t cases < <(vm_all_cases)
	outside=$(mktemp -d "${TMPDIR:-/tmp}/hvis-outside.XXXXXX")
	trap 'rm -rf "$outside"' EXIT # a global: whoever ends us may do so from anywhere
	cp -r "$top/tests/vm/host-boot" "$outside/host-outside"
	printf 'daemons=none\nkernels=6.1\n' >"$outside/host-outside/case.conf"
	before=$(test_tree)
	vm_matrix=sample
	vm_run "${cases[@]}" "$outside/host-outside"
	rm -rf "$outside"
	test_one "VM cases leave the tree alone" test "$before" = "$(test_tree)"
	test_power
}

# A sample of the campaign kvp-power-loss, and a disk that fails.
test_power()
{
	power_cut 8 40 ext4
	test_one "power cuts on ext4: $power_states states" test "$power_bad" = 0 -a "$power_states" -ge 20
	power_disk_error
}

# What is in the tree, but for the build.
test_tree()
{
	(cd "$top" && find . \( -path ./_build -o -path ./.git \) -prune -o -type f -printf '%p %s %T@\n' |
		LC_ALL=C sort | sha256sum)
}
