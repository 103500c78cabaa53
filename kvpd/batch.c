/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A record is added behind the others or replaced where it is; one that is removed is only marked, and all of
 * those go at once in the end, so that places stay what they are until then. The index has the last record of
 * each key, and each record the one before it with the same key.
 */
#include "config.h"

#include "kvpd/batch.h"

#include <string.h>

#include <hvis/kvp.h>
#include <util/error.h>

#define RECORD sizeof(struct hvis_kvp_record)

typedef struct {
	guint before; /* place + 1 of the record before with the same key; 0 = none */
	gboolean is_removed;
} Slot;

struct KvpSheet {
	GByteArray *bytes;
	GArray *slots; /* of Slot, one for each record */
	GHashTable *last; /* key to place + 1 */
	guint max, alive;
};

/* A key goes by what is shown of it, so that what is shown can be changed. */
static char *shown_key(const guint8 *record)
{
	const char *field = (const char *)record;

	return g_utf8_make_valid(field, (gssize)strnlen(field, HVIS_KVP_KEY_MAX));
}

/* Takes @key; an empty one is of a hole, which nobody can ask for. */
static void add_slot(KvpSheet *sheet, char *key)
{
	guint last = GPOINTER_TO_UINT(g_hash_table_lookup(sheet->last, key));
	Slot slot = { .before = *key ? last : 0 };

	g_array_append_val(sheet->slots, slot);
	sheet->alive++;
	if (*key)
		g_hash_table_replace(sheet->last, key, GUINT_TO_POINTER(sheet->slots->len));
	else
		g_free(key);
}

KvpSheet *kvp_sheet_new(GByteArray *bytes, guint max)
{
	KvpSheet *sheet = g_new0(KvpSheet, 1);

	sheet->bytes = bytes;
	sheet->max = max;
	sheet->slots = g_array_new(FALSE, FALSE, sizeof(Slot));
	sheet->last = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	for (gsize at = 0; bytes->len - at >= RECORD; at += RECORD)
		add_slot(sheet, shown_key(bytes->data + at));
	return sheet;
}

static gboolean is_removed(guint place, gpointer data)
{
	KvpSheet *sheet = data;

	return g_array_index(sheet->slots, Slot, place).is_removed;
}

void kvp_sheet_free(KvpSheet *sheet)
{
	if (!sheet)
		return;
	kvp_bytes_remove(sheet->bytes, is_removed, sheet);
	g_array_unref(sheet->slots);
	g_hash_table_unref(sheet->last);
	g_free(sheet);
}

/* --- changes --- */

static void clear(KvpSheet *sheet, KvpBatch *batch)
{
	batch->removed += sheet->alive;
	sheet->alive = 0;
	g_byte_array_set_size(sheet->bytes, 0);
	g_array_set_size(sheet->slots, 0);
	g_hash_table_remove_all(sheet->last);
}

static void remove_key(KvpSheet *sheet, const char *key, KvpBatch *batch)
{
	guint place = GPOINTER_TO_UINT(g_hash_table_lookup(sheet->last, key));

	while (place > 0) {
		Slot *slot = &g_array_index(sheet->slots, Slot, place - 1);

		slot->is_removed = TRUE;
		place = slot->before;
		sheet->alive--;
		batch->removed++;
	}
	g_hash_table_remove(sheet->last, key);
}

/* What nobody has finished writing at the end, a torn record or one without a key yet, gives way. */
static void trim(KvpSheet *sheet)
{
	static const guint8 none[HVIS_KVP_KEY_MAX];
	guint n = sheet->slots->len;

	for (; n > 0; n--) {
		const Slot *slot = &g_array_index(sheet->slots, Slot, n - 1);

		if (!slot->is_removed &&
			memcmp(sheet->bytes->data + (n - 1) * RECORD, none, sizeof(none)) != 0)
			break;
		sheet->alive -= !slot->is_removed;
	}
	g_array_set_size(sheet->slots, n);
	g_byte_array_set_size(sheet->bytes, (guint)(n * RECORD));
}

static gboolean put(KvpSheet *sheet, const KvpChange *change, KvpBatch *batch, GError **error)
{
	guint place = GPOINTER_TO_UINT(g_hash_table_lookup(sheet->last, change->key));
	struct hvis_kvp_record record = { 0 };

	if (strlen(change->key) >= HVIS_KVP_KEY_MAX || strlen(change->value) >= HVIS_KVP_VALUE_MAX)
		return hvis_fail(error, HVIS_ERROR_INVALID, "the text does not fit a record");
	strcpy(record.key, change->key);
	strcpy(record.value, change->value);
	if (place > 0 && !change->append) {
		memcpy(sheet->bytes->data + (place - 1) * RECORD, &record, RECORD);
		batch->replaced++;
		return TRUE;
	}
	trim(sheet);
	if (sheet->alive >= sheet->max)
		return hvis_fail(
			error, HVIS_ERROR_NO_SPACE, "the pool is full: %u records", sheet->max);
	g_byte_array_append(sheet->bytes, (const guint8 *)&record, RECORD);
	add_slot(sheet, g_strdup(change->key));
	batch->added++;
	return TRUE;
}

gboolean kvp_sheet_apply(KvpSheet *sheet, KvpBatch *batch, GError **error)
{
	batch->added = batch->replaced = batch->removed = 0;
	if (batch->clear)
		clear(sheet, batch);
	for (gsize i = 0; i < batch->n; i++) {
		const KvpChange *change = &batch->changes[i];

		if (!change->value)
			remove_key(sheet, change->key, batch);
		else if (!put(sheet, change, batch, error))
			return FALSE;
	}
	return TRUE;
}

guint kvp_bytes_remove(
	GByteArray *bytes, gboolean (*unwanted)(guint place, gpointer data), gpointer data)
{
	guint count = (guint)(bytes->len / RECORD), to = 0;

	for (guint from = 0; from < count; from++) {
		if (unwanted(from, data))
			continue;
		if (to != from)
			memcpy(bytes->data + to * RECORD, bytes->data + from * RECORD, RECORD);
		to++;
	}
	if (to == count)
		return 0;
	g_byte_array_set_size(bytes, (guint)(to * RECORD));
	return count - to;
}
