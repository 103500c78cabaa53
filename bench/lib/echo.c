/* SPDX-License-Identifier: GPL-2.0-only */
#include "config.h"

#include "bench/lib/echo.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <util/error.h>

#include "bench/lib/pairs.h"

enum { ROUNDS = 15, TIMES = 200, READY_MS = 20000 };

/* In the child. As a daemon, which waits for other things as well, it asks poll(2) before it receives. */
static void G_NORETURN answer_all(const DeviceKind *kind, const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	guint8 *message = g_malloc0(kind->len);
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	gboolean is_first = TRUE;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	memcpy(message, kind->registration, kind->reply_len);
	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		_exit(1);
	while (send(fd, message, kind->reply_len, MSG_NOSIGNAL) > 0) {
		ssize_t n = 0;

		/* The notice and the kernel's answer to the registration want none. */
		for (int unanswered = is_first ? 2 : 0; unanswered >= 0; unanswered--) {
			poll(&poll_fd, 1, -1);
			n = recv(fd, message, kind->len, MSG_DONTWAIT);
		}
		is_first = FALSE;
		if (n <= 0)
			break;
	}
	_exit(0);
}

gboolean echo_start(Daemon *echo, const DeviceKind *kind, const char *path, GError **error)
{
	*echo = (Daemon){ .name = "echo" };
	if (!device_host_init(&echo->host, kind, path, error))
		return FALSE;
	echo->pid = fork();
	if (echo->pid == 0)
		answer_all(kind, path);
	if (echo->pid < 0) {
		echo->pid = 0;
		return hvis_fail_errno(error, errno, "fork");
	}
	return device_host_accept(&echo->host, READY_MS, error);
}

static gboolean measure(DeviceHost *host, EchoTimes *ret, GError **error)
{
	g_autofree guint8 *message = g_malloc0(host->kind->len);
	double took[ROUNDS];

	for (int round = 0; round < ROUNDS; round++) {
		gint64 start = g_get_monotonic_time();

		for (int i = 0; i < TIMES; i++) {
			if (!device_host_ask(host, message, error))
				return FALSE;
		}
		took[round] = (double)(g_get_monotonic_time() - start) / TIMES;
	}
	ret->median = pairs_median(took, ROUNDS);
	ret->best = took[0]; /* sorted by now */
	return TRUE;
}

gboolean echo_measure(const DeviceKind *kind, const char *path, EchoTimes *ret, GError **error)
{
	Daemon echo;
	gboolean done = echo_start(&echo, kind, path, error) && measure(&echo.host, ret, error);

	daemon_deinit(&echo);
	return done;
}
