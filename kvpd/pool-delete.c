/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Deleting records, which moves those behind them to the front, as many at a time as an entry of the
 * journal holds. A file is cut off only when the journal is done with: what is left at its end loses
 * its keys before, so that nobody mistakes what others append for it.
 */
#include "config.h"

#include "kvpd/pool-private.h"

#include <string.h>

#include <util/error.h>

/* How far a deletion has come. */
typedef struct {
	const char *key;
	guint first; /* record that changes */
	guint to, from; /* the next record to write over, and to move there */
	guint end; /* records from here on stay, whatever their key is */
	gboolean is_first; /* nothing was moved yet */
	gboolean was_whole; /* not what somebody else has begun */
} Move;

/*
 * Others may leave anything behind the NUL, so only the text is compared; and anything before it, so
 * a key that is no UTF-8 goes by what kvp_pool_read() shows of it, or nobody could delete it.
 */
static gboolean has_key(const KvpEdit *edit, guint place, const char *key)
{
	const char *field = (const char *)edit->bytes + place * RECORD;
	gsize len = strnlen(field, HVIS_KVP_KEY_MAX);
	g_autofree char *shown = NULL;

	if (g_utf8_validate_len(field, len, NULL))
		return len == strlen(key) && memcmp(field, key, len) == 0;
	shown = g_utf8_make_valid(field, (gssize)len);
	return g_str_equal(shown, key);
}

/* The next records that stay, copied to @batch; how many. */
static guint take_batch(const KvpEdit *edit, Move *move, guint8 *batch)
{
	guint n = 0;

	for (; move->from < edit->count && n < KVP_JOURNAL_RECORDS; move->from++) {
		if (move->from < move->end && has_key(edit, move->from, move->key))
			continue;
		memcpy(batch + n++ * RECORD, edit->bytes + move->from * RECORD, RECORD);
	}
	return n;
}

/*
 * Put the records up to @end back, downwards: each is still whole in the place below when its own is
 * written. With a journal what earlier batches moved is left to who finishes them.
 */
static void undo(KvpEdit *edit, const Move *move, guint end)
{
	if (edit->journal >= 0 && !move->is_first)
		return;
	for (guint i = end; i > move->first; i--) {
		if (!kvp_edit_undo(edit, (i - 1) * RECORD, edit->bytes + (i - 1) * RECORD, RECORD))
			return;
	}
	kvp_edit_log_done(edit, NULL);
}

static gboolean move_batch(
	KvpEdit *edit, const Move *move, const guint8 *batch, guint n, GError **error)
{
	KvpJournalEntry entry = { .op = KVP_JOURNAL_DELETE,
		.place = move->to,
		.count = n,
		.from = move->from,
		.end = move->end,
		.is_first = move->is_first,
		.old = edit->bytes + move->to * RECORD,
		.new = batch };

	g_strlcpy(entry.key, move->key, sizeof(entry.key));
	if (!kvp_edit_log(edit, &entry, error))
		return FALSE;
	if (kvp_edit_write(edit, move->to * RECORD, batch, n * RECORD, error) &&
		kvp_edit_sync(edit, error))
		return TRUE;
	undo(edit, move, move->to + n);
	return FALSE;
}

/*
 * What is behind the last record that stays: without a key each, done with the journal, cut off. Without keys
 * they are gone; what fails from there on is no reason to undo it, for which there is no journal any more.
 */
static gboolean cut_off(KvpEdit *edit, guint count, gboolean was_moved, GError **error)
{
	static const guint8 none[HVIS_KVP_KEY_MAX];

	if (!was_moved || edit->journal < 0)
		return kvp_edit_truncate(edit, count * RECORD, error);
	for (guint i = count; i < edit->count; i++) {
		if (!kvp_edit_write(edit, i * RECORD, none, sizeof(none), error))
			return FALSE;
	}
	if (!kvp_edit_sync(edit, error))
		return FALSE;
	if (kvp_edit_log_done(edit, NULL))
		kvp_edit_truncate(edit, count * RECORD, NULL);
	return TRUE;
}

static gboolean move_all(KvpEdit *edit, Move *move, GError **error)
{
	g_autofree guint8 *batch = g_malloc(KVP_JOURNAL_RECORDS * RECORD);
	guint n, batches = 0;

	for (; (n = take_batch(edit, move, batch)) > 0; batches++) {
		if (!move_batch(edit, move, batch, n, error))
			return FALSE;
		move->to += n;
		move->is_first = FALSE;
	}
	if (cut_off(edit, move->to, !move->is_first, error))
		return TRUE;
	move->is_first = move->was_whole && batches <= 1;
	undo(edit, move, edit->count);
	return FALSE;
}

gboolean kvp_edit_delete(KvpEdit *edit, const char *key, GError **error)
{
	Move move = { .key = key, .is_first = TRUE, .was_whole = TRUE };
	guint index;

	if (!kvp_records_find(edit->records, key, &index))
		return hvis_fail(
			error, HVIS_ERROR_NOT_FOUND, "no key \"%s\" in %s", key, edit->pool->path);
	if (!edit->bytes && !kvp_edit_read(edit, error))
		return FALSE;
	while (move.first < edit->count && !has_key(edit, move.first, key))
		move.first++;
	if (move.first == edit->count) /* written by somebody who takes no locks */
		return hvis_fail(error, HVIS_ERROR_BUSY, "%s changed meanwhile", edit->pool->path);
	edit->is_unlogged = strlen(key) >= HVIS_KVP_KEY_MAX; /* as it is shown: no entry holds it */
	move.to = move.first;
	move.from = move.first + 1;
	move.end = edit->count;
	return move_all(edit, &move, error);
}

/* --- finishing what somebody has begun --- */

typedef enum { OLD, NEW, MIXED, FOREIGN } Found;

/* What @count records are, block by block: those of before, of after, of both, or another's. */
static Found compare(const guint8 *is, const guint8 *old, const guint8 *new, guint count)
{
	gboolean some_old = FALSE, some_new = FALSE;

	for (gsize at = 0; at < count * RECORD; at += BLOCK) {
		gboolean is_old = memcmp(is + at, old + at, BLOCK) == 0;
		gboolean is_new = memcmp(is + at, new + at, BLOCK) == 0;

		if (!is_old && !is_new)
			return FOREIGN;
		some_old |= !is_new;
		some_new |= !is_old;
	}
	if (some_old && some_new)
		return MIXED;
	return some_new ? NEW : OLD;
}

static Found compare_at(const KvpEdit *edit, const KvpJournalEntry *entry, guint place)
{
	if (place + entry->count > edit->count)
		return FOREIGN;
	return compare(edit->bytes + place * RECORD, entry->old, entry->new, entry->count);
}

/* A half-written record is where it was, or wherever another program has moved it since. */
static gboolean finish_replace(KvpEdit *edit, const KvpJournalEntry *entry, GError **error)
{
	guint place = entry->place, found = 0;

	if (compare_at(edit, entry, place) == MIXED)
		return kvp_edit_write(edit, place * RECORD, entry->new, RECORD, error);
	if (compare_at(edit, entry, place) != FOREIGN)
		return TRUE;
	for (guint i = 0; i < edit->count; i++) {
		if (compare_at(edit, entry, i) == MIXED) {
			place = i;
			found++;
		}
	}
	return found != 1 || kvp_edit_write(edit, place * RECORD, entry->new, RECORD, error);
}

/* Where the place holds something else another program has rewritten the pool: nothing is left to do. */
static gboolean finish_delete(KvpEdit *edit, const KvpJournalEntry *entry, GError **error)
{
	Found found = compare_at(edit, entry, entry->place);
	Move move = { .key = entry->key,
		.first = entry->place,
		.to = entry->place + entry->count,
		.from = entry->from,
		.end = entry->end };

	if (found == FOREIGN || (found == OLD && entry->is_first) || entry->end > edit->count)
		return TRUE;
	if (!kvp_edit_write(
		    edit, entry->place * RECORD, entry->new, entry->count * RECORD, error) ||
		!kvp_edit_sync(edit, error))
		return FALSE;
	return move_all(edit, &move, error);
}

gboolean kvp_edit_finish(KvpEdit *edit, const KvpJournalEntry *entry, GError **error)
{
	if (!kvp_edit_read(edit, error))
		return FALSE;
	if (entry->op == KVP_JOURNAL_REPLACE)
		return finish_replace(edit, entry, error);
	if (entry->op == KVP_JOURNAL_BATCH)
		return kvp_edit_finish_batch(edit, entry, error);
	return finish_delete(edit, entry, error);
}
