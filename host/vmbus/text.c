/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages, states and identifiers in words, for traces and for the administrator. Takes any bytes
 * of any length: what is too short for its type is shown by name and length alone.
 */
#include "config.h"

#include "host/vmbus/parts.h"

const char *vmbus_message_name(guint32 type)
{
	switch ((enum hvis_message)type) {
	case HVIS_MSG_INVALID:
		return "INVALID";
	case HVIS_MSG_OFFER:
		return "OFFER";
	case HVIS_MSG_RESCIND:
		return "RESCIND";
	case HVIS_MSG_REQUEST_OFFERS:
		return "REQUEST_OFFERS";
	case HVIS_MSG_ALL_OFFERS:
		return "ALL_OFFERS";
	case HVIS_MSG_OPEN:
		return "OPEN";
	case HVIS_MSG_OPEN_RESULT:
		return "OPEN_RESULT";
	case HVIS_MSG_CLOSE:
		return "CLOSE";
	case HVIS_MSG_GPADL_HEADER:
		return "GPADL_HEADER";
	case HVIS_MSG_GPADL_BODY:
		return "GPADL_BODY";
	case HVIS_MSG_GPADL_CREATED:
		return "GPADL_CREATED";
	case HVIS_MSG_GPADL_TEARDOWN:
		return "GPADL_TEARDOWN";
	case HVIS_MSG_GPADL_TORNDOWN:
		return "GPADL_TORNDOWN";
	case HVIS_MSG_RELID_RELEASED:
		return "RELID_RELEASED";
	case HVIS_MSG_INITIATE_CONTACT:
		return "INITIATE_CONTACT";
	case HVIS_MSG_VERSION_RESPONSE:
		return "VERSION_RESPONSE";
	case HVIS_MSG_UNLOAD:
		return "UNLOAD";
	case HVIS_MSG_UNLOAD_RESPONSE:
		return "UNLOAD_RESPONSE";
	case HVIS_MSG_TL_CONNECT:
		return "TL_CONNECT";
	case HVIS_MSG_MODIFY_CHANNEL:
		return "MODIFY_CHANNEL";
	case HVIS_MSG_TL_CONNECT_RESULT:
		return "TL_CONNECT_RESULT";
	case HVIS_MSG_MODIFY_RESPONSE:
		return "MODIFY_RESPONSE";
	}
	return NULL;
}

const char *vmbus_packet_name(guint16 type)
{
	static const char *const names[] = {
		[HVIS_PACKET_INBAND] = "inband",
		[HVIS_PACKET_XFER_PAGES] = "xfer-pages",
		[HVIS_PACKET_USING_GPADL] = "gpadl",
		[HVIS_PACKET_GPA_DIRECT] = "gpa-direct",
		[HVIS_PACKET_CANCEL] = "cancel",
		[HVIS_PACKET_COMP] = "completion",
	};

	return type < G_N_ELEMENTS(names) && names[type] ? names[type] : "unknown";
}

const char *channel_state_name(ChannelState state)
{
	static const char *const names[CHANNEL_N] = {
		[CHANNEL_IDLE] = "idle",
		[CHANNEL_OFFERED] = "offered",
		[CHANNEL_OPEN] = "open",
		[CHANNEL_BROKEN] = "broken",
		[CHANNEL_RESCINDED] = "rescinded",
		[CHANNEL_GONE] = "gone",
	};

	return names[state];
}

const char *contact_state_name(ContactState state)
{
	static const char *const names[CONTACT_N] = {
		[CONTACT_NONE] = "none",
		[CONTACT_MADE] = "made",
		[CONTACT_OFFERED] = "offered",
	};

	return names[state];
}

char *vmbus_guid_text(const struct hvis_guid *guid)
{
	const guint8 *b = guid->b;

	return g_strdup_printf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-"
			       "%02x%02x%02x%02x%02x%02x",
		b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12],
		b[13], b[14], b[15]);
}

char *vmbus_version_text(guint32 version)
{
	return g_strdup_printf("%u.%u", version >> 16, version & 0xffff);
}

static void text_offer(GString *out, const guint8 *message)
{
	struct hvis_msg_offer offer;
	g_autofree char *instance = NULL;

	memcpy(&offer, message, sizeof(offer));
	instance = vmbus_guid_text(&offer.instance);
	g_string_append_printf(out, " relid %u, instance %s, sub-channel %u, connection 0x%x%s",
		hvis_le32_get(offer.relid), instance, hvis_le16_get(offer.subchannel),
		hvis_le32_get(offer.connection_id),
		offer.monitor_allocated & 1 ? ", monitored" : "");
}

static void text_contact(GString *out, const guint8 *message)
{
	struct hvis_msg_initiate_contact contact;
	g_autofree char *version = NULL;

	memcpy(&contact, message, sizeof(contact));
	version = vmbus_version_text(hvis_le32_get(contact.version));
	g_string_append_printf(out,
		" version %s, vp %u, monitor pages 0x%" G_GINT64_MODIFIER "x 0x%" G_GINT64_MODIFIER
		"x",
		version, hvis_le32_get(contact.target_vcpu), hvis_le64_get(contact.monitor_page[0]),
		hvis_le64_get(contact.monitor_page[1]));
}

static void text_version(GString *out, const guint8 *message)
{
	struct hvis_msg_version_response response;

	memcpy(&response, message, sizeof(response));
	g_string_append_printf(out, " %s, state %u, port 0x%x",
		response.supported ? "supported" : "not supported", response.connection_state,
		hvis_le32_get(response.message_port));
}

static void text_open(GString *out, const guint8 *message)
{
	struct hvis_msg_open open;

	memcpy(&open, message, sizeof(open));
	g_string_append_printf(out, " relid %u, open id %u, gpadl 0x%x, vp %d, downstream page %u",
		hvis_le32_get(open.relid), hvis_le32_get(open.open_id), hvis_le32_get(open.gpadl),
		(gint32)hvis_le32_get(open.target_vp), hvis_le32_get(open.downstream_page));
}

static void text_gpadl(GString *out, const guint8 *message)
{
	struct hvis_msg_gpadl_header header;

	memcpy(&header, message, sizeof(header));
	g_string_append_printf(out, " relid %u, gpadl 0x%x, ranges %u, %u bytes at offset %u",
		hvis_le32_get(header.relid), hvis_le32_get(header.gpadl),
		hvis_le16_get(header.range_count), hvis_le32_get(header.range.byte_count),
		hvis_le32_get(header.range.byte_offset));
}

static void text_tl(GString *out, const guint8 *message)
{
	struct hvis_msg_tl_connect tl;
	g_autofree char *endpoint = NULL, *service = NULL;

	memcpy(&tl, message, sizeof(tl));
	endpoint = vmbus_guid_text(&tl.endpoint);
	service = vmbus_guid_text(&tl.service);
	g_string_append_printf(out, " endpoint %s, service %s", endpoint, service);
}

/* What else is known of a type: a function, or the names of the words that follow the header. */
static const struct {
	gsize size;
	void (*text)(GString *out, const guint8 *message);
	const char *words[3];
} shapes[VMBUS_MESSAGE_TYPES] = {
	[HVIS_MSG_OFFER] = { sizeof(struct hvis_msg_offer), text_offer, { NULL } },
	[HVIS_MSG_RESCIND] = { 12, NULL, { "relid" } },
	[HVIS_MSG_OPEN] = { sizeof(struct hvis_msg_open), text_open, { NULL } },
	[HVIS_MSG_OPEN_RESULT] = { 20, NULL, { "relid", "open id", "status" } },
	[HVIS_MSG_CLOSE] = { 12, NULL, { "relid" } },
	[HVIS_MSG_GPADL_HEADER] = { sizeof(struct hvis_msg_gpadl_header), text_gpadl, { NULL } },
	[HVIS_MSG_GPADL_BODY] = { 16, NULL, { "number", "gpadl" } },
	[HVIS_MSG_GPADL_CREATED] = { 20, NULL, { "relid", "gpadl", "status" } },
	[HVIS_MSG_GPADL_TEARDOWN] = { 16, NULL, { "relid", "gpadl" } },
	[HVIS_MSG_GPADL_TORNDOWN] = { 12, NULL, { "gpadl" } },
	[HVIS_MSG_RELID_RELEASED] = { 12, NULL, { "relid" } },
	[HVIS_MSG_INITIATE_CONTACT] = { sizeof(struct hvis_msg_initiate_contact), text_contact,
		{ NULL } },
	[HVIS_MSG_VERSION_RESPONSE] = { sizeof(struct hvis_msg_version_response), text_version,
		{ NULL } },
	[HVIS_MSG_TL_CONNECT] = { sizeof(struct hvis_msg_tl_connect), text_tl, { NULL } },
	[HVIS_MSG_TL_CONNECT_RESULT] = { sizeof(struct hvis_msg_tl_connect_result), text_tl,
		{ NULL } },
	[HVIS_MSG_MODIFY_CHANNEL] = { 16, NULL, { "relid", "vp" } },
	[HVIS_MSG_MODIFY_RESPONSE] = { 16, NULL, { "relid", "status" } },
};

static void text_words(GString *out, const guint8 *message, const char *const words[3])
{
	for (guint i = 0; i < 3 && words[i]; i++) {
		gboolean small = g_str_equal(words[i], "relid") || g_str_equal(words[i], "vp");
		hvis_le32 word;

		memcpy(&word, message + sizeof(struct hvis_msg_hdr) + i * sizeof(word),
			sizeof(word));
		g_string_append_printf(out, small ? "%s %s %d" : "%s %s 0x%x", i ? "," : "",
			words[i], hvis_le32_get(word));
	}
}

char *vmbus_message_text(const void *message, gsize len)
{
	GString *out = g_string_new(NULL);
	struct hvis_msg_hdr header;
	guint32 type;
	const char *name;

	if (len < sizeof(header)) {
		g_string_printf(out, "%" G_GSIZE_FORMAT " bytes, too short for a message", len);
		return g_string_free(out, FALSE);
	}
	memcpy(&header, message, sizeof(header));
	type = hvis_le32_get(header.type);
	name = vmbus_message_name(type);
	if (!name)
		g_string_printf(out, "message type %u, %" G_GSIZE_FORMAT " bytes", type, len);
	else
		g_string_assign(out, name);
	if (!name || type >= VMBUS_MESSAGE_TYPES || !shapes[type].size)
		return g_string_free(out, FALSE);
	if (len < shapes[type].size)
		g_string_append_printf(out, " cut to %" G_GSIZE_FORMAT " bytes", len);
	else if (shapes[type].text)
		shapes[type].text(out, message);
	else
		text_words(out, message, shapes[type].words);
	return g_string_free(out, FALSE);
}
