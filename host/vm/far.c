// SPDX-License-Identifier: GPL-2.0-only
/*
 * The four kinds of far end. A terminal is put into raw mode for as long as the line exists.
 */
#include "config.h"

#include "host/vm/far.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>
#include "util/error.h"
#include "util/fd.h"

struct FarEnd {
	int in_fd, out_fd; /* borrowed, or equal to owned_fd */
	int owned_fd; /* the file, or the peer */
	int listen_fd;
	guint listen_id;
	char *socket_path;
	gboolean terminal;
	struct termios saved;
	void (*changed)(gpointer data);
	gpointer data;
};

static void far_end_raw(FarEnd *far)
{
	struct termios raw;

	if (far->in_fd < 0 || !isatty(far->in_fd) || tcgetattr(far->in_fd, &far->saved) < 0)
		return;
	raw = far->saved;
	cfmakeraw(&raw);
	raw.c_oflag |= OPOST; /* our own messages go to the same terminal */
	far->terminal = tcsetattr(far->in_fd, TCSANOW, &raw) == 0;
}

static gboolean on_connection(gint fd, GIOCondition condition G_GNUC_UNUSED, gpointer data)
{
	FarEnd *far = data;
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (peer < 0)
		return G_SOURCE_CONTINUE;
	/* One peer at a time; the next one waits in the queue of the socket. */
	far->owned_fd = far->in_fd = far->out_fd = peer;
	far->listen_id = 0;
	far->changed(far->data);
	return G_SOURCE_REMOVE;
}

/* Does somebody listen there? A connection that ends at once is all that one sees of it. */
static gboolean far_end_is_taken(const struct sockaddr_un *address)
{
	hvis_autofd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 && (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
				  errno == EAGAIN);
}

static gboolean far_end_listen(FarEnd *far, const char *path, GError **error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct stat st;

	if (strlen(path) >= sizeof(address.sun_path))
		return hvis_fail(error, HVIS_ERROR_INVALID, "socket path %s is too long", path);
	strcpy(address.sun_path, path);
	far->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (far->listen_fd < 0)
		return hvis_fail_errno(error, errno, "socket %s", path);
	/* What an earlier run left behind; anything else there is not ours to remove. */
	if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode)) {
		if (far_end_is_taken(&address))
			return hvis_fail(
				error, HVIS_ERROR_BUSY, "socket %s: somebody else has it", path);
		unlink(path);
	}
	if (bind(far->listen_fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return hvis_fail_errno(error, errno, "socket %s", path);
	far->socket_path = g_strdup(path);
	if (listen(far->listen_fd, 1) < 0)
		return hvis_fail_errno(error, errno, "socket %s", path);
	far->listen_id = g_unix_fd_add(far->listen_fd, G_IO_IN, on_connection, far);
	return TRUE;
}

FarEnd *far_end_new(
	const VmSerial *where, void (*changed)(gpointer data), gpointer data, GError **error)
{
	FarEnd *far = g_new0(FarEnd, 1);
	gboolean ok = TRUE;

	far->in_fd = where->in_fd;
	far->out_fd = where->out_fd;
	far->owned_fd = far->listen_fd = -1;
	far->changed = changed;
	far->data = data;
	if ((far->in_fd >= 0 || far->out_fd >= 0) + !!where->file + !!where->socket > 1)
		ok = hvis_fail(error, HVIS_ERROR_INVALID, "a serial port leads to one place only");
	else if (where->file)
		ok = (far->owned_fd = far->out_fd = hvis_open(
			      where->file, O_WRONLY | O_CREAT | O_TRUNC, error)) >= 0;
	else if (where->socket)
		ok = far_end_listen(far, where->socket, error);
	if (!ok) {
		far_end_free(far);
		return NULL;
	}
	far_end_raw(far);
	return far;
}

void far_end_free(FarEnd *far)
{
	if (!far)
		return;
	if (far->terminal)
		tcsetattr(far->in_fd, TCSANOW, &far->saved);
	g_clear_handle_id(&far->listen_id, g_source_remove);
	hvis_fd_clear(&far->listen_fd);
	hvis_fd_clear(&far->owned_fd);
	if (far->socket_path)
		unlink(far->socket_path);
	g_free(far->socket_path);
	g_free(far);
}

gboolean far_end_exists(const FarEnd *far)
{
	return far->out_fd >= 0 || far->listen_fd >= 0;
}

gboolean far_end_is_terminal(const FarEnd *far)
{
	return far->terminal;
}

int far_end_fd_in(const FarEnd *far)
{
	return far->in_fd;
}

int far_end_fd_out(const FarEnd *far)
{
	return far->out_fd;
}

gssize far_end_write(FarEnd *far, const guint8 *bytes, gsize len)
{
	struct pollfd p = { .fd = far->out_fd, .events = POLLOUT };
	gssize n;

	if (poll(&p, 1, 0) == 0)
		return 0;
	/* A socket takes MSG_DONTWAIT, and must not raise SIGPIPE. */
	n = far->listen_fd >= 0 ? send(far->out_fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL)
				: write(far->out_fd, bytes, len);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	return n;
}

void far_end_hangup(FarEnd *far)
{
	if (far->listen_fd < 0) { /* borrowed descriptors, or standard input at its end */
		far->in_fd = -1;
		return;
	}
	hvis_fd_clear(&far->owned_fd);
	far->in_fd = far->out_fd = -1;
	far->listen_id = g_unix_fd_add(far->listen_fd, G_IO_IN, on_connection, far);
	far->changed(far->data);
}

void far_end_lost(FarEnd *far)
{
	if (far->listen_fd >= 0)
		far_end_hangup(far);
	else
		far->out_fd = -1;
}
