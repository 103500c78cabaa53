/* SPDX-License-Identifier: GPL-2.0-only */
/* Listening sockets that replace their dead predecessors; see the header. */
#include <varlink/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <util/error.h>
#include <util/fd.h>

static gboolean fill_address(struct sockaddr_un *address, const char *path, GError **error)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(address->sun_path))
		return hvis_fail(error, HVIS_ERROR_INVALID, "%s: too long for a socket", path);
	memcpy(address->sun_path, path, strlen(path) + 1);
	return TRUE;
}

static int stream_socket(GError **error)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		hvis_fail_errno(error, errno, "create a socket");
	return fd;
}

int varlink_socket_connect(const char *path, GError **error)
{
	struct sockaddr_un address;
	hvis_autofd int fd = -1;

	if (!fill_address(&address, path, error))
		return -1;
	fd = stream_socket(error);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		hvis_fail_errno(error, errno == EAGAIN ? EBUSY : errno, "connect to %s", path);
		return -1;
	}
	return hvis_fd_steal(&fd);
}

/* Another process may remove the file between our open and our lock: then ours locks nothing. */
static gboolean lock_is_current(int fd, const char *path)
{
	struct stat held, there;

	return fstat(fd, &held) == 0 && stat(path, &there) == 0 && held.st_dev == there.st_dev &&
	       held.st_ino == there.st_ino;
}

static int take_lock(const char *lock_path, const char *path, GError **error)
{
	for (;;) {
		hvis_autofd int fd =
			open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (fd < 0) {
			hvis_fail_errno(error, errno, "open %s", lock_path);
			return -1;
		}
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			if (errno == EINTR)
				continue;
			if (errno == EWOULDBLOCK)
				hvis_fail(
					error, HVIS_ERROR_BUSY, "%s: another server has it", path);
			else
				hvis_fail_errno(error, errno, "lock %s", lock_path);
			return -1;
		}
		if (lock_is_current(fd, lock_path))
			return hvis_fd_steal(&fd);
	}
}

/* The lock keeps our own kind apart; a stranger that listens here is found by knocking. */
static gboolean is_free(const char *path, GError **error)
{
	g_autoptr(GError) refused = NULL;
	hvis_autofd int fd = -1;
	struct stat st;

	if (lstat(path, &st) < 0)
		return errno == ENOENT || hvis_fail_errno(error, errno, "look at %s", path);
	if (!S_ISSOCK(st.st_mode))
		return hvis_fail(error, HVIS_ERROR_EXISTS, "%s: there, and not a socket", path);
	fd = varlink_socket_connect(path, &refused);
	if (fd >= 0 || hvis_error_is(refused, HVIS_ERROR_BUSY))
		return hvis_fail(error, HVIS_ERROR_BUSY, "%s: another server has it", path);
	return TRUE;
}

static gboolean bind_as(VarlinkSocket *s, const char *temporary, guint mode, GError **error)
{
	struct sockaddr_un address;
	struct stat st;

	if (!fill_address(&address, temporary, error))
		return FALSE;
	unlink(temporary);
	s->fd = stream_socket(error);
	if (s->fd < 0)
		return FALSE;
	if (bind(s->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return hvis_fail_errno(error, errno, "bind %s", temporary);
	if (chmod(temporary, mode) < 0 || listen(s->fd, 128) < 0 || lstat(temporary, &st) < 0 ||
		rename(temporary, s->path) < 0) {
		int err = errno;

		unlink(temporary);
		return hvis_fail_errno(error, err, "listen on %s", s->path);
	}
	s->dev = st.st_dev;
	s->ino = st.st_ino;
	return TRUE;
}

/* Where a link at @path points to, or @path. One link, as callers' connect(2) would follow it. */
static char *follow(const char *path)
{
	g_autofree char *target = g_file_read_link(path, NULL);
	g_autofree char *dir = g_path_get_dirname(path);

	if (!target)
		return g_strdup(path);
	return g_path_is_absolute(target) ? g_steal_pointer(&target)
					  : g_build_filename(dir, target, NULL);
}

gboolean varlink_socket_listen(VarlinkSocket *s, const char *at, guint mode, GError **error)
{
	g_autofree char *path = follow(at);
	g_autofree char *dir = g_path_get_dirname(path);
	g_autofree char *name = g_path_get_basename(path);
	g_autofree char *temporary = g_strdup_printf("%s/.%s.new", dir, name);

	if (g_mkdir_with_parents(dir, 0755) < 0)
		return hvis_fail_errno(error, errno, "make %s", dir);
	s->lock_path = g_strdup_printf("%s/.%s.lock", dir, name);
	s->lock = take_lock(s->lock_path, path, error);
	if (s->lock < 0)
		return FALSE;
	if (!is_free(path, error))
		return FALSE;
	s->path = g_strdup(path);
	return bind_as(s, temporary, mode, error);
}

void varlink_socket_close(VarlinkSocket *s)
{
	struct stat st;

	if (s->ino && lstat(s->path, &st) == 0 && st.st_dev == s->dev && st.st_ino == s->ino)
		unlink(s->path);
	if (s->lock >= 0)
		unlink(s->lock_path);
	hvis_fd_clear(&s->fd);
	hvis_fd_clear(&s->lock); /* last: until here nobody else may come */
	g_free(s->path);
	g_free(s->lock_path);
	*s = (VarlinkSocket)VARLINK_SOCKET_INIT;
}
