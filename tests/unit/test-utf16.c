/* SPDX-License-Identifier: GPL-2.0-only */
/* UTF-16LE conversion: round trips, bounds, broken text, every unaligned start. */
#include <string.h>

#include <util/error.h>
#include <util/utf16.h>

static void expect_decode(const char *bytes, gsize len, HvisUtf16Flags flags, const char *text)
{
	g_autoptr(GError) error = NULL;
	g_autofree char *got = hvis_utf16_decode(bytes, len, flags, &error);

	g_assert_no_error(error);
	g_assert_cmpstr(got, ==, text);
}

static void expect_refused(const char *bytes, gsize len, HvisUtf16Flags flags)
{
	g_autoptr(GError) error = NULL;

	g_assert_null(hvis_utf16_decode(bytes, len, flags, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_PROTOCOL));
}

static void test_round_trip(void)
{
	static const char *const texts[] = { "", "a", "Schlüssel", "ключ", "鍵と値", "😀x😀" };

	for (gsize i = 0; i < G_N_ELEMENTS(texts); i++) {
		gsize units = (gsize)hvis_utf16_units(texts[i]);
		guint8 buf[65];

		for (gsize start = 0; start < 2; start++) { /* aligned or not */
			g_autoptr(GError) error = NULL;
			g_autofree char *back = NULL;
			gsize len = 0;

			memset(buf, 0xaa, sizeof(buf));
			g_assert_true(hvis_utf16_encode(texts[i], buf + start, 64, &len, &error));
			g_assert_cmpuint(len, ==, 2 * units + 2);
			for (gsize k = len; k < 64; k++)
				g_assert_cmpuint(buf[start + k], ==, 0);
			back = hvis_utf16_decode(
				buf + start, len, HVIS_UTF16_STRICT | HVIS_UTF16_NUL, &error);
			g_assert_no_error(error);
			g_assert_cmpstr(back, ==, texts[i]);
		}
	}
}

static void test_units(void)
{
	g_assert_cmpint(hvis_utf16_units(""), ==, 0);
	g_assert_cmpint(hvis_utf16_units("abc"), ==, 3);
	g_assert_cmpint(hvis_utf16_units("ü€"), ==, 2);
	g_assert_cmpint(hvis_utf16_units("😀"), ==, 2);
	g_assert_cmpint(hvis_utf16_units("\xff"), ==, -1);
}

static void test_wire_order(void)
{
	guint8 buf[6];

	g_assert_true(hvis_utf16_encode("€", buf, sizeof(buf), NULL, NULL));
	g_assert_cmpmem(buf, 6, "\xac\x20\0\0\0\0", 6);
}

static void test_bounds(void)
{
	for (gsize size = 0; size < 10; size++) {
		g_autoptr(GError) error = NULL;
		guint8 buf[10];
		gsize len = 99;

		memset(buf, 0xaa, sizeof(buf));
		if (hvis_utf16_encode("a😀", buf, size, &len, &error)) {
			g_assert_cmpuint(size, >=, 8);
			g_assert_cmpuint(len, ==, 8);
			g_assert_cmpuint(buf[9], ==, 0xaa);
			continue;
		}
		g_assert_cmpuint(size, <, 8);
		g_assert_true(hvis_error_is(error, HVIS_ERROR_NO_SPACE));
		g_assert_cmpuint(len, ==, 99);
		for (gsize i = 0; i < sizeof(buf); i++)
			g_assert_cmpuint(buf[i], ==, 0xaa);
	}
}

static void test_bad_utf8(void)
{
	g_autoptr(GError) error = NULL;
	guint8 buf[8] = { 1 };

	g_assert_false(hvis_utf16_encode("\xc3", buf, sizeof(buf), NULL, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_INVALID));
	g_assert_cmpuint(buf[0], ==, 1);
}

static void test_lone_surrogates(void)
{
	expect_decode("\x00\xd8"
		      "a\0",
		4, HVIS_UTF16_LENIENT,
		"\xef\xbf\xbd"
		"a");
	expect_decode("a\0"
		      "\x00\xdc",
		4, HVIS_UTF16_LENIENT, "a\xef\xbf\xbd");
	expect_decode("a\0"
		      "\x00\xd8",
		4, HVIS_UTF16_LENIENT, "a\xef\xbf\xbd");
	expect_decode(
		"\x00\xd8\x00\xd8\x00\xdc", 6, HVIS_UTF16_LENIENT, "\xef\xbf\xbd\xf0\x90\x80\x80");
	expect_decode("\x00\xdc\x00\xd8", 4, HVIS_UTF16_LENIENT, "\xef\xbf\xbd\xef\xbf\xbd");
	expect_refused("\x00\xd8"
		       "a\0",
		4, HVIS_UTF16_STRICT);
	expect_refused("\x00\xdc", 2, HVIS_UTF16_STRICT);
	expect_decode("\x3d\xd8\x00\xde", 4, HVIS_UTF16_STRICT, "😀");
	/* cut by the end or by a NUL, a pair is lone */
	expect_refused("\x3d\xd8\0\0\x00\xde", 6, HVIS_UTF16_STRICT);
}

static void test_nul(void)
{
	expect_decode("a\0\0\0b\0", 6, HVIS_UTF16_STRICT | HVIS_UTF16_NUL, "a");
	expect_decode("a\0b\0", 4, HVIS_UTF16_STRICT, "ab");
	expect_refused("a\0b\0", 4, HVIS_UTF16_NUL);
	expect_refused("", 0, HVIS_UTF16_NUL);
	expect_decode("", 0, HVIS_UTF16_LENIENT, "");
}

static void test_odd_length(void)
{
	expect_decode("a\0b", 3, HVIS_UTF16_LENIENT, "a");
	expect_refused("a\0b", 3, HVIS_UTF16_STRICT);
	expect_refused("a\0\0", 3, HVIS_UTF16_NUL);
	expect_decode("a\0\0\0b", 5, HVIS_UTF16_STRICT | HVIS_UTF16_NUL, "a");
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/utf16/round-trip", test_round_trip);
	g_test_add_func("/utf16/units", test_units);
	g_test_add_func("/utf16/wire-order", test_wire_order);
	g_test_add_func("/utf16/bounds", test_bounds);
	g_test_add_func("/utf16/bad-utf8", test_bad_utf8);
	g_test_add_func("/utf16/lone-surrogates", test_lone_surrogates);
	g_test_add_func("/utf16/nul", test_nul);
	g_test_add_func("/utf16/odd-length", test_odd_length);
	return g_test_run();
}
