/* SPDX-License-Identifier: GPL-2.0-only */
/* The listening sockets of link mode; see link-socket.h. */
#include "host/link-socket.h"
#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <util/error.h>
#include <util/fd.h>

#define BACKLOG 8

static gboolean address_of(const char *path, struct sockaddr_un *ret, GError **error)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(ret->sun_path))
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"%s: longer than %zu bytes, no socket can be there", path,
			sizeof(ret->sun_path) - 1);
	strcpy(ret->sun_path, path);
	return TRUE;
}

/* Remove what a host that died has left. */
static gboolean remove_dead(const char *path, GError **error)
{
	struct stat st;

	if (lstat(path, &st) != 0)
		return errno == ENOENT || hvis_fail_errno(error, errno, "%s", path);
	if (!S_ISSOCK(st.st_mode))
		return hvis_fail(error, HVIS_ERROR_EXISTS, "%s is there and is no socket", path);
	link_socket_remove(path);
	return TRUE;
}

int link_socket_listen(const char *path, GError **error)
{
	struct sockaddr_un address;
	hvis_autofd int fd = -1;

	if (!address_of(path, &address, error) || !remove_dead(path, error))
		return -1;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || fchmod(fd, 0600) != 0 ||
		bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		hvis_fail_errno(error, errno, "socket %s", path);
		return -1;
	}
	if (listen(fd, BACKLOG) != 0) {
		hvis_fail_errno(error, errno, "listen on %s", path);
		link_socket_remove(path);
		return -1;
	}
	return hvis_fd_steal(&fd);
}

void link_socket_remove(const char *path)
{
	if (unlink(path) != 0 && errno != ENOENT)
		g_debug("unlink %s: %s", path, g_strerror(errno));
}
