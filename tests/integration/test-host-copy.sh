#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# "hvis-host ctl copy" and "fcopy-raw" over link mode, with a daemon that answers by script. TAP.
set -u

host=${top_builddir:-.}/hvis-host
peer=${top_builddir:-.}/tests/integration/fcopy-peer
tmp=$(mktemp -d) || exit 99
dir=$tmp/link
n=0
host_pid='' peer_pid=''

cleanup() {
	[ -z "$peer_pid" ] || kill "$peer_pid" 2>/dev/null
	[ -z "$host_pid" ] || kill "$host_pid" 2>/dev/null
	wait
	rm -rf "$tmp"
}
trap cleanup EXIT

report() { # report STATUS NAME
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then echo "ok $n - $2"; else echo "not ok $n - $2"; sed 's/^/# /' "$tmp/out" "$tmp/err" "$tmp/peer"; fi
}

ctl() { exec timeout 60 "$host" ctl "$dir/control" "$@"; }

# try STATUS NAME COMMAND…: ctl ends with this status; output in $tmp/out, message in $tmp/err
try() {
	local want=$1 name=$2 status
	shift 2
	(ctl "$@") >"$tmp/out" 2>"$tmp/err"
	status=$?
	[ $status = "$want" ] || echo "status $status, not $want" >>"$tmp/err"
	[ $status = "$want" ]
	report $? "$name"
}

told() {
	grep -qF -e "$1" "$tmp/err"
	report $? "$2"
}
shown() {
	grep -q "^$1: *$2\$" "$tmp/out"
	report $? "$1 is \"$2\""
}

# asked WANT NAME: what the daemon was asked since it began
asked() {
	[ "$(paste -sd ',' "$tmp/peer")" = "registered,$1" ]
	report $? "$2"
}

until_true() {
	local tries=0

	until "$@" >/dev/null 2>&1; do
		[ $((tries++)) -lt 400 ] || return 1
		sleep 0.05
	done
}

registered() { grep -q '^registered$' "$tmp/peer"; }
phase() { (ctl services --json) | tr -d ' "' | grep -q "^copy:$1"; }
last_asked() { [ "$(tail -n 1 "$tmp/peer")" = "$1" ]; }

# Another daemon, with this script.
peer_start() {
	peer_end
	until_true test -S "$dir/hv_fcopy"
	: >"$tmp/peer"
	"$peer" "$dir/hv_fcopy" "$tmp/got" "$@" >"$tmp/peer" 2>"$tmp/peer-err" &
	peer_pid=$!
	until_true registered
}

peer_end() {
	[ -n "$peer_pid" ] || return 0
	kill "$peer_pid" 2>/dev/null
	wait "$peer_pid" 2>/dev/null
	peer_pid=''
}

: >"$tmp/peer"
head -c 300000 /dev/urandom >"$tmp/file.bin"
: >"$tmp/empty"
sum=$(sha256sum <"$tmp/file.bin" | cut -d ' ' -f 1)

# --- before any host is asked ---

try 2 "DEST is a whole path" copy "$tmp/file.bin" srv/in
told 'DEST "srv/in"' "says so"
try 3 "a file that is not there" copy "$tmp/no-such-file" /srv/
told "no-such-file" "is named"
try 3 "a directory" copy "$tmp" /srv/
told "$tmp is a directory" "is none"
mkfifo "$tmp/fifo"
try 3 "a FIFO does not hang" copy "$tmp/fifo" /srv/
told "not a regular file" "and is none"
try 3 "no host" copy "$tmp/file.bin" /srv/
told "no host answers" "says so"

"$host" link --dir "$dir" --service fcopy --trace "$tmp/trace" 2>"$tmp/log" &
host_pid=$!
until_true test -S "$dir/control"
try 3 "a copy that nobody serves" copy "$tmp/file.bin" /srv/
told "fcopy is not open in the guest: no program there serves it" "says so"
shown Result gone

# --- copies ---

peer_start
try 0 "wait until the daemon serves" wait fcopy --timeout 30
[ "$(<"$tmp/out")" = "fcopy: ready, version 1.1" ]
report $? "Linux' version is agreed on"
try 0 "a copy into a directory" copy "$tmp/file.bin" /srv/in/
asked "start /srv/in/|file.bin flags 0 size 300000,write,complete" "under its own name"
cmp -s "$tmp/file.bin" "$tmp/got"
report $? "is what the daemon gets"
shown Result "done"
shown SHA-256 "$sum"
[ ! -s "$tmp/err" ]
report $? "no progress where there is no terminal"

peer_start
try 0 "a copy as a file" copy "$tmp/empty" "/srv/in/größe 🐧" --overwrite --create-path
asked "start /srv/in/|größe 🐧 flags 3 size 0,complete" "under another name"
try 0 "as JSON" copy --json "$tmp/file.bin" /
tr -d ' ",' <"$tmp/out" | grep -qx "sha256:$sum"
report $? "with the digest"
tr -d ' ",' <"$tmp/out" | grep -qx "fragments:49"
report $? "and the fragments"
tr -d ' ",' <"$tmp/out" | grep -qxE "mb_per_s:[0-9.e+]+"
report $? "and the rate"

script -qec "'$host' ctl '$dir/control' copy '$tmp/file.bin' /srv/" "$tmp/terminal" </dev/null >"$tmp/out" 2>"$tmp/err"
report $? "a copy on a terminal"
grep -q '\[#* *\] *[0-9]* %' "$tmp/terminal"
report $? "shows how far it has come"

# --- who opens the file ---

if [ "$(id -u)" = 0 ]; then
	mkdir "$tmp/private" && chmod 755 "$tmp" && chmod 700 "$tmp/private" && cp "$tmp/file.bin" "$tmp/private"
	setpriv --reuid=65534 --regid=65534 --clear-groups "$host" ctl "$dir/control" copy "$tmp/private/file.bin" /srv/ \
		>"$tmp/out" 2>"$tmp/err"
	[ $? = 4 ]
	report $? "a file that the caller may not read"
	told "ermission denied" "is not read by the host for it"
else
	n=$((n + 1)) && echo "ok $n # SKIP wants root: a caller without rights"
	n=$((n + 1)) && echo "ok $n # SKIP wants root: a caller without rights"
fi
ln "$tmp/file.bin" "$tmp/gone" && exec 3<"$tmp/gone" && rm "$tmp/gone"
peer_start
try 0 "a file whose name has gone" copy /dev/fd/3 /srv/name
exec 3<&-
asked "start /srv/|name flags 0 size 300000,write,complete" "is the same to the host"

# --- cancelled ---

peer_start
try 0 "a copy that is cancelled" copy "$tmp/file.bin" /srv/ --cancel-after 6145
asked "start /srv/|file.bin flags 0 size 300000,write,cancel" "the guest is told"
shown Result cancelled
shown Sent 12288
shown Cancel "done"
peer_start
try 0 "cancelled before the first byte" copy "$tmp/file.bin" /srv/ --cancel-after 0
asked "start /srv/|file.bin flags 0 size 300000,cancel" "the guest is told that, too"

# Who gives up, by time or by signal, leaves no copy behind that goes on.
peer_start start=silent
try 5 "a guest that does not answer" copy "$tmp/file.bin" /srv/ --timeout 0.3
told "no answer within 0.3 s" "is not waited for"
phase starting
report $? "but it may answer yet"
try 3 "so that another copy has to wait" copy "$tmp/file.bin" /srv/
told "a copy is under way: starting; it was given up, and ends with the guest's next answer" "says why, and until when"
peer_end
until_true phase idle
report $? "until it is gone"

# --- the guest does not want it ---

peer_start start=exists
try 1 "a file that is there" copy "$tmp/file.bin" /srv/
told "START: the guest answers already-exists (0x80070050); --overwrite replaces the file that is there" "says what to do"
told "\"/\" at the end of DEST" "also where it is a directory"
asked "start /srv/|file.bin flags 0 size 300000" "and nothing is cancelled"
shown Result refused
peer_start start=fail
try 1 "a directory that is missing" copy "$tmp/file.bin" /srv/
told "a directory is missing (--create-path makes it)" "says what it may be"
told "\"hvctl fcopy history\" there has the reason" "and where the reason is"
peer_start write=full
try 1 "a full disk" copy "$tmp/file.bin" /srv/
told "WRITE: the guest answers disk-full (0x80070070): there is no room for all of it" "says so"
asked "start /srv/|file.bin flags 0 size 300000,write,cancel" "and the guest is told CANCEL"
shown Result failed
peer_start complete=fail
try 1 "a file that cannot be completed" copy "$tmp/file.bin" /srv/
asked "start /srv/|file.bin flags 0 size 300000,write,complete,cancel" "is cancelled, too"
peer_start write=exit
try 1 "a daemon that dies" copy "$tmp/file.bin" /srv/
told "WRITE: the guest answers fail" "is a failure, as the kernel says it"
peer_start
try 3 "a name that is too long" copy "$tmp/file.bin" "/$(printf 'n%.0s' {1..260})"
told "the file's name" "says so"
shown Result impossible

# --- messages as they are ---

peer_start
try 0 "a START as it is" fcopy-raw start --path /a --name-hex 620000d863000000 --flags 8 --size 18446744073709551615
asked "start /a|bc flags 8 size 18446744073709551615" "with half a pair, and all bits of the size"
[ "$(<"$tmp/out")" = ok ]
report $? "its answer is shown"
try 0 "a WRITE behind it" fcopy-raw write --offset 5 --data hello
[ "$(tail -c 5 "$tmp/got")" = hello ]
report $? "writes"
try 0 "one that says less than it has" fcopy-raw write --fill 100 --declare 3
[ "$(wc -c <"$tmp/got")" = 10 ]
report $? "has its size from there"
try 1 "an operation that there is not" fcopy-raw 9
[ "$(<"$tmp/out")" = fail ]
report $? "is refused by this daemon"
try 0 "a CANCEL" fcopy-raw cancel
try 0 "a message that ends a little early" fcopy-raw complete --length 33 --json
tr -d ' ",' <"$tmp/out" | grep -qx "status:0"
report $? "is one to the kernel, as the ring pads it"
try 0 "a host without patience" service configure fcopy timeout-ms=300
try 5 "a message of no length" fcopy-raw complete --length 0
told "no answer from the guest within 300 ms" "is answered by nobody"
try 0 "a patient host" service configure fcopy timeout-ms=40000
try 2 "a message that is too long" fcopy-raw write --length 8193
try 2 "names of half a byte" fcopy-raw start --name-hex 123
try 2 "an operation that is no number" fcopy-raw begin

# --- the service goes ---

peer_start write=silent
(ctl copy "$tmp/file.bin" /srv/) >"$tmp/out" 2>"$tmp/err" &
copy=$!
until_true last_asked write
report $? "a copy that stands still"
(ctl service disable fcopy)
report $? "the service is taken away"
wait "$copy"
[ $? = 3 ]
report $? "which ends it"
told "the service was closed meanwhile" "says why"
try 0 "the service comes back" service enable fcopy
peer_start
try 0 "and copies" copy "$tmp/file.bin" /srv/
kill "$host_pid"
wait "$host_pid"
host_pid=''
grep -q 'START "file.bin" into "/srv/" flags 0x0, 300000 bytes' "$tmp/trace"
report $? "the trace has what was sent"
grep -q 'WRITE 5088 at 294912' "$tmp/trace"
report $? "and every fragment"
echo "1..$n"
