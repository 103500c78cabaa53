/* SPDX-License-Identifier: GPL-2.0-only */
/* What a daemon writes to a pipe. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <util/error.h>
#include <util/log.h>
#include <util/messages.h>

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
		hvis_log(HVIS_LOG_WARNING, "no key \"%s\"",
			"a\n<0>\tpanic\x7f\x1b[31m\xc3\xbc\xc2\x9b\xe2\x80\xae\xff.");
		return;
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
	g_test_trap_assert_stderr("<4>no key \"a <0> panic  [31m\xc3\xbc      .\"\n");
}

/* The journal itself is out of a test's reach: the writer's fields are looked at on their way. */
static GLogWriterOutput check_fields(
	GLogLevelFlags flags, const GLogField *fields, gsize n, gpointer data)
{
	static const char *const wanted[][2] = { { "PRIORITY", "4" }, { "MESSAGE", "text" },
		{ "MESSAGE_ID", HVIS_MESSAGE_REQUEST_FAILED }, { "HVIS_TRANSACTION", "7" },
		{ "HVIS_MESSAGE", "set" }, { "HVIS_POOL", "external" }, { "HVIS_KEY", "k" },
		{ "HVIS_INTERFACE", "eth0" }, { "HVIS_FILE", "/srv/a" }, { "HVIS_SIZE", "0" },
		{ "HVIS_SHA256", "e3b0" }, { "HVIS_DURATION_USEC", "12" },
		{ "HVIS_RESULT", "0x80004005" } };

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
		.file = "/srv/a",
		.sha256 = "e3b0",
		.duration_us = 12,
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
		g_assert_true(hvis_log_shows(HVIS_LOG_DEBUG));
		hvis_log(HVIS_LOG_DEBUG, "seen");
		return;
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
	g_test_trap_assert_stderr("<7>seen\n");
}

static void test_shows(void)
{
	if (g_test_subprocess()) {
		g_unsetenv("G_MESSAGES_DEBUG"); /* which GLib's tests may have set */
		hvis_log_init("kvp", FALSE);
		g_assert_false(hvis_log_shows(HVIS_LOG_DEBUG));
		g_assert_true(hvis_log_shows(HVIS_LOG_INFO));
		return;
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_passed();
}

static void test_limit(void)
{
	HvisLogLimit limit = { 0 };
	const gint64 start = 5 * G_USEC_PER_SEC, second = G_USEC_PER_SEC;

	g_assert_true(hvis_log_limit(&limit, "a", start));
	g_assert_false(hvis_log_limit(&limit, "a", start));
	g_assert_false(hvis_log_limit(&limit, "b", start + second - 1));
	g_assert_true(hvis_log_limit(&limit, "b", start + second));
	g_assert_false(hvis_log_limit(&limit, "b", start + 600 * second));
	g_assert_true(hvis_log_limit(&limit, "b", start + 601 * second));
	g_assert_true(hvis_log_limit(&limit, "a", start + 602 * second));
	hvis_log_limit_clear(&limit);
	g_assert_true(hvis_log_limit(&limit, "a", start));
	hvis_log_limit_clear(&limit);
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
	g_test_add_func("/log/shows", test_shows);
	g_test_add_func("/log/limit", test_limit);
	return g_test_run();
}
