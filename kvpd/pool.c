/* SPDX-License-Identifier: GPL-2.0-only */
/* Pool files: creating, opening, locking, reading. Changing them is in pool-edit.c. */
#include "config.h"

#include "kvpd/pool-private.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <hvis/kvp.h>
#include <util/error.h>
#include <util/fd.h>

#include "kvpd/lock.h"

#define LOCK_TIMEOUT_MS 5000
#define READ_TIMEOUT_MS 200 /* writers need a few; anybody may hold a lock, and readers queue */
#define SETTLE_US (2 * G_USEC_PER_SEC) /* network file systems keep whole seconds */

const char *const kvp_sync_names[] = { "always", "batched", "never", NULL };

static const KvpPoolOps real_ops = { pwrite, ftruncate, fsync };

KvpPool *kvp_pool_new(const char *dir, guint number, const KvpPoolOps *ops)
{
	KvpPool *pool = g_new0(KvpPool, 1);

	pool->dir = g_strdup(dir);
	pool->number = number;
	pool->path = g_strdup_printf("%s/.kvp_pool_%u", dir, number);
	pool->ops = ops ? ops : &real_ops;
	pool->journal_path = g_build_filename(dir, KVP_JOURNAL_NAME, NULL);
	pool->lock_timeout_ms = LOCK_TIMEOUT_MS;
	pool->max_records = KVP_POOL_RECORDS_MAX;
	pool->sync = KVP_SYNC_ALWAYS;
	return pool;
}

void kvp_pool_free(KvpPool *pool)
{
	if (!pool)
		return;
	kvp_watch_unref(pool->watch);
	g_free(pool->dir);
	g_free(pool->path);
	g_free(pool->journal_path);
	g_free(pool);
}

void kvp_pool_set_watch(KvpPool *pool, KvpWatch *watch)
{
	pool->watch = watch ? kvp_watch_ref(watch) : NULL;
}

const char *kvp_pool_path(const KvpPool *pool)
{
	return pool->path;
}

void kvp_pool_set_lock_timeout(KvpPool *pool, guint ms)
{
	g_atomic_int_set(&pool->lock_timeout_ms, (gint)ms);
}

void kvp_pool_set_max_records(KvpPool *pool, guint max)
{
	g_atomic_int_set(&pool->max_records, (gint)MIN(max, KVP_POOL_RECORDS_MAX));
}

void kvp_pool_set_sync(KvpPool *pool, KvpSync sync)
{
	g_atomic_int_set(&pool->sync, (gint)sync);
}

static guint lock_timeout(KvpPool *pool)
{
	return (guint)g_atomic_int_get(&pool->lock_timeout_ms);
}

/* --- opening --- */

/* Somebody has put another thing in the file's place: a state of this machine, no fault of a caller's. */
static gboolean check_regular(const char *path, const struct stat *st, GError **error)
{
	return S_ISREG(st->st_mode) ||
	       hvis_fail(error, HVIS_ERROR_IO, "%s is not a regular file", path);
}

static gboolean stat_regular(const char *path, struct stat *st, GError **error)
{
	if (lstat(path, st) < 0)
		return hvis_fail_errno(error, errno, "stat %s", path);
	return check_regular(path, st, error);
}

/* Make the new entry last; a directory that cannot be synced (overlay, FUSE) is no failure. */
static void sync_dir(const char *dir)
{
	hvis_autofd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && fsync(fd) < 0)
		g_debug("fsync %s: %s", dir, g_strerror(errno));
}

/* The modes are part of the contract, so they are set past the umask. */
static gboolean make_dir(const char *dir, GError **error)
{
	if (g_access(dir, F_OK) == 0)
		return TRUE;
	if (g_mkdir_with_parents(dir, 0755) < 0 || chmod(dir, 0755) < 0)
		return hvis_fail_errno(error, errno, "create directory %s", dir);
	return TRUE;
}

/*
 * What a program of root's makes is for the daemon to write, which may have a user of its own: it gets
 * the owner that another pool has.
 */
static void give_to_owner(const KvpPool *pool, int fd)
{
	struct stat st;

	for (guint i = 0; i < HVIS_KVP_POOL_N && geteuid() == 0; i++) {
		g_autofree char *other = g_strdup_printf("%s/.kvp_pool_%u", pool->dir, i);

		if (i == pool->number || lstat(other, &st) < 0 || !S_ISREG(st.st_mode) ||
			st.st_uid == 0)
			continue;
		if (fchown(fd, st.st_uid, st.st_gid) < 0)
			g_debug("%s: %s", pool->path, g_strerror(errno));
		return;
	}
}

gboolean kvp_pool_create(KvpPool *pool, GError **error)
{
	hvis_autofd int fd = -1;
	struct stat st;

	if (!make_dir(pool->dir, error))
		return FALSE;
	fd = open(pool->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 && errno == EEXIST)
		return stat_regular(pool->path, &st, error);
	if (fd < 0 || fchmod(fd, 0644) < 0)
		return hvis_fail_errno(error, errno, "create %s", pool->path);
	give_to_owner(pool, fd);
	sync_dir(pool->dir);
	return TRUE;
}

/*
 * Whether it is a file at all is for who asks fstat(2) next. What a thing that is none (a socket, a link) fails
 * with says less than a look at it. O_NONBLOCK keeps a FIFO from holding us; files do not know it.
 */
static int open_any(const char *path, int flags, GError **error)
{
	int fd, err;
	struct stat st;

	do
		fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
	while (fd < 0 && errno == EINTR);
	if (fd >= 0)
		return fd;
	err = errno;
	if (lstat(path, &st) < 0 || check_regular(path, &st, error))
		hvis_fail_errno(error, err, "open %s", path);
	return -1;
}

gboolean kvp_pool_stat(const KvpPool *pool, int fd, struct stat *ret, GError **error)
{
	if (fstat(fd, ret) < 0)
		return hvis_fail_errno(error, errno, "stat %s", pool->path);
	return check_regular(pool->path, ret, error);
}

gboolean kvp_pool_stat_own(const KvpPool *pool, int fd, struct stat *ret, GError **error)
{
	struct stat st;

	if (!kvp_pool_stat(pool, fd, &st, error))
		return FALSE;
	if (st.st_nlink > 1)
		return hvis_fail(error, HVIS_ERROR_IO,
			"%s has another name, too (a hard link), and is not changed", pool->path);
	*ret = st;
	return TRUE;
}

gboolean kvp_pool_is_at_path(const KvpPool *pool, const struct stat *st)
{
	struct stat there;

	return lstat(pool->path, &there) == 0 && st->st_dev == there.st_dev &&
	       st->st_ino == there.st_ino;
}

guint8 *kvp_pool_read_all(int fd, gsize max, gsize *ret_len, GError **error)
{
	g_autofree guint8 *bytes = NULL;
	struct stat st;
	gsize size, done = 0;

	if (fstat(fd, &st) < 0) {
		hvis_fail_errno(error, errno, "stat");
		return NULL;
	}
	size = MIN((gsize)st.st_size, max);
	bytes = g_try_malloc(MAX(size, 1)); /* it may be large: no reason to end */
	if (!bytes) {
		hvis_fail_errno(error, ENOMEM, "read %zu bytes", size);
		return NULL;
	}
	while (done < size) {
		ssize_t n = pread(fd, bytes + done, size - done, (off_t)done);

		if (n < 0 && errno != EINTR) {
			hvis_fail_errno(error, errno, "read");
			return NULL;
		}
		if (n == 0)
			break;
		done += n > 0 ? (gsize)n : 0;
	}
	*ret_len = done;
	return g_steal_pointer(&bytes);
}

/* --- reading --- */

gboolean kvp_pool_info(const KvpPool *pool, KvpPoolInfo *ret, GError **error)
{
	struct stat st;

	if (!stat_regular(pool->path, &st, error))
		return FALSE;
	*ret = (KvpPoolInfo){ .bytes = (guint64)st.st_size,
		.records = (guint64)st.st_size / RECORD };
	return TRUE;
}

void kvp_view_clear(KvpView *view)
{
	kvp_records_unref(view->records);
	*view = (KvpView){ 0 };
}

/* Where no watch tells, two states within one tick of the clock look alike: see make(1), git(1). */
static gboolean is_settled(const HvisFileStamp *stamp)
{
	return g_get_real_time() - stamp->mtime_ns / 1000 > SETTLE_US;
}

gboolean kvp_view_is_known(const KvpView *known, const HvisFileStamp *stamp, guint64 generation)
{
	if (!known || !known->records || !hvis_file_stamp_equal(&known->stamp, stamp))
		return FALSE;
	return generation ? known->generation == generation : known->is_settled;
}

static KvpRecords *read_records(const KvpPool *pool, int fd, GError **error)
{
	g_autofree guint8 *bytes = NULL;
	gsize len;

	bytes = kvp_pool_read_all(fd, KVP_POOL_RECORDS_MAX * RECORD, &len, error);
	if (!bytes) {
		g_prefix_error(error, "%s: ", pool->path);
		return NULL;
	}
	return kvp_records_parse(bytes, len);
}

/*
 * What a dead writer has left is finished first, for which the file has to be open for writing; who
 * may not do that sees the file as it is. FALSE where that may be half a change, which the next who looks should
 * try to finish again.
 */
static gboolean lock_to_read(KvpPool *pool, int fd)
{
	guint timeout_ms = MIN(READ_TIMEOUT_MS, lock_timeout(pool));
	g_autoptr(GError) failed = NULL;
	gboolean is_whole = TRUE;

	if (kvp_lock(fd, KVP_LOCK_SHARED, timeout_ms, &failed)) {
		if (!kvp_pool_is_unfinished(pool))
			return TRUE;
		kvp_unlock(fd);
		is_whole = kvp_pool_finish(pool, &failed);
		if (is_whole)
			kvp_lock(fd, KVP_LOCK_SHARED, timeout_ms, &failed);
	}
	if (failed)
		g_debug("%s is read as it is: %s", pool->path, failed->message);
	return is_whole;
}

static gboolean look_at(KvpPool *pool, int fd, const KvpView *known, KvpView *ret, GError **error)
{
	gboolean is_whole = lock_to_read(pool, fd);
	struct stat st;

	if (!kvp_pool_stat(pool, fd, &st, error))
		return FALSE;
	ret->stamp = hvis_file_stamp_of(&st);
	ret->is_settled = is_whole && is_settled(&ret->stamp);
	if (!is_whole)
		ret->generation = 0;
	if (kvp_view_is_known(known, &ret->stamp, ret->generation))
		ret->records = kvp_records_ref(known->records);
	else
		ret->records = read_records(pool, fd, error);
	return ret->records != NULL;
}

gboolean kvp_pool_look(KvpPool *pool, const KvpView *known, KvpView *ret, GError **error)
{
	guint64 generation = pool->watch ? kvp_watch_arm(pool->watch, pool->number) : 0;
	g_autoptr(GError) failed = NULL;
	hvis_autofd int fd = open_any(pool->path, O_RDONLY, &failed);
	KvpView view = { .generation = generation };

	if (fd < 0 && hvis_error_is(failed, HVIS_ERROR_NOT_FOUND)) {
		view.records = kvp_records_new();
	} else if (fd < 0) {
		g_propagate_error(error, g_steal_pointer(&failed));
		return FALSE;
	} else if (!look_at(pool, fd, known, &view, error)) {
		return FALSE;
	}
	*ret = view;
	return TRUE;
}

KvpRecords *kvp_pool_read(KvpPool *pool, GError **error)
{
	g_auto(KvpView) view = { 0 };

	return kvp_pool_look(pool, NULL, &view, error) ? g_steal_pointer(&view.records) : NULL;
}

int kvp_pool_fail_replaced(const KvpPool *pool, GError **error)
{
	hvis_fail(error, HVIS_ERROR_BUSY, "%s is being replaced again and again", pool->path);
	return -1;
}

static int open_or_create(KvpPool *pool, GError **error)
{
	for (int i = 0; i < KVP_POOL_REOPEN_MAX; i++) {
		g_autoptr(GError) failed = NULL;
		int fd = open_any(pool->path, O_RDWR, &failed);

		if (fd >= 0)
			return fd;
		if (!hvis_error_is(failed, HVIS_ERROR_NOT_FOUND)) {
			g_propagate_error(error, g_steal_pointer(&failed));
			return -1;
		}
		if (!kvp_pool_create(pool, error))
			return -1;
	}
	return kvp_pool_fail_replaced(pool, error);
}

int kvp_pool_open_locked(KvpPool *pool, GError **error)
{
	hvis_autofd int fd = open_or_create(pool, error);

	if (fd < 0)
		return -1;
	if (!kvp_lock(fd, KVP_LOCK_EXCLUSIVE, lock_timeout(pool), error)) {
		g_prefix_error(error, "%s: ", pool->path);
		return -1;
	}
	return hvis_fd_steal(&fd);
}

/* --- for pools and journal alike --- */

gboolean kvp_pool_pwrite(const KvpPool *pool, int fd, const char *path, guint64 at,
	const void *data, gsize len, GError **error)
{
	const guint8 *bytes = data;
	gsize done = 0;

	while (done < len) {
		ssize_t n = pool->ops->pwrite(fd, bytes + done, len - done, (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return hvis_fail_errno(error, errno, "write %s", path);
		done += (gsize)n;
	}
	return TRUE;
}

gboolean kvp_pool_fsync(const KvpPool *pool, int fd, const char *path, GError **error)
{
	int ret;

	do
		ret = pool->ops->fsync(fd);
	while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return hvis_fail_errno(error, errno, "fsync %s", path);
	return TRUE;
}

gboolean kvp_pool_sync(KvpPool *pool, GError **error)
{
	g_autoptr(GError) failed = NULL;
	hvis_autofd int fd = open_any(pool->path, O_RDONLY, &failed);

	if (fd < 0 && hvis_error_is(failed, HVIS_ERROR_NOT_FOUND))
		return TRUE;
	if (fd < 0) {
		g_propagate_error(error, g_steal_pointer(&failed));
		return FALSE;
	}
	return kvp_pool_fsync(pool, fd, pool->path, error);
}
