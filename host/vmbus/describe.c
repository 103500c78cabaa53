/* SPDX-License-Identifier: GPL-2.0-only */
/* The state of the VMBus host as JSON, for "ctl info". Changes nothing. */
#include "config.h"

#include <json-c/json.h>

#include "host/vmbus/parts.h"

#define GPADLS_SHOWN 256u

static void add_text(struct json_object *object, const char *key, char *owned)
{
	json_object_object_add(object, key, json_object_new_string(owned));
	g_free(owned);
}

static void add_number(struct json_object *object, const char *key, guint64 value)
{
	json_object_object_add(object, key, json_object_new_uint64(value));
}

static void add_bool(struct json_object *object, const char *key, gboolean value)
{
	json_object_object_add(object, key, json_object_new_boolean(value));
}

static struct json_object *describe_traffic(const ChannelTraffic *traffic, guint32 ring_size)
{
	struct json_object *object = json_object_new_object();

	add_number(object, "packets", traffic->packets);
	add_number(object, "bytes", traffic->bytes);
	add_number(object, "signals", traffic->signals);
	add_number(object, "ring_bytes", ring_size);
	return object;
}

static struct json_object *describe_channel(const VmbusChannel *channel)
{
	struct json_object *object = json_object_new_object();
	gboolean open = channel->state == CHANNEL_OPEN;

	add_number(object, "index", channel->index);
	add_number(object, "relid", channel->relid);
	add_text(object, "state", g_strdup(channel_state_name(channel->state)));
	add_number(object, "opens", channel->opens);
	if (open) {
		add_number(object, "gpadl", channel->gpadl);
		json_object_object_add(
			object, "target_vp", json_object_new_int((gint32)channel->target_vp));
		add_bool(object, "waits_for_room", channel->wait_room != 0);
	}
	if (channel->monitor_id != HVIS_MONITOR_NONE)
		add_number(object, "monitor", channel->monitor_id);
	if (channel->fault)
		add_text(object, "fault", g_strdup(channel->fault));
	json_object_object_add(object, "received",
		describe_traffic(&channel->received, open ? channel->in.size : 0));
	json_object_object_add(
		object, "sent", describe_traffic(&channel->sent, open ? channel->out.size : 0));
	return object;
}

static struct json_object *describe_device(const VmbusDevice *device)
{
	struct json_object *object = json_object_new_object();
	struct json_object *channels = json_object_new_array();

	add_text(object, "name", g_strdup(device->name));
	add_text(object, "type", vmbus_guid_text(&device->info.type));
	add_text(object, "instance", vmbus_guid_text(&device->info.instance));
	add_bool(object, "offered", device->enabled);
	/* Rescinded ones included: they are here until the guest lets go. */
	for (guint32 relid = 1; relid < VMBUS_RELIDS; relid++)
		if (device->host->channels[relid] &&
			device->host->channels[relid]->device == device)
			json_object_array_add(
				channels, describe_channel(device->host->channels[relid]));
	json_object_object_add(object, "channels", channels);
	return object;
}

/* Some of them: how many there are is the guest's choice, and an answer has a limit. */
static struct json_object *describe_gpadls(VmbusHost *host)
{
	struct json_object *array = json_object_new_array();
	GHashTableIter iter;
	gpointer value;

	g_hash_table_iter_init(&iter, host->gpadls);
	while (json_object_array_length(array) < GPADLS_SHOWN &&
		g_hash_table_iter_next(&iter, NULL, &value)) {
		const Gpadl *gpadl = value;
		struct json_object *object = json_object_new_object();

		add_number(object, "gpadl", gpadl->shape.gpadl);
		add_number(object, "relid", gpadl->shape.relid);
		add_number(object, "pages", gpadl->shape.pages);
		add_bool(object, "complete", gpadl_complete(gpadl));
		json_object_array_add(array, object);
	}
	return array;
}

static struct json_object *describe_messages(const guint64 *counts)
{
	struct json_object *object = json_object_new_object();

	for (guint32 type = 0; type < VMBUS_MESSAGE_TYPES; type++) {
		g_autofree char *number = g_strdup_printf("%u", type);
		const char *name = vmbus_message_name(type);

		if (counts[type])
			add_number(object, name ? name : number, counts[type]);
	}
	return object;
}

struct json_object *vmbus_host_describe(VmbusHost *host)
{
	struct json_object *object = json_object_new_object();
	struct json_object *devices = json_object_new_array();

	add_text(object, "contact", g_strdup(contact_state_name(host->contact)));
	if (host->contact != CONTACT_NONE)
		add_text(object, "version", vmbus_version_text(host->version));
	for (guint i = 0; i < host->devices->len; i++)
		json_object_array_add(
			devices, describe_device(g_ptr_array_index(host->devices, i)));
	json_object_object_add(object, "devices", devices);
	json_object_object_add(object, "gpadls", describe_gpadls(host));
	add_number(object, "gpadls_in_all", g_hash_table_size(host->gpadls));
	add_number(object, "gpadl_pages", host->gpadl_pages);
	json_object_object_add(object, "messages_received", describe_messages(host->messages_in));
	json_object_object_add(object, "messages_sent", describe_messages(host->messages_out));
	add_number(object, "violations", host->violations);
	if (host->last_violation)
		add_text(object, "last_violation", g_strdup(host->last_violation));
	return object;
}
