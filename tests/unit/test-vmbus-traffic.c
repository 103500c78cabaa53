/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Packets between host and guest: what arrives, who is signalled and how often, full rings, and
 * rings that the guest breaks, before and while the host reads them.
 */
#include "config.h"

#include <json-c/json.h>

#include "host/fault.h"
#include "host/owed.h"
#include "host/vmbus/parts.h"
#include "tests/unit/fake-guest.h"
#include "util/error.h"

#define PAGES 3u /* each way: 8192 bytes of data */

typedef struct {
	FakeGuest *guest;
	VmbusHost *host;
	FakeChannel *channel;
	VmbusChannel *end; /* the host's */
	guint packets, writable, closed, reports;
	GByteArray *payload; /* of the last packet */
	VmbusPacket packet;
	FakeChannel *echo; /* the guest sends again from within the host's callback */
	gsize echo_len; /* so many bytes; 0 = 5 */
} Fixture;

static void on_opened(VmbusChannel *channel, gpointer data)
{
	((Fixture *)data)->end = channel;
}

static const guint8 large[6000];

static void on_packet(VmbusChannel *channel, const VmbusPacket *packet, gpointer data)
{
	Fixture *f = data;

	f->packets++;
	f->packet = *packet;
	g_byte_array_set_size(f->payload, 0);
	g_byte_array_append(f->payload, packet->payload, (guint)packet->payload_len);
	if (f->echo && f->packets < 10)
		g_assert_true(fake_channel_send(
			f->echo, HVIS_PACKET_INBAND, 0, 0, large, f->echo_len ? f->echo_len : 5));
}

static void on_writable(VmbusChannel *channel, gpointer data)
{
	((Fixture *)data)->writable++;
}

static void on_closed(VmbusChannel *channel, gpointer data)
{
	((Fixture *)data)->closed++;
}

static void on_report(const char *text, gpointer data)
{
	g_assert_nonnull(strstr(text, "kvp, channel 0, relid 1: stopped, "));
	((Fixture *)data)->reports++;
}

static const VmbusDeviceOps ops = { on_opened, on_packet, on_writable, on_closed };

static void set_up(Fixture *f, gconstpointer data)
{
	const VmbusDeviceInfo info = { .name = "kvp", .ops = &ops, .data = f };
	const VmbusOptions options = { .report = on_report, .report_data = f };

	f->payload = g_byte_array_new();
	f->guest = fake_guest_new(1);
	f->host = vmbus_host_new(fake_guest_machine(f->guest), &options);
	vmbus_device_add(f->host, &info);
	fake_guest_connect(f->guest);
	f->channel = fake_channel_open(f->guest, fake_guest_offer(f->guest, 0), PAGES, PAGES);
}

static void tear_down(Fixture *f, gconstpointer data)
{
	fault_clear();
	vmbus_host_free(f->host);
	g_assert_cmpuint(fake_guest_mappings(f->guest), ==, 0);
	fake_channel_free(f->channel);
	fake_guest_free(f->guest);
	g_byte_array_unref(f->payload);
}

static void settle(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

static gboolean send(Fixture *f, guint64 xid, gsize len, GError **error)
{
	guint8 payload[8192] = { 0 };

	memset(payload, (int)xid, sizeof(payload));
	return vmbus_channel_send(f->end, HVIS_PACKET_INBAND, 0, xid, payload, len, error);
}

/* TRUE where there was one. */
static gboolean guest_reads(Fixture *f, guint64 xid, gsize len)
{
	g_autoptr(FakePacket) packet = fake_channel_receive(f->channel);

	if (!packet)
		return FALSE;
	g_assert_cmpuint(packet->xid, ==, xid);
	g_assert_cmpuint(packet->payload_len, ==, (len + 7) / 8 * 8);
	for (gsize i = 0; i < len; i++)
		g_assert_cmpuint(packet->payload[i], ==, (guint8)xid);
	return TRUE;
}

static void test_both_ways(Fixture *f, gconstpointer data)
{
	for (guint len = 0; len < 4000; len += 37) {
		g_autofree guint8 *payload = g_malloc(len + 1);

		memset(payload, (int)len, len);
		g_assert_true(fake_channel_send(f->channel, HVIS_PACKET_COMP,
			HVIS_PACKET_WANTS_COMPLETION, 0x123456789abcdef0 + len, payload, len));
		g_assert_cmpuint(f->packet.type, ==, HVIS_PACKET_COMP);
		g_assert_cmpuint(f->packet.flags, ==, HVIS_PACKET_WANTS_COMPLETION);
		g_assert_cmpuint(f->packet.xid, ==, 0x123456789abcdef0 + len);
		g_assert_cmpuint(f->packet.header_len, ==, 0);
		g_assert_cmpmem(f->payload->data, len, payload, len);
		g_assert_true(send(f, len, len, NULL));
		g_assert_true(guest_reads(f, len, len));
	}
	g_assert_cmpuint(f->packets, ==, 109);
}

static void test_header(Fixture *f, gconstpointer data)
{
	const struct hvis_packet_out packet = {
		.type = HVIS_PACKET_GPA_DIRECT,
		.header = "header of 16 byt",
		.header_len = 16,
		.payload = "payload",
		.payload_len = 8,
	};

	hvis_ring_write_begin(fake_channel_out(f->channel));
	hvis_ring_write_put(fake_channel_out(f->channel), &packet);
	hvis_ring_write_commit(fake_channel_out(f->channel));
	fake_channel_signal(f->channel);
	g_assert_cmpuint(f->packet.header_len, ==, 16);
	g_assert_cmpuint(f->packet.payload_len, ==, 8);
	g_assert_cmpstr((const char *)f->payload->data, ==, "payload");
}

/* One interrupt for each time that the ring was empty, and none for what follows. */
static void test_interrupts(Fixture *f, gconstpointer data)
{
	guint32 relid = fake_channel_relid(f->channel);

	g_assert_cmpuint(fake_guest_events(f->guest, relid), ==, 0);
	send(f, 0, 100, NULL);
	g_assert_cmpuint(fake_guest_events(f->guest, relid), ==, 1);
	for (guint i = 1; i < 5; i++)
		send(f, i, 100, NULL);
	g_assert_cmpuint(fake_guest_events(f->guest, relid), ==, 0);
	for (guint i = 0; i < 5; i++)
		g_assert_true(guest_reads(f, i, 100));
	hvis_ring_read_mask(fake_channel_in(f->channel));
	send(f, 5, 100, NULL);
	g_assert_cmpuint(fake_guest_events(f->guest, relid), ==, 0);
	g_assert_true(hvis_ring_read_unmask(fake_channel_in(f->channel)));
	g_assert_true(guest_reads(f, 5, 100));
	send(f, 6, 100, NULL);
	g_assert_cmpuint(fake_guest_events(f->guest, relid), ==, 1);
	g_assert_cmpuint(f->end->sent.signals, ==, 2);
	g_assert_cmpuint(f->end->sent.packets, ==, 7);
}

/* The host has read all that there was, so each packet of the guest is an edge of its own. */
static void test_signals(Fixture *f, gconstpointer data)
{
	for (guint i = 0; i < 10; i++)
		fake_channel_send(f->channel, HVIS_PACKET_INBAND, 0, i, "x", 1);
	g_assert_cmpuint(f->end->received.signals, ==, 10);
	g_assert_cmpuint(f->packets, ==, 10);
	for (guint i = 0; i < 3; i++)
		fake_channel_signal(f->channel); /* vain ones do no harm */
	g_assert_cmpuint(f->packets, ==, 10);
}

/* Sent from within the callback: masked, so without a signal, and found when unmasking. */
static void test_echo(Fixture *f, gconstpointer data)
{
	f->echo = f->channel;
	fake_channel_send(f->channel, HVIS_PACKET_INBAND, 0, 0, "first", 5);
	settle();
	g_assert_cmpuint(f->packets, ==, 10);
	g_assert_cmpuint(f->end->received.signals, ==, 1);
	g_assert_cmpuint(f->end->resume_source, ==, 0);
}

/* Of what the device is told the room is free: the next packet is as large, and two would not fit. */
static void test_echo_large(Fixture *f, gconstpointer data)
{
	f->echo = f->channel;
	f->echo_len = sizeof(large);
	fake_channel_send(f->channel, HVIS_PACKET_INBAND, 0, 0, large, sizeof(large));
	settle();
	g_assert_cmpuint(f->packets, ==, 10);
}

/* The rest of a batch waits for the main loop; a channel that closes before takes it along. */
static void test_close_before_rest(Fixture *f, gconstpointer data)
{
	f->echo = f->channel;
	fake_channel_send(f->channel, HVIS_PACKET_INBAND, 0, 0, "first", 5);
	g_assert_cmpuint(f->end->resume_source, !=, 0);
	fake_channel_close(g_steal_pointer(&f->channel));
	settle();
	g_assert_cmpuint(f->packets, ==, 1);
	g_assert_cmpuint(f->closed, ==, 1);
}

/* A large ring full of small packets is not read in one turn of the main loop. */
static void test_many_in_one_batch(Fixture *f, gconstpointer data)
{
	const struct hvis_packet_out packet = { .type = HVIS_PACKET_INBAND };
	struct hvis_ring *ring;
	guint sent = 0, turns = 0;

	fake_channel_close(f->channel);
	f->channel = fake_channel_open(f->guest, fake_guest_offer(f->guest, 0), 16, PAGES);
	ring = fake_channel_out(f->channel);
	g_assert_true(hvis_ring_write_begin(ring));
	while (hvis_ring_write_put(ring, &packet) == HVIS_RING_DONE)
		sent++;
	hvis_ring_write_commit(ring);
	fake_channel_signal(f->channel);
	g_assert_cmpuint(f->packets, <, sent / 2);
	while (f->packets < sent && g_main_context_iteration(NULL, FALSE))
		turns++;
	g_assert_cmpuint(f->packets, ==, sent);
	g_assert_cmpuint(turns, >, 1);
	settle();
	g_assert_cmpuint(f->end->resume_source, ==, 0);
}

static void test_full(Fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	guint sent = 0, read = 0;

	while (send(f, sent, 1000, &error))
		sent++;
	g_assert_true(hvis_error_is(error, HVIS_ERROR_BUSY));
	g_assert_cmpuint(sent, ==, 7); /* 8 of 1024 bytes would fill it completely */
	g_assert_cmpuint(f->writable, ==, 0);
	g_assert_true(guest_reads(f, read++, 1000)); /* 1024 + 1024 free: more than is waited for */
	g_assert_cmpuint(f->writable, ==, 1);
	g_assert_true(send(f, sent++, 1000, NULL));
	while (guest_reads(f, read, 1000))
		read++;
	g_assert_cmpuint(read, ==, sent);
	g_assert_cmpuint(f->writable, ==, 1); /* nobody waits any more */
}

/* Two senders wait, for little and for much: nobody is told before there is room for both. */
static void test_full_twice(Fixture *f, gconstpointer data)
{
	for (guint i = 0; i < 7; i++)
		g_assert_true(send(f, i, 1000, NULL));
	g_assert_false(send(f, 7, 3000, NULL));
	g_assert_false(send(f, 7, 1000, NULL));
	g_assert_true(send(f, 7, 24, NULL)); /* this one fits, and ends no wait */
	for (guint i = 0; i < 7; i++)
		g_assert_true(guest_reads(f, i, 1000));
	g_assert_cmpuint(f->writable, ==, 1);
	g_assert_true(send(f, 8, 3000, NULL));
}

static void test_too_large(Fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	g_autofree guint8 *huge = g_malloc0(1 << 20);

	g_assert_true(send(f, 1, 8192 - 24 - 8, NULL));
	g_assert_false(send(f, 1, 8192 - 24 - 7, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_INVALID));
	g_clear_error(&error);
	g_assert_false(vmbus_channel_send(f->end, HVIS_PACKET_INBAND, 0, 0, huge, 1 << 20, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_INVALID));
}

static void test_faults(Fixture *f, gconstpointer data)
{
	g_autoptr(FakePacket) packet = NULL;

	g_assert_cmpuint(fault_add("drop:packet/kvp:count=1", NULL), !=, 0);
	g_assert_true(send(f, 1, 100, NULL));
	g_assert_null(fake_channel_receive(f->channel));
	fault_clear();
	g_assert_cmpuint(fault_add("truncate:packet/kvp:length=16", NULL), !=, 0);
	g_assert_true(send(f, 2, 100, NULL));
	g_assert_true(guest_reads(f, 2, 16)); /* the descriptor is right all the same */
	fault_clear();
	g_assert_cmpuint(fault_add("corrupt:packet/kvp:offset=0,xor=0xff", NULL), !=, 0);
	g_assert_true(send(f, 3, 100, NULL));
	packet = fake_channel_receive(f->channel);
	g_assert_cmpuint(packet->xid, ==, 3);
	g_assert_cmpuint(packet->payload[0], ==, 3 ^ 0xff);
}

/* --- broken rings --- */

static void expect_broken(Fixture *f, const char *why)
{
	g_autoptr(GError) error = NULL;

	g_assert_cmpint(f->end->state, ==, CHANNEL_BROKEN);
	g_assert_nonnull(strstr(f->end->fault, why));
	g_assert_cmpuint(f->closed, ==, 1);
	g_assert_cmpuint(f->reports, ==, 1);
	g_assert_cmpuint(f->host->violations, ==, 1);
	g_assert_cmpuint(fake_guest_mappings(f->guest), ==, 1); /* monitor page */
	g_assert_false(send(f, 0, 0, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_CLOSED));
	/* The guest can put it right: close, open. */
	fake_channel_close(g_steal_pointer(&f->channel));
	f->channel = fake_channel_open(f->guest, fake_guest_offer(f->guest, 0), PAGES, PAGES);
	g_assert_true(fake_channel_send(f->channel, HVIS_PACKET_INBAND, 0, 0, "x", 1));
	g_assert_true(send(f, 0, 8, NULL));
	g_assert_cmpuint(f->closed, ==, 1);
}

static void test_bad_write_index(Fixture *f, gconstpointer data)
{
	hvis_shared_store(fake_channel_out(f->channel)->control, HVIS_RING_WRITE, 12);
	fake_channel_signal(f->channel);
	expect_broken(f, "no place in the ring");
}

static void test_bad_read_index(Fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL;

	hvis_shared_store(fake_channel_in(f->channel)->control, HVIS_RING_READ, 8192);
	g_assert_false(send(f, 0, 8, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_CLOSED));
	expect_broken(f, "no place in the ring");
}

static void test_bad_read_index_waiting(Fixture *f, gconstpointer data)
{
	while (send(f, 0, 1000, NULL))
		;
	hvis_shared_store(fake_channel_in(f->channel)->control, HVIS_RING_READ, 4);
	fake_channel_signal(f->channel);
	g_assert_cmpuint(f->writable, ==, 0);
	expect_broken(f, "no place in the ring");
}

static void put_desc(Fixture *f, guint16 type, guint16 offset8, guint16 len8, guint32 avail)
{
	const struct hvis_packet_desc desc = {
		.type = hvis_le16_make(type),
		.offset8 = hvis_le16_make(offset8),
		.len8 = hvis_le16_make(len8),
	};
	struct hvis_ring *ring = fake_channel_out(f->channel);

	hvis_shared_put(ring->control, HVIS_RING_PAGE, &desc, sizeof(desc));
	hvis_shared_store(ring->control, HVIS_RING_WRITE, avail);
	fake_channel_signal(f->channel);
	g_assert_cmpuint(f->packets, ==, 0);
}

static void test_bad_type(Fixture *f, gconstpointer data)
{
	put_desc(f, 5, 2, 2, 24);
	expect_broken(f, "unknown type");
}

static void test_bad_offset(Fixture *f, gconstpointer data)
{
	put_desc(f, HVIS_PACKET_INBAND, 3, 2, 24);
	expect_broken(f, "payload begins outside");
}

static void test_bad_length(Fixture *f, gconstpointer data)
{
	put_desc(f, HVIS_PACKET_INBAND, 2, 0xffff, 24);
	expect_broken(f, "longer than what was written");
}

/* Sound packets before the broken one have been heard. */
static void test_sound_then_bad(Fixture *f, gconstpointer data)
{
	hvis_ring_read_mask(fake_channel_out(f->channel));
	fake_channel_send(f->channel, HVIS_PACKET_INBAND, 0, 1, "x", 1);
	fake_channel_send(f->channel, HVIS_PACKET_INBAND, 0, 2, "y", 1);
	hvis_shared_store(fake_channel_out(f->channel)->control, HVIS_RING_PAGE + 32, 0xffffffff);
	fake_channel_signal(f->channel);
	g_assert_cmpuint(f->packets, ==, 1);
	expect_broken(f, "unknown type");
}

/* --- a guest that never keeps still --- */

typedef struct {
	hvis_shared *ring;
	gint writes, stop;
} Flipper;

/* Mostly indexes and descriptors that are right in themselves, at times one byte of anything. */
static void flip_once(Flipper *flipper, guint32 n)
{
	guint32 pick = n >> 28, value = n >> 8 & 0xffff;
	guint32 at = HVIS_RING_PAGE + value % ((PAGES - 1) * HVIS_RING_PAGE) / 8 * 8;
	guint8 byte = (guint8)(n >> 20);

	if (pick < 6)
		hvis_shared_store(flipper->ring, HVIS_RING_WRITE, at - HVIS_RING_PAGE);
	else if (pick < 15)
		hvis_shared_store(flipper->ring, at, HVIS_PACKET_INBAND | 2u << 16);
	else if (value % 16)
		hvis_shared_store(flipper->ring, at + 4, 2 + value % 64);
	else
		hvis_shared_put(flipper->ring, at, &byte, 1);
}

static gpointer flip(gpointer data)
{
	Flipper *flipper = data;
	guint32 n = 1;

	while (!g_atomic_int_get(&flipper->stop)) {
		n = n * 1664525 + 1013904223;
		flip_once(flipper, n);
		g_atomic_int_inc(&flipper->writes);
	}
	return NULL;
}

/* Whatever is seen: a batch ends, and the channel lives or is broken. */
static void flip_round(Fixture *f)
{
	Flipper flipper = { .ring = fake_channel_out(f->channel)->control };
	GThread *thread = g_thread_new("flip", flip, &flipper);

	while (g_atomic_int_get(&flipper.writes) < 1000)
		g_thread_yield();
	for (guint i = 0; i < 50 && f->end->state == CHANNEL_OPEN; i++) {
		guint before = f->packets;

		fake_channel_signal(f->channel);
		g_assert_cmpuint(f->packets - before, <=, (PAGES - 1) * HVIS_RING_PAGE / 24);
	}
	g_atomic_int_set(&flipper.stop, 1);
	g_thread_join(thread);
}

static void test_flipping(Fixture *f, gconstpointer data)
{
	for (guint round = 0; round < 200; round++) {
		flip_round(f);
		fake_channel_close(g_steal_pointer(&f->channel));
		f->channel =
			fake_channel_open(f->guest, fake_guest_offer(f->guest, 0), PAGES, PAGES);
	}
	g_assert_cmpuint(f->closed, ==, 200);
	g_test_message("%u packets read, %u rings broken", f->packets, f->reports);
}

static void test_describe(Fixture *f, gconstpointer data)
{
	struct json_object *all, *value;
	const char *text;

	fake_channel_send(f->channel, HVIS_PACKET_INBAND, 0, 1, "x", 1);
	all = vmbus_host_describe(f->host);
	text = json_object_to_json_string(all);
	g_assert_nonnull(strstr(text, "\"version\": \"5.3\""));
	g_assert_nonnull(strstr(text, "\"state\": \"open\""));
	g_assert_nonnull(strstr(text, "\"packets\": 1, \"bytes\": 8, \"signals\": 1"));
	g_assert_nonnull(strstr(text, "\"OPEN_RESULT\": 1"));
	g_assert_true(json_object_object_get_ex(all, "gpadls", &value));
	g_assert_cmpuint(json_object_array_length(value), ==, 1);
	json_object_put(all);
}

#define ADD(path, func) g_test_add("/vmbus/traffic/" path, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("both-ways", test_both_ways);
	ADD("header", test_header);
	ADD("interrupts", test_interrupts);
	ADD("signals", test_signals);
	ADD("echo", test_echo);
	ADD("echo/large", test_echo_large);
	ADD("close-before-rest", test_close_before_rest);
	ADD("many-in-one-batch", test_many_in_one_batch);
	ADD("full", test_full);
	ADD("full-twice", test_full_twice);
	ADD("too-large", test_too_large);
	ADD("faults", test_faults);
	ADD("broken/write-index", test_bad_write_index);
	ADD("broken/read-index", test_bad_read_index);
	ADD("broken/read-index-waiting", test_bad_read_index_waiting);
	ADD("broken/type", test_bad_type);
	ADD("broken/offset", test_bad_offset);
	ADD("broken/length", test_bad_length);
	ADD("broken/sound-then-bad", test_sound_then_bad);
	ADD("broken/flipping", test_flipping);
	ADD("describe", test_describe);
	return g_test_run();
}
