/* SPDX-License-Identifier: GPL-2.0-only */
/* The unit that is started for a file: its name, as systemd would escape it, and the program that is told. */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fcopyd/received.h"

static const char *const paths[] = { "/srv/a", "/srv/a b/c-d", "/.hidden/.x", "/a\\b", "/a\nb\x7f",
	"/srv/\xc3\xa9:_.x", "/$HOME/%n", "/-", "/x@y" };

static void test_name(void)
{
	g_autofree char *plain = fcopy_received_unit("/srv/a b/c-d");
	g_autofree char *dots = fcopy_received_unit("/.hidden/.x");
	g_autofree char *odd = fcopy_received_unit("/\xc3\xa9\n%");

	g_assert_cmpstr(plain, ==, "hvis-fcopy-received@srv-a\\x20b-c\\x2dd.service");
	g_assert_cmpstr(dots, ==, "hvis-fcopy-received@\\x2ehidden-.x.service");
	g_assert_cmpstr(odd, ==, "hvis-fcopy-received@\\xc3\\xa9\\x0a\\x25.service");
}

/* What systemd itself makes of them. */
static void test_name_as_systemd(void)
{
	g_autofree char *tool = g_find_program_in_path("systemd-escape");

	if (!tool) {
		g_test_skip("systemd-escape is not installed");
		return;
	}
	for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
		const char *argv[] = { tool, "--path", "--template=hvis-fcopy-received@.service",
			"--", paths[i], NULL };
		g_autofree char *ours = fcopy_received_unit(paths[i]), *theirs = NULL;
		g_autoptr(GError) error = NULL;

		g_spawn_sync(NULL, (char **)(guintptr)argv, NULL, G_SPAWN_STDERR_TO_DEV_NULL, NULL,
			NULL, &theirs, NULL, NULL, &error);
		g_assert_no_error(error);
		g_assert_cmpstr(ours, ==, g_strchomp(theirs));
	}
}

static void check_length(gsize n, gboolean fits)
{
	g_autofree char *name = g_strnfill(n, 'a');
	g_autofree char *path = g_strconcat("/", name, NULL);
	g_autofree char *unit = fcopy_received_unit(path);

	g_assert_cmpint(unit != NULL, ==, fits);
}

static void test_too_long(void)
{
	const gsize room = 255 - strlen("hvis-fcopy-received@.service");

	check_length(room, TRUE);
	check_length(room + 1, FALSE);
}

/* A program in the place of systemctl that writes down its arguments, a line each, and is gone soon. */
static void test_start(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *dir = g_dir_make_tmp("fcopyd-XXXXXX", &error);
	g_autofree char *program = g_build_filename(dir, "systemctl", NULL);
	g_autofree char *told = g_build_filename(dir, "told", NULL);
	g_autofree char *script = g_strdup_printf("#!/bin/sh\nprintf '%%s\\n' \"$@\" >%s.part\n"
						  "/bin/mv %s.part %s\n",
		told, told, told);
	g_autofree char *path = g_strdup(g_getenv("PATH")), *text = NULL;
	siginfo_t child;

	g_assert_true(g_file_set_contents(program, script, -1, NULL));
	g_assert_cmpint(g_chmod(program, 0755), ==, 0);
	g_setenv("PATH", dir, TRUE);
	fcopy_received_start("/srv/a b");
	g_setenv("PATH", path, TRUE);
	for (guint i = 0; i < 6000 && access(told, F_OK) < 0; i++)
		g_usleep(10000);
	g_assert_true(g_file_get_contents(told, &text, NULL, NULL));
	g_assert_cmpstr(
		text, ==, "--no-block\n--quiet\nstart\nhvis-fcopy-received@srv-a\\x20b.service\n");
	/* It is the main loop that waits for it; here it is only looked whether that is done. */
	while (waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) == 0)
		g_main_context_iteration(NULL, FALSE);
	g_assert_cmpint(g_unlink(told), ==, 0);
	g_assert_cmpint(g_unlink(program), ==, 0);
	g_assert_cmpint(g_rmdir(dir), ==, 0);
}

static guint count_children(void)
{
	g_autofree char *path = g_strdup_printf("/proc/self/task/%d/children", getpid());
	g_autofree char *text = NULL;
	guint n = 0;

	if (!g_file_get_contents(path, &text, NULL, NULL))
		return 0;
	for (const char *at = text; *at; at++)
		n += *at == ' '; /* one behind each */
	return n;
}

static gsize size_of(const char *path)
{
	GStatBuf st;

	return g_stat(path, &st) == 0 ? (gsize)st.st_size : 0;
}

#define MANY 20u

/* The service manager does not answer while the host copies one file after the other. */
static void test_many(void)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *dir = g_dir_make_tmp("fcopyd-XXXXXX", &error);
	g_autofree char *program = g_build_filename(dir, "systemctl", NULL);
	g_autofree char *told = g_build_filename(dir, "told", NULL);
	g_autofree char *gate = g_build_filename(dir, "gate", NULL);
	g_autofree char *script =
		g_strdup_printf("#!/bin/sh\nread -r go <%s\necho >>%s\n", gate, told);
	g_autofree char *path = g_strdup(g_getenv("PATH"));
	siginfo_t child;
	int fd;

	g_assert_true(g_file_set_contents(program, script, -1, NULL));
	g_assert_cmpint(g_chmod(program, 0755), ==, 0);
	g_assert_cmpint(mkfifo(gate, 0600), ==, 0);
	fd = g_open(gate, O_RDWR | O_CLOEXEC, 0);
	g_setenv("PATH", dir, TRUE);
	for (guint i = 0; i < MANY; i++)
		fcopy_received_start("/srv/a");
	g_assert_cmpuint(count_children(), <=, 4);
	for (guint i = 0; i < MANY; i++)
		g_assert_cmpint(write(fd, "\n", 1), ==, 1);
	for (guint i = 0; i < 60000 && size_of(told) < MANY; i++) {
		g_main_context_iteration(NULL, FALSE);
		g_usleep(1000);
	}
	g_assert_cmpuint(size_of(told), ==, MANY);
	while (waitid(P_ALL, 0, &child, WEXITED | WNOHANG | WNOWAIT) == 0)
		g_main_context_iteration(NULL, FALSE);
	g_setenv("PATH", path, TRUE);
	close(fd);
	g_assert_cmpint(g_unlink(told), ==, 0);
	g_assert_cmpint(g_unlink(gate), ==, 0);
	g_assert_cmpint(g_unlink(program), ==, 0);
	g_assert_cmpint(g_rmdir(dir), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fcopyd/received/name", test_name);
	g_test_add_func("/fcopyd/received/name-as-systemd", test_name_as_systemd);
	g_test_add_func("/fcopyd/received/too-long", test_too_long);
	g_test_add_func("/fcopyd/received/start", test_start);
	g_test_add_func("/fcopyd/received/many", test_many);
	return g_test_run();
}
