/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Text lies in large blocks that are only ever added to, so that a string stays where it is and a
 * copy of a list shares its text; what a change leaves behind there is given up, and the whole is
 * written anew when that is more than what lives. Keys are indexed when one is first asked for.
 */
#include "config.h"

#include "kvpd/records.h"

#include <string.h>

#include <hvis/kvp.h>

#define TEXT_BLOCK 4096
#define DEAD_MIN 65536 /* bytes of given-up text that are not worth a thought */

typedef struct {
	gatomicrefcount refs;
	GStringChunk *chunk;
	gsize used, dead; /* bytes */
} Text;

typedef struct {
	const char *key, *value;
	guint place;
} Entry;

struct KvpRecords {
	gatomicrefcount refs;
	Text *text;
	GArray *entries; /* of Entry */
	GMutex lock;
	GHashTable *by_key; /* key to index + 1 of its last record; NULL = not made yet */
};

static Text *text_new(void)
{
	Text *text = g_new0(Text, 1);

	g_atomic_ref_count_init(&text->refs);
	text->chunk = g_string_chunk_new(TEXT_BLOCK);
	return text;
}

static void text_unref(Text *text)
{
	if (!g_atomic_ref_count_dec(&text->refs))
		return;
	g_string_chunk_free(text->chunk);
	g_free(text);
}

static const char *text_add(Text *text, const char *string, gssize len)
{
	gsize n = len < 0 ? strlen(string) : strnlen(string, (gsize)len);
	g_autofree char *valid = NULL;

	if (!g_utf8_validate_len(string, n, NULL)) {
		valid = g_utf8_make_valid(string, (gssize)n);
		string = valid;
		n = strlen(valid);
	}
	text->used += n + 1;
	return g_string_chunk_insert_len(text->chunk, string, (gssize)n);
}

KvpRecords *kvp_records_new(void)
{
	KvpRecords *records = g_new0(KvpRecords, 1);

	g_atomic_ref_count_init(&records->refs);
	g_mutex_init(&records->lock);
	records->text = text_new();
	records->entries = g_array_new(FALSE, FALSE, sizeof(Entry));
	return records;
}

KvpRecords *kvp_records_ref(KvpRecords *records)
{
	g_atomic_ref_count_inc(&records->refs);
	return records;
}

void kvp_records_unref(KvpRecords *records)
{
	if (!records || !g_atomic_ref_count_dec(&records->refs))
		return;
	text_unref(records->text);
	g_array_unref(records->entries);
	g_clear_pointer(&records->by_key, g_hash_table_unref);
	g_mutex_clear(&records->lock);
	g_free(records);
}

static const Entry *entry_at(const KvpRecords *records, guint index)
{
	return &g_array_index(records->entries, Entry, index);
}

static void add_at(KvpRecords *records, guint place, const char *key, gssize key_len,
	const char *value, gssize value_len)
{
	Entry entry = { .place = place };

	if (key_len == 0 || *key == '\0')
		return;
	entry.key = text_add(records->text, key, key_len);
	entry.value = text_add(records->text, value, value_len);
	g_array_append_val(records->entries, entry);
}

void kvp_records_add(
	KvpRecords *records, const char *key, gssize key_len, const char *value, gssize value_len)
{
	add_at(records, records->entries->len, key, key_len, value, value_len);
}

KvpRecords *kvp_records_parse(const void *bytes, gsize len)
{
	KvpRecords *records = kvp_records_new();
	const char *pos = bytes;

	for (guint place = 0; place < len / sizeof(struct hvis_kvp_record); place++) {
		add_at(records, place, pos, HVIS_KVP_KEY_MAX, pos + HVIS_KVP_KEY_MAX,
			HVIS_KVP_VALUE_MAX);
		pos += sizeof(struct hvis_kvp_record);
	}
	return records;
}

guint kvp_records_count(const KvpRecords *records)
{
	return records->entries->len;
}

const char *kvp_records_key(const KvpRecords *records, guint index)
{
	g_return_val_if_fail(index < records->entries->len, NULL);
	return entry_at(records, index)->key;
}

const char *kvp_records_value(const KvpRecords *records, guint index)
{
	g_return_val_if_fail(index < records->entries->len, NULL);
	return entry_at(records, index)->value;
}

guint kvp_records_place(const KvpRecords *records, guint index)
{
	g_return_val_if_fail(index < records->entries->len, 0);
	return entry_at(records, index)->place;
}

static void index_entry(GHashTable *by_key, const KvpRecords *records, guint index)
{
	g_hash_table_insert(
		by_key, (gpointer)entry_at(records, index)->key, GUINT_TO_POINTER(index + 1));
}

/* Seen from outside a list with an index is the same as one without: hence the casts. */
static GHashTable *index_of(const KvpRecords *constant)
{
	KvpRecords *records = (KvpRecords *)constant;
	GHashTable *by_key;

	g_mutex_lock(&records->lock);
	if (!records->by_key) {
		records->by_key = g_hash_table_new(g_str_hash, g_str_equal);
		for (guint i = 0; i < records->entries->len; i++)
			index_entry(records->by_key, records, i);
	}
	by_key = records->by_key;
	g_mutex_unlock(&records->lock);
	return by_key;
}

gboolean kvp_records_find(const KvpRecords *records, const char *key, guint *ret_index)
{
	guint found = GPOINTER_TO_UINT(g_hash_table_lookup(index_of(records), key));

	if (found)
		*ret_index = found - 1;
	return found > 0;
}

const char *kvp_records_get(const KvpRecords *records, const char *key)
{
	guint index;

	return kvp_records_find(records, key, &index) ? entry_at(records, index)->value : NULL;
}

/* --- changes --- */

/* With text of its own, which only the living part of the old one is taken into. */
static KvpRecords *copy_text(const KvpRecords *records)
{
	KvpRecords *copy = kvp_records_new();

	for (guint i = 0; i < records->entries->len; i++) {
		const Entry *entry = entry_at(records, i);

		add_at(copy, entry->place, entry->key, -1, entry->value, -1);
	}
	return copy;
}

static KvpRecords *copy(const KvpRecords *records)
{
	KvpRecords *copy = g_new0(KvpRecords, 1);

	g_atomic_ref_count_init(&copy->refs);
	g_mutex_init(&copy->lock);
	g_atomic_ref_count_inc(&records->text->refs);
	copy->text = records->text;
	copy->entries = g_array_copy(records->entries);
	return copy;
}

/* A list that is the caller's alone, with the content of @records, which is given up. */
static KvpRecords *own(KvpRecords *records)
{
	KvpRecords *mine = records;

	if (records->text->dead > MAX(records->text->used / 2, DEAD_MIN))
		mine = copy_text(records);
	else if (!g_atomic_ref_count_compare(&records->refs, 1))
		mine = copy(records);
	if (mine != records)
		kvp_records_unref(records);
	return mine;
}

KvpRecords *kvp_records_replaced(KvpRecords *records, guint index, const char *value)
{
	Entry *entry;

	g_return_val_if_fail(index < records->entries->len, records);
	records = own(records);
	entry = &g_array_index(records->entries, Entry, index);
	records->text->dead += strlen(entry->value) + 1;
	entry->value = text_add(records->text, value, -1);
	return records;
}

KvpRecords *kvp_records_appended(
	KvpRecords *records, guint place, const char *key, const char *value)
{
	records = own(records);
	add_at(records, place, key, -1, value, -1);
	if (records->by_key)
		index_entry(records->by_key, records, records->entries->len - 1);
	return records;
}

KvpRecords *kvp_records_removed(KvpRecords *records, const char *key)
{
	guint to = 0, gone = 0;

	records = own(records);
	g_clear_pointer(&records->by_key, g_hash_table_unref);
	for (guint from = 0; from < records->entries->len; from++) {
		Entry entry = *entry_at(records, from);

		if (g_str_equal(entry.key, key)) {
			records->text->dead += strlen(entry.key) + strlen(entry.value) + 2;
			gone++;
			continue;
		}
		entry.place -= gone;
		g_array_index(records->entries, Entry, to++) = entry;
	}
	g_array_set_size(records->entries, to);
	return records;
}
