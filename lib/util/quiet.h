/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Descriptors that have something to say now and then. A main loop asks each of its own at every turn, several
 * times for each request; these wait together behind one (epoll(7)).
 *
 * Not for what forgets its news when it is asked: files of /proc that are polled for POLLPRI. On the default main
 * context alone.
 */
#pragma once

#include <glib-unix.h>

/* As g_unix_fd_add(), with ids of its own, never 0. Remove it before @fd is closed. */
guint hvis_quiet_add(int fd, GIOCondition condition, GUnixFDSourceFunc func, gpointer data);

void hvis_quiet_remove(guint id); /* what is gone is ignored */
