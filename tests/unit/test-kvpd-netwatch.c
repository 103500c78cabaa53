/* SPDX-License-Identifier: GPL-2.0-only */
/* Files that come, change and go, with their directories and through links; and what is no news. */
#include "config.h"

#include "kvpd/netwatch.h"

#include <unistd.h>

#include "tests/unit/kvpd-scratch.h"

#define PATIENCE_US (20 * G_USEC_PER_SEC)

static const char *const paths[] = { "etc/resolv.conf", "run/a/b/leases", NULL };

typedef struct {
	char *root;
	NetWatch *watch;
	int news;
} Fixture;

static void on_changed(gpointer data)
{
	((Fixture *)data)->news++;
}

static void make_dir(Fixture *f, const char *path)
{
	g_autofree char *full = g_build_filename(f->root, path, NULL);

	g_assert_cmpint(g_mkdir_with_parents(full, 0700), ==, 0);
}

static void put(Fixture *f, const char *path)
{
	g_autofree char *full = g_build_filename(f->root, path, NULL);
	FILE *file = fopen(full, "a");

	g_assert_nonnull(file);
	fputs("x", file);
	g_assert_cmpint(fclose(file), ==, 0);
}

static void drop(Fixture *f, const char *path)
{
	g_autofree char *full = g_build_filename(f->root, path, NULL);

	g_assert_cmpint(g_remove(full), ==, 0);
}

static void link_to(Fixture *f, const char *target, const char *path)
{
	g_autofree char *full = g_build_filename(f->root, path, NULL);

	g_assert_cmpint(symlink(target, full), ==, 0);
}

static void move(Fixture *f, const char *from, const char *to)
{
	g_autofree char *full_from = g_build_filename(f->root, from, NULL);
	g_autofree char *full_to = g_build_filename(f->root, to, NULL);

	g_assert_cmpint(g_rename(full_from, full_to), ==, 0);
}

static void start(Fixture *f)
{
	f->watch = net_watch_new(f->root, paths, on_changed, f);
}

/* News come, then it is quiet. */
static void expect_news(Fixture *f)
{
	gint64 end = g_get_monotonic_time() + PATIENCE_US;

	while (f->news == 0 && g_get_monotonic_time() < end)
		g_main_context_iteration(NULL, FALSE);
	g_assert_cmpint(f->news, >, 0);
	while (g_main_context_iteration(NULL, FALSE)) {
	}
	f->news = 0;
}

/* inotify queues an event before the call that caused it returns: there is nothing to wait for. */
static void expect_quiet(Fixture *f)
{
	while (g_main_context_iteration(NULL, FALSE)) {
	}
	g_assert_cmpint(f->news, ==, 0);
}

static void set_up(Fixture *f, gconstpointer data)
{
	f->root = scratch_new();
	f->news = 0;
}

static void tear_down(Fixture *f, gconstpointer data)
{
	net_watch_free(f->watch);
	scratch_free(f->root);
}

static void test_file(Fixture *f, gconstpointer data)
{
	make_dir(f, "etc");
	start(f);
	put(f, "etc/other");
	put(f, "etc/resolv.conf.new");
	expect_quiet(f);
	put(f, "etc/resolv.conf");
	expect_news(f);
	put(f, "etc/resolv.conf");
	expect_news(f);
	move(f, "etc/resolv.conf.new", "etc/resolv.conf");
	expect_news(f);
	put(f, "etc/resolv.conf");
	expect_news(f);
	drop(f, "etc/resolv.conf");
	expect_news(f);
	drop(f, "etc/other");
	expect_quiet(f);
}

/* Directories that come one by one, and what is in one that goes. */
static void test_directories(Fixture *f, gconstpointer data)
{
	start(f);
	make_dir(f, "run");
	expect_news(f);
	make_dir(f, "run/other");
	expect_quiet(f);
	make_dir(f, "run/a/b");
	expect_news(f);
	make_dir(f, "run/a/b/leases");
	expect_news(f);
	put(f, "run/a/b/leases/2");
	expect_news(f);
	put(f, "run/a/b/leases/2");
	expect_news(f);
	drop(f, "run/a/b/leases/2");
	expect_news(f);
	drop(f, "run/a/b/leases");
	expect_news(f);
	make_dir(f, "run/a/b/leases");
	expect_news(f);
	put(f, "run/a/b/leases/3");
	expect_news(f);
	move(f, "run/a/b/leases", "run/a/gone");
	expect_news(f);
	put(f, "run/a/gone/4");
	expect_quiet(f);
	make_dir(f, "run/a/b/leases");
	expect_news(f);
}

/* resolv.conf leads to a file in a directory that is not there yet; then it is turned. */
static void test_links(Fixture *f, gconstpointer data)
{
	make_dir(f, "etc");
	make_dir(f, "run");
	link_to(f, "../run/x/stub", "etc/resolv.conf");
	start(f);
	make_dir(f, "run/x");
	expect_news(f);
	put(f, "run/x/other");
	expect_quiet(f);
	put(f, "run/x/stub");
	expect_news(f);
	put(f, "run/new");
	expect_quiet(f);
	drop(f, "etc/resolv.conf");
	expect_news(f);
	link_to(f, "../run/new", "etc/resolv.conf");
	expect_news(f);
	put(f, "run/x/stub");
	expect_quiet(f);
	put(f, "run/new");
	expect_news(f);
}

/* Links that lead in a circle end somewhere. */
static void test_circle(Fixture *f, gconstpointer data)
{
	make_dir(f, "etc");
	link_to(f, "other", "etc/resolv.conf");
	link_to(f, "resolv.conf", "etc/other");
	start(f);
	drop(f, "etc/other");
	expect_news(f);
	put(f, "etc/other");
	expect_news(f);
}

static void test_nothing_there(Fixture *f, gconstpointer data)
{
	static const char *const none[] = { NULL };

	f->watch = net_watch_new("/nonexistent/hvis", none, on_changed, f);
	expect_quiet(f);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define ADD(name, func) g_test_add("/kvpd/netwatch/" name, Fixture, NULL, set_up, func, tear_down)
	ADD("file", test_file);
	ADD("directories", test_directories);
	ADD("links", test_links);
	ADD("circle", test_circle);
	ADD("nothing-there", test_nothing_there);
	return g_test_run();
}
