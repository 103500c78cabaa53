/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The array of problems is part of the entry: what it gets later the history has, too. What a daemon that is killed
 * would leave untold is written down ahead, see ahead.h.
 */
#include "config.h"

#include "vssd/publish.h"

#include "vssd/ahead.h"

struct VssPublisher {
	HvisRecent *history;
	VssSocket *socket;
	VssRecord *record;
	char *ahead; /* the path of that */
	gboolean noted; /* there is a session, and what is ahead is of it */
	void (*failed)(const char *text, gpointer data);
	gpointer data;
	struct json_object *open; /* its hooks are not through; NULL: there is none */
	const struct json_object *put; /* what the host was told last; to be compared alone */
};

static void on_recorded(gpointer data)
{
	VssPublisher *publisher = data;

	if (!publisher->noted)
		vss_ahead_forget(publisher->ahead);
}

VssPublisher *vss_publisher_new(VssSocket *socket, VssRecord *record, const char *marker,
	void (*failed)(const char *text, gpointer data), gpointer data)
{
	VssPublisher *publisher = g_new0(VssPublisher, 1);
	g_autofree char *dir = g_path_get_dirname(marker);

	publisher->history = hvis_recent_new();
	publisher->socket = socket;
	publisher->ahead = g_build_filename(dir, "vss.last", NULL);
	publisher->failed = failed;
	publisher->data = data;
	publisher->record = record;
	vss_record_on_end(record, on_recorded, publisher);
	return publisher;
}

void vss_publisher_free(VssPublisher *publisher)
{
	if (!publisher)
		return;
	json_object_put(publisher->open);
	g_free(publisher->ahead);
	vss_record_free(publisher->record);
	hvis_recent_free(publisher->history);
	g_free(publisher);
}

const HvisRecent *vss_publisher_history(const VssPublisher *publisher)
{
	return publisher->history;
}

static void put(VssPublisher *publisher, struct json_object *entry)
{
	g_autofree char *value = vss_history_value(entry);

	publisher->put = entry;
	vss_record_put(publisher->record, value);
}

/* Without it there is less to tell after a SIGKILL, which is no reason for less than a backup. */
static void write_ahead(VssPublisher *publisher, struct json_object *entry)
{
	g_autoptr(GError) error = NULL;

	if (!vss_ahead_write(publisher->ahead, entry, &error))
		publisher->failed(error->message, publisher->data);
}

void vss_publisher_note(
	VssPublisher *publisher, gboolean rehearsal, gint64 began_us, gboolean thawed)
{
	struct json_object *entry = vss_history_killed(rehearsal, began_us, thawed);

	publisher->noted = TRUE;
	write_ahead(publisher, entry);
	json_object_put(entry);
}

void vss_publisher_recover(VssPublisher *publisher)
{
	g_autoptr(GError) error = NULL;
	struct json_object *entry = vss_ahead_read(publisher->ahead, &error);

	if (error)
		publisher->failed(error->message, publisher->data);
	if (!entry)
		return;
	if (vss_history_is_rehearsal(entry))
		vss_ahead_forget(publisher->ahead);
	vss_publisher_tell(publisher, entry, NULL);
}

void vss_publisher_tell(
	VssPublisher *publisher, struct json_object *entry, struct json_object *hooks)
{
	gboolean rehearsal = vss_history_is_rehearsal(entry);

	if (hooks)
		json_object_object_add(entry, "hooks", json_object_get(hooks));
	if (publisher->noted && rehearsal)
		vss_ahead_forget(publisher->ahead);
	else if (publisher->noted)
		write_ahead(publisher, entry); /* until the host can read it */
	publisher->noted = FALSE;
	hvis_recent_add(publisher->history, entry);
	vss_socket_ended(publisher->socket, entry);
	if (!rehearsal)
		put(publisher, entry);
	if (hooks) {
		json_object_put(publisher->open);
		publisher->open = json_object_get(entry);
	} else if (rehearsal)
		vss_socket_rehearsed(publisher->socket, entry);
}

void vss_publisher_complete(VssPublisher *publisher)
{
	struct json_object *entry = g_steal_pointer(&publisher->open);

	if (!entry)
		return;
	if (vss_history_is_rehearsal(entry))
		vss_socket_rehearsed(publisher->socket, entry);
	else if (publisher->put == entry && vss_history_has_problems(entry))
		put(publisher, entry);
	json_object_put(entry);
}
