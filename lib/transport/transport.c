/* SPDX-License-Identifier: GPL-2.0-only */
/* The operations by name, and the choice between a device, the rings of one, and a socket. */
#include <transport/transport.h>

#include <errno.h>
#include <poll.h>
#include <sys/stat.h>

#include <transport/find.h>
#include <transport/uio.h>
#include <util/error.h>

/* A directory of sysfs stands for the node that the VMBus device there has. */
static HvisTransport *open_vmbus(const char *dir, GError **error)
{
	g_autofree char *uio = hvis_find_uio(dir);
	g_autofree char *path = g_build_filename("/dev", uio, NULL);

	if (uio)
		return hvis_transport_open_path(path, error);
	hvis_fail(error, HVIS_ERROR_NOT_FOUND, "%s: uio_hv_generic has no such device", dir);
	return NULL;
}

HvisTransport *hvis_transport_open_path(const char *path, GError **error)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		hvis_fail_errno(error, errno, "open %s", path);
		return NULL;
	}
	if (S_ISSOCK(st.st_mode))
		return hvis_socket_open(path, error);
	if (S_ISDIR(st.st_mode))
		return open_vmbus(path, error);
	if (S_ISCHR(st.st_mode) && hvis_uio_is(HVIS_UIO_SYSFS, st.st_rdev))
		return hvis_uio_open(path, st.st_rdev, error);
	return hvis_chardev_open(path, error);
}

gboolean hvis_transport_send(HvisTransport *transport, const void *msg, gsize len, GError **error)
{
	return transport->ops->send(transport, msg, len, error);
}

gssize hvis_transport_receive(HvisTransport *transport, void *buf, gsize size, GError **error)
{
	return transport->ops->receive(transport, buf, size, error);
}

int hvis_transport_fd(HvisTransport *transport)
{
	return transport->ops->fd(transport);
}

gboolean hvis_transport_wait(HvisTransport *transport, int ms)
{
	struct pollfd pfd = { .fd = hvis_transport_fd(transport), .events = POLLIN };

	if (transport->ops->wait)
		return transport->ops->wait(transport, ms);
	return poll(&pfd, 1, ms) > 0 && (pfd.revents & POLLIN);
}

void hvis_transport_rest(HvisTransport *transport)
{
	transport->bursting = FALSE;
	if (transport->ops->rest)
		transport->ops->rest(transport);
}

void hvis_transport_close(HvisTransport *transport)
{
	if (!transport)
		return;
	g_free(g_steal_pointer(&transport->path));
	transport->ops->close(transport);
}

char *hvis_transport_describe(HvisTransport *transport)
{
	return g_strdup_printf("%s %s", transport->ops->kind,
		transport->path ? transport->path : "without a path");
}
