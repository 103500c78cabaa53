/* SPDX-License-Identifier: GPL-2.0-only */
/* Who keeps a directory read-only: told by mount tables. */
#include <string.h>

#include <glib.h>

#include "fcopyd/mount.h"

/* A unit with ProtectSystem=full, and what it does not see of the rest. */
static const char own[] =
	"100 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
	"101 100 8:1 /usr /usr ro,relatime shared:2 - ext4 /dev/sda1 rw\n"
	"102 100 8:2 / /srv/a\\040b ro,relatime - xfs /dev/sda2 rw,attr2\n"
	"103 100 7:0 / /mnt/image ro,relatime - ext4 /dev/loop0 ro\n"
	"104 100 8:3 / /mnt/ro ro,relatime - ext4 /dev/sda3 rw,errors=remount-ro\n"
	"no line of such a table\n"
	"105 100 8:4 / /mnt/cut ro\n";
static const char outside[] =
	"30 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
	"32 30 8:2 / /srv/a\\040b rw,relatime - xfs /dev/sda2 rw,attr2\n"
	"33 30 7:0 / /mnt/image ro,relatime - ext4 /dev/loop0 ro\n"
	"34 30 8:3 / /mnt/ro ro,relatime - ext4 /dev/sda3 rw,errors=remount-ro\n";

static void test_judge(void)
{
	static const struct {
		guint64 id;
		const char *path;
		FcopyMountState state;
	} cases[] = {
		{ 100, "/var", FCOPY_MOUNT_WRITABLE },
		{ 101, "/usr", FCOPY_MOUNT_PROTECTED },
		{ 101, "/usr/local", FCOPY_MOUNT_PROTECTED },
		{ 102, "/srv/a b/c", FCOPY_MOUNT_PROTECTED },
		{ 103, "/mnt/image", FCOPY_MOUNT_FILE_SYSTEM },
		{ 104, "/mnt/ro/x", FCOPY_MOUNT_READ_ONLY },
		{ 105, "/mnt/cut", FCOPY_MOUNT_WRITABLE }, /* nothing tells */
		{ 999, "/", FCOPY_MOUNT_WRITABLE },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
		g_assert_cmpint(fcopy_mount_judge(own, outside, cases[i].id, cases[i].path), ==,
			cases[i].state);
}

/* Without the table of process 1, a mount that is read-only on one that is not is the unit's. */
static void test_judge_alone(void)
{
	g_assert_cmpint(fcopy_mount_judge(own, NULL, 104, "/mnt/ro"), ==, FCOPY_MOUNT_PROTECTED);
	g_assert_cmpint(fcopy_mount_judge(own, outside, 101, NULL), ==, FCOPY_MOUNT_PROTECTED);
	g_assert_cmpint(fcopy_mount_judge(own, NULL, 103, NULL), ==, FCOPY_MOUNT_FILE_SYSTEM);
	g_assert_cmpint(fcopy_mount_judge("", NULL, 100, "/"), ==, FCOPY_MOUNT_WRITABLE);
}

/* Only what is the same one outside is told by its table. */
static void test_judge_same(void)
{
	static const char other[] = "30 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
				    "31 30 8:9 / /mnt/ro ro - ext4 /dev/sda9 rw\n"
				    "32 30 8:2 / /srv/a\\040b ro - xfs /dev/sda2 rw\n";

	g_assert_cmpint(fcopy_mount_judge(own, other, 104, "/mnt/ro"), ==, FCOPY_MOUNT_PROTECTED);
	g_assert_cmpint(fcopy_mount_judge(own, other, 102, "/srv/a b"), ==, FCOPY_MOUNT_READ_ONLY);
}

/* The last one of two at the same place is the one that is seen. */
static void test_judge_over(void)
{
	static const char two[] = "30 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
				  "31 30 8:3 / /mnt/ro rw - ext4 /dev/sda3 rw\n"
				  "32 31 8:3 / /mnt/ro ro - ext4 /dev/sda3 rw\n";

	g_assert_cmpint(fcopy_mount_judge(own, two, 104, "/mnt/ro"), ==, FCOPY_MOUNT_READ_ONLY);
}

/* A drop-in for all of /etc would not help. */
static void test_advice(void)
{
	g_autofree char *in = fcopy_mount_advice("/etc/ssl\n"), *whole = fcopy_mount_advice("/etc");
	g_autofree char *unknown = fcopy_mount_advice(NULL);

	g_assert_nonnull(strstr(in, "to allow it: systemctl edit hv-fcopy-daemon, with "
				    "ReadWritePaths=/etc/ssl\\n in [Service]"));
	g_assert_nonnull(strstr(whole, "to allow a directory in it: make it, systemctl edit"));
	g_assert_nonnull(strstr(whole, "ReadWritePaths=/etc/DIR in"));
	g_assert_nonnull(strstr(unknown, "ReadWritePaths=DIR in"));
}

static void check_located(const char *table, guint64 id, const char *path, const char *expected)
{
	g_autofree char *is = fcopy_mount_locate(table, id, path);

	g_assert_cmpstr(is, ==, expected);
}

static void test_locate(void)
{
	static const char table[] = "30 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
				    "31 30 8:1 /srv/a\\040b /mnt/x rw - ext4 /dev/sda1 rw\n"
				    "32 30 0:40 /@home /home rw - btrfs /dev/sdb rw\n";

	check_located(table, 30, "/", "8:1 /");
	check_located(table, 30, "/srv/a b/c", "8:1 /srv/a b/c");
	check_located(table, 31, "/mnt/x/c", "8:1 /srv/a b/c");
	check_located(table, 31, "/mnt/x", "8:1 /srv/a b");
	check_located(table, 32, "/home/a", "0:40 /@home/a");
	check_located(table, 31, "/mnt/y", NULL);
	check_located(table, 33, "/", NULL);
}

static void test_is_in(void)
{
	g_assert_true(fcopy_mount_is_in("8:1 /", "8:1 /srv"));
	g_assert_true(fcopy_mount_is_in("8:1 /srv", "8:1 /srv"));
	g_assert_true(fcopy_mount_is_in("8:1 /srv", "8:1 /srv/a"));
	g_assert_false(fcopy_mount_is_in("8:1 /srv", "8:1 /srva"));
	g_assert_false(fcopy_mount_is_in("8:1 /srv", "8:1 /"));
	g_assert_false(fcopy_mount_is_in("8:1 /", "8:16 /"));
	g_assert_false(fcopy_mount_is_in("8:1 /", "8:2 /srv"));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/fcopyd/mount/judge", test_judge);
	g_test_add_func("/fcopyd/mount/judge-alone", test_judge_alone);
	g_test_add_func("/fcopyd/mount/judge-same", test_judge_same);
	g_test_add_func("/fcopyd/mount/judge-over", test_judge_over);
	g_test_add_func("/fcopyd/mount/advice", test_advice);
	g_test_add_func("/fcopyd/mount/locate", test_locate);
	g_test_add_func("/fcopyd/mount/is-in", test_is_in);
	return g_test_run();
}
