#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# shellcheck disable=SC2016,SC2119,SC2154,SC2317 # scripts that are written; of vssd-link.sh; functions that check calls
#
# PostgreSQL, MariaDB and Redis of a Debian, with the hooks for them, under load: what a host copies from the disks while
# all is frozen is started, says nothing of damage, and has every commit that was acknowledged before. The data are on
# two file systems, PostgreSQL's log on another one than its data. And that the test would see it if it were not so:
# without the hooks, and with two disks that were each frozen, but not at once.
#
# HVIS_SERVERS names the folder with the Debian, which is not changed; ./run test servers makes it. Further settings:
# HVIS_SERVERS_ROUNDS, how many backups; HVIS_SERVERS_FIGURE, a file for what was found.

# --- with the copies, in a place of its own: a server is started from them, looked at, and stopped ---

# wait_file FILE TEXT PID: until TEXT is in FILE, or nobody is there who could write it
wait_file()
{
	local end=$((SECONDS + 200))
	until grep -qF -e "$2" "$1"; do
		[ "$SECONDS" -lt $end ] && kill -0 "$3" 2>/dev/null || return 1
		sleep 0.1
	done
}

as()
{
	chroot "$debian" setpriv --reuid="$1" --regid="$1" --init-groups "${@:2}"
}

# missing ACKNOWLEDGED <STORED: numbers that are in the file only
missing()
{
	sort >"$seen/stored"
	comm -23 <(grep -x '[0-9][0-9]*' "$1" | sort) "$seen/stored" | wc -l
}

# serve USER COMMAND…: in the background, as the process that is started
serve()
{
	exec chroot "$debian" setpriv --reuid="$1" --regid="$1" --init-groups "${@:2}"
}

serve_postgresql()
{
	serve postgres /usr/lib/postgresql/15/bin/postgres -D "$data_postgresql" -c unix_socket_directories=/run/postgresql \
		-c listen_addresses= -c max_wal_size=128MB -c min_wal_size=32MB -c shared_buffers=16MB
}

psql()
{
	as postgres psql -X -A -t -q -v ON_ERROR_STOP=1 -h /run/postgresql -d postgres "$@"
}

look_at_postgresql()
{
	local log=$seen/postgresql.log
	serve_postgresql >"$log" 2>&1 &
	server=$!
	wait_file "$log" "database system is ready to accept connections" $server || return 1
	cp "$log" "$seen/started.log" # of its end another check tells
	psql -c 'SELECT id FROM commits' | missing "$acks/postgresql" >"$seen/postgresql"
	psql -c 'CREATE EXTENSION IF NOT EXISTS amcheck' \
		-c "SELECT bt_index_check('commits_pkey', true)" -c "SELECT * FROM verify_heapam('commits')" >"$seen/amcheck" 2>&1 ||
		return 1
	kill -INT $server
	wait $server || return 1
	as postgres /usr/lib/postgresql/15/bin/pg_checksums --check -D "$data_postgresql" >>"$log" 2>&1
}

serve_mariadb()
{
	serve mysql mariadbd --no-defaults --datadir="$data_mariadb" --socket=/run/mysqld/mysqld.sock --skip-networking \
		--innodb-log-file-size=16M --innodb-buffer-pool-size=16M --aria-recover-options=OFF \
		--myisam-recover-options=OFF --pid-file=/run/mysqld/mariadb.pid
}

mariadb()
{
	chroot "$debian" mariadb --no-defaults --batch --skip-column-names "$@"
}

look_at_mariadb()
{
	local log=$seen/mariadb.log table
	serve_mariadb >"$log" 2>&1 &
	server=$!
	wait_file "$log" "ready for connections" $server || return 1
	for table in innodb myisam aria; do
		mariadb -e "CHECK TABLE load_test.$table" >>"$seen/tables" 2>&1
		mariadb -e "SELECT id FROM load_test.$table" 2>&1 | missing "$acks/mariadb-$table" >"$seen/mariadb-$table"
	done
	kill $server
	wait $server
}

# serve_redis NAME
serve_redis()
{
	local keep=(--appendonly yes --appendfsync everysec --save "")
	[ "$1" = aof ] || keep=(--appendonly no --save 3600 1)
	serve redis redis-server --port 0 --unixsocket "/run/redis/$1.sock" --dir "$data_redis/$1" --daemonize no "${keep[@]}"
}

redis()
{
	chroot "$debian" redis-cli -s "/run/redis/$1.sock" "${@:2}"
}

look_at_redis()
{
	local log=$seen/redis-$1.log
	serve_redis "$1" >"$log" 2>&1 &
	server=$!
	wait_file "$log" "at /run/redis/$1.sock" $server || return 1
	redis "$1" LRANGE commits 0 -1 | missing "$acks/redis-$1" >"$seen/redis-$1"
	kill $server
	wait $server
}

# look NAME: at the copies in $scratch/copy-TYPE, of everything, or PostgreSQL only; what is seen goes to $seen
look_inside()
{
	local type options=()
	for type in ext4 xfs; do
		[ $type = ext4 ] || options=(-o nouuid)
		mount "${options[@]}" -o loop "$scratch/copy-$type" "$debian$scratch/m-$type" || return 1
	done
	mount -t proc proc "$debian/proc" && mount -t tmpfs run "$debian/run" && mkdir -m 777 "$debian/run/"{postgresql,mysqld,redis} || return 1
	look_at_postgresql
	echo $? >"$seen/ended-postgresql"
	[ "$1" = all ] || return 0
	look_at_mariadb
	look_at_redis aof
	look_at_redis rdb
}

if [ "${1:-}" = look ]; then
	# shellcheck source=/dev/null
	. "$2"
	look_inside "$3"
	exit
fi

# --- the test ---

size=1G
# shellcheck disable=SC2034 # for vssd.sh
vssd_types=xfs
# shellcheck source=tests/integration/vssd-link.sh
. "${top_srcdir:-$(dirname "$0")/../..}/tests/integration/vssd-link.sh"
# shellcheck source=tests/integration/vss-copy.sh
. "$top/tests/integration/vss-copy.sh"

[ -n "${HVIS_SERVERS:-}" ] || leave "no servers: ./run test servers has them"
[ -x "$HVIS_SERVERS/usr/sbin/mariadbd" ] || leave "$HVIS_SERVERS has no servers"
rounds=${HVIS_SERVERS_ROUNDS:-1}
[ "${#mounts[@]}" = 3 ] || leave "no ext4 and xfs"

mkdir "$scratch/programs"
ln -s "$programs/vss-worker" "$programs/vss-guard" "$scratch/programs"
ln -s "$build/vssd/hv_vss_hook" "$scratch/programs/vss-hook"
programs=$scratch/programs
debian=$scratch/debian acks=$scratch/acks seen=$scratch/seen
data_postgresql=$scratch/m-ext4/postgresql data_mariadb=$scratch/m-xfs/mariadb data_redis=$scratch/m-ext4/redis
servers=() loads=()
chmod 711 "$scratch"
mkdir "$debian" "$scratch/upper" "$scratch/work"
mount -t overlay overlay -o "lowerdir=$HVIS_SERVERS,upperdir=$scratch/upper,workdir=$scratch/work" "$debian" 2>/dev/null ||
	leave "no overlay can be mounted here"

at_end()
{
	[ -z "$running" ] || kill -KILL -- "-$running" # timeout(1) has made a group, and in it is process 1 of the copies'
	kill -CONT "$link_pid" 2>/dev/null
	for end_pid in "${loads[@]}" "${servers[@]}" $daemon_pid $link_pid; do
		kill -KILL "$end_pid" 2>/dev/null
		wait "$end_pid" 2>/dev/null
	done
	umount -R "$debian"
}

for folder in proc dev sys; do
	mount --rbind "/$folder" "$debian/$folder"
done
mount -t tmpfs -o mode=1777 shm "$debian/dev/shm" # a server that is killed leaves its memory there
mkdir -p "$debian$scratch" "$debian/hooks" "$acks" "$seen" "$debian/run/"{hvis,postgresql,mysqld,redis}
chmod 777 "$seen" "$debian/run/"{postgresql,mysqld,redis}
mount --bind "$top/hooks" "$debian/hooks"
for mount in "$scratch" "${mounts[@]}"; do
	mount --bind "$mount" "$debian$mount"
done

# hook NAME WHICH SETTING…
hook()
{
	mkdir -p "$etc/freeze.d"
	printf '#!/bin/sh\nexec chroot %q /hooks/%s "$1"\n' "$debian" "$2" >"$etc/freeze.d/$1"
	chmod 755 "$etc/freeze.d" "$etc/freeze.d/$1"
	echo Timeout=2min >"$etc/freeze.d/$1.conf"
	printf '%s\n' "${@:3}" >"$etc/freeze.d/$1.settings"
}

# server NAME LOG TEXT COMMAND…: started, until TEXT is in its log
server()
{
	"${@:4}" >"$scratch/$2" 2>&1 &
	servers+=($!)
	wait_file "$scratch/$2" "$3" $!
	result $? "$1 runs"
}

# --- the servers ---

mkdir "$scratch/m-xfs/wal" "$data_mariadb" "$data_redis" "$data_redis/"{aof,rdb} "$data_postgresql"
chroot "$debian" chown postgres "$data_postgresql" "$scratch/m-xfs/wal"
chroot "$debian" chown mysql "$data_mariadb"
chroot "$debian" chown redis "$data_redis" "$data_redis/"{aof,rdb}
check "a cluster of PostgreSQL, with its log on another file system" as postgres /usr/lib/postgresql/15/bin/initdb -k -N \
	-A peer -D "$data_postgresql" -X "$scratch/m-xfs/wal"
check "files of MariaDB" chroot "$debian" mariadb-install-db --no-defaults --user=mysql --datadir="$data_mariadb" \
	--auth-root-authentication-method=socket
server PostgreSQL postgresql.log "ready to accept connections" serve_postgresql
server MariaDB mariadb.log "ready for connections" serve_mariadb
server "Redis with an append-only file" redis-aof.log "at /run/redis/aof.sock" serve_redis aof
server "Redis without one" redis-rdb.log "at /run/redis/rdb.sock" serve_redis rdb
psql -c 'CREATE TABLE commits (id bigint PRIMARY KEY, text text)'
mariadb -e 'CREATE DATABASE load_test'
# One of each kind: with a log, with keys that are in memory until the table is closed or flushed, with pages that are.
for engine in "InnoDB" "MyISAM DELAY_KEY_WRITE=1" "Aria TRANSACTIONAL=0"; do
	name=${engine%% *}
	mariadb load_test -e "CREATE TABLE ${name,,} (id bigint PRIMARY KEY, text text, KEY (text(40))) ENGINE=$engine"
done

# load NAME FORMAT CLIENT…: orders from one on, FORMAT with its number twice; the client's answers are acknowledgements
load()
{
	local name=$1 format=$2
	shift 2
	# shellcheck disable=SC2059 # that is a format
	(for ((i = 1;; i++)); do printf "$format\n" $i $i; done) 2>/dev/null | "$@" >"$acks/$name" 2>"$scratch/load-$name.log" &
	loads+=($!)
}

# acked_more NAME THAN
acked_more()
{
	[ "$(wc -l <"$acks/$1")" -gt "$2" ]
}

client()
{
	exec chroot "$debian" stdbuf -oL "$@"
}

text="repeat('some text that takes a place', 10)"
load postgresql "INSERT INTO commits VALUES (%d, %d || $text) RETURNING id;" client setpriv --reuid=postgres --regid=postgres \
	--init-groups psql -X -A -t -q -h /run/postgresql -d postgres
for engine in innodb myisam aria; do
	load mariadb-$engine "INSERT INTO $engine SELECT n, concat(n, $text) FROM (SELECT %d AS n) AS one; SELECT %d;" \
		client mariadb --no-defaults --batch --skip-column-names --unbuffered load_test
done
for name in aof rdb; do
	load redis-$name "RPUSH commits %d%.0s" client redis-cli -s /run/redis/$name.sock
done
all_loads=(postgresql mariadb-innodb mariadb-myisam mariadb-aria redis-aof redis-rdb)

# everyone_writes N: each has N more commits than now
everyone_writes()
{
	local name before=()
	for name in "${all_loads[@]}"; do
		before+=("$(wc -l <"$acks/$name")")
	done
	for name in "${all_loads[@]}"; do
		wait_for 120 acked_more "$name" $((before[0] + $1)) || { echo "$name: $(cat "$scratch/load-$name.log")"; return 1; }
		before=("${before[@]:1}")
	done
}

# --- backups ---

# all_acks: what was acknowledged until now, to a folder
all_acks()
{
	rm -rf "${1:?}"
	cp -r "$acks" "$1"
}

copy_both()
{
	copy ext4 "$scratch/copy-ext4" && copy xfs "$scratch/copy-xfs"
}

# look WHAT ACKS: at the copies
look()
{
	rm -f "$seen"/*
	declare -p scratch debian seen data_postgresql data_mariadb data_redis >"$scratch/where"
	echo "acks=$2" >>"$scratch/where"
	run_on timeout -k 10 900 unshare -mpf --kill-child --propagation private "$0" look "$scratch/where" "$1" >"$scratch/look.log" 2>&1
}

seen()
{
	cat "$seen/$1" 2>/dev/null || echo "nothing: $(tail -n 3 "$scratch/look.log")"
}

tables_are_well()
{
	[ "$(grep -c 'status.OK$' "$seen/tables")" = 3 ] && [ "$(wc -l <"$seen/tables")" = 3 ]
}

no_damage()
{
	[ -s "$seen/$2.log" ] || return 1
	! grep -inE "$1" "$seen/$2.log"
}

recovered()
{
	grep -q 'database system was interrupted' "$seen/postgresql.log" &&
		grep -q 'automatic recovery in progress' "$seen/postgresql.log" && grep -q 'redo done' "$seen/postgresql.log"
}

# give_up: with all that was said
give_up()
{
	sed 's/^/# /' "$scratch/daemon.log" "$scratch/backup" "$scratch/look.log" 2>/dev/null
	done_testing
	exit 1
}

# stands_still: but for the one acknowledgement that each client may have had and not yet written down
stands_still()
{
	local name
	for name in "${all_loads[@]}"; do
		[ "$(wc -l <"$scratch/before/$name")" -le $(($(wc -l <"$scratch/frozen/$name") + 1)) ] || return 1
	done
}

# frozen_copies WHAT: those of one backup, with what was acknowledged before they were taken
frozen_copies()
{
	still
	result $? "$1: all is frozen" || give_up
	all_acks "$scratch/frozen"
	copy_both
	all_acks "$scratch/before"
	check "$1: nothing is acknowledged meanwhile" stands_still
	go_on
	result $? "$1: all of it is thawed, and the host is content"
}

link_start
look_at_mounts
hook 40-postgresql postgresql "DataDirectory=$data_postgresql"
hook 50-mariadb mariadb
hook 60-redis redis Server=/run/redis/aof.sock Server=/run/redis/rdb.sock Pause=yes

# without hooks
deadline=10min
configure Hooks=no
daemon_start
check "everyone writes" everyone_writes 50
all_acks "$scratch/before"
still
result $? "without hooks: all is frozen"
copy_both
go_on
result $? "without hooks: all is thawed"
look all "$scratch/before"
is "without hooks: PostgreSQL has every commit nonetheless" "$(seen postgresql)" 0
is "without hooks: so has InnoDB" "$(seen mariadb-innodb)" 0
fails "without hooks: tables without transactions are not in order" tables_are_well
check "without hooks: what Redis had not saved is missing" [ "$(seen redis-rdb)" -gt 0 ]
daemon_stop

# with them
configure
daemon_start
held=0
for ((round = 1; round <= rounds; round++)); do
	name="backup $round"
	check "$name: everyone writes" everyone_writes 50
	frozen_copies "$name"
	check "$name: who writes goes on" everyone_writes 20
	for type in ext4 xfs; do
		check "$name: $type is in order" in_order $type "$scratch/copy-$type"
	done
	[ "$round" -lt "$rounds" ] || cp --sparse=always "$scratch/copy-xfs" "$scratch/old-xfs"
	look all "$scratch/before"
	for one in "${all_loads[@]}"; do
		is "$name: $one has every commit that was acknowledged" "$(seen "$one")" 0 || give_up
		held=$((held + $(wc -l <"$scratch/before/$one")))
	done
	check "$name: PostgreSQL recovered as after a loss of power" recovered
	check "$name: without an error" no_damage 'error|fatal|panic|corrupt' started
	is "$name: its pages, rows and index are well" "$(seen ended-postgresql) $(seen amcheck | tr -d '\n')" "0 "
	check "$name: MariaDB's tables are all in order" tables_are_well
	check "$name: it said nothing of damage" no_damage '\[ERROR\]|crashed|corrupt' mariadb
	check "$name: Redis loaded all of its append-only file" no_damage 'truncat|bad file|wrong|error' redis-aof
done
all_acks "$scratch/later"
look all "$scratch/later"
check "the copy has not what came later" [ "$(seen postgresql)" -gt 0 ]
wait_for 60 test ! -e "$scratch/vss.hooks"

# Two disks, each frozen, but not at once: the one with the log before a checkpoint, the one with the data after it.
mv "$scratch/old-xfs" "$scratch/copy-xfs"
for ((i = 0; i < 6; i++)); do
	psql -c 'SELECT pg_switch_wal()' -c CHECKPOINT >/dev/null
done
still
result $? "later: all is frozen again"
copy ext4 "$scratch/copy-ext4"
go_on
result $? "later: and thawed"
look postgresql "$scratch/later"
fails "two disks that were not frozen at once make no cluster" test "$(seen postgresql)" = 0
check "as PostgreSQL finds out" grep -qE 'PANIC|FATAL' "$seen/postgresql.log"

# --- who is in the way ---

# A statement that has a table locked for writing: the lock does not come, and the backup is refused in time.
echo LockTime=2 >"$etc/freeze.d/50-mariadb.settings"
mariadb load_test -e "LOCK TABLES myisam WRITE; SELECT SLEEP(1000)" >/dev/null 2>&1 &
blocker=$!
loads+=("$blocker")
blocks()
{
	mariadb -e 'SHOW PROCESSLIST' | grep -q 'SLEEP(1000)'
}
check "somebody has a table" wait_for 60 blocks
# refused_for_it: with this reason; a machine that is too slow for the hooks has another one, now and then
refused_for_it()
{
	local attempt
	for attempt in 1 2 3 4 5; do
		! "$host" ctl "$scratch/host.sock" backup --hold 1 || return 1
		! log_has "gives no lock: ERROR 1205" 10 || return 0
	done
	return 1
}
check "a lock that is not to be had fails the backup" refused_for_it
mariadb -e 'SHOW PROCESSLIST' | awk '/SLEEP\(1000\)/ { print "KILL " $1 ";" }' | mariadb
check "and everyone goes on" everyone_writes 20
echo Lock=read >"$etc/freeze.d/50-mariadb.settings"
still
result $? "with the other lock all is frozen"
all_acks "$scratch/frozen"
copy_both
all_acks "$scratch/before"
check "and nothing is acknowledged" stands_still
go_on
result $? "until it is thawed"
look all "$scratch/before"
check "and the tables are in order as well" tables_are_well
rm "$etc/freeze.d/50-mariadb.settings"
for ((attempt = 0; attempt < 5; attempt++)); do
	! begin 300 || break
done
result $((attempt == 5)) "all is frozen once more"
kill_all
kill "$backup" 2>/dev/null
wait "$backup" 2>/dev/null
thaw_left_over
daemon_start
check "after a daemon that was killed everyone goes on" everyone_writes 20
wait_for 120 test ! -e "$scratch/vss.hooks"
result $? "and no hook is left"
daemon_stop
[ -z "${HVIS_SERVERS_FIGURE:-}" ] ||
	echo "$rounds backups of PostgreSQL 15, MariaDB 10.11 and Redis 7.0 on ext4 and xfs: of $held acknowledged commits 0 missing" >"$HVIS_SERVERS_FIGURE"
# shellcheck disable=SC2154 # of case.sh
[ "$case_failed" -eq 0 ] || give_up
done_testing
