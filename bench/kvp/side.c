/* SPDX-License-Identifier: GPL-2.0-only */
#include "config.h"

#include "bench/kvp/side.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <util/error.h>

/* The pools are reached through a link, so that they can lie on another file system. */
static char *in_dir(const Side *side, const char *name)
{
	return g_build_filename(side->dir, name, NULL);
}

gboolean side_init(Side *side, const char *name, const char *program, const char *root,
	const char *shim, GError **error)
{
	g_autofree char *device = NULL, *pools = NULL, *control = NULL;
	Daemon *daemon = &side->daemon;

	*side = (Side){ .daemon.name = name, .ours = root == NULL };
	side->dir = g_dir_make_tmp("hvis-bench-XXXXXX", error);
	if (!side->dir)
		return FALSE;
	device = in_dir(side, "hv_kvp");
	pools = in_dir(side, "pools");
	control = in_dir(side, "kvp.sock");
	daemon->envp = g_get_environ();
	if (side->ours) {
		const char *argv[] = { program, "-n", "--device", device, "--pool-dir", pools,
			"--socket", control, NULL };

		daemon->argv = g_strdupv((char **)argv);
	} else {
		const char *argv[] = { program, "-n", NULL };

		daemon->argv = g_strdupv((char **)argv);
		daemon->envp = g_environ_setenv(daemon->envp, "LD_PRELOAD", shim, TRUE);
		daemon->envp = g_environ_setenv(daemon->envp, "HVIS_PEER_DEVICE", device, TRUE);
		daemon->envp = g_environ_setenv(daemon->envp, "HVIS_PEER_POOLS", pools, TRUE);
		daemon->envp = g_environ_setenv(daemon->envp, "HVIS_PEER_ROOT", root, TRUE);
	}
	return device_host_init(&daemon->host, &device_kvp, device, error);
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
	daemon_deinit(&side->daemon);
	if (side->dir) {
		remove_pools(side);
		remove_flat(side->dir);
	}
	g_clear_pointer(&side->dir, g_free);
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
