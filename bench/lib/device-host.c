/* SPDX-License-Identifier: GPL-2.0-only */
#include "config.h"

#include "bench/lib/device-host.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <hvis/fcopy.h>
#include <hvis/kvp.h>
#include <hvis/link.h>
#include <hvis/vss.h>
#include <util/error.h>

#define ANSWER_S 60

/* What every stock kernel answers to the registration. */
static const struct hvis_kvp_dev_msg kvp_answer = { .hdr.op = HVIS_KVP_OP_REGISTER1,
	.body.version = "3.1" };
static const hvis_le32 vss_answer = { { HVIS_VSS_OP_REGISTER1 } };
static const hvis_le32 fcopy_answer = { { HVIS_FCOPY_DEVICE_VERSION } };

/* What a daemon says first. */
static const struct hvis_kvp_dev_msg kvp_first = { .hdr.op = HVIS_KVP_OP_REGISTER1 };
static const struct hvis_vss_dev_msg vss_first = { .hdr.op = HVIS_VSS_OP_REGISTER1 };

const DeviceKind device_kvp = { sizeof(kvp_first), sizeof(kvp_first), &kvp_first, &kvp_answer,
	sizeof(kvp_answer) };
const DeviceKind device_vss = { sizeof(vss_first), sizeof(vss_first), &vss_first, &vss_answer,
	sizeof(vss_answer) };
const DeviceKind device_fcopy = { sizeof(struct hvis_fcopy_write), sizeof(fcopy_answer),
	&fcopy_answer, &fcopy_answer, sizeof(fcopy_answer) };

gboolean device_host_init(
	DeviceHost *host, const DeviceKind *kind, const char *path, GError **error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	if (g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) >= sizeof(address.sun_path))
		return hvis_fail(error, HVIS_ERROR_INVALID, "%s: too long for a socket", path);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(fd, 1) < 0) {
		int saved = errno;

		if (fd >= 0)
			close(fd);
		return hvis_fail_errno(error, saved, "%s", path);
	}
	*host = (DeviceHost){ .kind = kind, .listener = fd, .daemon = -1, .path = g_strdup(path) };
	return TRUE;
}

void device_host_deinit(DeviceHost *host)
{
	if (!host->path)
		return;
	device_host_hang_up(host);
	close(host->listener);
	unlink(host->path);
	g_clear_pointer(&host->path, g_free);
}

void device_host_hang_up(DeviceHost *host)
{
	if (host->path && host->daemon >= 0)
		close(host->daemon);
	host->daemon = -1;
}

static gboolean wait_for_daemon(DeviceHost *host, int ms, GError **error)
{
	struct pollfd poll_fd = { .fd = host->listener, .events = POLLIN };
	int n = poll(&poll_fd, 1, ms); /* a signal is meant to end it */

	if (n == 0)
		return hvis_fail(error, HVIS_ERROR_TIMEOUT, "no daemon comes");
	return n > 0 || hvis_fail_errno(error, errno, "poll");
}

/* It waits by itself, up to ANSWER_S: a poll(2) before each would be our time, not the daemon's. */
static gboolean receive(DeviceHost *host, void *message, GError **error)
{
	ssize_t n = recv(host->daemon, message, host->kind->reply_len, 0);

	if (n == (ssize_t)host->kind->reply_len)
		return TRUE;
	if (n < 0 && errno == EAGAIN)
		return hvis_fail(error, HVIS_ERROR_TIMEOUT, "the daemon says nothing");
	return hvis_fail(error, HVIS_ERROR_IO, "the daemon has gone, or sent %zd bytes", n);
}

static gboolean send_bytes(DeviceHost *host, const void *bytes, gsize len, GError **error)
{
	if (send(host->daemon, bytes, len, MSG_NOSIGNAL) == (ssize_t)len)
		return TRUE;
	return hvis_fail_errno(error, errno, "send to the daemon");
}

gboolean device_host_accept(DeviceHost *host, int ms, GError **error)
{
	const struct timeval patience = { .tv_sec = ANSWER_S };
	struct hvis_link_notice notice = { .magic = hvis_le32_make(HVIS_LINK_MAGIC) };
	g_autofree guint8 *message = g_malloc0(host->kind->reply_len);

	device_host_hang_up(host);
	if (!wait_for_daemon(host, ms, error))
		return FALSE;
	host->daemon = accept4(host->listener, NULL, NULL, SOCK_CLOEXEC);
	if (host->daemon < 0)
		return hvis_fail_errno(error, errno, "accept");
	if (setsockopt(host->daemon, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return hvis_fail_errno(error, errno, "SO_RCVTIMEO");
	if (!send_bytes(host, &notice, sizeof(notice), error) || !receive(host, message, error))
		return FALSE;
	if (*message != *(const guint8 *)host->kind->registration)
		return hvis_fail(error, HVIS_ERROR_PROTOCOL, "the daemon does not register");
	return send_bytes(host, host->kind->answer, host->kind->answer_len, error);
}

gboolean device_host_ask(DeviceHost *host, void *message, GError **error)
{
	return device_host_ask_part(host, message, host->kind->len, error);
}

gboolean device_host_ask_part(DeviceHost *host, void *message, gsize len, GError **error)
{
	return send_bytes(host, message, len, error) && receive(host, message, error);
}
