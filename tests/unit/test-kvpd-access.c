/* SPDX-License-Identifier: GPL-2.0-only */
/* Who may write: names, numbers, groups, and words that are nobody. */
#include "config.h"

#include "kvpd/access.h"

#include <glib/gstdio.h>

static char *root_new(void)
{
	char *root = g_dir_make_tmp("access-XXXXXX", NULL);
	g_autofree char *etc = g_build_filename(root, "etc", NULL);
	g_autofree char *passwd = g_build_filename(etc, "passwd", NULL);
	g_autofree char *group = g_build_filename(etc, "group", NULL);

	g_assert_cmpint(g_mkdir(etc, 0755), ==, 0);
	g_assert_true(g_file_set_contents(
		passwd, "root:x:0:0::/:/bin/sh\nbroken\nann:x:1001:1001::/:/bin/sh\n", -1, NULL));
	g_assert_true(g_file_set_contents(group, "root:x:0:\nops:x:2002:ann\n", -1, NULL));
	return root;
}

static void root_free(char *root)
{
	static const char *const names[] = { "etc/passwd", "etc/group", "etc", "" };

	for (guint i = 0; i < G_N_ELEMENTS(names); i++) {
		g_autofree char *path = g_build_filename(root, names[i], NULL);

		g_assert_cmpint(g_remove(path), ==, 0);
	}
	g_free(root);
}

static void test_list(void)
{
	static const char *const words[] = { "ann", "@ops", "3003", "@4004", NULL };
	const gid_t ops[] = { 7, 2002 }, number[] = { 4004 }, ann[] = { 1001 };
	char *root = root_new(), *unknown = NULL;
	g_autoptr(KvpAccess) access = kvp_access_new(words, root, &unknown);

	g_assert_null(unknown);
	g_assert_true(kvp_access_allows(access, 1001, ann, 1));
	g_assert_true(kvp_access_allows(access, 3003, NULL, 0));
	g_assert_true(kvp_access_allows(access, 5, ops, 2));
	g_assert_true(kvp_access_allows(access, 5, number, 1));
	g_assert_false(kvp_access_allows(access, 5, ops, 1));
	g_assert_false(kvp_access_allows(access, 2002, ann, 1)); /* a group's number is no user's */
	g_assert_false(kvp_access_allows(access, 4004, NULL, 0));
	root_free(root);
}

/* A word that is nobody gives nobody anything, least of all user 0. */
static void test_unknown(void)
{
	static const char *const words[] = { "bob", "@wheel", "-1", "4294967295", "@", "0x0", "ops",
		"@ann", NULL };
	const gid_t groups[] = { 0, 65535, 1001, 2002, (gid_t)-1 };
	char *root = root_new();
	g_autofree char *unknown = NULL;
	g_autoptr(KvpAccess) access = kvp_access_new(words, root, &unknown);

	g_assert_cmpstr(unknown, ==, "bob, @wheel, -1, 4294967295, @, 0x0, ops, @ann");
	for (guint i = 0; i < G_N_ELEMENTS(groups); i++)
		g_assert_false(
			kvp_access_allows(access, (uid_t)groups[i], groups, G_N_ELEMENTS(groups)));
	root_free(root);
}

static void test_no_files(void)
{
	static const char *const words[] = { "ann", "12", "root", NULL };
	g_autofree char *unknown = NULL;
	g_autoptr(KvpAccess) access = kvp_access_new(words, "/nonexistent", &unknown);

	g_assert_cmpstr(unknown, ==, "ann");
	g_assert_true(kvp_access_allows(access, 12, NULL, 0));
	g_assert_true(kvp_access_allows(access, 0, NULL, 0)); /* root is root */
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvpd/access/list", test_list);
	g_test_add_func("/kvpd/access/unknown", test_unknown);
	g_test_add_func("/kvpd/access/no-files", test_no_files);
	return g_test_run();
}
