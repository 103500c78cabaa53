/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * vss-drive [OPTION…] MARKER PATH=LEVEL…: plays hv_vss_daemon to the worker and the guard of the test
 * build, for file systems mounted at PATH, in the order of levels, and prints what the worker says.
 *   --programs DIR    where vss-worker and vss-guard are
 *   --deadline MS, --hold MS   how long at most, and how long until THAW
 *   --silent          no THAW
 *   --then COMMAND    run between the look at the mount table and START
 *   --step WHO:NAME:N:WHAT  see vssd/prove.c; WHO is "worker" or "guard"
 *   --pids FILE       write the process numbers of worker and guard there
 *   --required, --allow-nothing
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vssd/ipc.h"

static struct {
	const char *programs, *then, *step, *pids, *marker;
	int deadline, hold, silent, required, allow_nothing;
} options = { .programs = ".", .deadline = 5000 };

static void die(const char *what)
{
	perror(what);
	exit(3);
}

/* The topmost mount at @path. */
static void find(const char *path, struct vss_target *ret)
{
	FILE *table = fopen("/proc/self/mountinfo", "re");
	char line[3 * PATH_MAX], target[PATH_MAX];
	unsigned int major, minor;
	int id, found = 0;

	while (table && fgets(line, sizeof(line), table)) {
		if (sscanf(line, "%d %*d %u:%u %*s %4095s", &id, &major, &minor, target) != 4 ||
			strcmp(target, path) != 0)
			continue;
		*ret = (struct vss_target){ major, minor, id, getpid(), 0, "" };
		strcpy(ret->path, path);
		found = 1;
	}
	if (table)
		fclose(table);
	if (!found) {
		fprintf(stderr, "%s: not mounted\n", path);
		exit(2);
	}
}

/* Start @name with @args; @keep are the descriptors that it gets. */
static pid_t start(const char *name, const int *keep, int n, char *const *args)
{
	char path[PATH_MAX];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/vss-%s", options.programs, name);
	pid = fork();
	if (pid < 0)
		die("fork");
	if (pid > 0)
		return pid;
	for (int fd = 3; fd < 256; fd++) {
		int kept = 0;

		for (int i = 0; i < n; i++)
			kept |= keep[i] == fd;
		if (!kept)
			close(fd);
	}
	if (options.step && strncmp(options.step, name, strlen(name)) == 0)
		setenv("HVIS_VSS_PROVE_STEP", options.step + strlen(name) + 1, 1);
	execv(path, args);
	_exit(127);
}

static void set_pid(const char *name, pid_t pid)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", pid);
	setenv(name, text, 1);
}

static pid_t start_guard(int worker)
{
	int pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0);
	char one[16], two[16], *marker = strdup(options.marker);
	char *args[] = { (char *)"vss-guard", one, two, marker, NULL };
	int keep[] = { worker, pidfd };
	pid_t pid;

	fcntl(pidfd, F_SETFD, 0);
	snprintf(one, sizeof(one), "%d", worker);
	snprintf(two, sizeof(two), "%d", pidfd);
	pid = start("guard", keep, 2, args);
	close(pidfd);
	free(marker);
	return pid;
}

static pid_t start_worker(int daemon, int guard)
{
	char one[16], two[16];
	char *args[] = { (char *)"vss-worker", one, two, NULL };
	int keep[] = { daemon, guard };

	snprintf(one, sizeof(one), "%d", daemon);
	snprintf(two, sizeof(two), "%d", guard);
	return start("worker", keep, 2, args);
}

static void note_pids(pid_t worker, pid_t guard)
{
	FILE *file = options.pids ? fopen(options.pids, "we") : NULL;

	if (file) {
		fprintf(file, "%d %d\n", worker, guard);
		fclose(file);
	}
}

static void send_or_die(int worker, const struct vss_msg *msg)
{
	int err = vss_send(worker, msg, -1);

	if (err != 0 && err != EPIPE && err != ECONNRESET) {
		errno = err;
		die("send");
	}
}

static void send_targets(int worker, char **paths)
{
	static struct vss_msg msgs[VSS_TARGETS_MAX];
	struct vss_msg begin = { .type = VSS_MSG_START,
		.value = (uint32_t)options.deadline,
		.flags = options.allow_nothing ? VSS_FLAG_ALLOW_NOTHING : 0 };
	int n = 0;

	for (; paths[n] && n < VSS_TARGETS_MAX; n++) {
		char *equals = strrchr(paths[n], '=');

		if (!equals)
			die(paths[n]);
		*equals = '\0';
		msgs[n].type = VSS_MSG_TARGET;
		msgs[n].flags = options.required ? VSS_FLAG_REQUIRED : 0;
		find(paths[n], &msgs[n].target);
		msgs[n].target.level = (uint32_t)atoi(equals + 1);
	}
	if (options.then && system(options.then) != 0)
		die("--then");
	for (int i = 0; i < n; i++)
		send_or_die(worker, &msgs[i]);
	send_or_die(worker, &begin);
}

static void thaw(int worker)
{
	struct vss_msg msg = { .type = VSS_MSG_THAW };

	if (!options.silent) {
		usleep((useconds_t)options.hold * 1000);
		vss_tell(worker, &msg);
	}
}

static int follow(int worker)
{
	static const char *const actions[VSS_ACTION_N] = { "open", "sync", "freeze", "thaw" };
	static struct vss_msg msg;
	int ended = -1, fd;

	while (vss_receive(worker, &msg, &fd) == 0) {
		if (msg.type == VSS_MSG_FROZEN) {
			printf("frozen %u\n", msg.value);
			fflush(stdout);
			thaw(worker);
		} else if (msg.type == VSS_MSG_ENDED) {
			ended = msg.err;
			printf("ended %d %s\n", msg.err, actions[msg.action]);
		} else if (msg.type == VSS_MSG_EVENT)
			printf("event %s %u %d %lld\n", actions[msg.action], msg.index, msg.err,
				(long long)msg.took_us);
	}
	if (ended < 0)
		puts("gone");
	return ended != 0;
}

static void parse(int argc, char **argv)
{
	static const struct option table[] = { { "programs", 1, NULL, 'p' },
		{ "deadline", 1, NULL, 'd' }, { "hold", 1, NULL, 'h' }, { "silent", 0, NULL, 's' },
		{ "then", 1, NULL, 't' }, { "step", 1, NULL, 'k' }, { "pids", 1, NULL, 'i' },
		{ "required", 0, NULL, 'r' }, { "allow-nothing", 0, NULL, 'a' },
		{ NULL, 0, NULL, 0 } };
	int option;

	while ((option = getopt_long(argc, argv, "", table, NULL)) >= 0) {
		if (option == 'p')
			options.programs = optarg;
		else if (option == 'd')
			options.deadline = atoi(optarg);
		else if (option == 'h')
			options.hold = atoi(optarg);
		else if (option == 's')
			options.silent = 1;
		else if (option == 't')
			options.then = optarg;
		else if (option == 'k')
			options.step = optarg;
		else if (option == 'i')
			options.pids = optarg;
		else if (option == 'r')
			options.required = 1;
		else if (option == 'a')
			options.allow_nothing = 1;
		else
			exit(2);
	}
	if (optind >= argc)
		exit(2);
	options.marker = argv[optind];
}

int main(int argc, char **argv)
{
	int to_worker[2], to_guard[2], status, failed;
	pid_t guard, worker;

	parse(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, to_worker) < 0 ||
		socketpair(AF_UNIX, SOCK_SEQPACKET, 0, to_guard) < 0)
		die("socketpair");
	set_pid("HVIS_VSS_PROVE_DAEMON", getpid());
	guard = start_guard(to_guard[1]);
	set_pid("HVIS_VSS_PROVE_GUARD", guard);
	worker = start_worker(to_worker[1], to_guard[0]);
	close(to_worker[1]);
	close(to_guard[0]);
	close(to_guard[1]);
	note_pids(worker, guard);
	send_targets(to_worker[0], argv + optind + 1);
	failed = follow(to_worker[0]);
	waitpid(worker, &status, 0);
	printf("worker %d\n", status);
	waitpid(guard, &status, 0);
	printf("guard %d\n", status);
	return failed;
}
