/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/vmbus/hv_kvp between its two sides, as the driver of Linux 6.12 does it, odd corners
 * included: numbers become decimal text, types 2 and 11 lose their value, broken UTF-16 is skipped,
 * text that does not fit is cut, and broken UTF-8 of the daemon fails the operation.
 */
#include <hvis/hresult.h>
#include <hvis/kvp.h>
#include <wire/kvp-device.h>
#include "host/link-device.h"
#include "host/link-text.h"
#include "host/service/kvp-wire.h"

#define LIC_VERSION "3.1" /* what every stock kernel says of itself */

/* The host's body, whole: what is missing of a short one is zero. */
typedef union {
	struct {
		struct hvis_kvp_dev_hdr hdr;
		union hvis_kvp_dev_body body;
	};
	struct hvis_kvp_ip_wire ip;
} WireBody;

/* Write @text to @field, cut at @max units, with a NUL. Units written, or -1 for broken UTF-8. */
static int widen(const char *text, guint8 *field, guint max)
{
	guint n = 0;

	while (*text && n < max) {
		gunichar c = g_utf8_get_char_validated(text, -1);
		guint units = c > 0xffff ? 2 : 1;
		gunichar unit[2] = { c, 0 };

		if (c == (gunichar)-1 || c == (gunichar)-2)
			return -1;
		if (n + units > max)
			break;
		if (units == 2) {
			unit[0] = 0xd800 | (c - 0x10000) >> 10;
			unit[1] = 0xdc00 | ((c - 0x10000) & 0x3ff);
		}
		for (guint i = 0; i < units; i++, n++) {
			field[2 * n] = (guint8)unit[i];
			field[2 * n + 1] = (guint8)(unit[i] >> 8);
		}
		text = g_utf8_next_char(text);
	}
	field[2 * n] = field[2 * n + 1] = 0;
	return (int)n;
}

/* --- to the daemon --- */

static void set_value(const struct hvis_kvp_pair *pair, KvpRequest *r)
{
	hvis_le32 u32;
	hvis_le64 u64;

	memcpy(&u32, pair->value, sizeof(u32));
	memcpy(&u64, pair->value, sizeof(u64));
	r->has_value = TRUE;
	switch (hvis_le32_get(pair->type)) {
	case HVIS_KVP_REG_SZ:
		link_text_narrow(pair->value,
			MIN(hvis_le32_get(pair->value_size), sizeof(pair->value)), r->value,
			sizeof(r->value));
		return;
	case HVIS_KVP_REG_U32:
		g_snprintf(r->value, sizeof(r->value), "%u", hvis_le32_get(u32));
		return;
	case HVIS_KVP_REG_U64_LINUX:
		g_snprintf(r->value, sizeof(r->value), "%" G_GUINT64_FORMAT, hvis_le64_get(u64));
		return;
	}
	r->has_value = FALSE; /* the driver knows no other type */
}

static void ip_request(const struct hvis_kvp_ip *wire, KvpRequest *r)
{
	link_text_narrow(
		wire->adapter_id, sizeof(wire->adapter_id), r->ip.adapter, sizeof(r->ip.adapter));
	r->ip.family = wire->family;
	if (r->op == HVIS_KVP_OP_GET_IP_INFO)
		return;
	r->ip.dhcp = wire->dhcp != 0;
	link_text_narrow(
		wire->address, sizeof(wire->address), r->ip.address, sizeof(r->ip.address));
	link_text_narrow(wire->subnet, sizeof(wire->subnet), r->ip.subnet, sizeof(r->ip.subnet));
	link_text_narrow(
		wire->gateway, sizeof(wire->gateway), r->ip.gateway, sizeof(r->ip.gateway));
	link_text_narrow(wire->dns, sizeof(wire->dns), r->ip.dns, sizeof(r->ip.dns));
}

static void load(WireCursor from, WireBody *to)
{
	memset(to, 0, sizeof(*to));
	wire_take(&from, to, MIN(from.left, sizeof(*to)));
}

static GByteArray *whole(const struct hvis_kvp_dev_msg *message)
{
	GByteArray *bytes = g_byte_array_sized_new(sizeof(*message));

	return g_byte_array_append(bytes, (const guint8 *)message, sizeof(*message));
}

static GByteArray *kvp_to_daemon(const IcMessage *request)
{
	KvpRequest r = { 0 };
	struct hvis_kvp_dev_msg message;
	WireBody wire;

	load(request->body, &wire);
	r.op = wire.hdr.op;
	r.pool = wire.hdr.pool;
	switch (r.op) {
	case HVIS_KVP_OP_SET:
		set_value(&wire.body.set, &r);
		G_GNUC_FALLTHROUGH;
	case HVIS_KVP_OP_GET:
		link_text_narrow(wire.body.set.key,
			MIN(hvis_le32_get(wire.body.set.key_size), sizeof(wire.body.set.key)),
			r.key, sizeof(r.key));
		break;
	case HVIS_KVP_OP_DELETE:
		link_text_narrow(wire.body.del.key,
			MIN(hvis_le32_get(wire.body.del.key_size), sizeof(wire.body.del.key)),
			r.key, sizeof(r.key));
		break;
	case HVIS_KVP_OP_ENUMERATE:
		r.index = hvis_le32_get(wire.body.enumerate.index);
		break;
	case HVIS_KVP_OP_GET_IP_INFO:
	case HVIS_KVP_OP_SET_IP_INFO:
		ip_request(&wire.ip.ip, &r);
		break;
	}
	if (!kvp_request_encode(&r, &message, NULL))
		g_assert_not_reached(); /* all of it has been made to fit */
	return whole(&message);
}

/* --- to the host --- */

/* A field of the daemon's as text; @size bytes of it, at most. */
static char *field_text(const guint8 *field, gsize size)
{
	return g_strndup((const char *)field, size);
}

static gboolean widen_field(
	const guint8 *from, gsize from_size, guint8 *to, guint max, guint32 *bytes)
{
	g_autofree char *text = field_text(from, from_size);
	int units = widen(text, to, max);

	*bytes = units < 0 ? 0 : 2 * ((guint32)units + 1);
	return units >= 0;
}

static gboolean answer_pair(
	const struct hvis_kvp_pair *from, gboolean with_key, struct hvis_kvp_pair *to)
{
	guint32 size;

	if (with_key) {
		if (!widen_field(
			    from->key, sizeof(from->key), to->key, HVIS_KVP_KEY_UNITS_MAX, &size))
			return FALSE;
		to->key_size = hvis_le32_make(size);
	}
	if (!widen_field(
		    from->value, sizeof(from->value), to->value, HVIS_KVP_VALUE_UNITS_MAX, &size))
		return FALSE;
	to->value_size = hvis_le32_make(size);
	to->type = hvis_le32_make(HVIS_KVP_REG_SZ);
	return TRUE;
}

static gboolean answer_ip(const struct hvis_kvp_ip *from, struct hvis_kvp_ip *to)
{
	guint32 size;

	to->dhcp = from->dhcp;
	to->family = from->family;
	return widen_field(from->address, sizeof(from->address), to->address,
		       sizeof(to->address) / 2 - 1, &size) &&
	       widen_field(from->subnet, sizeof(from->subnet), to->subnet,
		       sizeof(to->subnet) / 2 - 1, &size) &&
	       widen_field(from->gateway, sizeof(from->gateway), to->gateway,
		       sizeof(to->gateway) / 2 - 1, &size) &&
	       widen_field(from->dns, sizeof(from->dns), to->dns, sizeof(to->dns) / 2 - 1, &size) &&
	       widen_field(from->adapter_id, sizeof(from->adapter_id), to->adapter_id,
		       sizeof(to->adapter_id) / 2 - 1, &size);
}

static gboolean answer(const struct hvis_kvp_dev_msg *from, WireBody *to)
{
	switch (to->hdr.op) {
	case HVIS_KVP_OP_SET:
	case HVIS_KVP_OP_DELETE:
	case HVIS_KVP_OP_SET_IP_INFO:
		return TRUE;
	case HVIS_KVP_OP_GET_IP_INFO:
		return answer_ip(&from->body.ip, &to->ip.ip);
	case HVIS_KVP_OP_GET: /* read through the view of ENUMERATE: the driver's oddity */
		return answer_pair(&from->body.enumerate.pair, FALSE, &to->body.get);
	}
	return answer_pair(&from->body.enumerate.pair, TRUE, &to->body.enumerate.pair);
}

static guint32 kvp_to_host(const IcMessage *request, const guint8 *bytes, GByteArray *body)
{
	struct hvis_kvp_dev_msg message;
	WireBody wire;

	memcpy(&message, bytes, sizeof(message));
	if (hvis_le32_get(message.status) != HVIS_S_OK)
		return hvis_le32_get(message.status);
	load(request->body, &wire);
	if (!answer(&message, &wire))
		return HVIS_E_FAIL;
	if (body->len)
		memcpy(body->data, &wire, MIN(body->len, sizeof(wire)));
	return HVIS_S_OK;
}

static guint kvp_timeout_ms(const IcMessage *request)
{
	return 30000; /* HV_UTIL_TIMEOUT */
}

/* --- registration --- */

static gboolean kvp_registers(const guint8 *message)
{
	return message[0] == HVIS_KVP_OP_REGISTER1;
}

static GByteArray *kvp_registered(void)
{
	struct hvis_kvp_dev_msg message = { .body.version = LIC_VERSION };

	message.hdr.op = HVIS_KVP_OP_REGISTER1;
	return whole(&message);
}

static void kvp_device_describe(const guint8 *message, GString *line)
{
	g_string_append_printf(line, "%s pool %u", kvp_op_name(message[0]), message[1]);
}

const LinkDevice link_kvp = {
	.name = "hv_kvp",
	.versions = {
		.n_framework = 2,
		.n_message = 3,
		.framework = { { 1, 0 }, { 3, 0 } },
		.message = { { 1, 0 }, { 3, 0 }, { 4, 0 } },
	},
	.message_size = sizeof(struct hvis_kvp_dev_msg),
	.awaits_daemon = TRUE,
	.registers = kvp_registers,
	.registered = kvp_registered,
	.timeout_ms = kvp_timeout_ms,
	.to_daemon = kvp_to_daemon,
	.to_host = kvp_to_host,
	.describe = kvp_device_describe,
};
