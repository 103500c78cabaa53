/* SPDX-License-Identifier: GPL-2.0-only */
/* Whole files, so that a daemon that is killed as it writes one leaves the former one. */
#include "config.h"

#include "vssd/ahead.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <util/error.h>
#include <util/file.h>

#define FILE_MAX (1024u * 1024u) /* ours: an entry has at most 256 mounts */

gboolean vss_ahead_write(const char *path, struct json_object *entry, GError **error)
{
	const char *text = json_object_to_json_string_ext(entry, JSON_C_TO_STRING_PLAIN);

	return hvis_file_write(path, text, strlen(text), 0600, error);
}

/* As far as it is made use of here; the rest is for programs. */
static gboolean is_entry(struct json_object *entry)
{
	static const struct {
		const char *name;
		json_type type;
	} members[] = {
		{ "kind", json_type_string },
		{ "result", json_type_string },
		{ "message", json_type_string },
		{ "time_us", json_type_int },
		{ "end_us", json_type_int },
		{ "mounts", json_type_array },
		{ "hooks", json_type_array },
	};

	if (!json_object_is_type(entry, json_type_object))
		return FALSE;
	for (guint i = 0; i < G_N_ELEMENTS(members); i++)
		if (!json_object_is_type(
			    json_object_object_get(entry, members[i].name), members[i].type))
			return FALSE;
	return TRUE;
}

struct json_object *vss_ahead_read(const char *path, GError **error)
{
	g_autofree char *text = NULL;
	struct json_object *entry;

	if (access(path, F_OK) < 0 && errno == ENOENT)
		return NULL;
	text = hvis_file_read(path, FILE_MAX, NULL, error);
	entry = text ? json_tokener_parse(text) : NULL;
	if (is_entry(entry))
		return entry;
	json_object_put(entry);
	vss_ahead_forget(path);
	if (text)
		hvis_fail(error, HVIS_ERROR_INVALID, "%s is damaged", path);
	return NULL;
}

void vss_ahead_forget(const char *path)
{
	unlink(path);
}
