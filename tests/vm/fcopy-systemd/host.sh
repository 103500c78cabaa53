# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2154 # case_out is of case.sh
. "$HVIS_CASE_LIB"

unit=hv-fcopy-daemon.service
files=$(mktemp -d) || exit 99
trap 'rm -rf "$files"' EXIT
head -c 100000 /dev/urandom >"$files/file"
head -c 50000 /dev/urandom >"$files/other"
echo small >"$files/a b\$HOME;%n"

# of_daemon FIELD: of /proc/PID/status
of_daemon() { guest "sed -n 's/^$1:[[:space:]]*//p' /proc/\$(systemctl show -P MainPID $unit)/status"; }
active() { guest systemctl is-active $unit; }
# has_message ID: is it in the journal?
has_message() { guest "journalctl -u $unit -o cat MESSAGE_ID=$1 | grep -q ."; }
# warnings: of the daemon, and of systemd about its unit
warnings() { guest "journalctl -b -p warning --no-hostname | grep -i 'fcopy\|stat device'"; }
# sum PATH: of a file in the guest
sum() { guest "sha256sum <'$1' | cut -d' ' -f1"; }
# owner PATH
owner() { guest "stat -c %U:%G:%a '$1'"; }
# configure LINE…: [fcopy]
configure()
{
	guest "mkdir -p /etc/hvis && { echo '[fcopy]'; printf '%s\n' $(printf "'%s' " "$@"); } >/etc/hvis/hvis.conf" &&
		guest systemctl reload $unit
}
want=$(sha256sum <"$files/file" | cut -d' ' -f1)

is "the system is up without a failed unit" "$(guest systemctl --failed --no-legend)" ""
check "udev gives the device its name" wait_for 60 guest test -c /dev/hvis/fcopy
case $(guest uname -r) in
6.1.*) device=/dev/vmbus/hv_fcopy transport=device ;;
*) device=/dev/uio0 transport=uio ;;
esac
is "which is that of this kernel" "$(guest readlink -f /dev/hvis/fcopy)" $device

check "enable --now" guest systemctl enable --now $unit
check "it is active" wait_for 30 active
check "a file" wait_for 60 ctl copy "$files/file" /home/guest/inbox/ --create-path
is "it is there, whole" "$(sum /home/guest/inbox/file)" "$want"
is "as files are" "$(owner /home/guest/inbox/file)" root:root:644
is "the status" "$(guest systemctl show -P StatusText $unit)" "Serving the host"
check "hvctl fcopy status" guest hvctl fcopy status
like "knows the device" "$case_out" "*Device: *$device*Transport: *$transport*"
like "and the file" "$case_out" "*Last copy: *ok, *: /home/guest/inbox/file: *SHA-256: *$want*"
like "so does hvctl status" "$(guest hvctl status)" "*hv_fcopy_daemon: *State: *ready*"

# --- whom it runs as, and where people copy to ---

for set in CapPrm CapEff CapBnd; do
	is "three capabilities in $set" "$(of_daemon $set)" 000000000000000b
done
is "no capability in CapAmb" "$(of_daemon CapAmb)" 0000000000000000
is "a filter of system calls" "$(of_daemon Seccomp)" 2
is "no new privileges" "$(of_daemon NoNewPrivs)" 1
check "/root" ctl copy "$files/file" /root/
check "/tmp" ctl copy "$files/file" /tmp/
is "which is the system's" "$(sum /tmp/file)" "$want"
check "a user's own folder" guest install -d -m 700 -o nobody -g nogroup /home/nobody
check "takes a file" ctl copy "$files/file" /home/nobody/
check "a user's file where all may write" guest install -m 600 -o nobody -g nogroup /dev/null /tmp/other
refuse "is not replaced unasked" 1 ctl copy "$files/other" /tmp/
like "as the host is told" "$case_out" "*exist*"
check "but with --overwrite" ctl copy "$files/other" /tmp/ --overwrite
is "and is root's then" "$(owner /tmp/other)" root:root:644
check "a file system that is mounted while it runs" guest "modprobe -a brd crc32c_generic ext4 && mkfs.ext4 -q /dev/ram0 4096 &&
	mkdir -p /mnt/disk && mount /dev/ram0 /mnt/disk"
check "takes a file" ctl copy "$files/file" /mnt/disk/
is "on its disk" "$(guest "umount /mnt/disk && ls -A /mnt/disk | wc -l")" 0
check "an owner and a mode" configure Owner=nobody Mode=0640
check "a file" ctl copy "$files/file" /home/guest/owned/ --create-path
is "has them" "$(owner /home/guest/owned/file)" nobody:nogroup:640
is "nothing of all this is a warning" "$(warnings | grep -v 'refused')" ""

# --- what the unit protects ---

refuse "not in /etc" 1 ctl copy "$files/file" /etc/keys/ --create-path
like "where a directory could be opened" "$(guest hvctl fcopy history --lines 1)" "*refused*/etc/keys*ReadWritePaths=/etc/DIR in *"
check "in a directory that is there" guest mkdir /etc/keys
refuse "not either" 1 ctl copy "$files/file" /etc/keys/
check "the journal says why" has_message f39522f286044845a0ba46d6aa46d0c5
reason=$(guest hvctl fcopy history --lines 1)
like "and so does the history" "$reason" "*refused*/etc/keys*protected by the service's unit*ReadWritePaths=/etc/keys in *"
is "nothing is there" "$(guest ls -A /etc/keys)" ""
check "the drop-in that it names" guest "mkdir -p /etc/systemd/system/$unit.d &&
	printf '[Service]\n%s\n' '$(grep -o 'ReadWritePaths=[^ ]*' <<<"$reason")' >/etc/systemd/system/$unit.d/etc.conf &&
	systemctl daemon-reload && systemctl restart $unit"
check "lets it through" wait_for 60 ctl copy "$files/file" /etc/keys/
is "whole" "$(sum /etc/keys/file)" "$want"
refuse "but not in /usr" 1 ctl copy "$files/file" /usr/keys/ --create-path

# --- what is done with a file ---

check "a program for files" guest "printf '#!/bin/sh\necho \"\$#:\$1\" >/home/guest/told\n' >/etc/hvis/fcopy-received &&
	chmod 755 /etc/hvis/fcopy-received"
check "is wanted" configure Received=yes
check "a file with a name of the host's" ctl copy "$files/a b\$HOME;%n" /home/guest/
check "the program is run" wait_for 60 guest test -s /home/guest/told
is "with its path, and nothing else" "$(guest cat /home/guest/told)" "1:/home/guest/a b\$HOME;%n"
is "that is no failure" "$(guest systemctl --failed --no-legend)" ""

# --- the journal ---

check "the catalog is taken" guest journalctl --update-catalog
like "a file has its fields" "$(guest "journalctl -u $unit -o json MESSAGE_ID=1ab9f787442743d5b773ec624f3fe598")" \
	"*\"HVIS_SHA256\":\"$want\"*"
like "and an explanation" "$(guest "journalctl -u $unit -x")" "*Subject: A file of the Hyper-V host has been received*"

# --- the device goes and comes ---

check "disable the service on the host" ctl service disable fcopy
check "the unit stops" wait_for 30 guest "! systemctl is-active $unit"
check "the name of the device is gone" wait_for 30 guest "! test -e /dev/hvis/fcopy"
is "it has not failed" "$(guest systemctl --failed --no-legend)" ""
check "enable the service on the host" ctl service enable fcopy
check "the unit comes back" wait_for 120 active
check "a file" wait_for 60 ctl copy "$files/other" /home/guest/
is "it was not restarted" "$(guest systemctl show -P NRestarts $unit)" 0
check "a file that is to be replaced" guest "mkdir /home/guest/killed && echo old >/home/guest/killed/large"
check "a copy is begun" ctl fcopy-raw start --path /home/guest/killed/ --name large --size 3000000 --flags 1
check "some of it comes" ctl fcopy-raw write --fill 6000
like "it is under way" "$(guest hvctl fcopy status)" "*Copy: *receiving*File: */home/guest/killed/large*Progress: *0 % (5.9 KiB of 2.9 MiB)*"
check "the daemon is killed" guest systemctl kill -s KILL $unit
check "the unit comes back" wait_for 60 ctl copy "$files/file" /home/guest/
is "what was there is there" "$(guest cat /home/guest/killed/large)" old
is "and nothing else" "$(guest "ls -A /home/guest/killed; ls /var/lib/hvis/fcopy | grep unfinished")" large
check "stop" guest systemctl stop $unit
check "disable" guest systemctl disable $unit
check "no name is left" guest "! test -e /etc/systemd/system/hv_fcopy_uio_daemon.service"
done_testing
