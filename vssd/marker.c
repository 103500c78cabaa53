/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lines "MAJOR:MINOR MOUNT-ID PID PATH" in the order of freezing; in PATH a backslash and a newline
 * are \\ and \n. The file is on a tmpfs, which nothing freezes.
 */
#include "config.h"

#include "vssd/marker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define HEADER "# hv_vss_daemon: what may be frozen\n"
#define LINE_MAX_LEN (2 * PATH_MAX + 64)

static void write_path(FILE *file, const char *path)
{
	for (; *path; path++) {
		if (*path == '\\')
			fputs("\\\\", file);
		else if (*path == '\n')
			fputs("\\n", file);
		else
			fputc(*path, file);
	}
	fputc('\n', file);
}

static bool name_temporary(char *temporary, size_t size, const char *path)
{
	return snprintf(temporary, size, "%s.new", path) < (int)size;
}

static int write_file(
	const char *path, const struct vss_target *targets, unsigned int n, unsigned int flags)
{
	char temporary[PATH_MAX];
	FILE *file;
	int fd, err = 0;

	if (!name_temporary(temporary, sizeof(temporary), path))
		return ENAMETOOLONG;
	/* Nobody else's to open: who can may lock it. */
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file)
		return errno;
	fputs(HEADER, file);
	for (unsigned int i = 0; i < n; i++) {
		fprintf(file, "%u:%u %d %d ", targets[i].major, targets[i].minor,
			targets[i].mount_id, targets[i].pid);
		write_path(file, targets[i].path);
	}
	if (ferror(file))
		err = EIO;
	if (fclose(file) != 0 && err == 0)
		err = errno;
	if (err == 0 && renameat2(AT_FDCWD, temporary, AT_FDCWD, path, flags) < 0)
		err = errno;
	if (err != 0)
		unlink(temporary);
	return err;
}

int vss_marker_write(const char *path, const struct vss_target *targets, unsigned int n)
{
	return write_file(path, targets, n, RENAME_NOREPLACE);
}

int vss_marker_replace(const char *path, const struct vss_target *targets, unsigned int n)
{
	return write_file(path, targets, n, 0);
}

static int open_marker(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

int vss_marker_hold(const char *path)
{
	int fd = open_marker(path);

	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

bool vss_marker_is_held(const char *path)
{
	int fd = open_marker(path);
	bool held = fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;

	if (fd >= 0)
		close(fd);
	return held;
}

bool vss_marker_is_there(const char *path)
{
	char kept[PATH_MAX];

	snprintf(kept, sizeof(kept), "%s" VSS_MARKER_KEPT, path);
	return access(path, F_OK) == 0 || access(kept, F_OK) == 0;
}

void vss_marker_forget_unfinished(const char *path)
{
	char temporary[PATH_MAX];

	if (name_temporary(temporary, sizeof(temporary), path))
		unlink(temporary);
}

/* The path at @text, up to its newline; FALSE where it does not fit or does not end. */
static bool read_path(const char *text, char *ret)
{
	size_t len = 0;

	for (; *text != '\n'; text++) {
		if (*text == '\0' || len == PATH_MAX - 1)
			return false;
		if (*text == '\\') {
			text++;
			if (*text != '\\' && *text != 'n')
				return false;
			ret[len++] = *text == 'n' ? '\n' : '\\';
		} else
			ret[len++] = *text;
	}
	ret[len] = '\0';
	return len > 0 && ret[0] == '/';
}

static bool read_line(const char *line, struct vss_target *ret)
{
	int end = -1;

	memset(ret, 0, sizeof(*ret));
	if (sscanf(line, "%u:%u %d %d %n", &ret->major, &ret->minor, &ret->mount_id, &ret->pid,
		    &end) != 4 ||
		end < 0 || ret->pid < 1)
		return false;
	return read_path(line + end, ret->path);
}

int vss_marker_read(const char *path, struct vss_target *ret, unsigned int max, unsigned int *ret_n)
{
	FILE *file = fopen(path, "re");
	char line[LINE_MAX_LEN];
	unsigned int n = 0;
	int err = 0;

	if (!file)
		return errno;
	if (!fgets(line, sizeof(line), file) || strcmp(line, HEADER) != 0)
		err = EBADMSG;
	while (err == 0 && fgets(line, sizeof(line), file)) {
		if (n == max || !read_line(line, &ret[n]))
			err = EBADMSG;
		else
			n++;
	}
	if (err == 0 && ferror(file))
		err = EIO;
	fclose(file);
	if (err == 0)
		*ret_n = n;
	return err;
}
