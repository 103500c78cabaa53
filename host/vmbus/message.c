/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages to the guest, from the point where they are complete to the machine: promised answers,
 * the fault table, the trace. Decides nothing but this: no result of an OPEN goes out for a channel
 * that was rescinded meanwhile, for the guest has stopped waiting and would take it for another's.
 */
#include "config.h"

#include "host/fault.h"
#include "host/owed.h"
#include "host/trace.h"
#include "host/vmbus/parts.h"

#define PROMISE_LIMIT_MS 5000

typedef struct {
	guint64 owed;
	guint32 type, relid, vp;
} Envelope;

guint64 vmbus_promise(VmbusHost *host, const char *what, ...)
{
	g_autofree char *text = NULL;
	guint64 id;
	va_list args;

	va_start(args, what);
	text = g_strdup_vprintf(what, args);
	va_end(args);
	id = owed_add("guest", PROMISE_LIMIT_MS, "%s", text);
	g_array_append_val(host->owed, id);
	return id;
}

static void settle(VmbusHost *host, guint64 id)
{
	for (guint i = 0; i < host->owed->len; i++)
		if (g_array_index(host->owed, guint64, i) == id) {
			g_array_remove_index_fast(host->owed, i);
			owed_done(id);
			return;
		}
}

void vmbus_forget_promises(VmbusHost *host)
{
	for (guint i = 0; i < host->owed->len; i++)
		owed_done(g_array_index(host->owed, guint64, i));
	g_array_set_size(host->owed, 0);
}

static gboolean too_late(VmbusHost *host, const Envelope *envelope)
{
	const VmbusChannel *channel = channel_find(host, envelope->relid);

	return envelope->type == HVIS_MSG_OPEN_RESULT && channel &&
	       channel->state == CHANNEL_RESCINDED;
}

static void deliver(gpointer target, const guint8 *bytes, gsize len)
{
	VmbusHost *host = target;
	Envelope envelope;

	g_return_if_fail(len >= sizeof(envelope));
	memcpy(&envelope, bytes, sizeof(envelope));
	bytes += sizeof(envelope);
	len -= sizeof(envelope);
	settle(host, envelope.owed);
	if (too_late(host, &envelope)) {
		trace_emit(TRACE_MESSAGE, TRACE_NOTE, "vmbus", bytes, len,
			"OPEN_RESULT for relid %u not sent: rescinded", envelope.relid);
		return;
	}
	host->messages_out[envelope.type]++;
	if (trace_wanted(TRACE_MESSAGE)) {
		g_autofree char *text = vmbus_message_text(bytes, len);

		trace_emit(TRACE_MESSAGE, TRACE_TO_GUEST, "vmbus", bytes, len, "%s", text);
	}
	host->machine->ops->post(host->machine, envelope.vp, bytes, len);
}

/* Lengths are rounded up to 8: Linux refuses shorter ones than its structures. */
void vmbus_send(
	VmbusHost *host, guint32 type, guint32 relid, guint64 owed, gpointer message, gsize len)
{
	struct hvis_msg_hdr header = { hvis_le32_make(type), hvis_le32_make(0) };
	Envelope envelope = {
		.owed = owed,
		.type = type,
		.relid = relid,
		.vp = host->message_vp,
	};
	guint8 bytes[sizeof(envelope) + HVIS_MESSAGE_MAX] = { 0 };
	gsize padded = (len + 7) / 8 * 8;

	g_return_if_fail(len >= sizeof(header) && padded <= HVIS_MESSAGE_MAX);
	memcpy(bytes, &envelope, sizeof(envelope));
	memcpy(bytes + sizeof(envelope), message, len);
	memcpy(bytes + sizeof(envelope), &header, sizeof(header));
	fault_send(FAULT_AT_MESSAGE, vmbus_message_name(type), host, bytes,
		sizeof(envelope) + padded, sizeof(envelope), deliver);
}

void vmbus_violation(VmbusHost *host, const char *what, ...)
{
	va_list args;

	host->violations++;
	g_free(host->last_violation);
	va_start(args, what);
	host->last_violation = g_strdup_vprintf(what, args);
	va_end(args);
	trace_emit(
		TRACE_MESSAGE, TRACE_NOTE, "vmbus", NULL, 0, "violation: %s", host->last_violation);
}
