/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The journal of a change: opening the file, writing an entry, being done with it, and finishing the
 * entry of somebody who died. A journal that cannot be had is no reason not to serve: the change is
 * made without.
 */
#include "config.h"

#include "kvpd/pool-private.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <util/error.h>
#include <util/fd.h>

#include "kvpd/lock.h"

/* There may be a journal, or room for one, only we cannot have it now: that is no reason to go without. */
static gboolean is_shortage(int err)
{
	return err == EMFILE || err == ENFILE || err == ENOMEM;
}

/*
 * -1 with an error, which must be asked for, in a shortage; without one where there can be no journal: errno is
 * ENOENT where there only is none. A file that has another name, too, may be anybody's, and would be written
 * to and given away.
 */
static int open_journal(const KvpPool *pool, int flags, GError **error)
{
	hvis_autofd int fd = open(
		pool->journal_path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
	struct stat st;

	if (fd < 0 && is_shortage(errno))
		hvis_fail_errno(error, errno, "open %s", pool->journal_path);
	if (fd < 0)
		return -1;
	errno = EINVAL;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_nlink > 1)
		return -1;
	return hvis_fd_steal(&fd);
}

/* It belongs to whom the pool belongs, or the daemon could not go on with what hvctl began. */
static int make_journal(const KvpEdit *edit, GError **error)
{
	int fd = open_journal(edit->pool, O_RDWR | O_CREAT, error);
	struct stat st, own;

	if (fd >= 0 && fstat(edit->fd, &st) == 0 && fstat(fd, &own) == 0 &&
		own.st_uid != st.st_uid && fchown(fd, st.st_uid, st.st_gid) < 0)
		g_debug("%s: %s", edit->pool->journal_path, g_strerror(errno));
	return fd;
}

static KvpJournalState read_state(int fd, guint pool)
{
	guint8 heads[KVP_JOURNAL_HEADS];
	ssize_t n = pread(fd, heads, sizeof(heads), (off_t)kvp_journal_offset(pool));

	return kvp_journal_state(heads, n > 0 ? (gsize)n : 0);
}

gboolean kvp_pool_is_unfinished(const KvpPool *pool)
{
	g_autoptr(GError) unknown = NULL;
	hvis_autofd int fd = open_journal(pool, O_RDONLY, &unknown);
	KvpJournalState state;

	if (fd < 0)
		return unknown != NULL;
	state = read_state(fd, pool->number);
	return state.last > state.done;
}

static gboolean write_journal(
	const KvpEdit *edit, gsize at, const void *data, gsize len, GError **error)
{
	return kvp_pool_pwrite(edit->pool, edit->journal, edit->pool->journal_path,
		kvp_journal_offset(edit->pool->number) + at, data, len, error);
}

static gboolean sync_journal(const KvpEdit *edit, GError **error)
{
	if (g_atomic_int_get(&edit->pool->sync) != KVP_SYNC_ALWAYS)
		return TRUE;
	return kvp_pool_fsync(edit->pool, edit->journal, edit->pool->journal_path, error);
}

/* --- writing --- */

/*
 * A change that has begun with a journal stays with it; a new one goes without, unless it is of many records,
 * which would be a mix of old and new after a kill.
 */
static gboolean log_failed(
	KvpEdit *edit, const KvpJournalEntry *entry, GError *failed, GError **error)
{
	gboolean is_new = entry->op == KVP_JOURNAL_REPLACE || entry->is_first;
	gboolean is_taken_back = kvp_edit_log_done(edit, NULL);

	if (is_new && is_taken_back) {
		g_debug("a change without a journal: %s", failed->message);
		hvis_fd_clear(&edit->journal);
		return TRUE;
	}
	g_propagate_error(error, g_error_copy(failed));
	return FALSE;
}

/* None, and no error, where the change goes without. */
static gboolean find_journal(KvpEdit *edit, const KvpJournalEntry *entry, GError **error)
{
	g_autoptr(GError) failed = NULL;

	if (edit->is_unlogged)
		hvis_fd_clear(&edit->journal);
	if (edit->journal >= 0 || edit->is_unlogged ||
		(entry->op == KVP_JOURNAL_DELETE && !entry->is_first)) /* it went without so far */
		return TRUE;
	edit->journal = make_journal(edit, &failed);
	if (!failed)
		return TRUE;
	g_propagate_error(error, g_steal_pointer(&failed));
	return FALSE;
}

/* The first byte behind all slots, and behind the images that dead writers of other pools have left. */
static guint64 end_of_images(const KvpEdit *edit)
{
	guint64 end = KVP_JOURNAL_SIZE;

	for (guint i = 0; i < HVIS_KVP_POOL_N; i++) {
		guint8 heads[KVP_JOURNAL_HEADS];
		ssize_t n =
			pread(edit->journal, heads, sizeof(heads), (off_t)kvp_journal_offset(i));

		if (n > 0 && i != edit->pool->number)
			end = MAX(end, kvp_journal_image_end(heads, (gsize)n));
	}
	return end;
}

/* One image at a time is written, so that each finds its place; who has it locked waits for nothing else. */
static gboolean write_image(KvpEdit *edit, KvpJournalEntry *entry, GError **error)
{
	guint timeout_ms = (guint)g_atomic_int_get(&edit->pool->lock_timeout_ms);

	if (entry->op != KVP_JOURNAL_BATCH)
		return TRUE;
	if (!kvp_lock_own(edit->journal, timeout_ms, error)) {
		g_prefix_error(error, "%s: ", edit->pool->journal_path);
		return FALSE;
	}
	edit->has_image = TRUE;
	entry->image_at = end_of_images(edit);
	if (entry->image_at > KVP_JOURNAL_IMAGE_END - entry->image_len)
		return hvis_fail(error, HVIS_ERROR_NO_SPACE, "%s is full of unfinished changes",
			edit->pool->journal_path);
	return kvp_pool_pwrite(edit->pool, edit->journal, edit->pool->journal_path, entry->image_at,
		entry->image, entry->image_len, error);
}

static gboolean write_entry(KvpEdit *edit, const KvpJournalEntry *entry, GError **error)
{
	gsize len = entry->op == KVP_JOURNAL_BATCH ? 0 : 2 * entry->count * RECORD;
	g_autofree guint8 *data = g_malloc(MAX(len, 1));
	guint8 header[KVP_JOURNAL_HEADER];

	kvp_journal_encode(entry, header, data);
	return write_journal(edit, kvp_journal_data_offset(entry->number), data, len, error) &&
	       write_journal(edit, kvp_journal_header_offset(entry->number), header, sizeof(header),
		       error) &&
	       sync_journal(edit, error);
}

gboolean kvp_edit_log(KvpEdit *edit, KvpJournalEntry *entry, GError **error)
{
	g_autoptr(GError) failed = NULL;
	struct stat st;

	if (!find_journal(edit, entry, error))
		return FALSE;
	if (edit->journal < 0)
		return TRUE;
	if (fstat(edit->fd, &st) < 0)
		return hvis_fail_errno(error, errno, "stat %s", edit->pool->path);
	entry->number = ++edit->number;
	entry->pool = edit->pool->number;
	entry->ino = st.st_ino;
	if (write_image(edit, entry, &failed) && write_entry(edit, entry, &failed))
		return TRUE;
	return log_failed(edit, entry, failed, error);
}

/* Give back the room of an image that is done with; where another has that locked, it will. */
static void drop_image(KvpEdit *edit)
{
	struct stat st;
	guint64 end;

	if (!edit->has_image || !kvp_lock_own(edit->journal, 0, NULL))
		return;
	edit->has_image = FALSE;
	end = end_of_images(edit);
	if (fstat(edit->journal, &st) == 0 && (guint64)st.st_size > end &&
		edit->pool->ops->ftruncate(edit->journal, (off_t)end) < 0)
		g_debug("truncate %s: %s", edit->pool->journal_path, g_strerror(errno));
	kvp_unlock(edit->journal);
}

gboolean kvp_edit_log_done(KvpEdit *edit, GError **error)
{
	guint8 sector[KVP_JOURNAL_SECTOR];

	if (edit->journal < 0)
		return TRUE;
	kvp_journal_encode_done(edit->number, sector);
	if (!write_journal(edit, 0, sector, sizeof(sector), error) || !sync_journal(edit, error))
		return FALSE;
	drop_image(edit);
	return TRUE;
}

/* --- finishing --- */

/* @len bytes at @offset, or as many as there are. An image may be large: no reason to end, at every start anew. */
static guint8 *read_part(
	const KvpEdit *edit, guint64 offset, gsize len, gsize *ret_len, GError **error)
{
	g_autofree guint8 *bytes = NULL;
	struct stat st;
	gsize done = 0;

	if (fstat(edit->journal, &st) < 0 || (guint64)st.st_size < offset)
		len = 0;
	else
		len = MIN(len, (guint64)st.st_size - offset);
	bytes = g_try_malloc(MAX(len, 1));
	if (!bytes) {
		hvis_fail_errno(
			error, ENOMEM, "read %zu bytes of %s", len, edit->pool->journal_path);
		return NULL;
	}
	while (done < len) {
		ssize_t n = pread(edit->journal, bytes + done, len - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		done += (gsize)n;
	}
	*ret_len = done;
	return g_steal_pointer(&bytes);
}

static gboolean is_about(const KvpJournalEntry *entry, const KvpEdit *edit)
{
	struct stat st;

	return entry->pool == edit->pool->number && fstat(edit->fd, &st) == 0 &&
	       entry->ino == st.st_ino;
}

/* What an entry of the slot says is made whole; one that is not is passed over. */
static gboolean finish(KvpEdit *edit, GError **error)
{
	gsize len, image_len;
	g_autofree guint8 *slot = read_part(
		edit, kvp_journal_offset(edit->pool->number), KVP_JOURNAL_SLOT, &len, error);
	g_autofree guint8 *image = NULL;
	KvpJournalEntry entry;

	if (!slot)
		return FALSE;
	if (!kvp_journal_find(slot, len, &entry) || !is_about(&entry, edit))
		return TRUE;
	if (entry.op == KVP_JOURNAL_BATCH) {
		image = read_part(edit, entry.image_at, entry.image_len, &image_len, error);
		if (!image)
			return FALSE;
		edit->has_image = TRUE;
		if (image_len < entry.image_len || !kvp_journal_is_whole(slot, len, &entry, image))
			return TRUE;
		entry.image = image;
	}
	return kvp_edit_finish(edit, &entry, error);
}

static gboolean look_for_journal(KvpEdit *edit, GError **error)
{
	KvpWatch *watch = edit->pool->watch;
	guint64 names = watch ? kvp_watch_names(watch) : 0;
	g_autoptr(GError) failed = NULL;

	edit->journal = open_journal(edit->pool, O_RDWR, &failed);
	if (failed) {
		g_propagate_error(error, g_steal_pointer(&failed));
		return FALSE;
	}
	if (edit->journal < 0 && errno == ENOENT && watch)
		kvp_watch_no_journal(watch, names);
	return TRUE;
}

/* Mostly there is none, and most often that is known. */
static gboolean lacks_journal(const KvpEdit *edit)
{
	return edit->pool->watch && kvp_watch_lacks_journal(edit->pool->watch);
}

gboolean kvp_edit_open_journal(KvpEdit *edit, GError **error)
{
	return edit->journal >= 0 || lacks_journal(edit) || look_for_journal(edit, error);
}

/* With the locks, and having seen what has happened: TRUE where somebody has made one since. */
static gboolean journal_came(const KvpEdit *edit)
{
	struct stat st;

	if (edit->journal >= 0 || (edit->known && lacks_journal(edit)))
		return FALSE;
	return lstat(edit->pool->journal_path, &st) == 0;
}

gboolean kvp_edit_recover(KvpEdit *edit, GError **error)
{
	KvpJournalState state;

	if (journal_came(edit) && !look_for_journal(edit, error))
		return FALSE;
	if (edit->journal < 0)
		return TRUE;
	state = read_state(edit->journal, edit->pool->number);
	edit->number = state.last;
	if (state.last == state.done)
		return TRUE;
	edit->known = NULL; /* whatever is known of the file, it changes now */
	if (!finish(edit, error) || !kvp_edit_sync(edit, error) || !kvp_edit_log_done(edit, error))
		return FALSE;
	g_atomic_int_set(&edit->pool->is_repaired, TRUE);
	return TRUE;
}

gboolean kvp_pool_was_repaired(KvpPool *pool)
{
	return g_atomic_int_compare_and_exchange(&pool->is_repaired, TRUE, FALSE);
}
