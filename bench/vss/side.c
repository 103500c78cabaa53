/* SPDX-License-Identifier: GPL-2.0-only */
#include "config.h"

#include "bench/vss/side.h"

#include <hvis/hresult.h>
#include <hvis/vss.h>
#include <util/error.h>

static const char *const names[SIDE_N] = { "ours", "peer", "fsfreeze" };

static void init_ours(Daemon *daemon, const char *place, const char *device)
{
	g_autofree char *program = g_build_filename(place, "hv_vss_daemon", NULL);
	g_autofree char *marker = g_build_filename(place, "marker", NULL);
	g_autofree char *control = g_build_filename(place, "control", NULL);
	const char *argv[] = { program, "-n", "--device", device, "--programs", place, "--marker",
		marker, "--socket", control, NULL };

	daemon->argv = g_strdupv((char **)argv);
}

static void init_peer(Daemon *daemon, const char *place, const char *device)
{
	g_autofree char *program = g_build_filename(place, "peer", NULL);
	const char *argv[] = { program, "-n", NULL };

	daemon->argv = g_strdupv((char **)argv);
	daemon->envp = g_environ_setenv(daemon->envp, "HVIS_PEER_DEVICE", device, TRUE);
}

static void init_fsfreeze(Daemon *daemon, const char *place)
{
	g_autofree char *program = g_build_filename(place, "fsfreeze", NULL);
	const char *argv[] = { program, "-f", "", NULL };

	daemon->argv = g_strdupv((char **)argv);
}

/* Both libraries for the peer, whose shim takes the variable away. */
static void set_shims(Side *side, const char *place, const char *notes)
{
	Daemon *daemon = &side->daemon;
	g_autofree char *shims =
		side->kind == SIDE_PEER
			? g_strdup_printf("%s/note-shim.so:%s/peer-shim.so", place, place)
			: g_strdup_printf("%s/note-shim.so", place);

	daemon->envp = g_environ_setenv(daemon->envp, "HVIS_BENCH_NOTES", notes, TRUE);
	daemon->envp = g_environ_setenv(daemon->envp, "LD_PRELOAD", shims, TRUE);
}

gboolean side_init(Side *side, SideKind kind, const char *place, const char *notes, GError **error)
{
	g_autofree char *device = g_strdup_printf("%s/device-%s", place, names[kind]);
	Daemon *daemon = &side->daemon;

	*side = (Side){ .kind = kind, .daemon.name = names[kind] };
	daemon->envp = g_get_environ();
	switch (kind) {
	case SIDE_OURS:
		init_ours(daemon, place, device);
		break;
	case SIDE_PEER:
		init_peer(daemon, place, device);
		break;
	case SIDE_FSFREEZE:
		init_fsfreeze(daemon, place);
		break;
	case SIDE_N:
		break;
	}
	set_shims(side, place, notes);
	return kind == SIDE_FSFREEZE ||
	       (device_host_init(&daemon->host, &device_vss, device, error) &&
		       daemon_start(daemon, error));
}

void side_deinit(Side *side)
{
	daemon_deinit(&side->daemon);
}

static gboolean ask(Side *side, guint8 op, GError **error)
{
	struct hvis_vss_dev_msg message = { .hdr.op = op };

	if (!device_host_ask(&side->daemon.host, &message, error)) {
		g_prefix_error(error, "%s: ", side->daemon.name);
		return FALSE;
	}
	return hvis_le32_get(message.status) == HVIS_S_OK ||
	       hvis_fail(error, HVIS_ERROR_FAILED, "%s: operation %u is answered with 0x%x",
		       side->daemon.name, op, hvis_le32_get(message.status));
}

static gboolean run_fsfreeze(Side *side, const char *how, const char *dir, GError **error)
{
	char *argv[] = { side->daemon.argv[0], (char *)how, (char *)dir, NULL };
	gint status;

	return g_spawn_sync(NULL, argv, side->daemon.envp, G_SPAWN_LEAVE_DESCRIPTORS_OPEN, NULL,
		       NULL, NULL, NULL, &status, error) &&
	       g_spawn_check_wait_status(status, error);
}

gboolean side_freeze(Side *side, const Volumes *volumes, GError **error)
{
	if (side->kind != SIDE_FSFREEZE)
		return ask(side, HVIS_VSS_OP_FREEZE, error);
	for (guint i = 0; i < volumes->n; i++)
		if (!run_fsfreeze(side, "-f", volumes->dirs[i], error))
			return FALSE;
	return TRUE;
}

gboolean side_thaw(Side *side, const Volumes *volumes, GError **error)
{
	if (side->kind != SIDE_FSFREEZE)
		return ask(side, HVIS_VSS_OP_THAW, error);
	for (guint i = volumes->n; i > 0; i--)
		if (!run_fsfreeze(side, "-u", volumes->dirs[i - 1], error))
			return FALSE;
	return TRUE;
}
