/* SPDX-License-Identifier: GPL-2.0-only */
/* Name servers, leases and drivers from the files of a root made by hand, and such files cut short. */
#include "config.h"

#include "kvpd/netfiles.h"

#include <arpa/inet.h>
#include <unistd.h>

#include "tests/unit/kvpd-scratch.h"

static void put(const char *root, const char *path, const char *text)
{
	g_autofree char *full = g_build_filename(root, path, NULL);
	g_autofree char *dir = g_path_get_dirname(full);

	g_assert_cmpint(g_mkdir_with_parents(dir, 0700), ==, 0);
	g_assert_true(g_file_set_contents(full, text, -1, NULL));
}

static NetInterface *add(NetState *state, int index, const char *name, const char *address)
{
	NetInterface *interface = net_state_interface(state, index);
	NetAddress a = { .family = AF_INET, .prefix = 24 };

	interface->name = g_strdup(name);
	interface->up = TRUE;
	g_assert_cmpint(inet_pton(AF_INET, address, a.bytes), ==, 1);
	g_array_append_val(interface->addresses, a);
	return interface;
}

static void assert_dns(const NetState *state, const NetInterface *interface, const char *wanted)
{
	g_autofree char *joined = g_strjoinv(" ", net_state_dns(state, interface));

	g_assert_cmpstr(joined, ==, wanted);
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

static void test_servers(void)
{
	g_auto(GStrv) servers = net_parse_servers(
		"192.0.2.1 192.0.2.2:53 192.0.2.3#dns.example 192.0.2.4:853%eth0#x  "
		"2001:db8::1 [2001:db8::2]:53 fe80::3%2 [::4 nonsense : [ # % 1.2.3");
	g_autofree char *joined = g_strjoinv(" ", servers);

	g_assert_cmpstr(joined, ==,
		"192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 2001:db8::1 2001:db8::2 fe80::3 ::4");
}

/* The stub says nothing; networkd knows of one link, resolved of another, the rest is for all. */
static void test_stub(void)
{
	g_autoptr(Scratch) root = scratch_new();
	g_autoptr(NetState) state = net_state_new();
	NetInterface *first = add(state, 2, "eth0", "192.0.2.2");
	NetInterface *second = add(state, 3, "eth1", "192.0.2.3");
	NetInterface *third = add(state, 4, "eth2", "192.0.2.4");

	put(root, "etc/resolv.conf", "nameserver 127.0.0.53\noptions edns0 trust-ad\n");
	put(root, "run/systemd/resolve/resolv.conf",
		"nameserver 192.0.2.53\nnameserver 192.0.2.54\n");
	put(root, "run/systemd/netif/links/2",
		"# This is private data. Do not parse.\nADMIN_STATE=configured\nDNS=192.0.2.53 "
		"2001:db8::53\n");
	put(root, "run/systemd/netif/links/3", "DNS=\n");
	put(root, "run/systemd/resolve/netif/3", "LLMNR=yes\nSERVERS=192.0.2.54#x\n");
	net_files_read(root, state);
	assert_dns(state, first, "192.0.2.53 2001:db8::53");
	assert_dns(state, second, "192.0.2.54");
	assert_dns(state, third, "192.0.2.53 192.0.2.54");
}

/* Where resolv.conf names servers itself, it is what counts. */
static void test_no_stub(void)
{
	g_autoptr(Scratch) root = scratch_new();
	g_autoptr(NetState) state = net_state_new();
	NetInterface *first = add(state, 2, "eth0", "192.0.2.2");

	put(root, "etc/resolv.conf", "nameserver 9.9.9.9\n");
	put(root, "run/systemd/resolve/resolv.conf", "nameserver 192.0.2.53\n");
	put(root, "run/systemd/netif/links/2", "DNS=192.0.2.53\n");
	net_files_read(root, state);
	assert_dns(state, first, "9.9.9.9");
}

static void test_local_server(void)
{
	g_autoptr(Scratch) root = scratch_new();
	g_autoptr(NetState) state = net_state_new();
	NetInterface *first = add(state, 2, "eth0", "192.0.2.2");

	put(root, "etc/resolv.conf", "nameserver 127.0.0.1\nnameserver ::1\n");
	net_files_read(root, state);
	assert_dns(state, first, "127.0.0.1 ::1"); /* nothing else is known */
	put(root, "run/NetworkManager/no-stub-resolv.conf", "nameserver 192.0.2.53\n");
	net_files_read(root, state);
	assert_dns(state, first, "192.0.2.53");
}

static const char leases[] = "default-duid \"\\000\\001\";\n"
			     "lease {\n  interface \"eth1\";\n  fixed-address 192.0.2.2;\n}\n"
			     "lease {\n  interface \"eth1\";\n  fixed-address 192.0.2.9;\n"
			     "  option routers 192.0.2.1;\n  expire 4 2026/11/26 10:00:00;\n}\n"
			     "lease {\n  interface \"eth10\";\n  fixed-address 192.0.2.7;\n}\n";

static void test_dhclient(void)
{
	g_autofree char *first = net_parse_dhclient(leases, "eth1");
	g_autofree char *second = net_parse_dhclient(leases, "eth10");

	g_assert_cmpstr(first, ==, "192.0.2.9"); /* the last */
	g_assert_cmpstr(second, ==, "192.0.2.7");
	g_assert_null(net_parse_dhclient(leases, "eth"));
	g_assert_null(net_parse_dhclient("lease {\n fixed-address 192.0.2.2;\n}\n", "eth1"));
	g_assert_null(net_parse_dhclient("}\n}\nlease\nfixed-address\ninterface\n}", "eth1"));
}

/* At no length is anything but whole leases of the interface found. */
static void test_dhclient_cut(void)
{
	for (gsize len = 0; len <= strlen(leases); len++) {
		g_autofree char *text = g_strndup(leases, len);
		g_autofree char *found = net_parse_dhclient(text, "eth1");

		if (found)
			g_assert_true(
				g_str_equal(found, "192.0.2.2") || g_str_equal(found, "192.0.2.9"));
	}
}

static const struct {
	const char *path, *text, *tells;
} lease_files[] = {
	{ "run/systemd/netif/leases/2", "# private\nADDRESS=192.0.2.2\nNETMASK=255.255.255.0\n",
		"a lease of systemd-networkd" },
	{ "run/NetworkManager/devices/2",
		"[device]\nmanaged=true\nnm-owned=false\n\n[dhcp4]\n"
		"dhcp4.dhcp_lease_time=3600\ndhcp4.ip_address=192.0.2.2\ndhcp4.routers=192.0.2.1\n",
		"a lease of NetworkManager" },
	{ "var/lib/dhcp/dhclient.eth1.leases",
		"lease {\n  interface \"eth1\";\n  fixed-address 192.0.2.2;\n}\n",
		"a lease of dhclient" },
	{ "var/lib/dhclient/dhclient-0f-eth1.lease",
		"lease {\n  interface \"eth1\";\n  fixed-address 192.0.2.2;\n}\n",
		"a lease of dhclient" },
};

/* Each kind of file; it counts for its interface alone, and only with its address. */
static void test_leases(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(lease_files); i++) {
		g_autoptr(Scratch) root = scratch_new();
		g_autoptr(NetState) state = net_state_new();
		g_autoptr(NetState) changed = net_state_new();
		NetInterface *interface = add(state, 2, "eth1", "192.0.2.2");
		NetInterface *other = add(state, 22, "eth10", "192.0.2.2");
		NetInterface *by_hand = add(changed, 2, "eth1", "192.0.2.3");

		put(root, lease_files[i].path, lease_files[i].text);
		net_files_read(root, state);
		g_assert_cmpstr(interface->dhcp, ==, lease_files[i].tells);
		g_assert_null(other->dhcp);
		net_files_read(root, changed);
		g_assert_null(by_hand->dhcp);
	}
}

/* Others' files may hold anything: nothing is found in them, at any length. */
static void test_hostile(void)
{
	for (guint i = 0; i < G_N_ELEMENTS(lease_files); i++) {
		g_autoptr(Scratch) root = scratch_new();
		gsize whole = strlen(lease_files[i].text);

		for (gsize len = 0; len <= whole; len++) {
			g_autofree char *text = g_strndup(lease_files[i].text, len);
			g_autoptr(NetState) state = net_state_new();
			NetInterface *interface = add(state, 2, "eth1", "192.0.2.2");

			put(root, lease_files[i].path, text);
			net_files_read(root, state);
			if (len + 3 < whole && len < 60)
				g_assert_true(!interface->dhcp || strstr(text, "192.0.2.2"));
		}
		put(root, lease_files[i].path, "\xff\xfe[[[\n===\nADDRESS=\n[dhcp4]\n\x01=\n");
		{
			g_autoptr(NetState) state = net_state_new();
			NetInterface *interface = add(state, 2, "eth1", "192.0.2.2");

			net_files_read(root, state);
			g_assert_null(interface->dhcp);
		}
	}
}

static void link_to(const char *root, const char *path, const char *target)
{
	g_autofree char *full = g_build_filename(root, path, NULL);
	g_autofree char *dir = g_path_get_dirname(full);

	g_assert_cmpint(g_mkdir_with_parents(dir, 0700), ==, 0);
	g_assert_cmpint(symlink(target, full), ==, 0);
}

static void test_driver(void)
{
	g_autoptr(Scratch) root = scratch_new();
	g_autoptr(NetState) state = net_state_new();
	NetInterface *synthetic = add(state, 2, "eth0", "192.0.2.2");
	NetInterface *function = add(state, 3, "enP1", "192.0.2.2");
	NetInterface *virtual = add(state, 4, "eth", "192.0.2.2");

	link_to(root, "sys/class/net/eth0/device/driver",
		"../../../../bus/vmbus/drivers/hv_netvsc");
	link_to(root, "sys/class/net/enP1/device/driver", "../../../../bus/pci/drivers/mlx5_core");
	put(root, "sys/class/net/eth/ifindex", "4\n");
	net_files_driver(root, synthetic);
	net_files_driver(root, function);
	net_files_driver(root, virtual);
	g_assert_true(synthetic->is_synthetic && synthetic->is_hardware);
	g_assert_true(!function->is_synthetic && function->is_hardware);
	g_assert_true(!virtual->is_synthetic && !virtual->is_hardware);
}

int main(int argc, char **argv)
{
	g_test_init(&argc, &argv, NULL);
	g_test_add_func("/kvpd/netfiles/resolv-conf", test_resolv_conf);
	g_test_add_func("/kvpd/netfiles/servers", test_servers);
	g_test_add_func("/kvpd/netfiles/stub", test_stub);
	g_test_add_func("/kvpd/netfiles/no-stub", test_no_stub);
	g_test_add_func("/kvpd/netfiles/local-server", test_local_server);
	g_test_add_func("/kvpd/netfiles/dhclient", test_dhclient);
	g_test_add_func("/kvpd/netfiles/dhclient-cut", test_dhclient_cut);
	g_test_add_func("/kvpd/netfiles/leases", test_leases);
	g_test_add_func("/kvpd/netfiles/hostile", test_hostile);
	g_test_add_func("/kvpd/netfiles/driver", test_driver);
	return g_test_run();
}
