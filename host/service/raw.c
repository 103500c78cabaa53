/* SPDX-License-Identifier: GPL-2.0-only */
/* A message as it is, to any service's guest: for tests of what guests make of it. */
#include <util/error.h>
#include "host/service/class.h"

typedef struct {
	GByteArray *body;
	ServiceAnswered done;
	gpointer data;
} Raw;

static gboolean build_raw(IcVersion version, GByteArray *body, gpointer data, GError **error)
{
	const Raw *raw = data;

	g_byte_array_append(body, raw->body->data, raw->body->len);
	return TRUE;
}

static void raw_done(guint32 status, WireCursor body, const GError *error, gpointer data)
{
	Raw *raw = data;

	raw->done(status, body.pos, body.left, error, raw->data);
	g_byte_array_unref(raw->body);
	g_free(raw);
}

void service_send_raw(
	HostService *s, const guint8 *body, gsize len, ServiceAnswered done, gpointer data)
{
	g_autoptr(GError) error = NULL;
	Raw *raw;

	if (len > SERVICE_RAW_MAX) {
		hvis_fail(&error, HVIS_ERROR_INVALID, "a body of %zu bytes, %u can be", len,
			SERVICE_RAW_MAX);
		done(0, NULL, 0, error, data);
		return;
	}
	raw = g_new(Raw, 1);
	*raw = (Raw){ g_byte_array_append(g_byte_array_new(), body, (guint)len), done, data };
	ic_request(s->ic, build_raw, raw_done, raw);
}
