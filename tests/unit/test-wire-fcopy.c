/* SPDX-License-Identifier: GPL-2.0-only */
/* Messages of the file copy service: raw offsets, every wrong length, text of both kinds, bounds of a WRITE. */
#include <string.h>

#include <hvis/hresult.h>
#include <util/error.h>
#include <wire/fcopy.h>

static GByteArray *encode(const FcopyRequest *request, FcopyText text)
{
	g_autoptr(GError) error = NULL;
	GByteArray *body = g_byte_array_new();

	g_assert_true(fcopy_request_encode(request, text, body, &error));
	g_assert_no_error(error);
	return body;
}

static GByteArray *start_of(const char *name, const char *path, FcopyText text)
{
	FcopyRequest request = { .op = HVIS_FCOPY_OP_START, .flags = 3, .size = 0x100000002 };

	request.name = (char *)name;
	request.path = (char *)path;
	return encode(&request, text);
}

static void refuse(const void *buf, gsize len, FcopyText text, const char *words)
{
	g_auto(FcopyRequest) request = { .op = HVIS_FCOPY_OP_CANCEL, .flags = 77 };
	g_autoptr(GError) error = NULL;

	g_assert_false(fcopy_request_decode(buf, len, text, &request, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_PROTOCOL));
	g_assert_nonnull(strstr(error->message, words));
	g_assert_cmpuint(request.flags, ==, 77); /* untouched */
}

static void test_start(void)
{
	static const guint8 name_wire[] = { 'a', 0, 0x3d, 0xd8, 0x00, 0xde, 0, 0 };
	g_autoptr(GByteArray) wire = start_of("a\xf0\x9f\x98\x80", "/tmp/", FCOPY_TEXT_UTF16);
	g_autoptr(GByteArray) device = start_of("a\xf0\x9f\x98\x80", "/tmp/", FCOPY_TEXT_UTF8);
	g_auto(FcopyRequest) back = { 0 };

	g_assert_cmpuint(wire->len, ==, 1088);
	g_assert_cmpmem(wire->data + 36, 8, name_wire, 8);
	g_assert_cmpuint(wire->data[556], ==, '/');
	g_assert_cmpuint(wire->data[1076], ==, 3);
	g_assert_cmpuint(wire->data[1080], ==, 2);
	g_assert_cmpuint(wire->data[1084], ==, 1);
	g_assert_cmpstr((const char *)device->data + 36, ==, "a\xf0\x9f\x98\x80");
	for (FcopyText text = FCOPY_TEXT_UTF16; text <= FCOPY_TEXT_UTF8; text++) {
		const GByteArray *body = text == FCOPY_TEXT_UTF16 ? wire : device;

		fcopy_request_clear(&back);
		g_assert_true(fcopy_request_decode(body->data, body->len, text, &back, NULL));
		g_assert_cmpstr(back.name, ==, "a\xf0\x9f\x98\x80");
		g_assert_cmpstr(back.path, ==, "/tmp/");
		g_assert_cmpuint(back.flags, ==, 3);
		g_assert_cmpuint(back.size, ==, 0x100000002);
	}
}

static void test_write(void)
{
	guint8 data[HVIS_FCOPY_FRAGMENT];
	FcopyRequest request = { .op = HVIS_FCOPY_OP_WRITE, .offset = 0x123456789a, .len = 5 };
	FcopyRequest back;

	memset(data, 0xaa, sizeof(data));
	request.data = data;
	g_autoptr(GByteArray) body = encode(&request, FCOPY_TEXT_UTF16);
	g_assert_cmpuint(body->len, ==, 6196);
	g_assert_cmpuint(body->data[0], ==, 1);
	g_assert_cmpuint(body->data[40], ==, 0x9a);
	g_assert_cmpuint(body->data[44], ==, 0x12);
	g_assert_cmpuint(body->data[48], ==, 5);
	g_assert_cmpuint(body->data[56], ==, 0xaa);
	g_assert_cmpuint(body->data[57], ==, 0); /* nothing behind the data */
	g_assert_true(fcopy_request_decode(body->data, body->len, FCOPY_TEXT_UTF8, &back, NULL));
	g_assert_cmpuint(back.offset, ==, 0x123456789a);
	g_assert_cmpmem(back.data, back.len, data, 5);
	g_assert_true(fcopy_request_decode(body->data, 57, FCOPY_TEXT_UTF8, &back, NULL));
	refuse(body->data, 56, FCOPY_TEXT_UTF8, "the message has 4");
	body->data[48] = 1;
	body->data[49] = 0x18; /* one more than a fragment, and there is room for it */
	g_byte_array_set_size(body, 7000);
	refuse(body->data, body->len, FCOPY_TEXT_UTF8, "WRITE of 6145 bytes");
	body->data[48] = 0;
	g_assert_true(fcopy_request_decode(body->data, body->len, FCOPY_TEXT_UTF8, &back, NULL));
	g_assert_cmpuint(back.len, ==, HVIS_FCOPY_FRAGMENT);
	/* The stock daemon of Debian 12 wrote 1,932 bytes of its own memory into a file for this. */
	body->data[48] = 0x20;
	body->data[49] = 0x4e;
	refuse(body->data, body->len, FCOPY_TEXT_UTF8, "WRITE of 20000 bytes");
	request.len = HVIS_FCOPY_FRAGMENT + 1;
	g_assert_false(fcopy_request_encode(&request, FCOPY_TEXT_UTF16, body, NULL));
	g_assert_cmpuint(body->len, ==, 7000);
}

static void test_write_far(void)
{
	FcopyRequest request = { .op = HVIS_FCOPY_OP_WRITE, .offset = G_MAXINT64 - 5, .len = 5 };
	FcopyRequest back;

	request.data = (const guint8 *)"12345";
	for (guint i = 0; i < 2; i++) {
		g_autoptr(GByteArray) body = encode(&request, FCOPY_TEXT_UTF16);

		if (i == 0)
			g_assert_true(fcopy_request_decode(
				body->data, body->len, FCOPY_TEXT_UTF16, &back, NULL));
		else
			refuse(body->data, body->len, FCOPY_TEXT_UTF16, "WRITE at ");
		request.offset++;
	}
}

static void test_lengths(void)
{
	static const gsize shortest[HVIS_FCOPY_OP_N] = { 1088, 52, 36, 36 };

	for (guint op = 0; op < HVIS_FCOPY_OP_N; op++) {
		for (gsize len = 0; len <= 1100; len++) {
			g_auto(FcopyRequest) back = { 0 };
			g_autofree guint8 *bytes = g_malloc0(MAX(len, 1));
			gboolean done;

			if (len)
				bytes[0] = (guint8)op;
			done = fcopy_request_decode(bytes, len, FCOPY_TEXT_UTF16, &back, NULL);
			g_assert_cmpint(done, ==, len >= shortest[op]);
		}
	}
}

static void test_unknown(void)
{
	guint8 bytes[8192] = { 0 };

	for (guint op = HVIS_FCOPY_OP_N; op < 512; op++) {
		bytes[0] = (guint8)op;
		bytes[1] = (guint8)(op >> 8);
		refuse(bytes, sizeof(bytes), FCOPY_TEXT_UTF16, "is unknown");
	}
	g_assert_cmpstr(fcopy_op_name(HVIS_FCOPY_OP_N), ==, "?");
	g_assert_cmpstr(fcopy_op_name(HVIS_FCOPY_OP_CANCEL), ==, "CANCEL");
}

/* Each kind of text, broken in each way. */
static void test_text(void)
{
	static const gsize places[] = { 36, 556 };

	for (guint i = 0; i < G_N_ELEMENTS(places); i++) {
		const char *which = i == 0 ? "the name" : "the path";
		g_autoptr(GByteArray) wire = start_of("a", "/b/", FCOPY_TEXT_UTF16);
		g_autoptr(GByteArray) device = start_of("a", "/b/", FCOPY_TEXT_UTF8);

		wire->data[places[i]] = 0x00;
		wire->data[places[i] + 1] = 0xd8; /* half of a pair */
		refuse(wire->data, wire->len, FCOPY_TEXT_UTF16, which);
		memset(wire->data + places[i], 'x', HVIS_FCOPY_TEXT); /* no end */
		refuse(wire->data, wire->len, FCOPY_TEXT_UTF16, which);
		device->data[places[i]] = 0xff;
		refuse(device->data, device->len, FCOPY_TEXT_UTF8, which);
		memset(device->data + places[i], 'x', HVIS_FCOPY_TEXT);
		refuse(device->data, device->len, FCOPY_TEXT_UTF8, which);
	}
}

/* What does not fit: refused on the wire, cut off between characters by the kernel. */
static void test_text_long(void)
{
	g_autofree char *units = g_strnfill(260, 'n');
	g_autofree char *fits = g_strnfill(259, 'n');
	FcopyRequest request = { .op = HVIS_FCOPY_OP_START, .name = units, .path = fits };
	g_autoptr(GByteArray) body = g_byte_array_new();
	g_autoptr(GError) error = NULL;
	g_auto(FcopyRequest) back = { 0 };

	g_assert_false(fcopy_request_encode(&request, FCOPY_TEXT_UTF16, body, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_NO_SPACE));
	g_assert_cmpuint(body->len, ==, 0);
	g_assert_true(fcopy_request_encode(&request, FCOPY_TEXT_UTF8, body, NULL));
	g_assert_true(fcopy_request_decode(body->data, body->len, FCOPY_TEXT_UTF8, &back, NULL));
	g_assert_cmpstr(back.name, ==, fits);
	g_assert_cmpstr(back.path, ==, fits);
	memcpy(units + 258, "\xc3\xa9", 2); /* the 260th byte is a half of it */
	g_byte_array_set_size(body, 0);
	g_assert_true(fcopy_request_encode(&request, FCOPY_TEXT_UTF8, body, NULL));
	g_assert_cmpuint(strlen((const char *)body->data + 36), ==, 258);
	memset(units, 0xff, 1);
	g_clear_error(&error);
	g_assert_false(fcopy_request_encode(&request, FCOPY_TEXT_UTF8, body, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_INVALID));
}

static void test_size(void)
{
	g_autoptr(GByteArray) body = start_of("a", "/", FCOPY_TEXT_UTF16);

	body->data[1087] = 0x80;
	refuse(body->data, body->len, FCOPY_TEXT_UTF16, "a file of ");
}

static void test_device(void)
{
	static const guint8 version[] = { 1, 0, 0, 0 }, full[] = { 0x70, 0, 7, 0x80 };
	guint8 bytes[8] = { 0 };
	guint32 status = 77;

	g_assert_cmpuint(fcopy_register_encode(bytes), ==, 4);
	g_assert_cmpmem(bytes, 4, version, 4);
	g_assert_cmpuint(fcopy_answer_encode(HVIS_E_DISK_FULL, bytes), ==, 4);
	g_assert_cmpmem(bytes, 4, full, 4);
	for (gsize len = 0; len <= sizeof(bytes); len++) {
		g_assert_cmpint(fcopy_is_register(bytes, len), ==, len == 4 || len == 8);
		g_assert_cmpint(fcopy_answer_decode(bytes, len, &status, NULL), ==, len == 4);
	}
	g_assert_cmphex(status, ==, HVIS_E_DISK_FULL);
}

static void test_welcome(void)
{
	static const guint8 device[] = { 1, 0, 0, 0 }, wire[] = { 1, 0, 0, 0, 0, 0, 0, 0 };
	static const guint8 wrong[][8] = { { 2 }, { 0 }, { 1, 0, 0, 1 }, { 1, 0, 0, 0, 2 } };
	FcopyText text = FCOPY_TEXT_UTF16;
	guint8 bytes[8] = { 9, 9, 9, 9, 9, 9, 9, 9 };

	g_assert_true(fcopy_welcome_decode(device, sizeof(device), &text, NULL));
	g_assert_cmpint(text, ==, FCOPY_TEXT_UTF8);
	g_assert_cmpuint(fcopy_welcome_encode(FCOPY_TEXT_UTF16, bytes), ==, 8);
	g_assert_cmpmem(bytes, 8, wire, 8);
	g_assert_true(fcopy_welcome_decode(bytes, 8, &text, NULL));
	g_assert_cmpint(text, ==, FCOPY_TEXT_UTF16);
	for (gsize len = 0; len < sizeof(wire); len++)
		g_assert_cmpint(fcopy_welcome_decode(wire, len, &text, NULL), ==, len == 4);
	text = FCOPY_TEXT_UTF16;
	for (gsize i = 0; i < G_N_ELEMENTS(wrong); i++) {
		g_autoptr(GError) error = NULL;

		g_assert_false(fcopy_welcome_decode(wrong[i], 8, &text, &error));
		g_assert_true(hvis_error_is(error, HVIS_ERROR_UNSUPPORTED));
	}
	g_assert_cmpint(text, ==, FCOPY_TEXT_UTF16);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/wire/fcopy/start", test_start);
	g_test_add_func("/wire/fcopy/write", test_write);
	g_test_add_func("/wire/fcopy/write-far", test_write_far);
	g_test_add_func("/wire/fcopy/lengths", test_lengths);
	g_test_add_func("/wire/fcopy/unknown", test_unknown);
	g_test_add_func("/wire/fcopy/text", test_text);
	g_test_add_func("/wire/fcopy/text-long", test_text_long);
	g_test_add_func("/wire/fcopy/size", test_size);
	g_test_add_func("/wire/fcopy/device", test_device);
	g_test_add_func("/wire/fcopy/welcome", test_welcome);
	return g_test_run();
}
