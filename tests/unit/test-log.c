/* SPDX-License-Identifier: GPL-2.0-only */
/* What a daemon writes to a pipe, and what it tells its manager over a socket of ours. */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <util/error.h>
#include <util/fd.h>
#include <util/log.h>
#include <util/messages.h>
#include <util/watchdog.h>

/* As the service manager does for what it starts; not for what that starts. */
static void set_exec_pid(int offset)
{
	g_autofree char *pid = g_strdup_printf("%d", getpid() + offset);

	g_setenv("SYSTEMD_EXEC_PID", pid, TRUE);
}

static void child_lines(int exec_pid_offset)
{
	const HvisLogContext context = { .transaction = 7, .message_type = "SET" };

	set_exec_pid(exec_pid_offset);
	hvis_log_init("kvp", FALSE);
	hvis_log(HVIS_LOG_ERROR, "error %d", 1);
	hvis_log(HVIS_LOG_WARNING, "warning");
	hvis_log(HVIS_LOG_NOTICE, "notice");
	hvis_log_with(HVIS_LOG_INFO, &context, "info %s", "text");
	hvis_log(HVIS_LOG_DEBUG, "unseen");
	g_message("from GLib");
}

static void test_lines(void)
{
	if (g_test_subprocess()) {
		child_lines(0);
		return;
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
	g_test_trap_assert_stderr(
		"<3>error 1\n<4>warning\n<5>notice\n<6>info text\n<5>from GLib\n");
}

/* From a shell into a file or a pager: "<5>" means nothing there. */
static void test_no_prefix_without_a_manager(void)
{
	if (g_test_subprocess()) {
		child_lines(1);
		return;
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
	g_test_trap_assert_stderr("error 1\nwarning\nnotice\ninfo text\nfrom GLib\n");
}

/* A key of the host's is part of many messages: it must not pass for an entry of its own. */
static void test_one_entry_is_one_line(void)
{
	if (g_test_subprocess()) {
		set_exec_pid(0);
		hvis_log_init("kvp", FALSE);
		hvis_log(HVIS_LOG_WARNING, "no key \"%s\"", "a\n<0>\tpanic\x7f\x1b[31m\xc3\xbc");
		return;
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
	g_test_trap_assert_stderr("<4>no key \"a <0> panic  [31m\xc3\xbc\"\n");
}

/* The journal itself is out of a test's reach: the writer's fields are looked at on their way. */
static GLogWriterOutput check_fields(
	GLogLevelFlags flags, const GLogField *fields, gsize n, gpointer data)
{
	static const char *const wanted[][2] = { { "PRIORITY", "4" }, { "MESSAGE", "text" },
		{ "MESSAGE_ID", HVIS_MESSAGE_REQUEST_FAILED }, { "HVIS_TRANSACTION", "7" },
		{ "HVIS_MESSAGE", "set" }, { "HVIS_POOL", "external" }, { "HVIS_KEY", "k" },
		{ "HVIS_INTERFACE", "eth0" }, { "HVIS_RESULT", "0x80004005" } };

	g_assert_cmpuint(n, ==, *(gsize *)data ? G_N_ELEMENTS(wanted) : 2);
	for (gsize i = 0; i < n; i++) {
		g_assert_cmpstr(fields[i].key, ==, wanted[i][0]);
		g_assert_cmpstr(fields[i].value, ==, wanted[i][1]);
	}
	(*(gsize *)data)++;
	return G_LOG_WRITER_HANDLED;
}

static void test_fields(void)
{
	const HvisLogContext context = { .message_id = HVIS_MESSAGE_REQUEST_FAILED,
		.transaction = 7,
		.message_type = "set",
		.pool = "external",
		.key = "k",
		.interface = "eth0",
		.result = 0x80004005 };
	gsize entries = 0;

	if (g_test_subprocess()) {
		g_log_set_writer_func(check_fields, &entries, NULL);
		hvis_log(HVIS_LOG_WARNING, "text"); /* what is not given is not there */
		hvis_log_with(HVIS_LOG_WARNING, &context, "text");
		g_assert_cmpuint(entries, ==, 2);
		return;
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
}

/* With a manager an entry, without one the program's name in front. */
static void test_die(void)
{
	g_autoptr(GError) error = g_error_new(HVIS_ERROR, HVIS_ERROR_INVALID, "hvis.conf:3: bad");

	if (g_test_subprocess()) {
		g_set_prgname("daemon");
		set_exec_pid(1);
		hvis_log_init("kvp", FALSE);
		g_assert_cmpint(
			hvis_log_die(HVIS_MESSAGE_CONFIG_WRONG, error), ==, HVIS_EXIT_USAGE);
		return;
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
	g_test_trap_assert_stderr("daemon: hvis.conf:3: bad\n");
}

static void test_die_managed(void)
{
	g_autoptr(GError) error = g_error_new(HVIS_ERROR, HVIS_ERROR_INVALID, "hvis.conf:3: bad");

	if (g_test_subprocess()) {
		set_exec_pid(0);
		hvis_log_init("kvp", FALSE);
		g_assert_cmpint(
			hvis_log_die(HVIS_MESSAGE_CONFIG_WRONG, error), ==, HVIS_EXIT_USAGE);
		return;
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
	g_test_trap_assert_stderr("<3>hvis.conf:3: bad\n");
}

static void test_debug(void)
{
	if (g_test_subprocess()) {
		set_exec_pid(0);
		hvis_log_init("kvp", TRUE);
		hvis_log(HVIS_LOG_DEBUG, "seen");
		return;
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
	g_test_trap_assert_stderr("<7>seen\n");
}

/* --- the manager: a datagram socket --- */

typedef struct {
	char *dir, *path;
	int fd;
} Manager;

static void manager_open(Manager *m)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	m->dir = g_dir_make_tmp("hvis-notify-XXXXXX", NULL);
	m->path = g_build_filename(m->dir, "notify", NULL);
	m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	g_strlcpy(address.sun_path, m->path, sizeof(address.sun_path));
	g_assert_cmpint(bind(m->fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
	g_setenv("NOTIFY_SOCKET", m->path, TRUE);
}

static void manager_close(Manager *m)
{
	g_unsetenv("NOTIFY_SOCKET");
	hvis_fd_clear(&m->fd);
	g_unlink(m->path);
	g_rmdir(m->dir);
	g_free(m->path);
	g_free(m->dir);
}

static void expect(Manager *m, const char *text)
{
	char buf[256] = { 0 };
	ssize_t n = recv(m->fd, buf, sizeof(buf) - 1, 0);

	g_assert_cmpstr(n < 0 ? "nothing" : buf, ==, text);
}

/* Both in one datagram, the time that of CLOCK_MONOTONIC. */
static void expect_reloading(Manager *m)
{
	gint64 now = g_get_monotonic_time(), said = 0;
	char buf[256] = { 0 };

	g_assert_cmpint(recv(m->fd, buf, sizeof(buf) - 1, 0), >, 0);
	g_assert_cmpint(sscanf(buf, "RELOADING=1\nMONOTONIC_USEC=%" G_GINT64_FORMAT, &said), ==, 1);
	g_assert_cmpint(said, <=, now);
	g_assert_cmpint(said, >, now - 20 * G_USEC_PER_SEC);
}

static void test_notify(void)
{
	Manager m;

	manager_open(&m);
	hvis_notify_ready();
	expect(&m, "READY=1");
	hvis_notify_status("Waiting for %s", "the host");
	expect(&m, "STATUS=Waiting for the host");
	hvis_notify_status("Waiting for the host");
	expect(&m, "nothing"); /* unchanged */
	hvis_notify_status("two\nWATCHDOG=trigger");
	expect(&m, "STATUS=two WATCHDOG=trigger");
	hvis_notify_reloading();
	expect_reloading(&m);
	hvis_notify_reloaded();
	expect(&m, "READY=1");
	hvis_notify_stopping();
	expect(&m, "STOPPING=1");
	manager_close(&m);
}

static void test_watchdog(void)
{
	g_autofree char *pid = g_strdup_printf("%d", getpid());
	gint64 start, first, second;
	Manager m;
	char buf[64];

	manager_open(&m);
	hvis_watchdog_attach(); /* not asked for */
	expect(&m, "nothing");
	g_setenv("WATCHDOG_USEC", "100000", TRUE);
	g_setenv("WATCHDOG_PID", pid, TRUE);
	start = g_get_monotonic_time();
	hvis_watchdog_attach();
	expect(&m, "WATCHDOG=1");
	while (recv(m.fd, buf, sizeof(buf), 0) < 0)
		g_main_context_iteration(NULL, TRUE);
	first = g_get_monotonic_time() - start;
	while (recv(m.fd, buf, sizeof(buf), 0) < 0)
		g_main_context_iteration(NULL, TRUE);
	second = g_get_monotonic_time() - start;
	g_assert_cmpint(first, >=, 49000); /* half of the period, not faster */
	g_assert_cmpint(second, >=, 99000);
	g_unsetenv("WATCHDOG_USEC");
	g_unsetenv("WATCHDOG_PID");
	manager_close(&m);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/log/lines", test_lines);
	g_test_add_func("/log/no-prefix-without-a-manager", test_no_prefix_without_a_manager);
	g_test_add_func("/log/one-entry-is-one-line", test_one_entry_is_one_line);
	g_test_add_func("/log/fields", test_fields);
	g_test_add_func("/log/die", test_die);
	g_test_add_func("/log/die-managed", test_die_managed);
	g_test_add_func("/log/debug", test_debug);
	g_test_add_func("/notify/messages", test_notify);
	g_test_add_func("/notify/watchdog", test_watchdog);
	return g_test_run();
}
