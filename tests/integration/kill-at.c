/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Kills a program at its N-th system call, for the proof that a daemon loses nothing wherever it
 * dies. It counts the calls of all threads in the order in which they begin; strace's "when=" counts
 * each kind of call in each thread apart, so that points of a threaded program cannot all be named.
 *
 *   kill-at [-t] [-l LOG] N PID            of a running process, from now on; prints "attached" first
 *   kill-at [-t] [-l LOG] N -- COMMAND…    from its exec on; its standard output is our error
 *
 * The call is not made: the process dies before it. With -t it is a write that is torn: as much of it
 * as a page of the file takes is written, then the process dies, as a fatal signal ends a write between
 * two pages. N = 0 only counts. The last line says what came of it: "killed N NAME", "untorn N NAME" (-t,
 * and that call does not write over the end of a page; it has lived on), "ended N" (by itself, after N
 * calls) or, after SIGTERM, "lived N". LOG has a line "N NAME" per call. Threads count, children do not.
 */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h> /* after sys/ptrace.h, which has the requests as an enum */

#include "tests/integration/syscall-names.h"

#define PAGE 4096
#define OPTIONS (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC)
#define SYSCALL_STOP (SIGTRAP | 0x80)

static struct {
	pid_t pid;
	long when, count;
	int torn; /* wanted */
	int counting; /* past the exec */
	pid_t tearing; /* the thread whose shortened write is under way, or 0 */
	FILE *log;
} run;

static void die(const char *what)
{
	perror(what);
	exit(3);
}

static void finish(const char *how, const char *name)
{
	printf("%s %ld%s%s\n", how, run.count, name ? " " : "", name ? name : "");
	exit(0);
}

static void kill_now(const char *name)
{
	kill(run.pid, SIGKILL);
	while (waitpid(-1, NULL, __WALL) > 0 || errno == EINTR)
		;
	finish("killed", name);
}

/* Where in its file FD stands; -1 where it is no regular file. */
static long long position(int fd)
{
	char path[64], line[128];
	struct stat st;
	long long pos = -1;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", run.pid, fd);
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", run.pid, fd);
	info = fopen(path, "re");
	while (info && fgets(line, sizeof(line), info)) {
		if (sscanf(line, "pos: %lld", &pos) == 1)
			break;
	}
	if (info)
		fclose(info);
	return pos;
}

/* Bytes of this write that the first page takes; 0 where it is none over the end of a page. */
static unsigned long long first_page(const struct ptrace_syscall_info *call)
{
	long long at;

	if (call->entry.nr != SYS_write && call->entry.nr != SYS_pwrite64)
		return 0;
	at = position((int)call->entry.args[0]);
	if (at < 0)
		return 0;
	if (call->entry.nr == SYS_pwrite64)
		at = (long long)call->entry.args[3];
	if (at % PAGE + call->entry.args[2] <= PAGE)
		return 0;
	return (unsigned long long)(PAGE - at % PAGE);
}

static int shorten(pid_t tid, unsigned long long length)
{
#ifdef __x86_64__
	struct user_regs_struct regs;

	if (ptrace(PTRACE_GETREGS, tid, NULL, &regs) < 0)
		return 0;
	regs.rdx = length;
	return ptrace(PTRACE_SETREGS, tid, NULL, &regs) == 0;
#else
	return 0;
#endif
}

static void on_entry(pid_t tid, const struct ptrace_syscall_info *call)
{
	const char *name = syscall_name((long)call->entry.nr);
	unsigned long long length;

	if (!run.counting)
		return;
	run.count++;
	if (run.log)
		fprintf(run.log, "%ld %s\n", run.count, name);
	if (run.count != run.when)
		return;
	if (!run.torn)
		kill_now(name);
	length = first_page(call);
	if (length == 0 || !shorten(tid, length))
		finish("untorn", name);
	run.tearing = tid;
}

static void on_syscall(pid_t tid)
{
	struct ptrace_syscall_info call;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(call), &call) < 0)
		return;
	if (call.op == PTRACE_SYSCALL_INFO_ENTRY)
		on_entry(tid, &call);
	else if (call.op == PTRACE_SYSCALL_INFO_EXIT && run.tearing == tid)
		kill_now("write");
}

static void on_change(pid_t tid, int status)
{
	int event = status >> 16, signal = 0;

	if (WIFEXITED(status) || WIFSIGNALED(status)) {
		if (tid == run.pid)
			finish("ended", NULL);
		return;
	}
	if (WSTOPSIG(status) == SYSCALL_STOP)
		on_syscall(tid);
	else if (event == PTRACE_EVENT_EXEC)
		run.counting = 1;
	else if (event == 0)
		signal = WSTOPSIG(status); /* one of its own, on its way */
	ptrace(PTRACE_SYSCALL, tid, NULL, signal);
}

/* Trace TID; stopped on return, unless it has gone. */
static int seize(pid_t tid)
{
	return ptrace(PTRACE_SEIZE, tid, NULL, OPTIONS) == 0 &&
	       ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0 && waitpid(tid, NULL, __WALL) == tid;
}

/* Every thread of a process; a second pass finds those that the first one's made meanwhile. */
static void seize_all(pid_t pid)
{
	char path[64];
	int found = 1;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	while (found) {
		DIR *dir = opendir(path);
		struct dirent *entry;

		if (!dir)
			die(path);
		found = 0;
		while ((entry = readdir(dir))) {
			pid_t tid = atoi(entry->d_name);

			found |= tid > 0 && seize(tid); /* fails for those that we have */
		}
		closedir(dir);
	}
}

static void resume_all(pid_t pid)
{
	char path[64];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		ptrace(PTRACE_SYSCALL, atoi(entry->d_name), NULL, NULL);
	if (dir)
		closedir(dir);
}

static void start(char **command, const sigset_t *mask)
{
	int go[2];
	char byte = 0;

	if (pipe(go) < 0)
		die("pipe");
	run.pid = fork();
	if (run.pid == 0) {
		close(go[1]);
		if (read(go[0], &byte, 1) != 1)
			_exit(127);
		close(go[0]);
		dup2(STDERR_FILENO, STDOUT_FILENO);
		sigprocmask(SIG_SETMASK, mask, NULL);
		execv(command[0], command);
		_exit(127);
	}
	close(go[0]);
	if (run.pid < 0 || !seize(run.pid))
		die(command[0]);
	ptrace(PTRACE_SYSCALL, run.pid, NULL, NULL);
	if (write(go[1], &byte, 1) != 1)
		die("pipe");
	close(go[1]);
}

static void attach(pid_t pid)
{
	run.pid = pid;
	run.counting = 1;
	seize_all(pid);
	puts("attached");
	fflush(stdout);
	resume_all(pid);
}

static void watch(const sigset_t *signals)
{
	int status;
	pid_t tid;

	for (;;) {
		while ((tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0)
			on_change(tid, status);
		if (sigwaitinfo(signals, NULL) == SIGTERM)
			finish("lived", NULL);
	}
}

int main(int argc, char **argv)
{
	sigset_t signals, mask;
	int option;

	while ((option = getopt(argc, argv, "+tl:")) != -1) {
		if (option == 't')
			run.torn = 1;
		else if (option == 'l' && !(run.log = fopen(optarg, "we")))
			die(optarg);
		else if (option == '?')
			return 2;
	}
	/* getopt() takes "--" where it comes first, and not after N */
	if (argc - optind < 2 || (strcmp(argv[optind + 1], "--") == 0 && argc - optind < 3)) {
		fprintf(stderr, "see the head of kill-at.c\n");
		return 2;
	}
	run.when = atol(argv[optind]);
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, &mask);
	if (strcmp(argv[optind + 1], "--") == 0)
		start(argv + optind + 2, &mask);
	else
		attach(atoi(argv[optind + 1]));
	watch(&signals);
}
