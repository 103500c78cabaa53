/* SPDX-License-Identifier: GPL-2.0-only */
#include "config.h"

#include "bench/lib/echo.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <hvis/ring-reader.h>
#include <hvis/ring-writer.h>
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

/* --- at the far end of rings --- */

/* The next packet is sent back. FALSE where there is none. */
static gboolean send_back(struct hvis_ring *in, struct hvis_ring *out)
{
	static guint8 bytes[HVIS_IC_MAX_MESSAGE];
	struct hvis_packet_in packet;
	struct hvis_packet_out answer = { .type = HVIS_PACKET_INBAND, .payload = bytes };

	if (!hvis_ring_read_begin(in) || hvis_ring_read_next(in, &packet) != HVIS_RING_DONE ||
		packet.payload_len > sizeof(bytes) ||
		!hvis_packet_take(in, &packet, bytes, packet.payload_len))
		return FALSE;
	hvis_ring_read_commit(in);
	answer.xid = packet.xid;
	answer.payload_len = packet.payload_len;
	return hvis_ring_write_begin(out) && hvis_ring_write_put(out, &answer) == HVIS_RING_DONE;
}

static void G_NORETURN answer_all_uio(const UioHost *host)
{
	guint8 *rings = uio_host_far_rings(host);
	guint32 pages = (guint32)(host->size / 2 / HVIS_RING_PAGE), count = 1;
	struct pollfd poll_fd = { .fd = host->far, .events = POLLIN };
	struct hvis_ring in, out;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(host->wire); /* whose end is to be seen */
	if (rings == MAP_FAILED)
		_exit(1);
	hvis_ring_init(&out, (hvis_shared *)rings, pages);
	hvis_ring_init(&in, (hvis_shared *)(rings + host->size / 2), pages);
	hvis_ring_write_start(&out, 0);
	hvis_ring_read_start(&in);
	while (poll(&poll_fd, 1, -1) > 0 &&
		recv(host->far, &count, sizeof(count), MSG_DONTWAIT) > 0)
		while (send_back(&in, &out))
			if (hvis_ring_write_commit(&out))
				send(host->far, &count, sizeof(count), MSG_NOSIGNAL | MSG_DONTWAIT);
	_exit(0);
}

gboolean echo_start_uio(Daemon *echo, UioHost *host, GError **error)
{
	*echo = (Daemon){ .name = "echo", .pid = fork() };
	if (echo->pid == 0)
		answer_all_uio(host);
	if (echo->pid > 0)
		return TRUE;
	echo->pid = 0;
	return hvis_fail_errno(error, errno, "fork");
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
