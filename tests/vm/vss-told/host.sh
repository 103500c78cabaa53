# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2016,SC2154 # the guest expands it; case_out is of case.sh
. "$HVIS_CASE_LIB"

# value RESULT ENDER: what the host reads of the last backup, if that is what it says, from the first byte to
# the last.
value()
{
	local us='([0-9]+|null)' mount

	mount="\{\"mount\":\"[^\"]+\",\"freeze_us\":$us,\"frozen_us\":$us,\"thaw_us\":$us\}"
	ctl kvp get HvisLastBackup --pool guest 2>/dev/null | grep -xE \
		"\{\"time\":\"[0-9]{4}-[0-9-]{5}T[0-9:]{8}Z\",\"kind\":\"(backup|check)\",\"result\":\"$1\",\
\"ended_by\":(null|\"$2\"),\"frozen\":[0-9]+,\"frozen_us\":[0-9]+,\"message\":\"[^\"]+\",\"mounts\":\[($mount(,$mount)*)?\]\}"
}

# reads RESULT ENDER: value, in a while; shows what there is instead
reads()
{
	wait_for 120 value "$@" && return
	ctl kvp get HvisLastBackup --pool guest
	return 1
}

# frozen_us DIR VALUE: how long DIR was frozen, as the host reads it
frozen_us()
{
	sed -n "s|.*\"mount\":\"$1\",\"freeze_us\":[0-9]*,\"frozen_us\":\([0-9]*\),.*|\1|p" <<<"$2"
}

# Before a backup: what is told of it is not that of the last one.
forget()
{
	guest hvctl kvp delete HvisLastBackup --pool guest >/dev/null 2>&1
	fails "the host has no word of it" ctl kvp get HvisLastBackup --pool guest
}

# last JSON-TEXT: whether the history begins with an entry that has it
last()
{
	guest hvctl vss history --lines 1 --json | tr -d ' \n' | grep -qF -e "$1"
}

# scsi_disk: ext4 on a disk at /mnt/scsi that can be taken away, with something to write.
scsi_disk()
{
	check "a SCSI disk at /mnt/scsi" guest 'set -e
		modprobe sd_mod
		[ -d /sys/module/scsi_debug ] || modprobe scsi_debug dev_size_mb=32
		for host in /sys/class/scsi_host/host*; do echo "- - -" >$host/scan; done
		for i in $(seq 100); do
			disk=$(ls /sys/block | grep ^sd) && [ -b /dev/$disk ] && break
			sleep 0.2
		done
		mkfs.ext4 -q /dev/$disk && mkdir -p /mnt/scsi && mount -t ext4 /dev/$disk /mnt/scsi
		echo $disk >/run/disk && echo dirty >/mnt/scsi/dirty'
}
disk_goes()
{
	check "the disk goes" guest 'echo 1 >/sys/block/$(cat /run/disk)/device/delete && test ! -e /sys/block/$(cat /run/disk)'
}
disk_is_left()
{
	check "its mount goes" guest 'umount -l /mnt/scsi && rmdir /mnt/scsi'
}

vss_begin

# --- a success ---

vss_configure Deadline=10min
forget
check "a backup" ctl backup --hold 0.3
check "the host reads that it was well" reads ok host
told=$(value ok host)
like "all that was frozen is in it" "$told" "*\"frozen\":$(grep -o '"mount"' <<<"$told" | wc -l),*"
[ "$(frozen_us /mnt/disk "$told")" -ge 300000 ]
result $? "the disk for as long as the host held it"
check "as in the history" last "\"frozen_us\":$(frozen_us /mnt/disk "$told"),"
check "hvctl vss status" guest hvctl vss status
like "has it too" "$(guest hvctl vss status)" "*Last backup: *ok, *"

# --- one that a hand ends ---

forget
ctl backup --hold 600 >backup.out 2>&1 &
backup=$!
check "the guest is frozen" wait_for 60 vss_phase frozen
check "a writer begins" vss_write
like "hvctl says so" "$(guest hvctl vss status)" "*Backup: *frozen*Frozen since: *Thawed in: *"
fails "the host has no word of it yet" value '[a-z]*' '[a-z]*'
check "hvctl vss thaw" guest hvctl vss thaw
check "the writer goes on" wait_for 60 vss_wrote
kill "$backup"
wait "$backup"
check "the host reads that" reads aborted hand

# --- a disk that goes ---

scsi_disk
check "the plan has it" guest "hvctl vss plan | grep -q '^freeze .* /mnt/scsi '"
disk_goes
forget
fails "a backup without its disk is none" ctl backup --hold 0.1
check "the host reads why" reads failed failure
like "of which it was" "$(value failed failure)" '*"message":"/mnt/scsi: *'
check "as in the history" last '"error":"'
check "a write" guest 'timeout 20 sh -c "echo written >/mnt/disk/probe"'
refuse "a rehearsal fails as well" 1 guest hvctl vss rehearse --duration 2s --yes
like "and says why" "$case_out" "failed: /mnt/scsi: *"
disk_is_left
check "without it a rehearsal is well" guest hvctl vss rehearse --duration 2s --yes
check "of which the host is not told" value failed failure
check "and a backup" ctl backup --hold 0.1
check "of which it is" reads ok host

# Between the host's question and its FREEZE.
scsi_disk
forget
check "FREEZE comes late" ctl fault add delay:packet/vss:after=2,count=1,time=12000
ctl backup --hold 0.1 >backup.out 2>&1 &
backup=$!
asked()
{
	vss_phase freezing
}
check "the question was answered" wait_for 60 asked
disk_goes
disk_is_left
wait "$backup"
is "a disk that is gone in good order is missed by nobody" $? 0
check "no fault is left" ctl fault clear
check "as the host reads" reads ok host

# While it is frozen.
scsi_disk
forget
ctl backup --hold 600 >backup.out 2>&1 &
backup=$!
check "the guest is frozen" wait_for 60 vss_phase frozen
check "a writer to the other disk begins" guest 'rm -f /run/wrote.disk; (echo written >/mnt/disk/probe && : >/run/wrote.disk) >/dev/null 2>&1 &'
disk_goes
check "hvctl vss thaw" guest hvctl vss thaw
check "the writer to the other disk goes on" wait_for 60 guest test -e /run/wrote.disk
kill "$backup"
wait "$backup"
check "the host reads that it was no backup" reads '(aborted|failed)' '[a-z]*'
disk_is_left
check "a backup" wait_for 30 ctl backup --hold 0.1

# --- refused ---

vss_configure "Require=/srv/* /srv/data"
forget
refuse "nothing is mounted that is required: refused" 1 ctl backup
like "at its check" "$case_out" "*check: the guest answers fail*"
check "the host reads why" reads refused none
like "in words" "$(value refused none)" \
	'*"ended_by":null,"frozen":0,"frozen_us":0,"message":"/srv/data is required and not mounted","mounts":\[\]}'
check "as in the history" last '"kind":"check"'
refuse "hvctl vss plan has the same" 1 guest hvctl vss plan
like "in words" "$case_out" "*No backup is possible: /srv/data is required and not mounted."
like "in JSON" "$(guest hvctl vss plan --json | tr -d '\n')" '*"problem": "/srv/data is required and not mounted"*'
refuse "a rehearsal, too" 1 guest hvctl vss rehearse --yes

vss_configure "Require=/ru[n]"
forget
refuse "what a pattern has is required cannot be frozen: refused" 1 ctl backup
check "the host reads why" reads refused none
like "in words" "$(value refused none)" '*"message":"/run (tmpfs) is required, but cannot be frozen: *'
like "the plan shows which" "$(guest hvctl vss plan)" "*deny *- */run *tmpfs *"
vss_configure Deadline=60s
check "a backup" ctl backup --hold 0.1
check "of which the host is told" reads ok host

# --- without hv_kvp_daemon: it is found when that is back ---

forget
check "hv_kvp_daemon goes" guest 'kill $(pidof hv_kvp_daemon)'
check "a backup" wait_for 30 ctl backup --hold 0.1
check "it is written" wait_for 120 guest hvctl kvp get HvisLastBackup --offline
check "hv_kvp_daemon comes" guest "daemons stop && daemons start"
check "kvp is ready" ctl wait kvp --timeout 60
check "the host reads it" reads ok host
check "vss is ready" ctl wait vss --timeout 60
check "remove it" guest hvctl kvp delete HvisLastBackup --pool guest
done_testing
