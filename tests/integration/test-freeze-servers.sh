#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2016,SC2317 # scripts that are written; functions that check calls
#
# The hooks for servers of data bases, with made-up clients in place of psql, mariadb and redis-cli: what each is
# asked, and what becomes of answers, of silence, and of hooks that are killed. Real servers are in
# tests/integration/test-vss-servers.sh.
set -u
top=$(cd "${top_srcdir:-$(dirname "$0")/../..}" && pwd)
# shellcheck source=tests/vm/lib/case.sh
. "$top/tests/vm/lib/case.sh"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/hvis-servers.XXXXXX")
others=()
clean()
{
	[ ${#others[@]} -eq 0 ] || kill -KILL "${others[@]}" 2>/dev/null
	for pid in "$scratch"/adapter.*/*.pid; do
		[ ! -e "$pid" ] || kill -KILL "$(cat "$pid")" 2>/dev/null
	done
	rm -rf "$scratch"
}
trap clean EXIT
trap 'exit 1' INT TERM HUP
export HVIS_ADAPTER_ROOT=$scratch/root HVIS_ADAPTER_STATE=$scratch HVIS_HOOK=50-test HVIS_HOOKS=$scratch HVIS_TIMEOUT=60
export FAKE=$scratch/fake PATH=$scratch/bin:$PATH
mkdir -p "$scratch/bin" "$FAKE" "$HVIS_ADAPTER_ROOT"
settings_file=$scratch/$HVIS_HOOK.settings

# program NAME SCRIPT
program()
{
	printf '#!/bin/bash\n%s\n' "$2" >"$scratch/bin/$1"
	chmod 755 "$scratch/bin/$1"
}

# settings LINE…: of the hook
settings()
{
	printf '%s\n' "$@" >"$settings_file"
	chmod 600 "$settings_file"
}

hook()
{
	"$top/hooks/$1" "$2" >"$scratch/out" 2>&1 </dev/null
}

said()
{
	grep -qF -e "$1" "$scratch/out" || { sed 's/^/# /' "$scratch/out"; return 1; }
}

no()
{
	! "$@"
}

asked()
{
	paste -sd, "$FAKE/asked" 2>/dev/null
	rm -f "$FAKE/asked"
}

# --- all of them ---

for name in postgresql mariadb redis; do
	for verb in prepare freeze freeze-failed thaw thaw something-new; do
		check "$name: without a server $verb is nothing" hook $name $verb
	done
	settings 'Nothing=here'
	check "a setting that is not known" no hook $name prepare
	check "is told" said "50-test.settings: there is no key Nothing"
	settings 'RequireFrozen=yes'
	chmod 620 "$settings_file"
	check "settings that others may write" no hook $name prepare
	check "are, too" said "others than root may write it"
	rm "$settings_file"
done

# end_of TIMEOUT: when a call ends by itself that begins at 1000
end_of()
{
	HVIS_TIMEOUT=$1 sh -c 'date() { echo 1000; }; . "${0%/*}/server.sh"; echo "$until"' "$top/hooks/redis"
}
is "a call ends before it is ended, and has time also where that is soon" "$(end_of 60) $(end_of 6) $(end_of 3) $(end_of 1)" \
	"1057 1003 1002 1001"

# --- PostgreSQL ---

program psql 'echo "${@: -1}" | head -c 10 >>"$FAKE/asked"; echo >>"$FAKE/asked"; echo "$@" >>"$FAKE/words"
case $(cat "$FAKE/psql") in
refuses) echo "FATAL:  the database system is in a bad mood" >&2; exit 2 ;;
mean) echo f ;;
slow) [[ ${*: -1} != CHECKPOINT ]] || exec sleep 1000; echo t ;;
*) echo t ;;
esac'
echo well >"$FAKE/psql"

# cluster NAME [STATUS]: with a process that has its folder
cluster()
{
	mkdir -p "$scratch/$1/pg_wal" "$scratch/$1/pg_tblspc"
	(cd "$scratch/$1" && exec sleep 10000) &
	others+=($!)
	disown
	wait_for 20 test "$(readlink -f "$scratch/$1")" = "$(readlink "/proc/$!/cwd")"
	printf '%s\n%s\n1700000000\n5432\n/run/%s\nlocalhost\n 1 2\n%-10s\n' $! "$scratch/$1" "$1" "${2:-ready}" \
		>"$scratch/$1/postmaster.pid"
	mkdir -p "$HVIS_ADAPTER_ROOT/etc/postgresql/15/$1"
	echo "data_directory = '$scratch/$1'		# use data in another directory" >"$HVIS_ADAPTER_ROOT/etc/postgresql/15/$1/postgresql.conf"
}

cluster a
check "postgresql: a server" hook postgresql prepare
is "is asked whether it lets us make a checkpoint" "$(asked)" "SELECT CAS"
check "that of the cluster" grep -q -e "-h /run/a -p 5432 -U $(id -un) -d postgres" "$FAKE/words"
check "freeze" hook postgresql freeze
is "makes it" "$(asked)" "SELECT CAS,CHECKPOINT"
check "freeze-failed" hook postgresql freeze-failed
check "and thaw" hook postgresql thaw
is "are nothing" "$(asked)" ""
mkdir -p "$HVIS_ADAPTER_ROOT/run/postgresql" "$scratch/c d"
cluster "b"
rm -r "$HVIS_ADAPTER_ROOT/etc/postgresql/15/b"
printf '1\n%s\n' "$scratch/b" >"$HVIS_ADAPTER_ROOT/run/postgresql/.s.PGSQL.5433.lock"
printf '1\n%s\n' "$scratch/a" >"$HVIS_ADAPTER_ROOT/run/postgresql/.s.PGSQL.5432.lock"
hook postgresql freeze
is "each cluster once, also without a configuration" "$(asked)" "SELECT CAS,CHECKPOINT,SELECT CAS,CHECKPOINT"
cluster "e" starting
hook postgresql freeze
is "not one that does not yet run" "$(asked)" "SELECT CAS,CHECKPOINT,SELECT CAS,CHECKPOINT"
sed -i "1s/.*/$$/" "$scratch/b/postmaster.pid"
hook postgresql freeze
is "nor one that was killed, with its number another one's" "$(asked)" "SELECT CAS,CHECKPOINT"
settings 'Role=backup' 'Database=template1'
hook postgresql prepare
check "as whom, and of which data base, can be said" grep -q -e "-U backup -d template1" "$FAKE/words"
settings "DataDirectory=$scratch/b" '# a comment' ''
sed -i "1s/.*/${others[1]}/" "$scratch/b/postmaster.pid"
rm "$HVIS_ADAPTER_ROOT/run/postgresql/.s.PGSQL.5433.lock"
asked >/dev/null
hook postgresql prepare
is "where the data are, too" "$(asked)" "SELECT CAS,SELECT CAS"
settings 'Checkpoint=no'
check "without a checkpoint" hook postgresql freeze
is "nothing is asked" "$(asked)" ""
rm "$settings_file"

echo refuses >"$FAKE/psql"
check "one that refuses is a failure" no hook postgresql prepare
check "which is told" said "FATAL:  the database system is in a bad mood"
check "and of which" said "the server of the cluster $scratch/a refuses, or does not answer"
check "with freeze as well" no hook postgresql freeze
echo mean >"$FAKE/psql"
check "one that lets us make no checkpoint, too" no hook postgresql prepare
check "is told" said "does not let $(id -un) make a checkpoint"
echo slow >"$FAKE/psql"
check "a checkpoint that takes too long is no failure" env HVIS_TIMEOUT=8 "$top/hooks/postgresql" freeze
echo well >"$FAKE/psql"
asked >/dev/null

# with a file system that is not ours to say, /proc, and that of the data
of_data=$(findmnt -n -o TARGET -T "$scratch" | tail -n 1)
check "data on what is frozen" env HVIS_MOUNTS="/proc
$of_data" "$top/hooks/postgresql" prepare
HVIS_MOUNTS=/proc hook postgresql prepare
is "data on what is not is a failure" $? 1
check "with its place" said "$scratch/a is on a file system that is not going to be frozen"
ln -s /proc "$scratch/a/pg_tblspc/1"
HVIS_MOUNTS=$of_data hook postgresql prepare
is "so is a tablespace" $? 1
check "with its place" said "/proc is on a file system that is not going to be frozen"
settings RequireFrozen=no
HVIS_MOUNTS=$of_data hook postgresql prepare
is "unless that is no matter" $? 0
settings RequireFrozen=perhaps
check "a word that is none" no hook postgresql prepare
check "is told" said "RequireFrozen is perhaps, not one of: yes no"
rm "$settings_file"

asked >/dev/null

# --- MariaDB ---

program mariadb 'mode=$(cat "$FAKE/mariadb")
for word; do case $word in --socket=*) socket=${word#*=} ;; esac; done
echo "$*" >>"$FAKE/words"
case $mode in
down) echo "ERROR 2002 (HY000): Can'"'"'t connect to local server through socket '"'"'$socket'"'"' (111)"; exit 1 ;;
refuses) echo "ERROR 1045 (28000): Access denied for user"; exit 1 ;;
silent) exec sleep 1000 ;;
esac
case ${*: -1} in
"SHOW GLOBAL"*)
	printf "datadir\t%s/\ninnodb_data_home_dir\t\ninnodb_log_group_home_dir\t./\nlog_bin_basename\t%s/log/bin\n" "$FAKE" "$FAKE"
	exit ;;
*PRIVILEGES*) cat "$FAKE/may"; exit ;;
*VERSION*) cat "$FAKE/version"; exit ;;
esac
while read -r line; do
	echo "$line" >>"$FAKE/asked"
	case $line in
	BACKUP\ *COMMIT* | FLUSH*)
		case $mode in
		busy) echo "ERROR 1205 (HY000): Lock wait timeout exceeded"; exit 1 ;;
		hangs) exec sleep 1000 ;;
		esac ;;
	"SELECT '"'"'"*) echo "$line" | cut -d "'"'"'" -f 2 ;;
	"\\q") exit ;;
	esac
done'
echo well >"$FAKE/mariadb"
echo 10.11.6-MariaDB-0+deb12u1 >"$FAKE/version"
echo 1 >"$FAKE/may"
mkdir "$FAKE/log"
settings "Socket=$scratch/one"

# client [N]: whether there is one that holds a lock
client()
{
	local pid
	pid=$(cat "$scratch/adapter.50-test/${1:-1}.pid" 2>/dev/null) && kill -0 "$pid" 2>/dev/null
}

start_times="SET SESSION lock_wait_timeout = 10, wait_timeout = 300;"
stages="BACKUP STAGE START;,BACKUP STAGE FLUSH;,BACKUP STAGE BLOCK_DDL;,BACKUP STAGE BLOCK_COMMIT;"
held="SELECT 'hvis-held';"
still="SELECT 'hvis-still';,\\q"
check "mariadb: prepare" hook mariadb prepare
is "takes no lock" "$(cat "$FAKE/asked" 2>/dev/null)" ""
check "freeze" hook mariadb freeze
is "does" "$(asked)" "$start_times,$stages,$held"
check "which is held" client
pid=$(cat "$scratch/adapter.50-test/1.pid")
check "thaw" hook mariadb thaw
is "asks whether it still is" "$(asked)" "$still"
check "and lets go" wait_for 20 no kill -0 "$pid"
check "a thaw that comes twice" hook mariadb thaw
is "is nothing" "$(asked)" ""
hook mariadb freeze
check "no backup" hook mariadb freeze-failed
check "lets go, too" no client
check "and its thaw is nothing" hook mariadb thaw
asked >/dev/null
echo 8.0.36 >"$FAKE/version"
hook mariadb freeze
is "MySQL has another lock" "$(asked)" "$start_times,FLUSH TABLES WITH READ LOCK;,$held"
hook mariadb thaw
asked >/dev/null
echo 10.3.39-MariaDB >"$FAKE/version"
hook mariadb freeze
is "as an old MariaDB" "$(asked)" "$start_times,FLUSH TABLES WITH READ LOCK;,$held"
hook mariadb thaw
asked >/dev/null
settings "Socket=$scratch/one" "Socket=$scratch/two" Lock=backup LockTime=2 HoldTime=60
check "two servers" hook mariadb freeze
is "have two" "$(asked)" "${start_times//10, wait_timeout = 300/2, wait_timeout = 60},$stages,$held,\
${start_times//10, wait_timeout = 300/2, wait_timeout = 60},$stages,$held"
check "the first" client 1
check "and the second" client 2
check "of which each" grep -q -e "--socket=$scratch/two" "$FAKE/words"
hook mariadb thaw
check "is let go" no client 1
settings "Socket=$scratch/one" Lock=none
check "without a lock" hook mariadb freeze
check "nobody holds one" no client
settings "Socket=$scratch/one" "OptionFile=$scratch/options"
check "a file of options that is not there" no hook mariadb prepare
(umask 077 && : >"$scratch/options")
check "or is" hook mariadb prepare
check "has its say first" grep -q "^--defaults-extra-file=$scratch/options --protocol=socket" "$FAKE/words"
settings "Socket=$scratch/one" HoldTime=soon
check "a number that is none" no hook mariadb freeze
check "is told" said "HoldTime is soon, and not a number of seconds"
settings "Socket=$scratch/one"

echo down >"$FAKE/mariadb"
check "a server that does not run" hook mariadb prepare
check "is nothing to freeze" hook mariadb freeze
hook mariadb thaw
echo refuses >"$FAKE/mariadb"
check "one that refuses is a failure" no hook mariadb prepare
check "which is told" said "the server at $scratch/one refuses, or does not answer: ERROR 1045 (28000): Access denied"
check "with freeze as well" no hook mariadb freeze
HVIS_TIMEOUT=4
echo silent >"$FAKE/mariadb"
check "one that does not answer is one in time" no hook mariadb prepare
HVIS_TIMEOUT=60
echo well >"$FAKE/mariadb"
echo 0 >"$FAKE/may"
check "that we may not take the lock" no hook mariadb prepare
check "is told" said "does not give us RELOAD"
echo 1 >"$FAKE/may"
HVIS_MOUNTS=/proc hook mariadb prepare
is "data on what is not frozen are a failure" $? 1
check "with the place of the binary log" said "$FAKE/log/. is on a file system that is not going to be frozen"

# where a lock cannot be had, nothing is left
echo busy >"$FAKE/mariadb"
check "a lock that is not to be had is a failure" no hook mariadb freeze
check "which is told" said "gives no lock: ERROR 1205 (HY000): Lock wait timeout exceeded"
check "and nothing is left" test ! -e "$scratch/adapter.50-test"
echo hangs >"$FAKE/mariadb"
HVIS_TIMEOUT=6
check "one that does not come is one in time" no hook mariadb freeze
check "with nobody who waits for it" test ! -e "$scratch/adapter.50-test"
HVIS_TIMEOUT=60
setsid "$top/hooks/mariadb" freeze >"$scratch/out" 2>&1 </dev/null &
hook_pid=$!
check "a hook that waits" wait_for 20 client
pid=$(cat "$scratch/adapter.50-test/1.pid")
kill -TERM -- "-$hook_pid"
wait $hook_pid
check "and is ended leaves nobody" wait_for 20 no kill -0 "$pid"
setsid "$top/hooks/mariadb" freeze >"$scratch/out" 2>&1 </dev/null &
hook_pid=$!
wait_for 20 client
kill -KILL -- "-$hook_pid"
wait $hook_pid 2>/dev/null
check "one that is killed leaves its client" client
HVIS_TIMEOUT=5
check "to a thaw that comes later" hook mariadb thaw
check "and ends it" no client
HVIS_TIMEOUT=60
echo well >"$FAKE/mariadb"
hook mariadb freeze
kill -KILL "$(cat "$scratch/adapter.50-test/1.pid")"
check "a lock that is lost before thaw" no hook mariadb thaw
check "is told" said "a lock was not there any more at the end"
check "once" hook mariadb thaw
hook mariadb freeze
kill -KILL "$(cat "$scratch/adapter.50-test/1.pid")"
check "where there is no backup it is no matter" hook mariadb freeze-failed
hook mariadb freeze
pid=$(cat "$scratch/adapter.50-test/1.pid")
check "a freeze that finds a lock of before" hook mariadb freeze
check "lets that go" wait_for 20 no kill -0 "$pid"
check "and has its own" client
hook mariadb thaw
rm "$settings_file"

# --- Redis ---

program redis-cli 'echo "$*" >>"$FAKE/words"
while [[ ${1:-} = -* ]]; do
	case $1 in -h | -p | -s | --user) shift ;; esac
	shift
done
case $(cat "$FAKE/redis") in
down) echo "Could not connect to Redis at 127.0.0.1:6379: Connection refused"; exit 1 ;;
locked) [ "${REDISCLI_AUTH:-}" = secret ] || { echo "NOAUTH Authentication required."; exit; } ;;
old) [ "$*" != "CLIENT PAUSE 300000 WRITE" ] || { echo "ERR syntax error"; exit; } ;;
silent) exec sleep 1000 ;;
esac
[ "$1" = INFO ] || [ "$1" = CONFIG ] || echo "$*" >>"$FAKE/asked"
. "$FAKE/state"
set_state() { echo "$1=$2" >>"$FAKE/state"; }
case $* in
"INFO persistence")
	printf "# Persistence\r\nloading:%s\r\naof_enabled:%s\r\naof_last_write_status:%s\r\naof_buffer_length:%s\r\n" \
		$loading $aof $write $buffer
	printf "rdb_bgsave_in_progress:%s\r\naof_rewrite_in_progress:0\r\nrdb_last_bgsave_status:%s\r\n" $saving $status
	[ $buffer = 0 ] || set_state buffer $((buffer - 1))
	[ $saving = 0 ] || [ $saving = 9 ] || set_state saving $((saving - 1)) ;;
"CONFIG GET save") printf "save\n%s\n" "$points" ;;
"CONFIG GET dir") printf "dir\n%s\n" "$dir" ;;
BGSAVE) if [ $saving = 0 ]; then set_state saving 1; echo Background saving started; else echo "ERR Background save already in progress"; fi ;;
"CLIENT PAUSE"* | "CLIENT UNPAUSE") echo OK ;;
esac'

# redis KEY=VALUE…: a server that is as usual but for that
redis()
{
	printf '%s\n' loading=0 aof=1 write=ok buffer=0 saving=0 status=ok points="'3600 1'" "dir='$FAKE'" "$@" >"$FAKE/state"
	rm -f "$FAKE/asked"
}

echo well >"$FAKE/redis"
mkdir -p "$HVIS_ADAPTER_ROOT/etc/redis"
conf=$HVIS_ADAPTER_ROOT/etc/redis/redis.conf
printf 'bind 127.0.0.1 -::1\nport 6380\n' >"$conf"
redis
check "redis: prepare" hook redis prepare
is "changes nothing" "$(asked)" ""
check "of the server of the configuration" grep -q -e "-h 127.0.0.1 -p 6380" "$FAKE/words"
redis buffer=3
check "freeze" hook redis freeze
is "pauses writers" "$(asked)" "CLIENT PAUSE 300000 WRITE"
check "and waits until all is written" grep -q buffer=0 "$FAKE/state"
check "thaw" hook redis thaw
is "lets them go on" "$(asked)" "CLIENT UNPAUSE"
check "and a second one" hook redis thaw
is "is nothing" "$(asked)" ""
hook redis freeze
check "no backup" hook redis freeze-failed
is "lets them go on, too" "$(asked)" "CLIENT PAUSE 300000 WRITE,CLIENT UNPAUSE"
hook redis thaw
is "once" "$(asked)" ""
redis aof=0
check "without an append-only file" hook redis freeze
is "all is saved" "$(asked)" "BGSAVE"
hook redis thaw
is "and nobody was paused" "$(asked)" ""
redis aof=0 saving=2
check "a save that has begun before" hook redis freeze
is "is not the one that is wanted" "$(asked)" "BGSAVE"
redis aof=0 "points=''"
check "what keeps nothing" hook redis freeze
is "has nothing to save" "$(asked)" ""
redis loading=1
check "what still loads" hook redis freeze
is "has nothing new" "$(asked)" ""
settings Pause=no
redis
check "without a pause" hook redis freeze
is "there is none" "$(asked)" ""
settings Pause=yes HoldTime=60
redis aof=0
check "with one" hook redis freeze
is "it is before the save" "$(asked)" "CLIENT PAUSE 60000 WRITE,BGSAVE"
hook redis thaw
is "and ends" "$(asked)" "CLIENT UNPAUSE"
settings Save=no
redis aof=0
hook redis freeze
is "where nothing is to be saved it is not" "$(asked)" ""
settings 'Server=/run/other.sock' 'Server=10.0.0.1:7000'
redis
check "other servers" hook redis freeze
check "are asked at their sockets" grep -q -e "-s /run/other.sock" "$FAKE/words"
check "or addresses" grep -q -e "-h 10.0.0.1 -p 7000" "$FAKE/words"
hook redis thaw
is "each of them" "$(asked)" "CLIENT PAUSE 300000 WRITE,CLIENT PAUSE 300000 WRITE,CLIENT UNPAUSE,CLIENT UNPAUSE"
rm "$settings_file"
printf 'unixsocket /run/r.sock\nport 0\n' >"${conf%.conf}-2.conf"
redis
hook redis freeze
hook redis thaw
check "each configuration is a server's" grep -q -e "-s /run/r.sock" "$FAKE/words"
echo 'port 0' >"${conf%.conf}-2.conf"
check "one that nobody can reach" no hook redis prepare
check "is told" said "redis-2.conf has neither a port nor a socket"
rm "${conf%.conf}-2.conf"

echo down >"$FAKE/redis"
check "a server that does not run" hook redis prepare
check "is nothing to freeze" hook redis freeze
hook redis thaw
echo locked >"$FAKE/redis"
check "one that wants a password is a failure" no hook redis prepare
check "which is told" said "refuses, or does not answer: NOAUTH Authentication required."
echo 'requirepass "secret"' >>"$conf"
check "unless it is in the configuration" hook redis prepare
check "and no argument" no grep -q secret "$FAKE/words"
sed -i '$d' "$conf"
settings User=backup Password=secret
check "or the settings" hook redis prepare
check "with a user" grep -q -e "--user backup" "$FAKE/words"
chmod 644 "$settings_file"
check "which nobody else may read then" no hook redis prepare
check "as is told" said "others can read it, and there is a password in it"
rm "$settings_file"
echo old >"$FAKE/redis"
redis
check "one that knows no pause" no hook redis freeze
check "is told" said "does not pause (Pause=no does without): ERR syntax error"
is "and nobody waits" "$(asked)" "CLIENT UNPAUSE"
echo well >"$FAKE/redis"
redis write=err
check "one that cannot write its file" no hook redis freeze
is "goes on" "$(asked)" "CLIENT PAUSE 300000 WRITE,CLIENT UNPAUSE"
redis aof=0 status=err
check "or cannot save" no hook redis freeze
check "is told" said "could not save its data"
HVIS_TIMEOUT=4
redis buffer=1000
check "what is never written" no hook redis freeze
check "is told in time" said "does not write its append-only file in time"
is "and goes on" "$(asked)" "CLIENT PAUSE 300000 WRITE,CLIENT UNPAUSE"
redis aof=0 saving=9
check "what is never saved" no hook redis freeze
check "is told in time" said "has not saved its data in time"
echo silent >"$FAKE/redis"
check "what does not answer" no hook redis prepare
echo well >"$FAKE/redis"
HVIS_TIMEOUT=60
redis
settings HoldTime=1
hook redis freeze
is_over()
{
	[ "$(date +%s)" -ge "$(cut -d ' ' -f 1 "$scratch/adapter.50-test")" ]
}
wait_for 20 is_over
check "a pause that ends before thaw" no hook redis thaw
check "is told" said "the pause of the server 127.0.0.1:6380 has ended before"
rm "$settings_file"
redis
HVIS_MOUNTS=/proc hook redis prepare
is "data on what is not frozen are a failure" $? 1

# --- the example of hvis-freeze.d(5), with a docker that fails where the real one does ---

program docker 'order=$1
shift
case $order in
ps) if [ "$*" = -q ]; then cat "$FAKE/docker"; else grep " ${3#status=}$" "$FAKE/docker"; fi | cut -d " " -f 1 ;;
pause | unpause)
	if [ $order = pause ]; then from=running to=paused; else from=paused to=running; fi
	bad=0
	for id; do
		if grep -qx "$id $from" "$FAKE/docker"; then sed -i "s/^$id .*/$id $to/" "$FAKE/docker"; else bad=1; fi
	done
	exit $bad ;;
esac'
awk '/^#!\/bin\/sh/ { on = 1 } /^\.Ed/ { on = 0 } on' "$top/man/hvis-freeze.d.5.in" | sed "s|/run/hvis|$scratch|" >"$scratch/containers"

# containers VERB: the example, and what the containers are then
containers()
{
	sh "$scratch/containers" "$1" && paste -sd, "$FAKE/docker"
}
printf '%s\n' "aa running" "bb paused" "cc running" >"$FAKE/docker"
is "the example pauses all containers that run" "$(containers prepare; containers freeze)" \
	"aa running,bb paused,cc running
aa paused,bb paused,cc paused"
is "and lets them go on, but none that was paused before" "$(containers thaw)" "aa running,bb paused,cc running"
is "twice, if that is so" "$(containers thaw)" "aa running,bb paused,cc running"
done_testing
