/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One channel: relid, offer, open, close, modify, release. What an event does to the state is
 * channel-state.c; what goes through the rings is traffic.c.
 */
#include "config.h"

#include "host/fault.h"
#include "host/owed.h"
#include "host/trace.h"
#include "host/vmbus/parts.h"
#include "util/error.h"

#define RELEASE_LIMIT_MS 60000
#define RING_PAGES_MIN 2u /* control page and data */

/* Round robin, so that a relid that was just released is not the next one. */
static guint32 find_relid(VmbusHost *host)
{
	for (guint32 i = 1; i < VMBUS_RELIDS; i++) {
		guint32 relid = (host->last_relid + i - 1) % HVIS_RELID_MAX + 1;

		if (!host->channels[relid]) {
			host->last_relid = relid;
			return relid;
		}
	}
	return 0;
}

VmbusChannel *channel_new(VmbusDevice *device, guint16 index)
{
	VmbusHost *host = device->host;
	guint32 relid = find_relid(host);
	VmbusChannel *channel;

	if (!relid)
		return NULL;
	channel = g_rc_box_new0(VmbusChannel);
	channel->host = host;
	channel->device = device;
	channel->index = index;
	channel->relid = relid;
	channel->monitor_id = HVIS_MONITOR_NONE;
	channel->scratch = g_byte_array_new();
	host->channels[relid] = channel;
	return channel;
}

static void channel_clear(gpointer data)
{
	VmbusChannel *channel = data;

	g_byte_array_unref(channel->scratch);
	g_free(channel->fault);
}

void channel_unref(VmbusChannel *channel)
{
	g_rc_box_release_full(channel, channel_clear);
}

VmbusChannel *channel_find(VmbusHost *host, guint32 relid)
{
	return relid < VMBUS_RELIDS ? host->channels[relid] : NULL;
}

void channel_detach(VmbusChannel *channel)
{
	VmbusDevice *device = channel->device;

	if (device->primary == channel)
		device->primary = NULL;
	else
		g_ptr_array_remove(device->subchannels, channel);
}

void channel_remove(VmbusChannel *channel)
{
	owed_done(channel->owed_release);
	gpadl_drop_all(channel->host, channel->relid);
	channel->host->channels[channel->relid] = NULL;
	channel_unref(channel);
}

void channel_send_offer(VmbusChannel *channel)
{
	const VmbusDeviceInfo *info = &channel->device->info;
	struct hvis_msg_offer offer = {
		.type = info->type,
		.instance = info->instance,
		.flags = hvis_le16_make(info->flags),
		.subchannel = hvis_le16_make(channel->index),
		.relid = hvis_le32_make(channel->relid),
		.dedicated = hvis_le16_make(info->no_dedicated ? 0 : 1),
		.connection_id = hvis_le32_make(VMBUS_CONNECTION_BASE + channel->relid),
	};

	monitor_assign(channel);
	offer.monitor_id = channel->monitor_id;
	offer.monitor_allocated = channel->monitor_id != HVIS_MONITOR_NONE;
	memcpy(offer.user_data, info->user_data, sizeof(offer.user_data));
	vmbus_send(channel->host, HVIS_MSG_OFFER, channel->relid, 0, &offer, sizeof(offer));
}

void channel_send_rescind(VmbusChannel *channel)
{
	struct hvis_msg_relid rescind = { .relid = hvis_le32_make(channel->relid) };

	channel->owed_release = owed_add("host", RELEASE_LIMIT_MS,
		"RELID_RELEASED for %s, relid %u", channel->device->name, channel->relid);
	vmbus_send(channel->host, HVIS_MSG_RESCIND, channel->relid, 0, &rescind, sizeof(rescind));
}

void channel_stop(VmbusChannel *channel)
{
	VmbusHost *host = channel->host;
	const VmbusDeviceInfo *info = &channel->device->info;

	g_clear_handle_id(&channel->resume_source, g_source_remove);
	fault_forget(channel);
	if (channel->monitor_id != HVIS_MONITOR_NONE)
		monitor_stop(channel);
	host->machine->ops->disconnect_event(host->machine, VMBUS_CONNECTION_BASE + channel->relid);
	host->machine->ops->unmap(host->machine, channel->memory, channel->memory_pages);
	channel->memory = NULL;
	channel->in.control = channel->out.control = NULL;
	channel->wait_room = 0;
	if (info->ops && info->ops->closed)
		info->ops->closed(channel, info->data);
}

void channel_break(VmbusChannel *channel, const char *why, ...)
{
	VmbusHost *host = channel->host;
	g_autofree char *text = NULL;
	va_list args;

	g_free(channel->fault);
	va_start(args, why);
	channel->fault = g_strdup_vprintf(why, args);
	va_end(args);
	text = g_strdup_printf("%s, channel %u, relid %u: stopped, %s", channel->device->name,
		channel->index, channel->relid, channel->fault);
	vmbus_violation(host, "%s", text);
	if (host->options.report)
		host->options.report(text, host->options.report_data);
	channel_post(channel, CHANNEL_EVENT_BREAK);
}

/* NULL, or what is wrong with @open of a channel that is there. */
static const char *check_open(VmbusHost *host, const VmbusChannel *channel,
	const struct hvis_msg_open *open, const Gpadl *gpadl)
{
	guint32 down = hvis_le32_get(open->downstream_page);
	guint32 vp = hvis_le32_get(open->target_vp);

	if (!gpadl || !gpadl_complete(gpadl))
		return "no such gpadl";
	if (gpadl->shape.relid != channel->relid)
		return "the gpadl is another channel's";
	if (gpadl->shape.byte_offset || gpadl->shape.byte_count % HVIS_PAGE_SIZE)
		return "the gpadl is not of whole pages";
	if (down < RING_PAGES_MIN || down > gpadl->shape.pages ||
		gpadl->shape.pages - down < RING_PAGES_MIN)
		return "no room for two rings";
	if (vp != HVIS_VP_NONE && vp >= host->machine->ops->n_vps(host->machine))
		return "no such processor";
	return NULL;
}

static gboolean attach(
	VmbusChannel *channel, const struct hvis_msg_open *open, const Gpadl *gpadl, GError **error)
{
	Machine *machine = channel->host->machine;
	guint32 down = hvis_le32_get(open->downstream_page), pages = gpadl->shape.pages;
	const guint64 *pfns = &g_array_index(gpadl->pfns, guint64, 0);
	hvis_shared *control;
	gpointer memory = machine->ops->map(machine, pfns, pages, error);

	if (!memory)
		return FALSE;
	if (!machine->ops->connect_event(machine, VMBUS_CONNECTION_BASE + channel->relid, error)) {
		machine->ops->unmap(machine, memory, pages);
		return FALSE;
	}
	control = memory;
	channel->memory = memory;
	channel->memory_pages = pages;
	channel->gpadl = gpadl->shape.gpadl;
	channel->target_vp = hvis_le32_get(open->target_vp);
	hvis_ring_init(&channel->in, control, down);
	control = hvis_shared_at(control, down * HVIS_PAGE_SIZE);
	hvis_ring_init(&channel->out, control, pages - down);
	hvis_ring_read_start(&channel->in);
	hvis_ring_write_start(&channel->out, HVIS_RING_PENDING_SEND);
	return TRUE;
}

/* The status for the guest. */
static guint32 try_open(VmbusHost *host, VmbusChannel *channel, const struct hvis_msg_open *open)
{
	g_autoptr(GError) error = NULL;
	const Gpadl *gpadl =
		g_hash_table_lookup(host->gpadls, GUINT_TO_POINTER(hvis_le32_get(open->gpadl)));
	guint32 relid = hvis_le32_get(open->relid);
	const char *why;

	if (!channel || channel->state == CHANNEL_IDLE) {
		vmbus_violation(host, "OPEN for relid %u, which is not offered", relid);
		return HVIS_NT_INVALID_PARAMETER;
	}
	if (channel->state != CHANNEL_OFFERED) {
		vmbus_violation(host, "OPEN for relid %u, which is %s", relid,
			channel_state_name(channel->state));
		return HVIS_NT_INVALID_STATE;
	}
	why = check_open(host, channel, open, gpadl);
	if (why || !attach(channel, open, gpadl, &error)) {
		vmbus_violation(
			host, "OPEN for relid %u refused: %s", relid, why ? why : error->message);
		return HVIS_NT_INVALID_PARAMETER;
	}
	channel_post(channel, CHANNEL_EVENT_OPEN);
	return HVIS_NT_OK;
}

static gboolean is_rescinded(VmbusChannel *channel, const char *message)
{
	if (!channel || channel->state != CHANNEL_RESCINDED)
		return FALSE;
	trace_emit(TRACE_MESSAGE, TRACE_NOTE, "vmbus", NULL, 0,
		"%s for relid %u crossed its RESCIND", message, channel->relid);
	return TRUE;
}

void channel_open(VmbusHost *host, const guint8 *message, gsize len)
{
	struct hvis_msg_open_result result = { 0 };
	struct hvis_msg_open open;
	VmbusChannel *channel;
	guint32 status;
	guint64 owed;

	memcpy(&open, message, sizeof(open));
	channel = channel_find(host, hvis_le32_get(open.relid));
	if (is_rescinded(channel, "OPEN"))
		return;
	owed = vmbus_promise(host, "OPEN_RESULT for %s, relid %u",
		channel ? channel->device->name : "nobody", hvis_le32_get(open.relid));
	status = try_open(host, channel, &open);
	result.relid = open.relid;
	result.open_id = open.open_id;
	result.status = hvis_le32_make(status);
	vmbus_send(host, HVIS_MSG_OPEN_RESULT, hvis_le32_get(open.relid), owed, &result,
		sizeof(result));
	if (status == HVIS_NT_OK && channel->device->info.ops && channel->device->info.ops->opened)
		channel->device->info.ops->opened(channel, channel->device->info.data);
}

void channel_close(VmbusHost *host, const guint8 *message, gsize len)
{
	struct hvis_msg_relid close;
	VmbusChannel *channel;

	memcpy(&close, message, sizeof(close));
	channel = channel_find(host, hvis_le32_get(close.relid));
	if (!channel || !channel_post(channel, CHANNEL_EVENT_CLOSE))
		vmbus_violation(host, "CLOSE for relid %u, which is %s", hvis_le32_get(close.relid),
			channel ? channel_state_name(channel->state) : "unknown");
}

void channel_released(VmbusHost *host, const guint8 *message, gsize len)
{
	struct hvis_msg_relid release;
	VmbusChannel *channel;

	memcpy(&release, message, sizeof(release));
	channel = channel_find(host, hvis_le32_get(release.relid));
	if (channel && channel_post(channel, CHANNEL_EVENT_RELEASE))
		offer_waiting(host);
	else
		vmbus_violation(host, "RELID_RELEASED for relid %u, which is %s",
			hvis_le32_get(release.relid),
			channel ? channel_state_name(channel->state) : "unknown");
}

static guint32 try_modify(VmbusHost *host, VmbusChannel *channel, guint32 relid, guint32 vp)
{
	if (!channel || channel->state != CHANNEL_OPEN) {
		vmbus_violation(host, "MODIFY_CHANNEL for relid %u, which is %s", relid,
			channel ? channel_state_name(channel->state) : "unknown");
		return HVIS_NT_INVALID_STATE;
	}
	if (vp != HVIS_VP_NONE && vp >= host->machine->ops->n_vps(host->machine)) {
		vmbus_violation(host, "MODIFY_CHANNEL of relid %u to processor %u", relid, vp);
		return HVIS_NT_INVALID_PARAMETER;
	}
	channel->target_vp = vp;
	return HVIS_NT_OK;
}

/* Known from 4.1 on; answered from 5.3 on, where Linux waits for the answer. */
void channel_modify(VmbusHost *host, const guint8 *message, gsize len)
{
	struct hvis_msg_modify_response response = { 0 };
	struct hvis_msg_modify_channel modify;
	guint32 relid;

	memcpy(&modify, message, sizeof(modify));
	relid = hvis_le32_get(modify.relid);
	if (host->version < HVIS_VERSION_4_1) {
		vmbus_violation(host, "MODIFY_CHANNEL before version 4.1");
		return;
	}
	response.relid = modify.relid;
	response.status = hvis_le32_make(try_modify(
		host, channel_find(host, relid), relid, hvis_le32_get(modify.target_vp)));
	if (host->version >= HVIS_VERSION_5_3)
		vmbus_send(host, HVIS_MSG_MODIFY_RESPONSE, relid,
			vmbus_promise(host, "MODIFY_RESPONSE for relid %u", relid), &response,
			sizeof(response));
}

VmbusDevice *vmbus_channel_device(const VmbusChannel *channel)
{
	return channel->device;
}

guint vmbus_channel_index(const VmbusChannel *channel)
{
	return channel->index;
}

guint32 vmbus_channel_relid(const VmbusChannel *channel)
{
	return channel->relid;
}
