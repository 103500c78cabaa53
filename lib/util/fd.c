/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Whole-buffer IO on descriptors. Interrupted calls are repeated, partial ones continued; a caller
 * sees all of its bytes or an error.
 */
#include <util/fd.h>

#include <errno.h>
#include <fcntl.h>

#include <util/error.h>

void hvis_fd_fill_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

int hvis_open(const char *path, int flags, GError **error)
{
	int fd;

	do
		fd = open(path, flags | O_CLOEXEC, 0644);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		hvis_fail_errno(error, errno, "open %s", path);
	return fd;
}

/* The caller's buffer must stay as it is on failure, so a short file is read into one of our own. */
gboolean hvis_pread_all(int fd, void *buf, gsize len, off_t offset, GError **error)
{
	g_autofree guint8 *got = g_malloc(len ? len : 1);
	gsize done = 0;

	while (done < len) {
		ssize_t n = pread(fd, got + done, len - done, offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return hvis_fail_errno(
				error, errno, "read %zu bytes at %lld", len, (long long)offset);
		if (n == 0)
			return hvis_fail(error, HVIS_ERROR_IO,
				"read %zu bytes at %lld: the file ends after %zu", len,
				(long long)offset, done);
		done += (gsize)n;
	}
	if (len)
		memcpy(buf, got, len);
	return TRUE;
}

gboolean hvis_pwrite_all(int fd, const void *buf, gsize len, off_t offset, GError **error)
{
	const guint8 *bytes = buf;
	gsize done = 0;

	while (done < len) {
		ssize_t n = pwrite(fd, bytes + done, len - done, offset + (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return hvis_fail_errno(
				error, errno, "write %zu bytes at %lld", len, (long long)offset);
		done += (gsize)n;
	}
	return TRUE;
}
