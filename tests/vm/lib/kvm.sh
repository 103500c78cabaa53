# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# Where guests run: on the machine itself, or in the outer emulator. That /dev/kvm is there says
# little, so hvis-host is asked what it misses and a guest is booted. The answer is kept until the
# machine boots again; HVIS_KVM=yes or no overrides it.

# Where the answer is kept.
kvm_memory()
{
	echo "$(cache_dir)/kvm-$(cat /proc/sys/kernel/random/boot_id)"
}

# True where the machine's own KVM does.
kvm_works()
{
	local memory

	case ${HVIS_KVM:-} in
	yes) return 0 ;;
	no) return 1 ;;
	'') ;;
	*) die_usage "HVIS_KVM=$HVIS_KVM: yes or no" ;;
	esac
	memory=$(kvm_memory)
	if [ ! -e "$memory" ]; then
		mkdir -p "$(cache_dir)"
		rm -f "$(cache_dir)"/kvm-*
		kvm_try >"$memory.new"
		mv "$memory.new" "$memory"
	fi
	say_more "KVM of this machine: $(tail -n 1 "$memory")"
	[ "$(tail -n 1 "$memory")" = works ]
}

# Prints why not, and the verdict as the last line.
kvm_try()
{
	local job

	if ! "$(build_root)/plain/hvis-host" probe; then
		echo "is not enough for hvis-host"
		return
	fi
	job=$(mktemp -d "${TMPDIR:-/tmp}/hvis-kvm.XXXXXX")
	vm_boot_conf "$job" 6.1 stock none 1 256 auto any small '' '' '' 30 boot "$top/tests/vm/host-boot" >&2
	echo "boot 60 $top/tests/vm/host-boot" >"$job/cases"
	timeout -k 5 120 "$top/tests/vm/lib/session" "$job" >&2
	if grep -qx 'host 0' "$job/case-boot/status" 2>/dev/null; then
		echo works
	else
		echo "has what it needs, but a guest does not boot"
	fi
	rm -rf "$job"
}
