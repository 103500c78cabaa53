/* SPDX-License-Identifier: GPL-2.0-only */
/* Values for JSON answers that json-c has no call for. Each returns a new reference; NULL is JSON's null. */
#pragma once

#include <glib.h>
#include <json-c/json.h>

/* @text, which is valid UTF-8, or null. */
static inline struct json_object *hvis_json_text(const char *text)
{
	return text ? json_object_new_string(text) : NULL;
}

/* A count, as large as any reader of JSON takes it: signed, 64 bits. */
static inline struct json_object *hvis_json_count(guint64 count)
{
	return json_object_new_int64((gint64)MIN(count, G_MAXINT64));
}
