/* SPDX-License-Identifier: GPL-2.0-only */
/* Whole files; see the header. */
#include <util/file.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <util/error.h>
#include <util/fd.h>

static gboolean sync_directory(const char *dir, GError **error)
{
	hvis_autofd int fd = hvis_open(dir, O_RDONLY | O_DIRECTORY, error);

	if (fd < 0)
		return FALSE;
	/* some file systems cannot sync a directory and say so by EINVAL: nothing is lost there */
	if (fsync(fd) < 0 && errno != EINVAL)
		return hvis_fail_errno(error, errno, "sync %s", dir);
	return TRUE;
}

static gboolean fill(
	int fd, const char *name, const void *data, gsize len, mode_t mode, GError **error)
{
	if (!hvis_pwrite_all(fd, data, len, 0, error)) {
		g_prefix_error(error, "%s: ", name);
		return FALSE;
	}
	if (fchmod(fd, mode) < 0)
		return hvis_fail_errno(error, errno, "change mode of %s", name);
	if (fsync(fd) < 0)
		return hvis_fail_errno(error, errno, "sync %s", name);
	return TRUE;
}

gboolean hvis_file_write(const char *path, const void *data, gsize len, mode_t mode, GError **error)
{
	g_autofree char *dir = g_path_get_dirname(path);
	g_autofree char *base = g_path_get_basename(path);
	g_autofree char *name = g_strdup_printf("%s/.%s.XXXXXX", dir, base);
	hvis_autofd int fd = mkostemp(name, O_CLOEXEC);

	if (fd < 0)
		return hvis_fail_errno(error, errno, "create a file in %s", dir);
	if (!fill(fd, name, data, len, mode, error)) {
		unlink(name);
		return FALSE;
	}
	if (rename(name, path) < 0) {
		int err = errno;

		unlink(name);
		return hvis_fail_errno(error, err, "replace %s", path);
	}
	return sync_directory(dir, error);
}

/* Sizes of files in /proc are 0, so the end is where read() says it is. */
static GByteArray *read_to_end(int fd, const char *path, gsize max, GError **error)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();

	for (;;) {
		guint8 buf[4096];
		ssize_t n = read(fd, buf, sizeof(buf));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			hvis_fail_errno(error, errno, "read %s", path);
			return NULL;
		}
		if (n == 0)
			return g_steal_pointer(&bytes);
		if ((gsize)n > max - bytes->len) {
			hvis_fail(
				error, HVIS_ERROR_NO_SPACE, "%s: longer than %zu bytes", path, max);
			return NULL;
		}
		g_byte_array_append(bytes, buf, (guint)n);
	}
}

char *hvis_file_read(const char *path, gsize max, gsize *ret_len, GError **error)
{
	/* not blocking on a FIFO that somebody put there */
	hvis_autofd int fd = hvis_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY, error);
	g_autoptr(GByteArray) bytes = NULL;
	struct stat st;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		hvis_fail(error, HVIS_ERROR_INVALID, "%s: not a regular file", path);
		return NULL;
	}
	bytes = read_to_end(fd, path, max, error);
	if (!bytes)
		return NULL;
	if (ret_len)
		*ret_len = bytes->len;
	g_byte_array_append(bytes, (const guint8 *)"", 1);
	return (char *)g_byte_array_free(g_steal_pointer(&bytes), FALSE);
}

HvisFileStamp hvis_file_stamp_of(const struct stat *st)
{
	return (HvisFileStamp){ .dev = st->st_dev,
		.ino = st->st_ino,
		.size = st->st_size,
		.mtime_ns = (gint64)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec };
}

HvisFileStamp hvis_file_stamp(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? (HvisFileStamp){ 0 } : hvis_file_stamp_of(&st);
}

gboolean hvis_file_stamp_equal(const HvisFileStamp *a, const HvisFileStamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->mtime_ns == b->mtime_ns;
}
