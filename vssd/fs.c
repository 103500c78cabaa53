/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The operations of the real system, for worker, guard and "hvctl vss thaw". A mount is opened by the
 * root directory of the process in whose view it is, without following a link, and compared with what was
 * planned: by the number of the mount, or, seen from another mount namespace, by the number of its
 * superblock.
 */
#include "config.h"

#include "vssd/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vssd/enter.h"
#include "vssd/hurry.h"
#include "vssd/prove.h"
#include "vssd/systemd-run.h"

/* The root of @pid's view. Process 1's may be out of reach: ours is the same, or is told apart. */
static int open_root(int pid)
{
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/root", pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && pid == 1)
		fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd;
}

/* What @name in @at is, which is closed; a link is not followed. */
static int step_into(int at, const char *name)
{
	int fd = openat(at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), err = errno;

	close(at);
	errno = err;
	return fd;
}

/* What @at is, to be frozen by: a directory, or a file that is mounted. To open anything else may do something. */
static int open_itself(int at)
{
	char path[32];
	struct stat st;
	int fd = -1, err;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", at);
	if (fstat(at, &st) == 0) {
		if (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode))
			fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		else
			errno = ENOTDIR;
	}
	err = errno;
	close(at);
	errno = err;
	return fd;
}

/* Step by step: openat2(2) has words for it, but RestrictSUIDSGID= of systemd.exec(5) forbids that call. */
static int open_below(int root, const char *path)
{
	char names[PATH_MAX], *rest = names, *name;
	int fd = openat(root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	snprintf(names, sizeof(names), "%s", path);
	while (fd >= 0 && (name = strsep(&rest, "/")))
		if (*name != '\0')
			fd = step_into(fd, name);
	return fd < 0 ? fd : open_itself(fd);
}

/* Whether mount @id of our own table is of @target's superblock. */
static bool is_same_superblock(int id, const struct vss_target *target)
{
	FILE *table = fopen("/proc/self/mountinfo", "re");
	char line[2 * PATH_MAX];
	bool same = false;

	while (table && fgets(line, sizeof(line), table)) {
		unsigned int major, minor;
		int number;

		if (sscanf(line, "%d %*d %u:%u ", &number, &major, &minor) == 3 && number == id)
			same = major == target->major && minor == target->minor;
	}
	if (table)
		fclose(table);
	return same;
}

/*
 * Whether @st cannot be of @target's superblock. Numbers of mounts are used again, so that another one may have that
 * which was planned. Where neither is on a disk it cannot be told: files of a btrfs have numbers of their own.
 */
static bool is_another(const struct statx *st, const struct vss_target *target)
{
	return (st->stx_dev_major != 0 || target->major != 0) &&
	       (st->stx_dev_major != target->major || st->stx_dev_minor != target->minor);
}

static int check(int fd, const struct vss_target *target)
{
	struct statx st;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &st) < 0)
		return errno;
	if (!(st.stx_mask & STATX_MNT_ID))
		return EOPNOTSUPP;
	if ((int)st.stx_mnt_id != target->mount_id &&
		!is_same_superblock((int)st.stx_mnt_id, target))
		return ESTALE;
	if (is_another(&st, target))
		return ESTALE;
	return vss_prove_target(fd, target);
}

int vss_fs_open_here(const struct vss_target *target, int *ret_fd)
{
	int root = open_root(target->pid), fd, err;

	if (root < 0)
		return errno;
	fd = open_below(root, target->path);
	err = fd < 0 ? errno : check(fd, target);
	close(root);
	if (err == 0)
		*ret_fd = fd;
	else if (fd >= 0)
		close(fd);
	return err;
}

int vss_fs_open(const struct vss_target *target, int *ret_fd)
{
	char systemd_run[PATH_MAX];
	int fd = -1, err = vss_fs_open_here(target, ret_fd);

	if (err != EACCES || target->pid == 1 || !vss_systemd_run_find("", systemd_run))
		return err;
	err = vss_enter_open(systemd_run, target, &fd);
	if (err == 0)
		err = check(fd, target);
	if (err == 0)
		*ret_fd = fd;
	else if (fd >= 0)
		close(fd);
	return err;
}

int vss_fs_thaw(int fd)
{
	return ioctl(fd, FITHAW, 0) < 0 ? errno : 0;
}

static int system_open(void *data, const struct vss_target *target, int *ret_fd)
{
	return vss_fs_open(target, ret_fd);
}

static int system_sync(void *data, int fd)
{
	return syncfs(fd) < 0 ? errno : 0;
}

static int system_freeze(void *data, int fd)
{
	int err;

	vss_prove_step("before-freeze");
	err = ioctl(fd, FIFREEZE, 0) < 0 ? errno : 0;
	vss_prove_step("after-freeze");
	return err;
}

static int system_thaw(void *data, int fd)
{
	int err;

	vss_prove_step("before-thaw");
	err = vss_fs_thaw(fd);
	vss_prove_step("after-thaw");
	return err;
}

/* Nothing of ours may have to be read from, or written to, a file system that is frozen. */
static int system_lock_down(void *data)
{
	if (mlockall(MCL_CURRENT) < 0)
		return errno;
	return vss_prove_quiet();
}

const struct vss_fs_ops vss_fs_system = {
	.open = system_open,
	.open_ms = 10000,
	.sync = system_sync,
	.freeze = system_freeze,
	.thaw = system_thaw,
	.lock_down = system_lock_down,
	.hurry = VSS_HURRY_SWITCH,
};
