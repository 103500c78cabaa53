# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# ./run campaign: the long proofs. Each prints its figure and appends it to docs/figures.md with date,
# commit and kernel. What ./run test runs are bounded samples of the same.

campaign_names='vm-matrix, fuzz, kvp-kill, kvp-power-loss, kvp-soak, vss-kill, vss-consistency'
campaign_names+=', fcopy-kill, fcopy-large, fcopy-swap'

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
  vss-kill   SIGKILL at the system calls of hv_vss_daemon, its guard and its worker, alone and together, in --runs
             backups of 1 to 8 file systems, 10000 unless given; needs root
  vss-consistency
             disks are copied while all is frozen, with ext4, xfs, btrfs, PostgreSQL, MariaDB and Redis under load,
             in --runs backups of each, 25 unless given; needs root
  fcopy-kill SIGKILL at every system call of a copy by the file copy daemon's engine, on ext4, xfs, btrfs and tmpfs; needs root
  fcopy-large
             1 GiB of random bytes and 6 GiB that are sparse, copied by hvis-host link; 14 GiB below TMPDIR
  fcopy-swap symbolic links are swapped under the path of files while they are put there, --runs times at least and in
             as many tries, 100000 unless given

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
	vss-kill) campaign_vss_kill "${runs:-10000}" ;;
	vss-consistency) campaign_vss_consistency "${runs:-25}" ;;
	fcopy-kill) campaign_fcopy_kill ;;
	fcopy-large) campaign_fcopy_large ;;
	fcopy-swap) campaign_fcopy_swap "${runs:-100000}" ;;
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

# campaign_run NAME LOG VARIABLE=VALUE…: tests/integration/test-NAME.sh in the plain build, with these settings.
campaign_run()
{
	env "${@:3}" HVIS_PEER="$(debian_unpacked hyperv-daemons)" top_srcdir="$top" top_builddir="$(build_root)/plain" \
		"$top/tests/integration/test-$1.sh" >"$2" 2>&1
}

# campaign_counted NAME LOG STATUS
campaign_counted()
{
	local counts

	[ "$3" = 0 ] || tap_wrong "$2" >&2
	grep -aE '^# ' "$2" >&2
	tap_skips "$2" | sed "s|^|           $1: |" >&2
	counts=$(tap_count "$2" "$3")
	# shellcheck disable=SC2086 # three numbers
	tap_add "$1" $counts
}

# campaign_script NAME VARIABLE=VALUE…: its output goes to campaign-NAME.log beside the build, and is counted.
campaign_script()
{
	local name=$1 log

	shift
	log=$(build_root)/campaign-$name.log
	campaign_run "$name" "$log" "$@"
	campaign_counted "$name" "$log" $?
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

# campaign_sum NAME FILE…, campaign_most NAME FILE…: of a number of all lanes.
campaign_sum()
{
	awk -v name="$1" '$1 == name { sum += $2 } END { print sum + 0 }' "${@:2}"
}
campaign_most()
{
	awk -v name="$1" '$1 == name && $2 > most { most = $2 } END { print most + 0 }' "${@:2}"
}

# campaign_vss_parts WHO FILE…: at how many steps of each part of a backup
campaign_vss_parts()
{
	local part text='' sum=0 n

	for part in check prepare freeze hold thaw end; do
		n=$(campaign_sum "$1-$part" "${@:2}")
		sum=$((sum + n))
		text+=", $part $n"
	done
	echo "$1 $sum (${text#, })"
}

# campaign_vss_text FILE…: what the lanes say.
campaign_vss_text()
{
	sum()
	{
		campaign_sum "$1" "${files[@]}"
	}
	ms()
	{
		echo "$(($(campaign_most "$1" "${files[@]}") / 1000)) ms"
	}
	local files=("$@") alone pairs all

	alone=$(($(sum killed-daemon) + $(sum killed-guard) + $(sum killed-worker)))
	pairs=$(($(sum killed-daemon-guard) + $(sum killed-daemon-worker) + $(sum killed-guard-worker)))
	all=$(sum killed-daemon-guard-worker)
	cat <<END
$(sum cycles) backups of 1 to 8 file systems (ext4, xfs, btrfs) cut off by SIGKILL, at a step of
$(campaign_vss_parts daemon "$@"), $(campaign_vss_parts guard "$@"), $(campaign_vss_parts worker "$@");
$alone deaths of one, $pairs of two and $all of all three, $(sum within) of them within a call, and $(sum hangs) times somebody hung;
a writer waited $(ms longest-us) at most, and $(ms longest-hung-us) where somebody hung (Deadline=5s; the machine itself stalled for
up to $(ms stall-us)); $(sum left) times nobody was left to thaw: $(sum left-thawed) times --thaw-left-over or the next start did, and
writers went on after $(ms undone-us) at most;
of $(sum thaws-cut) thaws that a death met btrfs made $(sum read-only) a read-only file system;
$(sum failures) backups left something frozen, a process or a file, or told the host a wrong word.
hv_vss_daemon of Debian 12 killed beside it: $(campaign_most peer-stays-frozen "$1") of $(campaign_most peer-volumes "$1") file systems still
frozen after $(campaign_most peer-waited-ms "$1") ms and a start of the next one
END
}

# campaign_vss_kill RUNS: a part of them in each of seven lanes, of which every other one has other file systems
# first. They wait for most of their time, so they do with two processors.
campaign_vss_kill()
{
	local lane lanes=7 pids=() logs=() sums=() root where=${TMPDIR:-/tmp}

	packages_need build check vm power
	build_plain || exit 3
	root=$(build_root)
	[ ! -w /dev/shm ] || where=/dev/shm # no disk of this machine is to wait for
	for ((lane = 0; lane < lanes; lane++)); do
		logs+=("$root/campaign-vss-kill-$lane.log")
		sums+=("$root/vss-kill-$lane.sums")
		: >"${sums[lane]}"
		campaign_run vssd-kill "${logs[lane]}" TMPDIR="$where" HVIS_KILL_CYCLES=$((($1 + lanes - 1) / lanes)) \
			HVIS_KILL_SEED=$lane HVIS_KILL_SUMS="${sums[lane]}" HVIS_KILL_WATCH_S=36000 \
			HVIS_VSS_SLACK_MS="${HVIS_VSS_SLACK_MS:-0}" &
		pids+=($!)
	done
	while [ -n "$(jobs -rp)" ]; do
		sleep 30
		for lane in "${!logs[@]}"; do
			say "lane $lane: $(sed -n 's/^# progress //p' "${logs[lane]}" | tail -n 1)"
		done
	done
	for ((lane = 0; lane < lanes; lane++)); do
		wait "${pids[lane]}"
		campaign_counted "vssd-kill, lane $lane" "${logs[lane]}" $?
	done
	campaign_figure "vss-kill: $(campaign_vss_text "${sums[@]}" | paste -sd ' ')"
}

# campaign_vss_consistency RUNS: backups of file systems, and as many of servers
campaign_vss_consistency()
{
	local dir servers

	packages_need build check vm power
	build_plain || exit 3
	servers=$(servers_root) || exit 3
	dir=$(build_root)
	rm -f "$dir/vss-consistency.figure" "$dir/vss-servers.figure"
	campaign_script vss-consistency HVIS_CONSISTENCY_ROUNDS="$1" HVIS_CONSISTENCY_FIGURE="$dir/vss-consistency.figure"
	campaign_script vss-servers HVIS_SERVERS="$servers" HVIS_SERVERS_ROUNDS="$1" HVIS_SERVERS_FIGURE="$dir/vss-servers.figure"
	campaign_figure "vss-consistency: $(cat "$dir/vss-consistency.figure" "$dir/vss-servers.figure" | paste -sd ';' | sed 's/;/; /')"
}

campaign_fcopy_kill()
{
	local log

	packages_need build check power
	build_plain || exit 3
	campaign_script fcopyd-kill HVIS_KILL_POINTS=all HVIS_KILL_TYPES="xfs btrfs"
	log=$(build_root)/campaign-fcopyd-kill.log
	campaign_figure "fcopy-kill: $(awk '/ deaths \(/ { n++; sub(/.* at /, ""); deaths += $1; sub(/.*\(/, ""); whole += $1; swept += $3 }
		END { print deaths " deaths in " n " kinds of copies: " whole " with the whole file there, " swept " temporary files swept" }' \
		"$log"), $tap_failed kinds failed"
}

campaign_fcopy_large()
{
	local figure

	packages_need build check
	build_plain || exit 3
	figure=$(build_root)/fcopy-large.figure
	campaign_script fcopyd-large HVIS_LARGE=1024 HVIS_SPARSE=6144 HVIS_LARGE_FIGURE="$figure"
	campaign_figure "fcopy-large: $(cat "$figure")"
}

# campaign_fcopy_swap SWAPS
campaign_fcopy_swap()
{
	local figure

	packages_need build check
	build_plain || exit 3
	figure=$(build_root)/fcopy-swap.figure
	campaign_script fcopyd-swap HVIS_SWAPS="$1" HVIS_SWAP_FIGURE="$figure"
	campaign_figure "fcopy-swap: $(paste -sd ';' "$figure" | sed 's/;/; beside it, looked for and then opened: /')"
}
