/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Only in the builds for tests: see prove.h. From the environment
 *   HVIS_VSS_PROVE_DEVICES="7:0 0:39"  the superblocks that may be touched; none without it
 *   HVIS_VSS_PROVE_STEP=NAME:N:WHAT    at the N-th step NAME: kill "self", "guard", "daemon",
 *                                      "both" (guard and self), "stop" self, or do what the filter
 *                                      forbids, "call"
 *   HVIS_VSS_PROVE_HURRY=PATH          the switch of hurry.h; none without it
 *   HVIS_VSS_PROVE_GUARD, HVIS_VSS_PROVE_DAEMON  their process numbers
 */
#include "config.h"

#include "vssd/prove.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
	char devices[1024]; /* each between blanks */
	char step[32], what[16];
	int number, seen;
	pid_t guard, daemon;
} want;

static pid_t pid_of(const char *name)
{
	const char *text = getenv(name);

	return text ? atoi(text) : 0;
}

void vss_prove_init(void)
{
	const char *devices = getenv("HVIS_VSS_PROVE_DEVICES");
	const char *step = getenv("HVIS_VSS_PROVE_STEP");

	snprintf(want.devices, sizeof(want.devices), " %s ", devices ? devices : "");
	if (step && sscanf(step, "%31[^:]:%d:%15s", want.step, &want.number, want.what) != 3)
		abort();
	want.guard = pid_of("HVIS_VSS_PROVE_GUARD");
	want.daemon = pid_of("HVIS_VSS_PROVE_DAEMON");
}

/* Not by the table that the rest goes by: the machine's own must be safe from its mistakes, too. */
static bool is_machines_own(const struct stat *st)
{
	static const char *const own[] = { "/", "/usr", "/var", "/tmp", "/home", "." };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		struct stat other;

		if (stat(own[i], &other) == 0 && other.st_dev == st->st_dev)
			return true;
	}
	return false;
}

int vss_prove_target(int fd, const struct vss_target *target)
{
	struct stat st;
	char number[32];

	snprintf(number, sizeof(number), " %u:%u ", target->major, target->minor);
	if (!strstr(want.devices, number) || fstat(fd, &st) < 0 || is_machines_own(&st))
		return EPERM;
	return 0;
}

const char *vss_prove_hurry(const char *path)
{
	return getenv("HVIS_VSS_PROVE_HURRY");
}

#define ALLOW(name)                                                                                \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1),                                     \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

int vss_prove_quiet(void)
{
	/* kill is the test's own: see vss_prove_step(). */
	struct sock_filter rules[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		ALLOW(ioctl),
#ifdef SYS_poll
		ALLOW(poll),
#endif
		ALLOW(ppoll),
		ALLOW(read),
		ALLOW(write),
		ALLOW(clock_gettime),
		ALLOW(restart_syscall),
		ALLOW(exit),
		ALLOW(exit_group),
		ALLOW(kill),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog program = { .len = sizeof(rules) / sizeof(rules[0]), .filter = rules };

#ifdef __SANITIZE_ADDRESS__ /* makes calls of its own */
	return 0;
#endif
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return errno;
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
		return errno ? errno : EAGAIN;
	return 0;
}

static void kill_one(pid_t pid, int number)
{
	if (pid > 1)
		kill(pid, number);
}

void vss_prove_step(const char *name)
{
	static pid_t self;

	if (self == 0)
		self = getpid(); /* at the first step, which comes before the filter */
	if (want.number == 0 || strcmp(name, want.step) != 0 ||
		__atomic_add_fetch(&want.seen, 1, __ATOMIC_SEQ_CST) != want.number)
		return;
	if (strcmp(want.what, "guard") == 0 || strcmp(want.what, "both") == 0)
		kill_one(want.guard, SIGKILL);
	if (strcmp(want.what, "daemon") == 0)
		kill_one(want.daemon, SIGKILL);
	if (strcmp(want.what, "self") == 0 || strcmp(want.what, "both") == 0)
		kill_one(self, SIGKILL);
	if (strcmp(want.what, "stop") == 0)
		kill_one(self, SIGSTOP);
	if (strcmp(want.what, "call") == 0)
		syscall(SYS_getppid);
}
