/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages of the file copy service, on the host's wire and at the character device. The daemon decodes
 * requests; the host, and whoever plays the kernel, encodes them. A request's text is valid UTF-8 after
 * decoding, and otherwise whatever the host likes: where it may lead is the daemon's business.
 */
#pragma once

#include <glib.h>

#include <hvis/fcopy.h>

typedef enum {
	FCOPY_TEXT_UTF16 = HVIS_FCOPY_UTF16,
	FCOPY_TEXT_UTF8 = HVIS_FCOPY_UTF8,
} FcopyText;

typedef struct {
	enum hvis_fcopy_op op;
	/* START */
	char *name, *path; /* owned; NULL in the others */
	guint32 flags;
	guint64 size;
	/* WRITE */
	guint64 offset;
	guint32 len; /* at most HVIS_FCOPY_FRAGMENT, and none of it beyond the message */
	const guint8
		*data; /* within the message that was decoded; whoever encodes has it elsewhere */
} FcopyRequest;

void fcopy_request_clear(FcopyRequest *request);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(FcopyRequest, fcopy_request_clear)

/* The name of @op as traces and errors show it: "START"; "?" for what is none. */
const char *fcopy_op_name(guint32 op);

/*
 * A request of the host, of @len bytes at @buf, into @ret, which is untouched on failure. It may be longer than
 * what is read of it, and a WRITE ends with its data. HVIS_ERROR_PROTOCOL: too short for its operation, an
 * unknown operation, text that is no UTF or has no end, data beyond the message or longer than a fragment, or an end
 * of the file beyond 2^63 - 1.
 */
gboolean fcopy_request_decode(
	const void *buf, gsize len, FcopyText text, FcopyRequest *ret, GError **error);

/*
 * Append @request to @body as it is on the wire or at the device; a WRITE always has the room of a whole fragment,
 * zeros behind its data. HVIS_ERROR_INVALID where a name is not UTF-8, HVIS_ERROR_NO_SPACE where it is too long
 * (the device's text is cut off instead, as the kernel does it), and nothing is appended.
 */
gboolean fcopy_request_encode(
	const FcopyRequest *request, FcopyText text, GByteArray *body, GError **error);

/* --- the character device's own --- */

gsize fcopy_register_encode(void *buf); /* four bytes */
/* TRUE where the message is the answer to a registration, the kernel's or a transport's: no request is as short. */
gboolean fcopy_is_register(const void *buf, gsize len);
/* What that says of the text of requests: the kernel's says nothing, and it is UTF-8. HVIS_ERROR_UNSUPPORTED: of
 * another version. */
gboolean fcopy_welcome_decode(const void *buf, gsize len, FcopyText *ret_text, GError **error);
gsize fcopy_welcome_encode(FcopyText text, void *buf); /* eight bytes */
/* An answer, four bytes. */
gsize fcopy_answer_encode(guint32 status, void *buf);
/* HVIS_ERROR_PROTOCOL where @len is wrong. */
gboolean fcopy_answer_decode(const void *buf, gsize len, guint32 *ret_status, GError **error);
