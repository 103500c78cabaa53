/* SPDX-License-Identifier: GPL-2.0-only */
/* The self-test: what a sandbox hides is found out from the mount tables. */
#include "config.h"

#include <util/error.h>

#include "tests/unit/vssd-tree.h"
#include "vssd/view.h"

#define ROOT "1 0 254:0 / / rw - ext4 /dev/vda1 rw\n"
#define SYSTEM ROOT "2 1 8:1 / /home rw - ext4 /dev/sda1 rw\n3 1 0:30 / /tmp rw - tmpfs none rw\n"

/* The view of process 1 as SYSTEM, ours as @own; NULL or what is wrong with it. */
static char *wrong_with(const char *own, const char *config, gboolean may_enter)
{
	g_auto(Tree) tree = { 0 };
	g_autoptr(GError) error = NULL;

	tree_init(&tree);
	tree_file(&tree, "proc/1/mountinfo", SYSTEM);
	if (own)
		tree_file(&tree, "proc/self/mountinfo", own);
	if (may_enter)
		tree_link(
			&tree, "proc/1/root", "on-a-server-that-is-gone"); /* must not be opened */
	tree_plan(&tree, config);
	return vss_view_check(tree.plan, tree.proc, &error) ? NULL : g_strdup(error->message);
}

static void assert_good(const char *own, const char *config, gboolean may_enter)
{
	g_autofree char *wrong = wrong_with(own, config, may_enter);

	g_assert_cmpstr(wrong, ==, NULL);
}

static void assert_wrong(const char *own, const char *config, const char *says)
{
	g_autofree char *wrong = wrong_with(own, config, FALSE);

	g_assert_nonnull(wrong);
	g_assert_nonnull(strstr(wrong, says));
}

static void test_same(void)
{
	assert_good(SYSTEM, "", FALSE);
	/* other mounts of the same superblocks, read-only ones too, will do */
	assert_good("91 0 254:0 / / ro - ext4 /dev/vda1 rw\n"
		    "92 91 8:1 / /home ro - ext4 /dev/sda1 rw\n",
		"", FALSE);
}

static void test_hidden(void)
{
	assert_wrong(ROOT, "", "/home (ext4): a sandbox hides it");
	assert_wrong(ROOT "2 1 8:1 / /elsewhere rw - ext4 /dev/sda1 rw\n", "", "/home");
	assert_wrong(ROOT "2 1 0:40 / /home ro - tmpfs none ro\n", "", "/home");
	assert_wrong(SYSTEM "4 2 0:40 / /home ro - tmpfs none ro\n", "", "/home");
	assert_wrong(NULL, "", "proc/self/mountinfo");
}

static void test_does_not_matter(void)
{
	assert_good(ROOT, "Exclude=/home", FALSE); /* it is not frozen anyway */
	assert_good(ROOT, "", TRUE); /* the view of process 1 is the way */
	assert_good(NULL, "Exclude=ext4", FALSE); /* nothing to see */
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vssd/view/same", test_same);
	g_test_add_func("/vssd/view/hidden", test_hidden);
	g_test_add_func("/vssd/view/does-not-matter", test_does_not_matter);
	return g_test_run();
}
