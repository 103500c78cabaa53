/* SPDX-License-Identifier: GPL-2.0-only */
/* One entry per superblock, from all namespaces; the best way to each; what stands on what. */
#include "config.h"

#include <sys/sysmacros.h>

#include "tests/unit/vssd-tree.h"

static const char plain[] = "1 0 254:0 / / rw,relatime shared:1 - ext4 /dev/vda1 rw,discard\n"
			    "2 1 0:5 / /proc rw - proc proc rw\n"
			    "3 1 8:16 / /srv/my\\040data ro,relatime - xfs /dev/sdb rw,noquota\n"
			    "4 1 8:16 /sub /mnt rw - xfs /dev/sdb rw,noquota\n";

static VssMounts *read_tree(Tree *tree)
{
	g_autoptr(GError) error = NULL;
	VssMounts *mounts = vss_mounts_read(tree->proc, &error);

	g_assert_no_error(error);
	vss_stack_read(mounts, tree->sys);
	return mounts;
}

static void test_one_entry_per_superblock(void)
{
	g_auto(Tree) tree = { 0 };
	g_autoptr(VssMounts) mounts = NULL;
	VssSuper *data;

	tree_init(&tree);
	tree_process(&tree, 1, 100, plain);
	mounts = read_tree(&tree);
	g_assert_cmpuint(mounts->supers->len, ==, 3);
	data = vss_mounts_super(mounts, 2);
	g_assert_cmpuint(data->dev, ==, makedev(8, 16));
	g_assert_cmpuint(data->mounts->len, ==, 2);
	g_assert_cmpstr(vss_super_mount(data)->target, ==, "/srv/my data");
	g_assert_cmpstr(data->type, ==, "xfs");
	g_assert_cmpstr(data->source, ==, "/dev/sdb");
	g_assert_cmpint(vss_super_mount(data)->id, ==, 3);
}

/* A sandbox makes mounts read-only, not superblocks. */
static void test_options_of_the_superblock(void)
{
	g_auto(Tree) tree = { 0 };
	g_autoptr(VssMounts) mounts = NULL;

	tree_init(&tree);
	tree_process(&tree, 1, 100,
		"1 0 254:0 / / ro,relatime - ext4 /dev/vda1 rw,errors=remount-ro\n"
		"2 1 8:1 / /rom rw,relatime - ext4 /dev/sda1 ro\n");
	mounts = read_tree(&tree);
	g_assert_false(vss_mounts_super(mounts, 0)->read_only);
	g_assert_true(vss_mounts_super(mounts, 1)->read_only);
}

static void test_other_namespaces(void)
{
	g_auto(Tree) tree = { 0 };
	g_autoptr(VssMounts) mounts = NULL;
	VssMount *mount;

	tree_init(&tree);
	tree_process(&tree, 1, 100, plain);
	tree_process(&tree, 20, 100, "9 0 9:9 / /never-read rw - ext4 /dev/never rw\n");
	tree_process(&tree, 30, 200,
		"50 0 254:0 /var/lib/machines/a / rw - ext4 /dev/vda1 rw\n"
		"51 50 8:32 / /data rw - ext4 /dev/sdc rw\n");
	tree_file(&tree, "proc/self-test/mountinfo", "nonsense\n");
	mounts = read_tree(&tree);
	g_assert_cmpuint(mounts->supers->len, ==, 4);
	g_assert_cmpuint(mounts->unseen, ==, 0);
	mount = vss_super_mount(vss_mounts_super(mounts, 3));
	g_assert_cmpstr(mount->target, ==, "/data");
	g_assert_cmpint(mount->pid, ==, 30);
	mount = vss_super_mount(vss_mounts_super(mounts, 0));
	g_assert_cmpint(mount->pid, ==, 1);
}

static void test_process_ends_meanwhile(void)
{
	g_auto(Tree) tree = { 0 };
	g_autoptr(VssMounts) mounts = NULL;

	tree_init(&tree);
	tree_process(&tree, 1, 100, plain);
	tree_link(&tree, "proc/31/ns/mnt", "mnt:[300]");
	tree_file(&tree, "proc/32/status", "");
	mounts = read_tree(&tree);
	g_assert_cmpuint(mounts->supers->len, ==, 3);
	g_assert_cmpuint(mounts->unseen, ==, 0);
}

/* What cannot be read is counted, so that it can be said that the plan may not be all. */
static void test_table_that_cannot_be_read(void)
{
	g_auto(Tree) tree = { 0 };
	g_autoptr(VssMounts) mounts = NULL;

	tree_init(&tree);
	tree_process(&tree, 1, 100, plain);
	tree_file(&tree, "proc/33/mountinfo/nothing", "a directory cannot be read as a file");
	tree_file(&tree, "proc/34/mountinfo", "");
	mounts = read_tree(&tree);
	g_assert_cmpuint(mounts->unseen, ==, 1);
}

/* Without the right to trace, the link that names a namespace cannot be read, nor that of the root. */
static void test_namespaces_without_rights(void)
{
	g_auto(Tree) tree = { 0 };
	g_autoptr(VssMounts) mounts = NULL;
	VssMount *mount;

	tree_init(&tree);
	tree_file(&tree, "proc/1/mountinfo", plain);
	tree_file(&tree, "proc/20/mountinfo", plain);
	tree_file(&tree, "proc/30/mountinfo",
		"50 0 254:0 / / rw - ext4 /dev/vda1 rw\n"
		"51 50 8:32 / /data rw - ext4 /dev/sdc rw\n");
	tree_file(&tree, "proc/30/root", ""); /* no link to read, and not for want of it */
	tree_file(&tree, "proc/31/mountinfo", "50 0 9:9 / / rw - ext4 /dev/never-read rw\n");
	mounts = read_tree(&tree);
	g_assert_cmpuint(mounts->supers->len, ==, 4);
	g_assert_cmpuint(mounts->unseen, ==, 0);
	mount = vss_super_mount(vss_mounts_super(mounts, 0));
	g_assert_cmpint(mount->pid, ==, 1);
	g_assert_false(mount->barred);
	mount = vss_super_mount(vss_mounts_super(mounts, 3));
	g_assert_cmpstr(mount->target, ==, "/data");
	g_assert_true(mount->barred);
}

/* Tables that are filled without end, by whoever has namespaces of his own, end the reading. */
static void test_more_mounts_than_are_looked_at(void)
{
	enum { N = 100000 };
	g_autoptr(GString) table = g_string_new(NULL);
	guint n = VSS_MOUNTS_OTHERS_MAX / N;
	g_auto(Tree) tree = { 0 };
	g_autoptr(GError) error = NULL;

	for (guint i = 0; i < N; i++)
		g_string_append_printf(table, "%u 51 0:50 / /%u rw - tmpfs t rw\n", 51 + i, i);
	tree_init(&tree);
	tree_process(&tree, 1, 100, "1 0 254:0 / / rw - ext4 /dev/vda1 rw\n");
	for (guint i = 0; i < n + 2; i++)
		tree_process(&tree, (int)(10 + i), (int)(200 + i), table->str);
	tree.mounts = vss_mounts_read(tree.proc, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(tree.mounts->unseen, ==, 2);
	g_assert_cmpuint(tree.mounts->n_others, ==, n * N);
	g_assert_cmpint(vss_mounts_find(tree.mounts, 1, "/x", -1), ==, 0);
}

static void test_no_table(void)
{
	g_auto(Tree) tree = { 0 };
	g_autoptr(GError) error = NULL;

	tree_init(&tree);
	g_assert_null(vss_mounts_read(tree.proc, &error));
	g_assert_nonnull(error);
	g_assert_nonnull(strstr(error->message, "proc/1/mountinfo"));
}

static VssMount *first_mount(VssMounts *mounts, guint place)
{
	return vss_super_mount(vss_mounts_super(mounts, place));
}

static void test_hidden(void)
{
	g_auto(Tree) tree = { 0 };
	g_autoptr(VssMounts) mounts = NULL;

	tree_init(&tree);
	tree_process(&tree, 1, 100,
		"1 0 254:0 / / rw - ext4 /dev/vda1 rw\n"
		"2 1 8:1 / /a rw - ext4 /dev/sda1 rw\n" /* covered by 3 */
		"3 2 8:2 / /a rw - ext4 /dev/sda2 rw\n"
		"4 1 8:3 / /b/c rw - ext4 /dev/sda3 rw\n" /* 5 is over /b */
		"5 1 8:4 / /b rw - ext4 /dev/sda4 rw\n"
		"6 2 8:5 / /a/d rw - ext4 /dev/sda5 rw\n" /* below the covered one */
		"7 4 8:6 / /b/c/e rw - ext4 /dev/sda6 rw\n" /* below the shadowed one */
		"8 1 8:7 / /bc rw - ext4 /dev/sda7 rw\n"
		"9 3 8:1 / /a/again rw - ext4 /dev/sda1 rw\n"); /* the covered one, elsewhere */
	mounts = read_tree(&tree);
	g_assert_false(first_mount(mounts, 0)->hidden);
	g_assert_false(first_mount(mounts, 1)->hidden);
	g_assert_cmpstr(first_mount(mounts, 1)->target, ==, "/a/again");
	g_assert_false(first_mount(mounts, 2)->hidden);
	g_assert_true(first_mount(mounts, 3)->hidden);
	g_assert_false(first_mount(mounts, 4)->hidden);
	g_assert_true(first_mount(mounts, 5)->hidden);
	g_assert_true(first_mount(mounts, 6)->hidden);
	g_assert_false(first_mount(mounts, 7)->hidden);
}

/* A way round a server that may be dead is better than a short way through it. */
static void test_risky_way(void)
{
	g_auto(Tree) tree = { 0 };
	g_autoptr(VssMounts) mounts = NULL;

	tree_init(&tree);
	tree_process(&tree, 1, 100,
		"1 0 254:0 / / rw - ext4 /dev/vda1 rw\n"
		"2 1 0:40 / /n rw - nfs4 server:/export rw\n"
		"3 2 8:1 / /n/d rw - ext4 /dev/sda1 rw\n"
		"4 1 8:1 / /somewhere/longer rw - ext4 /dev/sda1 rw\n"
		"5 1 0:41 / /auto rw - autofs /etc/auto.misc rw\n"
		"6 5 8:2 / /auto/usb rw - ext4 /dev/sda2 rw\n");
	mounts = read_tree(&tree);
	g_assert_cmpstr(first_mount(mounts, 2)->target, ==, "/somewhere/longer");
	g_assert_false(first_mount(mounts, 2)->risky);
	g_assert_true(first_mount(mounts, 4)->risky);
}

/* A table that goes round must end. */
static void test_table_in_a_circle(void)
{
	g_auto(Tree) tree = { 0 };
	g_autoptr(VssMounts) mounts = NULL;

	tree_init(&tree);
	tree_process(&tree, 1, 100,
		"1 2 254:0 / / rw - ext4 /dev/vda1 rw\n2 1 8:1 / /a rw - ext4 /dev/sda1 rw\n"
		"3 3 8:2 / /b rw - ext4 /dev/sda2 rw\n");
	mounts = read_tree(&tree);
	g_assert_cmpuint(mounts->supers->len, ==, 3);
}

static void test_find(void)
{
	g_auto(Tree) tree = { 0 };
	g_autoptr(VssMounts) mounts = NULL;

	tree_init(&tree);
	tree_process(&tree, 1, 100, plain);
	mounts = read_tree(&tree);
	g_assert_cmpint(vss_mounts_find(mounts, 1, "/", -1), ==, 0);
	g_assert_cmpint(vss_mounts_find(mounts, 1, "/mntx/a", -1), ==, 0);
	g_assert_cmpint(vss_mounts_find(mounts, 1, "/mnt/a", -1), ==, 2);
	g_assert_cmpint(vss_mounts_find(mounts, 1, "/mnt/a", 2), ==, 0);
	g_assert_cmpint(vss_mounts_find(mounts, 1, "/srv/my data", -1), ==, 2);
	g_assert_cmpint(vss_mounts_find(mounts, 1, "relative", -1), ==, -1);
}

static void test_path_below(void)
{
	g_assert_true(vss_path_below("/a/b", "/a"));
	g_assert_true(vss_path_below("/a/b", "/a/"));
	g_assert_true(vss_path_below("/a", "/a"));
	g_assert_true(vss_path_below("/a", "/"));
	g_assert_false(vss_path_below("/ab", "/a"));
	g_assert_false(vss_path_below("/", "/a"));
}

static gint by_number(gconstpointer a, gconstpointer b)
{
	return (gint) * (const guint *)a - (gint) * (const guint *)b;
}

static void assert_below(const VssMounts *mounts, guint place, const char *wanted)
{
	GArray *below = vss_mounts_super(mounts, place)->below;
	g_autoptr(GString) text = g_string_new(NULL);

	g_array_sort(below, by_number); /* a folder has no order */
	for (guint i = 0; i < below->len; i++)
		g_string_append_printf(
			text, "%s%u", i == 0 ? "" : " ", g_array_index(below, guint, i));
	g_assert_cmpstr(text->str, ==, wanted);
}

static void test_stack(void)
{
	g_auto(Tree) tree = { 0 };
	g_autoptr(VssMounts) mounts = NULL;

	tree_init(&tree);
	tree_process(&tree, 1, 100,
		"1 0 254:0 / / rw - ext4 /dev/vda1 rw\n"
		"2 1 8:1 / /store rw - xfs /dev/sda1 rw\n"
		"3 1 7:1 / /loop rw - ext4 /dev/loop0p1 rw\n"
		"4 1 253:2 / /crypt rw - ext4 /dev/mapper/c rw\n"
		"5 1 0:40 / /butter rw - btrfs /dev/loop2 rw,subvolid=5,subvol=/\n"
		"6 1 0:41 / /over rw - overlay overlay "
		"rw,lowerdir=/loop/l:l/RELATIVE,upperdir=/store/u,workdir=/store/w\n"
		"7 1 0:42 / /secret rw - ecryptfs /store/.secret rw\n"
		"8 1 7:9 / /store/self rw - ext4 /dev/loop9 rw\n"
		"9 1 0:43 / /mapped rw - btrfs /dev/mapper/b rw\n");
	/* A partition of a loop device, whose file is on the xfs. */
	tree_device(&tree, "7:0", "loop0");
	tree_file(&tree, "sys/devices/loop0/loop/backing_file", "/store/disk.img\n");
	tree_device(&tree, "7:1", "loop0/loop0p1");
	tree_file(&tree, "sys/devices/loop0/loop0p1/partition", "1\n");
	/* LUKS on a striped device of two loops. */
	tree_device(&tree, "253:2", "dm-2");
	tree_device(&tree, "9:0", "md0");
	tree_device(&tree, "7:3", "loop3");
	tree_device(&tree, "7:4", "loop4");
	tree_slave(&tree, "dm-2", "md0");
	tree_slave(&tree, "md0", "loop3");
	tree_slave(&tree, "md0", "loop4");
	tree_slave(&tree, "loop4", "md0"); /* never so; it must end all the same */
	tree_file(&tree, "sys/devices/loop3/loop/backing_file", "/images/3 (deleted)\n");
	tree_file(&tree, "sys/devices/loop4/loop/backing_file", "/store/4\n");
	/* A btrfs of two disks, of which one is a loop; its source names the other. */
	tree_device(&tree, "7:2", "loop2");
	tree_device(&tree, "7:5", "loop5");
	tree_file(&tree, "sys/devices/loop5/loop/backing_file", "/loop/5\n");
	tree_link(&tree, "sys/fs/btrfs/1234/devices/loop2", "../../../../devices/loop2");
	tree_link(&tree, "sys/fs/btrfs/1234/devices/loop5", "../../../../devices/loop5");
	/* One that is named by its map. */
	tree_device(&tree, "253:7", "dm-7");
	tree_file(&tree, "sys/devices/dm-7/dm/name", "b\n");
	tree_slave(&tree, "dm-7", "loop3");
	tree_link(&tree, "sys/fs/btrfs/5678/devices/dm-7", "../../../../devices/dm-7");
	/* Mounted over the directory of its own image. */
	tree_device(&tree, "7:9", "loop9");
	tree_file(&tree, "sys/devices/loop9/loop/backing_file", "/store/self/image\n");

	mounts = read_tree(&tree);
	assert_below(mounts, 0, "");
	assert_below(mounts, 1, "");
	assert_below(mounts, 2, "1");
	assert_below(mounts, 3, "0 1");
	assert_below(mounts, 4, "2");
	assert_below(mounts, 5, "1 2");
	assert_below(mounts, 6, "1");
	assert_below(mounts, 7, "1");
	assert_below(mounts, 8, "0");
}

/*
 * A loop device of a container: its file's path is that of the container, and was looked for in the
 * system's view. What it stands on was frozen at the same time, and its own freeze hung.
 */
static void test_stack_in_the_view_of_a_container(void)
{
	g_auto(Tree) tree = { 0 };
	g_autoptr(VssMounts) mounts = NULL;

	tree_init(&tree);
	tree_process(&tree, 1, 100,
		"1 0 254:0 / / rw - ext4 /dev/vda1 rw\n2 1 8:1 / /data rw - ext4 /dev/sda1 rw\n");
	tree_process(&tree, 30, 200,
		"50 0 254:0 /c / rw - ext4 /dev/vda1 rw\n"
		"51 50 8:2 / /data rw - ext4 /dev/sda2 rw\n"
		"52 50 7:0 / /loop rw - ext4 /dev/loop0 rw\n");
	tree_device(&tree, "7:0", "loop0");
	tree_file(&tree, "sys/devices/loop0/loop/backing_file", "/data/image\n");
	mounts = read_tree(&tree);
	assert_below(mounts, 3, "2");
}

static void test_types(void)
{
	g_assert_cmpint(vss_type_of("ext4", TRUE), ==, VSS_TYPE_LOCAL);
	g_assert_cmpint(vss_type_of("btrfs", FALSE), ==, VSS_TYPE_LOCAL);
	g_assert_cmpint(vss_type_of("tmpfs", FALSE), ==, VSS_TYPE_PSEUDO);
	g_assert_cmpint(vss_type_of("vfat", TRUE), ==, VSS_TYPE_UNSUPPORTED);
	g_assert_cmpint(vss_type_of("fuse.sshfs", FALSE), ==, VSS_TYPE_FUSE);
	g_assert_cmpint(vss_type_of("fuseblk", TRUE), ==, VSS_TYPE_FUSE);
	g_assert_cmpint(vss_type_of("fusectl", FALSE), ==, VSS_TYPE_PSEUDO);
	g_assert_cmpint(vss_type_of("nfs4", FALSE), ==, VSS_TYPE_NETWORK);
	g_assert_cmpint(vss_type_of("nfsd", FALSE), ==, VSS_TYPE_PSEUDO);
	g_assert_true(vss_type_may_hang(VSS_TYPE_AUTOFS));
	g_assert_false(vss_type_may_hang(VSS_TYPE_LOCAL));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/vssd/mounts/one-entry-per-superblock", test_one_entry_per_superblock);
	g_test_add_func("/vssd/mounts/options-of-the-superblock", test_options_of_the_superblock);
	g_test_add_func("/vssd/mounts/other-namespaces", test_other_namespaces);
	g_test_add_func("/vssd/mounts/process-ends-meanwhile", test_process_ends_meanwhile);
	g_test_add_func("/vssd/mounts/table-that-cannot-be-read", test_table_that_cannot_be_read);
	g_test_add_func("/vssd/mounts/namespaces-without-rights", test_namespaces_without_rights);
	g_test_add_func(
		"/vssd/mounts/more-than-are-looked-at", test_more_mounts_than_are_looked_at);
	g_test_add_func("/vssd/mounts/no-table", test_no_table);
	g_test_add_func("/vssd/mounts/hidden", test_hidden);
	g_test_add_func("/vssd/mounts/risky-way", test_risky_way);
	g_test_add_func("/vssd/mounts/table-in-a-circle", test_table_in_a_circle);
	g_test_add_func("/vssd/mounts/find", test_find);
	g_test_add_func("/vssd/mounts/path-below", test_path_below);
	g_test_add_func("/vssd/stack", test_stack);
	g_test_add_func(
		"/vssd/stack/in-the-view-of-a-container", test_stack_in_the_view_of_a_container);
	g_test_add_func("/vssd/types", test_types);
	return g_test_run();
}
