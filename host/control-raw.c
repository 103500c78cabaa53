/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages of a service as they are, over the control socket, in hexadecimal. */
#include "config.h"

#include "host/control-private.h"
#include "util/error.h"

/* NULL where @hex is not pairs of digits. */
static GByteArray *bytes_of(const char *hex)
{
	g_autoptr(GByteArray) bytes = g_byte_array_new();

	for (; *hex; hex += 2) {
		int high = g_ascii_xdigit_value(hex[0]);
		int low = high < 0 ? -1 : g_ascii_xdigit_value(hex[1]);
		guint8 byte = (guint8)(high << 4 | low);

		if (low < 0)
			return NULL;
		g_byte_array_append(bytes, &byte, 1);
	}
	return g_steal_pointer(&bytes);
}

static char *hex_of(const guint8 *bytes, gsize len)
{
	GString *hex = g_string_sized_new(2 * len);

	for (gsize i = 0; i < len; i++)
		g_string_append_printf(hex, "%02x", bytes[i]);
	return g_string_free(hex, FALSE);
}

static void on_answer(
	guint32 status, const guint8 *body, gsize len, const GError *error, gpointer data)
{
	struct json_object *answer = json_object_new_object();
	g_autofree char *hex = hex_of(body, len);

	json_object_object_add(answer, "status", json_object_new_int64(status));
	json_object_object_add(answer, "body", json_object_new_string(hex));
	request_end(data, control_wrap("answer", answer), error);
}

CONTROL_METHOD(send_message)
{
	HostService *service = control_service(data, call, "name", NULL);
	g_autoptr(GByteArray) body = NULL;
	const char *hex;
	Request *request;

	if (!service || !varlink_param_string(call, "body", &hex))
		return;
	body = bytes_of(hex);
	if (!body) {
		control_fail(
			call, HVIS_ERROR_INVALID, "body: pairs of hexadecimal digits are wanted");
		return;
	}
	request = request_new(data, call);
	if (request)
		service_send_raw(service, body->data, body->len, on_answer, request);
}
