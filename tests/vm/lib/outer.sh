# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The outer emulator: a small QEMU machine without KVM in which KVM works, for machines whose own KVM
# is missing or cannot do it. It sees the machine's file system, read-only below a layer in memory, so
# that programs and paths are the same inside and outside, and one shared folder, writable, at its own
# path. Jobs are commands written in files of that folder, run one after another by outer/worker.

# Modules of the outer machine: its bus, its shared folders, and KVM.
outer_modules=(virtio_pci 9p 9pnet_virtio overlay kvm_amd ccp irqbypass)

# outer_image: path of a folder with vmlinux and initrd.
outer_image()
{
	local kernel busybox

	kernel=$(kernel_get 6.1) || exit
	busybox=$(debian_unpacked busybox-static) || exit
	cache_get outer "$(cache_key "$kernel" "$busybox" "${outer_modules[*]}" \
		"$(cache_digest "$top/tests/vm/outer/init")")" outer_make "$kernel"
}

outer_make()
{
	local kernel=$1 into=$2

	say "making the outer machine's image"
	kernel_elf "$kernel/vmlinuz" "$into/vmlinux" || return
	mkdir -p "$into/stage"/{proc,sys,dev,machine,layer,new}
	initrd_busybox "$into/stage" || return
	initrd_modules "$into/stage" "$kernel" "${outer_modules[@]}" || return
	install -m 755 "$top/tests/vm/outer/init" "$into/stage/init" || return
	initrd_pack "$into/stage" "$into/initrd" && rm -rf "$into/stage"
}

# Its processor: one that KVM works on.
outer_cpu=EPYC,+svm,+npt,-xsave,-cx16

# outer_start SHARED DIR: start an emulator whose shared folder is SHARED. Sets outer_pid, outer_to,
# outer_from (descriptors of its job line), outer_monitor (a socket). Its console and QEMU's own messages are in DIR.
outer_start()
{
	local shared=$1 dir=$2 image

	image=$(outer_image) || exit
	[[ $shared$dir != *[,[:space:]]* ]] || die "QEMU cannot share a folder with a comma or blank: $shared"
	outer_monitor=$(mktemp -u "${TMPDIR:-/tmp}/hvis-monitor.XXXXXX") # a socket's path must be short
	rm -f "$dir/jobs.in" "$dir/jobs.out"
	mkfifo "$dir/jobs.in" "$dir/jobs.out" || return
	printf '%s\n' "$shared" "$top/tests/vm/outer/worker" >"$shared/.outer"
	exec {outer_to}<>"$dir/jobs.in" {outer_from}<>"$dir/jobs.out"
	qemu-system-x86_64 -accel tcg,thread=single -M q35 -cpu "$outer_cpu" -smp 1 -m 3072 \
		-nodefaults -no-user-config -no-reboot -display none \
		-kernel "$image/vmlinux" -initrd "$image/initrd" \
		-append "console=ttyS0 quiet panic=-1 mitigations=off random.trust_cpu=on" \
		-serial "file:$dir/console" -serial "pipe:$dir/jobs" -monitor "unix:$outer_monitor,server=on,wait=off" \
		-virtfs local,path=/,mount_tag=machine,security_model=none,readonly=on,multidevs=remap \
		-virtfs "local,path=$shared,mount_tag=shared,security_model=none,multidevs=remap" \
		</dev/null >"$dir/qemu.log" 2>&1 {outer_to}>&- {outer_from}>&- &
	outer_pid=$!
}

# outer_wait_ready SECONDS: until the worker says that it takes jobs.
outer_wait_ready()
{
	local line

	while read -t "$1" -r -u "$outer_from" line; do
		[[ $line != READY* ]] || return 0
	done
	return 1
}

# outer_state DIR: what the processor of an emulator does that says nothing any more, into DIR/state. Two looks,
# to see whether it does anything.
outer_state()
{
	local look

	for look in 1 2; do
		echo "look $look"
		printf 'info status\ninfo registers\ninfo lapic\ninfo pic\n' |
			timeout 5 socat -t 2 - "UNIX-CONNECT:$outer_monitor" | tr -d '\r'
	done >"$1/state" 2>&1
}

outer_stop()
{
	[ -n "${outer_pid:-}" ] || return 0
	kill "$outer_pid" 2>/dev/null
	wait "$outer_pid" 2>/dev/null
	exec {outer_to}>&- {outer_from}>&-
	rm -f "$outer_monitor"
	outer_pid=
}

# How long the worker may say nothing: many times what it takes on a busy machine.
outer_patience=60

# outer_job FILE [SECONDS]: have the worker run the script FILE; its exit status comes back, 125 if the
# emulator died or came to a standstill; 124 after SECONDS. FILE.out has the output.
#
# The line feeds are pokes: QEMU 7.2 now and then loses that an interrupt waits (its SVM clears a bit of the same word
# without the lock), and a halted processor whose one timer that was never wakes. Any other interrupt
# makes it look again; the worker takes an empty line for none.
#
# A line may come in parts: what a read had when its time was over belongs to the next one.
outer_job()
{
	local line part='' end=$((EPOCHSECONDS + ${2:-1000000})) alive=$EPOCHSECONDS

	printf 'JOB %s\n' "$1" >&"$outer_to"
	while [ $EPOCHSECONDS -lt $end ]; do
		echo >&"$outer_to"
		if IFS= read -t 1 -r -u "$outer_from" line; then
			alive=$EPOCHSECONDS
			line=$part${line%$'\r'} part=''
			[[ $line != "DONE "* ]] || return "${line#DONE }"
		elif ! kill -0 "$outer_pid" 2>/dev/null || [ $EPOCHSECONDS -gt $((alive + outer_patience)) ]; then
			return 125
		else
			part+=$line
		fi
	done
	return 124
}

# outer_run DIR COMMAND…: in an outer machine of its own, with DIR as the shared folder; what COMMAND prints goes to
# standard output, and its status comes back. DIR stays, with files of ours in it.
outer_run()
(
	dir=$1
	shift
	trap outer_stop EXIT
	{
		printf 'cd %q || exit\n' "$PWD"
		printf 'export HVIS_SHARED=%q\n' "$dir"
		printf '%q ' "$@"
		echo
	} >"$dir/job"
	: >"$dir/job.out"
	outer_start "$dir" "$dir"
	if ! outer_wait_ready 120; then
		tail -n 40 "$dir/qemu.log" "$dir/console" >&2
		die "the outer emulator did not come up"
	fi
	say "outer machine is up; running: $*"
	tail --pid=$BASHPID -n +1 -s 0.2 -f "$dir/job.out" &
	follow=$!
	outer_job "$dir/job"
	status=$?
	sleep 0.5
	kill $follow
	wait $follow 2>/dev/null
	[ $status != 125 ] || tail -n 40 "$dir/qemu.log" "$dir/console" >&2
	exit $status
)

# ./run outer -- COMMAND…
cmd_outer()
{
	local dir

	case ${1:-} in
	--) shift ;;
	-h | --help)
		echo "usage: ./run outer -- COMMAND…"
		exit
		;;
	esac
	[[ $# -gt 0 && $1 != -* ]] || die_usage "usage: ./run outer -- COMMAND…"
	packages_need vm
	dir=$(mktemp -d "${TMPDIR:-/tmp}/hvis-outer.XXXXXX")
	trap 'rm -rf "$dir"' EXIT
	outer_run "$dir" "$@"
	exit
}
