/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The character device's messages. Every text passes through take_text() on the way in and
 * put_text() on the way out; an encoder builds the whole message in its own zeroed copy and hands
 * it over only when all of it was right.
 */
#include <wire/kvp-device.h>

#include <string.h>

#include <util/error.h>
#include <util/utf16.h>

/* Copy the text of a field up to its NUL. Needs the NUL within the @size bytes at @field. */
static gboolean take_text(
	const guint8 *field, gsize size, char *ret, const char *what, GError **error)
{
	gsize len = strnlen((const char *)field, size);

	if (len == size)
		return hvis_fail(error, HVIS_ERROR_PROTOCOL, "%s: no NUL in %zu bytes", what, size);
	if (!g_utf8_validate_len((const char *)field, len, NULL))
		return hvis_fail(error, HVIS_ERROR_PROTOCOL, "%s is not UTF-8", what);
	memcpy(ret, field, len);
	ret[len] = '\0';
	return TRUE;
}

/* The same for a field with a declared size, NUL included. */
static gboolean take_sized(
	const guint8 *field, gsize max, guint32 size, char *ret, const char *what, GError **error)
{
	if (size < 1 || size > max)
		return hvis_fail(
			error, HVIS_ERROR_PROTOCOL, "%s declares %u bytes of %zu", what, size, max);
	return take_text(field, size, ret, what, error);
}

/* What a tolerant reader does: text ends at its NUL or with the field. @ret has @size bytes. */
static gboolean take_cut(
	const guint8 *field, gsize size, char *ret, const char *what, GError **error)
{
	gsize len = strnlen((const char *)field, size - 1);

	if (!g_utf8_validate_len((const char *)field, len, NULL))
		return hvis_fail(error, HVIS_ERROR_PROTOCOL, "%s is not UTF-8", what);
	memcpy(ret, field, len);
	ret[len] = '\0';
	return TRUE;
}

/* Write @text (NULL = "") and its NUL to a zeroed field; stores the size, NUL included. */
static gboolean put_text(const char *text, guint8 *field, gsize max, hvis_le32 *size,
	const char *what, GError **error)
{
	gsize len = text ? strlen(text) : 0;

	if (len >= max)
		return hvis_fail(error, HVIS_ERROR_NO_SPACE, "%s has %zu bytes, %zu fit", what, len,
			max - 1);
	if (len && !g_utf8_validate_len(text, len, NULL))
		return hvis_fail(error, HVIS_ERROR_INVALID, "%s is not UTF-8", what);
	if (len)
		memcpy(field, text, len);
	if (size)
		*size = hvis_le32_make((uint32_t)len + 1);
	return TRUE;
}

static gboolean take_ip(const struct hvis_kvp_ip *wire, KvpIp *ret, GError **error)
{
	ret->family = wire->family;
	ret->dhcp = wire->dhcp != 0;
	return take_text(wire->adapter_id, sizeof(wire->adapter_id), ret->adapter, "adapter",
		       error) &&
	       take_text(wire->address, sizeof(wire->address), ret->address, "addresses", error) &&
	       take_text(wire->subnet, sizeof(wire->subnet), ret->subnet, "subnets", error) &&
	       take_text(wire->gateway, sizeof(wire->gateway), ret->gateway, "gateways", error) &&
	       take_text(wire->dns, sizeof(wire->dns), ret->dns, "DNS servers", error);
}

static gboolean put_ip(const KvpIp *ip, struct hvis_kvp_ip *wire, GError **error)
{
	wire->family = ip->family;
	wire->dhcp = ip->dhcp ? 1 : 0;
	return put_text(ip->adapter, wire->adapter_id, sizeof(wire->adapter_id), NULL, "adapter",
		       error) &&
	       put_text(ip->address, wire->address, sizeof(wire->address), NULL, "addresses",
		       error) &&
	       put_text(ip->subnet, wire->subnet, sizeof(wire->subnet), NULL, "subnets", error) &&
	       put_text(ip->gateway, wire->gateway, sizeof(wire->gateway), NULL, "gateways",
		       error) &&
	       put_text(ip->dns, wire->dns, sizeof(wire->dns), NULL, "DNS servers", error);
}

/* Into a struct of ours: the caller's bytes need no alignment. */
static gboolean load(const void *buf, gsize len, struct hvis_kvp_dev_msg *msg, GError **error)
{
	if (len != sizeof(*msg))
		return hvis_fail(error, HVIS_ERROR_PROTOCOL, "KVP message of %zu bytes, not %zu",
			len, sizeof(*msg));
	memcpy(msg, buf, sizeof(*msg));
	return TRUE;
}

static gboolean take_set(const struct hvis_kvp_pair *pair, KvpRequest *r, GError **error)
{
	guint32 size = hvis_le32_get(pair->value_size);

	r->type = hvis_le32_get(pair->type);
	r->has_value = size != 0;
	if (!take_sized(pair->key, sizeof(pair->key), hvis_le32_get(pair->key_size), r->key, "key",
		    error))
		return FALSE;
	return !r->has_value ||
	       take_sized(pair->value, sizeof(pair->value), size, r->value, "value", error);
}

static gboolean take_body(const union hvis_kvp_dev_body *body, KvpRequest *r, GError **error)
{
	switch (r->op) {
	case HVIS_KVP_OP_SET:
		return take_set(&body->set, r, error);
	case HVIS_KVP_OP_GET:
		return take_sized(body->get.key, sizeof(body->get.key),
			hvis_le32_get(body->get.key_size), r->key, "key", error);
	case HVIS_KVP_OP_DELETE:
		return take_sized(body->del.key, sizeof(body->del.key),
			hvis_le32_get(body->del.key_size), r->key, "key", error);
	case HVIS_KVP_OP_ENUMERATE:
		r->index = hvis_le32_get(body->enumerate.index);
		return TRUE;
	case HVIS_KVP_OP_GET_IP_INFO:
	case HVIS_KVP_OP_SET_IP_INFO:
		return take_ip(&body->ip, &r->ip, error);
	case HVIS_KVP_OP_REGISTER1:
		return take_text(
			body->version, sizeof(body->version), r->version, "version", error);
	}
	return TRUE; /* any other number: the daemon has an answer for it */
}

/* Into @r, which is zeroed; half of it where it fails. */
static gboolean take_request(const void *buf, gsize len, KvpRequest *r, GError **error)
{
	struct hvis_kvp_dev_msg msg;

	if (!load(buf, len, &msg, error))
		return FALSE;
	r->op = msg.hdr.op;
	r->pool = msg.hdr.pool;
	return take_body(&msg.body, r, error);
}

gboolean kvp_request_decode(const void *buf, gsize len, KvpRequest *ret, GError **error)
{
	KvpRequest r = { 0 };

	if (!take_request(buf, len, &r, error))
		return FALSE;
	*ret = r;
	return TRUE;
}

KvpRequest *kvp_request_new(const void *buf, gsize len, GError **error)
{
	g_autofree KvpRequest *r = g_new0(KvpRequest, 1);

	return take_request(buf, len, r, error) ? g_steal_pointer(&r) : NULL;
}

/* The kernel hands over any operation number of the host's, but a version only in its own messages. */
gboolean kvp_is_register(const void *buf, gsize len)
{
	struct hvis_kvp_dev_hdr hdr;

	if (len != sizeof(struct hvis_kvp_dev_msg))
		return FALSE;
	memcpy(&hdr, buf, sizeof(hdr));
	return hdr.op == HVIS_KVP_OP_REGISTER1 &&
	       ((const guint8 *)buf)[offsetof(struct hvis_kvp_dev_msg, body.version)] != '\0';
}

/*
 * The kernel takes the value of GET from ENUMERATE's view, four bytes further on than GET's own, and
 * the two overlap: so type, sizes and key are GET's, the value is where it is looked for.
 */
static gboolean put_get(const KvpAnswer *answer, union hvis_kvp_dev_body *body, GError **error)
{
	struct hvis_kvp_pair *pair = &body->get;

	pair->type = hvis_le32_make(HVIS_KVP_REG_SZ);
	return put_text(answer->key, pair->key, sizeof(pair->key), &pair->key_size, "key", error) &&
	       put_text(answer->value, body->enumerate.pair.value, HVIS_KVP_VALUE_MAX,
		       &pair->value_size, "value", error);
}

static gboolean put_enumerate(const KvpAnswer *answer, struct hvis_kvp_pair *pair, GError **error)
{
	pair->type = hvis_le32_make(HVIS_KVP_REG_SZ);
	return put_text(answer->key, pair->key, sizeof(pair->key), &pair->key_size, "key", error) &&
	       put_text(answer->value, pair->value, sizeof(pair->value), &pair->value_size, "value",
		       error);
}

/* A failure carries its status and nothing else. */
static gboolean put_answer(const KvpAnswer *answer, union hvis_kvp_dev_body *body, GError **error)
{
	if (answer->status != 0)
		return TRUE;
	if (answer->op == HVIS_KVP_OP_GET)
		return put_get(answer, body, error);
	if (answer->op == HVIS_KVP_OP_ENUMERATE)
		return put_enumerate(answer, &body->enumerate.pair, error);
	if (answer->op == HVIS_KVP_OP_GET_IP_INFO && answer->ip)
		return put_ip(answer->ip, &body->ip, error);
	return TRUE;
}

gboolean kvp_answer_encode(const KvpAnswer *answer, struct hvis_kvp_dev_msg *msg, GError **error)
{
	struct hvis_kvp_dev_msg own = { .body.raw = { 0 } };

	own.status = hvis_le32_make(answer->status);
	if (!put_answer(answer, &own.body, error))
		return FALSE;
	*msg = own;
	return TRUE;
}

void kvp_register_encode(struct hvis_kvp_dev_msg *msg)
{
	*msg = (struct hvis_kvp_dev_msg){ .body.raw = { 0 } };
	msg->hdr.op = HVIS_KVP_OP_REGISTER1;
}

static gboolean put_set(const KvpRequest *r, struct hvis_kvp_pair *pair, GError **error)
{
	pair->type = hvis_le32_make(r->type);
	if (!put_text(r->key, pair->key, sizeof(pair->key), &pair->key_size, "key", error))
		return FALSE;
	return !r->has_value || put_text(r->value, pair->value, sizeof(pair->value),
					&pair->value_size, "value", error);
}

static gboolean put_request(const KvpRequest *r, union hvis_kvp_dev_body *body, GError **error)
{
	switch (r->op) {
	case HVIS_KVP_OP_SET:
		return put_set(r, &body->set, error);
	case HVIS_KVP_OP_GET:
		return put_text(r->key, body->get.key, sizeof(body->get.key), &body->get.key_size,
			"key", error);
	case HVIS_KVP_OP_DELETE:
		return put_text(r->key, body->del.key, sizeof(body->del.key), &body->del.key_size,
			"key", error);
	case HVIS_KVP_OP_ENUMERATE:
		body->enumerate.index = hvis_le32_make(r->index);
		return TRUE;
	case HVIS_KVP_OP_GET_IP_INFO:
	case HVIS_KVP_OP_SET_IP_INFO:
		return put_ip(&r->ip, &body->ip, error);
	case HVIS_KVP_OP_REGISTER1:
		return put_text(
			r->version, body->version, sizeof(body->version), NULL, "version", error);
	}
	return TRUE; /* a kernel passes any operation on */
}

gboolean kvp_request_encode(const KvpRequest *request, struct hvis_kvp_dev_msg *msg, GError **error)
{
	struct hvis_kvp_dev_msg own = { .body.raw = { 0 } };

	own.hdr.op = request->op;
	own.hdr.pool = request->pool;
	if (!put_request(request, &own.body, error))
		return FALSE;
	*msg = own;
	return TRUE;
}

static gboolean cut_ip(const struct hvis_kvp_ip *wire, KvpIp *ret, GError **error)
{
	ret->family = wire->family;
	ret->dhcp = wire->dhcp != 0;
	return take_cut(wire->adapter_id, sizeof(ret->adapter), ret->adapter, "adapter", error) &&
	       take_cut(wire->address, sizeof(ret->address), ret->address, "addresses", error) &&
	       take_cut(wire->subnet, sizeof(ret->subnet), ret->subnet, "subnets", error) &&
	       take_cut(wire->gateway, sizeof(ret->gateway), ret->gateway, "gateways", error) &&
	       take_cut(wire->dns, sizeof(ret->dns), ret->dns, "DNS servers", error);
}

static gboolean take_reply(
	const union hvis_kvp_dev_body *body, guint8 op, KvpReply *r, GError **error)
{
	const struct hvis_kvp_pair *pair = &body->enumerate.pair;

	if (r->status != 0)
		return TRUE;
	if (op == HVIS_KVP_OP_ENUMERATE &&
		!take_cut(pair->key, sizeof(r->key), r->key, "key", error))
		return FALSE;
	if (op == HVIS_KVP_OP_ENUMERATE || op == HVIS_KVP_OP_GET)
		return take_cut(pair->value, sizeof(r->value), r->value, "value", error);
	if (op == HVIS_KVP_OP_GET_IP_INFO)
		return cut_ip(&body->ip, &r->ip, error);
	return TRUE;
}

gboolean kvp_reply_decode(const void *buf, gsize len, guint8 op, KvpReply *ret, GError **error)
{
	struct hvis_kvp_dev_msg msg;
	KvpReply r = { 0 };

	if (!load(buf, len, &msg, error))
		return FALSE;
	r.status = hvis_le32_get(msg.status);
	if (!take_reply(&msg.body, op, &r, error))
		return FALSE;
	*ret = r;
	return TRUE;
}

/* --- the host's wire --- */

static gboolean wide_take(
	const uint8_t *field, gsize size, char *ret, gsize max, const char *what, GError **error)
{
	g_autofree char *text =
		hvis_utf16_decode(field, size, HVIS_UTF16_STRICT | HVIS_UTF16_NUL, error);

	if (!text) {
		g_prefix_error(error, "%s: ", what);
		return FALSE;
	}
	if (strlen(text) >= max)
		return hvis_fail(error, HVIS_ERROR_PROTOCOL, "%s: %zu bytes of UTF-8, %zu fit",
			what, strlen(text), max - 1);
	strcpy(ret, text);
	return TRUE;
}

static gboolean wide_put(
	const char *text, uint8_t *field, gsize size, const char *what, GError **error)
{
	if (hvis_utf16_encode(text, field, size, NULL, error))
		return TRUE;
	g_prefix_error(error, "%s: ", what);
	return FALSE;
}

gboolean kvp_ip_wire_decode(const struct hvis_kvp_ip *wire, KvpIp *ret, GError **error)
{
	KvpIp ip = { .family = wire->family, .dhcp = wire->dhcp != 0 };

	if (!wide_take(wire->adapter_id, sizeof(wire->adapter_id), ip.adapter, sizeof(ip.adapter),
		    "adapter", error) ||
		!wide_take(wire->address, sizeof(wire->address), ip.address, sizeof(ip.address),
			"addresses", error) ||
		!wide_take(wire->subnet, sizeof(wire->subnet), ip.subnet, sizeof(ip.subnet),
			"subnets", error) ||
		!wide_take(wire->gateway, sizeof(wire->gateway), ip.gateway, sizeof(ip.gateway),
			"gateways", error) ||
		!wide_take(
			wire->dns, sizeof(wire->dns), ip.dns, sizeof(ip.dns), "DNS servers", error))
		return FALSE;
	*ret = ip;
	return TRUE;
}

gboolean kvp_ip_wire_encode(const KvpIp *ip, struct hvis_kvp_ip *wire, GError **error)
{
	struct hvis_kvp_ip own = { .family = ip->family, .dhcp = ip->dhcp ? 1 : 0 };

	if (!wide_put(ip->adapter, own.adapter_id, sizeof(own.adapter_id), "adapter", error) ||
		!wide_put(ip->address, own.address, sizeof(own.address), "addresses", error) ||
		!wide_put(ip->subnet, own.subnet, sizeof(own.subnet), "subnets", error) ||
		!wide_put(ip->gateway, own.gateway, sizeof(own.gateway), "gateways", error) ||
		!wide_put(ip->dns, own.dns, sizeof(own.dns), "DNS servers", error))
		return FALSE;
	*wire = own;
	return TRUE;
}
