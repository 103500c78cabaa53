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
#include <wire/fcopy.h>

#include "bench/lib/echo.h"

#define NAME "file"

static const char *const names[SIDE_N] = { "echo", "ours", "peer" };

static char *in_dir(const Side *side, const char *name)
{
	return g_build_filename(side->dir, name, NULL);
}

static void set_program(Side *side, const SideSetup *setup, const char *device)
{
	g_autofree char *control = in_dir(side, "control");
	const char *ours[] = { setup->ours, "-n", "--device", device, "--socket", control,
		"--state-dir", side->dir, NULL };
	const char *peer[] = { setup->peer, "-n", NULL };

	side->daemon.argv = g_strdupv((char **)(side->kind == SIDE_OURS ? ours : peer));
	side->daemon.envp = g_get_environ();
}

static gboolean start_device(Side *side, const SideSetup *setup, GError **error)
{
	Daemon *daemon = &side->daemon;
	g_autofree char *device = in_dir(side, "device");

	if (side->kind == SIDE_ECHO)
		return echo_start(daemon, &device_fcopy, device, error);
	set_program(side, setup, device);
	if (side->kind == SIDE_PEER) {
		daemon->envp = g_environ_setenv(daemon->envp, "LD_PRELOAD", setup->shim, TRUE);
		daemon->envp = g_environ_setenv(daemon->envp, "HVIS_PEER_DEVICE", device, TRUE);
	}
	return device_host_init(&daemon->host, &device_fcopy, device, error) &&
	       daemon_start(daemon, error);
}

static gboolean start_uio(Side *side, const SideSetup *setup, GError **error)
{
	Daemon *daemon = &side->daemon;
	g_autofree char *sysfs = in_dir(side, "sys");

	if (!uio_host_init(&side->uio, error))
		return FALSE;
	if (side->kind == SIDE_ECHO)
		return echo_start_uio(daemon, &side->uio, error) &&
		       uio_host_started(&side->uio, FALSE, error);
	set_program(side, setup, UIO_HOST_NODE);
	daemon->envp = uio_host_environ(&side->uio, daemon->envp, setup->shim, sysfs, error);
	return daemon->envp && daemon_spawn(daemon, error) &&
	       uio_host_started(&side->uio, TRUE, error);
}

gboolean side_init(Side *side, SideKind kind, const SideSetup *setup, GError **error)
{
	g_autofree char *in = NULL;
	gboolean started;

	*side = (Side){ .kind = kind, .by_uio = setup->by_uio };
	side->dir = g_build_filename(setup->where, "hvis-bench-fcopy-XXXXXX", NULL);
	if (!g_mkdtemp(side->dir))
		return hvis_fail_errno(error, errno, "%s", side->dir);
	in = in_dir(side, "in");
	if (g_mkdir(in, 0755) < 0)
		return hvis_fail_errno(error, errno, "%s", in);
	started = (side->by_uio ? start_uio : start_device)(side, setup, error);
	side->daemon.name = names[kind];
	if (!started)
		g_prefix_error(error, "%s: ", side->daemon.name);
	return started;
}

static void remove_all(const char *path)
{
	g_autoptr(GDir) list =
		g_file_test(path, G_FILE_TEST_IS_SYMLINK) ? NULL : g_dir_open(path, 0, NULL);
	const char *name;

	while (list && (name = g_dir_read_name(list))) {
		g_autofree char *inner = g_build_filename(path, name, NULL);

		remove_all(inner);
	}
	g_remove(path);
}

void side_deinit(Side *side)
{
	daemon_deinit(&side->daemon);
	uio_host_deinit(&side->uio);
	if (side->dir)
		remove_all(side->dir);
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
	guint32 status = HVIS_S_OK;
	gboolean answered;

	if (side->by_uio) {
		answered = uio_host_ask(&side->uio, message, len, &status, error);
	} else {
		answered = device_host_ask_part(&side->daemon.host, message, len, error);
		status = hvis_le32_get(*(hvis_le32 *)message);
	}
	if (!answered) {
		g_prefix_error(error, "%s: ", side->daemon.name);
		return FALSE;
	}
	return side->kind == SIDE_ECHO || status == HVIS_S_OK ||
	       hvis_fail(
		       error, HVIS_ERROR_FAILED, "%s: it answers 0x%x", side->daemon.name, status);
}

gboolean side_begin(Side *side, guint64 size, GError **error)
{
	g_autofree char *in = in_dir(side, "in/");
	g_autoptr(GByteArray) start = g_byte_array_new();
	const FcopyRequest request = { .op = HVIS_FCOPY_OP_START,
		.name = (char *)NAME,
		.path = in,
		.flags = HVIS_FCOPY_OVERWRITE,
		.size = size };

	side->sent = 0;
	side->size = size;
	return fcopy_request_encode(
		       &request, side->by_uio ? FCOPY_TEXT_UTF16 : FCOPY_TEXT_UTF8, start, error) &&
	       ask(side, start->data, start->len, error);
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
