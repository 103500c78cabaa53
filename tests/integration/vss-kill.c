/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Backups of hv_vss_daemon, of which each is cut off by SIGKILL at another system call: it is the
 * host at the daemon's socket, and looks after each backup whether all is as it was.
 *
 *   vss-kill [OPTION…] --dir DIR --table FILE --marker FILE DIR:TYPE:IMAGE… -- DAEMON ARGUMENT…
 *   vss-kill [OPTION…] --dir DIR --peer ROOT DIR:TYPE:IMAGE… -- DAEMON ARGUMENT…
 *
 *   --dir DIR       the socket is DIR/hv_vss, the log DIR/log; what the volumes have to hold in the end is left
 *                   in DIR/expected-0 and so on
 *   --table FILE    mountinfo of the daemon's made-up machine: gets the lines of the volumes of a backup
 *   --cycles N      how many are to be cut off; --seed N: other points of them
 *   --deadline MS   of the daemon's configuration; --slack MS: what the machine may add to the second
 *                   that the guard is given, besides what it was seen to stall
 *   --hold MS       how long the host holds what is frozen
 *   --peer ROOT     the daemon is another one, run once, with ROOT as its root directory (DIR is its /s),
 *                   peer-shim.so in it, and killed while all is frozen
 *
 * "# …" on standard output is what went wrong and how far it is; the last lines are "NAME VALUE".
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hvis/hresult.h>
#include <hvis/vss.h>

#include "tests/integration/syscall-names.h"
#include "tests/integration/vss-host.h"
#include "tests/integration/vss-trace.h"

#define LIMIT_US 30000000 /* for what takes no time, on a machine that has none */
#define ROLES ((1u << VICTIMS_N) - 1)
#define HANG_EVERY 200 /* cycles */
#define SHOW_EVERY 100

static const char *const role_names[] = { "daemon", "guard", "worker" };
static const char *const when_names[] = { "before", "after", "within" };
static const char *const part_names[] = { "check", "prepare", "freeze", "hold", "thaw", "end" };

static struct {
	const char *dir, *table, *marker, *peer;
	long cycles, seed, deadline, slack, hold;
	unsigned int n;
	struct volume volumes[VOLUMES_MAX];
	char **daemon;
} want = { .cycles = 20, .deadline = 5000, .hold = 4 };

static struct {
	long cycles, clean, deaths[VICTIMS_N][PART_N], subsets[1u << VICTIMS_N], hangs, within;
	long cut_off, left, left_thawed, read_only, mended, failures;
	int64_t longest_us, longest_hung_us, undone_us, stall_us;
} sum;

static struct {
	long number;
	struct point point;
	unsigned int n; /* volumes of this one */
	unsigned int traced; /* roles */
	bool failed;
	int64_t undo_us; /* since when layer three is at it; 0: the daemon lives */
} cycle;

static void die(const char *what)
{
	perror(what);
	exit(3);
}

static void bad(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void bad(const char *format, ...)
{
	const struct point *point = &cycle.point;
	va_list ap;

	printf("# cycle %ld, %u volumes, %s %s call %ld (%s) of %s, victims %u: ", cycle.number,
		cycle.n, point->hang ? "hung" : "killed", when_names[point->when], point->call,
		syscall_name(seen->died_call), role_names[point->role], point->victims);
	va_start(ap, format);
	vprintf(format, ap);
	va_end(ap);
	puts("");
	fflush(stdout);
	sum.failures += !cycle.failed;
	cycle.failed = true;
}

/* --- waiting --- */

/* Or nobody is there who answers. */
static bool is_answered(void)
{
	return host.asked == 0 || host.connection < 0 || (cycle.point.hang && seen->died_us != 0);
}

/* --- the made-up machine --- */

/* The volumes' lines of our own table, of the first @n; what may be touched is said to the programs. */
static void show_volumes(unsigned int n)
{
	FILE *own = fopen("/proc/self/mountinfo", "re"), *table = fopen(want.table, "we");
	char line[4096], dir[1024], device[64], devices[VOLUMES_MAX * 64] = "";

	if (!own || !table)
		die(want.table);
	while (fgets(line, sizeof(line), own)) {
		if (sscanf(line, "%*d %*d %63s %*s %1023s", device, dir) != 2)
			continue;
		for (unsigned int i = 0; i < want.n; i++) {
			if (strcmp(dir, want.volumes[i].dir) != 0)
				continue;
			strcat(strcat(devices, device), " ");
			if (i < n)
				fputs(line, table);
		}
	}
	fclose(own);
	if (fclose(table) != 0)
		die(want.table);
	setenv("HVIS_VSS_PROVE_DEVICES", devices, 1);
}

static int open_log(void)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/log", want.dir);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd < 0)
		die(path);
	return fd;
}

static bool is_ready(void)
{
	return host.ready;
}

static void daemon_start(void)
{
	int log = open_log();

	trace_start(want.daemon, log);
	close(log);
}

static bool daemon_is_gone(void)
{
	return !trace_has(DAEMON);
}

static void daemon_end(void)
{
	trace_kill(1u << DAEMON);
	if (!host_until(daemon_is_gone, LIMIT_US))
		bad("the daemon does not end");
	host_hang_up();
}

/* As the unit does when all of the service is gone; how many it says to have thawed. */
static long thaw_left_over(void)
{
	char *argv[32], line[1024];
	int out[2], n = 0, status;
	long thawed = 0;
	FILE *said;
	pid_t pid;

	for (; want.daemon[n] && n < 30; n++)
		argv[n] = want.daemon[n];
	argv[n] = (char *)"--thaw-left-over";
	argv[n + 1] = NULL;
	if (pipe2(out, O_CLOEXEC) < 0 || (pid = fork()) < 0)
		die("fork");
	if (pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		dup2(out[1], STDERR_FILENO);
		execv(argv[0], argv);
		_exit(127);
	}
	close(out[1]);
	said = fdopen(out[0], "re");
	while (said && fgets(line, sizeof(line), said))
		thawed += strstr(line, ": was left frozen, and is thawed") != NULL;
	if (said)
		fclose(said);
	waitpid(pid, &status, 0);
	if (status != 0)
		bad("--thaw-left-over ended with %d", status);
	return thawed;
}

/* --- a cycle --- */

static bool is_over(void)
{
	if (trace_has(GUARD) || trace_has(WORKER) || trace_has(OTHER))
		return false;
	if (daemon_is_gone())
		return true;
	if (seen->died_us != 0 && cycle.point.victims & 1u << DAEMON)
		return false; /* it is about to go */
	return is_answered() &&
	       (seen->died_us != 0 || !(cycle.traced & 1u << DAEMON) || trace_is_at_rest());
}

static bool marker_is_gone(void)
{
	return access(want.marker, F_OK) < 0;
}

static unsigned int count_frozen(void)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < want.n; i++)
		n += seen->frozen[i];
	return n;
}

static bool are_all_past(int64_t since)
{
	for (unsigned int i = 0; i < want.n; i++)
		if (!volume_is_past(i, since))
			return false;
	return true;
}

/* Those that hang are killed once all is thawed: by others, for that is what is to be seen. */
static void end_of_hang(void)
{
	int64_t end = now_us() + want.deadline * 1000 + LIMIT_US, since = now_us();

	while (count_frozen() > 0 && now_us() < end)
		host_go_on(2000);
	if (count_frozen() > 0)
		bad("%u volumes stay frozen by who hangs", count_frozen());
	since = now_us();
	while (!are_all_past(since) && now_us() < end)
		host_go_on(2000);
	trace_kill_hung();
}

/* Whether a write that began after @since has got through where all was frozen. */
static bool is_any_past(int64_t since)
{
	for (unsigned int i = 0; i < cycle.n; i++)
		if (volume_is_past(i, since))
			return true;
	return false;
}

/* The three questions of a backup, each once the former is answered, whatever the answer. */
static void back_up(void)
{
	static const uint8_t ops[] = { HVIS_VSS_OP_HOT_BACKUP, HVIS_VSS_OP_FREEZE,
		HVIS_VSS_OP_THAW };
	static const enum part parts[] = { CHECKING, PREPARING, THAWING };
	bool held = false, wrong = false;
	int64_t since = 0;

	for (unsigned int i = 0; i < 3; i++) {
		int64_t end = now_us() + want.hold * 1000;

		while (held && now_us() < end)
			host_go_on(end - now_us() > 0 ? end - now_us() : 1);
		wrong = held && is_any_past(since);
		trace_part(parts[i]);
		host_ask(ops[i]);
		if (!host_until(is_answered, want.deadline * 1000 + LIMIT_US)) {
			bad("the host has no answer to %u", ops[i]);
			host_hang_up();
		}
		if (cycle.point.hang && seen->died_us != 0)
			return;
		held = ops[i] == HVIS_VSS_OP_FREEZE && host.status == HVIS_S_OK;
		since = now_us();
		if (held)
			trace_part(HELD);
	}
	if (host.connection < 0 || host.status != HVIS_S_OK)
		return;
	sum.clean++;
	if (wrong)
		bad("the host was told that all was frozen until it thawed");
}

/* What nobody was left to thaw. */
static unsigned int count_left(void)
{
	return cycle.point.victims == ROLES && seen->died_us != 0 ? count_frozen() : 0;
}

/* All of the service is gone. What is left frozen stays so until layer three is at it: what the unit does, or the next. */
static void undo(void)
{
	unsigned int n = count_left();
	long thawed;

	sum.left += n > 0;
	for (unsigned int i = 0; i < want.n; i++) {
		int64_t end = now_us() + LIMIT_US;

		while (n > 0 && seen->frozen[i] && !volume_is_stuck(i, 5000) && now_us() < end)
			usleep(1000);
		if (n > 0 && seen->frozen[i] && !volume_is_stuck(i, 5000))
			bad("volume %u is not frozen", i);
	}
	cycle.undo_us = now_us();
	if (cycle.number % 2 == 0) {
		thawed = thaw_left_over();
		if (thawed < n)
			bad("--thaw-left-over thawed %ld of %u", thawed, n);
		sum.left_thawed += n > 0 && thawed >= n;
	} else {
		daemon_start();
		if (!host_until(is_ready, LIMIT_US) || !host_until(marker_is_gone, LIMIT_US))
			bad("the next start leaves the marker");
		sum.left_thawed += n > 0;
	}
}

static void check_volumes(void)
{
	int64_t since = now_us(), end = since + LIMIT_US;

	while (!are_all_past(since) && now_us() < end)
		host_go_on(1000);
	for (unsigned int i = 0; i < want.n; i++) {
		int64_t longest = volume_longest(i), limit;

		limit = (want.deadline + 1000 + want.slack) * 1000 + volumes_stall();
		if (!volume_is_past(i, since)) {
			bad("volume %u (%s) stays frozen: thawed by hand", i, want.volumes[i].type);
			volume_thaw(i);
		} else if (longest > limit)
			bad("volume %u was frozen for %lld ms", i, (long long)longest / 1000);
		if (count_left() == 0 && !cycle.point.hang && longest > sum.longest_us)
			sum.longest_us = longest;
		if (cycle.point.hang && longest > sum.longest_hung_us)
			sum.longest_hung_us = longest;
	}
	if (count_left() > 0 && now_us() - cycle.undo_us > sum.undone_us)
		sum.undone_us = now_us() - cycle.undo_us;
	if (volumes_stall() > sum.stall_us)
		sum.stall_us = volumes_stall();
}

/* The kernel makes a btrfs read-only whose thaw a death interrupts: that is its own, and is mended. */
static void check_read_only(void)
{
	bool any = false;

	for (unsigned int i = 0; i < want.n; i++) {
		int err = volume_error(i);

		if (err == 0)
			continue;
		any = true;
		sum.read_only++;
		if (!seen->cut[i] || strcmp(want.volumes[i].type, "btrfs") != 0)
			bad("volume %u (%s) refuses a write: %s", i, want.volumes[i].type,
				strerror(err));
		if (!volume_mend(i))
			bad("volume %u (%s) cannot be mended", i, want.volumes[i].type);
		sum.mended++;
	}
	if (any) {
		daemon_end();
		show_volumes(cycle.n);
	}
}

/* What stands beside the marker: one that was not finished, names that were kept, the note of the kernel's switch. */
static void check_files(void)
{
	static const char *const beside[] = { ".new", ".kept", ".kept.new", ".damaged", ".hurry" };
	char path[512], value = '0';
	const char *hurry = getenv("HVIS_VSS_PROVE_HURRY");
	int fd = hurry ? open(hurry, O_RDONLY | O_CLOEXEC) : -1;

	if (!host_until(marker_is_gone, LIMIT_US))
		bad("the marker stays");
	for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
		snprintf(path, sizeof(path), "%s%s", want.marker, beside[i]);
		if (access(path, F_OK) == 0)
			bad("%s stays", path);
	}
	if (fd >= 0 && (read(fd, &value, 1) != 1 || value != '0'))
		bad("the kernel's switch stays on");
	if (fd >= 0)
		close(fd);
}

static void count_death(void)
{
	const struct point *point = &cycle.point;

	sum.cycles++;
	if (point->hang) {
		sum.hangs++;
		return;
	}
	sum.deaths[point->role][seen->died_part]++;
	sum.subsets[point->victims]++;
	sum.within += point->when == WITHIN;
	for (unsigned int i = 0; i < want.n; i++)
		sum.cut_off += seen->cut[i];
}

/* The calls of an undisturbed backup. */
static struct plan {
	long calls[VICTIMS_N];
	int numbers[VICTIMS_N][CALLS_MAX];
	unsigned char parts[VICTIMS_N][CALLS_MAX];
} plans[VOLUMES_MAX + 1];

/* A daemon that lives on must have the next backup; a new one shows it by that. */
static void get_ready(void)
{
	static const struct point nowhere;
	int64_t end = now_us() + LIMIT_US;

	trace_begin(&nowhere, 0);
	if (daemon_is_gone())
		daemon_start();
	if (!host_until(is_ready, LIMIT_US))
		bad("the daemon does not get ready");
	do {
		host_ask(HVIS_VSS_OP_HOT_BACKUP);
		host_until(is_answered, LIMIT_US);
	} while (host.status != HVIS_S_OK && now_us() < end);
	if (host.status != HVIS_S_OK)
		bad("no other backup is possible");
}

/* What nobody can do anything about before it is looked at: the point, and where there are such, the worker's freezes. */
static unsigned int roles_to_trace(const struct point *point)
{
	bool early = point->role == DAEMON && point->call > 0 && point->call < CALLS_MAX &&
		     plans[cycle.n].parts[DAEMON][point->call] < FREEZING;

	if (point->call == 0 || point->hang)
		return ROLES;
	return 1u << point->role | (early ? 0 : 1u << WORKER);
}

/* A backup with all of it. Whether it came to @point. */
static bool run_cycle(const struct point *point)
{
	bool died;

	cycle.point = *point;
	cycle.failed = false;
	cycle.undo_us = 0;
	get_ready();
	volumes_reset();
	cycle.traced = roles_to_trace(point);
	trace_begin(point, cycle.traced);
	if (!host_until(trace_has_begun, LIMIT_US))
		bad("a process does not stop");
	back_up();
	if (point->hang && seen->died_us)
		end_of_hang();
	if (!host_until(is_over, want.deadline * 1000 + LIMIT_US)) {
		bad("the backup does not end");
		trace_kill(ROLES | 1u << OTHER);
	}
	died = seen->died_us != 0;
	if (daemon_is_gone()) {
		host_hang_up();
		undo();
	}
	check_volumes();
	check_files();
	if (died)
		count_death();
	check_read_only();
	return died;
}

/* --- where --- */

static void calibrate(unsigned int n)
{
	static const struct point nowhere;

	cycle.n = n;
	cycle.number = 0;
	show_volumes(n);
	if (!daemon_is_gone())
		daemon_end();
	run_cycle(&nowhere);
	memcpy(plans[n].calls, seen->calls, sizeof(plans[n].calls));
	memcpy(plans[n].numbers, seen->numbers, sizeof(plans[n].numbers));
	memcpy(plans[n].parts, seen->parts, sizeof(plans[n].parts));
}

/*
 * The steps, in order: those from the first freeze on, but for what the daemon does when all is over, and the rest.
 * Half of the backups are for either: of the first there are fewer, and more comes of them.
 */
struct step {
	unsigned int n; /* volumes */
	enum role role;
	long call;
};
static struct steps {
	struct step *steps;
	long n;
} near, far;

static void add_step(struct steps *steps, struct step step)
{
	steps->steps = realloc(steps->steps, (size_t)(steps->n + 1) * sizeof(step));
	if (!steps->steps)
		die("memory");
	steps->steps[steps->n++] = step;
}

static void find_steps(void)
{
	for (unsigned int n = 1; n <= want.n; n++)
		for (int role = 0; role < VICTIMS_N; role++)
			for (long call = 1; call <= plans[n].calls[role] && call < CALLS_MAX;
				call++) {
				enum part part = plans[n].parts[role][call];
				bool is_far = part < FREEZING || (part == ENDING && role == DAEMON);

				add_step(is_far ? &far : &near, (struct step){ n, role, call });
			}
}

/* A number without a pattern, the same for the same @value. */
static unsigned int mix(unsigned long value)
{
	value = (value ^ (value >> 31)) * 0x9e3779b97f4a7c15ul;
	value = (value ^ (value >> 29)) * 0xbf58476d1ce4e5b9ul;
	return (unsigned int)(value >> 33);
}

static bool is_long(int number)
{
	return number == SYS_ioctl || number == SYS_syncfs;
}

/* Who dies at @step, and when, the @pass-th time; another choice for each step. */
static struct point choose(const struct step *step, long place, long pass)
{
	enum role first = step->role == DAEMON ? GUARD : DAEMON;
	enum role second = step->role == WORKER ? GUARD : WORKER;
	bool slow = is_long(plans[step->n].numbers[step->role][step->call]);
	unsigned int turn = mix((unsigned long)place) + (unsigned int)(2 * pass + want.seed % 2);
	struct point point = { .role = step->role, .call = step->call };

	point.victims = 1u << step->role | (turn & 1) << first | (turn >> 1 & 1) << second;
	point.when = turn / 4 % (slow ? WHEN_N : WITHIN);
	point.delay_us = 20u << mix(turn) % 8; /* up to 2.5 ms */
	return point;
}

static void hang_instead(struct point *point)
{
	point->victims = 1u << point->role; /* with worker and guard hung nobody could */
	point->hang = true;
	if (point->when == WITHIN)
		point->when = AFTER;
}

static void show_progress(int64_t begin)
{
	printf("# progress %ld of %ld cycles in %lld s, %ld failures\n", sum.cycles, want.cycles,
		(long long)(now_us() - begin) / 1000000, sum.failures);
	fflush(stdout);
}

/* The @number-th backup, from 0. Whether it was cut off. */
static bool cut_off(long number)
{
	const struct steps *steps = number % 2 == 0 ? &near : &far;
	long half = (want.cycles + 1) / 2, spread = (steps->n + half - 1) / half;
	long place = number / 2 * spread + want.seed % spread;
	const struct step *step = &steps->steps[place % steps->n];
	struct point point = choose(step, place % steps->n, place / steps->n);

	if (number % HANG_EVERY == HANG_EVERY / 4)
		hang_instead(&point);
	if (step->n != cycle.n)
		show_volumes(step->n);
	cycle.n = step->n;
	cycle.number = number;
	return run_cycle(&point);
}

static void run_cycles(void)
{
	int64_t begin = now_us();
	long tried = 0;

	for (unsigned int n = want.n; n >= 1; n--)
		calibrate(n);
	find_steps();
	while (sum.cycles < want.cycles && tried < 4 * want.cycles)
		if (cut_off(tried++) && sum.cycles % SHOW_EVERY == 0)
			show_progress(begin);
	printf("steps %ld\ntried %ld\nseconds %lld\n", near.n + far.n, tried,
		(long long)(now_us() - begin) / 1000000);
	if (sum.cycles < want.cycles)
		bad("only %ld backups were cut off", sum.cycles);
	daemon_end();
}

static void print_sums(void)
{
	printf("cycles %ld\nclean %ld\nhangs %ld\nwithin %ld\n", sum.cycles, sum.clean, sum.hangs,
		sum.within);
	for (int role = 0; role < VICTIMS_N; role++)
		for (int part = 0; part < PART_N; part++)
			printf("%s-%s %ld\n", role_names[role], part_names[part],
				sum.deaths[role][part]);
	for (unsigned int set = 1; set <= ROLES; set++)
		printf("killed%s%s%s %ld\n", set & 1u << DAEMON ? "-daemon" : "",
			set & 1u << GUARD ? "-guard" : "", set & 1u << WORKER ? "-worker" : "",
			sum.subsets[set]);
	printf("left %ld\nleft-thawed %ld\n", sum.left, sum.left_thawed);
	printf("thaws-cut %ld\nread-only %ld\nmended %ld\n", sum.cut_off, sum.read_only,
		sum.mended);
	printf("longest-us %lld\nlongest-hung-us %lld\nundone-us %lld\nstall-us %lld\n",
		(long long)sum.longest_us, (long long)sum.longest_hung_us, (long long)sum.undone_us,
		(long long)sum.stall_us);
	printf("failures %ld\n", sum.failures);
}

/* --- another daemon --- */

static pid_t peer_start(void)
{
	int log = open_log();
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid > 0) {
		close(log);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (chroot(want.peer) < 0 || chdir("/") < 0)
		_exit(126);
	setenv("LD_PRELOAD", "/peer-shim.so", 1);
	setenv("HVIS_PEER_DEVICE", "/s/hv_vss", 1);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	execv(want.daemon[0], want.daemon);
	_exit(127);
}

static bool peer_is_ready(void)
{
	return host.ready;
}

static void peer_end(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	host_hang_up();
}

static unsigned int count_stuck(int64_t us)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < want.n; i++)
		n += volume_is_stuck(i, us);
	return n;
}

static void run_peer(void)
{
	int64_t wait = (want.deadline + 1000) * 1000, since;
	unsigned int stuck;
	pid_t pid = peer_start();

	if (!host_until(peer_is_ready, LIMIT_US))
		bad("the daemon does not register");
	host_ask(HVIS_VSS_OP_FREEZE);
	if (!host_until(is_answered, LIMIT_US) || host.status != HVIS_S_OK)
		bad("the daemon does not freeze");
	peer_end(pid);
	pid = peer_start(); /* nor does the next one help */
	if (!host_until(peer_is_ready, LIMIT_US))
		bad("the daemon does not register again");
	since = now_us();
	while (now_us() - since < wait)
		usleep(100000);
	stuck = count_stuck(wait / 2);
	printf("stays-frozen %u\nvolumes %u\nwaited-ms %lld\n", stuck, want.n,
		(long long)wait / 1000);
	peer_end(pid);
	for (unsigned int i = 0; i < want.n; i++)
		if (volume_thaw(i) == 0)
			printf("thawed-by-hand %s\n", want.volumes[i].type);
	since = now_us();
	while (!are_all_past(since) && now_us() - since < LIMIT_US)
		host_go_on(1000);
	if (!are_all_past(since))
		bad("it stays frozen whatever is done");
}

/* --- */

static void parse(int argc, char **argv)
{
	static const struct option table[] = { { "dir", 1, NULL, 'd' }, { "table", 1, NULL, 't' },
		{ "marker", 1, NULL, 'm' }, { "cycles", 1, NULL, 'c' }, { "seed", 1, NULL, 's' },
		{ "deadline", 1, NULL, 'l' }, { "slack", 1, NULL, 'k' }, { "hold", 1, NULL, 'h' },
		{ "peer", 1, NULL, 'p' }, { NULL, 0, NULL, 0 } };
	int option;

	while ((option = getopt_long(argc, argv, "+", table, NULL)) >= 0) {
		if (option == 'd')
			want.dir = optarg;
		else if (option == 't')
			want.table = optarg;
		else if (option == 'm')
			want.marker = optarg;
		else if (option == 'c')
			want.cycles = atol(optarg);
		else if (option == 's')
			want.seed = atol(optarg);
		else if (option == 'l')
			want.deadline = atol(optarg);
		else if (option == 'k')
			want.slack = atol(optarg);
		else if (option == 'h')
			want.hold = atol(optarg);
		else if (option == 'p')
			want.peer = optarg;
		else
			exit(2);
	}
	for (; optind < argc && strcmp(argv[optind], "--") != 0; optind++)
		if (want.n == VOLUMES_MAX || !volume_parse(argv[optind], &want.volumes[want.n++]))
			exit(2);
	want.daemon = argv + optind + 1;
	if (optind + 1 >= argc || !want.dir || want.n == 0 || want.cycles < 1 ||
		(!want.peer && !(want.table && want.marker)))
		exit(2);
}

/*
 * Short turns, and so soon ones, of the same share of the machine: most of the time is spent on waiting for the
 * next turn of tracer or traced. Never mind where the kernel knows no such thing.
 */
static void take_short_turns(void)
{
	struct {
		uint32_t size, policy;
		uint64_t flags;
		int32_t nice;
		uint32_t priority;
		uint64_t runtime, deadline, period;
	} attr = { .size = sizeof(attr), .nice = getpriority(PRIO_PROCESS, 0), .runtime = 100000 };

	syscall(SYS_sched_setattr, 0, &attr, 0);
}

int main(int argc, char **argv)
{
	char control[512];

	parse(argc, argv);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* and with us all whom we trace */
	take_short_turns();
	snprintf(control, sizeof(control), "%s/control", want.dir);
	volumes_start(want.volumes, want.n, control);
	host_listen(want.dir);
	trace_init(want.volumes, want.n);
	if (want.peer)
		run_peer();
	else
		run_cycles();
	volumes_stop(want.dir);
	if (!want.peer)
		print_sums();
	return sum.failures > 0;
}
