/* SPDX-License-Identifier: GPL-2.0-only */
/* KVP device messages: both directions, raw offsets, every wrong length, size and text. */
#include <string.h>

#include <util/error.h>
#include <wire/kvp-device.h>

#include <hvis/hresult.h>

static struct hvis_kvp_dev_msg zero_msg;

/* --- requests --- */

static void expect_bad_request(const struct hvis_kvp_dev_msg *msg)
{
	g_autoptr(GError) error = NULL;
	g_autofree KvpRequest *r = g_new0(KvpRequest, 1);

	r->op = 77;
	g_assert_false(kvp_request_decode(msg, sizeof(*msg), r, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_PROTOCOL));
	g_assert_cmpuint(r->op, ==, 77);
	g_clear_error(&error);
	g_assert_null(kvp_request_new(msg, sizeof(*msg), &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_PROTOCOL));
}

static KvpRequest *round_trip(const KvpRequest *request)
{
	g_autoptr(GError) error = NULL;
	struct hvis_kvp_dev_msg msg;
	KvpRequest *back = g_new0(KvpRequest, 1);
	g_autofree KvpRequest *again = NULL;

	memset(&msg, 0xee, sizeof(msg)); /* must not shine through */
	g_assert_true(kvp_request_encode(request, &msg, &error));
	g_assert_no_error(error);
	g_assert_true(kvp_request_decode(&msg, sizeof(msg), back, &error));
	again = kvp_request_new(&msg, sizeof(msg), &error);
	g_assert_no_error(error);
	g_assert_cmpuint(again->op, ==, back->op);
	g_assert_cmpuint(again->index, ==, back->index);
	g_assert_cmpstr(again->key, ==, back->key);
	g_assert_cmpstr(again->value, ==, back->value);
	g_assert_cmpstr(again->version, ==, back->version);
	g_assert_cmpstr(again->ip.dns, ==, back->ip.dns);
	return back;
}

static void test_request_round_trip(void)
{
	for (guint op = 0; op < 256; op++) {
		KvpRequest r = { .op = (guint8)op, .pool = 200 };
		g_autofree KvpRequest *back = NULL;

		if (op == HVIS_KVP_OP_ENUMERATE)
			r.index = 0xfffffffeu;
		if (op == HVIS_KVP_OP_SET || op == HVIS_KVP_OP_GET || op == HVIS_KVP_OP_DELETE)
			strcpy(r.key, "Schlüssel");
		if (op == HVIS_KVP_OP_SET) {
			strcpy(r.value, "値 with spaces");
			r.has_value = TRUE;
			r.type = HVIS_KVP_REG_U64;
		}
		if (op == HVIS_KVP_OP_GET_IP_INFO || op == HVIS_KVP_OP_SET_IP_INFO) {
			r.ip = (KvpIp){ .family = 3,
				.dhcp = TRUE,
				.adapter = "{guid}",
				.address = "10.0.0.2;fe80::1",
				.subnet = "255.0.0.0;64",
				.gateway = "10.0.0.1",
				.dns = "1.1.1.1" };
		}
		if (op == HVIS_KVP_OP_REGISTER1)
			strcpy(r.version, "3.1");
		back = round_trip(&r);
		g_assert_cmpmem(back, sizeof(*back), &r, sizeof(r));
	}
}

/* Where the kernel has the fields, by number. */
static void test_request_offsets(void)
{
	struct hvis_kvp_dev_msg msg = zero_msg;
	g_autofree KvpRequest *r = g_new0(KvpRequest, 1);
	guint8 *raw = g_malloc0(sizeof(msg));

	raw[0] = HVIS_KVP_OP_SET;
	raw[1] = 1;
	raw[8] = 2; /* key_size */
	raw[12] = 3; /* value_size */
	memcpy(raw + 16, "k", 2);
	memcpy(raw + 528, "vw", 3);
	g_assert_true(kvp_request_decode(raw, sizeof(msg), r, NULL));
	g_assert_cmpuint(r->pool, ==, 1);
	g_assert_cmpstr(r->key, ==, "k");
	g_assert_cmpstr(r->value, ==, "vw");
	g_assert_true(r->has_value);
	memset(raw, 0, sizeof(msg));
	raw[0] = HVIS_KVP_OP_DELETE;
	raw[4] = 2;
	raw[8] = 'd';
	g_assert_true(kvp_request_decode(raw, sizeof(msg), r, NULL));
	g_assert_cmpstr(r->key, ==, "d");
	memset(raw, 0, sizeof(msg));
	raw[0] = HVIS_KVP_OP_ENUMERATE;
	raw[4] = 9;
	g_assert_true(kvp_request_decode(raw, sizeof(msg), r, NULL));
	g_assert_cmpuint(r->index, ==, 9);
	memset(raw, 0, sizeof(msg));
	raw[0] = HVIS_KVP_OP_SET_IP_INFO;
	strcpy((char *)raw + 4, "adapter");
	raw[260] = 2;
	raw[261] = 1;
	strcpy((char *)raw + 262, "address");
	strcpy((char *)raw + 2310, "subnet");
	strcpy((char *)raw + 4358, "gateway");
	strcpy((char *)raw + 5382, "dns");
	g_assert_true(kvp_request_decode(raw, sizeof(msg), r, NULL));
	g_assert_cmpstr(r->ip.adapter, ==, "adapter");
	g_assert_cmpuint(r->ip.family, ==, 2);
	g_assert_true(r->ip.dhcp);
	g_assert_cmpstr(r->ip.address, ==, "address");
	g_assert_cmpstr(r->ip.subnet, ==, "subnet");
	g_assert_cmpstr(r->ip.gateway, ==, "gateway");
	g_assert_cmpstr(r->ip.dns, ==, "dns");
	g_free(raw);
}

static void test_request_lengths(void)
{
	g_autofree KvpRequest *r = g_new0(KvpRequest, 1);

	for (guint op = 0; op <= HVIS_KVP_OP_REGISTER1; op++) {
		for (gsize len = 0; len < sizeof(zero_msg); len += op ? 97 : 1) {
			g_autofree guint8 *exact = g_malloc0(len ? len : 1);
			g_autoptr(GError) error = NULL;

			exact[0] = (guint8)op;
			g_assert_false(kvp_request_decode(exact, len, r, &error));
			g_assert_true(hvis_error_is(error, HVIS_ERROR_PROTOCOL));
			g_assert_false(kvp_is_register(exact, len));
		}
	}
	{
		g_autofree guint8 *longer = g_malloc0(sizeof(zero_msg) + 1);

		g_assert_false(kvp_request_decode(longer, sizeof(zero_msg) + 1, r, NULL));
	}
}

/* Every key size around the limits, for each view that has one. */
static void test_request_key_sizes(void)
{
	static const guint32 good[] = { 1, 2, 511, 512 };
	static const guint32 bad[] = { 0, 513, 514, 0x10000, 0x7fffffff, 0x80000000u, 0xffffffffu };
	static const guint8 ops[] = { HVIS_KVP_OP_GET, HVIS_KVP_OP_SET, HVIS_KVP_OP_DELETE };
	g_autofree KvpRequest *r = g_new0(KvpRequest, 1);

	for (gsize o = 0; o < G_N_ELEMENTS(ops); o++) {
		for (gsize i = 0; i < G_N_ELEMENTS(good) + G_N_ELEMENTS(bad); i++) {
			gboolean is_good = i < G_N_ELEMENTS(good);
			guint32 size = is_good ? good[i] : bad[i - G_N_ELEMENTS(good)];
			struct hvis_kvp_dev_msg msg = zero_msg;
			gboolean del = ops[o] == HVIS_KVP_OP_DELETE;
			guint8 *key = del ? msg.body.del.key : msg.body.set.key;

			msg.hdr.op = ops[o];
			memset(key, 'k', HVIS_KVP_KEY_MAX);
			if (is_good)
				key[size - 1] = '\0';
			if (del)
				msg.body.del.key_size = hvis_le32_make(size);
			else
				msg.body.set.key_size = hvis_le32_make(size);
			if (!is_good) {
				expect_bad_request(&msg);
				continue;
			}
			g_assert_true(kvp_request_decode(&msg, sizeof(msg), r, NULL));
			g_assert_cmpuint(strlen(r->key), ==, size - 1);
			key[size - 1] = 'k'; /* no NUL within the declared size */
			expect_bad_request(&msg);
		}
	}
}

static void test_request_values(void)
{
	static const guint32 bad[] = { 2049, 0x10000, 0xffffffffu };
	g_autofree KvpRequest *r = g_new0(KvpRequest, 1);
	struct hvis_kvp_dev_msg msg = zero_msg;

	msg.hdr.op = HVIS_KVP_OP_SET;
	msg.body.set.key_size = hvis_le32_make(2);
	msg.body.set.key[0] = 'k';
	/* Linux leaves this for a value of a type that it does not know */
	g_assert_true(kvp_request_decode(&msg, sizeof(msg), r, NULL));
	g_assert_false(r->has_value);
	g_assert_cmpstr(r->value, ==, "");
	msg.body.set.value_size = hvis_le32_make(1);
	g_assert_true(kvp_request_decode(&msg, sizeof(msg), r, NULL));
	g_assert_true(r->has_value);
	memset(msg.body.set.value, 'v', HVIS_KVP_VALUE_MAX);
	msg.body.set.value[2047] = '\0';
	msg.body.set.value_size = hvis_le32_make(2048);
	g_assert_true(kvp_request_decode(&msg, sizeof(msg), r, NULL));
	g_assert_cmpuint(strlen(r->value), ==, 2047);
	msg.body.set.value[2047] = 'v';
	expect_bad_request(&msg);
	msg.body.set.value[2047] = '\0';
	for (gsize i = 0; i < G_N_ELEMENTS(bad); i++) {
		msg.body.set.value_size = hvis_le32_make(bad[i]);
		expect_bad_request(&msg);
	}
	msg.body.set.value_size = hvis_le32_make(2048);
	msg.body.set.value[5] = 0xff;
	expect_bad_request(&msg);
	msg.body.set.value[5] = 'v';
	msg.body.set.key[0] = 0xc3;
	expect_bad_request(&msg);
}

/* IP strings and the version need their NUL within the field. */
static void test_request_unterminated(void)
{
	static const gsize fields[][2] = { { 4, 256 }, { 262, 2048 }, { 2310, 2048 },
		{ 4358, 1024 }, { 5382, 2048 } };
	struct hvis_kvp_dev_msg msg;

	for (gsize i = 0; i < G_N_ELEMENTS(fields); i++) {
		msg = zero_msg;
		msg.hdr.op = HVIS_KVP_OP_SET_IP_INFO;
		memset(msg.body.raw + fields[i][0] - 4, '1', fields[i][1]);
		expect_bad_request(&msg);
		msg.body.raw[fields[i][0] - 4 + fields[i][1] - 1] = '\0';
		msg.body.raw[fields[i][0] - 4] = 0x80; /* terminated now, but no UTF-8 */
		expect_bad_request(&msg);
	}
	msg = zero_msg;
	msg.hdr.op = HVIS_KVP_OP_REGISTER1;
	memset(msg.body.version, '3', sizeof(msg.body.version));
	expect_bad_request(&msg);
}

static void test_register(void)
{
	g_autofree KvpRequest *r = g_new0(KvpRequest, 1);
	struct hvis_kvp_dev_msg msg;

	memset(&msg, 0xee, sizeof(msg));
	kvp_register_encode(&msg);
	g_assert_cmpuint(msg.hdr.op, ==, 100);
	g_assert_false(kvp_is_register(&msg, sizeof(msg))); /* ours: it has no version */
	msg.body.version[0] = '3';
	g_assert_true(kvp_is_register(&msg, sizeof(msg)));
	msg.body.version[0] = 0;
	msg.hdr.op = 0;
	g_assert_cmpmem(&msg, sizeof(msg), &zero_msg, sizeof(zero_msg));
	g_assert_false(kvp_is_register(&msg, sizeof(msg)));
}

static void test_request_encode_limits(void)
{
	g_autoptr(GError) error = NULL;
	struct hvis_kvp_dev_msg msg;
	KvpRequest r = { .op = HVIS_KVP_OP_SET, .has_value = TRUE };

	memset(r.key, 'k', sizeof(r.key) - 1);
	memset(r.value, 'v', sizeof(r.value) - 1);
	memset(&msg, 0xee, sizeof(msg));
	g_assert_true(kvp_request_encode(&r, &msg, NULL));
	g_assert_cmpuint(hvis_le32_get(msg.body.set.key_size), ==, 512);
	g_assert_cmpuint(hvis_le32_get(msg.body.set.value_size), ==, 2048);
	r.key[3] = (char)0xff;
	memset(&msg, 0xee, sizeof(msg));
	g_assert_false(kvp_request_encode(&r, &msg, &error));
	g_assert_true(hvis_error_is(error, HVIS_ERROR_INVALID));
	g_assert_cmpuint(msg.hdr.op, ==, 0xee);
}

/* --- answers --- */

static void test_answer_enumerate(void)
{
	KvpAnswer a = { .op = HVIS_KVP_OP_ENUMERATE, .key = "OSName", .value = "Debian" };
	g_autofree KvpReply *reply = g_new0(KvpReply, 1);
	struct hvis_kvp_dev_msg msg;
	const guint8 *raw = (const guint8 *)&msg;

	memset(&msg, 0xee, sizeof(msg));
	g_assert_true(kvp_answer_encode(&a, &msg, NULL));
	g_assert_cmpuint(hvis_le32_get(msg.status), ==, 0);
	g_assert_cmpmem(raw + 20, 8, "OSName\0", 8);
	g_assert_cmpmem(raw + 532, 8, "Debian\0", 8);
	g_assert_cmpuint(hvis_le32_get(msg.body.enumerate.pair.key_size), ==, 7);
	g_assert_cmpuint(hvis_le32_get(msg.body.enumerate.pair.value_size), ==, 7);
	g_assert_cmpuint(hvis_le32_get(msg.body.enumerate.pair.type), ==, HVIS_KVP_REG_SZ);
	g_assert_cmpuint(raw[sizeof(msg) - 1], ==, 0);
	g_assert_true(kvp_reply_decode(&msg, sizeof(msg), a.op, reply, NULL));
	g_assert_cmpstr(reply->key, ==, "OSName");
	g_assert_cmpstr(reply->value, ==, "Debian");
}

/* Linux looks for the value of GET where ENUMERATE has it. */
static void test_answer_get(void)
{
	KvpAnswer a = { .op = HVIS_KVP_OP_GET, .key = "k", .value = "value" };
	g_autofree KvpReply *reply = g_new0(KvpReply, 1);
	struct hvis_kvp_dev_msg msg;
	const guint8 *raw = (const guint8 *)&msg;

	g_assert_true(kvp_answer_encode(&a, &msg, NULL));
	g_assert_cmpmem(raw + 16, 2, "k", 2);
	g_assert_cmpmem(raw + 532, 6, "value", 6);
	g_assert_cmpuint(hvis_le32_get(msg.body.get.value_size), ==, 6);
	g_assert_cmpuint(hvis_le32_get(msg.body.get.key_size), ==, 2);
	g_assert_true(kvp_reply_decode(&msg, sizeof(msg), a.op, reply, NULL));
	g_assert_cmpstr(reply->value, ==, "value");
}

static void test_answer_ip(void)
{
	KvpIp ip = { .family = 1,
		.dhcp = TRUE,
		.adapter = "00:15:5D:00:00:01",
		.address = "10.0.0.2",
		.subnet = "255.255.255.0",
		.gateway = "10.0.0.1",
		.dns = "10.0.0.1;10.0.0.3" };
	KvpAnswer a = { .op = HVIS_KVP_OP_GET_IP_INFO, .ip = &ip };
	g_autofree KvpReply *reply = g_new0(KvpReply, 1);
	struct hvis_kvp_dev_msg msg;

	g_assert_true(kvp_answer_encode(&a, &msg, NULL));
	g_assert_true(kvp_reply_decode(&msg, sizeof(msg), a.op, reply, NULL));
	g_assert_cmpmem(&reply->ip, sizeof(ip), &ip, sizeof(ip));
	memset(ip.gateway, '1', sizeof(ip.gateway) - 1);
	g_assert_true(kvp_answer_encode(&a, &msg, NULL));
	ip.dns[0] = (char)0xff;
	g_assert_false(kvp_answer_encode(&a, &msg, NULL));
}

/* A failure says its status and nothing of the request or of memory. */
static void test_answer_failure(void)
{
	for (guint op = 0; op < 256; op++) {
		KvpAnswer a = { .op = (guint8)op,
			.status = HVIS_E_NO_MORE_ITEMS,
			.key = "secret",
			.value = "secret" };
		g_autofree KvpReply *reply = g_new0(KvpReply, 1);
		struct hvis_kvp_dev_msg msg;

		memset(&msg, 0xee, sizeof(msg));
		g_assert_true(kvp_answer_encode(&a, &msg, NULL));
		g_assert_true(kvp_reply_decode(&msg, sizeof(msg), a.op, reply, NULL));
		g_assert_cmpuint(reply->status, ==, HVIS_E_NO_MORE_ITEMS);
		msg.status = hvis_le32_make(0);
		g_assert_cmpmem(&msg, sizeof(msg), &zero_msg, sizeof(zero_msg));
	}
}

static void test_answer_limits(void)
{
	g_autofree char *key = g_strnfill(511, 'k');
	g_autofree char *value = g_strnfill(2047, 'v');
	g_autofree char *long_key = g_strnfill(512, 'k');
	g_autofree char *long_value = g_strnfill(2048, 'v');
	static const guint8 ops[] = { HVIS_KVP_OP_GET, HVIS_KVP_OP_ENUMERATE };

	for (gsize i = 0; i < G_N_ELEMENTS(ops); i++) {
		KvpAnswer a = { .op = ops[i], .key = key, .value = value };
		g_autofree KvpReply *reply = g_new0(KvpReply, 1);
		g_autoptr(GError) error = NULL;
		struct hvis_kvp_dev_msg msg;

		g_assert_true(kvp_answer_encode(&a, &msg, NULL));
		g_assert_true(kvp_reply_decode(&msg, sizeof(msg), a.op, reply, NULL));
		g_assert_cmpstr(reply->value, ==, value);
		memset(&msg, 0xee, sizeof(msg));
		a.key = long_key;
		g_assert_false(kvp_answer_encode(&a, &msg, &error));
		g_assert_true(hvis_error_is(error, HVIS_ERROR_NO_SPACE));
		g_clear_error(&error);
		a.key = "k";
		a.value = long_value;
		g_assert_false(kvp_answer_encode(&a, &msg, &error));
		g_assert_true(hvis_error_is(error, HVIS_ERROR_NO_SPACE));
		g_clear_error(&error);
		a.value = "\xff";
		g_assert_false(kvp_answer_encode(&a, &msg, &error));
		g_assert_true(hvis_error_is(error, HVIS_ERROR_INVALID));
		g_assert_cmpuint(msg.hdr.op, ==, 0xee);
	}
}

static void test_reply_hostile(void)
{
	g_autofree KvpReply *reply = g_new0(KvpReply, 1);
	struct hvis_kvp_dev_msg msg = zero_msg;
	static const guint8 ops[] = { HVIS_KVP_OP_GET, HVIS_KVP_OP_ENUMERATE,
		HVIS_KVP_OP_GET_IP_INFO };

	for (gsize len = 0; len < sizeof(msg); len++) {
		g_autofree guint8 *exact = g_malloc0(len ? len : 1);

		g_assert_false(kvp_reply_decode(exact, len, HVIS_KVP_OP_GET, reply, NULL));
	}
	for (gsize i = 0; i < G_N_ELEMENTS(ops); i++) {
		memset(&msg.body, 'x',
			sizeof(msg.body)); /* no NUL anywhere: cut at the field's end */
		g_assert_true(kvp_reply_decode(&msg, sizeof(msg), ops[i], reply, NULL));
		memset(&msg.body, 0xff, sizeof(msg.body));
		g_assert_false(kvp_reply_decode(&msg, sizeof(msg), ops[i], reply, NULL));
	}
	memset(&msg.body, 'x', sizeof(msg.body));
	g_assert_true(kvp_reply_decode(&msg, sizeof(msg), HVIS_KVP_OP_ENUMERATE, reply, NULL));
	g_assert_cmpuint(strlen(reply->key), ==, 511);
	g_assert_cmpuint(strlen(reply->value), ==, 2047);
}

/* --- IP info on the wire --- */

static void test_ip_wire(void)
{
	KvpIp ip = { .family = 2,
		.dhcp = FALSE,
		.adapter = "{0a}",
		.address = "fe80::1",
		.subnet = "64",
		.gateway = "fe80::2",
		.dns = "fe80::3" };
	g_autofree KvpIp *back = g_new0(KvpIp, 1);
	struct hvis_kvp_ip wire;

	memset(&wire, 0xee, sizeof(wire));
	g_assert_true(kvp_ip_wire_encode(&ip, &wire, NULL));
	g_assert_cmpmem(wire.subnet, 6, "6\0004\0\0", 6);
	g_assert_true(kvp_ip_wire_decode(&wire, back, NULL));
	g_assert_cmpmem(back, sizeof(ip), &ip, sizeof(ip));
}

static void test_ip_wire_hostile(void)
{
	g_autofree KvpIp *ip = g_new0(KvpIp, 1);
	struct hvis_kvp_ip wire = { .family = 1 };

	g_assert_true(kvp_ip_wire_decode(&wire, ip, NULL));
	memset(wire.gateway, 'x', sizeof(wire.gateway)); /* no NUL */
	g_assert_false(kvp_ip_wire_decode(&wire, ip, NULL));
	memset(wire.gateway, 0, sizeof(wire.gateway));
	wire.dns[1] = 0xd8; /* a lone surrogate */
	g_assert_false(kvp_ip_wire_decode(&wire, ip, NULL));
	wire.dns[1] = 0;
	for (gsize i = 0; i + 2 < sizeof(wire.address); i += 2) { /* three bytes of UTF-8 each */
		wire.address[i] = 0xac;
		wire.address[i + 1] = 0x20;
	}
	g_assert_false(kvp_ip_wire_decode(&wire, ip, NULL));
	memset(ip->adapter, 'a', 128);
	g_assert_false(kvp_ip_wire_encode(ip, &wire, NULL)); /* 128 units and a NUL */
	ip->adapter[127] = '\0';
	g_assert_true(kvp_ip_wire_encode(ip, &wire, NULL));
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/wire/kvp/request/round-trip", test_request_round_trip);
	g_test_add_func("/wire/kvp/request/offsets", test_request_offsets);
	g_test_add_func("/wire/kvp/request/lengths", test_request_lengths);
	g_test_add_func("/wire/kvp/request/key-sizes", test_request_key_sizes);
	g_test_add_func("/wire/kvp/request/values", test_request_values);
	g_test_add_func("/wire/kvp/request/unterminated", test_request_unterminated);
	g_test_add_func("/wire/kvp/request/register", test_register);
	g_test_add_func("/wire/kvp/request/encode-limits", test_request_encode_limits);
	g_test_add_func("/wire/kvp/answer/enumerate", test_answer_enumerate);
	g_test_add_func("/wire/kvp/answer/get", test_answer_get);
	g_test_add_func("/wire/kvp/answer/ip", test_answer_ip);
	g_test_add_func("/wire/kvp/answer/failure", test_answer_failure);
	g_test_add_func("/wire/kvp/answer/limits", test_answer_limits);
	g_test_add_func("/wire/kvp/reply/hostile", test_reply_hostile);
	g_test_add_func("/wire/kvp/ip/wire", test_ip_wire);
	g_test_add_func("/wire/kvp/ip/wire-hostile", test_ip_wire_hostile);
	return g_test_run();
}
