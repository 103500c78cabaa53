/* SPDX-License-Identifier: GPL-2.0-only */
/* Link mode's hv_fcopy, where it is not as hv_kvp: test-link.c has what all devices do. */
#include <errno.h>
#include <glib/gstdio.h>
#include <hvis/hresult.h>
#include <hvis/link.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <util/fd.h>
#include <wire/fcopy.h>
#include "host/link.h"
#include "host/service/ic.h"
#include "host/service/fcopy.h"

typedef struct {
	char *dir, *path;
	HvisFakeClock *clock;
	Link *link;
	HostServices *all;
	HostService *fcopy;
	int fd; /* the daemon's */
	guint calls;
	FcopyReport report;
	int source;
} Fixture;

static void spin(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

static void expect_notice(Fixture *f, int err)
{
	struct hvis_link_notice notice;

	spin();
	g_assert_cmpint(recv(f->fd, &notice, sizeof(notice), MSG_TRUNC), ==, sizeof(notice));
	g_assert_cmphex(hvis_le32_get(notice.magic), ==, HVIS_LINK_MAGIC);
	g_assert_cmpint((int)hvis_le32_get(notice.error), ==, err);
}

static void expect_nothing(Fixture *f)
{
	guint8 byte;

	spin();
	g_assert_cmpint(recv(f->fd, &byte, 1, 0), ==, -1);
	g_assert_cmpint(errno, ==, EAGAIN);
}

static void daemon_send(Fixture *f, const void *bytes, gsize len)
{
	g_assert_cmpint(send(f->fd, bytes, len, MSG_NOSIGNAL), ==, (gssize)len);
	spin();
}

static void daemon_answer(Fixture *f, guint32 status)
{
	guint8 answer[8];

	daemon_send(f, answer, fcopy_answer_encode(status, answer));
}

/* The daemon is asked @op; @ret may be NULL. */
static void expect_asked(Fixture *f, enum hvis_fcopy_op op, FcopyRequest *ret)
{
	static const gsize sizes[HVIS_FCOPY_OP_N] = { 1088, 6196, 36, 36 };
	static guint8 bytes[8192]; /* what a request points to */
	g_auto(FcopyRequest) request = { 0 };
	g_autoptr(GError) error = NULL;
	gssize n;

	spin();
	n = recv(f->fd, bytes, sizeof(bytes), MSG_TRUNC);
	g_assert_cmpint(n, ==, (gssize)sizes[op]);
	fcopy_request_decode(bytes, (gsize)n, FCOPY_TEXT_UTF8, &request, &error);
	g_assert_no_error(error);
	g_assert_cmpint(request.op, ==, op);
	if (!ret)
		return;
	*ret = request;
	request.name = request.path = NULL;
}

static void open_device(Fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	f->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	g_strlcpy(address.sun_path, f->path, sizeof(address.sun_path));
	g_assert_cmpint(connect(f->fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	expect_notice(f, 0);
}

static void register_daemon(Fixture *f)
{
	guint8 message[8], answer[64];
	gssize n;

	daemon_send(f, message, fcopy_register_encode(message));
	n = recv(f->fd, answer, sizeof(answer), 0);
	g_assert_true(fcopy_is_register(answer, (gsize)MAX(n, 0)));
	g_assert_cmpmem(answer, n, message, 4);
}

static void setup(Fixture *f, gconstpointer registered)
{
	g_autofree char *name = NULL;
	g_autoptr(GError) error = NULL;

	f->dir = g_dir_make_tmp("hvis-link-XXXXXX", NULL);
	f->path = g_build_filename(f->dir, "hv_fcopy", NULL);
	f->clock = hvis_fake_clock_new();
	f->link = link_new(f->dir, hvis_fake_clock_get(f->clock), &error);
	g_assert_no_error(error);
	f->all = services_new_link(f->link, hvis_fake_clock_get(f->clock));
	g_assert_true(services_add(f->all, "fcopy", NULL));
	f->fcopy = services_get(f->all, "fcopy", NULL);
	f->source = g_file_open_tmp("hvis-link-XXXXXX", &name, NULL);
	g_assert_cmpint(g_unlink(name), ==, 0);
	g_assert_cmpint(pwrite(f->source, "content", 7, 0), ==, 7);
	open_device(f);
	if (registered)
		register_daemon(f);
}

static void teardown(Fixture *f, gconstpointer registered)
{
	hvis_fd_clear(&f->fd);
	hvis_fd_clear(&f->source);
	services_free(f->all);
	link_free(f->link);
	g_assert_cmpuint(hvis_fake_clock_pending(f->clock), ==, 0);
	hvis_fake_clock_free(f->clock);
	g_assert_cmpint(g_rmdir(f->dir), ==, 0);
	g_free(f->path);
	g_free(f->dir);
}

static void on_report(const FcopyReport *report, gpointer data)
{
	Fixture *f = data;

	f->calls++;
	f->report = *report;
	f->report.message = f->report.sha256 = NULL;
}

static void start_as(Fixture *f, const char *path, const char *name)
{
	FcopyJob job = { .fd = f->source,
		.path = path,
		.name = name,
		.flags = HVIS_FCOPY_OVERWRITE,
		.cancel_after = G_MAXUINT64 };

	f->calls = 0;
	g_assert_true(fcopy_copy(f->fcopy, &job, NULL, on_report, f, NULL));
}

static void start(Fixture *f)
{
	start_as(f, "/srv", "file");
}

static void expect_end(Fixture *f, FcopyResult result)
{
	g_assert_cmpuint(f->calls, ==, 1);
	g_assert_cmpstr(fcopy_result_name(f->report.result), ==, fcopy_result_name(result));
}

/* A message of the host that the encoder does not make. */
static void on_raw(
	guint32 status, const guint8 *body, gsize len, const GError *error, gpointer data)
{
	Fixture *f = data;

	f->calls++;
	f->report.status = status;
}

static void send_raw(Fixture *f, const void *body, gsize len)
{
	f->calls = 0;
	service_send_raw(f->fcopy, body, len, on_raw, f);
}

/* The versions do not wait for a daemon to register; what it is asked for then fails. */
static void test_not_registered(Fixture *f, gconstpointer registered)
{
	IcVersion framework, message;

	g_assert_true(service_versions(f->fcopy, &framework, &message));
	g_assert_cmpuint(framework.major, ==, 3);
	g_assert_cmpuint(message.major, ==, 1);
	g_assert_cmpuint(message.minor, ==, 1);
	start(f);
	expect_end(f, FCOPY_REFUSED);
	g_assert_cmphex(f->report.status, ==, HVIS_E_FAIL);
	daemon_answer(f, HVIS_S_OK);
	expect_notice(f, EINVAL);
	register_daemon(f);
	start(f);
	expect_asked(f, HVIS_FCOPY_OP_START, NULL);
}

static void test_asked(Fixture *f, gconstpointer registered)
{
	g_auto(FcopyRequest) first = { 0 };
	FcopyRequest second = { 0 };

	start(f);
	expect_asked(f, HVIS_FCOPY_OP_START, &first);
	g_assert_cmpstr(first.name, ==, "file");
	g_assert_cmpstr(first.path, ==, "/srv/");
	g_assert_cmpuint(first.flags, ==, HVIS_FCOPY_OVERWRITE);
	g_assert_cmpuint(first.size, ==, 7);
	daemon_answer(f, HVIS_S_OK);
	expect_asked(f, HVIS_FCOPY_OP_WRITE, &second);
	g_assert_cmpmem(second.data, second.len, "content", 7);
	daemon_answer(f, HVIS_S_OK);
	expect_asked(f, HVIS_FCOPY_OP_COMPLETE, NULL);
	daemon_answer(f, HVIS_S_OK);
	expect_end(f, FCOPY_DONE);
	expect_nothing(f);
}

static void test_cancel(Fixture *f, gconstpointer registered)
{
	start(f);
	expect_asked(f, HVIS_FCOPY_OP_START, NULL);
	fcopy_cancel(f->fcopy);
	daemon_answer(f, HVIS_S_OK);
	expect_asked(f, HVIS_FCOPY_OP_CANCEL, NULL);
	daemon_answer(f, HVIS_S_OK);
	expect_end(f, FCOPY_CANCELLED);
}

/* An answer is any number, that of a registration too. */
static void test_statuses(Fixture *f, gconstpointer registered)
{
	static const guint32 statuses[] = { HVIS_FCOPY_DEVICE_VERSION, 2, HVIS_E_ALREADY_EXISTS,
		HVIS_E_FAIL };

	for (gsize i = 0; i < G_N_ELEMENTS(statuses); i++) {
		start(f);
		expect_asked(f, HVIS_FCOPY_OP_START, NULL);
		daemon_answer(f, statuses[i]);
		expect_end(f, FCOPY_REFUSED);
		g_assert_cmphex(f->report.status, ==, statuses[i]);
	}
	daemon_answer(f, HVIS_S_OK); /* to nothing */
	expect_notice(f, EINVAL);
	daemon_answer(f, HVIS_FCOPY_DEVICE_VERSION); /* nor does it register again */
	expect_notice(f, EINVAL);
}

static void test_sizes(Fixture *f, gconstpointer registered)
{
	guint8 bytes[32] = { 0 };

	start(f);
	expect_asked(f, HVIS_FCOPY_OP_START, NULL);
	for (gsize n = 0; n < sizeof(bytes); n++) {
		if (n == sizeof(hvis_le32))
			continue;
		daemon_send(f, bytes, n);
		expect_notice(f, EINVAL);
	}
	daemon_answer(f, HVIS_S_OK);
	expect_asked(f, HVIS_FCOPY_OP_WRITE, NULL);
}

/* Names: UTF-8 in the device's room; what does not fit is left out, one half of a pair too. */
static void test_names(Fixture *f, gconstpointer registered)
{
	static const struct {
		guint n; /* of "x" before */
		const char *tail;
		guint want; /* bytes that come, of the whole */
	} cases[] = {
		{ 200, "h\303\266he", 205 },
		{ 256, "\360\237\220\247", 256 }, /* 4 bytes do not fit behind 256 */
		{ 255, "\360\237\220\247", 259 },
		{ 257, "\342\202\254y", 258 }, /* 3 do not either, but what is behind them does */
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *filler = g_strnfill(cases[i].n, 'x');
		g_autofree char *name = g_strconcat(filler, cases[i].tail, NULL);
		g_auto(FcopyRequest) request = { 0 };

		start_as(f, "/", name);
		expect_asked(f, HVIS_FCOPY_OP_START, &request);
		g_assert_cmpuint(strlen(request.name), ==, cases[i].want);
		g_assert_cmpstr(request.path, ==, "/");
		daemon_answer(f, HVIS_E_FAIL);
	}
}

static void test_surrogates(Fixture *f, gconstpointer registered)
{
	struct hvis_fcopy_start start = { .hdr.op = hvis_le32_make(HVIS_FCOPY_OP_START) };
	g_auto(FcopyRequest) request = { 0 };

	memcpy(start.name,
		"a\0\0\xd8"
		"b\0\0\xdc"
		"c\0",
		10); /* both halves, neither a pair */
	memset(start.path, '.', sizeof(start.path)); /* no NUL; three bytes of UTF-8 for two */
	send_raw(f, &start, sizeof(start));
	expect_asked(f, HVIS_FCOPY_OP_START, &request);
	g_assert_cmpstr(request.name, ==, "abc");
	g_assert_cmpuint(strlen(request.path), ==, 258);
	daemon_answer(f, HVIS_S_OK);
	g_assert_cmpuint(f->calls, ==, 1);
}

/* The driver looks at nothing but the operation. */
static void test_hostile(Fixture *f, gconstpointer registered)
{
	struct hvis_fcopy_write write = { .hdr.op = hvis_le32_make(HVIS_FCOPY_OP_WRITE),
		.size = hvis_le32_make(20000) };
	struct hvis_fcopy_hdr unknown = { .op = hvis_le32_make(9) };
	guint8 bytes[8192];

	memset(write.data, 'd', sizeof(write.data));
	send_raw(f, &write, 100);
	spin();
	g_assert_cmpint(recv(f->fd, bytes, sizeof(bytes), MSG_TRUNC), ==, sizeof(write));
	g_assert_cmpmem(bytes, 100, &write, 100);
	g_assert_cmpuint(bytes[100], ==, 0); /* what is missing is zero */
	daemon_answer(f, HVIS_E_FAIL);
	g_assert_cmphex(f->report.status, ==, HVIS_E_FAIL);
	send_raw(f, &unknown, sizeof(unknown));
	spin();
	g_assert_cmpint(recv(f->fd, bytes, sizeof(bytes), MSG_TRUNC), ==, sizeof(unknown));
	g_assert_cmpmem(bytes, sizeof(unknown), &unknown, sizeof(unknown));
	daemon_answer(f, 7);
	g_assert_cmphex(f->report.status, ==, 7);
}

/* What is shorter than a header nobody answers; the ring pads to 8 bytes, so the last few may be missing. */
static void test_short(Fixture *f, gconstpointer registered)
{
	guint8 bytes[sizeof(struct hvis_fcopy_hdr)] = { HVIS_FCOPY_OP_CANCEL };

	for (gsize len = 0; len <= sizeof(bytes); len++) {
		send_raw(f, bytes, len);
		if (len > 28) {
			expect_asked(f, HVIS_FCOPY_OP_CANCEL, NULL);
			daemon_answer(f, HVIS_S_OK);
		} else {
			expect_nothing(f);
			hvis_fake_clock_advance(f->clock, IC_TIMEOUT_MS);
		}
		g_assert_cmpuint(f->calls, ==, 1);
		g_assert_cmpuint(service_counters(f->fcopy)->timeouts, ==, MIN(len + 1, 29));
	}
}

static void test_timeout(Fixture *f, gconstpointer registered)
{
	start(f);
	expect_asked(f, HVIS_FCOPY_OP_START, NULL);
	hvis_fake_clock_advance(f->clock, HVIS_FCOPY_TIMEOUT_MS - 1);
	g_assert_cmpuint(f->calls, ==, 0);
	hvis_fake_clock_advance(f->clock, 1);
	expect_end(f, FCOPY_REFUSED); /* the kernel's answer, before the host's own time is over */
	g_assert_cmphex(f->report.status, ==, HVIS_E_FAIL);
	daemon_answer(f, HVIS_S_OK); /* too late */
	expect_notice(f, EINVAL);
}

static void test_daemon_gone(Fixture *f, gconstpointer registered)
{
	start(f);
	expect_asked(f, HVIS_FCOPY_OP_START, NULL);
	daemon_answer(f, HVIS_S_OK);
	expect_asked(f, HVIS_FCOPY_OP_WRITE, NULL);
	hvis_fd_clear(&f->fd);
	spin();
	expect_end(f, FCOPY_FAILED); /* as the driver answers */
	open_device(f);
	register_daemon(f);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define T(path, registered, func)                                                                  \
	g_test_add("/link-fcopy/" path, Fixture, GINT_TO_POINTER(registered), setup, func, teardown)
	T("not-registered", FALSE, test_not_registered);
	T("asked", TRUE, test_asked);
	T("cancel", TRUE, test_cancel);
	T("statuses", TRUE, test_statuses);
	T("sizes", TRUE, test_sizes);
	T("names", TRUE, test_names);
	T("surrogates", TRUE, test_surrogates);
	T("hostile", TRUE, test_hostile);
	T("short", TRUE, test_short);
	T("timeout", TRUE, test_timeout);
	T("daemon-gone", TRUE, test_daemon_gone);
#undef T
	return g_test_run();
}
