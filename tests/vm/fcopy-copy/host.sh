# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash disable=SC2016 # the guest expands it
. "$HVIS_CASE_LIB"

large_mib=${HVIS_FCOPY_LARGE_MIB:-12}

copied() { ctl copy "$1" "$2" >copy.out 2>&1 && fcopy_same "$1" "$2"; }
mode_is() { [ "$(guest "stat -c %a '$1'")" = "$2" ]; }
reported() { grep -q "^$1: *$2\$" copy.out; }
# Upstream's daemon for UIO does not notice that its device has gone, and spins.
disable()
{
	check "DISABLE-ENABLE: disable$1" ctl service disable fcopy
	[ "$HVIS_DAEMONS $HVIS_KERNEL" != "stock 6.12" ] || guest 'killall -KILL hv_fcopy_uio_daemon'
	check "DISABLE-ENABLE: the guest's device goes$1" wait_for 60 guest \
		test ! -e /sys/bus/vmbus/devices/eb765408-105f-49b6-b4aa-c123b64d17d4
}
ends() { [ "$(sed -n 's/^Result: *//p' big.out)" = "$1" ]; }

fcopy_begin

# --- FCOPY-BASIC ---

fcopy_file file 100000
check "BASIC: a file" copied file /srv/in/file
check "BASIC: it was all sent" reported SHA-256 "$(sha256sum <file | cut -d ' ' -f 1)"
ours "BASIC: nobody may execute it" mode_is /srv/in/file 644
check "BASIC: into a directory, under its own name" ctl copy probe /srv/in/
check "BASIC: is there" fcopy_same probe /srv/in/probe
for size in 0 1 6144 6145; do
	fcopy_file "$size" "$size"
	check "BASIC: $size bytes" copied "$size" "/srv/in/$size"
done
check "BASIC: and nothing else" fcopy_holds 0 1 6144 6145 file probe

# --- FCOPY-FILE-EXISTS, FCOPY-OVERWRITE ---

refuse "FILE-EXISTS: is refused" 1 ctl copy probe /srv/in/file
like "FILE-EXISTS: because it exists" "$(ctl copy probe /srv/in/file 2>&1)" "*already-exists*--overwrite*"
check "FILE-EXISTS: and is as it was" fcopy_same file /srv/in/file
check "OVERWRITE: by a shorter one" ctl copy probe /srv/in/file --overwrite
check "OVERWRITE: which is there, and no more of the longer" fcopy_same probe /srv/in/file
check "OVERWRITE: by a longer one" ctl copy file /srv/in/file --overwrite
check "OVERWRITE: which is there" fcopy_same file /srv/in/file

# --- directories ---

fcopy_empty
refuse "a directory that is missing" 1 ctl copy probe /srv/in/a/b/probe
check "is not made" fcopy_holds
check "unless that is wanted" ctl copy probe /srv/in/a/b/c/probe --create-path
check "and is there" fcopy_same probe /srv/in/a/b/c/probe
check "what is there is used" ctl copy probe /srv/in/a/b/c/second --create-path

# --- FCOPY-NON-ASCII ---

names=(
	'größe.txt' 'Ελληνικά' 'Кириллица' 'עברית' 'العربية' '日本語' '한국어' 'ไทย' '🐧' '👩‍👩‍👧‍👦 family' 'e'$'\u0301''combining'
	$'\ufffd' $'\U10ffff' $'\U10000' '-leading' ' blanks  ' '.hidden' "quote'" '"' 'back\slash' "\$(id)\`id\`" '%s%n' '*?[' 'a'$'\n''b' $'\x7f'
)
# name NAME: copied under it, there and whole
name()
{
	ctl copy probe "/srv/in/$1" || return
	guest "name=\$(echo $(printf '%sx' "$1" | base64 -w 0) | base64 -d) && cmp \"/srv/in/\${name%x}\" /srv/probe"
}
# The upstream daemon for UIO knows ASCII alone.
named() { if [ "$HVIS_DAEMONS $HVIS_KERNEL" = "stock 6.12" ]; then ours "$@"; else check "$@"; fi; }

fcopy_empty
check "NON-ASCII: a file to compare with" ctl copy probe /srv/ --overwrite
for name in "${names[@]}"; do
	named "NON-ASCII: $(printf %q "$name")" name "$name"
done
long=$(printf '語%.0s' {1..85})
named "NON-ASCII: 255 bytes" name "$long"
too_long() { ! ctl copy probe "/srv/in/${long}語"; }
named "NON-ASCII: 258 bytes, which no file system takes" too_long
fcopy_empty
named "NON-ASCII: in directories" ctl copy probe "/srv/in/größe 🐧/日本/probe" --create-path
named "NON-ASCII: it is there" fcopy_same probe "/srv/in/größe 🐧/日本/probe"

# --- FCOPY-LARGE-FILE, FCOPY-REPEATED-DELETE ---

fcopy_empty
fcopy_file large $((large_mib << 20))
check "LARGE-FILE: $large_mib MiB, byte by byte" copied large /srv/in/large
sed -n 's/^Rate:/# &/p' copy.out
for round in 1 2 3 4 5; do
	check "REPEATED-DELETE: copy ($round)" ctl copy file /srv/in/again
	check "REPEATED-DELETE: delete ($round)" guest 'rm /srv/in/again'
done
check "REPEATED-DELETE: nothing is left" fcopy_holds large
is "one daemon" "$(guest 'pidof hv_fcopy_daemon hv_fcopy_uio_daemon' | wc -w)" 1

# --- one at a time ---

fcopy_empty
check "a fragment takes its time" ctl fault add delay:packet/fcopy:after=2,count=1,time=20000
ctl copy large /srv/in/large >big.out 2>&1 &
copy=$!
check "a copy is under way" wait_for 60 sh -c "hvis-host ctl '$HVIS_CONTROL' services --json | tr -d ' ,\"' | grep -qx copy:writing"
like "another has to wait" "$(ctl copy probe /srv/in/probe 2>&1)" "*a copy is under way*"

# --- FCOPY-DISABLE-ENABLE ---

disable ""
wait "$copy"
is "DISABLE-ENABLE: the copy has ended" $? 3
check "DISABLE-ENABLE: for the service is gone" ends gone
check "no more faults" ctl fault clear
refuse "DISABLE-ENABLE: nothing can be copied" 3 ctl copy probe /srv/in/
for round in 1 2; do
	check "DISABLE-ENABLE: enable ($round)" ctl service enable fcopy
	check "DISABLE-ENABLE: ready ($round)" ctl wait fcopy --timeout 60
	check "DISABLE-ENABLE: a copy ($round)" wait_for 60 ctl copy probe "/srv/in/$round"
	disable " ($round)"
done
check "DISABLE-ENABLE: enable" ctl service enable fcopy
check "DISABLE-ENABLE: a copy" wait_for 60 ctl copy probe /srv/in/3
ours "DISABLE-ENABLE: half a file is none" fcopy_holds 1 2 3

# --- the daemon ends, and begins again ---

fcopy_empty
check "the daemon ends" guest daemons stop
check "it has" wait_for 60 guest '! pidof hv_fcopy_daemon hv_fcopy_uio_daemon'
fails "nobody serves" ctl copy probe /srv/in/
# The device of 6.1, as link mode of hvis-host has it.
if [ "$HVIS_KERNEL" = 6.1 ]; then
	is "DEVICE: what registers is 1, once, alone" "$(guest 'exec 3<>/dev/vmbus/hv_fcopy
		say() { printf "$1" >&3 2>/dev/null; echo $?; }
		say "\002\000\000\000"
		say "\001\000"
		say "\001\000\000\000\000\000"
		say "\001\000\000\000"
		head -c 4 <&3 | hexdump -e "4/1 \"%02x\" \"\n\""
		say "\001\000\000\000"
		say "\000\000\000\000"' | xargs)" "1 1 1 0 01000000 1 1"
fi
check "the daemon begins" guest daemons start
check "and serves" wait_for 60 ctl copy probe /srv/in/
check "as before" fcopy_same probe /srv/in/probe
done_testing
