/* SPDX-License-Identifier: GPL-2.0-only */
/* KVP bodies: values, limits, text and the two forms of IP info; every truncated length. */
#include <hvis/kvp.h>
#include <util/error.h>
#include <util/utf16.h>
#include "host/service/kvp-wire.h"

static GByteArray *encode(guint8 op, const char *key, const KvpValue *value, GError **error)
{
	KvpWireRequest r = { op, HVIS_KVP_POOL_EXTERNAL, 7, key, value };
	g_autoptr(GByteArray) body = g_byte_array_new();

	if (!kvp_wire_encode(&r, body, error)) {
		g_assert_cmpuint(body->len, ==, 0);
		return NULL;
	}
	return g_steal_pointer(&body);
}

static WireCursor all(const GByteArray *body)
{
	return wire_cursor(body->data, body->len);
}

static char *repeat(const char *text, guint n)
{
	GString *s = g_string_new(NULL);

	while (n--)
		g_string_append(s, text);
	return g_string_free(s, FALSE);
}

/* --- values --- */

static void test_value_parse(void)
{
	static const struct {
		const char *type, *text;
		guint32 wire;
		guint64 number;
		gboolean ok;
	} cases[] = {
		{ NULL, "", HVIS_KVP_REG_SZ, 0, TRUE },
		{ "string", "x", HVIS_KVP_REG_SZ, 0, TRUE },
		{ "expand", "%x%", HVIS_KVP_REG_EXPAND_SZ, 0, TRUE },
		{ "u32", "4294967295", HVIS_KVP_REG_U32, G_MAXUINT32, TRUE },
		{ "u32", "4294967296", 0, 0, FALSE },
		{ "u32", "-1", 0, 0, FALSE },
		{ "u32", "", 0, 0, FALSE },
		{ "u64", "18446744073709551615", HVIS_KVP_REG_U64, G_MAXUINT64, TRUE },
		{ "u64", "18446744073709551616", 0, 0, FALSE },
		{ "u64-linux", "8", HVIS_KVP_REG_U64_LINUX, 8, TRUE },
		{ "11", "5", HVIS_KVP_REG_U64, 5, TRUE },
		{ "8", "5", HVIS_KVP_REG_U64_LINUX, 5, TRUE },
		{ "3", "5", 0, 0, FALSE },
		{ "binary", "5", 0, 0, FALSE },
		{ "string", "\xff", 0, 0, FALSE },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(GError) error = NULL;
		KvpValue v = { 0 };
		g_autofree char *text = NULL;

		g_test_message("case %u", i);
		g_assert_cmpint(
			kvp_value_parse(cases[i].type, cases[i].text, &v, &error), ==, cases[i].ok);
		if (!cases[i].ok) {
			g_assert_true(hvis_error_is(error, HVIS_ERROR_INVALID));
			g_assert_null(v.text);
			continue;
		}
		text = kvp_value_text(&v);
		g_assert_cmpstr(text, ==, cases[i].text);
		g_assert_cmpuint(v.type, ==, cases[i].wire);
		g_assert_cmpuint(v.number, ==, cases[i].number);
		kvp_value_clear(&v);
	}
}

static void test_value_limit(void)
{
	g_autofree char *fits = repeat("x", 1023);
	g_autofree char *over = repeat("x", 1024);
	g_autofree char *pairs = repeat("\360\237\230\200", 512); /* 1024 units */
	KvpValue v = { 0 };

	g_assert_true(kvp_value_parse(NULL, fits, &v, NULL));
	kvp_value_clear(&v);
	g_assert_false(kvp_value_parse(NULL, over, &v, NULL));
	g_assert_false(kvp_value_parse(NULL, pairs, &v, NULL));
}

static void test_pools(void)
{
	guint8 pool = 99;

	g_assert_true(kvp_pool_parse("auto-external", &pool, NULL));
	g_assert_cmpuint(pool, ==, 3);
	g_assert_true(kvp_pool_parse("255", &pool, NULL));
	g_assert_cmpuint(pool, ==, 255);
	g_assert_false(kvp_pool_parse("256", &pool, NULL));
	g_assert_false(kvp_pool_parse("inside", &pool, NULL));
	g_assert_cmpuint(pool, ==, 255);
	g_assert_null(kvp_pool_name(5));
}

/* --- requests --- */

static void test_set(void)
{
	KvpValue value = { .type = HVIS_KVP_REG_SZ, .text = (char *)"v\303\244" };
	g_autoptr(GByteArray) body = encode(HVIS_KVP_OP_SET, "k\360\237\230\200", &value, NULL);
	struct hvis_kvp_pair pair;

	g_assert_cmpuint(body->len, ==, HVIS_KVP_WIRE_SIZE);
	g_assert_cmpuint(body->data[0], ==, HVIS_KVP_OP_SET);
	memcpy(&pair, body->data + 4, sizeof(pair));
	g_assert_cmpuint(hvis_le32_get(pair.type), ==, 1);
	g_assert_cmpuint(hvis_le32_get(pair.key_size), ==, 8); /* k, a surrogate pair, NUL */
	g_assert_cmpmem(pair.key, 8, "k\0\x3d\xd8\0\xde\0\0", 8);
	g_assert_cmpuint(hvis_le32_get(pair.value_size), ==, 6);
	g_assert_cmpmem(pair.value, 6, "v\0\xe4\0\0\0", 6);
}

static void test_set_numbers(void)
{
	KvpValue u32 = { .type = HVIS_KVP_REG_U32, .number = 0x01020304 };
	KvpValue u64 = { .type = HVIS_KVP_REG_U64, .number = 0x0102030405060708 };
	g_autoptr(GByteArray) four = encode(HVIS_KVP_OP_SET, "k", &u32, NULL);
	g_autoptr(GByteArray) eight = encode(HVIS_KVP_OP_SET, "k", &u64, NULL);
	const gsize value_at = 4 + offsetof(struct hvis_kvp_pair, value);

	g_assert_cmpmem(four->data + 4, 4, "\4\0\0\0", 4);
	g_assert_cmpmem(four->data + 12, 4, "\4\0\0\0", 4);
	g_assert_cmpmem(four->data + value_at, 5, "\4\3\2\1\0", 5);
	g_assert_cmpmem(eight->data + 4, 4, "\13\0\0\0", 4);
	g_assert_cmpmem(eight->data + 12, 4, "\10\0\0\0", 4);
	g_assert_cmpmem(eight->data + value_at, 9, "\10\7\6\5\4\3\2\1\0", 9);
}

static void test_request_limits(void)
{
	g_autofree char *key255 = repeat("k", 255);
	g_autofree char *key256 = repeat("k", 256);
	g_autofree char *value1023 = repeat("v", 1023);
	KvpValue value = { .type = HVIS_KVP_REG_SZ, .text = value1023 };
	KvpValue bad_type = { .type = 3, .text = (char *)"" };
	g_autoptr(GByteArray) body = encode(HVIS_KVP_OP_SET, key255, &value, NULL);
	struct hvis_kvp_pair pair;

	g_assert_nonnull(body);
	memcpy(&pair, body->data + 4, sizeof(pair));
	g_assert_cmpuint(hvis_le32_get(pair.key_size), ==, HVIS_KVP_KEY_MAX);
	g_assert_cmpuint(hvis_le32_get(pair.value_size), ==, HVIS_KVP_VALUE_MAX);
	g_assert_null(encode(HVIS_KVP_OP_SET, key256, &value, NULL));
	g_assert_null(encode(HVIS_KVP_OP_DELETE, key256, NULL, NULL));
	g_assert_null(encode(HVIS_KVP_OP_DELETE, "", NULL, NULL));
	g_assert_null(encode(HVIS_KVP_OP_GET, "\xc3", NULL, NULL));
	g_assert_null(encode(HVIS_KVP_OP_SET, "k", &bad_type, NULL));
}

static void test_other_requests(void)
{
	g_autoptr(GByteArray) del = encode(HVIS_KVP_OP_DELETE, "k", NULL, NULL);
	g_autoptr(GByteArray) enumerate = encode(HVIS_KVP_OP_ENUMERATE, NULL, NULL, NULL);

	g_assert_cmpuint(del->len, ==, HVIS_KVP_WIRE_SIZE);
	g_assert_cmpmem(del->data, 12, "\2\0\0\0\4\0\0\0k\0\0\0", 12);
	g_assert_cmpmem(enumerate->data, 12, "\3\0\0\0\7\0\0\0\0\0\0\0", 12);
}

/* --- answers --- */

/* An answer to ENUMERATE with the pair that a SET would have. */
static GByteArray *enumerate_answer(const char *key, const KvpValue *value)
{
	g_autoptr(GByteArray) set = encode(HVIS_KVP_OP_SET, key, value, NULL);
	GByteArray *body = g_byte_array_new();
	const guint8 head[8] = { HVIS_KVP_OP_ENUMERATE, 0, 0, 0, 7, 0, 0, 0 };

	g_byte_array_append(body, head, sizeof(head));
	return g_byte_array_append(body, set->data + 4, sizeof(struct hvis_kvp_pair));
}

static void assert_answer(GByteArray *body, const char *key, const KvpValue *value)
{
	KvpItem *item = kvp_wire_decode(HVIS_KVP_OP_ENUMERATE, all(body), NULL);

	g_assert_nonnull(item);
	g_assert_cmpstr(item->key, ==, key);
	g_assert_cmpuint(item->value.type, ==, value->type);
	g_assert_cmpstr(item->value.text, ==, value->text);
	g_assert_cmpuint(item->value.number, ==, value->number);
	kvp_item_free(item);
}

static void test_answer_round_trip(void)
{
	g_autofree char *long_key = repeat("k", 255);
	g_autofree char *long_value = repeat("v", 1023);
	const KvpValue values[] = {
		{ .type = HVIS_KVP_REG_SZ, .text = (char *)"" },
		{ .type = HVIS_KVP_REG_SZ, .text = (char *)"\360\237\230\200 \344\275\240" },
		{ .type = HVIS_KVP_REG_EXPAND_SZ, .text = long_value },
		{ .type = HVIS_KVP_REG_U32, .number = G_MAXUINT32 },
		{ .type = HVIS_KVP_REG_U64, .number = G_MAXUINT64 },
		{ .type = HVIS_KVP_REG_U64_LINUX, .number = 1 },
	};

	for (guint i = 0; i < G_N_ELEMENTS(values); i++) {
		g_autoptr(GByteArray) body = enumerate_answer(long_key, &values[i]);

		assert_answer(body, long_key, &values[i]);
	}
}

static void test_answer_truncated(void)
{
	KvpValue value = { .type = HVIS_KVP_REG_SZ, .text = (char *)"v" };
	g_autoptr(GByteArray) body = enumerate_answer("k", &value);

	g_assert_cmpuint(body->len, ==, HVIS_KVP_WIRE_SIZE);
	for (gsize n = 0; n < body->len; n++) {
		g_autofree guint8 *exact = g_memdup2(body->data, n); /* for the sanitizer */
		g_autoptr(GError) error = NULL;

		g_assert_null(
			kvp_wire_decode(HVIS_KVP_OP_ENUMERATE, wire_cursor(exact, n), &error));
		g_assert_true(hvis_error_is(error, HVIS_ERROR_PROTOCOL));
		if (n < 4 + sizeof(struct hvis_kvp_pair))
			g_assert_null(
				kvp_wire_decode(HVIS_KVP_OP_GET, wire_cursor(exact, n), NULL));
	}
}

static void assert_refused(guint offset, const void *bytes, gsize len)
{
	KvpValue value = { .type = HVIS_KVP_REG_SZ, .text = (char *)"value" };
	g_autoptr(GByteArray) body = enumerate_answer("key", &value);
	g_autoptr(GError) error = NULL;

	memcpy(body->data + offset, bytes, len);
	g_assert_null(kvp_wire_decode(HVIS_KVP_OP_ENUMERATE, all(body), &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_PROTOCOL));
}

static void test_answer_hostile(void)
{
	assert_refused(8, "\3\0\0\0", 4); /* unknown type */
	assert_refused(12, "\2\2\0\0", 4); /* key of 514 bytes */
	assert_refused(12, "\3\0\0\0", 4); /* odd */
	assert_refused(12, "\2\0\0\0", 4); /* no NUL within */
	assert_refused(12, "\xff\xff\xff\xff", 4);
	assert_refused(16, "\2\10\0\0", 4); /* value of 2050 bytes */
	assert_refused(16, "\xff\xff\xff\xff", 4);
	assert_refused(20, "\0\xd8", 2); /* high surrogate alone */
	assert_refused(20, "\0\xdc", 2); /* low surrogate alone */
	assert_refused(532, "\1\xdc", 2);
	assert_refused(8, "\4\0\0\0", 4); /* u32 of 12 bytes */
	assert_refused(8, "\13\0\0\0", 4); /* u64 of 12 bytes */
}

/* What Linux' GET leaves: no sizes. */
static void test_answer_without_sizes(void)
{
	guint8 body[HVIS_KVP_WIRE_SIZE] = { HVIS_KVP_OP_GET, 0, 0, 0, 1 };
	KvpItem *item = kvp_wire_decode(HVIS_KVP_OP_GET, wire_cursor(body, sizeof(body)), NULL);

	g_assert_nonnull(item);
	g_assert_cmpstr(item->key, ==, "");
	g_assert_cmpstr(item->value.text, ==, "");
	kvp_item_free(item);
}

/* --- IP --- */

static KvpIpInfo example(void)
{
	static char *addresses[] = { (char *)"192.168.1.2", (char *)"10.0.0.1", (char *)"fe80::1",
		NULL };
	static char *subnets[] = { (char *)"255.255.255.0", (char *)"255.0.0.0", (char *)"64",
		NULL };
	static char *gateways[] = { (char *)"192.168.1.1", (char *)"fe80::ff", NULL };
	static char *dns[] = { (char *)"1.1.1.1", (char *)"2606:4700::1111", NULL };

	return (KvpIpInfo){
		.adapter_id = (char *)"{00112233-4455-6677-8899-aabbccddeeff}",
		.family = HVIS_KVP_FAMILY_IPV4 | HVIS_KVP_FAMILY_IPV6,
		.dhcp = TRUE,
		.addresses = addresses,
		.subnets = subnets,
		.gateways = gateways,
		.dns = dns,
	};
}

static void assert_list(char **got, char **want)
{
	g_assert_cmpuint(g_strv_length(got), ==, g_strv_length(want));
	for (guint i = 0; want[i]; i++)
		g_assert_cmpstr(got[i], ==, want[i]);
}

static void assert_ip(const KvpIpInfo *got, const KvpIpInfo *want)
{
	g_assert_cmpstr(got->adapter_id, ==, want->adapter_id);
	g_assert_cmpuint(got->family, ==, want->family);
	g_assert_cmpint(got->dhcp, ==, want->dhcp);
	assert_list(got->addresses, want->addresses);
	assert_list(got->subnets, want->subnets);
	assert_list(got->gateways, want->gateways);
	assert_list(got->dns, want->dns);
}

static void test_ip_round_trip(gconstpointer data)
{
	gboolean binary = GPOINTER_TO_INT(data);
	g_autoptr(GByteArray) body = g_byte_array_new();
	KvpIpInfo ip = example(), got;

	g_assert_true(kvp_ip_wire_put(HVIS_KVP_OP_SET_IP_INFO, &ip, binary, body, NULL));
	g_assert_cmpuint(body->len, ==, sizeof(struct hvis_kvp_ip_wire));
	g_assert_cmpuint(body->data[0], ==, HVIS_KVP_OP_SET_IP_INFO);
	g_assert_true(kvp_ip_wire_take(all(body), binary, &got, NULL));
	assert_ip(&got, &ip);
	g_assert_cmpint(got.origins != NULL, ==, binary);
	kvp_ip_info_clear(&got);
}

static void test_ip_truncated(gconstpointer data)
{
	gboolean binary = GPOINTER_TO_INT(data);
	g_autoptr(GByteArray) body = g_byte_array_new();
	gsize need = binary ? sizeof(struct hvis_kvp_ip_v5_wire) : sizeof(struct hvis_kvp_ip_wire);
	KvpIpInfo ip = example();

	g_assert_true(kvp_ip_wire_put(HVIS_KVP_OP_SET_IP_INFO, &ip, binary, body, NULL));
	for (gsize n = 0; n < need; n++) {
		g_autofree guint8 *exact = g_memdup2(body->data, n);
		g_autoptr(GError) error = NULL;
		KvpIpInfo got = { .family = 77 };

		g_assert_false(kvp_ip_wire_take(wire_cursor(exact, n), binary, &got, &error));
		g_assert_true(hvis_error_is(error, HVIS_ERROR_PROTOCOL));
		g_assert_cmpuint(got.family, ==, 77);
	}
}

static void test_ip_origins(void)
{
	g_autoptr(GByteArray) body = g_byte_array_new();
	g_autoptr(GArray) origins = g_array_new(FALSE, TRUE, sizeof(KvpOrigin));
	const KvpOrigin want[] = { KVP_ORIGIN_STATIC, KVP_ORIGIN_OTHER, KVP_ORIGIN_STATIC };
	/* IPv6 first: on the wire the IPv4 ones go first, origins with them */
	char *addresses[] = { (char *)"fe80::1", (char *)"10.0.0.1", (char *)"10.0.0.2", NULL };
	char *subnets[] = { (char *)"/64", (char *)"255.0.0.0", (char *)"255.0.0.0", NULL };
	KvpIpInfo ip = { .adapter_id = (char *)"x",
		.addresses = addresses,
		.subnets = subnets,
		.origins = origins },
		  got;

	g_array_append_vals(origins, want, 3);
	g_assert_true(kvp_ip_wire_put(HVIS_KVP_OP_SET_IP_INFO, &ip, TRUE, body, NULL));
	g_assert_true(kvp_ip_wire_take(all(body), TRUE, &got, NULL));
	g_assert_cmpstr(got.addresses[0], ==, "10.0.0.1");
	g_assert_cmpstr(got.addresses[2], ==, "fe80::1");
	g_assert_cmpstr(got.subnets[2], ==, "64");
	g_assert_cmpint(g_array_index(got.origins, KvpOrigin, 0), ==, KVP_ORIGIN_OTHER);
	g_assert_cmpint(g_array_index(got.origins, KvpOrigin, 2), ==, KVP_ORIGIN_STATIC);
	kvp_ip_info_clear(&got);
}

static void test_ip_counts(void)
{
	static const gsize fields[] = {
		offsetof(struct hvis_kvp_ip_v5, n_ipv4),
		offsetof(struct hvis_kvp_ip_v5, n_ipv6),
		offsetof(struct hvis_kvp_ip_v5, n_ipv4_gateways),
		offsetof(struct hvis_kvp_ip_v5, n_ipv6_gateways),
		offsetof(struct hvis_kvp_ip_v5, n_ipv4_dns),
		offsetof(struct hvis_kvp_ip_v5, n_ipv6_dns),
	};
	static const guint32 max[] = { 64, 64, 5, 5, 64, 64 };

	for (guint i = 0; i < G_N_ELEMENTS(fields); i++)
		for (guint over = 0; over < 2; over++) {
			g_autofree guint8 *body = g_malloc0(sizeof(struct hvis_kvp_ip_v5_wire));
			hvis_le32 n = hvis_le32_make(over ? max[i] + 1 : max[i]);
			KvpIpInfo got;

			memcpy(body + 4 + fields[i], &n, sizeof(n));
			g_assert_cmpint(
				kvp_ip_wire_take(
					wire_cursor(body, sizeof(struct hvis_kvp_ip_v5_wire)), TRUE,
					&got, NULL),
				==, !over);
			if (!over)
				kvp_ip_info_clear(&got);
		}
}

static void assert_ip_invalid(const char *address, const char *subnet)
{
	char *addresses[] = { (char *)address, NULL };
	char *subnets[] = { (char *)subnet, NULL };
	KvpIpInfo ip = { .adapter_id = (char *)"x", .addresses = addresses, .subnets = subnets };
	g_autoptr(GByteArray) body = g_byte_array_new();
	g_autoptr(GError) error = NULL;

	g_assert_false(kvp_ip_wire_put(HVIS_KVP_OP_SET_IP_INFO, &ip, TRUE, body, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_INVALID));
	g_assert_cmpuint(body->len, ==, 0);
}

static void test_ip_invalid(void)
{
	assert_ip_invalid("10.0.0", "255.0.0.0");
	assert_ip_invalid("10.0.0.1", "64");
	assert_ip_invalid("10.0.0.1", NULL);
	assert_ip_invalid("fe80::1", "255.0.0.0");
	assert_ip_invalid("fe80::1", "129");
	assert_ip_invalid("fe80::g", "64");
}

static void test_ip_full(void)
{
	g_autoptr(GByteArray) body = g_byte_array_new();
	char *addresses[66] = { NULL }, *subnets[66] = { NULL };
	KvpIpInfo ip = { .adapter_id = (char *)"x", .addresses = addresses, .subnets = subnets };

	for (guint i = 0; i < 64; i++) {
		addresses[i] = (char *)"10.0.0.1";
		subnets[i] = (char *)"255.0.0.0";
	}
	g_assert_true(kvp_ip_wire_put(HVIS_KVP_OP_SET_IP_INFO, &ip, TRUE, body, NULL));
	addresses[64] = (char *)"10.0.0.1";
	subnets[64] = (char *)"255.0.0.0";
	g_assert_false(kvp_ip_wire_put(HVIS_KVP_OP_SET_IP_INFO, &ip, TRUE, body, NULL));
	/* in text there is no count, only room */
	g_assert_true(kvp_ip_wire_put(HVIS_KVP_OP_SET_IP_INFO, &ip, FALSE, body, NULL));
}

static void test_print(void)
{
	KvpValue value = { .type = HVIS_KVP_REG_U32, .number = 5 };
	g_autoptr(GByteArray) set = encode(HVIS_KVP_OP_SET, "k", &value, NULL);
	g_autoptr(GByteArray) answer = enumerate_answer("k", &value);
	g_autoptr(GString) line = g_string_new(NULL);

	kvp_wire_print(all(set), TRUE, FALSE, line);
	g_assert_cmpstr(line->str, ==, "SET external k=5");
	g_string_truncate(line, 0);
	kvp_wire_print(all(answer), FALSE, FALSE, line);
	g_assert_cmpstr(line->str, ==, "ENUMERATE external[7] k=5");
	for (gsize n = 0; n < answer->len; n++) {
		g_autofree guint8 *exact = g_memdup2(answer->data, n);

		g_string_truncate(line, 0);
		kvp_wire_print(wire_cursor(exact, n), FALSE, FALSE, line);
		g_assert_null(strstr(line->str, "k=5"));
	}
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/service/kvp-wire/value/parse", test_value_parse);
	g_test_add_func("/service/kvp-wire/value/limit", test_value_limit);
	g_test_add_func("/service/kvp-wire/pools", test_pools);
	g_test_add_func("/service/kvp-wire/request/set", test_set);
	g_test_add_func("/service/kvp-wire/request/numbers", test_set_numbers);
	g_test_add_func("/service/kvp-wire/request/limits", test_request_limits);
	g_test_add_func("/service/kvp-wire/request/others", test_other_requests);
	g_test_add_func("/service/kvp-wire/answer/round-trip", test_answer_round_trip);
	g_test_add_func("/service/kvp-wire/answer/truncated", test_answer_truncated);
	g_test_add_func("/service/kvp-wire/answer/hostile", test_answer_hostile);
	g_test_add_func("/service/kvp-wire/answer/without-sizes", test_answer_without_sizes);
	g_test_add_data_func(
		"/service/kvp-wire/ip/text", GINT_TO_POINTER(FALSE), test_ip_round_trip);
	g_test_add_data_func(
		"/service/kvp-wire/ip/binary", GINT_TO_POINTER(TRUE), test_ip_round_trip);
	g_test_add_data_func(
		"/service/kvp-wire/ip/text-truncated", GINT_TO_POINTER(FALSE), test_ip_truncated);
	g_test_add_data_func(
		"/service/kvp-wire/ip/binary-truncated", GINT_TO_POINTER(TRUE), test_ip_truncated);
	g_test_add_func("/service/kvp-wire/ip/origins", test_ip_origins);
	g_test_add_func("/service/kvp-wire/ip/counts", test_ip_counts);
	g_test_add_func("/service/kvp-wire/ip/invalid", test_ip_invalid);
	g_test_add_func("/service/kvp-wire/ip/full", test_ip_full);
	g_test_add_func("/service/kvp-wire/print", test_print);
	return g_test_run();
}
