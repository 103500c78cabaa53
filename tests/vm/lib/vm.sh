# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# ./run vm: from case folders to results. Cases that want the same guest share a boot (a job); jobs
# stand in one queue; lanes take from it, each on the machine itself or in an emulator of its own.

vm_kernel='' vm_modules='' vm_daemons='' vm_synic='' vm_cpus='' vm_versions=''
vm_keep=0
vm_matrix=full
vm_capped=no # the campaign's: conf_capped as well

vm_usage()
{
	cat <<'END'
usage: ./run vm [OPTION…] CASE…

CASE is a folder with host.sh, guest.sh, case.conf; or the name of one in tests/vm.

  --kernel 6.1|6.12            these override what case.conf says; lists in quotes
  --modules stock              hvis is reserved: there are no such modules in this version
  --daemons stock|hvis|none
  --synic auto|kvm|user
  --cpus N
  --max-version V              the VMBus version that the host offers, 3.0 to 5.3
  --sample                     a part of the matrix in which each value occurs
  --keep                       never remove this run's results
  -v                           say more
END
}

vm_option()
{
	[ $# -ge 2 ] || die_usage "$1 needs a value"
	case $1 in
	--kernel) conf_check kernels "$2" "$1" && vm_kernel=$2 ;;
	--modules) conf_check modules "$2" "$1" && vm_modules=$2 ;;
	--daemons) conf_check daemons "$2" "$1" && vm_daemons=$2 ;;
	--synic) conf_check synic "$2" "$1" && vm_synic=$2 ;;
	--cpus) conf_check cpus "$2" "$1" && vm_cpus=$2 ;;
	--max-version) conf_check versions "$2" "$1" && vm_versions=$2 ;;
	esac
}

cmd_vm()
{
	local cases=()

	while [ $# -gt 0 ]; do
		case $1 in
		--kernel | --modules | --daemons | --synic | --cpus | --max-version)
			vm_option "$@"
			shift
			;;
		--sample) vm_matrix=sample ;;
		--keep) vm_keep=1 ;;
		-v) say_verbose=1 ;;
		-h | --help)
			vm_usage
			exit
			;;
		-*) die_usage "unknown option $1 (./run vm --help)" ;;
		*) cases+=("$(vm_find_case "$1")") || exit ;;
		esac
		shift
	done
	[ ${#cases[@]} -gt 0 ] || { vm_usage >&2; exit 2; }
	packages_need build vm
	build_plain || exit 3
	vm_run "${cases[@]}"
	tap_summary
}

vm_find_case()
{
	local folder

	for folder in "$1" "$top/tests/vm/$1"; do
		if [ -e "$folder/host.sh" ] || [ -e "$folder/guest.sh" ]; then
			(cd "$folder" && pwd -P)
			return
		fi
	done
	die_usage "no case $1: a folder with host.sh or guest.sh, or a name in tests/vm"
}

# All cases of the tree.
vm_all_cases()
{
	local file

	for file in "$top"/tests/vm/*/case.conf; do
		dirname "$file"
	done
}

# vm_run FOLDER…: run them, print and count.
vm_run()
{
	vm_prepare "$@" && vm_go
}

# Where to run, what to boot: everything up to the queue.
vm_prepare()
{
	vm_results=$(vm_results_make) || exit
	mkdir "$vm_results/queue" "$vm_results/done"
	vm_where=machine
	kvm_works || vm_where=emulator
	[ $vm_where = machine ] || outer_image >/dev/null || exit
	vm_plan "$@" || exit
	say "$(vm_count "$(vm_boots)" boot) for $(vm_count "$(wc -l <"$vm_results/plan")" "case run")," \
		"$([ $vm_where = machine ] && echo "on this machine's KVM" || echo "in emulation")"
}

# How many jobs have been made.
vm_boots()
{
	find "$vm_results" -mindepth 1 -maxdepth 1 -name 'job-*' | wc -l
}

vm_go()
{
	local lanes=() lane n

	n=$(vm_boots)
	for ((lane = 1; lane <= $(vm_lanes) && lane <= n; lane++)); do
		(lane_run "$lane") &
		lanes+=($!)
	done
	trap 'kill "${lanes[@]}" 2>/dev/null; wait "${lanes[@]}"; exit 130' INT TERM # and for no other child
	vm_wait_lanes "$n" "${lanes[@]}"
	trap - INT TERM
	vm_report
}

vm_count()
{
	echo "$1 $2$([ "$1" = 1 ] || echo s)"
}

vm_lanes()
{
	local cpus

	cpus=$(nproc)
	if [ -n "${HVIS_LANES:-}" ]; then
		echo "$HVIS_LANES"
	elif [ "$cpus" -lt 2 ]; then
		echo 1
	elif [ "$vm_where" = emulator ] || [ "$cpus" -lt 4 ]; then
		echo 2
	else
		echo 4
	fi
}

vm_wait_lanes()
{
	local total=$1 pid

	shift
	for pid in "$@"; do
		while kill -0 "$pid" 2>/dev/null; do
			say_status "boots done: $(find "$vm_results/done" -mindepth 1 | wc -l) of $total"
			sleep 1
		done
		wait "$pid"
	done
}

# A folder for this run's artifacts; the results of the last five runs stay.
vm_results_make()
{
	local dir

	dir=$(build_root)/vm-results
	mkdir -p "$dir"
	find "$dir" -mindepth 1 -maxdepth 1 -type d | LC_ALL=C sort -r | tail -n +5 | while read -r old; do
		[ -e "$old/keep" ] || rm -rf "$old"
	done
	dir=$dir/$(date +%Y%m%d-%H%M%S)-$$
	mkdir "$dir" || die "cannot make $dir"
	[ $vm_keep = 0 ] || : >"$dir/keep"
	echo "$dir"
}

# Sort the case runs into jobs: a line of the plan per run, a job folder per boot.
vm_plan()
{
	local folder key line i=0 turn=0

	for folder in "$@"; do
		conf_read "$folder" || return
		vm_override
		while read -r line; do
			i=$((i + 1))
			key="$line|${conf[memory]}|${conf[root]}|${conf[packages]}|${conf[drivers]}|${conf[host]}|${conf[hyperv]}"
			[ "${conf[boot]}" = shared ] || key="$key|$i"
			printf '%s\t%s\t%s\t%s\n' "$key" "$(basename "$folder")" "${conf[timeout]}" "$folder"
		done < <(conf_expand $vm_matrix $turn && { [ $vm_capped = no ] || conf_capped "${folder##*/}"; })
		turn=$((turn + 1))
	done | LC_ALL=C sort -s -t $'\t' -k 1,1 >"$vm_results/plan"
	vm_jobs
}

vm_override()
{
	[ -z "$vm_kernel" ] || conf[kernels]=$vm_kernel
	[ -z "$vm_modules" ] || conf[modules]=$vm_modules
	[ -z "$vm_daemons" ] || conf[daemons]=$vm_daemons
	[ -z "$vm_synic" ] || conf[synic]=$vm_synic
	[ -z "$vm_cpus" ] || conf[cpus]=$vm_cpus
	[ -z "$vm_versions" ] || conf[versions]=$vm_versions
}

# One job folder per key of the plan, ready to be taken.
vm_jobs()
{
	local key name seconds folder last='' job='' n=0

	while IFS=$'\t' read -r key name seconds folder; do
		if [ "$key" != "$last" ]; then
			[ -z "$job" ] || vm_job_finish "$last" "$job" || return
			n=$((n + 1))
			last=$key
			job=$vm_results/job-$(printf %03d $n)
			mkdir "$job"
			: >"$job/cases"
		fi
		while grep -q "^$name " "$job/cases"; do
			name=$name.2
		done
		echo "$name $seconds $folder" >>"$job/cases"
	done <"$vm_results/plan"
	[ -z "$job" ] || vm_job_finish "$last" "$job"
}

# vm_job_finish KEY JOB: write what the session needs, and queue it.
vm_job_finish()
{
	local job=$2 how memory root packages drivers host hyperv name folder args=()
	local kernel modules daemons cpus synic version

	IFS='|' read -r how memory root packages drivers host hyperv _ <<<"$1"
	read -r kernel modules daemons cpus synic version <<<"$how"
	while read -r name _ folder; do
		args+=("$name" "$folder")
	done <"$job/cases"
	vm_boot_conf "$job" "$kernel" "$modules" "$daemons" "$cpus" "$memory" "$synic" "$version" \
		"$root" "$packages" "$drivers" "$host" 60 "${args[@]}" || return
	[ "$hyperv" = yes ] || echo boot_kind=other >>"$job/boot.conf"
	echo "$kernel, $modules modules, $daemons daemons, $(vm_count "$cpus" CPU), SynIC $synic$([ "$version" = any ] ||
		echo ", VMBus up to $version")$([ "$root" = small ] || echo ", $root root")$([ "$hyperv" = yes ] ||
		echo ", not Hyper-V")" >"$job/title"
	: >"$vm_results/queue/${job##*/}"
}

# vm_boot_conf JOB KERNEL MODULES DAEMONS CPUS MEMORY SYNIC VERSION ROOT PACKAGES DRIVERS HOST-FLAGS SECONDS
# NAME FOLDER…: the images, and boot.conf for the session.
vm_boot_conf()
{
	local job=$1 kernel=$2 modules=$3 daemons=$4 cpus=$5 memory=$6 synic=$7 version=$8 root=$9
	local seconds=${13} folder packages drivers flags initrds=()

	read -ra packages <<<"${10}"
	read -ra drivers <<<"${11}"
	read -ra flags <<<"${12}"
	shift 13
	[ "$version" = any ] || flags+=(--max-version "$version")
	vm_image kernel_get "$kernel" || return
	folder=$vm_image_path
	if [ "$root" = small ]; then
		: "${memory:=256}"
		vm_image image_small || return
		initrds+=("$vm_image_path/initrd")
		if [ ${#packages[@]} -gt 0 ]; then
			vm_image image_packages small "${packages[@]}" || return
			initrds+=("$vm_image_path/initrd")
		fi
	else
		: "${memory:=1500}"
		seconds=$((seconds * 3))
		vm_image image_debian "${packages[@]}" || return
		initrds+=("$vm_image_path/initrd")
	fi
	vm_image image_agent || return
	initrds+=("$vm_image_path/initrd")
	vm_image image_kernel_modules "$folder" "${drivers[@]}" || return
	initrds+=("$vm_image_path/initrd")
	case $daemons in
	stock) vm_image image_stock "$kernel" "$root" || return ;;
	hvis) vm_image image_hvis "$root" || return ;;
	esac
	[ "$daemons" = none ] || initrds+=("$vm_image_path/initrd")
	if [[ "$daemons $kernel ${drivers[*]} " = "stock 6.12 "*"uio_hv_generic "* ]]; then
		vm_image image_uio_daemon "$root" || return
		initrds+=("$vm_image_path/initrd")
	fi
	image_cases "$job/cases.initrd" "$modules" "$daemons" "$@" || return
	initrds+=("$job/cases.initrd")
	{
		printf 'boot_bin=%q\nboot_kernel=%q\n' "$(build_root)/plain" "$folder/vmlinuz"
		printf 'boot_initrds=(%s)\n' "$(printf '%q ' "${initrds[@]}")"
		printf 'boot_append=%q\n' "console=ttyS0 panic=-1 loglevel=5"
		printf 'boot_environment=(HVIS_KERNEL=%q HVIS_MODULES=%q HVIS_DAEMONS=%q HVIS_CPUS=%q' \
			"$kernel" "$modules" "$daemons" "$cpus"
		printf ' HVIS_SYNIC=%q HVIS_VERSION=%q HVIS_ROOT=%q)\n' "$synic" "$version" "$root"
		printf 'boot_cpus=%q\nboot_memory=%q\nboot_synic=%q\n' "$cpus" "$memory" "$synic"
		printf 'boot_seconds=%q\nboot_host=(%s)\n' "$seconds" "$([ ${#flags[@]} = 0 ] ||
			printf '%q ' "${flags[@]}")"
	} >"$job/boot.conf"
}

declare -A vm_images

# vm_image FUNCTION ARGUMENT…: into vm_image_path, asked for once in a run.
vm_image()
{
	local key="$*"

	if [ ! -v "vm_images[$key]" ]; then
		vm_images[$key]=$("$@") || return
	fi
	vm_image_path=${vm_images[$key]}
}

# Add up what the lanes have found, and say what should not be overlooked.
vm_report()
{
	local file case passed failed skipped again

	while read -r file; do
		read -r passed failed skipped <"$file"
		case=${file%/count}
		tap_add "${case##*/case-} ($(cat "${case%/*}/title"))" "$passed" "$failed" "$skipped"
	done < <(find "$vm_results" -mindepth 3 -maxdepth 3 -name count)
	while read -r file; do
		tap_fail "did not run: $(cat "$vm_results/$file/title")"
	done < <(ls "$vm_results/queue")
	again=$(cat "$vm_results"/job-*/again 2>/dev/null | wc -l)
	[ "$again" = 0 ] || say "$(vm_count "$again" boot) died, or its emulator did, and had to be tried again"
	say "artifacts: $vm_results"
}
