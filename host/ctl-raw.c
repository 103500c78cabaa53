/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * "ctl fcopy-raw": a message of the file copy service as no host sends it, field by field, and the guest's answer.
 * The encoder of lib/wire makes no message that is wrong; here that is the point.
 */
#include "config.h"

#include <string.h>

#include <hvis/fcopy.h>
#include <hvis/hresult.h>

#include "host/ctl-private.h"

#define MESSAGE_MAX 8192u /* as the host has it */

static struct json_object *local(const CtlCall *call, const char *name)
{
	return json_object_object_get(call->local, name);
}

static const char *local_string(const CtlCall *call, const char *name)
{
	return json_object_get_string(local(call, name));
}

static gboolean fail_value(const char *option, const char *value, const char *want, GError **error)
{
	return hvis_fail(error, HVIS_ERROR_INVALID, "--%s %s: %s is wanted", option, value, want);
}

/* The whole range of 64 bits, for nothing here has to be sensible. */
static gboolean number_of(const CtlCall *call, const char *name, guint64 *ret, GError **error)
{
	const char *text = local_string(call, name);

	return !text || g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT64, ret, NULL) ||
	       fail_value(name, text, "a number", error);
}

static gboolean op_of(const CtlCall *call, guint32 *ret, GError **error)
{
	static const char *const names[] = { "start", "write", "complete", "cancel" };
	const char *text = local_string(call, "op");
	guint64 n;

	for (guint32 i = 0; i < G_N_ELEMENTS(names); i++)
		if (!strcmp(names[i], text)) {
			*ret = i;
			return TRUE;
		}
	if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXUINT32, &n, NULL))
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"\"%s\": start, write, complete, cancel or a number is wanted", text);
	*ret = (guint32)n;
	return TRUE;
}

static gboolean put_hex(const char *option, const char *hex, guint8 *field, GError **error)
{
	gsize len = strlen(hex);

	if (len % 2 || len / 2 > HVIS_FCOPY_TEXT || strspn(hex, "0123456789abcdefABCDEF") != len)
		return fail_value(option, hex, "pairs of hexadecimal digits, 520 at most,", error);
	for (gsize i = 0; i < len / 2; i++)
		field[i] = (guint8)(g_ascii_xdigit_value(hex[2 * i]) << 4 |
				    g_ascii_xdigit_value(hex[2 * i + 1]));
	return TRUE;
}

/* Text that fills the field to its end has no NUL. */
static gboolean put_text(const char *option, const char *text, guint8 *field, GError **error)
{
	glong units = 0;
	g_autofree gunichar2 *wide = g_utf8_to_utf16(text, -1, NULL, &units, NULL);

	if (!wide || (gsize)units > HVIS_FCOPY_TEXT / 2)
		return fail_value(option, text, "260 characters at most", error);
	for (glong i = 0; i < units; i++) {
		field[2 * i] = (guint8)wide[i];
		field[2 * i + 1] = (guint8)(wide[i] >> 8);
	}
	return TRUE;
}

static gboolean put_name(const CtlCall *call, const char *option, const char *hex_member,
	guint8 *field, GError **error)
{
	g_autofree char *hex_option = g_strconcat(option, "-hex", NULL);
	const char *text = local_string(call, option), *hex = local_string(call, hex_member);

	if (text && !put_text(option, text, field, error))
		return FALSE;
	return !hex || put_hex(hex_option, hex, field, error);
}

static gboolean put_start(const CtlCall *call, GByteArray *body, GError **error)
{
	struct hvis_fcopy_start start;
	guint64 size = 0;

	memset(&start, 0, sizeof(start));
	start.hdr.op = hvis_le32_make(HVIS_FCOPY_OP_START);
	if (!put_name(call, "name", "name_hex", start.name, error) ||
		!put_name(call, "path", "path_hex", start.path, error) ||
		!number_of(call, "size", &size, error))
		return FALSE;
	start.flags = hvis_le32_make((guint32)json_object_get_int64(local(call, "flags")));
	start.size = hvis_le64_make(size);
	g_byte_array_append(body, (const guint8 *)&start, sizeof(start));
	return TRUE;
}

static gboolean put_write(const CtlCall *call, GByteArray *body, GError **error)
{
	struct hvis_fcopy_write write;
	const char *data = local_string(call, "data");
	gsize len = data ? strlen(data) : (gsize)json_object_get_int64(local(call, "fill"));
	guint64 offset = 0;

	if (len > HVIS_FCOPY_FRAGMENT)
		return hvis_fail(error, HVIS_ERROR_INVALID, "%zu bytes of data, %u can be", len,
			HVIS_FCOPY_FRAGMENT);
	if (!number_of(call, "offset", &offset, error))
		return FALSE;
	memset(&write, 0, sizeof(write));
	write.hdr.op = hvis_le32_make(HVIS_FCOPY_OP_WRITE);
	write.offset = hvis_le64_make(offset);
	write.size = hvis_le32_make(local(call, "declare")
					    ? (guint32)json_object_get_int64(local(call, "declare"))
					    : (guint32)len);
	if (data)
		memcpy(write.data, data, len);
	else
		memset(write.data, 'x', len);
	g_byte_array_append(body, (const guint8 *)&write, sizeof(write));
	return TRUE;
}

static gboolean put_message(const CtlCall *call, guint32 op, GByteArray *body, GError **error)
{
	struct hvis_fcopy_hdr hdr;

	if (op == HVIS_FCOPY_OP_START)
		return put_start(call, body, error);
	if (op == HVIS_FCOPY_OP_WRITE)
		return put_write(call, body, error);
	memset(&hdr, 0, sizeof(hdr));
	hdr.op = hvis_le32_make(op);
	g_byte_array_append(body, (const guint8 *)&hdr, sizeof(hdr));
	return TRUE;
}

/* --length N, zeros behind what there is. */
static gboolean set_length(const CtlCall *call, GByteArray *body, GError **error)
{
	guint had = body->len;
	gint64 length;

	if (!local(call, "length"))
		return TRUE;
	length = json_object_get_int64(local(call, "length"));
	if (length > MESSAGE_MAX)
		return hvis_fail(error, HVIS_ERROR_INVALID,
			"--length %" G_GINT64_FORMAT ": %u at most", length, MESSAGE_MAX);
	g_byte_array_set_size(body, (guint)length);
	if (body->len > had)
		memset(body->data + had, 0, body->len - had);
	return TRUE;
}

gboolean ctl_prepare_fcopy_raw(CtlCall *call, GError **error)
{
	g_autoptr(GByteArray) body = g_byte_array_new();
	g_autoptr(GString) hex = g_string_new(NULL);
	guint32 op = 0;

	if (!op_of(call, &op, error) || !put_message(call, op, body, error) ||
		!set_length(call, body, error))
		return FALSE;
	for (guint i = 0; i < body->len; i++)
		g_string_append_printf(hex, "%02x", body->data[i]);
	json_object_object_add(call->params, "name", json_object_new_string("fcopy"));
	json_object_object_add(call->params, "body", json_object_new_string(hex->str));
	return TRUE;
}

static char *status_text(guint32 status)
{
	const char *name = hvis_status_name(status);

	return name ? g_strdup(name) : g_strdup_printf("0x%08x", status);
}

static guint32 status_of(struct json_object *answer)
{
	return (guint32)json_object_get_int64(output_member(answer, "answer.status"));
}

void ctl_print_answer(FILE *stream, struct json_object *answer)
{
	g_autofree char *text = status_text(status_of(answer));

	fprintf(stream, "%s\n", text);
}

HvisExit ctl_judge_answer(struct json_object *answer, GError **error G_GNUC_UNUSED)
{
	return status_of(answer) == HVIS_S_OK ? HVIS_EXIT_OK : HVIS_EXIT_FALSE;
}
