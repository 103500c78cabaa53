/* SPDX-License-Identifier: GPL-2.0-only */
/* UTF-16LE bytes to and from UTF-8; see the header for the rules. */
#include <util/utf16.h>

#include <hvis/types.h>

#include <util/error.h>

static gboolean is_high(guint16 unit)
{
	return unit >= 0xd800 && unit <= 0xdbff;
}

static gboolean is_low(guint16 unit)
{
	return unit >= 0xdc00 && unit <= 0xdfff;
}

/* Unit @i of the bytes at @p. */
static guint16 unit_at(const guint8 *p, gsize i)
{
	hvis_le16 v;

	memcpy(&v, p + 2 * i, sizeof(v));
	return hvis_le16_get(v);
}

static gsize units_before_nul(const guint8 *p, gsize units)
{
	gsize n = 0;

	while (n < units && unit_at(p, n) != 0)
		n++;
	return n;
}

/* Replace what GLib's converter would refuse; returns how many units that were. */
static gsize mend_surrogates(gunichar2 *text, gsize units)
{
	gsize mended = 0;

	for (gsize i = 0; i < units; i++) {
		if (is_high(text[i]) && i + 1 < units && is_low(text[i + 1])) {
			i++;
			continue;
		}
		if (is_high(text[i]) || is_low(text[i])) {
			text[i] = 0xfffd;
			mended++;
		}
	}
	return mended;
}

char *hvis_utf16_decode(const void *bytes, gsize len, HvisUtf16Flags flags, GError **error)
{
	gsize units = units_before_nul(bytes, len / 2);
	g_autofree gunichar2 *text = NULL;
	gboolean terminated = units < len / 2;
	gsize mended;
	char *utf8;

	if ((flags & HVIS_UTF16_NUL) && !terminated) {
		hvis_fail(error, HVIS_ERROR_PROTOCOL, "UTF-16 text of %zu bytes has no NUL", len);
		return NULL;
	}
	if ((flags & HVIS_UTF16_STRICT) && len % 2 && !terminated) {
		hvis_fail(error, HVIS_ERROR_PROTOCOL, "UTF-16 text has an odd length, %zu", len);
		return NULL;
	}
	text = g_new(gunichar2, units + 1);
	for (gsize i = 0; i < units; i++)
		text[i] = unit_at(bytes, i);
	mended = mend_surrogates(text, units);
	if ((flags & HVIS_UTF16_STRICT) && mended) {
		hvis_fail(error, HVIS_ERROR_PROTOCOL, "UTF-16 text has a lone surrogate");
		return NULL;
	}
	utf8 = g_utf16_to_utf8(text, (glong)units, NULL, NULL, NULL);
	if (!utf8)
		hvis_fail(error, HVIS_ERROR_PROTOCOL, "UTF-16 text cannot be converted");
	return utf8;
}

gboolean hvis_utf16_encode(const char *text, void *out, gsize size, gsize *ret_len, GError **error)
{
	g_autofree gunichar2 *units = NULL;
	guint8 *bytes = out;
	glong n = 0;

	if (!g_utf8_validate(text, -1, NULL))
		return hvis_fail(error, HVIS_ERROR_INVALID, "the text is not UTF-8");
	units = g_utf8_to_utf16(text, -1, NULL, &n, NULL);
	if (!units)
		return hvis_fail(error, HVIS_ERROR_INVALID, "the text has no UTF-16 form");
	if (((gsize)n + 1) * 2 > size)
		return hvis_fail(error, HVIS_ERROR_NO_SPACE,
			"the text needs %ld UTF-16 units, %zu fit", n, size < 2 ? 0 : size / 2 - 1);
	for (glong i = 0; i < n; i++) {
		hvis_le16 v = hvis_le16_make(units[i]);

		memcpy(bytes + 2 * i, &v, sizeof(v));
	}
	memset(bytes + 2 * n, 0, size - 2 * (gsize)n);
	if (ret_len)
		*ret_len = ((gsize)n + 1) * 2;
	return TRUE;
}

gssize hvis_utf16_units(const char *text)
{
	gssize n = 0;

	if (!g_utf8_validate(text, -1, NULL))
		return -1;
	for (const char *p = text; *p; p = g_utf8_next_char(p))
		n += g_utf8_get_char(p) > 0xffff ? 2 : 1;
	return n;
}
