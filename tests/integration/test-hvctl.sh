#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# hvctl and hv_kvp_daemon together, over sockets of their own, without a device and with one that
# hvis-host plays: what is printed, what gets into the files, and every exit status. TAP.
set -u

builddir=${top_builddir:-.}
daemon=$builddir/kvpd/hv_kvp_daemon
n=0

tmp=$(mktemp -d) || exit 99
chmod 755 "$tmp"
mkdir "$tmp/pools"
socket=$tmp/kvp
pid=
others=()

stop() {
	[ -n "$pid" ] && kill "$pid" 2>/dev/null && kill -CONT "$pid" && wait "$pid"
	pid=
	if [ ${#others[@]} -gt 0 ]; then
		kill "${others[@]}" 2>/dev/null
		wait "${others[@]}"
	fi
	others=()
}
trap 'stop; rm -rf "$tmp"' EXIT

hvctl() { "$builddir/hvctl/hvctl" "$@" --socket "$socket"; }

# expect NAME STATUS OUTPUT COMMAND…: the exit status and the whole of standard output
expect() {
	local name=$1 status=$2 out=$3 got rc
	shift 3
	got=$("$@" 2>"$tmp/err")
	rc=$?
	n=$((n + 1))
	if [ "$rc" = "$status" ] && [ "$got" = "$out" ]; then
		echo "ok $n - $name"
	else
		echo "not ok $n - $name"
		printf '%s\n' "status $rc, wanted $status" "printed \"$got\"" "wanted \"$out\"" "$(cat "$tmp/err")" |
			sed 's/^/# /'
	fi
}

# says NAME TEXT: the last command said this on standard error
says() {
	n=$((n + 1))
	if grep -qF -e "$2" "$tmp/err"; then echo "ok $n - $1"; else
		echo "not ok $n - $1"
		sed 's/^/# /' "$tmp/err"
	fi
}

state() { hvctl status | sed -n 's/^State: *//p'; }
repeat() { printf "%$2s" "" | tr ' ' "$1"; }

expect "no daemon: a command fails" 3 "" hvctl kvp get x
says "and says that it does not run" "hv_kvp_daemon does not run"
expect "no daemon: the status is told all the same" 0 "not running" state
hvctl status >/dev/null
expect "by status 3" 0 "3" echo $?

# eventually COMMAND…: it succeeds within 30 s
eventually() {
	local i
	for ((i = 0; i < 300; i++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.1
	done
}

"$daemon" --device "$tmp/no-device" --pool-dir "$tmp/pools" --socket "$socket" 2>"$tmp/log" &
pid=$!
eventually [ -S "$socket" ]

expect "without a device it waits" 0 "waiting" state
hvctl status >/dev/null
expect "which is status 1" 0 "1" echo $?

expect "a command that is none" 2 "" hvctl kvp frobnicate
says "is told where help is" "see 'hvctl kvp --help'"
expect "a word too many" 2 "" hvctl kvp list extra
says "is named" '"extra" is a word too many'
expect "the status at a path where nobody listens" 3 "$tmp/nobody" sh -c \
	"'$builddir/hvctl/hvctl' status --socket '$tmp/nobody' >'$tmp/out'; rc=\$?; sed -n 's/^What to do: *no daemon listens at \\(.*\\): look.*/\\1/p' '$tmp/out'; exit \$rc"
expect "a fact is in no file" 1 "" "$builddir/hvctl/hvctl" kvp get OSName --pool-dir "$tmp/pools"
says "which is said" 'no key "OSName" in any pool, without pool auto'
expect "a value with a dash" 2 "" hvctl kvp set -p guest key -5
says "is told where it goes" 'a key or value that begins with a dash goes behind "--"'
says "and where help is" "see 'hvctl kvp set --help'"
expect "a key that is an option of others" 2 "" hvctl kvp get -f
says "is told the same" 'kvp get takes no --follow; a key or value that begins with a dash goes behind "--"'
expect "a directory without a name" 2 "" "$builddir/hvctl/hvctl" kvp list --pool-dir ''
says "is no directory" "--pool-dir is empty"

# What answers is another's.
if command -v socat >/dev/null; then
	printf '#!/bin/sh\nprintf "no Varlink\\0"\nexec cat\n' >"$tmp/stranger"
	chmod 755 "$tmp/stranger"
	socat "UNIX-LISTEN:$tmp/stranger.socket,fork" "EXEC:$tmp/stranger" 2>/dev/null &
	others+=($!)
	eventually test -S "$tmp/stranger.socket"
	expect "a socket of another program" 3 "" "$builddir/hvctl/hvctl" kvp list --socket "$tmp/stranger.socket"
	says "is named" "$tmp/stranger.socket: the answer is not a Varlink message: this is the socket of another program"
	kill "${others[@]}"
	wait "${others[@]}" 2>/dev/null
	others=()
fi
expect "the socket of the wrong daemon" 3 "" "$builddir/hvctl/hvctl" ip show --socket "$socket"
says "is named, too" "$socket: who answers there knows no interface io.hvis.Ip"

expect "an unknown key" 1 "" hvctl kvp get nothing
says "is named" 'nothing'
expect "set" 0 "" hvctl kvp set key "a value"
expect "get it back" 0 "a value" hvctl kvp get key
expect "it is in the pool guest" 0 "a value" hvctl kvp get key --pool guest
expect "and not in another" 1 "" hvctl kvp get key --pool external
expect "set it again" 0 "" hvctl kvp set key "another"
expect "it is one record" 0 "2560" stat -c %s "$tmp/pools/.kvp_pool_1"
expect "zeroed behind the text" 0 "keyanother" tr -d '\0' <"$tmp/pools/.kvp_pool_1"
expect "an empty value is a value" 0 "" hvctl kvp set empty ""
expect "and is printed as one" 0 "" hvctl kvp get empty
expect "control characters are set" 0 "" hvctl kvp set ctl $'\e[2J\n'
expect "and shown as escapes" 0 '\x1b[2J\n' hvctl kvp get ctl
expect "list" 0 'POOL   KEY    VALUE
guest  key    another
guest  empty
guest  ctl    \x1b[2J\n' hvctl kvp list --pool 1
expect "JSON is exact" 0 '{
  "pool": "guest",
  "key": "ctl",
  "value": "\u001b[2J\n"
}' hvctl kvp get ctl --json
expect "the pool external can be written" 0 "" hvctl kvp set key ext --pool 0
expect "and comes first" 0 "ext" hvctl kvp get key
expect "the pool auto cannot" 4 "" hvctl kvp set key value --pool auto
expect "nor can auto-external" 4 "" hvctl kvp delete key --pool 3
expect "facts are in the pool auto" 0 "$(uname -m)" hvctl kvp get ProcessorArchitecture
expect "delete" 0 "" hvctl kvp delete key
expect "is done" 1 "" hvctl kvp get key --pool guest
expect "and not twice" 1 "" hvctl kvp delete key

expect "the longest key" 0 "" hvctl kvp set "$(repeat k 254)" v
expect "one more is too much" 2 "" hvctl kvp set "$(repeat k 255)" v
expect "the longest value" 0 "" hvctl kvp set long "$(repeat v 1022)"
expect "comes back whole" 0 "$(repeat v 1022)" hvctl kvp get long
expect "one more is too much" 2 "" hvctl kvp set long "$(repeat v 1023)"
says "and the limit is named" "1022"
expect "an empty key is none" 2 "" hvctl kvp set "" v

# The same from the files while the daemon runs, and by every format.
offline() { "$builddir/hvctl/hvctl" "$@" --pool-dir "$tmp/pools"; }
same() {
	local pool format
	for pool in guest external; do
		for format in --json --format=plain --format=env --format=json-lines --raw; do
			[ "$(hvctl kvp list --pool $pool $format 2>&1)" = "$(offline kvp list --pool $pool $format 2>&1)" ] ||
				echo "$pool $format differs"
		done
	done
}
expect "get from the files" 0 "$(repeat v 1022)" offline kvp get long
expect "set in the files" 0 "" offline kvp set "it's" "a 'quoted' one"
expect "the daemon has it" 0 "a 'quoted' one" hvctl kvp get "it's"
expect "a line of JSON" 0 '{"pool":"guest","key":"it'"'"'s","value":"a '"'quoted'"' one"}' hvctl kvp get "it's" --format=json-lines
expect "an unknown key in the files" 1 "" offline kvp get nothing
expect "pool auto is in no file" 3 "" offline kvp list --pool auto
says "which is said" "in no file"
expect "a pool that is not for the guest to write" 4 "" offline kvp set k v --pool auto-external
expect "offline and online are the same" 0 "" same
# Killed at each of its writes, in the middle of a page's end, it leaves the old value or the new one.
torn() {
	local dir=$tmp/torn key call calls old new
	old=$(printf 'é%.0s' {1..1000}) new=$(printf 'ü%.0s' {1..1000})
	at() { "$builddir/tests/integration/kill-at" -t -l "$tmp/calls" "$1" -- "$builddir/hvctl/hvctl" kvp set k1 "$new" \
		--offline --pool-dir "$dir" >/dev/null 2>&1; }
	fresh() {
		rm -rf "$dir"
		mkdir "$dir"
		for key in k0 k1; do "$builddir/hvctl/hvctl" kvp set $key "$old" --offline --pool-dir "$dir" || return; done
	}
	fresh
	at 0
	mapfile -t calls < <(awk '$2 ~ /pwrite/ { print $1 }' "$tmp/calls")
	[ ${#calls[@]} -gt 0 ] || echo "it has not written"
	for call in "${calls[@]}"; do
		fresh
		at "$call"
		case $("$builddir/hvctl/hvctl" kvp get k1 --offline --pool-dir "$dir") in
		"$old" | "$new") ;;
		*) echo "torn at call $call" ;;
		esac
	done
}
# Killed at each of its writes an import leaves the pool as it was or as it was to be.
mixed() {
	local dir=$tmp/mixed call calls old new seen=""
	all() { "$builddir/hvctl/hvctl" kvp list --offline --pool-dir "$dir" --format plain; }
	import() { printf '%s\n' "$1" | "${@:2}" "$builddir/hvctl/hvctl" kvp import --replace --offline --pool-dir "$dir" >/dev/null 2>&1; }
	records() { seq "$1" | awk -v v="$2" '{ printf "%s{\"key\":\"k%d\",\"value\":\"%s %d\"}", (NR > 1 ? "," : "["), $1 * 2 % 7, v, $1 } END { print "]" }'; }
	fresh() {
		rm -rf "$dir"
		mkdir "$dir"
		import "$(records 9 old)" env && old=$(all)
	}
	fresh || echo "it is not imported"
	import "$(records 5 new)" "$builddir/tests/integration/kill-at" -l "$tmp/calls" 0 --
	new=$(all)
	[ "$old" != "$new" ] || echo "nothing has changed"
	mapfile -t calls < <(awk '$2 ~ /pwrite|ftruncate|fsync/ { print $1 }' "$tmp/calls")
	for call in "${calls[@]}"; do
		fresh
		import "$(records 5 new)" "$builddir/tests/integration/kill-at" "$call" --
		case $(all) in
		"$old") seen+=o ;;
		"$new") seen+=n ;;
		*) echo "a mix at call $call" ;;
		esac
	done
	[[ $seen = o*n ]] || echo "not both were seen: $seen"
}
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 expect "killed while it sets in the files" 0 "" torn
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 expect "killed while it imports with --replace" 0 "" mixed
env_of() { # shellcheck disable=SC2034,SC2154
	eval "$(hvctl kvp list --pool guest --format=env 2>"$tmp/err")" && printf '%s' "$KVP_it_s"
}
expect "a shell reads --format=env" 0 "a 'quoted' one" env_of
hvctl kvp set "it-s" other
expect "two keys that get one name" 0 "other" env_of
says "are told" 'KVP_it_s is "it-s" of pool guest; left out: "it'
from_stdin() { printf 'line 1\nline 2\n' | hvctl kvp set piped -; }
expect "a value from standard input" 0 "" from_stdin
expect "loses one newline" 0 'line 1\nline 2' hvctl kvp get piped
bad_stdin() { printf 'a\0b' | hvctl kvp set piped -; }
expect "no text" 2 "" bad_stdin
expect "long: too long" 2 "" hvctl kvp set big "$(repeat b 3000)"
says "with a hint" "--split"
expect "in parts" 0 "" hvctl kvp set big "$(repeat b 3000)" --split
expect "comes back whole" 0 "$(repeat b 3000)" hvctl kvp get big
expect "and from the files" 0 "$(repeat b 3000)" offline kvp get big
expect "as it is stored" 0 "$(repeat b 956)" hvctl kvp get big2 --raw
expect "shorter: fewer parts" 0 "" hvctl kvp set big "$(repeat c 1500)" --split
expect "none is left" 1 "" hvctl kvp get big2
expect "short: no parts" 0 "" offline kvp set big short --split
expect "one record" 0 "short" hvctl kvp get big --raw
expect "none is left" 1 "" hvctl kvp get big0
expect "a key in a digit has no parts" 2 "" hvctl kvp set big1 "$(repeat b 3000)" --split
expect "in parts again" 0 "" offline kvp set big "$(repeat b 3000)" --split
expect "deleted with its parts" 0 "" hvctl kvp delete big
expect "none is left" 1 "" hvctl kvp get big0
# A value in parts becomes a short one, with and without the daemon, and takes nothing else along.
keys_of() { offline kvp list --pool guest --raw --format json-lines | sed -n "s/.*\"key\": *\"\($1[^\"]*\)\".*/\1/p" | xargs; }
for how in hvctl offline; do
	expect "$how: in parts" 0 "" $how kvp set Report "$(repeat b 3000)" --split
	expect "$how: unrelated numbers beside it" 0 "" $how kvp set Reports0 "$(repeat x 100)"
	expect "$how: and another" 0 "" $how kvp set Reports1 "$(repeat x 100)"
	expect "$how: short without --split" 0 "" $how kvp set Report short
	expect "$how: the parts are gone" 0 "Reports0 Reports1 Report" keys_of Report
	expect "$how: deleted" 0 "" $how kvp delete Report
	expect "$how: nothing comes back" 1 "" $how kvp get Report
	expect "$how: what is not a part stays beside a new key" 0 "" $how kvp set Reports short
	expect "$how: all three" 0 "Reports0 Reports1 Reports" keys_of Report
	expect "$how: and is not deleted with it" 0 "" $how kvp delete Reports
	expect "$how: two" 0 "Reports0 Reports1" keys_of Report
	expect "$how: in parts once more" 0 "" $how kvp set Report "$(repeat b 3000)" --split
	expect "$how: and the key itself" 0 "" $how kvp set Report --append both
	expect "$how: one delete" 0 "" $how kvp delete Report
	expect "$how: both go" 0 "Reports0 Reports1" keys_of Report
	expect "$how: in parts, again" 0 "" $how kvp set Report "$(repeat b 3000)" --split
	expect "$how: and the key, again" 0 "" $how kvp set Report --append both
	expect "$how: --raw deletes only the key" 0 "" $how kvp delete --raw Report
	expect "$how: the parts stay" 0 "Reports0 Reports1 Report0 Report1 Report2" keys_of Report
	expect "$how: a value too long changes nothing" 2 "" $how kvp set Report "$(repeat y 1100)"
	says "$how: and has its hint" "--split stores it in parts"
	expect "$how: all go" 0 "" $how kvp delete Report Reports0 Reports1
done
expect "a record more" 0 "" hvctl kvp set dup 1
expect "with the same key" 0 "" hvctl kvp set dup 2 --append
expect "both are there" 0 "dup=1
dup=2" sh -c "'$builddir/hvctl/hvctl' kvp list --socket '$socket' --format plain | grep dup"
expect "several keys are deleted" 0 "" hvctl kvp delete dup piped it-s
expect "one of several that is not there" 1 "" hvctl kvp delete nothing "it's"
says "is told" 'no key "nothing"'
expect "the other is deleted" 1 "" hvctl kvp get "it's"
expect "all need --all" 2 "" hvctl kvp delete
expect "written now is not stale" 1 "" hvctl kvp stale
expect "nor in JSON" 1 '{
  "stale": false
}' hvctl kvp stale --json
expect "so nothing is deleted" 1 "" hvctl kvp delete --all --if-stale
mkdir "$tmp/fresh"
expect "nor is a pool that nobody has written" 1 "" "$builddir/hvctl/hvctl" kvp stale --pool-dir "$tmp/fresh"
expect "which is nothing to complain of" 0 "" cat "$tmp/err"
touch -d @1000 "$tmp/pools/.kvp_pool_1"
expect "written long ago is" 0 "" hvctl kvp stale
expect "offline too" 0 "" offline kvp stale
expect "so all is deleted" 0 "" hvctl kvp delete --all --if-stale
expect "nothing is left" 0 "0" stat -c %s "$tmp/pools/.kvp_pool_1"

# Round trips, and what is said about them.
expect "a record" 0 "" hvctl kvp set a 1
expect "another" 0 "" hvctl kvp set b $'2\n"\xc3\xa9"'
expect "the first key again" 0 "" hvctl kvp set a 3 --append
exported='{
  "schema": 1,
  "records": [
    {
      "pool": "guest",
      "key": "a",
      "value": "1"
    },
    {
      "pool": "guest",
      "key": "b",
      "value": "2\n\"é\""
    },
    {
      "pool": "guest",
      "key": "a",
      "value": "3"
    }
  ]
}'
expect "export" 0 "$exported" hvctl kvp export --pool guest
expect "from the files too" 0 "$exported" offline kvp export --pool guest
hvctl kvp export >"$tmp/export"
cp "$tmp/pools/.kvp_pool_1" "$tmp/before"
expect "a dry run" 0 "external: 0 added, 1 replaced, 0 removed (dry run)
guest: 2 added, 1 replaced, 2 removed (dry run)" hvctl kvp import "$tmp/export" --dry-run
expect "changes nothing" 0 "" cmp "$tmp/before" "$tmp/pools/.kvp_pool_1"
expect "import over other records" 0 "guest: 3 added, 0 replaced, 3 removed" hvctl kvp import "$tmp/export" --replace --pool guest
expect "is what was exported" 0 "" cmp "$tmp/before" "$tmp/pools/.kvp_pool_1"
expect "once more, as JSON, in the files" 0 '[
  {
    "pool": "guest",
    "added": 3,
    "replaced": 0,
    "removed": 3
  }
]' offline kvp import "$tmp/export" --replace --pool guest --json
expect "is the same" 0 "" cmp "$tmp/before" "$tmp/pools/.kvp_pool_1"
expect "a file that is not there" 3 "" hvctl kvp import "$tmp/none"
expect "a directory" 3 "" hvctl kvp import "$tmp"
says "is named" "read $tmp: Is a directory"
expect "to append and to replace" 2 "" hvctl kvp import "$tmp/export" --append --replace
nul() { printf 'a\0b' | hvctl kvp set nul -; }
expect "a zero byte" 2 "" nul
says "is no text" "zero byte"
expect "export prints JSON anyway" 0 "$exported" hvctl kvp export --pool guest --json
import_text() { printf '%s' "$1" | hvctl kvp import; }
expect "an object of texts" 0 "guest: 1 added, 0 replaced, 0 removed" import_text '{"c": "4"}'
expect "one bad record" 2 "" import_text '[{"key":"good","value":"1"},{"key":"","value":"2"}]'
says "is named" "record 1: the key is empty"
expect "and none is imported" 1 "" hvctl kvp get good
expect "a pool that cannot be written" 4 "" import_text '[{"pool":"auto","key":"k","value":"1"}]'
expect "no JSON" 2 "" import_text '{"a'
says "the place is named" "standard input:1: it is no JSON"
says "and where help is" "see 'hvctl kvp import --help'"
expect "numbers are no texts" 2 "" import_text '{"a": 1}'
says "the key is named" 'standard input: "a": the value is no text'
printf '{\n"schema": 1, "other": [\n7], "records":\n[ {"key": "[\\"", "value": "1"},\n\n{"key": "", "value": "2"}]}\n' >"$tmp/bad"
expect "a bad record of an export" 2 "" hvctl kvp import "$tmp/bad"
says "file and line are named" "$tmp/bad:6: record 1: the key is empty"
printf '[{"key": "k",\n"value": "1"},\n"text"]' >"$tmp/bad"
expect "a record that is none" 2 "" hvctl kvp import "$tmp/bad"
says "file and line are named" "$tmp/bad:3: record 1 has no key and value"
printf '[\n{"key": "k",\n"value"; "1"}]\n' >"$tmp/bad"
expect "a file that is no JSON" 2 "" hvctl kvp import "$tmp/bad"
says "file and line are named" "$tmp/bad:3: it is no JSON"
printf '{"key":"k","value":"1"}\n{"key":"l","value":"2"}\n' >"$tmp/bad"
expect "lines of JSON" 2 "" hvctl kvp import "$tmp/bad"
says "are more than one value" "$tmp/bad:2: something follows the JSON value"

# What does not fit one message to the daemon is one change all the same, or none.
many() { seq "$1" | awk -v v="$(repeat v 900)" '{ printf "%s{\"key\":\"many%d\",\"value\":\"%s\"}", (NR > 1 ? "," : "["), $1, v } END { print "]" }'; }
many 3000 >"$tmp/many"
many 20000 >"$tmp/too-many"
sum() { cksum <"$tmp/pools/.kvp_pool_1"; }
before=$(sum)
expect "an import of several messages that does not fit the pool" 3 "" hvctl kvp import "$tmp/too-many" --replace
says "says so" "is full"
expect "had replaced a part before" 0 "$before" sum
expect "one that fits" 0 "guest: 3000 added, 0 replaced, 4 removed" hvctl kvp import "$tmp/many" --replace
expect "is there" 0 "3000" sh -c "'$builddir/hvctl/hvctl' kvp list --socket '$socket' --pool guest --format plain | wc -l"
expect "and back" 0 "guest: 3 added, 0 replaced, 3000 removed" hvctl kvp import "$tmp/export" --replace --pool guest
# shellcheck disable=SC2317 # called by name
# Killed between any two of its messages it has changed nothing, or all once the last one is out.
messages() {
	local call calls before=$before seen="" state
	at() { "$builddir/tests/integration/kill-at" -l "$tmp/calls" "$1" -- "$builddir/hvctl/hvctl" kvp import "$tmp/many" \
		--replace --socket "$socket" >/dev/null 2>&1; }
	whole() {
		state=$(sum)
		[[ $state = "$before" || $state = "$after" ]]
	}
	at 0
	after=$(sum)
	mapfile -t calls < <(awk '$2 ~ /sendto|recvfrom/ { print $1 }' "$tmp/calls")
	[ ${#calls[@]} -ge 5 ] || echo "only ${#calls[@]} calls"
	for ((call = 0; call < ${#calls[@]}; call += 1 + ${#calls[@]} / 10)); do
		hvctl kvp import "$tmp/export" --replace --pool guest >/dev/null
		at "${calls[call]}"
		eventually whole # the daemon may be at it still
		case $state in
		"$before") seen+=b ;;
		"$after") seen+=a ;;
		*) echo "a part at call ${calls[call]}" ;;
		esac
	done
	[[ $seen = b* ]] || echo "the first call changes something: $seen" # how many there are is a matter of time
}
before=$(sum)
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0 expect "killed between its messages" 0 "" messages
hvctl kvp import "$tmp/many" --replace >/dev/null
expect "the daemon goes on" 0 "guest: 3 added, 0 replaced, 3000 removed" hvctl kvp import "$tmp/export" --replace --pool guest
hvctl kvp delete c >/dev/null

# What changes, by the daemon and by the files.
"$builddir/hvctl/hvctl" kvp watch --socket "$socket" >"$tmp/watched" &
others+=($!)
"$builddir/hvctl/hvctl" kvp watch --json --pool-dir "$tmp/pools" >"$tmp/watched-files" &
others+=($!)
hvctl kvp wait later --value 2 --timeout 30 >"$tmp/waited" &
waiter=$!
# Something until they are there.
n_tick=0
tick() {
	n_tick=$((n_tick + 1))
	hvctl kvp set tick "$n_tick" && sleep 0.1 && grep -q tick "$tmp/watched" && grep -q tick "$tmp/watched-files"
}
eventually tick
hvctl kvp set later 1
hvctl kvp set later 2
wait "$waiter"
expect "wait ends with the value" 0 0 echo $?
expect "and prints it" 0 2 cat "$tmp/waited"
expect "a value in parts" 0 "" offline kvp set long "$(repeat l 2000)" --split
hvctl kvp delete later
has_delete() { grep -q '^delete guest later' "$tmp/watched" && grep -q '"delete".*later' "$tmp/watched-files"; }
eventually has_delete
expect "watch shows a value that was set" 0 "set guest later=2" grep 'later=2$' "$tmp/watched"
expect "parts are one" 0 "set guest long=$(repeat l 2000)" grep long "$tmp/watched"
expect "and one that is gone" 0 "delete guest later" grep delete "$tmp/watched"
expect "so do the files, as JSON" 0 '{"event":"delete","pool":"guest","key":"later","old":"2","value":null}' grep delete "$tmp/watched-files"
kill "${others[@]}"
wait "${others[@]}" 2>/dev/null
others=()
# A report of provisioning is a record that is replaced, whoever made it.
hvctl kvp set PROVISIONING_REPORT old
expect "a report is written" 0 "" hvctl kvp report failure "no disk" agent=test vm_id=7
report() { hvctl kvp list --pool guest --format plain | sed -n 's/^PROVISIONING_REPORT=//p' | sed 's/timestamp=[-T:.+0-9]*/timestamp=T/'; }
expect "in the place of the one before" 0 "result=error|reason=no disk|agent=test|pps_type=None|vm_id=7|timestamp=T" report
expect "by the files, too" 0 "" hvctl kvp report success agent=test vm_id=8 message=fine --pool-dir "$tmp/pools" --offline
expect "as the daemon sees" 0 "result=success|agent=test|pps_type=None|vm_id=8|timestamp=T|message=fine" report
expect "a report that is too long is none" 2 "" hvctl kvp report failure "$(repeat x 1022)" vm_id=7
expect "nor is a failure without a reason" 2 "" hvctl kvp report failure
expect "the report stays" 0 "result=success|agent=test|pps_type=None|vm_id=8|timestamp=T|message=fine" report
hvctl kvp delete PROVISIONING_REPORT

# --timeout of watch was that of each call: it went on for ever.
watch_a_while() { timeout 20 "$builddir/hvctl/hvctl" kvp watch --timeout 0.3 "$@"; }
expect "watch ends when its time is over" 0 "" watch_a_while --socket "$socket"
expect "so it does on the files" 0 "" watch_a_while --pool-dir "$tmp/pools"
# as long as this machine needs for two changes meanwhile
watch_changes() {
	for seconds in 2 6 20 60; do
		(sleep 0.5 && hvctl kvp set later 3 && sleep 0.5 && hvctl kvp delete later) &
		"$builddir/hvctl/hvctl" kvp watch --timeout $seconds --socket "$socket" >"$tmp/watched"
		wait $!
		[ "$(paste -sd ';' "$tmp/watched")" != "set guest later=3;delete guest later" ] || break
	done
	cat "$tmp/watched"
}
expect "and shows what comes until then" 0 "set guest later=3
delete guest later" watch_changes
expect "wait gives up" 5 "" hvctl kvp wait nothing --timeout 0.2
says "and says so" 'no key "nothing" within 0.2 s'
expect "in the files too" 5 "" offline kvp wait nothing --timeout 0.2
expect "what is there needs no waiting" 0 "1" bash -c "'$builddir/hvctl/hvctl' kvp wait a --value 3 --socket '$socket' | wc -l"
hvctl kvp delete long tick

# The boot, as cloud-init tells it.
event() { hvctl kvp set "CLOUD_INIT|1|$1|$2|vm-1|$3" "$4" --append; }
event start init-local u1 '{"name":"init-local","type":"start","ts":"2026-01-02T03:04:05.250000+00:00","msg":"searching"}'
event finish init-local u2 '{"name":"init-local","type":"finish","ts":"2026-01-02T03:04:06.500000+00:00","result":"SUCCESS","msg":"found"}'
event start broken u3 '{"name'
hvctl kvp set "CLOUD_INIT|1|finish|split|vm-1|u4|0" '{"name":"split","type":"finish","ts":"2026-01-02T03:04:07+00:00","result":"FAIL","msg_i":0,"msg":"one "}'
hvctl kvp set "CLOUD_INIT|1|finish|split|vm-1|u4|1" '{"name":"split","type":"finish","ts":"2026-01-02T03:04:07+00:00","result":"FAIL","msg_i":1,"msg":"two"}'
hvctl kvp set "CLOUD_INIT|x" foreign
events='TIME                              TYPE    NAME        DURATION  RESULT   MESSAGE
2026-01-02T03:04:05.250000+00:00  start   init-local                     searching
2026-01-02T03:04:06.500000+00:00  finish  init-local   1.250 s  SUCCESS  found
-                                 start   broken                         the value is not a JSON object
2026-01-02T03:04:07+00:00         finish  split                 FAIL     one two'
expect "events" 0 "$events" hvctl kvp events
expect "events of the files" 0 "$events" offline kvp events
expect "events as JSON" 0 '  {
    "time": "2026-01-02T03:04:06.500000+00:00",
    "type": "finish",
    "name": "init-local",
    "duration": 1.25,
    "result": "SUCCESS",
    "message": "found",
    "incarnation": "1",
    "vm": "vm-1",
    "problem": null
  },' bash -c "'$builddir/hvctl/hvctl' kvp events --json --socket '$socket' | sed -n '13,23p'"

# A daemon that never comes to an end.
cat >"$tmp/endless" <<'END'
#!/bin/bash
page=$(printf '{"pool":"guest","key":"k","value":""},%.0s' {1..20000})
while IFS= read -r -d '' call; do
	from=${call##*'"from":'}
	printf '{"parameters":{"records":[%s],"next":%d}}\0' "${page%,}" $((${from%%[!0-9]*} + 20000))
done
END
chmod 755 "$tmp/endless"
if command -v socat >/dev/null; then
	socat "UNIX-LISTEN:$tmp/endless.socket,fork" "EXEC:$tmp/endless" 2>/dev/null &
	others+=($!)
	eventually test -S "$tmp/endless.socket"
	expect "a list that does not end" 3 "" "$builddir/hvctl/hvctl" kvp list --socket "$tmp/endless.socket"
	says "is ended" "does not end"
	kill "${others[@]}"
	wait "${others[@]}" 2>/dev/null
	others=()
fi

# A pool that cannot be read had hidden all others.
cp -r "$tmp/pools" "$tmp/hidden"
rm "$tmp/hidden/.kvp_pool_0" "$tmp/hidden/.kvp_pool_3"
mkdir "$tmp/hidden/.kvp_pool_0" "$tmp/hidden/.kvp_pool_3"
hidden() { "$builddir/hvctl/hvctl" "$@" --pool-dir "$tmp/hidden"; }
expect "two pools that cannot be read: the others are listed" 3 "$(hvctl kvp list --pool guest --json)" hidden kvp list --json
says "the first is complained about" ".kvp_pool_0 is not a regular file"
says "and the second" ".kvp_pool_3 is not a regular file"
expect "one that can be read, asked for alone" 0 "$(hvctl kvp list --pool guest --json)" hidden kvp list --pool guest --json
expect "one that cannot" 3 "" hidden kvp list --pool external
expect "an export of a part is none" 3 "" hidden kvp export
"$daemon" --device "$tmp/no-device" --pool-dir "$tmp/hidden" --socket "$tmp/hidden.socket" 2>/dev/null &
others+=($!)
eventually test -S "$tmp/hidden.socket"
listed() { "$builddir/hvctl/hvctl" kvp list --socket "$tmp/hidden.socket" --format json-lines | grep -v '"pool":"auto"'; return "${PIPESTATUS[0]}"; }
expect "the daemon's list, too" 3 "$(hvctl kvp list --pool guest --format json-lines)" listed
says "with the complaint" ".kvp_pool_3 is not a regular file"
kill "${others[@]}"
wait "${others[@]}" 2>/dev/null
others=()

# A directory that was mistyped had looked like a store without pairs.
mistyped() { "$builddir/hvctl/hvctl" "$@" --pool-dir "$tmp/poolz"; }
expect "a mistyped directory: list" 3 "" mistyped kvp list
says "is named" "$tmp/poolz: No such file or directory"
expect "a mistyped directory: get" 3 "" mistyped kvp get key
expect "a mistyped directory: set" 3 "" mistyped kvp set key value
expect "a mistyped directory: import" 3 "" mistyped kvp import "$tmp/export"
expect "a mistyped directory: wait" 3 "" mistyped kvp wait key --timeout 0.1
expect "is not made" 1 "" test -e "$tmp/poolz"
expect "a file in the place of the directory" 3 "" "$builddir/hvctl/hvctl" kvp list --pool-dir "$tmp/export"

# Damage, told and mended.
pool=$tmp/pools/.kvp_pool_1
hvctl kvp delete --all
check() { "$builddir/hvctl/hvctl" kvp check --pool-dir "$tmp/pools" "$@"; }
problems() { check "$@" --json | sed -n 's/^ *"problem": "\(.*\)",/\1/p' | sort | paste -sd ' ' -; }
poke() { printf '%b' "$2" | dd of="$pool" bs=1 seek="$1" conv=notrunc status=none; }
expect "nothing is wrong" 0 "good: $tmp/pools" check
for key in one two three TWO; do hvctl kvp set $key value; done
poke 100 x
poke $((2560 + 512 + 2000)) y
poke $((2 * 2560 + 512)) '\xff'
printf torn >>"$pool"
chmod 666 "$tmp/pools/.kvp_pool_0"
rm "$tmp/pools/.kvp_pool_4"
cp "$pool" "$tmp/damaged"
expect "all that is wrong" 0 "garbage garbage hidden missing mode not-utf8 torn" problems
check >"$tmp/found"
expect "by status 1" 0 1 echo $?
expect "what --repair leaves is told" 0 1 grep -c 'hidden .*  nothing; by hand: "hvctl kvp delete"' "$tmp/found"
expect "looking changes nothing" 0 "" cmp "$pool" "$tmp/damaged"
check --repair >"$tmp/repaired"
expect "what cannot be mended stays" 0 1 echo $?
expect "the backup is told" 0 "removed bytes are in $pool.backup-0" grep '^removed' "$tmp/repaired"
expect "for root alone" 0 600 stat -c %a "$pool.backup-0"
expect "and has what was there" 0 "at 10240, 4 bytes:
torn" tail -n 2 "$pool.backup-0"
expect "only that" 0 "hidden" problems
expect "the records are there" 0 "one two three TWO" bash -c "'$builddir/hvctl/hvctl' kvp list --raw --format plain -p 1 --socket '$socket' | cut -d= -f1 | paste -sd ' ' -"
cp "$pool" "$tmp/mended"
check --repair >/dev/null
expect "mending twice is mending once" 0 "" cmp "$pool" "$tmp/mended"
expect "and makes no backup" 1 "" test -e "$pool.backup-1"
rm "$pool.backup-0"
printf torn >>"$pool"
chmod 600 "$pool"
ln "$pool" "$tmp/pools/another-name"
problems --repair >/dev/null
expect "the mode of a file with two names is left alone" 0 600 stat -c %a "$pool"
rm "$tmp/pools/another-name" "$pool.backup-0"
chmod 644 "$pool"
poke 600 "$(repeat x 400)"
poke 1400 "$(repeat y 1000)"
full() (
	trap '' XFSZ
	ulimit -f 1 || return
	check --repair >/dev/null 2>&1
	echo $?
)
expect "no room for the backup" 0 3 full
expect "leaves none" 1 "" test -e "$pool.backup-0"
cp "$tmp/mended" "$pool"
expect "a pool without a fault" 0 "good: $tmp/pools" check --pool external
expect "nothing is called created that is not" 0 "FILE         RECORD  KEY  PROBLEM  MEANING                    WITH --repair
none                      missing  No such file or directory  created
.kvp_pool_0               missing  No such file or directory  created" bash -c "'$builddir/hvctl/hvctl' kvp check --pool external --pool-dir '$tmp/none'; true"
expect "a directory is made, and that is all" 0 "FILE         RECORD  KEY  PROBLEM  MENDED  MEANING                      REPAIR
made                      missing  yes     the directory was not there  created
.kvp_pool_0               missing  yes     the file was not there       created" "$builddir/hvctl/hvctl" kvp check --repair --pool external --pool-dir "$tmp/made"
truncate -s 50M "$tmp/made/.kvp_pool_0"
expect "a file that cannot be read is not good" 1 "" bash -c "'$builddir/hvctl/hvctl' kvp check --pool external --pool-dir '$tmp/made' | sed '/unreadable/d; /^FILE/d'; exit \"\${PIPESTATUS[0]}\""
expect "and the others are looked at" 0 "missing missing missing unreadable" bash -c "'$builddir/hvctl/hvctl' kvp check --json --pool-dir '$tmp/made' | sed -n 's/^ *\"problem\": \"\(.*\)\",/\1/p' | sort | paste -sd ' ' - | sed 's/missing //'"
"$builddir/tests/integration/pool-tool" fill "$tmp/made/.kvp_pool_1" Key 2
chmod 644 "$tmp/made/.kvp_pool_1"
ln "$tmp/made/.kvp_pool_1" "$tmp/linked"
is_linked() { "$builddir/hvctl/hvctl" kvp check --repair --json --pool guest --pool-dir "$tmp/made" | sed -n 's/^ *"problem": "\(.*\)",/\1/p'; }
expect "a pool with another name" 0 "linked" is_linked
rm "$tmp/linked"
# A pool that could not be mended had kept the others from being looked at.
fill_up() { # its backup does not fit what a file may have; the other has no more than an end to lose
	mkdir "$tmp/full"
	"$builddir/tests/integration/pool-tool" fill "$tmp/full/.kvp_pool_0" Key 40
	for i in {0..39}; do printf x | dd of="$tmp/full/.kvp_pool_0" bs=1 seek=$((i * 2560 + 2559)) conv=notrunc status=none; done
	cp "$tmp/full/.kvp_pool_0" "$tmp/full/.kvp_pool_3"
	printf torn >"$tmp/full/.kvp_pool_1"
}
mend_full() (
	trap '' XFSZ
	ulimit -f 16
	exec "$builddir/hvctl/hvctl" kvp check --repair --pool-dir "$tmp/full" "$@"
)
fill_up
count_not_mended() { mend_full --json | grep -c '"problem": "not-mended"'; return "${PIPESTATUS[0]}"; }
expect "two pools that cannot be mended are both told" 3 2 count_not_mended
says "and on standard error" "2 pools could not be mended"
expect "the torn one is mended" 0 0 stat -c %s "$tmp/full/.kvp_pool_1"
expect "missing ones are made" 0 "" test -f "$tmp/full/.kvp_pool_2" -a -f "$tmp/full/.kvp_pool_4"
expect "nothing half is left of a backup" 1 "" test -e "$tmp/full/.kvp_pool_0.backup-0"
expect "with room it is all mended" 0 "" sh -c "'$builddir/hvctl/hvctl' kvp check --repair --pool-dir '$tmp/full' >/dev/null"
expect "a directory that is not there" 1 "" bash -c "'$builddir/hvctl/hvctl' kvp check --pool-dir '$tmp/none' >/dev/null"
(exec 9<"$tmp/pools/.kvp_pool_0" && flock 9 && exec sleep 60) &
others+=($!)
is_locked() { [ "$(problems --pool external)" = locked ]; }
eventually is_locked
expect "who holds a lock is told" 0 "locked" problems --pool external
held() { hvctl status | sed -n "s/^external.*locked by process $! (\(.*\))\$/\1/p"; }
expect "status tells who, too, though it was flock(1) that took it" 0 "sleep" held
held_json() { hvctl status --json | tr -d ' \n' | grep -o '"locked_by":{[^}]*}'; }
expect "and in JSON" 0 "\"locked_by\":{\"pid\":$!,\"command\":\"sleep\"}" held_json
expect "which is no fault" 0 "" bash -c "'$builddir/hvctl/hvctl' kvp check --pool external --pool-dir '$tmp/pools' >/dev/null"
kill "${others[@]}"
wait "${others[@]}" 2>/dev/null
others=()
hvctl kvp delete TWO

# What logs runs.
mkdir "$tmp/bin"
printf '#!/bin/sh\necho "$@"\n' >"$tmp/bin/journalctl"
chmod 755 "$tmp/bin/journalctl"
logs() { PATH=$tmp/bin:$PATH "$builddir/hvctl/hvctl" logs "$@"; }
expect "logs" 0 "--follow --lines=5 _SYSTEMD_UNIT=hv-kvp-daemon.service + UNIT=hv-kvp-daemon.service + SYSLOG_IDENTIFIER=hv_kvp_daemon + _SYSTEMD_UNIT=hv-vss-daemon.service + UNIT=hv-vss-daemon.service + SYSLOG_IDENTIFIER=hv_vss_daemon + _SYSTEMD_UNIT=hv-fcopy-daemon.service + UNIT=hv-fcopy-daemon.service + SYSLOG_IDENTIFIER=hv_fcopy_daemon + _SYSTEMD_UNIT=hvis-ip.service + UNIT=hvis-ip.service + SYSLOG_IDENTIFIER=hvis_ip_helper" logs -f -n 5
expect "a number of lines that is none" 2 "" logs -n many
no_journal() { PATH=/nonexistent "$builddir/hvctl/hvctl" logs; }
expect "without a journal" 3 "" no_journal
says "it is said" "journalctl"

# Colours: asked for, or on a terminal that has them.
color() { hvctl kvp list --pool external "$@" | head -n 1 | tr '\033' '^'; }
expect "no colours in a pipe" 0 "POOL      KEY  VALUE" color
expect "but where they are asked for" 0 '^[1mPOOL^[0m      ^[1mKEY^[0m  ^[1mVALUE^[0m' color --color=always
expect "a word that is none" 2 "" hvctl status --color=blue
terminal() { script -qec "$* $builddir/hvctl/hvctl kvp list --pool external --socket $socket" /dev/null </dev/null | head -n 1 | tr -d '\r' | tr '\033' '^'; }
if command -v script >/dev/null; then
	expect "colours on a terminal" 0 '^[1mPOOL^[0m      ^[1mKEY^[0m  ^[1mVALUE^[0m' terminal env TERM=xterm NO_COLOR=
	expect "not with NO_COLOR" 0 "POOL      KEY  VALUE" terminal env TERM=xterm NO_COLOR=1
	expect "nor on a dumb one" 0 "POOL      KEY  VALUE" terminal env TERM=dumb NO_COLOR=
	expect "nor where they are not wanted" 0 "POOL      KEY  VALUE" terminal env TERM=xterm "$builddir/hvctl/hvctl" kvp list --pool external --color never --socket "$socket" ";" :
else
	n=$((n + 1))
	echo "ok $n - colours on a terminal # SKIP script(1) is not installed"
fi

expect "output that is lost is an error" 3 "" bash -c "'$builddir/hvctl/hvctl' kvp list --socket '$socket' >/dev/full"

if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null && setpriv --reuid=65534 "$builddir/hvctl/hvctl" --version >/dev/null 2>&1; then
	user() { setpriv --reuid=65534 --regid=65534 --clear-groups "$builddir/hvctl/hvctl" "$@" --socket "$socket"; }
	expect "another user may read" 0 "ext" user kvp get key
	expect "but not write" 4 "" user kvp set key mine
	expect "nor delete" 4 "" user kvp delete key --pool external
	expect "and nothing was changed" 0 "ext" hvctl kvp get key
	says_who() { user kvp set key mine; }
	expect "which is said" 4 "" says_who
	says "with who may" "configuration names"
	says "and by which key, and what to do" 'add the user to Writers= in section [kvp] of hvis.conf(5) and run "systemctl reload hv-kvp-daemon"'
	# Somebody whom Writers= names, and a group.
	prefix=$(sed -n 's/^prefix = //p' "$builddir/Makefile")
	conf=$tmp/root$(sed -n 's/^sysconfdir = //p' "$builddir/Makefile" | sed "s|\${prefix}|$prefix|")/hvis
	mkdir -p "$conf"
	printf '[kvp]\nWriters=nobody-here 65534 @4242\n' >"$conf/hvis.conf"
	"$daemon" --device "$tmp/no-device" --pool-dir "$tmp/pools" --socket "$tmp/writers" --root "$tmp/root" 2>"$tmp/log2" &
	others+=($!)
	eventually [ -S "$tmp/writers" ]
	as() { setpriv --reuid="$1" --regid="$1" --groups="$2" "$builddir/hvctl/hvctl" kvp set by "$1" --socket "$tmp/writers"; }
	expect "a user that is named may write" 0 "" as 65534 65534
	expect "a member of a group that is named too" 0 "" as 1234 77,4242
	expect "others may not" 4 "" as 1234 77
	expect "it is written" 0 "1234" hvctl kvp get by
	expect "not by a change in parts either" 4 "" setpriv --reuid=1234 --regid=1234 --clear-groups "$builddir/hvctl/hvctl" kvp delete --all --socket "$tmp/writers"
	expect "a name that is nobody is logged" 0 "1" grep -c "names nobody of this machine: nobody-here" "$tmp/log2"
	kill "${others[@]}"
	wait "${others[@]}" 2>/dev/null
	others=()
	hvctl kvp delete by
else
	for what in "may read" "may not write" "may not delete" "changes nothing"; do
		n=$((n + 1))
		echo "ok $n - another user $what # SKIP needs root, and programs that others can run"
	done
fi

kill -STOP "$pid"
expect "a daemon that does not answer" 5 "" hvctl kvp get key --timeout 0.2
expect "nor to status" 5 "" hvctl status --timeout 0.2
kill -CONT "$pid"
expect "is asked again when it does" 0 "ext" hvctl kvp get key
stop
expect "when it has ended, it does not run" 0 "not running" state

# With a host there.
host=$builddir/hvis-host
if [ -x "$host" ]; then
	"$host" link --dir "$tmp/link" --control "$tmp/control" 2>"$tmp/log" &
	others+=($!)
	eventually [ -S "$tmp/link/hv_kvp" ]
	"$daemon" --device "$tmp/link/hv_kvp" --pool-dir "$tmp/pools" --socket "$socket" 2>"$tmp/log" &
	pid=$!
	eventually hvctl status
	expect "with a host it is ready" 0 "ready" state
	hvctl status >/dev/null
	expect "which is status 0" 0 "0" echo $?
	expect "the host sets a pair" 0 "" "$host" ctl "$tmp/control" kvp set FromHost hello
	expect "hvctl has it" 0 "hello" hvctl kvp get FromHost --pool external
	last_request() { hvctl status | sed -n 's/^Last request: *\([^,]*\),.*/\1/p'; }
	expect "and status has the request" 0 "set external" last_request
	expect "the host tells its name" 0 "" "$host" ctl "$tmp/control" kvp set VirtualMachineName "the vm" --pool auto-external
	expect "info has one value alone" 0 "the vm" hvctl info --field VirtualMachineName
	expect "the guest's, too" 0 "$(uname -m)" hvctl info --field ProcessorArchitecture
	expect "in JSON" 0 '"the vm"' hvctl info --field VirtualMachineName --json
	expect "a field that nobody told" 1 "" hvctl info --field HostName
	says "is named" 'HostName'
	rows() { hvctl info | awk '{ print $1, $2 }' | tr '\n' ';'; }
	expect "info has all, in order" 0 "FROM FIELD;host VirtualMachineName;guest FullyQualifiedDomainName;guest IntegrationServicesVersion;guest NetworkAddressIPv4;guest NetworkAddressIPv6;guest OSBuildNumber;guest OSName;guest OSMajorVersion;guest OSMinorVersion;guest OSVersion;guest ProcessorArchitecture;" rows
	members() { hvctl info --json | sed -n 's/^  "\(.*\)":.*/\1/p' | tr '\n' ' '; }
	expect "and in JSON" 0 "host guest " members
	loopback() { hvctl info nics --explain | awk '$1 == "lo" && $3 == "no" { print $1, $4; exit }'; }
	expect "why the loopback interface is not told" 0 "lo loopback" loopback
	unexplained() { hvctl info nics --explain | sed -n 's/  *$//; / no$/p'; }
	expect "and no row is without its reason" 0 "" unexplained
	told() { hvctl info nics | awk '$1 == "lo"'; }
	expect "it is not among what is told" 0 "" told
	names() { hvctl info nics --explain --json | sed -n 's/^    "name": *"\(lo\)".*/\1/p'; }
	expect "in JSON with --explain it is" 0 "lo" names
	told_names() { hvctl info nics --json | sed -n 's/^    "name": *"\(lo\)".*/\1/p'; }
	expect "and without it is not" 0 "" told_names
	stats() { hvctl kvp stats --json | tr -d ' \n' | sed 's/.*"pools":\[\([^]]*\)\].*/\1/; s/},{/}\n{/g' | head -n 1; }
	expect "and stats count it" 0 '{"name":"external","get":0,"set":1,"delete":0,"enumerate":0,"failed":0}' stats
	answered() { hvctl kvp stats | awk '/^under|^more/ {n += $NF} END {print n}'; }
	expect "and how long it took" 0 2 answered
	expect "hvctl sets a pair" 0 "" hvctl kvp set FromGuest hi
	expect "the host has it" 0 "hi" "$host" ctl "$tmp/control" kvp get FromGuest --pool guest

	"$daemon" --device "$tmp/link/hv_kvp" --pool-dir "$tmp/pools" --socket "$tmp/second" 2>"$tmp/log" &
	others+=($!)
	eventually [ -S "$tmp/second" ]
	socket=$tmp/second
	is_busy() { [ "$(state)" = busy ]; }
	eventually is_busy
	expect "a second daemon finds the device busy" 0 "busy" state
	only_busy() { # through several tries
		local i
		for ((i = 0; i < 100; i++)); do
			is_busy || { state; return 1; }
		done
	}
	expect "and says nothing else while it tries again" 0 "" only_busy
	socket=$tmp/kvp
	expect "and does not disturb the first" 0 "ready" state
	stop
else
	n=$((n + 1))
	echo "ok $n - with a host # SKIP hvis-host is not built"
fi
echo "1..$n"
