/* SPDX-License-Identifier: GPL-2.0-only */
/* The error domain: text, errno mapping and the exit status of every code. */
#include <errno.h>
#include <util/error.h>

static void test_message(void)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(hvis_fail(&error, HVIS_ERROR_BUSY, "device %s, pid %d", "kvp", 7));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_BUSY));
	g_assert_false(hvis_error_is(error, HVIS_ERROR_IO));
	g_assert_cmpstr(error->message, ==, "device kvp, pid 7");
	g_assert_false(hvis_fail(NULL, HVIS_ERROR_BUSY, "nobody looks"));
	g_assert_false(hvis_error_is(NULL, HVIS_ERROR_FAILED));
}

/* Once the formatter took the name for a subtraction. */
static void test_domain_name(void)
{
	g_assert_cmpstr(g_quark_to_string(HVIS_ERROR), ==, "hvis-error-quark");
}

static void test_errno(void)
{
	static const struct {
		int err;
		HvisErrorCode code;
	} cases[] = {
		{ ENOENT, HVIS_ERROR_NOT_FOUND },
		{ ENODEV, HVIS_ERROR_NOT_FOUND },
		{ EEXIST, HVIS_ERROR_EXISTS },
		{ EINVAL, HVIS_ERROR_INVALID },
		{ EBADMSG, HVIS_ERROR_PROTOCOL },
		{ ENOSPC, HVIS_ERROR_NO_SPACE },
		{ EACCES, HVIS_ERROR_PERMISSION },
		{ EROFS, HVIS_ERROR_PERMISSION },
		{ EBUSY, HVIS_ERROR_BUSY },
		{ ETIMEDOUT, HVIS_ERROR_TIMEOUT },
		{ EPIPE, HVIS_ERROR_CLOSED },
		{ ECONNREFUSED, HVIS_ERROR_CLOSED },
		{ ENOSYS, HVIS_ERROR_UNSUPPORTED },
		{ EIO, HVIS_ERROR_IO },
		{ ECHILD, HVIS_ERROR_FAILED },
	};

	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_false(hvis_fail_errno(&error, cases[i].err, "open %s", "/x"));
		g_assert_true(error->domain == HVIS_ERROR);
		g_assert_cmpint(error->code, ==, cases[i].code);
		g_assert_true(g_str_has_prefix(error->message, "open /x: "));
		g_assert_nonnull(strstr(error->message, g_strerror(cases[i].err)));
	}
}

static void test_exit_status(void)
{
	static const HvisExit expected[HVIS_ERROR_N] = {
		[HVIS_ERROR_FAILED] = HVIS_EXIT_IO,
		[HVIS_ERROR_NOT_FOUND] = HVIS_EXIT_FALSE,
		[HVIS_ERROR_EXISTS] = HVIS_EXIT_IO,
		[HVIS_ERROR_INVALID] = HVIS_EXIT_USAGE,
		[HVIS_ERROR_PROTOCOL] = HVIS_EXIT_IO,
		[HVIS_ERROR_IO] = HVIS_EXIT_IO,
		[HVIS_ERROR_NO_SPACE] = HVIS_EXIT_IO,
		[HVIS_ERROR_PERMISSION] = HVIS_EXIT_PERMISSION,
		[HVIS_ERROR_BUSY] = HVIS_EXIT_IO,
		[HVIS_ERROR_TIMEOUT] = HVIS_EXIT_TIMEOUT,
		[HVIS_ERROR_CLOSED] = HVIS_EXIT_IO,
		[HVIS_ERROR_UNSUPPORTED] = HVIS_EXIT_IO,
	};

	g_assert_cmpint(hvis_exit_status(NULL), ==, HVIS_EXIT_OK);
	for (int code = 0; code < HVIS_ERROR_N; code++) {
		g_autoptr(GError) error = g_error_new(HVIS_ERROR, code, "x");

		g_assert_cmpint(expected[code], !=, HVIS_EXIT_OK); /* every code has a row */
		g_assert_cmpint(hvis_exit_status(error), ==, expected[code]);
	}
}

static void test_exit_status_foreign(void)
{
	g_autoptr(GError) usage = g_error_new(G_OPTION_ERROR, G_OPTION_ERROR_UNKNOWN_OPTION, "x");
	g_autoptr(GError) access = g_error_new(G_FILE_ERROR, G_FILE_ERROR_ACCES, "x");
	g_autoptr(GError) none = g_error_new(G_FILE_ERROR, G_FILE_ERROR_NOENT, "x");
	g_autoptr(GError) other = g_error_new(G_SPAWN_ERROR, G_SPAWN_ERROR_FAILED, "x");

	g_assert_cmpint(hvis_exit_status(usage), ==, HVIS_EXIT_USAGE);
	g_assert_cmpint(hvis_exit_status(access), ==, HVIS_EXIT_PERMISSION);
	g_assert_cmpint(hvis_exit_status(none), ==, HVIS_EXIT_FALSE);
	g_assert_cmpint(hvis_exit_status(other), ==, HVIS_EXIT_IO);
}

static void test_die(void)
{
	if (g_test_subprocess()) {
		g_autoptr(GError) error = g_error_new(HVIS_ERROR, HVIS_ERROR_IO, "disk on fire");

		g_set_prgname("hvis-test");
		exit(hvis_die(HVIS_EXIT_TIMEOUT, error));
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_failed();
	g_test_trap_assert_stderr("hvis-test: disk on fire\n");
}

/* Nothing that a terminal obeys; a new line is a hint's. */
static void test_die_terminal(void)
{
	if (g_test_subprocess()) {
		g_autoptr(GError) error =
			g_error_new(HVIS_ERROR, HVIS_ERROR_IO, "a\033[2J\a\302\233\rb\nhint");

		g_set_prgname("hvis-test");
		exit(hvis_die(HVIS_EXIT_TIMEOUT, error));
	}
	g_test_trap_subprocess(NULL, 0, 0);
	g_test_trap_assert_failed();
	g_test_trap_assert_stderr("hvis-test: a\\x1b[2J\\x07\\u009b\\rb\nhint\n");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/error/message", test_message);
	g_test_add_func("/error/domain-name", test_domain_name);
	g_test_add_func("/error/errno", test_errno);
	g_test_add_func("/error/exit-status", test_exit_status);
	g_test_add_func("/error/exit-status-foreign", test_exit_status_foreign);
	g_test_add_func("/error/die", test_die);
	g_test_add_func("/error/die-terminal", test_die_terminal);
	return g_test_run();
}
