/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What survives the helper: the change that is under way, the last one that stayed, and a short
 * history. Files in one directory; records are JSON objects as change.c makes them.
 *
 * pending.json is written before anything is changed, so whoever finds one must take it back. It
 * becomes last.json by a rename: a change is one or the other, never both.
 */
#pragma once

#include <glib.h>
#include <json-c/json.h>

#define IP_JOURNAL_HISTORY_MAX 50u /* ours */

typedef struct {
	char *dir;
} IpJournal;

void ip_journal_init(IpJournal *journal, const char *dir);
void ip_journal_deinit(IpJournal *journal);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(IpJournal, ip_journal_deinit)

/* Before the first step of a change. HVIS_ERROR_NO_SPACE where it could not be read again. */
gboolean ip_journal_begin(IpJournal *journal, struct json_object *record, GError **error);
/* The change stays; it can be taken back later. */
gboolean ip_journal_keep(IpJournal *journal, GError **error);
/* The change was taken back. */
void ip_journal_drop(IpJournal *journal);
/*
 * The change cannot be taken back, or its record cannot be read: it becomes failed.json, for an
 * administrator, as it has the only copy of what was there. Its path, a new string.
 */
char *ip_journal_set_aside(IpJournal *journal);
/* The change that stayed is to be taken back: it becomes the pending one. HVIS_ERROR_NOT_FOUND. */
gboolean ip_journal_reopen(IpJournal *journal, GError **error);

/* Is there a change that did not come to its end? */
gboolean ip_journal_is_pending(IpJournal *journal);

/* New references; NULL where there is none, or none that can be read (then with @error). */
struct json_object *ip_journal_pending(IpJournal *journal, GError **error);
struct json_object *ip_journal_last(IpJournal *journal, GError **error);
/* An array, oldest first; empty where there is none. */
struct json_object *ip_journal_history(IpJournal *journal);

/* Add to the history: who it was about, and how it ended. Takes @entry. */
gboolean ip_journal_note(IpJournal *journal, struct json_object *entry, GError **error);
