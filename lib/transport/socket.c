/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The socket of "hvis-host link", which plays a character device (hvis/link.h): whole messages, and
 * notices that stand for the results of open(2) and write(2). The first notice is awaited like any
 * message, not in open(), so that a daemon and a link can live on one main loop.
 */
#include <transport/transport.h>

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <hvis/link.h>

#include <util/error.h>
#include <util/fd.h>

typedef struct {
	HvisTransport transport; /* first: the ops get back to us by it */
	int fd;
	gboolean opened; /* the notice that stands for open(2) was seen */
} Socket;

static const char *shown(const Socket *s)
{
	return s->transport.path ? s->transport.path : "socket";
}

static gboolean fail_gone(Socket *s, GError **error)
{
	return hvis_fail(error, HVIS_ERROR_CLOSED, "%s: hung up", shown(s));
}

/* What a notice means: 0 = go on, -1 = an error. */
static int take_notice(Socket *s, const struct hvis_link_notice *notice, GError **error)
{
	int err = (int)hvis_le32_get(notice->error);

	if (!s->opened && err == EBUSY)
		hvis_fail(error, HVIS_ERROR_BUSY, "%s is in use by another daemon", shown(s));
	else if (!s->opened && err)
		hvis_fail_errno(error, err, "open %s", shown(s));
	else if (err)
		hvis_fail(error, HVIS_ERROR_PROTOCOL, "%s: the link waits for no message (%s)",
			shown(s), g_strerror(err));
	s->opened = TRUE;
	return err ? -1 : 0;
}

static gboolean is_notice(const void *bytes, gsize len, struct hvis_link_notice *ret)
{
	if (len != sizeof(*ret))
		return FALSE;
	memcpy(ret, bytes, sizeof(*ret));
	return hvis_le32_get(ret->magic) == HVIS_LINK_MAGIC;
}

/*
 * A reset says that the other end left without reading what we sent; what it sent itself before
 * comes with the next call.
 */
static ssize_t receive_packet(Socket *s, void *buf, gsize size)
{
	for (;;) {
		ssize_t n = recv(s->fd, buf, size, MSG_DONTWAIT | MSG_TRUNC);

		if (n >= 0 || (errno != EINTR && errno != ECONNRESET))
			return n;
	}
}

static gssize socket_receive(HvisTransport *transport, void *buf, gsize size, GError **error)
{
	Socket *s = (Socket *)transport;
	struct hvis_link_notice notice;
	guint8 small[sizeof(notice)];
	gboolean roomy = size >= sizeof(small);
	ssize_t n = receive_packet(s, roomy ? buf : small, roomy ? size : sizeof(small));

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		return 0;
	if (n < 0) {
		hvis_fail_errno(error, errno, "receive from %s", shown(s));
		return -1;
	}
	if (n == 0) {
		fail_gone(s, error);
		return -1;
	}
	if (is_notice(roomy ? buf : small, (gsize)n, &notice))
		return take_notice(s, &notice, error);
	s->opened = TRUE;
	if ((gsize)n > size) {
		hvis_fail(error, HVIS_ERROR_NO_SPACE, "%s: a message of %zd bytes, %zu at most",
			shown(s), n, size);
		return -1;
	}
	if (!roomy)
		memcpy(buf, small, (gsize)n);
	return n;
}

/* The link hung up. Where it said why and we have not read it yet, that is the better error. */
static gboolean explain_hangup(Socket *s, GError **error)
{
	struct hvis_link_notice notice;
	ssize_t n = s->opened ? 0 : receive_packet(s, &notice, sizeof(notice));

	if (n > 0 && is_notice(&notice, (gsize)n, &notice) && take_notice(s, &notice, error) < 0)
		return FALSE;
	return fail_gone(s, error);
}

static gboolean socket_send(HvisTransport *transport, const void *msg, gsize len, GError **error)
{
	Socket *s = (Socket *)transport;

	for (;;) {
		ssize_t n = send(s->fd, msg, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0)
			return TRUE;
		if (errno == EINTR)
			continue;
		if (errno == EPIPE || errno == ECONNRESET)
			return explain_hangup(s, error);
		/* a link takes every message before it asks the next: a full queue is a dead one */
		return hvis_fail_errno(
			error, errno == EAGAIN ? EIO : errno, "send to %s", shown(s));
	}
}

static int socket_fd(HvisTransport *transport)
{
	return ((Socket *)transport)->fd;
}

static void socket_close(HvisTransport *transport)
{
	Socket *s = (Socket *)transport;

	hvis_fd_clear(&s->fd);
	g_free(s);
}

static const HvisTransportOps socket_ops = {
	.kind = "socket",
	.send = socket_send,
	.receive = socket_receive,
	.fd = socket_fd,
	.close = socket_close,
};

HvisTransport *hvis_socket_new(int fd)
{
	Socket *s = g_new0(Socket, 1);

	s->transport.ops = &socket_ops;
	s->fd = fd;
	return &s->transport;
}

HvisTransport *hvis_socket_open(const char *path, GError **error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	hvis_autofd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	HvisTransport *transport;

	if (fd < 0) {
		hvis_fail_errno(error, errno, "create a socket");
		return NULL;
	}
	if (g_strlcpy(address.sun_path, path, sizeof(address.sun_path)) >=
		sizeof(address.sun_path)) {
		hvis_fail(error, HVIS_ERROR_INVALID, "%s: too long for a socket", path);
		return NULL;
	}
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		hvis_fail_errno(error, errno == EAGAIN ? EBUSY : errno, "connect to %s", path);
		return NULL;
	}
	transport = hvis_socket_new(hvis_fd_steal(&fd));
	transport->path = g_strdup(path);
	return transport;
}
