/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv_vss_hook PATH [USER]: runs the hook at PATH, as USER, as often as the daemon orders it through
 * standard input (hook-ipc.h), with a time limit for each call. It is there for as long as a backup, so
 * that what a freeze leaves running - the session of a data base that holds a lock - has a cgroup, and
 * somebody who reads its output and, where it comes to that, kills it: a subreaper, which no descendant
 * gets away from. It decides nothing, and logs nothing.
 *
 * The daemon's end of the socket closed: a call that runs is killed, unless it is thaw; and a hook that has
 * seen freeze sees thaw from here, once the file systems are thawed, for there may be no other daemon. Where
 * that fails what the freeze has left running is waited for, because a unit's cgroup is killed with its main
 * process, and the next daemon's thaw has still to reach it.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vssd/hook-ipc.h"
#include "vssd/ipc.h"

#define ENV_MAX 64u
#define LINGER_US (1200 * 1000000LL) /* longer than any backup may take */
#define FROZEN_US                                                                                  \
	(60 * 1000000LL) /* ours: for file systems to be thawed, which the guard does at once */

struct keeper {
	const char *path, *user; /* user: NULL: whoever we are */
	int sock, signals;
	int output[2]; /* a pipe, of all calls */
	int lock; /* the daemon's, kept for as long as we are there; or -1 */
	bool hung_up, cancel; /* the daemon has */
	bool owed; /* a thaw is, for the hook has seen freeze */
	bool thawing; /* the call that runs is it */
	pid_t child; /* of the call that runs; 0: there is none */
	int status; /* of the last one */
	struct vss_hook_answer answer; /* that is being made */
};

static struct keeper keeper;
static char order_buffer[VSS_HOOK_ORDER_MAX + 1];

/* The order of the last call that a thaw is owed for. */
static struct {
	struct vss_hook_order order;
	size_t len;
	char text[VSS_HOOK_ORDER_MAX + 1];
} owed;

/* --- the call, in its process --- */

static void child_fail(const char *what, const char *why)
{
	fprintf(stderr, "%s: %s\n", what, why);
	fflush(stderr);
	_exit(126);
}

/* Become the user, and know where he lives: as a login would have it. */
static void become(char **env, unsigned int n)
{
	static char home[PATH_MAX + 8], user[80], logname[80], shell[PATH_MAX + 8];
	const char *name = keeper.user ? keeper.user : "its user";
	struct passwd *pw = keeper.user ? getpwnam(keeper.user) : getpwuid(getuid());

	if (keeper.user) {
		if (!pw)
			child_fail(keeper.user, "there is no such user");
		if (initgroups(pw->pw_name, pw->pw_gid) < 0 ||
			setresgid(pw->pw_gid, pw->pw_gid, pw->pw_gid) < 0 ||
			setresuid(pw->pw_uid, pw->pw_uid, pw->pw_uid) < 0)
			child_fail(name, strerror(errno));
	}
	if (pw) {
		snprintf(home, sizeof(home), "HOME=%s", pw->pw_dir);
		snprintf(user, sizeof(user), "USER=%s", pw->pw_name);
		snprintf(logname, sizeof(logname), "LOGNAME=%s", pw->pw_name);
		snprintf(shell, sizeof(shell), "SHELL=%s", pw->pw_shell);
		env[n++] = home;
		env[n++] = user;
		env[n++] = logname;
		env[n++] = shell;
	}
	env[n] = NULL;
}

static void run_child(const char *verb, char **env, unsigned int n)
{
	char *argv[] = { (char *)keeper.path, (char *)verb, NULL };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	sigset_t none;

	setpgid(0, 0);
	dup2(null, 0);
	dup2(keeper.output[1], 1);
	dup2(keeper.output[1], 2);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	umask(022);
	become(env, n);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* where nobody is left to keep its limit */
	if (null < 0 || chdir("/") < 0)
		child_fail(keeper.path, strerror(errno));
	execve(keeper.path, argv, env);
	child_fail(keeper.path, strerror(errno));
}

/* --- what happens --- */

/* A pipe's fill at most: somebody may write faster than this reads. The last bytes are kept. */
static void read_output(void)
{
	struct vss_hook_answer *answer = &keeper.answer;
	char buf[4096];

	for (int i = 0; i < 16; i++) {
		ssize_t n = read(keeper.output[0], buf, sizeof(buf));
		size_t over;

		if (n <= 0)
			return;
		over = answer->len + (size_t)n > sizeof(answer->text)
			       ? answer->len + (size_t)n - sizeof(answer->text)
			       : 0;
		memmove(answer->text, answer->text + over, answer->len - over);
		answer->len -= (uint32_t)over;
		answer->dropped += over;
		memcpy(answer->text + answer->len, buf, (size_t)n);
		answer->len += (uint32_t)n;
	}
}

static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == keeper.child) {
			keeper.child = 0;
			keeper.status = status;
		}
}

static void read_signals(void)
{
	struct signalfd_siginfo info;

	while (read(keeper.signals, &info, sizeof(info)) == sizeof(info))
		;
	reap();
}

/* An order while a call runs can only be that it is to end. */
static void read_cancel(void)
{
	struct vss_hook_order order;
	ssize_t n = recv(keeper.sock, &order, sizeof(order), MSG_DONTWAIT);

	if (n > 0)
		keeper.cancel = true;
	else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		keeper.hung_up = true;
		keeper.cancel = !keeper.thawing;
	}
}

/* One round of waiting, until @deadline at most, a second at most. */
static void wait_for_any(int64_t deadline_us)
{
	struct pollfd polled[] = {
		{ .fd = keeper.output[0], .events = POLLIN },
		{ .fd = keeper.signals, .events = POLLIN },
		{ .fd = keeper.hung_up ? -1 : keeper.sock, .events = POLLIN },
	};

	if (poll(polled, 3, vss_poll_ms(deadline_us)) <= 0)
		return;
	if (polled[0].revents)
		read_output();
	if (polled[1].revents)
		read_signals();
	if (polled[2].revents)
		read_cancel();
}

/* --- the end of a call --- */

/* Whether there is a child, dead or alive, that has not been reaped. */
static bool has_children(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/*
 * Kill each child. Theirs become ours, and are the next round's; a number cannot have become somebody
 * else's, for only we reap them.
 */
static void kill_children(void)
{
	FILE *list = fopen("/proc/thread-self/children", "re");
	int pid;

	if (keeper.child > 0)
		kill(-keeper.child, SIGKILL);
	while (list && fscanf(list, "%d", &pid) == 1)
		kill(pid, SIGKILL);
	if (list)
		fclose(list);
}

static bool kill_all(void)
{
	int64_t deadline_us = vss_now() + VSS_HOOK_KILL_MS * 1000LL;

	while (has_children() && vss_now() < deadline_us) {
		int64_t next_us = vss_now() + 20000;

		kill_children();
		wait_for_any(next_us < deadline_us ? next_us : deadline_us);
		reap();
	}
	return !has_children();
}

/* End the call that runs, for the reason @end. */
static void end_call(enum vss_hook_end end)
{
	int64_t deadline_us = vss_now() + VSS_HOOK_TERM_MS * 1000LL;

	if (!keeper.hung_up)
		kill(-keeper.child, SIGTERM);
	while (keeper.child > 0 && !keeper.hung_up && vss_now() < deadline_us)
		wait_for_any(deadline_us);
	keeper.answer.end = end;
	if (!kill_all()) {
		keeper.answer.end = VSS_HOOK_STUCK;
		keeper.answer.value = end;
	}
}

static void wait_for_call(int64_t deadline_us)
{
	struct vss_hook_answer *answer = &keeper.answer;

	while (keeper.child > 0 && !keeper.cancel && vss_now() < deadline_us)
		wait_for_any(deadline_us);
	if (keeper.child > 0)
		end_call(keeper.cancel ? VSS_HOOK_CANCELLED : VSS_HOOK_TIMED_OUT);
	else if (WIFEXITED(keeper.status)) {
		answer->end = VSS_HOOK_EXITED;
		answer->value = (uint32_t)WEXITSTATUS(keeper.status);
	} else {
		answer->end = VSS_HOOK_SIGNALLED;
		answer->value = (uint32_t)WTERMSIG(keeper.status);
	}
	read_output();
}

static void call(const struct vss_hook_order *order, const char *verb, char **env, unsigned int n)
{
	int64_t start_us = vss_now();

	keeper.cancel = false;
	keeper.child = fork();
	if (keeper.child == 0)
		run_child(verb, env, n);
	if (keeper.child < 0) {
		keeper.child = 0;
		keeper.answer.end = VSS_HOOK_NOT_RUN;
		keeper.answer.value = (uint32_t)errno;
	} else {
		setpgid(keeper.child, keeper.child); /* here too: whoever is first */
		wait_for_call(start_us + order->timeout_ms * 1000LL);
	}
	keeper.answer.took_us = vss_now() - start_us;
}

/* --- orders --- */

/* The words behind an order of @len bytes; how many. */
static unsigned int split(char *text, size_t len, char **ret)
{
	unsigned int n = 0;

	text[len] = '\0';
	for (char *word = text; word < text + len && n < ENV_MAX - 8; word += strlen(word) + 1)
		ret[n++] = word;
	return n;
}

/* Take the descriptor that came with an order, if there is one. */
static void take_lock(struct msghdr *header)
{
	struct cmsghdr *part = CMSG_FIRSTHDR(header);

	if (!part || part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS ||
		part->cmsg_len != CMSG_LEN(sizeof(keeper.lock)))
		return;
	if (keeper.lock >= 0)
		close(keeper.lock);
	memcpy(&keeper.lock, CMSG_DATA(part), sizeof(keeper.lock));
}

/* The bytes of the next order; less than 1 where there is none. */
static ssize_t receive(void)
{
	struct iovec bytes = { .iov_base = order_buffer, .iov_len = VSS_HOOK_ORDER_MAX };
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct msghdr header = { .msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control) };
	ssize_t len = recvmsg(keeper.sock, &header, MSG_CMSG_CLOEXEC);

	if (len > 0)
		take_lock(&header);
	return len;
}

/* What is owed from the call of @order on, whose words are the @len bytes at @text. */
static void note_owed(const struct vss_hook_order *order, const char *text, size_t len)
{
	if (!(order->flags & VSS_HOOK_STAYS))
		return;
	keeper.owed = true;
	owed.order = *order;
	owed.len = len;
	memcpy(owed.text, text, len);
}

/* FALSE where that was the last one. */
static bool serve(void)
{
	static char *words[ENV_MAX];
	struct vss_hook_order order;
	ssize_t len = receive();
	unsigned int n;

	if (len < 0 && errno == EINTR)
		return true;
	if (len < (ssize_t)sizeof(order)) {
		keeper.hung_up = true;
		return false;
	}
	memcpy(&order, order_buffer, sizeof(order));
	len -= (ssize_t)sizeof(order);
	note_owed(&order, order_buffer + sizeof(order), (size_t)len);
	n = split(order_buffer + sizeof(order), (size_t)len, words);
	if ((order.flags & VSS_HOOK_CANCEL) || n < 2)
		return true; /* of a call that has ended */
	keeper.thawing = strcmp(words[1], "thaw") == 0;
	call(&order, words[1], words + 2, n - 2);
	keeper.owed = keeper.owed && !keeper.thawing;
	send(keeper.sock, &keeper.answer, sizeof(keeper.answer), MSG_NOSIGNAL);
	if (keeper.answer.end == VSS_HOOK_STUCK)
		return false;
	memset(&keeper.answer, 0, sizeof(keeper.answer));
	return !keeper.hung_up;
}

/* Between two calls: what the last one has left running writes, and ends. */
static bool is_next_order_there(void)
{
	struct pollfd polled[] = {
		{ .fd = keeper.output[0], .events = POLLIN },
		{ .fd = keeper.signals, .events = POLLIN },
		{ .fd = keeper.sock, .events = POLLIN },
	};

	if (poll(polled, 3, -1) < 0)
		return false;
	if (polled[0].revents)
		read_output();
	if (polled[1].revents)
		read_signals();
	return polled[2].revents != 0;
}

/* --- without a daemon --- */

/* Nothing of it may be held up by what is still frozen. */
static void wait_until_thawed(const char *frozen)
{
	int64_t deadline_us = vss_now() + FROZEN_US;

	while (access(frozen, F_OK) == 0 && vss_now() < deadline_us)
		wait_for_any(vss_now() + 50000);
}

/* The environment of @n words for the thaw that nobody has ordered. */
static void revise(char **env, unsigned int n)
{
	static char state[] = "HVIS_STATE=recovering", timeout[40];

	snprintf(timeout, sizeof(timeout), "HVIS_TIMEOUT=%u", (owed.order.thaw_ms + 999) / 1000);
	for (unsigned int i = 0; i < n; i++) {
		if (strncmp(env[i], state, strlen("HVIS_STATE=")) == 0)
			env[i] = state;
		else if (strncmp(env[i], timeout, strlen("HVIS_TIMEOUT=")) == 0)
			env[i] = timeout;
	}
}

static void thaw_alone(void)
{
	static char *words[ENV_MAX];
	struct vss_hook_order order = { .timeout_ms = owed.order.thaw_ms };
	unsigned int n = split(owed.text, owed.len, words);

	if (n < 2)
		return;
	memset(&keeper.answer, 0, sizeof(keeper.answer));
	revise(words + 2, n - 2);
	wait_until_thawed(words[0]);
	call(&order, "thaw", words + 2, n - 2);
	keeper.owed = keeper.answer.end != VSS_HOOK_EXITED || keeper.answer.value != 0;
	if (keeper.lock >= 0)
		close(keeper.lock); /* the next daemon's turn */
	keeper.lock = -1;
}

static void linger(void)
{
	int64_t deadline_us = vss_now() + LINGER_US;

	while (keeper.owed && has_children() && vss_now() < deadline_us) {
		wait_for_any(deadline_us);
		keeper.answer.len = 0; /* nobody reads it any more */
	}
}

/* Standard input becomes ours alone: the hook gets another one. */
static bool init(char **argv)
{
	sigset_t ours;

	keeper.lock = -1;
	keeper.path = argv[1];
	keeper.user = argv[2];
	keeper.sock = fcntl(0, F_DUPFD_CLOEXEC, 3);
	sigemptyset(&ours);
	sigaddset(&ours, SIGCHLD);
	sigprocmask(SIG_SETMASK, &ours, NULL);
	keeper.signals = signalfd(-1, &ours, SFD_CLOEXEC | SFD_NONBLOCK);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGHUP, SIG_IGN); /* whoever ends the terminal of the daemon */
	signal(SIGINT, SIG_IGN);
	setsid();
	return keeper.sock >= 0 && keeper.signals >= 0 &&
	       pipe2(keeper.output, O_CLOEXEC | O_NONBLOCK) == 0 &&
	       fcntl(keeper.output[1], F_SETFL, 0) == 0 &&
	       prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0 && chdir("/") == 0;
}

int main(int argc, char **argv)
{
	if (argc != 2 && argc != 3) {
		fputs("usage: hv_vss_hook PATH [USER], by hv_vss_daemon\n", stderr);
		return 2;
	}
	if (!init(argv)) {
		perror("hv_vss_hook");
		return 3;
	}
	while (!is_next_order_there() || serve())
		;
	if (keeper.hung_up && keeper.owed) {
		thaw_alone();
		linger();
	}
	return keeper.answer.end == VSS_HOOK_STUCK ? 1 : 0;
}
