/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All text of a list lies in one block, each string with its NUL, and records are pairs of offsets
 * into it: a pool of thousands costs two allocations and what its text takes.
 */
#include "config.h"

#include "kvpd/records.h"

#include <string.h>

#include <hvis/kvp.h>

typedef struct {
	gsize key, value; /* offsets into the text */
} Entry;

struct KvpRecords {
	gatomicrefcount refs;
	GString *text;
	GArray *entries; /* of Entry */
};

KvpRecords *kvp_records_new(void)
{
	KvpRecords *records = g_new0(KvpRecords, 1);

	g_atomic_ref_count_init(&records->refs);
	records->text = g_string_new(NULL);
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
	g_string_free(records->text, TRUE);
	g_array_unref(records->entries);
	g_free(records);
}

static gsize add_text(KvpRecords *records, const char *text, gssize len)
{
	gsize offset = records->text->len;
	gsize n = len < 0 ? strlen(text) : strnlen(text, (gsize)len);

	if (g_utf8_validate_len(text, n, NULL)) {
		g_string_append_len(records->text, text, (gssize)n);
	} else {
		g_autofree char *valid = g_utf8_make_valid(text, (gssize)n);

		g_string_append(records->text, valid);
	}
	g_string_append_c(records->text, '\0');
	return offset;
}

void kvp_records_add(
	KvpRecords *records, const char *key, gssize key_len, const char *value, gssize value_len)
{
	Entry entry;

	if (key_len == 0 || *key == '\0')
		return;
	entry.key = add_text(records, key, key_len);
	entry.value = add_text(records, value, value_len);
	g_array_append_val(records->entries, entry);
}

KvpRecords *kvp_records_parse(const void *bytes, gsize len)
{
	KvpRecords *records = kvp_records_new();
	const char *pos = bytes;

	for (; len >= sizeof(struct hvis_kvp_record); len -= sizeof(struct hvis_kvp_record)) {
		kvp_records_add(
			records, pos, HVIS_KVP_KEY_MAX, pos + HVIS_KVP_KEY_MAX, HVIS_KVP_VALUE_MAX);
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
	return records->text->str + g_array_index(records->entries, Entry, index).key;
}

const char *kvp_records_value(const KvpRecords *records, guint index)
{
	g_return_val_if_fail(index < records->entries->len, NULL);
	return records->text->str + g_array_index(records->entries, Entry, index).value;
}

const char *kvp_records_get(const KvpRecords *records, const char *key)
{
	for (guint i = records->entries->len; i > 0; i--) {
		if (g_str_equal(kvp_records_key(records, i - 1), key))
			return kvp_records_value(records, i - 1);
	}
	return NULL;
}
