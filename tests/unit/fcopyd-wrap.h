/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * System calls of the objects in the link (-Wl,--wrap=…), which a test makes fail: file systems that lack something,
 * disks that are full or broken.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static struct {
	int tmpfile; /* 0, or the errno with which they fail */
	int renameat2;
	int linkat_empty; /* only by AT_EMPTY_PATH */
	int linkat; /* of a name */
	int fallocate;
	int unlinkat;
	int pwrite;
	int (*mkdirat)(int dir, const char *name); /* in its place */
	int sync_file_range;
	uint64_t begun, waited; /* up to where, by that */
	int fsync; /* of a file */
	int fsync_directory;
	int no_sync; /* is taken for done */
	int has_room; /* the next two hold */
	fsblkcnt_t blocks, available; /* of one byte */
	off_t written_at; /* where the last pwrite() went, if only noted */
	int pwrite_only_noted;
} wrapped;

int __wrap_openat(int dir, const char *path, int flags, ...);
int __wrap_renameat2(int from_dir, const char *from, int dir, const char *to, unsigned int flags);
int __wrap_linkat(int from_dir, const char *from, int dir, const char *to, int flags);
int __wrap_fallocate(int fd, int mode, off_t offset, off_t len);
int __wrap_mkdirat(int dir, const char *path, mode_t mode);
int __wrap_unlinkat(int dir, const char *path, int flags);
ssize_t __wrap_pwrite(int fd, const void *buf, size_t len, off_t offset);
int __wrap_fstatvfs(int fd, struct statvfs *fs);
int __wrap_sync_file_range(int fd, off_t offset, off_t len, unsigned int flags);
int __wrap_fsync(int fd);
int __real_openat(int dir, const char *path, int flags, ...);
int __real_renameat2(int from_dir, const char *from, int dir, const char *to, unsigned int flags);
int __real_linkat(int from_dir, const char *from, int dir, const char *to, int flags);
int __real_fallocate(int fd, int mode, off_t offset, off_t len);
int __real_mkdirat(int dir, const char *path, mode_t mode);
int __real_unlinkat(int dir, const char *path, int flags);
ssize_t __real_pwrite(int fd, const void *buf, size_t len, off_t offset);
int __real_fstatvfs(int fd, struct statvfs *fs);
int __real_sync_file_range(int fd, off_t offset, off_t len, unsigned int flags);
int __real_fsync(int fd);

static inline int wrapped_fail(int err)
{
	errno = err;
	return -1;
}

int __wrap_openat(int dir, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = flags & (O_CREAT | __O_TMPFILE) ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if ((flags & O_TMPFILE) == O_TMPFILE && wrapped.tmpfile)
		return wrapped_fail(wrapped.tmpfile);
	return __real_openat(dir, path, flags, mode);
}

int __wrap_renameat2(int from_dir, const char *from, int dir, const char *to, unsigned int flags)
{
	if (wrapped.renameat2)
		return wrapped_fail(wrapped.renameat2);
	return __real_renameat2(from_dir, from, dir, to, flags);
}

int __wrap_linkat(int from_dir, const char *from, int dir, const char *to, int flags)
{
	if (flags & AT_EMPTY_PATH && wrapped.linkat_empty)
		return wrapped_fail(wrapped.linkat_empty);
	if (flags == 0 && wrapped.linkat)
		return wrapped_fail(wrapped.linkat);
	return __real_linkat(from_dir, from, dir, to, flags);
}

int __wrap_fallocate(int fd, int mode, off_t offset, off_t len)
{
	if (wrapped.fallocate)
		return wrapped_fail(wrapped.fallocate);
	return __real_fallocate(fd, mode, offset, len);
}

int __wrap_mkdirat(int dir, const char *path, mode_t mode)
{
	return wrapped.mkdirat ? wrapped.mkdirat(dir, path) : __real_mkdirat(dir, path, mode);
}

int __wrap_unlinkat(int dir, const char *path, int flags)
{
	return wrapped.unlinkat ? wrapped_fail(wrapped.unlinkat)
				: __real_unlinkat(dir, path, flags);
}

ssize_t __wrap_pwrite(int fd, const void *buf, size_t len, off_t offset)
{
	if (wrapped.pwrite)
		return wrapped_fail(wrapped.pwrite);
	wrapped.written_at = offset;
	return wrapped.pwrite_only_noted ? (ssize_t)len : __real_pwrite(fd, buf, len, offset);
}

int __wrap_fstatvfs(int fd, struct statvfs *fs)
{
	int rc = __real_fstatvfs(fd, fs);

	if (wrapped.has_room) {
		fs->f_frsize = 1;
		fs->f_blocks = wrapped.blocks;
		fs->f_bavail = wrapped.available;
		fs->f_bfree = wrapped.blocks; /* root's own part of it */
	}
	return rc;
}

int __wrap_sync_file_range(int fd, off_t offset, off_t len, unsigned int flags)
{
	if (wrapped.sync_file_range)
		return wrapped_fail(wrapped.sync_file_range);
	if (flags & SYNC_FILE_RANGE_WAIT_AFTER)
		wrapped.waited = (uint64_t)(offset + len);
	else
		wrapped.begun = (uint64_t)(offset + len);
	return __real_sync_file_range(fd, offset, len, flags);
}

int __wrap_fsync(int fd)
{
	struct stat st;

	fstat(fd, &st);
	if (S_ISDIR(st.st_mode) && wrapped.fsync_directory)
		return wrapped_fail(wrapped.fsync_directory);
	if (S_ISREG(st.st_mode) && wrapped.fsync)
		return wrapped_fail(wrapped.fsync);
	return wrapped.no_sync ? 0 : __real_fsync(fd);
}
