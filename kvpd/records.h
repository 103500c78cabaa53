/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * An ordered list of key-value records that does not change once it is shared: what a pool file held
 * at one moment, or the automatic facts at one moment. Shared between threads by reference. By
 * position and by key alike a record is found in one step.
 *
 * Text is always valid UTF-8 here: bytes of others' files that are not become U+FFFD. Records
 * without a key, as a hole in a file leaves them, are not listed. Duplicate keys are.
 */
#pragma once

#include <glib.h>

typedef struct KvpRecords KvpRecords;

/* An empty list; add to it before it is shared, never after. */
KvpRecords *kvp_records_new(void);
KvpRecords *kvp_records_ref(KvpRecords *records);
void kvp_records_unref(KvpRecords *records);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(KvpRecords, kvp_records_unref)

/* Append; text ends at its first NUL or after the given length (-1 = NUL only). */
void kvp_records_add(
	KvpRecords *records, const char *key, gssize key_len, const char *value, gssize value_len);

/* The whole records of a pool file's bytes; the rest of a torn one at the end is passed over. */
KvpRecords *kvp_records_parse(const void *bytes, gsize len);

guint kvp_records_count(const KvpRecords *records);
const char *kvp_records_key(const KvpRecords *records, guint index);
const char *kvp_records_value(const KvpRecords *records, guint index);

/* Which record of the file it was, holes counted too; in a list made by hand, @index. */
guint kvp_records_place(const KvpRecords *records, guint index);

/* The last record with @key, as Windows shows it; FALSE if there is none. */
gboolean kvp_records_find(const KvpRecords *records, const char *key, guint *ret_index);

/* The value of that record; NULL if there is none. */
const char *kvp_records_get(const KvpRecords *records, const char *key);

/*
 * The list after a change: @records itself where nobody else holds it, else a copy. Take over the
 * caller's reference, return one. For one thread: no list and none of its copies may be changed by
 * two at once. @key and @value are valid UTF-8.
 */
KvpRecords *kvp_records_replaced(KvpRecords *records, guint index, const char *value);
KvpRecords *kvp_records_appended(
	KvpRecords *records, guint place, const char *key, const char *value);

/* Without any record with @key; those behind one move up in the file. */
KvpRecords *kvp_records_removed(KvpRecords *records, const char *key);
