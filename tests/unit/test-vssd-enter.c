/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a mount is opened by another process: this program is that, too, and a script stands in for
 * systemd-run. Nothing is entered that would need a right, and nothing is frozen.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/remove-tree.h"
#include "vssd/enter.h"
#include "vssd/fs.h"
#include "vssd/systemd-run.h"

#define RUN "#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done; shift\n"

/* A stand-in with @script after its options. */
static char *stand_in(const char *dir, const char *script)
{
	char *path = g_build_filename(dir, "systemd-run", NULL);
	g_autofree char *text = g_strconcat(RUN, script, "\n", NULL);
	g_autoptr(GError) error = NULL;

	g_file_set_contents(path, text, -1, &error);
	g_assert_no_error(error);
	g_assert_cmpint(g_chmod(path, 0755), ==, 0);
	return path;
}

/* The mount of @dir, in our own view. */
static struct vss_target target_of(const char *dir)
{
	struct vss_target target = { .pid = getpid() };
	struct statx st;

	g_assert_cmpint(statx(AT_FDCWD, dir, 0, STATX_MNT_ID, &st), ==, 0);
	target.mount_id = (int32_t)st.stx_mnt_id;
	target.major = st.stx_dev_major;
	target.minor = st.stx_dev_minor;
	g_strlcpy(target.path, dir, PATH_MAX);
	return target;
}

static void test_opened_by_another(void)
{
	g_autofree char *dir = g_dir_make_tmp("hvis-enter-XXXXXX", NULL);
	g_autofree char *run = stand_in(dir, "exec \"$@\"");
	struct vss_target target = target_of(dir);
	struct stat wanted, got;
	int fd = -1;

	g_assert_cmpint(vss_enter_open(run, &target, &fd), ==, 0);
	g_assert_cmpint(fstat(fd, &got), ==, 0);
	g_assert_cmpint(stat(dir, &wanted), ==, 0);
	g_assert_true(got.st_dev == wanted.st_dev && got.st_ino == wanted.st_ino);
	g_assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
	remove_tree(dir);
}

/* Nothing is ignored for it that is for the worker. */
static void test_signals_of_the_other(void)
{
	g_autofree char *dir = g_dir_make_tmp("hvis-enter-XXXXXX", NULL);
	g_autofree char *file = g_build_filename(dir, "ignored", NULL), *text = NULL;
	g_autofree char *script = g_strdup_printf(
		"sed -n 's/^SigIgn:[^0-9a-f]*//p' /proc/$$/status >%s; exec \"$@\"", file);
	g_autofree char *run = stand_in(dir, script);
	struct vss_target target = target_of(dir);
	int fd = -1;

	signal(SIGPIPE, SIG_IGN);
	g_assert_cmpint(vss_enter_open(run, &target, &fd), ==, 0);
	signal(SIGPIPE, SIG_DFL);
	close(fd);
	g_assert_true(g_file_get_contents(file, &text, NULL, NULL));
	g_assert_cmpint((gint)strlen(text), >, 1);
	g_assert_cmpuint(g_ascii_strtoull(text, NULL, 16) >> (SIGPIPE - 1) & 1, ==, 0);
	remove_tree(dir);
}

/* What the other one says is what we hear. */
static void test_errors(void)
{
	static const struct {
		const char *script;
		gboolean wrong; /* another mount is meant */
		const char *path; /* NULL: the right one */
		int err;
	} cases[] = {
		{ "exec \"$@\"", TRUE, NULL, ESTALE },
		{ "exec \"$@\"", FALSE, "/there/is/no/such", ENOENT },
		{ "exit 1", FALSE, NULL, EACCES },
		{ "kill -KILL $$", FALSE, NULL, EACCES },
	};
	g_autofree char *dir = g_dir_make_tmp("hvis-enter-XXXXXX", NULL);

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autofree char *run = stand_in(dir, cases[i].script);
		struct vss_target target = target_of(dir);
		int fd = -1;

		if (cases[i].wrong) {
			target.mount_id = -1;
			target.minor++; /* a mount of ours with the right one would do */
		}
		if (cases[i].path)
			g_strlcpy(target.path, cases[i].path, PATH_MAX);
		g_assert_cmpint(vss_enter_open(run, &target, &fd), ==, cases[i].err);
		g_assert_cmpint(fd, ==, -1);
	}
	remove_tree(dir);
}

/* A container unmounts what was planned, and what it mounts then has the number of that mount. */
static void test_number_of_the_mount_used_again(void)
{
	struct vss_target target = target_of("/");
	int fd = -1;

	g_assert_cmpint(vss_fs_open_here(&target, &fd), ==, 0);
	close(fd);
	fd = -1;
	target.major = target.major == 8 ? 9 : 8;
	g_assert_cmpint(vss_fs_open_here(&target, &fd), ==, ESTALE);
	g_assert_cmpint(fd, ==, -1);
}

static void test_no_systemd_run(void)
{
	struct vss_target target = target_of("/");
	int fd = -1;

	g_assert_cmpint(vss_enter_open("/there/is/no/such", &target, &fd), ==, ENOENT);
	g_assert_cmpint(fd, ==, -1);
}

/* It hangs, in a mount of the container's making: it is given up, and killed. */
static void test_it_hangs(void)
{
	g_autofree char *dir = g_dir_make_tmp("hvis-enter-XXXXXX", NULL);
	g_autofree char *pid_file = g_build_filename(dir, "pid", NULL), *text = NULL;
	g_autofree char *script = g_strdup_printf("echo $$ >%s; exec sleep 600", pid_file);
	g_autofree char *run = stand_in(dir, script);
	struct vss_target target = target_of(dir);
	int fd = -1;

	g_assert_cmpint(vss_enter_open(run, &target, &fd), ==, ETIMEDOUT);
	g_assert_cmpint(fd, ==, -1);
	g_assert_true(g_file_get_contents(pid_file, &text, NULL, NULL));
	g_assert_cmpint(kill(atoi(text), 0), ==, -1);
	remove_tree(dir);
}

static void test_where_systemd_run_is(void)
{
	g_autofree char *dir = g_dir_make_tmp("hvis-enter-XXXXXX", NULL);
	g_autofree char *booted = g_build_filename(dir, "run/systemd/system", NULL);
	g_autofree char *bin = g_build_filename(dir, "usr/bin", NULL);
	char found[PATH_MAX];
	g_autofree char *path = NULL;

	g_mkdir_with_parents(bin, 0755);
	path = stand_in(bin, "");
	g_assert_false(vss_systemd_run_find(dir, found));
	g_mkdir_with_parents(booted, 0755);
	g_assert_true(vss_systemd_run_find(dir, found));
	g_assert_cmpstr(found, ==, path);
	g_assert_cmpint(g_chmod(path, 0644), ==, 0);
	g_assert_false(vss_systemd_run_find(dir, found));
	remove_tree(dir);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], VSS_ENTER_OPTION) == 0)
		return vss_enter_serve(STDIN_FILENO);
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vssd/enter/opened-by-another", test_opened_by_another);
	g_test_add_func("/vssd/enter/signals-of-the-other", test_signals_of_the_other);
	g_test_add_func("/vssd/enter/errors", test_errors);
	g_test_add_func(
		"/vssd/enter/number-of-the-mount-used-again", test_number_of_the_mount_used_again);
	g_test_add_func("/vssd/enter/no-systemd-run", test_no_systemd_run);
	g_test_add_func("/vssd/enter/it-hangs", test_it_hangs);
	g_test_add_func("/vssd/enter/where-systemd-run-is", test_where_systemd_run_is);
	return g_test_run();
}
