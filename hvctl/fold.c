/* SPDX-License-Identifier: GPL-2.0-only */
#include "hvctl/fold.h"

#include <string.h>

#include "hvctl/records.h"
#include "util/output.h"
#include "util/utf16.h"

#define EVENT_PREFIX "CLOUD_INIT|"

/* A pool's keys, each with the record that has it; NULL where there are several. */
typedef struct {
	GHashTable *keys; /* "pool\nkey" to record */
	GHashTable *used; /* records that became part of another */
} Index;

static char *name_of(struct json_object *record, const char *key)
{
	return g_strconcat(hvctl_record_text(record, "pool"), "\n", key, NULL);
}

static Index index_new(struct json_object *records)
{
	Index index = { g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
		g_hash_table_new(NULL, NULL) };

	for (gsize i = 0; i < json_object_array_length(records); i++) {
		struct json_object *record = json_object_array_get_idx(records, i);
		char *name = name_of(record, hvctl_record_text(record, "key"));
		gboolean twice = g_hash_table_contains(index.keys, name);

		g_hash_table_insert(index.keys, name, twice ? NULL : record);
	}
	return index;
}

static void index_clear(Index *index)
{
	g_hash_table_unref(index->keys);
	g_hash_table_unref(index->used);
}

/* The parts BASE0, BASE1, … in the pool of @first, which is one of them; NULL where there is one. */
static GPtrArray *collect(const Index *index, struct json_object *first, const char *base)
{
	g_autoptr(GPtrArray) parts = g_ptr_array_new();

	for (guint n = 0; n <= FOLD_PARTS_MAX; n++) {
		g_autofree char *key = g_strdup_printf("%s%u", base, n);
		g_autofree char *name = name_of(first, key);
		gpointer record;

		if (!g_hash_table_lookup_extended(index->keys, name, NULL, &record))
			break;
		if (!record || n == FOLD_PARTS_MAX) /* twice, or without an end */
			return NULL;
		g_ptr_array_add(parts, record);
	}
	return parts->len < 2 ? NULL : g_steal_pointer(&parts);
}

static struct json_object *joined_new(const char *key, const char *value, GPtrArray *parts)
{
	struct json_object *joined =
		hvctl_record_new(hvctl_record_text(parts->pdata[0], "pool"), key, value);
	struct json_object *keys = json_object_new_array();

	for (guint i = 0; i < parts->len; i++)
		json_object_array_add(
			keys, json_object_new_string(hvctl_record_text(parts->pdata[i], "key")));
	json_object_object_add(joined, "parts", keys);
	return joined;
}

/* --- KEY0, KEY1, … --- */

static gboolean fits(gsize units, gsize bytes)
{
	return units <= HVIS_KVP_VALUE_UNITS_MAX && bytes < HVIS_KVP_VALUE_MAX;
}

/* The next character would not have fitted. */
static gboolean is_full(const char *part, const char *next)
{
	gunichar c = g_utf8_get_char(next);

	return !fits((gsize)hvis_utf16_units(part) + (c > 0xffff ? 2 : 1),
		strlen(part) + (gsize)g_unichar_to_utf8(c, NULL));
}

static gboolean are_full(GPtrArray *parts)
{
	for (guint i = 0; i + 1 < parts->len; i++)
		if (!is_full(hvctl_record_text(parts->pdata[i], "value"),
			    hvctl_record_text(parts->pdata[i + 1], "value")))
			return FALSE;
	return TRUE;
}

static gboolean are_even(GPtrArray *parts)
{
	gssize units = hvis_utf16_units(hvctl_record_text(parts->pdata[0], "value"));

	for (guint i = 1; i < parts->len; i++) {
		gssize n = hvis_utf16_units(hvctl_record_text(parts->pdata[i], "value"));

		if (i + 1 < parts->len ? n != units : n > units)
			return FALSE;
	}
	return units >= FOLD_UNITS_MIN;
}

static struct json_object *join_values(const Index *index, struct json_object *record)
{
	const char *key = hvctl_record_text(record, "key");
	gsize len = strlen(key);
	g_autofree char *base = NULL, *name = NULL;
	g_autoptr(GPtrArray) parts = NULL;
	g_autoptr(GString) value = NULL;

	if (len < 2 || key[len - 1] != '0' || g_ascii_isdigit(key[len - 2]))
		return NULL;
	base = g_strndup(key, len - 1);
	name = name_of(record, base);
	if (g_hash_table_contains(index->keys, name))
		return NULL;
	parts = collect(index, record, base);
	if (!parts || !(are_full(parts) || are_even(parts)))
		return NULL;
	value = g_string_new(NULL);
	for (guint i = 0; i < parts->len; i++) {
		g_string_append(value, hvctl_record_text(parts->pdata[i], "value"));
		g_hash_table_add(index->used, parts->pdata[i]);
	}
	return joined_new(base, value->str, parts);
}

/* --- cloud-init's events --- */

/* Where the piece of the message begins in an event's text, and how long it is. */
static const char *find_message(const char *value, gsize *ret_len)
{
	static const char *const starts[] = { "\"msg\":\"", "\"msg\": \"" };
	gsize len = strlen(value);

	for (guint i = 0; i < G_N_ELEMENTS(starts); i++) {
		const char *at = strstr(value, starts[i]);

		if (!at || !g_str_has_suffix(value, "\"}"))
			continue;
		at += strlen(starts[i]);
		if (at > value + len - 2)
			return NULL;
		*ret_len = (gsize)(value + len - 2 - at);
		return at;
	}
	return NULL;
}

/* The events' heads are alike, so the first one's counts; its msg_i goes once it is whole. */
static char *join_messages(GPtrArray *parts)
{
	GString *text = g_string_new(NULL);
	struct json_object *whole = NULL, *number = NULL;
	char *result = NULL;

	for (guint i = 0; i < parts->len; i++) {
		const char *value = hvctl_record_text(parts->pdata[i], "value");
		gsize len = 0;
		const char *at = find_message(value, &len);

		if (!at) {
			g_string_free(text, TRUE);
			return NULL;
		}
		if (i == 0)
			g_string_append_len(text, value, at - value);
		g_string_append_len(text, at, (gssize)len);
	}
	g_string_append(text, "\"}");
	whole = json_tokener_parse(text->str);
	if (json_object_object_get_ex(whole, "msg_i", &number) &&
		json_object_is_type(number, json_type_int)) {
		json_object_object_del(whole, "msg_i");
		result = g_strdup(json_object_to_json_string_ext(
			whole, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	}
	json_object_put(whole);
	g_string_free(text, TRUE);
	return result;
}

static struct json_object *join_event(const Index *index, struct json_object *record)
{
	const char *key = hvctl_record_text(record, "key");
	g_autofree char *base = NULL, *whole = NULL, *name = NULL, *value = NULL;
	g_autoptr(GPtrArray) parts = NULL;

	if (!g_str_has_prefix(key, EVENT_PREFIX) || !g_str_has_suffix(key, "|0"))
		return NULL;
	base = g_strndup(key, strlen(key) - 1);
	whole = g_strndup(key, strlen(key) - 2);
	name = name_of(record, whole);
	if (g_hash_table_contains(index->keys, name))
		return NULL;
	parts = collect(index, record, base);
	value = parts ? join_messages(parts) : NULL;
	if (!value)
		return NULL;
	for (guint i = 0; i < parts->len; i++)
		g_hash_table_add(index->used, parts->pdata[i]);
	return joined_new(whole, value, parts);
}

struct json_object *hvctl_fold(struct json_object *records)
{
	gsize n = json_object_array_length(records);
	g_autofree struct json_object **joined = g_new0(struct json_object *, n + 1);
	struct json_object *all = json_object_new_array();
	Index index = index_new(records);

	for (gsize i = 0; i < n; i++) {
		struct json_object *record = json_object_array_get_idx(records, i);

		joined[i] = join_event(&index, record);
		if (!joined[i])
			joined[i] = join_values(&index, record);
	}
	for (gsize i = 0; i < n; i++) {
		struct json_object *record = json_object_array_get_idx(records, i);

		if (joined[i])
			json_object_array_add(all, joined[i]);
		else if (!g_hash_table_contains(index.used, record))
			json_object_array_add(all, json_object_get(record));
	}
	index_clear(&index);
	return all;
}

/* --- cutting --- */

/* How many bytes of @text go into one record: whole characters. */
static gsize part_len(const char *text)
{
	const char *end = text;
	gsize units = 0;

	while (*end) {
		const char *next = g_utf8_next_char(end);
		gsize more = g_utf8_get_char(end) > 0xffff ? 2 : 1;

		if (!fits(units + more, (gsize)(next - text)))
			break;
		units += more;
		end = next;
	}
	return (gsize)(end - text);
}

gboolean hvctl_cut(const char *value, GPtrArray **ret, GError **error)
{
	g_autoptr(GPtrArray) parts = g_ptr_array_new_with_free_func(g_free);

	if (!g_utf8_validate(value, -1, NULL))
		return hvis_fail(error, HVIS_ERROR_INVALID, "the value is not UTF-8");
	do {
		gsize len = part_len(value);

		if (parts->len == FOLD_PARTS_MAX)
			return hvis_fail(error, HVIS_ERROR_NO_SPACE,
				"the value takes more than %u records", FOLD_PARTS_MAX);
		g_ptr_array_add(parts, g_strndup(value, len));
		value += len;
	} while (*value);
	*ret = g_steal_pointer(&parts);
	return TRUE;
}
