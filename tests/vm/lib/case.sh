# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# TAP for host.sh and guest.sh: ". $HVIS_CASE_LIB". Plain sh, for it runs in the guest's busybox too.

case_count=0
case_failed=0

# result STATUS DESCRIPTION
result()
{
	case_count=$((case_count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $case_count - $2"
	else
		echo "not ok $case_count - $2"
		case_failed=1
	fi
	return "$1"
}

skip()
{
	case_count=$((case_count + 1))
	echo "ok $case_count - $1 # SKIP $2"
}

# check DESCRIPTION COMMAND…: passes where the command succeeds; shows what it printed where not.
check()
{
	case_desc=$1
	shift
	case_out=$("$@" 2>&1)
	case_status=$?
	if [ $case_status -ne 0 ]; then
		echo "# $* ended with $case_status"
		echo "$case_out" | sed 's/^/# /'
	fi
	result $case_status "$case_desc"
}

# refuse DESCRIPTION STATUS COMMAND…: passes where the command ends with exactly STATUS.
refuse()
{
	case_desc=$1
	case_want=$2
	shift 2
	case_out=$("$@" 2>&1)
	case_status=$?
	if [ $case_status -ne "$case_want" ]; then
		echo "# $* ended with $case_status, not $case_want"
		echo "$case_out" | sed 's/^/# /'
		result 1 "$case_desc"
		return
	fi
	result 0 "$case_desc"
}

# fails DESCRIPTION COMMAND…: passes where the command fails, however.
fails()
{
	case_desc=$1
	shift
	if case_out=$("$@" 2>&1); then
		echo "# $* succeeded"
		echo "$case_out" | sed 's/^/# /'
		result 1 "$case_desc"
		return
	fi
	result 0 "$case_desc"
}

# is DESCRIPTION GOT WANTED
is()
{
	if [ "$2" = "$3" ]; then
		result 0 "$1"
	else
		echo "# got    '$2'"
		echo "# wanted '$3'"
		result 1 "$1"
	fi
}

# like DESCRIPTION GOT PATTERN (of case)
like()
{
	# shellcheck disable=SC2254
	case $2 in
	$3) result 0 "$1" ;;
	*)
		echo "# got '$2'"
		echo "# wanted something like '$3'"
		result 1 "$1"
		;;
	esac
}

# wait_for SECONDS COMMAND…: until the command succeeds; false after that long.
wait_for()
{
	case_until=$(($(cut -d. -f1 /proc/uptime) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$(cut -d. -f1 /proc/uptime)" -le $case_until ] || return 1
		sleep 0.3
	done
}

# --- the guest's pool files: 2560-byte records, key[512] value[2048] ---

pool_file()
{
	echo "/var/lib/hyperv/.kvp_pool_$1"
}

# pool_field FILE OFFSET: the text at OFFSET, up to its NUL.
pool_field()
{
	tail -c +$(($2 + 1)) "$1" | head -c 2048 | tr '\0' '\n' | head -n 1
}

# pool_get POOL KEY: the value of the last record with that key.
pool_get()
{
	pool_at=0 pool_value='' pool_found=1
	pool_size=$(wc -c <"$(pool_file "$1")")
	while [ $pool_at -lt "$pool_size" ]; do
		if [ "$(pool_field "$(pool_file "$1")" $pool_at)" = "$2" ]; then
			pool_value=$(pool_field "$(pool_file "$1")" $((pool_at + 512)))
			pool_found=0
		fi
		pool_at=$((pool_at + 2560))
	done
	[ -z "$pool_value" ] || echo "$pool_value"
	return $pool_found
}

pool_count()
{
	echo $(($(wc -c <"$(pool_file "$1")") / 2560))
}

# pool_append POOL KEY VALUE: as provisioning agents do it.
pool_append()
{
	{
		printf '%s' "$2" | dd bs=512 conv=sync 2>/dev/null
		printf '%s' "$3" | dd bs=2048 conv=sync 2>/dev/null
	} >>"$(pool_file "$1")"
}

# --- for host.sh: the same in the guest ---

# in_guest COMMAND: a command in the guest that knows the functions of this file.
in_guest()
{
	guest ". /usr/lib/hvis-agent/case.sh; $*"
}

# Empty pools to begin with: cases share a guest.
kvp_begin()
{
	check "kvp is ready" ctl wait kvp --timeout 60
	check "empty pools" guest ": >$(pool_file 0); : >$(pool_file 1)"
}

# --- for host.sh: backups ---

# vss_phase PHASE: is the host's backup there? idle, checking, freezing, frozen, thawing
vss_phase()
{
	ctl services --json | tr -d ' ",' | grep -qx "backup:$1"
}

# vss_disk N TYPE DIR: a file system in the guest's memory, on disk N. Cases share a guest: it may be there.
vss_disk()
{
	check "the guest has $2 at $3" guest "set -e
		! grep -q ' $3 ' /proc/mounts || exit 0
		[ -b /dev/ram0 ] || modprobe brd rd_size=327680
		modprobe -a crc32c_generic $2 && mkdir -p $3
		mkfs.$2 -q /dev/ram$1 >/dev/null && mount -t $2 /dev/ram$1 $3"
}

# vss_configure [LINE…]: what [vss] of hvis.conf has, and nothing else, in a root=small guest with our daemons,
# which are started anew.
vss_configure()
{
	case_text='[vss]'
	for case_line; do
		case_text="$case_text
$case_line"
	done
	check "configure: $*" guest "mkdir -p /etc/hvis && echo '$case_text' >/etc/hvis/hvis.conf && daemons stop"
	check "the daemons end" wait_for 60 guest "! pidof hv_vss_daemon hv_kvp_daemon"
	check "and begin" guest daemons start
	check "vss is served" wait_for 60 guest "hvctl vss status | grep -q 'State: *ready'"
	check "kvp is served" wait_for 60 guest hvctl status
	check "kvp is ready" ctl wait kvp --timeout 60
}

# A disk at /mnt/disk, and a backup.
vss_begin()
{
	check "vss is ready" ctl wait vss --timeout 60
	vss_disk 0 ext4 /mnt/disk
	check "a backup" wait_for 30 ctl backup --hold 0.1
}

# vss_last MEMBER: of the newest entry of the guest's history
vss_last()
{
	guest hvctl vss history --lines 1 --json | tr -d '\n' |
		grep -o "\"$1\" *: *\(\"[^\"]*\"\|[0-9]*\)" | head -n 1 | sed 's/[^:]*: *//; s/"//g'
}

# vss_seconds N: for how long to hold a backup so that N commands in the guest are done meanwhile, by how long
# one of the longer ones takes now.
vss_seconds()
{
	case_since=$(tr -d . </proc/uptime | cut -d' ' -f1)
	guest hvctl vss history --lines 1 >/dev/null
	echo $((6 + $1 * ($(tr -d . </proc/uptime | cut -d' ' -f1) - case_since) / 100))
}

# A write to each of the guest's disks below /mnt, for which nobody waits; vss_wrote is true once all are
# done, vss_waits while none is.
vss_write()
{
	# shellcheck disable=SC2016 # the guest's
	guest 'rm -f /run/wrote.*; for dir in /mnt/*; do
		(echo written >$dir/probe && : >/run/wrote.${dir##*/}) >/dev/null 2>&1 &
	done'
}
vss_wrote()
{
	# shellcheck disable=SC2016 # the guest's
	guest 'for dir in /mnt/*; do test -e /run/wrote.${dir##*/} || exit 1; done'
}
vss_waits()
{
	guest '! ls /run/wrote.*'
}

# vss_hold: a backup in the background that only we end, and a write to all disks, which waits.
vss_hold()
{
	case_refused=$(vss_refusals)
	ctl backup --hold 3600 >backup.out 2>&1 &
	case_backup=$!
	check "the guest is frozen" wait_for 60 vss_phase frozen
	check "writers begin" vss_write
	sleep 2
	check "and wait" vss_waits
}
vss_refusals()
{
	ctl services | awk '$1 == "vss" { print $6 }'
}
vss_heard()
{
	[ "$(vss_refusals)" -gt "$case_refused" ] && vss_phase idle
}

# vss_ended WHAT: the host goes on, and asks to thaw.
vss_ended()
{
	kill "$case_backup"
	wait "$case_backup"
	check "$1: the host hears that it was no backup" wait_for 60 vss_heard
}

# --- for host.sh: file copy, into /srv/in of the guest ---

# fcopy_file NAME BYTES: a file to copy, of bytes that no other has
fcopy_file()
{
	head -c "$2" /dev/urandom >"$1"
}

fcopy_begin()
{
	fcopy_file probe 100
	check "fcopy is ready" ctl wait fcopy --timeout 60
	check "a daemon serves it" wait_for 60 ctl copy probe /srv/in/ --create-path --overwrite
	fcopy_empty
}

fcopy_empty()
{
	check "an empty directory" guest 'rm -rf /srv/in && mkdir -p /srv/in'
}

# fcopy_same FILE PATH: has the guest there what the file here has?
fcopy_same()
{
	[ "$(guest "sha256sum <'$2'" | cut -d ' ' -f 1)" = "$(sha256sum <"$1" | cut -d ' ' -f 1)" ]
}

# fcopy_holds [NAME…]: /srv/in has these and nothing else
fcopy_holds()
{
	fcopy_there=$(guest 'ls -A /srv/in' | sort | xargs)
	[ "$fcopy_there" = "$*" ] || {
		echo "/srv/in has: $fcopy_there"
		return 1
	}
}

# ours DESCRIPTION COMMAND…: a check of our daemon. Where the stock one fails it, that is a known defect.
ours()
{
	if [ "$HVIS_DAEMONS" != stock ]; then
		check "$@"
	elif case_out=$(shift && "$@" 2>&1); then
		result 0 "$1 (the stock daemon, too)"
	else
		skip "$1" "a defect of the stock daemon"
	fi
}

# Last line of a script.
done_testing()
{
	echo "1..$case_count"
	exit $case_failed
}
