/* SPDX-License-Identifier: GPL-2.0-only */
#include "config.h"

#include "bench/fcopy/side.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <hvis/fcopy.h>
#include <hvis/hresult.h>
#include <util/error.h>

#include "bench/lib/echo.h"

#define NAME "file"

static const char *const names[SIDE_N] = { "echo", "ours", "peer" };

static char *in_dir(const Side *side, const char *name)
{
	return g_build_filename(side->dir, name, NULL);
}

static gboolean start_ours(Side *side, const char *program, const char *device, GError **error)
{
	g_autofree char *control = in_dir(side, "control");
	const char *argv[] = { program, "-n", "--device", device, "--socket", control,
		"--state-dir", side->dir, NULL };

	side->daemon.argv = g_strdupv((char **)argv);
	side->daemon.envp = g_get_environ();
	return device_host_init(&side->daemon.host, &device_fcopy, device, error) &&
	       daemon_start(&side->daemon, error);
}

static gboolean start_peer(Side *side, const SideSetup *setup, const char *device, GError **error)
{
	const char *argv[] = { setup->peer, "-n", NULL };
	char **envp = g_get_environ();

	envp = g_environ_setenv(envp, "LD_PRELOAD", setup->shim, TRUE);
	side->daemon.envp = g_environ_setenv(envp, "HVIS_PEER_DEVICE", device, TRUE);
	side->daemon.argv = g_strdupv((char **)argv);
	return device_host_init(&side->daemon.host, &device_fcopy, device, error) &&
	       daemon_start(&side->daemon, error);
}

gboolean side_init(Side *side, SideKind kind, const SideSetup *setup, GError **error)
{
	g_autofree char *device = NULL, *in = NULL;

	*side = (Side){ .kind = kind, .daemon.name = names[kind] };
	side->dir = g_build_filename(setup->where, "hvis-bench-fcopy-XXXXXX", NULL);
	if (!g_mkdtemp(side->dir))
		return hvis_fail_errno(error, errno, "%s", side->dir);
	device = in_dir(side, "device");
	in = in_dir(side, "in");
	if (g_mkdir(in, 0755) < 0)
		return hvis_fail_errno(error, errno, "%s", in);
	switch (kind) {
	case SIDE_ECHO:
		return echo_start(&side->daemon, &device_fcopy, device, error) &&
		       (side->daemon.name = names[kind]);
	case SIDE_OURS:
		return start_ours(side, setup->ours, device, error);
	case SIDE_PEER:
		return start_peer(side, setup, device, error);
	case SIDE_N:
		break;
	}
	g_assert_not_reached();
}

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

void side_deinit(Side *side)
{
	daemon_deinit(&side->daemon);
	if (side->dir) {
		g_autofree char *in = in_dir(side, "in");

		remove_flat(in);
		remove_flat(side->dir);
	}
	g_clear_pointer(&side->dir, g_free);
}

/* --- the host's requests, as a guest's kernel gives them to its daemon --- */

/* Every fragment is another one, and none is all zeros. */
static void fill(guint8 *data, guint64 offset)
{
	memset(data, (int)(1 + offset / HVIS_FCOPY_FRAGMENT % 251), HVIS_FCOPY_FRAGMENT);
}

static gboolean ask(Side *side, void *message, gsize len, GError **error)
{
	guint32 status;

	if (!device_host_ask_part(&side->daemon.host, message, len, error)) {
		g_prefix_error(error, "%s: ", side->daemon.name);
		return FALSE;
	}
	status = hvis_le32_get(*(hvis_le32 *)message);
	return side->kind == SIDE_ECHO || status == HVIS_S_OK ||
	       hvis_fail(
		       error, HVIS_ERROR_FAILED, "%s: it answers 0x%x", side->daemon.name, status);
}

gboolean side_begin(Side *side, guint64 size, GError **error)
{
	struct hvis_fcopy_start start = { .hdr.op = hvis_le32_make(HVIS_FCOPY_OP_START),
		.flags = hvis_le32_make(HVIS_FCOPY_OVERWRITE),
		.size = hvis_le64_make(size) };
	g_autofree char *in = in_dir(side, "in/");

	side->sent = 0;
	side->size = size;
	g_strlcpy((char *)start.name, NAME, sizeof(start.name));
	g_strlcpy((char *)start.path, in, sizeof(start.path));
	return ask(side, &start, sizeof(start), error);
}

gboolean side_fragment(Side *side, GError **error)
{
	static struct hvis_fcopy_write write; /* the header is the answer's place, too */
	guint32 len = (guint32)MIN(side->size - side->sent, HVIS_FCOPY_FRAGMENT);

	write.hdr.op = hvis_le32_make(HVIS_FCOPY_OP_WRITE);
	write.offset = hvis_le64_make(side->sent);
	write.size = hvis_le32_make(len);
	fill(write.data, side->sent);
	side->sent += len;
	return ask(side, &write, sizeof(write), error);
}

gboolean side_is_sent(const Side *side)
{
	return side->sent == side->size;
}

gboolean side_end(Side *side, GError **error)
{
	/* with room for the answer */
	struct hvis_fcopy_hdr complete = { .op = hvis_le32_make(HVIS_FCOPY_OP_COMPLETE) };

	return ask(side, &complete, sizeof(complete), error);
}

gboolean side_check(const Side *side, GError **error)
{
	g_autofree char *path = in_dir(side, "in/" NAME), *bytes = NULL;
	guint8 wanted[HVIS_FCOPY_FRAGMENT];
	gsize len;

	if (side->kind == SIDE_ECHO)
		return TRUE;
	if (!g_file_get_contents(path, &bytes, &len, error))
		return FALSE;
	for (gsize at = 0; at < len; at += sizeof(wanted)) {
		fill(wanted, at);
		if (memcmp(bytes + at, wanted, MIN(len - at, sizeof(wanted))) != 0)
			return hvis_fail(error, HVIS_ERROR_FAILED,
				"%s: other bytes than were sent, from %zu on", side->daemon.name,
				at);
	}
	return len == side->size ||
	       hvis_fail(error, HVIS_ERROR_FAILED, "%s: %zu bytes of %" G_GUINT64_FORMAT,
		       side->daemon.name, len, side->size);
}

gboolean side_processor_us(const Side *side, double *ret, GError **error)
{
	struct timespec t;
	clockid_t clock;
	int err = clock_getcpuclockid(side->daemon.pid, &clock);

	if (err == 0 && clock_gettime(clock, &t) < 0)
		err = errno;
	*ret = (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
	return err == 0 || hvis_fail_errno(error, err, "%s: its clock", side->daemon.name);
}
