/* SPDX-License-Identifier: GPL-2.0-only */
/* The last entries of a history: JSON objects, in memory alone. */
#pragma once

#include <glib.h>
#include <json-c/json.h>

#define HVIS_RECENT_MAX 50u /* ours: as many as daemons keep */

typedef struct HvisRecent HvisRecent;

HvisRecent *hvis_recent_new(void);
void hvis_recent_free(HvisRecent *recent);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(HvisRecent, hvis_recent_free)

/* Takes @entry; the oldest one goes for it where there are too many. */
void hvis_recent_add(HvisRecent *recent, struct json_object *entry);

/* The last one, borrowed; NULL where there is none. */
struct json_object *hvis_recent_last(const HvisRecent *recent);

/* The last @count at most, the last one first, those that have together at most @room bytes. New. */
struct json_object *hvis_recent_list(const HvisRecent *recent, guint count, gsize room);
