/* SPDX-License-Identifier: GPL-2.0-only */
#include "config.h"

#include "kvpd/rewrite.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include <hvis/kvp.h>
#include <util/error.h>
#include <util/fd.h>

#include "kvpd/lock.h"
#include "kvpd/pool-private.h"

/* --- the file --- */

static int open_locked(const char *path, guint lock_timeout_ms, GError **error)
{
	for (int i = 0; i < KVP_POOL_REOPEN_MAX; i++) {
		g_autoptr(GError) failed = NULL;
		int fd = kvp_pool_try_locked(path, lock_timeout_ms, &failed);

		if (fd >= 0)
			return fd;
		if (failed) {
			g_propagate_error(error, g_steal_pointer(&failed));
			return -1;
		}
	}
	return kvp_pool_fail_replaced(path, error);
}

static GByteArray *read_all(int fd, const char *path, GError **error)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	struct stat st;

	if (fstat(fd, &st) < 0) {
		hvis_fail_errno(error, errno, "stat %s", path);
		return NULL;
	}
	if ((guint64)st.st_size >= (KVP_POOL_RECORDS_MAX + 1) * RECORD) {
		hvis_fail(error, HVIS_ERROR_NO_SPACE, "%s has more than %u records", path,
			KVP_POOL_RECORDS_MAX);
		return NULL;
	}
	g_byte_array_set_size(bytes, (guint)st.st_size);
	if (st.st_size > 0 && !hvis_pread_all(fd, bytes->data, bytes->len, 0, error)) {
		g_prefix_error(error, "%s: ", path);
		return NULL;
	}
	return g_steal_pointer(&bytes);
}

/* Write the records of @to that differ from what @from has in their place; *@ret_end is where it ended. */
static gboolean write_changed(
	int fd, const GByteArray *from, const GByteArray *to, gsize *ret_end, GError **error)
{
	for (gsize at = 0; at < to->len; at += RECORD) {
		gsize len = MIN(RECORD, to->len - at);

		*ret_end = at + len;
		if (at + len <= from->len && memcmp(from->data + at, to->data + at, len) == 0)
			continue;
		if (!hvis_pwrite_all(fd, to->data + at, len, (off_t)at, error))
			return FALSE;
	}
	if (to->len >= from->len || ftruncate(fd, (off_t)to->len) == 0)
		return TRUE;
	return hvis_fail_errno(error, errno, "truncate");
}

/* From the end to the start, as records may have moved up: each is whole below when it is written. */
static void write_back(int fd, const GByteArray *old, gsize end)
{
	if (ftruncate(fd, (off_t)old->len) < 0)
		g_debug("roll back: %s", g_strerror(errno));
	for (gsize at = (MIN(end, old->len) + RECORD - 1) / RECORD * RECORD; at > 0; at -= RECORD) {
		g_autoptr(GError) failed = NULL;
		gsize start = at - RECORD;

		if (!hvis_pwrite_all(fd, old->data + start, MIN(RECORD, old->len - start),
			    (off_t)start, &failed))
			g_debug("roll back: %s", failed->message);
	}
}

gboolean kvp_rewrite(
	const char *path, guint lock_timeout_ms, KvpRewriteEdit edit, gpointer data, GError **error)
{
	hvis_autofd int fd = open_locked(path, lock_timeout_ms, error);
	g_autoptr(GByteArray) old = fd < 0 ? NULL : read_all(fd, path, error);
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	gsize end = 0;

	if (!old)
		return FALSE;
	g_byte_array_append(bytes, old->data, old->len);
	if (!edit(bytes, data, error))
		return FALSE;
	if (bytes->len == old->len &&
		(old->len == 0 || memcmp(bytes->data, old->data, old->len) == 0))
		return TRUE;
	if (!write_changed(fd, old, bytes, &end, error)) {
		write_back(fd, old, end);
		g_prefix_error(error, "%s: ", path);
		return FALSE;
	}
	kvp_unlock(fd); /* nobody waits for our disk */
	return fsync(fd) == 0 || hvis_fail_errno(error, errno, "fsync %s", path);
}

/* --- changes --- */

static gboolean edit_batch(GByteArray *bytes, gpointer data, GError **error)
{
	KvpBatch *batch = data;
	g_autoptr(GByteArray) copy = g_byte_array_new();
	g_autoptr(KvpSheet) sheet = NULL;

	if (batch->dry_run)
		g_byte_array_append(copy, bytes->data, bytes->len);
	sheet = kvp_sheet_new(batch->dry_run ? copy : bytes, batch->max_records);
	return kvp_sheet_apply(sheet, batch, error);
}

gboolean kvp_pool_batch(KvpPool *pool, KvpBatch *batch, GError **error)
{
	batch->max_records = (guint)g_atomic_int_get(&pool->max_records);
	return kvp_pool_create(pool, error) && kvp_pool_finish(pool, error) &&
	       kvp_rewrite(pool->path, (guint)g_atomic_int_get(&pool->lock_timeout_ms), edit_batch,
		       batch, error);
}
