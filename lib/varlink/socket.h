/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A listening Unix socket at a path, for as long as one process lives. A lock file beside it decides
 * between two that start at once; the socket is bound under another name and renamed into place, so
 * that a caller finds the old one, then the new one, never none.
 */
#pragma once

#include <glib.h>
#include <sys/types.h>

typedef struct {
	int fd;
	int lock;
	char *path;
	char *lock_path;
	dev_t dev; /* what we put at path */
	ino_t ino;
} VarlinkSocket;

#define VARLINK_SOCKET_INIT                                                                        \
	{                                                                                          \
		.fd = -1, .lock = -1                                                               \
	}

/*
 * HVIS_ERROR_BUSY where a live server has @path, HVIS_ERROR_EXISTS where it is no socket. Where @path
 * is a symbolic link the socket is made where it points to, and the link is left alone.
 */
gboolean varlink_socket_listen(VarlinkSocket *socket, const char *path, guint mode, GError **error);

/* Remove what is ours. Fine for one that never listened. */
void varlink_socket_close(VarlinkSocket *socket);

/* A non-blocking socket connected to @path, -1 on error. */
int varlink_socket_connect(const char *path, GError **error);
