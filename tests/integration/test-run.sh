#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The VM runner without a VM: case.conf, the matrix, counting, and a whole session with a host and a
# guest that are shell scripts. Needs no root; the sessions need socat.
# shellcheck disable=SC2016,SC2317 # scripts for others in single quotes; functions called by name

set -uo pipefail
top=$(cd "${top_srcdir:-$(dirname "$0")/../..}" && pwd)
lib=$top/tests/vm/lib
for part in say cache conf tap build outer lane vm bench campaign test; do
	# shellcheck source=/dev/null
	. "$lib/$part.sh"
done
# shellcheck source=tests/vm/lib/case.sh
. "$lib/case.sh"

scratch=$(mktemp -d "${TMPDIR:-/tmp}/hvis-test-run.XXXXXX")
trap 'rm -rf "$scratch"' EXIT
export TMPDIR=$scratch/tmp
mkdir "$TMPDIR"

# --- case.conf ---

# conf_says LINE…: what reading a case with these lines prints; its status last.
conf_says()
{
	mkdir -p "$scratch/case"
	: >"$scratch/case/host.sh"
	printf '%s\n' "$@" >"$scratch/case/case.conf"
	(conf_read "$scratch/case" && conf_expand "${how:-full}" "${turn:-0}") 2>&1
	echo "status $?"
}

is "no case.conf: both kernels with both daemons" "$(conf_says '' | xargs)" \
	"6.1 stock stock 1 auto any 6.1 stock hvis 1 auto any 6.12 stock stock 1 auto any 6.12 stock hvis 1 auto any status 0"
like "unknown key" "$(conf_says '# comment' 'kernel=6.1')" "*case.conf:2: unknown key 'kernel'*status 2"
like "no key at all" "$(conf_says 'words')" "*case.conf:1: unknown key*status 2"
like "bad value" "$(conf_says 'kernels=6.1 5.10')" "*case.conf:1: kernels=5.10: one of 6.1 6.12*status 2"
like "bad number" "$(conf_says 'timeout=soon')" "*timeout=soon is no number*status 2"
like "two words for one" "$(conf_says 'root=small debian')" "*root= takes one word*status 2"
like "modules that are not there" "$(conf_says 'modules=hvis')" "*no such modules*status 3"
like "disks" "$(conf_says 'disks=1G')" "*disks= is not supported*status 3"
like "no script" "$(rm "$scratch/case/host.sh"; (conf_read "$scratch/case") 2>&1)" "*neither host.sh nor guest.sh*"

full=$(conf_says 'daemons=none' 'cpus=1 2' 'synic=kvm user' 'versions=4.0 5.3')
is "full matrix" "$(grep -c none <<<"$full")" 16
sample=$(how=sample conf_says 'kernels=6.1' 'daemons=none' 'versions=3.0 4.0 4.1 5.0 5.1' 'cpus=1 2' 'synic=kvm user')
is "sample: each version" "$(awk 'NF == 6 { print $6 }' <<<"$sample" | sort -u | xargs)" "3.0 4.0 4.1 5.0 5.1"
is "sample: each number of CPUs and each way" \
	"$(awk 'NF == 6 { print $4; print $5 }' <<<"$sample" | sort -u | xargs)" "1 2 kvm user"
is "sample: each kernel once" "$(how=sample conf_says '' 'cpus=1 2' | awk 'NF == 6 { print $1 }' | xargs)" "6.1 6.12"
is "sample: each daemon, even of one kernel" \
	"$(how=sample conf_says 'kernels=6.1' | awk 'NF == 6 { print $3 }' | xargs)" "stock hvis"
both=$(for turn in 0 1; do how=sample conf_says 'cpus=1 2' 'synic=kvm user'; done | grep -v status)
is "sample: two cases have both daemons on both kernels" "$(cut -d' ' -f1,3 <<<"$both" | sort -u | wc -l)" 4
is "sample: two cases have each number of CPUs with each way" "$(cut -d' ' -f4,5 <<<"$both" | sort -u | wc -l)" 4
is "sample: one is enough, and the next case has another" \
	"$(for turn in 0 1; do how=sample conf_says 'sample=one' 'daemons=hvis'; done | grep -v status | xargs)" \
	"6.1 stock hvis 1 auto any 6.12 stock hvis 1 auto any"

# --- counting ---

counts()
{
	printf '%s\n' "${@:2}" >"$scratch/tap"
	tap_count "$scratch/tap" "$1"
}

is "TAP lines one by one" "$(counts 1 'ok 1 - a' 'not ok 2 - b' 'ok 3 - c # SKIP why' '1..3')" "1 1 1"
is "no TAP is one test" "$(counts 0 'hello')" "1 0 0"
is "no TAP, status 1" "$(counts 1 'hello')" "0 1 0"
is "a plan that is not fulfilled" "$(counts 0 '1..3' 'ok 1')" "1 2 0"
is "all passed but the status" "$(counts 1 'ok 1' '1..1')" "1 1 0"
is "all skipped" "$(counts 0 '1..0 # SKIP no such thing')" "0 0 1"
is "bail out" "$(counts 1 'ok 1' 'Bail out! no')" "1 1 0"
is "indented lines are no results" "$(counts 0 '    ok 1 - inner' 'ok 1 - outer' '1..1')" "1 0 0"

# --- what is told of a failure ---

# wrong LINE…: of a log that has these
wrong()
{
	printf '%s\n' "$@" >"$scratch/log"
	tap_wrong "$scratch/log"
}

is "each check that failed, with what was said of it, wherever" \
	"$(wrong '# of the first' 'ok 1 - a' 'PASS: t 1 - a' '# got 1' 'not ok 2 - b' 'FAIL: t 2 - b' '# later' 'ok 3 - c' \
		'not ok 4 - d # TODO some day' 'not ok' 'Bail out! no more' | paste -sd ';')" \
	"# got 1;not ok 2 - b;# later;not ok;Bail out! no more"
is "and what a sanitizer found" "$(wrong 'ok 1' '==7==ERROR: AddressSanitizer: heap-use-after-free on' '    #0 main')" \
	"==7==ERROR: AddressSanitizer: heap-use-after-free on"
is "and a plan that was not kept" "$(wrong 'ok 1' 'PASS: t 1' 'ok 2' 'ERROR: t 2 # UNPLANNED' 'ERROR: t - too many tests run')" \
	"ERROR: t - too many tests run"
is "of a log where all is well nothing" "$(wrong 'ok 1' '# said' '1..1')" ""
mapfile -t much < <(seq -f '# %g' 100)
wrong "${much[@]}" 'not ok 1' 'ok 2' "${much[@]}" 'not ok 3' >"$scratch/told"
is "one that says much leaves room for the others" "$(wc -l <"$scratch/told") $(grep -c '^not' "$scratch/told")" "20 2"
seq 60 | sed 's/.*/# of &\nnot ok &/' >"$scratch/log"
like "too many are counted" "$(tap_wrong "$scratch/log")" "not ok 1
not ok 2
*not ok 40
… 20 more"

# A test that failed, long before the end of its log.
mkdir -p "$scratch/broken/tests/integration"
{
	printf 'ok 1 - a\n# got 1\nnot ok 2 - the one that failed\n'
	seq -f 'ok %g - fine' 3 200
} >"$scratch/broken/tests/integration/test-it.log"
printf ':test-result: %s\n' 'PASS 1 - a' 'FAIL 2 - the one that failed' >"$scratch/broken/tests/integration/test-it.trs"
for where in plain asan distcheck; do
	(test_trs "$scratch/broken" $where 2>&1; tap_summary) >"$scratch/told"
	is "$where: the failure comes first" "$(head -n 3 "$scratch/told" | paste -sd ';')" \
		"FAIL integration/test-it;# got 1;not ok 2 - the one that failed"
	check "$where: then the end of the log" grep -qx "ok 200 - fine" "$scratch/told"
	is "$where: and the last line but one of the run has it" "$(tail -n 2 "$scratch/told" | head -n 1)" \
		"failed: $where: integration/test-it: not ok 2 - the one that failed"
done
campaign_counted it "$scratch/broken/tests/integration/test-it.log" 1 2>"$scratch/told"
is "servers and campaigns do so as well" "$(sed -n 2p "$scratch/told")" "not ok 2 - the one that failed"
like "and cases of the VM" "$(lane_complain host 1 "$scratch/broken/tests/integration/test-it.log")" "host.sh ended with 1:
# got 1
not ok 2 - the one that failed*ok 200 - fine"
mkdir -p "$scratch/broken/tests/fuzz"
printf '#!/bin/bash\necho "==1==ERROR: AddressSanitizer: it"\nseq 100\nexit 1\n' >"$scratch/broken/tests/fuzz/fuzz-it"
chmod 755 "$scratch/broken/tests/fuzz/fuzz-it"
(fuzz_all "$scratch/broken" -runs=1 it) 2>"$scratch/told"
like "and fuzz targets" "$(cat "$scratch/told")" "*FAIL fuzz-it
==1==ERROR: AddressSanitizer: it*
100"

# --- the cache ---

HVIS_CACHE=$scratch/cache
export HVIS_CACHE
# shellcheck disable=SC2317 # called by cache_get
make_entry()
{
	echo "$1" >"$2/content"
	echo made >>"$scratch/made"
}
cache_get thing "$(cache_key one)" make_entry one >/dev/null
entry=$(cache_get thing "$(cache_key one)" make_entry two)
is "an entry is made once" "$(cat "$entry/content") $(wc -l <"$scratch/made")" "one 1"
check "another key is another entry" test "$entry" != "$(cache_get thing "$(cache_key two)" make_entry two)"
mkdir "$scratch/tree" && echo a >"$scratch/tree/file"
before=$(cache_digest "$scratch/tree")
is "a digest repeats" "$(cache_digest "$scratch/tree")" "$before"
chmod 755 "$scratch/tree/file"
check "a mode counts" test "$(cache_digest "$scratch/tree")" != "$before"

# --- sessions ---

if ! command -v socat >/dev/null; then
	skip "sessions" "no socat"
	done_testing
fi

# The host: gives the "serial ports" of a guest that is the script beside it.
mkdir "$scratch/bin"
cat >"$scratch/bin/hvis-host" <<'END'
#!/bin/bash
while [ $# -gt 0 ]; do
	case $1 in
	--console) console=${2#file:} ;;
	--serial2) agent=${2#unix:} ;;
	--append) append=$2 ;;
	esac
	shift
done
echo "$append" >"$console"
[[ $append != *dies* ]] || exit 3
export console
exec socat "UNIX-LISTEN:$agent" "EXEC:$(dirname "$0")/guest-agent"
END
cat >"$scratch/bin/guest-agent" <<'END'
#!/bin/bash
echo "READY 0.0 1.00"
while read -r verb id text; do
	[ "$verb" = RUN ] || continue
	script=$(base64 -d <<<"$text")
	[ "$script" != vanish ] || exit
	script=${script/#dmesg/cat "$HVIS_FAKE_KERNEL_LOG"} # not this machine's own
	{
		out=$(bash -c "$script" 2>&1)
		status=$?
		[ -z "$out" ] || sed "s/^/O $id /" <<<"$out"
		echo "X $id $status"
	} &
done
END
chmod +x "$scratch"/bin/*

export HVIS_FAKE_KERNEL_LOG=$scratch/kernel.log
echo '[    0.000000] Linux version 6.1' >"$HVIS_FAKE_KERNEL_LOG"

# session NAME APPEND SECONDS SCRIPT: run a session with one case; its counts, then its complaints.
session()
{
	local job=$scratch/job-$1

	# shellcheck disable=SC2034 # of lane.sh
	vm_where=machine
	mkdir -p "$job/case"
	printf '%s\n' ". \$HVIS_CASE_LIB" "$4" >"$job/case/host.sh"
	printf 'boot_bin=%q\nboot_append=%q\nboot_seconds=3\nboot_environment=(HVIS_KERNEL=6.1)\n' \
		"$scratch/bin" "$2" >"$job/boot.conf"
	echo "$1 $3 $job/case" >"$job/cases"
	echo "a session" >"$job/title"
	"$lib/session" "$job" >"$job/session.log" 2>&1
	lane_judge "$job" $? "$scratch" 2>"$job/told"
	cat "$job/case-$1/count" "$job/told"
}

like "commands run in the guest" "$(session good fine 20 'is "out" "$(guest echo a "b  c")" "a b  c"
refuse "status" 9 guest exit 9
is "a script" "$(guest "for i in 1 2; do echo \$i; done" | xargs)" "1 2"
is "environment" $HVIS_KERNEL 6.1
done_testing')" "4 0 0*"
like "at the same time" "$(session parallel fine 20 'guest sleep 1 & guest sleep 1 & wait
check "third" guest true; done_testing')" "1 0 0*"
like "a failed check is told" "$(session bad fine 20 'is "this" 1 2; done_testing')" "0 1 0*not ok 1 - this*"
like "a time-out shows the consoles" "$(session slow "the console's text" 1 'sleep 30')" \
	"0 1 0*host.sh took too long*the console's text*"
like "a guest that goes away" "$(session gone fine 20 'guest vanish; exit $?')" "0 1 0*the guest went away*"
like "a WARNING of the kernel fails the case" \
	"$(session warned fine 20 'echo "[ 1.0] WARNING: CPU: 0 PID: 1 at x.c" >>"$HVIS_SESSION/console"')" \
	"1 1 0*kernel log*WARNING: CPU*"
like "so does one in the log that the guest still holds" \
	"$(echo "[ 9.0] BUG: unable to handle page fault" >>"$HVIS_FAKE_KERNEL_LOG"
	session held fine 20 true)" "1 1 0*kernel log*BUG: unable*"
echo '[    0.000000] Linux version 6.1' >"$HVIS_FAKE_KERNEL_LOG"
like "what each boot says of the processor does not" \
	"$(session harmless 'SRSO: Speculative Return Stack Overflow: WARNING: See' 20 true)" "1 0 0*"
like "a boot that dies is tried again and told" "$(session dead dies 20 true)$(cat "$scratch/job-dead/boots")" \
	"0 1 0*did not boot*try 1*try 2*"
# --- a benchmark's figures ---

printf '%s\n' 'bench|one|us|1|2|0.50|1.10|yes' 'bench|two|us|3|2|1.50|1.10|no' >"$scratch/rows"
is "figures as JSON" "$(bench_json "$scratch/rows" | tr -d ' \n"')" \
	"[{bench:bench,cell:one,unit:us,ours:1,peer:2,ratio:0.50,goal:1.10,goal_is:most,pass:true},{bench:bench,cell:two,unit:us,ours:3,peer:2,ratio:1.50,goal:1.10,goal_is:most,pass:false}]"

# link_rows OUTPUT STATUS: the rows of a benchmark that prints OUTPUT, and the status of it all.
link_rows()
(
	top=$scratch/benches
	mkdir -p "$top/bench/it"
	printf 'echo "%s"\nexit %s\n' "$1" "$2" >"$top/bench/it/link.sh"
	build_root() { echo "$scratch"; }
	debian_unpacked() { echo "$scratch"; }
	bench_link it 2>/dev/null
	echo "status $?"
)

is "a benchmark of the link: each cell by its goal" \
	"$(link_rows $'words\nBENCH one us 1 200 0.0050 0.01\nBENCH two us 3 2 1.5 1.10' 0 | xargs)" \
	"it|one|us|1|200|0.0050|0.01|yes it|two|us|3|2|1.5|1.10|no status 0"
is "a cell without a goal is neither good nor bad" "$(link_rows 'BENCH three us 1 2 0.5 -' 0 | xargs)" \
	"it|three|us|1|2|0.5|-|- status 0"
is "a cell of which more is better" \
	"$(link_rows $'BENCH four MB/s 97 100 0.97 >=0.95\nBENCH five MB/s 9 100 0.09 >=0.95' 0 | xargs)" \
	"it|four|MB/s|97|100|0.97|>=0.95|yes it|five|MB/s|9|100|0.09|>=0.95|no status 0"
like "a benchmark of the link that fails" "$(link_rows 'BENCH one us 1 2 0.5 1' 3)" "*status 3"

echo 'bench|one|us|1|2|0.50|-|-' >"$scratch/rows"
like "as JSON that is null" "$(bench_json "$scratch/rows")" '*"goal": null, "goal_is": null, "pass": null}*'

echo 'bench|one|MB/s|9|100|0.09|>=0.95|no' >"$scratch/rows"
like "as JSON that says so" "$(bench_json "$scratch/rows")" '*"goal": 0.95, "goal_is": "least", "pass": false}*'

# case_rows OUTPUT…: the rows of a case with these jobs' output.
case_rows()
(
	local out

	vm_results=$scratch/benches/results
	rm -rf "$vm_results"
	for out in "$@"; do
		mkdir -p "$vm_results/job-${#out}/case-it"
		echo "$out" >"$vm_results/job-${#out}/case-it/host.out"
	done
	bench_rows it
)

is "a benchmark with a boot for each daemon" \
	"$(case_rows $'words\nBENCH one hvis us 1 0.1' 'BENCH one stock us 4 0.1' | xargs)" "it|one|us|1|4|0.25|0.1|no"
is "a benchmark with both in one guest" "$(case_rows $'words\nBENCH one us 1 200 0.0050 0.01')" \
	"it|one|us|1|200|0.0050|0.01|yes"

# --- an emulator that says less and less ---

# emulator TEXT…: the status of a job in an emulator that says this, a text a second, and then nothing.
# shellcheck disable=SC2034 # for outer_job
emulator()
(
	rm -f "$scratch/to" "$scratch/from"
	mkfifo "$scratch/to" "$scratch/from"
	exec {outer_to}<>"$scratch/to" {outer_from}<>"$scratch/from"
	(
		printf 'sleep 1\nprintf %s\n' "${@@Q}" >"$scratch/say"
		. "$scratch/say"
		exec sleep 60
	) >"$scratch/from" &
	outer_pid=$!
	outer_patience=8 outer_monitor=$scratch/monitor
	outer_job "$scratch/job" 40
	echo $?
	dd bs=64k count=1 iflag=nonblock <&"$outer_to" >"$scratch/told" 2>/dev/null
	outer_stop
)

is "a job that takes its time" "$(emulator 'ALIVE\n' 'ALIVE\n' 'ALIVE\n' 'ALIVE\n' 'DONE 7\n')" 7
is "it was told of its job, and poked" "$(sort -u "$scratch/told" | xargs -d '\n')" " JOB $scratch/job"
is "with each line that came" "$([ "$(wc -l <"$scratch/told")" -ge 5 ] && echo yes)" yes
is "an emulator at a standstill is no job that takes long" "$(emulator 'ALIVE\n' 'ALIVE\n')" 125
is "a line in parts is one: the end of a job was missed, once in a while" "$(emulator 'DO' '' 'NE ' '' '7\n')" 7

is "nothing is left" "$(ls "$TMPDIR")" ""
done_testing
