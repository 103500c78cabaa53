/* SPDX-License-Identifier: GPL-2.0-only */
/* Which device of a service is there, in a tree of files that stands for sysfs and /dev. */
#include <unistd.h>

#include <glib/gstdio.h>

#include <hvis/services.h>
#include <transport/find.h>
#include <util/error.h>

#include "tests/unit/remove-tree.h"

#define CLASS "34d14be3-dee4-41c8-9ae7-6b174977c192"

typedef struct {
	char *root, *device, *sysfs, *dev;
	HvisFinder finder;
} Fixture;

static void put(Fixture *f, const char *path, const char *text)
{
	g_autofree char *full = g_build_filename(f->root, path, NULL);
	g_autofree char *dir = g_path_get_dirname(full);

	g_assert_cmpint(g_mkdir_with_parents(dir, 0755), ==, 0);
	g_assert_true(g_file_set_contents(full, text, -1, NULL));
}

/* A device of the VMBus, with @uio as its UIO node where that is not NULL. */
static void put_device(Fixture *f, const char *name, const char *class_id, const char *uio)
{
	g_autofree char *dir = g_strdup_printf("sys/bus/vmbus/devices/%s", name);
	g_autofree char *id = g_build_filename(dir, "class_id", NULL);
	g_autofree char *node = g_build_filename(dir, "uio", uio, "name", NULL);

	put(f, id, class_id);
	if (uio)
		put(f, node, "hv_vmbus\n");
}

static void set_up(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	f->root = g_dir_make_tmp("hvis-find-XXXXXX", NULL);
	f->device = g_build_filename(f->root, "dev/vmbus/hv_fcopy", NULL);
	f->sysfs = g_build_filename(f->root, "sys", NULL);
	f->dev = g_build_filename(f->root, "dev", NULL);
	f->finder = (HvisFinder){ f->device, HVIS_FCOPY_TYPE, f->sysfs, f->dev, { f->device } };
	put_device(f, "0", "{a9a0f4e7-5a45-4d96-b827-8a841e8c03e6}\n", "uio0");
	put(f, "dev/uio0", "");
}

static void tear_down(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	remove_tree(f->root);
	g_free(f->root);
	g_free(f->device);
	g_free(f->sysfs);
	g_free(f->dev);
}

static void expect(Fixture *f, const char *below)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *wanted = g_build_filename(f->root, below, NULL);
	g_autofree char *path = hvis_finder_find(&f->finder, &error);

	g_assert_no_error(error);
	g_assert_cmpstr(path, ==, wanted);
}

static void expect_none(Fixture *f, const char *words)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(hvis_finder_find(&f->finder, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_NOT_FOUND));
	if (!strstr(error->message, words))
		g_error("\"%s\" does not say \"%s\"", error->message, words);
}

static void test_nothing(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	expect_none(f, "the host does not offer the service");
	put_device(f, "eb765408-105f-49b6-b4aa-c123b64d17d4", "{" CLASS "}\n", NULL);
	expect_none(f, "no driver has eb765408-105f-49b6-b4aa-c123b64d17d4");
}

/* By what it is, whatever its number and its name. */
static void test_uio(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	put_device(f, "5", "{" CLASS "}\n", "uio17");
	expect_none(f, "dev/uio17");
	put(f, "dev/uio17", "");
	expect(f, "dev/uio17");
}

static void test_both(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	put_device(f, "5", "{34D14BE3-DEE4-41C8-9AE7-6B174977C192}\n", "uio1");
	put(f, "dev/uio1", "");
	expect(f, "dev/uio1");
	put(f, "dev/vmbus/hv_fcopy", "");
	expect(f, "dev/vmbus/hv_fcopy");
}

/* Files of sysfs that are not what they should be. */
static void test_odd(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	put_device(f, "1", "", "uio1");
	put_device(f, "2", CLASS "\n", "uio2");
	put_device(f, "3", "{" CLASS "}{" CLASS "}{" CLASS "}\n", "uio3");
	put_device(f, "4", "{" CLASS, "uio4");
	put(f, "sys/bus/vmbus/devices/7/other", "");
	expect_none(f, "the host does not offer the service");
	put_device(f, "8", "{" CLASS "}\n", "uioX");
	expect_none(f, "no driver has 8");
	put_device(f, "9", "{" CLASS "}\n", "uio9");
	put(f, "dev/uio9", "");
	expect(f, "dev/uio9"); /* not the one without a node */
}

static void test_guid(void)
{
	static const struct hvis_guid guid = HVIS_FCOPY_TYPE;
	g_autofree char *text = hvis_guid_text(&guid);

	g_assert_cmpstr(text, ==, CLASS);
}

#define ADD(path, func) g_test_add("/transport/find/" path, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/transport/find/guid", test_guid);
	ADD("nothing", test_nothing);
	ADD("uio", test_uio);
	ADD("both", test_both);
	ADD("odd", test_odd);
	return g_test_run();
}
