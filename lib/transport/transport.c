/* SPDX-License-Identifier: GPL-2.0-only */
/* The operations by name, and the choice between a device and a socket. */
#include <transport/transport.h>

#include <errno.h>
#include <sys/stat.h>

#include <util/error.h>

HvisTransport *hvis_transport_open_path(const char *path, GError **error)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		hvis_fail_errno(error, errno, "open %s", path);
		return NULL;
	}
	return S_ISSOCK(st.st_mode) ? hvis_socket_open(path, error)
				    : hvis_chardev_open(path, error);
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
