/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A task is known from its first stop on: a thread belongs to its process, a process is the guard, the
 * worker or another by the order in which the daemon makes them, and by its name once it has one.
 */
#include "config.h"

#include "tests/integration/vss-trace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/ptrace.h> /* after sys/ptrace.h, which has the requests as an enum */

#define TASKS_MAX 512
#define EVENT_STOP 128 /* PTRACE_EVENT_STOP */
#define SYSCALL_STOP (SIGTRAP | 0x80)
#define OPTIONS                                                                                    \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |  \
		PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL)

struct task {
	pid_t tid, pid;
	enum role role;
	bool in_call; /* and it is one that is made */
	bool last; /* the point is the end of this call */
	bool turning; /* it is yet to be stopped, and traced from then on */
	uint64_t number, request, third; /* of the call */
	int volume; /* that it freezes or thaws, or -1 */
};

static struct seen facts;
const struct seen *const seen = &facts;

static struct {
	const struct volume *volumes;
	unsigned int n_volumes;
	struct point point;
	struct task tasks[TASKS_MAX];
	unsigned int n;
	unsigned int children; /* of the daemon since trace_begin() */
	unsigned int traced, hung; /* roles */
	bool over; /* the point: who is left goes on without stops */
} trace;

static void die(const char *what)
{
	perror(what);
	exit(3);
}

void trace_init(const struct volume *volumes, unsigned int n)
{
	trace.volumes = volumes;
	trace.n_volumes = n;
}

/* --- tasks --- */

static struct task *find(pid_t tid)
{
	for (unsigned int i = 0; i < trace.n; i++)
		if (trace.tasks[i].tid == tid)
			return &trace.tasks[i];
	return NULL;
}

/* The process of a thread; itself where that cannot be known any more. */
static pid_t process_of(pid_t tid)
{
	char path[64], line[128];
	pid_t pid = tid;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Tgid: %d", &pid) == 1)
			break;
	if (file)
		fclose(file);
	return pid;
}

static enum role role_of_child(void)
{
	static const enum role order[] = { GUARD, WORKER };
	unsigned int place = trace.children++;

	return place < sizeof(order) / sizeof(order[0]) ? order[place] : OTHER;
}

static struct task *add(pid_t tid, pid_t pid)
{
	const struct task *process = find(pid);
	struct task *task;

	if (trace.n == TASKS_MAX)
		die("too many tasks");
	task = &trace.tasks[trace.n++];
	*task = (struct task){ .tid = tid, .pid = pid, .volume = -1 };
	task->role = process && tid != pid ? process->role : role_of_child();
	return task;
}

static void forget(struct task *task)
{
	*task = trace.tasks[--trace.n];
}

/* Who it is by what it runs. */
static void name_it(struct task *task)
{
	char path[64], line[1024];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", task->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, line, sizeof(line) - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0 || task->role == DAEMON)
		return;
	line[n] = '\0';
	task->role = OTHER;
	if (strstr(line, "vss-worker"))
		task->role = WORKER;
	else if (strstr(line, "vss-guard") && !strstr(line + strlen(line) + 1, "--thaw"))
		task->role = GUARD;
}

bool trace_has(enum role role)
{
	for (unsigned int i = 0; i < trace.n; i++)
		if (trace.tasks[i].role == role)
			return true;
	return false;
}

/* Within poll(2), for longer than a look. */
static bool waits(const struct task *task)
{
	if (!task->in_call)
		return false;
	return task->number == SYS_ppoll || task->number == SYS_restart_syscall ||
	       (task->number == SYS_poll && (int)task->third != 0);
}

bool trace_is_at_rest(void)
{
	bool rests = false;

	for (unsigned int i = 0; i < trace.n; i++) {
		const struct task *task = &trace.tasks[i];

		if (task->role != DAEMON)
			return false;
		if (task->tid == task->pid)
			rests = waits(task);
	}
	return rests;
}

/* --- death --- */

/* Whether that thaw still comes to its end is not known. */
static void note_cut(const struct task *task)
{
	if (!task->in_call || task->request != FITHAW || task->volume < 0)
		return;
	facts.cut[task->volume] = true;
	facts.frozen[task->volume] = false;
}

void trace_kill(unsigned int roles)
{
	for (unsigned int i = 0; i < trace.n; i++) {
		struct task *task = &trace.tasks[i];

		if (!(roles & 1u << task->role))
			continue;
		note_cut(task);
		task->in_call = false; /* it does not rest: it dies */
		kill(task->pid, SIGKILL);
	}
}

void trace_kill_hung(void)
{
	unsigned int roles = trace.hung;

	trace.hung = 0;
	trace_kill(roles);
}

static void hang(void)
{
	trace.hung = trace.point.victims;
	for (unsigned int i = 0; i < trace.n; i++)
		if (trace.hung & 1u << trace.tasks[i].role)
			ptrace(PTRACE_INTERRUPT, trace.tasks[i].tid, NULL, NULL);
}

static void strike(const struct task *task)
{
	facts.died_us = now_us();
	facts.died_part = facts.part;
	facts.died_call = (int)task->number;
	if (trace.point.hang) {
		hang();
		return;
	}
	trace.over = true;
	trace_kill(trace.point.victims);
}

/* --- system calls --- */

static int volume_of(const struct task *task, uint64_t fd)
{
	char path[64], target[512];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", task->tid, (int)fd);
	n = readlink(path, target, sizeof(target) - 1);
	target[n < 0 ? 0 : n] = '\0';
	for (unsigned int i = 0; i < trace.n_volumes; i++)
		if (strcmp(target, trace.volumes[i].dir) == 0)
			return (int)i;
	return -1;
}

static void note_begin(struct task *task, uint64_t fd)
{
	if (task->request == FIFREEZE && facts.freeze_us == 0) {
		facts.freeze_us = now_us();
		facts.part = FREEZING;
		volumes_note_freeze();
	} else if (task->request == FITHAW && facts.thaw_us == 0) {
		facts.thaw_us = now_us();
		facts.part = THAWING;
	}
	task->volume = volume_of(task, fd);
}

static bool is_any_frozen(void)
{
	for (unsigned int i = 0; i < VOLUMES_MAX; i++)
		if (facts.frozen[i])
			return true;
	return false;
}

static void note_end(struct task *task, int64_t result)
{
	if (task->volume < 0)
		return;
	if (result != 0 && (task->request != FITHAW || result != -EINVAL))
		return; /* a thaw of what is not frozen is one, too: somebody who died had come so far */
	facts.frozen[task->volume] = task->request == FIFREEZE;
	if (task->request == FITHAW && !is_any_frozen())
		facts.part = ENDING;
}

static bool is_point(const struct task *task)
{
	return facts.died_us == 0 && trace.point.call > 0 && task->role == trace.point.role &&
	       facts.calls[task->role] == trace.point.call;
}

/* Each stop is a turn of two processes on a machine that has others: only where they are looked at. */
static void resume(const struct task *task, int signal)
{
	bool stops = trace.traced & 1u << task->role && !trace.over;

	if (!(trace.hung & 1u << task->role))
		ptrace(stops ? PTRACE_SYSCALL : PTRACE_CONT, task->tid, NULL, signal);
}

static void on_entry(struct task *task, const struct ptrace_syscall_info *call)
{
	long count = ++facts.calls[task->role];

	task->number = call->entry.nr;
	task->third = call->entry.args[2];
	task->request = 0;
	task->volume = -1;
	if (task->role < VICTIMS_N && count < CALLS_MAX) {
		facts.numbers[task->role][count] = (int)task->number;
		facts.parts[task->role][count] = (unsigned char)facts.part;
	}
	if (is_point(task) && trace.point.when == BEFORE) {
		strike(task);
		return;
	}
	if (task->number == SYS_ioctl &&
		(call->entry.args[1] == FIFREEZE || call->entry.args[1] == FITHAW)) {
		task->request = call->entry.args[1];
		note_begin(task, call->entry.args[0]);
	}
	task->in_call = true;
	task->last = is_point(task) && trace.point.when == AFTER;
	if (is_point(task) && trace.point.when == WITHIN) {
		resume(task, 0);
		usleep(trace.point.delay_us);
		strike(task);
	}
}

static void on_exit_of_call(struct task *task, const struct ptrace_syscall_info *call)
{
	if (task->request != 0)
		note_end(task, call->exit.rval);
	task->in_call = false;
	task->request = 0;
	if (task->last && facts.died_us == 0)
		strike(task);
	task->last = false;
}

static void on_syscall(struct task *task)
{
	struct ptrace_syscall_info call;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, task->tid, sizeof(call), &call) < 0)
		return;
	if (call.op == PTRACE_SYSCALL_INFO_ENTRY)
		on_entry(task, &call);
	else if (call.op == PTRACE_SYSCALL_INFO_EXIT)
		on_exit_of_call(task, &call);
}

static void on_stop(struct task *task, int status)
{
	int event = status >> 16, signal = 0;

	task->turning = false;
	if (WSTOPSIG(status) == SYSCALL_STOP)
		on_syscall(task);
	else if (event == PTRACE_EVENT_EXEC)
		name_it(task);
	else if (event == 0)
		signal = WSTOPSIG(status); /* one of its own, on its way */
	resume(task, signal);
}

void trace_pump(void)
{
	int status;
	pid_t tid;

	while ((tid = waitpid(-1, &status, __WALL | WNOHANG)) > 0) {
		struct task *task = find(tid);

		if (!WIFSTOPPED(status)) {
			if (task)
				forget(task);
			continue;
		}
		if (!task)
			task = add(tid, process_of(tid));
		on_stop(task, status);
	}
}

/* --- the daemon --- */

static void become(char *const *argv, int log, const int *go)
{
	sigset_t none;
	char byte;

	close(go[1]);
	if (read(go[0], &byte, 1) != 1)
		_exit(127);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setenv("SYSTEMD_EXEC_PID", "0", 1);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	execv(argv[0], argv);
	_exit(127);
}

void trace_start(char *const *argv, int log)
{
	int go[2];
	pid_t pid;

	if (pipe2(go, O_CLOEXEC) < 0)
		die("pipe");
	pid = fork();
	if (pid == 0)
		become(argv, log, go);
	close(go[0]);
	if (pid < 0 || ptrace(PTRACE_SEIZE, pid, NULL, OPTIONS) < 0 ||
		ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) < 0)
		die(argv[0]);
	add(pid, pid)->role = DAEMON;
	if (write(go[1], "", 1) != 1)
		die("pipe");
	close(go[1]);
}

void trace_begin(const struct point *point, unsigned int traced)
{
	memset(&facts, 0, sizeof(facts));
	trace.point = *point;
	trace.traced = traced;
	trace.over = false;
	trace.children = 0;
	for (unsigned int i = 0; i < trace.n; i++) {
		struct task *task = &trace.tasks[i];

		task->in_call = false;
		task->turning = traced & 1u << task->role &&
				ptrace(PTRACE_INTERRUPT, task->tid, NULL, NULL) == 0;
	}
}

bool trace_has_begun(void)
{
	for (unsigned int i = 0; i < trace.n; i++)
		if (trace.tasks[i].turning)
			return false;
	return true;
}

void trace_part(enum part part)
{
	if (facts.part < part)
		facts.part = part;
}
