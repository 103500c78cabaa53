/* SPDX-License-Identifier: GPL-2.0-only */
/* Info and Nics of io.hvis.Kvp: every member, reasons, and pages that go on where the last ended. */
#include "config.h"

#include "kvpd/info.h"

#include <arpa/inet.h>
#include <linux/if_addr.h>
#include <string.h>

static NetInterface *add(NetState *state, int index, const char *name)
{
	NetInterface *interface = net_state_interface(state, index);

	interface->name = g_strdup(name);
	interface->up = TRUE;
	return interface;
}

static void give(GArray *array, const char *text, guint8 prefix)
{
	NetAddress address = { .family = strchr(text, ':') ? AF_INET6 : AF_INET, .prefix = prefix };

	g_assert_cmpint(inet_pton(address.family, text, address.bytes), ==, 1);
	g_array_append_val(array, address);
}

static void assert_json(struct json_object *object, const char *wanted)
{
	g_assert_cmpstr(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN), ==, wanted);
	json_object_put(object);
}

static void test_info(void)
{
	g_autoptr(KvpRecords) host = kvp_records_new();
	g_autoptr(KvpRecords) guest = kvp_records_new();

	kvp_records_add(host, "HostName", -1, "old", -1);
	kvp_records_add(host, "VirtualMachineName", -1, "vm \"1\"", -1);
	kvp_records_add(host, "HostName", -1, "new", -1);
	kvp_records_add(guest, "OSName", -1, "Linux", -1);
	assert_json(kvp_info_json(host, guest),
		"{\"host\":{\"HostName\":\"new\",\"VirtualMachineName\":\"vm \\\"1\\\"\"},"
		"\"guest\":{\"OSName\":\"Linux\"}}");
	assert_json(kvp_info_json(NULL, NULL), "{\"host\":{},\"guest\":{}}");
}

static void test_nic(void)
{
	g_autoptr(NetState) state = net_state_new();
	NetInterface *interface = add(state, 2, "eth0"), *veth = add(state, 3, "veth1");
	gint64 next = 0;

	memcpy(interface->mac, "\x00\x15\x5d\x00\x00\x0a", 6);
	interface->has_mac = TRUE;
	give(interface->addresses, "192.0.2.1", 24);
	((NetAddress *)(void *)interface->addresses->data)->dynamic = TRUE;
	((NetAddress *)(void *)interface->addresses->data)->proto = IFAPROT_KERNEL_RA;
	give(interface->gateways, "192.0.2.254", 0);
	veth->master = 2;
	give(veth->addresses, "fe80::1", 64);
	net_state_interface(state, 9); /* gone before its name was known */
	net_state_complete(state);
	assert_json(kvp_info_nics(state, 0, 10000, &next),
		"[{\"reported\":true,\"why\":null,\"name\":\"eth0\",\"index\":2,\"master\":null,"
		"\"mac\":\"00:15:5D:00:00:0A\",\"adapter\":true,\"addresses\":[{\"address\":"
		"\"192.0.2.1\",\"prefix\":24,\"origin\":\"a router's "
		"announcement\",\"reported\":true,\"why\":null}],\"omitted\":0,"
		"\"gateways\":[\"192.0.2.254\"],\"dns\":[],\"dhcp\":true,\"dhcp_by\":"
		"\"an address with a lifetime\"},{\"reported\":false,\"why\":\"excluded by veth* "
		"(built in)\",\"name\":\"veth1\",\"index\":3,\"master\":\"eth0\",\"mac\":null,"
		"\"adapter\":false,\"addresses\":[{\"address\":\"fe80::1\",\"prefix\":64,"
		"\"origin\":null,\"reported\":false,\"why\":\"excluded by veth* (built "
		"in)\"}],\"omitted\":0,"
		"\"gateways\":[],\"dns\":[],\"dhcp\":false,\"dhcp_by\":null}]");
	g_assert_cmpint(next, ==, -1);
}

/* Pages of every size have each interface once, in order, and come to an end. */
static void test_pages(void)
{
	for (gsize room = 0; room < 4000; room += 97) {
		g_autoptr(NetState) state = net_state_new();
		gint64 from = 0;
		int seen = 0, pages = 0;

		for (int i = 1; i <= 20; i++) {
			g_autofree char *name = g_strdup_printf("eth%d", i);

			add(state, i, name);
		}
		while (from >= 0) {
			struct json_object *page = kvp_info_nics(state, from, room, &from);

			for (gsize i = 0; i < json_object_array_length(page); i++) {
				struct json_object *index;

				g_assert_true(json_object_object_get_ex(
					json_object_array_get_idx(page, i), "index", &index));
				g_assert_cmpint(json_object_get_int(index), ==, ++seen);
			}
			json_object_put(page);
			g_assert_cmpint(++pages, <=, 20);
		}
		g_assert_cmpint(seen, ==, 20);
	}
}

static void test_many_addresses(void)
{
	g_autoptr(NetState) state = net_state_new();
	NetInterface *interface = add(state, 1, "eth0");
	struct json_object *page, *omitted, *list;
	gint64 next;

	for (int i = 0; i < 5000; i++)
		give(interface->addresses, "2001:db8:1111:2222:3333:4444:5555:6666", 64);
	page = kvp_info_nics(state, G_MAXINT64, 1, &next);
	g_assert_cmpuint(json_object_array_length(page), ==, 0);
	json_object_put(page);
	page = kvp_info_nics(state, -5, 1, &next);
	g_assert_true(
		json_object_object_get_ex(json_object_array_get_idx(page, 0), "omitted", &omitted));
	g_assert_cmpint(json_object_get_int(omitted), ==, 5000 - KVP_INFO_ADDRESSES_MAX);
	g_assert_true(
		json_object_object_get_ex(json_object_array_get_idx(page, 0), "addresses", &list));
	g_assert_cmpuint(json_object_array_length(list), ==, KVP_INFO_ADDRESSES_MAX);
	g_assert_cmpuint(strlen(json_object_to_json_string(page)), <, 1024 * 1024);
	json_object_put(page);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvpd/info/info", test_info);
	g_test_add_func("/kvpd/info/nic", test_nic);
	g_test_add_func("/kvpd/info/pages", test_pages);
	g_test_add_func("/kvpd/info/many-addresses", test_many_addresses);
	return g_test_run();
}
