/* SPDX-License-Identifier: GPL-2.0-only */
#include "config.h"

#include "bench/vss/volumes.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <util/error.h>
#include <util/fd.h>

#define MIB (1024u * 1024u)
#define SETTLE_US 400000 /* several of the kernel's grace periods */

/* What is no block device's; of any other type an unnamed one (btrfs's, say) may be. */
static const char *const harmless[] = { "tmpfs", "proc", "sysfs", "devtmpfs", "devpts", "rootfs",
	"ramfs", "debugfs", "tracefs", "cgroup", "cgroup2", "mqueue", "securityfs", NULL };

static gboolean is_one_of(char **devices, guint major, guint minor)
{
	for (; *devices; devices++) {
		struct stat st;

		if (stat(*devices, &st) == 0 && S_ISBLK(st.st_mode) && major(st.st_rdev) == major &&
			minor(st.st_rdev) == minor)
			return TRUE;
	}
	return FALSE;
}

static gboolean check_line(const char *line, char **devices, GError **error)
{
	const char *rest = strstr(line, " - ");
	guint major, minor;
	char type[32];

	if (sscanf(line, "%*d %*d %u:%u", &major, &minor) != 2 || !rest ||
		sscanf(rest, " - %31s", type) != 1)
		return hvis_fail(error, HVIS_ERROR_PROTOCOL, "mountinfo: %s", line);
	if (is_one_of(devices, major, minor) || (major == 0 && g_strv_contains(harmless, type)))
		return TRUE;
	return hvis_fail(error, HVIS_ERROR_UNSUPPORTED, "would be frozen as well: %s", line);
}

gboolean volumes_check_alone(char **devices, GError **error)
{
	g_autofree char *text = NULL;
	g_auto(GStrv) lines = NULL;

	if (!g_file_get_contents("/proc/self/mountinfo", &text, NULL, error))
		return FALSE;
	lines = g_strsplit(g_strchomp(text), "\n", -1);
	for (char **line = lines; *line; line++)
		if (!check_line(*line, devices, error))
			return FALSE;
	return TRUE;
}

static gboolean write_dirty(const Volumes *volumes, const char *dir, GError **error)
{
	static guint8 block[MIB], round;
	g_autofree char *path = g_build_filename(dir, "dirty", NULL);
	hvis_autofd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	memset(block, ++round, sizeof(block));
	for (guint i = 0; fd >= 0 && i < volumes->dirty_mib; i++)
		if (pwrite(fd, block, MIB, (off_t)i * MIB) != MIB)
			return hvis_fail_errno(error, errno, "%s", path);
	return fd >= 0 || hvis_fail_errno(error, errno, "%s", path);
}

gboolean volumes_dirty(Volumes *volumes, GError **error)
{
	for (guint i = 0; i < volumes->n; i++)
		if (!write_dirty(volumes, volumes->dirs[i], error))
			return FALSE;
	return TRUE;
}

gboolean volumes_settle(Volumes *volumes, GError **error)
{
	for (guint i = 0; i < volumes->n; i++) {
		hvis_autofd int fd = open(volumes->dirs[i], O_RDONLY | O_CLOEXEC);

		if (fd < 0 || syncfs(fd) < 0)
			return hvis_fail_errno(error, errno, "%s", volumes->dirs[i]);
	}
	g_usleep(SETTLE_US);
	return TRUE;
}

static gboolean mount_one(Volumes *volumes, const char *type, const char *device, GError **error)
{
	guint i = volumes->n;
	g_autofree char *dir = g_strdup_printf(VOLUMES_DIR "/%u", i);

	mkdir(VOLUMES_DIR, 0700);
	mkdir(dir, 0700);
	if (mount(device, dir, type, 0, NULL) < 0)
		return hvis_fail_errno(error, errno, "mount %s", device);
	volumes->dirs[i] = g_steal_pointer(&dir);
	volumes->n++;
	volumes->writers[i] = writer_new(volumes->dirs[i], error);
	return volumes->writers[i] && write_dirty(volumes, volumes->dirs[i], error);
}

gboolean volumes_mount(Volumes *volumes, const char *type, char **devices, guint n, GError **error)
{
	for (guint i = 0; i < n; i++)
		if (!mount_one(volumes, type, devices[i], error))
			return FALSE;
	return TRUE;
}

void volumes_unmount(Volumes *volumes)
{
	for (; volumes->n > 0; volumes->n--) {
		guint i = volumes->n - 1;

		g_clear_pointer(&volumes->writers[i], writer_free);
		umount(volumes->dirs[i]);
		g_clear_pointer(&volumes->dirs[i], g_free);
	}
}

void volumes_thaw_all(void)
{
	for (guint i = 0; i < VOLUMES_MAX; i++) {
		g_autofree char *dir = g_strdup_printf(VOLUMES_DIR "/%u", i);
		hvis_autofd int fd = open(dir, O_RDONLY | O_CLOEXEC);

		if (fd >= 0)
			ioctl(fd, FITHAW, 0);
	}
}
