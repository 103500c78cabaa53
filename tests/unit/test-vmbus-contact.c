/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The contact between guest and host: versions and ports, offers, unload and a new contact, and
 * every message that is too short, unknown or out of place.
 */
#include "config.h"

#include <json-c/json.h>

#include "host/fault.h"
#include "host/owed.h"
#include "host/vmbus/parts.h"
#include "host/vmbus/vmbus.h"
#include "tests/unit/fake-guest.h"

static const guint32 versions[] = { HVIS_VERSION_3_0, HVIS_VERSION_4_0, HVIS_VERSION_4_1,
	HVIS_VERSION_5_0, HVIS_VERSION_5_1, HVIS_VERSION_5_2, HVIS_VERSION_5_3 };

typedef struct {
	FakeGuest *guest;
	VmbusHost *host;
	VmbusDevice *device[3];
	guint closed;
} Fixture;

static void on_closed(VmbusChannel *channel, gpointer data)
{
	(*(guint *)data)++;
}

static const VmbusDeviceOps ops = { .closed = on_closed };

static void fixture_init(Fixture *f, const VmbusOptions *options)
{
	static const char *const names[] = { "heartbeat", "shutdown", "kvp" };

	f->guest = fake_guest_new(2);
	f->host = vmbus_host_new(fake_guest_machine(f->guest), options);
	for (guint8 i = 0; i < 3; i++) {
		const VmbusDeviceInfo info = {
			.name = names[i],
			.type = { { 0xee, i } },
			.instance = { { 0x11, i } },
			.flags = HVIS_OFFER_ENUMERATE_INTERFACE | HVIS_OFFER_NAMED_PIPE,
			.user_data = { HVIS_PIPE_MODE_MESSAGE },
			.no_dedicated = i == 1,
			.ops = &ops,
			.data = &f->closed,
		};

		f->device[i] = vmbus_device_add(f->host, &info);
	}
}

static void set_up(Fixture *f, gconstpointer data)
{
	fixture_init(f, NULL);
}

static guint owed(void)
{
	struct json_object *list = owed_describe();
	guint n = (guint)json_object_array_length(list);

	json_object_put(list);
	return n;
}

static void tear_down(Fixture *f, gconstpointer data)
{
	fault_clear();
	vmbus_host_free(f->host);
	g_assert_cmpuint(owed(), ==, 0);
	g_assert_cmpuint(fake_guest_mappings(f->guest), ==, 0);
	fake_guest_free(f->guest);
}

static guint64 violations(Fixture *f)
{
	struct json_object *all = vmbus_host_describe(f->host), *value;
	guint64 n;

	g_assert_true(json_object_object_get_ex(all, "violations", &value));
	n = json_object_get_uint64(value);
	json_object_put(all);
	return n;
}

/* Each version the host knows, on the port of its kind; on the other port it is not supported. */
static void test_versions(Fixture *f, gconstpointer data)
{
	for (guint i = 0; i < G_N_ELEMENTS(versions); i++) {
		g_assert_cmphex(fake_guest_contact(f->guest, versions[i]), ==, versions[i]);
		g_assert_cmphex(vmbus_host_version(f->host), ==, versions[i]);
		fake_guest_request_offers(f->guest);
		g_assert_nonnull(fake_guest_offer(f->guest, 2));
		fake_guest_unload(f->guest);
		g_assert_cmphex(vmbus_host_version(f->host), ==, 0);
	}
	g_assert_cmpuint(violations(f), ==, 0);
}

static struct hvis_msg_initiate_contact make_contact(guint32 version)
{
	return (struct hvis_msg_initiate_contact){
		.hdr.type = hvis_le32_make(HVIS_MSG_INITIATE_CONTACT),
		.version = hvis_le32_make(version),
	};
}

static void test_wrong_port(Fixture *f, gconstpointer data)
{
	for (guint i = 0; i < G_N_ELEMENTS(versions); i++) {
		struct hvis_msg_initiate_contact contact = make_contact(versions[i]);
		guint32 port = versions[i] >= HVIS_VERSION_5_0 ? HVIS_PORT_PRE_5_0 : HVIS_PORT_5_0;
		struct hvis_msg_version_response response;

		g_assert_cmpuint(fake_guest_post(f->guest, port, &contact, sizeof(contact)), ==, 0);
		fake_guest_expect(f->guest, HVIS_MSG_VERSION_RESPONSE, &response, sizeof(response));
		g_assert_cmpuint(response.supported, ==, 0);
		g_assert_cmphex(vmbus_host_version(f->host), ==, 0);
	}
}

static void test_unknown_versions(Fixture *f, gconstpointer data)
{
	static const guint32 unknown[] = { 0, 0x0d, HVIS_VERSION(1, 1), HVIS_VERSION(2, 4),
		HVIS_VERSION(3, 1), HVIS_VERSION(4, 2), HVIS_VERSION(5, 4), HVIS_VERSION(6, 0),
		0xffffffff };

	for (guint i = 0; i < G_N_ELEMENTS(unknown); i++)
		g_assert_cmphex(fake_guest_contact(f->guest, unknown[i]), ==, 0);
}

static void test_version_text(void)
{
	guint32 parsed = 7;

	for (guint i = 0; i < G_N_ELEMENTS(versions); i++) {
		g_autofree char *text = vmbus_version_text(versions[i]);

		g_assert_true(vmbus_version_parse(text, &parsed));
		g_assert_cmphex(parsed, ==, versions[i]);
	}
	g_assert_false(vmbus_version_parse("5.4", &parsed));
	g_assert_false(vmbus_version_parse("5.30", &parsed));
	g_assert_false(vmbus_version_parse("", &parsed));
	g_assert_cmphex(parsed, ==, HVIS_VERSION_5_3); /* untouched */
}

/* What Linux does: from the top down, until something is taken. */
static void test_caps(void)
{
	for (guint cap = 0; cap < G_N_ELEMENTS(versions); cap++) {
		const VmbusOptions options = { .max_version = versions[cap] };
		Fixture f = { 0 };
		guint at = G_N_ELEMENTS(versions);
		struct hvis_msg_initiate_contact contact = make_contact(HVIS_VERSION_5_3);

		fixture_init(&f, &options);
		if (versions[cap] < HVIS_VERSION_5_0)
			g_assert_cmpuint(
				fake_guest_post(f.guest, HVIS_PORT_5_0, &contact, sizeof(contact)),
				==, FAKE_INVALID_CONNECTION_ID);
		while (at > 0 && !fake_guest_contact(f.guest, versions[at - 1]))
			at--;
		g_assert_cmpuint(at, ==, cap + 1);
		tear_down(&f, NULL);
	}
}

/* Bytes as a guest of 6.1 sends and gets them. */
static void test_bytes(Fixture *f, gconstpointer data)
{
	guint8 contact[40] = { 14, 0, 0, 0, 0, 0, 0, 0, 3, 0, 5, 0, 1, 0, 0, 0, 2 };
	static const guint8 response[16] = { 15, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 4 };
	FakeMessage message;

	g_assert_cmpuint(fake_guest_post(f->guest, 4, contact, sizeof(contact)), ==, 0);
	g_assert_true(fake_guest_take(f->guest, &message));
	g_assert_cmpmem(message.bytes, message.len, response, sizeof(response));
	g_assert_cmpuint(message.vp, ==, 1); /* where it asked for it */
}

static void contact_fails(Fixture *f, struct hvis_msg_initiate_contact *contact)
{
	struct hvis_msg_version_response response;

	g_assert_cmpuint(
		fake_guest_post(f->guest, HVIS_PORT_5_0, contact, sizeof(*contact)), ==, 0);
	fake_guest_expect(f->guest, HVIS_MSG_VERSION_RESPONSE, &response, sizeof(response));
	g_assert_cmpuint(response.supported, ==, 1);
	g_assert_cmpuint(response.connection_state, ==, HVIS_CONTACT_FAILED);
	g_assert_cmphex(vmbus_host_version(f->host), ==, 0);
}

static void test_contact_wrong(Fixture *f, gconstpointer data)
{
	struct hvis_msg_initiate_contact contact = make_contact(HVIS_VERSION_5_3);

	contact.target_vcpu = hvis_le32_make(2); /* there are 0 and 1 */
	contact_fails(f, &contact);
	contact = make_contact(HVIS_VERSION_5_3);
	contact.monitor_page[0] = hvis_le64_make(0x1000);
	contact_fails(f, &contact);
	contact = make_contact(HVIS_VERSION_5_3);
	contact.monitor_page[1] = hvis_le64_make(0x1000);
	contact_fails(f, &contact);
	contact.monitor_page[0] = hvis_le64_make(0x2000);
	contact.monitor_page[1] = hvis_le64_make(1ull << 50); /* not RAM */
	contact_fails(f, &contact);
	g_assert_cmpuint(violations(f), ==, 4);
	fake_guest_connect(f->guest);
}

static void test_offers(Fixture *f, gconstpointer data)
{
	fake_guest_connect(f->guest);
	for (guint i = 0; i < 3; i++) {
		const struct hvis_msg_offer *offer = fake_guest_offer(f->guest, i);
		guint32 relid = hvis_le32_get(offer->relid);

		g_assert_cmpuint(offer->instance.b[1], ==, i); /* in order of registration */
		g_assert_cmpuint(offer->type.b[0], ==, 0xee);
		g_assert_cmpuint(hvis_le16_get(offer->flags), ==, 0x11);
		g_assert_cmpuint(offer->user_data[0], ==, HVIS_PIPE_MODE_MESSAGE);
		g_assert_cmpuint(hvis_le16_get(offer->subchannel), ==, 0);
		g_assert_cmpuint(relid, ==, i + 1);
		g_assert_cmphex(hvis_le32_get(offer->connection_id), ==, 0x2000 + relid);
		g_assert_cmpuint(hvis_le16_get(offer->dedicated), ==, i != 1);
		g_assert_cmpuint(offer->monitor_id, ==, 0xff);
		g_assert_cmpuint(offer->monitor_allocated, ==, 0);
	}
	g_assert_null(fake_guest_offer(f->guest, 3));
	fake_guest_expect_nothing(f->guest);
}

static void test_offers_once(Fixture *f, gconstpointer data)
{
	struct hvis_msg_hdr request;

	fake_guest_connect(f->guest);
	fake_guest_say(f->guest, HVIS_MSG_REQUEST_OFFERS, &request, sizeof(request));
	fake_guest_expect_nothing(f->guest);
	g_assert_cmpuint(violations(f), ==, 1);
}

static void test_add_late(Fixture *f, gconstpointer data)
{
	const VmbusDeviceInfo info = { .name = "late", .instance = { { 0x99 } } };

	g_assert_cmphex(fake_guest_contact(f->guest, HVIS_VERSION_5_3), ==, HVIS_VERSION_5_3);
	vmbus_device_add(f->host, &info); /* not before the guest asks */
	fake_guest_expect_nothing(f->guest);
	fake_guest_request_offers(f->guest);
	g_assert_nonnull(fake_guest_find(f->guest, &info.instance, 0));
	vmbus_device_add(f->host, &info);
	fake_guest_expect_offer(f->guest);
}

/* Every type at every length: no crash, nothing but violations, and no state from it. */
static void test_truncated(Fixture *f, gconstpointer data)
{
	static const struct {
		guint32 type;
		gsize len;
	} types[] = { { HVIS_MSG_OPEN, 148 }, { HVIS_MSG_CLOSE, 12 }, { HVIS_MSG_GPADL_HEADER, 28 },
		{ HVIS_MSG_GPADL_BODY, 16 }, { HVIS_MSG_GPADL_TEARDOWN, 16 },
		{ HVIS_MSG_RELID_RELEASED, 12 }, { HVIS_MSG_TL_CONNECT, 40 },
		{ HVIS_MSG_MODIFY_CHANNEL, 16 } };
	guint64 expected = 0;

	fake_guest_connect(f->guest);
	for (guint i = 0; i < G_N_ELEMENTS(types); i++)
		for (gsize len = 0; len < types[i].len; len++) {
			guint8 message[HVIS_MESSAGE_MAX] = { (guint8)types[i].type };

			fake_guest_post(f->guest, HVIS_PORT_5_0, message, len);
			fake_guest_expect_nothing(f->guest);
			g_assert_cmpuint(violations(f), ==, ++expected);
		}
	g_assert_cmphex(vmbus_host_version(f->host), ==, HVIS_VERSION_5_3);
}

/* A guest waits for the answer to the shortest of contacts. */
static void test_truncated_contact(Fixture *f, gconstpointer data)
{
	for (gsize len = sizeof(struct hvis_msg_hdr); len < 40; len++) {
		struct hvis_msg_initiate_contact contact = make_contact(HVIS_VERSION_5_3);
		struct hvis_msg_version_response response;

		fake_guest_post(f->guest, HVIS_PORT_5_0, &contact, len);
		fake_guest_expect(f->guest, HVIS_MSG_VERSION_RESPONSE, &response, sizeof(response));
		g_assert_cmpuint(response.supported, ==, 0);
	}
	g_assert_cmpuint(violations(f), ==, 32);
}

static void test_unknown_types(Fixture *f, gconstpointer data)
{
	guint64 expected = 0;

	fake_guest_connect(f->guest);
	for (guint32 type = 0; type < 300; type++) {
		guint8 message[HVIS_MESSAGE_MAX] = { (guint8)type, (guint8)(type >> 8) };

		switch (type) {
		case 3: /* and all else that a guest sends */
		case 5:
		case 7 ... 9:
		case 11:
		case 13:
		case 14:
		case 16:
		case 21:
		case 22:
			continue;
		}
		fake_guest_post(f->guest, HVIS_PORT_5_0, message, sizeof(message));
		fake_guest_expect_nothing(f->guest);
		g_assert_cmpuint(violations(f), ==, ++expected);
	}
}

static void test_before_contact(Fixture *f, gconstpointer data)
{
	static const guint8 types[] = { 3, 5, 7, 8, 9, 11, 13, 21, 22 };

	for (guint i = 0; i < G_N_ELEMENTS(types); i++) {
		guint8 message[HVIS_MESSAGE_MAX] = { types[i] };

		fake_guest_post(f->guest, HVIS_PORT_5_0, message, sizeof(message));
		fake_guest_expect_nothing(f->guest);
		g_assert_cmpuint(violations(f), ==, i + 1);
	}
}

static void test_other_port(Fixture *f, gconstpointer data)
{
	struct hvis_msg_hdr request = { hvis_le32_make(HVIS_MSG_REQUEST_OFFERS), { { 0 } } };

	g_assert_cmphex(fake_guest_contact(f->guest, HVIS_VERSION_4_1), ==, HVIS_VERSION_4_1);
	fake_guest_post(f->guest, HVIS_PORT_5_0, &request, sizeof(request));
	fake_guest_expect_nothing(f->guest);
	g_assert_cmpuint(violations(f), ==, 1);
	fake_guest_request_offers(f->guest);
}

static void test_unload(Fixture *f, gconstpointer data)
{
	struct hvis_msg_hdr unload = { hvis_le32_make(HVIS_MSG_UNLOAD), { { 0 } } };
	FakeChannel *channel;

	fake_guest_post(f->guest, HVIS_PORT_PRE_5_0, &unload, sizeof(unload)); /* without contact */
	fake_guest_expect(f->guest, HVIS_MSG_UNLOAD_RESPONSE, NULL, 8);
	for (guint round = 1; round <= 3; round++) {
		fake_guest_connect(f->guest);
		channel = fake_channel_open(f->guest, fake_guest_offer(f->guest, 1), 4, 4);
		fake_guest_unload(f->guest);
		g_assert_cmpuint(f->closed, ==, round);
		g_assert_cmpuint(fake_guest_mappings(f->guest), ==, 0);
		g_assert_false(fake_guest_signal(f->guest, 0x2002));
		fake_channel_free(channel);
		fake_guest_expect_nothing(f->guest);
	}
}

/* A kernel that starts anew without a word: what was said to the old one is taken back. */
static void test_contact_again(Fixture *f, gconstpointer data)
{
	FakeChannel *channel;

	fake_guest_connect(f->guest);
	channel = fake_channel_open(f->guest, fake_guest_offer(f->guest, 0), 2, 2);
	vmbus_device_rescind(f->device[2]);
	vmbus_device_offer(f->device[2]); /* neither is taken from the queue */
	g_assert_cmphex(fake_guest_contact(f->guest, HVIS_VERSION_4_0), ==, HVIS_VERSION_4_0);
	g_assert_cmpuint(f->closed, ==, 1);
	g_assert_cmpuint(fake_guest_mappings(f->guest), ==, 1); /* monitor */
	g_assert_cmpuint(owed(), ==, 0);
	fake_channel_free(channel);
	fake_guest_request_offers(f->guest);
	g_assert_nonnull(fake_guest_offer(f->guest, 2));
	g_assert_null(fake_guest_offer(f->guest, 3));
	fake_channel_close(fake_channel_open(f->guest, fake_guest_offer(f->guest, 2), 2, 2));
}

static void test_reset(Fixture *f, gconstpointer data)
{
	FakeChannel *channel;

	fake_guest_connect(f->guest);
	channel = fake_channel_open(f->guest, fake_guest_offer(f->guest, 0), 2, 2);
	fake_guest_reset(f->guest);
	g_assert_cmpuint(f->closed, ==, 1);
	g_assert_cmpuint(fake_guest_mappings(f->guest), ==, 0);
	fake_channel_free(channel);
	fake_guest_connect(f->guest);
	g_assert_nonnull(fake_guest_offer(f->guest, 2));
}

static void test_sockets(Fixture *f, gconstpointer data)
{
	struct hvis_msg_tl_connect connect = { .endpoint = { { 1, 2 } }, .service = { { 3, 4 } } };
	struct hvis_msg_tl_connect_result result;

	fake_guest_connect(f->guest);
	fake_guest_say(f->guest, HVIS_MSG_TL_CONNECT, &connect, sizeof(connect));
	fake_guest_expect(f->guest, HVIS_MSG_TL_CONNECT_RESULT, &result, sizeof(result));
	g_assert_cmpmem(&result.endpoint, 32, &connect.endpoint, 32);
	g_assert_cmphex(hvis_le32_get(result.status), ==, HVIS_NT_REFUSED);
}

/* What a fault took away stays on the host's list until the guest is gone. */
static void test_owed(Fixture *f, gconstpointer data)
{
	struct hvis_msg_hdr request;

	g_assert_cmpuint(fault_add("drop:message/ALL_OFFERS:count=1", NULL), !=, 0);
	g_assert_cmphex(fake_guest_contact(f->guest, HVIS_VERSION_5_3), ==, HVIS_VERSION_5_3);
	g_assert_cmpuint(owed(), ==, 0);
	fake_guest_say(f->guest, HVIS_MSG_REQUEST_OFFERS, &request, sizeof(request));
	for (guint i = 0; i < 3; i++)
		fake_guest_expect_offer(f->guest);
	fake_guest_expect_nothing(f->guest);
	g_assert_cmpuint(owed(), ==, 1);
	fake_guest_unload(f->guest);
	g_assert_cmpuint(owed(), ==, 0);
}

#define ADD(path, func) g_test_add("/vmbus/contact/" path, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD("versions", test_versions);
	ADD("wrong-port", test_wrong_port);
	ADD("unknown-versions", test_unknown_versions);
	g_test_add_func("/vmbus/contact/version-text", test_version_text);
	g_test_add_func("/vmbus/contact/caps", test_caps);
	ADD("bytes", test_bytes);
	ADD("wrong", test_contact_wrong);
	ADD("offers", test_offers);
	ADD("offers-once", test_offers_once);
	ADD("add-late", test_add_late);
	ADD("truncated", test_truncated);
	ADD("truncated-contact", test_truncated_contact);
	ADD("unknown-types", test_unknown_types);
	ADD("before-contact", test_before_contact);
	ADD("other-port", test_other_port);
	ADD("unload", test_unload);
	ADD("again", test_contact_again);
	ADD("reset", test_reset);
	ADD("sockets", test_sockets);
	ADD("owed", test_owed);
	return g_test_run();
}
