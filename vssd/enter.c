/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One packet each way: the target, and the same with an error or with the descriptor. The unit's standard
 * input is the socket. What hangs there, in a mount of the container's own making, holds nothing up but
 * itself: it is given up, and the unit has a limit of its own.
 */
#include "config.h"

#include "vssd/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vssd/fs.h"

extern char **environ;

/* Nothing is blocked or ignored for it, and nothing else is open. */
static int spawn(const char *systemd_run, int sock, pid_t *ret_pid)
{
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *argv[] = { (char *)systemd_run, (char *)"--quiet", (char *)"--wait", (char *)"--pipe",
		(char *)"--collect", (char *)"--service-type=exec",
		(char *)"--description=Open a file system of a container for a backup",
		(char *)"--property=DefaultDependencies=no", (char *)"--property=RuntimeMaxSec=20s",
		(char *)"--property=TimeoutStopSec=1s", (char *)"--", self,
		(char *)VSS_ENTER_OPTION, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, pipe;
	int err;

	if (len < 0)
		return errno;
	self[len] = '\0';
	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	posix_spawnattr_setsigdefault(&attr, &pipe);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, sock, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	err = posix_spawn(ret_pid, systemd_run, &actions, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return err;
}

static void set_limit(int sock, int ms)
{
	const struct timeval limit = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000L };

	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

/* What became of the process that was asked at @sock. */
static int await(int sock, int *ret_fd)
{
	struct vss_msg msg;
	int fd, err;

	set_limit(sock, VSS_ENTER_MS);
	err = vss_receive(sock, &msg, &fd);
	if (err == EAGAIN)
		return ETIMEDOUT;
	if (err != 0)
		return EACCES; /* it has ended without a word, or was never there */
	if (msg.err == 0 && fd < 0)
		return EPROTO;
	if (msg.err != 0 && fd >= 0)
		close(fd);
	if (msg.err == 0)
		*ret_fd = fd;
	return msg.err;
}

int vss_enter_open(const char *systemd_run, const struct vss_target *target, int *ret_fd)
{
	struct vss_msg msg = { .type = VSS_MSG_TARGET, .target = *target };
	int pair[2], err;
	pid_t pid = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return errno;
	err = vss_send(pair[0], &msg, -1);
	if (err == 0)
		err = spawn(systemd_run, pair[1], &pid);
	close(pair[1]);
	if (err == 0)
		err = await(pair[0], ret_fd);
	close(pair[0]);
	if (pid > 0) {
		if (err != 0)
			kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return err;
}

int vss_enter_serve(int sock)
{
	static struct vss_msg msg; /* too long for a stack */
	int fd, err = vss_receive(sock, &msg, &fd);

	if (fd >= 0)
		close(fd);
	if (err != 0 || msg.type != VSS_MSG_TARGET)
		return 2;
	fd = -1;
	msg.err = vss_fs_open_here(&msg.target, &fd);
	err = vss_send(sock, &msg, fd);
	if (fd >= 0)
		close(fd);
	return err == 0 ? 0 : 3;
}
