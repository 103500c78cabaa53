/* SPDX-License-Identifier: GPL-2.0-only */
/* What the host is told of networks made by hand: lists, adapters, limits. */
#include "config.h"

#include "kvpd/netstate.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static NetInterface *add(NetState *state, int index, const char *mac)
{
	NetInterface *interface = net_state_interface(state, index);
	unsigned int b[6];

	interface->up = TRUE;
	if (mac && sscanf(mac, "%x:%x:%x:%x:%x:%x", b, b + 1, b + 2, b + 3, b + 4, b + 5) == 6) {
		for (int i = 0; i < 6; i++)
			interface->mac[i] = (guint8)b[i];
		interface->has_mac = TRUE;
	}
	return interface;
}

static void put(GArray *array, const char *text, guint8 prefix, gboolean dynamic)
{
	NetAddress address = { .prefix = prefix, .dynamic = dynamic, .family = AF_INET };

	if (strchr(text, ':'))
		address.family = AF_INET6;
	g_assert_cmpint(inet_pton(address.family, text, address.bytes), ==, 1);
	g_array_append_val(array, address);
}

static void give(NetInterface *interface, const char *text, guint8 prefix)
{
	put(interface->addresses, text, prefix, FALSE);
}

static void test_list(void)
{
	g_autoptr(NetState) state = net_state_new();
	g_autofree char *none = net_state_list(state, AF_INET);
	g_autofree char *four = NULL, *six = NULL;
	NetInterface *lo = add(state, 1, NULL), *down;

	g_assert_cmpstr(none, ==, "");
	lo->loopback = TRUE;
	give(lo, "127.0.0.1", 8);
	give(lo, "::1", 128);
	give(add(state, 2, NULL), "192.0.2.1", 24);
	give(add(state, 2, NULL), "fe80::1", 64);
	down = add(state, 3, NULL);
	down->up = FALSE;
	give(down, "198.51.100.1", 24);
	give(add(state, 4, NULL), "192.0.2.7", 32);
	give(add(state, 4, NULL), "192.0.2.1", 24);
	give(add(state, 4, NULL), "2001:db8::f", 64);
	four = net_state_list(state, AF_INET);
	six = net_state_list(state, AF_INET6);
	g_assert_cmpstr(four, ==, "192.0.2.1;192.0.2.7");
	g_assert_cmpstr(six, ==, "fe80::1;2001:db8::f");
}

/* As many whole addresses as a value holds, and no half one. */
static void test_list_limit(void)
{
	g_autoptr(NetState) state = net_state_new();
	g_autofree char *list = NULL;
	g_auto(GStrv) items = NULL;
	NetInterface *interface = add(state, 1, NULL);

	for (int i = 0; i < 100; i++) {
		g_autofree char *text =
			g_strdup_printf("2001:db8:1111:2222:3333:4444:5555:%04x", 0x6000 + i);

		give(interface, text, 64);
	}
	list = net_state_list(state, AF_INET6);
	items = g_strsplit(list, ";", -1);
	g_assert_cmpuint(strlen(list), <=, 1022);
	g_assert_cmpuint(g_strv_length(items), ==, 1022 / 39);
	g_assert_cmpuint(strlen(items[g_strv_length(items) - 1]), ==, 38);
}

static void test_find(void)
{
	g_autoptr(NetState) state = net_state_new();
	NetInterface *first = add(state, 1, "00:15:5d:01:02:0a");

	add(state, 2, "00:15:5d:01:02:0b");
	add(state, 3, NULL);
	g_assert_true(net_state_find(state, "00:15:5D:01:02:0A") == first);
	g_assert_true(net_state_find(state, "00-15-5d-01-02-0a") == first);
	g_assert_true(net_state_find(state, "00155D01020A") == first);
	for (const char *const *bad = (const char *const[]){ "", "00:15:5d:01:02:0c",
		     "00:15:5d:01:02:0", "00:15:5d:01:02:0a0",
		     "00:15:5d:01:02:0a:", "00:15:5d:01:02:0g", "0:15:5d:01:02:0a",
		     "00::15:5d:01:02:0a", "{00155D01-020A-0000-0000-000000000000}", "eth0", NULL };
		*bad; bad++)
		g_assert_null(net_state_find(state, *bad));
}

/* b62f79d7 of the kernel: an SR-IOV function has the address of its synthetic master. */
static void test_find_shared_mac(void)
{
	g_autoptr(NetState) state = net_state_new();
	NetInterface *function = add(state, 1, "00:15:5d:00:00:01");
	NetInterface *synthetic = add(state, 2, "00:15:5d:00:00:01");
	NetInterface *vlan;

	function->master = 2;
	give(function, "fe80::1", 64);
	g_assert_true(net_state_find(state, "00155d000001") == synthetic);
	vlan = add(state, 3, "00:15:5d:00:00:01");
	give(vlan, "192.0.2.1", 24);
	g_assert_true(net_state_find(state, "00155d000001") == vlan);
	give(synthetic, "192.0.2.2", 24);
	g_assert_true(net_state_find(state, "00155d000001") == synthetic);
}

static void test_fill(void)
{
	g_autoptr(NetState) state = net_state_new();
	NetInterface *interface = add(state, 1, "00:15:5d:00:00:01");
	KvpIp ip = { .adapter = "00155D000001" };

	give(interface, "192.0.2.1", 25);
	give(interface, "2001:db8::1", 64);
	give(interface, "10.0.0.1", 0);
	give(interface, "10.0.0.2", 32);
	put(interface->gateways, "192.0.2.126", 0, FALSE);
	put(interface->gateways, "fe80::1", 0, FALSE);
	put(interface->gateways, "192.0.2.126", 0, FALSE);
	g_strfreev(state->dns);
	state->dns = g_strsplit("192.0.2.53 2001:db8::53", " ", -1);
	memset(ip.address, 'x', sizeof(ip.address));
	net_state_fill(state, interface, &ip);
	g_assert_cmpstr(ip.adapter, ==, "00155D000001");
	g_assert_cmpuint(ip.family, ==, HVIS_KVP_FAMILY_IPV4 | HVIS_KVP_FAMILY_IPV6);
	g_assert_false(ip.dhcp);
	g_assert_cmpstr(ip.address, ==, "192.0.2.1;2001:db8::1;10.0.0.1;10.0.0.2");
	g_assert_cmpint(ip.address[sizeof(ip.address) - 1], ==, 0);
	g_assert_cmpstr(ip.subnet, ==, "255.255.255.128;/64;0.0.0.0;255.255.255.255");
	g_assert_cmpstr(ip.gateway, ==, "192.0.2.126;fe80::1");
	g_assert_cmpstr(ip.dns, ==, "192.0.2.53;2001:db8::53");
}

static void test_fill_nothing(void)
{
	g_autoptr(NetState) state = net_state_new();
	KvpIp ip = { 0 };

	net_state_fill(state, add(state, 1, NULL), &ip);
	g_assert_cmpuint(ip.family, ==, HVIS_KVP_FAMILY_NONE);
	g_assert_cmpstr(ip.address, ==, "");
	g_assert_cmpstr(ip.gateway, ==, "");
}

static void test_dhcp(void)
{
	static const struct {
		const char *address;
		gboolean dynamic, route, dhcp;
	} cases[] = {
		{ "192.0.2.1", FALSE, FALSE, FALSE }, { "192.0.2.1", TRUE, FALSE, TRUE },
		{ "192.0.2.1", FALSE, TRUE, TRUE },
		{ "2001:db8::1", TRUE, FALSE, FALSE }, /* announced by a router */
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(NetState) state = net_state_new();
		NetInterface *interface = add(state, 1, NULL);
		KvpIp ip = { 0 };

		put(interface->addresses, cases[i].address, 24, cases[i].dynamic);
		interface->dhcp_route = cases[i].route;
		net_state_fill(state, interface, &ip);
		g_assert_true(ip.dhcp == cases[i].dhcp);
	}
}

/* Fields that run over end with a whole item, and what the kernel makes of them fits. */
static void test_fill_limit(void)
{
	g_autoptr(NetState) state = net_state_new();
	NetInterface *interface = add(state, 1, NULL);
	KvpIp ip = { 0 };
	struct hvis_kvp_ip wire;
	g_auto(GStrv) addresses = NULL, subnets = NULL;
	g_autoptr(GError) error = NULL;

	for (int i = 0; i < 200; i++) {
		g_autofree char *four = g_strdup_printf("192.168.100.%d", 100 + i % 100);
		g_autofree char *six = g_strdup_printf("2001:db8:1:2:3:4:5:%x", 0x1000 + i);

		give(interface, i % 2 ? four : six, 17);
		put(interface->gateways, six, 0, FALSE);
	}
	net_state_fill(state, interface, &ip);
	addresses = g_strsplit(ip.address, ";", -1);
	subnets = g_strsplit(ip.subnet, ";", -1);
	g_assert_cmpuint(g_strv_length(addresses), ==, g_strv_length(subnets));
	g_assert_cmpuint(g_strv_length(addresses), >, 40);
	g_assert_cmpuint(strlen(ip.gateway), <=, 511);
	g_assert_cmpuint(strlen(ip.gateway), >, 480);
	kvp_ip_wire_encode(&ip, &wire, &error);
	g_assert_no_error(error);
}

static void test_resolv_conf(void)
{
	g_auto(GStrv) servers = net_parse_resolv_conf(
		"# nameserver 9.9.9.9\nsearch example.org\nnameserver 192.0.2.53\n"
		"nameserver\t 2001:db8::53 # second\n nameserver 192.0.2.54\r\n"
		"nameserver\nnameserver host.example\nnameservers 1.1.1.1\noptions edns0");
	g_autofree char *joined = g_strjoinv(" ", servers);
	g_auto(GStrv) none = net_parse_resolv_conf("");

	g_assert_cmpstr(joined, ==, "192.0.2.53 2001:db8::53 192.0.2.54");
	g_assert_cmpuint(g_strv_length(none), ==, 0);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvpd/netstate/list", test_list);
	g_test_add_func("/kvpd/netstate/list-limit", test_list_limit);
	g_test_add_func("/kvpd/netstate/find", test_find);
	g_test_add_func("/kvpd/netstate/find-shared-mac", test_find_shared_mac);
	g_test_add_func("/kvpd/netstate/fill", test_fill);
	g_test_add_func("/kvpd/netstate/fill-nothing", test_fill_nothing);
	g_test_add_func("/kvpd/netstate/dhcp", test_dhcp);
	g_test_add_func("/kvpd/netstate/fill-limit", test_fill_limit);
	g_test_add_func("/kvpd/netstate/resolv-conf", test_resolv_conf);
	return g_test_run();
}
