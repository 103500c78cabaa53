/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What all daemons do in the same way besides serving the host: listen for callers, and end or read their configuration
 * again by a signal. For the top of a daemon: it logs.
 */
#pragma once

#include <glib.h>

#include <varlink/varlink.h>

/*
 * Listen on @path, for everyone; makes its directory. HVIS_ERROR_BUSY where another daemon does. Where it cannot
 * be done the journal has it, nobody can call, and *@ret_reachable, which may be NULL, says so.
 */
gboolean hvis_daemon_listen(
	VarlinkServer *server, const char *path, gboolean *ret_reachable, GError **error);

/* A main loop that signals end. Zeroed at first; cleared with hvis_daemon_drop_signals(). */
typedef struct {
	GMainLoop *loop;
	guint sources[3];
} HvisDaemonLoop;

/*
 * From now on SIGTERM and SIGINT are for @quit and SIGHUP is for @reload, also those that come before the loop runs.
 * Both keep being called as long as they return G_SOURCE_CONTINUE.
 */
void hvis_daemon_catch_signals(
	HvisDaemonLoop *loop, GSourceFunc quit, GSourceFunc reload, gpointer data);
void hvis_daemon_drop_signals(HvisDaemonLoop *loop);
