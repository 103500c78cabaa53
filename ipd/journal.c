/* SPDX-License-Identifier: GPL-2.0-only */
/* The helper's memory; see the header. */
#include "config.h"

#include "ipd/journal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <util/error.h>
#include <util/fd.h>
#include <util/file.h>

#define RECORD_MAX (4u * 1024u * 1024u) /* ours: whole files of others are in it */

void ip_journal_init(IpJournal *journal, const char *dir)
{
	journal->dir = g_strdup(dir);
}

void ip_journal_deinit(IpJournal *journal)
{
	g_clear_pointer(&journal->dir, g_free);
}

static char *path_of(IpJournal *journal, const char *name)
{
	return g_strdup_printf("%s/%s.json", journal->dir, name);
}

static gboolean put(IpJournal *journal, const char *name, struct json_object *value, GError **error)
{
	g_autofree char *path = path_of(journal, name);
	size_t len;
	const char *text = json_object_to_json_string_length(
		value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);

	if (len > RECORD_MAX)
		return hvis_fail(error, HVIS_ERROR_NO_SPACE,
			"what there is to save is longer than %u bytes", RECORD_MAX);
	if (g_mkdir_with_parents(journal->dir, 0700) < 0)
		return hvis_fail_errno(error, errno, "make %s", journal->dir);
	return hvis_file_write(path, text, len, 0600, error); /* it holds files that are 0600 */
}

/* NULL without @error where there is no such file. */
static struct json_object *get(
	IpJournal *journal, const char *name, enum json_type type, GError **error)
{
	g_autofree char *path = path_of(journal, name);
	g_autoptr(GError) failed = NULL;
	g_autofree char *text = hvis_file_read(path, RECORD_MAX, NULL, &failed);
	struct json_object *value;

	if (!text) {
		if (!hvis_error_is(failed, HVIS_ERROR_NOT_FOUND))
			g_propagate_error(error, g_steal_pointer(&failed));
		return NULL;
	}
	value = json_tokener_parse(text);
	if (json_object_is_type(value, type))
		return value;
	json_object_put(value);
	hvis_fail(error, HVIS_ERROR_INVALID, "%s: not what was written there", path);
	return NULL;
}

static gboolean move(IpJournal *journal, const char *from, const char *to, GError **error)
{
	g_autofree char *old = path_of(journal, from), *new = path_of(journal, to);
	hvis_autofd int fd = -1;

	if (rename(old, new) < 0)
		return hvis_fail_errno(error, errno, "rename %s", old);
	fd = hvis_open(journal->dir, O_RDONLY | O_DIRECTORY, NULL);
	if (fd >= 0)
		fsync(fd); /* where it fails, a crash takes the change back: safe */
	return TRUE;
}

gboolean ip_journal_begin(IpJournal *journal, struct json_object *record, GError **error)
{
	return put(journal, "pending", record, error);
}

gboolean ip_journal_keep(IpJournal *journal, GError **error)
{
	return move(journal, "pending", "last", error);
}

void ip_journal_drop(IpJournal *journal)
{
	g_autofree char *path = path_of(journal, "pending");

	unlink(path);
}

char *ip_journal_set_aside(IpJournal *journal)
{
	if (!move(journal, "pending", "failed", NULL))
		ip_journal_drop(journal); /* or every start would try it again */
	return path_of(journal, "failed");
}

gboolean ip_journal_reopen(IpJournal *journal, GError **error)
{
	return move(journal, "last", "pending", error);
}

gboolean ip_journal_is_pending(IpJournal *journal)
{
	g_autofree char *path = path_of(journal, "pending");

	return access(path, F_OK) == 0;
}

struct json_object *ip_journal_pending(IpJournal *journal, GError **error)
{
	return get(journal, "pending", json_type_object, error);
}

struct json_object *ip_journal_last(IpJournal *journal, GError **error)
{
	return get(journal, "last", json_type_object, error);
}

struct json_object *ip_journal_history(IpJournal *journal)
{
	struct json_object *history = get(journal, "history", json_type_array, NULL);

	return history ? history : json_object_new_array();
}

gboolean ip_journal_note(IpJournal *journal, struct json_object *entry, GError **error)
{
	struct json_object *history = ip_journal_history(journal);
	gsize n = json_object_array_length(history);
	gboolean done;

	if (n >= IP_JOURNAL_HISTORY_MAX)
		json_object_array_del_idx(history, 0, n - IP_JOURNAL_HISTORY_MAX + 1);
	json_object_array_add(history, entry);
	done = put(journal, "history", history, error);
	json_object_put(history);
	return done;
}
