/* SPDX-License-Identifier: GPL-2.0-only */
/* A queue of them; see the header. */
#include <util/recent.h>

#include <string.h>

#define PLAIN (JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE)

struct HvisRecent {
	GQueue entries; /* of struct json_object, the last one first */
};

static void entry_free(gpointer entry)
{
	json_object_put(entry);
}

HvisRecent *hvis_recent_new(void)
{
	HvisRecent *recent = g_new(HvisRecent, 1);

	g_queue_init(&recent->entries);
	return recent;
}

void hvis_recent_free(HvisRecent *recent)
{
	if (!recent)
		return;
	g_queue_clear_full(&recent->entries, entry_free);
	g_free(recent);
}

void hvis_recent_add(HvisRecent *recent, struct json_object *entry)
{
	g_queue_push_head(&recent->entries, entry);
	if (recent->entries.length > HVIS_RECENT_MAX)
		entry_free(g_queue_pop_tail(&recent->entries));
}

struct json_object *hvis_recent_last(const HvisRecent *recent)
{
	return recent->entries.head ? recent->entries.head->data : NULL;
}

struct json_object *hvis_recent_list(const HvisRecent *recent, guint count, gsize room)
{
	struct json_object *list = json_object_new_array();

	for (GList *at = recent->entries.head; at && count > 0; at = at->next, count--) {
		gsize size = strlen(json_object_to_json_string_ext(at->data, PLAIN)) + 1;

		if (size > room)
			break;
		room -= size;
		json_object_array_add(list, json_object_get(at->data));
	}
	return list;
}
