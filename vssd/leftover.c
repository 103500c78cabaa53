/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A marker without a guard: everybody was killed. What it names is looked for again, first where it
 * was, then in whatever view of the mounts there is, and thawed.
 */
#include "config.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vssd/guard.h"
#include "vssd/marker.h"

/* A path of mountinfo: blanks and the like are \ and three octal digits. */
static void unescape(char *path)
{
	char *to = path;

	for (const char *from = path; *from; to++) {
		if (from[0] == '\\' && isdigit(from[1]) && isdigit(from[2]) && isdigit(from[3])) {
			*to = (char)((from[1] - '0') * 64 + (from[2] - '0') * 8 + from[3] - '0');
			from += 4;
		} else
			*to = *from++;
	}
	*to = '\0';
}

/* Where @wanted's superblock is in the view of @pid, opened; an errno. */
static int open_in_view(const struct vss_target *wanted, int pid, int *ret_fd)
{
	struct vss_target found = *wanted;
	char name[32], line[3 * PATH_MAX];
	int err = ENOENT;
	FILE *table;

	snprintf(name, sizeof(name), "/proc/%d/mountinfo", pid);
	table = fopen(name, "re");
	if (!table)
		return errno;
	found.pid = pid;
	while (err != 0 && fgets(line, sizeof(line), table)) {
		unsigned int major, minor;

		if (sscanf(line, "%d %*d %u:%u %*s %4095s", &found.mount_id, &major, &minor,
			    found.path) != 4 ||
			major != wanted->major || minor != wanted->minor)
			continue;
		unescape(found.path);
		err = vss_fs_open(&found, ret_fd);
	}
	fclose(table);
	return err;
}

static int open_anywhere(const struct vss_target *target, int *ret_fd)
{
	int err = vss_fs_open(target, ret_fd);
	DIR *proc = err != 0 ? opendir("/proc") : NULL;
	struct dirent *entry;

	while (proc && err != 0 && (entry = readdir(proc)))
		if (isdigit(entry->d_name[0]))
			err = open_in_view(target, atoi(entry->d_name), ret_fd);
	if (proc)
		closedir(proc);
	return err;
}

/* Thaw @target, and say so. FALSE where it may still be frozen. */
static bool thaw(const struct vss_target *target, bool *ret_thawed)
{
	int fd = -1, err = open_anywhere(target, &fd);

	if (err != 0) {
		fprintf(stderr, "%s: not mounted any more\n", target->path);
		return true;
	}
	err = vss_fs_thaw(fd);
	close(fd);
	if (err == 0) {
		fprintf(stderr, "%s: was left frozen, and is thawed\n", target->path);
		*ret_thawed = true;
	} else if (err != EINVAL)
		fprintf(stderr, "%s: thaw: %s\n", target->path, strerror(err));
	return err == 0 || err == EINVAL;
}

int vss_guard_thaw_left_over(const char *marker)
{
	static struct vss_target targets[VSS_TARGETS_MAX];
	unsigned int n = 0, failed = 0;
	bool thawed = false;
	int err = vss_marker_read(marker, targets, &n);

	if (err == ENOENT)
		return 0;
	if (err != 0) {
		fprintf(stderr, "%s: %s\n", marker, strerror(err));
		return 2;
	}
	for (unsigned int i = n; i > 0; i--)
		failed += !thaw(&targets[i - 1], &thawed);
	if (failed == 0)
		unlink(marker);
	return failed > 0 ? 2 : thawed;
}
