/* SPDX-License-Identifier: GPL-2.0-only */
/* Verdicts with their reasons, and the order: of whole machines that are made of files. */
#include "config.h"

#include <util/error.h>

#include "tests/unit/vssd-tree.h"
#include "vssd/ipc.h"

#define ROOT "1 0 254:0 / / rw - ext4 /dev/vda1 rw\n"

static void plan_of(Tree *tree, const char *table, const char *config)
{
	tree_init(tree);
	tree_process(tree, 1, 100, table);
	tree_plan(tree, config);
}

static void assert_is(const Tree *tree, const char *target, VssVerdict verdict, VssReason reason)
{
	VssEntry *entry = tree_entry(tree, target);

	g_assert_cmpstr(vss_reason_name(entry->reason), ==, vss_reason_name(reason));
	g_assert_cmpstr(vss_verdict_name(entry->verdict), ==, vss_verdict_name(verdict));
}

static void assert_level(const Tree *tree, const char *target, guint level)
{
	VssEntry *entry = tree_entry(tree, target);

	g_assert_cmpint(entry->verdict, ==, VSS_VERDICT_FREEZE);
	g_assert_cmpuint(entry->level, ==, level);
}

static void assert_refused(const Tree *tree, const char *text)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(vss_plan_check(tree->plan, &error));
	g_assert_nonnull(error);
	if (!strstr(error->message, text))
		g_error("\"%s\" is not in \"%s\"", text, error->message);
}

static void assert_good(const Tree *tree)
{
	g_autoptr(GError) error = NULL;

	vss_plan_check(tree->plan, &error);
	g_assert_no_error(error);
}

static void test_verdicts(void)
{
	g_auto(Tree) tree = { 0 };

	plan_of(&tree,
		ROOT "2 1 0:5 / /proc rw - proc proc rw\n"
		     "3 1 0:6 / /run rw - tmpfs tmpfs rw\n"
		     "4 1 8:1 / /boot/efi rw - vfat /dev/sda1 rw\n"
		     "5 1 7:7 / /snap rw - squashfs /dev/loop7 ro\n"
		     "6 1 8:2 / /old ro - ext4 /dev/sda2 ro\n"
		     "7 1 0:30 / /net rw - nfs4 server:/e rw\n"
		     "8 1 8:3 / /win rw - fuseblk /dev/sda3 rw\n"
		     "9 1 0:31 / /misc rw - autofs systemd-1 rw\n"
		     "10 1 0:32 / /merged rw - overlay overlay rw,upperdir=/u\n"
		     "11 1 0:33 / /butter rw - btrfs /dev/sda5 rw\n"
		     "12 1 8:6 / /jailed ro - xfs /dev/sda6 rw\n",
		"");
	assert_is(&tree, "/", VSS_VERDICT_FREEZE, VSS_REASON_LOCAL);
	assert_is(&tree, "/proc", VSS_VERDICT_SKIP, VSS_REASON_PSEUDO);
	assert_is(&tree, "/run", VSS_VERDICT_SKIP, VSS_REASON_PSEUDO);
	assert_is(&tree, "/boot/efi", VSS_VERDICT_SKIP, VSS_REASON_UNSUPPORTED);
	assert_is(&tree, "/snap", VSS_VERDICT_SKIP, VSS_REASON_READ_ONLY);
	assert_is(&tree, "/old", VSS_VERDICT_SKIP, VSS_REASON_READ_ONLY);
	assert_is(&tree, "/net", VSS_VERDICT_SKIP, VSS_REASON_NETWORK);
	assert_is(&tree, "/win", VSS_VERDICT_SKIP, VSS_REASON_FUSE);
	assert_is(&tree, "/misc", VSS_VERDICT_SKIP, VSS_REASON_PSEUDO);
	assert_is(&tree, "/merged", VSS_VERDICT_SKIP, VSS_REASON_LAYERED);
	assert_is(&tree, "/butter", VSS_VERDICT_FREEZE, VSS_REASON_LOCAL);
	assert_is(&tree, "/jailed", VSS_VERDICT_FREEZE, VSS_REASON_LOCAL);
	g_assert_cmpuint(tree.plan->n_freeze, ==, 3);
	assert_good(&tree);
}

static void test_nothing_to_freeze(void)
{
	for (int allowed = 0; allowed < 2; allowed++) {
		g_auto(Tree) tree = { 0 };

		plan_of(&tree, "1 0 0:2 / / rw - tmpfs tmpfs rw\n",
			allowed ? "AllowNothing=yes" : "");
		if (allowed)
			assert_good(&tree);
		else
			assert_refused(&tree, "no file system that can be frozen");
	}
}

/* The host has to know it when it asks, and not once everything has been synced. */
static void test_more_than_can_be_frozen(void)
{
	for (guint more = 0; more < 2; more++) {
		g_autoptr(GString) table = g_string_new(ROOT);
		g_auto(Tree) tree = { 0 };

		for (guint i = 1; i < VSS_TARGETS_MAX + more; i++)
			g_string_append_printf(
				table, "%u 1 8:%u / /m%u rw - ext4 /dev/sd rw\n", i + 1, i, i);
		plan_of(&tree, table->str, "");
		if (more)
			assert_refused(&tree, "257 file systems, and 256 at most");
		else
			assert_good(&tree);
	}
}

static void test_exclude(void)
{
	g_auto(Tree) tree = { 0 };

	plan_of(&tree,
		ROOT "2 1 8:1 / /a rw - ext4 /dev/sda1 rw\n"
		     "3 1 8:2 / /b/c/d rw - ext4 /dev/sda2 rw\n"
		     "4 1 8:3 / /e rw - xfs /dev/sda3 rw\n"
		     "5 1 8:4 / /f rw - ext4 /dev/nbd0 rw\n"
		     "6 1 8:5 / /g rw - ext4 /dev/sda5 rw\n"
		     "7 1 8:5 /x /long/bound rw - ext4 /dev/sda5 rw\n",
		"Exclude=/b/* xfs /dev/nbd[0-9] /long/bound");
	assert_is(&tree, "/a", VSS_VERDICT_FREEZE, VSS_REASON_LOCAL);
	assert_is(&tree, "/b/c/d", VSS_VERDICT_SKIP, VSS_REASON_EXCLUDED);
	g_assert_cmpstr(tree_entry(&tree, "/b/c/d")->detail, ==, "/b/*");
	assert_is(&tree, "/e", VSS_VERDICT_SKIP, VSS_REASON_EXCLUDED);
	assert_is(&tree, "/f", VSS_VERDICT_SKIP, VSS_REASON_EXCLUDED);
	assert_is(&tree, "/g", VSS_VERDICT_SKIP, VSS_REASON_EXCLUDED);
	assert_good(&tree);
}

static void test_require(void)
{
	static const struct {
		const char *config, *refused;
	} cases[] = {
		{ "Require=/a", NULL },
		{ "Require=ext4 xfs", NULL },
		{ "Require=/none*", NULL },
		{ "Require=/none", "/none is required and not mounted" },
		{ "Require=/boot/efi", "/boot/efi (vfat) is required, but cannot be frozen: the" },
		{ "Require=/a\nExclude=/a",
			"/a (ext4) is required, but cannot be frozen: Exclude" },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_auto(Tree) tree = { 0 };

		plan_of(&tree,
			ROOT "2 1 8:1 / /a rw - ext4 /dev/sda1 rw\n"
			     "3 1 8:2 / /boot/efi rw - vfat /dev/sda2 rw\n",
			cases[i].config);
		if (cases[i].refused)
			assert_refused(&tree, cases[i].refused);
		else
			assert_good(&tree);
	}
}

static void test_fstab(void)
{
	static const char table[] = ROOT "2 1 8:1 / /a rw - ext4 /dev/sda1 rw\n"
					 "3 1 8:2 / /b\\040c rw - ext4 /dev/sda2 rw\n";
	static const struct {
		const char *fstab, *refused;
	} cases[] = {
		{ "# nothing\n", NULL },
		{ "/dev/sda1 /a ext4 defaults,x-hvis.freeze=require 0 2\n", NULL },
		{ "/dev/sda1 /a ext4 defaults,x-hvis.freeze=yes 0 2\n",
			"neither no nor require: yes" },
		{ "/dev/sda1 /a ext4 x-hvis.freeze 0 2\n", "neither no nor require" },
		{ "/dev/sda9 /z ext4 noauto,x-hvis.freeze=require 0 2\n", "/z is required" },
		{ "/dev/sda9 /z ext4 noauto,x-hvis.freeze=no 0 2\n", NULL },
		{ "/dev/sda2 /b\\040c ext4 x-hvis.freeze=no 0 2\n", NULL },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_auto(Tree) tree = { 0 };

		tree_init(&tree);
		tree_file(&tree, "etc/fstab", cases[i].fstab);
		tree_process(&tree, 1, 100, table);
		tree_plan(&tree, "");
		if (cases[i].refused)
			assert_refused(&tree, cases[i].refused);
		else
			assert_good(&tree);
		if (strstr(cases[i].fstab, "/b"))
			assert_is(&tree, "/b c", VSS_VERDICT_SKIP, VSS_REASON_FSTAB);
	}
}

/* Two mount points of one file system with an option each: neither is missing. */
static void test_fstab_of_two_mount_points(void)
{
	g_auto(Tree) tree = { 0 };

	tree_init(&tree);
	tree_file(&tree, "etc/fstab",
		"/dev/sda1 /a ext4 x-hvis.freeze=require 0 2\n"
		"/a /bound none bind,x-hvis.freeze=require 0 0\n");
	tree_process(&tree, 1, 100,
		ROOT "2 1 8:1 / /a rw - ext4 /dev/sda1 rw\n"
		     "3 1 8:1 / /bound rw - ext4 /dev/sda1 rw\n");
	tree_plan(&tree, "");
	assert_good(&tree);
}

static void test_hidden(void)
{
	for (int excluded = 0; excluded < 2; excluded++) {
		g_auto(Tree) tree = { 0 };

		plan_of(&tree,
			ROOT "2 1 8:1 / /a rw - ext4 /dev/sda1 rw\n"
			     "3 2 8:2 / /a rw - ext4 /dev/sda2 rw\n",
			excluded ? "Exclude=/dev/sda1" : "");
		if (excluded)
			assert_good(&tree);
		else
			assert_refused(&tree, "/a (ext4): another mount is over it");
	}
}

/*
 * The superblock of what the kernel gave up is read-only, and its mount is not. Who binds it elsewhere, read-only or
 * not, changes nothing; a type that is never written to is no failure.
 */
static void test_read_only_by_error(void)
{
	g_auto(Tree) tree = { 0 };
	g_autofree char *failed = NULL;

	plan_of(&tree,
		ROOT "2 1 8:2 / /ext rw,relatime - ext4 /dev/sda2 ro,errors=remount-ro\n"
		     "3 1 8:2 /in /ext-bound ro - ext4 /dev/sda2 ro,errors=remount-ro\n"
		     "4 1 0:33 / /butter rw - btrfs /dev/sda3 ro\n"
		     "5 1 8:4 / /meant ro,noatime - ext4 /dev/sda4 ro\n"
		     "6 1 8:4 /in /meant-bound rw - ext4 /dev/sda4 ro\n"
		     "7 1 11:0 / /disc rw - iso9660 /dev/sr0 ro\n"
		     "8 1 8:5 / /jail ro - ext4 /dev/sda5 rw\n",
		"");
	assert_is(&tree, "/ext", VSS_VERDICT_SKIP, VSS_REASON_ERROR);
	assert_is(&tree, "/butter", VSS_VERDICT_SKIP, VSS_REASON_ERROR);
	assert_is(&tree, "/meant", VSS_VERDICT_SKIP, VSS_REASON_READ_ONLY);
	assert_is(&tree, "/disc", VSS_VERDICT_SKIP, VSS_REASON_READ_ONLY);
	assert_is(&tree, "/jail", VSS_VERDICT_FREEZE, VSS_REASON_LOCAL);
	assert_good(&tree);
	failed = vss_plan_skipped(tree.plan, VSS_REASON_ERROR);
	g_assert_cmpstr(failed, ==, "/ext /butter");
}

/* Who cannot do without it hears why there is no backup. */
static void test_read_only_by_error_is_required(void)
{
	g_auto(Tree) tree = { 0 };

	plan_of(&tree, ROOT "2 1 8:2 / /ext rw - ext4 /dev/sda2 ro\n", "Require=/ext");
	assert_refused(
		&tree, "is required, but cannot be frozen: the kernel has made it read-only");
}

/* What is only where we may not go is left out, and can be required. */
static void test_barred(void)
{
	for (int required = 0; required < 2; required++) {
		g_auto(Tree) tree = { 0 };
		g_autofree char *barred = NULL;

		tree_init(&tree);
		tree_process(&tree, 1, 100, ROOT);
		tree_file(&tree, "proc/30/mountinfo",
			"50 0 8:1 / / rw - ext4 /dev/sda1 rw\n"
			"51 50 8:2 / /data rw - ext4 /dev/sda2 rw\n");
		tree_file(&tree, "proc/30/root", "no link");
		tree_plan(&tree, required ? "Require=/data" : "");
		barred = vss_plan_skipped(tree.plan, VSS_REASON_BARRED);
		if (required) {
			assert_refused(&tree, "may not enter");
			g_assert_cmpstr(barred, ==, "/");
		} else {
			assert_good(&tree);
			assert_is(&tree, "/data", VSS_VERDICT_SKIP, VSS_REASON_BARRED);
			g_assert_cmpstr(barred, ==, "/ /data");
		}
	}
}

/* It may be moved below so many folders that it cannot be opened any more, which hinders nothing. */
static void test_container_moved_it_too_deep(void)
{
	g_autofree char *deep = g_strnfill(PATH_MAX, 'x'), *table = NULL;
	g_auto(Tree) tree = { 0 };

	table = g_strdup_printf("50 0 254:0 / / rw - ext4 /dev/vda1 rw\n"
				"51 50 8:2 / /%s rw - ext4 /dev/sda2 rw\n",
		deep);
	tree_init(&tree);
	tree_process(&tree, 1, 100, ROOT);
	tree_file(&tree, "proc/30/mountinfo", table);
	tree_file(&tree, "proc/30/root", "no link");
	tree.helped = TRUE;
	tree_plan(&tree, "");
	assert_good(&tree);
	g_assert_cmpuint(tree.plan->n_freeze, ==, 1);
}

/* With help all of it is frozen, but for what is hidden there, which hinders nothing. */
static void test_barred_with_help(void)
{
	g_auto(Tree) tree = { 0 };
	g_autofree char *barred = NULL;

	tree_init(&tree);
	tree_process(&tree, 1, 100, ROOT);
	tree_file(&tree, "proc/30/mountinfo",
		"50 0 254:0 / / rw - ext4 /dev/vda1 rw\n"
		"51 50 8:2 / /data rw - ext4 /dev/sda2 rw\n"
		"52 50 8:3 / /gone rw - ext4 /dev/sda3 rw\n"
		"53 52 0:31 / /gone rw - tmpfs none rw\n");
	tree_file(&tree, "proc/30/root", "no link");
	tree.helped = TRUE;
	tree_plan(&tree, "");
	assert_good(&tree);
	assert_is(&tree, "/data", VSS_VERDICT_FREEZE, VSS_REASON_LOCAL);
	assert_is(&tree, "/gone", VSS_VERDICT_SKIP, VSS_REASON_BARRED);
	barred = vss_plan_skipped(tree.plan, VSS_REASON_BARRED);
	g_assert_cmpstr(barred, ==, "/gone");
}

/*
 * Any user has a mount namespace of his own where he wants one, and mounts in it what he has already, and
 * file systems without a disk, where he likes: that left file systems out of a backup, did for what has to
 * be in it, and refused all backups.
 */
static void test_mounts_of_a_user(void)
{
	static const struct {
		const char *config, *refused;
	} cases[] = {
		{ "Exclude=/scratch", NULL },
		{ "Require=/gone", "/gone is required and not mounted" },
		{ "Require=/data", NULL },
		{ "Require=/lower", "/lower is required and not mounted" },
		{ "Require=/served", "/served is required and not mounted" },
		{ "Require=tmpfs", NULL },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_auto(Tree) tree = { 0 };

		tree_init(&tree);
		tree_process(&tree, 1, 100,
			ROOT "2 1 8:1 / /data rw - ext4 /dev/sda1 rw\n"
			     "3 1 0:30 / /home/me/at rw - fuse.mine /served rw\n");
		tree_process(&tree, 30, 200,
			"50 0 254:0 / / rw - ext4 /dev/vda1 rw\n"
			"51 50 254:0 / /scratch rw - ext4 /dev/vda1 rw\n"
			"52 50 254:0 / /gone rw - ext4 /dev/vda1 rw\n"
			"53 50 0:31 / /data rw - tmpfs /data rw\n"
			"54 50 0:32 / /lower rw - overlay /lower rw\n");
		tree_plan(&tree, cases[i].config);
		assert_is(&tree, "/", VSS_VERDICT_FREEZE, VSS_REASON_LOCAL);
		g_assert_cmpuint(tree.plan->n_freeze, ==, 2);
		if (cases[i].refused)
			assert_refused(&tree, cases[i].refused);
		else
			assert_good(&tree);
	}
}

/* What is left in his namespace alone, because the system has unmounted it, he may hide there. */
static void test_hidden_by_a_user(void)
{
	g_auto(Tree) tree = { 0 };
	g_autofree char *barred = NULL;

	tree_init(&tree);
	tree_process(&tree, 1, 100, ROOT);
	tree_file(&tree, "proc/30/mountinfo",
		"50 0 254:0 / / rw - ext4 /dev/vda1 rw\n"
		"51 50 8:2 / /usb rw - ext4 /dev/sdb1 rw\n"
		"52 51 0:31 / /usb rw - tmpfs none rw\n");
	tree_file(&tree, "proc/30/root", "no link");
	tree_plan(&tree, "");
	assert_good(&tree);
	barred = vss_plan_skipped(tree.plan, VSS_REASON_BARRED);
	g_assert_cmpstr(barred, ==, "/usb");
}

/* Neither may the number of his mounts keep a backup waiting: this took an hour. */
static void test_many_mounts_of_a_user(void)
{
	g_autoptr(GString) table = g_string_new("50 0 254:0 / / rw - ext4 /dev/vda1 rw\n");
	g_auto(Tree) tree = { 0 };

	for (int i = 0; i < 20000; i++)
		g_string_append_printf(table,
			"%d %d 254:0 / /on/itself rw - ext4 /dev/vda1 rw\n"
			"%d 50 0:%d / /beside/%d rw - tmpfs none rw\n",
			100 + i, i == 0 ? 50 : 99 + i, 100000 + i, 100 + i, i);
	tree_init(&tree);
	tree_process(&tree, 1, 100, ROOT);
	tree_process(&tree, 30, 200, table->str);
	alarm(600);
	tree_plan(&tree, "");
	alarm(0);
	assert_good(&tree);
	g_assert_cmpuint(tree.plan->n_freeze, ==, 1);
}

static void loop(const Tree *tree, const char *name, const char *number, const char *file)
{
	g_autofree char *path = g_strdup_printf("sys/devices/%s/loop/backing_file", name);

	tree_device(tree, number, name);
	tree_file(tree, path, file);
}

/* Independent ones at once; stacked ones the upper first; the journal, then the root. */
static void test_levels(void)
{
	g_auto(Tree) tree = { 0 };

	tree_init(&tree);
	tree_process(&tree, 1, 100,
		ROOT "2 1 8:1 / /var/log rw - ext4 /dev/sda1 rw\n"
		     "3 1 8:2 / /a rw - xfs /dev/sda2 rw\n"
		     "4 1 8:3 / /b rw - xfs /dev/sda3 rw\n"
		     "5 1 7:0 / /c rw - ext4 /dev/loop0 rw\n" /* on /a */
		     "6 1 7:1 / /d rw - ext4 /dev/loop1 rw\n" /* on /c */
		     "7 1 7:2 / /e rw - ext4 /dev/loop2 rw\n"); /* on the journal's */
	loop(&tree, "loop0", "7:0", "/a/0");
	loop(&tree, "loop1", "7:1", "/c/1");
	loop(&tree, "loop2", "7:2", "/var/log/2");
	tree_plan(&tree, "");
	assert_level(&tree, "/b", 0);
	assert_level(&tree, "/d", 0);
	assert_level(&tree, "/e", 0);
	assert_level(&tree, "/c", 1);
	assert_level(&tree, "/a", 2);
	assert_level(&tree, "/var/log", 3);
	assert_level(&tree, "/", 4);
	g_assert_cmpuint(tree.plan->n_levels, ==, 5);
}

/* What is between two frozen ones keeps their order although it is not frozen itself. */
static void test_order_through_a_layer(void)
{
	g_auto(Tree) tree = { 0 };

	tree_init(&tree);
	tree_process(&tree, 1, 100,
		ROOT "2 1 8:1 / /a rw - xfs /dev/sda1 rw\n"
		     "3 1 0:40 / /over rw - overlay overlay rw,lowerdir=/,upperdir=/a/u\n"
		     "4 1 7:0 / /c rw - ext4 /dev/loop0 rw\n");
	loop(&tree, "loop0", "7:0", "/over/image");
	tree_plan(&tree, "");
	assert_level(&tree, "/c", 0);
	assert_level(&tree, "/a", 1);
	assert_level(&tree, "/", 2);
}

/* A root in a file, as a live system has it: it comes before what it stands on. */
static void test_root_on_a_file(void)
{
	g_auto(Tree) tree = { 0 };

	tree_init(&tree);
	tree_process(&tree, 1, 100,
		"1 0 7:0 / / rw - ext4 /dev/loop0 rw\n"
		"2 1 8:1 / /host rw - ext4 /dev/sda1 rw\n"
		"3 1 8:2 / /other rw - ext4 /dev/sda2 rw\n"
		"4 1 8:3 / /var/log/journal rw - ext4 /dev/sda3 rw\n");
	loop(&tree, "loop0", "7:0", "/host/root.img");
	tree_plan(&tree, "");
	assert_level(&tree, "/other", 0);
	assert_level(&tree, "/var/log/journal", 1);
	assert_level(&tree, "/", 2);
	assert_level(&tree, "/host", 3);
}

static void test_stands_on_the_network(void)
{
	g_auto(Tree) tree = { 0 };

	tree_init(&tree);
	tree_process(&tree, 1, 100,
		ROOT "2 1 0:40 / /n rw - nfs4 server:/e rw\n"
		     "3 1 7:0 / /c rw - ext4 /dev/loop0 rw\n");
	loop(&tree, "loop0", "7:0", "/n/image");
	tree_plan(&tree, "");
	assert_is(&tree, "/c", VSS_VERDICT_SKIP, VSS_REASON_NETWORK);
}

static void test_circle(void)
{
	g_auto(Tree) tree = { 0 };

	tree_init(&tree);
	tree_process(&tree, 1, 100,
		ROOT "2 1 7:0 / /a rw - ext4 /dev/loop0 rw\n"
		     "3 1 7:1 / /b rw - ext4 /dev/loop1 rw\n"
		     "4 1 7:2 / /c rw - ext4 /dev/loop2 rw\n");
	loop(&tree, "loop0", "7:0", "/b/image");
	loop(&tree, "loop1", "7:1", "/a/image");
	loop(&tree, "loop2", "7:2", "/b/other");
	tree_plan(&tree, "");
	assert_is(&tree, "/a", VSS_VERDICT_DENY, VSS_REASON_CIRCLE);
	assert_is(&tree, "/b", VSS_VERDICT_DENY, VSS_REASON_CIRCLE);
	assert_level(&tree, "/c", 0);
	assert_refused(&tree, "seems to stand on itself");
}

/* The whole of what this machine really has: it must be read, and have a root. */
static void test_this_machine(void)
{
	g_autoptr(GError) error = NULL;
	g_autoptr(VssMounts) mounts = vss_mounts_read("/proc", &error);
	g_autoptr(HvisConfig) config = NULL;
	g_autoptr(VssPolicy) policy = NULL;
	g_autoptr(VssPlan) plan = NULL;

	if (!mounts) {
		g_test_skip(error->message);
		return;
	}
	vss_stack_read(mounts, "/sys");
	config = hvis_config_parse(vss_config_keys, "test.conf", "", 0, &error);
	g_assert_no_error(error);
	policy = vss_policy_read(config, "/nonexistent", &error);
	g_assert_no_error(error);
	plan = vss_plan_new(mounts, policy);
	g_assert_cmpint(vss_mounts_find(mounts, 1, "/", -1), >=, 0);
	g_assert_cmpuint(plan->entries->len, ==, mounts->supers->len);
}

static void test_every_reason_has_a_text(void)
{
	for (VssReason reason = 0; reason < VSS_REASON_N; reason++) {
		g_assert_nonnull(vss_reason_name(reason));
		g_assert_nonnull(vss_reason_text(reason));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vssd/plan/verdicts", test_verdicts);
	g_test_add_func("/vssd/plan/nothing-to-freeze", test_nothing_to_freeze);
	g_test_add_func("/vssd/plan/more-than-can-be-frozen", test_more_than_can_be_frozen);
	g_test_add_func("/vssd/plan/exclude", test_exclude);
	g_test_add_func("/vssd/plan/require", test_require);
	g_test_add_func("/vssd/plan/fstab", test_fstab);
	g_test_add_func("/vssd/plan/fstab-of-two-mount-points", test_fstab_of_two_mount_points);
	g_test_add_func("/vssd/plan/hidden", test_hidden);
	g_test_add_func("/vssd/plan/mounts-of-a-user", test_mounts_of_a_user);
	g_test_add_func("/vssd/plan/hidden-by-a-user", test_hidden_by_a_user);
	g_test_add_func("/vssd/plan/many-mounts-of-a-user", test_many_mounts_of_a_user);
	g_test_add_func("/vssd/plan/read-only-by-error", test_read_only_by_error);
	g_test_add_func(
		"/vssd/plan/read-only-by-error-is-required", test_read_only_by_error_is_required);
	g_test_add_func("/vssd/plan/barred", test_barred);
	g_test_add_func("/vssd/plan/container-moved-it-too-deep", test_container_moved_it_too_deep);
	g_test_add_func("/vssd/plan/barred-with-help", test_barred_with_help);
	g_test_add_func("/vssd/plan/levels", test_levels);
	g_test_add_func("/vssd/plan/order-through-a-layer", test_order_through_a_layer);
	g_test_add_func("/vssd/plan/root-on-a-file", test_root_on_a_file);
	g_test_add_func("/vssd/plan/stands-on-the-network", test_stands_on_the_network);
	g_test_add_func("/vssd/plan/circle", test_circle);
	g_test_add_func("/vssd/plan/this-machine", test_this_machine);
	g_test_add_func("/vssd/plan/every-reason-has-a-text", test_every_reason_has_a_text);
	return g_test_run();
}
