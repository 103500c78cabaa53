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
	tail -n +1 -s 0.3 -f "$out" 2>/dev/null &
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
