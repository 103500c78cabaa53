/* SPDX-License-Identifier: GPL-2.0-only */
/* The services over the real VMBus host, with a guest that has rings, GPADLs and a memory. */
#include <hvis/hresult.h>
#include <hvis/services.h>
#include <util/clock.h>
#include <util/error.h>
#include "host/service/heartbeat.h"
#include "host/service/class.h"
#include "host/service/kvp.h"
#include "tests/unit/fake-guest.h"
#include "tests/unit/fake-kvp.h"

#define RING_PAGES 4

static const struct hvis_guid kvp_instance = HVIS_KVP_INSTANCE;
static const struct hvis_guid heartbeat_instance = HVIS_HEARTBEAT_INSTANCE;
static const struct hvis_guid timesync_instance = HVIS_TIMESYNC_INSTANCE;

typedef struct {
	FakeGuest *guest;
	VmbusHost *host;
	HvisFakeClock *clock;
	HostServices *all;
	FakeKvp *kvp;
	FakeChannel *channel;
	guint calls;
	guint32 status;
	int code;
	guint items;
} Fixture;

static void setup(Fixture *f, gconstpointer unused)
{
	f->guest = fake_guest_new(1);
	f->host = vmbus_host_new(fake_guest_machine(f->guest), NULL);
	f->clock = hvis_fake_clock_new();
	f->all = services_new(f->host, hvis_fake_clock_get(f->clock));
	f->kvp = fake_kvp_new();
	g_assert_true(services_add_missing(f->all, NULL));
	fake_guest_connect(f->guest);
}

static void teardown(Fixture *f, gconstpointer unused)
{
	services_free(f->all);
	g_assert_cmpuint(hvis_fake_clock_pending(f->clock), ==, 0);
	vmbus_host_free(f->host);
	hvis_fake_clock_free(f->clock);
	fake_kvp_free(f->kvp);
	if (f->channel)
		fake_channel_free(f->channel);
	fake_guest_free(f->guest);
}

static void open_channel(Fixture *f, const struct hvis_guid *instance)
{
	const struct hvis_msg_offer *offer = fake_guest_find(f->guest, instance, 0);

	g_assert_nonnull(offer);
	f->channel = fake_channel_open(f->guest, offer, RING_PAGES, RING_PAGES);
}

/* Take the next packet as a message; the body is a copy with room for an answer. */
static FakePacket *next(Fixture *f, IcMessage *m)
{
	FakePacket *packet = fake_channel_receive(f->channel);

	if (!packet)
		return NULL;
	g_assert_cmpuint(packet->type, ==, HVIS_PACKET_INBAND);
	g_assert_cmpuint(packet->flags, ==, 0);
	g_assert_true(icmsg_decode(packet->payload, packet->payload_len, m, NULL));
	return packet;
}

static void reply(Fixture *f, const FakePacket *packet, IcMessage *m, guint32 status,
	const void *body, gsize len)
{
	guint8 bytes[8192];
	gsize used;

	m->status = status;
	m->flags = HVIS_IC_TRANSACTION | HVIS_IC_RESPONSE;
	m->body = wire_cursor(body, len);
	g_assert_true(icmsg_encode(m, bytes, sizeof(bytes), &used, NULL));
	g_assert_true(
		fake_channel_send(f->channel, HVIS_PACKET_INBAND, 0, packet->xid, bytes, used));
}

static void agree(Fixture *f, guint major, guint minor)
{
	IcMessage m;
	g_autoptr(FakePacket) packet = next(f, &m);
	IcVersions v = { 1, 1, { { 3, 0 } }, { { (guint16)major, (guint16)minor } } };
	guint8 body[16];
	gsize len;

	g_assert_nonnull(packet);
	g_assert_cmpuint(m.type, ==, HVIS_IC_NEGOTIATE);
	g_assert_true(icmsg_negotiate_encode(&v, body, sizeof(body), &len, NULL));
	reply(f, packet, &m, HVIS_S_OK, body, len);
}

static void run_kvp(Fixture *f)
{
	FakePacket *packet;
	IcMessage m;

	while ((packet = next(f, &m))) {
		gsize len = m.body.left;
		g_autofree guint8 *body = g_memdup2(m.body.pos, len);
		guint32 status = fake_kvp_answer(f->kvp, body, len);

		reply(f, packet, &m, status, body, len);
		fake_packet_free(packet);
	}
}

static void on_list(guint32 status, GPtrArray *items, const GError *error, gpointer data)
{
	Fixture *f = data;

	f->calls++;
	f->status = status;
	f->code = error ? error->code : -1;
	f->items = items ? items->len : 0;
}

static void on_ip(guint32 status, const KvpIpInfo *ip, const GError *error, gpointer data)
{
	Fixture *f = data;

	f->calls++;
	f->status = status;
	f->code = error ? error->code : -1;
}

static void test_offers(Fixture *f, gconstpointer unused)
{
	const struct hvis_msg_offer *offer = fake_guest_find(f->guest, &kvp_instance, 0);
	const struct hvis_guid type = HVIS_KVP_TYPE;

	for (guint n = 0; n < 6; n++)
		g_assert_nonnull(fake_guest_offer(f->guest, n));
	g_assert_null(fake_guest_offer(f->guest, 6));
	g_assert_true(hvis_guid_equal(&offer->type, &type));
	g_assert_cmpuint(hvis_le16_get(offer->flags), ==, 0x11);
	g_assert_cmpmem(offer->user_data, 4, "\4\0\0\0", 4);
}

static void test_kvp(Fixture *f, gconstpointer unused)
{
	HostService *s = services_get(f->all, "kvp", NULL);

	for (guint i = 0; i < 500; i++) {
		g_autofree char *key = g_strdup_printf("k%u", i);

		fake_kvp_add(f->kvp, 1, key, "v");
	}
	open_channel(f, &kvp_instance);
	agree(f, 4, 0);
	g_assert_cmpint(service_state(s), ==, SERVICE_READY);
	kvp_list(s, 1, on_list, f);
	run_kvp(f);
	g_assert_cmpuint(f->calls, ==, 1);
	g_assert_cmphex(f->status, ==, HVIS_S_OK);
	g_assert_cmpuint(f->items, ==, 500);
	kvp_ip_get(s, "00:11", on_ip, f); /* 7.4 KiB fit the ring of a stock guest */
	run_kvp(f);
	g_assert_cmpuint(f->calls, ==, 2);
	g_assert_cmpint(f->code, ==, -1);
}

static void test_heartbeat(Fixture *f, gconstpointer unused)
{
	HostService *s = services_get(f->all, "heartbeat", NULL);
	HeartbeatStatus status;

	open_channel(f, &heartbeat_instance);
	agree(f, 3, 0);
	for (guint i = 0; i < 3; i++) {
		IcMessage m;
		g_autoptr(FakePacket) packet = next(f, &m);
		struct hvis_heartbeat beat;

		g_assert_nonnull(packet);
		memcpy(&beat, m.body.pos, sizeof(beat));
		beat.sequence = hvis_le64_make(hvis_le64_get(beat.sequence) + 1);
		reply(f, packet, &m, HVIS_S_OK, &beat, sizeof(beat));
		hvis_fake_clock_advance(f->clock, HVIS_HEARTBEAT_PERIOD_MS);
	}
	heartbeat_status(s, &status);
	g_assert_cmpuint(status.sequence, ==, 3);
}

static void test_timesync_reference(Fixture *f, gconstpointer unused)
{
	IcMessage m;
	g_autoptr(FakePacket) packet = NULL;
	hvis_le64 reference;

	fake_guest_set_time(f->guest, 0x1122334455);
	open_channel(f, &timesync_instance);
	agree(f, 4, 0);
	packet = next(f, &m);
	g_assert_nonnull(packet);
	memcpy(&reference, m.body.pos + 8, sizeof(reference));
	g_assert_cmphex(hvis_le64_get(reference), ==, 0x1122334455);
}

static void test_rescind_in_list(Fixture *f, gconstpointer unused)
{
	HostService *s = services_get(f->all, "kvp", NULL);
	guint32 relid;

	open_channel(f, &kvp_instance);
	agree(f, 4, 0);
	kvp_list(s, 1, on_list, f);
	service_disable(s);
	g_assert_cmpuint(f->calls, ==, 1);
	g_assert_cmpint(f->code, ==, HVIS_ERROR_CLOSED);
	relid = fake_guest_expect_rescind(f->guest);
	fake_channel_free(g_steal_pointer(&f->channel));
	fake_guest_release(f->guest, relid);
	g_assert_true(service_enable(s, NULL));
	g_assert_nonnull(fake_guest_expect_offer(f->guest));
	open_channel(f, &kvp_instance);
	agree(f, 3, 0);
	g_assert_cmpint(service_state(s), ==, SERVICE_READY);
}

static void test_close_and_reopen(Fixture *f, gconstpointer unused)
{
	HostService *s = services_get(f->all, "kvp", NULL);

	open_channel(f, &kvp_instance);
	agree(f, 4, 0);
	kvp_list(s, 1, on_list, f);
	fake_channel_close(g_steal_pointer(&f->channel));
	g_assert_cmpuint(f->calls, ==, 1);
	g_assert_cmpint(service_state(s), ==, SERVICE_OFFERED);
	open_channel(f, &kvp_instance);
	agree(f, 4, 0);
	g_assert_cmpint(service_state(s), ==, SERVICE_READY);
}

static void test_reset(Fixture *f, gconstpointer unused)
{
	HostService *s = services_get(f->all, "kvp", NULL);

	open_channel(f, &kvp_instance);
	agree(f, 4, 0);
	kvp_list(s, 1, on_list, f);
	fake_guest_reset(f->guest);
	g_assert_cmpuint(f->calls, ==, 1);
	g_assert_cmpint(service_state(s), ==, SERVICE_OFFERED);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
#define T(path, func) g_test_add("/service/vmbus/" path, Fixture, NULL, setup, func, teardown)
	T("offers", test_offers);
	T("kvp", test_kvp);
	T("heartbeat", test_heartbeat);
	T("timesync-reference", test_timesync_reference);
	T("rescind", test_rescind_in_list);
	T("reopen", test_close_and_reopen);
	T("reset", test_reset);
#undef T
	return g_test_run();
}
