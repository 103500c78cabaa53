/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changing a pool file in place. A change is one critical section: open, both locks, read all,
 * write what differs, unlock; only the fsync comes after it, so that nobody waits for our disk.
 * Where a write fails, what it overwrote is written back from the copy that was read.
 */
#include "config.h"

#include "kvpd/pool.h"

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

#define RECORD sizeof(struct hvis_kvp_record)
#define LOCK_TIMEOUT_MS 5000
#define READ_TIMEOUT_MS 200 /* writers need a few; anybody may hold a lock, and readers queue */
#define REOPEN_MAX 5 /* times that a file may be replaced under us before we give up */

struct KvpPool {
	char *dir;
	char *path;
	const KvpPoolOps *ops;
	gint lock_timeout_ms; /* read by any thread */
};

/* A file while it is locked for a change. */
typedef struct {
	const KvpPool *pool;
	int fd;
	guint8 *bytes; /* the whole file as it was */
	guint count; /* whole records in it */
} Edit;

static const KvpPoolOps real_ops = { pwrite, ftruncate, fsync };

KvpPool *kvp_pool_new(const char *dir, guint number, const KvpPoolOps *ops)
{
	KvpPool *pool = g_new0(KvpPool, 1);

	pool->dir = g_strdup(dir);
	pool->path = g_strdup_printf("%s/.kvp_pool_%u", dir, number);
	pool->ops = ops ? ops : &real_ops;
	pool->lock_timeout_ms = LOCK_TIMEOUT_MS;
	return pool;
}

void kvp_pool_free(KvpPool *pool)
{
	if (!pool)
		return;
	g_free(pool->dir);
	g_free(pool->path);
	g_free(pool);
}

const char *kvp_pool_path(const KvpPool *pool)
{
	return pool->path;
}

void kvp_pool_set_lock_timeout(KvpPool *pool, guint ms)
{
	g_atomic_int_set(&pool->lock_timeout_ms, (gint)ms);
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
	sync_dir(pool->dir);
	return TRUE;
}

/*
 * Looked at before, since a socket or a link fails to open in a way that says less, and after, since
 * it may have changed. O_NONBLOCK keeps a FIFO from holding us; regular files do not know it.
 */
static int open_regular(const char *path, int flags, GError **error)
{
	hvis_autofd int fd = -1;
	struct stat st;

	if (!stat_regular(path, &st, error))
		return -1;
	fd = hvis_open(path, flags | O_NOFOLLOW | O_NONBLOCK, error);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0) {
		hvis_fail_errno(error, errno, "stat %s", path);
		return -1;
	}
	return check_regular(path, &st, error) ? hvis_fd_steal(&fd) : -1;
}

static gboolean is_at_path(int fd, const char *path)
{
	struct stat mine, there;

	return fstat(fd, &mine) == 0 && lstat(path, &there) == 0 && mine.st_dev == there.st_dev &&
	       mine.st_ino == there.st_ino;
}

/*
 * The file's bytes, @max of them at most. One that grows meanwhile, which only a file that is not
 * locked can do, is seen as long as it was.
 */
static guint8 *read_all(int fd, gsize max, gsize *ret_len, GError **error)
{
	g_autofree guint8 *bytes = NULL;
	struct stat st;
	gsize size, done = 0;

	if (fstat(fd, &st) < 0) {
		hvis_fail_errno(error, errno, "stat");
		return NULL;
	}
	size = MIN((gsize)st.st_size, max);
	bytes = g_malloc(MAX(size, 1));
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

KvpRecords *kvp_pool_read(KvpPool *pool, GError **error)
{
	g_autofree guint8 *bytes = NULL;
	g_autoptr(GError) failed = NULL;
	hvis_autofd int fd = open_regular(pool->path, O_RDONLY, &failed);
	gsize len;

	if (fd < 0 && hvis_error_is(failed, HVIS_ERROR_NOT_FOUND))
		return kvp_records_new();
	if (fd < 0) {
		g_propagate_error(error, g_steal_pointer(&failed));
		return NULL;
	}
	if (!kvp_lock(fd, KVP_LOCK_SHARED, MIN(READ_TIMEOUT_MS, lock_timeout(pool)), &failed))
		g_debug("%s is read without locks: %s", pool->path, failed->message);
	bytes = read_all(fd, KVP_POOL_RECORDS_MAX * RECORD, &len, error);
	if (!bytes) {
		g_prefix_error(error, "%s: ", pool->path);
		return NULL;
	}
	return kvp_records_parse(bytes, len);
}

/* --- changing --- */

static void edit_clear(Edit *edit)
{
	hvis_fd_clear(&edit->fd);
	g_clear_pointer(&edit->bytes, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Edit, edit_clear)

/* The file at the path, opened and locked; another may take its place before we have the lock. */
static int open_locked(KvpPool *pool, GError **error)
{
	for (int i = 0; i < REOPEN_MAX; i++) {
		g_autoptr(GError) failed = NULL;
		hvis_autofd int fd = open_regular(pool->path, O_RDWR, &failed);

		if (fd < 0 && hvis_error_is(failed, HVIS_ERROR_NOT_FOUND)) {
			if (!kvp_pool_create(pool, error))
				return -1;
			continue;
		}
		if (fd < 0) {
			g_propagate_error(error, g_steal_pointer(&failed));
			return -1;
		}
		if (!kvp_lock(fd, KVP_LOCK_EXCLUSIVE, lock_timeout(pool), error)) {
			g_prefix_error(error, "%s: ", pool->path);
			return -1;
		}
		if (is_at_path(fd, pool->path))
			return hvis_fd_steal(&fd);
	}
	hvis_fail(error, HVIS_ERROR_BUSY, "%s is being replaced again and again", pool->path);
	return -1;
}

static gboolean edit_begin(KvpPool *pool, Edit *ret, GError **error)
{
	g_autofree guint8 *bytes = NULL;
	hvis_autofd int fd = open_locked(pool, error);
	gsize len;

	if (fd < 0)
		return FALSE;
	bytes = read_all(fd, (KVP_POOL_RECORDS_MAX + 1) * RECORD, &len, error);
	if (!bytes) {
		g_prefix_error(error, "%s: ", pool->path);
		return FALSE;
	}
	if (len / RECORD > KVP_POOL_RECORDS_MAX)
		return hvis_fail(error, HVIS_ERROR_NO_SPACE, "%s has more than %u records",
			pool->path, KVP_POOL_RECORDS_MAX);
	ret->pool = pool;
	ret->fd = hvis_fd_steal(&fd);
	ret->count = (guint)(len / RECORD);
	ret->bytes = g_steal_pointer(&bytes);
	return TRUE;
}

/* Give the locks back, then make the change last. */
static gboolean edit_commit(Edit *edit, GError **error)
{
	int ret;

	kvp_unlock(edit->fd);
	do
		ret = edit->pool->ops->fsync(edit->fd);
	while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return hvis_fail_errno(error, errno, "fsync %s", edit->pool->path);
	return TRUE;
}

static gboolean write_record(const Edit *edit, guint index, const void *record, GError **error)
{
	const guint8 *bytes = record;
	gsize done = 0;

	while (done < RECORD) {
		ssize_t n = edit->pool->ops->pwrite(
			edit->fd, bytes + done, RECORD - done, (off_t)(index * RECORD + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return hvis_fail_errno(error, errno, "write %s", edit->pool->path);
		done += (gsize)n;
	}
	return TRUE;
}

/*
 * Write back the records from @last down to @first as they were. Downwards, because a deletion has
 * moved them up: each is still whole in the place below when its own is written.
 */
static void roll_back(const Edit *edit, guint first, guint last)
{
	for (guint i = last + 1; i > first; i--) {
		g_autoptr(GError) failed = NULL;

		if (!write_record(edit, i - 1, edit->bytes + (i - 1) * RECORD, &failed))
			g_debug("roll back: %s", failed->message);
	}
}

static gboolean truncate_to(const Edit *edit, guint count, GError **error)
{
	int ret;

	do
		ret = edit->pool->ops->ftruncate(edit->fd, (off_t)(count * RECORD));
	while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return hvis_fail_errno(error, errno, "truncate %s", edit->pool->path);
	return TRUE;
}

/*
 * Others may leave anything behind the NUL, so only the text is compared; and anything before it, so
 * a key that is no UTF-8 goes by what kvp_pool_read() shows of it, or nobody could delete it.
 */
static gboolean has_key(const Edit *edit, guint index, const char *key)
{
	const char *field = (const char *)edit->bytes + index * RECORD;
	gsize len = strnlen(field, HVIS_KVP_KEY_MAX);
	g_autofree char *shown = NULL;

	if (g_utf8_validate_len(field, len, NULL))
		return len == strlen(key) && memcmp(field, key, len) == 0;
	shown = g_utf8_make_valid(field, (gssize)len);
	return g_str_equal(shown, key);
}

static gboolean make_record(
	const char *key, const char *value, struct hvis_kvp_record *ret, GError **error)
{
	gsize key_len = strlen(key), value_len = strlen(value);

	if (key_len == 0)
		return hvis_fail(error, HVIS_ERROR_INVALID, "the key is empty");
	if (key_len >= HVIS_KVP_KEY_MAX)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"the key takes %zu bytes of UTF-8, a record holds %u", key_len,
			HVIS_KVP_KEY_MAX - 1);
	if (value_len >= HVIS_KVP_VALUE_MAX)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"the value takes %zu bytes of UTF-8, a record holds %u", value_len,
			HVIS_KVP_VALUE_MAX - 1);
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->key, key, key_len);
	memcpy(ret->value, value, value_len);
	return TRUE;
}

static gboolean replace(
	Edit *edit, guint index, const struct hvis_kvp_record *record, GError **error)
{
	if (write_record(edit, index, record, error))
		return edit_commit(edit, error);
	roll_back(edit, index, index);
	return FALSE;
}

static gboolean append(Edit *edit, const struct hvis_kvp_record *record, GError **error)
{
	g_autoptr(GError) failed = NULL;

	if (edit->count >= KVP_POOL_RECORDS_MAX)
		return hvis_fail(error, HVIS_ERROR_NO_SPACE, "%s is full: %u records",
			edit->pool->path, KVP_POOL_RECORDS_MAX);
	if (write_record(edit, edit->count, record, error))
		return edit_commit(edit, error);
	if (!truncate_to(edit, edit->count, &failed))
		g_debug("roll back: %s", failed->message);
	return FALSE;
}

gboolean kvp_pool_set(
	KvpPool *pool, const char *key, const char *value, gboolean *ret_replaced, GError **error)
{
	g_auto(Edit) edit = { .fd = -1 };
	struct hvis_kvp_record record;
	guint last;

	if (!make_record(key, value, &record, error) || !edit_begin(pool, &edit, error))
		return FALSE;
	for (last = edit.count; last > 0 && !has_key(&edit, last - 1, key);)
		last--;
	if (last > 0 ? !replace(&edit, last - 1, &record, error) : !append(&edit, &record, error))
		return FALSE;
	if (ret_replaced)
		*ret_replaced = last > 0;
	return TRUE;
}

/* Move the records that stay to the front, one by one, in order; then cut off the rest. */
static gboolean remove_key(Edit *edit, const char *key, guint first, GError **error)
{
	guint to = first;

	for (guint from = first + 1; from < edit->count; from++) {
		if (has_key(edit, from, key))
			continue;
		if (!write_record(edit, to, edit->bytes + from * RECORD, error)) {
			roll_back(edit, first, to);
			return FALSE;
		}
		to++;
	}
	if (truncate_to(edit, to, error))
		return edit_commit(edit, error);
	if (to > first)
		roll_back(edit, first, to - 1);
	return FALSE;
}

gboolean kvp_pool_delete(KvpPool *pool, const char *key, GError **error)
{
	g_auto(Edit) edit = { .fd = -1 };

	if (*key == '\0')
		return hvis_fail(error, HVIS_ERROR_INVALID, "the key is empty");
	if (!edit_begin(pool, &edit, error))
		return FALSE;
	for (guint i = 0; i < edit.count; i++) {
		if (has_key(&edit, i, key))
			return remove_key(&edit, key, i, error);
	}
	return hvis_fail(error, HVIS_ERROR_NOT_FOUND, "no key \"%s\" in %s", key, edit.pool->path);
}
