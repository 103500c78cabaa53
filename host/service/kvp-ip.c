/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * IP info in its two wire forms. In text (up to message version 4) the lists are joined by ';' and
 * nobody checks what is in them; in binary (from 5 on) addresses are addresses, IPv4 and IPv6 apart.
 */
#include <arpa/inet.h>
#include <util/error.h>
#include <util/utf16.h>
#include "host/service/kvp-wire.h"

#define V4_MAX HVIS_KVP_IP_ADDRESSES_MAX
#define GATEWAYS_MAX HVIS_KVP_IP_GATEWAYS_MAX

void kvp_ip_info_clear(KvpIpInfo *ip)
{
	g_clear_pointer(&ip->adapter_id, g_free);
	g_clear_pointer(&ip->addresses, g_strfreev);
	g_clear_pointer(&ip->subnets, g_strfreev);
	g_clear_pointer(&ip->gateways, g_strfreev);
	g_clear_pointer(&ip->dns, g_strfreev);
	g_clear_pointer(&ip->origins, g_array_unref);
}

const char *kvp_origin_name(KvpOrigin origin)
{
	static const char *const names[KVP_ORIGIN_N] = { "unknown", "other", "static" };

	return origin < KVP_ORIGIN_N ? names[origin] : names[KVP_ORIGIN_UNKNOWN];
}

static guint count(char *const *list)
{
	return list ? g_strv_length((char **)list) : 0;
}

/* --- text --- */

static gboolean put_wide(
	const char *text, guint8 *field, gsize size, const char *what, GError **error)
{
	return kvp_wire_text(text ? text : "", what, field, size, NULL, error);
}

static gboolean put_list(
	char *const *list, guint8 *field, gsize size, const char *what, GError **error)
{
	g_autofree char *joined = list ? g_strjoinv(";", (char **)list) : NULL;

	return put_wide(joined, field, size, what, error);
}

static gboolean put_text_form(guint8 op, const KvpIpInfo *ip, GByteArray *body, GError **error)
{
	struct hvis_kvp_ip_wire w = { .op = op,
		.ip = { .family = ip->family, .dhcp = !!ip->dhcp } };

	if (!put_wide(ip->adapter_id, w.ip.adapter_id, sizeof(w.ip.adapter_id), "adapter", error) ||
		!put_list(ip->addresses, w.ip.address, sizeof(w.ip.address), "addresses", error) ||
		!put_list(ip->subnets, w.ip.subnet, sizeof(w.ip.subnet), "subnets", error) ||
		!put_list(ip->gateways, w.ip.gateway, sizeof(w.ip.gateway), "gateways", error) ||
		!put_list(ip->dns, w.ip.dns, sizeof(w.ip.dns), "DNS servers", error))
		return FALSE;
	g_byte_array_append(body, (const guint8 *)&w, sizeof(w));
	return TRUE;
}

static char *take_wide(const guint8 *field, gsize size, const char *what, GError **error)
{
	char *text = hvis_utf16_decode(field, size, HVIS_UTF16_STRICT | HVIS_UTF16_NUL, error);

	if (!text)
		g_prefix_error(error, "%s: ", what);
	return text;
}

/* Empty entries, as some guests leave one at the end, are dropped. */
static char **take_list(const guint8 *field, gsize size, const char *what, GError **error)
{
	g_autofree char *text = take_wide(field, size, what, error);
	g_auto(GStrv) parts = NULL;
	GPtrArray *list;

	if (!text)
		return NULL;
	list = g_ptr_array_new();
	parts = g_strsplit(text, ";", -1);
	for (char **p = parts; *p; p++)
		if (**p)
			g_ptr_array_add(list, g_strdup(*p));
	g_ptr_array_add(list, NULL);
	return (char **)g_ptr_array_free(list, FALSE);
}

static gboolean take_text_form(WireCursor body, KvpIpInfo *ip, GError **error)
{
	gsize left = body.left;
	struct hvis_kvp_ip_wire w;

	if (!wire_take(&body, &w, sizeof(w)))
		return hvis_fail(error, HVIS_ERROR_PROTOCOL, "IP info of %zu bytes, not %zu", left,
			sizeof(w));
	ip->family = w.ip.family;
	ip->dhcp = w.ip.dhcp != 0;
	ip->adapter_id = take_wide(w.ip.adapter_id, sizeof(w.ip.adapter_id), "adapter", error);
	if (!ip->adapter_id)
		return FALSE;
	ip->addresses = take_list(w.ip.address, sizeof(w.ip.address), "addresses", error);
	if (!ip->addresses)
		return FALSE;
	ip->subnets = take_list(w.ip.subnet, sizeof(w.ip.subnet), "subnets", error);
	if (!ip->subnets)
		return FALSE;
	ip->gateways = take_list(w.ip.gateway, sizeof(w.ip.gateway), "gateways", error);
	if (!ip->gateways)
		return FALSE;
	ip->dns = take_list(w.ip.dns, sizeof(w.ip.dns), "DNS servers", error);
	return ip->dns != NULL;
}

/* --- binary --- */

/* Sort @list into the two arrays of one kind of address, with at most @max of each. */
static gboolean put_addresses(char *const *list, guint8 (*v4)[4], guint8 (*v6)[16], guint max,
	hvis_le32 *ret_v4, hvis_le32 *ret_v6, GError **error)
{
	guint n4 = 0, n6 = 0;

	for (guint i = 0; i < count(list); i++) {
		guint8 address[16];
		gboolean is_v4 = inet_pton(AF_INET, list[i], address) == 1;

		if (!is_v4 && inet_pton(AF_INET6, list[i], address) != 1)
			return hvis_fail(
				error, HVIS_ERROR_INVALID, "\"%s\" is no IP address", list[i]);
		if ((is_v4 ? n4 : n6) == max)
			return hvis_fail(error, HVIS_ERROR_INVALID,
				"more than %u addresses of one kind", max);
		if (is_v4)
			memcpy(v4[n4++], address, sizeof(v4[0]));
		else
			memcpy(v6[n6++], address, sizeof(v6[0]));
	}
	*ret_v4 = hvis_le32_make(n4);
	*ret_v6 = hvis_le32_make(n6);
	return TRUE;
}

static gboolean parse_prefix(const char *text, guint64 *ret)
{
	return g_ascii_string_to_unsigned(text + (*text == '/'), 10, 0, 128, ret, NULL);
}

/* Subnets and origins go where their addresses went. */
static gboolean put_subnets(const KvpIpInfo *ip, struct hvis_kvp_ip_v5 *w, GError **error)
{
	guint n4 = 0, n6 = 0, all4 = hvis_le32_get(w->n_ipv4);

	if (count(ip->subnets) != count(ip->addresses))
		return hvis_fail(error, HVIS_ERROR_INVALID, "%u addresses and %u subnets",
			count(ip->addresses), count(ip->subnets));
	for (guint i = 0; i < count(ip->addresses); i++) {
		gboolean is_v6 = strchr(ip->addresses[i], ':') != NULL;
		guint slot = is_v6 ? all4 + n6 : n4;
		guint64 prefix;

		if (ip->origins && i < ip->origins->len)
			w->origin[slot] =
				hvis_le16_make((guint16)g_array_index(ip->origins, KvpOrigin, i));
		if (is_v6 && parse_prefix(ip->subnets[i], &prefix))
			w->ipv6_prefix[n6++] = hvis_le32_make((guint32)prefix);
		else if (is_v6 || inet_pton(AF_INET, ip->subnets[i], w->ipv4_subnet[n4++]) != 1)
			return hvis_fail(error, HVIS_ERROR_INVALID, "\"%s\" is no subnet for %s",
				ip->subnets[i], ip->addresses[i]);
	}
	return TRUE;
}

static gboolean put_binary_form(guint8 op, const KvpIpInfo *ip, GByteArray *body, GError **error)
{
	struct hvis_kvp_ip_v5_wire w = {
		.op = op,
		.pool = HVIS_KVP_POOL_GUEST, /* what hosts send here */
		.ip = { .family = ip->family, .dhcp = !!ip->dhcp },
	};
	guint8 rest[sizeof(struct hvis_kvp_ip_wire) - sizeof(w)] = { 0 };

	if (!put_wide(ip->adapter_id, w.ip.adapter_id, sizeof(w.ip.adapter_id), "adapter", error) ||
		!put_addresses(ip->addresses, w.ip.ipv4, w.ip.ipv6, V4_MAX, &w.ip.n_ipv4,
			&w.ip.n_ipv6, error) ||
		!put_subnets(ip, &w.ip, error) ||
		!put_addresses(ip->gateways, w.ip.ipv4_gateway, w.ip.ipv6_gateway, GATEWAYS_MAX,
			&w.ip.n_ipv4_gateways, &w.ip.n_ipv6_gateways, error) ||
		!put_addresses(ip->dns, w.ip.ipv4_dns, w.ip.ipv6_dns, V4_MAX, &w.ip.n_ipv4_dns,
			&w.ip.n_ipv6_dns, error))
		return FALSE;
	g_byte_array_append(body, (const guint8 *)&w, sizeof(w));
	g_byte_array_append(body, rest, sizeof(rest));
	return TRUE;
}

static char **take_addresses(const guint8 (*v4)[4], hvis_le32 le_n4, const guint8 (*v6)[16],
	hvis_le32 le_n6, guint max, const char *what, GError **error)
{
	guint n4 = hvis_le32_get(le_n4), n6 = hvis_le32_get(le_n6);
	char text[INET6_ADDRSTRLEN];
	char **list;

	if (n4 > max || n6 > max) {
		hvis_fail(
			error, HVIS_ERROR_PROTOCOL, "%u and %u %s where %u fit", n4, n6, what, max);
		return NULL;
	}
	list = g_new0(char *, n4 + n6 + 1);
	for (guint i = 0; i < n4; i++)
		list[i] = g_strdup(inet_ntop(AF_INET, v4[i], text, sizeof(text)));
	for (guint i = 0; i < n6; i++)
		list[n4 + i] = g_strdup(inet_ntop(AF_INET6, v6[i], text, sizeof(text)));
	return list;
}

/* The counts are those of the addresses, checked already. */
static void take_subnets(const struct hvis_kvp_ip_v5 *w, KvpIpInfo *ip)
{
	guint n4 = hvis_le32_get(w->n_ipv4), n6 = hvis_le32_get(w->n_ipv6);
	char text[INET_ADDRSTRLEN];

	ip->subnets = g_new0(char *, n4 + n6 + 1);
	ip->origins = g_array_new(FALSE, TRUE, sizeof(KvpOrigin));
	for (guint i = 0; i < n4 + n6; i++) {
		guint16 wire = hvis_le16_get(w->origin[i]);
		KvpOrigin origin = wire < KVP_ORIGIN_N ? (KvpOrigin)wire : KVP_ORIGIN_UNKNOWN;

		if (i < n4)
			ip->subnets[i] =
				g_strdup(inet_ntop(AF_INET, w->ipv4_subnet[i], text, sizeof(text)));
		else
			ip->subnets[i] =
				g_strdup_printf("%u", hvis_le32_get(w->ipv6_prefix[i - n4]));
		g_array_append_val(ip->origins, origin);
	}
}

static gboolean take_binary_form(WireCursor body, KvpIpInfo *ip, GError **error)
{
	gsize left = body.left;
	struct hvis_kvp_ip_v5_wire w;

	if (!wire_take(&body, &w, sizeof(w)))
		return hvis_fail(error, HVIS_ERROR_PROTOCOL, "binary IP info of %zu bytes, not %zu",
			left, sizeof(w));
	ip->family = w.ip.family;
	ip->dhcp = w.ip.dhcp != 0;
	ip->adapter_id = take_wide(w.ip.adapter_id, sizeof(w.ip.adapter_id), "adapter", error);
	if (!ip->adapter_id)
		return FALSE;
	ip->addresses = take_addresses(
		w.ip.ipv4, w.ip.n_ipv4, w.ip.ipv6, w.ip.n_ipv6, V4_MAX, "addresses", error);
	if (!ip->addresses)
		return FALSE;
	take_subnets(&w.ip, ip);
	ip->gateways = take_addresses(w.ip.ipv4_gateway, w.ip.n_ipv4_gateways, w.ip.ipv6_gateway,
		w.ip.n_ipv6_gateways, GATEWAYS_MAX, "gateways", error);
	if (!ip->gateways)
		return FALSE;
	ip->dns = take_addresses(w.ip.ipv4_dns, w.ip.n_ipv4_dns, w.ip.ipv6_dns, w.ip.n_ipv6_dns,
		V4_MAX, "DNS servers", error);
	return ip->dns != NULL;
}

/* --- either --- */

gboolean kvp_ip_wire_put(
	guint8 op, const KvpIpInfo *ip, gboolean binary, GByteArray *body, GError **error)
{
	if (binary)
		return put_binary_form(op, ip, body, error);
	return put_text_form(op, ip, body, error);
}

gboolean kvp_ip_wire_take(WireCursor body, gboolean binary, KvpIpInfo *ret, GError **error)
{
	KvpIpInfo ip = { 0 };

	if (!(binary ? take_binary_form(body, &ip, error) : take_text_form(body, &ip, error))) {
		kvp_ip_info_clear(&ip);
		return FALSE;
	}
	*ret = ip;
	return TRUE;
}
