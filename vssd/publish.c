/* SPDX-License-Identifier: GPL-2.0-only */
/* The array of problems is part of the entry: what it gets later the history has, too. */
#include "config.h"

#include "vssd/publish.h"

struct VssPublisher {
	VssHistory *history;
	VssSocket *socket;
	VssRecord *record;
	struct json_object *open; /* its hooks are not through; NULL: there is none */
	const struct json_object *put; /* what the host was told last; to be compared alone */
};

VssPublisher *vss_publisher_new(VssSocket *socket, VssRecord *record)
{
	VssPublisher *publisher = g_new0(VssPublisher, 1);

	publisher->history = vss_history_new();
	publisher->socket = socket;
	publisher->record = record;
	return publisher;
}

void vss_publisher_free(VssPublisher *publisher)
{
	if (!publisher)
		return;
	json_object_put(publisher->open);
	vss_record_free(publisher->record);
	vss_history_free(publisher->history);
	g_free(publisher);
}

const VssHistory *vss_publisher_history(const VssPublisher *publisher)
{
	return publisher->history;
}

static void put(VssPublisher *publisher, struct json_object *entry)
{
	g_autofree char *value = vss_history_value(entry);

	publisher->put = entry;
	vss_record_put(publisher->record, value);
}

void vss_publisher_tell(
	VssPublisher *publisher, struct json_object *entry, struct json_object *hooks)
{
	gboolean rehearsal = vss_history_is_rehearsal(entry);

	if (hooks)
		json_object_object_add(entry, "hooks", json_object_get(hooks));
	vss_history_add(publisher->history, entry);
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
