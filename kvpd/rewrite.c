/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * First the file grows by records of zeros, which nobody takes for any, so that what others append lies behind
 * all that is ours until we are done with it; then the records are written; then the journal is done with; and
 * what is too long, zeros by then, is cut off.
 */
#include "config.h"

#include "kvpd/rewrite.h"

#include <string.h>

#include <hvis/kvp.h>
#include <util/error.h>

#include "kvpd/delta.h"
#include "kvpd/pool-private.h"

#define RUN_MAX (1024u * 1024u) /* bytes of a write */

static_assert(KVP_JOURNAL_PLACES >= KVP_POOL_RECORDS_MAX, "an image takes a whole pool");

/* A change of a whole file on its way. */
typedef struct {
	KvpEdit *edit;
	const guint8 *to; /* up to the longer of the two, zeros behind the end */
	gsize to_len;
	GArray *delta; /* of KvpDeltaItem */
	guint from_count, to_count; /* whole records */
} Become;

static const KvpDeltaItem *item_at(const GArray *delta, guint i)
{
	return &g_array_index(delta, KvpDeltaItem, i);
}

/* --- forth --- */

static gboolean log_delta(const Become *b, GError **error)
{
	g_autoptr(GByteArray) image = kvp_delta_encode(b->delta);
	KvpJournalEntry entry = { .op = KVP_JOURNAL_BATCH,
		.count = b->to_count,
		.end = b->from_count,
		.image = image->data,
		.image_len = image->len };

	return kvp_edit_log(b->edit, &entry, error);
}

/* A torn tail goes where records come or go behind it. */
static gboolean make_room(const Become *b, GError **error)
{
	gsize whole = b->from_count * RECORD;

	if (b->to_len == b->edit->size)
		return TRUE;
	if (b->edit->size != whole && !kvp_edit_truncate(b->edit, whole, error))
		return FALSE;
	if (b->to_count <= b->from_count)
		return TRUE;
	return kvp_edit_truncate(b->edit, b->to_count * RECORD, error) &&
	       kvp_edit_sync(b->edit, error);
}

/* How many items from @first on lie side by side. */
static guint run_of(const GArray *delta, guint first)
{
	guint place = item_at(delta, first)->place, n = 1;

	while (first + n < delta->len && (n + 1) * RECORD <= RUN_MAX &&
		item_at(delta, first + n)->place == place + n)
		n++;
	return n;
}

static gboolean write_delta(const Become *b, GError **error)
{
	for (guint i = 0, n; i < b->delta->len; i += n) {
		gsize at = item_at(b->delta, i)->place * RECORD;

		n = run_of(b->delta, i);
		if (!kvp_edit_write(b->edit, at, b->to + at, n * RECORD, error))
			return FALSE;
	}
	return TRUE;
}

/* --- and back --- */

static gboolean write_old_records(const Become *b)
{
	for (guint i = b->delta->len; i > 0; i--) {
		gsize at = item_at(b->delta, i - 1)->place * RECORD;

		if (at < b->from_count * RECORD &&
			!kvp_edit_undo(b->edit, at, b->edit->bytes + at, RECORD))
			return FALSE;
	}
	return TRUE;
}

/* What make_room() has done. */
static gboolean restore_end(const Become *b)
{
	g_autoptr(GError) failed = NULL;
	gsize whole = b->from_count * RECORD;

	if (b->to_len == b->edit->size)
		return TRUE;
	if (!kvp_edit_truncate(b->edit, whole, &failed)) {
		g_debug("roll back: %s", failed->message);
		return FALSE;
	}
	return b->edit->size == whole ||
	       kvp_edit_undo(b->edit, whole, b->edit->bytes + whole, b->edit->size - whole);
}

/*
 * From memory, which has the whole file; what cannot be written back is left to who finishes it. He goes by
 * how the file ends: while it is longer, what is new of it is made whole, so that goes last.
 */
static void undo(const Become *b)
{
	if (write_old_records(b) && restore_end(b))
		kvp_edit_log_done(b->edit, NULL);
}

/*
 * The change is made, and nothing of this is a reason to undo it: without the journal's help, for what it says
 * may have been written before that failed. An entry that stays is done with by the next of us, and nobody takes
 * zeros at the end for records.
 */
static void end_change(const Become *b)
{
	g_autoptr(GError) failed = NULL;

	if (!kvp_edit_log_done(b->edit, &failed) ||
		(b->to_count < b->from_count && !kvp_edit_truncate(b->edit, b->to_len, &failed)))
		g_debug("%s", failed->message);
}

static gboolean become(Become *b, GError **error)
{
	KvpEdit *edit = b->edit;

	if (b->delta->len == 0)
		return b->to_len == edit->size || kvp_edit_truncate(edit, b->to_len, error);
	if (!log_delta(b, error))
		return FALSE;
	if (make_room(b, error) && write_delta(b, error) && kvp_edit_sync(edit, error)) {
		end_change(b);
		return TRUE;
	}
	undo(b);
	return FALSE;
}

gboolean kvp_edit_become(KvpEdit *edit, GByteArray *to, GError **error)
{
	Become b = { .edit = edit,
		.to_len = to->len,
		.from_count = edit->count,
		.to_count = (guint)(to->len / RECORD) };
	gboolean done;

	if (b.to_count < b.from_count) {
		g_byte_array_set_size(to, (guint)(b.from_count * RECORD));
		memset(to->data + b.to_len, 0, to->len - b.to_len);
	}
	b.to = to->data;
	b.delta = kvp_delta_new(edit->bytes, b.from_count, to->data, b.to_count);
	done = become(&b, error);
	g_array_unref(b.delta);
	g_byte_array_set_size(to, (guint)b.to_len);
	return done;
}

/* --- finishing what somebody has begun --- */

typedef struct {
	gboolean is_begun; /* something of it was written */
	gboolean is_moved; /* another program has put other records there */
} Tally;

/* What another program has set in place keeps its key, and stays. */
static gboolean has_key_of(const KvpDeltaItem *item, const guint8 *record)
{
	return memcmp(record, item->old[0], BLOCK) == 0 || memcmp(record, item->new[0], BLOCK) == 0;
}

static Tally tally(const KvpEdit *edit, const GArray *delta)
{
	Tally tally = { 0 };

	for (guint i = 0; i < delta->len; i++) {
		const KvpDeltaItem *item = item_at(delta, i);
		const guint8 *record = edit->bytes + item->place * RECORD;

		if (item->place >= edit->count) {
			tally.is_moved = TRUE;
			break;
		}
		switch (kvp_delta_compare(item, record)) {
		case KVP_DELTA_NEW:
		case KVP_DELTA_MIXED:
			tally.is_begun = TRUE;
			break;
		case KVP_DELTA_FOREIGN:
			tally.is_moved = tally.is_moved || !has_key_of(item, record);
			break;
		case KVP_DELTA_OLD:
			break;
		}
	}
	return tally;
}

static gboolean write_item(
	const KvpEdit *edit, guint place, const KvpDeltaItem *item, GError **error)
{
	struct hvis_kvp_record record;

	kvp_delta_fill(item, &record);
	return kvp_edit_write(edit, place * RECORD, &record, RECORD, error);
}

static gboolean go_forward(const KvpEdit *edit, const GArray *delta, GError **error)
{
	for (guint i = 0; i < delta->len; i++) {
		const KvpDeltaItem *item = item_at(delta, i);
		KvpDeltaFound found = kvp_delta_compare(item, edit->bytes + item->place * RECORD);

		if ((found == KVP_DELTA_OLD || found == KVP_DELTA_MIXED) &&
			!write_item(edit, item->place, item, error))
			return FALSE;
	}
	return TRUE;
}

/* --- where another program has moved the records --- */

#define ALIKE_MAX 64u /* ours: items of one key that a record is held against */

static guint hash_of(gconstpointer block)
{
	guint32 hash = 2166136261u; /* FNV-1a */

	for (guint i = 0; i < BLOCK; i++)
		hash = (hash ^ ((const guint8 *)block)[i]) * 16777619u;
	return hash;
}

static gboolean same_block(gconstpointer a, gconstpointer b)
{
	return memcmp(a, b, BLOCK) == 0;
}

static void index_item(GHashTable *by_key, const guint8 *key, const KvpDeltaItem *item)
{
	GPtrArray *items = g_hash_table_lookup(by_key, key);

	if (!items) {
		items = g_ptr_array_new();
		g_hash_table_insert(by_key, (gpointer)(guintptr)key, items);
	}
	if (items->len < ALIKE_MAX)
		g_ptr_array_add(items, (gpointer)(guintptr)item);
}

/* Items by the key block that a record of theirs may have. */
static GHashTable *index_delta(const GArray *delta)
{
	GHashTable *by_key =
		g_hash_table_new_full(hash_of, same_block, NULL, (GDestroyNotify)g_ptr_array_unref);

	for (guint i = 0; i < delta->len; i++) {
		const KvpDeltaItem *item = item_at(delta, i);

		index_item(by_key, item->old[0], item);
		if (!same_block(item->old[0], item->new[0]))
			index_item(by_key, item->new[0], item);
	}
	return by_key;
}

/* The item that @record is half of; NULL where it is whole. */
static const KvpDeltaItem *half_of(const GPtrArray *items, const guint8 *record)
{
	const KvpDeltaItem *half = NULL;

	for (guint i = 0; items && i < items->len; i++) {
		KvpDeltaFound found = kvp_delta_compare(items->pdata[i], record);

		if (found == KVP_DELTA_OLD || found == KVP_DELTA_NEW)
			return NULL;
		if (found == KVP_DELTA_MIXED && !half)
			half = items->pdata[i];
	}
	return half;
}

/* What is half old and half new is made new, wherever it is; all else is left as that program had it. */
static gboolean mend_halves(const KvpEdit *edit, const GArray *delta, GError **error)
{
	g_autoptr(GHashTable) by_key = index_delta(delta);

	for (guint place = 0; place < edit->count; place++) {
		const guint8 *record = edit->bytes + place * RECORD;
		const KvpDeltaItem *half = half_of(g_hash_table_lookup(by_key, record), record);

		if (half && !write_item(edit, place, half, error))
			return FALSE;
	}
	return TRUE;
}

/* --- what is too long --- */

typedef struct {
	const GByteArray *bytes;
	guint from, end; /* places where only zeros are to be left */
} Cut;

static gboolean is_cleared(guint place, gpointer data)
{
	static const guint8 none[RECORD];
	const Cut *cut = data;

	return place >= cut->from && place < cut->end &&
	       memcmp(cut->bytes->data + place * RECORD, none, RECORD) == 0;
}

/* The records that went are zeros, and behind them may be some that others have appended since. */
static gboolean close_gap(KvpEdit *edit, const KvpJournalEntry *entry, GError **error)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();
	Cut cut = { bytes, entry->count, entry->end };

	if (entry->count >= entry->end)
		return TRUE;
	if (!kvp_edit_read(edit, error))
		return FALSE;
	g_byte_array_append(bytes, edit->bytes, (guint)edit->size);
	kvp_bytes_remove(bytes, is_cleared, &cut);
	return kvp_edit_become(edit, bytes, error);
}

gboolean kvp_edit_finish_batch(KvpEdit *edit, const KvpJournalEntry *entry, GError **error)
{
	g_autoptr(GArray) delta =
		kvp_delta_decode(entry->image, entry->image_len, MAX(entry->count, entry->end));
	Tally now;

	if (!delta)
		return TRUE;
	now = tally(edit, delta);
	if (now.is_moved)
		return mend_halves(edit, delta, error);
	if (!now.is_begun)
		return TRUE;
	return go_forward(edit, delta, error) && kvp_edit_sync(edit, error) &&
	       kvp_edit_log_done(edit, error) && close_gap(edit, entry, error);
}

/* --- the doors --- */

static GByteArray *copy_of(const KvpEdit *edit)
{
	GByteArray *bytes = g_byte_array_sized_new((guint)edit->size);

	g_byte_array_append(bytes, edit->bytes, (guint)edit->size);
	return bytes;
}

/* Write @bytes, and say what the file holds then. */
static gboolean replace_all(KvpEdit *edit, GByteArray *bytes, KvpView *ret, GError **error)
{
	g_auto(KvpView) view = { 0 };

	if (!kvp_edit_become(edit, bytes, error))
		return FALSE;
	if (ret)
		view.records = kvp_records_parse(bytes->data, bytes->len);
	if (!kvp_edit_commit(edit, &view, error))
		return FALSE;
	if (ret) {
		*ret = view;
		view = (KvpView){ 0 };
	}
	return TRUE;
}

gboolean kvp_pool_rewrite(
	KvpPool *pool, KvpRewriteEdit edit_bytes, gpointer data, KvpView *ret, GError **error)
{
	g_auto(KvpEdit) edit = KVP_EDIT_INIT;
	g_autoptr(GByteArray) bytes = NULL;

	if (!kvp_edit_begin(pool, NULL, &edit, error) || !kvp_edit_read(&edit, error))
		return FALSE;
	bytes = copy_of(&edit);
	return edit_bytes(bytes, data, error) && replace_all(&edit, bytes, ret, error);
}

static gboolean apply(
	GByteArray *bytes, guint max, KvpBatch *before, KvpBatch *batch, GError **error)
{
	g_autoptr(KvpSheet) sheet = kvp_sheet_new(bytes, max);

	return (!before || kvp_sheet_apply(sheet, before, error)) &&
	       kvp_sheet_apply(sheet, batch, error);
}

gboolean kvp_pool_batch(
	KvpPool *pool, KvpBatch *before, KvpBatch *batch, KvpView *ret, GError **error)
{
	guint max = (guint)g_atomic_int_get(&pool->max_records);
	g_auto(KvpEdit) edit = KVP_EDIT_INIT;
	g_autoptr(GByteArray) bytes = NULL;

	if (!kvp_edit_begin(pool, NULL, &edit, error) || !kvp_edit_read(&edit, error))
		return FALSE;
	bytes = copy_of(&edit);
	if (!apply(bytes, max, before, batch, error))
		return FALSE;
	return batch->dry_run || replace_all(&edit, bytes, ret, error);
}
