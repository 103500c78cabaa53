/* SPDX-License-Identifier: GPL-2.0-only */
/* What a daemon that was killed has left: gone, and nothing else with it. */
#include <sys/wait.h>

#include "tests/unit/fcopyd-scratch.h"
#include "tests/unit/fcopyd-wrap.h"

#include "fcopyd/sweep.h"

static Scratch s;

static void set_up(void)
{
	scratch_init(&s);
	scratch_mkdir(&s, "/in/deep");
	scratch_put(&s, "/in/other", "somebody's");
	wrapped.tmpfile = EOPNOTSUPP;
}

static void tear_down(void)
{
	scratch_deinit(&s);
}

static FcopyFile *begin(const char *lines, const char *path)
{
	const FcopyWanted wanted = { .path = path, .name = "new", .size = 4 };
	g_autoptr(FcopyPolicy) policy = scratch_policy(&s, lines);
	g_autoptr(GError) error = NULL;
	FcopyFile *file = fcopy_file_create(s.root, policy, &wanted, &error);

	g_assert_no_error(error);
	g_assert_true(fcopy_file_write(file, 0, "ha", 2, NULL));
	return file;
}

/* As SIGKILL leaves it: a child makes it and is gone. */
static void leave(const char *lines, const char *path)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		begin(lines, path);
		_exit(0);
	}
	g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
	g_assert_cmpint(status, ==, 0);
	g_assert_cmpuint(scratch_count(s.state), ==, 1);
}

/* The name that is noted; whatever else is in the state directory does not begin like it. */
static char *noted(void)
{
	g_autoptr(GDir) dir = g_dir_open(s.state, 0, NULL);
	const char *name;

	while ((name = g_dir_read_name(dir)))
		if (g_str_has_prefix(name, "unfinished-"))
			return g_strconcat(".hvis-fcopy-", name + strlen("unfinished-"), NULL);
	return NULL;
}

static void check_swept(guint count, guint notes, guint names)
{
	g_assert_cmpuint(fcopy_sweep(s.root, s.state), ==, count);
	g_assert_cmpuint(scratch_count(s.state), ==, notes);
	g_assert_cmpuint(scratch_count_in(&s, "/in"), ==, names);
}

static void test_left(void)
{
	set_up();
	check_swept(0, 0, 2);
	leave("", "/in/");
	g_assert_cmpuint(scratch_count_in(&s, "/in"), ==, 3);
	check_swept(1, 0, 2);
	check_swept(0, 0, 2);
	leave("", "/in/deep/");
	g_assert_cmpuint(scratch_count_in(&s, "/in/deep"), ==, 1);
	check_swept(1, 0, 2);
	g_assert_cmpuint(scratch_count_in(&s, "/in/deep"), ==, 0);
	tear_down();
}

static void test_odd_names(void)
{
	set_up();
	scratch_mkdir(&s, "/in/a\nb\t\\ \"\xc3\xa9\xf0\x9f\x98\x80");
	leave("", "/in/a\nb\t\\ \"\xc3\xa9\xf0\x9f\x98\x80/");
	check_swept(1, 0, 3);
	tear_down();
}

/* The directory of Allow= is a link, as it may be. */
static void test_by_link(void)
{
	set_up();
	scratch_link(&s, "in", "/link");
	leave("Allow=/link", "/link/deep/");
	check_swept(1, 0, 2);
	tear_down();
}

static void test_in_use(void)
{
	FcopyFile *file;
	FcopySum sum;

	set_up();
	file = begin("", "/in/");
	check_swept(0, 1, 3);
	g_assert_true(fcopy_file_write(file, 2, "ha", 2, NULL));
	g_assert_true(fcopy_file_finish(file, NULL, &sum, NULL));
	fcopy_file_free(file);
	check_swept(0, 0, 3);
	tear_down();
}

/* Killed between the note and the file, or between the name and the end of the note. */
static void test_no_file(void)
{
	g_autofree char *name = NULL, *path = NULL;

	set_up();
	leave("", "/in/");
	name = noted();
	path = g_strconcat(s.path, "/in/", name, NULL);
	g_assert_cmpint(unlink(path), ==, 0);
	check_swept(0, 0, 2);
	tear_down();
}

/* Its file system is not mounted: nothing is known until it is. */
static void test_directory_gone(void)
{
	set_up();
	leave("", "/in/deep/");
	g_assert_cmpint(renameat(s.root, "in/deep", s.root, "away"), ==, 0);
	check_swept(0, 1, 1);
	scratch_mkdir(&s, "/in/deep");
	check_swept(0, 1, 2);
	g_assert_cmpint(unlinkat(s.root, "in/deep", AT_REMOVEDIR), ==, 0);
	g_assert_cmpint(renameat(s.root, "away", s.root, "in/deep"), ==, 0);
	check_swept(1, 0, 2);
	tear_down();
}

/* A link on the way, to a directory with a file of that name. */
static void test_link_on_the_way(void)
{
	set_up();
	leave("", "/in/deep/");
	g_assert_cmpint(renameat(s.root, "in/deep", s.root, "away"), ==, 0);
	scratch_link(&s, "../away", "/in/deep");
	check_swept(0, 1, 2);
	g_assert_cmpuint(scratch_count_in(&s, "/away"), ==, 1);
	tear_down();
}

/* Another directory of that path, with a file of that name. */
static void test_other_directory(void)
{
	g_autofree char *name = NULL, *path = NULL;

	set_up();
	leave("", "/in/deep/");
	name = noted();
	path = g_strconcat("/in/deep/", name, NULL);
	g_assert_cmpint(renameat(s.root, "in/deep", s.root, "away"), ==, 0);
	scratch_mkdir(&s, "/in/deep");
	scratch_put(&s, path, "somebody's");
	check_swept(0, 1, 2);
	g_assert_true(scratch_has(&s, path));
	tear_down();
}

static void test_no_regular_file(void)
{
	g_autofree char *name = NULL, *path = NULL;

	set_up();
	leave("", "/in/");
	name = noted();
	path = g_strconcat("/in/", name, NULL);
	g_assert_cmpint(unlinkat(s.root, path + 1, 0), ==, 0);
	scratch_link(&s, "other", path);
	check_swept(0, 0, 3);
	g_assert_true(scratch_has(&s, "/in/other"));
	g_assert_true(scratch_has(&s, path));
	tear_down();
}

static void put_state(const char *name, const char *text)
{
	g_autofree char *path = g_build_filename(s.state, name, NULL);

	g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

/* What is no note of ours names nothing that would be removed. */
static void test_others(void)
{
	struct stat st;
	g_autofree char *text = NULL;

	set_up();
	g_assert_cmpint(fstatat(s.root, "in", &st, 0), ==, 0);
	text = g_strdup_printf("/\nin\n%" G_GUINT64_FORMAT "\n", (guint64)st.st_ino);
	put_state("history", text);
	put_state("unfinished-other", text);
	put_state("unfinished-0123456789abcdeg", text);
	put_state("unfinished-0123456789abcdef0", text);
	put_state(".unfinished-history", text);
	check_swept(0, 5, 2);
	put_state("unfinished-0123456789abcdef", text); /* of a file that is not there */
	put_state("unfinished-0123456789abcde0", "");
	put_state("unfinished-0123456789abcde1", "/\n");
	put_state("unfinished-0123456789abcde2", "in\nother\n5\n");
	put_state(".unfinished-0123456789abcdef.AbCd12", "/");
	check_swept(0, 5, 2);
	tear_down();
}

/* A file that could not be removed is still noted. */
static void test_not_removed(void)
{
	FcopyFile *file;

	set_up();
	file = begin("", "/in/");
	wrapped.unlinkat = EIO;
	fcopy_file_free(file);
	check_swept(0, 1, 3);
	wrapped.unlinkat = 0;
	check_swept(1, 0, 2);
	tear_down();
}

static void test_no_state(void)
{
	set_up();
	g_assert_cmpuint(fcopy_sweep(s.root, "/nonexistent/state"), ==, 0);
	tear_down();
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	umask(022);
	g_test_add_func("/fcopyd/sweep/left", test_left);
	g_test_add_func("/fcopyd/sweep/odd-names", test_odd_names);
	g_test_add_func("/fcopyd/sweep/by-link", test_by_link);
	g_test_add_func("/fcopyd/sweep/in-use", test_in_use);
	g_test_add_func("/fcopyd/sweep/no-file", test_no_file);
	g_test_add_func("/fcopyd/sweep/directory-gone", test_directory_gone);
	g_test_add_func("/fcopyd/sweep/link-on-the-way", test_link_on_the_way);
	g_test_add_func("/fcopyd/sweep/other-directory", test_other_directory);
	g_test_add_func("/fcopyd/sweep/no-regular-file", test_no_regular_file);
	g_test_add_func("/fcopyd/sweep/others", test_others);
	g_test_add_func("/fcopyd/sweep/not-removed", test_not_removed);
	g_test_add_func("/fcopyd/sweep/no-state", test_no_state);
	return g_test_run();
}
