/* SPDX-License-Identifier: GPL-2.0-only */
/* The listening sockets of link mode. */
#pragma once

#include <glib.h>

/*
 * Listen on @path with SOCK_SEQPACKET, mode 0600, in place of a socket that nobody listens on any
 * more. HVIS_ERROR_BUSY where somebody does, HVIS_ERROR_EXISTS where it is no socket.
 */
int link_socket_listen(const char *path, GError **error);
void link_socket_remove(const char *path);
