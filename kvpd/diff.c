/* SPDX-License-Identifier: GPL-2.0-only */
#include "config.h"

#include "kvpd/diff.h"

#include <string.h>

/* Key to the places of its records, a GArray of guint. */
static GHashTable *places_of(const KvpRecords *records)
{
	GHashTable *places =
		g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify)g_array_unref);

	for (guint i = 0; i < kvp_records_count(records); i++) {
		const char *key = kvp_records_key(records, i);
		GArray *list = g_hash_table_lookup(places, key);

		if (!list) {
			list = g_array_new(FALSE, FALSE, sizeof(guint));
			g_hash_table_insert(places, (gpointer)(guintptr)key, list);
		}
		g_array_append_val(list, i);
	}
	return places;
}

static const char *value_at(const KvpRecords *records, const GArray *list, guint n)
{
	return kvp_records_value(records, g_array_index(list, guint, n));
}

/* How many values the lists have alike from the start. */
static guint alike(
	const KvpRecords *before, const GArray *old, const KvpRecords *after, const GArray *now)
{
	guint n = 0;

	while (old && n < old->len && n < now->len &&
		g_str_equal(value_at(before, old, n), value_at(after, now, n)))
		n++;
	return n;
}

static void diff_key(const KvpRecords *before, const GArray *old, const KvpRecords *after,
	const GArray *now, KvpDiffEach each, gpointer data)
{
	guint n = alike(before, old, after, now), had = old ? old->len : 0;
	const char *key = kvp_records_key(after, g_array_index(now, guint, 0));
	const char *last = had ? value_at(before, old, had - 1) : NULL;

	if (n == had) { /* what was there is as it was: these were added */
		for (; n < now->len; n++) {
			each(key, last, value_at(after, now, n), data);
			last = value_at(after, now, n);
		}
	} else if (!g_str_equal(last, value_at(after, now, now->len - 1))) {
		each(key, last, value_at(after, now, now->len - 1), data);
	}
}

void kvp_records_diff(
	const KvpRecords *before, const KvpRecords *after, KvpDiffEach each, gpointer data)
{
	g_autoptr(GHashTable) old = places_of(before), now = places_of(after);

	for (guint i = 0; i < kvp_records_count(after); i++) {
		const char *key = kvp_records_key(after, i);
		GArray *list = g_hash_table_lookup(now, key);

		if (g_array_index(list, guint, 0) == i)
			diff_key(before, g_hash_table_lookup(old, key), after, list, each, data);
	}
	for (guint i = 0; i < kvp_records_count(before); i++) {
		const char *key = kvp_records_key(before, i);
		GArray *list = g_hash_table_lookup(old, key);

		if (g_array_index(list, guint, list->len - 1) == i &&
			!g_hash_table_lookup(now, key))
			each(key, kvp_records_value(before, i), NULL, data);
	}
}
