/* SPDX-License-Identifier: GPL-2.0-only */
/* A blocking client of one line. */
#include "config.h"

#include "kvpd/fqdn.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <util/fd.h>

#define NAME_MAX_LEN 253 /* RFC 1035, as text without the last dot */

static int connect_to(const char *path, guint wait_ms)
{
	const struct timeval wait = { wait_ms / 1000, (wait_ms % 1000) * 1000 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	hvis_autofd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return -1;
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) < 0 ||
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait)) < 0 ||
		connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -1;
	return hvis_fd_steal(&fd);
}

/* Until the end of the line, of the room, or of the connection. */
static gboolean read_line(int fd, char *buf, gsize room)
{
	gsize len = 0;

	while (len < room) {
		ssize_t n = recv(fd, buf + len, room - len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return FALSE;
		len += (gsize)n;
		if (n == 0 || memchr(buf, '\n', len))
			break;
	}
	return TRUE;
}

static gboolean is_name(const char *text)
{
	if (*text == '\0' || strlen(text) > NAME_MAX_LEN)
		return FALSE;
	for (; *text; text++)
		if (!g_ascii_isgraph(*text))
			return FALSE;
	return TRUE;
}

KvpFqdnResult kvp_fqdn_ask(const char *path, guint wait_ms, char **ret)
{
	hvis_autofd int fd = connect_to(path, wait_ms);
	char buf[NAME_MAX_LEN + 3] = {
		0
	}; /* and a newline, and one more to see that it is too long */

	if (fd < 0)
		return KVP_FQDN_NO_SERVICE;
	if (!read_line(fd, buf, sizeof(buf) - 1))
		return KVP_FQDN_UNKNOWN;
	*strchrnul(buf, '\n') = '\0';
	if (!is_name(buf))
		return KVP_FQDN_UNKNOWN;
	*ret = g_strdup(buf);
	return KVP_FQDN_FOUND;
}
