/* SPDX-License-Identifier: GPL-2.0-only */
/* Mounts, from statfs(2) and the tables in /proc. */
#include "config.h"

#include "fcopyd/mount.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <util/file.h>
#include <util/output.h>

#define TABLE_MAX (16u << 20) /* ours: bytes of a mount table */

char *fcopy_mount_path(int dir)
{
	g_autofree char *link = g_strdup_printf("/proc/self/fd/%d", dir);

	return g_file_read_link(link, NULL);
}

/* --- mount tables --- */

typedef struct {
	guint64 id;
	char *device, *root, *point, *options, *super;
} Row;

static void row_clear(Row *row)
{
	g_free(row->device);
	g_free(row->root);
	g_free(row->point);
	g_free(row->options);
	g_free(row->super);
	*row = (Row){ 0 };
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Row, row_clear)

/* proc(5): id parent device root point options tags… - type source super */
static gboolean row_parse(const char *line, Row *ret)
{
	g_auto(GStrv) words = g_strsplit(line, " ", -1);
	guint n = g_strv_length(words), dash = 6;

	while (dash < n && strcmp(words[dash], "-") != 0)
		dash++;
	if (dash + 3 >= n)
		return FALSE;
	*ret = (Row){ .id = g_ascii_strtoull(words[0], NULL, 10),
		.device = g_strdup(words[2]),
		.root = g_strcompress(words[3]),
		.point = g_strcompress(words[4]),
		.options = g_strdup(words[5]),
		.super = g_strdup(words[dash + 3]) };
	return TRUE;
}

/* Bytes of @point where @path is in it. */
static gsize within(const char *point, const char *path)
{
	gsize len = strlen(point);

	if (len > 0 && point[len - 1] == '/') /* the root */
		return strncmp(point, path, len) == 0 ? len : 0;
	return strncmp(point, path, len) == 0 && (path[len] == '/' || !path[len]) ? len : 0;
}

/* The row of mount @id, or where @path is not NULL, of the one that @path is in: the last of the longest. */
static gboolean find_row(const char *table, guint64 id, const char *path, Row *ret)
{
	g_auto(GStrv) lines = g_strsplit(table, "\n", -1);
	gsize best = 0;

	for (char **line = lines; *line; line++) {
		g_auto(Row) row = { 0 };

		if (!row_parse(*line, &row) || (!path && row.id != id) ||
			(path && within(row.point, path) < MAX(best, 1)))
			continue;
		best = path ? within(row.point, path) : 1;
		row_clear(ret);
		*ret = row;
		row = (Row){ 0 };
	}
	return best > 0;
}

char *fcopy_mount_locate(const char *table, guint64 id, const char *path)
{
	g_auto(Row) row = { 0 };
	const char *root, *rest;
	gsize len;

	if (!find_row(table, id, NULL, &row))
		return NULL;
	len = within(row.point, path);
	if (len == 0)
		return NULL;
	root = strcmp(row.root, "/") == 0 ? "" : row.root;
	rest = path + len - (path[len - 1] == '/');
	return g_strconcat(row.device, " ", root, *rest || *root ? rest : "/", NULL);
}

gboolean fcopy_mount_is_in(const char *directory, const char *path)
{
	return within(directory, path) > 0;
}

static char *own_table(void)
{
	return hvis_file_read("/proc/self/mountinfo", TABLE_MAX, NULL, NULL);
}

char *fcopy_mount_inside(int dir)
{
	g_autofree char *table = own_table();
	g_autofree char *path = fcopy_mount_path(dir);
	struct statx st;

	if (!table || !path || statx(dir, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0)
		return NULL;
	return fcopy_mount_locate(table, st.stx_mnt_id, path);
}

/* --- file systems without files --- */

static const struct {
	long magic;
	const char *name;
} pseudo[] = {
	{ PROC_SUPER_MAGIC, "proc" },
	{ SYSFS_MAGIC, "sysfs" },
	{ DEVPTS_SUPER_MAGIC, "devpts" },
	{ CGROUP_SUPER_MAGIC, "cgroup" },
	{ CGROUP2_SUPER_MAGIC, "cgroup2" },
	{ DEBUGFS_MAGIC, "debugfs" },
	{ TRACEFS_MAGIC, "tracefs" },
	{ SECURITYFS_MAGIC, "securityfs" },
	{ SELINUX_MAGIC, "selinuxfs" },
	{ SMACK_MAGIC, "smackfs" },
	{ BPF_FS_MAGIC, "bpf" },
	{ PSTOREFS_MAGIC, "pstore" },
	{ EFIVARFS_MAGIC, "efivarfs" },
	{ HUGETLBFS_MAGIC, "hugetlbfs" },
	{ BINFMTFS_MAGIC, "binfmt_misc" },
	{ AUTOFS_SUPER_MAGIC, "autofs" },
	{ NSFS_MAGIC, "nsfs" },
	{ 0x62656570, "configfs" }, /* not in linux/magic.h */
	{ 0x65735543, "fusectl" },
	{ 0x19800202, "mqueue" },
	{ 0x67596969, "rpc_pipefs" },
};

const char *fcopy_mount_pseudo(int root, int dir)
{
	struct statfs fs;
	struct stat at, dev;

	if (fstatfs(dir, &fs) < 0)
		return NULL;
	for (guint i = 0; i < G_N_ELEMENTS(pseudo); i++)
		if (pseudo[i].magic == (long)fs.f_type)
			return pseudo[i].name;
	/* devtmpfs calls itself tmpfs, and so is the /dev of a unit with PrivateDevices= */
	if (fs.f_type == TMPFS_MAGIC && fstat(dir, &at) == 0 &&
		fstatat(root, "dev", &dev, 0) == 0 && at.st_dev == dev.st_dev &&
		fstat(root, &dev) == 0 && at.st_dev != dev.st_dev)
		return "devtmpfs";
	return NULL;
}

/* --- what is read-only --- */

static gboolean is_read_only(const char *options)
{
	g_auto(GStrv) words = g_strsplit(options, ",", -1);

	return g_strv_contains((const char *const *)words, "ro");
}

FcopyMountState fcopy_mount_judge(
	const char *own, const char *outside, guint64 id, const char *path)
{
	g_auto(Row) here = { 0 }, there = { 0 };

	if (!find_row(own, id, NULL, &here))
		return FCOPY_MOUNT_WRITABLE;
	if (is_read_only(here.super))
		return FCOPY_MOUNT_FILE_SYSTEM;
	if (!is_read_only(here.options))
		return FCOPY_MOUNT_WRITABLE;
	if (outside && path && find_row(outside, 0, path, &there) &&
		strcmp(here.device, there.device) == 0 && is_read_only(there.options))
		return FCOPY_MOUNT_READ_ONLY;
	return FCOPY_MOUNT_PROTECTED;
}

/*
 * What ProtectSystem= makes read-only stays so where ReadWritePaths= names the same directory (seen with systemd 252);
 * one in it is opened.
 */
char *fcopy_mount_advice(const char *path)
{
	static const char *const whole[] = { "/usr", "/boot", "/efi", "/etc", NULL };
	g_autofree char *shown = output_escape(path ? path : "DIR");
	gboolean is_whole = path && g_strv_contains(whole, path);

	return g_strdup_printf(
		"protected by the service's unit; to allow %s: %ssystemctl edit "
		"hv-fcopy-daemon, with ReadWritePaths=%s%s in [Service], and restart it",
		is_whole ? "a directory in it" : "it", is_whole ? "make it, " : "", shown,
		is_whole ? "/DIR" : "");
}

char *fcopy_mount_explain(int dir)
{
	g_autofree char *own = own_table();
	g_autofree char *outside = hvis_file_read("/proc/1/mountinfo", TABLE_MAX, NULL, NULL);
	g_autofree char *path = fcopy_mount_path(dir);
	struct statx st;

	if (!own || statx(dir, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) < 0)
		return NULL;
	switch (fcopy_mount_judge(own, outside, st.stx_mnt_id, path)) {
	case FCOPY_MOUNT_WRITABLE:
	case FCOPY_MOUNT_N:
		break;
	case FCOPY_MOUNT_FILE_SYSTEM:
		return g_strdup("the file system is read-only");
	case FCOPY_MOUNT_READ_ONLY:
		return g_strdup("the file system is mounted read-only");
	case FCOPY_MOUNT_PROTECTED:
		return fcopy_mount_advice(path);
	}
	return NULL;
}
