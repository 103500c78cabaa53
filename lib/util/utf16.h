/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * UTF-16LE, the text of every Hyper-V message, to and from UTF-8. Works on plain bytes of any
 * alignment; text ends at the first NUL. GLib does the conversion itself; here are the bounds, the
 * byte order and the policy for broken text.
 */
#pragma once

#include <glib.h>

typedef enum {
	HVIS_UTF16_LENIENT = 0, /* a lone surrogate becomes U+FFFD; NUL is optional */
	HVIS_UTF16_STRICT = 1, /* a lone surrogate or an odd length is HVIS_ERROR_PROTOCOL */
	HVIS_UTF16_NUL = 2, /* a missing NUL is HVIS_ERROR_PROTOCOL */
} HvisUtf16Flags;

/* The text in the @len bytes at @bytes, up to its NUL or the end. NULL and @error on failure. */
char *hvis_utf16_decode(const void *bytes, gsize len, HvisUtf16Flags flags, GError **error);

/*
 * Write @text and a NUL into the @size bytes at @out and store the bytes used, NUL included, in
 * *@ret_len (which may be NULL); the rest of @out is zeroed. HVIS_ERROR_INVALID where @text is not
 * UTF-8, HVIS_ERROR_NO_SPACE where it does not fit; @out is untouched then.
 */
gboolean hvis_utf16_encode(const char *text, void *out, gsize size, gsize *ret_len, GError **error);

/* How many UTF-16 units @text takes, without a NUL; -1 where it is not UTF-8. */
gssize hvis_utf16_units(const char *text);
