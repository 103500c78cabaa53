/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Changing a pool file in place. A change is one critical section: open, both locks, read what is
 * not known, write what differs, unlock; only the last fsync comes after it, so that nobody waits
 * for our disk. Where a write fails, what it overwrote is written back.
 */
#include "config.h"

#include "kvpd/pool-private.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <util/error.h>
#include <util/fd.h>

#include "kvpd/lock.h"

static void edit_end(KvpEdit *edit, KvpView *ret)
{
	struct stat st;

	if (!edit->is_begun)
		return;
	edit->is_begun = FALSE;
	if (edit->pool->watch)
		ret->generation = kvp_watch_end(edit->pool->watch, edit->pool->number);
	if (fstat(edit->fd, &st) == 0)
		ret->stamp = hvis_file_stamp_of(&st);
	else
		ret->generation = 0;
}

void kvp_edit_clear(KvpEdit *edit)
{
	KvpView nobody = { 0 };

	edit_end(edit, &nobody);
	hvis_fd_clear(&edit->fd);
	hvis_fd_clear(&edit->journal);
	g_clear_pointer(&edit->records, kvp_records_unref);
	g_clear_pointer(&edit->bytes, g_free);
}

gboolean kvp_edit_read(KvpEdit *edit, GError **error)
{
	gsize len;

	g_clear_pointer(&edit->bytes, g_free);
	edit->bytes = kvp_pool_read_all(edit->fd, (KVP_POOL_RECORDS_MAX + 1) * RECORD, &len, error);
	if (!edit->bytes) {
		g_prefix_error(error, "%s: ", edit->pool->path);
		return FALSE;
	}
	edit->size = len;
	edit->count = (guint)(len / RECORD);
	if (edit->count > KVP_POOL_RECORDS_MAX)
		return hvis_fail(error, HVIS_ERROR_NO_SPACE, "%s has more than %u records",
			edit->pool->path, KVP_POOL_RECORDS_MAX);
	return TRUE;
}

/* What the file holds, from memory where it is known. */
static gboolean edit_learn(KvpEdit *edit, GError **error)
{
	if (edit->known) {
		edit->records = kvp_records_ref(edit->known->records);
		return TRUE;
	}
	if (!kvp_edit_read(edit, error))
		return FALSE;
	edit->records = kvp_records_parse(edit->bytes, edit->size);
	return TRUE;
}

static gboolean edit_lock(KvpEdit *edit, const KvpView *known, struct stat *st, GError **error)
{
	KvpPool *pool = edit->pool;
	guint64 generation = 0;
	HvisFileStamp stamp;

	edit->fd = kvp_pool_open_locked(pool, error);
	if (edit->fd < 0)
		return FALSE;
	if (pool->watch)
		generation = kvp_watch_begin(pool->watch, pool->number);
	edit->is_begun = TRUE;
	if (!kvp_pool_stat_own(pool, edit->fd, st, error))
		return FALSE;
	edit->size = (gsize)st->st_size;
	edit->count = (guint)(edit->size / RECORD);
	stamp = hvis_file_stamp_of(st);
	if (generation && edit->size < (KVP_POOL_RECORDS_MAX + 1) * RECORD &&
		kvp_view_is_known(known, &stamp, generation))
		edit->known = known;
	return TRUE;
}

/*
 * A file that is known is in its place, too: the watch has seen nothing happen to either. The journal comes first: who
 * finds no descriptor for it has not touched the pool, and what is known of that stays known.
 */
gboolean kvp_edit_begin(KvpPool *pool, const KvpView *known, KvpEdit *edit, GError **error)
{
	edit->pool = pool;
	if (pool->watch)
		kvp_watch_prepare(pool->watch, pool->number);
	for (int i = 0; i < KVP_POOL_REOPEN_MAX; i++) {
		struct stat st;

		if (!kvp_edit_open_journal(edit, error) || !edit_lock(edit, known, &st, error))
			return FALSE;
		if (edit->known || kvp_pool_is_at_path(pool, &st))
			return kvp_edit_recover(edit, error);
		kvp_edit_clear(edit);
	}
	return kvp_pool_fail_replaced(pool, error) >= 0;
}

gboolean kvp_edit_sync(const KvpEdit *edit, GError **error)
{
	if (g_atomic_int_get(&edit->pool->sync) != KVP_SYNC_ALWAYS)
		return TRUE;
	return kvp_pool_fsync(edit->pool, edit->fd, edit->pool->path, error);
}

gboolean kvp_edit_commit(KvpEdit *edit, KvpView *ret, GError **error)
{
	edit_end(edit, ret);
	kvp_unlock(edit->fd);
	return kvp_edit_sync(edit, error);
}

gboolean kvp_edit_write(const KvpEdit *edit, gsize at, const void *data, gsize len, GError **error)
{
	return kvp_pool_pwrite(edit->pool, edit->fd, edit->pool->path, at, data, len, error);
}

gboolean kvp_edit_truncate(const KvpEdit *edit, gsize size, GError **error)
{
	int ret;

	do
		ret = edit->pool->ops->ftruncate(edit->fd, (off_t)size);
	while (ret < 0 && errno == EINTR);
	if (ret < 0)
		return hvis_fail_errno(error, errno, "truncate %s", edit->pool->path);
	return TRUE;
}

gboolean kvp_edit_undo(const KvpEdit *edit, gsize at, const void *old, gsize len)
{
	g_autoptr(GError) failed = NULL;

	if (kvp_edit_write(edit, at, old, len, &failed))
		return TRUE;
	g_debug("roll back: %s", failed->message);
	return FALSE;
}

static void undo_size(const KvpEdit *edit, gsize size)
{
	g_autoptr(GError) failed = NULL;

	if (!kvp_edit_truncate(edit, size, &failed))
		g_debug("roll back: %s", failed->message);
}

/* --- one record --- */

gboolean kvp_pool_check(const char *key, const char *value, GError **error)
{
	gsize key_len = strlen(key), value_len = value ? strlen(value) : 0;

	if (key_len == 0)
		return hvis_fail(error, HVIS_ERROR_INVALID, "the key is empty");
	if (!value)
		return TRUE; /* a key that is no UTF-8 is shown longer than it is */
	if (key_len >= HVIS_KVP_KEY_MAX)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"the key takes %zu bytes of UTF-8, a record holds %u", key_len,
			HVIS_KVP_KEY_MAX - 1);
	if (value_len >= HVIS_KVP_VALUE_MAX)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"the value takes %zu bytes of UTF-8, a record holds %u", value_len,
			HVIS_KVP_VALUE_MAX - 1);
	return TRUE;
}

/* In the journal first: a write of several blocks may end, or come to the disk, after any of them. */
static gboolean replace_blocks(KvpEdit *edit, guint place, const guint8 *old, const guint8 *new,
	gsize first, gsize end, GError **error)
{
	KvpJournalEntry entry = {
		.op = KVP_JOURNAL_REPLACE, .place = place, .count = 1, .old = old, .new = new
	};
	gsize at = place * RECORD + first;

	if (!kvp_edit_log(edit, &entry, error))
		return FALSE;
	if (kvp_edit_write(edit, at, new + first, end - first, error) &&
		kvp_edit_sync(edit, error)) {
		kvp_edit_log_done(
			edit, NULL); /* or the next of us does: this is no reason to undo it */
		return TRUE;
	}
	if (kvp_edit_undo(edit, at, old + first, end - first))
		kvp_edit_log_done(edit, NULL);
	return FALSE;
}

/* Only the blocks that differ: with a short value that is one, and none that can be torn. */
static gboolean replace(
	KvpEdit *edit, guint place, const struct hvis_kvp_record *record, GError **error)
{
	const guint8 *new = (const guint8 *)record;
	guint8 old[RECORD];
	gsize at = place * RECORD, first = 0, end = RECORD;

	if (!hvis_pread_all(edit->fd, old, RECORD, (off_t)at, error)) {
		g_prefix_error(error, "%s: ", edit->pool->path);
		return FALSE;
	}
	while (first < end && memcmp(old + first, new + first, BLOCK) == 0)
		first += BLOCK;
	while (end > first && memcmp(old + end - BLOCK, new + end - BLOCK, BLOCK) == 0)
		end -= BLOCK;
	if (end - first > BLOCK)
		return replace_blocks(edit, place, old, new, first, end, error);
	if (kvp_edit_write(edit, at + first, new + first, end - first, error))
		return TRUE;
	kvp_edit_undo(edit, at + first, old + first, end - first);
	return FALSE;
}

/* A record that nobody has finished writing: no key yet, so nobody has seen it. */
static gboolean is_blank(const KvpEdit *edit, guint place)
{
	static const guint8 zero[HVIS_KVP_KEY_MAX];
	guint8 key[HVIS_KVP_KEY_MAX];
	guint n = kvp_records_count(edit->records);

	if (n > 0 && kvp_records_place(edit->records, n - 1) == place)
		return FALSE;
	return hvis_pread_all(edit->fd, key, sizeof(key), (off_t)(place * RECORD), NULL) &&
	       memcmp(key, zero, sizeof(key)) == 0;
}

/* First the room, then the value, then the key, which makes a record of them. */
static gboolean append(
	KvpEdit *edit, const struct hvis_kvp_record *record, guint *ret_place, GError **error)
{
	guint place = edit->count, max = (guint)g_atomic_int_get(&edit->pool->max_records);
	gsize at;

	while (place > 0 && is_blank(edit, place - 1))
		place--;
	if (place >= max)
		return hvis_fail(error, HVIS_ERROR_NO_SPACE, "%s is full: %u records",
			edit->pool->path, max);
	at = place * RECORD;
	*ret_place = place;
	if (edit->size > at && !kvp_edit_truncate(edit, at, error))
		return FALSE;
	if (kvp_edit_truncate(edit, at + RECORD, error) &&
		kvp_edit_write(
			edit, at + HVIS_KVP_KEY_MAX, record->value, HVIS_KVP_VALUE_MAX, error) &&
		kvp_edit_sync(edit, error) &&
		kvp_edit_write(edit, at, record->key, HVIS_KVP_KEY_MAX, error))
		return TRUE;
	undo_size(edit, at);
	return FALSE;
}

static gboolean set(
	KvpEdit *edit, const struct hvis_kvp_record *record, KvpOutcome *ret, GError **error)
{
	ret->replaced = kvp_records_find(edit->records, record->key, &ret->index);
	if (ret->replaced)
		return replace(edit, kvp_records_place(edit->records, ret->index), record, error);
	return append(edit, record, &ret->place, error);
}

/* --- the door --- */

gboolean kvp_pool_change(KvpPool *pool, const char *key, const char *value, const KvpView *known,
	KvpOutcome *ret, GError **error)
{
	g_auto(KvpEdit) edit = KVP_EDIT_INIT;
	struct hvis_kvp_record record = { 0 };
	KvpOutcome outcome = { 0 };
	gboolean done;

	if (!kvp_pool_check(key, value, error))
		return FALSE;
	if (value) {
		strcpy(record.key, key);
		strcpy(record.value, value);
	}
	if (!kvp_edit_begin(pool, known, &edit, error) || !edit_learn(&edit, error))
		return FALSE;
	done = value ? set(&edit, &record, &outcome, error) : kvp_edit_delete(&edit, key, error);
	if (!done || !kvp_edit_commit(&edit, &outcome.view, error))
		return FALSE;
	outcome.view.records = g_steal_pointer(&edit.records);
	*ret = outcome;
	return TRUE;
}

gboolean kvp_pool_finish(KvpPool *pool, GError **error)
{
	g_auto(KvpEdit) edit = KVP_EDIT_INIT;

	return !kvp_pool_is_unfinished(pool) || kvp_edit_begin(pool, NULL, &edit, error);
}

void kvp_outcome_apply(KvpOutcome *outcome, const char *key, const char *value)
{
	KvpRecords *records = g_steal_pointer(&outcome->view.records);

	if (!value)
		records = kvp_records_removed(records, key);
	else if (outcome->replaced)
		records = kvp_records_replaced(records, outcome->index, value);
	else
		records = kvp_records_appended(records, outcome->place, key, value);
	outcome->view.records = records;
}

gboolean kvp_pool_set(
	KvpPool *pool, const char *key, const char *value, gboolean *ret_replaced, GError **error)
{
	KvpOutcome outcome;

	if (!kvp_pool_change(pool, key, value, NULL, &outcome, error))
		return FALSE;
	if (ret_replaced)
		*ret_replaced = outcome.replaced;
	kvp_view_clear(&outcome.view);
	return TRUE;
}

gboolean kvp_pool_delete(KvpPool *pool, const char *key, GError **error)
{
	KvpOutcome outcome;

	if (!kvp_pool_change(pool, key, NULL, NULL, &outcome, error))
		return FALSE;
	kvp_view_clear(&outcome.view);
	return TRUE;
}
