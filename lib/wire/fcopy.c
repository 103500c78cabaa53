/* SPDX-License-Identifier: GPL-2.0-only */
/* The file copy service's messages; see the header. */
#include <wire/fcopy.h>

#include <string.h>

#include <util/error.h>
#include <util/utf16.h>
#include <wire/cursor.h>

#define WRITE_HEAD offsetof(struct hvis_fcopy_write, data)

void fcopy_request_clear(FcopyRequest *request)
{
	g_clear_pointer(&request->name, g_free);
	g_clear_pointer(&request->path, g_free);
}

const char *fcopy_op_name(guint32 op)
{
	switch ((enum hvis_fcopy_op)op) {
	case HVIS_FCOPY_OP_START:
		return "START";
	case HVIS_FCOPY_OP_WRITE:
		return "WRITE";
	case HVIS_FCOPY_OP_COMPLETE:
		return "COMPLETE";
	case HVIS_FCOPY_OP_CANCEL:
		return "CANCEL";
	case HVIS_FCOPY_OP_N:
		break;
	}
	return "?";
}

/* --- requests, decoded --- */

static gboolean fail_short(guint32 op, gsize len, GError **error)
{
	return hvis_fail(
		error, HVIS_ERROR_PROTOCOL, "%s of %zu bytes is too short", fcopy_op_name(op), len);
}

static char *text_of(const guint8 *bytes, FcopyText text, GError **error)
{
	const guint8 *end = memchr(bytes, 0, HVIS_FCOPY_TEXT);

	if (text == FCOPY_TEXT_UTF16)
		return hvis_utf16_decode(
			bytes, HVIS_FCOPY_TEXT, HVIS_UTF16_STRICT | HVIS_UTF16_NUL, error);
	if (!end || !g_utf8_validate((const char *)bytes, end - bytes, NULL)) {
		hvis_fail(error, HVIS_ERROR_PROTOCOL, "%s",
			end ? "it is not UTF-8" : "it has no end");
		return NULL;
	}
	return g_strndup((const char *)bytes, (gsize)(end - bytes));
}

static gboolean decode_start(WireCursor body, FcopyText text, FcopyRequest *ret, GError **error)
{
	g_auto(FcopyRequest) request = { .op = HVIS_FCOPY_OP_START };
	struct hvis_fcopy_start start;

	if (!wire_take(&body, &start, sizeof(start)))
		return fail_short(HVIS_FCOPY_OP_START, body.left, error);
	request.name = text_of(start.name, text, error);
	if (!request.name) {
		g_prefix_error(error, "START: the name: ");
		return FALSE;
	}
	request.path = text_of(start.path, text, error);
	if (!request.path) {
		g_prefix_error(error, "START: the path: ");
		return FALSE;
	}
	request.flags = hvis_le32_get(start.flags);
	request.size = hvis_le64_get(start.size);
	if (request.size > G_MAXINT64)
		return hvis_fail(error, HVIS_ERROR_PROTOCOL,
			"START: a file of %" G_GUINT64_FORMAT " bytes", request.size);
	*ret = request;
	request.name = request.path = NULL;
	return TRUE;
}

static gboolean decode_write(WireCursor body, FcopyRequest *ret, GError **error)
{
	FcopyRequest request = { .op = HVIS_FCOPY_OP_WRITE };
	guint8 head[WRITE_HEAD];
	hvis_le64 offset;
	hvis_le32 size;

	if (!wire_take(&body, head, sizeof(head)))
		return fail_short(HVIS_FCOPY_OP_WRITE, body.left, error);
	memcpy(&offset, head + offsetof(struct hvis_fcopy_write, offset), sizeof(offset));
	memcpy(&size, head + offsetof(struct hvis_fcopy_write, size), sizeof(size));
	request.offset = hvis_le64_get(offset);
	request.len = hvis_le32_get(size);
	request.data = body.pos;
	if (request.len > HVIS_FCOPY_FRAGMENT || request.len > body.left)
		return hvis_fail(error, HVIS_ERROR_PROTOCOL,
			"WRITE of %u bytes: the message has %zu, and %u is the most", request.len,
			body.left, HVIS_FCOPY_FRAGMENT);
	if (request.offset > (guint64)G_MAXINT64 - request.len)
		return hvis_fail(
			error, HVIS_ERROR_PROTOCOL, "WRITE at %" G_GUINT64_FORMAT, request.offset);
	*ret = request;
	return TRUE;
}

gboolean fcopy_request_decode(
	const void *buf, gsize len, FcopyText text, FcopyRequest *ret, GError **error)
{
	WireCursor body = wire_cursor(buf, len), rest = body;
	struct hvis_fcopy_hdr hdr;
	guint32 op;

	if (!wire_take(&rest, &hdr, sizeof(hdr)))
		return hvis_fail(error, HVIS_ERROR_PROTOCOL,
			"a file copy message of %zu bytes is too short", len);
	op = hvis_le32_get(hdr.op);
	switch ((enum hvis_fcopy_op)op) {
	case HVIS_FCOPY_OP_START:
		return decode_start(body, text, ret, error);
	case HVIS_FCOPY_OP_WRITE:
		return decode_write(body, ret, error);
	case HVIS_FCOPY_OP_COMPLETE:
	case HVIS_FCOPY_OP_CANCEL:
		*ret = (FcopyRequest){ .op = op };
		return TRUE;
	case HVIS_FCOPY_OP_N:
		break;
	}
	return hvis_fail(error, HVIS_ERROR_PROTOCOL, "file copy operation %u is unknown", op);
}

/* --- requests, encoded --- */

static gboolean put_text(const char *string, FcopyText text, guint8 *out, GError **error)
{
	const char *end;

	if (text == FCOPY_TEXT_UTF16)
		return hvis_utf16_encode(string, out, HVIS_FCOPY_TEXT, NULL, error);
	if (!g_utf8_validate(string, -1, NULL))
		return hvis_fail(error, HVIS_ERROR_INVALID, "it is not UTF-8");
	/* whole characters only */
	end = string + strlen(string);
	while (end - string > (gssize)HVIS_FCOPY_DEVICE_TEXT_MAX)
		end = g_utf8_find_prev_char(string, end);
	memcpy(out, string, (gsize)(end - string));
	return TRUE;
}

static gboolean encode_start(
	const FcopyRequest *request, FcopyText text, GByteArray *body, GError **error)
{
	struct hvis_fcopy_start start;

	memset(&start, 0, sizeof(start));
	start.hdr.op = hvis_le32_make(HVIS_FCOPY_OP_START);
	start.flags = hvis_le32_make(request->flags);
	start.size = hvis_le64_make(request->size);
	if (!put_text(request->name, text, start.name, error)) {
		g_prefix_error(error, "the file's name: ");
		return FALSE;
	}
	if (!put_text(request->path, text, start.path, error)) {
		g_prefix_error(error, "the path: ");
		return FALSE;
	}
	g_byte_array_append(body, (const guint8 *)&start, sizeof(start));
	return TRUE;
}

static gboolean encode_write(const FcopyRequest *request, GByteArray *body, GError **error)
{
	hvis_le64 offset = hvis_le64_make(request->offset);
	hvis_le32 op = hvis_le32_make(HVIS_FCOPY_OP_WRITE), size = hvis_le32_make(request->len);
	guint at = body->len;

	if (request->len > HVIS_FCOPY_FRAGMENT)
		return hvis_fail(error, HVIS_ERROR_NO_SPACE, "WRITE of %u bytes: %u is the most",
			request->len, HVIS_FCOPY_FRAGMENT);
	g_byte_array_set_size(body, at + (guint)sizeof(struct hvis_fcopy_write));
	memset(body->data + at, 0, sizeof(struct hvis_fcopy_write));
	memcpy(body->data + at, &op, sizeof(op));
	memcpy(body->data + at + offsetof(struct hvis_fcopy_write, offset), &offset,
		sizeof(offset));
	memcpy(body->data + at + offsetof(struct hvis_fcopy_write, size), &size, sizeof(size));
	if (request->len)
		memcpy(body->data + at + WRITE_HEAD, request->data, request->len);
	return TRUE;
}

gboolean fcopy_request_encode(
	const FcopyRequest *request, FcopyText text, GByteArray *body, GError **error)
{
	struct hvis_fcopy_hdr hdr;

	switch (request->op) {
	case HVIS_FCOPY_OP_START:
		return encode_start(request, text, body, error);
	case HVIS_FCOPY_OP_WRITE:
		return encode_write(request, body, error);
	case HVIS_FCOPY_OP_COMPLETE:
	case HVIS_FCOPY_OP_CANCEL:
	case HVIS_FCOPY_OP_N:
		break;
	}
	memset(&hdr, 0, sizeof(hdr));
	hdr.op = hvis_le32_make(request->op);
	g_byte_array_append(body, (const guint8 *)&hdr, sizeof(hdr));
	return TRUE;
}

/* --- the device's own --- */

static gsize put_word(guint32 value, void *buf)
{
	hvis_le32 word = hvis_le32_make(value);

	memcpy(buf, &word, sizeof(word));
	return sizeof(word);
}

gsize fcopy_register_encode(void *buf)
{
	return put_word(HVIS_FCOPY_DEVICE_VERSION, buf);
}

gboolean fcopy_is_register(const void *buf, gsize len)
{
	return len == sizeof(hvis_le32) || len == sizeof(struct hvis_fcopy_welcome);
}

gboolean fcopy_welcome_decode(const void *buf, gsize len, FcopyText *ret_text, GError **error)
{
	struct hvis_fcopy_welcome welcome = { .text = hvis_le32_make(HVIS_FCOPY_UTF8) };
	guint32 version, text;

	if (!fcopy_is_register(buf, len))
		return hvis_fail(
			error, HVIS_ERROR_PROTOCOL, "answer to a registration of %zu bytes", len);
	memcpy(&welcome, buf, len);
	version = hvis_le32_get(welcome.version);
	text = hvis_le32_get(welcome.text);
	if (version != HVIS_FCOPY_DEVICE_VERSION || text > HVIS_FCOPY_UTF8)
		return hvis_fail(error, HVIS_ERROR_UNSUPPORTED,
			"version %u of the kernel's interface, text %u", version, text);
	*ret_text = (FcopyText)text;
	return TRUE;
}

gsize fcopy_welcome_encode(FcopyText text, void *buf)
{
	struct hvis_fcopy_welcome welcome = { hvis_le32_make(HVIS_FCOPY_DEVICE_VERSION),
		hvis_le32_make(text) };

	memcpy(buf, &welcome, sizeof(welcome));
	return sizeof(welcome);
}

gsize fcopy_answer_encode(guint32 status, void *buf)
{
	return put_word(status, buf);
}

gboolean fcopy_answer_decode(const void *buf, gsize len, guint32 *ret_status, GError **error)
{
	hvis_le32 status;

	if (len != sizeof(status))
		return hvis_fail(
			error, HVIS_ERROR_PROTOCOL, "file copy answer of %zu bytes, not 4", len);
	memcpy(&status, buf, sizeof(status));
	*ret_status = hvis_le32_get(status);
	return TRUE;
}
