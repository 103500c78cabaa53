/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whether there is a journal is known without a look only for as long as no name can have come to the folder. What
 * happens while a watch is being set up is test-kvpd-watch.c's.
 */
#include "config.h"

#include "kvpd/journal.h"
#include "kvpd/watch.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/kvpd-scratch.h"

static char *in(const char *dir, const char *name)
{
	return g_build_filename(dir, name, NULL);
}

static void make(const char *dir, const char *name)
{
	g_autofree char *path = in(dir, name);

	g_assert_true(g_file_set_contents_full(path, "x", 1, G_FILE_SET_CONTENTS_NONE, 0600, NULL));
}

/* As one who has looked and found none. */
static void find_none(KvpWatch *watch)
{
	guint64 names;

	g_assert_cmpuint(kvp_watch_arm(watch, 0), !=, 0);
	names = kvp_watch_names(watch);
	g_assert_cmpuint(names, !=, 0);
	kvp_watch_no_journal(watch, names);
	g_assert_true(kvp_watch_lacks_journal(watch));
}

/* With the news that a change asks for. */
static gboolean lacks(KvpWatch *watch)
{
	kvp_watch_generation(watch, 0);
	return kvp_watch_lacks_journal(watch);
}

/* Nothing that is said about a directory that is not there holds for one that comes. */
static void test_no_directory(void)
{
	g_autoptr(Scratch) scratch = scratch_new();
	g_autofree char *dir = in(scratch, "pools");
	g_autoptr(KvpWatch) watch = kvp_watch_new(dir);

	g_assert_cmpuint(kvp_watch_names(watch), ==, 0);
	kvp_watch_no_journal(watch, 0);
	g_assert_false(kvp_watch_lacks_journal(watch));
	kvp_watch_arm(watch, 0);
	g_assert_cmpuint(kvp_watch_names(watch), ==, 0);
	kvp_watch_no_journal(watch, kvp_watch_names(watch));
	g_assert_false(lacks(watch));
	g_assert_cmpint(g_mkdir(dir, 0755), ==, 0);
	make(dir, KVP_JOURNAL_NAME);
	g_assert_false(lacks(watch));
}

/* What is written to the files, ours or not, brings no name. */
static void test_known(void)
{
	g_autoptr(Scratch) dir = scratch_new();
	g_autoptr(KvpWatch) watch = kvp_watch_new(dir);
	g_autofree char *path = in(dir, ".kvp_pool_0");
	guint64 generation;
	FILE *file;

	make(dir, ".kvp_pool_0");
	find_none(watch);
	generation = kvp_watch_generation(watch, 0);
	file = fopen(path, "a");
	g_assert_nonnull(file);
	g_assert_cmpint(fputs("more", file), >=, 0);
	g_assert_cmpint(fclose(file), ==, 0);
	g_assert_cmpint(chmod(path, 0600), ==, 0);
	g_assert_cmpuint(kvp_watch_generation(watch, 0), >, generation);
	g_assert_true(lacks(watch));
}

static void by_creation(const char *dir)
{
	make(dir, KVP_JOURNAL_NAME);
}

static void by_rename(const char *dir)
{
	g_autofree char *from = in(dir, "../other"), *to = in(dir, KVP_JOURNAL_NAME);

	make(dir, "../other");
	g_assert_cmpint(rename(from, to), ==, 0);
}

static void by_link(const char *dir)
{
	g_autofree char *from = in(dir, "../other"), *to = in(dir, KVP_JOURNAL_NAME);

	make(dir, "../other");
	g_assert_cmpint(link(from, to), ==, 0);
}

static void by_symlink(const char *dir)
{
	g_autofree char *to = in(dir, KVP_JOURNAL_NAME);

	g_assert_cmpint(symlink("nowhere", to), ==, 0);
}

/* Its folder has another name, and another folder with a journal has its name. */
static void by_folder(const char *dir)
{
	g_autofree char *away = in(dir, "../away");

	g_assert_cmpint(rename(dir, away), ==, 0);
	g_assert_cmpint(g_mkdir(dir, 0755), ==, 0);
	make(dir, KVP_JOURNAL_NAME);
}

/* Its folder is gone, and made again by who brings a journal. */
static void by_new_folder(const char *dir)
{
	g_assert_cmpint(g_rmdir(dir), ==, 0);
	g_assert_cmpint(g_mkdir(dir, 0755), ==, 0);
	make(dir, KVP_JOURNAL_NAME);
}

static const struct {
	const char *name;
	void (*come)(const char *dir);
} ways[] = {
	{ "creation", by_creation },
	{ "rename", by_rename },
	{ "link", by_link },
	{ "symlink", by_symlink },
	{ "folder", by_folder },
	{ "new-folder", by_new_folder },
};

static void test_comes(gconstpointer data)
{
	void (*come)(const char *dir) = ways[GPOINTER_TO_UINT(data)].come;
	g_autoptr(Scratch) scratch = scratch_new();
	g_autofree char *dir = in(scratch, "pools");
	g_autoptr(KvpWatch) watch = kvp_watch_new(dir);
	guint64 names;

	g_assert_cmpint(g_mkdir(dir, 0755), ==, 0);
	find_none(watch);
	names = kvp_watch_names(watch);
	come(dir);
	g_assert_false(lacks(watch));
	/* Who looked before it came, and says so only now, knows nothing. */
	kvp_watch_no_journal(watch, names);
	g_assert_false(lacks(watch));
}

static void test_goes(void)
{
	g_autoptr(Scratch) dir = scratch_new();
	g_autoptr(KvpWatch) watch = kvp_watch_new(dir);
	g_autofree char *path = in(dir, KVP_JOURNAL_NAME);

	make(dir, KVP_JOURNAL_NAME);
	g_assert_cmpuint(kvp_watch_arm(watch, 0), !=, 0);
	g_assert_false(lacks(watch)); /* nobody has said anything */
	g_assert_cmpint(unlink(path), ==, 0);
	g_assert_false(lacks(watch));
	find_none(watch);
	g_assert_true(lacks(watch));
}

static guint queue_max(void)
{
	g_autofree char *text = NULL;

	if (!g_file_get_contents("/proc/sys/fs/inotify/max_queued_events", &text, NULL, NULL))
		return G_MAXUINT;
	return (guint)strtoul(text, NULL, 10);
}

/* The news did not fit the queue: it may have been among what is lost. */
static void test_overflow(void)
{
	g_autoptr(Scratch) dir = scratch_new();
	g_autoptr(KvpWatch) watch = kvp_watch_new(dir);
	g_autofree char *one = in(dir, "one"), *other = in(dir, "other");
	guint max = queue_max();

	if (max > 100000) {
		g_test_skip("the queue is too long to fill");
		return;
	}
	make(dir, "one");
	make(dir, "other");
	find_none(watch);
	for (guint i = 0; i <= max / 2; i++) { /* the same twice in a row would be one */
		g_assert_cmpint(chmod(one, 0600), ==, 0);
		g_assert_cmpint(chmod(other, 0600), ==, 0);
	}
	make(dir, KVP_JOURNAL_NAME);
	g_assert_false(lacks(watch));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvpd/names/no-directory", test_no_directory);
	g_test_add_func("/kvpd/names/known", test_known);
	for (guint i = 0; i < G_N_ELEMENTS(ways); i++) {
		g_autofree char *path = g_strdup_printf("/kvpd/names/by-%s", ways[i].name);

		g_test_add_data_func(path, GUINT_TO_POINTER(i), test_comes);
	}
	g_test_add_func("/kvpd/names/goes", test_goes);
	g_test_add_func("/kvpd/names/overflow", test_overflow);
	return g_test_run();
}
