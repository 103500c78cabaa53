/* SPDX-License-Identifier: GPL-2.0-only */
#include "config.h"

#include "bench/kvp/echo.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <hvis/kvp.h>
#include <util/error.h>

#include "bench/lib/device-host.h"

enum { ROUNDS = 15, TIMES = 200, READY_MS = 20000 };

/* In the child. As a daemon, which waits for other things as well, it asks poll(2) before it receives. */
static void G_NORETURN answer_all(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	struct hvis_kvp_dev_msg message = { .hdr.op = HVIS_KVP_OP_REGISTER1 };
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	gboolean is_first = TRUE;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		_exit(1);
	while (send(fd, &message, sizeof(message), MSG_NOSIGNAL) > 0) {
		ssize_t n = 0;

		/* The notice and the kernel's answer to the registration want none. */
		for (int unanswered = is_first ? 2 : 0; unanswered >= 0; unanswered--) {
			poll(&poll_fd, 1, -1);
			n = recv(fd, &message, sizeof(message), MSG_DONTWAIT);
		}
		is_first = FALSE;
		if (n <= 0)
			break;
	}
	_exit(0);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static gboolean measure(DeviceHost *host, EchoTimes *ret, GError **error)
{
	struct hvis_kvp_dev_msg message = { .hdr.op = HVIS_KVP_OP_ENUMERATE };
	double took[ROUNDS];

	if (!device_host_accept(host, READY_MS, error))
		return FALSE;
	for (int round = 0; round < ROUNDS; round++) {
		gint64 start = g_get_monotonic_time();

		for (int i = 0; i < TIMES; i++) {
			if (!device_host_ask(host, &message, error))
				return FALSE;
		}
		took[round] = (double)(g_get_monotonic_time() - start) / TIMES;
	}
	qsort(took, ROUNDS, sizeof(*took), compare);
	*ret = (EchoTimes){ took[0], took[ROUNDS / 2] };
	return TRUE;
}

gboolean echo_measure(const char *path, EchoTimes *ret, GError **error)
{
	DeviceHost host;
	gboolean done = FALSE;
	pid_t child;

	if (!device_host_init(&host, &device_kvp, path, error))
		return FALSE;
	child = fork();
	if (child == 0)
		answer_all(path);
	if (child > 0) {
		done = measure(&host, ret, error);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	} else {
		hvis_fail(error, HVIS_ERROR_FAILED, "fork");
	}
	device_host_deinit(&host);
	return done;
}
