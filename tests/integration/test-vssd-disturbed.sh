#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317,SC2119 # functions that check calls; some without arguments
#
# What becomes of a backup when its file systems are disturbed while they are frozen: nothing stays so, and
# the host and the history have the truth.
# shellcheck disable=SC2034 # for vssd.sh
vssd_types=xfs
# shellcheck source=tests/integration/vssd-link.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/integration/vssd-link.sh"

stacked=$scratch/m-stacked

# last MEMBER: of the newest entry of the history
last()
{
	"$build/hvctl/hvctl" vss history --socket "$socket" --lines 1 --json | tr -d '\n' |
		grep -o "\"$1\" *: *\"[^\"]*\"" | head -n 1 | sed 's/[^:]*: *//; s/"//g'
}

# ended STATUS RESULT [MESSAGE]: what host and history know of the backup, and that nothing is frozen
ended()
{
	wait "$backup"
	is "the host knows how it ended" $? "$1"
	is "the history has it" "$(last result)" "$2"
	[ $# -lt 3 ] || like "and why" "$(last message)" "$3"
	check "nothing is frozen" thawed_within 1000 "$(now_ms)"
	check "the marker is gone" test ! -e "$marker"
}

gone()
{
	! losetup -j "$1" | grep -q .
}

link_start
look_at_mounts
configure
daemon_start
check "a backup" ctl backup --hold 0.1

# --- umount ---

mkdir "$scratch/bind"
mount --bind "$scratch/m-xfs" "$scratch/bind"
hold "$(a_while 10)"
is "all is frozen" $? 0
fails "umount: it is in use" umount "$scratch/m-xfs"
check "umount of another place of it" umount "$scratch/bind"
check "umount -l" umount -l "$stacked"
wait "$backup"
is "what is out of sight is in the backup" $? 0
is "as the history has it" "$(last result)" ok
check "and is unmounted once it is thawed" wait_for 60 gone "$upon/stacked.img"
check "it can be mounted anew" mount -o loop "$upon/stacked.img" "$stacked"
check "nothing is frozen" thawed_within 1000 "$(now_ms)"

HVIS_VSS_PROVE_DEVICES=$(for mount in "${mounts[@]}"; do device "$mount"; done | tr '\n' ' ')
look_at_mounts
daemon_stop
daemon_start

# --- a full disk ---

fails "a full disk" dd if=/dev/zero of="$stacked/filler" bs=64k
fails "to the last block" dd if=/dev/zero of="$stacked/filler2" bs=1k
hold 2
is "is frozen, too" $? 0
wait "$backup"
is "and thawed" $? 0
check "there is room again" timeout 30 rm "$stacked/filler" "$stacked/filler2"
ended 0 ok

# --- others who freeze ---

fsfreeze -f "$scratch/m-ext4"
refuse "somebody else has frozen one: the host is refused" 1 ctl backup
is "the history has it" "$(last result)" failed
like "and why" "$(last message)" "$scratch/m-ext4: *somebody else has frozen it"
check "it stays frozen" frozen_at "$scratch/m-ext4"
check "until who froze it thaws it" fsfreeze -u "$scratch/m-ext4"
check "nothing is frozen" thawed_within 1000 "$(now_ms)"
check "the next backup is one" ctl backup --hold 0.1

# The one above cannot be written to its disk, so that the backup waits for whoever has frozen the one below.
echo probe >"$stacked/probe"
fsfreeze -f "$upon"
fails "somebody else has frozen what another one stands on: the host gives it up" ctl backup --timeout 3
check "it stays frozen" frozen_at "$upon"
check "until who froze it thaws it" fsfreeze -u "$upon"
check "nothing is frozen" thawed_within 1000 "$(now_ms)"
# Who asked has gone, but the host still waits for the answer.
check "the next backup is one" wait_for 60 ctl backup --hold 0.1

hold "$(a_while 10)"
is "all is frozen" $? 0
fails "nobody else can freeze it now" fsfreeze -f "$scratch/m-xfs"
check "but thaw it" fsfreeze -u "$scratch/m-xfs"
ended 1 failed "$scratch/m-xfs: *somebody else has thawed it"
check "the next backup is one" ctl backup --hold 0.1

# --- who reads the log writes it to what is frozen ---

daemon_stop
rm "$scratch/daemon.log"
mkfifo "$scratch/daemon.log"
cat "$scratch/daemon.log" >"$scratch/m-xfs/log" &
daemon_start
hold "$(a_while 8)"
is "all is frozen" $? 0
timeout 1 yes >"$scratch/daemon.log"
is "nobody's line can be logged any more" $? 124
now=$(date +%T)
ended 0 ok
check "the daemon's lines come" wait_for 60 grep -q "m-xfs: thaw at" "$scratch/m-xfs/log"
# logged WHAT: its time of the day
logged()
{
	sed -n "s/.*m-xfs: $1 at \([0-9:]*\).*/\1/p" "$scratch/m-xfs/log" | tail -n 1
}
# seconds_until TIME1 TIME2: of the clock, which may be past midnight by then
seconds_until()
{
	echo $((($(date -ud "1970-01-01 $2" +%s) - $(date -ud "1970-01-01 $1" +%s) + 86400) % 86400))
}
is "past midnight it is later" "$(seconds_until 23:59:58 00:00:03)" 5
check "with the time at which it was frozen" test "$(seconds_until "$(logged freeze)" "$now")" -lt 3600
check "and that at which it was thawed" test "$(seconds_until "$now" "$(logged thaw)")" -lt 3600
daemon_stop
is "it ends as it should" $? 0
daemon_pid=

done_testing
