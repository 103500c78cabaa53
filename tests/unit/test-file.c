/* SPDX-License-Identifier: GPL-2.0-only */
/* Whole files: replacing, limits, what a failure leaves behind. */
#include <sys/stat.h>
#include <unistd.h>

#include <glib/gstdio.h>

#include <util/error.h>
#include <util/file.h>

typedef struct {
	char *dir, *path;
} Fixture;

static void set_up(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->dir = g_dir_make_tmp("hvis-file-XXXXXX", NULL);
	f->path = g_build_filename(f->dir, "file", NULL);
}

static guint count_entries(const char *dir)
{
	g_autoptr(GDir) d = g_dir_open(dir, 0, NULL);
	guint n = 0;

	while (g_dir_read_name(d))
		n++;
	return n;
}

static void tear_down(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_unlink(f->path);
	g_assert_cmpint(g_rmdir(f->dir), ==, 0);
	g_free(f->path);
	g_free(f->dir);
}

static void test_replace(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *text = NULL;
	struct stat before, after;
	gsize len;

	g_assert_true(hvis_file_write(f->path, "old", 3, 0644, &error));
	g_assert_no_error(error);
	g_assert_cmpint(stat(f->path, &before), ==, 0);
	g_assert_cmpint(before.st_mode & 07777, ==, 0644);
	g_assert_true(hvis_file_write(f->path, "new\0x", 5, 0600, &error));
	g_assert_cmpint(stat(f->path, &after), ==, 0);
	g_assert_cmpint(after.st_mode & 07777, ==, 0600);
	g_assert_cmpuint(after.st_ino, !=, before.st_ino);
	g_assert_cmpuint(count_entries(f->dir), ==, 1); /* no temporary left */
	text = hvis_file_read(f->path, 5, &len, &error);
	g_assert_no_error(error);
	g_assert_cmpmem(text, len + 1, "new\0x", 6); /* with its own NUL */
}

static void test_empty(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *text = NULL;
	gsize len = 9;

	g_assert_true(hvis_file_write(f->path, NULL, 0, 0644, NULL));
	text = hvis_file_read(f->path, 0, &len, NULL);
	g_assert_cmpstr(text, ==, "");
	g_assert_cmpuint(len, ==, 0);
}

static void test_too_long(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *bytes = g_strnfill(10000, 'x');
	gsize len = 9;

	g_assert_true(hvis_file_write(f->path, bytes, 10000, 0644, NULL));
	g_assert_null(hvis_file_read(f->path, 9999, &len, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_NO_SPACE));
	g_assert_cmpuint(len, ==, 9);
}

static void test_failures(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *nowhere = g_build_filename(f->dir, "none", "file", NULL);

	g_assert_false(hvis_file_write(nowhere, "x", 1, 0644, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_NOT_FOUND));
	g_clear_error(&error);
	g_assert_null(hvis_file_read(nowhere, 10, NULL, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_NOT_FOUND));
	g_clear_error(&error);
	g_assert_null(hvis_file_read(f->dir, 10, NULL, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_INVALID));
	g_clear_error(&error);
	g_assert_cmpint(mkfifo(f->path, 0600), ==, 0); /* must not block */
	g_assert_null(hvis_file_read(f->path, 10, NULL, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_INVALID));
}

/* The target cannot be replaced: the old one stays and nothing else remains. */
static void test_no_debris(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *inside = g_build_filename(f->path, "x", NULL);

	g_assert_cmpint(g_mkdir(f->path, 0755), ==, 0);
	g_assert_cmpint(g_mkdir(inside, 0755), ==, 0);
	g_assert_false(hvis_file_write(f->path, "x", 1, 0644, &error));
	g_assert_nonnull(error);
	g_assert_cmpuint(count_entries(f->dir), ==, 1);
	g_rmdir(inside);
	g_rmdir(f->path);
}

static void test_proc(void)
{
	g_autofree char *text = hvis_file_read("/proc/self/comm", 64, NULL, NULL);

	g_assert_nonnull(text); /* a file whose size says 0 */
	g_assert_cmpuint(strlen(text), >, 1);
}

static void test_stamp(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	const HvisFileStamp none = { 0 };
	HvisFileStamp was = hvis_file_stamp(f->path), is;

	g_assert_true(hvis_file_stamp_equal(&was, &none));
	g_assert_true(hvis_file_write(f->path, "one", 3, 0644, NULL));
	is = hvis_file_stamp(f->path);
	g_assert_false(hvis_file_stamp_equal(&was, &is));
	was = hvis_file_stamp(f->path);
	g_assert_true(hvis_file_stamp_equal(&was, &is));
	g_assert_true(hvis_file_write(f->path, "one", 3, 0644, NULL)); /* another file */
	is = hvis_file_stamp(f->path);
	g_assert_false(hvis_file_stamp_equal(&was, &is));
	g_assert_cmpint(g_unlink(f->path), ==, 0);
	is = hvis_file_stamp(f->path);
	g_assert_true(hvis_file_stamp_equal(&is, &none));
}

#define ADD(path, func) g_test_add("/file/" path, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("replace", test_replace);
	ADD("empty", test_empty);
	ADD("too-long", test_too_long);
	ADD("failures", test_failures);
	ADD("no-debris", test_no_debris);
	ADD("stamp", test_stamp);
	g_test_add_func("/file/proc", test_proc);
	return g_test_run();
}
