/* SPDX-License-Identifier: GPL-2.0-only */
#include "config.h"

#include "bench/kvp/side.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <util/error.h>

#define READY_MS 20000

/* The pools are reached through a link, so that they can lie on another file system. */
static char *in_dir(const Side *side, const char *name)
{
	return g_build_filename(side->dir, name, NULL);
}

gboolean side_init(Side *side, const char *name, const char *program, const char *root,
	const char *shim, GError **error)
{
	g_autofree char *device = NULL, *pools = NULL, *control = NULL;

	*side = (Side){ .name = name, .ours = root == NULL };
	side->dir = g_dir_make_tmp("hvis-bench-XXXXXX", error);
	if (!side->dir)
		return FALSE;
	device = in_dir(side, "hv_kvp");
	pools = in_dir(side, "pools");
	control = in_dir(side, "kvp.sock");
	side->envp = g_get_environ();
	if (side->ours) {
		const char *argv[] = { program, "-n", "--device", device, "--pool-dir", pools,
			"--socket", control, NULL };

		side->argv = g_strdupv((char **)argv);
	} else {
		const char *argv[] = { program, "-n", NULL };

		side->argv = g_strdupv((char **)argv);
		side->envp = g_environ_setenv(side->envp, "LD_PRELOAD", shim, TRUE);
		side->envp = g_environ_setenv(side->envp, "HVIS_PEER_DEVICE", device, TRUE);
		side->envp = g_environ_setenv(side->envp, "HVIS_PEER_POOLS", pools, TRUE);
		side->envp = g_environ_setenv(side->envp, "HVIS_PEER_ROOT", root, TRUE);
	}
	return device_host_init(&side->host, device, error);
}

/* Files of one folder, and the folder. */
static void remove_flat(const char *dir)
{
	g_autoptr(GDir) list = g_dir_open(dir, 0, NULL);
	const char *name;

	while (list && (name = g_dir_read_name(list))) {
		g_autofree char *path = g_build_filename(dir, name, NULL);

		g_unlink(path);
	}
	g_rmdir(dir);
}

static void remove_pools(Side *side)
{
	g_autofree char *link = in_dir(side, "pools");
	g_autofree char *target = g_file_read_link(link, NULL);

	if (target)
		remove_flat(target);
	g_unlink(link);
}

void side_deinit(Side *side)
{
	side_stop(side);
	device_host_deinit(&side->host);
	if (side->dir) {
		remove_pools(side);
		remove_flat(side->dir);
	}
	g_clear_pointer(&side->dir, g_free);
	g_strfreev(g_steal_pointer(&side->argv));
	g_strfreev(g_steal_pointer(&side->envp));
}

char *side_pool(const Side *side, guint pool)
{
	g_autofree char *name = g_strdup_printf("pools/.kvp_pool_%u", pool);

	return in_dir(side, name);
}

static gboolean fill_pool(const Side *side, guint pool, guint count, GError **error)
{
	g_autofree char *path = side_pool(side, pool);
	gsize size = count * sizeof(struct hvis_kvp_record);
	g_autofree char *bytes = g_malloc0(size + 1);

	for (guint i = 0; i < count; i++) {
		struct hvis_kvp_record record = { 0 };

		g_snprintf(record.key, sizeof(record.key), "Key%u", i);
		g_snprintf(record.value, sizeof(record.value), "value %u", i);
		memcpy(bytes + i * sizeof(record), &record, sizeof(record));
	}
	return g_file_set_contents_full(
		path, bytes, (gssize)size, G_FILE_SET_CONTENTS_NONE, 0644, error);
}

gboolean side_fill(Side *side, const char *where, guint count, GError **error)
{
	g_autofree char *link = in_dir(side, "pools");
	g_autofree char *target = g_build_filename(where, "hvis-bench-pools-XXXXXX", NULL);

	remove_pools(side);
	if (!g_mkdtemp_full(target, 0755) || symlink(target, link) < 0)
		return hvis_fail_errno(error, errno, "%s", target);
	for (guint pool = 0; pool < HVIS_KVP_POOL_N; pool++) {
		if (!fill_pool(side, pool, pool < 2 ? count : 0, error))
			return FALSE;
	}
	return TRUE;
}

gboolean side_start(Side *side, GError **error)
{
	GSpawnFlags flags = G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL |
			    G_SPAWN_STDERR_TO_DEV_NULL | G_SPAWN_LEAVE_DESCRIPTORS_OPEN;

	if (!g_spawn_async(NULL, side->argv, side->envp, flags, NULL, NULL, &side->pid, error))
		return FALSE;
	if (device_host_accept(&side->host, READY_MS, error))
		return TRUE;
	g_prefix_error(error, "%s: ", side->name);
	side_stop(side);
	return FALSE;
}

void side_stop(Side *side)
{
	if (side->pid) {
		kill(side->pid, SIGKILL);
		waitpid(side->pid, NULL, 0);
	}
	side->pid = 0;
	device_host_hang_up(&side->host);
}
