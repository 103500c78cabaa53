# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Power cuts: what hv_kvp_daemon's changes do to a disk is recorded in the outer machine, whose kernel has
# dm-log-writes; then each state that the disk was in is mounted and looked at, here where this
# machine may and can, else in the outer machine as well. A disk that fails is played there too. The scripts are in
# tests/campaign.

# power_changes WORK N: N changes (the same ones every time) and the pool after each, from 40 records on.
power_changes()
{
	local work=$1 tool keys=() key i

	tool=$(build_root)/plain/tests/integration/pool-tool
	"$tool" fill "$work/before" Key 40
	for i in {0..39}; do keys+=("Key$i"); done
	RANDOM=1
	for ((i = 0; i < $2; i++)); do
		key=${keys[RANDOM % ${#keys[@]}]}
		case $((RANDOM % 6)) in
		0 | 1)
			echo "set New$i $i"
			keys+=("New$i")
			;;
		2)
			echo "remove $key"
			mapfile -t keys < <(printf '%s\n' "${keys[@]}" | grep -vx "$key")
			;;
		*) echo "set $key $(printf "%0$((RANDOM % 1000 + 1))d" "$i")" ;;
		esac
	done >"$work/ops"
	"$tool" model "$work/before" "$work/ops" "$work/model-"
}

# power_can_mount FS: may we, and does this kernel know it?
power_can_mount()
{
	[ $EUID -eq 0 ] && [ -e /dev/loop-control ] && { grep -qw "$1" /proc/filesystems || modprobe "$1" 2>/dev/null; }
}

# power_cut CHANGES STATES FS…: sets power_states, power_bad, power_repaired. STATES 0: every one.
power_cut()
{
	local changes=$1 states=$2 work build fs out
	local outer_cpu=qemu64 # raid6_pq, which btrfs wants, dies on the usual one
	local -a words

	shift 2
	build=$(build_root)/plain
	work=$(mktemp -d "$(build_root)/power.XXXXXX")
	power_states=0 power_bad=0 power_repaired=0
	power_changes "$work" "$changes"
	for fs in "$@"; do
		out=$work/$fs.out
		if ! outer_run "$work" "$top/tests/campaign/power-record.sh" "$fs" "$build" "$(kernel_get 6.1)" "$work" >&2; then
			say "FAIL $fs: not recorded"
			power_bad=$((power_bad + 1))
			continue
		fi
		if power_can_mount "$fs"; then
			unshare -m "$top/tests/campaign/power-states.sh" "$fs" "$build" "$work" "$states" >"$out"
		else
			outer_run "$work" "$top/tests/campaign/power-states.sh" "$fs" "$build" "$work" "$states" >"$out"
		fi
		grep -v '^states' "$out" >&2
		read -ra words < <(tail -n 1 "$out")
		if [ "${words[0]:-}" != states ]; then
			say "FAIL $fs: $(tail -n 3 "$out")"
			power_bad=$((power_bad + 1))
			continue
		fi
		say "$fs: ${words[*]}"
		power_states=$((power_states + words[1]))
		power_bad=$((power_bad + words[3]))
		power_repaired=$((power_repaired + words[5]))
	done
	rm -rf "$work"
}

# power_disk_error: hv_kvp_daemon on a disk that fails; its tests are counted.
power_disk_error()
{
	local work status counts

	work=$(mktemp -d "$(build_root)/power.XXXXXX")
	outer_run "$work" "$top/tests/campaign/disk-error.sh" "$(build_root)/plain" "$(kernel_get 6.1)" "$lib/case.sh" \
		>"$work/out"
	status=$?
	[ $status = 0 ] && ! grep -q '^not ok' "$work/out" || cat "$work/out" >&2
	counts=$(tap_count "$work/out" $status)
	rm -rf "$work"
	# shellcheck disable=SC2086 # three numbers
	tap_add "a disk that fails (status $status)" $counts
}
