/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages of the integration services as lines of the trace. */
#pragma once

#include <wire/icmsg.h>

/* Append what a body says; of a service, so never called for NEGOTIATE. */
typedef void (*IcDescribe)(
	gpointer data, const IcMessage *message, gboolean to_guest, GString *line);

/* @note is appended: " (late, dropped)", or "". Costs nothing while nobody watches. */
void ic_trace(const char *service, gboolean to_guest, guint64 xid, const guint8 *bytes, gsize len,
	const char *note, IcDescribe describe, gpointer data);

const char *ic_type_name(guint16 type); /* "KVP"; "?" if unknown */
void ic_versions_append(GString *out, const IcVersion *versions, guint n); /* "1.0,3.0" */
void ic_status_append(GString *out, guint32 status); /* "ok", "0x…" */
/* Text of the guest: what would move a terminal's cursor becomes '?'. @text is UTF-8. */
void ic_text_append(GString *out, const char *text);
