/* SPDX-License-Identifier: GPL-2.0-only */
#include "hvctl/print.h"

#include <string.h>

#include "hvctl/records.h"
#include "kvpd/socket.h"
#include "util/output.h"

static const OutputColumn columns[] = {
	{ .heading = "POOL", .member = "pool" },
	{ .heading = "KEY", .member = "key" },
	{ .heading = "VALUE", .member = "value" },
	{ .heading = NULL },
};

/* The prefix keeps a host from setting PATH or LD_PRELOAD of a shell that reads this. */
char *hvctl_env_name(const char *key)
{
	GString *name = g_string_new("KVP_");

	for (; *key; key++)
		g_string_append_c(name, g_ascii_isalnum(*key) ? *key : '_');
	return g_string_free(name, FALSE);
}

char *hvctl_env_quote(const char *value)
{
	GString *quoted = g_string_new("'");

	for (; *value; value++)
		g_string_append(quoted, *value == '\'' ? "'\\''" : (char[]){ *value, '\0' });
	g_string_append_c(quoted, '\'');
	return g_string_free(quoted, FALSE);
}

static guint rank_of(struct json_object *record)
{
	for (guint i = 0; i < HVIS_KVP_POOL_N; i++)
		if (g_str_equal(
			    hvctl_record_text(record, "pool"), kvp_pools_name(kvp_search_order[i])))
			return i;
	return HVIS_KVP_POOL_N;
}

/* Which of two records with one name: that of the pool searched first, in a pool the last. */
static gboolean is_before(struct json_object *a, struct json_object *b)
{
	return rank_of(a) <= rank_of(b);
}

static void tell_collision(const HvctlRequest *request, const char *name, struct json_object *out,
	struct json_object *in)
{
	g_autofree char *left = output_escape(hvctl_record_text(out, "key"));
	g_autofree char *kept = output_escape(hvctl_record_text(in, "key"));

	if (request->quiet)
		return;
	if (g_str_equal(left, kept) &&
		g_str_equal(hvctl_record_text(in, "pool"), hvctl_record_text(out, "pool")))
		fprintf(stderr,
			"hvctl: %s is the last \"%s\" of pool %s; one before it is left out\n",
			name, kept, hvctl_record_text(in, "pool"));
	else
		fprintf(stderr, "hvctl: %s is \"%s\" of pool %s; left out: \"%s\" of pool %s\n",
			name, kept, hvctl_record_text(in, "pool"), left,
			hvctl_record_text(out, "pool"));
}

static void print_env(const HvctlRequest *request, struct json_object *records)
{
	g_autoptr(GHashTable) chosen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
	gsize n = json_object_array_length(records);

	for (gsize i = 0; i < n; i++) {
		struct json_object *record = json_object_array_get_idx(records, i);
		char *name = hvctl_env_name(hvctl_record_text(record, "key"));
		struct json_object *other = g_hash_table_lookup(chosen, name);

		if (other)
			tell_collision(request, name, is_before(record, other) ? other : record,
				is_before(record, other) ? record : other);
		if (other && !is_before(record, other))
			g_free(name);
		else
			g_hash_table_insert(chosen, name, record);
	}
	for (gsize i = 0; i < n; i++) {
		struct json_object *record = json_object_array_get_idx(records, i);
		g_autofree char *name = hvctl_env_name(hvctl_record_text(record, "key"));
		g_autofree char *value = hvctl_env_quote(hvctl_record_text(record, "value"));

		if (g_hash_table_lookup(chosen, name) == record)
			fprintf(request->out, "%s=%s\n", name, value);
	}
}

static void print_lines(const HvctlRequest *request, struct json_object *records)
{
	for (gsize i = 0; i < json_object_array_length(records); i++) {
		struct json_object *record = json_object_array_get_idx(records, i);
		g_autofree char *key = output_escape(hvctl_record_text(record, "key"));
		g_autofree char *value = output_escape(hvctl_record_text(record, "value"));

		if (request->format == HVCTL_FORMAT_JSON_LINES)
			output_json(request->out, record, TRUE);
		else
			fprintf(request->out, "%s=%s\n", key, value);
	}
}

void hvctl_print_records(const HvctlRequest *request, struct json_object *records)
{
	switch (request->format) {
	case HVCTL_FORMAT_NONE:
		if (request->json)
			output_json(request->out, records, FALSE);
		else
			output_table(request->out, records, columns);
		return;
	case HVCTL_FORMAT_ENV:
		print_env(request, records);
		return;
	case HVCTL_FORMAT_PLAIN:
	case HVCTL_FORMAT_JSON_LINES:
		print_lines(request, records);
		return;
	case HVCTL_FORMAT_N:
		return;
	}
}
