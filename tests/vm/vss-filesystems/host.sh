# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2016 # the guest's
. "$HVIS_CASE_LIB"

disks=/case/${HVIS_CASE##*/}/disks.sh
frozen=(disk xfs btrfs f2fs loop loop2 linear md luks auto)
skipped=(vfat tmpfs over-tmpfs)

# plan DIR: "VERDICT REASON" of the file system there
plan()
{
	grep -F "\"$1\"" plan.out | sed 's/.*"verdict":"\([a-z]*\)".*"reason":"\([a-z-]*\)".*/\1 \2/'
}
read_plan()
{
	guest timeout 60 hvctl vss plan --json >plan.json || return
	tr -d '\n' <plan.json | sed 's/" *: */":/g; s/{ *"mounts"/\n&/g' >plan.out
}

# times DIR: when its freeze began, and how long that took, in the last backup; a line for each time
times()
{
	sed 's/{ *"mount"/\n&/g' history.out | grep -F "\"mount\":\"$1\"" |
		sed 's/.*"freeze_at_us":\([0-9]*\).*"freeze_us":\([0-9]*\).*/\1 \2/'
}
# before DIR DIR: was the one frozen when the freeze of the other began?
before()
{
	local upper lower

	upper=$(times "$1") lower=$(times "$2")
	[ -n "$upper" ] && [ $((${upper/ /+})) -le "${lower% *}" ]
}
read_history()
{
	guest hvctl vss history --lines 1 --json | tr -d '\n' | sed 's/" *: */":/g' >history.out
}

# written: which of /mnt have been
written()
{
	guest 'for file in /run/wrote.*; do [ ! -e $file ] || echo ${file#/run/wrote.}; done' | sort | xargs
}
sorted()
{
	printf '%s\n' "$@" | sort | xargs
}
skipped_are_written()
{
	[ "$(written)" = "$(sorted "${skipped[@]}")" ]
}

# in_private COMMAND: in the container's view
in_private()
{
	guest "nsenter -t \$(cat /run/vss-disks/private) -m sh -c '$1'"
}

check "drivers" guest "sh $disks drivers"
vss_disk 1 xfs /mnt/xfs
vss_disk 2 btrfs /mnt/btrfs
vss_disk 3 f2fs /mnt/f2fs
vss_begin
vss_configure Deadline=10min
for kind in loop loop-on-loop linear md luks vfat read-only squashfs tmpfs overlay bind private autofs automounted; do
	check "$kind" guest "sh $disks $kind"
done

# --- the plan ---

check "the plan" read_plan
for name in "${frozen[@]}"; do
	[ "$name" = auto ] || is "$name: frozen" "$(plan "/mnt/$name")" "freeze local"
done
is "what an automounter has mounted: frozen, and its trigger is not" "$(plan /mnt/auto | sort | xargs)" \
	"freeze local skip pseudo"
is "in a container's view alone: frozen" "$(plan /media/private)" "freeze local"
like "by one of its processes" "$(grep private plan.out)" "*\"process\":$(guest cat /run/vss-disks/private),*"
is "bind mounts are one" "$(grep -c '"/mnt/disk"' plan.out)" 1
is "with all their places" "$(grep '"/mnt/disk"' plan.out | grep -o '"/mnt/bind"\|"/mnt/sub"\|"/media/bind-ro"' |
	sort -u | xargs)" "/media/bind-ro /mnt/bind /mnt/sub"
is "vfat" "$(plan /mnt/vfat)" "skip unsupported"
is "tmpfs" "$(plan /mnt/tmpfs)" "skip pseudo"
is "a read-only superblock" "$(plan /media/ro)" "skip read-only"
is "squashfs" "$(plan /media/squash)" "skip read-only"
is "overlay on a tmpfs" "$(plan /mnt/over-tmpfs)" "skip layered"
is "overlay on a disk" "$(plan /mnt/over-disk)" "skip layered"
is "an automount point" "$(plan /media/trigger)" "skip pseudo"

# --- a backup ---

ctl backup --hold "$(vss_seconds 9)" >backup.out 2>&1 &
backup=$!
check "the guest is frozen" wait_for 60 vss_phase frozen
check "writers begin" vss_write
check "also in the container" in_private \
	"(echo written >/media/private/probe && : >/run/wrote.private) >/dev/null 2>&1 &"
check "those on what is not frozen are done" wait_for 60 skipped_are_written
sleep 1
is "all others wait" "$(written)" "$(sorted "${skipped[@]}")"
check "and it is still frozen" vss_phase frozen
wait "$backup"
is "the backup is done" $? 0
check "all go on" wait_for 60 vss_wrote
check "also in the container" wait_for 60 guest test -e /run/wrote.private
is "which has written" "$(in_private "cat /media/private/probe")" written

# --- its order ---

check "the history" read_history
like "says that all is well" "$(<history.out)" '*"result":"ok"*'
is "and what was frozen" "$(grep -o '"mount":"[^"]*"' history.out | cut -d'"' -f4 | sort | xargs)" \
	"$(sorted /media/private "${frozen[@]/#//mnt/}")"
for pair in "loop2 loop" "loop disk" "linear xfs" "md disk" "md xfs" "luks btrfs"; do
	read -r upper lower <<<"$pair"
	check "$upper is frozen before $lower" before "/mnt/$upper" "/mnt/$lower"
done

# --- what must not be touched was not ---

is "nobody has asked for an automount" "$(guest 'cat /run/vss-disks/*.asked | wc -c')" 0
guest 'ls /media/trigger/wanted >/dev/null 2>&1 & echo $! >/run/vss-disks/waiter'
check "now somebody does, and waits" wait_for 60 guest test -s /run/vss-disks/trigger.asked
check "a hard NFS mount, and a process with its root there" guest "sh $disks nfs"
check "the NFS server goes" guest "sh $disks nfs-gone"
check "who asks for its files waits" guest 'timeout -s KILL 3 ls /media/nfs/nothing; [ $? = 137 ]'
check "a plan waits for nobody" read_plan
is "NFS" "$(plan /media/nfs)" "skip network"
check "nor does a backup" ctl backup --hold 0.1

# --- the end, for whoever has the guest next ---

for kind in autofs-end nfs-end private-end none; do
	check "$kind" guest "sh $disks $kind"
done
vss_configure
check "a backup" ctl backup --hold 0.1
check "a write" vss_write
check "is done" wait_for 60 vss_wrote
is "one daemon" "$(guest pidof hv_vss_daemon | wc -w)" 1
done_testing
