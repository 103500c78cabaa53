/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hv_fcopy_daemon in this process, with a socket in the place of its device and a disk that the test plays: the two
 * kinds of devices, a disk that does not answer, and the ends of the daemon.
 */
#include "config.h"

#include "tests/unit/fcopyd-file.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <hvis/hresult.h>
#include <hvis/link.h>
#include <util/fd.h>
#include <varlink/varlink.h>
#include <wire/fcopy.h>

#include "fcopyd/fcopyd.h"
#include "tests/unit/remove-tree.h"

#define PATIENCE_MS 60000

typedef struct {
	char *dir, *device, *socket;
	FcopydOptions options;
	Fcopyd *fcopyd;
	int listener, kernel;
	FcopyText text;
	struct json_object *status; /* the last one */
} Fixture;

static GLogWriterOutput take_log(
	GLogLevelFlags level, const GLogField *fields, gsize n, gpointer data)
{
	g_assert_false(level & (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_ERROR));
	return G_LOG_WRITER_HANDLED;
}

static int listen_at(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	g_strlcpy(address.sun_path, path, sizeof(address.sun_path));
	g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	g_assert_cmpint(listen(fd, 4), ==, 0);
	return fd;
}

static void setup(Fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	files_reset();
	f->dir = g_dir_make_tmp("hvis-fcopyd-XXXXXX", &error);
	g_assert_no_error(error);
	f->device = g_build_filename(f->dir, "device", NULL);
	f->socket = g_build_filename(f->dir, "socket", NULL);
	f->options = (FcopydOptions){ .device = f->device,
		.root = f->dir,
		.socket = f->socket,
		.state_dir = g_build_filename(f->dir, "state", NULL) };
	f->kernel = -1;
	f->listener = listen_at(f->device);
	f->fcopyd = fcopyd_new(&f->options, &error);
	g_assert_no_error(error);
}

static void teardown(Fixture *f, gconstpointer data)
{
	files_reset(); /* whoever is held goes on */
	fcopyd_free(f->fcopyd);
	while (files_count(&files.freed) < files_count(&files.made))
		g_usleep(1000);
	hvis_fd_clear(&f->kernel);
	hvis_fd_clear(&f->listener);
	json_object_put(f->status);
	remove_tree(f->dir);
	g_free(f->options.state_dir);
	g_free(f->socket);
	g_free(f->device);
	g_free(f->dir);
}

/* --- the kernel --- */

static void send_bytes(Fixture *f, const void *bytes, gsize len)
{
	g_assert_cmpint(send(f->kernel, bytes, len, 0), ==, len);
}

static gsize receive(Fixture *f, void *buf, gsize size)
{
	ssize_t n;

	while ((n = recv(f->kernel, buf, size, 0)) < 0) {
		g_assert_cmpint(errno, ==, EAGAIN);
		if (!g_main_context_iteration(NULL, FALSE))
			g_usleep(200);
	}
	return (gsize)n;
}

static void send_notice(Fixture *f)
{
	const struct hvis_link_notice notice = { hvis_le32_make(HVIS_LINK_MAGIC),
		hvis_le32_make(0) };

	send_bytes(f, &notice, sizeof(notice));
}

/* The character device's answer to a registration, or that of a transport which speaks with the host itself. */
static void welcome(Fixture *f, FcopyText text)
{
	guint8 buf[16];

	f->text = text;
	send_bytes(f, buf,
		text == FCOPY_TEXT_UTF8 ? fcopy_register_encode(buf)
					: fcopy_welcome_encode(text, buf));
}

static void serve(Fixture *f, FcopyText text)
{
	g_autoptr(GError) error = NULL;
	guint8 buf[16];

	g_assert_true(fcopyd_start(f->fcopyd, &error));
	while ((f->kernel = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) < 0)
		g_main_context_iteration(NULL, FALSE);
	send_notice(f);
	g_assert_true(fcopy_is_register(buf, receive(f, buf, sizeof(buf))));
	send_notice(f);
	welcome(f, text);
}

static void ask(Fixture *f, const FcopyRequest *request)
{
	g_autoptr(GByteArray) body = g_byte_array_new();

	g_assert_true(fcopy_request_encode(request, f->text, body, NULL));
	send_bytes(f, body->data, body->len);
}

static void expect(Fixture *f, guint32 wanted)
{
	guint8 buf[16];
	guint32 status;

	g_assert_true(fcopy_answer_decode(buf, receive(f, buf, sizeof(buf)), &status, NULL));
	g_assert_cmphex(status, ==, wanted);
	send_notice(f);
}

static void start(Fixture *f, const char *name, guint32 wanted)
{
	const FcopyRequest request = {
		.op = HVIS_FCOPY_OP_START, .name = (char *)name, .path = (char *)"/srv/", .size = 4
	};

	ask(f, &request);
	expect(f, wanted);
}

static void write_some(Fixture *f, guint32 wanted)
{
	const FcopyRequest request = {
		.op = HVIS_FCOPY_OP_WRITE, .len = 4, .data = (const guint8 *)"abcd"
	};

	ask(f, &request);
	expect(f, wanted);
}

static void ask_bare(Fixture *f, enum hvis_fcopy_op op)
{
	const FcopyRequest request = { .op = op };

	ask(f, &request);
}

/* --- who asks in the guest --- */

static void on_status(struct json_object *params, const GError *error, gpointer data)
{
	Fixture *f = data;

	g_assert_no_error(error);
	f->status = json_object_get(json_object_object_get(params, "status"));
}

static const char *status_of(Fixture *f, const char *member)
{
	g_clear_pointer(&f->status, json_object_put);
	g_assert_nonnull(varlink_call_later(
		f->socket, "io.hvis.Fcopy.GetStatus", NULL, PATIENCE_MS, on_status, f, NULL));
	while (!f->status)
		g_main_context_iteration(NULL, TRUE);
	return json_object_get_string(json_object_object_get(f->status, member));
}

/* --- cases --- */

/* A path of 259 bytes may have been cut by the kernel; on the wire it is whole. */
static void test_device(Fixture *f, gconstpointer data)
{
	FcopyText text = GPOINTER_TO_INT(data) ? FCOPY_TEXT_UTF16 : FCOPY_TEXT_UTF8;
	g_autofree char *name = g_strnfill(HVIS_FCOPY_DEVICE_TEXT_MAX, 'x');

	serve(f, text);
	start(f, name, text == FCOPY_TEXT_UTF8 ? HVIS_E_INVALIDARG : HVIS_S_OK);
	start(f, "\xc3\xa9\xf0\x9f\x90\xa7", HVIS_S_OK);
	write_some(f, HVIS_S_OK);
	ask_bare(f, HVIS_FCOPY_OP_COMPLETE);
	expect(f, HVIS_S_OK);
	g_assert_cmpuint(files.last->len, ==, 4);
	g_assert_cmpstr(status_of(f, "transport"), ==, "socket");
	g_assert_cmpstr(status_of(f, "copy"), ==, "idle");
	g_assert_nonnull(strstr(status_of(f, "last"), "\xc3\xa9\xf0\x9f\x90\xa7"));
}

/* The host has negotiated again: what was under way before is not any more. */
static void test_welcome_again(Fixture *f, gconstpointer data)
{
	serve(f, FCOPY_TEXT_UTF16);
	start(f, "file", HVIS_S_OK);
	welcome(f, FCOPY_TEXT_UTF16);
	write_some(f, HVIS_E_NOT_CONNECTED);
	while (strstr(status_of(f, "last"), "the device was lost") == NULL)
		;
	start(f, "file", HVIS_S_OK);
	write_some(f, HVIS_S_OK);
}

/* What the disk says, and what the host says wrongly. */
static void test_malformed(Fixture *f, gconstpointer data)
{
	struct hvis_fcopy_write write = { .hdr.op = hvis_le32_make(HVIS_FCOPY_OP_WRITE),
		.size = hvis_le32_make(20000) };

	serve(f, FCOPY_TEXT_UTF8);
	files_fail(FILE_CREATE, HVIS_ERROR_NO_SPACE);
	start(f, "file", HVIS_E_DISK_FULL);
	files_fail(FILE_CREATE, 0);
	start(f, "file", HVIS_S_OK);
	send_bytes(f, &write, sizeof(write));
	expect(f, HVIS_E_INVALIDARG);
	write_some(f, HVIS_S_OK); /* that was no part of the file */
	ask_bare(f, HVIS_FCOPY_OP_COMPLETE);
	expect(f, HVIS_S_OK);
}

static void hold_complete(Fixture *f)
{
	files_hold(FILE_FINISH, TRUE);
	start(f, "file", HVIS_S_OK);
	write_some(f, HVIS_S_OK);
	ask_bare(f, HVIS_FCOPY_OP_COMPLETE);
	while (files_count(&files.waiting[FILE_FINISH]) == 0)
		g_main_context_iteration(NULL, FALSE);
}

/* A file server is dead: everything else goes on, another file, too. */
static void test_dead_disk(Fixture *f, gconstpointer data)
{
	serve(f, FCOPY_TEXT_UTF8);
	hold_complete(f);
	g_assert_cmpstr(status_of(f, "copy"), ==, "finishing");
	g_assert_nonnull(strstr(status_of(f, "current"), "file\""));
	start(f, "other", HVIS_S_OK);
	g_assert_cmpstr(status_of(f, "copy"), ==, "receiving");
	ask_bare(f, HVIS_FCOPY_OP_CANCEL);
	expect(f, HVIS_S_OK);
}

/* The same, and the daemon is to end: the host is told first, and nobody waits for the disk. */
static void test_stop_with_dead_disk(Fixture *f, gconstpointer data)
{
	guint8 buf[16];
	guint32 status;

	serve(f, FCOPY_TEXT_UTF8);
	hold_complete(f);
	fcopyd_catch_signals(f->fcopyd);
	kill(getpid(), SIGTERM);
	fcopyd_run(f->fcopyd);
	g_assert_cmpint(recv(f->kernel, buf, sizeof(buf), 0), ==, 4);
	g_assert_true(fcopy_answer_decode(buf, 4, &status, NULL));
	g_assert_cmphex(status, ==, HVIS_E_FAIL);
	g_assert_cmpuint(files_count(&files.named), ==, 0);
}

static void test_stop(Fixture *f, gconstpointer data)
{
	serve(f, FCOPY_TEXT_UTF8);
	start(f, "file", HVIS_S_OK);
	fcopyd_catch_signals(f->fcopyd);
	kill(getpid(), SIGTERM);
	fcopyd_run(f->fcopyd);
	g_assert_cmpuint(files_count(&files.freed), ==, 1);
	g_assert_cmpuint(files_count(&files.named), ==, 0);
}

/* Nothing is opened there, unless the configuration says so. */
static void test_confidential(Fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	fcopyd_free(f->fcopyd);
	f->options.isolation = HVIS_ISOLATION_SNP;
	f->fcopyd = fcopyd_new(&f->options, &error);
	g_assert_no_error(error);
	fcopyd_catch_signals(f->fcopyd);
	g_assert_true(fcopyd_start(f->fcopyd, &error));
	fcopyd_run(f->fcopyd);
	g_assert_cmpint(accept4(f->listener, NULL, NULL, SOCK_CLOEXEC), <, 0);
	g_assert_false(g_file_test(f->socket, G_FILE_TEST_EXISTS));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_log_set_writer_func(take_log, NULL, NULL);
	g_test_add("/fcopyd/daemon/character-device", Fixture, GINT_TO_POINTER(0), setup,
		test_device, teardown);
	g_test_add(
		"/fcopyd/daemon/wire", Fixture, GINT_TO_POINTER(1), setup, test_device, teardown);
	g_test_add(
		"/fcopyd/daemon/welcome-again", Fixture, NULL, setup, test_welcome_again, teardown);
	g_test_add("/fcopyd/daemon/malformed", Fixture, NULL, setup, test_malformed, teardown);
	g_test_add("/fcopyd/daemon/dead-disk", Fixture, NULL, setup, test_dead_disk, teardown);
	g_test_add("/fcopyd/daemon/stop-with-dead-disk", Fixture, NULL, setup,
		test_stop_with_dead_disk, teardown);
	g_test_add("/fcopyd/daemon/stop", Fixture, NULL, setup, test_stop, teardown);
	g_test_add(
		"/fcopyd/daemon/confidential", Fixture, NULL, setup, test_confidential, teardown);
	return g_test_run();
}
