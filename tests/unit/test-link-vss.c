/* SPDX-License-Identifier: GPL-2.0-only */
/* Link mode's hv_vss, where it is not as hv_kvp: test-link.c has what all devices do. */
#include <errno.h>
#include <glib/gstdio.h>
#include <hvis/hresult.h>
#include <hvis/link.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <util/fd.h>
#include <wire/vss.h>
#include "host/link.h"
#include "host/service/vss.h"

typedef struct {
	char *dir, *path;
	HvisFakeClock *clock;
	Link *link;
	HostServices *all;
	HostService *vss;
	int fd; /* the daemon's */
	guint calls;
	VssReport report;
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
	struct hvis_vss_dev_msg msg;

	vss_answer_encode(status, &msg);
	daemon_send(f, &msg, sizeof(msg));
}

static void expect_asked(Fixture *f, guint8 op)
{
	struct hvis_vss_dev_msg msg, want;

	spin();
	vss_request_encode(op, &want);
	g_assert_cmpint(recv(f->fd, &msg, sizeof(msg), MSG_TRUNC), ==, sizeof(msg));
	g_assert_cmpmem(&msg, sizeof(msg), &want, sizeof(want));
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
	struct hvis_vss_dev_msg msg;
	guint8 answer[64];
	gssize n;

	vss_register_encode(&msg);
	daemon_send(f, &msg, sizeof(msg));
	n = recv(f->fd, answer, sizeof(answer), 0);
	g_assert_cmpint(n, ==, 4);
	g_assert_true(vss_is_register(answer, (gsize)n));
}

static void setup(Fixture *f, gconstpointer registered)
{
	g_autoptr(GError) error = NULL;

	f->dir = g_dir_make_tmp("hvis-link-XXXXXX", NULL);
	f->path = g_build_filename(f->dir, "hv_vss", NULL);
	f->clock = hvis_fake_clock_new();
	f->link = link_new(f->dir, hvis_fake_clock_get(f->clock), &error);
	g_assert_no_error(error);
	f->all = services_new_link(f->link, hvis_fake_clock_get(f->clock));
	g_assert_true(services_add(f->all, "vss=timeout-ms=2000000", NULL));
	f->vss = services_get(f->all, "vss", NULL);
	open_device(f);
	if (registered)
		register_daemon(f);
}

static void teardown(Fixture *f, gconstpointer registered)
{
	hvis_fd_clear(&f->fd);
	services_free(f->all);
	link_free(f->link);
	g_assert_cmpuint(hvis_fake_clock_pending(f->clock), ==, 0);
	hvis_fake_clock_free(f->clock);
	g_assert_cmpint(g_rmdir(f->dir), ==, 0);
	g_free(f->path);
	g_free(f->dir);
}

static void on_report(const VssReport *report, gpointer data)
{
	Fixture *f = data;

	f->calls++;
	f->report = *report;
	f->report.message = NULL;
}

static void start(Fixture *f)
{
	VssBackup backup = { .abort = TRUE, .silent_after = VSS_STEP_N };

	g_assert_true(vss_backup(f->vss, &backup, on_report, f, NULL));
}

static void expect_end(Fixture *f, VssResult result)
{
	g_assert_cmpuint(f->calls, ==, 1);
	g_assert_cmpstr(vss_result_name(f->report.result), ==, vss_result_name(result));
}

/* The versions do not wait for a daemon to register; what it is asked for then fails. */
static void test_not_registered(Fixture *f, gconstpointer registered)
{
	struct hvis_vss_dev_msg msg;
	IcVersion framework, message;

	g_assert_true(service_versions(f->vss, &framework, &message));
	g_assert_cmpuint(framework.major, ==, 3);
	g_assert_cmpuint(message.major, ==, 5); /* 7 was offered */
	start(f);
	expect_end(f, VSS_REFUSED);
	g_assert_cmphex(f->report.step[VSS_STEP_CHECK].status, ==, HVIS_E_FAIL);
	vss_answer_encode(HVIS_S_OK, &msg);
	daemon_send(f, &msg, sizeof(msg));
	expect_notice(f, EINVAL);
	vss_request_encode(HVIS_VSS_OP_REGISTER, &msg); /* of the netlink days */
	daemon_send(f, &msg, sizeof(msg));
	expect_notice(f, EINVAL);
	register_daemon(f);
	f->calls = 0;
	start(f);
	expect_asked(f, HVIS_VSS_OP_HOT_BACKUP);
}

/* The daemon sees three operations; the driver answers GET_DM_INFO itself. */
static void test_asked(Fixture *f, gconstpointer registered)
{
	start(f);
	expect_asked(f, HVIS_VSS_OP_HOT_BACKUP);
	daemon_answer(f, HVIS_S_OK);
	expect_asked(f, HVIS_VSS_OP_FREEZE);
	daemon_answer(f, HVIS_S_OK);
	expect_asked(f, HVIS_VSS_OP_THAW);
	daemon_answer(f, HVIS_S_OK);
	expect_end(f, VSS_ABORTED);
	g_assert_cmphex(f->report.check_flags, ==, 0);
	expect_nothing(f);
}

/* The driver's oddity: it takes the status of the answer for its operation. */
static void test_no_auto_recovery(Fixture *f, gconstpointer registered)
{
	start(f);
	expect_asked(f, HVIS_VSS_OP_HOT_BACKUP);
	daemon_answer(f, HVIS_VSS_OP_HOT_BACKUP);
	expect_end(f, VSS_REFUSED);
	g_assert_cmphex(f->report.check_flags, ==, HVIS_VSS_NO_AUTO_RECOVERY);
}

static void test_sizes(Fixture *f, gconstpointer registered)
{
	guint8 bytes[32] = { 0 };

	start(f);
	expect_asked(f, HVIS_VSS_OP_HOT_BACKUP);
	for (gsize n = 0; n < sizeof(bytes); n++) {
		if (n == sizeof(struct hvis_vss_dev_msg))
			continue;
		daemon_send(f, bytes, n);
		expect_notice(f, EINVAL);
	}
	daemon_answer(f, HVIS_S_OK);
	expect_asked(f, HVIS_VSS_OP_FREEZE);
}

static void test_register_again(Fixture *f, gconstpointer registered)
{
	struct hvis_vss_dev_msg msg;

	register_daemon(f);
	start(f);
	expect_asked(f, HVIS_VSS_OP_HOT_BACKUP);
	vss_register_encode(&msg);
	daemon_send(f, &msg, sizeof(msg)); /* not while something is asked */
	expect_notice(f, EINVAL);
	daemon_answer(f, HVIS_S_OK);
	expect_asked(f, HVIS_VSS_OP_FREEZE);
}

static void test_freeze_timeout(Fixture *f, gconstpointer registered)
{
	start(f);
	expect_asked(f, HVIS_VSS_OP_HOT_BACKUP);
	daemon_answer(f, HVIS_S_OK);
	expect_asked(f, HVIS_VSS_OP_FREEZE);
	hvis_fake_clock_advance(f->clock, HVIS_VSS_FREEZE_TIMEOUT_MS - 1);
	g_assert_cmpuint(f->calls, ==, 0);
	hvis_fake_clock_advance(f->clock, 1);
	expect_end(f, VSS_REFUSED);
	daemon_answer(f, HVIS_S_OK); /* too late */
	expect_notice(f, EINVAL);
}

static void test_other_timeouts(Fixture *f, gconstpointer registered)
{
	start(f);
	expect_asked(f, HVIS_VSS_OP_HOT_BACKUP);
	hvis_fake_clock_advance(f->clock, HVIS_VSS_TIMEOUT_MS);
	expect_end(f, VSS_REFUSED);
	f->calls = 0;
	start(f);
	expect_asked(f, HVIS_VSS_OP_HOT_BACKUP);
	daemon_answer(f, HVIS_S_OK);
	expect_asked(f, HVIS_VSS_OP_FREEZE);
	daemon_answer(f, HVIS_S_OK);
	expect_asked(f, HVIS_VSS_OP_THAW);
	hvis_fake_clock_advance(f->clock, HVIS_VSS_TIMEOUT_MS);
	expect_end(f, VSS_FAILED);
}

/* An impatient host's THAW waits in the ring, and is there when the daemon has frozen at last. */
static void test_late_freeze(Fixture *f, gconstpointer registered)
{
	g_assert_true(service_configure(f->vss, "timeout-ms=1000", NULL));
	start(f);
	expect_asked(f, HVIS_VSS_OP_HOT_BACKUP);
	daemon_answer(f, HVIS_S_OK);
	expect_asked(f, HVIS_VSS_OP_FREEZE);
	hvis_fake_clock_advance(f->clock, 1000);
	expect_end(f, VSS_TIMEOUT);
	expect_nothing(f);
	daemon_answer(f, HVIS_S_OK);
	expect_asked(f, HVIS_VSS_OP_THAW);
	daemon_answer(f, HVIS_S_OK);
	g_assert_cmpuint(f->calls, ==, 1);
}

static void test_daemon_gone(Fixture *f, gconstpointer registered)
{
	start(f);
	expect_asked(f, HVIS_VSS_OP_HOT_BACKUP);
	daemon_answer(f, HVIS_S_OK);
	expect_asked(f, HVIS_VSS_OP_FREEZE);
	hvis_fd_clear(&f->fd);
	spin();
	expect_end(f, VSS_REFUSED); /* as the driver answers */
	open_device(f);
	register_daemon(f);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define T(path, registered, func)                                                                  \
	g_test_add("/link-vss/" path, Fixture, GINT_TO_POINTER(registered), setup, func, teardown)
	T("not-registered", FALSE, test_not_registered);
	T("asked", TRUE, test_asked);
	T("no-auto-recovery", TRUE, test_no_auto_recovery);
	T("sizes", TRUE, test_sizes);
	T("register-again", TRUE, test_register_again);
	T("freeze-timeout", TRUE, test_freeze_timeout);
	T("other-timeouts", TRUE, test_other_timeouts);
	T("late-freeze", TRUE, test_late_freeze);
	T("daemon-gone", TRUE, test_daemon_gone);
#undef T
	return g_test_run();
}
