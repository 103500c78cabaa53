/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the guest's bytes to a handler: one table of types with the least length and the states of
 * the contact in which a message has a meaning. Whatever does not fit is counted, traced and
 * dropped: the guest gets no answer to what is no message.
 */
#include "config.h"

#include "host/trace.h"
#include "host/vmbus/parts.h"

#define IN(state) (1u << (state))
#define CONNECTED (IN(CONTACT_MADE) | IN(CONTACT_OFFERED))
#define ALWAYS (IN(CONTACT_NONE) | CONNECTED)

static const struct {
	gsize size;
	guint contacts;
	VmbusHandler handle;
} guest_messages[VMBUS_MESSAGE_TYPES] = {
	[HVIS_MSG_REQUEST_OFFERS] = { sizeof(struct hvis_msg_hdr), IN(CONTACT_MADE),
		contact_request_offers },
	[HVIS_MSG_OPEN] = { sizeof(struct hvis_msg_open), CONNECTED, channel_open },
	[HVIS_MSG_CLOSE] = { sizeof(struct hvis_msg_relid), CONNECTED, channel_close },
	[HVIS_MSG_GPADL_HEADER] = { sizeof(struct hvis_msg_gpadl_header), CONNECTED, gpadl_header },
	[HVIS_MSG_GPADL_BODY] = { sizeof(struct hvis_msg_gpadl_body), CONNECTED, gpadl_body },
	[HVIS_MSG_GPADL_TEARDOWN] = { sizeof(struct hvis_msg_gpadl_teardown), CONNECTED,
		gpadl_teardown },
	[HVIS_MSG_RELID_RELEASED] = { sizeof(struct hvis_msg_relid), CONNECTED, channel_released },
	[HVIS_MSG_UNLOAD] = { sizeof(struct hvis_msg_hdr), ALWAYS, contact_unload },
	[HVIS_MSG_TL_CONNECT] = { sizeof(struct hvis_msg_tl_connect), CONNECTED,
		contact_tl_connect },
	[HVIS_MSG_MODIFY_CHANNEL] = { sizeof(struct hvis_msg_modify_channel), CONNECTED,
		channel_modify },
};

static void trace_incoming(const guint8 *message, gsize len)
{
	g_autofree char *text = NULL;

	if (!trace_wanted(TRACE_MESSAGE))
		return;
	text = vmbus_message_text(message, len);
	trace_emit(TRACE_MESSAGE, TRACE_TO_HOST, "vmbus", message, len, "%s", text);
}

/* The contact decides on its own port; all else comes where the contact said. */
static void dispatch_known(
	VmbusHost *host, guint32 type, guint32 port, const guint8 *message, gsize len)
{
	const char *name = vmbus_message_name(type);

	if (len < guest_messages[type].size)
		vmbus_violation(host, "%s of %" G_GSIZE_FORMAT " bytes, %" G_GSIZE_FORMAT " wanted",
			name, len, guest_messages[type].size);
	else if (!(guest_messages[type].contacts & IN(host->contact)))
		vmbus_violation(host, "%s while the contact is %s", name,
			contact_state_name(host->contact));
	else if (host->contact != CONTACT_NONE && port != host->port)
		vmbus_violation(host, "%s on port %u, %u was agreed on", name, port, host->port);
	else
		guest_messages[type].handle(host, message, len);
}

void vmbus_dispatch(VmbusHost *host, guint32 port, const guint8 *message, gsize len)
{
	struct hvis_msg_hdr header;
	guint32 type;

	trace_incoming(message, len);
	if (len < sizeof(header) || len > HVIS_MESSAGE_MAX) {
		vmbus_violation(host, "a message of %" G_GSIZE_FORMAT " bytes", len);
		return;
	}
	memcpy(&header, message, sizeof(header));
	type = hvis_le32_get(header.type);
	if (type < VMBUS_MESSAGE_TYPES)
		host->messages_in[type]++;
	if (type == HVIS_MSG_INITIATE_CONTACT)
		contact_initiate(host, port, message, len);
	else if (type < VMBUS_MESSAGE_TYPES && guest_messages[type].handle)
		dispatch_known(host, type, port, message, len);
	else
		vmbus_violation(host, "message type %u is not one that a guest sends", type);
}
