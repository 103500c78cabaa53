#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2317,SC2119 # functions that check calls, with words or without
#
# hv_fcopy_daemon as a whole: the host of "hvis-host link" copies files into a directory of this test's.

# shellcheck source=tests/integration/fcopyd.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/integration/fcopyd.sh"

# copy SIZE NAME [OPTION…]: that many bytes of the host's as /srv/NAME
copy()
{
	local size=$1 name=$2
	shift 2
	head -c "$size" /dev/urandom >"$scratch/$name"
	ctl copy "$scratch/$name" /srv/ "$@"
}

# raw OP [OPTION…]: the word of the answer
raw()
{
	ctl fcopy-raw "$@"
}

# has MEMBER VALUE: the status; lacks is the contrary
has()
{
	[ "$(status "$1")" = "$2" ]
}

lacks()
{
	! has "$@"
}

# allows DIR: that is where files may go, and nowhere else
allows()
{
	hv status | grep -q "^Allowed: *$1\$"
}

# has_received: some of the file under way is there
has_received()
{
	[ "$(status received)" -gt 0 ]
}

# copy_half: begins a file that takes long, and returns once some of it is there
copy_half()
{
	ctl copy "$scratch/long" /srv/ "$@" >"$scratch/copy.log" 2>&1 &
	copy_pid=$!
	wait_for 60 has_received
}

# What the daemon would start for a file, one line each.
mkdir "$scratch/bin"
cat >"$scratch/bin/systemctl" <<END
#!/bin/sh
echo "\$*" >>"$scratch/units"
END
chmod +x "$scratch/bin/systemctl"
PATH=$scratch/bin:$PATH

link_start
truncate -s 2G "$scratch/long" # nobody ever gets all of it
daemon_start >/dev/null
check "it starts" ready

# starts_something: a file does
starts_something()
{
	copy 10 started --overwrite && [ -s "$scratch/units" ]
}

# --- files ---

is "nothing is under way" "$(status copy)" idle
check "a file" copy 100000 a
check "it is there" is_there /srv/a "$scratch/a"
is "as the history says" "$(last result)" ok
is "with its sum" "$(last sha256)" "$(sha256sum <"$scratch/a" | cut -d' ' -f1)"
is "nobody may run it" "$(stat -c %a "$root/srv/a")" 644
check "the journal has its beginning" log_has "<6>The host copies a file: /srv/a, 97.7 KiB"
check "and its end" log_has "<5>File received: /srv/a, 97.7 KiB in "
for size in 0 1 6143 6144 6145 258047 258048 258049 5000000; do
	check "a file of $size bytes" copy $size "n$size"
	check "is there" is_there "/srv/n$size" "$scratch/n$size"
done
fails "one that is there already is not replaced" copy 10 a
is "because of that" "$(last result)" refused
check "unless it is to be" copy 70000 a --overwrite
check "and then it is the new one" is_there /srv/a "$scratch/a"
fails "directories are not made" ctl copy "$scratch/a" /srv/x/y/
check "unless they are to be" ctl copy "$scratch/a" /srv/x/y/ --create-path
check "and then it is in them" is_there /srv/x/y/a "$scratch/a"
check "a path that is the file's own" ctl copy "$scratch/a" /srv/other
check "is that" is_there /srv/other "$scratch/a"

# --- orders ---

is "WRITE without START" "$(raw write --data x)" not-connected
is "COMPLETE without START" "$(raw complete)" not-connected
is "CANCEL of nothing" "$(raw cancel)" ok
is "START" "$(raw start --name o --path /srv/ --size 3)" ok
is "WRITE, from the end" "$(raw write --offset 1 --data bc)" ok
is "it is being received" "$(status copy)" receiving
is "bytes that are missing" "$(raw complete)" invalid-argument
is "the same again" "$(raw complete)" invalid-argument
is "and for WRITE" "$(raw write --data x)" invalid-argument
is "until CANCEL" "$(raw cancel)" ok
is "START" "$(raw start --name o --path /srv/ --size 3)" ok
is "START again" "$(raw start --name p --path /srv/ --size 3)" ok
is "the first one is given up" "$(last message)" "the host has begun another file"
is "WRITE" "$(raw write --offset 1 --data bc)" ok
is "the rest of it" "$(raw write --offset 0 --data ab)" ok
is "COMPLETE" "$(raw complete)" ok
is "the second one is there" "$(cat "$root/srv/p")" abc
is "what came twice is told" "$(last repeated)" 1
is "START" "$(raw start --name q --path /srv/ --size 3)" ok
is "WRITE" "$(raw write --offset 2 --data cd)" ok
is "that goes beyond the size" "$(raw complete)" invalid-argument
is "START" "$(raw start --name q --path /srv/ --size 3 --flags 4)" not-supported
is "an operation that is none" "$(raw 9)" invalid-argument
is "a WRITE that says more than there is" "$(raw write --declare 20000 --fill 10)" invalid-argument
is "nothing of these is there" "$(cd "$root/srv" && echo *)" "a n0 n1 n258047 n258048 n258049 n5000000 n6143 n6144 n6145 other p x"

# --- names ---

while read -r path shown wanted; do
	name=$(printf '%b' "$shown")
	is "START of '$shown' in $path" "$(raw start --name "$name" --path "$path" --size 0)" "$wanted"
	[ "$wanted" = ok ] && is "COMPLETE" "$(raw complete)" ok
done <<'END'
/srv/ .. invalid-argument
/srv/ . invalid-argument
/srv/ ../a invalid-argument
/srv/ a/b invalid-argument
/srv/../ x invalid-argument
srv/ x invalid-argument
/srv/link/ x fail
/srv/ \xf0\x9f\x90\xa7\xc3\xa9 ok
/srv/ a\nb ok
/srv/ -rf ok
END
check "names are what the host says" test -e "$root/srv/"$'\U1f427\u00e9' -a -e "$root/srv/"$'a\nb' -a -e "$root/srv/-rf"
ln -s ../x "$root/srv/link"
is "a link is not followed" "$(raw start --name x --path /srv/link/ --size 0)" fail
name=$(printf '%0254d' 0)
is "a long name" "$(raw start --name "$name" --path /srv/ --size 0)" ok
is "CANCEL" "$(raw cancel)" ok
is "one that the kernel may have cut" "$(raw start --name x --path "/srv/$name" --size 0)" invalid-argument
like "says so" "$(last message)" "*may have been cut off by the kernel"

# --- larger than the service may write (LimitFSIZE=) ---

if command -v prlimit >/dev/null; then
	prlimit --fsize=100000000: --pid "$daemon_pid"
	is "START" "$(raw start --name l --path /srv/ --size 200000000)" not-supported
	like "says what it is" "$(last message)" "*LimitFSIZE=*"
	prlimit --fsize=unlimited: --pid "$daemon_pid"
	is "START" "$(raw start --name l --path /srv/ --size 200000000)" ok
	is "CANCEL" "$(raw cancel)" ok
fi

# --- the configuration ---

configure 'Allow=/srv/x' 'Mode=0600' 'Reserve=1K'
kill -HUP "$daemon_pid"
check "another configuration is taken" wait_for 60 allows /srv/x
is "what it does not allow" "$(raw start --name b --path /srv/ --size 0)" fail
check "a file" ctl copy "$scratch/a" /srv/x/b
is "is as it says" "$(stat -c %a "$root/srv/x/b")" 600
configure 'Reserve=1000000G'
kill -HUP "$daemon_pid"
check "and another" wait_for 60 allows /
is "no room" "$(raw start --name b --path /srv/ --size 1)" disk-full
configure 'Received=yes'
kill -HUP "$daemon_pid"
check "what is received may start something" wait_for 60 starts_something
is "by its path" "$(head -n 1 "$scratch/units")" "--no-block --quiet start hvis-fcopy-received@srv-started.service"
fails "what is refused" copy 10 started
configure 'Mode=abc'
kill -HUP "$daemon_pid"
check "one that is wrong is not" wait_for 60 lacks config_problem null
configure
kill -HUP "$daemon_pid"
check "until it is mended" wait_for 60 has config_problem null
rm "$scratch/units"
check "without being told to" copy 10 silent
fails "nothing is started" test -e "$scratch/units"

# --- ends ---

rm -rf "$root/srv" && mkdir "$root/srv"
check "the host cancels" ctl copy "$scratch/long" /srv/ --cancel-after 1000000
is "which is told" "$(last result) $(last ended_by)" "cancelled host"
check "nothing is left" wait_for 60 nothing_under /srv

fails "nothing to cancel by hand" hv cancel
copy_half
check "status tells how far it is" test "$(status copy) $(status target)" = "receiving /srv/long"
check "an administrator cancels" hv cancel
wait "$copy_pid"
is "and the host is told" "$?" 1
is "by whom" "$(last result) $(last ended_by)" "cancelled hand"
check "nothing is left" wait_for 60 nothing_under /srv

copy_half
ctl service disable fcopy >/dev/null
wait "$copy_pid"
check "the host takes the service away" wait_for 60 has state waiting
is "which ends the file" "$(last result) $(last ended_by)" "failed device"
check "nothing is left" wait_for 60 nothing_under /srv
ctl service enable fcopy >/dev/null
check "and gives it back" ready
check "a file" copy 1000 again

copy_half
check "status is answered meanwhile" hv status
daemon_stop
is "a stop in the middle ends well" $? 0
wait "$copy_pid"
is "the host is told" "$?" 1
is "only whole files are left" "$(find "$root/srv" -type f)" "$root/srv/again"

# --- killed ---

for round in 1 2 3 4 5; do
	daemon_start >/dev/null
	copy_half
	daemon_stop KILL
	kill "$copy_pid" 2>/dev/null
	wait "$copy_pid" 2>/dev/null
	[ "$(find "$root/srv" -type f)" = "$root/srv/again" ] || break
done
is "killed in the middle, $round times: nothing under the name" "$(find "$root/srv" -type f)" "$root/srv/again"
cp "$root/srv/again" "$root/srv/long"
for round in 1 2 3 4 5; do
	daemon_start >/dev/null
	copy_half --overwrite
	daemon_stop KILL
	kill "$copy_pid" 2>/dev/null
	wait "$copy_pid" 2>/dev/null
	cmp -s "$root/srv/again" "$root/srv/long" || break
done
check "killed while it replaces one, $round times: the old one is there" is_there /srv/long "$scratch/again"
daemon_start >/dev/null
swept()
{
	[ "$(find "$root/srv" "$root/var/lib/hvis/fcopy" -type f | sort | xargs)" = "$root/srv/again $root/srv/long" ]
}
check "the next one removes what is left over" wait_for 60 swept
daemon_stop
is "it ends" $? 0

# --- what it cannot start with ---

timeout 60 "$daemon" --root "$scratch/none" --socket "$scratch/none.sock" 2>"$scratch/none.log"
is "a root that is not there is wrong usage" $? 2
check "and named" grep -q -e "--root $scratch/none: No such file" "$scratch/none.log"

done_testing
