/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's end of a VMBus device, message by message: negotiation, one request at a time, packets that are none;
 * and the life of a service on it. The rings themselves are test-transport-uio-ring.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <hvis/hresult.h>
#include <service/service.h>
#include <util/error.h>
#include <util/fd.h>
#include <wire/fcopy.h>

#include "tests/unit/uio-fixture.h"

/* --- negotiation --- */

static void test_register_first(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autofree char *shown = hvis_transport_describe(f->fake.guest);

	g_assert_cmpstr(shown, ==, "uio /dev/uio9");
	expect_nothing(f);
	register_now(f);
	expect_nothing(f); /* no versions yet */
	g_assert_true(fake_uio_negotiate(&f->fake, 77, &fake_uio_versions));
	expect_welcome(f);
	expect_versions(f, 77, HVIS_IC_BODY_OFFSET + 20, TRUE);
	g_assert_cmpuint(fake_uio_kicks(&f->fake), ==, 1);
	expect_nothing(f);
}

/* The host begins as soon as the channel is open. */
static void test_negotiate_first(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_assert_true(fake_uio_negotiate(&f->fake, G_MAXUINT64, &fake_uio_versions));
	g_assert_cmpint(receive(f, sizeof(f->got)), ==, 0);
	expect_versions(f, G_MAXUINT64, HVIS_IC_BODY_OFFSET + 20, TRUE);
	expect_nothing(f);
	register_now(f);
	expect_welcome(f);
	expect_nothing(f);
	ask(f, 5, 1, 36);
	expect_asked(f, 1, 36);
}

/* What was sent while nobody had the device open, and no interrupt: it is found all the same. */
static void test_before_open(void)
{
	Fixture f;
	guint8 zeros[4096 * 2] = { 0 };
	hvis_autofd int memory = memfd_create("test", MFD_CLOEXEC), wire = -1;
	void *rings;
	int fds[2];

	set_up(&f, NULL);
	g_assert_true(fake_uio_negotiate(&f.fake, 1, &fake_uio_versions));
	g_assert_cmpint(write(memory, zeros, sizeof(zeros)), ==, sizeof(zeros));
	g_assert_cmpint(write(memory, (guint8 *)f.fake.rings + f.fake.size / 2, sizeof(zeros)), ==,
		sizeof(zeros));
	rings = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	g_assert_cmpint(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), ==, 0);
	wire = fds[1];
	hvis_transport_close(f.fake.guest);
	f.fake.guest = hvis_uio_new(fds[0], rings, 4 * 4096, "/dev/uio9", NULL);
	register_now(&f);
	expect_welcome(&f);
	tear_down(&f, NULL);
}

/* After a migration, say: the host has forgotten what it asked. */
static void test_again(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	ask(f, 2, 1, 100);
	expect_asked(f, 1, 100);
	g_assert_true(fake_uio_negotiate(&f->fake, 3, &fake_uio_versions));
	expect_welcome(f);
	expect_versions(f, 3, HVIS_IC_BODY_OFFSET + 20, TRUE);
	reply_is_stale(f);
	expect_silence(f);
	ask(f, 4, 2, 200);
	expect_asked(f, 2, 200);
	reply(f, HVIS_S_OK);
	expect_status(f, 4, HVIS_S_OK, 200);
	g_assert_cmpuint(counters(f).messages.stale, ==, 1);
	g_assert_cmpuint(counters(f).messages.negotiated, ==, 2);
}

/* It asks at once again, before the service was told or has answered: the old answer is not taken for the new. */
static void test_again_in_a_row(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	ask(f, 2, 1, 100);
	expect_asked(f, 1, 100);
	g_assert_true(fake_uio_negotiate(&f->fake, 3, &fake_uio_versions));
	ask(f, 4, 2, 36);
	expect_welcome(f);
	expect_versions(f, 3, HVIS_IC_BODY_OFFSET + 20, TRUE);
	expect_asked(f, 2, 36);
	reply(f, HVIS_E_FAIL);
	expect_status(f, 4, HVIS_E_FAIL, 36);
}

static void test_refused(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const IcVersions cases[] = {
		{ 1, 1, { { 1, 0 } }, { { 1, 1 } } },
		{ 1, 1, { { 3, 0 } }, { { 1, 0 } } },
		{ 2, 2, { { 1, 0 }, { 3, 1 } }, { { 1, 1 }, { 2, 0 } } },
		{ 1, 0, { { 3, 0 } }, { { 0, 0 } } },
		{ 0, 1, { { 0, 0 } }, { { 1, 1 } } },
		{ 0, 0, { { 0, 0 } }, { { 0, 0 } } },
	};

	ask(f, 2, 1, 36);
	expect_asked(f, 1, 36);
	for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
		gsize body = 8 + 4 * (cases[i].n_framework + cases[i].n_message);

		g_assert_true(fake_uio_negotiate(&f->fake, i + 10, &cases[i]));
		expect_nothing(f);
		expect_versions(f, i + 10, HVIS_IC_BODY_OFFSET + body, FALSE);
	}
	reply_is_stale(f);
	ask(f, 30, 1, 36);
	expect_nothing(f);
	expect_status(f, 30, HVIS_E_FAIL, 36);
	g_assert_cmpuint(counters(f).messages.refused, ==, G_N_ELEMENTS(cases));
	g_assert_cmpuint(counters(f).messages.early, ==, 1);
	g_assert_true(fake_uio_negotiate(&f->fake, 31, &fake_uio_versions));
	expect_welcome(f);
	expect_versions(f, 31, HVIS_IC_BODY_OFFSET + 20, TRUE);
}

/* Cut off anywhere, and with counts that lie: refused as well, for the host waits. */
static void test_negotiation_malformed(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	guint8 body[20] = { 2, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 1, 0, 1, 0 };

	for (guint64 len = 0; len < sizeof(body); len++) {
		g_assert_true(fake_uio_send(&f->fake, HVIS_IC_NEGOTIATE, len, body, (gsize)len));
		expect_nothing(f);
		expect_versions(f, len, HVIS_IC_BODY_OFFSET + len, FALSE);
	}
	for (int at = 0; at < 4; at++) {
		guint8 old = body[at];

		body[at] = 0xff;
		g_assert_true(fake_uio_send(&f->fake, HVIS_IC_NEGOTIATE, 99, body, sizeof(body)));
		expect_nothing(f);
		expect_versions(f, 99, HVIS_IC_BODY_OFFSET + sizeof(body), FALSE);
		body[at] = old;
	}
	g_assert_true(fake_uio_send(&f->fake, HVIS_IC_NEGOTIATE, 100, body, sizeof(body)));
	expect_welcome(f);
	expect_versions(f, 100, HVIS_IC_BODY_OFFSET + sizeof(body), TRUE);
}

/* --- requests --- */

static void test_request(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const guint32 status[] = { HVIS_S_OK, HVIS_E_FAIL, HVIS_E_DISK_FULL };
	static const gsize len[] = { 36, 1088, 6196, 37, 41, 13280 };

	for (guint i = 0; i < 18; i++) {
		ask(f, 0x8000000000000000u + i, (guint8)i, len[i % 6]);
		expect_asked(f, (guint8)i, len[i % 6]);
		expect_nothing(f);
		reply(f, status[i % 3]);
		expect_status(f, 0x8000000000000000u + i, status[i % 3], len[i % 6]);
		expect_silence(f);
	}
	g_assert_cmpuint(
		fake_uio_kicks(&f->fake), ==, 18); /* one each, for the host had read all */
}

static void test_one_at_a_time(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	for (guint8 i = 0; i < 5; i++)
		ask(f, i, i, 1088);
	for (guint8 i = 0; i < 5; i++) {
		expect_asked(f, i, 1088);
		expect_nothing(f);
		reply(f, i);
	}
	expect_nothing(f);
	for (guint8 i = 0; i < 5; i++)
		expect_status(f, i, i, 1088);
	expect_silence(f);
	g_assert_cmpuint(fake_uio_kicks(&f->fake), ==, 1); /* the host has not looked meanwhile */
}

/* A service that asks again before it waits: what is in the ring already costs no system call. */
static void test_burst(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	HvisTransport *guest = f->fake.guest;

	guest->bursting = TRUE;
	g_assert_false(hvis_transport_wait(guest, 0));
	for (guint8 i = 0; i < 5; i++) {
		ask(f, i, i, 1088);
		g_assert_true(hvis_transport_wait(guest, 0));
		g_assert_cmpint(receive(f, sizeof(f->got)), ==, 1088);
		reply(f, HVIS_S_OK);
		expect_status(f, i, HVIS_S_OK, 1088);
	}
	hvis_transport_rest(guest);
	expect_nothing(f);
}

/* In the end the descriptor tells of what came while nobody went by it, and for which there was no interrupt. */
static void test_burst_ends(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	HvisTransport *guest = f->fake.guest;

	guest->bursting = TRUE;
	ask(f, 1, 1, 36);
	g_assert_cmpint(receive(f, sizeof(f->got)), ==, 36);
	ask(f, 2, 2, 36);
	reply(f, HVIS_S_OK);
	expect_status(f, 1, HVIS_S_OK, 36);
	g_assert_false(fake_uio_readable(&f->fake));
	g_assert_true(hvis_transport_wait(guest, 0));
	hvis_transport_rest(guest);
	g_assert_true(fake_uio_readable(&f->fake));
	expect_asked(f, 2, 36);
	reply(f, HVIS_S_OK);
	expect_status(f, 2, HVIS_S_OK, 36);
	expect_nothing(f);
}

/* Interrupts and nothing else: one is looked behind, and more do not hold whoever waits. */
static void test_burst_vain(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	HvisTransport *guest = f->fake.guest;

	guest->bursting = TRUE;
	fake_uio_interrupt(&f->fake);
	g_assert_false(hvis_transport_wait(guest, 0));
	for (guint i = 0; i < 5; i++)
		fake_uio_interrupt(&f->fake);
	g_assert_false(hvis_transport_wait(guest, 60000));
	ask(f, 1, 1, 36);
	g_assert_true(hvis_transport_wait(guest, 60000));
	g_assert_cmpint(receive(f, sizeof(f->got)), ==, 36);
	reply(f, HVIS_S_OK);
	expect_status(f, 1, HVIS_S_OK, 36);
}

/* As many as fit, with the transport's hands full, and then some more. */
static void test_full_of_requests(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	guint8 body[36];
	guint64 sent = 0, answered = 0;

	for (guint round = 0; round < 40; round++) {
		while (fake_uio_send(&f->fake, HVIS_IC_FCOPY, sent, body,
			request((guint8)sent, body, sizeof(body))))
			sent++;
		g_assert_cmpuint(sent - answered, >, 100);
		for (guint i = 0; i < 37; i++, answered++) {
			expect_asked(f, (guint8)answered, sizeof(body));
			reply(f, (guint32)answered);
			expect_status(f, answered, (guint32)answered, sizeof(body));
		}
	}
}

/* The host does not take answers: the transport waits for room, and takes nothing more meanwhile. */
static void test_full_of_answers(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	guint64 sent = 0, seen = 0;

	while (counters(f).full == 0) {
		ask(f, sent, (guint8)sent, 4000);
		expect_asked(f, (guint8)sent, 4000);
		reply(f, (guint32)sent);
		sent++;
		g_assert_cmpuint(sent, <, 9);
	}
	ask(f, sent, (guint8)sent, 4000);
	expect_nothing(f);
	fake_uio_interrupt(&f->fake); /* for nothing */
	expect_nothing(f);
	g_assert_cmpuint(hvis_shared_load(f->fake.in.control, HVIS_RING_PENDING), >, 4000);
	for (; seen < sent; seen++) {
		expect_status(f, seen, (guint32)seen, 4000);
		if (seen == 0)
			expect_asked(f, (guint8)sent, 4000); /* it was told that there is room */
	}
	expect_silence(f);
	reply(f, 7);
	expect_status(f, sent, 7, 4000);
	expect_nothing(f);
	g_assert_cmpuint(hvis_shared_load(f->fake.in.control, HVIS_RING_PENDING), ==, 0);
	g_assert_cmpuint(counters(f).full, ==, 1);
}

/* The same for answers that no service gives, with one that it does behind them. */
static void test_full_of_own_answers(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	guint8 body[4000] = { 0 };
	guint64 sent = 0;

	ask(f, 1000, 1, 36);
	expect_asked(f, 1, 36);
	while (counters(f).full == 0) {
		g_assert_true(fake_uio_send(&f->fake, HVIS_IC_KVP, sent++, body, sizeof(body)));
		g_assert_true(fake_uio_send(&f->fake, HVIS_IC_KVP, sent++, body, sizeof(body)));
		expect_nothing(f); /* and of the last two, one stays where it is */
	}
	reply(f, 3);
	for (guint64 i = 0; i < sent - 2; i++) {
		expect_status(f, i, HVIS_E_NOT_SUPPORTED, sizeof(body));
		expect_nothing(f);
	}
	expect_status(f, 1000, 3, 36); /* there was room for this one */
	expect_status(f, sent - 2, HVIS_E_NOT_SUPPORTED, sizeof(body));
	expect_status(f, sent - 1, HVIS_E_NOT_SUPPORTED, sizeof(body));
	expect_silence(f);
}

static void test_too_long(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	g_autoptr(GError) error = NULL;

	ask(f, 5, 1, 6200);
	g_assert_cmpint(hvis_transport_receive(f->fake.guest, f->got, 6196, &error), ==, -1);
	g_assert_true(hvis_error_is(error, HVIS_ERROR_NO_SPACE));
	expect_nothing(f);
	reply(f, HVIS_E_INVALIDARG); /* it is owed one all the same */
	expect_status(f, 5, HVIS_E_INVALIDARG, 6200);
}

/* No request is as short; two of these lengths would pass for the answer to a registration. */
static void test_too_short(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	guint8 body[36] = { 1 };

	for (gsize len = 0; len < sizeof(body); len++) {
		g_assert_true(fake_uio_send(&f->fake, HVIS_IC_FCOPY, len, body, len));
		expect_nothing(f);
		expect_status(f, len, HVIS_E_INVALIDARG, len);
	}
	g_assert_cmpuint(counters(f).messages.cut, ==, 36);
}

/* --- packets that are none of ours --- */

static void test_malformed(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	guint8 good[64], bytes[sizeof(good)], body[36] = { 9 };
	gsize len = fake_uio_message(good, sizeof(good), HVIS_IC_FCOPY, body, sizeof(body));

	for (gsize n = 0; n < len; n++) { /* cut off, which padding must not mend */
		if ((n + 7) / 8 * 8 >= len)
			break;
		g_assert_true(fake_uio_put(&f->fake, HVIS_PACKET_INBAND, 1, good, n));
		expect_nothing(f);
	}
	for (gsize at = 4; at < 8; at++) { /* the pipe's size */
		memcpy(bytes, good, sizeof(good));
		bytes[at] = 0xff;
		g_assert_true(fake_uio_put(&f->fake, HVIS_PACKET_INBAND, 1, bytes, len));
		expect_nothing(f);
	}
	memcpy(bytes, good, sizeof(good));
	bytes[4] = 19; /* less than a header */
	g_assert_true(fake_uio_put(&f->fake, HVIS_PACKET_INBAND, 1, bytes, len));
	memcpy(bytes, good, sizeof(good));
	bytes[18]++; /* the body's size */
	g_assert_true(fake_uio_put(&f->fake, HVIS_PACKET_INBAND, 1, bytes, len));
	expect_nothing(f);
	expect_silence(f);
	g_assert_cmpuint(counters(f).messages.malformed, >=, 60);
	g_assert_cmpuint(counters(f).messages.malformed, ==, counters(f).packets - 1);
	ask(f, 2, 3, 36);
	expect_asked(f, 3, 36);
}

static void test_strays(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	guint8 bytes[64], body[36] = { 9 };
	gsize len = fake_uio_message(bytes, sizeof(bytes), HVIS_IC_FCOPY, body, sizeof(body));
	g_autofree guint8 *huge = g_malloc0(HVIS_IC_MAX_MESSAGE + 8);

	for (guint16 type = HVIS_PACKET_INBAND + 1; type <= HVIS_PACKET_COMP; type++)
		g_assert_true(fake_uio_put(&f->fake, type, 1, bytes, len));
	expect_nothing(f);
	g_assert_true(fake_uio_put(&f->fake, HVIS_PACKET_INBAND, 1, huge, HVIS_IC_MAX_MESSAGE + 8));
	expect_nothing(f);
	g_assert_cmpuint(counters(f).odd, ==, 6);
	bytes[HVIS_IC_BODY_OFFSET - 3] |= HVIS_IC_RESPONSE;
	g_assert_true(fake_uio_put(&f->fake, HVIS_PACKET_INBAND, 1, bytes, len));
	expect_nothing(f);
	g_assert_cmpuint(counters(f).messages.strays, ==, 1);
	expect_silence(f);
	ask(f, 2, 3, 36);
	expect_asked(f, 3, 36);
}

/* A packet with a header before its data, which no integration service has. */
static void test_packet_header(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	static const guint8 header[8] = { 1 };
	struct hvis_packet_out packet = { HVIS_PACKET_INBAND, 0, 1, header, 8, header, 8 };

	hvis_ring_write_begin(&f->fake.out);
	g_assert_cmpint(hvis_ring_write_put(&f->fake.out, &packet), ==, HVIS_RING_DONE);
	g_assert_true(hvis_ring_write_commit(&f->fake.out));
	fake_uio_interrupt(&f->fake);
	expect_nothing(f);
	g_assert_cmpuint(counters(f).odd, ==, 1);
	ask(f, 2, 3, 36);
	expect_asked(f, 3, 36);
}

static void test_unknown_types(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	guint8 body[20] = { 1, 2, 3 };

	for (guint16 type = 1; type < 40; type++) {
		if (type == HVIS_IC_FCOPY)
			continue;
		g_assert_true(fake_uio_send(&f->fake, type, type, body, sizeof(body)));
		expect_nothing(f);
		expect_status(f, type, HVIS_E_NOT_SUPPORTED, sizeof(body));
	}
	g_assert_cmpuint(counters(f).messages.unknown, ==, 38);
}

/* --- with a service --- */

typedef struct {
	FakeUio fake[2]; /* before and after the host has taken it away */
	guint opens;
	FcopyText text;
	guint64 held, dropped;
	GString *seen;
} Story;

static gsize story_register(guint8 *buf, gpointer data G_GNUC_UNUSED)
{
	return fcopy_register_encode(buf);
}

static gboolean story_is_handshake(const guint8 *msg, gsize len, gpointer data G_GNUC_UNUSED)
{
	return fcopy_is_register(msg, len);
}

static gboolean story_handshake(const guint8 *msg, gsize len, gpointer data, GError **error)
{
	return fcopy_welcome_decode(msg, len, &((Story *)data)->text, error);
}

static gboolean story_request(HvisService *service, guint64 txn, const guint8 *msg, gsize len,
	gpointer data, GError **error)
{
	Story *s = data;
	guint8 buf[4];
	g_auto(FcopyRequest) request = { 0 };

	if (!fcopy_request_decode(msg, len, s->text, &request, error))
		return FALSE;
	g_string_append_printf(s->seen, "%s ", fcopy_op_name(request.op));
	if (request.op == HVIS_FCOPY_OP_COMPLETE)
		s->held = txn;
	else
		hvis_service_reply(service, txn, buf, fcopy_answer_encode(0, buf));
	return TRUE;
}

static gsize story_failure(HvisFailure why G_GNUC_UNUSED, guint8 *buf, gpointer data G_GNUC_UNUSED)
{
	return fcopy_answer_encode(HVIS_E_FAIL, buf);
}

static void story_dropped(HvisService *service G_GNUC_UNUSED, guint64 txn, gpointer data)
{
	((Story *)data)->dropped = txn;
}

static const HvisServiceOps story_ops = {
	.name = "fcopy",
	.receive_size = sizeof(struct hvis_fcopy_write),
	.send_size = 4,
	.build_register = story_register,
	.is_handshake = story_is_handshake,
	.on_handshake = story_handshake,
	.on_request = story_request,
	.build_failure = story_failure,
	.on_dropped = story_dropped,
};

static HvisTransport *story_open(
	const char *path G_GNUC_UNUSED, gpointer data, GError **error G_GNUC_UNUSED)
{
	Story *s = data;

	fake_uio_init(&s->fake[s->opens], PAGES);
	return g_steal_pointer(&s->fake[s->opens++].guest);
}

static void turn(void)
{
	while (g_main_context_iteration(NULL, FALSE))
		;
}

static void story_ask(FakeUio *fake, enum hvis_fcopy_op op, guint64 xid)
{
	FcopyRequest request = { .op = op, .name = (char *)"a", .path = (char *)"/tmp/" };
	g_autoptr(GByteArray) body = g_byte_array_new();

	g_assert_true(fcopy_request_encode(&request, FCOPY_TEXT_UTF16, body, NULL));
	g_assert_true(fake_uio_send(fake, HVIS_IC_FCOPY, xid, body->data, body->len));
	turn();
}

static void story_answer(FakeUio *fake, guint64 xid, guint32 status)
{
	guint8 buf[HVIS_IC_MAX_MESSAGE];
	guint64 got = 0;
	gssize n = fake_uio_take(fake, buf, sizeof(buf), &got);
	IcMessage msg = { 0 };

	g_assert_cmpint(n, >, 0);
	g_assert_true(icmsg_decode(buf, (gsize)n, &msg, NULL));
	g_assert_cmpuint(got, ==, xid);
	g_assert_cmphex(msg.status, ==, status);
}

/* Registered, asked, moved in the middle, taken away and given back: as at the character device. */
static void test_service(void)
{
	Story s = { .seen = g_string_new(NULL), .text = FCOPY_TEXT_UTF8 };
	HvisFakeClock *clock = hvis_fake_clock_new();
	HvisService *service =
		hvis_service_new(&story_ops, "/dev/uio9", hvis_fake_clock_get(clock), &s);

	hvis_service_set_opener(service, story_open, &s);
	hvis_service_start(service);
	turn();
	g_assert_cmpint(hvis_service_state(service), ==, HVIS_SERVICE_REGISTERING);
	g_assert_true(fake_uio_negotiate(&s.fake[0], 1, &fake_uio_versions));
	turn();
	g_assert_cmpint(hvis_service_state(service), ==, HVIS_SERVICE_READY);
	g_assert_cmpint(s.text, ==, FCOPY_TEXT_UTF16);
	story_answer(&s.fake[0], 1, 0);
	story_ask(&s.fake[0], HVIS_FCOPY_OP_START, 2);
	story_answer(&s.fake[0], 2, 0);
	story_ask(&s.fake[0], HVIS_FCOPY_OP_N, 3);
	story_answer(&s.fake[0], 3, HVIS_E_FAIL);
	story_ask(&s.fake[0], HVIS_FCOPY_OP_COMPLETE, 4);
	g_assert_true(fake_uio_negotiate(&s.fake[0], 5, &fake_uio_versions));
	turn();
	story_answer(&s.fake[0], 5, 0);
	g_assert_false(hvis_service_reply(service, s.held, "\0\0\0", 4));
	g_assert_cmpint(hvis_service_state(service), ==, HVIS_SERVICE_READY);
	g_assert_cmpuint(s.dropped, ==, s.held);
	story_ask(&s.fake[0], HVIS_FCOPY_OP_CANCEL, 6);
	story_answer(&s.fake[0], 6, 0);
	fake_uio_deinit(&s.fake[0]);
	turn();
	g_assert_cmpint(hvis_service_state(service), ==, HVIS_SERVICE_BACKOFF);
	hvis_fake_clock_advance(clock, HVIS_SERVICE_BACKOFF_MIN_MS);
	g_assert_true(fake_uio_negotiate(&s.fake[1], 7, &fake_uio_versions));
	turn();
	g_assert_cmpint(hvis_service_state(service), ==, HVIS_SERVICE_READY);
	g_assert_cmpstr(s.seen->str, ==, "START COMPLETE CANCEL ");
	hvis_service_free(service);
	fake_uio_deinit(&s.fake[1]);
	hvis_fake_clock_free(clock);
	g_string_free(s.seen, TRUE);
}

#define ADD(path, func)                                                                            \
	g_test_add("/transport/uio/" path, Fixture, NULL, set_up_settled, func, tear_down)
#define ADD_RAW(path, func)                                                                        \
	g_test_add("/transport/uio/" path, Fixture, NULL, set_up, func, tear_down)

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	ADD_RAW("negotiate/registered", test_register_first);
	ADD_RAW("negotiate/first", test_negotiate_first);
	g_test_add_func("/transport/uio/negotiate/before-open", test_before_open);
	ADD("negotiate/again", test_again);
	ADD("negotiate/again-and-ask", test_again_in_a_row);
	ADD("negotiate/refused", test_refused);
	ADD("negotiate/malformed", test_negotiation_malformed);
	ADD("request", test_request);
	ADD("request/one-at-a-time", test_one_at_a_time);
	ADD("request/ring-is-full", test_full_of_requests);
	ADD("request/no-room-for-answers", test_full_of_answers);
	ADD("request/no-room-for-own", test_full_of_own_answers);
	ADD("request/too-long", test_too_long);
	ADD("request/too-short", test_too_short);
	ADD("burst", test_burst);
	ADD("burst/ends", test_burst_ends);
	ADD("burst/vain", test_burst_vain);
	ADD("packet/malformed", test_malformed);
	ADD("packet/strays", test_strays);
	ADD("packet/header", test_packet_header);
	ADD("packet/unknown", test_unknown_types);
	g_test_add_func("/transport/uio/service", test_service);
	return g_test_run();
}
