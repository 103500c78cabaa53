/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of a daemon that are the same in all; see the header. */
#include <service/daemon.h>

#include <signal.h>

#include <glib-unix.h>

#include <util/error.h>
#include <util/log.h>
#include <util/messages.h>

gboolean hvis_daemon_listen(
	VarlinkServer *server, const char *path, gboolean *ret_reachable, GError **error)
{
	const HvisLogContext context = { .message_id = HVIS_MESSAGE_SOCKET_FAILED };
	g_autoptr(GError) failed = NULL;
	gboolean reachable = varlink_server_listen(server, path, 0666, &failed);

	if (hvis_error_is(failed, HVIS_ERROR_BUSY)) {
		g_propagate_error(error, g_steal_pointer(&failed));
		return FALSE;
	}
	if (!reachable)
		hvis_log_with(HVIS_LOG_WARNING, &context, "hvctl cannot reach this daemon: %s",
			failed->message);
	if (ret_reachable)
		*ret_reachable = reachable;
	return TRUE;
}

void hvis_daemon_catch_signals(
	HvisDaemonLoop *loop, GSourceFunc quit, GSourceFunc reload, gpointer data)
{
	loop->loop = g_main_loop_new(NULL, FALSE);
	loop->sources[0] = g_unix_signal_add(SIGTERM, quit, data);
	loop->sources[1] = g_unix_signal_add(SIGINT, quit, data);
	loop->sources[2] = g_unix_signal_add(SIGHUP, reload, data);
}

void hvis_daemon_drop_signals(HvisDaemonLoop *loop)
{
	for (guint i = 0; i < G_N_ELEMENTS(loop->sources); i++)
		g_clear_handle_id(&loop->sources[i], g_source_remove);
	g_clear_pointer(&loop->loop, g_main_loop_unref);
}
