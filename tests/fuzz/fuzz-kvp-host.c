/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Fuzz target: bodies of KVP messages. The first byte picks who reads them: the host's decoders,
 * its printer, or the two directions of link mode's driver.
 *
 * Checked besides memory: what the host could read it can send, and reads the same again.
 */
#include <hvis/hresult.h>
#include "host/link-device.h"
#include "host/service/kvp-wire.h"

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size);

static void assert_lists(char **a, char **b)
{
	g_assert_cmpuint(g_strv_length(a), ==, g_strv_length(b));
	for (guint i = 0; a[i]; i++)
		g_assert_cmpstr(a[i], ==, b[i]);
}

static void read_item(guint8 op, WireCursor body)
{
	KvpItem *item = kvp_wire_decode(op, body, NULL);
	g_autoptr(GByteArray) again = g_byte_array_new();
	KvpItem *same;

	if (!item)
		return;
	if (*item->key) {
		KvpWireRequest r = { HVIS_KVP_OP_SET, 0, 0, item->key, &item->value };

		g_assert_true(kvp_wire_encode(&r, again, NULL));
		same = kvp_wire_decode(HVIS_KVP_OP_GET, wire_cursor(again->data, again->len), NULL);
		g_assert_nonnull(same);
		g_assert_cmpstr(same->key, ==, item->key);
		g_assert_cmpstr(same->value.text, ==, item->value.text);
		g_assert_cmpuint(same->value.number, ==, item->value.number);
		kvp_item_free(same);
	}
	kvp_item_free(item);
}

static void read_ip(gboolean binary, WireCursor body)
{
	g_autoptr(GByteArray) again = g_byte_array_new();
	KvpIpInfo ip, same;

	if (!kvp_ip_wire_take(body, binary, &ip, NULL))
		return;
	/* a binary prefix may be any number; only a valid one can be sent */
	if (kvp_ip_wire_put(HVIS_KVP_OP_SET_IP_INFO, &ip, binary, again, NULL)) {
		g_assert_true(kvp_ip_wire_take(
			wire_cursor(again->data, again->len), binary, &same, NULL));
		g_assert_cmpstr(same.adapter_id, ==, ip.adapter_id);
		assert_lists(same.addresses, ip.addresses);
		assert_lists(same.subnets, ip.subnets);
		assert_lists(same.gateways, ip.gateways);
		assert_lists(same.dns, ip.dns);
		kvp_ip_info_clear(&same);
	} else {
		g_assert_true(binary);
	}
	kvp_ip_info_clear(&ip);
}

static void print(WireCursor body)
{
	g_autoptr(GString) line = g_string_new(NULL);

	for (guint i = 0; i < 4; i++)
		kvp_wire_print(body, i & 1, i & 2, line);
	g_assert_true(g_utf8_validate(line->str, (gssize)line->len, NULL));
}

/* The host's request to the daemon, and the same bytes as the daemon's answer to it. */
static void drive(WireCursor body)
{
	IcMessage request = { .body = body };
	g_autoptr(GByteArray) message = link_kvp.to_daemon(&request);
	g_autoptr(GByteArray) back = g_byte_array_new();

	g_assert_cmpuint(message->len, ==, link_kvp.message_size);
	g_byte_array_append(back, body.pos, (guint)body.left);
	memcpy(message->data, body.pos, MIN(body.left, message->len));
	memset(message->data, 0, 4); /* status: ok */
	link_kvp.to_host(&request, message->data, back);
	g_assert_cmpuint(back->len, ==, body.left);
}

int LLVMFuzzerTestOneInput(const guint8 *data, gsize size)
{
	WireCursor body = wire_cursor(data, size);
	guint8 reader;

	if (!wire_take(&body, &reader, 1))
		return 0;
	switch (reader % 6) {
	case 0:
		read_item(HVIS_KVP_OP_ENUMERATE, body);
		break;
	case 1:
		read_item(HVIS_KVP_OP_GET, body);
		break;
	case 2:
		read_ip(FALSE, body);
		break;
	case 3:
		read_ip(TRUE, body);
		break;
	case 4:
		print(body);
		break;
	case 5:
		drive(body);
		break;
	}
	return 0;
}
