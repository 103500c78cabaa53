/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hvctl kvp set. What a key or a value may be is the daemon's rule, not repeated here; how a value
 * is cut into parts is in fold.h.
 */
#include <errno.h>
#include <string.h>

#include "hvctl/fold.h"
#include "hvctl/records.h"
#include "kvpd/socket.h"
#include "util/output.h"

#define INPUT_MAX (FOLD_PARTS_MAX * HVIS_KVP_VALUE_MAX) /* what --split can store */

char *hvctl_read_input(FILE *in, const char *name, gsize max, GError **error)
{
	g_autoptr(GString) text = g_string_new(NULL);
	char buf[16384];
	gsize n;

	while ((n = fread(buf, 1, sizeof(buf), in)) > 0) {
		g_string_append_len(text, buf, (gssize)n);
		if (text->len > max) {
			hvis_fail(
				error, HVIS_ERROR_INVALID, "%s has more than %zu bytes", name, max);
			return NULL;
		}
	}
	if (ferror(in)) {
		hvis_fail_errno(error, errno, "read %s", name);
		return NULL;
	}
	if (!g_utf8_validate_len(text->str, text->len, NULL)) { /* nor is a NUL text */
		hvis_fail(error, HVIS_ERROR_INVALID, "%s is not UTF-8 text%s", name,
			strlen(text->str) < text->len ? ": it has a zero byte" : "");
		return NULL;
	}
	return g_strdup(text->str);
}

/* One newline at the end is not the value's, as in a shell's $(…). */
static char *value_of(const HvctlRequest *request, GError **error)
{
	char *value;

	if (!g_str_equal(request->args[1], "-"))
		return g_strdup(request->args[1]);
	value = hvctl_read_input(request->in, HVCTL_STDIN, INPUT_MAX, error);
	if (value && g_str_has_suffix(value, "\n"))
		value[strlen(value) - 1] = '\0';
	return value;
}

/* --- in parts --- */

static struct json_object *find_key(struct json_object *records, const char *key)
{
	for (gsize i = 0; i < json_object_array_length(records); i++) {
		struct json_object *record = json_object_array_get_idx(records, i);

		if (g_str_equal(hvctl_record_text(record, "key"), key))
			return record;
	}
	return NULL;
}

/* A record with the key itself hides its parts from get, but not from the host. */
static struct json_object *without_key(struct json_object *records, const char *key)
{
	struct json_object *others = json_object_new_array();

	for (gsize i = 0; i < json_object_array_length(records); i++) {
		struct json_object *record = json_object_array_get_idx(records, i);

		if (!g_str_equal(hvctl_record_text(record, "key"), key))
			json_object_array_add(others, json_object_get(record));
	}
	return others;
}

static struct json_object *list_others(
	const HvctlSource *source, const char *pool, const char *key, GError **error)
{
	struct json_object *all = hvctl_source_list(source, pool ? pool : "guest", error);
	struct json_object *others = all ? without_key(all, key) : NULL;

	json_object_put(all);
	return others;
}

struct json_object *hvctl_parts(
	const HvctlSource *source, const char *pool, const char *key, GError **error)
{
	struct json_object *others, *joined, *found, *parts;
	guint number;

	if (pool && kvp_pools_parse(pool, &number, NULL) && !kvp_pool_is_writable(number))
		return json_object_new_array();
	others = list_others(source, pool, key, error);
	if (!others)
		return NULL;
	joined = hvctl_fold(others);
	found = find_key(joined, key);
	parts = found ? json_object_get(output_member(found, "parts")) : json_object_new_array();
	json_object_put(joined);
	json_object_put(others);
	return parts;
}

/* Behind the last part there must be nothing that would be taken for another. */
static gboolean check_way(const HvctlSource *source, const char *pool, const char *key, guint parts,
	struct json_object *old, GError **error)
{
	g_autofree char *next = g_strdup_printf("%s%u", key, parts);
	struct json_object *all;
	gboolean there;

	for (gsize i = 0; i < json_object_array_length(old); i++)
		if (g_str_equal(json_object_get_string(json_object_array_get_idx(old, i)), next))
			return TRUE; /* it goes */
	all = hvctl_source_list(source, pool ? pool : "guest", error);
	if (!all)
		return FALSE;
	there = find_key(all, next) != NULL;
	json_object_put(all);
	return !there ||
	       hvis_fail(error, HVIS_ERROR_EXISTS,
		       "key \"%s\" is there and would be taken for a part of \"%s\"", next, key);
}

/* The records named in @old that the new value has no use for go, then it is added, as one change. */
static struct json_object *changes_of(const char *key, GPtrArray *parts, struct json_object *old)
{
	struct json_object *changes = json_object_new_array();
	gboolean whole = parts->len == 1;

	for (gsize i = whole ? 0 : parts->len; i < json_object_array_length(old); i++)
		json_object_array_add(changes,
			hvctl_change_new(json_object_get_string(json_object_array_get_idx(old, i)),
				NULL, FALSE));
	json_object_array_add(
		changes, hvctl_change_new(key, whole ? parts->pdata[0] : NULL, FALSE));
	for (guint i = 0; !whole && i < parts->len; i++) {
		g_autofree char *name = g_strdup_printf("%s%u", key, i);

		json_object_array_add(changes, hvctl_change_new(name, parts->pdata[i], FALSE));
	}
	return changes;
}

static gboolean set_parts(const HvctlSource *source, const char *pool, const char *key,
	GPtrArray *parts, GError **error)
{
	struct json_object *old = hvctl_parts(source, pool, key, error);
	HvctlChanged changed;
	gboolean done = FALSE;

	if (old && parts->len == 1 && json_object_array_length(old) == 0)
		done = hvctl_source_set(source, pool, key, parts->pdata[0], error);
	else if (old && (parts->len == 1 || check_way(source, pool, key, parts->len, old, error)))
		done = hvctl_source_apply(
			source, pool, changes_of(key, parts, old), FALSE, FALSE, &changed, error);
	json_object_put(old);
	return done;
}

static gboolean set_whole(const HvctlSource *source, const char *pool, const char *key,
	const char *value, GError **error)
{
	g_autoptr(GPtrArray) parts = g_ptr_array_new();

	g_ptr_array_add(parts, (gpointer)(guintptr)value);
	return set_parts(source, pool, key, parts, error);
}

static gboolean set_split(const HvctlSource *source, const char *pool, const char *key,
	const char *value, GError **error)
{
	g_autoptr(GPtrArray) parts = NULL;

	if (!hvctl_cut(value, &parts, error))
		return FALSE;
	if (parts->len > 1 && *key && g_ascii_isdigit(key[strlen(key) - 1]))
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"the key \"%s\" ends in a digit, so its parts could not be told from those "
			"of other keys",
			key);
	return set_parts(source, pool, key, parts, error);
}

static gboolean append(const HvctlSource *source, const char *pool, const char *key,
	const char *value, GError **error)
{
	struct json_object *changes = json_object_new_array();
	HvctlChanged changed;

	json_object_array_add(changes, hvctl_change_new(key, value, TRUE));
	return hvctl_source_apply(source, pool, changes, FALSE, FALSE, &changed, error);
}

HvisExit hvctl_kvp_set(const HvctlRequest *request, GError **error)
{
	g_auto(HvctlSource) source = { 0 };
	g_autofree char *value = NULL;
	const char *key = request->args[0];

	if (request->split && request->append) {
		hvis_fail(error, HVIS_ERROR_INVALID, "either --split or --append");
		return HVIS_EXIT_USAGE;
	}
	value = value_of(request, error);
	if (!value || !hvctl_source_open(&source, request, error))
		return HVIS_EXIT_IO;
	if (request->split)
		set_split(&source, request->pool, key, value, error);
	else if (request->append)
		append(&source, request->pool, key, value, error);
	else if (!set_whole(&source, request->pool, key, value, error) &&
		 hvis_error_is(*error, HVIS_ERROR_INVALID) && strstr((*error)->message, "value"))
		hvis_error_append(error, "; --split stores it in parts");
	return HVIS_EXIT_OK;
}
