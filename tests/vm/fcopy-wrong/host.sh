# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2016 # the guest expands it
. "$HVIS_CASE_LIB"

raw() { ctl fcopy-raw "$@"; }
# not OP…: the guest refuses it
not()
{
	raw "$@"
	[ $? = 1 ]
}
# begun [SIZE]: a file "raw" in /srv/in
begun() { raw start --name raw --path /srv/in/ --size "${1:-20}"; }
holds_text() { [ "$(guest "cat '$1'")" = "$2" ]; }
# escaped: is there a file of ours outside of /srv/in?
none_escaped() { [ -z "$(guest "find / -xdev -name '*hvis-evil*' | grep -v '^/srv/in/' | tee /dev/stderr")" ]; }
# Neither temporary files nor the file itself: after whatever went wrong.
clean()
{
	ours "$1: nothing of it is there" fcopy_holds "${@:2}"
	raw cancel >/dev/null
	guest 'rm -rf /srv/in && mkdir /srv/in'
	check "$1: and copies go on" ctl copy probe /srv/in/probe
	guest 'rm /srv/in/*'
}

fcopy_begin
fcopy_file file 100000
printf 'what was there' >old

# --- FCOPY-NEGATIVE: places ---

check "NEGATIVE: directories" guest 'mkdir -p /srv/ro /srv/small /srv/in/dir && mount -t tmpfs -o ro none /srv/ro &&
	mount -t tmpfs -o size=64k none /srv/small'
refuse "NEGATIVE: read-only" 1 ctl copy probe /srv/ro/
refuse "NEGATIVE: no room" 1 ctl copy file /srv/small/
ours "NEGATIVE: because there is none" sh -c "hvis-host ctl '$HVIS_CONTROL' copy file /srv/small/ 2>&1 | grep disk-full"
if [ "$HVIS_DAEMONS $HVIS_KERNEL" = "stock 6.12" ]; then # it has no CANCEL
	ours "NEGATIVE: and nothing is left" guest 'test -z "$(ls -A /srv/small)"'
else
	check "NEGATIVE: and nothing is left" guest 'test -z "$(ls -A /srv/small)"'
fi
refuse "NEGATIVE: the name of a directory" 1 ctl copy probe /srv/in/dir
refuse "NEGATIVE: and to replace it" 1 ctl copy probe /srv/in/dir --overwrite
check "NEGATIVE: which is there" guest 'test -d /srv/in/dir'
check "NEGATIVE: a file" ctl copy old /srv/in/
refuse "NEGATIVE: which is no directory" 1 ctl copy probe /srv/in/old/probe --create-path
check "NEGATIVE: and is as it was" fcopy_same old /srv/in/old
guest 'umount /srv/ro /srv/small; rm -rf /srv/in/*'

# --- cancelled ---

for after in 0 1 6145 100000; do
	check "CANCEL after $after bytes" ctl copy file /srv/in/ --cancel-after $after
	if [ "$HVIS_DAEMONS $HVIS_KERNEL" = "stock 6.12" ]; then
		clean "CANCEL after $after bytes"
	else
		check "CANCEL after $after bytes: nothing of it is there" fcopy_holds
	fi
done
check "CANCEL: a file" ctl copy old /srv/in/file
check "CANCEL: what would have replaced it" ctl copy file /srv/in/file --overwrite --cancel-after 6145
ours "CANCEL: it is as it was" fcopy_same old /srv/in/file
guest 'rm -f /srv/in/*'
check "CANCEL: a copy" ctl copy probe /srv/in/probe
raw cancel >/dev/null
ours "CANCEL: when it is over does no harm" fcopy_same probe /srv/in/probe
guest 'rm -f /srv/in/*'

check "CANCEL: a file" ctl copy old /srv/in/raw
check "CANCEL: START is refused, for it is there" not start --name raw --path /srv/in/ --size 20
raw cancel >/dev/null
ours "CANCEL: of what was refused does no harm" fcopy_same old /srv/in/raw
guest 'rm -f /srv/in/*'

# --- orders ---

ours "ORDER: WRITE without START" not write --data lost
ours "ORDER: COMPLETE without START" not complete
clean "ORDER: no START"
check "ORDER: START" begun
check "ORDER: START again, of another" raw start --name other --path /srv/in/ --size 5
check "ORDER: whose WRITE this is" raw write --data other
check "ORDER: and COMPLETE" raw complete
check "ORDER: it is there" holds_text /srv/in/other other
clean "ORDER: START twice" other
check "ORDER: START" begun
check "ORDER: WRITE" raw write --fill 20
check "ORDER: COMPLETE" raw complete
ours "ORDER: WRITE behind it" not write --data late
ours "ORDER: the file is as it was" holds_text /srv/in/raw xxxxxxxxxxxxxxxxxxxx
clean "ORDER: WRITE after COMPLETE" raw
for op in 4 9 4294967295; do
	ours "ORDER: operation $op, which there is not" not $op
done

# --- sizes ---

check "SIZE: START" begun
ours "SIZE: COMPLETE before all was sent" not complete
clean "SIZE: too early"
check "SIZE: START" begun
check "SIZE: the second half" raw write --offset 10 --fill 10
ours "SIZE: the first is missing" not complete
clean "SIZE: a gap"
check "SIZE: START" begun
raw write --fill 21 >/dev/null # may be refused, or the next message is
ours "SIZE: more than was declared" not complete
clean "SIZE: too much"
for declared in 6145 20000 4294967295; do
	check "SIZE: START" begun 20000
	ours "SIZE: a fragment that says it has $declared bytes" not write --fill 6144 --declare $declared
	raw complete >/dev/null
	echo "# bytes in the file that the host has not sent: $(guest 'tail -c +6145 /srv/in/raw 2>/dev/null | wc -c')"
	clean "SIZE: $declared bytes in a fragment"
done
for offset in 9223372036854775807 9223372036854775808 18446744073709551615; do
	check "SIZE: START" begun
	ours "SIZE: a fragment at $offset" not write --offset $offset --data x
	clean "SIZE: at $offset"
done
ours "SIZE: a file of 2^64 - 1 bytes" not start --name raw --path /srv/in/ --size 18446744073709551615
clean "SIZE: 2^64 - 1"
lengths="0 3 35"
[ "$HVIS_KERNEL" != 6.1 ] || lengths=35 # what is shorter hv_utils answers to nobody
for length in $lengths; do
	ours "SIZE: a message of $length bytes" not start --name raw --path /srv/in/ --length "$length"
done
clean "SIZE: short messages"

# --- names ---

# refuses_name DESCRIPTION OPTION…
refuses_name()
{
	ours "NAME: $1" not start --size 0 "${@:2}"
	raw complete >/dev/null
	ours "NAME: $1: nothing is anywhere" none_escaped
	guest 'rm -rf /srv/in/* /srv/*hvis-evil* /hvis-evil* /*hvis-evil*'
}
refuses_name "up" --path /srv/in/ --name ../hvis-evil
refuses_name "down" --path /srv/in/ --name dir/hvis-evil
refuses_name "a path that goes up" --path /srv/in/../ --name hvis-evil
refuses_name "a path that goes far up" --path /srv/in/../../../../ --name hvis-evil
refuses_name "a path that is none" --path hvis-evil/ --name hvis-evil
refuses_name "no path" --path "" --name hvis-evil
refuses_name "no name" --path /srv/in/ --name ""
refuses_name "the directory" --path /srv/in/ --name .
refuses_name "the one above" --path /srv/in/ --name ..
# Half a pair: hv_utils leaves it out, so it is no matter to a daemon there.
if [ "$HVIS_KERNEL" = 6.12 ]; then
	refuses_name "the first half of a pair" --path /srv/in/ --name-hex 68007600690073002d006500760069006c0000d8
	refuses_name "the second half of a pair" --path /srv/in/ --name-hex 00dc68007600690073002d006500760069006c00
fi
refuses_name "one without an end" --path /srv/in/ --name "$(printf 'e%.0s' {1..260})"
check "NAME: links" guest 'mkdir -p /srv/linked && ln -s /srv/linked /srv/in/link && ln -s /srv/linked/hvis-evil /srv/in/file'
ours "NAME: a link on the way" not start --path /srv/in/link/ --name hvis-evil --size 0
raw complete >/dev/null
ours "NAME: a link in its place" not start --path /srv/in/ --name file --size 0
raw complete >/dev/null
ours "NAME: nothing went there" guest 'test -z "$(ls -A /srv/linked)"'
guest 'rm -rf /srv/linked /srv/in && mkdir /srv/in'
check "a copy, after all of it" ctl copy file /srv/in/
check "is whole" fcopy_same file /srv/in/file
is "by the one daemon" "$(guest 'pidof hv_fcopy_daemon hv_fcopy_uio_daemon' | wc -w)" 1
done_testing
