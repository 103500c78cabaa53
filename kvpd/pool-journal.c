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

static int open_journal(const KvpPool *pool, int flags)
{
	hvis_autofd int fd =
		open(pool->journal_path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return -1;
	return hvis_fd_steal(&fd);
}

/* It belongs to whom the pool belongs, or the daemon could not go on with what hvctl began. */
static int make_journal(const KvpEdit *edit)
{
	int fd = open_journal(edit->pool, O_RDWR | O_CREAT);
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
	hvis_autofd int fd = open_journal(pool, O_RDONLY);
	KvpJournalState state;

	if (fd < 0)
		return FALSE;
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

/* A change that has begun with a journal stays with it; a new one goes without. */
static gboolean log_failed(
	KvpEdit *edit, const KvpJournalEntry *entry, GError *failed, GError **error)
{
	gboolean is_new = entry->op == KVP_JOURNAL_REPLACE || entry->is_first;

	if (is_new && kvp_edit_log_done(edit, NULL)) {
		g_debug("a change without a journal: %s", failed->message);
		hvis_fd_clear(&edit->journal);
		return TRUE;
	}
	g_propagate_error(error, g_error_copy(failed));
	return FALSE;
}

gboolean kvp_edit_log(KvpEdit *edit, KvpJournalEntry *entry, GError **error)
{
	g_autofree guint8 *data = g_malloc(2 * entry->count * RECORD);
	g_autoptr(GError) failed = NULL;
	guint8 header[KVP_JOURNAL_HEADER];
	struct stat st;

	if (edit->is_unlogged)
		hvis_fd_clear(&edit->journal);
	if (edit->is_unlogged ||
		(edit->journal < 0 && entry->op == KVP_JOURNAL_DELETE && !entry->is_first))
		return TRUE; /* it went without so far */
	if (edit->journal < 0)
		edit->journal = make_journal(edit);
	if (edit->journal < 0)
		return TRUE;
	if (fstat(edit->fd, &st) < 0)
		return hvis_fail_errno(error, errno, "stat %s", edit->pool->path);
	entry->number = ++edit->number;
	entry->pool = edit->pool->number;
	entry->ino = st.st_ino;
	kvp_journal_encode(entry, header, data);
	if (write_journal(edit, kvp_journal_data_offset(entry->number), data,
		    2 * entry->count * RECORD, &failed) &&
		write_journal(edit, kvp_journal_header_offset(entry->number), header,
			sizeof(header), &failed) &&
		sync_journal(edit, &failed))
		return TRUE;
	return log_failed(edit, entry, failed, error);
}

gboolean kvp_edit_log_done(KvpEdit *edit, GError **error)
{
	guint8 sector[KVP_JOURNAL_SECTOR];

	if (edit->journal < 0)
		return TRUE;
	kvp_journal_encode_done(edit->number, sector);
	return write_journal(edit, 0, sector, sizeof(sector), error) && sync_journal(edit, error);
}

/* --- finishing --- */

static guint8 *read_slot(const KvpEdit *edit, gsize *ret_len)
{
	g_autofree guint8 *slot = g_malloc0(KVP_JOURNAL_SLOT);
	off_t offset = (off_t)kvp_journal_offset(edit->pool->number);
	gsize len = 0;

	while (len < KVP_JOURNAL_SLOT) {
		ssize_t n = pread(
			edit->journal, slot + len, KVP_JOURNAL_SLOT - len, offset + (off_t)len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (gsize)n;
	}
	*ret_len = len;
	return g_steal_pointer(&slot);
}

static gboolean is_about(const KvpJournalEntry *entry, const KvpEdit *edit)
{
	struct stat st;

	return entry->pool == edit->pool->number && fstat(edit->fd, &st) == 0 &&
	       entry->ino == st.st_ino;
}

gboolean kvp_edit_recover(KvpEdit *edit, GError **error)
{
	g_autofree guint8 *slot = NULL;
	KvpJournalState state;
	KvpJournalEntry entry;
	gsize len;

	edit->journal = open_journal(edit->pool, O_RDWR);
	if (edit->journal < 0)
		return TRUE;
	state = read_state(edit->journal, edit->pool->number);
	edit->number = state.last;
	if (state.last == state.done)
		return TRUE;
	slot = read_slot(edit, &len);
	edit->before = 0; /* whatever is known of the file, it changes now */
	if (kvp_journal_find(slot, len, &entry) && is_about(&entry, edit) &&
		!kvp_edit_finish(edit, &entry, error))
		return FALSE;
	return kvp_edit_sync(edit, error) && kvp_edit_log_done(edit, error);
}
