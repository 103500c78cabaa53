/* SPDX-License-Identifier: GPL-2.0-only */
/* Programs are run as they are named: no shell, no more time than they have, no more output. */
#include <signal.h>
#include <sys/stat.h>

#include "ipd/command.h"
#include "tests/unit/ipd-scratch.h"

static void setup(Scratch *s, gconstpointer data G_GNUC_UNUSED)
{
	scratch_init(s);
}

static void teardown(Scratch *s, gconstpointer data G_GNUC_UNUSED)
{
	scratch_deinit(s);
}

static void write_program(Scratch *s, const char *text)
{
	g_autofree char *path = scratch_path(s, "/usr/bin/tool");
	g_autofree char *script = g_strconcat("#!/bin/sh\n", text, "\n", NULL);

	scratch_write(s, "/usr/bin/tool", script);
	g_assert_cmpint(chmod(path, 0755), ==, 0);
}

static gboolean run(Scratch *s, const char *arg, guint limit_ms, char **ret_output, GError **error)
{
	char *argv[] = { (char *)"tool", (char *)arg, NULL };

	return ip_command_run(
		&(IpRun){ .root = s->root, .argv = argv, .limit_ms = limit_ms }, ret_output, error);
}

static void test_arguments(Scratch *s, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *output = NULL;

	write_program(s, "printf '%s|' \"$#\" \"$1\" \"$PATH\" \"$HOME\"; pwd >&2");
	g_assert_true(run(s, "$(reboot); `x` \"'", 10000, &output, &error));
	g_assert_cmpstr(output, ==, "1|$(reboot); `x` \"'|/usr/sbin:/usr/bin:/sbin:/bin||/\n");
}

static void test_missing(Scratch *s, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(run(s, NULL, 10000, NULL, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_NOT_FOUND));
}

static void test_fails(Scratch *s, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) status = NULL, killed = NULL;

	write_program(s, "echo no such; echo device >&2; exit 7");
	g_assert_false(run(s, NULL, 10000, NULL, &status));
	g_assert_cmpstr(status->message, ==, "tool failed with status 7: no such device");
	write_program(s, "kill -TERM $$");
	g_assert_false(run(s, NULL, 10000, NULL, &killed));
	g_assert_cmpstr(killed->message, ==, "tool was ended by signal 15");
}

/* The limit ends what it started, too. */
static void test_limit(Scratch *s, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *output = NULL;
	pid_t child;

	write_program(s, "sleep 100 & echo $!; wait");
	g_assert_false(run(s, NULL, 500, &output, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_TIMEOUT));
	child = (pid_t)g_ascii_strtoll(output, NULL, 10);
	g_assert_cmpint(child, >, 1);
	for (guint i = 0; i < 500 && kill(child, 0) == 0; i++) {
		g_autofree char *path = g_strdup_printf("/proc/%d/stat", child);
		g_autofree char *stat_text = hvis_file_read(path, 4096, NULL, NULL);

		if (!stat_text || strstr(stat_text, ") Z")) /* nobody may reap it here */
			return;
		g_usleep(10000);
	}
	g_assert_cmpint(kill(child, 0), <, 0);
}

/* dhclient stays, with the output open. */
static void test_left_running(Scratch *s, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *output = NULL;
	gint64 start = g_get_monotonic_time();

	write_program(s, "sleep 30 & echo $!");
	g_assert_true(run(s, NULL, 20000, &output, &error));
	g_assert_cmpint(g_get_monotonic_time() - start, <, 15 * G_USEC_PER_SEC);
	kill((pid_t)g_ascii_strtoll(output, NULL, 10), SIGKILL);
}

/* What is left behind writes for ever: that must hold up neither the end nor the limit. */
static void test_left_writing(Scratch *s, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *output = NULL;
	gint64 start = g_get_monotonic_time();

	write_program(s, "yes & sleep 0.5");
	g_assert_true(run(s, NULL, 20000, &output, &error));
	g_assert_cmpint(g_get_monotonic_time() - start, <, 15 * G_USEC_PER_SEC);
	write_program(s, "yes & wait");
	g_assert_false(run(s, NULL, 500, NULL, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_TIMEOUT));
	g_assert_cmpint(g_get_monotonic_time() - start, <, 15 * G_USEC_PER_SEC);
}

/* Ended it is all the same, though it is in our group now. */
static void test_limit_left_group(Scratch *s, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	gint64 start = g_get_monotonic_time();

	write_program(s, "exec perl -e 'setpgrp(0, getpgrp(getppid())) or die; sleep 30'");
	g_assert_false(run(s, NULL, 500, NULL, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_TIMEOUT));
	g_assert_cmpint(g_get_monotonic_time() - start, <, 15 * G_USEC_PER_SEC);
}

static void test_much_output(Scratch *s, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *output = NULL;

	write_program(s, "head -c 300000 /dev/zero | tr '\\0' x");
	g_assert_true(run(s, NULL, 20000, &output, &error));
	g_assert_cmpuint(strlen(output), ==, IP_COMMAND_OUTPUT_MAX);
}

static void test_input(Scratch *s, gconstpointer data G_GNUC_UNUSED)
{
	char *argv[] = { (char *)"tool", NULL };
	g_autoptr(GError) error = NULL;
	g_autofree char *output = NULL;

	write_program(s, "cat; echo $NAME");
	g_assert_true(ip_command_run(&(IpRun){ .root = s->root,
					     .argv = argv,
					     .env = (const char *[]){ "NAME=value", NULL },
					     .input = "in\n",
					     .limit_ms = 10000 },
		&output, &error));
	g_assert_cmpstr(output, ==, "in\nvalue\n");
}

static void test_text(Scratch *s, gconstpointer data G_GNUC_UNUSED)
{
	char *argv[] = { (char *)"a", (char *)"b c", (char *)"", (char *)"d'e", NULL };
	g_autofree char *text = ip_command_text(argv);

	g_assert_cmpstr(text, ==, "a 'b c' '' 'd'\\''e'");
}

#define TEST(path, func) g_test_add("/ipd/command/" path, Scratch, NULL, setup, func, teardown)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	TEST("arguments", test_arguments);
	TEST("missing", test_missing);
	TEST("fails", test_fails);
	TEST("limit", test_limit);
	TEST("left-running", test_left_running);
	TEST("left-writing", test_left_writing);
	TEST("limit-left-group", test_limit_left_group);
	TEST("much-output", test_much_output);
	TEST("input", test_input);
	TEST("text", test_text);
	return g_test_run();
}
