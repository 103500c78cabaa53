/* SPDX-License-Identifier: GPL-2.0-only */
/* IC framing and negotiation: captured bytes, every truncation, every declared size. */
#include <string.h>

#include <util/error.h>
#include <wire/icmsg.h>

/* Heartbeat request as a Hyper-V host sends it: framework 3.0, message 3.0, sequence 5. */
static const guint8 heartbeat[] = { 1, 0, 0, 0, 36, 0, 0, 0, 3, 0, 0, 0, 1, 0, 3, 0, 0, 0, 16, 0, 0,
	0, 0, 0, 0, 3, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };

static void test_cursor(void)
{
	WireCursor c = wire_cursor("abcdef", 6);
	char buf[8] = "........";

	g_assert_true(wire_take(&c, buf, 2));
	g_assert_cmpmem(buf, 3, "ab.", 3);
	g_assert_false(wire_take(&c, buf, 5));
	g_assert_cmpmem(buf, 3, "ab.", 3);
	g_assert_true(wire_skip(&c, 1));
	g_assert_false(wire_narrow(&c, 4));
	g_assert_true(wire_narrow(&c, 2));
	g_assert_false(wire_skip(&c, 3));
	g_assert_true(wire_take(&c, buf, 2));
	g_assert_cmpmem(buf, 2, "de", 2);
	g_assert_true(wire_take(&c, buf, 0));
	g_assert_cmpuint(c.left, ==, 0);
}

static void test_decode(void)
{
	g_autoptr(GError) error = NULL;
	IcMessage m;

	g_assert_true(icmsg_decode(heartbeat, sizeof(heartbeat), &m, &error));
	g_assert_no_error(error);
	g_assert_cmpuint(m.type, ==, HVIS_IC_HEARTBEAT);
	g_assert_cmpuint(m.framework.major, ==, 3);
	g_assert_cmpuint(m.message.major, ==, 3);
	g_assert_cmpuint(m.flags, ==, HVIS_IC_TRANSACTION | HVIS_IC_REQUEST);
	g_assert_cmpuint(m.body.left, ==, 16);
	g_assert_cmpuint(m.body.pos[0], ==, 5);
}

/* VMBus pads packets: what follows the declared sizes is invisible. */
static void test_padding(void)
{
	guint8 padded[sizeof(heartbeat) + 4];
	IcMessage m;

	memset(padded, 0xee, sizeof(padded));
	memcpy(padded, heartbeat, sizeof(heartbeat));
	g_assert_true(icmsg_decode(padded, sizeof(padded), &m, NULL));
	g_assert_cmpuint(m.body.left, ==, 16);
}

static void expect_refused(const void *bytes, gsize len)
{
	g_autoptr(GError) error = NULL;
	IcMessage m = { .type = 77 };

	g_assert_false(icmsg_decode(bytes, len, &m, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_PROTOCOL));
	g_assert_cmpuint(m.type, ==, 77);
}

static void test_truncated(void)
{
	for (gsize len = 0; len < sizeof(heartbeat); len++) {
		g_autofree guint8 *exact = g_memdup2(heartbeat, len); /* a read beyond is caught */

		expect_refused(exact, len);
	}
}

static void test_sizes(void)
{
	guint8 bytes[sizeof(heartbeat)];

	for (guint size = 0; size < 256; size++) {
		IcMessage m;

		memcpy(bytes, heartbeat, sizeof(bytes));
		bytes[18] = (guint8)size; /* body, by the IC header */
		if (size <= 16) {
			g_assert_true(icmsg_decode(bytes, sizeof(bytes), &m, NULL));
			g_assert_cmpuint(m.body.left, ==, size);
		} else {
			expect_refused(bytes, sizeof(bytes));
		}
		memcpy(bytes, heartbeat, sizeof(bytes));
		bytes[4] = (guint8)size; /* by the pipe header */
		if (size != 36)
			expect_refused(bytes, sizeof(bytes));
	}
	memcpy(bytes, heartbeat, sizeof(bytes));
	memset(bytes + 4, 0xff, 4);
	expect_refused(bytes, sizeof(bytes));
}

static void test_encode(void)
{
	IcMessage m;
	guint8 buf[sizeof(heartbeat) + 1];
	gsize len = 99;

	g_assert_true(icmsg_decode(heartbeat, sizeof(heartbeat), &m, NULL));
	for (gsize size = 0; size < sizeof(heartbeat); size++) {
		g_autoptr(GError) error = NULL;

		memset(buf, 0xaa, sizeof(buf));
		g_assert_false(icmsg_encode(&m, buf, size, &len, &error));
		g_assert_true(hvis_error_is(error, HVIS_ERROR_NO_SPACE));
		g_assert_cmpuint(buf[0], ==, 0xaa);
		g_assert_cmpuint(len, ==, 99);
	}
	g_assert_true(icmsg_encode(&m, buf, sizeof(buf), &len, NULL));
	g_assert_cmpmem(buf, len, heartbeat, sizeof(heartbeat));
	g_assert_cmpuint(buf[sizeof(heartbeat)], ==, 0xaa);
}

static void test_encode_huge(void)
{
	g_autofree guint8 *body = g_malloc0(70000);
	g_autofree guint8 *buf = g_malloc(80000);
	IcMessage m = { .body = wire_cursor(body, 65536) };
	gsize len;

	g_assert_false(icmsg_encode(&m, buf, 80000, &len, NULL));
	m.body = wire_cursor(body, 65535);
	g_assert_true(icmsg_encode(&m, buf, 80000, &len, NULL));
	g_assert_cmpuint(len, ==, 28 + 65535);
}

/* --- negotiation --- */

static const IcVersions kvp = {
	.n_framework = 2,
	.framework = { { 1, 0 }, { 3, 0 } },
	.n_message = 3,
	.message = { { 1, 0 }, { 3, 0 }, { 4, 0 } },
};

static const guint8 kvp_bytes[] = { 2, 0, 3, 0, 0, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 3,
	0, 0, 0, 4, 0, 0, 0 };

static void test_negotiate_round_trip(void)
{
	guint8 buf[sizeof(kvp_bytes)];
	IcVersions back;
	gsize len;

	for (gsize size = 0; size < sizeof(buf); size++)
		g_assert_false(icmsg_negotiate_encode(&kvp, buf, size, &len, NULL));
	g_assert_true(icmsg_negotiate_encode(&kvp, buf, sizeof(buf), &len, NULL));
	g_assert_cmpmem(buf, len, kvp_bytes, sizeof(kvp_bytes));
	g_assert_true(icmsg_negotiate_decode(wire_cursor(buf, len), &back, NULL));
	g_assert_cmpmem(&back, sizeof(back), &kvp, sizeof(kvp));
}

static void test_negotiate_truncated(void)
{
	for (gsize len = 0; len < sizeof(kvp_bytes); len++) {
		g_autofree guint8 *exact = g_memdup2(kvp_bytes, len);
		g_autoptr(GError) error = NULL;
		IcVersions v;

		g_assert_false(icmsg_negotiate_decode(wire_cursor(exact, len), &v, &error));
		g_assert_true(hvis_error_is(error, HVIS_ERROR_PROTOCOL));
	}
}

static void test_negotiate_too_many(void)
{
	guint8 bytes[8 + 40 * 4] = { 17, 0, 1, 0 };
	IcVersions v = { .n_message = HVIS_IC_MAX_VERSIONS + 1 };
	gsize len;

	g_assert_false(icmsg_negotiate_decode(wire_cursor(bytes, sizeof(bytes)), &v, NULL));
	bytes[0] = 16;
	g_assert_true(icmsg_negotiate_decode(wire_cursor(bytes, sizeof(bytes)), &v, NULL));
	bytes[3] = 1; /* 257 message versions */
	g_assert_false(icmsg_negotiate_decode(wire_cursor(bytes, sizeof(bytes)), &v, NULL));
	v.n_message = HVIS_IC_MAX_VERSIONS + 1;
	g_assert_false(icmsg_negotiate_encode(&v, bytes, sizeof(bytes), &len, NULL));
}

static void test_negotiate_answer(void)
{
	static const guint8 yes[] = { 1, 0, 1, 0, 0, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0 };
	static const guint8 no[] = { 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0 };
	static const guint8 odd[] = { 1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0 };
	g_autoptr(GError) error = NULL;
	IcVersion framework = { 7, 7 }, message = { 7, 7 };
	gboolean agreed = TRUE;

	g_assert_true(icmsg_negotiate_decode_answer(
		wire_cursor(no, sizeof(no)), &agreed, &framework, &message, &error));
	g_assert_false(agreed);
	g_assert_cmpuint(message.major, ==, 7);
	g_assert_true(icmsg_negotiate_decode_answer(
		wire_cursor(yes, sizeof(yes)), &agreed, &framework, &message, &error));
	g_assert_true(agreed);
	g_assert_cmpuint(framework.major, ==, 3);
	g_assert_cmpuint(message.major, ==, 4);
	g_assert_false(icmsg_negotiate_decode_answer(
		wire_cursor(odd, sizeof(odd)), &agreed, &framework, &message, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_PROTOCOL));
	g_clear_error(&error);
	g_assert_false(icmsg_negotiate_decode_answer(
		wire_cursor(kvp_bytes, sizeof(kvp_bytes)), &agreed, &framework, &message, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_PROTOCOL));
	for (gsize len = 0; len < sizeof(yes); len++)
		g_assert_false(icmsg_negotiate_decode_answer(
			wire_cursor(yes, len), &agreed, &framework, &message, NULL));
}

static void test_choose(void)
{
	IcVersions host = { .n_framework = 2,
		.framework = { { 3, 0 }, { 1, 0 } },
		.n_message = 3,
		.message = { { 3, 0 }, { 5, 0 }, { 4, 1 } } };
	IcVersions guest = { .n_framework = 1,
		.framework = { { 3, 0 } },
		.n_message = 3,
		.message = { { 4, 0 }, { 4, 1 }, { 3, 0 } } };
	IcVersions ret;

	g_assert_true(icmsg_negotiate_choose(&host, &guest, &ret));
	g_assert_cmpuint(ret.n_framework, ==, 1);
	g_assert_cmpuint(ret.n_message, ==, 1);
	g_assert_cmpint(icmsg_version_cmp(ret.framework[0], (IcVersion){ 3, 0 }), ==, 0);
	g_assert_cmpint(icmsg_version_cmp(ret.message[0], (IcVersion){ 4, 1 }), ==, 0);
	guest.framework[0].major = 2;
	g_assert_false(icmsg_negotiate_choose(&host, &guest, &ret));
	g_assert_cmpuint(ret.n_framework + ret.n_message, ==, 0);
	guest.framework[0].major = 1;
	guest.n_message = 1;
	g_assert_false(icmsg_negotiate_choose(&host, &guest, &ret));
	g_assert_cmpuint(ret.n_framework + ret.n_message, ==, 0);
}

static void test_version_text(void)
{
	static const char *const bad[] = { "", "3", "3.", ".0", "3.0.1", "3.x", "-1.0", "65536.0" };
	IcVersion v = { 9, 9 };
	char buf[12];

	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++)
		g_assert_false(icmsg_version_parse(bad[i], &v));
	g_assert_cmpuint(v.major, ==, 9);
	g_assert_true(icmsg_version_parse("65535.65535", &v));
	g_assert_cmpstr(icmsg_version_print(v, buf), ==, "65535.65535");
	g_assert_cmpint(icmsg_version_cmp((IcVersion){ 3, 2 }, (IcVersion){ 3, 10 }), ==, -1);
	g_assert_cmpint(icmsg_version_cmp((IcVersion){ 4, 0 }, (IcVersion){ 3, 10 }), ==, 1);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/wire/cursor", test_cursor);
	g_test_add_func("/wire/icmsg/decode", test_decode);
	g_test_add_func("/wire/icmsg/padding", test_padding);
	g_test_add_func("/wire/icmsg/truncated", test_truncated);
	g_test_add_func("/wire/icmsg/sizes", test_sizes);
	g_test_add_func("/wire/icmsg/encode", test_encode);
	g_test_add_func("/wire/icmsg/encode-huge", test_encode_huge);
	g_test_add_func("/wire/negotiate/round-trip", test_negotiate_round_trip);
	g_test_add_func("/wire/negotiate/truncated", test_negotiate_truncated);
	g_test_add_func("/wire/negotiate/too-many", test_negotiate_too_many);
	g_test_add_func("/wire/negotiate/answer", test_negotiate_answer);
	g_test_add_func("/wire/negotiate/choose", test_choose);
	g_test_add_func("/wire/version-text", test_version_text);
	return g_test_run();
}
