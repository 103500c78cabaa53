/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/vmbus/hv_vss between its two sides, as the driver of Linux 6.12 does it: the daemon is asked
 * for FREEZE, THAW and HOT_BACKUP and sees nothing but the operation; all others are answered
 * without it. The flag "no auto recovery" is meant for every answer to HOT_BACKUP, but the driver
 * looks for that operation where the daemon has put its status, so it goes out with the status that
 * reads as HOT_BACKUP alone.
 */
#include <hvis/hresult.h>
#include <wire/vss.h>
#include "host/link-device.h"

/* The operation of the host's message; what is missing of a short one is zero. */
static guint8 op_of(const IcMessage *request)
{
	WireCursor body = request->body;
	guint8 op = 0;

	wire_take(&body, &op, sizeof(op));
	return op;
}

static void set_flags(GByteArray *body, guint32 flags)
{
	hvis_le32 wire = hvis_le32_make(flags);

	if (body->len >= sizeof(struct hvis_vss_wire))
		memcpy(body->data + offsetof(struct hvis_vss_wire, flags), &wire, sizeof(wire));
}

static gboolean vss_alone(const IcMessage *request, GByteArray *body)
{
	switch (op_of(request)) {
	case HVIS_VSS_OP_FREEZE:
	case HVIS_VSS_OP_THAW:
	case HVIS_VSS_OP_HOT_BACKUP:
		return FALSE;
	case HVIS_VSS_OP_GET_DM_INFO:
		set_flags(body, 0);
		return TRUE;
	}
	return TRUE;
}

static guint vss_timeout_ms(const IcMessage *request)
{
	return op_of(request) == HVIS_VSS_OP_FREEZE ? HVIS_VSS_FREEZE_TIMEOUT_MS
						    : HVIS_VSS_TIMEOUT_MS;
}

static GByteArray *vss_to_daemon(const IcMessage *request)
{
	struct hvis_vss_dev_msg message;

	vss_request_encode(op_of(request), &message);
	return g_byte_array_append(g_byte_array_new(), (const guint8 *)&message, sizeof(message));
}

static guint32 vss_to_host(const IcMessage *request, const guint8 *bytes, GByteArray *body)
{
	struct hvis_vss_dev_msg message;

	memcpy(&message, bytes, sizeof(message));
	if (message.hdr.op == HVIS_VSS_OP_HOT_BACKUP)
		set_flags(body, HVIS_VSS_NO_AUTO_RECOVERY);
	return hvis_le32_get(message.status);
}

static gboolean vss_registers(const guint8 *message)
{
	return message[0] == HVIS_VSS_OP_REGISTER1;
}

static GByteArray *vss_registered(void)
{
	hvis_le32 version = hvis_le32_make(HVIS_VSS_OP_REGISTER1);

	return g_byte_array_append(g_byte_array_new(), (const guint8 *)&version, sizeof(version));
}

static void vss_device_describe(const guint8 *message, GString *line)
{
	g_string_append(line, vss_op_name(message[0]));
}

const LinkDevice link_vss = {
	.name = "hv_vss",
	.versions = {
		.n_framework = 1,
		.n_message = 1,
		.framework = { { 3, 0 } },
		.message = { { 5, 0 } },
	},
	.message_size = sizeof(struct hvis_vss_dev_msg),
	.exact_size = TRUE,
	.registers_again = TRUE,
	.registers = vss_registers,
	.registered = vss_registered,
	.alone = vss_alone,
	.timeout_ms = vss_timeout_ms,
	.to_daemon = vss_to_daemon,
	.to_host = vss_to_host,
	.describe = vss_device_describe,
};
