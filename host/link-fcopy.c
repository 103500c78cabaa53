/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/vmbus/hv_fcopy between its two sides, as the driver of Linux 6.1 does it; 6.10 and later have none. The daemon
 * is asked for everything, also for operations that there are not. Names become UTF-8 and lose what is longer than
 * 259 bytes; a WRITE goes through whole, its size unread.
 */
#include <hvis/hresult.h>
#include <wire/fcopy.h>
#include "host/link-device.h"
#include "host/link-text.h"

static guint fcopy_timeout_ms(const IcMessage *request)
{
	return HVIS_FCOPY_TIMEOUT_MS;
}

/* What is missing of a short message is zero. */
static void load(WireCursor from, void *to, gsize size)
{
	memset(to, 0, size);
	wire_take(&from, to, MIN(from.left, size));
}

static void narrow(const guint8 *wire, guint8 *device)
{
	memset(device, 0, HVIS_FCOPY_TEXT);
	link_text_narrow(wire, HVIS_FCOPY_TEXT, (char *)device, HVIS_FCOPY_DEVICE_TEXT_MAX + 1);
}

static GByteArray *start_to_daemon(WireCursor body)
{
	struct hvis_fcopy_start wire, device;

	load(body, &wire, sizeof(wire));
	device = wire;
	narrow(wire.name, device.name);
	narrow(wire.path, device.path);
	return g_byte_array_append(g_byte_array_new(), (const guint8 *)&device, sizeof(device));
}

static GByteArray *fcopy_to_daemon(const IcMessage *request)
{
	GByteArray *message;
	hvis_le32 op;
	gsize size;

	load(request->body, &op, sizeof(op));
	if (hvis_le32_get(op) == HVIS_FCOPY_OP_START)
		return start_to_daemon(request->body);
	size = hvis_le32_get(op) == HVIS_FCOPY_OP_WRITE ? sizeof(struct hvis_fcopy_write)
							: sizeof(struct hvis_fcopy_hdr);
	message = g_byte_array_sized_new((guint)size);
	g_byte_array_set_size(message, (guint)size);
	load(request->body, message->data, size);
	return message;
}

static guint32 fcopy_to_host(const IcMessage *request, const guint8 *answer, GByteArray *body)
{
	guint32 status = HVIS_E_FAIL;

	fcopy_answer_decode(answer, sizeof(hvis_le32), &status, NULL);
	return status;
}

/* A version, as four bytes; while something is asked the same is an answer. */
static gboolean fcopy_registers(const guint8 *message)
{
	guint32 version = 0;

	return fcopy_answer_decode(message, sizeof(hvis_le32), &version, NULL) &&
	       version == HVIS_FCOPY_DEVICE_VERSION;
}

static GByteArray *fcopy_registered(void)
{
	guint8 version[sizeof(hvis_le32)];
	gsize len = fcopy_register_encode(version);

	return g_byte_array_append(g_byte_array_new(), version, (guint)len);
}

static void fcopy_device_describe(const guint8 *message, GString *line)
{
	hvis_le32 op;

	memcpy(&op, message, sizeof(op));
	g_string_append(line, fcopy_op_name(hvis_le32_get(op)));
}

const LinkDevice link_fcopy = {
	.name = "hv_fcopy",
	.versions = {
		.n_framework = 1,
		.n_message = 1,
		.framework = { { 3, 0 } },
		.message = { { 1, 1 } },
	},
	.message_size = sizeof(hvis_le32),
	.exact_size = TRUE,
	.request_min = sizeof(struct hvis_fcopy_hdr),
	.registers = fcopy_registers,
	.registered = fcopy_registered,
	.timeout_ms = fcopy_timeout_ms,
	.to_daemon = fcopy_to_daemon,
	.to_host = fcopy_to_host,
	.describe = fcopy_device_describe,
};
