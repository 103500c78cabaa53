# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# ./run demo: the main job before one's eyes. It is the case tests/vm/host-demo with its output shown as
# it comes. With --link the same daemon talks to the same host without a virtual machine.

cmd_demo()
{
	local link=0

	while [ $# -gt 0 ]; do
		case $1 in
		--link) link=1 ;;
		-v) say_verbose=1 ;;
		-h | --help)
			echo "usage: ./run demo [--link] [-v]"
			exit
			;;
		*) die_usage "usage: ./run demo [--link] [-v]" ;;
		esac
		shift
	done
	if [ $link = 1 ]; then
		packages_need build
		build_plain || exit 3
		demo_link
	else
		packages_need build vm
		build_plain || exit 3
		demo_vm
	fi
}

demo_vm()
{
	local out follow status

	if kvm_works; then
		say "this machine's KVM can run the guest"
	else
		say "this machine's KVM cannot run the guest: using software emulation (it takes a little longer)"
	fi
	vm_kernel=6.1
	vm_prepare "$top/tests/vm/host-demo" || exit 3
	out=$vm_results/job-001/case-host-demo/host.out
	mkdir -p "${out%/*}"
	: >"$out"
	tail --pid=$$ -n +1 -s 0.3 -f "$out" 2>/dev/null &
	follow=$!
	say "booting a stock Debian $vm_kernel kernel under hvis-host"
	vm_go
	sleep 0.7
	kill $follow
	wait $follow 2>/dev/null
	[ $tap_failed = 0 ]
	status=$?
	[ $status = 0 ] || say "the demo failed"
	say "done; what the guest's console said is in $vm_results/job-001/console"
	return $status
}

# The same without a virtual machine: hvis-host link in the place of kernel and host. Where it can be, the backup is
# there, too: demo-backup.sh.
demo_link()
{
	local build dir

	demo_enter
	build=$(build_root)/plain
	dir=$(mktemp -d "${TMPDIR:-/tmp}/hvis-demo.XXXXXX") || exit
	demo_dir=$dir
	demo_pids=
	trap demo_end EXIT
	trap 'exit 1' INT TERM HUP
	demo_disk "$dir"
	demo_machine "$dir" "$build"
	"$build/hvis-host" link --dir "$dir/dev" --service kvp --service vss --service fcopy --control "$dir/control" >"$dir/host.log" 2>&1 &
	demo_pids=$!
	demo_wait "$dir/dev/hv_kvp"
	"$build/kvpd/hv_kvp_daemon" --device "$dir/dev/hv_kvp" --pool-dir "$dir/root/var/lib/hyperv" \
		--socket "$dir/root/run/hvis/kvp" >"$dir/daemon.log" 2>&1 &
	demo_pids+=" $!"
	demo_wait "$dir/root/run/hvis/kvp"
	"$build/fcopyd/hv_fcopy_daemon" --device "$dir/dev/hv_fcopy" --root "$dir/root" --socket "$dir/fcopy" \
		>>"$dir/daemon.log" 2>&1 &
	demo_pids+=" $!"
	demo_wait "$dir/fcopy"
	[ -n "$demo_without" ] || demo_vss_start "$dir" "$build"
	# shellcheck source=tests/vm/lib/case.sh
	. "$top/tests/vm/lib/case.sh"
	# shellcheck source=tests/vm/lib/narrate.sh
	. "$top/tests/vm/lib/narrate.sh"
	# shellcheck source=tests/vm/lib/story.sh
	. "$top/tests/vm/lib/story.sh"
	# shellcheck disable=SC2034 # for story.sh
	story_root=$dir/root story_data=$dir/srv story_notes=$dir/saver story_device=$dir/dev/hv_kvp story_too_long=10s
	ctl()
	{
		"$build/hvis-host" ctl "$dir/control" "$@"
	}
	guest()
	{
		case "$1 $2" in
		"hvctl fcopy") "$build/hvctl/hvctl" "${@:2}" --socket "$dir/fcopy" ;;
		"hvctl vss") "$build/hvctl/hvctl" "${@:2}" --socket "$dir/vss" ;;
		hvctl*) "$build/hvctl/hvctl" "${@:2}" --socket "$dir/root/run/hvis/kvp" ;;
		saver*) "$top/tests/vm/host-demo/root/usr/bin/saver" "${@:2}" ;;
		*) "$@" ;;
		esac
	}
	demo_link_story
	if [ -n "$demo_without" ]; then
		tell "The backup is left out here: there is no $demo_without. ./run demo shows it in a virtual machine."
	else
		demo_backup_story
	fi
}

demo_wait()
{
	local i

	for ((i = 0; i < 100; i++)); do
		[ ! -S "$1" ] || return 0
		sleep 0.1
	done
	cat "$demo_dir"/*.log >&2
	die "$1 did not appear"
}

demo_end()
{
	{
		# shellcheck disable=SC2086
		kill $demo_pids $(cat "$demo_dir/saver/pid")
		wait
	} 2>/dev/null
	demo_thaw "$demo_dir"
	rm -rf "$demo_dir"
}

demo_link_story()
{
	tell "hvis-host plays host and kernel; hv_kvp_daemon has opened its socket as if it were the device."
	show host ctl wait kvp --timeout 20
	story_pairs
	story_away
	tell "The host copies a file. (What hv_fcopy_daemon takes for / is a directory of the demo's own.)"
	story_copy
}
