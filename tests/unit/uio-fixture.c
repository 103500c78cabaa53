/* SPDX-License-Identifier: GPL-2.0-only */
/* What a test of the UIO transport says and expects; see the header. */
#include "tests/unit/uio-fixture.h"

#include <string.h>

#include <hvis/hresult.h>
#include <util/error.h>
#include <wire/fcopy.h>

void set_up(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	fake_uio_init(&f->fake, PAGES);
}

void set_up_settled(Fixture *f, gconstpointer data)
{
	set_up(f, data);
	fake_uio_settle(&f->fake);
}

void tear_down(Fixture *f, gconstpointer data G_GNUC_UNUSED)
{
	fake_uio_deinit(&f->fake);
}

/* --- what the service does --- */

gssize receive(Fixture *f, gsize size)
{
	g_autoptr(GError) error = NULL;
	gssize n = hvis_transport_receive(f->fake.guest, f->got, size, &error);

	g_assert_no_error(error);
	return n;
}

void expect_nothing(Fixture *f)
{
	for (guint i = 0; i < 8 && fake_uio_readable(&f->fake); i++)
		g_assert_cmpint(receive(f, sizeof(f->got)), ==, 0);
	g_assert_false(fake_uio_readable(&f->fake)); /* it would be a busy loop */
}

gssize next_message(Fixture *f)
{
	for (guint i = 0; i < 8; i++) {
		gssize n;

		g_assert_true(fake_uio_readable(&f->fake));
		n = receive(f, sizeof(f->got));
		if (n > 0)
			return n;
	}
	g_error("readable, but without a message");
	return -1;
}

void expect_welcome(Fixture *f)
{
	FcopyText text = FCOPY_TEXT_UTF8;
	gssize n = next_message(f);

	g_assert_true(fcopy_welcome_decode(f->got, (gsize)n, &text, NULL));
	g_assert_cmpint(text, ==, FCOPY_TEXT_UTF16);
}

static void expect_request(Fixture *f, const void *body, gsize len)
{
	gssize n = next_message(f);

	g_assert_cmpmem(f->got, (gsize)n, body, len);
}

void expect_closed(Fixture *f, const char *words)
{
	g_autoptr(GError) error = NULL;

	g_assert_true(fake_uio_readable(&f->fake));
	for (guint i = 0; i < 8 && !error; i++)
		hvis_transport_receive(f->fake.guest, f->got, sizeof(f->got), &error);
	g_assert_true(hvis_error_is(error, HVIS_ERROR_CLOSED));
	if (!strstr(error->message, words))
		g_error("\"%s\" does not say \"%s\"", error->message, words);
	g_clear_error(&error);
	g_assert_false(hvis_transport_send(f->fake.guest, "\0\0\0", 4, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_CLOSED));
}

void reply(Fixture *f, guint32 status)
{
	g_autoptr(GError) error = NULL;
	guint8 buf[4];

	hvis_transport_send(f->fake.guest, buf, fcopy_answer_encode(status, buf), &error);
	g_assert_no_error(error);
}

void reply_is_stale(Fixture *f)
{
	g_autoptr(GError) error = NULL;

	g_assert_false(hvis_transport_send(f->fake.guest, "\0\0\0", 4, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_PROTOCOL));
}

/* --- what the host sees --- */

static IcMessage expect_packet(Fixture *f, guint64 xid, gsize len)
{
	g_autoptr(GError) error = NULL;
	gssize n = fake_uio_take(&f->fake, f->got, sizeof(f->got), &f->xid);
	IcMessage msg = { 0 };

	g_assert_cmpint(n, ==, (len + 7) / 8 * 8);
	g_assert_cmphex(f->xid, ==, xid);
	icmsg_decode(f->got, (gsize)n, &msg, &error);
	g_assert_no_error(error);
	g_assert_cmpuint(msg.flags, ==, HVIS_IC_TRANSACTION | HVIS_IC_RESPONSE);
	return msg;
}

void expect_silence(Fixture *f)
{
	g_assert_cmpint(fake_uio_take(&f->fake, f->got, sizeof(f->got), NULL), ==, -1);
}

void expect_status(Fixture *f, guint64 xid, guint32 status, gsize body)
{
	IcMessage msg = expect_packet(f, xid, HVIS_IC_BODY_OFFSET + body);

	g_assert_cmphex(msg.status, ==, status);
	g_assert_cmpuint(msg.body.left, ==, body);
	for (gsize i = 0; i < body; i++)
		g_assert_cmpuint(msg.body.pos[i], ==, 0);
}

void expect_versions(Fixture *f, guint64 xid, gsize len, gboolean wanted)
{
	g_autoptr(GError) error = NULL;
	IcMessage msg = expect_packet(f, xid, MAX(len, HVIS_IC_BODY_OFFSET + 16));
	IcVersion framework = { 0 }, message = { 0 };
	gboolean agreed = !wanted;

	g_assert_cmpuint(msg.type, ==, HVIS_IC_NEGOTIATE);
	g_assert_cmpuint(msg.status, ==, 0);
	g_assert_cmpuint(msg.body.left, ==, 16); /* as Linux has it, however long the packet is */
	icmsg_negotiate_decode_answer(msg.body, &agreed, &framework, &message, &error);
	g_assert_no_error(error);
	g_assert_cmpint(agreed, ==, wanted);
	g_assert_cmpuint(framework.major, ==, wanted ? 3 : 0);
	g_assert_cmpuint(message.major * 10 + message.minor, ==, wanted ? 11 : 0);
}

/* A request like any other, but for @n. */
gsize request(guint8 n, guint8 *buf, gsize len)
{
	memset(buf, n, len);
	return len;
}

void ask(Fixture *f, guint64 xid, guint8 n, gsize len)
{
	guint8 body[HVIS_IC_MAX_MESSAGE];

	g_assert_true(fake_uio_send(&f->fake, HVIS_IC_FCOPY, xid, body, request(n, body, len)));
}

void expect_asked(Fixture *f, guint8 n, gsize len)
{
	guint8 body[HVIS_IC_MAX_MESSAGE];

	expect_request(f, body, request(n, body, len));
}

HvisUioCounters counters(Fixture *f)
{
	HvisUioCounters c;

	hvis_uio_counters(f->fake.guest, &c);
	return c;
}

void register_now(Fixture *f)
{
	g_autoptr(GError) error = NULL;
	guint8 buf[4];

	hvis_transport_send(f->fake.guest, buf, fcopy_register_encode(buf), &error);
	g_assert_no_error(error);
}
