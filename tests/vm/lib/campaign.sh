# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# ./run campaign: the long proofs. Each prints its figure and appends it to docs/figures.md with date,
# commit and kernel. What ./run test runs are bounded samples of the same.

campaign_names='vm-matrix, fuzz, kvp-kill, kvp-power-loss, kvp-soak'

campaign_usage()
{
	cat <<'END'
usage: ./run campaign NAME [--for T] [--runs N] [-v]

  vm-matrix  every VM case with every combination of its matrix, those of kvp and ic at every version of VMBus
  fuzz       every fuzz target, or those that HVIS_FUZZ_TARGETS names ("config varlink"); for T in all
             (90s, 30m, 2h), 2h unless given, or until --runs N inputs have been tried in all: in
             rounds in which each target has a minute, so that slow ones get their share
  kvp-kill   SIGKILL at every system call of SET, DELETE, start and repair of hv_kvp_daemon
  kvp-soak   programs that append under flock and under fcntl, the host, clients and hvctl write at once; --for T
  kvp-power-loss
             the power fails after every write and flush of hv_kvp_daemon's changes, on ext4, xfs and btrfs

The figure that comes out is appended to docs/figures.md.
END
}

cmd_campaign()
{
	local name='' seconds=7200 runs=

	while [ $# -gt 0 ]; do
		case $1 in
		--for)
			[ $# -ge 2 ] || die_usage "--for needs a time: 90s, 30m, 2h"
			seconds=$(campaign_seconds "$2") || exit
			shift
			;;
		--runs)
			[[ ${2:-} =~ ^[1-9][0-9]*$ ]] || die_usage "--runs needs a number"
			runs=$2
			shift
			;;
		-v) say_verbose=1 ;;
		-h | --help)
			campaign_usage
			exit
			;;
		-*) die_usage "unknown option $1" ;;
		*) name=$1 ;;
		esac
		shift
	done
	case $name in
	vm-matrix) campaign_vm_matrix ;;
	fuzz) campaign_fuzz "$seconds" "$runs" ;;
	kvp-kill) campaign_kvp_kill ;;
	kvp-power-loss) campaign_kvp_power_loss ;;
	kvp-soak) campaign_kvp_soak "$seconds" ;;
	'') die_usage "which one? $campaign_names" ;;
	*) die_usage "no campaign $name: $campaign_names" ;;
	esac
	tap_summary
}

campaign_seconds()
{
	[[ $1 =~ ^([1-9][0-9]*)([smh]?)$ ]] || die_usage "--for $1: 90s, 30m, 2h"
	case ${BASH_REMATCH[2]} in
	h) echo $((BASH_REMATCH[1] * 3600)) ;;
	m) echo $((BASH_REMATCH[1] * 60)) ;;
	*) echo "${BASH_REMATCH[1]}" ;;
	esac
}

# campaign_figure TEXT: where figures are kept.
campaign_figure()
{
	local file=$top/docs/figures.md commit

	commit=$(git -C "$top" rev-parse --short HEAD 2>/dev/null || echo unknown)
	[ -e "$file" ] || printf '# Figures\n\nWhat the campaigns (./run campaign) found, newest last.\n\n%s\n%s\n' \
		'| date | commit | kernel | figure |' '| --- | --- | --- | --- |' >"$file"
	echo "| $(date -u +%F) | $commit | $(uname -r) | $1 |" >>"$file"
	say "$1"
}

# Every case with every combination that its case.conf allows, and the services' cases at every version
# of VMBus.
campaign_vm_matrix()
{
	local cases runs boots again

	packages_need build vm
	build_plain || exit 3
	mapfile -t cases < <(vm_all_cases)
	vm_matrix=full vm_capped=yes
	vm_run "${cases[@]}"
	runs=$(wc -l <"$vm_results/plan")
	boots=$(vm_boots)
	again=$(cat "$vm_results"/job-*/again 2>/dev/null | wc -l)
	campaign_figure "vm-matrix: $runs case runs in $boots boots ($again of them tried again): \
$tap_passed tests passed, $tap_failed failed"
}

# fuzz_count DIR: adds what the last round has tried to fuzz_tried, by target, and fuzz_total.
fuzz_count()
{
	local log name n

	for log in "$1"/tests/fuzz/fuzz-*.log; do
		[ -e "$log" ] || continue
		name=${log##*/fuzz-}
		name=${name%.log}
		n=$(grep -ao 'Done [0-9]* runs' "$log" | awk '{ n += $2 } END { print n + 0 }')
		fuzz_tried[$name]=$((${fuzz_tried[$name]:-0} + n))
		fuzz_total=$((fuzz_total + n))
	done
}

# campaign_fuzz SECONDS [RUNS]: in all; the targets share them, by time.
campaign_fuzz()
{
	local dir names limit name each='' before fuzz_total=0
	local -A fuzz_tried=()

	read -r -a names <<<"${HVIS_FUZZ_TARGETS:-$(cd "$top/tests/fuzz" && printf '%s ' fuzz-*.c | sed 's/fuzz-//g; s/\.c//g')}"
	for name in "${names[@]}"; do
		[ -e "$top/tests/fuzz/fuzz-$name.c" ] || die "no fuzz target $name"
	done
	packages_need build check
	dir=$(build_root)/fuzz
	build_configure fuzz --enable-fuzz --enable-asan CC=clang-14 CFLAGS='-O1 -g' || exit 3
	build_make fuzz all || exit 3
	limit=$(($1 * $(build_jobs) / ${#names[@]} + 1))
	[ -z "${2:-}" ] || limit=60
	while before=$fuzz_total; do
		fuzz_all "$dir" "-max_total_time=$limit" "${names[@]}"
		fuzz_count "$dir"
		[ "$fuzz_total" -gt "$before" ] || tap_fail "fuzz targets that try nothing"
		[ "$fuzz_total" -lt "${2:-0}" ] && [ "$tap_failed" = 0 ] || break
	done
	for name in "${names[@]}"; do
		each+=", $name ${fuzz_tried[$name]:-0}"
	done
	campaign_figure "fuzz: $fuzz_total inputs to ${#names[@]} targets, $tap_failed of them failed: ${each#, }"
}

# campaign_script NAME VARIABLE=VALUE…: tests/integration/test-NAME.sh in the plain build, with these
# settings; its output goes to campaign-NAME.log there and is counted.
campaign_script()
{
	local name=$1 log status counts

	shift
	log=$(build_root)/campaign-$name.log
	env "$@" HVIS_PEER="$(debian_unpacked hyperv-daemons)" top_srcdir="$top" top_builddir="$(build_root)/plain" \
		"$top/tests/integration/test-$name.sh" >"$log" 2>&1
	status=$?
	grep -E '^(not ok|# )' "$log" >&2
	counts=$(tap_count "$log" $status)
	# shellcheck disable=SC2086 # three numbers
	tap_add "$name" $counts
}

# Every point of every part; the same beside it of the distribution's daemon.
campaign_kvp_kill()
{
	local figure

	packages_need build check vm
	build_plain || exit 3
	figure=$(build_root)/kvp-kill.figure
	campaign_script kvpd-kill HVIS_KILL_POINTS=all HVIS_KILL_FIGURE="$figure"
	campaign_figure "kvp-kill: $(paste -sd ';' "$figure" | sed 's/;/; /g')"
}

# HVIS_POWER_CHANGES of each file system: 160 make more than 5,000 states in all.
campaign_kvp_power_loss()
{
	packages_need build vm power
	build_plain || exit 3
	power_cut "${HVIS_POWER_CHANGES:-160}" 0 ext4 xfs btrfs
	test_one "no committed record lost" [ "$power_bad" = 0 ]
	campaign_figure "kvp-power-loss: $power_states states of ext4, xfs and btrfs after each write and flush: \
$power_bad with a committed record lost or a pool that cannot be read; the daemon's start repaired $power_repaired"
}

# campaign_kvp_soak SECONDS
campaign_kvp_soak()
{
	local figure

	packages_need build check vm
	build_plain || exit 3
	figure=$(build_root)/kvp-soak.figure
	campaign_script kvpd-writers HVIS_SOAK_SECONDS="$1" HVIS_SOAK_FIGURE="$figure"
	campaign_figure "kvp-soak: $(cat "$figure") in $1 s"
}
