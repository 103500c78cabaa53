/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets through the rings of an open channel, and the signals about them. The rings themselves
 * are hvis/ring*.h. A ring that the guest has broken stops the channel and nothing else.
 *
 * At most BATCH_MAX packets and one ring's worth are read at a time; what is left, or comes
 * meanwhile, is left to the main loop, so that a guest that never stops writing, or has millions of
 * packets in a large ring, cannot keep the host from everything else.
 */
#include "config.h"

#include "host/fault.h"
#include "host/trace.h"
#include "host/vmbus/parts.h"
#include "util/error.h"

#define BATCH_MAX 512u /* ours: some milliseconds' worth */

typedef struct {
	guint16 type, flags;
	guint64 xid;
} Envelope;

const char *traffic_fault_text(enum hvis_ring_fault fault)
{
	switch (fault) {
	case HVIS_RING_SOUND:
		return "sound";
	case HVIS_RING_BAD_INDEX:
		return "an index that is no place in the ring";
	case HVIS_RING_BAD_TYPE:
		return "a packet of unknown type";
	case HVIS_RING_BAD_OFFSET:
		return "a packet whose payload begins outside of it";
	case HVIS_RING_BAD_LENGTH:
		return "a packet longer than what was written";
	}
	return "unknown";
}

/* FALSE: the channel is stopped. */
static gboolean check_ring(VmbusChannel *channel, const struct hvis_ring *ring)
{
	if (!ring->fault)
		return TRUE;
	channel_break(channel, "the guest's ring has %s", traffic_fault_text(ring->fault));
	return FALSE;
}

static void signal_guest(VmbusChannel *channel)
{
	Machine *machine = channel->host->machine;

	if (channel->target_vp == HVIS_VP_NONE)
		return;
	channel->sent.signals++;
	machine->ops->set_event(machine, channel->target_vp, channel->relid);
}

static void trace_packet(const VmbusChannel *channel, TraceDir dir, guint16 type, guint16 flags,
	guint64 xid, const void *payload, gsize len)
{
	if (trace_wanted(TRACE_PACKET))
		trace_emit(TRACE_PACKET, dir, channel->device->name, payload, len,
			"%s xid 0x%" G_GINT64_MODIFIER "x%s, %" G_GSIZE_FORMAT " bytes, channel %u",
			vmbus_packet_name(type), xid,
			flags & HVIS_PACKET_WANTS_COMPLETION ? ", wants completion" : "", len,
			channel->index);
}

/* --- host to guest --- */

static void deliver(gpointer target, const guint8 *bytes, gsize len)
{
	VmbusChannel *channel = target;
	struct hvis_packet_out packet = { 0 };
	enum hvis_ring_result result = HVIS_RING_POISONED;
	Envelope envelope;

	g_return_if_fail(len >= sizeof(envelope) && channel->state == CHANNEL_OPEN);
	memcpy(&envelope, bytes, sizeof(envelope));
	packet.type = envelope.type;
	packet.flags = envelope.flags;
	packet.xid = envelope.xid;
	packet.payload = bytes + sizeof(envelope);
	packet.payload_len = (guint32)(len - sizeof(envelope));
	if (hvis_ring_write_begin(&channel->out))
		result = hvis_ring_write_put(&channel->out, &packet);
	if (result == HVIS_RING_DONE) {
		trace_packet(channel, TRACE_TO_GUEST, packet.type, packet.flags, packet.xid,
			packet.payload, packet.payload_len);
		channel->sent.packets++;
		channel->sent.bytes += packet.payload_len;
		if (hvis_ring_write_commit(&channel->out))
			signal_guest(channel);
	} else if (result == HVIS_RING_AGAIN) {
		/* Only a packet that a fault held back or doubled meets a ring that has filled up. */
		trace_emit(TRACE_PACKET, TRACE_NOTE, channel->device->name, NULL, 0,
			"packet lost: no room any more");
	}
	check_ring(channel, &channel->out);
}

/* Room for @need bytes now? Where not, the guest is asked for a signal when there is. */
static gboolean have_room(VmbusChannel *channel, guint32 need)
{
	if (!hvis_ring_write_begin(&channel->out))
		return FALSE;
	if (hvis_ring_free(&channel->out) > need)
		return TRUE;
	channel->wait_room = MAX(channel->wait_room, need);
	if (!hvis_ring_write_wait(&channel->out, channel->wait_room))
		return FALSE;
	channel->wait_room = 0;
	hvis_ring_write_resume(&channel->out);
	return TRUE;
}

gboolean vmbus_channel_send(VmbusChannel *channel, guint16 type, guint16 flags, guint64 xid,
	const void *payload, gsize len, GError **error)
{
	const Envelope envelope = { type, flags, xid };
	const char *name = channel->device->name;
	g_autoptr(GByteArray) bytes = NULL;
	struct hvis_packet_out shape = { 0 };
	guint32 need;

	if (channel->state != CHANNEL_OPEN)
		return hvis_fail(error, HVIS_ERROR_CLOSED, "%s is not open", name);
	shape.payload_len = (guint32)MIN(len, G_MAXUINT32);
	need = hvis_ring_need(&shape);
	if (!need || need >= channel->out.size)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"%s: %" G_GSIZE_FORMAT " bytes do not fit its ring", name, len);
	if (!have_room(channel, need) && check_ring(channel, &channel->out))
		return hvis_fail(error, HVIS_ERROR_BUSY, "%s: its ring is full", name);
	if (channel->state == CHANNEL_OPEN) {
		bytes = g_byte_array_sized_new((guint)(sizeof(envelope) + len));
		g_byte_array_append(bytes, (const guint8 *)&envelope, sizeof(envelope));
		if (len)
			g_byte_array_append(bytes, payload, (guint)len);
		fault_send(FAULT_AT_PACKET, name, channel, bytes->data, bytes->len,
			sizeof(envelope), deliver);
	}
	if (channel->state != CHANNEL_OPEN)
		return hvis_fail(error, HVIS_ERROR_CLOSED, "%s: the guest broke its ring", name);
	return TRUE;
}

static void check_room(VmbusChannel *channel)
{
	const VmbusDeviceInfo *info = &channel->device->info;

	if (!channel->wait_room)
		return;
	hvis_ring_write_begin(&channel->out);
	if (!check_ring(channel, &channel->out) ||
		hvis_ring_free(&channel->out) <= channel->wait_room)
		return;
	channel->wait_room = 0;
	hvis_ring_write_resume(&channel->out);
	if (info->ops && info->ops->writable)
		info->ops->writable(channel, info->data);
}

/* --- guest to host --- */

/*
 * The packet's room is given back before the device hears of it: what the device then sends may be answered at once,
 * and a Linux driver that finds no room for its answer drops it.
 */
static void receive(VmbusChannel *channel, struct hvis_packet_in *in)
{
	const VmbusDeviceInfo *info = &channel->device->info;
	VmbusPacket packet = {
		.type = in->type,
		.flags = in->flags,
		.xid = in->xid,
		.header_len = in->header_len,
		.payload_len = in->payload_len,
	};

	g_byte_array_set_size(channel->scratch, in->left);
	hvis_packet_take(&channel->in, in, channel->scratch->data, in->left);
	packet.header = channel->scratch->data;
	packet.payload = channel->scratch->data + in->header_len;
	if (hvis_ring_read_commit(&channel->in))
		signal_guest(channel);
	channel->received.packets++;
	channel->received.bytes += packet.payload_len;
	trace_packet(channel, TRACE_TO_HOST, packet.type, packet.flags, packet.xid, packet.payload,
		packet.payload_len);
	if (info->ops && info->ops->packet)
		info->ops->packet(channel, &packet, info->data);
}

static gboolean on_resume(gpointer data)
{
	VmbusChannel *channel = data;

	channel->resume_source = 0;
	traffic_run(channel);
	return G_SOURCE_REMOVE;
}

/* One batch. The device may close, rescind or break the channel with every packet it gets. */
static void drain(VmbusChannel *channel)
{
	struct hvis_packet_in packet;

	hvis_ring_read_mask(&channel->in);
	if (hvis_ring_read_begin(&channel->in))
		for (guint i = 0; i < BATCH_MAX && channel->state == CHANNEL_OPEN &&
				  hvis_ring_read_next(&channel->in, &packet) == HVIS_RING_DONE;
			i++)
			receive(channel, &packet);
	if (channel->state != CHANNEL_OPEN || !check_ring(channel, &channel->in))
		return;
	if (hvis_ring_read_commit(&channel->in))
		signal_guest(channel);
	if (hvis_ring_read_unmask(&channel->in) && !channel->resume_source)
		channel->resume_source =
			g_idle_add_full(G_PRIORITY_DEFAULT, on_resume, channel, NULL);
	check_ring(channel, &channel->in);
}

void traffic_run(VmbusChannel *channel)
{
	VmbusChannel *self;

	if (channel->draining)
		return; /* a signal from within; unmasking sees what it was about */
	self = g_rc_box_acquire(channel);
	channel->draining = TRUE;
	drain(channel);
	if (channel->state == CHANNEL_OPEN)
		check_room(channel);
	channel->draining = FALSE;
	channel_unref(self);
}

void traffic_signalled(VmbusHost *host, guint32 connection_id)
{
	VmbusChannel *channel = channel_find(host, connection_id - VMBUS_CONNECTION_BASE);

	if (!channel || channel->state != CHANNEL_OPEN)
		return; /* was on its way while the channel closed */
	channel->received.signals++;
	traffic_run(channel);
}
