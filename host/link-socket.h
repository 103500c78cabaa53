/* SPDX-License-Identifier: GPL-2.0-only */
/* The listening sockets of link mode. */
#pragma once

#include <glib.h>

/*
 * Listen on @path with SOCK_SEQPACKET, mode 0600, in place of any socket that is there: the caller
 * knows that nobody else has it. HVIS_ERROR_EXISTS where something else is there.
 */
int link_socket_listen(const char *path, GError **error);
void link_socket_remove(const char *path);
