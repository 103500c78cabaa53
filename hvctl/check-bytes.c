/* SPDX-License-Identifier: GPL-2.0-only */
/* What the bytes of a pool file show, and what can be made of them. */
#include <string.h>

#include <hvis/kvp.h>

#include "hvctl/check.h"
#include "kvpd/batch.h"
#include "kvpd/pool.h"
#include "util/utf16.h"

#define RECORD sizeof(struct hvis_kvp_record)

typedef struct {
	const guint8 *bytes; /* of the field */
	gsize size;
	guint units_max;
	const char *what;
} Field;

static Field field_of(const guint8 *record, gboolean value)
{
	if (value)
		return (Field){ record + HVIS_KVP_KEY_MAX, HVIS_KVP_VALUE_MAX,
			HVIS_KVP_VALUE_UNITS_MAX, "value" };
	return (Field){ record, HVIS_KVP_KEY_MAX, HVIS_KVP_KEY_UNITS_MAX, "key" };
}

static gsize text_len(const Field *field)
{
	return strnlen((const char *)field->bytes, field->size);
}

static gboolean is_utf8(const Field *field)
{
	return g_utf8_validate_len((const char *)field->bytes, text_len(field), NULL);
}

static gboolean has_garbage(const Field *field)
{
	for (gsize i = text_len(field); i < field->size; i++)
		if (field->bytes[i] != 0)
			return TRUE;
	return FALSE;
}

/* As UTF-8, and whether that fits where it came from. New string. */
static char *made_valid(const Field *field, gboolean *fits)
{
	char *text = g_utf8_make_valid((const char *)field->bytes, (gssize)text_len(field));

	*fits = strlen(text) < field->size && hvis_utf16_units(text) <= (gssize)field->units_max;
	return text;
}

/* --- findings --- */

static void add(HvctlFindings *findings, gint64 index, const guint8 *record, const char *problem,
	const char *meaning, const char *repair, gboolean note)
{
	g_autofree char *key = g_strndup((const char *)record, HVIS_KVP_KEY_MAX);
	const HvctlFinding finding = { .record = index,
		.key = key,
		.problem = problem,
		.meaning = meaning,
		.repair = repair,
		.note = note };

	hvctl_findings_add(findings, &finding);
}

static void check_utf8(
	HvctlFindings *findings, gint64 index, const guint8 *record, const Field *field)
{
	gboolean fits;
	g_autofree char *valid = made_valid(field, &fits);
	g_autofree char *meaning = g_strdup_printf(
		"the %s is not UTF-8: other daemons fail the host's whole request", field->what);

	add(findings, index, record, "not-utf8", meaning,
		fits ? "U+FFFD for what is no character; the bytes go to the backup" : NULL, FALSE);
}

static void check_field(
	HvctlFindings *findings, gint64 index, const guint8 *record, const Field *field)
{
	g_autofree char *text = g_strndup((const char *)field->bytes, text_len(field));
	g_autofree char *meaning = NULL;

	if (!is_utf8(field)) {
		check_utf8(findings, index, record, field);
	} else if (hvis_utf16_units(text) > (gssize)field->units_max ||
		   text_len(field) == field->size) {
		meaning = g_strdup_printf(
			"the %s has %zd UTF-16 units in %zu bytes; the host gets %u units of %zu "
			"bytes at most, and not the rest",
			field->what, hvis_utf16_units(text), text_len(field), field->units_max,
			field->size - 1);
		add(findings, index, record, "too-long", meaning, NULL, FALSE);
	}
	if (has_garbage(field)) {
		g_free(meaning);
		meaning = g_strdup_printf("behind the %s's end are bytes that are not 0: programs "
					  "that do not stop there read them as text",
			field->what);
		add(findings, index, record, "garbage", meaning,
			"zeroed; the bytes go to the backup", FALSE);
	}
}

static void check_record(HvctlFindings *findings, gint64 index, const guint8 *record)
{
	const Field key = field_of(record, FALSE), value = field_of(record, TRUE);

	if (text_len(&key) == 0) {
		add(findings, index, record, "no-key",
			"the record has no key, so nobody can ask for it",
			"removed; its bytes go to the backup", FALSE);
		return;
	}
	check_field(findings, index, record, &key);
	check_field(findings, index, record, &value);
}

static void add_hidden(HvctlFindings *findings, gint64 index, const char *key, gboolean twice)
{
	const HvctlFinding finding = { .record = index,
		.key = key,
		.problem = "hidden",
		.meaning = twice ? "the key is there twice: hosts show the later record"
				 : "a later record has this key in other letters: Windows takes "
				   "them for one and shows that",
		.by_hand = twice ? "\"hvctl kvp delete\" the key, then set it once"
				 : "\"hvctl kvp delete\" one of the two keys" };

	hvctl_findings_add(findings, &finding);
}

/* Windows takes keys without regard to case, and shows the last of those that are alike. */
static void check_hidden(HvctlFindings *findings, const guint8 *bytes, gsize count)
{
	g_autoptr(GHashTable) alike = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	g_autoptr(GHashTable) same = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

	for (gsize i = count; i > 0; i--) {
		const Field field = field_of(bytes + (i - 1) * RECORD, FALSE);
		char *key = g_strndup((const char *)field.bytes, text_len(&field));
		g_autofree char *valid = g_utf8_make_valid(key, -1);
		gboolean twice = g_hash_table_contains(same, key);

		if (*key && !g_hash_table_add(alike, g_utf8_casefold(valid, -1)))
			add_hidden(findings, (gint64)i - 1, key, twice);
		g_hash_table_add(same, key);
	}
}

void hvctl_check_bytes(HvctlFindings *findings, const guint8 *bytes, gsize len)
{
	gsize count = len / RECORD;
	g_autofree char *meaning = NULL;
	HvctlFinding finding = { .record = -1 };

	for (gsize i = 0; i < count; i++)
		check_record(findings, (gint64)i, bytes + i * RECORD);
	check_hidden(findings, bytes, count);
	if (count > KVP_POOL_RECORDS_MAX) {
		finding.problem = "too-many";
		meaning = g_strdup_printf("more than %u records: only those are read, none can be "
					  "changed",
			KVP_POOL_RECORDS_MAX);
		finding.meaning = meaning;
		hvctl_findings_add(findings, &finding);
	}
	if (len % RECORD) {
		g_free(meaning);
		meaning = g_strdup_printf(
			"%zu bytes of a record that was not written to its end", len % RECORD);
		finding = (HvctlFinding){ .record = (gint64)count,
			.problem = "torn",
			.meaning = meaning,
			.repair = "cut off; the bytes go to the backup" };
		hvctl_findings_add(findings, &finding);
	}
}

/* --- mending --- */

static void keep(GByteArray *backup, gsize offset, const guint8 *bytes, gsize len)
{
	g_autofree char *head = g_strdup_printf("at %zu, %zu bytes:\n", offset, len);

	g_byte_array_append(backup, (const guint8 *)head, (guint)strlen(head));
	g_byte_array_append(backup, bytes, (guint)len);
	g_byte_array_append(backup, (const guint8 *)"\n", 1);
}

static guint mend_field(guint8 *record, gboolean is_value, gsize offset, GByteArray *backup)
{
	const Field field = field_of(record, is_value);
	g_autofree guint8 *mended = g_malloc0(field.size);
	gsize at = (gsize)(field.bytes - record);
	gboolean fits = TRUE;

	if (!is_utf8(&field)) {
		g_autofree char *valid = made_valid(&field, &fits);

		if (fits)
			memcpy(mended, valid, strlen(valid));
	}
	if (is_utf8(&field) || !fits)
		memcpy(mended, field.bytes, text_len(&field));
	if (memcmp(mended, field.bytes, field.size) == 0)
		return 0;
	keep(backup, offset + at, field.bytes, field.size);
	memcpy(record + at, mended, field.size);
	return 1;
}

static gboolean has_no_key(guint place, gpointer bytes)
{
	return ((const GByteArray *)bytes)->data[place * RECORD] == 0;
}

guint hvctl_mend_bytes(GByteArray *bytes, GByteArray *backup)
{
	gsize count = bytes->len / RECORD;
	guint places = 0;

	for (gsize i = 0; i < count; i++) {
		guint8 *record = bytes->data + i * RECORD;

		if (record[0] == 0) {
			keep(backup, i * RECORD, record, RECORD);
			places++;
			continue;
		}
		places += mend_field(record, FALSE, i * RECORD, backup);
		places += mend_field(record, TRUE, i * RECORD, backup);
	}
	if (bytes->len % RECORD) {
		keep(backup, count * RECORD, bytes->data + count * RECORD, bytes->len % RECORD);
		g_byte_array_set_size(bytes, (guint)(count * RECORD));
		places++;
	}
	kvp_bytes_remove(bytes, has_no_key, bytes);
	return places;
}
