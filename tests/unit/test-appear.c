/* SPDX-License-Identifier: GPL-2.0-only */
/* Waiting for a path: made at once, below directories that come and go, and already there. */
#include <unistd.h>

#include <glib/gstdio.h>

#include <service/appear.h>

typedef struct {
	char *root, *dir, *path;
	HvisFakeClock *clock;
	guint seen;
} Fixture;

static void on_seen(gpointer data)
{
	((Fixture *)data)->seen++;
}

static void set_up(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->root = g_dir_make_tmp("hvis-appear-XXXXXX", NULL);
	f->dir = g_build_filename(f->root, "a", "b", NULL);
	f->path = g_build_filename(f->dir, "device", NULL);
	f->clock = hvis_fake_clock_new();
}

static void tear_down(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *up = g_path_get_dirname(f->dir);

	g_assert_cmpuint(hvis_fake_clock_pending(f->clock), ==, 0);
	hvis_fake_clock_free(f->clock);
	g_unlink(f->path);
	g_rmdir(f->dir);
	g_rmdir(up);
	g_assert_cmpint(g_rmdir(f->root), ==, 0);
	g_free(f->root);
	g_free(f->dir);
	g_free(f->path);
}

static void touch(const char *path)
{
	g_assert_true(g_file_set_contents(path, "", 0, NULL));
}

static void settle(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

static void test_levels(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(HvisAppear) a =
		hvis_appear_new(f->path, hvis_fake_clock_get(f->clock), on_seen, f);
	g_autofree char *up = g_path_get_dirname(f->dir);

	settle();
	g_assert_cmpint(g_mkdir(up, 0755), ==, 0);
	settle();
	g_assert_cmpint(g_mkdir(f->dir, 0755), ==, 0);
	settle();
	g_assert_cmpuint(f->seen, ==, 0);
	touch(f->path);
	settle();
	g_assert_cmpuint(f->seen, >, 0);
}

static gboolean is_there(gpointer data)
{
	g_autofree char *other = g_build_filename(((Fixture *)data)->dir, "other", NULL);

	return g_file_test(other, G_FILE_TEST_EXISTS);
}

/* What comes has another name than what is watched. */
static void test_near(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *other = g_build_filename(f->dir, "other", NULL);
	g_autoptr(HvisAppear) a =
		hvis_appear_new_near(f->path, hvis_fake_clock_get(f->clock), is_there, on_seen, f);

	g_assert_cmpint(g_mkdir_with_parents(f->dir, 0755), ==, 0);
	settle();
	touch(f->path);
	settle();
	g_assert_cmpuint(f->seen, ==, 0);
	touch(other);
	settle();
	g_assert_cmpuint(f->seen, >, 0);
	g_assert_cmpint(g_unlink(other), ==, 0);
}

/* All of it made before the loop turns once: no event of the inner directory is seen. */
static void test_burst(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(HvisAppear) a =
		hvis_appear_new(f->path, hvis_fake_clock_get(f->clock), on_seen, f);

	g_assert_cmpint(g_mkdir_with_parents(f->dir, 0755), ==, 0);
	touch(f->path);
	settle();
	g_assert_cmpuint(f->seen, >, 0);
}

/* The directory goes with its device and comes back, as /dev/vmbus does. */
static void test_directory_gone(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(HvisAppear) a = NULL;

	g_assert_cmpint(g_mkdir_with_parents(f->dir, 0755), ==, 0);
	a = hvis_appear_new(f->path, hvis_fake_clock_get(f->clock), on_seen, f);
	settle();
	g_assert_cmpint(g_rmdir(f->dir), ==, 0);
	settle();
	g_assert_cmpint(g_mkdir(f->dir, 0755), ==, 0);
	settle();
	g_assert_cmpuint(f->seen, ==, 0);
	touch(f->path);
	settle();
	g_assert_cmpuint(f->seen, >, 0);
}

static void test_already(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(HvisAppear) a = NULL;

	g_assert_cmpint(g_mkdir_with_parents(f->dir, 0755), ==, 0);
	touch(f->path);
	a = hvis_appear_new(f->path, hvis_fake_clock_get(f->clock), on_seen, f);
	g_assert_cmpuint(f->seen, ==, 0); /* never from within */
	settle();
	g_assert_cmpuint(f->seen, ==, 1);
}

static void test_freed(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	HvisAppear *a;

	g_assert_cmpint(g_mkdir_with_parents(f->dir, 0755), ==, 0);
	touch(f->path);
	a = hvis_appear_new(f->path, hvis_fake_clock_get(f->clock), on_seen, f);
	hvis_appear_free(a);
	settle();
	g_assert_cmpuint(f->seen, ==, 0);
	hvis_appear_free(NULL);
}

#define ADD(path, func) g_test_add("/appear/" path, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("levels", test_levels);
	ADD("near", test_near);
	ADD("burst", test_burst);
	ADD("directory-gone", test_directory_gone);
	ADD("already", test_already);
	ADD("freed", test_freed);
	return g_test_run();
}
