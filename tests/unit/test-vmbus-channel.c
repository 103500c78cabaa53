/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Channels as the guest drives them: open, close, reopen, modify, rescind and offer again,
 * sub-channels, monitored channels; and every way to do it wrong.
 */
#include "config.h"

#include <json-c/json.h>

#include "host/fault.h"
#include "host/owed.h"
#include "host/vmbus/parts.h"
#include "tests/unit/fake-guest.h"
#include "util/error.h"

typedef struct {
	FakeGuest *guest;
	VmbusHost *host;
	VmbusDevice *kvp, *net;
	guint opened, packets, closed;
	VmbusChannel *last;
	gboolean rescind_on_packet, offer_on_closed;
} Fixture;

static void on_opened(VmbusChannel *channel, gpointer data)
{
	Fixture *f = data;

	f->opened++;
	f->last = channel;
}

static void on_packet(VmbusChannel *channel, const VmbusPacket *packet, gpointer data)
{
	Fixture *f = data;

	f->packets++;
	f->last = channel;
	if (f->rescind_on_packet)
		vmbus_device_rescind(vmbus_channel_device(channel));
}

static void on_closed(VmbusChannel *channel, gpointer data)
{
	Fixture *f = data;

	f->closed++;
	g_assert_false(vmbus_channel_send(channel, HVIS_PACKET_INBAND, 0, 0, "", 0, NULL));
	if (f->offer_on_closed)
		vmbus_device_offer(vmbus_channel_device(channel));
}

static const VmbusDeviceOps ops = { .opened = on_opened, .packet = on_packet, .closed = on_closed };

static void set_up(Fixture *f, gconstpointer data)
{
	VmbusDeviceInfo info = { .name = "kvp", .instance = { { 1 } }, .ops = &ops, .data = f };

	f->guest = fake_guest_new(2);
	f->host = vmbus_host_new(fake_guest_machine(f->guest), NULL);
	f->kvp = vmbus_device_add(f->host, &info);
	info.name = "net";
	info.instance.b[0] = 2;
	info.monitored = data != NULL;
	f->net = vmbus_device_add(f->host, &info);
	fake_guest_connect(f->guest);
}

static void tear_down(Fixture *f, gconstpointer data)
{
	struct json_object *owed;

	fault_clear();
	vmbus_host_free(f->host);
	owed = owed_describe();
	g_assert_cmpuint(json_object_array_length(owed), ==, 0);
	json_object_put(owed);
	g_assert_cmpuint(fake_guest_mappings(f->guest), ==, 0);
	fake_guest_free(f->guest);
}

static guint64 violations(Fixture *f)
{
	return f->host->violations;
}

static FakeChannel *open_kvp(Fixture *f)
{
	return fake_channel_open(f->guest, fake_guest_offer(f->guest, 0), 4, 4);
}

static void say_close(Fixture *f, guint32 relid)
{
	struct hvis_msg_relid close = { .relid = hvis_le32_make(relid) };

	fake_guest_say(f->guest, HVIS_MSG_CLOSE, &close, sizeof(close));
}

static void test_open_close(Fixture *f, gconstpointer data)
{
	for (guint i = 1; i <= 5; i++) {
		FakeChannel *channel = open_kvp(f);
		guint32 relid = fake_channel_relid(channel);

		g_assert_cmpuint(f->opened, ==, i);
		g_assert_cmpuint(vmbus_channel_relid(f->last), ==, relid);
		g_assert_cmpuint(vmbus_channel_index(f->last), ==, 0);
		g_assert_true(vmbus_channel_device(f->last) == f->kvp);
		g_assert_true(fake_guest_signal(f->guest, 0x2000 + relid));
		fake_channel_close(channel);
		g_assert_cmpuint(f->closed, ==, i);
		g_assert_cmpuint(fake_guest_mappings(f->guest), ==, 1); /* monitor page */
		g_assert_false(fake_guest_signal(f->guest, 0x2000 + relid));
	}
	fake_guest_expect_nothing(f->guest);
	g_assert_cmpuint(violations(f), ==, 0);
}

static void test_large(Fixture *f, gconstpointer data)
{
	FakeChannel *channel =
		fake_channel_open(f->guest, fake_guest_offer(f->guest, 0), 5000, 5000);

	g_assert_true(fake_channel_send(channel, HVIS_PACKET_INBAND, 0, 1, "x", 1));
	g_assert_cmpuint(f->packets, ==, 1);
	fake_channel_close(channel);
}

/* An OPEN of kvp that would be right, for tests to spoil; its list has 8 pages. */
static struct hvis_msg_open sound_open(Fixture *f)
{
	guint32 relid = hvis_le32_get(fake_guest_offer(f->guest, 0)->relid);
	guint64 pfns[8];

	fake_guest_alloc(f->guest, pfns, 8, FALSE);
	g_assert_cmphex(fake_guest_gpadl(f->guest, relid, 100, pfns, 8), ==, 0);
	return (struct hvis_msg_open){
		.relid = hvis_le32_make(relid),
		.gpadl = hvis_le32_make(100),
		.downstream_page = hvis_le32_make(4),
	};
}

static void test_open_wrong(Fixture *f, gconstpointer data)
{
	const struct hvis_msg_open sound = sound_open(f);
	static const guint32 pages[] = { 0, 1, 7, 8, 9, 0x7fffffff, 0xffffffff };
	struct hvis_msg_open open;
	guint64 pfn = 20;
	guint wrong = 0;

	for (guint i = 0; i < G_N_ELEMENTS(pages); i++, wrong++) {
		open = sound;
		open.downstream_page = hvis_le32_make(pages[i]);
		g_assert_cmphex(
			fake_guest_try_open(f->guest, &open), ==, HVIS_NT_INVALID_PARAMETER);
	}
	open = sound;
	open.gpadl = hvis_le32_make(101); /* unknown */
	g_assert_cmphex(fake_guest_try_open(f->guest, &open), ==, HVIS_NT_INVALID_PARAMETER);
	open = sound;
	open.relid = fake_guest_offer(f->guest, 1)->relid; /* kvp's list for net */
	g_assert_cmphex(fake_guest_try_open(f->guest, &open), ==, HVIS_NT_INVALID_PARAMETER);
	open = sound;
	open.relid = hvis_le32_make(77);
	g_assert_cmphex(fake_guest_try_open(f->guest, &open), ==, HVIS_NT_INVALID_PARAMETER);
	open = sound;
	open.target_vp = hvis_le32_make(2); /* there are 0 and 1 */
	g_assert_cmphex(fake_guest_try_open(f->guest, &open), ==, HVIS_NT_INVALID_PARAMETER);
	g_assert_cmphex(
		fake_guest_gpadl(f->guest, hvis_le32_get(sound.relid), 102, &pfn, 1), ==, 0);
	open = sound;
	open.gpadl = hvis_le32_make(102); /* one page for two rings */
	g_assert_cmphex(fake_guest_try_open(f->guest, &open), ==, HVIS_NT_INVALID_PARAMETER);
	g_assert_cmpuint(violations(f), ==, wrong + 5);
	g_assert_cmpuint(f->opened, ==, 0);
	g_assert_cmpuint(fake_guest_mappings(f->guest), ==, 1);
	open = sound;
	open.target_vp = hvis_le32_make(1);
	g_assert_cmphex(fake_guest_try_open(f->guest, &open), ==, HVIS_NT_OK);
	g_assert_cmpuint(f->opened, ==, 1);
}

static void test_open_no_ram(Fixture *f, gconstpointer data)
{
	struct hvis_msg_open open = sound_open(f);
	guint64 pfns[4] = { 30, 31, FAKE_GUEST_PAGES, 32 };

	g_assert_cmphex(fake_guest_gpadl(f->guest, hvis_le32_get(open.relid), 103, pfns, 4), ==, 0);
	open.gpadl = hvis_le32_make(103);
	open.downstream_page = hvis_le32_make(2);
	g_assert_cmphex(fake_guest_try_open(f->guest, &open), ==, HVIS_NT_INVALID_PARAMETER);
	g_assert_cmpuint(f->opened, ==, 0);
}

/* A list that begins within a page, or ends there, is a fine list and no ring. */
static void test_open_not_whole(Fixture *f, gconstpointer data)
{
	struct hvis_msg_open open = sound_open(f);
	struct {
		struct hvis_msg_gpadl_header header;
		hvis_le64 pfn[4];
	} message = {
		.header.relid = open.relid,
		.header.gpadl = hvis_le32_make(104),
		.header.range_buflen = hvis_le16_make(8 + 8 * 4),
		.header.range_count = hvis_le16_make(1),
		.header.range.byte_count = hvis_le32_make(4 * 4096 - 8),
	};

	fake_guest_say(f->guest, HVIS_MSG_GPADL_HEADER, &message, sizeof(message));
	fake_guest_expect(f->guest, HVIS_MSG_GPADL_CREATED, NULL, 20);
	open.gpadl = hvis_le32_make(104);
	open.downstream_page = hvis_le32_make(2);
	g_assert_cmphex(fake_guest_try_open(f->guest, &open), ==, HVIS_NT_INVALID_PARAMETER);
	message.header.gpadl = hvis_le32_make(105);
	message.header.range.byte_offset = hvis_le32_make(8);
	fake_guest_say(f->guest, HVIS_MSG_GPADL_HEADER, &message, sizeof(message));
	fake_guest_expect(f->guest, HVIS_MSG_GPADL_CREATED, NULL, 20);
	open.gpadl = hvis_le32_make(105);
	g_assert_cmphex(fake_guest_try_open(f->guest, &open), ==, HVIS_NT_INVALID_PARAMETER);
}

static void test_open_incomplete(Fixture *f, gconstpointer data)
{
	struct hvis_msg_open open = sound_open(f);
	struct hvis_msg_gpadl_header header = {
		.relid = open.relid,
		.gpadl = hvis_le32_make(106),
		.range_buflen = hvis_le16_make(8 + 8 * 8),
		.range_count = hvis_le16_make(1),
		.range.byte_count = hvis_le32_make(8 * 4096),
	};

	fake_guest_say(f->guest, HVIS_MSG_GPADL_HEADER, &header, sizeof(header));
	open.gpadl = header.gpadl;
	g_assert_cmphex(fake_guest_try_open(f->guest, &open), ==, HVIS_NT_INVALID_PARAMETER);
}

static void test_open_twice(Fixture *f, gconstpointer data)
{
	struct hvis_msg_open open = sound_open(f);

	g_assert_cmphex(fake_guest_try_open(f->guest, &open), ==, HVIS_NT_OK);
	g_assert_cmphex(fake_guest_try_open(f->guest, &open), ==, HVIS_NT_INVALID_STATE);
	g_assert_cmpuint(f->opened, ==, 1);
	g_assert_cmpuint(f->closed, ==, 0);
	g_assert_true(vmbus_channel_send(f->last, HVIS_PACKET_INBAND, 0, 0, "", 0, NULL));
}

static void test_close_wrong(Fixture *f, gconstpointer data)
{
	say_close(f, 1); /* not open */
	say_close(f, 77);
	say_close(f, 0);
	say_close(f, 2048);
	fake_guest_expect_nothing(f->guest);
	g_assert_cmpuint(violations(f), ==, 4);
	g_assert_cmpuint(f->closed, ==, 0);
}

/* The host lets go of the ring before it says that the list is torn down. */
static void test_teardown_open(Fixture *f, gconstpointer data)
{
	g_autoptr(FakeChannel) channel = open_kvp(f);

	fake_guest_gpadl_teardown(
		f->guest, fake_channel_relid(channel), fake_channel_gpadl(channel));
	g_assert_cmpuint(f->closed, ==, 1);
	g_assert_cmpuint(fake_guest_mappings(f->guest), ==, 1);
	g_assert_cmpuint(violations(f), ==, 1);
	say_close(f, fake_channel_relid(channel));
	g_assert_cmpuint(f->closed, ==, 1);
	fake_channel_close(open_kvp(f)); /* and the channel can be opened again */
	g_assert_cmpuint(violations(f), ==, 1);
}

static void test_release_wrong(Fixture *f, gconstpointer data)
{
	fake_guest_release(f->guest, 1); /* not rescinded */
	fake_guest_release(f->guest, 77);
	g_assert_cmpuint(violations(f), ==, 2);
	fake_channel_close(open_kvp(f));
}

/* --- modify --- */

static guint32 modify(Fixture *f, guint32 relid, guint32 vp)
{
	struct hvis_msg_modify_channel modify = {
		.relid = hvis_le32_make(relid),
		.target_vp = hvis_le32_make(vp),
	};
	struct hvis_msg_modify_response response;

	fake_guest_say(f->guest, HVIS_MSG_MODIFY_CHANNEL, &modify, sizeof(modify));
	if (vmbus_host_version(f->host) < HVIS_VERSION_5_3) {
		fake_guest_expect_nothing(f->guest);
		return HVIS_NT_OK;
	}
	fake_guest_expect(f->guest, HVIS_MSG_MODIFY_RESPONSE, &response, sizeof(response));
	g_assert_cmpuint(hvis_le32_get(response.relid), ==, relid);
	return hvis_le32_get(response.status);
}

/* The processor that the next packet's interrupt goes to; HVIS_VP_NONE where there is none. */
static guint32 interrupted(Fixture *f, FakeChannel *channel)
{
	guint32 relid = fake_channel_relid(channel);
	g_autoptr(FakePacket) packet = NULL;

	g_assert_true(vmbus_channel_send(f->last, HVIS_PACKET_INBAND, 0, 0, "", 0, NULL));
	packet = fake_channel_receive(channel);
	g_assert_nonnull(packet);
	return fake_guest_events(f->guest, relid) ? fake_guest_event_vp(f->guest, relid)
						  : HVIS_VP_NONE;
}

static void test_modify(Fixture *f, gconstpointer data)
{
	FakeChannel *channel = open_kvp(f);
	guint32 relid = fake_channel_relid(channel);

	g_assert_cmpuint(interrupted(f, channel), ==, 0);
	g_assert_cmphex(modify(f, relid, 1), ==, HVIS_NT_OK);
	g_assert_cmpuint(interrupted(f, channel), ==, 1);
	g_assert_cmphex(modify(f, relid, HVIS_VP_NONE), ==, HVIS_NT_OK);
	g_assert_cmpuint(interrupted(f, channel), ==, HVIS_VP_NONE);
	g_assert_cmphex(modify(f, relid, 2), ==, HVIS_NT_INVALID_PARAMETER);
	g_assert_cmphex(modify(f, relid + 1, 0), ==, HVIS_NT_INVALID_STATE);
	g_assert_cmphex(modify(f, 99, 0), ==, HVIS_NT_INVALID_STATE);
	g_assert_cmpuint(violations(f), ==, 3);
	fake_channel_close(channel);
}

static void test_modify_versions(Fixture *f, gconstpointer data)
{
	static const guint32 versions[] = { HVIS_VERSION_4_0, HVIS_VERSION_4_1, HVIS_VERSION_5_2 };

	for (guint i = 0; i < G_N_ELEMENTS(versions); i++) {
		g_autoptr(FakeChannel) channel = NULL;
		gboolean known = versions[i] >= HVIS_VERSION_4_1;

		fake_guest_contact(f->guest, versions[i]);
		fake_guest_request_offers(f->guest);
		channel = open_kvp(f);
		modify(f, fake_channel_relid(channel), 1); /* no answer, asserted there */
		g_assert_cmpuint(interrupted(f, channel), ==, known ? 1 : 0);
	}
	g_assert_cmpuint(violations(f), ==, 1);
}

static void test_no_interrupts(Fixture *f, gconstpointer data)
{
	struct hvis_msg_open open = sound_open(f);

	open.target_vp = hvis_le32_make(HVIS_VP_NONE);
	g_assert_cmphex(fake_guest_try_open(f->guest, &open), ==, HVIS_NT_OK);
	g_assert_true(vmbus_channel_send(f->last, HVIS_PACKET_INBAND, 0, 0, "", 0, NULL));
	g_assert_cmpuint(fake_guest_events(f->guest, hvis_le32_get(open.relid)), ==, 0);
}

/* --- rescind --- */

static void test_rescind_offered(Fixture *f, gconstpointer data)
{
	guint32 relid;

	vmbus_device_rescind(f->kvp);
	vmbus_device_rescind(f->kvp);
	g_assert_false(vmbus_device_offered(f->kvp));
	relid = fake_guest_expect_rescind(f->guest);
	fake_guest_expect_nothing(f->guest);
	fake_guest_release(f->guest, relid);
	g_assert_cmpuint(f->closed, ==, 0);
	vmbus_device_offer(f->kvp);
	vmbus_device_offer(f->kvp);
	g_assert_true(vmbus_device_offered(f->kvp));
	g_assert_cmpuint(hvis_le32_get(fake_guest_expect_offer(f->guest)->relid), !=, relid);
	fake_guest_expect_nothing(f->guest);
	g_assert_cmpuint(violations(f), ==, 0);
}

/* The stock guest closes after the RESCIND, tears down, releases. */
static void test_rescind_open(Fixture *f, gconstpointer data)
{
	FakeChannel *channel = open_kvp(f);
	guint32 relid;

	vmbus_device_rescind(f->kvp);
	g_assert_cmpuint(f->closed, ==, 1);
	g_assert_cmpuint(fake_guest_mappings(f->guest), ==, 1);
	relid = fake_guest_expect_rescind(f->guest);
	fake_channel_close(channel);
	fake_guest_release(f->guest, relid);
	fake_guest_expect_nothing(f->guest);
	g_assert_null(channel_find(f->host, relid));
	g_assert_cmpuint(violations(f), ==, 0);
}

static void test_rescind_broken(Fixture *f, gconstpointer data)
{
	g_autoptr(FakeChannel) channel = open_kvp(f);
	guint32 relid;

	hvis_shared_store(fake_channel_out(channel)->control, HVIS_RING_WRITE, 3);
	fake_channel_signal(channel);
	g_assert_cmpuint(f->closed, ==, 1);
	vmbus_device_rescind(f->kvp);
	g_assert_cmpuint(f->closed, ==, 1);
	relid = fake_guest_expect_rescind(f->guest);
	fake_guest_release(f->guest, relid);
	g_assert_null(channel_find(f->host, relid));
}

static void test_rescind_before_contact(Fixture *f, gconstpointer data)
{
	fake_guest_unload(f->guest);
	vmbus_device_rescind(f->kvp);
	fake_guest_expect_nothing(f->guest);
	fake_guest_connect(f->guest);
	g_assert_cmpuint(fake_guest_offer(f->guest, 0)->instance.b[0], ==, 2);
	g_assert_null(fake_guest_offer(f->guest, 1));
	vmbus_device_offer(f->kvp);
	fake_guest_expect_offer(f->guest);
}

/* OPEN crosses the RESCIND: the guest has been woken, and gets no answer to the rest of its life. */
static void test_rescind_crossed(Fixture *f, gconstpointer data)
{
	struct hvis_msg_open open = sound_open(f);
	guint64 pfn = 20;

	vmbus_device_rescind(f->kvp);
	fake_guest_expect_rescind(f->guest);
	fake_guest_say(f->guest, HVIS_MSG_OPEN, &open, sizeof(open));
	fake_guest_expect_nothing(f->guest);
	g_assert_cmphex(fake_guest_gpadl(f->guest, hvis_le32_get(open.relid), 200, &pfn, 1), ==,
		HVIS_NT_INVALID_STATE);
	fake_guest_gpadl_teardown(f->guest, hvis_le32_get(open.relid), 100);
	say_close(f, hvis_le32_get(open.relid));
	fake_guest_expect_nothing(f->guest);
	g_assert_cmpuint(f->opened, ==, 0);
	g_assert_cmpuint(violations(f), ==, 1); /* the list */
}

/* A result that a fault held back is not sent once the channel is rescinded. */
static void test_rescind_late_result(Fixture *f, gconstpointer data)
{
	struct hvis_msg_open open = sound_open(f);

	g_assert_cmpuint(fault_add("reorder:message/OPEN_RESULT:count=1", NULL), !=, 0);
	fake_guest_say(f->guest, HVIS_MSG_OPEN, &open, sizeof(open));
	fake_guest_expect_nothing(f->guest);
	vmbus_device_rescind(f->kvp); /* RESCIND overtakes it */
	fake_guest_expect_rescind(f->guest);
	fake_guest_expect_nothing(f->guest);
	g_assert_cmpuint(f->host->owed->len, ==, 0);
}

static void test_relid_not_reused(Fixture *f, gconstpointer data)
{
	guint32 first = f->kvp->primary->relid, relid;
	guint offers = 0;

	/* Every relid but that of net is taken in turn, and none is released. */
	for (;;) {
		vmbus_device_rescind(f->kvp);
		relid = fake_guest_expect_rescind(f->guest);
		vmbus_device_offer(f->kvp);
		if (!f->kvp->primary)
			break;
		g_assert_cmpuint(
			hvis_le32_get(fake_guest_expect_offer(f->guest)->relid), !=, relid);
		g_assert_cmpuint(++offers, <, 3000);
	}
	g_assert_cmpuint(offers, ==, HVIS_RELID_MAX - 2);
	fake_guest_expect_nothing(f->guest);
	fake_guest_release(f->guest, first); /* the offer was waiting for one */
	g_assert_cmpuint(hvis_le32_get(fake_guest_expect_offer(f->guest)->relid), ==, first);
}

static void test_rescind_in_packet(Fixture *f, gconstpointer data)
{
	FakeChannel *channel = open_kvp(f);

	f->rescind_on_packet = TRUE;
	hvis_ring_read_mask(fake_channel_out(channel)); /* three in one batch */
	for (guint i = 0; i < 3; i++)
		g_assert_true(fake_channel_send(channel, HVIS_PACKET_INBAND, 0, i, "", 0));
	fake_channel_signal(channel);
	g_assert_cmpuint(f->packets, ==, 1);
	g_assert_cmpuint(f->closed, ==, 1);
	fake_guest_expect_rescind(f->guest);
	fake_channel_close(channel);
}

/* The new offer comes after the old one's RESCIND: a guest drops an instance that it has. */
static void test_offer_in_closed(Fixture *f, gconstpointer data)
{
	FakeChannel *channel = open_kvp(f);
	guint32 relid;

	f->offer_on_closed = TRUE;
	vmbus_device_rescind(f->kvp);
	relid = fake_guest_expect_rescind(f->guest);
	g_assert_cmpuint(hvis_le32_get(fake_guest_expect_offer(f->guest)->relid), !=, relid);
	f->offer_on_closed = FALSE;
	fake_channel_close(channel);
	g_assert_true(vmbus_device_offered(f->kvp));
}

/* --- sub-channels --- */

static void test_subchannels(Fixture *f, gconstpointer data)
{
	g_autoptr(GError) error = NULL;
	const struct hvis_msg_offer *offer[3];
	FakeChannel *primary, *sub[3];

	g_assert_false(vmbus_device_offer_subchannels(f->net, 1, &error)); /* not open */
	g_assert_true(hvis_error_is(error, HVIS_ERROR_CLOSED));
	primary = fake_channel_open(f->guest, fake_guest_offer(f->guest, 1), 2, 2);
	g_assert_true(vmbus_device_offer_subchannels(f->net, 2, NULL));
	g_assert_true(vmbus_device_offer_subchannels(f->net, 1, NULL));
	for (guint i = 0; i < 3; i++)
		offer[i] = fake_guest_expect_offer(f->guest);
	for (guint16 i = 0; i < 3; i++) {
		g_assert_cmpuint(hvis_le16_get(offer[i]->subchannel), ==, i + 1);
		g_assert_cmpuint(offer[i]->instance.b[0], ==, 2);
		sub[i] = fake_channel_open(f->guest, offer[i], 2, 2);
		g_assert_cmpuint(vmbus_channel_index(f->last), ==, i + 1);
		g_assert_true(vmbus_channel_device(f->last) == f->net);
	}
	g_assert_true(fake_channel_send(sub[1], HVIS_PACKET_INBAND, 0, 0, "", 0));
	g_assert_cmpuint(vmbus_channel_index(f->last), ==, 2);
	for (guint i = 0; i < 3; i++)
		fake_channel_close(sub[i]);
	fake_guest_expect_nothing(f->guest);
	say_close(f, fake_channel_relid(primary));
	for (guint i = 0; i < 3; i++)
		fake_guest_release(f->guest, fake_guest_expect_rescind(f->guest));
	fake_guest_expect_nothing(f->guest);
	fake_channel_free(primary);
	g_assert_cmpuint(f->closed, ==, 4);
	g_assert_cmpuint(violations(f), ==, 0);
}

static void test_subchannels_rescind(Fixture *f, gconstpointer data)
{
	g_autoptr(FakeChannel) primary =
		fake_channel_open(f->guest, fake_guest_offer(f->guest, 1), 2, 2);
	g_autoptr(FakeChannel) sub = NULL;

	vmbus_device_offer_subchannels(f->net, 2, NULL);
	fake_guest_expect_offer(f->guest);
	sub = fake_channel_open(f->guest, fake_guest_expect_offer(f->guest), 2, 2);
	vmbus_device_rescind(f->net);
	g_assert_cmpuint(f->closed, ==, 2);
	for (guint i = 0; i < 3; i++)
		fake_guest_release(f->guest, fake_guest_expect_rescind(f->guest));
	vmbus_device_offer(f->net);
	g_assert_cmpuint(hvis_le16_get(fake_guest_expect_offer(f->guest)->subchannel), ==, 0);
	fake_guest_expect_nothing(f->guest);
}

/* A new contact knows nothing of sub-channels; indexes begin at one again. */
static void test_subchannels_forgotten(Fixture *f, gconstpointer data)
{
	g_autoptr(FakeChannel) primary =
		fake_channel_open(f->guest, fake_guest_offer(f->guest, 1), 2, 2);
	g_autoptr(FakeChannel) again = NULL;
	g_autoptr(FakeChannel) sub = NULL;

	vmbus_device_offer_subchannels(f->net, 1, NULL);
	sub = fake_channel_open(f->guest, fake_guest_expect_offer(f->guest), 2, 2);
	vmbus_device_offer_subchannels(f->net, 1, NULL);
	fake_guest_connect(f->guest);
	g_assert_null(fake_guest_offer(f->guest, 2));
	again = fake_channel_open(f->guest, fake_guest_offer(f->guest, 1), 2, 2);
	vmbus_device_offer_subchannels(f->net, 1, NULL);
	g_assert_cmpuint(hvis_le16_get(fake_guest_expect_offer(f->guest)->subchannel), ==, 1);
}

static void test_subchannels_exhausted(Fixture *f, gconstpointer data)
{
	g_autoptr(FakeChannel) primary =
		fake_channel_open(f->guest, fake_guest_offer(f->guest, 1), 2, 2);
	g_autoptr(GError) error = NULL;

	g_assert_false(vmbus_device_offer_subchannels(f->net, 5000, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_NO_SPACE));
	for (guint i = 0; i < HVIS_RELID_MAX - 2; i++)
		fake_guest_expect_offer(f->guest);
	fake_guest_expect_nothing(f->guest);
}

/* --- monitored channels --- */

static void trigger(Fixture *f, guint8 id)
{
	guint8 *page = fake_guest_monitor_page(f->guest);

	page[HVIS_MONITOR_PENDING + id / 32 * 8 + id % 32 / 8] |= (guint8)(1 << id % 8);
}

static void test_monitor(Fixture *f, gconstpointer data)
{
	const struct hvis_msg_offer *offer = fake_guest_offer(f->guest, 1);
	const guint8 *page = fake_guest_monitor_page(f->guest);
	FakeChannel *channel;
	guint16 latency;

	g_assert_cmpuint(fake_guest_offer(f->guest, 0)->monitor_allocated, ==, 0);
	g_assert_cmpuint(offer->monitor_allocated, ==, 1);
	g_assert_cmpuint(offer->monitor_id, <, HVIS_MONITOR_N);
	g_assert_cmpuint(f->host->monitor_source, ==, 0);
	channel = fake_channel_open(f->guest, offer, 2, 2);
	g_assert_cmpuint(f->host->monitor_source, !=, 0);
	memcpy(&latency, page + HVIS_MONITOR_LATENCY + offer->monitor_id * 2, sizeof(latency));
	g_assert_cmpuint(latency, ==, 10000);

	/* the guest puts a packet and makes no hypercall */
	hvis_ring_write_begin(fake_channel_out(channel));
	hvis_ring_write_put(
		fake_channel_out(channel), &(struct hvis_packet_out){ .type = HVIS_PACKET_INBAND });
	hvis_ring_write_commit(fake_channel_out(channel));
	monitor_look(f->host);
	g_assert_cmpuint(f->packets, ==, 0);
	trigger(f, offer->monitor_id);
	for (guint8 i = 0; i < HVIS_MONITOR_N; i++)
		trigger(f, i); /* and all that are nobody's */
	while (!f->packets)
		g_main_context_iteration(NULL, TRUE); /* by the timer, this time */
	for (guint i = 0; i < HVIS_MONITOR_GROUPS * 8; i++)
		g_assert_cmpuint(page[HVIS_MONITOR_PENDING + i], ==, 0);
	g_assert_cmpuint(f->packets, ==, 1);
	fake_channel_close(channel);
	g_assert_cmpuint(f->host->monitor_source, ==, 0);
}

static void test_monitor_without_pages(Fixture *f, gconstpointer data)
{
	struct hvis_msg_initiate_contact contact = {
		.hdr.type = hvis_le32_make(HVIS_MSG_INITIATE_CONTACT),
		.version = hvis_le32_make(HVIS_VERSION_5_3),
	};

	fake_guest_unload(f->guest);
	fake_guest_post(f->guest, HVIS_PORT_5_0, &contact, sizeof(contact));
	fake_guest_expect(f->guest, HVIS_MSG_VERSION_RESPONSE, NULL, 16);
	fake_guest_request_offers(f->guest);
	g_assert_cmpuint(fake_guest_offer(f->guest, 1)->monitor_allocated, ==, 0);
	g_assert_cmpuint(fake_guest_offer(f->guest, 1)->monitor_id, ==, 0xff);
	fake_channel_close(fake_channel_open(f->guest, fake_guest_offer(f->guest, 1), 2, 2));
}

/* --- the table, cell by cell --- */

/* Bring net's primary into @state. */
static VmbusChannel *bring(Fixture *f, ChannelState state, FakeChannel **channel)
{
	VmbusChannel *net = f->net->primary;

	if (state == CHANNEL_IDLE)
		fake_guest_unload(f->guest);
	if (state == CHANNEL_OPEN || state == CHANNEL_BROKEN)
		*channel = fake_channel_open(f->guest, fake_guest_offer(f->guest, 1), 2, 2);
	if (state == CHANNEL_BROKEN)
		channel_break(net, "for a test");
	if (state == CHANNEL_RESCINDED || state == CHANNEL_GONE)
		vmbus_device_rescind(f->net);
	if (state == CHANNEL_GONE)
		fake_guest_release(f->guest, fake_guest_expect_rescind(f->guest));
	return net;
}

static void test_every_cell(void)
{
	enum { NO = CHANNEL_N };
	static const guint expect[CHANNEL_N][CHANNEL_EVENT_N] = {
		/* offer, open, close, break, rescind, release, forget */
		{ CHANNEL_OFFERED, NO, NO, NO, CHANNEL_GONE, NO, CHANNEL_IDLE },
		{ NO, CHANNEL_OPEN, NO, NO, CHANNEL_RESCINDED, NO, CHANNEL_IDLE },
		{ NO, NO, CHANNEL_OFFERED, CHANNEL_BROKEN, CHANNEL_RESCINDED, NO, CHANNEL_IDLE },
		{ NO, NO, CHANNEL_OFFERED, NO, CHANNEL_RESCINDED, NO, CHANNEL_IDLE },
		{ NO, NO, CHANNEL_RESCINDED, NO, NO, CHANNEL_GONE, CHANNEL_GONE },
		{ NO, NO, NO, NO, NO, NO, NO },
	};

	for (guint state = 0; state < CHANNEL_N; state++)
		for (guint event = 0; event < CHANNEL_EVENT_N; event++) {
			g_autoptr(FakeChannel) guest_end = NULL;
			guint wanted = expect[state][event], open = CHANNEL_EVENT_OPEN;
			Fixture f = { 0 };
			VmbusChannel *channel, *self;

			set_up(&f, NULL);
			self = g_rc_box_acquire(f.net->primary);
			channel = bring(&f, state, &guest_end);
			g_assert_cmpint(channel->state, ==, state);
			g_assert_cmpint(channel_post(channel, event), ==, wanted != NO);
			g_assert_cmpint(channel->state, ==, wanted != NO ? wanted : state);
			if (state == CHANNEL_OFFERED && event == open)
				channel->state = CHANNEL_OFFERED; /* without a ring */
			channel_unref(self);
			tear_down(&f, NULL);
		}
}

static void test_names(void)
{
	for (guint i = 0; i < CHANNEL_N; i++)
		g_assert_nonnull(channel_state_name(i));
	for (guint i = 0; i < CONTACT_N; i++)
		g_assert_nonnull(contact_state_name(i));
}

#define ADD(path, func) g_test_add("/vmbus/channel/" path, Fixture, NULL, set_up, func, tear_down)
#define ADD_MONITORED(path, func)                                                                  \
	g_test_add("/vmbus/channel/" path, Fixture, "", set_up, func, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("open-close", test_open_close);
	ADD("large", test_large);
	ADD("open-wrong", test_open_wrong);
	ADD("open-no-ram", test_open_no_ram);
	ADD("open-not-whole", test_open_not_whole);
	ADD("open-incomplete", test_open_incomplete);
	ADD("open-twice", test_open_twice);
	ADD("close-wrong", test_close_wrong);
	ADD("teardown-open", test_teardown_open);
	ADD("release-wrong", test_release_wrong);
	ADD("modify", test_modify);
	ADD("modify-versions", test_modify_versions);
	ADD("no-interrupts", test_no_interrupts);
	ADD("rescind/offered", test_rescind_offered);
	ADD("rescind/open", test_rescind_open);
	ADD("rescind/broken", test_rescind_broken);
	ADD("rescind/before-contact", test_rescind_before_contact);
	ADD("rescind/crossed", test_rescind_crossed);
	ADD("rescind/late-result", test_rescind_late_result);
	ADD("rescind/relid-not-reused", test_relid_not_reused);
	ADD("rescind/in-packet", test_rescind_in_packet);
	ADD("rescind/offer-in-closed", test_offer_in_closed);
	ADD("subchannels/life", test_subchannels);
	ADD("subchannels/rescind", test_subchannels_rescind);
	ADD("subchannels/forgotten", test_subchannels_forgotten);
	ADD("subchannels/exhausted", test_subchannels_exhausted);
	ADD_MONITORED("monitor/look", test_monitor);
	ADD_MONITORED("monitor/without-pages", test_monitor_without_pages);
	g_test_add_func("/vmbus/channel/state/every-cell", test_every_cell);
	g_test_add_func("/vmbus/channel/state/names", test_names);
	return g_test_run();
}
