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
	if (!interface->name)
		interface->name = g_strdup_printf("eth%d", index);
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
	synthetic->is_synthetic = TRUE;
	net_state_complete(state);
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
		{ "192.0.2.1", FALSE, FALSE, FALSE },
		{ "192.0.2.1", TRUE, FALSE, TRUE },
		{ "192.0.2.1", FALSE, TRUE, TRUE },
		{ "2001:db8::1", TRUE, FALSE, FALSE }, /* announced by a router */
		{ "fe80::1", FALSE, FALSE, FALSE },
	};

	for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
		g_autoptr(NetState) state = net_state_new();
		NetInterface *interface = add(state, 1, NULL);
		KvpIp ip = { 0 };

		put(interface->addresses, cases[i].address, 24, cases[i].dynamic);
		interface->dhcp = cases[i].route ? "a default route of DHCP" : NULL;
		net_state_fill(state, interface, &ip);
		g_assert_true(ip.dhcp == cases[i].dhcp);
	}
}

/* DHCPv6 hands out single addresses, routers never do. */
static void test_dhcpv6(void)
{
	g_autoptr(NetState) state = net_state_new();
	NetInterface *interface = add(state, 1, NULL);

	put(interface->addresses, "2001:db8::1", 64, TRUE);
	g_assert_null(net_interface_dhcp(interface));
	put(interface->addresses, "2001:db8::2", 128, FALSE);
	g_assert_null(net_interface_dhcp(interface));
	put(interface->addresses, "2001:db8::3", 128, TRUE);
	g_assert_cmpstr(net_interface_dhcp(interface), ==, "an address with a lifetime");
}

static void test_has_ipv4(void)
{
	g_autoptr(NetState) state = net_state_new();
	NetInterface *interface = add(state, 1, NULL);

	give(interface, "192.0.2.1", 24);
	give(interface, "2001:db8::1", 64);
	g_assert_true(net_interface_has_ipv4(interface, "192.0.2.1"));
	for (const char *const *bad =
			(const char *const[]){ "192.0.2.2", "", "192.0.2.1 ", "2001:db8::1", NULL };
		*bad; bad++)
		g_assert_false(net_interface_has_ipv4(interface, *bad));
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

/* A VF beside its synthetic master, in the three shapes that there are. */
static void test_sriov(void)
{
	static const struct {
		gboolean joined, hardware, bonded;
	} shapes[] = { { TRUE, TRUE, FALSE }, { TRUE, FALSE, FALSE }, { FALSE, TRUE, FALSE },
		{ FALSE, TRUE, TRUE } };

	for (guint i = 0; i < G_N_ELEMENTS(shapes); i++) {
		g_autoptr(NetState) state = net_state_new();
		g_autofree char *list = NULL, *why = NULL;
		NetInterface *function = add(state, 7, "00:15:5d:00:00:01");
		NetInterface *synthetic = add(state, 2, "00:15:5d:00:00:01");
		NetInterface *bond = add(state, 9, "00:15:5d:00:00:01");

		function->is_hardware = shapes[i].hardware;
		function->master = shapes[i].joined ? 2 : shapes[i].bonded ? 9 : 0;
		synthetic->is_hardware = synthetic->is_synthetic = TRUE;
		give(function, "198.51.100.1", 24); /* by a DHCP client that does not know better */
		if (shapes[i].bonded) {
			synthetic->master = 9;
			give(bond, "192.0.2.9", 24);
		}
		net_state_complete(state);
		g_assert_cmpint(function->function_of, ==, 2);
		g_assert_cmpint(synthetic->function_of, ==, 0);
		g_assert_cmpint(bond->function_of, ==, 0);
		list = net_state_list(state, AF_INET);
		g_assert_cmpstr(list, ==, shapes[i].bonded ? "192.0.2.9" : "");
		g_assert_true(net_state_find(state, "00155d000001") ==
			      (shapes[i].bonded ? bond : synthetic));
		g_assert_false(net_policy_interface(NULL, function, "eth2", &why));
		g_assert_cmpstr(why, ==, "SR-IOV function of eth2");
	}
}

/* What shares the address but is no function: a VLAN, and hardware that only looks alike. */
static void test_sriov_not(void)
{
	g_autoptr(NetState) state = net_state_new();
	NetInterface *synthetic = add(state, 1, "00:15:5d:00:00:01");
	NetInterface *vlan = add(state, 2, "00:15:5d:00:00:01");
	NetInterface *other = add(state, 3, "00:15:5d:00:00:02");
	NetInterface *port = add(state, 4, "00:15:5d:00:00:03");
	NetInterface *bridge = add(state, 5, "00:15:5d:00:00:03");

	synthetic->is_synthetic = synthetic->is_hardware = TRUE;
	other->is_hardware = TRUE;
	other->master = 1; /* a part of it, but with an address of its own */
	port->is_hardware = TRUE;
	port->master = 5;
	net_state_complete(state);
	for (guint i = 0; i < state->interfaces->len; i++)
		g_assert_cmpint(
			((NetInterface *)g_ptr_array_index(state->interfaces, i))->function_of, ==,
			0);
	give(vlan, "192.0.2.1", 24);
	g_assert_true(net_state_find(state, "00155d000003") == bridge);
}

static void test_order(void)
{
	g_autoptr(NetState) state = net_state_new();
	const int added[] = { 7, 3, 10, 1 }, sorted[] = { 1, 3, 7, 10 };

	for (guint i = 0; i < G_N_ELEMENTS(added); i++)
		add(state, added[i], NULL);
	net_state_complete(state);
	for (guint i = 0; i < G_N_ELEMENTS(sorted); i++) {
		const NetInterface *interface = g_ptr_array_index(state->interfaces, i);

		g_assert_cmpint(interface->index, ==, sorted[i]);
		g_assert_true(net_state_get(state, sorted[i]) == interface);
	}
	g_assert_null(net_state_get(state, 2));
}

/* The host knows an adapter that is down, but none of its addresses. */
static void test_down(void)
{
	g_autoptr(NetState) state = net_state_new();
	NetInterface *interface = add(state, 1, "00:15:5d:00:00:01");
	KvpIp ip = { 0 };

	give(interface, "192.0.2.1", 24);
	interface->up = FALSE;
	g_assert_true(net_state_find(state, "00155d000001") == interface);
	net_state_fill(state, interface, &ip);
	g_assert_cmpstr(ip.address, ==, "");
	g_assert_cmpuint(ip.family, ==, HVIS_KVP_FAMILY_NONE);
}

/* Addresses of a link that nobody told of: it is gone already. */
static void test_nameless(void)
{
	g_autoptr(NetState) state = net_state_new();
	g_autofree char *list = NULL;
	NetInterface *interface = net_state_interface(state, 4);

	interface->up = TRUE;
	give(interface, "192.0.2.1", 24);
	net_state_complete(state);
	list = net_state_list(state, AF_INET);
	g_assert_cmpstr(list, ==, "");
}

static void test_own_dns(void)
{
	g_autoptr(NetState) state = net_state_new();
	NetInterface *first = add(state, 1, NULL), *second = add(state, 2, NULL);
	KvpIp ip = { 0 };

	g_strfreev(state->dns);
	state->dns = g_strsplit("192.0.2.53", " ", -1);
	second->dns = g_strsplit("198.51.100.53 2001:db8::53", " ", -1);
	net_state_fill(state, first, &ip);
	g_assert_cmpstr(ip.dns, ==, "192.0.2.53");
	net_state_fill(state, second, &ip);
	g_assert_cmpstr(ip.dns, ==, "198.51.100.53;2001:db8::53");
}

/* Routes of other tables count where the main table has none for the interface. */
static void test_other_gateways(void)
{
	g_autoptr(NetState) state = net_state_new();
	NetInterface *interface = add(state, 1, NULL);
	KvpIp ip = { 0 };

	put(interface->other_gateways, "192.0.2.254", 0, FALSE);
	net_state_fill(state, interface, &ip);
	g_assert_cmpstr(ip.gateway, ==, "192.0.2.254");
	put(interface->gateways, "192.0.2.1", 0, FALSE);
	net_state_fill(state, interface, &ip);
	g_assert_cmpstr(ip.gateway, ==, "192.0.2.1");
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
	g_test_add_func("/kvpd/netstate/dhcpv6", test_dhcpv6);
	g_test_add_func("/kvpd/netstate/has-ipv4", test_has_ipv4);
	g_test_add_func("/kvpd/netstate/sriov", test_sriov);
	g_test_add_func("/kvpd/netstate/sriov-not", test_sriov_not);
	g_test_add_func("/kvpd/netstate/order", test_order);
	g_test_add_func("/kvpd/netstate/down", test_down);
	g_test_add_func("/kvpd/netstate/nameless", test_nameless);
	g_test_add_func("/kvpd/netstate/own-dns", test_own_dns);
	g_test_add_func("/kvpd/netstate/other-gateways", test_other_gateways);
	return g_test_run();
}
