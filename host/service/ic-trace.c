/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages of the integration services as lines of the trace; see ic-trace.h. */
#include "host/service/ic-trace.h"
#include <hvis/hresult.h>
#include "host/trace.h"

const char *ic_type_name(guint16 type)
{
	switch ((enum hvis_ic_type)type) {
	case HVIS_IC_NEGOTIATE:
		return "NEGOTIATE";
	case HVIS_IC_HEARTBEAT:
		return "HEARTBEAT";
	case HVIS_IC_KVP:
		return "KVP";
	case HVIS_IC_SHUTDOWN:
		return "SHUTDOWN";
	case HVIS_IC_TIMESYNC:
		return "TIMESYNC";
	case HVIS_IC_VSS:
		return "VSS";
	case HVIS_IC_FCOPY:
		return "FCOPY";
	}
	return "?";
}

void ic_versions_append(GString *out, const IcVersion *versions, guint n)
{
	char text[12];

	for (guint i = 0; i < n; i++)
		g_string_append_printf(
			out, "%s%s", i ? "," : "", icmsg_version_print(versions[i], text));
	if (n == 0)
		g_string_append(out, "none");
}

void ic_status_append(GString *out, guint32 status)
{
	const char *name = hvis_status_name(status);

	if (name)
		g_string_append(out, name);
	else
		g_string_append_printf(out, "0x%08x", status);
}

void ic_text_append(GString *out, const char *text)
{
	for (; *text; text = g_utf8_next_char(text)) {
		gunichar c = g_utf8_get_char(text);

		g_string_append_unichar(out, g_unichar_iscntrl(c) ? '?' : c);
	}
}

void ic_trace(const char *service, gboolean to_guest, guint64 xid, const guint8 *bytes, gsize len,
	const char *note, IcDescribe describe, gpointer data)
{
	g_autoptr(GString) line = NULL;
	IcMessage m;
	IcVersions v;

	if (!trace_wanted(TRACE_SERVICE) || !icmsg_decode(bytes, len, &m, NULL))
		return;
	line = g_string_new(ic_type_name(m.type));
	g_string_append_printf(
		line, " %s xid %" G_GUINT64_FORMAT, to_guest ? "request" : "answer", xid);
	if (!to_guest) {
		g_string_append_c(line, ' ');
		ic_status_append(line, m.status);
	}
	g_string_append(line, ": ");
	if (m.type != HVIS_IC_NEGOTIATE) {
		describe(data, &m, to_guest, line);
	} else if (icmsg_negotiate_decode(m.body, &v, NULL)) {
		g_string_append(line, "framework ");
		ic_versions_append(line, v.framework, v.n_framework);
		g_string_append(line, " message ");
		ic_versions_append(line, v.message, v.n_message);
	}
	trace_emit(TRACE_SERVICE, to_guest ? TRACE_TO_GUEST : TRACE_TO_HOST, service, bytes, len,
		"%s%s", line->str, note);
}
