/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest half of the fake guest: the VMBus messages and rings as a guest uses them. Every helper
 * asserts what the host owes it.
 */
#include "config.h"

#include <sys/mman.h>

#include "tests/unit/fake-guest-private.h"

struct FakeChannel {
	FakeGuest *guest;
	struct hvis_msg_offer offer;
	guint32 gpadl;
	gpointer memory;
	guint pages;
	struct hvis_ring out, in;
};

gboolean fake_guest_take(FakeGuest *guest, FakeMessage *ret)
{
	g_autofree FakeMessage *message = g_queue_pop_head(&guest->messages);

	if (!message)
		return FALSE;
	*ret = *message;
	return TRUE;
}

guint32 fake_message_type(const FakeMessage *message)
{
	struct hvis_msg_hdr header;

	g_assert_cmpuint(message->len, >=, sizeof(header));
	memcpy(&header, message->bytes, sizeof(header));
	return hvis_le32_get(header.type);
}

void fake_guest_expect(FakeGuest *guest, guint32 type, void *ret, gsize len)
{
	FakeMessage message;

	g_assert_true(fake_guest_take(guest, &message));
	g_assert_cmpuint(fake_message_type(&message), ==, type);
	g_assert_cmpuint(message.len, >=, len);
	if (ret)
		memcpy(ret, message.bytes, len);
}

void fake_guest_expect_nothing(FakeGuest *guest)
{
	g_assert_cmpuint(g_queue_get_length(&guest->messages), ==, 0);
}

void fake_guest_say(FakeGuest *guest, guint32 type, gpointer message, gsize len)
{
	struct hvis_msg_hdr header = { hvis_le32_make(type), hvis_le32_make(0) };

	g_assert_cmpuint(len, >=, sizeof(header));
	memcpy(message, &header, sizeof(header));
	g_assert_cmpuint(fake_guest_post(guest, guest->port, message, len), ==, 0);
}

guint32 fake_guest_contact(FakeGuest *guest, guint32 version)
{
	struct hvis_msg_initiate_contact contact = { 0 };
	struct hvis_msg_version_response response;
	gboolean modern = version >= HVIS_VERSION_5_0;

	if (!guest->monitor_pfn[0])
		fake_guest_alloc(guest, guest->monitor_pfn, 2, FALSE);
	guest->port = modern ? HVIS_PORT_5_0 : HVIS_PORT_PRE_5_0;
	contact.hdr.type = hvis_le32_make(HVIS_MSG_INITIATE_CONTACT);
	contact.version = hvis_le32_make(version);
	contact.sint = modern ? HVIS_SINT : 0;
	for (guint i = 0; i < 2; i++)
		contact.monitor_page[i] = hvis_le64_make(guest->monitor_pfn[i] * HVIS_PAGE_SIZE);
	g_ptr_array_set_size(guest->offers, 0);
	if (fake_guest_post(guest, guest->port, &contact, sizeof(contact)))
		return 0;
	fake_guest_expect(guest, HVIS_MSG_VERSION_RESPONSE, &response, sizeof(response));
	if (!response.supported)
		return 0;
	g_assert_cmpuint(response.connection_state, ==, HVIS_CONTACT_OK);
	if (modern)
		guest->port = hvis_le32_get(response.message_port);
	return version;
}

static const struct hvis_msg_offer *keep_offer(FakeGuest *guest, const FakeMessage *message)
{
	struct hvis_msg_offer *offer = g_new(struct hvis_msg_offer, 1);

	g_assert_cmpuint(message->len, >=, sizeof(*offer));
	g_assert_cmpuint(message->len % 8, ==, 0);
	memcpy(offer, message->bytes, sizeof(*offer));
	g_ptr_array_add(guest->offers, offer);
	return offer;
}

void fake_guest_request_offers(FakeGuest *guest)
{
	struct hvis_msg_hdr request;
	FakeMessage message;

	fake_guest_say(guest, HVIS_MSG_REQUEST_OFFERS, &request, sizeof(request));
	for (;;) {
		g_assert_true(fake_guest_take(guest, &message));
		if (fake_message_type(&message) == HVIS_MSG_ALL_OFFERS)
			return;
		g_assert_cmpuint(fake_message_type(&message), ==, HVIS_MSG_OFFER);
		keep_offer(guest, &message);
	}
}

void fake_guest_connect(FakeGuest *guest)
{
	g_assert_cmphex(fake_guest_contact(guest, HVIS_VERSION_5_3), ==, HVIS_VERSION_5_3);
	fake_guest_request_offers(guest);
}

void fake_guest_unload(FakeGuest *guest)
{
	struct hvis_msg_hdr unload;

	fake_guest_say(guest, HVIS_MSG_UNLOAD, &unload, sizeof(unload));
	fake_guest_expect(guest, HVIS_MSG_UNLOAD_RESPONSE, NULL, sizeof(unload));
	g_ptr_array_set_size(guest->offers, 0);
}

const struct hvis_msg_offer *fake_guest_expect_offer(FakeGuest *guest)
{
	FakeMessage message;

	g_assert_true(fake_guest_take(guest, &message));
	g_assert_cmpuint(fake_message_type(&message), ==, HVIS_MSG_OFFER);
	return keep_offer(guest, &message);
}

const struct hvis_msg_offer *fake_guest_offer(FakeGuest *guest, guint n)
{
	return n < guest->offers->len ? g_ptr_array_index(guest->offers, n) : NULL;
}

const struct hvis_msg_offer *fake_guest_find(
	FakeGuest *guest, const struct hvis_guid *instance, guint16 subchannel)
{
	for (guint i = 0; i < guest->offers->len; i++) {
		const struct hvis_msg_offer *offer = g_ptr_array_index(guest->offers, i);

		if (hvis_guid_equal(&offer->instance, instance) &&
			hvis_le16_get(offer->subchannel) == subchannel)
			return offer;
	}
	return NULL;
}

guint32 fake_guest_expect_rescind(FakeGuest *guest)
{
	struct hvis_msg_relid rescind;
	guint32 relid;

	fake_guest_expect(guest, HVIS_MSG_RESCIND, &rescind, sizeof(rescind));
	relid = hvis_le32_get(rescind.relid);
	for (guint i = 0; i < guest->offers->len; i++) {
		const struct hvis_msg_offer *offer = g_ptr_array_index(guest->offers, i);

		if (hvis_le32_get(offer->relid) == relid) {
			g_ptr_array_remove_index(guest->offers, i);
			return relid;
		}
	}
	g_error("RESCIND for relid %u, which was not offered", relid);
}

void fake_guest_release(FakeGuest *guest, guint32 relid)
{
	struct hvis_msg_relid release = { .relid = hvis_le32_make(relid) };

	fake_guest_say(guest, HVIS_MSG_RELID_RELEASED, &release, sizeof(release));
}

gpointer fake_guest_monitor_page(FakeGuest *guest)
{
	return fake_guest_page(guest, guest->monitor_pfn[1]);
}

/* Fill @message behind its fixed part with page numbers; returns how many. */
static guint add_pfns(guint8 *message, gsize fixed, const guint64 *pfns, guint n)
{
	guint fit = MIN(n, (guint)((HVIS_MESSAGE_MAX - fixed) / sizeof(hvis_le64)));

	for (guint i = 0; i < fit; i++) {
		hvis_le64 pfn = hvis_le64_make(pfns[i]);

		memcpy(message + fixed + i * sizeof(pfn), &pfn, sizeof(pfn));
	}
	return fit;
}

static guint gpadl_head(
	FakeGuest *guest, guint32 relid, guint32 gpadl, const guint64 *pfns, guint n)
{
	struct hvis_msg_gpadl_header header = {
		.relid = hvis_le32_make(relid),
		.gpadl = hvis_le32_make(gpadl),
		.range_buflen = hvis_le16_make((guint16)(8 + 8 * n)),
		.range_count = hvis_le16_make(1),
		.range.byte_count = hvis_le32_make(n * HVIS_PAGE_SIZE),
	};
	guint8 message[HVIS_MESSAGE_MAX];
	guint done = add_pfns(message, sizeof(header), pfns, n);

	memcpy(message, &header, sizeof(header));
	fake_guest_say(guest, HVIS_MSG_GPADL_HEADER, message, sizeof(header) + done * 8);
	return done;
}

guint32 fake_guest_gpadl(
	FakeGuest *guest, guint32 relid, guint32 gpadl, const guint64 *pfns, guint n)
{
	struct hvis_msg_gpadl_body body = { .gpadl = hvis_le32_make(gpadl) };
	struct hvis_msg_gpadl_created created;
	guint8 message[HVIS_MESSAGE_MAX];
	guint done = gpadl_head(guest, relid, gpadl, pfns, n);

	while (done < n) {
		guint more = add_pfns(message, sizeof(body), pfns + done, n - done);

		fake_guest_expect_nothing(guest);
		memcpy(message, &body, sizeof(body));
		fake_guest_say(guest, HVIS_MSG_GPADL_BODY, message, sizeof(body) + more * 8);
		done += more;
	}
	fake_guest_expect(guest, HVIS_MSG_GPADL_CREATED, &created, sizeof(created));
	g_assert_cmpuint(hvis_le32_get(created.relid), ==, relid);
	g_assert_cmpuint(hvis_le32_get(created.gpadl), ==, gpadl);
	return hvis_le32_get(created.status);
}

void fake_guest_gpadl_teardown(FakeGuest *guest, guint32 relid, guint32 gpadl)
{
	struct hvis_msg_gpadl_teardown teardown = {
		.relid = hvis_le32_make(relid),
		.gpadl = hvis_le32_make(gpadl),
	};
	struct hvis_msg_gpadl_torndown torndown;

	fake_guest_say(guest, HVIS_MSG_GPADL_TEARDOWN, &teardown, sizeof(teardown));
	fake_guest_expect(guest, HVIS_MSG_GPADL_TORNDOWN, &torndown, sizeof(torndown));
	g_assert_cmpuint(hvis_le32_get(torndown.gpadl), ==, gpadl);
}

guint32 fake_guest_try_open(FakeGuest *guest, struct hvis_msg_open *open)
{
	struct hvis_msg_open_result result;

	open->open_id = hvis_le32_make(++guest->next_open);
	fake_guest_say(guest, HVIS_MSG_OPEN, open, sizeof(*open));
	fake_guest_expect(guest, HVIS_MSG_OPEN_RESULT, &result, sizeof(result));
	g_assert_cmpuint(hvis_le32_get(result.relid), ==, hvis_le32_get(open->relid));
	g_assert_cmpuint(hvis_le32_get(result.open_id), ==, guest->next_open);
	return hvis_le32_get(result.status);
}

/* The rings as a guest finds them: fresh pages, scattered, and its own indexes published. */
static void make_rings(FakeChannel *channel, guint out_pages, guint in_pages, guint64 *pfns)
{
	hvis_shared *control;

	channel->pages = out_pages + in_pages;
	fake_guest_alloc(channel->guest, pfns, channel->pages, TRUE);
	channel->memory = fake_guest_map(channel->guest, pfns, channel->pages);
	control = channel->memory;
	hvis_ring_init(&channel->out, control, out_pages);
	control = hvis_shared_at(control, out_pages * HVIS_PAGE_SIZE);
	hvis_ring_init(&channel->in, control, in_pages);
	hvis_ring_write_start(&channel->out, HVIS_RING_PENDING_SEND);
	hvis_ring_read_start(&channel->in);
}

FakeChannel *fake_channel_open(
	FakeGuest *guest, const struct hvis_msg_offer *offer, guint out_pages, guint in_pages)
{
	g_autoptr(FakeChannel) channel = g_new0(FakeChannel, 1);
	g_autofree guint64 *pfns = g_new(guint64, out_pages + in_pages);
	struct hvis_msg_open open = { .relid = offer->relid };

	channel->guest = guest;
	channel->offer = *offer;
	channel->gpadl = guest->next_gpadl++;
	make_rings(channel, out_pages, in_pages, pfns);
	g_assert_cmphex(fake_guest_gpadl(guest, hvis_le32_get(offer->relid), channel->gpadl, pfns,
				channel->pages),
		==, 0);
	open.gpadl = hvis_le32_make(channel->gpadl);
	open.downstream_page = hvis_le32_make(out_pages);
	g_assert_cmphex(fake_guest_try_open(guest, &open), ==, 0);
	return g_steal_pointer(&channel);
}

void fake_channel_close(FakeChannel *channel)
{
	struct hvis_msg_relid close = { .relid = channel->offer.relid };

	fake_guest_say(channel->guest, HVIS_MSG_CLOSE, &close, sizeof(close));
	fake_guest_gpadl_teardown(
		channel->guest, hvis_le32_get(channel->offer.relid), channel->gpadl);
	fake_channel_free(channel);
}

void fake_channel_free(FakeChannel *channel)
{
	if (!channel)
		return;
	if (channel->memory)
		munmap(channel->memory, channel->pages * HVIS_PAGE_SIZE);
	g_free(channel);
}

guint32 fake_channel_relid(const FakeChannel *channel)
{
	return hvis_le32_get(channel->offer.relid);
}

guint32 fake_channel_gpadl(const FakeChannel *channel)
{
	return channel->gpadl;
}

struct hvis_ring *fake_channel_out(FakeChannel *channel)
{
	return &channel->out;
}

struct hvis_ring *fake_channel_in(FakeChannel *channel)
{
	return &channel->in;
}

void fake_channel_signal(FakeChannel *channel)
{
	guint32 connection = hvis_le32_get(channel->offer.connection_id);

	g_assert_true(fake_guest_signal(channel->guest, connection));
}

gboolean fake_channel_send(FakeChannel *channel, guint16 type, guint16 flags, guint64 xid,
	const void *payload, gsize len)
{
	const struct hvis_packet_out packet = {
		.type = type,
		.flags = flags,
		.xid = xid,
		.payload = payload,
		.payload_len = (guint32)len,
	};

	g_assert_true(hvis_ring_write_begin(&channel->out));
	if (hvis_ring_write_put(&channel->out, &packet) != HVIS_RING_DONE)
		return FALSE;
	if (hvis_ring_write_commit(&channel->out))
		fake_channel_signal(channel);
	return TRUE;
}

FakePacket *fake_channel_receive(FakeChannel *channel)
{
	g_autoptr(FakePacket) packet = g_new0(FakePacket, 1);
	struct hvis_packet_in in = { 0 };
	enum hvis_ring_result result;

	g_assert_true(hvis_ring_read_begin(&channel->in));
	result = hvis_ring_read_next(&channel->in, &in);
	if (result == HVIS_RING_AGAIN)
		return NULL;
	g_assert_cmpint(result, ==, HVIS_RING_DONE);
	packet->type = in.type;
	packet->flags = in.flags;
	packet->xid = in.xid;
	packet->header_len = in.header_len;
	packet->payload_len = in.payload_len;
	packet->header = g_malloc(in.header_len);
	packet->payload = g_malloc(in.payload_len);
	g_assert_true(hvis_packet_take(&channel->in, &in, packet->header, in.header_len));
	g_assert_true(hvis_packet_take(&channel->in, &in, packet->payload, in.payload_len));
	if (hvis_ring_read_commit(&channel->in))
		fake_channel_signal(channel);
	return g_steal_pointer(&packet);
}

void fake_packet_free(FakePacket *packet)
{
	if (!packet)
		return;
	g_free(packet->header);
	g_free(packet->payload);
	g_free(packet);
}
