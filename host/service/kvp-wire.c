/* SPDX-License-Identifier: GPL-2.0-only */
/* Bodies of the KVP messages but for IP info, which is in kvp-ip.c; see kvp-wire.h. */
#include "host/service/kvp-wire.h"
#include <util/error.h>
#include <util/utf16.h>
#include "host/service/ic-trace.h"

gboolean kvp_wire_text(const char *text, const char *what, guint8 *field, gsize size,
	gsize *ret_len, GError **error)
{
	g_autoptr(GError) why = NULL;

	if (hvis_utf16_encode(text, field, size, ret_len, &why))
		return TRUE;
	return hvis_fail(error, HVIS_ERROR_INVALID, "%s: %s", what, why->message);
}

static gboolean put_key(const char *key, guint8 *field, hvis_le32 *size, GError **error)
{
	gsize len;

	if (!*key)
		return hvis_fail(error, HVIS_ERROR_INVALID, "the key is empty");
	if (!kvp_wire_text(key, "key", field, HVIS_KVP_KEY_MAX, &len, error))
		return FALSE;
	*size = hvis_le32_make((guint32)len);
	return TRUE;
}

static gboolean put_value(const KvpValue *value, struct hvis_kvp_pair *pair, GError **error)
{
	hvis_le64 number = hvis_le64_make(value->number);
	gsize len = 0;

	switch ((enum hvis_kvp_type)value->type) {
	case HVIS_KVP_REG_SZ:
	case HVIS_KVP_REG_EXPAND_SZ:
		if (!kvp_wire_text(
			    value->text, "value", pair->value, sizeof(pair->value), &len, error))
			return FALSE;
		break;
	case HVIS_KVP_REG_U32:
		len = 4;
		memcpy(pair->value, &number, len);
		break;
	case HVIS_KVP_REG_U64_LINUX:
	case HVIS_KVP_REG_U64:
		len = 8;
		memcpy(pair->value, &number, len);
		break;
	}
	if (len == 0)
		return hvis_fail(error, HVIS_ERROR_INVALID, "no value type %u", value->type);
	pair->type = hvis_le32_make(value->type);
	pair->value_size = hvis_le32_make((guint32)len);
	return TRUE;
}

gboolean kvp_wire_encode(const KvpWireRequest *r, GByteArray *body, GError **error)
{
	struct hvis_kvp_dev_hdr hdr = { .op = r->op, .pool = r->pool };
	union {
		struct hvis_kvp_pair pair;
		struct hvis_kvp_enumerate enumerate;
		struct hvis_kvp_delete del;
		guint8 raw[HVIS_KVP_WIRE_SIZE - sizeof(hdr)];
	} u = { .raw = { 0 } };

	switch (r->op) {
	case HVIS_KVP_OP_GET:
	case HVIS_KVP_OP_SET:
		if (!put_key(r->key, u.pair.key, &u.pair.key_size, error))
			return FALSE;
		if (r->op == HVIS_KVP_OP_SET && !put_value(r->value, &u.pair, error))
			return FALSE;
		break;
	case HVIS_KVP_OP_DELETE:
		if (!put_key(r->key, u.del.key, &u.del.key_size, error))
			return FALSE;
		break;
	case HVIS_KVP_OP_ENUMERATE:
		u.enumerate.index = hvis_le32_make(r->index);
		break;
	}
	g_byte_array_append(body, (const guint8 *)&hdr, sizeof(hdr));
	g_byte_array_append(body, u.raw, sizeof(u.raw));
	return TRUE;
}

/* A size of 0 is what some guests leave for an empty text. */
static char *take_text(
	const guint8 *field, gsize max, guint32 size, const char *what, GError **error)
{
	char *text;

	if (size == 0)
		return g_strdup("");
	if (size > max) {
		hvis_fail(
			error, HVIS_ERROR_PROTOCOL, "%s declares %u bytes of %zu", what, size, max);
		return NULL;
	}
	text = hvis_utf16_decode(field, size, HVIS_UTF16_STRICT | HVIS_UTF16_NUL, error);
	if (!text)
		g_prefix_error(error, "%s: ", what);
	return text;
}

static gboolean take_number(
	const guint8 *field, guint32 size, gsize want, guint64 *ret, GError **error)
{
	hvis_le64 number = { { 0 } };

	if (size != want)
		return hvis_fail(
			error, HVIS_ERROR_PROTOCOL, "a number of %u bytes, not %zu", size, want);
	memcpy(&number, field, want);
	*ret = hvis_le64_get(number);
	return TRUE;
}

static gboolean take_value(const struct hvis_kvp_pair *pair, KvpValue *ret, GError **error)
{
	guint32 size = hvis_le32_get(pair->value_size);

	ret->type = hvis_le32_get(pair->type);
	switch ((enum hvis_kvp_type)ret->type) {
	case HVIS_KVP_REG_SZ:
	case HVIS_KVP_REG_EXPAND_SZ:
		ret->text = take_text(pair->value, sizeof(pair->value), size, "value", error);
		return ret->text != NULL;
	case HVIS_KVP_REG_U32:
		return take_number(pair->value, size, 4, &ret->number, error);
	case HVIS_KVP_REG_U64_LINUX:
	case HVIS_KVP_REG_U64:
		return take_number(pair->value, size, 8, &ret->number, error);
	}
	return hvis_fail(error, HVIS_ERROR_PROTOCOL, "unknown value type %u", ret->type);
}

static KvpItem *take_pair(const struct hvis_kvp_pair *pair, GError **error)
{
	KvpItem *item = g_new0(KvpItem, 1);

	item->key = take_text(
		pair->key, sizeof(pair->key), hvis_le32_get(pair->key_size), "key", error);
	if (!item->key || !take_value(pair, &item->value, error))
		g_clear_pointer(&item, kvp_item_free);
	return item;
}

KvpItem *kvp_wire_decode(guint8 op, WireCursor body, GError **error)
{
	struct hvis_kvp_dev_hdr hdr;
	struct hvis_kvp_enumerate enumerate;
	gsize left = body.left;

	if (!wire_take(&body, &hdr, sizeof(hdr)) ||
		!(op == HVIS_KVP_OP_GET ? wire_take(&body, &enumerate.pair, sizeof(enumerate.pair))
					: wire_take(&body, &enumerate, sizeof(enumerate)))) {
		hvis_fail(error, HVIS_ERROR_PROTOCOL, "%s answer of %zu bytes", kvp_op_name(op),
			left);
		return NULL;
	}
	return take_pair(&enumerate.pair, error);
}

const char *kvp_op_name(guint8 op)
{
	switch ((enum hvis_kvp_op)op) {
	case HVIS_KVP_OP_GET:
		return "GET";
	case HVIS_KVP_OP_SET:
		return "SET";
	case HVIS_KVP_OP_DELETE:
		return "DELETE";
	case HVIS_KVP_OP_ENUMERATE:
		return "ENUMERATE";
	case HVIS_KVP_OP_GET_IP_INFO:
		return "GET_IP_INFO";
	case HVIS_KVP_OP_SET_IP_INFO:
		return "SET_IP_INFO";
	case HVIS_KVP_OP_REGISTER1:
		return "REGISTER1";
	}
	return "?";
}

static void print_item(guint8 op, WireCursor body, GString *line)
{
	KvpItem *item = kvp_wire_decode(op, body, NULL);
	g_autofree char *value = NULL;

	if (!item) {
		g_string_append(line, " (no valid pair)");
		return;
	}
	value = kvp_value_text(&item->value);
	g_string_append_c(line, ' ');
	ic_text_append(line, item->key);
	g_string_append_c(line, '=');
	ic_text_append(line, value);
	kvp_item_free(item);
}

static void print_key(const guint8 *field, hvis_le32 size, GString *line)
{
	g_autofree char *key = take_text(field, HVIS_KVP_KEY_MAX, hvis_le32_get(size), "key", NULL);

	g_string_append_c(line, ' ');
	ic_text_append(line, key ? key : "(no valid key)");
}

static void print_ip(WireCursor body, gboolean binary, GString *line)
{
	KvpIpInfo ip;
	g_autofree char *addresses = NULL;

	if (!kvp_ip_wire_take(body, binary, &ip, NULL)) {
		g_string_append(line, " (not valid)");
		return;
	}
	addresses = g_strjoinv(";", ip.addresses);
	g_string_append_c(line, ' ');
	ic_text_append(line, ip.adapter_id);
	g_string_append_printf(line, " dhcp %s ", ip.dhcp ? "yes" : "no");
	ic_text_append(line, addresses);
	kvp_ip_info_clear(&ip);
}

/* What a body has besides op and pool depends on the direction: only some answers hold anything. */
static void print_rest(
	guint8 op, WireCursor body, gboolean to_guest, gboolean binary, GString *line)
{
	struct hvis_kvp_dev_hdr hdr;
	struct hvis_kvp_pair pair;
	struct hvis_kvp_delete del;
	hvis_le32 index;
	WireCursor c = body;

	if (op == HVIS_KVP_OP_GET_IP_INFO || (op == HVIS_KVP_OP_SET_IP_INFO && to_guest)) {
		print_ip(body, binary, line);
		return;
	}
	if (!wire_take(&c, &hdr, sizeof(hdr)))
		return;
	if (op == HVIS_KVP_OP_ENUMERATE && wire_take(&c, &index, sizeof(index)))
		g_string_append_printf(line, "[%u]", hvis_le32_get(index));
	if ((op == HVIS_KVP_OP_SET && to_guest) ||
		((op == HVIS_KVP_OP_ENUMERATE || op == HVIS_KVP_OP_GET) && !to_guest))
		print_item(op == HVIS_KVP_OP_SET ? HVIS_KVP_OP_GET : op, body, line);
	else if (op == HVIS_KVP_OP_GET && wire_take(&c, &pair, sizeof(pair)))
		print_key(pair.key, pair.key_size, line);
	else if (op == HVIS_KVP_OP_DELETE && to_guest && wire_take(&c, &del, sizeof(del)))
		print_key(del.key, del.key_size, line);
}

void kvp_wire_print(WireCursor body, gboolean to_guest, gboolean binary, GString *line)
{
	guint8 head[2];
	WireCursor c = body;

	if (!wire_take(&c, head, sizeof(head)))
		return;
	g_string_append(line, kvp_op_name(head[0]));
	if (kvp_pool_name(head[1]))
		g_string_append_printf(line, " %s", kvp_pool_name(head[1]));
	else
		g_string_append_printf(line, " pool %u", head[1]);
	print_rest(head[0], body, to_guest, binary, line);
}
