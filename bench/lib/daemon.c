/* SPDX-License-Identifier: GPL-2.0-only */
#include "config.h"

#include "bench/lib/daemon.h"

#include <signal.h>
#include <sys/wait.h>

#define READY_MS 20000

void daemon_deinit(Daemon *daemon)
{
	daemon_stop(daemon);
	device_host_deinit(&daemon->host);
	g_strfreev(g_steal_pointer(&daemon->argv));
	g_strfreev(g_steal_pointer(&daemon->envp));
}

gboolean daemon_spawn(Daemon *daemon, GError **error)
{
	GSpawnFlags flags = G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL |
			    G_SPAWN_STDERR_TO_DEV_NULL | G_SPAWN_LEAVE_DESCRIPTORS_OPEN;

	return g_spawn_async(
		NULL, daemon->argv, daemon->envp, flags, NULL, NULL, &daemon->pid, error);
}

gboolean daemon_start(Daemon *daemon, GError **error)
{
	if (!daemon_spawn(daemon, error))
		return FALSE;
	if (device_host_accept(&daemon->host, READY_MS, error))
		return TRUE;
	g_prefix_error(error, "%s: ", daemon->name);
	daemon_stop(daemon);
	return FALSE;
}

void daemon_stop(Daemon *daemon)
{
	if (daemon->pid) {
		kill(daemon->pid, SIGKILL);
		waitpid(daemon->pid, NULL, 0);
	}
	daemon->pid = 0;
	device_host_hang_up(&daemon->host);
}
