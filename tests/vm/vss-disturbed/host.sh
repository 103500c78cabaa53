# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2016,SC2154 # the guest expands it; case_out is of case.sh
. "$HVIS_CASE_LIB"

# hold SECONDS: a backup in the background, and a write to all disks, which waits.
hold()
{
	before=$(vss_last time_us)
	ctl backup --hold "$1" >backup.out 2>&1 &
	backup=$!
	check "the guest is frozen" wait_for 60 vss_phase frozen
	check "writers begin" vss_write
	sleep 1
	check "and wait" vss_waits
}

# Whether the history has the backup that was held last.
is_told()
{
	[ "$(vss_last time_us)" != "$before" ]
}

# ended STATUS RESULT [MESSAGE]: the backup, what the host knows of it, and what the guest; nothing is frozen.
ended()
{
	wait "$backup"
	is "the host knows how it ended" $? "$1"
	check "nothing is frozen" wait_for 60 vss_wrote
	check "the marker is gone" guest test ! -e /run/hvis/vss.frozen
	check "the history has it" wait_for 60 is_told
	is "as what it was" "$(vss_last result)" "$2"
	[ $# -lt 3 ] || like "and why" "$(vss_last message)" "$3"
}

# jump DAYS: of the guest's clock
jump()
{
	guest "date -s @\$((\$(date +%s) + $1 * 86400))"
}

vss_disk 1 xfs /mnt/xfs
vss_disk 2 btrfs /mnt/btrfs
vss_begin
vss_configure Deadline=10min
check "another disk" guest 'mkdir -p /mnt/spare && mkfs.ext4 -q /dev/ram9 && mount -t ext4 /dev/ram9 /mnt/spare'

# --- umount, a disk that goes, full disks: all in one backup ---

check "a bind mount" guest 'mkdir -p /media/bind && mount --bind /mnt/spare /media/bind'
check "a disk that can go" guest 'modprobe sd_mod && modprobe scsi_debug dev_size_mb=32
	for i in 1 2 3 4 5 6 7 8 9 10; do [ -b /dev/sda ] && break; sleep 1; done
	mkfs.ext4 -q /dev/sda && mkdir -p /media/gone && mount -t ext4 /dev/sda /media/gone'
check "full disks" guest 'mkdir -p /media/full /media/full2
	mkfs.ext4 -q /dev/ram10 16384 && mount -t ext4 /dev/ram10 /media/full
	mkfs.btrfs -q -M -b 64M /dev/ram11 && mount -t btrfs /dev/ram11 /media/full2
	for dir in /media/full /media/full2; do
		! dd if=/dev/zero of=$dir/filler bs=64k 2>/dev/null || exit
		! dd if=/dev/zero of=$dir/filler2 bs=1k 2>/dev/null || exit
	done'
hold "$(vss_seconds 10)"
fails "umount: no" guest umount /mnt/spare
like "it is in use" "$case_out" "*busy*"
check "umount of another place of it" guest umount /media/bind
check "umount -l" guest umount -l /mnt/spare
check "it is out of sight" guest '! grep -q /mnt/spare /proc/mounts'
check "the disk goes" guest 'echo 1 >/sys/block/sda/device/delete'
check "it is gone" wait_for 10 guest test ! -e /sys/block/sda
ended 0 ok
is "which has frozen the full ones, too" \
	"$(guest hvctl vss history --lines 1 --json | grep -o '"/media/[a-z0-9]*"' | sort -u | xargs)" \
	"/media/full /media/full2 /media/gone"
check "what was unmounted can be mounted, which takes a write" guest timeout 60 mount -t ext4 /dev/ram9 /mnt/spare
check "and written to" guest 'timeout 60 sh -c "echo probe >/mnt/spare/probe && sync"'
check "umount of what is left" guest timeout 60 umount /media/gone
check "room on the full ones" guest 'timeout 60 rm /media/full/filler /media/full2/filler'
check "and a write" guest 'timeout 60 sh -c "echo probe >/media/full/probe && echo probe >/media/full2/probe && sync"'
check "away with them" guest 'umount /media/full /media/full2 &&
	rmdir /media/full /media/full2 /media/gone /media/bind'
check "a backup without them" ctl backup --hold 0.1
check "the disk's driver goes" guest timeout 60 rmmod scsi_debug

# --- others who freeze ---

check "somebody else freezes one" guest fsfreeze --freeze /mnt/spare
before=$(vss_last time_us)
refuse "the host is refused" 1 ctl backup --hold 1
check "the history has it" wait_for 60 is_told
is "as what it was" "$(vss_last result)" failed
like "and why" "$(vss_last message)" "/mnt/spare: *somebody else has frozen it"
check "a write" vss_write
sleep 1
check "it stays frozen" guest test ! -e /run/wrote.spare
check "the others are not" wait_for 60 guest 'test -e /run/wrote.disk -a -e /run/wrote.xfs -a -e /run/wrote.btrfs'
check "until who froze it thaws it" guest fsfreeze --unfreeze /mnt/spare
check "then the write is done" wait_for 60 vss_wrote
check "and a backup is one" ctl backup --hold 0.1

hold "$(vss_seconds 7)"
fails "nobody else can freeze it now" guest timeout 20 fsfreeze --freeze /mnt/xfs
like "as it is frozen" "$case_out" "*busy*"
check "but thaw it" guest fsfreeze --unfreeze /mnt/xfs
check "so that it is written to" wait_for 60 guest test -e /run/wrote.xfs
ended 1 failed "/mnt/xfs: *somebody else has thawed it"
check "the next backup is one" ctl backup --hold 0.1

# --- memory, and clocks ---

daemon=$(guest pidof hv_vss_daemon)
check "most of the memory is taken" guest 'mkdir -p /media/fill && mount -t tmpfs -o size=95% fill /media/fill &&
	mib=$(($(sed -n "s/MemAvailable: *\([0-9]*\).*/\1/p" /proc/meminfo) / 1024 - 128)) && [ $mib -gt 0 ] &&
	dd if=/dev/zero of=/media/fill/filler bs=1M count=$mib'
hold "$(vss_seconds 16)"
check "the clock goes on by ten years" jump 3650
check "somebody takes the rest of the memory" guest 'tail /dev/zero >/dev/null 2>&1; [ $? = 137 ]'
check "it is still frozen" vss_phase frozen
check "for all" vss_waits
check "the clock goes back by twenty years" jump -7300
ended 0 ok
check "frozen for as long as it was" test "$(vss_last frozen_us)" -gt 1000000 -a "$(vss_last frozen_us)" -lt 1000000000
is "the daemon lives" "$(guest pidof hv_vss_daemon)" "$daemon"
check "the clock" jump 3650
check "there is memory again" guest 'umount /media/fill && rmdir /media/fill'

vss_configure "Deadline=$(vss_seconds 6)s"
hold 600
check "the clock goes back by a day" jump -1
check "the deadline is where it was" wait_for 600 vss_wrote
check "the history has it" wait_for 60 is_told
is "and why" "$(vss_last ended_by)" deadline
kill "$backup"
wait "$backup"
check "the clock" jump 1
check "the host may ask again" wait_for 60 ctl backup --hold 0.1

# --- who reads the log writes it to what is frozen ---

check "the log goes to a disk" guest 'sed -i s/=.*/=10min/ /etc/hvis/hvis.conf; daemons stop
	rm -f /run/log.pipe; mkfifo /run/log.pipe && {
	setsid cat 2>/dev/null >/mnt/disk/vss.log </run/log.pipe &
	hv_vss_daemon </dev/null >/run/log.pipe 2>&1 &
}'
check "vss is ready" ctl wait vss --timeout 60
check "a backup" wait_for 60 ctl backup --hold 0.1
hold "$(vss_seconds 7)"
now=$(guest date +%T)
check "nobody's line can be logged any more" guest 'timeout 2 yes >/run/log.pipe; [ $? = 143 ]'
ended 0 ok
check "the daemon's lines come" wait_for 60 guest 'grep -q "/mnt/xfs: thaw at" /mnt/disk/vss.log'
froze=$(guest 'sed -n "s/.*mnt.xfs: freeze at \([0-9:]*\).*/\1/p" /mnt/disk/vss.log | tail -n 1')
thawed=$(guest 'sed -n "s/.*mnt.xfs: thaw at \([0-9:]*\).*/\1/p" /mnt/disk/vss.log | tail -n 1')
is "with the times at which it happened" "$(printf '%s\n' "$froze" "$now" "$thawed" | sort)" \
	"$(printf '%s\n' "$froze" "$now" "$thawed")"

# --- the end, for whoever has the guest next ---

check "away with it" guest 'umount /mnt/spare && rmdir /mnt/spare'
vss_configure
check "a backup" wait_for 60 ctl backup --hold 0.1
is "one daemon" "$(guest pidof hv_vss_daemon | wc -w)" 1
done_testing
